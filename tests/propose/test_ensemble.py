"""Several models as one: who brings more for its money is asked more often."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from score_nb import events as ev
from score_nb.propose.base import Earned
from score_nb.propose.ensemble import Ensemble
from score_nb.record import Record
from score_nb.run.requests import Earnings
from score_nb.types import Flag, Node
from tests.propose.contract import SEED, ProposerContract, request
from tests.support.scripted import ScriptedProposer


class Named(ScriptedProposer):
    """A scripted proposer of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda asked: SEED.replace("max_depth=3", f"max_depth={5 + asked.seed % 7}"))
        self.name = name


class TestEnsemble(ProposerContract):
    @pytest.fixture
    def proposer(self) -> Ensemble:
        return Ensemble([Named("one"), Named("two")])


def turns(proposer: Ensemble, *known: Earned, calls: int = 400) -> Counter[str]:
    return Counter(proposer.whose_turn(request(seed=seed, earned=known)).name for seed in range(calls))


def test_before_anything_is_known_all_take_turns() -> None:
    counted = turns(Ensemble([Named("one"), Named("two"), Named("three")]))
    assert min(counted.values()) > 90


def test_who_brings_gains_is_asked_more_and_the_others_are_still_tried() -> None:
    counted = turns(Ensemble([Named("good"), Named("poor")]), Earned("good", 20, 8, 1.0), Earned("poor", 20, 2, 1.0))
    assert 300 < counted["good"] < 400


def test_of_equally_good_models_the_cheaper_one_is_asked_more() -> None:
    counted = turns(Ensemble([Named("dear"), Named("cheap")]), Earned("dear", 30, 6, 3.0), Earned("cheap", 30, 6, 0.03))
    assert 240 < counted["cheap"] < 400


def test_money_is_not_all_a_model_that_gains_ten_times_as_often_may_cost_more() -> None:
    counted = turns(
        Ensemble([Named("dear"), Named("cheap")]), Earned("dear", 50, 30, 5.0), Earned("cheap", 50, 3, 0.05)
    )
    assert counted["dear"] > 350


def test_learning_can_be_switched_off() -> None:
    ensemble = Ensemble([Named("good"), Named("poor")], is_learning=False)
    counted = turns(ensemble, Earned("good", 20, 20, 1.0), Earned("poor", 20, 0, 1.0))
    assert 160 < counted["poor"] < 240


def test_the_turn_depends_on_the_request_alone() -> None:
    known = (Earned("one", 5, 1, 0.1), Earned("two", 7, 3, 0.4))
    first = [Ensemble([Named("one"), Named("two")]).whose_turn(request(seed=s, earned=known)).name for s in range(50)]
    shared = Ensemble([Named("one"), Named("two")])
    order = list(range(50))
    Random(3).shuffle(order)
    told = {seed: shared.whose_turn(request(seed=seed, earned=known)).name for seed in order}
    assert first == [told[seed] for seed in range(50)]


def test_gains_are_new_nodes_better_than_all_their_parents() -> None:
    record = Record()

    def add(model: str, score: float | None, *parents: int, **more: object) -> None:
        index = len(record.nodes)
        fields = {"cost": 0.25, **more}
        status = "ok" if score is not None else "error"
        value = -float("inf") if score is None else score
        node = Node(index, parents, f"v = {index}", status, score, value, "improve", model, **fields)  # type: ignore[arg-type]
        record.apply(ev.NodeAdded(0.0, node))

    add("", 0.5)
    add("one", 0.6, 0)
    add("one", None, 0)
    add("two", 0.4, 0)
    add("two", 0.7, 1, 3)
    add("one", 0.65, 4, 1)  # better than one of its parents only
    add("two", 0.9, 0, duplicate_of=4)
    add("two", 0.99, 0, flags=(Flag("jump"),))
    assert Earnings().of(record) == (Earned("one", 3, 1, 0.75), Earned("two", 4, 1, 1.0))
