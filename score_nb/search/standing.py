"""The nodes of a record in the order of their scores, kept from one choice to the next.

A memory and nothing else: `follow` takes over what happened in the record since the last time, so that the answers are
those of a fresh one.  It is what makes a choice cheap: of all nodes with the same visits only the best can have the
highest PUCT, and beyond the visits of the best node of all no other can.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
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


def floor_of(entry: int) -> int:
    """Return the least number that an entry of that score can be."""
    return entry & ~_INDEX


class Standing:
    """Scores and visits of a record's nodes as the search may use them.

    Attributes
    ----------
    nodes : list of Node
        The record's; not to be changed, and their visits may be behind.
    scores : list of float
        `Record.search_scores` of them.
    entries : list of int
        `entry_of` them.
    revision : int
        Raised whenever an earlier node's score changed: what was derived from scores must be derived again.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.scores: list[float] = []
        self.entries: list[int] = []
        self.revision = 0
        self._record: Record | None = None
        self._seen = 0  # the record's revision
        self._read = 0  # how far its list of launches was read
        self._has_doubts = False
        self._ceiling = -inf
        self._visits = array("i")  # the record's
        self._order: list[int] = []  # the best first, the earliest of equals first
        # Visits are backed up along whole paths, but few of the nodes on them come to be looked at.  Each stays in the
        # heap of the visits that it had when it was looked at last, which makes it look better than it is, never worse.
        self._heaps: dict[int, list[int]] = {}
        self._occupied: list[int] = []  # the visits that have a heap, ascending
        self._places = array("i")  # by node: the heap that its entry counts in, another one is outdated
        self._counted = array("i")  # by node: how many of the path down to it are not dropped, itself included
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
            if launch >= 0:
                self._total += self._counted[launch]
            else:
                self._take_back(~launch, record.firsts)
        self._read = len(record.visited)

    def _begin(self, record: Record) -> None:
        revision = self.revision + 1
        self.__init__()  # type: ignore[misc]  # every field anew
        self.revision, self.nodes, self.scores = revision, record.tree, record.search_scores()
        self._record, self._seen, self._read = record, record.revision, len(record.visited)
        self._visits = record.visits
        self.entries = [entry_of(score, index) for index, score in enumerate(self.scores)]
        for node, entry, visits in zip(self.nodes, self.entries, record.visits, strict=True):
            self._count(node)
            if not node.is_dropped:
                self._order.append(entry)
                self._total += visits
                self._heaps.setdefault(visits, []).append(entry)
        self._places = array("i", record.visits)
        self._order.sort()
        for heap in self._heaps.values():
            heapify(heap)
        self._occupied = sorted(self._heaps)
        self._has_doubts = any(node.flags and not node.is_allowed for node in self.nodes)
        self._ceiling = record.score_to_beat if self._has_doubts else -inf

    def _append(self, node: Node) -> None:
        entry = entry_of(node.score, node.index)
        self.scores.append(node.score)
        self.entries.append(entry)
        self._places.append(1)
        self._count(node)
        if node.is_dropped:
            return  # neither ranked nor expanded
        insort(self._order, entry)
        self._total += 1
        self._enter(1, entry)

    def _count(self, node: Node) -> None:
        above = 0 if node.parent is None else self._counted[node.parent]
        self._counted.append(above + (not node.is_dropped))

    def _take_back(self, launched: int, firsts: array[int]) -> None:
        """Let the nodes above a launch that came to nothing be looked at with the visits that they have now."""
        self._total -= self._counted[launched]
        index = launched
        while index >= 0:
            if not self.nodes[index].is_dropped and self._places[index] > self._visits[index]:
                self._places[index] = self._visits[index]
                self._enter(self._visits[index], self.entries[index])
            index = firsts[index]

    def _enter(self, visits: int, entry: int) -> None:
        heap = self._heaps.get(visits)
        if heap is None:
            self._heaps[visits] = [entry]
            insort(self._occupied, visits)
        else:
            heappush(heap, entry)

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
        n, order, highest = len(self._order), self._order, entry | _INDEX
        if n == 1:
            return 1.0
        above = bisect_left(order, floor_of(entry))
        # A dropped node stands in no order: it has the rank that it would have.
        tied = 1
        if above + 1 < n and order[above + 1] <= highest:
            tied = bisect_right(order, highest, above + 2) - above
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
            n, order = len(self._order), self._order
            scale = exploration_bonus(0, self._total, n, c_puct)
            key = self._rank_of(order[0]) + scale / (1 + self._visits[best]), -(order[0] & _INDEX)
            for visits, entry in self._front(best):
                bonus = scale / (1 + visits)
                # It needs less than so many above it; two more than that, since these are rounded numbers.
                most = int((bonus - (key[0] - 1.0)) * (n - 1)) + 2
                if most >= n or (most >= 0 and order[most] >= floor_of(entry)):
                    key = max(key, (self._rank_of(entry) + bonus, -(entry & _INDEX)))
            best = self.nodes[-key[1]].index  # the node's own number, not one more like it
        return best, self.explain(best, c_puct)

    def _front(self, best: int) -> list[tuple[int, int]]:
        """Return (visits, entry) of nodes that have a higher score than all with fewer visits, the highest first."""
        front, heaps, places, visits_of = [], self._heaps, self._places, self._visits
        waiting = self._occupied[: bisect_right(self._occupied, visits_of[best])]
        least = 1 << 96  # the entry of the highest score so far, its index left out; more than any
        for visits in waiting:
            heap = heaps[visits]
            # An outdated entry that is not above the highest so far can stay where it is.
            while (entry := heap[0]) < least:
                index = entry & _INDEX
                if places[index] == visits == visits_of[index]:
                    least = floor_of(entry)
                    front.append((visits, entry))
                    break
                heappop(heap)
                if places[index] == visits:
                    now = places[index] = visits_of[index]
                    if now not in heaps and now <= visits_of[best]:
                        insort(waiting, now)  # behind this one: it has more visits
                    self._enter(now, entry)
                if not heap:
                    del heaps[visits]
                    self._occupied.remove(visits)
                    break
        front.reverse()
        return front

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
