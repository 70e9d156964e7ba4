"""Who is expanded next: PUCT and the baselines it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from score_nb.search.puct import select
from score_nb.types import Pick

Policy = Callable[[Sequence[float], Sequence[int], float], tuple[int, Pick]]
"""(scores, visits, c_puct) -> (index of the node to expand, why)."""


def greedy(scores: Sequence[float], visits: Sequence[int], c_puct: float = 0.0) -> tuple[int, Pick]:
    """Return the node of the highest score, the earliest of equals: PUCT without exploration."""
    return select(scores, visits, 0.0)


def best_of_n(scores: Sequence[float], visits: Sequence[int], c_puct: float = 0.0) -> tuple[int, Pick]:
    """Return the seed, always: independent rewrites of it, of which the best is kept."""
    return 0, Pick(rank_score=1.0, visits=visits[0], bonus=0.0)


POLICIES: MappingProxyType[str, Policy] = MappingProxyType({"puct": select, "greedy": greedy, "best-of-n": best_of_n})
