"""The nodes of a record in the order of their scores, kept from one choice to the next.

A memory and nothing else: `follow` compares the record's nodes with those it has seen (frozen values: a node that
changed is another object) and takes over what differs, so that the answers are those of a fresh one.  It is what makes
a choice cheap: of all nodes with the same visits only the best can have the highest PUCT, and beyond the visits of the
best node of all no other can.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import compress
from math import inf
from operator import is_not

from score_nb.record import Record
from score_nb.search.puct import exploration_bonus
from score_nb.types import Node, Pick

_BLOCK = 256


class Standing:
    """Scores and visits of a record's nodes as the search may use them.

    Attributes
    ----------
    nodes : list of Node
        As last seen; not to be changed.
    scores : list of float
        `Record.search_scores` of them.
    revision : int
        Raised whenever an earlier node's score changed: what was derived from scores must be derived again.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.scores: list[float] = []
        self.revision = 0
        self._has_doubts = False
        self._ceiling = -inf
        self._order: list[tuple[float, int]] = []  # (score, -index), the best last, the earliest of equals last
        self._heaps: dict[int, list[tuple[float, int]]] = {}  # visits -> (-score, index), some of them outdated
        self._living: dict[int, int] = {}
        self._total = 0

    def __len__(self) -> int:
        return len(self.nodes)

    # -- keeping up ------------------------------------------------------------------------------------------------

    def follow(self, record: Record) -> None:
        """Take over what the record's nodes are now."""
        known, nodes = self.nodes, record.nodes
        changed = [] if len(nodes) < len(known) else list(_changed(known, nodes))
        if len(nodes) < len(known) or any(_is_scored_anew(known[index], nodes[index]) for index in changed):
            self._begin(record)
            return
        for index in changed:
            self._visit(index, known[index].visits, nodes[index].visits)
            known[index] = nodes[index]
        for node in nodes[len(known) :]:
            if (node.flags and not node.is_allowed) or (self._has_doubts and node.score > self._ceiling):
                self._begin(record)
                return
            self._append(node, node.score)

    def _begin(self, record: Record) -> None:
        revision = self.revision + 1
        self.__init__()  # type: ignore[misc]  # every field anew
        self.revision = revision
        for node, score in zip(record.nodes, record.search_scores(), strict=True):
            self._append(node, score)
        self._has_doubts = any(node.flags and not node.is_allowed for node in record.nodes)
        self._ceiling = record.score_to_beat if self._has_doubts else -inf

    def _append(self, node: Node, score: float) -> None:
        index = len(self.nodes)
        self.nodes.append(node)
        self.scores.append(score)
        if node.is_dropped:
            return  # neither ranked nor expanded
        insort(self._order, (score, -index))
        self._total += node.visits
        self._enter(index, node.visits)

    def _visit(self, index: int, before: int, now: int) -> None:
        if before == now or self.nodes[index].is_dropped:
            return
        self._total += now - before
        self._living[before] -= 1
        if not self._living[before]:
            del self._living[before], self._heaps[before]
        self._enter(index, now)

    def _enter(self, index: int, visits: int) -> None:
        heap = self._heaps.setdefault(visits, [])
        heappush(heap, (-self.scores[index], index))
        self._living[visits] = self._living.get(visits, 0) + 1
        if len(heap) > 4 * self._living[visits] + 64:
            # self.nodes is brought up to date only after the visit: the node at hand is kept by its index.
            kept = {entry for entry in heap if self.nodes[entry[1]].visits == visits or entry[1] == index}
            heap[:] = kept
            heapify(heap)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def best(self) -> int:
        """Index of the node of the highest score, the earliest of equals."""
        return -self._order[-1][1]

    def rank(self, score: float) -> float:
        """Return the rank of a score that a node has, spread over [0, 1]; ties share their mean rank."""
        n = len(self._order)
        if n == 1:
            return 1.0
        below = bisect_left(self._order, (score, -len(self.nodes)))
        # A dropped node stands in no order: it has the rank that it would have.
        tied = max(1, bisect_right(self._order, (score, 1)) - below)
        return min(1.0, (below + (tied - 1) / 2) / (n - 1))

    def explain(self, index: int, c_puct: float) -> Pick:
        """Return the terms of PUCT of one node."""
        visits = self.nodes[index].visits
        bonus = exploration_bonus(visits, self._total, len(self._order), c_puct)
        return Pick(self.rank(self.scores[index]), visits, bonus)

    def select(self, c_puct: float) -> tuple[int, Pick]:
        """Return what `score_nb.search.puct.select` returns for these scores and visits."""
        best = self.best
        if c_puct > 0:
            scale = exploration_bonus(0, self._total, len(self._order), c_puct)
            keys = ((self.rank(self.scores[i]) + scale / (1 + visits), -i) for visits, i in self._front(best))
            best = -max(keys)[1]
        return best, self.explain(best, c_puct)

    def _front(self, best: int) -> Iterator[tuple[int, int]]:
        """Yield (visits, index) of nodes that have a higher score than all with fewer visits, up to the best of all."""
        highest: float | None = None
        for visits in sorted(count for count in self._heaps if count <= self.nodes[best].visits):
            heap = self._heaps[visits]
            while self.nodes[heap[0][1]].visits != visits:
                heappop(heap)
            index = heap[0][1]
            if highest is None or self.scores[index] > highest:
                highest = self.scores[index]
                yield visits, index

    def good(self, share: float = 0.25, step: float = 1.25) -> list[int]:
        """Return some of the best nodes, best first: about 30 out of any number, spaced wider the further down.

        Only scored programs of their own (no duplicates) out of the best `share` of all nodes; at least the best four.
        """
        n, chosen, position = len(self._order), [], 0
        last = max(4, int(n * share))
        while position < min(n, last):
            score, negative = self._order[n - 1 - position]
            if score == -inf:
                break
            if self.nodes[-negative].duplicate_of is None:
                chosen.append(-negative)
            position = max(position + 1, int(position * step))
        return chosen


def _changed(known: list[Node], nodes: list[Node]) -> Iterator[int]:
    """Yield the indices where the two lists hold different objects; equal stretches cost next to nothing."""
    for start in range(0, len(known), _BLOCK):
        old, new = known[start : start + _BLOCK], nodes[start : min(start + _BLOCK, len(known))]
        if old != new:
            yield from compress(range(start, start + _BLOCK), map(is_not, old, new))


def _is_scored_anew(old: Node, new: Node) -> bool:
    """Return whether more differs than visits and hold-out, which say nothing of the score."""
    if old.is_dropped != new.is_dropped:
        return True
    return (
        old.score != new.score or old.flags != new.flags or old.is_allowed != new.is_allowed
        or old.source != new.source or old.parents != new.parents or old.ticket != new.ticket
    )  # fmt: skip
