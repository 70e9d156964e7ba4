"""What a proposer is told, taken from the record."""

from __future__ import annotations

from score_nb.propose.base import Earned, Request, Shown
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
        best=record.leader.value if record.leader else None,
        hint=flight.hint,
        idea=flight.idea,
        timeout=record.timeout or DEFAULT_TIMEOUT_S,
        memory=record.memory or DEFAULT_MEMORY_MIB,
        seen=record.digests,
        earned=earned(record),
        seed=(entropy * 1_000_003 + flight.ticket) & 0x7FFF_FFFF,
    )


def earned(record: Record) -> tuple[Earned, ...]:
    """Return what each model has brought so far, in the order in which they first did."""
    nodes: dict[str, list[Node]] = {}
    for node in record.nodes:
        if node.parents:
            nodes.setdefault(node.model, []).append(node)
    return tuple(
        Earned(model, len(theirs), sum(_is_gain(record, node) for node in theirs), sum(node.cost for node in theirs))
        for model, theirs in nodes.items()
    )


def _is_gain(record: Record, node: Node) -> bool:
    """Return whether a node is new and better than all of its parents."""
    if node.duplicate_of is not None or not node.is_scored or node.is_doubted:
        return False
    return all(node.score > record.nodes[parent].score for parent in node.parents)


def shown(node: Node) -> Shown:
    """Return a node as a prompt shows it."""
    return Shown(source=node.source, value=node.value, status=node.status, detail=node.detail, log=node.log)
