"""Flat PUCT against numbers worked out by hand and against a plain reading of Alg. 1."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest

from score_nb.search.policies import best_of_n, greedy
from score_nb.search.puct import picks, rank_scores, select

INF = math.inf


def test_equal_scores_share_their_mean_rank() -> None:
    # sorted: 1, 1, 3 -> ranks 0, 1, 2; the two ones share 0.5, divided by 2
    assert rank_scores([1.0, 3.0, 1.0]) == [0.25, 1.0, 0.25]


def test_failures_tie_below_everything() -> None:
    # sorted: -inf, -inf, -5, 2 -> the failures share (0 + 1) / 2, divided by 3
    assert rank_scores([-INF, 2.0, -INF, -5.0]) == pytest.approx([1 / 6, 1.0, 1 / 6, 2 / 3])


def test_a_single_node_ranks_first() -> None:
    assert rank_scores([-INF]) == [1.0]


def test_terms_equal_the_published_example() -> None:
    # three nodes, visits 1, 4, 0, c = 1: N = 5, prior 1/3
    terms = picks([0.0, 2.0, 1.0], [1, 4, 0], 1.0)
    assert [t.puct for t in terms] == pytest.approx(
        [0 + math.sqrt(5) / 6, 1 + math.sqrt(5) / 15, 0.5 + math.sqrt(5) / 3]
    )


def test_of_equal_terms_the_earliest_is_chosen() -> None:
    assert select([1.0, 1.0], [1, 1], 1.0)[0] == 0


def test_without_exploration_the_best_is_chosen() -> None:
    assert greedy([0.0, 3.0, 2.0], [9, 99, 1], 1.0)[0] == 1


def test_best_of_n_always_rewrites_the_seed() -> None:
    assert best_of_n([0.0, 3.0], [2, 1], 1.0)[0] == 0


def published_parents(child_scores: list[float], c_puct: float = 1.0) -> list[int]:
    """Parents chosen by Alg. 1, written down a second time without looking at ours: lists, no cleverness."""
    scores, visits, parent_of, chosen = [0.0], [1], [-1], []
    for score in child_scores:
        n = len(scores)
        best, best_value = -1, -INF
        for u in range(n):
            lower = sum(s < scores[u] for s in scores)
            equal = sum(s == scores[u] for s in scores)
            rank = 1.0 if n == 1 else (lower + (equal - 1) / 2) / (n - 1)
            value = rank + c_puct * (1 / n) * math.sqrt(sum(visits)) / (1 + visits[u])
            if value > best_value:
                best, best_value = u, value
        chosen.append(best)
        node = best
        while node != -1:
            visits[node] += 1
            node = parent_of[node]
        scores.append(score)
        visits.append(1)
        parent_of.append(best)
    return chosen


def our_parents(child_scores: list[float]) -> list[int]:
    scores, visits, parent_of, chosen = [0.0], [1], [-1], []
    for score in child_scores:
        parent, _ = select(scores, visits, 1.0)
        chosen.append(parent)
        node = parent
        while node != -1:
            visits[node] += 1
            node = parent_of[node]
        scores.append(score)
        visits.append(1)
        parent_of.append(parent)
    return chosen


def test_the_first_choices_equal_a_calculation_by_hand() -> None:
    # Child scores 1, 2, -inf, 0.5; the root scores 0.
    # 1: only the root                                                            -> 0
    # 2: V = [2, 1], N = 3: root 0 + .5*1.732/3 = .289; node1 1 + .5*1.732/2 = 1.433 -> 1
    # 3: V = [3, 2, 1], N = 6: .204, .5 + .272 = .772, 1 + .408 = 1.408             -> 2
    # 4: V = [4, 3, 2, 1], N = 10, failure ranks 0: 1/3 + .158, 2/3 + .198, 1 + .264, .395 -> 2
    assert our_parents([1.0, 2.0, -INF, 0.5]) == [0, 1, 2, 2]


@pytest.mark.parametrize("seed", range(8))
def test_chosen_parents_equal_the_published_algorithm(seed: int) -> None:
    rng = Random(seed)
    scores = [rng.choice([-INF, round(rng.gauss(0, 1), 1)]) for _ in range(120)]
    assert our_parents(scores) == published_parents(scores)


def test_the_bonus_fades_with_visits() -> None:
    bonuses = [picks([1.0, 0.0], [v, 1], 1.0)[0].bonus / math.sqrt(v + 1) for v in range(1, 6)]
    assert all(a > b for a, b in pairwise(bonuses))
