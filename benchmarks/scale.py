"""What grows with the number of nodes: choosing, memory, store, reopening, the page; with simulated evaluations.

    python benchmarks/scale.py [--nodes 100 10000 100000] [--source 200] [--prompt 0] [--workers 1000]

Planner, record, journal, reader and loop are the real ones; only the model and the evaluator are stood in for, by a
random walk: a child is its parent's value plus noise, gains get rarer, one in ten fails.  Each size is measured in a
process of its own.

    step      one choice and the events of its node, without the store: median and 99th percentile of the last 200, and
              the median of the processor time, which is less where others hold the cores
    choice    `Planner.ask` alone
    memory    what the process grew by, per node: record, planner and store as the loop holds them
    append    one node's four events into the journal on this disk, its syncs left out
    store     bytes on disk per node, files included
    mark      writing the checkpoint of all nodes, which happens whenever the run has grown by a quarter
    reopen    `stored_record`: the checkpoint, and the lines after it
    replay    the same without the checkpoint: every line checked and replayed
    resume    what continuing takes before the first choice: the journal opened for writing, the planner told
    loop      the whole loop's time per node from there on: 200 nodes by an instant model and evaluator, one worker
    copy      `Record.copy`, which every reader of a live run makes
    columns   the JSON that a page and a saved notebook are drawn from

Then what a thousand workers would need, measured on this machine: what the disk syncs in a second, how many tasks
Dask's scheduler hands out (client, scheduler and two workers on the same cores), what the loop commits in a second with
the store as it is, and the same with as many expansions in flight as 1,000 workers have.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
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
from hashlib import sha256
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
LAST = 200
MORE = 200
SEED = "def predict(X):\n    return X * 0.5\n"
TARGET_NODES = 100_000
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
        from score_nb.types import SPELLING

        record = self.record
        index = len(record.tree)
        at = float(index)
        if not record.tree:
            yield ev.NodeAdded(at, self._node(0, (), 0, "seed", None), f"{SPELLING}:{'0' * 12}")
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
        yield ev.NodeAdded(at, node, f"{SPELLING}:{sha256(node.source.encode()).hexdigest()[:12]}")

    def _node(self, index: int, parents: tuple[int, ...], ticket: int, operator: Any, pick: Any) -> Any:
        from score_nb.types import Node

        value = 0.5
        if parents:
            above = self.record.tree[parents[0]].value
            above = 0.4 if above is None else above
            # The better the parent, the rarer a gain: the tree gets about as deep as those that were published.
            value = above + self.rng.gauss(-0.02 - 0.2 * max(0.0, above - 0.5), 0.02)
        is_ok = index == 0 or self.rng.random() > 0.1
        source = SEED if index == 0 else f"{SEED}{self._filler}\nnumber = {index}\n"
        text = f"{index}: " + "p" * self._prompt if self._prompt else ""
        return Node(
            index=index, parents=parents, source=source, status="ok" if is_ok else "error",
            value=value if is_ok else None, score=value if is_ok else float("-inf"), operator=operator,
            model="simulated" if index else "", ticket=ticket, pick=pick, seconds=self.rng.random(),
            cpu_seconds=self.rng.random(), peak_mib=50.0 + self.rng.random(), tokens=150 + self.rng.randrange(10**4),
            started=float(index), finished=index + 1.0, prompt=text, reply=text,
        )  # fmt: skip


def measure(nodes: int, source: int, prompt: int) -> dict[str, float]:
    """Return the figures for one size."""
    with tempfile.TemporaryDirectory() as home:
        found: dict[str, float] = {"nodes": nodes, **_grow(Path(home), nodes, source, prompt)}
        gc.collect()
        return {**found, **_open_again(Path(home), nodes)}


def _grow(home: Path, nodes: int, source: int, prompt: int) -> dict[str, float]:
    """Return what a run of that size costs while it goes on; a disk's syncs are its own matter and left out."""
    from score_nb.store import journal as store
    from score_nb.store import texts
    from score_nb.store.runs import new_folder, run_key
    from score_nb.view.data import run_data

    walk, choices, steps, busy, appends = Walk(source, prompt), [], [], [], []  # type: ignore[var-annotated]
    task = walk.record.task
    before = resident()
    store.sync = texts.sync = lambda file: None
    texts.sync_folder = lambda folder: None
    journal = store.Journal(new_folder(home, "score", run_key(task, "maximize")))
    journal.append(walk.first)
    while len(walk.record.tree) < nodes:
        start, cpu, stored, stored_cpu = time.perf_counter(), time.thread_time(), 0.0, 0.0
        for event in walk.step(choices):
            at, cpu_at = time.perf_counter(), time.thread_time()
            event = journal.append(event)  # noqa: PLW2901 (as the loop does)
            stored, stored_cpu = stored + time.perf_counter() - at, stored_cpu + time.thread_time() - cpu_at
            walk.record.apply(event)
        steps.append(time.perf_counter() - start - stored)
        busy.append(time.thread_time() - cpu - stored_cpu)
        appends.append(stored)
        journal.checkpoint(walk.record)
    found = {
        "step_ms": 1e3 * statistics.median(steps[-LAST:]),
        "step_cpu_ms": 1e3 * statistics.median(busy[-LAST:]),
        "step_p99_ms": 1e3 * sorted(steps[-LAST:])[int(0.99 * len(steps[-LAST:])) - 1],
        "choice_ms": 1e3 * statistics.median(choices[-LAST:]),
    }
    del steps, busy, choices
    gc.collect()
    found["memory_b"] = (resident() - before) / nodes
    found["append_ms"] = 1e3 * statistics.median(appends[-LAST:])
    journal.checkpoint_lines = 0
    found["mark_s"] = timed(lambda: journal.checkpoint(walk.record, is_last=True), times=1)
    found["copy_ms"] = 1e3 * timed(walk.record.copy)
    found["columns_ms"] = 1e3 * timed(lambda: json.dumps(run_data(walk.record)), times=1)
    journal.close()
    found["store_b"] = sum(file.stat().st_size for file in home.rglob("*") if file.is_file()) / nodes
    return found


