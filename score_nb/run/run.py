"""A run as its user holds it: live, or read from the store."""

from __future__ import annotations

import difflib
import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from score_nb import events as ev
from score_nb.errors import ScoreError
from score_nb.record import Record
from score_nb.run.loop import Loop
from score_nb.run.messages import Command
from score_nb.run.stored import StoredRun, stored_record
from score_nb.store.journal import Journal
from score_nb.types import Node, RunState, Task

__all__ = ["Listener", "Run", "stored_record"]

LOOK_S = 0.2

Listener = Callable[[ev.Event], None]
log = logging.getLogger("score_nb")


class Run:
    """One search.  All methods may be called from any thread; what they change happens on the loop's thread.

    Attributes
    ----------
    path : Path or None
        The run's folder in the store.
    """

    def __init__(self, record: Record, path: Path | None = None) -> None:
        self._record = record
        self.path = path
        self._stored = None if path is None else StoredRun(path)
        self._loop: Loop | None = None
        self._listeners: list[Listener] = []
        self._ended = threading.Event()

    @classmethod
    def stored(cls, folder: Path) -> Run:
        """Return the run in a folder of the store, for reading and following; the journal is read once."""
        run = cls(Record(), folder)
        run._record = run.record
        return run

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def record(self) -> Record:
        """What is known of the run; of a stored run what was added meanwhile is read."""
        if self._loop is None and self._stored is not None:
            self._record, _ = self._stored.read()
        return self._record

    @property
    def name(self) -> str:
        """Name of the run."""
        return self._record.name

    @property
    def id(self) -> str:
        """Identity of the run, unique among all runs."""
        return self._record.run_id

    @property
    def task(self) -> Task:
        """What is searched for."""
        return self._record.task

    @property
    def options(self) -> dict[str, Any]:
        """The options of the run, by name."""
        return dict(self.record.options)

    @property
    def state(self) -> RunState:
        """`running`, `paused`, `stopped`, `finished` or `failed`."""
        return self.record.state

    @property
    def reason(self) -> str:
        """Why the run is in that state, "" where there is nothing to say."""
        return self.record.reason

    @property
    def nodes(self) -> list[Node]:
        """All candidates evaluated so far, the seed first."""
        return self.snapshot().nodes

    @property
    def best(self) -> Node | None:
        """The node that the user has pinned, else that of the best value; None while nothing is scored."""
        return self.snapshot().best

    @property
    def is_live(self) -> bool:
        """Whether this process works on the run."""
        return self._loop is not None and not self._ended.is_set()

    def snapshot(self) -> Record:
        """Return what is known now; later events do not change it."""
        if self._loop is None:
            return self.record.copy()
        with self._loop.guard:
            return self._record.copy()

    def node(self, index: int | None = None) -> Node:
        """Return one node, the best where no index is given.

        Raises
        ------
        ScoreError
            There is no such node.
        """
        record = self.snapshot()
        if index is None:
            if record.best is None:
                raise ScoreError(f"run {self.name} has no scored node yet")
            return record.best
        if not record.nodes:
            raise ScoreError(f"run {self.name} has no node {index}: its seed is not scored yet")
        if not 0 <= index < len(record.nodes):
            raise ScoreError(f"run {self.name} has no node {index}: its nodes are 0 to {len(record.nodes) - 1}")
        return record.nodes[index]

    def code(self, node: int | None = None) -> str:
        """Return the source of a node, the best where none is named."""
        return self.node(node).source

    def diff(self, a: int | None = None, b: int | None = None) -> str:
        """Return the unified diff from node `a` (the seed) to node `b` (the best), "" where they are equal."""
        old, new = self.node(0 if a is None else a), self.node(b)
        lines = difflib.unified_diff(
            old.source.splitlines(), new.source.splitlines(), f"node {old.index}", f"node {new.index}", lineterm=""
        )
        return "\n".join(lines)

    def to_frame(self) -> Any:
        """Return a pandas frame, one row per node, columns named as the node's fields."""
        from score_nb.view.tables import to_frame

        return to_frame(self.snapshot())

    def chart(self) -> Any:
        """Return the score curve as an Altair chart."""
        from score_nb.view.tables import chart

        return chart(self.snapshot())

    def __repr__(self) -> str:
        record = self.snapshot()
        best = "no value yet" if record.best is None else f"best {record.best.value:.6g} (node {record.best.index})"
        return f"<Run {self.name}: {record.state}, {len(record.nodes)} nodes, {best}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from score_nb.view.report import bundle

        return dict(bundle(self.snapshot()))

    # -- watching --------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(event)` on the loop's thread for every later event; return the function that ends it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the run has ended, here or elsewhere, at most `timeout` seconds; return whether it has."""
        if self._loop is not None:
            return self._ended.wait(timeout)
        until = None if timeout is None else time.monotonic() + timeout
        while not self.record.is_ended:
            left = LOOK_S if until is None else min(LOOK_S, until - time.monotonic())
            if left <= 0:
                return False
            time.sleep(left)
        return True

    def follow(self) -> None:
        """Tell the listeners, on a thread of its own, what another process does from now on, until the run has ended.

        For a run that is at work here there is nothing to do: its listeners hear from its loop.
        """
        if self._loop is not None or self.path is None:
            return
        seen = StoredRun(self.path)
        record, _ = seen.read()
        if not record.is_ended:
            thread = threading.Thread(target=self._follow, args=(seen,), name=f"score-nb follow {self.name}")
            thread.daemon = True
            thread.start()

    def _follow(self, seen: StoredRun) -> None:
        while True:
            time.sleep(LOOK_S)
            try:
                record, new = seen.read()
            except ScoreError as error:
                log.warning("run %s can no longer be followed: %s", self.name, error)
                return
            for event in new:
                self.publish(event)
            if record.is_ended:
                return

    # -- steering --------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Ask for nothing more until `resume`; what is at work is finished."""
        loop = self._live_loop()
        self._command(lambda: loop.pause("paused by the user"))

    def resume(self) -> None:
        """Go on after a pause."""
        self._command(self._live_loop().resume)

    def stop(self) -> None:
        """End the run; what was scored and what was paid for is kept, and running the cell again continues it."""
        if self.is_live:
            self._command(self._live_loop().stop)

    def expand(self, node: int | Node, hint: str = "") -> None:
        """Ask for a child of `node`, with a hint for the model."""
        index = self.node(node.index if isinstance(node, Node) else node).index
        loop = self._live_loop()
        self._command(lambda: loop.expand(index, hint))

    def add_idea(self, idea: str) -> None:
        """Have `idea` tried on a branch of its own."""
        loop = self._live_loop()
        self._command(lambda: loop.add_idea(idea))

    def set_budget(self, *, nodes: int | None = None, minutes: float | None = None) -> None:
        """Raise or lower the budget while the run goes on."""
        loop = self._live_loop()

        def change() -> None:
            options = loop.options
            loop.set_options(replace(options, nodes=nodes or options.nodes, minutes=minutes or options.minutes))

        self._command(change)

    def evaluate(self, node: int | Node, repeats: int = 3) -> None:
        """Evaluate `node` `repeats` times more, on fresh random seeds; its value becomes the mean of all.

        Raises
        ------
        ScoreError
            The node failed, or the run is not at work here.
        """
        found = self.node(node.index if isinstance(node, Node) else node)
        if not found.is_scored:
            raise ScoreError(f"node {found.index} of {self.name} has no value to average: its status is {found.status}")
        loop = self._live_loop()
        self._command(lambda: loop.evaluate(found.index, repeats))

    def allow(self, node: int | Node, is_allowed: bool = True) -> None:
        """Let `node` be the best in spite of its flags, or no longer; works for an ended run too."""
        index = self.node(node.index if isinstance(node, Node) else node).index
        if self.is_live:
            loop = self._live_loop()
            self._command(lambda: loop.allow(index, is_allowed))
        else:
            self._note(ev.NodeAllowed(self.record.elapsed, index, is_allowed), f"that node {index} is allowed")

    def pin(self, node: int | Node | None) -> None:
        """Let `node` be the best whatever the values say, None to leave it to them again; the search goes on as before.

        Raises
        ------
        ScoreError
            The node failed.
        """
        index = None
        if node is not None:
            found = self.node(node.index if isinstance(node, Node) else node)
            if not found.is_scored:
                raise ScoreError(f"node {found.index} of {self.name} cannot be the best: its status is {found.status}")
            index = found.index
        if self.is_live:
            loop = self._live_loop()
            self._command(lambda: loop.pin(index))
        else:
            self._note(ev.NodePinned(self.record.elapsed, index), f"that node {index} is pinned")

    def drop(self, node: int | Node, is_dropped: bool = True) -> None:
        """Give up `node` and all below it, or take them up again: they are neither expanded nor the best.

        Raises
        ------
        ScoreError
            The node is the seed, below which everything is.
        """
        index = self.node(node.index if isinstance(node, Node) else node).index
        if index == 0:
            raise ScoreError(f"node 0 of {self.name} is the seed, below which everything is: stop the run instead")
        if self.is_live:
            loop = self._live_loop()
            self._command(lambda: loop.drop(index, is_dropped))
        else:
            self._note(ev.BranchDropped(self.record.elapsed, index, is_dropped), f"that branch {index} is dropped")

    def accept_marked(self, index: int) -> None:
        """Remember that node `index` was accepted into the notebook."""
        if self.is_live:
            loop = self._live_loop()
            self._command(lambda: loop.mark_accepted(index))
        else:
            self._note(ev.NodeAccepted(self.record.elapsed, index), f"that node {index} was accepted")

    def _note(self, event: ev.Event, what: str) -> None:
        """Add an event to a run that is not at work here."""
        self._record.apply(event)
        if self.path is not None:
            try:
                with closing(Journal(self.path)) as journal:
                    journal.append(event)
            except ScoreError as error:
                log.warning("run %s: %s is not stored: %s", self.name, what, error)
        self.publish(event)

    # -- for `score_nb.run.start` ----------------------------------------------------------------------------------

    def begin(self, loop: Loop) -> None:
        """Start the loop's thread."""
        self._loop = loop

        def body() -> None:
            try:
                loop.run()
            finally:
                self._ended.set()

        threading.Thread(target=body, name=f"score-nb run {self.name}", daemon=True).start()

    def publish(self, event: ev.Event) -> None:
        """Tell the listeners; one that fails is logged and does not disturb the run."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("a listener of run %s failed", self.name)

    def _live_loop(self) -> Loop:
        if self._loop is None or self._ended.is_set():
            if self.state in ("running", "paused"):
                raise ScoreError(f"run {self.name} is at work in another kernel: steer it there")
            raise ScoreError(
                f"run {self.name} is {self.state} and not at work here: run its cell again to continue it "
                "(with a larger --nodes where its budget is used up)"
            )
        return self._loop

    def _command(self, action: Callable[[], None]) -> None:
        self._live_loop().inbox.put(Command(action))
