"""What reaches the loop's inbox: results of the pools, and what the user asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from score_nb.types import Evaluation, Proposal


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposer's answer to a ticket: a proposal or what it raised."""

    ticket: int
    result: Proposal | Exception


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A program's evaluation, or what the evaluator raised."""

    digest: str
    result: Evaluation | Exception


@dataclass(frozen=True, slots=True)
class HoldoutEvaluated:
    """A node's evaluation on the hold-out."""

    index: int
    result: Evaluation | Exception


@dataclass(frozen=True, slots=True)
class NodeMeasured:
    """A node's earlier evaluations and further ones together."""

    index: int
    result: Evaluation | Exception


@dataclass(frozen=True, slots=True)
class SeedTestEvaluated:
    """One of the tests that seed and metric go through: the seed once more, or a cell that does nothing."""

    kind: Literal["again", "empty"]
    result: Evaluation | Exception


@dataclass(frozen=True, slots=True)
class Command:
    """What the user asked for; run on the loop's thread."""

    action: Callable[[], None]


Message = Proposed | Evaluated | HoldoutEvaluated | NodeMeasured | SeedTestEvaluated | Command
