"""What goes over the wire, and how much of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from score_nb.events import NodeAdded, RunStarted
from score_nb.record import Record
from score_nb.types import SIGNALS, Flag, Node, Pick
from score_nb.view import wire
from tests.widget import fixture


def test_the_fixture_that_typescript_reads_is_what_python_sends() -> None:
    assert fixture.PATH.read_text(encoding="utf-8") == fixture.text(), "stale: run python -m tests.widget.fixture"


def test_a_delta_carries_only_what_changed() -> None:
    delta = fixture.messages()["delta"]
    assert sorted(delta["run"]) == ["best", "elapsed", "ideas", "warnings"]
    assert [node["index"] for node in delta["nodes"]] == [1, 2]
    assert "visits" not in delta  # the page counts them
    assert [flight["ticket"] for flight in delta["in_flight"]] == [3]


def test_a_node_that_was_doubted_evaluated_again_or_allowed_is_sent_anew() -> None:
    doubted = fixture.messages()["doubted"]
    sent = {node["index"]: node for node in doubted["nodes"]}
    assert (sent[1]["repeats"], sent[1]["spread"]) == (2, 0.0035)
    assert sent[3]["doubts"] == ["jump"]
    assert sent[3]["dropped"] is True
    assert sent[4]["doubts"] == ["holdout"]  # the other doubt was answered by three evaluations
    assert sent[5]["allowed"] is True
    assert 2 not in sent
    assert doubted["run"]["tested"]["probes"] == {"constant": 0.25, "shuffled": 0.3125}
    assert doubted["run"]["best"] == 5
    # Pooled over nodes 1 and 4: (0.0000125 + 0.0002) / 3 degrees of freedom.
    assert doubted["run"]["noise"] == pytest.approx((0.0002125 / 3) ** 0.5)


def test_a_detail_tells_every_flag_and_every_value() -> None:
    doubt = fixture.messages()["doubt"]
    assert doubt["values"] == [0.62, 0.63, 0.64]
    assert [(flag["kind"], flag["settled"]) for flag in doubt["flags"]] == [
        ("nondeterministic", True), ("holdout", False),
    ]  # fmt: skip


def test_nothing_new_is_a_delta_with_the_clock_only() -> None:
    record = Record()
    for event in fixture.started():
        record.apply(event)
    delta = wire.delta(record.copy(), record, seq=7, cell_id=None)
    assert delta == {"kind": "delta", "seq": 7, "run": {"elapsed": record.elapsed}}


def test_the_largest_nodes_take_at_most_400_bytes() -> None:
    hybrid = Node(
        index=9_876, parents=(9_123, 4_567), source="x" * 9_999, status="ok", value=0.12345678901234567, score=1.0,
        operator="recombine", model="some-model", detail="a long line " * 40, spread=0.01234567890123456,
        holdout=0.98765432109876543, idea="i" * 500, hint="h" * 500, pick=Pick(0.98765, 1_234, 0.0123456),
        visits=1_234, seconds=123.456789, tokens=123_456, cost=0.123456789, finished=98_765.4321, log="l" * 9_999,
    )  # fmt: skip
    doubts = tuple(Flag(kind, "d" * 200) for kind in SIGNALS)
    hybrid = replace(hybrid, values=(0.1, 0.2, 0.3), flags=doubts, is_allowed=True, is_dropped=True)
    failed = replace(hybrid, status="forbidden", value=None, spread=None, holdout=None)
    for node in (hybrid, failed):
        sent = json.dumps(wire.node_to_wire(node), ensure_ascii=False, separators=(",", ":"))
        assert len(sent.encode()) <= 400, sent


def test_a_usual_node_takes_less_than_half_of_that() -> None:
    sent = json.dumps(fixture.messages()["delta"]["nodes"][0], separators=(",", ":"))
    assert len(sent) <= 230, sent


def test_numbers_that_json_lacks_become_null() -> None:
    node = replace(fixture.node(1, (0,), 0.5), value=float("nan"), holdout=float("inf"), metrics={"auc": float("nan")})
    assert wire.node_to_wire(node)["value"] is None
    assert "holdout" not in wire.node_to_wire(node)
    assert wire.detail_to_wire(node)["metrics"] == {"auc": None}


def test_a_snapshot_grows_by_at_most_400_bytes_a_node() -> None:
    record = Record()
    record.apply(RunStarted(0.0, "id", "m", "", {"seed": "", "metric": "m"}, {"nodes": 2_000}, {}))
    for index in range(2_000):
        # Distinct sources: each digest is computed once.
        record.apply(
            NodeAdded(1.0, fixture.node(index, (max(0, index - 3),) if index else (), 0.5, source=f"v={index}"))
        )
    sent = json.dumps(wire.snapshot(record, seq=1, cell_id=None), separators=(",", ":"))
    assert len(sent) < 400 * 2_000