def _open_again(home: Path, nodes: int) -> dict[str, float]:
    """Return what opening the run takes, with and without its checkpoint, and what going on with it."""
    from score_nb.run.stored import stored_record
    from score_nb.search.planner import Planner
    from score_nb.store.checkpoint import CHECKPOINT
    from score_nb.store.journal import Journal

    (folder,) = home.iterdir()
    start = time.perf_counter()
    record = stored_record(folder)
    reopen = time.perf_counter() - start
    start = time.perf_counter()
    journal = Journal(folder)
    Planner().ask(journal.record, journal.record.last_ticket + 1)
    resume = time.perf_counter() - start
    journal.close()
    (folder / CHECKPOINT).rename(folder / "aside")
    start = time.perf_counter()
    replayed = stored_record(folder)
    replay = time.perf_counter() - start
    (folder / "aside").rename(folder / CHECKPOINT)
    if len(record.tree) != nodes or record.nodes != replayed.nodes:
        raise SystemExit("what was read back is not what was written: no figures")
    del record, replayed, journal
    loop = _go_on(home, nodes, MORE, workers=1)
    return {"reopen_s": reopen, "replay_s": replay, "resume_s": resume, "loop_ms": 1e3 / loop}


def _go_on(home: Path, nodes: int, more: int, *, workers: int, source: int = 200, prompt: int = 0) -> float:
    """Return nodes per second of a real loop that goes on with the run in `home` (or begins it)."""
    from score_nb.config import Options
    from score_nb.events import NodeAdded
    from score_nb.run.start import Launch, start_run
    from score_nb.types import Evaluation, Proposal
    from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

    class Proposer(ScriptedProposer):
        def propose(self, request: Any) -> Proposal:
            text = f"{request.ticket}: " + "p" * prompt
            return Proposal(
                f"{SEED}# {'x' * source}\nnumber = {request.ticket}\n", "simulated", prompt=text, reply=text
            )

    rng, times = random.Random(2), []
    launch = Launch(
        name="score", task=Walk(0, 0).record.task, root=home,
        options=Options(nodes=nodes + more, workers=workers, model="offline"),
        evaluator=lambda: ScriptedEvaluator(lambda text: Evaluation("ok", rng.random() / 2, seconds=1.0)),
        proposer=lambda: Proposer(is_instant=workers == 1),
    )  # fmt: skip
    run = start_run(launch, [lambda event: times.append(time.perf_counter()) if isinstance(event, NodeAdded) else None])
    run.wait()
    if len(run.nodes) != nodes + more:
        raise SystemExit(f"the run did not go on as it should: {run.state}, {run.reason}")
    return (len(times) - 1) / (times[-1] - times[0])


