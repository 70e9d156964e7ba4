"""A run as its events tell it: the one state that loop, widget, report, export and resume share.

Pure: `Record.apply` is the only way to change it, and the same events always give the same record.
"""

from __future__ import annotations

import copy
import functools
import math
import statistics
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from score_nb import events as ev
from score_nb.types import (
    DIGEST_CHARS,
    SPELLING,
    Direction,
    Flag,
    Node,
    Operator,
    Pick,
    RunState,
    Signal,
    Status,
    Task,
    replaced,
    to_score,
)


@dataclass(frozen=True, slots=True)
class Flight:
    """An expansion at work: asked for, not yet a node.

    `proposal` is the stored reply once there is one; `since` is seconds since the run was created.
    """

    ticket: int
    parents: tuple[int, ...]
    operator: Operator
    pick: Pick
    hint: str
    idea: str
    since: float
    stage: Literal["proposing", "proposed", "evaluating"] = "proposing"
    proposal: ev.ProposalReceived | None = None


@dataclass(slots=True)
class _PutOff:
    """What is counted after many events instead of after each."""

    visits: array[int]
    is_best_unknown: bool = False


class Programs:
    """The programs of a record as it stood at one moment: says of a digest whether it is among them."""

    __slots__ = ("_count", "_first")

    def __init__(self, first: Mapping[int, int], count: int) -> None:
        # Not copied: later nodes only add to it, and their indices say that they are later.
        self._first, self._count = first, count

    def __contains__(self, digest: object) -> bool:
        index = self._first.get(_key(digest)) if isinstance(digest, str) else None
        return index is not None and index < self._count


