"""Which edits of a node matter, measured with the metric and the data of the notebook."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from score_nb.config import Options
from score_nb.errors import ScoreError
from score_nb.notebook.metric import find_function
from score_nb.notebook.prepared import Search, plan
from score_nb.notebook.registry import REGISTRY, Started, key_of
from score_nb.run.ablation import ablate as ablate_rows
from score_nb.run.run import Run
from score_nb.run.start import entropy_of
from score_nb.types import Node

if TYPE_CHECKING:
    import pandas


def ablate(
    run: Run, node: int | Node | None = None, *, repeats: int = 1, namespace: Mapping[str, Any] | None = None
) -> pandas.DataFrame:
    """Return a table of the edits between the seed and a node: how much worse the node is without each of them.

    Each edit is taken back alone and the rest evaluated again, where candidates run; waits until that is done.

    Parameters
    ----------
    run
        A run of this notebook, ended or not.
    node
        The node, the best where none is named.
    repeats
        Evaluations of each cell; with several, effects that may be luck are marked (`is_noise`).
    namespace
        The names that seed and metric read; the caller's globals by default.

    Raises
    ------
    ScoreError
        The data, the metric or what the seed reads changed since the run, or the node has no value.
    """
    if namespace is None:
        namespace = sys._getframe(1).f_globals
    started = REGISTRY.find(run.id)
    found = run.node(node.index if isinstance(node, Node) else node)
    if not found.is_scored:
        raise ScoreError(f"node {found.index} of {run.name} has no value ({found.status}): choose one that has")
    return _table(run, _again(run, started, namespace), found.index, repeats)


def _again(run: Run, started: Started | None, namespace: Mapping[str, Any]) -> Search:
    """Return the search of a run as it would be begun now, if it is still the same one."""
    task, options = run.task, _options(run)
    line = started.line if started else ""
    search = plan(
        find_function(task.metric, namespace), task.metric, task.seed, namespace, options,
        text=f"{line}\n{task.seed}" if line else "", cell_id=started.origin.cell_id if started else None, line=line,
    )  # fmt: skip
    if search.key != key_of(run):
        raise ScoreError(
            f"the data or the metric changed since run {run.name}: its values cannot be compared with new ones; run "
            "its cell again, then ablate"
        )
    return search


def _options(run: Run) -> Options:
    known = {field.name for field in fields(Options)}
    stored: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in run.options.items() if name in known
    }
    return replace(Options(**stored), ideas=None, name=run.name)


def _table(run: Run, search: Search, index: int, repeats: int) -> pandas.DataFrame:
    import pandas as pd

    record = run.snapshot()
    evaluator = search.evaluator()
    try:
        evaluator.prepare()
        evaluator.start()
        evaluator.limit(record.timeout or 600.0, record.memory or 1024)
        evaluator.expect(record.contract)
        rows = ablate_rows(record, evaluator, index, seed=entropy_of(record), repeats=repeats)
    finally:
        evaluator.close()
    edits = [f"node {index}" if row.parent is None else f"{row.parent} → {row.node}" for row in rows]
    columns = {
        "without": ["nothing: the whole node", *edits[1:]],
        "operator": [row.operator for row in rows],
        "what": [row.what for row in rows],
        "value": [row.value for row in rows],
        "effect": [row.effect for row in rows],
        "is_noise": [row.is_noise for row in rows],
        "status": [row.status for row in rows],
    }
    frame = pd.DataFrame(columns, index=pd.Index([row.node for row in rows], name="node"))
    return frame.astype({"value": float, "effect": float})
