"""The loop of one run: one thread owns the record; workers get values and return values.

    ask -> proposal pool -> Proposal -> (known digest? reuse) -> evaluation pool -> Evaluation -> NodeAdded

Two ways to commit results.  Without `--seed` as they come in.  With it in the order asked, and ticket k is asked when
exactly the tickets up to k - LAG are committed: whatever the timing or the number of workers, the tree is the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any

from score_nb import events as ev
from score_nb.config import Options
from score_nb.errors import ModelUnavailable, NotConfined, ScoreError
from score_nb.evaluate.base import Evaluator
from score_nb.propose.base import Proposer, Script
from score_nb.record import Flight, Record
from score_nb.run.budget import DROPS_BEFORE_END, is_out_of_time, is_spoken_for, used_up
from score_nb.run.desk import Answer, Desk, Job
from score_nb.run.integrity import evaluations_wanted, flags_of
from score_nb.run.measure import measure_again
from score_nb.run.messages import (
    Command,
    Evaluated,
    HoldoutEvaluated,
    Message,
    NodeMeasured,
    Proposed,
    SeedTestEvaluated,
)
from score_nb.run.outcome import duplicate_node, evaluated_node, limits_from, seed_error, seed_node
from score_nb.run.pool import Gate, Pool, always_open
from score_nb.run.requests import Earnings, request_for
from score_nb.run.second_looks import SecondLooks
from score_nb.run.seed_tests import SeedTests
from score_nb.search.planner import Planner
from score_nb.store.journal import Journal
from score_nb.store.slots import machine
from score_nb.types import SPELLING, Evaluation, Expansion, Proposal, RunState, digest

LAG = 8
TICK_S = 0.5
# Replies stored at once: their files are open together, and the first of them waits for the last.
STORED_TOGETHER = 16
# The seed's own run has no measure yet.
SEED_TIMEOUT_S = 600.0
SEED_MEMORY_MIB = 1 << 20

log = logging.getLogger("score_nb")


class Loop:
    """Runs one search.  `run` is the thread's body; everything else is called on that thread, except `inbox.put`.

    Parameters
    ----------
    record : Record
        Changed only here, under `guard`.
    publish : callable
        Called with each event once it is durable and in the record.
    """

    def __init__(
        self,
        *,
        record: Record,
        options: Options,
        proposer: Proposer,
        evaluator: Evaluator,
        journal: Journal | None,
        publish: Callable[[ev.Event], None],
        ideas: Sequence[str] = (),
        has_holdout: bool = False,
        entropy: int = 0,
    ) -> None:
        self.record, self.options = record, options
        self.proposer, self.evaluator, self.journal = proposer, evaluator, journal
        self.publish, self.ideas, self.entropy = publish, list(ideas), entropy
        self.inbox: SimpleQueue[Message] = SimpleQueue()
        self.guard = threading.Lock()
        self.planner = Planner(options.policy, options.c_puct, str(entropy), options.operators)
        self._script = proposer if isinstance(proposer, Script) else None
        self._is_ordered = options.seed is not None
        self._offset = record.elapsed
        self._began = time.monotonic()
        self._paused_since: float | None = None
        self._paused_s = 0.0
        self._stop_reason: str | None = None
        self._resumes = 0
        self._asked: dict[int, int] = {}
        self._unasked: list[int] = []
        self._sources: dict[int, str] = {}
        self._drops: dict[int, str] = {}
        self._evaluating: set[str] = set()
        self._evaluations: dict[str, Evaluation] = {}
        self._last_drop = ""
        self._earnings = Earnings()
        desk = Desk(record, evaluator, entropy, self._emit, self.at, self._submit)
        self._seed_tests = SeedTests(desk)
        self._second_looks = SecondLooks(desk, has_holdout=has_holdout)
        self._resumed = sorted(record.in_flight)

    # -- the thread ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Search until a budget is used up, the user stops it, or a tool breaks; never raises."""
        try:
            with ExitStack() as parts:  # closed from the last to the first, the journal also where another one fails
                if self.journal is not None:
                    parts.callback(self.journal.close)
                parts.callback(self.proposer.close)
                parts.callback(self.evaluator.close)
                self._run(parts)
        except Exception:
            log.exception("the run %s could not be closed", self.record.name)

    def _run(self, parts: ExitStack) -> None:
        try:
            self._proposals = Pool("proposal", self._n_proposals)
            parts.callback(self._proposals.close)
            self._evaluators = Pool("evaluation", self._n_workers, self._gate(parts))
            parts.callback(self._evaluators.close)
            self._open()
            if not self.record.tree:
                self._evaluate_seed()
            if self.record.tree:
                self._search()
            self._end()
            if self.journal is not None:
                self.journal.checkpoint(self.record, is_last=True)
        except ScoreError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("the run %s ended by a fault", self.record.name)
            self._fail(f"a fault in score-nb, please report it: {type(error).__name__}: {error}")

    def _gate(self, parts: ExitStack) -> Gate:
        """Return what each evaluation waits for: a core of this machine, if it is to run here."""
        if self.options.cluster:
            return always_open
        slots = machine().join(self._n_workers)
        parts.callback(slots.close)
        return slots.slot

    @property
    def _n_workers(self) -> int:
        """Evaluations at once: those asked for, else what a cluster can take now."""
        if self.options.cluster and not self.options.workers:
            return self.evaluator.places
        return self.options.n_workers

    @property
    def _n_proposals(self) -> int:
        return self.options.proposals or 2 * self._n_workers

    def _open(self) -> None:
        confinement = self.evaluator.start()
        timeout = self.options.timeout or self.record.timeout or SEED_TIMEOUT_S
        memory = self.options.memory or self.record.memory
        if memory is not None or self.options.timeout or self.record.timeout:
            self.evaluator.limit(timeout, memory or SEED_MEMORY_MIB)
        if self.record.contract:
            self.evaluator.expect(self.record.contract)
        self._emit(ev.EvaluatorReady(self.at(), asdict(confinement), timeout, memory or 0, self.record.contract))
        if self.proposer.is_untrusted and confinement.is_below(self.options.confinement):
            raise NotConfined(
                f"{confinement.notice}. What a language model writes runs there only with your word: --confinement "
                f"{confinement.level}, or for all runs %config Score.confinement = \"{confinement.level}\""
            )
        for notice in (confinement.notice, self.proposer.notice):
            if notice:
                self._emit(ev.Warned(self.at(), notice))

    def _evaluate_seed(self) -> None:
        started = self.at()
        source = self.record.task.seed
        self._submit(lambda: self._measure_seed(source), lambda result: Evaluated("", result))
        while "" not in self._evaluations:
            self._receive()
            if self._stop_reason is not None:
                return
        result = self._evaluations.pop("")
        if result.value is None and not self.options.stub:
            raise seed_error(self.record.task.metric, result)
        timeout, memory = limits_from(result, self.options)
        self.evaluator.limit(timeout, memory)
        contract = dict(result.contract)
        self.evaluator.expect(contract)
        self._emit(ev.EvaluatorReady(self.at(), self.record.confinement, timeout, memory, contract))
        node = seed_node(
            source, result, direction=self.options.direction, flags=flags_of(self.record, result), started=started,
            finished=self.at(),
        )  # fmt: skip
        self._emit(ev.NodeAdded(self.at(), node, f"{SPELLING}:{digest(source)}"))

    def _measure_seed(self, source: str) -> Evaluation:
        first = self.evaluator.evaluate(source, seed=self.entropy)
        return measure_again(self.evaluator, source, first, seed=self.entropy, more=self.options.repeats - 1)

    def _search(self) -> None:
        self._seed_tests.start()
        for ticket in self._resumed:
            self._relaunch(self.record.in_flight[ticket])
        # Now too: the kernel may have died between a best and its hold-out.
        self._second_looks.look_after_best()
        self._commit_ready()
        while True:
            self._fill()
            if self._is_done():
                return
            self._receive()

    def _submit(self, job: Job, answer: Answer) -> None:
        """Have a job done by the evaluation pool; its answer comes back as a message."""
        self._evaluators.submit(job, lambda result: self.inbox.put(answer(result)))

    def _receive(self) -> None:
        try:
            message = self.inbox.get(timeout=TICK_S)
        except Empty:
            return
        messages = [message]
        with suppress(Empty):
            while True:
                messages.append(self.inbox.get_nowait())
        for are_replies, group in groupby(messages, _is_reply):
            if are_replies:
                self._on_replies([message for message in group if isinstance(message, Proposed)])
                continue
            for message in group:
                self._handle(message)
        self._commit_ready()

    def _handle(self, message: Message) -> None:
        match message:
            case Command(action):
                action()
            case Proposed(ticket, result):
                self._on_proposal(ticket, result)
            case Evaluated(program, result):
                self._evaluating.discard(program)
                self._evaluations[program] = _value_or_raise(result)
            case HoldoutEvaluated(index, result):
                self._second_looks.on_holdout(index, _value_or_raise(result))
            case NodeMeasured(index, result):
                self._second_looks.on_measured(index, _value_or_raise(result))
            case SeedTestEvaluated(kind, result):
                self._seed_tests.on_evaluated(kind, _value_or_raise(result))

    def _is_done(self) -> bool:
        if self._stop_reason is not None or is_out_of_time(self.options, self._active()):
            return True
        if self._paused_since is not None:
            return False
        is_at_work = self.record.in_flight or self._second_looks.is_at_work or self._seed_tests.is_at_work
        return not is_at_work and bool(self._used_up())

    def _used_up(self) -> str:
        reason = used_up(self.record, self.options, self._active())
        if not reason and self._script is not None and self.record.last_ticket >= self._script.length:
            return f"all {self._script.length} recorded replies are used"
        return reason

    # -- asking ----------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Launch expansions while there is room."""
        self._evaluators.grow(self._n_workers)
        self._proposals.grow(self._n_proposals)
        while self._has_room() and (expansion := self._next()) is not None:
            self._launch(expansion)

    def _next(self) -> Expansion | None:
        """Return what is to be expanded next; None where a script's parent is still on its way."""
        ticket = self.record.last_ticket + 1
        scripted = self._script.scripted(ticket) if self._script is not None else None
        if scripted is None:
            return self.planner.ask(self.record, ticket, self.ideas)
        nodes = {node.ticket: node.index for node in self.record.tree}
        if all(parent in nodes for parent in scripted.parents):
            parents = [nodes[parent] for parent in scripted.parents]
            return self.planner.ask_again(
                self.record, ticket, parents, scripted.operator, hint=scripted.hint, idea=scripted.idea
            )
        return None if self.record.in_flight else self.planner.ask(self.record, ticket, self.ideas)

    def _has_room(self) -> bool:
        if self._paused_since is not None or self._stop_reason is not None or self._used_up():
            return False
        in_flight = self.record.in_flight.values()
        if len(in_flight) >= self._most_in_flight():
            return False
        if self._is_ordered:
            return True  # what is asked when must not depend on which answers have come
        proposing = sum(flight.stage == "proposing" for flight in in_flight)
        return proposing < self._n_proposals and not is_spoken_for(self.record, self.options)

    def _most_in_flight(self) -> int:
        """Return how many expansions may be on their way; each one is chosen without knowing the others' results."""
        workers, proposals = self._n_workers, self._n_proposals
        if self._is_ordered:
            return LAG
        if workers == 1 and (proposals == 1 or self.proposer.is_instant):
            return 1  # the published algorithm to the letter: nothing is chosen before the last result is known
        return workers + 1 if self.proposer.is_instant else proposals + 2 * workers

    def _launch(self, expansion: Expansion) -> None:
        self._emit(
            ev.ExpansionStarted(
                self.at(), expansion.ticket, expansion.parents, expansion.operator, expansion.pick,
                expansion.hint, expansion.idea,
            )
        )  # fmt: skip
        self._propose(self.record.in_flight[expansion.ticket])

    def _relaunch(self, flight: Flight) -> None:
        """Take up an expansion of an earlier kernel: a reply that was paid for is not asked for again."""
        if flight.proposal is None:
            self._propose(flight)
        else:
            self._take_source(flight.ticket, flight.proposal.source, flight.proposal.detail)

    def _propose(self, flight: Flight) -> None:
        request = request_for(self.record, flight, self.entropy, self._earnings)
        self._asked[flight.ticket] = self._resumes
        self._proposals.submit(
            lambda: self.proposer.propose(request), lambda result: self.inbox.put(Proposed(flight.ticket, result))
        )

    def _on_proposal(self, ticket: int, result: object) -> None:
        """Take what is no reply: the proposer failed."""
        if isinstance(result, ModelUnavailable):
            if self._paused_since is None and self._asked[ticket] < self._resumes:
                # A late answer to what was asked before the user mended it.
                self._propose(self.record.in_flight[ticket])
                return
            self._unasked.append(ticket)
            self.pause(str(result))
            return
        raise result if isinstance(result, Exception) else TypeError(f"a proposer returned {type(result).__name__}")

    def _on_replies(self, replies: Sequence[Proposed]) -> None:
        """Store replies that came together with one wait for the disk, then have them evaluated."""
        for first in range(0, len(replies), STORED_TOGETHER):
            received = [
                ev.ProposalReceived(
                    self.at(), reply.ticket, proposal.source, proposal.model, proposal.detail, proposal.prompt,
                    proposal.reply, proposal.tokens_in, proposal.tokens_out, proposal.cost, proposal.seconds,
                    proposal.plan,
                )
                for reply in replies[first : first + STORED_TOGETHER]
                if isinstance(proposal := reply.result, Proposal)
            ]  # fmt: skip
            self._emit_all(received)
            for event in received:
                self._take_source(event.ticket, event.source, event.detail)

    def _take_source(self, ticket: int, source: str | None, detail: str) -> None:
        if source is None:
            self._drops[ticket] = detail
            return
        self._sources[ticket] = source
        program = digest(source)
        known = self.record.index_of(program) is not None or program in self._evaluations
        if known or program in self._evaluating:
            return
        self._evaluating.add(program)
        # The event is the loop's to write: the worker only says that it begins.
        self._submit(lambda: self._evaluate(ticket, source), lambda result: Evaluated(program, result))

    def _evaluate(self, ticket: int, source: str) -> Evaluation:
        self.inbox.put(Command(lambda: self._on_evaluation_started(ticket)))
        return self.evaluator.evaluate(source, seed=self.entropy)

    def _evaluate_again(self, source: str, first: Evaluation, more: int) -> None:
        """Have a would-be best evaluated further, on fresh random seeds, before it becomes a node."""
        program = digest(source)
        del self._evaluations[program]
        self._evaluating.add(program)
        self._submit(
            lambda: measure_again(self.evaluator, source, first, seed=self.entropy, more=more),
            lambda result: Evaluated(program, result),
        )

    def _on_evaluation_started(self, ticket: int) -> None:
        if ticket in self.record.in_flight:
            self._emit(ev.EvaluationStarted(self.at(), ticket))

    # -- committing ------------------------------------------------------------------------------------------------

    def _commit_ready(self) -> None:
        """Turn what is ready into nodes: as it came, or strictly in the order asked."""
        if not self._is_ordered:
            for ticket in sorted(self.record.in_flight):
                self._commit(ticket)
            return
        while self.record.in_flight and self._paused_since is None and self._stop_reason is None:
            if not self._commit(min(self.record.in_flight)):
                return
            self._fill()

    def _commit(self, ticket: int) -> bool:
        """Commit one ticket if its result is there; return whether it was."""
        if ticket in self._drops:
            self._emit(ev.ExpansionDropped(self.at(), ticket, self._drops.pop(ticket)))
            return True
        source = self._sources.get(ticket)
        if source is None:
            return False
        original = self.record.index_of(digest(source))
        result = self._evaluations.get(digest(source))
        if original is None and result is None:
            return False
        flight, index = self.record.in_flight[ticket], len(self.record.tree)
        if original is not None:
            node = duplicate_node(flight, index, source, self.record.tree[original], finished=self.at())
        else:
            assert result is not None
            if more := evaluations_wanted(self.record, self.options, result):
                self._evaluate_again(source, result, more)
                return False
            flags = flags_of(self.record, result)
            node = evaluated_node(
                flight, index, source, result, direction=self.options.direction, flags=flags, finished=self.at()
            )
        del self._sources[ticket]
        self._evaluations.pop(digest(source), None)
        self._emit(ev.NodeAdded(self.at(), node, f"{SPELLING}:{digest(source)}"))
        self._second_looks.look_after_best()
        return True

    # -- commands (on this thread) ---------------------------------------------------------------------------------

    def pause(self, reason: str = "") -> None:
        """Ask for nothing more; what is at work is finished."""
        if self._paused_since is None:
            self._paused_since = time.monotonic()
            self._emit(ev.StateChanged(self.at(), "paused", reason))

    def resume(self) -> None:
        """Go on after a pause."""
        if self._paused_since is None:
            return
        self._paused_s += time.monotonic() - self._paused_since
        self._paused_since = None
        self._resumes += 1
        self._emit(ev.StateChanged(self.at(), "running"))
        unasked, self._unasked = self._unasked, []
        for ticket in unasked:
            self._propose(self.record.in_flight[ticket])

    def stop(self, reason: str = "stopped by the user") -> None:
        """End the run; evaluations at work are given up, replies that were paid for are kept."""
        self._stop_reason = reason

    def expand(self, parent: int, hint: str) -> None:
        """Ask for a child of `parent` with that hint, beside what the policy asks for."""
        if len(self.record.tree) + len(self.record.in_flight) < self.options.nodes:
            self._launch(self.planner.ask_for(self.record, self.record.last_ticket + 1, parent, hint))
        else:
            self._emit(ev.Warned(self.at(), "the budget of nodes is used up: raise it, then expand again"))

    def add_idea(self, idea: str) -> None:
        """Have `idea` tried on a branch of its own."""
        self.ideas.append(idea)

    def evaluate(self, index: int, more: int) -> None:
        """Have a node evaluated further, on fresh random seeds."""
        self._second_looks.measure(index, more)

    def allow(self, index: int, is_allowed: bool) -> None:
        """Let a node be the best in spite of its flags, or no longer."""
        self._emit(ev.NodeAllowed(self.at(), index, is_allowed))
        self._second_looks.look_after_best()

    def pin(self, index: int | None) -> None:
        """Let a node be the best whatever the values say, or leave it to the values again."""
        self._emit(ev.NodePinned(self.at(), index))
        self._second_looks.look_after_best()

    def drop(self, index: int, is_dropped: bool) -> None:
        """Give up a branch, or take it up again; what is at work in it is finished."""
        self._emit(ev.BranchDropped(self.at(), index, is_dropped))
        self._second_looks.look_after_best()

    def set_options(self, options: Options) -> None:
        """Go on with other budgets."""
        self.options = options
        self._emit(ev.RunResumed(self.at(), {"nodes": options.nodes, "minutes": options.minutes}))

    def mark_accepted(self, index: int) -> None:
        """Remember that the user took a node into the notebook."""
        self._emit(ev.NodeAccepted(self.at(), index))

    # -- the end ---------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        if self._stop_reason is not None:
            self._change("stopped", self._stop_reason)
            return
        reason = self._used_up()
        if self._last_drop and self.record.drops_in_a_row >= min(DROPS_BEFORE_END, self.record.last_ticket):
            reason = f"{reason}: {self._last_drop}"
        self._change("finished", reason)

    def _fail(self, reason: str) -> None:
        try:
            self._change("failed", reason)
        except ScoreError:
            # The store is what failed: tell those who watch all the same.
            self._tell(ev.StateChanged(self.at(), "failed", reason))

    def _change(self, state: RunState, reason: str) -> None:
        self._emit(ev.StateChanged(self.at(), state, reason))

    # -- time and events -------------------------------------------------------------------------------------------

    def at(self) -> float:
        """Return seconds since the run was created, time without a kernel left out."""
        return self._offset + time.monotonic() - self._began

    def _active(self) -> float:
        paused = self._paused_s
        if self._paused_since is not None:
            paused += time.monotonic() - self._paused_since
        return self.at() - paused

    def _emit(self, event: ev.Event) -> None:
        """Store first, then remember, then tell."""
        if isinstance(event, ev.ExpansionDropped):
            self._last_drop = event.detail
        self._emit_all([event])

    def _emit_all(self, events: Sequence[ev.Event]) -> None:
        """Do it with events that may wait for each other."""
        if self.journal is not None:
            events = self.journal.append_all(events)
        for event in events:
            self._tell(event)
        if self.journal is not None:
            self.journal.checkpoint(self.record)

    def _tell(self, event: ev.Event) -> None:
        with self.guard:
            self.record.apply(event)
        self.publish(event)


def _is_reply(message: Message) -> bool:
    return isinstance(message, Proposed) and isinstance(message.result, Proposal)


def _value_or_raise(result: Any) -> Any:
    if isinstance(result, Exception):
        raise result
    return result
