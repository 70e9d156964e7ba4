"""What does a proposer without a language model reach?  Share of the gap from seed to expert, on the hold-out.

    python benchmarks/proposers.py [--candidates 100] [--repeats 3] [--task digits] [--trace]

The planner and the offline proposer are the real ones; candidates run in forked processes of this script, without
confinement, so that the search itself is measured and not the evaluator.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import math
import multiprocessing
import resource
import signal
import statistics
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tabular import TASKS, Tabular

from score_nb import events as ev
from score_nb.propose.base import Proposer
from score_nb.propose.choose import proposer_for
from score_nb.record import Record
from score_nb.run.requests import request_for
from score_nb.search.planner import Planner
from score_nb.types import Evaluation, Node, Task, to_score

OUTPUT = ("predict",)
FORK = multiprocessing.get_context("fork")
_WALL = 10  # times the processor seconds of an evaluation that it may take by the clock on the wall
Parts = Mapping[str, tuple[Any, Any]]


@functools.cache
def _import_scikit_learn() -> None:
    """Import once, before any fork, what most candidates import: it costs more than most of them compute."""
    import sklearn

    for name in sklearn.__all__:
        if not name.startswith("_") and name not in ("experimental", "externals", "tests"):
            with suppress(ImportError):  # functions are listed beside modules
                importlib.import_module(f"sklearn.{name}")


def evaluate(task: Tabular, parts: Parts, source: str, part: str, timeout: float) -> Evaluation:
    """Return the loss of a cell on one part of the rows, from a process of its own.

    `timeout` is in seconds of the processor, so that what else the machine does changes no result; the clock on the
    wall only ends what does not compute.
    """
    _import_scikit_learn()
    ours, theirs = FORK.Pipe(duplex=False)
    given = (task, parts, source, part, theirs)
    child = FORK.Process(target=_answer, args=given, kwargs={"cpu_s": math.ceil(timeout)})
    began = time.perf_counter()
    child.start()
    theirs.close()
    try:
        answer = Evaluation(**ours.recv()) if ours.poll(_WALL * timeout) else None
    except EOFError:
        child.join()
        is_late = child.exitcode == -signal.SIGXCPU
        answer = None if is_late else Evaluation("crashed", detail="the process died")
    child.kill()
    child.join()
    ours.close()
    seconds = time.perf_counter() - began
    return answer or Evaluation("timeout", detail=f"longer than {timeout:g} s", seconds=seconds)


def _answer(task: Tabular, parts: Parts, source: str, part: str, answers: Connection, *, cpu_s: int) -> None:
    from threadpoolctl import threadpool_limits

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    X_train, y_train = parts["train"]
    namespace = {"X_train": X_train.copy(), "y_train": y_train.copy()}
    try:
        exec(compile(source, "<candidate>", "exec"), namespace)
        X, y = parts[part]
        answers.send({"status": "ok", "value": task.loss(y, namespace["predict"](X.copy()))})
    except Exception as error:  # noqa: BLE001  a failing candidate is a value
        detail = f"{type(error).__name__}: {error}".splitlines()[0]
        answers.send({"status": "error", "detail": detail[:300], "log": traceback.format_exc()[-2000:]})


@dataclass(frozen=True)
class Outcome:
    """One search: the best by validation, its hold-out value, and how the candidates ended."""

    seed: tuple[float, float]
    best: tuple[float, float]
    nodes: int
    failed: int
    declined: int
    seconds: float
    source: str


def search(
    task: Tabular, parts: Parts, proposer: Proposer, *, candidates: int, entropy: int, timeout: float, is_traced: bool
) -> Outcome:
    """Search one task with one candidate at a time and return what it reached."""
    began = time.perf_counter()
    record = Record()
    record.task = Task(seed=task.seed, metric="loss", outputs=OUTPUT, parameters=OUTPUT, inputs=("X_train", "y_train"))
    record.options = {"direction": task.direction}
    seed = evaluate(task, parts, task.seed, "val", timeout)
    record.apply(ev.NodeAdded(0.0, _node(task, 0, (), task.seed, seed)))
    planner, declined, ticket = Planner(entropy=str(entropy)), 0, 0
    while len(record.nodes) < candidates and declined < candidates:
        ticket += 1
        expansion = planner.ask(record, ticket)
        record.apply(
            ev.ExpansionStarted(0.0, ticket, expansion.parents, expansion.operator, expansion.pick)
        )  # fmt: skip
        proposal = proposer.propose(request_for(record, record.in_flight[ticket], entropy))
        if proposal.source is None:
            declined += 1
            record.apply(ev.ExpansionDropped(0.0, ticket, proposal.detail))
            continue
        result = evaluate(task, parts, proposal.source, "val", timeout)
        node = _node(
            task,
            len(record.nodes),
            expansion.parents,
            proposal.source,
            result,
            ticket=ticket,
            operator=expansion.operator,
        )
        best = record.best.score if record.best else float("-inf")
        record.apply(ev.NodeAdded(0.0, node))
        if is_traced and (node.score > best or result.status != "ok"):
            print(
                f"  {node.index:3} {expansion.operator:9} {result.status:8} {result.value} {proposal.detail}",
                result.detail,
            )
    best = record.best
    if best is None:
        sys.exit(f"the seed of {task.name} fails: {seed.detail}")
    held = [evaluate(task, parts, source, "holdout", 4 * timeout).value for source in (task.seed, best.source)]
    return Outcome(
        (_number(seed.value), _number(held[0])), (_number(best.value), _number(held[1])), len(record.nodes),
        sum(not node.is_scored for node in record.nodes), declined, time.perf_counter() - began, best.source,
    )  # fmt: skip


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _node(task: Tabular, index: int, parents: tuple[int, ...], source: str, result: Evaluation, **more: Any) -> Node:
    fields = {"operator": "seed", "model": "offline", **more}
    return Node(
        index, parents, source, result.status, result.value, to_score(result.value, task.direction),
        detail=result.detail, log=result.log, **fields,
    )  # fmt: skip


def main() -> None:
    """Search every task several times and print one table row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=100, help="candidates of one search, the seed included")
    parser.add_argument("--repeats", type=int, default=3, help="searches of each task")
    parser.add_argument("--timeout", type=float, default=30.0, help="processor seconds of one evaluation")
    parser.add_argument("--task", action="append", help="only this task (may be repeated)")
    parser.add_argument("--model", default="offline")
    parser.add_argument("--trace", action="store_true", help="print improvements, failures and the best cell")
    options = parser.parse_args()

    print("| task | seed val / hold-out | best val / hold-out, each search | expert | share of the gap | failed | s |")
    print("|---|---|---|---|---|---|---|")
    for task in TASKS:
        if options.task and task.name not in options.task:
            continue
        print(_row(task, options), flush=True)


