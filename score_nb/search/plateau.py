"""When a search has stopped gaining: read from the record, answered first by the best node, then by broadening."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from score_nb.record import Record
from score_nb.search.gains import Gains
from score_nb.search.standing import Standing

# In the published trees the gaps between gains grow with the tree (nodes 2, 16, 29, 63, 77, 87, then 429 of 508).
# Measured on benchmarks/search.py's landscapes (60 to 72 searches each, standard error about 0.006): windows of 15 to
# 40 nodes at least, shares of 0.15 to 0.3 and other mixtures make no difference that could be told from chance;
# broadening half of the time (0.694) or three quarters (0.686) was no better than a quarter (0.697) at 200 calls, and
# none at all (0.698) was as good: these landscapes have few true plateaus, and the third that is spent is the premium.
WINDOW_SHARE = 0.25
LEAST_WINDOW = 25
# One published node was expanded 75 times, one 221 times.
LEAST_REPEATS = 12
# While a plateau lasts, so many of the expansions leave the beaten track; the others go on as published.
BROADEN_SHARE = 0.33
# Before that, flat PUCT with c = 1 shares its calls among the best 6 to 9 % of all nodes, as the published trees do.
# A search that has not gained for STALL nodes gives most of its calls to the best one instead, until that was
# expanded TIRED times in vain.  Chosen on landscapes with other seeds (1000 to 1023) than those that are reported:
# stalls of up to 10 nodes, shares of 0.5 to 1 and a patience of 12 to 60 could not be told from one another there.
STALL = 10
FOCUS_SHARE = 0.8
TIRED = 30


@dataclass(frozen=True, slots=True)
class Plateau:
    """How long nothing was gained, and how often the node that is next was expanded for nothing.

    Attributes
    ----------
    since : int
        Nodes added after the last gain.
    window : int
        How many there must be: a share of the run, so that it grows with it.
    repeats : int
        Children of the program to be expanded since the last one that beat it.
    """

    since: int
    window: int
    repeats: int

    @property
    def is_reached(self) -> bool:
        """Whether to broaden: nothing gained in the window, or one node expanded again and again for nothing."""
        return self.since >= self.window or (self.repeats >= LEAST_REPEATS and 2 * self.since >= self.window)


def window(n_nodes: int) -> int:
    """Return how many nodes without a gain make a plateau of a tree of `n_nodes`."""
    return max(LEAST_WINDOW, ceil(WINDOW_SHARE * n_nodes))


def plateau(gains: Gains, n_nodes: int, parent: int) -> Plateau:
    """Return how the search stands before `parent` is expanded."""
    return Plateau(n_nodes - 1 - gains.last_gain, window(n_nodes), gains.fruitless[gains.originals[parent]])


def plateau_of(record: Record, c_puct: float = 1.0) -> Plateau | None:
    """Return how the search of `record` stands before its next choice; None before it has a node."""
    if not record.nodes:
        return None
    standing, gains = Standing(), Gains()
    standing.follow(record)
    gains.follow(standing)
    return plateau(gains, len(standing), standing.select(c_puct)[0])
