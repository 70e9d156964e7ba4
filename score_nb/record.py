"""A run as its events tell it: the one state that loop, widget, report, export and resume share.

Pure: `Record.apply` is the only way to change it, and the same events always give the same record.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from score_nb import events as ev
from score_nb.types import Direction, Node, Operator, Pick, RunState, Status, Task, to_score


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


class Record:
    """What is known of a run after some of its events.

    Attributes
    ----------
    nodes : list of Node
        In the order of their indices, `visits` kept current: 1 plus the expansions launched below the node, those in
        flight included (Aygün et al. 2026, Methods, Alg. 1, visits counted at launch).
    in_flight : dict of int to Flight
        By ticket.
    last_ticket : int
        The highest ticket given out.
    drops_in_a_row : int
        Proposals without a usable cell since the last node.
    tokens, cost : int, float
        Paid so far, failed proposals included.
    elapsed : float
        Seconds since the run was created at the last event.
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
        self.nodes: list[Node] = []
        self.in_flight: dict[int, Flight] = {}
        self.last_ticket = 0
        self.drops_in_a_row = 0
        self.tokens = 0
        self.cost = 0.0
        self.elapsed = 0.0
        self.confinement: dict[str, Any] = {}
        self.timeout: float | None = None
        self.memory: int | None = None
        self.warnings: list[str] = []
        self.accepted: int | None = None
        self._best: int | None = None
        self._digests: dict[str, int] = {}

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def direction(self) -> Direction:
        """Whether a higher or a lower value is better."""
        return "minimize" if self.options.get("direction") == "minimize" else "maximize"

    @property
    def seed(self) -> Node | None:
        """The seed's node, None until it has been evaluated."""
        return self.nodes[0] if self.nodes else None

    @property
    def best(self) -> Node | None:
        """The node of the highest score, the earliest of equals; None while nothing is scored."""
        return None if self._best is None else self.nodes[self._best]

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
        return self._digests.get(digest)

    @property
    def digests(self) -> frozenset[str]:
        """Digests of all programs in the tree."""
        return frozenset(self._digests)

    def children(self, index: int) -> list[Node]:
        """Return the nodes whose (first) parent is `index`, oldest first."""
        return [node for node in self.nodes if node.parent == index]

    def lineage(self, index: int) -> list[Node]:
        """Return the nodes from the seed to `index` along first parents, the seed first."""
        path = [self.nodes[index]]
        while (parent := path[-1].parent) is not None:
            path.append(self.nodes[parent])
        return path[::-1]

    def counts(self) -> dict[Status, int]:
        """Return how many nodes have each status that occurs."""
        counts: dict[Status, int] = {}
        for node in self.nodes:
            counts[node.status] = counts.get(node.status, 0) + 1
        return counts

    def copy(self) -> Record:
        """Return a record that later events leave as it is."""
        twin = copy.copy(self)
        for name in ("nodes", "in_flight", "warnings", "options", "versions", "confinement", "_digests"):
            setattr(twin, name, copy.copy(getattr(self, name)))
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
            case ev.ExpansionStarted():
                self._launch(event)
            case ev.ProposalReceived():
                self._receive(event)
            case ev.EvaluationStarted() if event.ticket in self.in_flight:
                self.in_flight[event.ticket] = replace(self.in_flight[event.ticket], stage="evaluating")
            case ev.ExpansionDropped():
                self._drop(event)
            case ev.NodeAdded():
                self._add(event.node)
            case ev.HoldoutScored():
                self.nodes[event.index] = replace(self.nodes[event.index], holdout=event.holdout)
            case ev.StateChanged():
                self.state, self.reason = event.state, event.reason
            case ev.NodeAccepted():
                self.accepted = event.index
            case ev.Warned() if event.message not in self.warnings:
                self.warnings.append(event.message)

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

    def _add(self, node: Node) -> None:
        self.in_flight.pop(node.ticket, None)
        self.drops_in_a_row = 0
        self.nodes.append(replace(node, visits=1))
        self._digests.setdefault(node.digest, node.index)
        if node.is_scored and (self._best is None or node.score > self.nodes[self._best].score):
            self._best = node.index

    def _visit(self, parents: tuple[int, ...], step: int) -> None:
        """Back a visit up to the root along first parents."""
        index: int | None = parents[0]
        while index is not None:
            node = self.nodes[index]
            self.nodes[index] = replace(node, visits=node.visits + step)
            index = node.parent


def task_from_json(values: dict[str, Any]) -> Task:
    """Return the task that `values` describe, ignoring fields of newer versions."""
    known: dict[str, Any] = {f.name: values[f.name] for f in fields(Task) if f.name in values}
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    return Task(**known)


def replay(stored: Iterable[ev.Event]) -> Record:
    """Return the record that these events make."""
    record = Record()
    for event in stored:
        record.apply(event)
    return record
