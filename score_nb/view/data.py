"""A run as compact JSON: what the extension needs to draw a saved notebook again, and what a script reads of it."""

from __future__ import annotations

import math
from typing import Any

from score_nb.record import Record
from score_nb.view.wire import pick_to_wire

MIME = "application/vnd.score-nb.run+json"
VERSION = 1
_MOST_SOURCE = 12_000


def run_data(record: Record) -> dict[str, Any]:
    """Return the run without logs, prompts and replies: summary, nodes column by column, seed and best in full."""
    return {**run_summary(record), "nodes": _columns(record), "sources": _sources(record)}


def run_summary(record: Record) -> dict[str, Any]:
    """Return what holds for the run as a whole."""
    best, seed = record.best, record.seed
    return {
        "version": VERSION,
        "run": record.run_id,
        "name": record.name,
        "metric": record.task.metric,
        "direction": record.direction,
        "created": record.created,
        "state": record.state,
        "reason": record.reason,
        "model": record.options.get("model") or "",
        "policy": record.options.get("policy") or "puct",
        "c_puct": record.options.get("c_puct", 1.0),
        "budget_nodes": record.budget_nodes,
        "best": None if best is None else best.index,
        "pinned": record.pinned,
        "ideas": [idea[:100] for idea in record.ideas],
        "best_value": None if best is None else best.value,
        "seed_value": None if seed is None else seed.value,
        "gain": record.gain,
        "holdout": None if best is None else _finite(best.holdout),
        "holdout_gain": _finite(record.holdout_gain),
        "noise": _finite(record.noise),
        "accepted": record.accepted,
        "tokens": record.tokens,
        "cost": round(record.cost, 6),
        "elapsed": round(record.elapsed, 2),
        "confinement": str(record.confinement.get("level", "")),
        "counts": dict(record.counts()),
    }


def _columns(record: Record) -> dict[str, list[Any]]:
    nodes = record.nodes
    return {
        **_of_few(record),
        "parents": [list(node.parents) for node in nodes],
        "status": [node.status for node in nodes],
        "value": [_finite(node.value) for node in nodes],
        "holdout": [_finite(node.holdout) for node in nodes],
        "operator": [node.operator for node in nodes],
        "visits": [node.visits for node in nodes],
        "finished": [round(node.finished, 2) for node in nodes],
        "seconds": [round(node.seconds, 2) for node in nodes],
        "tokens": [node.tokens for node in nodes],
        "cost": [round(node.cost, 6) for node in nodes],
        "pick": [None if node.pick is None else pick_to_wire(node.pick) for node in nodes],
        "detail": [node.detail[:60] for node in nodes],
    }


def _of_few(record: Record) -> dict[str, Any]:
    """Return what few nodes have, by index: doubts, the spread of several evaluations, what was asked for."""
    nodes = record.nodes
    flags = {str(n.index): [[f.kind, f.detail[:160], f.is_settled] for f in n.flags] for n in nodes if n.flags}
    several = [node for node in nodes if node.repeats > 1]
    return {
        "flags": flags,
        "allowed": [node.index for node in nodes if node.is_allowed],
        "dropped": [node.index for node in nodes if node.is_dropped],
        "idea": {str(node.index): record.ideas[node.idea] for node in nodes if node.idea},
        "hint": [node.index for node in nodes if node.hint],
        "duplicate_of": {str(node.index): node.duplicate_of for node in nodes if node.duplicate_of is not None},
        "repeats": {str(node.index): node.repeats for node in several},
        "spread": {str(n.index): float(f"{n.spread:.4g}") for n in several if _finite(n.spread) is not None},
    }


def _sources(record: Record) -> dict[str, str]:
    """Return the programs that are shown in full, by index; one beyond all measure is left to the store."""
    shown = [node for node in (record.seed, record.best) if node is not None]
    return {str(node.index): node.source for node in shown if len(node.source) <= _MOST_SOURCE}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
