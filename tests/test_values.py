"""The values: digests, scores, options, events and the record they make."""

from __future__ import annotations

import copy
import gc
import json
import math
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from sys import getsizeof

import pytest

from score_nb import events as ev
from score_nb.config import Options, options_from
from score_nb.errors import BadOption
from score_nb.record import Record, replay
from score_nb.types import Candidate, Flag, Node, Pick, digest, replaced, to_score

PICK = Pick(1.0, 1, 0.5)


def node(index: int, parents: tuple[int, ...] = (), value: float | None = 0.0, **more: object) -> Node:
    fields: dict[str, object] = {"ticket": index, **more}
    status = "ok" if value is not None else "error"
    return Node(index, parents, f"x = {index}", status, value, to_score(value, "maximize"), "improve", "m", **fields)  # type: ignore[arg-type]


def begun(*more: ev.Event) -> Record:
    start = ev.RunStarted(0.0, "id", "m", "now", {"seed": "x = 0", "metric": "m"}, {"nodes": 9}, {})
    return replay([start, ev.NodeAdded(1.0, node(0)), *more])


def launched(ticket: int, parent: int) -> ev.ExpansionStarted:
    return ev.ExpansionStarted(1.0, ticket, (parent,), "improve", PICK)


@pytest.mark.parametrize("same", ["x=1", "x = 1  # why", "\n\nx = 1\n", "x = (1)"])
def test_programs_that_differ_in_spelling_only_have_one_digest(same: str) -> None:
    assert digest(same) == digest("x = 1") == Candidate("x = 1").digest


@pytest.mark.parametrize("other", ["x = 1.0", "y = 1", "x = 1; y = 2", "x = '1'", "x ="])
def test_programs_that_differ_have_other_digests(other: str) -> None:
    assert digest(other) != digest("x = 1")


def test_a_docstring_is_no_part_of_a_program() -> None:
    assert digest("def f():\n    '''Say.'''\n    return 1") == digest("def f():\n    return 1")
    assert digest("def f():\n    '''Say.'''") == digest("def f():\n    pass")


def test_source_that_nests_too_deep_still_has_a_digest() -> None:
    assert len(digest("(" * 5000 + ")" * 5000)) == 12


def test_the_sign_is_turned_for_minimizing_and_what_is_no_number_is_a_failure() -> None:
    assert to_score(2.0, "minimize") == -2.0
    assert to_score(None, "minimize") == to_score(math.nan, "maximize") == to_score(math.inf, "maximize") == -math.inf


@pytest.mark.parametrize(
    ("option", "value"),
    [("nodes", 0), ("workers", 0), ("timeout", -1.0), ("minutes", math.nan), ("c_puct", -0.1), ("name", "my run"),
     ("repeats", 0), ("cost", 0.0), ("policy", "pucct")],
)  # fmt: skip
def test_a_value_that_an_option_cannot_take_is_named(option: str, value: object) -> None:
    with pytest.raises(BadOption, match=f"--{option.replace('_', '-')}"):
        options_from(**{option: value})


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadOption, match="Did you mean timeout"):
        options_from(timeuot=3)


def test_proposals_default_to_twice_the_workers() -> None:
    assert Options(workers=3).n_proposals == 6
    assert Options().n_workers >= 1


EVENTS = [
    ev.RunStarted(0.0, "id", "m", "now", {"seed": "x"}, {"nodes": 5}, {"python": "3"}, "f", "nb.ipynb"),
    ev.RunResumed(1.0, {"nodes": 9}),
    ev.EvaluatorReady(1.0, {"level": "full", "layers": {}}, 30.0, 1024, {"x": {"container": "array"}}),
    ev.SeedTested(1.5, 0.5, None, {"constant": 0.25}),
    ev.ExpansionStarted(2.0, 1, (0, 3), "recombine", PICK, "hint", "idea"),
    ev.ProposalReceived(3.0, 1, "x = 1", "m", "d", "p", "r", 1, 2, 0.1, 0.5),
    ev.EvaluationStarted(3.5, 1),
    ev.ExpansionDropped(4.0, 1, "no cell"),
    ev.NodeAdded(5.0, node(2, (0, 1), None, pick=PICK, metrics={"recall": 0.5})),
    ev.NodeAdded(5.0, node(3, (0,), 2.0, values=(1.0, 3.0), spread=1.4, flags=(Flag("jump", "far off", True),))),
    ev.NodeEvaluated(5.5, 3, 2.5, 0.5, (2.0, 3.0), (Flag("constant", "all 1"),)),
    ev.NodeFlagged(5.6, 3, Flag("holdout", "worse there")),
    ev.NodeAllowed(5.7, 3),
    ev.BranchDropped(5.8, 3),
    ev.NodePinned(5.9, 3),
    ev.HoldoutScored(6.0, 2, 0.5),
    ev.StateChanged(7.0, "paused", "why"),
    ev.NodeAccepted(8.0, 2),
    ev.Warned(9.0, "careful"),
]


