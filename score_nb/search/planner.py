"""What is asked for next: a parent by the policy, an operator by what operators brought, something else on a plateau.

Ask and tell: `ask` reads a record and returns an expansion; the record is told by its events.  What is kept here is a
memory of the last record that a fresh planner would work out anew: a resumed run plans as the first one would have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from score_nb.record import Record
from score_nb.search.gains import FIXED_SHARES, Gains
from score_nb.search.plateau import BROADEN_SHARE, FOCUS_SHARE, STALL, TIRED, plateau
from score_nb.search.policies import POLICIES
from score_nb.search.recombine import Pair, ancestors, choose_pair, choose_partner, distance, drawn, goodness
from score_nb.search.standing import Standing
from score_nb.types import Expansion, Operator, parents_of

# A hybrid needs two good parents of different lines: below this many scored nodes there are none.
RECOMBINE_FROM = 8
DRAFT_FROM = 4

BROADENING: Mapping[Operator, float] = MappingProxyType({"recombine": 0.4, "improve": 0.3, "draft": 0.2, "idea": 0.2})
"""Shares of what answers a plateau: two distant good nodes joined, a neglected good one improved, a fresh draft from
the seed, an idea taken up by a good line that has not followed it."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans expansions by one policy.

    Attributes
    ----------
    policy : str
        Name in `score_nb.search.policies.POLICIES`.
    c_puct : float
        Exploration constant.
    entropy : str
        Mixed with the ticket into each choice's random generator.
    operators : str
        `learnt`: shares follow what operators brought, a stalled search turns to its best node, and a plateau is
        answered by broadening; `fixed`: fixed shares, no answer to a stall or a plateau; `plain`: improve and debug
        only, the published algorithm and nothing else.
    without : frozenset of str
        Parts of `learnt` and `fixed` that are left out, to measure what each is worth: "recombine", "tune", "draft",
        "focus", "plateau", "learning".
    """

    policy: str = "puct"
    c_puct: float = 1.0
    entropy: str = "0"
    operators: str = "learnt"
    without: frozenset[str] = frozenset()
    _standing: Standing = field(default_factory=Standing, init=False, repr=False, compare=False)
    _gains: Gains = field(default_factory=Gains, init=False, repr=False, compare=False)

    def ask(self, record: Record, ticket: int, ideas: Sequence[str] = ()) -> Expansion:
        """Return the expansion for `ticket`; the record has at least its seed.

        Ideas that no node or flight has used yet come first, each on a branch of its own.
        """
        self._follow(record)
        if idea := self._unused_idea(record, ideas):
            parent = 0 if self.policy == "best-of-n" else self._gains.plain_best
            return self._expansion(ticket, parent, "idea", idea=idea)
        parent = self._select(record)
        rng = Random(f"{self.entropy}/{ticket}")
        if self._is_to_focus(record, rng):
            parent = self._standing.best
        elif self._is_to_broaden(parent, rng):
            return self._broadened(record, ticket, ideas, rng)
        operator = self._operator(record, parent, rng)
        partner = None
        if operator == "recombine":
            partner = choose_partner(record.tree, parent, self._standing.good(), self._tried(record), rng)
            operator = "improve" if partner is None else operator
        return self._expansion(ticket, parent, operator, partner)

    def ask_for(self, record: Record, ticket: int, parent: int, hint: str = "") -> Expansion:
        """Return an expansion of the node that the user named."""
        self._follow(record)
        operator: Operator = "improve" if record.tree[parent].is_scored else "debug"
        return self._expansion(ticket, parent, operator, hint=hint)

    def ask_again(
        self, record: Record, ticket: int, parents: Sequence[int], operator: Operator, *, hint: str = "",
        idea: str = "",
    ) -> Expansion:  # fmt: skip
        """Return the expansion that an earlier run chose, with what the policy thinks of its parent now."""
        self._follow(record)
        partner = parents[1] if len(parents) > 1 else None
        return self._expansion(ticket, parents[0], operator, partner, hint=hint, idea=idea)

    # -- as published ----------------------------------------------------------------------------------------------

    def _follow(self, record: Record) -> None:
        self._standing.follow(record)
        self._gains.follow(self._standing)

    def _select(self, record: Record) -> int:
        if self.policy == "puct":
            return self._standing.select(self.c_puct)[0]
        if self.policy == "greedy":
            return self._standing.best
        return POLICIES[self.policy](self._standing.scores, record.visits, self.c_puct)[0]

    def _expansion(
        self, ticket: int, parent: int, operator: Operator, partner: int | None = None, *, idea: str = "",
        hint: str = "",
    ) -> Expansion:  # fmt: skip
        parents = parents_of(parent) if partner is None else parents_of(parent, partner)
        c_puct = self.c_puct if self.policy == "puct" else 0.0
        return Expansion(ticket, parents, operator, self._standing.explain(parent, c_puct), hint=hint, idea=idea)

    # -- which operator --------------------------------------------------------------------------------------------

    def _operator(self, record: Record, parent: int, rng: Random) -> Operator:
        """Return how `parent` is to be changed: a failed one is debugged, a good one by one of the operators."""
        if not record.tree[parent].is_scored:
            return "debug"
        return self._drawn(self._shares(record), rng)

    def _shares(self, record: Record) -> dict[Operator, float]:
        """Return the fixed shares of the operators that can be chosen now."""
        if self.operators == "plain":
            return {"improve": 1.0}
        able: dict[Operator, bool] = {
            "improve": True,
            "tune": True,
            "recombine": self._gains.n_scored >= RECOMBINE_FROM and self.policy != "best-of-n",
            "draft": len(record.tree) >= DRAFT_FROM,
        }
        return {name: FIXED_SHARES[name] for name, is_able in able.items() if is_able and name not in self.without}

    def _drawn(self, shares: Mapping[Operator, float], rng: Random) -> Operator:
        is_learnt = self.operators == "learnt" and "learning" not in self.without
        weights = self._gains.weights(shares, is_learnt=is_learnt)
        return rng.choices(list(weights), list(weights.values()))[0]

    def _tried(self, record: Record) -> Container[Pair]:
        flights = {frozenset(flight.parents) for flight in record.in_flight.values() if len(flight.parents) > 1}
        return self._gains.pairs.and_also(flights)

    def _unused_idea(self, record: Record, ideas: Sequence[str]) -> str:
        used = {flight.idea for flight in record.in_flight.values()}
        return next((idea for idea in ideas if idea not in self._gains.ideas and idea not in used), "")

    # -- where nothing was gained for a while ------------------------------------------------------------------------

    def _is_to_focus(self, record: Record, rng: Random) -> bool:
        """Return whether the best node is next, whatever the policy says: it stalls, and its best is not tired yet."""
        if self.operators != "learnt" or self.policy != "puct" or "focus" in self.without:
            return False
        originals, best = self._gains.originals, self._gains.originals[self._standing.best]
        flights = sum(originals[flight.parents[0]] == best for flight in record.in_flight.values())
        is_stalled = len(self._standing) - 1 - self._gains.last_gain >= STALL
        return is_stalled and self._gains.fruitless[best] + flights < TIRED and rng.random() < FOCUS_SHARE

    def _is_to_broaden(self, parent: int, rng: Random) -> bool:
        if self.operators != "learnt" or "plateau" in self.without or self.policy == "best-of-n":
            return False
        is_reached = plateau(self._gains, len(self._standing), parent).is_reached
        return is_reached and rng.random() < BROADEN_SHARE

    def _broadened(self, record: Record, ticket: int, ideas: Sequence[str], rng: Random) -> Expansion:
        """Return an expansion off the beaten track; where none of the kinds can be had, a fresh draft."""
        able = {"improve", "draft"} | ({"idea"} if ideas else set())
        if self._gains.n_scored >= RECOMBINE_FROM:
            able.add("recombine")
        shares = {name: share for name, share in BROADENING.items() if name in able and name not in self.without}
        match self._drawn(shares, rng):
            case "recombine":
                good = self._standing.good(step=1.6)
                if pair := choose_pair(record.tree, good, self._tried(record), rng):
                    return self._expansion(ticket, pair[0], "recombine", pair[1])
            case "improve":
                if (neglected := self._neglected(record, rng)) is not None:
                    return self._expansion(ticket, neglected, "improve")
            case "idea":
                if taken_up := self._idea_taken_up(record, ideas):
                    parent, idea = taken_up
                    return self._expansion(ticket, parent, "idea", idea=idea)
        return self._expansion(ticket, 0, "draft")

    def _neglected(self, record: Record, rng: Random) -> int | None:
        """Return a good node that was seldom expanded and differs from the best; None where there is no other."""
        best, good = self._standing.best, self._standing.good()
        expansions = Counter(flight.parents[0] for flight in record.in_flight.values())
        weights = {
            index: goodness(place, len(good)) * distance(record.tree[best].source, record.tree[index].source)
            / (1 + self._gains.expansions[index] + expansions[index]) ** 2
            for place, index in enumerate(good)
            if index != best
        }  # fmt: skip
        return drawn(weights, rng)

    def _idea_taken_up(self, record: Record, ideas: Sequence[str]) -> tuple[int, str] | None:
        """Return the idea least tried and the best node whose line has not followed it."""
        flights = Counter(flight.idea for flight in record.in_flight.values())
        good = self._standing.good(step=1.6)
        followed = {index: {record.tree[each].idea for each in ancestors(record.tree, index)} for index in good}
        for idea in sorted(ideas, key=lambda text: self._gains.ideas.get(text, 0) + flights[text]):
            if able := [index for index in good if idea not in followed[index]]:
                return able[0], idea
        return None
