"""The wire between kernel and page: every message a tagged mapping, each made from a `Record` by a pure function.

The page's half is js/src/shared/protocol.ts; words are those of `score_nb.types`.  Both sides ignore kinds and fields
that they do not know, so that an older page meets a newer kernel without breaking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from score_nb.record import Flight, Record
from score_nb.types import Flag, Node, Pick, numbers_of, replaced, seldom_of

PROTOCOL = 1
RUN_MIME = "application/vnd.score-nb.run+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

# What a node's one line may take on the wire: 10,000 nodes are sent at once, the full line comes with the detail.
DETAIL_CHARS = 60
# Each doubt is told before the line is, in its room.
DOUBT_CHARS = 14
# An idea in a table; all of it is in the details of its nodes.
IDEA_CHARS = 100


class NodeWire(TypedDict, total=False):
    """A node as tree and curve need it, at most 400 bytes; absent fields hold nothing."""

    index: int
    parents: list[int]
    status: str
    value: float | None
    operator: str
    visits: int
    seconds: float
    finished: float
    detail: str
    spread: float
    repeats: int
    doubts: list[str]
    allowed: bool
    dropped: bool
    holdout: float
    duplicate_of: int
    tokens: int
    cost: float
    pick: list[float]
    idea: bool
    idea_at: int
    hint: bool


class FlightWire(TypedDict, total=False):
    """An expansion at work."""

    ticket: int
    parents: list[int]
    operator: str
    stage: str
    since: float
    pick: list[float]
    idea: bool
    hint: bool


class FlagWire(TypedDict):
    """A reason to doubt a node's value; `settled` where further evaluations have answered it."""

    kind: str
    detail: str
    settled: bool


class TestedWire(TypedDict):
    """What the metric gave to what must not win."""

    again: float | None
    empty: float | None
    probes: dict[str, float | None]


class BudgetWire(TypedDict):
    """What ends the run: the first one reached."""

    nodes: int
    minutes: float | None
    tokens: int | None
    cost: float | None


class RunWire(TypedDict):
    """What holds for the run as a whole."""

    id: str
    name: str
    metric: str
    created: str
    direction: str
    state: str
    reason: str
    budget: BudgetWire
    elapsed: float
    tokens: int
    cost: float
    accepted: int | None
    best: int | None
    pinned: int | None
    ideas: list[str]
    noise: float | None
    repeats: int
    bounds: list[float | None]
    tested: TestedWire | None
    holdout: str | None
    model: str
    policy: str
    c_puct: float
    timeout: float | None
    memory: int | None
    confinement: dict[str, Any]
    warnings: list[str]
    cell_id: str | None


class Snapshot(TypedDict):
    """The whole run: the answer to a hello."""

    kind: Literal["snapshot"]
    seq: int
    protocol: int
    run: RunWire
    nodes: list[NodeWire]
    in_flight: list[FlightWire]


class Delta(TypedDict, total=False):
    """What changed since the message before; `seq` counts up by one.

    Visits are not among it: each new node changes those of all above it, and the page can count them (one for the
    node, one for each node or expansion at work below it).
    """

    kind: Literal["delta"]
    seq: int
    run: dict[str, Any]
    nodes: list[NodeWire]
    in_flight: list[FlightWire]


class DetailWire(TypedDict):
    """All of a node that only its own view shows; sent on demand, and again when the page has seen the node change."""

    kind: Literal["detail"]
    index: int
    source: str
    log: str
    prompt: str
    reply: str
    plan: str
    idea: str
    hint: str
    detail: str
    model: str
    metrics: dict[str, float | None]
    values: list[float | None]
    flags: list[FlagWire]
    cpu_seconds: float
    peak_mib: float
    started: float
    ticket: int


class Refused(TypedDict):
    """A command that could not be carried out, in the user's words."""

    kind: Literal["refused"]
    command: str
    message: str


FromKernel = Snapshot | Delta | DetailWire | Refused


def run_to_wire(record: Record, cell_id: str | None) -> RunWire:
    """Return the run's own fields."""
    options = record.options
    return {
        "id": record.run_id,
        "name": record.name,
        "metric": record.task.metric,
        "created": record.created,
        "direction": record.direction,
        "state": record.state,
        "reason": record.reason,
        "budget": {
            "nodes": record.budget_nodes,
            "minutes": options.get("minutes"),
            "tokens": options.get("tokens"),
            "cost": options.get("cost"),
        },
        "elapsed": round(record.elapsed, 2),
        "tokens": record.tokens,
        "cost": round(record.cost, 6),
        "accepted": record.accepted,
        "best": None if record.best is None else record.best.index,
        "pinned": record.pinned,
        "ideas": [_clip(idea, IDEA_CHARS) for idea in record.ideas],
        "noise": _finite(record.noise),
        "repeats": int(options.get("repeats") or 1),
        "bounds": list(record.task.bounds),
        "tested": _tested(record),
        "holdout": options.get("holdout"),
        "model": options.get("model") or "",
        "policy": options.get("policy") or "puct",
        "c_puct": options.get("c_puct", 1.0),
        "timeout": record.timeout,
        "memory": record.memory,
        "confinement": dict(record.confinement),
        "warnings": list(record.warnings),
        "cell_id": cell_id,
    }


