"""Does the search find more per model call?  Policies side by side, on synthetic landscapes and on real data.

    python benchmarks/search.py [--quick] [--part synthetic|real] [--seeds 24] [--calls 300] [--jobs N]

Synthetic: the planner is the real one, `tests/search/landscape.py` stands for model and evaluator.  Real: planner and
offline proposer are the real ones, on the tasks of `tabular.py`; candidates run in forked processes of this script.

A policy's *calls* are counted to the first candidate that is as good as the best that a baseline had found when all
its calls were used, on the same landscape; a search that never gets there counts with all its calls.  Intervals are
95 % bootstrap intervals of the mean over the seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

# The landscape is a test's, the tests are no part of the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from score_nb.record import Record
from score_nb.search.planner import Planner
from score_nb.search.recombine import HybridYield, hybrid_yield
from tests.search.landscape import KINDS, Landscape
from tests.search.landscape import search as search_landscape

if TYPE_CHECKING:
    from tabular import Tabular

RESAMPLES = 2_000


@dataclass(frozen=True)
class Arm:
    """One way to search: how the planner is set, and whether it is given ideas."""

    name: str
    planner: Mapping[str, Any]
    has_ideas: bool = False

    def planner_for(self, seed: int) -> Planner:
        """Return the planner of one search."""
        return Planner(entropy=str(seed), **self.planner)


def without(*parts: str) -> dict[str, Any]:
    """Return the settings of a learnt search that lacks some parts."""
    return {"without": frozenset(parts)}


BEST_OF_N = Arm("best-of-n", {"policy": "best-of-n", "operators": "plain"})
GREEDY = Arm("greedy", {"policy": "greedy", "operators": "plain"})
PUBLISHED = Arm("puct, as published", {"operators": "plain"})
OURS = Arm("puct + ours", {})
COMPARED = (BEST_OF_N, GREEDY, PUBLISHED, OURS)
SYNTHETIC = (
    BEST_OF_N,
    GREEDY,
    Arm("greedy + operators", {"policy": "greedy", "operators": "fixed"}),
    PUBLISHED,
    Arm("puct + operators", {"operators": "fixed"}),
    OURS,
    Arm("… without recombination", without("recombine")),
    Arm("… without learning", without("learning")),
    Arm("… without focus", without("focus")),
    Arm("… without plateau", without("plateau")),
    Arm("… with c = 0.3", {"c_puct": 0.3}),
    Arm("… with 4 ideas", {}, has_ideas=True),
)
# The offline proposer changes an estimator only as a draft: without operators its baselines would be crippled.
REAL = (
    Arm("best-of-n", {"policy": "best-of-n", "operators": "fixed"}),
    Arm("greedy", {"policy": "greedy", "operators": "fixed"}),
    Arm("puct", {"operators": "fixed"}),
    OURS,
    Arm("… without recombination", without("recombine")),
    Arm("… without plateau", without("plateau")),
    Arm("… with c = 0.3", {"c_puct": 0.3}),
    Arm("… with 3 ideas", {}, has_ideas=True),
)
TARGETS = {"best-of-n": 0.40, "greedy": 0.70}


@dataclass(frozen=True)
class Found:
    """One search: the best score after each call (the seed's first), and what its tree was like."""

    curve: tuple[float, ...]
    nodes: int
    repeats: int
    failures: int
    most_children: int
    hybrids: HybridYield

    def calls_to(self, score: float) -> int:
        """Return how many calls it took to reach a score; all of them where it never did."""
        return next((calls for calls, best in enumerate(self.curve) if best >= score), len(self.curve) - 1)


def found(record: Record, calls: int) -> Found:
    """Return what a record says; a call that gave no node leaves the best as it was."""
    by_call = {node.ticket: node.score for node in record.nodes}
    best, curve = by_call[0], [by_call[0]]
    for ticket in range(1, calls + 1):
        best = max(best, by_call.get(ticket, best))
        curve.append(best)
    children = record.nodes[1:]
    return Found(
        curve=tuple(curve), nodes=len(children), repeats=sum(node.duplicate_of is not None for node in children),
        failures=sum(not node.is_scored for node in children), hybrids=hybrid_yield(record),
        most_children=max(Counter(node.parents[0] for node in children).values(), default=0),
    )  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def interval(values: Sequence[float]) -> Interval:
    """Return the mean with its bootstrap interval; always the same for the same values."""
    rng = Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Interval(statistics.fmean(values), means[RESAMPLES // 40], means[-RESAMPLES // 40 - 1])


Searches = Mapping[str, Sequence[Found]]


def table(title: str, searches: Searches, *, scale: Callable[[Found, int], float], digits: str) -> None:
    """Print a row per arm: value after a quarter, a half and all calls, and the calls to reach the baselines' last."""
    total = len(next(iter(searches.values()))[0].curve) - 1
    marks = (total // 4, total // 2, total)
    print(f"\n### {title}\n")
    print("| policy | " + " | ".join(f"after {mark}" for mark in marks), end=" | ")
    print("calls to best-of-n's last | calls to greedy's last |")
    print("|---" * 6 + "|")
    for name, runs in searches.items():
        means = [statistics.fmean(scale(run, mark) for run in runs) for mark in marks[:2]]
        cells = [format(mean, digits) for mean in means]
        cells.append(format(interval([scale(run, total) for run in runs]), digits))
        cells += [format(shares(runs, searches[base]), ".0%") for base in TARGETS]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def shares(runs: Sequence[Found], baseline: Sequence[Found]) -> Interval:
    """Return which share of the calls it took to reach the last value of the baseline's search of the same seed."""
    reached = [run.calls_to(base.curve[-1]) / (len(base.curve) - 1) for run, base in zip(runs, baseline, strict=True)]
    return interval(reached)


def verdicts(where: str, searches: Searches) -> None:
    """Print for each promise whether it is kept: the interval's upper end counts, and the baseline's own interval."""
    for arm in (OURS.name, *(name for name in searches if "with " in name)):
        for base, target in TARGETS.items():
            ours, own = shares(searches[arm], searches[base]), shares(searches[base], searches[base])
            is_apart = ours.high < own.low
            kept = "kept" if ours.high <= target and is_apart else "not kept"
            overlap = "apart from" if is_apart else "overlapping"
            print(f"- {where}, {arm}: {base}'s last value in {ours:.0%} of its calls, promise {target:.0%}, {overlap} "
                  f"its own {own:.0%}: **{kept}**")  # fmt: skip


# --- synthetic ------------------------------------------------------------------------------------------------------


def synthetic(seeds: range, calls: int, pool: Executor, arms: Sequence[Arm] = SYNTHETIC) -> None:
    """Search the three landscapes."""
    print(f"\n## Synthetic landscapes: {len(seeds)} seeds, {calls} calls, one at a time")
    every: dict[str, list[Found]] = {arm.name: [] for arm in arms}
    for kind in KINDS:
        asked = {
            arm.name: [pool.submit(_landscape, arm, kind, seed, calls) for seed in seeds] for arm in arms
        }  # fmt: skip
        searches = {name: [each.result() for each in theirs] for name, theirs in asked.items()}
        table(f"{kind}: value (higher is better)", searches, scale=lambda run, at: run.curve[at], digits=".3f")
        for name, runs in searches.items():
            every[name].extend(runs)
    table("all three", every, scale=lambda run, at: run.curve[at], digits=".3f")
    print("\n### How like the published trees these are\n")
    _rates(PUBLISHED.name, every[PUBLISHED.name])
    _rates(OURS.name, every[OURS.name])
    print("\n### Promises\n")
    verdicts("all three landscapes", every)


def _landscape(arm: Arm, kind: str, seed: int, calls: int) -> Found:
    landscape = Landscape(kind, seed)
    ideas = landscape.ideas() if arm.has_ideas else ()
    return found(search_landscape(landscape, arm.planner_for(seed), calls=calls, ideas=ideas), calls)


def _rates(name: str, runs: Sequence[Found]) -> None:
    nodes = sum(run.nodes for run in runs)
    repeats, failures = sum(run.repeats for run in runs) / nodes, sum(run.failures for run in runs) / nodes
    waits = statistics.fmean(_longest_wait(run.curve) for run in runs)
    most = statistics.fmean(run.most_children for run in runs)
    hybrids, better = sum(run.hybrids.hybrids for run in runs), sum(run.hybrids.beat_both for run in runs)
    hybrid = f"{better} of {hybrids} hybrids beat both parents ({better / hybrids:.0%})" if hybrids else "no hybrids"
    print(
        f"- {name}: repetitions {repeats:.0%} (published 22 to 35 % in three trees, 3 to 9 % in three), failures "
        f"{failures:.0%}, longest wait for a gain {waits:.0f} calls (published: 341 of 508), most children of one node "
        f"{most:.0f} (published: 75 of 508), {hybrid}"
    )


def _longest_wait(curve: Sequence[float]) -> int:
    gains = [at for at in range(1, len(curve)) if curve[at] > curve[at - 1]]
    return max(b - a for a, b in zip([0, *gains], [*gains, len(curve) - 1], strict=True))


# --- real -----------------------------------------------------------------------------------------------------------


def real(
    seeds: range, calls: int, timeout: float, pool: Executor, *, names: Sequence[str], arms: Sequence[Arm], kept: Path
) -> None:  # fmt: skip
    """Search the tabular tasks, or those that are named, with the offline proposer."""
    from tabular import TASKS

    print(f"\n## Real tasks, offline proposer: {len(seeds)} seeds, {calls} calls, one at a time")
    every: dict[str, list[Found]] = {arm.name: [] for arm in arms}
    wanted = [task for task in TASKS if not names or task.name in names]
    tasks = sorted(wanted, key=lambda task: task.sizes)  # the quickest first
    for task in tasks:
        # All searches of a task share the values that were measured: the same program has the same value.
        asked = [pool.submit(_task, task, seed, calls, timeout, kept=kept, arms=arms) for seed in seeds]
        by_seed = [each.result() for each in asked]
        searches = {arm.name: [runs[at] for runs in by_seed] for at, arm in enumerate(arms)}
        for name, runs in searches.items():
            every[name].extend(runs)
        sign = -1 if task.direction == "minimize" else 1
        better = "lower" if task.direction == "minimize" else "higher"
        table(f"{task.name}: value on validation ({better} is better)", searches,
              scale=lambda run, at, sign=sign: sign * run.curve[at], digits=".4f")  # fmt: skip
    ratio = statistics.fmean(run.repeats / max(1, run.nodes) for run in every[OURS.name])
    print(f"\nRepetitions in {OURS.name}: {ratio:.0%} of the nodes")
    print("\n### Promises\n")
    verdicts(" and ".join(task.name for task in tasks) if names else "all real tasks", every)


def _task(
    task: Tabular, seed: int, calls: int, timeout: float, *, kept: Path, arms: Sequence[Arm]
) -> list[Found]:
    from search_real import search_task

    return [
        found(
            search_task(task, arm.planner_for(seed), calls=calls, timeout=timeout, kept=kept, has_ideas=arm.has_ideas),
            calls,
        )
        for arm in arms
    ]  # fmt: skip


def main() -> None:
    """Measure what is asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("synthetic", "real"), help="only this part")
    parser.add_argument(
        "--quick", action="store_true", help="a short form: 6 seeds and 100 calls; real 1 seed, 20 calls"
    )
    parser.add_argument("--compared", action="store_true", help="only what the promises compare")
    parser.add_argument("--seeds", type=int, default=24, help="searches of each landscape or task and policy")
    parser.add_argument("--first-seed", type=int, default=0, help="1000 and above were used to design the search")
    parser.add_argument("--calls", type=int, default=300, help="model calls of a synthetic search")
    parser.add_argument("--real-calls", type=int, default=60, help="proposals of a real search")
    parser.add_argument("--task", action="append", default=[], help="real: only this task (may be repeated)")
    parser.add_argument("--timeout", type=float, default=20.0, help="processor seconds of one real evaluation")
    parser.add_argument(
        "--keep", type=Path, help="real: folder of the values that were measured; a search that was broken off goes on"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="searches at the same time")
    options = parser.parse_args()
    began = time.monotonic()
    first = options.first_seed
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        if options.part != "real":
            seeds, calls = (6, 100) if options.quick else (options.seeds, options.calls)
            synthetic(range(first, first + seeds), calls, pool, COMPARED if options.compared else SYNTHETIC)
        if options.part != "synthetic":
            seeds, calls = (1, 20) if options.quick else (options.seeds, options.real_calls)
            arms = REAL[: len(COMPARED)] if options.compared else REAL
            with tempfile.TemporaryDirectory() as folder:
                real(range(first, first + seeds), calls, options.timeout, pool, names=options.task, arms=arms,
                     kept=options.keep or Path(folder))  # fmt: skip
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
