"""A record as plain columns: what a checkpoint of a long run holds instead of the events that made it.

Pure, and nothing else than `record.py` in another form: what `record_of` makes of `pieces_of(record)` is the record
that a replay of its events gives.  What a record derives when it is asked (children, the log of launches) is left out.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, get_args

from score_nb import events as ev
from score_nb.record import Flight, Record, task_from_json
from score_nb.types import (
    NO_METRICS,
    NODE_TEXTS,
    SPELLING,
    Direction,
    Flag,
    Node,
    Operator,
    Status,
    nodes_of,
    parents_of,
    to_score,
)

FIELDS = tuple(f.name for f in fields(Node))
PLAIN = (
    "run_id", "name", "created", "notebook", "fingerprint", "options", "versions", "state", "reason", "last_ticket",
    "drops_in_a_row", "tokens", "cost", "dearest", "elapsed", "confinement", "timeout", "memory", "warnings",
    "contract", "accepted", "pinned", "ideas", "revision", "_best", "_noise", "_digested",
)  # fmt: skip
"""Attributes of a record that are JSON as they are."""

BLOCK = 1 << 12
"""Nodes whose columns are written together."""

Place = Callable[[object], int | None]
"""Says where in the store a text lies that a node holds; None where it lies in memory only."""


class NotStored(Exception):
    """A node holds texts that are not in the store."""


def pieces_of(record: Record, place: Place) -> Iterator[dict[str, Any]]:
    """Yield all that `record` knows, JSON-ready: what is no node's, then the columns of one block of nodes each.

    Texts are given as the place where they lie.  Columns of a whole long run would take many times their length for a
    moment, and the process keeps what it once took.

    Raises
    ------
    NotStored
        A text lies in memory only.
    """
    yield _others_of(record)
    nodes = record.nodes
    for begin in range(0, len(nodes), BLOCK):
        yield dict(_nodes_to_columns(nodes[begin : begin + BLOCK], record.direction, place))


def _others_of(record: Record) -> dict[str, Any]:
    return {
        **{name: ev.plain(getattr(record, name)) for name in PLAIN},
        "task": ev.plain(asdict(record.task)),
        "seed_tested": None if record.seed_tested is None else ev.to_json(record.seed_tested),
        "in_flight": [_flight_to_json(flight) for flight in record.in_flight.values()],
        "spelling": SPELLING,
        "digests": list(record._digests),
        "first": list(record._digests.values()),
        "count": len(record.tree),
    }


def record_of(pieces: Iterable[Mapping[str, Any]], texts: Callable[[int], Any]) -> Record:
    """Return the record that these pieces are of; `texts` gives what a node holds for texts at a place.

    Raises
    ------
    ValueError
        Pieces are missing or out of order.
    """
    columns, *blocks = pieces
    record = Record()
    for name in PLAIN:
        setattr(record, name, columns[name])
    record.dearest = (columns["dearest"][0], columns["dearest"][1])
    record.task = task_from_json(columns["task"])
    if columns["seed_tested"] is not None:
        tested = ev.from_json(columns["seed_tested"])
        assert isinstance(tested, ev.SeedTested)
        record.seed_tested = tested
    for flight in map(_flight_of, columns["in_flight"]):
        record.in_flight[flight.ticket] = flight
    if columns["spelling"] == SPELLING:
        record._digests = dict(zip(columns["digests"], columns["first"], strict=True))
    else:
        record._digested = 0
    words: dict[str, str] = {word: word for word in (*get_args(Status), *get_args(Operator))}
    for block in blocks:
        if block["first"] != len(record.tree):
            raise ValueError(f"nodes from {block['first']} on where those from {len(record.tree)} on should stand")
        record.tree += _nodes_of(block, record.direction, texts, words)
    if len(record.tree) != columns["count"]:
        raise ValueError(f"{len(record.tree)} nodes in place of {columns['count']}")
    record.visits = array("i", (node.visits for node in record.tree))
    record.firsts = array("i", (-1 if node.parent is None else node.parent for node in record.tree))
    record._to_beat = None
    return record


# -- nodes -----------------------------------------------------------------------------------------------------------


def _nodes_to_columns(nodes: Sequence[Node], direction: Direction, place: Place) -> Iterator[tuple[str, Any]]:
    """Yield the columns one after the other, by name; the nodes stand in the order of their indices."""
    yield "first", nodes[0].index
    for name in _AS_THEY_ARE:
        yield name, _packed([ev.plain(getattr(node, name)) for node in nodes])
    yield "count", len(nodes)
    yield "odd_scores", _sparse(
        {at: ev.plain(n.score) for at, n in enumerate(nodes) if n.score != to_score(n.value, direction)}
    )
    picks = [node.pick for node in nodes]
    yield "rank_score", _packed([None if pick is None else ev.plain(pick.rank_score) for pick in picks])
    yield "pick_visits", _packed([None if pick is None else pick.visits for pick in picks])
    yield "bonus", _packed([None if pick is None else ev.plain(pick.bonus) for pick in picks])
    yield "place", _packed([_place_of(node, place) for node in nodes])
    yield "held", _packed([_held(node) for node in nodes])


def _nodes_of(
    columns: Mapping[str, Any], direction: Direction, texts: Callable[[int], Any], words: dict[str, str]
) -> list[Node]:
    first, count = columns["first"], columns["count"]
    known: dict[str, Iterable[Any]] = {name: _unpacked(columns[name], count) for name in _AS_THEY_ARE}
    odd = {int(at): -math.inf if score is None else score for at, score in columns["odd_scores"].items()}
    known["index"] = list(range(first, first + count))
    known["parents"] = (parents_of(*indices) for indices in known["parents"])
    for name in ("status", "operator", "model", "idea"):  # few words for many nodes: each is held once
        known[name] = (words.setdefault(word, word) for word in known[name])
    known["metrics"] = (value or NO_METRICS for value in known["metrics"])
    known["values"] = (tuple(value) if value else () for value in known["values"])
    known["flags"] = (
        tuple(Flag(*flag) for flag in map(dict.values, value)) if value else () for value in known["flags"]
    )
    known["value"] = values = list(known["value"])
    scores = [to_score(value, direction) for value in values]
    for at, score in odd.items():
        scores[at] = score
    known["score"] = scores
    picks = tuple(_unpacked(columns[name], count) for name in ("rank_score", "pick_visits", "bonus"))
    places, held = _unpacked(columns["place"], count), _unpacked(columns["held"], count)
    lying = [None if at is None else texts(at) for at in places]
    for bit, name in enumerate(NODE_TEXTS):
        known[name] = [at if bits >> bit & 1 else "" for at, bits in zip(lying, held, strict=True)]
    return nodes_of(known, picks)


_AS_THEY_ARE = tuple(
    name for name in FIELDS if name not in {*NODE_TEXTS, "index", "score", "pick"}
)  # fmt: skip


def _held(node: Node) -> int:
    """Return which of a node's texts are there at all, a bit for each."""
    return sum(bool(getattr(node, f"_held_{name}") != "") << bit for bit, name in enumerate(NODE_TEXTS))


