"""Any order of opening, appending, freezing, dying and taking over: one writer, and no acknowledged line is lost.

SCORE_NB_STEPS=10000 runs at least as many steps.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from score_nb import events as ev
from score_nb.errors import StoreBroken, StoreBusy
from score_nb.store.journal import JOURNAL, JournalReader, read_events
from tests.store.actors import Actor
from tests.store.test_journal import started

STEPS_EACH = 30
STEPS = int(os.environ.get("SCORE_NB_STEPS", "600"))


class Store(RuleBasedStateMachine):
    """Processes come and go around one run; `acknowledged` is what their callers were told to be stored."""

    actors = Bundle("actors")

    def __init__(self) -> None:
        super().__init__()
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = Path(tempfile.mkdtemp(prefix="score-nb-machine-", dir=memory))
        self.everyone: list[Actor] = []
        self.owner: Actor | None = None
        self.acknowledged: list[ev.Event] = []
        self.reader = JournalReader(self.folder)
        self.watched: list[ev.Event] = []
        self.number = 0

    def teardown(self) -> None:
        for actor in self.everyone:
            actor.kill()
        shutil.rmtree(self.folder)

    # -- what the processes do -------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        first = Actor(near=True)
        self.everyone.append(first)
        first.open(self.folder)
        assert first.journal is not None
        first.journal.append(started())
        self.acknowledged.append(started())
        first.close()

    @rule(target=actors, near=st.booleans())
    def start(self, near: bool) -> Actor:
        actor = Actor(near=near)
        self.everyone.append(actor)
        self.take(actor)
        return actor

    @rule(actor=actors)
    def open(self, actor: Actor) -> None:
        if actor.journal is None and actor in self.everyone:
            self.take(actor)

    @rule(actor=actors)
    def append(self, actor: Actor) -> None:
        if actor.journal is not None:
            self.write(actor)

    @rule(actor=actors, is_written=st.booleans(), writes=st.booleans())
    def freeze_while_appending(self, actor: Actor, is_written: bool, writes: bool) -> None:
        """Another process takes over in the middle of an append, and may write, before the first one wakes up."""
        if actor.journal is None or actor.near:
            return
        thief = Actor(near=True)
        self.everyone.append(thief)

        def sleep() -> None:
            assert actor.journal is not None
            actor.freeze()
            if self.owner in (actor, None):
                self.take(thief)
            if writes and thief.journal is not None:
                self.write(thief)

        actor.journal.before, actor.journal.after = (None, sleep) if is_written else (sleep, None)
        self.write(actor)
        if actor.journal is not None:
            actor.journal.before = actor.journal.after = None

    @rule(actor=actors)
    def freeze(self, actor: Actor) -> None:
        if actor.journal is not None and not actor.near:
            actor.freeze()

    @rule(actor=actors)
    def close(self, actor: Actor) -> None:
        actor.close()
        if self.owner is actor:
            self.owner = None

    @rule(target=actors, actor=consumes(actors), torn=st.binary(max_size=40))
    def kill(self, actor: Actor, torn: bytes) -> object:
        if self.owner is actor:
            # The line that it was about to write.
            with open(self.folder / JOURNAL, "ab") as file:
                file.write(torn.replace(b"\n", b""))
        actor.kill()
        self.everyone.remove(actor)
        return multiple()

    @rule()
    def watch(self) -> None:
        new = self.reader.poll()
        if new and isinstance(new[0], ev.RunStarted):
            self.watched = []
        self.watched += new
        assert self.watched == read_events(self.folder)

    # -- what must hold --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.acknowledged)
    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        stored = iter(read_events(self.folder))
        assert all(event in stored for event in self.acknowledged), "an acknowledged event is missing or out of order"

    def take(self, actor: Actor) -> None:
        is_free = self.owner is None or self.owner.can_be_robbed(self.folder)
        try:
            actor.open(self.folder)
        except StoreBusy:
            assert not is_free
        else:
            assert is_free, "two writers"
            self.owner = actor

    def write(self, actor: Actor) -> None:
        self.number += 1
        try:
            event = actor.append(str(self.number))
        except StoreBroken:
            assert self.owner is not actor
        else:
            assert self.owner is actor, "a writer that was robbed went on"
            self.acknowledged.append(event)


@pytest.mark.skipif(os.name != "posix", reason="processes are taken as POSIX has them")
def test_one_writer_and_nothing_lost() -> None:
    examples = math.ceil(STEPS / STEPS_EACH)
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=examples, stateful_step_count=STEPS_EACH, deadline=None, derandomize=STEPS <= 600,
            suppress_health_check=list(HealthCheck), database=None,
        ),
    )  # fmt: skip
