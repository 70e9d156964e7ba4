"""What a proposer is told, taken from the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from score_nb.propose.base import Earned, Request, Shown
from score_nb.record import Flight, Record
from score_nb.types import Node

SIBLINGS_SHOWN = 6
DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_MIB = 1024


def request_for(record: Record, flight: Flight, entropy: int, earnings: Earnings | None = None) -> Request:
    """Return the request of one expansion, as the tree stands now.

    `earnings` remember what models brought from one request to the next.
    """
    parent = record.tree[flight.parents[0]]
    partner = record.tree[flight.parents[1]] if len(flight.parents) > 1 else None
    siblings = [*islice(record.youngest_children(parent.index), SIBLINGS_SHOWN)][::-1]
    return Request(
        ticket=flight.ticket,
        operator=flight.operator,
        task=record.task,
        direction=record.direction,
        parent=shown(parent),
        partner=shown(partner) if partner else None,
        siblings=tuple(map(shown, siblings)),
        best=record.leader.value if record.leader else None,
        hint=flight.hint,
        idea=flight.idea,
        timeout=record.timeout or DEFAULT_TIMEOUT_S,
        memory=record.memory or DEFAULT_MEMORY_MIB,
        seen=record.programs,
        earned=(earnings or Earnings()).of(record),
        seed=(entropy * 1_000_003 + flight.ticket) & 0x7FFF_FFFF,
    )


@dataclass(slots=True)
class Earnings:
    """What each model has brought so far; of a record asked about before only what is new is counted."""

    _models: dict[str, Earned] = field(default_factory=dict)
    _counted: int = 0
    _revision: int = 0

    def of(self, record: Record) -> tuple[Earned, ...]:
        """Return it for all nodes of `record`, in the order in which the models first did."""
        if record.revision != self._revision or len(record.tree) < self._counted:
            self._models, self._counted, self._revision = {}, 0, record.revision
        for node in record.tree[self._counted :]:
            if node.parents:
                known = self._models.get(node.model, Earned(node.model, 0, 0, 0.0))
                self._models[node.model] = Earned(
                    node.model, known.nodes + 1, known.gains + _is_gain(record, node), known.cost + node.cost
                )
        self._counted = len(record.tree)
        return tuple(self._models.values())


def _is_gain(record: Record, node: Node) -> bool:
    """Return whether a node is new and better than all of its parents."""
    if node.duplicate_of is not None or not node.is_scored or node.is_doubted:
        return False
    return all(node.score > record.tree[parent].score for parent in node.parents)


def shown(node: Node) -> Shown:
    """Return a node as a prompt shows it."""
    return Shown(source=node.source, value=node.value, status=node.status, detail=node.detail, log=node.log)