def test_a_node_gives_back_what_it_was_made_of_however_odd() -> None:
    pick = Pick(rank_score=0.5, visits=3, bonus=0.25)
    odd: list[dict[str, object]] = [
        {}, {"pick": pick}, {"pick": pick, "ticket": 2**70}, {"tokens": None}, {"seconds": math.inf, "cost": 1e-300},
        {"holdout": 0.5, "hint": "h"}, {"flags": (Flag("jump", "d"),), "is_allowed": True}, {"metrics": {"auc": 0.5}},
        {"values": (1.0, 2.0), "spread": 0.5, "idea": "logs"}, {"duplicate_of": 0, "detail": "d", "is_dropped": True},
    ]  # fmt: skip
    for more in odd:
        made = node(1, (0,), 0.5, **more)
        assert {name: getattr(made, name) for name in more} == more
        changed = replaced(made, visits=7, finished=9.0, hint="other")
        assert (changed.visits, changed.finished, changed.hint) == (7, 9.0, "other")
        assert replaced(changed, visits=made.visits, finished=made.finished, hint=made.hint) == made
        assert replace(made, log="text") == replaced(made, log="text") != made


def test_a_node_can_not_be_changed_and_knows_its_fields() -> None:
    made = node(1, (0,), 0.5, ticket=4)
    with pytest.raises(FrozenInstanceError):
        made.ticket = 5  # type: ignore[misc]
    with pytest.raises(TypeError, match="no field colour"):
        replaced(made, colour="red")
    assert "ticket=4" in repr(made)


def test_a_node_can_be_copied_and_pickled() -> None:
    made = node(3, (1, 2), 0.5, metrics={"f1": 0.25}, pick=PICK, flags=(Flag("jump", "far off"),), values=(0.4, 0.6))
    for twin in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin == made
        assert twin.metrics == {"f1": 0.25}


def test_a_node_that_has_nothing_unusual_takes_less_than_330_bytes() -> None:
    first, second = (
        node(
            1, (0,), 0.5, pick=Pick(0.5 + n, 3_000 + n, 0.25 + n), ticket=7_000 + n, tokens=8_000 + n, cost=0.5 + n,
            seconds=1.5 + n, cpu_seconds=1.25 + n, peak_mib=2.5 + n, started=3.5 + n, finished=4.5 + n,
        )
        for n in (1, 2)
    )  # fmt: skip
    shared = {id(held) for held in gc.get_referents(second)}
    own = [held for held in gc.get_referents(first) if id(held) not in shared and not isinstance(held, str)]
    assert own
    assert getsizeof(first) + sum(map(getsizeof, own)) < 330


def test_every_kind_of_event_is_covered() -> None:
    assert {type(event) for event in EVENTS} == set(ev.EVENTS.values())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_json_as_it_was(event: ev.Event) -> None:
    assert ev.from_json(json.loads(json.dumps(ev.to_json(event), allow_nan=False))) == event


def test_visits_are_counted_when_an_expansion_is_launched() -> None:
    record = begun(launched(1, 0), ev.NodeAdded(2.0, node(1, (0,))), launched(2, 1), launched(3, 1))
    assert [n.visits for n in record.nodes] == [4, 3]


def test_a_dropped_expansion_gives_its_visits_back() -> None:
    record = begun(launched(1, 0), ev.ExpansionDropped(2.0, 1, "no cell"))
    assert [n.visits for n in record.nodes] == [1]
    assert (record.in_flight, record.drops_in_a_row) == ({}, 1)


def test_of_equal_values_the_earliest_is_best() -> None:
    record = begun(*(ev.NodeAdded(2.0, node(i, (0,), 5.0)) for i in (1, 2)))
    assert record.best is not None
    assert (record.best.index, record.gain) == (1, 5.0)


def test_a_copy_does_not_change_with_later_events() -> None:
    record = begun()
    before = record.copy()
    record.apply(ev.NodeAdded(2.0, node(1, (0,), 5.0)))
    record.apply(ev.Warned(2.0, "w"))
    assert (len(before.nodes), before.warnings, before.digests) == (1, [], frozenset({digest("x = 0")}))


def test_a_paid_reply_counts_though_it_held_no_cell() -> None:
    reply = ev.ProposalReceived(2.0, 1, None, "m", "", "", "", 10, 5, 0.25, 1.0)
    record = begun(launched(1, 0), reply, ev.ExpansionDropped(2.0, 1, ""))
    assert (record.tokens, record.cost) == (15, 0.25)


def test_the_lineage_runs_from_the_seed_along_first_parents() -> None:
    record = begun(
        ev.NodeAdded(2.0, node(1, (0,))), ev.NodeAdded(3.0, node(2, (0,))), ev.NodeAdded(4.0, node(3, (2, 1)))
    )
    assert [n.index for n in record.lineage(3)] == [0, 2, 3]
    assert [n.index for n in record.children(0)] == [1, 2]


def test_importing_score_nb_loads_nothing_heavy() -> None:
    heavy = ["numpy", "pandas", "openai", "altair", "PIL", "IPython", "ipywidgets", "anywidget", "papermill", "sklearn"]
    code = f"import sys, score_nb; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
