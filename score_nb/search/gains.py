"""What each operator brought, and since when nothing was gained: read from the nodes in their order."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf
from types import MappingProxyType
from typing import get_args

from score_nb.record import Record
from score_nb.search.recombine import Joined
from score_nb.search.standing import Standing, floor_of
from score_nb.types import Node, Operator

FIXED_SHARES: Mapping[Operator, float] = MappingProxyType(
    {"improve": 0.65, "tune": 0.15, "recombine": 0.12, "draft": 0.08, "idea": 0.10}
)
"""How often an operator is chosen where nothing has been learnt; `idea` only where a plateau is being left."""

# Measured on the landscapes of benchmarks/search.py with seeds of their own (1000 to 1023 of each kind, 300 calls,
# standard error about 0.006): what matters is that an operator that brings nothing can fall far below its share.
# Drafts bring nothing after 60 calls there, and ten tries' worth of prior belief kept them at half their share.
# A new best counts whole; a child that beats its parents and is among the best tenth a little, since it is a foothold.
NEW_BEST, FOOTHOLD = 1.0, 0.1
FOOTHOLD_RANK = 0.9
# What was gained 100 nodes ago weighs 1/e: early gains are cheap for every operator and say little of later ones.
FADING = 0.99
# Tries' worth of belief that an operator is as good as all together; and how far learning may move its share.
PRIOR_TRIES = 3.0
LEAST, MOST = 0.1, 4.0


@dataclass(slots=True)
class Tally:
    """What one operator was tried for: in all (`tries`, `gains`, `bests`), and faded (`recent_…`)."""

    tries: int = 0
    bests: int = 0
    footholds: int = 0
    tokens: int = 0
    recent_tries: float = 0.0
    recent_gains: float = 0.0
    recent_tokens: float = 0.0


class BestTenth:
    """Says of a score whether it would be among the best tenth of those so far."""

    def __init__(self) -> None:
        # Entries of `Standing`, the lower the better, so the two heaps meet at their tops.
        self._others: list[int] = []
        self._best: list[int] = []  # negated

    def would_have(self, entry: int) -> bool:
        """Return whether at least `FOOTHOLD_RANK` of the scores so far are lower."""
        return not self._others or entry < floor_of(self._others[0])

    def add(self, entry: int) -> None:
        """Count one more score."""
        if self._best and entry < -self._best[0]:
            heappush(self._best, -entry)
        else:
            heappush(self._others, entry)
        wanted = ceil(FOOTHOLD_RANK * (len(self._others) + len(self._best)))
        if len(self._others) > wanted:
            heappush(self._best, -heappop(self._others))
        elif len(self._others) < wanted:
            heappush(self._others, -heappop(self._best))


@dataclass
class Gains:
    """What the nodes so far brought.

    Attributes
    ----------
    last_gain : int
        Index of the last node that was better than all before it; 0 is the seed.
    originals : array of int
        By node: the first node with the same program; what follows counts for that one.
    fruitless : array of int
        By program: its children since the last one that beat it.
    expansions : array of int
        By program: its children.
    ideas : dict of str to int
        Ideas tried, and how often.
    pairs : Joined
        Pairs of nodes that were joined.
    plain_best : int
        The best node whose line follows no idea.
    """

    tallies: dict[Operator, Tally] = field(default_factory=lambda: {name: Tally() for name in get_args(Operator)})
    last_gain: int = 0
    best: float = -inf
    n_scored: int = 0
    originals: array[int] = field(default_factory=lambda: array("i"))
    fruitless: array[int] = field(default_factory=lambda: array("i"))
    expansions: array[int] = field(default_factory=lambda: array("i"))
    ideas: dict[str, int] = field(default_factory=dict)
    pairs: Joined = field(default_factory=Joined)
    plain_best: int = 0
    _follows_idea: bytearray = field(default_factory=bytearray)
    _tenth: BestTenth = field(default_factory=BestTenth)
    _revision: int = 0

    def follow(self, standing: Standing) -> None:
        """Take over the nodes that are new in `standing`; all of them where an earlier score changed."""
        if standing.revision != self._revision:
            self.__init__(_revision=standing.revision)  # type: ignore[misc]
        for index in range(len(self.expansions), len(standing)):
            self._add(standing, index)

    def _add(self, standing: Standing, index: int) -> None:
        node, score = standing.nodes[index], standing.scores[index]
        self.originals.append(index if node.duplicate_of is None else node.duplicate_of)
        self.fruitless.append(0)
        self.expansions.append(0)
        self._follows_idea.append(bool(node.idea) or any(self._follows_idea[parent] for parent in node.parents))
        if node.idea:
            self.ideas[node.idea] = self.ideas.get(node.idea, 0) + 1
        if node.is_scored:
            self.n_scored += 1
            if not (self._follows_idea[index] or node.is_dropped) and score > standing.scores[self.plain_best]:
                self.plain_best = index
        if node.parents:
            self._count(standing, node, score)
        if score > self.best:
            self.best, self.last_gain = score, index
        self._tenth.add(standing.entries[index])

    def _count(self, standing: Standing, node: Node, score: float) -> None:
        parent = node.parents[0]
        if len(node.parents) > 1:
            self.pairs.add(frozenset(node.parents))
        beats = score > max(standing.scores[each] for each in node.parents)
        program = self.originals[parent]
        self.expansions[program] += 1
        self.fruitless[program] = 0 if score > standing.scores[parent] else self.fruitless[program] + 1
        for tally in self.tallies.values():
            tally.recent_tries *= FADING
            tally.recent_gains *= FADING
            tally.recent_tokens *= FADING
        tally = self.tallies[node.operator]
        is_best = score > self.best
        is_high = self._tenth.would_have(standing.entries[node.index])
        is_foothold = not is_best and beats and node.duplicate_of is None and is_high
        tally.tries += 1
        tally.bests += is_best
        tally.footholds += is_foothold
        tally.tokens += node.tokens
        tally.recent_tries += 1
        tally.recent_gains += NEW_BEST * is_best + FOOTHOLD * is_foothold
        tally.recent_tokens += node.tokens

    def weights(self, operators: Mapping[Operator, float], *, is_learnt: bool = True) -> dict[Operator, float]:
        """Return the chance of each of `operators` (fixed shares by name) to be chosen next, summing to 1.

        Learnt: share times gain per try over that of all together, both faded and drawn towards each other by
        `PRIOR_TRIES`, divided by what a try costs in tokens beside the others, within [LEAST, MOST].
        """
        factors = self._factors(operators) if is_learnt else dict.fromkeys(operators, 1.0)
        weights = {name: share * factors[name] for name, share in operators.items()}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}

    def _factors(self, operators: Iterable[Operator]) -> dict[Operator, float]:
        tallies = self.tallies.values()
        gains = sum([each.recent_gains for each in tallies])
        if not gains:
            return dict.fromkeys(operators, 1.0)
        tries = sum([each.recent_tries for each in tallies])
        rate = gains / tries
        tokens = sum([each.recent_tokens for each in tallies]) / tries
        factors = {}
        for name in operators:
            mine = self.tallies[name]
            factor = (mine.recent_gains + PRIOR_TRIES * rate) / (mine.recent_tries + PRIOR_TRIES) / rate
            if tokens:
                factor /= (mine.recent_tokens + PRIOR_TRIES * tokens) / (mine.recent_tries + PRIOR_TRIES) / tokens
            factors[name] = min(MOST, max(LEAST, factor))
        return factors


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """What one operator brought in a run, and how likely it is to be chosen next for a good parent.

    `bests` are new bests of the run; `footholds` other children that beat their parents and came among the best tenth.
    `weight` is None for operators that are not chosen but follow from the parent (`debug`) or the user's ideas.
    """

    operator: Operator
    tries: int
    bests: int
    footholds: int
    tokens: int
    weight: float | None


def operator_table(record: Record, *, is_learnt: bool = True) -> list[OperatorRow]:
    """Return a row per operator that was tried or may be chosen, the likeliest first."""
    if not record.nodes:
        return []
    standing, gains = Standing(), Gains()
    standing.follow(record)
    gains.follow(standing)
    chosen = gains.weights({name: share for name, share in FIXED_SHARES.items() if name != "idea"}, is_learnt=is_learnt)
    rows = [
        OperatorRow(name, tally.tries, tally.bests, tally.footholds, tally.tokens, chosen.get(name))
        for name, tally in gains.tallies.items()
        if tally.tries or name in chosen
    ]
    return sorted(rows, key=lambda row: (-(row.weight or 0.0), row.operator))