def measure_rates(workers: int) -> dict[str, float]:
    """Return what this machine's disk and one loop do in a second: what a cluster's rate is held against."""
    found = {}
    with tempfile.TemporaryDirectory(dir=".") as home:
        found["syncs_per_s"] = syncs_per_second(Path(home))
    found["dask_per_s"] = tasks_per_second()
    for name, of, source, prompt in (
        ("short", 1, 200, 0), ("long", 1, 3_000, 6_000), ("flights", workers, 200, 0),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory(dir=".") as home:
            more = 300 if of == 1 else 2 * of
            found[f"{name}_per_s"] = _go_on(Path(home), 0, more, workers=of, source=source, prompt=prompt)
    return found


def syncs_per_second(folder: Path) -> float:
    """Return how many appended lines of 300 bytes the disk syncs in a second, one after the other."""
    from score_nb.store.texts import sync

    file = os.open(folder / "lines", os.O_RDWR | os.O_CREAT)
    start = time.perf_counter()
    for _ in range(LAST):
        os.write(file, b"x" * 300)
        sync(file)
    taken = time.perf_counter() - start
    os.close(file)
    return LAST / taken


def tasks_per_second(tasks: int = 2_000) -> float:
    """Return how many empty tasks Dask's scheduler hands to two workers in a second."""
    from distributed import Client, LocalCluster, as_completed

    kept_quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=2, threads_per_worker=1, **kept_quiet) as cluster, Client(cluster) as client:
        for future in as_completed(client.map(abs, range(100), pure=False)):
            future.release()
        start = time.perf_counter()
        # One after the other, as a run submits them: each is a task of its own.
        for future in as_completed([client.submit(abs, number, pure=False) for number in range(tasks)]):
            future.release()
        return tasks / (time.perf_counter() - start)


def timed(action: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of one call, the least of some."""
    found = []
    for _ in range(times):
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


def table(rows: list[dict[str, float]]) -> None:
    """Print rows of figures."""
    names = list(rows[-1])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{row[name]:,.0f}" if row[name] > 99 else f"{row[name]:.3g}" for name in names) + " |")


def main() -> None:
    """Measure each size in a process of its own and print a table; exit 1 where a target is missed at 100,000 nodes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--source", type=int, default=200, help="characters of a program")
    parser.add_argument("--prompt", type=int, default=0, help="characters of a prompt and of a reply")
    parser.add_argument("--workers", type=int, default=1000, help="of the cluster; 0 leaves that part out")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.json:
        print(json.dumps(measure(options.nodes[0], options.source, options.prompt)))
        return
    load = os.getloadavg()[0]
    rows = []
    for nodes in options.nodes:
        command = [sys.executable, __file__, "--json", "--nodes", str(nodes), "--source", str(options.source)]
        command += ["--prompt", str(options.prompt)]
        rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    print(f"load {load:.1f} before; programs of {options.source} characters, prompts and replies of {options.prompt}")
    table(rows)
    if options.workers:
        print(f"\nin a second, with programs of 200 or 3,000 characters, with the flights of {options.workers} workers")
        table([measure_rates(options.workers)])
    missed = [f"{name} {rows[-1][name]:.3g} > {most}" for name, most in TARGETS.items() if rows[-1].get(name, 0) > most]
    if missed and rows[-1]["nodes"] >= TARGET_NODES:
        raise SystemExit(f"missed at {rows[-1]['nodes']:,.0f} nodes: " + ", ".join(missed))


if __name__ == "__main__":
    main()
