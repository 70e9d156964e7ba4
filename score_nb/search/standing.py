"""The nodes of a record in the order of their scores, kept from one choice to the next.

A memory and nothing else: `follow` takes over what happened in the record since the last time, so that the answers are
those of a fresh one.  It is what makes a choice cheap: of all nodes with the same visits only the best can have the
highest PUCT, and beyond the visits of the best node of all no other can.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from math import inf
from struct import Struct

from score_nb.record import Record
from score_nb.search.puct import exploration_bonus
from score_nb.types import Node, Pick

_DOUBLE, _BITS = Struct("<d"), Struct("<q")
_INDEX_BITS = 32
_INDEX = (1 << _INDEX_BITS) - 1


def entry_of(score: float, index: int) -> int:
    """Return a number that is less the higher the score, and of equal scores the less the index.

    A double's bits, read as a whole number, are in the order of the doubles but for the negative ones, which are in
    reverse.  One number of 40 bytes in place of a pair and what it holds: a node's share of the search's memory.
    """
    bits: int
    (bits,) = _BITS.unpack(_DOUBLE.pack(0.0 - score))  # 0.0 - 0.0 is 0.0: the two zeros are equal
    key = bits if bits >= 0 else -1 - (bits & 0x7FFF_FFFF_FFFF_FFFF)
    return key + (1 << 63) << _INDEX_BITS | index


class Standing:
    """Scores and visits of a record's nodes as the search may use them.

    Attributes
    ----------
    nodes : list of Node
        The record's; not to be changed, and their visits may be behind.
    scores : list of float
        `Record.search_scores` of them.
    revision : int
        Raised whenever an earlier node's score changed: what was derived from scores must be derived again.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.scores: list[float] = []
        self.revision = 0
        self._record: Record | None = None
        self._seen = 0  # the record's revision
        self._read = 0  # how far its list of visits was read
        self._has_doubts = False
        self._ceiling = -inf
        self._visits = array("i")
        self._entries: list[int] = []  # by node
        self._order: list[int] = []  # the best first, the earliest of equals first
        self._heaps: dict[int, list[int]] = {}  # by visits, some of the entries outdated
        self._living: dict[int, int] = {}
        self._total = 0

    def __len__(self) -> int:
        return len(self.scores)

    # -- keeping up ------------------------------------------------------------------------------------------------

    def follow(self, record: Record) -> None:
        """Take over what the record's nodes are now."""
        if record is not self._record or record.revision != self._seen:
            self._begin(record)
            return
        for node in record.tree[len(self.scores) :]:
            if (node.flags and not node.is_allowed) or (self._has_doubts and node.score > self._ceiling):
                self._begin(record)
                return
            self._append(node)
        for launch in record.visited[self._read :]:
            index, step = (launch, 1) if launch >= 0 else (~launch, -1)
            self._visit(index, step)
        self._read = len(record.visited)

    def _begin(self, record: Record) -> None:
        revision = self.revision + 1
        self.__init__()  # type: ignore[misc]  # every field anew
        self.revision, self.nodes, self.scores = revision, record.tree, record.search_scores()
        self._record, self._seen, self._read = record, record.revision, len(record.visited)
        self._visits = array("i", record.visits)
        self._entries = [entry_of(score, index) for index, score in enumerate(self.scores)]
        for entry, node, visits in zip(self._entries, self.nodes, self._visits, strict=True):
            if not node.is_dropped:
                self._order.append(entry)
                self._total += visits
                self._heaps.setdefault(visits, []).append(entry)
        self._order.sort()
        for visits, heap in self._heaps.items():
            heapify(heap)
            self._living[visits] = len(heap)
        self._has_doubts = any(node.flags and not node.is_allowed for node in self.nodes)
        self._ceiling = record.score_to_beat if self._has_doubts else -inf

    def _append(self, node: Node) -> None:
        entry = entry_of(node.score, node.index)
        self.scores.append(node.score)
        self._visits.append(1)
        self._entries.append(entry)
        if node.is_dropped:
            return  # neither ranked nor expanded
        insort(self._order, entry)
        self._total += 1
        self._enter(entry, 1)

    def _visit(self, launched: int, step: int) -> None:
        """Back a visit up to the root along first parents."""
        index: int | None = launched
        nodes, visits_of, living = self.nodes, self._visits, self._living
        while index is not None:
            node, before = nodes[index], visits_of[index]
            visits_of[index] = before + step
            if not node.is_dropped:
                self._total += step
                living[before] -= 1
                if not living[before]:
                    del living[before], self._heaps[before]
                self._enter(self._entries[index], before + step)
            index = node.parent

    def _enter(self, entry: int, visits: int) -> None:
        heap = self._heaps.setdefault(visits, [])
        heappush(heap, entry)
        self._living[visits] = self._living.get(visits, 0) + 1
        if len(heap) > 4 * self._living[visits] + 64:
            heap[:] = {entry for entry in heap if self._visits[entry & _INDEX] == visits}
            heapify(heap)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def best(self) -> int:
        """Index of the node of the highest score, the earliest of equals."""
        return self.nodes[self._order[0] & _INDEX].index

    def rank(self, score: float) -> float:
        """Return the rank of a score that a node has, spread over [0, 1]; ties share their mean rank."""
        return self._rank_of(entry_of(score, 0))

    def _rank_of(self, entry: int) -> float:
        """Return the rank of the score that an entry is made of."""
        n = len(self._order)
        if n == 1:
            return 1.0
        above = bisect_left(self._order, entry & ~_INDEX)
        # A dropped node stands in no order: it has the rank that it would have.
        tied = max(1, bisect_right(self._order, entry | _INDEX, above) - above)
        return min(1.0, (n - above - tied + (tied - 1) / 2) / (n - 1))

    def explain(self, index: int, c_puct: float) -> Pick:
        """Return the terms of PUCT of one node."""
        visits = self._visits[index]
        bonus = exploration_bonus(visits, self._total, len(self._order), c_puct)
        return Pick(self.rank(self.scores[index]), visits, bonus)

    def select(self, c_puct: float) -> tuple[int, Pick]:
        """Return what `score_nb.search.puct.select` returns for these scores and visits."""
        best = self.best
        if c_puct > 0:
            scale = exploration_bonus(0, self._total, len(self._order), c_puct)
            key, rank = (-inf, 0), 1.0
            for visits, entry in reversed(list(self._front(best))):
                bonus = scale / (1 + visits)
                # No score from here on has a higher rank than the last one that was looked up.
                if rank + bonus >= key[0]:
                    rank = self._rank_of(entry)
                    key = max(key, (rank + bonus, -(entry & _INDEX)))
            best = self.nodes[-key[1]].index  # the node's own number, not one more like it
        return best, self.explain(best, c_puct)

    def _front(self, best: int) -> Iterator[tuple[int, int]]:
        """Yield (visits, entry) of nodes that have a higher score than all with fewer visits, up to the best of all."""
        least, visits_of = -1, self._visits  # the entry of the highest score so far, its index left out
        for visits in sorted(filter(visits_of[best].__ge__, self._heaps)):
            heap = self._heaps[visits]
            while visits_of[heap[0] & _INDEX] != visits:
                heappop(heap)
            if least < 0 or heap[0] < least:
                least = heap[0] & ~_INDEX
                yield visits, heap[0]

    def good(self, share: float = 0.25, step: float = 1.25) -> list[int]:
        """Return some of the best nodes, best first: about 30 out of any number, spaced wider the further down.

        Only scored programs of their own (no duplicates) out of the best `share` of all nodes; at least the best four.
        """
        n, chosen, position = len(self._order), [], 0
        last = max(4, int(n * share))
        while position < min(n, last):
            index = self._order[position] & _INDEX
            if self.scores[index] == -inf:
                break
            if self.nodes[index].duplicate_of is None:
                chosen.append(index)
            position = max(position + 1, int(position * step))
        return chosen
