"""What is asked for next: a parent by the policy, an operator by the state of the tree.

Ask and tell: `ask` reads a record and returns an expansion; the record is told by its events.  Nothing is kept here, so
that a resumed run plans as the first one would have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from score_nb.record import Record
from score_nb.search.policies import POLICIES
from score_nb.types import Expansion, Node, Operator, Pick

TUNE_SHARE = 0.15
DRAFT_SHARE = 0.08
RECOMBINE_SHARE = 0.12
# A hybrid needs two good parents of different lines: below this many scored nodes there are none.
RECOMBINE_FROM = 8
DRAFT_FROM = 4


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
    """

    policy: str = "puct"
    c_puct: float = 1.0
    entropy: str = "0"

    def ask(self, record: Record, ticket: int, ideas: Sequence[str] = ()) -> Expansion:
        """Return the expansion for `ticket`; the record has at least its seed.

        Ideas that no node or flight has used yet come first, each on a branch of its own.
        """
        parent, pick = POLICIES[self.policy](
            record.search_scores(), [node.visits for node in record.nodes], self.c_puct
        )
        idea = self._unused_idea(record, ideas)
        if idea:
            return Expansion(ticket, (parent,), "idea", pick, idea=idea)
        rng = Random(f"{self.entropy}/{ticket}")
        operator = choose_operator(record, record.nodes[parent], rng)
        partner = choose_partner(record, record.nodes[parent], rng) if operator == "recombine" else None
        if operator == "recombine" and partner is None:
            operator = "improve"
        parents = (parent,) if partner is None else (parent, partner)
        return Expansion(ticket, parents, operator, pick)

    def ask_for(self, record: Record, ticket: int, parent: int, hint: str = "") -> Expansion:
        """Return an expansion of the node that the user named."""
        scores, visits = record.search_scores(), [node.visits for node in record.nodes]
        pick = Pick(rank_score=_rank_of(scores, parent), visits=visits[parent], bonus=0.0)
        operator: Operator = "improve" if record.nodes[parent].is_scored else "debug"
        return Expansion(ticket, (parent,), operator, pick, hint=hint)

    @staticmethod
    def _unused_idea(record: Record, ideas: Sequence[str]) -> str:
        used = {node.idea for node in record.nodes} | {flight.idea for flight in record.in_flight.values()}
        return next((idea for idea in ideas if idea not in used), "")


def choose_operator(record: Record, parent: Node, rng: Random) -> Operator:
    """Return how `parent` is to be changed: a failed one is debugged, a good one mostly improved."""
    if not parent.is_scored:
        return "debug"
    draw = rng.random()
    scored = sum(node.is_scored for node in record.nodes)
    if scored >= RECOMBINE_FROM and draw < RECOMBINE_SHARE:
        return "recombine"
    if len(record.nodes) >= DRAFT_FROM and RECOMBINE_SHARE <= draw < RECOMBINE_SHARE + DRAFT_SHARE:
        return "draft"
    return "tune" if draw >= 1 - TUNE_SHARE else "improve"


def choose_partner(record: Record, parent: Node, rng: Random) -> int | None:
    """Return a good node of another line than `parent`'s, better ones more often; None where there is none."""
    kin = {node.index for node in record.lineage(parent.index)}
    below = {parent.index}
    for node in record.nodes[parent.index + 1 :]:
        if node.parent in below:
            below.add(node.index)
    kin |= below
    others = [n for n in record.nodes if n.is_scored and n.duplicate_of is None and n.index not in kin]
    others.sort(key=lambda node: (-node.score, node.index))
    good = others[: max(1, math.ceil(len(others) / 4))]
    return rng.choice(good).index if good else None


def _rank_of(scores: Sequence[float], index: int) -> float:
    below = sum(score < scores[index] for score in scores)
    tied = sum(score == scores[index] for score in scores)
    return (below + (tied - 1) / 2) / max(1, len(scores) - 1)
