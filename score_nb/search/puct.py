"""Flat PUCT over all nodes of the tree.

Source: Aygün et al. 2026, Methods, Alg. 1, with what a replay of the published trees shows beside the text: visits are
counted when an expansion is launched, and equal scores share their mean rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from score_nb.types import Pick


def rank_scores(scores: Sequence[float]) -> list[float]:
    """Return each score's rank spread over [0, 1], best 1.0; ties share their mean rank.

    Failed candidates (score -inf) tie with each other like any equal scores.  A single node ranks 1.0.

    Parameters
    ----------
    scores : sequence of float, length n
        Higher is better; -inf for failures.
    """
    n = len(scores)
    if n == 1:
        return [1.0]
    ranks = [0.0] * n
    order = sorted(range(n), key=scores.__getitem__)
    position = 0
    for _, group in groupby(order, key=scores.__getitem__):
        tied = list(group)
        mean = position + (len(tied) - 1) / 2
        for index in tied:
            ranks[index] = mean / (n - 1)
        position += len(tied)
    return ranks


def exploration_bonus(visits: int, total_visits: int, n_nodes: int, c_puct: float) -> float:
    """Return `c_puct · P · sqrt(ΣV) / (1 + V)` with the flat prior `P = 1/|T|`."""
    return c_puct / n_nodes * math.sqrt(total_visits) / (1 + visits)


def picks(scores: Sequence[float], visits: Sequence[int], c_puct: float = 1.0) -> list[Pick]:
    """Return the terms of PUCT of every node.

    Parameters
    ----------
    scores : sequence of float, length n
        Higher is better; -inf for failures.
    visits : sequence of int, length n
        Expansions launched in each node's subtree, itself included.
    c_puct : float
        Exploration constant, 1.0 in the paper.
    """
    n, total = len(scores), sum(visits)
    return [
        Pick(rank_score=rank, visits=count, bonus=exploration_bonus(count, total, n, c_puct))
        for rank, count in zip(rank_scores(scores), visits, strict=True)
    ]


def select(scores: Sequence[float], visits: Sequence[int], c_puct: float = 1.0) -> tuple[int, Pick]:
    """Return the node of the highest PUCT (the earliest of equals) and the terms that chose it."""
    n, total = len(scores), sum(visits)
    ranks = rank_scores(scores)
    scale = exploration_bonus(0, total, n, c_puct)
    index = max(range(n), key=lambda i: ranks[i] + scale / (1 + visits[i]))
    return index, Pick(ranks[index], visits[index], exploration_bonus(visits[index], total, n, c_puct))
