"""From what happened to a candidate to its node: pure."""

from __future__ import annotations

import math
from typing import Any

from score_nb.config import Options
from score_nb.errors import BadMetric, BadSeed, ScoreError
from score_nb.record import Flight
from score_nb.types import Direction, Evaluation, Flag, Node, to_score

TIMEOUT_FACTOR, TIMEOUT_LEAST_S = 10.0, 30.0
MEMORY_FACTOR, MEMORY_LEAST_MIB = 4.0, 1024
STUB_TIMEOUT_S, STUB_MEMORY_MIB = 600.0, 4096
LOG_LINES_SHOWN = 8


def limits_from(seed: Evaluation, options: Options) -> tuple[float, int]:
    """Return wall seconds and MiB for one evaluation: as asked for, else multiples of what the seed needed.

    A stub needed nothing, which says nothing: its candidates get a generous fixed share.
    """
    if seed.value is None:
        return options.timeout or STUB_TIMEOUT_S, options.memory or STUB_MEMORY_MIB
    timeout = options.timeout or max(TIMEOUT_LEAST_S, TIMEOUT_FACTOR * seed.seconds)
    memory = options.memory or max(MEMORY_LEAST_MIB, math.ceil(MEMORY_FACTOR * seed.peak_mib))
    return timeout, memory


def seed_node(
    source: str,
    result: Evaluation,
    *,
    direction: Direction,
    flags: tuple[Flag, ...],
    started: float,
    finished: float,
) -> Node:
    """Return the root of the tree."""
    return Node(
        index=0, parents=(), source=source, operator="seed", model="", **_measured(result, direction), flags=flags,
        started=started, finished=finished,
    )  # fmt: skip


def evaluated_node(
    flight: Flight,
    index: int,
    source: str,
    result: Evaluation,
    *,
    direction: Direction,
    flags: tuple[Flag, ...],
    finished: float,
) -> Node:
    """Return the node of a candidate that was run and scored."""
    return Node(**_asked(flight, index, source, finished), **_measured(result, direction), flags=flags)


def duplicate_node(flight: Flight, index: int, source: str, original: Node, *, finished: float) -> Node:
    """Return the node of a program that the tree has already: its value is the original's, nothing was run."""
    return Node(
        **_asked(flight, index, source, finished), status="duplicate", value=original.value, score=original.score,
        metrics=original.metrics, spread=original.spread, values=original.values, flags=original.flags,
        is_allowed=original.is_allowed, duplicate_of=original.index,
        detail=f"the same program as node {original.index}",
    )  # fmt: skip


def seed_error(metric: str, result: Evaluation) -> ScoreError:
    """Return the error for a seed that has no value, with the end of its log."""
    tail = "\n".join(result.log.strip().splitlines()[-LOG_LINES_SHOWN:])
    shown = f"\n{tail}" if tail else ""
    if result.detail.startswith(("metric", "the metric")):
        return BadMetric(f"{metric} could not score the seed: {result.detail}{shown}")
    return BadSeed(f"the seed cell fails where candidates run ({result.status}): {result.detail}{shown}")


def _asked(flight: Flight, index: int, source: str, finished: float) -> dict[str, Any]:
    reply = flight.proposal
    assert reply is not None  # a source only comes from a stored reply
    return {
        "index": index, "parents": flight.parents, "source": source, "operator": flight.operator,
        "model": reply.model, "idea": flight.idea, "hint": flight.hint, "ticket": flight.ticket,
        "pick": flight.pick, "tokens": reply.tokens_in + reply.tokens_out, "cost": reply.cost,
        "started": flight.since, "finished": finished, "prompt": reply.prompt, "reply": reply.reply,
        "plan": reply.plan or reply.detail,
    }  # fmt: skip


def _measured(result: Evaluation, direction: Direction) -> dict[str, Any]:
    return {
        "status": result.status, "value": result.value, "score": to_score(result.value, direction),
        "metrics": result.metrics, "spread": result.spread, "values": result.values, "detail": result.detail,
        "log": result.log, "seconds": result.seconds, "cpu_seconds": result.cpu_seconds,
        "peak_mib": result.peak_mib,
    }  # fmt: skip
