"""What is asked for, on a landscape whose best cells are known by construction."""

from __future__ import annotations

import statistics
from collections import Counter
from random import Random

import pytest

from score_nb import events as ev
from score_nb.record import Record
from score_nb.search.gains import FIXED_SHARES, LEAST, MOST, operator_table
from score_nb.search.planner import Planner
from score_nb.search.plateau import FOCUS_SHARE, LEAST_REPEATS, STALL, TIRED, plateau_of, window
from score_nb.search.puct import select
from score_nb.types import Expansion, Operator
from tests.search.landscape import Landscape, search
from tests.search.test_standing import PICK, node, record_with_seed


def add(record: Record, value: float | None, parents: tuple[int, ...] = (0,), **more: object) -> None:
    record.apply(ev.NodeAdded(0.0, node(len(record.nodes), parents, value, **more)))


def asked(record: Record, tickets: int = 400, ideas: tuple[str, ...] = (), **options: object) -> list[Expansion]:
    planner = Planner(**options)  # type: ignore[arg-type]
    return [planner.ask(record, ticket, ideas) for ticket in range(1, tickets + 1)]


def operators(record: Record, **options: object) -> Counter[str]:
    return Counter(expansion.operator for expansion in asked(record, **options))


# --- as published ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operators", ["fixed", "plain"])
def test_with_fixed_operators_the_parents_are_those_of_the_published_algorithm(operators: str) -> None:
    rng, record, planner = Random(1), record_with_seed(), Planner(operators=operators)
    for ticket in range(1, 150):
        wanted = planner.ask(record, ticket)
        expected = select([each.score for each in record.nodes], [each.visits for each in record.nodes], 1.0)
        assert (wanted.parent, wanted.pick) == expected
        record.apply(ev.ExpansionStarted(0.0, ticket, wanted.parents, wanted.operator, wanted.pick))
        gain = 1.0 if ticket % 10 == 0 else -rng.random()
        add(record, record.nodes[wanted.parent].score + gain, wanted.parents, operator=wanted.operator)


def test_while_the_search_gains_the_parents_are_those_of_the_published_algorithm() -> None:
    rng, record, planner = Random(1), record_with_seed(), Planner()
    for ticket in range(1, 150):
        wanted = planner.ask(record, ticket)
        expected = select([each.score for each in record.nodes], [each.visits for each in record.nodes], 1.0)
        assert (wanted.parent, wanted.pick) == expected
        record.apply(ev.ExpansionStarted(0.0, ticket, wanted.parents, wanted.operator, wanted.pick))
        best = max(each.score for each in record.nodes)
        score = best + 1.0 if ticket % STALL == 0 else record.nodes[wanted.parent].score - rng.random()
        add(record, score, wanted.parents, operator=wanted.operator)


def test_plain_operators_are_improve_and_debug() -> None:
    record = record_with_seed()
    for index in range(1, 30):
        add(record, index / 10)
    assert set(operators(record, operators="plain")) == {"improve"}
    failed = record_with_seed()
    add(failed, None)
    for ticket in range(1, 20):
        failed.apply(ev.ExpansionStarted(0.0, ticket, (0,), "improve", PICK))
    assert set(operators(failed, operators="plain", c_puct=100.0)) == {"debug"}


def test_best_of_n_rewrites_the_seed_and_joins_nothing() -> None:
    record = record_with_seed()
    for index in range(1, 60):
        add(record, -index / 10)
    expansions = asked(record, policy="best-of-n", ideas=("use logs",))
    assert {expansion.parents for expansion in expansions} == {(0,)}


# --- a stall --------------------------------------------------------------------------------------------------------


def stalled(children: int) -> Record:
    """A record whose best is node 1; so many children of it since, none as good."""
    record = record_with_seed()
    add(record, 10.0)
    for index in range(2, 2 + children):
        record.apply(ev.ExpansionStarted(0.0, index, (1,), "improve", PICK))
        add(record, 5.0 - index / 100, (1,))
    return record


def share_of_the_best(record: Record, **options: object) -> float:
    # With so large a constant PUCT itself asks for a node that was never expanded.
    return sum(expansion.parent == 1 for expansion in asked(record, c_puct=100.0, **options)) / 400


def test_a_search_that_stalls_turns_to_its_best_node_until_that_is_tired() -> None:
    assert share_of_the_best(stalled(STALL - 1)) == 0
    assert share_of_the_best(stalled(STALL)) == pytest.approx(FOCUS_SHARE, abs=0.06)
    assert share_of_the_best(stalled(TIRED - 1)) > 0.5
    assert share_of_the_best(stalled(TIRED)) < 0.1
    for options in ({"operators": "fixed"}, {"without": frozenset({"focus"})}):
        assert share_of_the_best(stalled(STALL), **options) == 0