def _row(task: Tabular, options: argparse.Namespace) -> str:
    parts = task.parts()
    expert = [evaluate(task, parts, task.expert, part, 20 * options.timeout).value for part in ("val", "holdout")]
    if None in expert:
        sys.exit(f"the expert's cell of {task.name} fails")
    outcomes = [
        search(task, parts, proposer_for(options.model), candidates=options.candidates, entropy=entropy,
               timeout=options.timeout, is_traced=options.trace)
        for entropy in range(options.repeats)
    ]  # fmt: skip
    if options.trace:
        print(outcomes[-1].source)
    shares = [(each.seed[1] - each.best[1]) / (each.seed[1] - expert[1]) for each in outcomes]
    reached = ", ".join(f"{each.best[0]:.3f} / {each.best[1]:.3f}" for each in outcomes)
    failed = sum(each.failed for each in outcomes) / sum(each.nodes for each in outcomes)
    return (
        f"| {task.name} | {outcomes[0].seed[0]:.3f} / {outcomes[0].seed[1]:.3f} | {reached} "
        f"| {expert[0]:.3f} / {expert[1]:.3f} | median {statistics.median(shares):.0%}, least {min(shares):.0%} "
        f"| {failed:.0%} | {statistics.mean(each.seconds for each in outcomes):.0f} |"
    )


if __name__ == "__main__":
    main()
