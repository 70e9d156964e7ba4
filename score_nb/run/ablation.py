"""Which edits matter: each edit between the seed and a node taken back alone, and the rest scored again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from score_nb.cell.merge import revert
from score_nb.evaluate.base import Evaluator
from score_nb.record import Record
from score_nb.run.measure import measure_again
from score_nb.types import Evaluation, Node, Operator, Status, digest, to_score

Outcome = Literal["overwritten", "no difference"] | Status


@dataclass(frozen=True, slots=True)
class AblationRow:
    """The node without one of its edits; the first row of a table is the node itself, with all of them.

    Attributes
    ----------
    node, parent : int
        The edit: what made `node` out of `parent`; `parent` is None in the first row.
    operator : Operator
        How the edit was asked for.
    what : str
        The edit in one line, as its author told it; "" where nothing was told.
    status : str
        The outcome of scoring the node without the edit; `overwritten` where later edits wrote over all of it and
        `no difference` where the program is the same without it: these were not scored.
    value : float or None
        The metric without the edit, the mean over repeats.
    effect : float or None
        How much worse the node is without the edit, positive where the edit helps; None where there is no value.
    is_noise : bool
        Whether the effect is less than two standard errors of the repeats.
    taken_back, overwritten : int
        Changes (runs of lines) of the edit that were taken back, and that could not be.
    detail : str
        Why there is no value.
    source : str
        The cell that was scored.
    """

    node: int
    parent: int | None
    operator: Operator
    what: str
    status: Outcome
    value: float | None = None
    effect: float | None = None
    is_noise: bool = False
    taken_back: int = 0
    overwritten: int = 0
    detail: str = ""
    source: str = ""


def ablate(
    record: Record, evaluator: Evaluator, index: int | None = None, *, seed: int = 0, repeats: int = 1
) -> list[AblationRow]:
    """Return the best node (or node `index`) as it is, and a row for each edit on the way to it from the seed.

    Each row is scored under the same random seeds, one after the other, by an evaluator that was started, with its
    limits set.

    Parameters
    ----------
    repeats : int
        Evaluations of each cell; with several, effects that may be luck are marked.

    Raises
    ------
    ValueError
        There is no such node, or it has no value.
    EvaluatorBroken
        Candidates cannot be run here.
    """
    node = _node(record, index)

    def score(source: str) -> Evaluation:
        first = evaluator.evaluate(source, seed=seed)
        return measure_again(evaluator, source, first, seed=seed, more=repeats - 1)

    whole = score(node.source)
    rows = [
        AblationRow(node.index, None, node.operator, "", whole.status, whole.value, detail=whole.detail,
                    source=node.source)
    ]  # fmt: skip
    for before, after in pairwise(record.lineage(node.index)):
        row, without = _without(node, before, after)
        if without is not None:
            row = _scored(row, record, whole, score(without))
        rows.append(row)
    return rows


def _node(record: Record, index: int | None) -> Node:
    if index is None:
        if record.best is None:
            raise ValueError("there is no best node yet")
        index = record.best.index
    if not 0 <= index < len(record.nodes):
        raise ValueError(f"there is no node {index}: the tree has nodes 0 to {len(record.nodes) - 1}")
    if not record.nodes[index].is_scored:
        raise ValueError(f"node {index} has no value: choose one that has")
    return record.nodes[index]


def _without(node: Node, before: Node, after: Node) -> tuple[AblationRow, str | None]:
    """Return the row of one edit, and the cell without it; None where there is nothing to score."""
    without = revert(node.source, before.source, after.source)
    is_same = digest(without.source) == digest(node.source)
    is_gone = is_same and without.overwritten > 0
    plan = after.plan.strip().splitlines()
    row = AblationRow(
        after.index, before.index, after.operator, after.detail or (plan[0] if plan else ""),
        "overwritten" if is_gone else "no difference", taken_back=without.taken_back, overwritten=without.overwritten,
        detail="later edits wrote over it" if is_gone else "the program is the same without it",
        source=without.source,
    )  # fmt: skip
    return row, None if is_same else without.source


def _scored(row: AblationRow, record: Record, whole: Evaluation, result: Evaluation) -> AblationRow:
    effect = _effect(record, whole, result)
    is_noise = effect is not None and abs(effect) < 2 * _error(whole, result)
    return replace(
        row, status=result.status, value=result.value, effect=effect, is_noise=is_noise, detail=result.detail
    )  # fmt: skip


def _effect(record: Record, whole: Evaluation, result: Evaluation) -> float | None:
    if whole.value is None or result.value is None:
        return None
    return to_score(whole.value, record.direction) - to_score(result.value, record.direction)


def _error(whole: Evaluation, result: Evaluation) -> float:
    """Return the standard error of the difference of two means, 0 for single evaluations."""
    return math.sqrt(sum((each.spread or 0.0) ** 2 / max(1, len(each.values)) for each in (whole, result)))