def test_expansions_in_flight_count_towards_the_tiredness_of_the_best() -> None:
    record = stalled(STALL)
    for ticket in range(100, 100 + TIRED - STALL):
        record.apply(ev.ExpansionStarted(0.0, ticket, (1,), "improve", PICK))
    assert share_of_the_best(record) == 0


# --- a plateau ------------------------------------------------------------------------------------------------------


def stuck(nodes: int, gain_at: int = 1) -> Record:
    """A record whose last gain was node `gain_at`; the others are children of that node, none as good."""
    record = record_with_seed()
    for index in range(1, nodes):
        parent = index - 1 if index <= gain_at else gain_at
        add(record, float(index) if index <= gain_at else gain_at - 0.5 - 0.001 * index, (parent,))
    return record


def test_a_plateau_begins_after_a_window_that_grows_with_the_run() -> None:
    assert [window(n) for n in (10, 100, 101, 400, 2000)] == [25, 25, 26, 100, 500]
    steady = stuck(300, gain_at=250)
    assert plateau_of(steady).since == 49  # type: ignore[union-attr]
    assert not plateau_of(steady).is_reached or plateau_of(steady).repeats >= LEAST_REPEATS  # type: ignore[union-attr]
    assert plateau_of(stuck(300, gain_at=200)).is_reached  # type: ignore[union-attr]


def test_one_node_expanded_again_and_again_is_a_plateau_before_the_window_is_over() -> None:
    early = plateau_of(stuck(15), c_puct=0.0)
    assert early is not None
    assert (early.since, early.window, early.repeats) == (13, 25, 13)
    assert early.is_reached
    other_parents = record_with_seed()
    add(other_parents, 1.0)
    for index in range(2, 15):
        add(other_parents, 0.5 - index / 100, (0,))
    assert not plateau_of(other_parents, c_puct=0.0).is_reached  # type: ignore[union-attr]


def test_repetitions_of_a_program_count_as_the_same_node() -> None:
    record = record_with_seed()
    add(record, 1.0)
    for index in range(20):
        twin = {"duplicate_of": 1, "source": "v = 1"}
        add(record, 1.0, (1 + index,), **twin)
    found = plateau_of(record, c_puct=0.0)
    assert found is not None
    assert found.repeats == 20


def test_a_plateau_is_answered_by_what_leaves_the_beaten_track() -> None:
    record = stuck(200, gain_at=30)
    add(record, -9.0, operator="idea", idea="use logs")
    usual = select([each.score for each in record.nodes], [each.visits for each in record.nodes], 1.0)[0]
    expansions = asked(record, ideas=("use logs",))
    elsewhere = [each for each in expansions if each.parent != usual]
    assert 0.15 < len(elsewhere) / 400 < 0.4  # a third is to broaden, some of it from the usual node
    assert {each.operator for each in elsewhere} == {"recombine", "improve", "draft"}
    assert {each.parents for each in elsewhere if each.operator == "draft"} == {(0,)}
    # The idea was tried from the seed only: now the best line takes it up.
    assert {each.parents for each in expansions if each.operator == "idea"} == {(30,)}
    for options in ({"operators": "fixed"}, {"without": frozenset({"plateau"})}):
        assert {expansion.parent for expansion in asked(record, **options)} == {usual}


def test_an_idea_begins_a_branch_that_follows_no_other_idea() -> None:
    record, planner, ideas = record_with_seed(), Planner(), ("ranks", "logs", "trees")
    for ticket, (value, idea) in enumerate(zip((2.0, 3.0, 1.0), ideas, strict=True), 1):
        wanted = planner.ask(record, ticket, ideas)
        assert (wanted.operator, wanted.idea, wanted.parents) == ("idea", idea, (0,))
        add(record, value, wanted.parents, operator="idea", idea=idea)
    add(record, 2.5, (0,))
    assert planner.ask(record, 5, (*ideas, "forests")).parents == (4,)
    assert not planner.ask(record, 5, ideas).idea


# --- what operators brought -----------------------------------------------------------------------------------------


