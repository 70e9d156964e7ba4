"""Choices from what is remembered equal choices worked out anew."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from score_nb import events as ev
from score_nb.record import Record
from score_nb.search.gains import FOOTHOLD_RANK, BestTenth, operator_table
from score_nb.search.planner import Planner
from score_nb.search.puct import rank_scores, select
from score_nb.search.standing import Standing, entry_of
from score_nb.types import Flag, Node, Pick, to_score

PICK = Pick(1.0, 1, 0.0)


def record_with_seed(value: float = 0.0) -> Record:
    record = Record()
    record.options = {"direction": "maximize"}
    record.apply(ev.NodeAdded(0.0, node(0, (), value)))
    return record


def node(index: int, parents: tuple[int, ...], value: float | None, **more: object) -> Node:
    status = "error" if value is None else "ok"
    fields = {"operator": "improve" if parents else "seed", "source": f"v = {index}", **more}
    return Node(
        index=index, parents=parents, status=status, value=value, score=to_score(value, "maximize"), model="m",
        ticket=index, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def happen(record: Record, rng: Random) -> None:
    """Let one thing happen to the record: launches most of all, and all that changes a node afterwards."""
    draw = rng.random()
    if draw < 0.4:
        parents = (rng.randrange(len(record.nodes)),)
        if rng.random() < 0.2 and len(record.nodes) > 3:
            parents = (*parents, rng.randrange(len(record.nodes)))
        record.apply(ev.ExpansionStarted(0.0, record.last_ticket + 1, parents, "improve", PICK))
    elif draw < 0.8 and record.in_flight:
        ticket = rng.choice(sorted(record.in_flight))
        flight, value = record.in_flight[ticket], rng.choice([None, round(rng.gauss(0, 1), 1)])
        flags = (Flag("beyond-bounds" if rng.random() < 0.5 else "jump"),) if rng.random() < 0.05 else ()
        twin = rng.randrange(len(record.nodes)) if rng.random() < 0.2 else None
        child = node(len(record.nodes), flight.parents, value, flags=flags, idea="" if rng.random() < 0.9 else "logs")
        if twin is not None and record.nodes[twin].duplicate_of is None:
            original = record.nodes[twin]
            child = replace(
                child, source=original.source, status="duplicate", value=original.value, score=original.score,
                duplicate_of=twin,
            )  # fmt: skip
        record.apply(ev.NodeAdded(0.0, replace(child, ticket=ticket)))
    elif draw < 0.9 and record.in_flight:
        record.apply(ev.ExpansionDropped(0.0, rng.choice(sorted(record.in_flight)), "as scripted"))
    elif draw < 0.93:
        index = rng.randrange(len(record.nodes))
        record.apply(ev.NodeFlagged(0.0, index, Flag(rng.choice(("jump", "holdout")))))
    elif draw < 0.96:
        record.apply(ev.NodeAllowed(0.0, rng.randrange(len(record.nodes))))
    elif draw < 0.98:
        index = rng.randrange(len(record.nodes))
        record.apply(ev.NodeEvaluated(0.0, index, rng.gauss(0, 1), 0.1, (0.0, 0.1)))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_remembered_chooses_as_the_formula_does(seed: int) -> None:
    rng, record, standing = Random(seed), record_with_seed(), Standing()
    for _ in range(400):
        happen(record, rng)
        standing.follow(record)
        scores, visits = record.search_scores(), [each.visits for each in record.nodes]
        assert standing.scores == scores
        assert [standing.rank(score) for score in scores] == rank_scores(scores)
        for c_puct in (0.0, 0.3, 1.0, 10.0):
            assert standing.select(c_puct) == select(scores, visits, c_puct)


@pytest.mark.parametrize("seed", range(4))
def test_a_deep_tree_is_remembered_through_launches_taken_back_and_dropped_branches(seed: int) -> None:
    rng, record, standing = Random(seed), record_with_seed(), Standing()
    # No earlier score changes but where a branch is dropped: what is remembered is carried on for long.
    for step in range(1200):
        draw = rng.random()
        if draw < 0.5:
            is_chosen = len(standing) and rng.random() < 0.7
            parent = standing.select(1.0)[0] if is_chosen else rng.randrange(len(record.tree))
            record.apply(ev.ExpansionStarted(0.0, record.last_ticket + 1, (parent,), "improve", PICK))
        elif draw < 0.8 and record.in_flight:
            ticket = rng.choice(sorted(record.in_flight))
            value = record.tree[record.in_flight[ticket].parents[0]].value or 0.0
            child = node(len(record.tree), record.in_flight[ticket].parents, round(value + rng.gauss(0, 1), 1))
            record.apply(ev.NodeAdded(0.0, replace(child, ticket=ticket)))
        elif draw < 0.998 and record.in_flight:
            record.apply(ev.ExpansionDropped(0.0, rng.choice(sorted(record.in_flight)), "as scripted"))
        elif len(record.tree) > 1:
            record.apply(ev.BranchDropped(0.0, rng.randrange(1, len(record.tree)), rng.random() < 0.7))
        standing.follow(record)
        if step % 3 == 0:
            kept = [each for each in record.nodes if not each.is_dropped]
            chosen, pick = standing.select(2.0)
            place, wanted = select([each.score for each in kept], [each.visits for each in kept], 2.0)
            assert (kept[place].index, pick) == (chosen, wanted)


def test_the_best_tenth_is_that_of_the_scores_in_their_order() -> None:
    rng, tenth, scores = Random(0), BestTenth(), list[float]()
    for index in range(600):
        score = round(rng.gauss(0, 1), 1)
        entry = entry_of(score, index)
        assert tenth.would_have(entry) == (sum(each < score for each in scores) >= FOOTHOLD_RANK * len(scores))
        tenth.add(entry)
        scores.append(score)


@pytest.mark.parametrize("seed", range(4))
def test_a_planner_that_remembers_plans_as_a_fresh_one(seed: int) -> None:
    rng, record, ideas = Random(seed), record_with_seed(), ["logs", "ranks"]
    kept = Planner(entropy="7")
    for ticket in range(1, 250):
        for _ in range(rng.randrange(3)):
            happen(record, rng)
        assert kept.ask(record, ticket, ideas) == Planner(entropy="7").ask(record, ticket, ideas)


def test_a_planner_may_be_asked_about_another_record() -> None:
    planner, first, second = Planner(), record_with_seed(), record_with_seed(5.0)
    rng = Random(0)
    for _ in range(200):
        happen(first, rng)
    for _ in range(80):
        happen(second, rng)
    for record in (first, second, first, record_with_seed()):
        assert planner.ask(record, 9) == Planner().ask(record, 9)


def test_a_copy_of_a_record_gives_the_same_table_of_operators() -> None:
    rng, record = Random(3), record_with_seed()
    for _ in range(200):
        happen(record, rng)
    assert operator_table(record) == operator_table(record.copy())


def test_good_nodes_are_programs_of_their_own_spaced_wider_the_further_down() -> None:
    record = record_with_seed()
    for index in range(1, 1000):
        record.apply(ev.NodeAdded(0.0, node(index, (0,), float(index))))
    record.apply(ev.NodeAdded(0.0, node(1000, (0,), 999.0, duplicate_of=999)))
    standing = Standing()
    standing.follow(record)
    good = standing.good()
    assert good[:4] == [999, 998, 997, 996]
    assert good == sorted(good, reverse=True)
    assert min(good) > 700
    assert len(good) < 40
    assert 1000 not in good
