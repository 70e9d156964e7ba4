"""One search of a tabular task with the offline proposer, one candidate at a time, under any planner."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from joblib import Memory
from proposers import OUTPUT, evaluate
from tabular import TASKS, Tabular

from score_nb import events as ev
from score_nb.propose.choose import proposer_for
from score_nb.record import Record
from score_nb.run.requests import request_for
from score_nb.search.planner import Planner
from score_nb.types import Node, Status, Task, digest, to_score

Measured = tuple[Status, float | None, str]
"""Status, value and detail of an evaluation."""

IDEAS = (
    "Standardise the inputs before anything else.",
    "Use a support vector machine.",
    "Join several models of different kinds by voting.",
)
_parts = functools.cache(Tabular.parts)


def measure(task: str, source: str, timeout: float) -> Measured:
    """Return what a cell reaches on the validation part of a task.

    A folder of such values holds for the tasks as `tabular.py` has them: who changes one there begins a new folder.
    """
    tabular = next(each for each in TASKS if each.name == task)
    result = evaluate(tabular, _parts(tabular), source, "val", timeout)
    return result.status, result.value, result.detail


def search_task(
    task: Tabular, planner: Planner, *, calls: int, timeout: float, kept: Path, has_ideas: bool = False
) -> Record:  # fmt: skip
    """Return the record of a search of so many proposals; values in the folder `kept` are not measured again."""
    proposer, remembered = proposer_for("offline"), Memory(kept, verbose=0).cache(measure)
    record = Record()
    record.task = Task(seed=task.seed, metric="loss", outputs=OUTPUT, parameters=OUTPUT, inputs=("X_train", "y_train"))
    record.options = {"direction": task.direction}

    def value(source: str) -> Measured:
        found: Measured = remembered(task.name, source, timeout)
        return found

    record.apply(ev.NodeAdded(0.0, _node(record, (), task.seed, value(task.seed))))
    for ticket in range(1, calls + 1):
        wanted = planner.ask(record, ticket, IDEAS if has_ideas else ())
        record.apply(ev.ExpansionStarted(0.0, ticket, wanted.parents, wanted.operator, wanted.pick, "", wanted.idea))
        proposal = proposer.propose(request_for(record, record.in_flight[ticket], int(planner.entropy)))
        if proposal.source is None:
            record.apply(ev.ExpansionDropped(0.0, ticket, proposal.detail))
            continue
        child = _node(
            record, wanted.parents, proposal.source, value(proposal.source), ticket=ticket, operator=wanted.operator,
            idea=wanted.idea,
        )  # fmt: skip
        record.apply(ev.NodeAdded(0.0, child))
    return record


def _node(record: Record, parents: tuple[int, ...], source: str, result: Measured, **more: Any) -> Node:
    status, value, detail = result
    fields = {"operator": "seed", "model": "offline", **more}
    return Node(
        len(record.nodes), parents, source, status, value, to_score(value, record.direction), detail=detail,
        duplicate_of=record.index_of(digest(source)), **fields,
    )  # fmt: skip