def node_to_wire(node: Node, ideas: Mapping[str, int] = MappingProxyType({})) -> NodeWire:
    """Return what the page always needs of `node`; `ideas` numbers those of the run."""
    # Read together: of a node alone each of these costs as much as all.
    _, pick, seconds, _, _, tokens, cost, _, finished = numbers_of(node)
    _, spread, values, flags, is_allowed, holdout, idea, hint = seldom_of(node)
    wire: NodeWire = {
        "index": node.index,
        "parents": list(node.parents),
        "status": node.status,
        "value": _finite(node.value),
        "operator": node.operator,
        "visits": node.visits,
        "seconds": round(seconds, 3),
        "finished": round(finished, 2),
    }
    # What was changed, or what went wrong: the one line that tooltip, news and search need.
    doubts = [flag.kind for flag in flags if not flag.is_settled]
    line = (node.plan or node.detail) if node.is_scored else (node.detail or node.plan)
    if line and (room := DETAIL_CHARS - DOUBT_CHARS * len(doubts)) > DOUBT_CHARS:
        wire["detail"] = _clip(line, room)
    if (spread := _finite(spread)) is not None:
        wire["spread"] = float(f"{spread:.6g}")
    if node.is_scored and len(values) > 1:
        wire["repeats"] = len(values)
    if doubts:
        wire["doubts"] = [*doubts]
    if (holdout := _finite(holdout)) is not None:
        wire["holdout"] = float(f"{holdout:.9g}")
    if node.duplicate_of is not None:
        wire["duplicate_of"] = node.duplicate_of
    if tokens:
        wire["tokens"] = tokens
    if cost:
        wire["cost"] = round(cost, 6)
    if pick is not None:
        wire["pick"] = pick_to_wire(pick)
    if idea in ideas:
        wire["idea_at"] = ideas[idea]
    for name, is_so in (("allowed", is_allowed), ("dropped", node.is_dropped), ("idea", idea), ("hint", hint)):
        if is_so:
            wire[name] = True  # type: ignore[literal-required]
    return wire


def flight_to_wire(flight: Flight) -> FlightWire:
    """Return an expansion at work."""
    wire: FlightWire = {
        "ticket": flight.ticket,
        "parents": list(flight.parents),
        "operator": flight.operator,
        "stage": flight.stage,
        "since": round(flight.since, 2),
        "pick": pick_to_wire(flight.pick),
    }
    if flight.idea:
        wire["idea"] = True
    if flight.hint:
        wire["hint"] = True
    return wire


def detail_to_wire(node: Node) -> DetailWire:
    """Return all of `node` that only its own view shows."""
    return {
        "kind": "detail",
        "index": node.index,
        "source": node.source,
        "log": node.log,
        "prompt": node.prompt,
        "reply": node.reply,
        "plan": node.plan,
        "idea": node.idea,
        "hint": node.hint,
        "detail": node.detail,
        "model": node.model,
        "metrics": {name: _finite(value) for name, value in node.metrics.items()},
        "values": [_finite(value) for value in node.values],
        "flags": [_flag(flag) for flag in node.flags],
        "cpu_seconds": round(node.cpu_seconds, 3),
        "peak_mib": round(node.peak_mib, 1),
        "started": round(node.started, 2),
        "ticket": node.ticket,
    }


def snapshot(record: Record, *, seq: int, cell_id: str | None) -> Snapshot:
    """Return the whole run as one message."""
    return {
        "kind": "snapshot",
        "seq": seq,
        "protocol": PROTOCOL,
        "run": run_to_wire(record, cell_id),
        "nodes": [node_to_wire(node, record.ideas) for node in record.nodes],
        "in_flight": [flight_to_wire(flight) for flight in record.in_flight.values()],
    }


def delta(old: Record, new: Record, *, seq: int, cell_id: str | None) -> Delta:
    """Return what `new` has that `old`, an earlier copy of the same record, had not."""
    message: Delta = {"kind": "delta", "seq": seq, "run": _changed_fields(old, new, cell_id)}
    if nodes := _changed_nodes(old.nodes, new.nodes, new.ideas):
        message["nodes"] = nodes
    if old.in_flight != new.in_flight:
        message["in_flight"] = [flight_to_wire(flight) for flight in new.in_flight.values()]
    return message


def _changed_fields(old: Record, new: Record, cell_id: str | None) -> dict[str, Any]:
    before: Mapping[str, Any] = run_to_wire(old, cell_id)
    now: Mapping[str, Any] = run_to_wire(new, cell_id)
    # The clock always goes along: it is how the page knows how old its picture is.
    return {name: value for name, value in now.items() if name == "elapsed" or before[name] != value}


def _changed_nodes(old: list[Node], new: list[Node], ideas: Mapping[str, int]) -> list[NodeWire]:
    """Return the nodes that are new or have changed in more than their visits, which the page counts itself."""
    # Nodes are frozen: one that is still the same object has not changed.
    changed = [
        now
        for before, now in zip(old, new, strict=False)
        if before is not now and replaced(before, visits=now.visits) != now
    ]
    return [node_to_wire(node, ideas) for node in (*changed, *new[len(old) :])]


def _tested(record: Record) -> TestedWire | None:
    tested = record.seed_tested
    if tested is None:
        return None
    return {
        "again": _finite(tested.again),
        "empty": _finite(tested.empty),
        "probes": {name: _finite(value) for name, value in tested.probes.items()},
    }


def _flag(flag: Flag) -> FlagWire:
    return {"kind": flag.kind, "detail": flag.detail, "settled": flag.is_settled}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def pick_to_wire(pick: Pick) -> list[float]:
    """Return rank score, visits before the expansion, and exploration bonus."""
    return [round(pick.rank_score, 4), pick.visits, round(pick.bonus, 4)]


def _clip(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
