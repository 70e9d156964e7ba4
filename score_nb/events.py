"""What happened in a run, in the past tense: the only output of the loop.

Every event is one JSON object `{"event": NAME, ...}`; store, widget, report and export are fed by the same list.
A reader ignores fields and events that it does not know (a file from a newer version).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from score_nb.types import Flag, Node, Operator, Pick, RunState, parents_of, with_text_fields

REPLY_TEXTS = ("source", "prompt", "reply", "plan")


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; `at` is seconds since the run was created."""

    at: float


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run was created.  `task` and `options` are the fields of those values, `versions` of what matters."""

    run_id: str
    name: str
    created: str
    task: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    fingerprint: str = ""
    notebook: str = ""


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    """A stored run went on, perhaps with other budgets."""

    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EvaluatorReady(Event):
    """Candidates can be run.  `confinement` says layer by layer what holds here; limits in seconds and MiB.

    `contract` is what a candidate's outputs must look like, by name, taken from the seed's; empty before it was run.
    """

    confinement: dict[str, Any]
    timeout: float
    memory: int
    contract: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeedTested(Event):
    """The metric was tried on what must not win.

    Attributes
    ----------
    again : float or None
        The seed's value when evaluated once more with the same random seed.
    empty : float or None
        The value of a cell that does nothing, None where it has none, as it should be.
    probes : dict of str to float
        The metric on the seed's outputs made constant, and shuffled, where that could be done.
    """

    again: float | None
    empty: float | None
    probes: dict[str, float]


@dataclass(frozen=True, slots=True)
class ExpansionStarted(Event):
    """A child was asked for."""

    ticket: int
    parents: tuple[int, ...]
    operator: Operator
    pick: Pick
    hint: str = ""
    idea: str = ""


@with_text_fields(*REPLY_TEXTS)
@dataclass(frozen=True, slots=True)
class ProposalReceived(Event):
    """A proposer answered; stored before anything is evaluated, so that no paid reply is lost.

    `source` is None where the reply held no usable cell: such a proposal costs no node.
    """

    ticket: int
    source: str | None
    model: str
    detail: str
    prompt: str
    reply: str
    tokens_in: int
    tokens_out: int
    cost: float
    seconds: float
    plan: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationStarted(Event):
    """A candidate went to a worker."""

    ticket: int


@dataclass(frozen=True, slots=True)
class ExpansionDropped(Event):
    """A ticket ended without a node: no usable reply, or the run was stopped."""

    ticket: int
    detail: str


@dataclass(frozen=True, slots=True)
class NodeAdded(Event):
    """A candidate is in the tree with its result.

    `program` is the digest of its source with the Python that spelt it (`3.12:0123456789ab`), "" where nobody told.
    """

    node: Node
    program: str = ""


@dataclass(frozen=True, slots=True)
class HoldoutScored(Event):
    """The hold-out value of a node that improved on the best."""

    index: int
    holdout: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NodeEvaluated(Event):
    """A node was evaluated further, on fresh random seeds; `value` is the mean of all `values`, the earlier included.

    `flags` are all that the node has now.
    """

    index: int
    value: float
    spread: float | None
    values: tuple[float, ...]
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeFlagged(Event):
    """A reason to doubt a node's value was found after it was added."""

    index: int
    flag: Flag


@dataclass(frozen=True, slots=True)
class NodeAllowed(Event):
    """The user lets a node be the best in spite of its flags, or no longer."""

    index: int
    is_allowed: bool = True


@dataclass(frozen=True, slots=True)
class NodePinned(Event):
    """The user says which node is the best, whatever the values say; None leaves it to the values again."""

    index: int | None


@dataclass(frozen=True, slots=True)
class BranchDropped(Event):
    """The user gave up a node and all below it, or took it up again."""

    index: int
    is_dropped: bool = True


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The run went to another state; `reason` in the user's words."""

    state: RunState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NodeAccepted(Event):
    """The user took a node into the notebook."""

    index: int


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something the user should know that stops nothing (a possible leak, a layer that is missing)."""

    message: str


EVENTS: MappingProxyType[str, type[Event]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            RunStarted, RunResumed, EvaluatorReady, ExpansionStarted, ProposalReceived, EvaluationStarted,
            ExpansionDropped, NodeAdded, HoldoutScored, StateChanged, NodeAccepted, Warned, SeedTested, NodeEvaluated,
            NodeFlagged, NodeAllowed, BranchDropped, NodePinned,
        )
    }
)  # fmt: skip

# `fields` looks them up anew each time, and a long run has many events.
_NAMES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {kind: tuple(f.name for f in fields(kind)) for kind in (*EVENTS.values(), Node)}
)


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as JSON-ready values; -inf and other numbers that JSON lacks become None."""
    return {"event": type(event).__name__, **{f.name: plain(getattr(event, f.name)) for f in fields(event)}}


def node_to_json(node: Node) -> dict[str, Any]:
    """Return all fields of a node as JSON-ready values."""
    return {f.name: plain(getattr(node, f.name)) for f in fields(node)}


def from_json(record: Mapping[str, Any]) -> Event | None:
    """Return the event that `record` describes, None for a kind that this version does not know.

    Raises
    ------
    TypeError
        A field that this version needs is missing.
    """
    kind = EVENTS.get(record.get("event", ""))
    if kind is None:
        return None
    known = {name: record[name] for name in _NAMES[kind] if name in record}
    if "parents" in known:
        known["parents"] = parents_of(*known["parents"])
    if "values" in known:
        known["values"] = tuple(known["values"])
    if "flags" in known:
        known["flags"] = _flags(known["flags"])
    if "flag" in known:
        known["flag"] = _flag(known["flag"])
    if "pick" in known:
        known["pick"] = _pick(known["pick"])
    if "node" in known:
        known["node"] = node_from_json(known["node"])
    return kind(**known)


def node_from_json(record: Mapping[str, Any]) -> Node:
    """Return the node that `record` describes, ignoring fields that this version does not know."""
    known = {name: record[name] for name in _NAMES[Node] if name in record}
    known["parents"] = parents_of(*known["parents"])
    known["pick"] = _pick(known.get("pick"))
    known["values"] = tuple(known.get("values", ()))
    known["flags"] = _flags(known.get("flags", ()))
    if known.get("score") is None:
        known["score"] = -math.inf
    return Node(**known)


def _pick(record: Mapping[str, Any] | None) -> Pick | None:
    if record is None:
        return None
    return Pick(rank_score=record["rank_score"], visits=record["visits"], bonus=record["bonus"])


def _flags(records: Iterable[Mapping[str, Any]]) -> tuple[Flag, ...]:
    return tuple(_flag(record) for record in records)


def _flag(record: Mapping[str, Any]) -> Flag:
    return Flag(record["kind"], record.get("detail", ""), record.get("is_settled", False))


def plain(value: Any) -> Any:
    """Return `value` JSON-ready; numbers that JSON lacks become None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (Node, Pick, Flag)):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value
