"""Which two candidates are joined, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from score_nb import events as ev
from score_nb.record import Record
from score_nb.search.recombine import HybridYield, choose_pair, choose_partner, distance, hybrid_yield, is_of_one_line
from tests.search.test_standing import node, record_with_seed

FOREST = "model = RandomForestClassifier(n_estimators=100)\nmodel.fit(X, y)\n"
FOREST_TUNED = FOREST.replace("100", "300")
KERNEL = "scaled = scaler.transform(X)\nsvm = SVC(C=3, gamma=0.1).fit(scaled, y)\nanswer = svm.predict(scaled)\n"


def tree(*children: tuple[tuple[int, ...], float | None, str]) -> Record:
    record = record_with_seed()
    for parents, value, source in children:
        operator = "recombine" if len(parents) > 1 else "improve"
        record.apply(ev.NodeAdded(0.0, node(len(record.nodes), parents, value, source=source, operator=operator)))
    return record


def test_cells_are_the_more_distant_the_fewer_runs_of_tokens_they_share() -> None:
    assert distance(FOREST, FOREST) == 0.0
    assert distance(FOREST, "# only a comment\n" + FOREST + "# another\n") == 0.0
    assert distance(FOREST, KERNEL) == distance(KERNEL, FOREST)
    assert 0.0 < distance(FOREST, FOREST_TUNED) < 0.5 < distance(FOREST, KERNEL) <= 1.0


def test_the_distance_of_a_known_pair_is_jaccards() -> None:
    # runs of three: abc, bcd and abc, bce: one of three is shared
    assert distance("a b c d", "a b c e") == pytest.approx(2 / 3)


def test_the_distance_of_long_cells_is_near_jaccards() -> None:
    words = [f"w{number}" for number in range(3_000)]
    # Runs of three: the first 1,500 words have 1,498 in common with the whole's 2,998.
    assert distance(" ".join(words), " ".join(words[:1_500])) == pytest.approx(1 - 1_498 / 2_998, abs=0.15)


def test_distances_are_the_same_in_every_process() -> None:
    code = f"from score_nb.search.recombine import sketch; print(sum(sketch({FOREST!r})))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_lines_are_followed_through_second_parents() -> None:
    record = tree(((0,), 1.0, "a = 1"), ((0,), 2.0, "b = 1"), ((1, 2), 3.0, "c = 1"), ((3,), 4.0, "d = 1"))
    assert is_of_one_line(record.nodes, 4, 2)
    assert is_of_one_line(record.nodes, 1, 4)
    assert not is_of_one_line(record.nodes, 1, 2)


def test_the_partner_is_of_another_line_and_different_more_often_than_alike() -> None:
    record = tree(((0,), 3.0, FOREST), ((1,), 2.9, FOREST + "b = 1"), ((0,), 2.8, FOREST_TUNED), ((0,), 2.7, KERNEL))
    chosen = Counter(choose_partner(record.nodes, 1, [1, 2, 3, 4], frozenset(), Random(n)) for n in range(300))
    assert set(chosen) == {3, 4}
    assert chosen[4] > chosen[3]
    assert choose_partner(record.nodes, 1, [1, 2, 3, 4], {frozenset((1, 4))}, Random(0)) == 3
    assert choose_partner(record.nodes, 1, [1, 2], frozenset(), Random(0)) is None


def test_the_pair_is_good_and_different_the_better_first() -> None:
    record = tree(((0,), 3.0, FOREST), ((0,), 2.9, FOREST_TUNED), ((0,), 2.8, KERNEL), ((3,), 2.7, KERNEL + "b = 1"))
    pairs = Counter(choose_pair(record.nodes, [1, 2, 3, 4], frozenset(), Random(n)) for n in range(300))
    assert (3, 4) not in pairs  # one line
    assert all(first < second for first, second in pairs)  # type: ignore[misc]
    assert pairs[1, 3] > pairs[1, 2]
    assert choose_pair(record.nodes, [1], frozenset(), Random(0)) is None


def test_the_yield_counts_hybrids_that_beat_both_parents() -> None:
    record = tree(
        ((0,), 1.0, "a = 1"), ((0,), 2.0, "b = 1"), ((1, 2), 3.0, "c = 1"), ((1, 2), 1.5, "d = 1"),
        ((2, 1), None, "e = 1"), ((3, 2), 9.0, "f = 1"),
    )  # fmt: skip
    assert hybrid_yield(record) == HybridYield(hybrids=4, scored=3, beat_both=2)
    assert hybrid_yield(record).share == 0.5
    assert hybrid_yield(record_with_seed()).share is None
