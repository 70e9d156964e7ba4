"""A notebook for tests: cells run in a namespace of their own, and an evaluator made from it."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.local import LocalEvaluator

SUM = """
def metric(x):
    return float(x)
"""


def notebook(*cells: str) -> dict[str, Any]:
    """Return the namespace after `cells`, as a kernel would have it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        filename = f"<ipython-input-{number}>"
        linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
        exec(compile(cell, filename, "exec", dont_inherit=True), namespace)
    return namespace


def setup(
    *cells: str, inputs: str = "", outputs: str = "x", scorer: str = "metric", seed: str = "x = 1.0", **more: Any
) -> EvaluatorSetup:
    """Return the set-up of a notebook; names are given as text, separated by blanks."""
    space = notebook(*(cells or (SUM,)))
    settings: dict[str, Any] = {"timeout": 20.0, "memory": 1024, "metric": "metric", **more}
    return EvaluatorSetup(
        seed=seed,
        outputs=tuple(outputs.split()),
        parameters=tuple(settings.pop("parameters", outputs).split()),
        inputs={name: space[name] for name in inputs.split()},
        scorer={name: space[name] for name in scorer.split()},
        **settings,
    )


@contextmanager
def started(what: EvaluatorSetup) -> Iterator[LocalEvaluator]:
    """Start an evaluator and close it afterwards."""
    evaluator = LocalEvaluator(what)
    try:
        evaluator.start()
        yield evaluator
    finally:
        evaluator.close()


def below(pid: int) -> set[int]:
    """Return the pids of all living processes below `pid`."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    state, parent = file.read().rpartition(b")")[2].split()[:2]
            except OSError:
                continue
            if state != b"Z":
                parents[int(name)] = int(parent)
    found: set[int] = set()
    while True:
        more = {child for child, parent in parents.items() if parent == pid or parent in found} - found
        if not more:
            return found
        found |= more
