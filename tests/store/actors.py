"""Processes that write a run: real ones as far as their lives go, so that many fit into one test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from score_nb import events as ev
from score_nb.store.journal import Journal
from score_nb.store.lock import Holder, read_lock
from score_nb.store.processes import started

LONG_AGO = 1_000_000_000.0


class Paused(Journal):
    """A journal whose writer can be frozen just before its line is written, or just after."""

    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def _write(self, line: bytes) -> None:
        if self.before is not None:
            self.before()
        super()._write(line)
        if self.after is not None:
            self.after()


class Actor:
    """A process that lives until it is killed, on this machine or on another one, and may hold a journal."""

    def __init__(self, *, near: bool) -> None:
        self.near = near
        self._process = subprocess.Popen(["sleep", "600"])
        pid = self._process.pid
        self.holder = (
            Holder(pid=pid, started=started(pid)) if near else Holder(pid=pid, host="elsewhere", boot="another")
        )
        self.journal: Paused | None = None

    def open(self, folder: Path) -> None:
        self.journal = Paused(folder, self.holder)

    def append(self, text: str) -> ev.Event:
        assert self.journal is not None
        event = ev.Warned(0.0, text)
        self.journal.append(event)
        return event

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def freeze(self) -> None:
        """No heartbeat for a long time; the process is still there."""
        assert self.journal is not None
        self.journal._lock._given_up.set()
        path = self.journal.folder / "lock"
        found = read_lock(path)
        if found is not None and found.holder == self.holder:
            os.utime(path, (LONG_AGO, LONG_AGO))

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self.journal is not None:
            self.journal._lock._given_up.set()
            if self.journal._file >= 0:
                os.close(self.journal._file)
                self.journal._file = -1
            self.journal = None

    def can_be_robbed(self, folder: Path) -> bool:
        """Whether its lock counts as left behind."""
        if self.near:
            return self._process.poll() is not None
        found = read_lock(folder / "lock")
        return found is not None and found.beaten == LONG_AGO
