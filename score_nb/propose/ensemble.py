"""Several proposers as one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from score_nb.propose.base import Proposer, Request
from score_nb.types import Proposal


class Ensemble:
    """Lets its members take turns at random, by weight; the request's seed decides, so that a run can be repeated."""

    def __init__(self, members: Sequence[Proposer], weights: Sequence[float] | None = None) -> None:
        self._members = tuple(members)
        self._weights = None if weights is None else tuple(weights)

    @property
    def name(self) -> str:
        """The members' names, as `--model` takes them."""
        return ",".join(member.name for member in self._members)

    @property
    def notice(self) -> str:
        """The members' notices, each once."""
        return " ".join(dict.fromkeys(member.notice for member in self._members if member.notice))

    @property
    def is_instant(self) -> bool:
        """Whether all members are."""
        return all(member.is_instant for member in self._members)

    def propose(self, request: Request) -> Proposal:
        """Return the proposal of the member whose turn it is."""
        member = Random(f"turn/{request.seed}").choices(self._members, self._weights)[0]
        return member.propose(request)

    def close(self) -> None:
        """Close all members."""
        for member in self._members:
            member.close()