def tried(gains: dict[Operator, float], tokens: dict[Operator, int] | None = None) -> Record:
    """A record of 200 children whose operators bring a new best at these rates."""
    rng, record, best = Random(2), record_with_seed(), 0.0
    for index in range(1, 201):
        operator = list(gains)[index % len(gains)]
        best_now = rng.random() < gains[operator]
        best += best_now
        add(record, best if best_now else best - 1, operator=operator, tokens=(tokens or {}).get(operator, 10))
    return record


def weight_of(record: Record, operator: str) -> float:
    return next(row.weight or 0.0 for row in operator_table(record) if row.operator == operator)


def test_an_operator_that_brings_gain_is_chosen_more_often_within_bounds() -> None:
    record = tried({"improve": 0.02, "tune": 0.4, "recombine": 0.02, "draft": 0.02})
    fixed = {row.operator: row.weight for row in operator_table(record, is_learnt=False)}
    assert fixed["tune"] == pytest.approx(FIXED_SHARES["tune"] / 1.0)
    assert weight_of(record, "tune") > 2 * FIXED_SHARES["tune"]
    assert sum(row.weight or 0.0 for row in operator_table(record)) == pytest.approx(1.0)
    for row in operator_table(record):
        least = FIXED_SHARES[row.operator] * LEAST / MOST
        assert least <= (row.weight or 0.0) <= MOST / LEAST * FIXED_SHARES[row.operator]


def test_of_equal_gains_the_cheaper_operator_is_preferred() -> None:
    rates: dict[Operator, float] = {"improve": 0.2, "tune": 0.2, "recombine": 0.2, "draft": 0.2}
    cheap = tried(rates, {"improve": 100, "tune": 10, "recombine": 100, "draft": 100})
    assert weight_of(cheap, "tune") > 1.5 * weight_of(tried(rates), "tune")


def test_the_table_counts_tries_gains_and_tokens() -> None:
    record = record_with_seed()
    add(record, 1.0, operator="tune", tokens=7)
    add(record, 0.5, operator="tune", tokens=7)
    add(record, None, operator="improve", tokens=9)
    add(record, 1.0, operator="improve", duplicate_of=1, source="v = 1")
    rows = {row.operator: (row.tries, row.bests, row.tokens) for row in operator_table(record)}
    assert (rows["tune"], rows["improve"], rows["draft"]) == ((2, 1, 14), (2, 0, 9), (0, 0, 0))
    assert operator_table(Record()) == []


def test_nothing_is_learnt_where_nothing_was_gained() -> None:
    record = record_with_seed()
    for _ in range(50):
        add(record, -1.0)
    assert weight_of(record, "improve") == pytest.approx(FIXED_SHARES["improve"])


def test_a_hint_is_followed_on_the_node_that_was_named() -> None:
    record = record_with_seed()
    record.apply(ev.ExpansionStarted(0.0, 1, (0,), "improve", PICK))
    add(record, None)
    expansion = Planner().ask_for(record, 2, 1, "use logs")
    assert (expansion.parents, expansion.operator, expansion.hint) == ((1,), "debug", "use logs")


# --- with several workers -------------------------------------------------------------------------------------------


def shape(record: Record) -> dict[str, float]:
    """How broad and how deep a tree is; a repetition of a program is no step down."""
    depth = [0] * len(record.nodes)
    for each in record.nodes[1:]:
        depth[each.index] = depth[each.parents[0]] + (each.duplicate_of is None)
    children = Counter(each.parents[0] for each in record.nodes[1:])
    return {
        "share of nodes that were expanded": len(children) / len(record.nodes),
        "share of children of the ten most expanded": sum(n for _, n in children.most_common(10)) / len(record.nodes),
        "children of the most expanded but the seed": max(n for parent, n in children.items() if parent),
        "mean depth": statistics.fmean(depth),
    }


@pytest.mark.parametrize("operators", ["learnt", "plain"])
def test_with_eight_workers_the_tree_keeps_its_shape(operators: str) -> None:
    def shapes(workers: int) -> list[dict[str, float]]:
        searches = (
            search(Landscape("rugged", seed), Planner(entropy=str(seed), operators=operators), calls=120,
                   workers=workers)
            for seed in range(8)
        )  # fmt: skip
        return [shape(record) for record in searches]

    one, eight = shapes(1), shapes(8)
    for name in one[0]:
        if name == "mean depth" and operators == "learnt":
            continue  # a chain of small gains: each of eight is chosen before the results of the other seven are known
        ours, theirs = [each[name] for each in one], [each[name] for each in eight]
        # The means lie closer than two trees of one worker, drawn at random, usually do.
        assert abs(statistics.fmean(ours) - statistics.fmean(theirs)) <= 2 * statistics.stdev(ours), name