class Record:
    """What is known of a run after some of its events.

    Attributes
    ----------
    tree : list of Node
        The nodes in the order of their indices; in those whose visits changed lately they may be behind.
    visits : array of int
        By node, kept current: 1 plus the expansions launched below the node, those in flight included (Aygün et al.
        2026, Methods, Alg. 1, visits counted at launch).
    firsts : array of int
        By node: its first parent, -1 for the seed.
    visited : array of int
        The nodes that were launched from, one after the other; ~index where a launch was taken back.
    in_flight : dict of int to Flight
        By ticket.
    last_ticket : int
        The highest ticket given out.
    dearest : tuple of int and float
        The most tokens and the most money that one node took.
    drops_in_a_row : int
        Proposals without a usable cell since the last node.
    tokens, cost : int, float
        Paid so far, failed proposals included.
    elapsed : float
        Seconds since the run was created at the last event.
    pinned : int or None
        The node that the user lets be the best whatever the values say.
    ideas : dict of str to int
        The ideas that nodes followed, numbered in the order of their first use.
    revision : int
        Raised whenever more of an earlier node changed than its visits and hold-out: what was summed up over the nodes
        must be summed up again.
    """

    def __init__(self) -> None:
        self.run_id = ""
        self.name = ""
        self.created = ""
        self.notebook = ""
        self.fingerprint = ""
        self.task = Task(seed="", metric="")
        self.options: dict[str, Any] = {}
        self.versions: dict[str, str] = {}
        self.state: RunState = "running"
        self.reason = ""
        self.tree: list[Node] = []
        self.visits = array("i")
        self.firsts = array("i")
        self.visited = array("i")
        self._stale: set[int] = set()
        self.in_flight: dict[int, Flight] = {}
        self.last_ticket = 0
        self.drops_in_a_row = 0
        self.tokens = 0
        self.cost = 0.0
        self.dearest = (0, 0.0)
        self.elapsed = 0.0
        self.confinement: dict[str, Any] = {}
        self.timeout: float | None = None
        self.memory: int | None = None
        self.warnings: list[str] = []
        self.contract: dict[str, Any] = {}
        self.seed_tested: ev.SeedTested | None = None
        self.accepted: int | None = None
        self.pinned: int | None = None
        self.ideas: dict[str, int] = {}
        self._best: int | None = None
        self._noise: float | None = None
        self.revision = 0
        self._to_beat: float | None = -math.inf
        self._digests: dict[int, int] = {}  # as numbers, which take half of what texts do
        self._digested = 0
        self._shares_digests = False
        self._elder = array("i")  # by node: the child of the same parent before it, -1 where there is none
        self._youngest = array("i")  # by node: its last child, -1 where there is none
        self._put_off: _PutOff | None = None

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """The nodes in the order of their indices, all that they hold current."""
        if self._stale:
            # Each expansion changes the visits of all nodes above it: they are written into the nodes for who reads.
            stale, self._stale = self._stale, set()
            for index in stale:
                self.tree[index] = replaced(self.tree[index], visits=self.visits[index])
        return self.tree

    @property
    def direction(self) -> Direction:
        """Whether a higher or a lower value is better."""
        return "minimize" if self.options.get("direction") == "minimize" else "maximize"

    @property
    def seed(self) -> Node | None:
        """The seed's node, None until it has been evaluated."""
        return self._settled(0) if self.tree else None

    @property
    def best(self) -> Node | None:
        """The node that the user has pinned, else the `leader`; None before any has a value."""
        if self.pinned is not None and self.pinned < len(self.tree):
            node = self._settled(self.pinned)
            if node.is_scored and not node.is_dropped:
                return node
        return self.leader

    @property
    def leader(self) -> Node | None:
        """The node of the highest `bound` among those that are not doubted, the earliest of equals; None before one is.

        The seed is never left out: it is what the others are compared with.
        """
        return None if self._best is None else self._settled(self._best)

    @property
    def noise(self) -> float | None:
        """Standard deviation of one evaluation, pooled over all nodes with repeats; None before two nodes have any."""
        return self._noise

    def _settled(self, index: int) -> Node:
        """Return one node, its visits current."""
        if index in self._stale:
            self.tree[index] = replaced(self.tree[index], visits=self.visits[index])
            self._stale.discard(index)
        return self.tree[index]

    def bound(self, node: Node) -> float:
        """Return the lower confidence bound of a node's score: its mean less one standard error of the mean.

        The standard error is `noise / sqrt(repeats)`: the few repeats of one node tell its own spread too badly.
        """
        return node.score - (self._noise or 0.0) / math.sqrt(max(1, node.repeats))

    def is_noise(self, a: Node, b: Node) -> bool:
        """Return whether two nodes cannot be told apart: their scores differ by less than two standard errors."""
        if not self._noise or not a.is_scored or not b.is_scored:
            return False
        error = self._noise * math.sqrt(1 / a.repeats + 1 / b.repeats)
        return abs(a.score - b.score) < 2 * error

    @property
    def score_to_beat(self) -> float:
        """The highest score that nobody doubts, -inf before there is one; what the hold-out says never counts here."""
        if self._to_beat is None:
            self._to_beat = max((node.score for node in self.tree if not _doubts(node)), default=-math.inf)
        return self._to_beat

    def search_scores(self) -> list[float]:
        """Return each node's score as the search may use it.

        A value that the metric cannot reach counts as none, another doubted one for no more than the best that is not:
        neither may draw the search to itself.  What the hold-out says never counts.
        """
        doubted = {node.index: _doubts(node) for node in self.tree if node.flags}
        if not any(doubted.values()):
            return [node.score for node in self.tree]
        ceiling = self.score_to_beat
        return [
            node.score if not doubted.get(node.index)
            else -math.inf if "beyond-bounds" in doubted[node.index]
            else min(node.score, ceiling)
            for node in self.tree
        ]  # fmt: skip

    @property
    def gain(self) -> float | None:
        """How much better the best is than the seed, in the metric's unit, positive when better."""
        if self.best is None or self.seed is None or self.seed.value is None:
            return None
        return self.best.score - self.seed.score

    @property
    def holdout_gain(self) -> float | None:
        """The same on the hold-out; None where it was not scored."""
        if self.best is None or self.seed is None or self.best.holdout is None or self.seed.holdout is None:
            return None
        return to_score(self.best.holdout, self.direction) - to_score(self.seed.holdout, self.direction)

    @property
    def budget_nodes(self) -> int:
        """Nodes to evaluate in all."""
        return int(self.options.get("nodes") or 0)

    @property
    def is_ended(self) -> bool:
        """Whether the run has come to its end (it can be continued unless `finished` by its budget)."""
        return self.state in ("stopped", "finished", "failed")

    def index_of(self, digest: str) -> int | None:
        """Return the first node whose program has that digest, None where there is none."""
        index = self._known_digests().get(_key(digest))
        return None if index is None or index >= len(self.tree) else index

    @property
    def digests(self) -> frozenset[str]:
        """Digests of all programs in the tree."""
        known, count = self._known_digests(), len(self.tree)
        return frozenset(f"{key:0{DIGEST_CHARS}x}" for key, index in known.items() if index < count)

    @property
    def programs(self) -> Programs:
        """The same as it stands now, for asking only: costs nothing, whatever the number of nodes."""
        return Programs(self._known_digests(), len(self.tree))

    def _known_digests(self) -> dict[int, int]:
        """Return the first node of each program; read when asked for, since a run that is only shown needs none."""
        if self._digested < len(self.tree):
            self._own_digests()
            for node in self.tree[self._digested :]:
                self._digests.setdefault(_key(node.digest), node.index)
            self._digested = len(self.tree)
        return self._digests

    def _own_digests(self) -> None:
        if self._shares_digests:
            self._digests, self._shares_digests = dict(self._digests), False

    def children(self, index: int) -> list[Node]:
        """Return the nodes whose (first) parent is `index`, oldest first."""
        nodes = self.nodes
        return [nodes[child.index] for child in self.youngest_children(index)][::-1]

    def youngest_children(self, index: int) -> Iterator[Node]:
        """Yield them, youngest first: each costs the same, whatever the number of nodes."""
        for known in range(len(self._elder), len(self.tree)):
            parent = self.firsts[known]
            self._youngest.append(-1)
            self._elder.append(-1 if parent < 0 else self._youngest[parent])
            if parent >= 0:
                self._youngest[parent] = known
        child = self._youngest[index]
        while child >= 0:
            yield self.tree[child]
            child = self._elder[child]

    def lineage(self, index: int) -> list[Node]:
        """Return the nodes from the seed to `index` along first parents, the seed first."""
        path = [self.nodes[index]]
        while (parent := path[-1].parent) is not None:
            path.append(self.tree[parent])
        return path[::-1]

    def branch(self, index: int) -> list[int]:
        """Return the indices of a node and of all below it along first parents, ascending."""
        found = {index}
        for later in range(index + 1, len(self.tree)):
            if self.firsts[later] in found:
                found.add(later)
        return sorted(found)

    def counts(self) -> dict[Status, int]:
        """Return how many nodes have each status that occurs."""
        counts: dict[Status, int] = {}
        for node in self.tree:
            counts[node.status] = counts.get(node.status, 0) + 1
        return counts

    def copy(self) -> Record:
        """Return a record that later events leave as it is."""
        assert self.nodes is self.tree  # their visits are brought up to date once for both
        twin = copy.copy(self)
        for name in _COPIED:
            setattr(twin, name, copy.copy(getattr(self, name)))
        # Shared until the twin has a node of its own: what this record adds, the twin knows to be later.
        twin._shares_digests = True
        return twin

    # -- changing --------------------------------------------------------------------------------------------------

    def apply(self, event: ev.Event) -> None:
        """Take one event into account; events unknown to this version are ignored."""
        self.elapsed = max(self.elapsed, event.at)
        match event:
            case ev.RunStarted():
                self._start(event)
            case ev.RunResumed():
                self.options = {**self.options, **event.options}
            case ev.EvaluatorReady():
                self.confinement, self.timeout, self.memory = event.confinement, event.timeout, event.memory
                self.contract = event.contract or self.contract
            case ev.SeedTested():
                self.seed_tested = event
            case ev.ExpansionStarted():
                self._launch(event)
            case ev.ProposalReceived():
                self._receive(event)
            case ev.EvaluationStarted() if event.ticket in self.in_flight:
                self.in_flight[event.ticket] = replace(self.in_flight[event.ticket], stage="evaluating")
            case ev.ExpansionDropped():
                self._drop(event)
            case ev.NodeAdded():
                self._add(event.node, event.program)
            case ev.StateChanged():
                self.state, self.reason = event.state, event.reason
            case ev.Warned() if event.message not in self.warnings:
                self.warnings.append(event.message)
            case _:
                self._apply_to_node(event)

    def apply_all(self, events: Iterable[ev.Event]) -> None:
        """Take many events into account: as one `apply` after the other does, but in time that grows with their number.

        Visits, noise and best, which each cost a walk through the tree, are counted once at the end.
        """
        self._put_off = put_off = _PutOff(array("i", bytes(self.visits.itemsize * len(self.tree))))
        try:
            for event in events:
                self.apply(event)
        finally:
            self._put_off = None
            self._back_up(put_off.visits)
            if put_off.is_best_unknown:
                self._look_at_noise()

    def _back_up(self, visits: array[int]) -> None:
        """Add the visits that nodes had to theirs and to those of all above them."""
        for index in range(len(visits) - 1, -1, -1):
            if step := visits[index]:
                self.visits[index] += step
                self._stale.add(index)
                parent = self.firsts[index]  # is older than its children
                if parent >= 0:
                    visits[parent] += step

    def _apply_to_node(self, event: ev.Event) -> None:
        """Take into account what was learnt of a node after it was added."""
        match event:
            case ev.HoldoutScored():
                self.tree[event.index] = replaced(self.tree[event.index], holdout=event.holdout)
            case ev.NodeAccepted():
                self.accepted = event.index
            case ev.NodeEvaluated():
                self._measure_again(event)
            case ev.NodeFlagged():
                self._flag(event.index, event.flag)
            case ev.NodeAllowed():
                self._renew(event.index, is_allowed=event.is_allowed)
                self._look_for_best()
            case ev.NodePinned():
                self.pinned = event.index
            case ev.BranchDropped():
                self._drop_branch(event)

    def _renew(self, index: int, **changes: Any) -> None:
        """Change what counts of a node."""
        self.tree[index] = replaced(self.tree[index], **changes)
        self.revision += 1
        self._to_beat = None

    def _start(self, event: ev.RunStarted) -> None:
        self.run_id, self.name, self.created = event.run_id, event.name, event.created
        self.notebook, self.fingerprint = event.notebook, event.fingerprint
        self.task, self.options, self.versions = task_from_json(event.task), dict(event.options), event.versions

    def _launch(self, event: ev.ExpansionStarted) -> None:
        self.in_flight[event.ticket] = Flight(
            event.ticket, event.parents, event.operator, event.pick, event.hint, event.idea, since=event.at
        )
        self.last_ticket = max(self.last_ticket, event.ticket)
        self._visit(event.parents, +1)

    def _receive(self, event: ev.ProposalReceived) -> None:
        self.tokens += event.tokens_in + event.tokens_out
        self.cost += event.cost
        flight = self.in_flight.get(event.ticket)
        if flight is not None:
            self.in_flight[event.ticket] = replace(flight, stage="proposed", proposal=event)

    def _drop(self, event: ev.ExpansionDropped) -> None:
        flight = self.in_flight.pop(event.ticket, None)
        if flight is not None:
            self._visit(flight.parents, -1)
            self.drops_in_a_row += 1

    def _add(self, node: Node, program: str) -> None:
        self.in_flight.pop(node.ticket, None)
        self.drops_in_a_row = 0
        is_dropped = node.parent is not None and self.tree[node.parent].is_dropped
        if (node.visits, node.is_dropped) != (1, is_dropped):
            node = replaced(node, visits=1, is_dropped=is_dropped)
        spelling, _, digest = program.partition(":")
        if spelling == SPELLING and self._digested == len(self.tree):
            self._own_digests()
            self._digests.setdefault(_key(digest), node.index)
            self._digested += 1
        self.tree.append(node)
        if node.idea:
            self.ideas.setdefault(node.idea, len(self.ideas))
        self.visits.append(1)
        self.firsts.append(-1 if node.parent is None else node.parent)
        if self._put_off is not None:
            self._put_off.visits.append(0)
        if node.parents:
            self.dearest = max(self.dearest[0], node.tokens), max(self.dearest[1], node.cost)
        if self._to_beat is not None and node.score > self._to_beat and not _doubts(node):
            self._to_beat = node.score
        if len(node.values) > 1 and node.duplicate_of is None:
            self._look_at_noise()
        elif self._put_off is not None and self._put_off.is_best_unknown:
            pass
        elif self._can_be_best(node) and (self._best is None or self.bound(node) > self.bound(self.tree[self._best])):
            self._best = node.index

    def _measure_again(self, event: ev.NodeEvaluated) -> None:
        score = to_score(event.value, self.direction)
        self._renew(
            event.index, value=event.value, score=score, spread=event.spread, values=event.values, flags=event.flags
        )
        self._look_at_noise()

    def _flag(self, index: int, flag: Flag) -> None:
        node = self.tree[index]
        kept = tuple(known for known in node.flags if known.kind != flag.kind)
        self._renew(index, flags=(*kept, flag))
        self._look_for_best()

    def _drop_branch(self, event: ev.BranchDropped) -> None:
        for index in self.branch(event.index):
            self._renew(index, is_dropped=event.is_dropped)
        self._look_for_best()

    def _look_at_noise(self) -> None:
        if self._put_off is not None:
            self._put_off.is_best_unknown = True
            return
        measured = [node.values for node in self.tree if len(node.values) > 1 and node.duplicate_of is None]
        freedom = sum(len(values) - 1 for values in measured)
        squares = sum(map(_squares, measured))
        # One node alone may be an odd one: its own spread is no measure of the others'.
        self._noise = math.sqrt(squares / freedom) if len(measured) > 1 else None
        self._look_for_best()

    def _look_for_best(self) -> None:
        if self._put_off is not None:
            self._put_off.is_best_unknown = True
            return
        able = [node for node in self.tree if self._can_be_best(node)]
        self._best = max(able, key=lambda node: (self.bound(node), -node.index)).index if able else None

    @staticmethod
    def _can_be_best(node: Node) -> bool:
        return node.is_scored and (node.index == 0 or not (node.is_doubted or node.is_dropped))

    def _visit(self, parents: tuple[int, ...], step: int) -> None:
        """Back a visit up to the root along first parents."""
        index = parents[0]
        if self._put_off is not None:
            self._put_off.visits[index] += step
        else:
            visits, firsts, stale = self.visits, self.firsts, self._stale
            while index >= 0:
                visits[index] += step
                stale.add(index)
                index = firsts[index]
        self.visited.append(parents[0] if step > 0 else ~parents[0])


_COPIED = (
    "tree", "visits", "firsts", "visited", "_stale", "in_flight", "warnings", "options", "versions", "confinement",
    "ideas", "_elder", "_youngest",
)  # fmt: skip


def _key(digest: str) -> int:
    return int(digest, 16)


def _doubts(node: Node) -> list[Signal]:
    """Return the standing doubts that the search may know of; the seed is what all are compared with."""
    if node.index == 0 or node.is_allowed:
        return []
    return [flag.kind for flag in node.flags if not flag.is_settled and flag.kind != "holdout"]


@functools.lru_cache(maxsize=65_536)
def _squares(values: tuple[float, ...]) -> float:
    """Return the sum of squared distances from the mean."""
    return statistics.variance(values) * (len(values) - 1)


def task_from_json(values: dict[str, Any]) -> Task:
    """Return the task that `values` describe, ignoring fields of newer versions."""
    known: dict[str, Any] = {f.name: values[f.name] for f in fields(Task) if f.name in values}
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    return Task(**known)


def replay(stored: Iterable[ev.Event]) -> Record:
    """Return the record that these events make."""
    record = Record()
    record.apply_all(stored)
    return record
