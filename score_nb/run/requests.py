"""What a proposer is told, taken from the record."""

from __future__ import annotations

from score_nb.propose.base import Request, Shown
from score_nb.record import Flight, Record
from score_nb.types import Node

SIBLINGS_SHOWN = 6
DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_MIB = 1024


def request_for(record: Record, flight: Flight, entropy: int) -> Request:
    """Return the request of one expansion, as the tree stands now."""
    parent = record.nodes[flight.parents[0]]
    partner = record.nodes[flight.parents[1]] if len(flight.parents) > 1 else None
    return Request(
        ticket=flight.ticket,
        operator=flight.operator,
        task=record.task,
        direction=record.direction,
        parent=shown(parent),
        partner=shown(partner) if partner else None,
        siblings=tuple(shown(child) for child in record.children(parent.index)[-SIBLINGS_SHOWN:]),
        best=record.best.value if record.best else None,
        hint=flight.hint,
        idea=flight.idea,
        timeout=record.timeout or DEFAULT_TIMEOUT_S,
        memory=record.memory or DEFAULT_MEMORY_MIB,
        seen=record.digests,
        seed=(entropy * 1_000_003 + flight.ticket) & 0x7FFF_FFFF,
    )


def shown(node: Node) -> Shown:
    """Return a node as a prompt shows it."""
    return Shown(source=node.source, value=node.value, status=node.status, detail=node.detail, log=node.log)
