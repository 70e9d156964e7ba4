"""What do faults leave behind?  Bad candidates by the hundred, and `kill -9` of every part of a run at random moments.

    python benchmarks/faults.py [--candidates 1000] [--kills 100]

The storm: one candidate in five is bad in one of ten ways; each must end with the right cause, and nothing of it may be
left.  The kills: kernel, reaper, stem, zygote or child of a run of 25 candidates; resumed where it was the kernel, the
run must end with the same nodes, every reply paid once, and with a fixed seed in the same tree.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.killing import VICTIMS, Trial, trial
from tests.faults.storm import BAD, Outcome, storm


def show_storm(outcome: Outcome) -> int:
    """Print what a storm came to; return how many things went wrong."""
    total = outcome.counts.total()
    wrong = {kind: sum(text.startswith(f"{kind} (") for text in outcome.wrong) for kind in outcome.counts}
    print(f"{total} candidates in {outcome.seconds:.0f} s\n")
    print("| candidate | number | status | wrong |\n|---|---|---|---|")
    for name, status in [("good", "ok"), *((kind.name, kind.status) for kind in BAD)]:
        print(f"| {name} | {outcome.counts[name]} | {status} | {wrong.get(name, 0)} |")
    print("\n| left behind | before | after |\n|---|---|---|")
    for name in ("processes", "descriptors", "shared", "scratch"):
        print(f"| {name} | {getattr(outcome.before, name)} | {getattr(outcome.after, name)} |")
    grown = ", ".join(f"{name} {kib:+,}" for name, kib in outcome.growth.items())
    print(f"\nprivate memory, KiB, from candidate 40 to the last: {grown}\n")
    for text in outcome.wrong:
        print(f"WRONG {text}")
    return len(outcome.wrong) + (outcome.after != outcome.before)


def show_kills(trials: list[Trial]) -> int:
    """Print what the kills came to; return how many went wrong."""
    by_victim: dict[str, list[Trial]] = defaultdict(list)
    for done in trials:
        by_victim[done.victim].append(done)
    print("| killed | trials | wrong | nodes stored by then | replies lost on the way | seconds, median |")
    print("|---|---|---|---|---|---|")
    for victim, those in sorted(by_victim.items()):
        nodes = [done.nodes_then for done in those]
        seconds = statistics.median(done.seconds for done in those)
        print(
            f"| {victim} | {len(those)} | {sum(bool(done.wrong) for done in those)} | {min(nodes)} to {max(nodes)} | "
            f"{sum(done.asked_again for done in those)} | {seconds:.1f} |"
        )
    wrong = [done for done in trials if done.wrong]
    for done in wrong:
        print(f"WRONG {done.number} {done.victim}: {'; '.join(done.wrong)}")
    return len(wrong)


def main() -> None:
    """Run both once and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100, help=f"trials; {', '.join(VICTIMS)} take turns")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial, which seeds it")
    options = parser.parse_args()

    wrong = show_storm(storm(options.candidates)) if options.candidates else 0
    trials = []
    # The file by which runs share the machine's cores stays for good: not among what a trial may leave.
    slots = Path(tempfile.mkdtemp()) / "slots"
    os.environ["SCORE_NB_SLOTS"] = str(slots)
    for number in range(options.first, options.first + options.kills):
        with tempfile.TemporaryDirectory() as folder:
            trials.append(trial(number, Path(folder)))
    shutil.rmtree(slots.parent)
    wrong += show_kills(trials) if trials else 0
    if wrong:
        raise SystemExit(f"{wrong} went wrong")


if __name__ == "__main__":
    main()
