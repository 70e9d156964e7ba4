"""What every proposer promises, and what it is asked."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from score_nb.types import Operator, Proposal, Status, Task


@dataclass(frozen=True, slots=True)
class Shown:
    """An earlier candidate as a prompt shows it."""

    source: str
    value: float | None
    status: Status
    detail: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Earned:
    """What a model has brought to the run so far: its nodes, those better than their parents, and what they cost."""

    model: str
    nodes: int
    gains: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """All that a proposer is told for one expansion.

    Attributes
    ----------
    ticket : int
        Number of the request in its run, from 1.
    operator : Operator
        What kind of change is asked for.
    task, direction
        What is searched for, and whether a higher or lower value is better.
    parent : Shown
        The candidate to be rewritten.
    partner : Shown or None
        The second parent of a hybrid.
    siblings : tuple of Shown
        Children that the parent has already (most recent last).
    best : float or None
        The best value so far.
    hint, idea : str
        What the user asked for; a research idea to follow.
    timeout, memory
        Limits of one evaluation, seconds and MiB.
    seen : container of str
        Digests of all programs known to the run: repeating one is pointless.
    earned : tuple of Earned
        What each model has brought so far: an ensemble learns from it.
    seed : int
        Source of randomness: the same request with the same seed gives the same proposal where that can be had.
    """

    ticket: int
    operator: Operator
    task: Task
    direction: str
    parent: Shown
    partner: Shown | None = None
    siblings: tuple[Shown, ...] = ()
    best: float | None = None
    hint: str = ""
    idea: str = ""
    timeout: float = 60.0
    memory: int = 1024
    seen: Container[str] = frozenset()
    earned: tuple[Earned, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a recorded run asked for under one ticket; `parents` are the tickets that gave them, 0 the seed."""

    parents: tuple[int, ...]
    operator: Operator
    hint: str = ""
    idea: str = ""


@runtime_checkable
class Script(Protocol):
    """A proposer that knows beforehand what is to be asked: it is asked that, whatever the policy would choose."""

    @property
    def length(self) -> int:
        """The last ticket that it has something for."""
        ...

    def scripted(self, ticket: int) -> Scripted | None:
        """Return what is to be asked for under this ticket, None where the policy is to choose."""
        ...


class Proposer(Protocol):
    """Writes candidates.  `propose` is called from several threads at once and may block."""

    @property
    def name(self) -> str:
        """Name of the model as shown to the user."""
        ...

    @property
    def notice(self) -> str:
        """One sentence the user should read before the run ("" where there is none)."""
        ...

    @property
    def is_untrusted(self) -> bool:
        """Whether it writes what nobody can have read: that runs under full confinement or with the user's word."""
        ...

    @property
    def is_instant(self) -> bool:
        """Whether a proposal costs no waiting: then none is asked for ahead of its evaluation."""
        ...

    def propose(self, request: Request) -> Proposal:
        """Return a rewritten cell, or a Proposal whose `source` is None and whose `detail` says why.

        Raises
        ------
        ModelUnavailable
            The endpoint is dead, refuses the key or does not know the model: the run pauses with the message and
            asks again after Resume; no node is lost.
        """
        ...

    def close(self) -> None:
        """Give up calls in flight and free connections."""
        ...