def _place_of(node: Node, place: Place) -> int | None:
    held = [text for name in NODE_TEXTS if (text := getattr(node, f"_held_{name}")) != ""]
    places = {place(text) for text in held}
    if None in places or len(places) > 1:
        raise NotStored(f"texts of node {node.index} are not in the store")
    return places.pop() if places else None


# -- columns ---------------------------------------------------------------------------------------------------------


def _packed(column: Sequence[Any]) -> Any:
    """Return a column as briefly as its values allow: as a list, as a table and codes, or as what differs from one."""
    usual = column[0] if column else None
    odd = {index: value for index, value in enumerate(column) if value != usual or type(value) is not type(usual)}
    if len(odd) * 3 < len(column):
        return {"usual": usual, "odd": _sparse(odd)}
    if all(isinstance(value, str) for value in column):
        table = {value: code for code, value in enumerate(dict.fromkeys(column))}
        return {"table": list(table), "codes": [table[value] for value in column]}
    return list(column)


def _unpacked(packed: Any, count: int) -> list[Any]:
    if isinstance(packed, list):
        return packed
    if "table" in packed:
        return [packed["table"][code] for code in packed["codes"]]
    column = [packed["usual"]] * count
    for index, value in packed["odd"].items():
        column[int(index)] = value
    return column


def _sparse(values: Mapping[int, Any]) -> dict[str, Any]:
    return {str(index): value for index, value in values.items()}


# -- flights ---------------------------------------------------------------------------------------------------------


def _flight_to_json(flight: Flight) -> dict[str, Any]:
    asked = ev.ExpansionStarted(
        flight.since, flight.ticket, flight.parents, flight.operator, flight.pick, flight.hint, flight.idea
    )
    reply = None if flight.proposal is None else ev.to_json(flight.proposal)
    return {"asked": ev.to_json(asked), "stage": flight.stage, "reply": reply}


def _flight_of(values: Mapping[str, Any]) -> Flight:
    asked = ev.from_json(values["asked"])
    reply = None if values["reply"] is None else ev.from_json(values["reply"])
    assert isinstance(asked, ev.ExpansionStarted)
    assert reply is None or isinstance(reply, ev.ProposalReceived)
    return Flight(
        asked.ticket, asked.parents, asked.operator, asked.pick, asked.hint, asked.idea, since=asked.at,
        stage=values["stage"], proposal=reply,
    )  # fmt: skip
