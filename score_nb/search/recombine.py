"""Which two candidates are joined: both good, of different lines, and as different as can be; and what came of it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeVar
from zlib import crc32

from score_nb.record import Record
from score_nb.types import Node

_TOKEN = re.compile(r"\w+|[^\w\s]")
_COMMENT = re.compile(r"(?m)^\s*#.*$|(?<=\s)#\s.*$")
_SKETCH = 128

Pair = frozenset[int]
Choice = TypeVar("Choice")


class Joined:
    """Pairs of nodes, one number for each: says of a pair whether it is among them."""

    __slots__ = ("_also", "_known")

    def __init__(self, known: set[int] | None = None, also: Collection[Pair] = ()) -> None:
        self._known: set[int] = set() if known is None else known
        self._also = also

    def add(self, pair: Pair) -> None:
        """Take up a pair."""
        self._known.add(max(pair) << 32 | min(pair))

    def and_also(self, pairs: Collection[Pair]) -> Joined:
        """Return these and some more, without a copy of these."""
        return Joined(self._known, pairs)

    def __contains__(self, pair: object) -> bool:
        assert isinstance(pair, frozenset)
        return max(pair) << 32 | min(pair) in self._known or pair in self._also


@lru_cache(maxsize=256)
def sketch(source: str) -> array[int]:
    """Return the 128 least hashes of the source's runs of three tokens (comments left out): a sample of its text.

    crc32, since `hash` of a text differs from process to process.  In order and as an array: a set takes twelve times
    the memory.
    """
    tokens = _TOKEN.findall(_COMMENT.sub("", source))
    runs = {" ".join(tokens[at : at + 3]) for at in range(max(1, len(tokens) - 2))}
    return array("I", sorted({crc32(run.encode("utf-8", "replace")) for run in runs})[:_SKETCH])


@lru_cache(maxsize=2048)
def distance(a: str, b: str) -> float:
    """Return how different two sources are, 0 (same tokens) to 1: Jaccard's distance of their runs of three tokens.

    Estimated from the least hashes of both (Broder 1997), so that it costs the same for short and long cells.
    """
    first, second = sketch(a), sketch(b)
    joined = list(dict.fromkeys(sorted(first + second)))[:_SKETCH]
    shared = set(first).intersection(second)
    return 1.0 - sum(map(joined[-1].__ge__, shared)) / len(joined)


def ancestors(nodes: Sequence[Node], index: int) -> set[int]:
    """Return the node and all nodes that it came from, second parents included."""
    found, waiting = set(), [index]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(nodes[at].parents)
    return found


def is_of_one_line(nodes: Sequence[Node], a: int, b: int) -> bool:
    """Return whether one of two nodes came from the other, second parents included."""
    earlier, found, waiting = min(a, b), set(), [max(a, b)]
    while waiting:
        at = waiting.pop()
        if at == earlier:
            return True
        if at > earlier and at not in found:  # parents are older than their children
            found.add(at)
            waiting.extend(nodes[at].parents)
    return False


def choose_partner(
    nodes: Sequence[Node], parent: int, good: Sequence[int], tried: Container[Pair], rng: Random
) -> int | None:
    """Return the second parent of a hybrid of `parent`; None where no good node of another line is left.

    Parameters
    ----------
    good : sequence of int
        Indices of good nodes, best first.
    tried : container of frozenset of int
        Pairs that were joined already.
    """
    weights = {}
    for place, other in enumerate(good):
        if frozenset((parent, other)) in tried or is_of_one_line(nodes, parent, other):
            continue
        weights[other] = goodness(place, len(good)) * distance(nodes[parent].source, nodes[other].source)
    return drawn(weights, rng)


def choose_pair(
    nodes: Sequence[Node], good: Sequence[int], tried: Container[Pair], rng: Random
) -> tuple[int, int] | None:
    """Return two good nodes of different lines, the better and the more different the likelier; None without any.

    The better one comes first: it is the one that the hybrid hangs from.
    """
    weights = {}
    for place, first in enumerate(good):
        for further, second in enumerate(good[place + 1 :], place + 1):
            if frozenset((first, second)) in tried or is_of_one_line(nodes, first, second):
                continue
            value = goodness(place, len(good)) * goodness(further, len(good))
            weights[first, second] = value * distance(nodes[first].source, nodes[second].source)
    return drawn(weights, rng)


def goodness(place: int, count: int) -> float:
    """Return how good the node at `place` of `count` good ones is, from 1 for the first towards 0."""
    return 1.0 - place / count


def drawn(weights: Mapping[Choice, float], rng: Random) -> Choice | None:
    """Return one choice, as likely as its weight says; None where no weight is above 0."""
    able = {choice: weight for choice, weight in weights.items() if weight > 0}
    return rng.choices(list(able), list(able.values()))[0] if able else None


@dataclass(frozen=True, slots=True)
class HybridYield:
    """What recombination brought: hybrids, those with a value, and those that beat both parents.

    Repetitions of a known program count as hybrids that beat nothing.
    """

    hybrids: int
    scored: int
    beat_both: int

    @property
    def share(self) -> float | None:
        """Share of the hybrids that beat both parents; None without any."""
        return self.beat_both / self.hybrids if self.hybrids else None


def hybrid_yield(record: Record) -> HybridYield:
    """Return what the hybrids of a run are worth."""
    hybrids = [node for node in record.nodes if len(node.parents) > 1]
    better = [
        node for node in hybrids
        if node.is_scored and node.duplicate_of is None
        and all(node.score > record.nodes[parent].score for parent in node.parents)
    ]  # fmt: skip
    return HybridYield(len(hybrids), sum(node.is_scored for node in hybrids), len(better))
