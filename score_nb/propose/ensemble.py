"""Several proposers as one: who brings more for its money is asked more often."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from score_nb.propose.base import Earned, Proposer, Request
from score_nb.types import Proposal

# A node costs its evaluation, too: a call that costs nothing makes a model worth no more than twice one of mean cost.
_COST_OF_THE_REST = 1.0


class Ensemble:
    """Asks the member that is most promising for its cost, learnt during the run (Thompson sampling).

    A member's chance of a gain is drawn from Beta(1 + gains, 1 + nodes without one) and divided by the cost of one of
    its calls, relative to the mean member's, plus one for all else.  What is drawn depends on the request alone (its
    seed and what was earned before it), so that a run can be repeated.

    Parameters
    ----------
    members : sequence of Proposer
        Who may be asked.
    is_learning : bool
        False: all take turns at random.
    """

    def __init__(self, members: Sequence[Proposer], *, is_learning: bool = True) -> None:
        self._members = tuple(members)
        self._is_learning = is_learning

    @property
    def members(self) -> tuple[Proposer, ...]:
        """Who may be asked."""
        return self._members

    @property
    def name(self) -> str:
        """The members' names, as `--model` takes them."""
        return ",".join(member.name for member in self._members)

    @property
    def notice(self) -> str:
        """The members' notices, each once."""
        return " ".join(dict.fromkeys(member.notice for member in self._members if member.notice))

    @property
    def is_untrusted(self) -> bool:
        """Whether any member is."""
        return any(member.is_untrusted for member in self._members)

    @property
    def is_instant(self) -> bool:
        """Whether all members are."""
        return all(member.is_instant for member in self._members)

    def propose(self, request: Request) -> Proposal:
        """Return the proposal of the member whose turn it is."""
        return self.whose_turn(request).propose(request)

    def whose_turn(self, request: Request) -> Proposer:
        """Return the member that is asked."""
        rng = Random(f"turn/{request.seed}")
        if not self._is_learning:
            return rng.choice(self._members)
        earned = {entry.model: entry for entry in request.earned}
        each = [earned.get(member.name, Earned(member.name, 0, 0, 0.0)) for member in self._members]
        drawn = [
            rng.betavariate(1 + entry.gains, 1 + entry.nodes - entry.gains) / (_COST_OF_THE_REST + cost)
            for entry, cost in zip(each, _relative_costs(each), strict=True)
        ]
        return self._members[drawn.index(max(drawn))]

    def close(self) -> None:
        """Close all members."""
        for member in self._members:
            member.close()


def _relative_costs(each: Sequence[Earned]) -> list[float]:
    """Return what a call of each costs, the mean being 1; a member that was not asked yet counts as the mean."""
    known = [entry.cost / entry.nodes for entry in each if entry.nodes]
    mean = sum(known) / len(known) if known else 0.0
    return [entry.cost / entry.nodes / mean if entry.nodes and mean else 1.0 for entry in each]
