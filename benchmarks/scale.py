"""What grows with the number of nodes: choosing, memory, store, reopening, the page; with simulated evaluations.

    python benchmarks/scale.py [--nodes 100 10000 100000] [--source 200] [--prompt 0] [--no-store]

Planner, record, journal and reader are the real ones; only the model and the evaluator are stood in for, by a random
walk: a child is its parent's value plus noise, gains get rarer, one in ten fails.  Each size is measured in a process
of its own.

    step      one choice and the events of its node, without the store: median and 99th percentile of the last 200
    choice    `Planner.ask` alone
    memory    what the process grew by, per node, all texts of the nodes included
    append    one node's four events into the journal on this disk
    store     bytes on disk per node, files included
    reopen    `stored_record`: the journal read and replayed
    copy      `Record.copy`, which every reader of a live run makes
    columns   the JSON that a page and a saved notebook are drawn from
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

LAST = 200
SEED = "def predict(X):\n    return X * 0.5\n"
TARGETS = {"step_ms": 1.0, "memory_b": 1024, "reopen_s": 3.0}


class Walk:
    """Makes the events of one node after another, as a run with one worker would."""

    def __init__(self, source: int, prompt: int) -> None:
        from score_nb import events as ev
        from score_nb.record import Record
        from score_nb.search.planner import Planner
        from score_nb.types import Task

        self.record, self.planner, self.rng = Record(), Planner(), random.Random(1)
        self._filler, self._prompt = "# " + "x" * max(0, source - len(SEED) - 24), prompt
        task = Task(seed=SEED, metric="score", metric_source="def score(predict): ...", outputs=("predict",))
        options = {"nodes": 10**6, "direction": "maximize", "model": "offline"}
        self.first = ev.RunStarted(0.0, "5ca1e", "score", "2026-01-01T00:00:00+00:00", asdict(task), options, {})
        self.record.apply(self.first)

    def step(self, choices: list[float]) -> Iterator[Any]:
        """Yield the events of the next node; what choosing took is added to `choices`."""
        from score_nb import events as ev

        record = self.record
        index = len(record.nodes)
        at = float(index)
        if not record.nodes:
            yield ev.NodeAdded(at, self._node(0, (), 0, "seed", None))
            return
        began = time.perf_counter()
        asked = self.planner.ask(record, record.last_ticket + 1)
        choices.append(time.perf_counter() - began)
        yield ev.ExpansionStarted(at, asked.ticket, asked.parents, asked.operator, asked.pick)
        node = self._node(index, asked.parents, asked.ticket, asked.operator, asked.pick)
        yield ev.ProposalReceived(
            at, asked.ticket, node.source, "simulated", "", node.prompt, node.reply, 100, 50, 0.0, 0.1
        )
        yield ev.EvaluationStarted(at, asked.ticket)
        yield ev.NodeAdded(at, node)

    def _node(self, index: int, parents: tuple[int, ...], ticket: int, operator: Any, pick: Any) -> Any:
        from score_nb.types import Node

        value = 0.5
        if parents:
            above = self.record.nodes[parents[0]].value
            above = 0.4 if above is None else above
            # The better the parent, the rarer a gain: the tree gets about as deep as those that were published.
            value = above + self.rng.gauss(-0.02 - 0.2 * max(0.0, above - 0.5), 0.02)
        is_ok = index == 0 or self.rng.random() > 0.1
        source = SEED if index == 0 else f"{SEED}{self._filler}\nnumber = {index}\n"
        text = f"{index}: " + "p" * self._prompt if self._prompt else ""
        return Node(
            index=index, parents=parents, source=source, status="ok" if is_ok else "error",
            value=value if is_ok else None, score=value if is_ok else float("-inf"), operator=operator,
            model="simulated" if index else "", ticket=ticket, pick=pick, seconds=1.0, cpu_seconds=0.9, peak_mib=50.0,
            tokens=150, started=float(index), finished=index + 1.0, prompt=text, reply=text,
        )  # fmt: skip


def measure(nodes: int, source: int, prompt: int, with_store: bool) -> dict[str, float]:
    """Return the figures for one size."""
    from score_nb.view.data import run_data

    walk, choices, steps = Walk(source, prompt), [], []  # type: ignore[var-annotated]
    before = resident()
    began = time.perf_counter()
    while len(walk.record.nodes) < nodes:
        start = time.perf_counter()
        for event in walk.step(choices):
            walk.record.apply(event)
        steps.append(time.perf_counter() - start)
    found: dict[str, float] = {"nodes": nodes, "loop_s": time.perf_counter() - began}
    found["memory_b"] = (resident() - before) / nodes
    found["step_ms"] = 1e3 * statistics.median(steps[-LAST:])
    found["step_p99_ms"] = 1e3 * sorted(steps[-LAST:])[int(0.99 * len(steps[-LAST:])) - 1]
    found["choice_ms"] = 1e3 * statistics.median(choices[-LAST:])
    found["copy_ms"] = 1e3 * timed(walk.record.copy)
    found["columns_ms"] = 1e3 * timed(lambda: json.dumps(run_data(walk.record)))
    if with_store:
        found.update(measure_store(nodes, source, prompt))
    return found


def measure_store(nodes: int, source: int, prompt: int) -> dict[str, float]:
    """Return what appending, the files and reopening cost; a disk's syncs are its own matter and left out."""
    from score_nb.run.stored import stored_record
    from score_nb.store import journal as module

    walk, times = Walk(source, prompt), []
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "score-0123abcd-1"
        module.sync = lambda file: None
        journal = module.Journal(folder)
        journal.append(walk.first)
        while len(walk.record.nodes) < nodes:
            for event in list(walk.step([])):
                start = time.perf_counter()
                journal.append(event)
                times.append(time.perf_counter() - start)
                walk.record.apply(event)
        journal.close()
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        start = time.perf_counter()
        record = stored_record(folder)
        reopen = time.perf_counter() - start
        if len(record.nodes) != nodes or record.nodes[-1].source != walk.record.nodes[-1].source:
            raise SystemExit("what was read back is not what was written: no figures")
    return {"append_ms": 4e3 * statistics.median(times[-4 * LAST :]), "store_b": size / nodes, "reopen_s": reopen}


def timed(action: Callable[[], object]) -> float:
    """Return the seconds of one call, the least of three."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)


def resident() -> int:
    """Return the bytes that this process has in memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure each size in a process of its own and print a table; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--source", type=int, default=200, help="characters of a program")
    parser.add_argument("--prompt", type=int, default=0, help="characters of a prompt and of a reply")
    parser.add_argument("--no-store", action="store_true", help="leave journal and reopening out")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps(measure(options.nodes[0], options.source, options.prompt, not options.no_store)))
        return
    load = os.getloadavg()[0]
    rows = []
    for nodes in options.nodes:
        command = [sys.executable, __file__, "--json", "--nodes", str(nodes), "--source", str(options.source)]
        command += ["--prompt", str(options.prompt), *(["--no-store"] if options.no_store else [])]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    names = list(rows[-1])
    print(f"load {load:.1f} before; programs of {options.source} characters, prompts and replies of {options.prompt}")
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{row[name]:,.0f}" if row[name] > 99 else f"{row[name]:.3g}" for name in names) + " |")
    missed = [f"{name} {rows[-1][name]:.3g} > {most}" for name, most in TARGETS.items() if rows[-1].get(name, 0) > most]
    if missed:
        raise SystemExit(f"missed at {rows[-1]['nodes']:,.0f} nodes: " + ", ".join(missed))


if __name__ == "__main__":
    main()
