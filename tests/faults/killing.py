"""`kill -9` of a part of a run at a random moment: the run must end as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from score_nb import events as ev
from score_nb.record import Record, replay
from score_nb.store.journal import JournalReader, read_events
from tests.faults.kernel import SEED, cell_of
from tests.faults.processes import is_there, levels, settles, tree

ROOT = Path(__file__).resolve().parents[2]
NODES = 25
VICTIMS = ("kernel", "reaper", "stem", "zygote", "child")
WAIT_S = 60.0


@dataclass(slots=True)
class Trial:
    """One run with one kill; `wrong` is empty where all went well."""

    number: int
    victim: str
    nodes_then: int = -1
    asked_again: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def trial(number: int, folder: Path) -> Trial:
    """Run once in `folder`, kill a random part at a random moment, resume where it was the kernel, and judge."""
    rng = random.Random(number)
    done = Trial(number, VICTIMS[number % len(VICTIMS)])
    seed = number if rng.random() < 0.5 else None
    begin = time.monotonic()
    kernel = start(folder, seed)
    try:
        wait_for_nodes(rng.randrange(NODES - 2), folder, rng)
        helpers = [pid for pid in tree(kernel.pid) if pid != kernel.pid]
        before = read_events(store(folder))
        done.nodes_then = sum(isinstance(event, ev.NodeAdded) for event in before)
        if not strike(kernel.pid, done.victim, rng):
            done.victim += " (had gone)"
        if done.victim == "kernel":
            kernel.wait()
            if not settles(lambda: not any(map(is_there, helpers))):
                done.wrong.append("something survived the kernel")
            before = read_events(store(folder))
            judge_pause(before, done)
            finish(kernel, done)
            kernel = start(folder, seed)
        finish(kernel, done)
    finally:
        kernel.kill()
        finish(kernel, None)
    judge(folder, before, done, seed)
    done.seconds = time.monotonic() - begin
    return done


def start(folder: Path, seed: int | None) -> subprocess.Popen[str]:
    """Start a kernel and return it when its run has started."""
    arguments = [str(folder), str(NODES), *([] if seed is None else [str(seed)])]
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(exist_ok=True)
    kernel = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.kernel", *arguments],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert kernel.stdout is not None
    first = kernel.stdout.readline()
    assert first == "started\n", first
    return kernel


def wait_for_nodes(count: int, folder: Path, rng: random.Random) -> None:
    """Wait until so many nodes are stored, and a random moment longer: the start, or about one evaluation."""
    reader = JournalReader(store(folder))
    seen = 0
    while seen < count:
        seen += sum(isinstance(event, ev.NodeAdded) for event in reader.poll())
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.06 if count else 0.5))


def strike(kernel: int, victim: str, rng: random.Random) -> bool:
    """Kill one process of that sort; return whether there was one before the run ended."""
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        found = [kernel] if victim == "kernel" else levels(kernel)[victim]
        if found:
            os.kill(rng.choice(found), signal.SIGKILL)
            return True
    return False


def finish(kernel: subprocess.Popen[str], done: Trial | None) -> None:
    """Wait for a kernel's end; what it says last must be that it finished, if it was not killed."""
    assert kernel.stdout is not None
    if kernel.stdout.closed:
        return
    try:
        output, _ = kernel.communicate(timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        if done is not None:
            done.wrong.append("the run did not end")
        return
    if done is not None and kernel.returncode != -signal.SIGKILL and not output.startswith("finished"):
        done.wrong.append(f"the run ended otherwise: {output.strip()}")


def store(folder: Path) -> Path:
    """Return the folder of the only run."""
    (found,) = (folder / "store").iterdir()
    return found


def judge_pause(before: list[ev.Event], done: Trial) -> None:
    """Look at what the killed kernel left."""
    numbers = [event.node.index for event in before if isinstance(event, ev.NodeAdded)]
    if numbers != list(range(len(numbers))):
        done.wrong.append(f"nodes after the kill: {numbers}")


def judge(folder: Path, before: list[ev.Event], done: Trial, seed: int | None) -> None:
    """Compare the run's end with what it must be."""
    try:
        (path,) = (folder / "store").iterdir()
        stored = read_events(path)
    except ValueError:
        done.wrong.append("there is more than one run")
        return
    record = replay(stored)
    wanted = {SEED: ("ok", 0.0)} | {cell_of(ticket): expected(ticket) for ticket in range(1, NODES)}
    found = {node.source: (node.status, node.value) for node in record.nodes}
    if found != wanted or len(record.nodes) != NODES:
        strays = {key: (found.get(key), wanted.get(key)) for key in found | wanted if found.get(key) != wanted.get(key)}
        done.wrong.append(f"{len(record.nodes)} nodes, other than they should be: {strays}")
    if stored[: len(before)] != before:
        done.wrong.append("what was stored before was changed")
    paid = Counter(event.ticket for event in stored if isinstance(event, ev.ProposalReceived))
    if paid != Counter(range(1, NODES)):
        done.wrong.append(f"replies: {paid}")
    calls = [int(line) for line in (folder / "calls").read_text(encoding="utf-8").split()]
    twice = {ticket for ticket, count in Counter(calls).items() if count > 1}
    known = {event.ticket for event in before if isinstance(event, ev.ProposalReceived)}
    # A reply that the kernel had not yet stored when it died cannot be known to the next one.
    done.asked_again = len(twice - known)
    if done.victim != "kernel" and twice:
        done.wrong.append(f"asked twice without need: {twice}")
    if twice & known:
        done.wrong.append(f"paid twice: {twice & known}")
    if seed is not None and tree_of(record) != tree_of(reference(seed, folder)):
        done.wrong.append("another tree than without the kill")
    if left := [path.name for path in (folder / "tmp").iterdir()]:
        done.wrong.append(f"left behind: {left}")


def expected(ticket: int) -> tuple[str, float | None]:
    """Return status and value of a ticket's node."""
    return ("error", None) if ticket % 6 == 4 else ("ok", float(ticket))


def tree_of(record: Record) -> list[tuple[object, ...]]:
    """Return what makes the tree."""
    return [(node.ticket, node.parents, node.operator, node.source) for node in record.nodes]


def reference(seed: int, folder: Path) -> Record:
    """Return the run of that seed that nobody disturbed."""
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir()
    finish(start(undisturbed, seed), None)
    return replay(read_events(store(undisturbed)))
