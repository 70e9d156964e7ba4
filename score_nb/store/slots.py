"""The cores of this machine, shared by all runs on it: one slot per evaluation at work, given back by dead processes.

One small file in the machine's own temporary folder, and POSIX locks on its bytes: the system drops them with their
process, however it ends, and children do not inherit them.  Such locks belong to a process as a whole, so which of its
threads has which slot is kept here.  Network file systems lie about locks, but slots mean nothing beyond a machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: every run keeps to its own workers, as without this module
    fcntl = None  # type: ignore[assignment]

from score_nb.config import usable_cores

# For tests, and for groups of runs that are to have slots of their own.
FILE_VARIABLE = "SCORE_NB_SLOTS"
LOOK_S = 0.05
# A run that has its share lets others go first for so long.
STEP_BACK_S = 0.25
MOST_RUNS = 128
# Where in the file the bytes of slots, of further slots of a run that is alone, and of runs lie.
_SLOT, _EXTRA, _RUN = 0, 1 << 12, 1 << 16

log = logging.getLogger("score_nb")


class Slots:
    """The slots of one machine, for this process; one instance per file and process (closing it would drop its locks).

    Parameters
    ----------
    path : Path
        The file; made where there is none.
    cores : int
        Evaluations at once, all runs together.  At least 2: a run that waits for another must not wait for ever.
    """

    def __init__(self, path: Path, cores: int) -> None:
        self.cores = max(2, cores)
        self._changed = threading.Condition()
        self._taken: set[int] = set()
        self._runs = 0
        self._others = (-1.0, 0)
        self._file = -1
        if fcntl is not None:
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                log.warning("cores are not shared with other runs: cannot write %s (%s)", path, error.strerror)

    def join(self, workers: int) -> Membership:
        """Return the slots of a run that would do `workers` evaluations at once."""
        with self._changed:
            byte = next((_RUN + n for n in range(MOST_RUNS) if self._take(_RUN + n)), None)
            self._runs += 1
        return Membership(self, workers, byte)

    # -- for `Membership`, under `_changed` ------------------------------------------------------------------------

    def runs(self) -> int:
        """Return how many runs are at work on this machine, at least those of this process."""
        at, others = self._others
        now = time.monotonic()
        if now - at > STEP_BACK_S:
            others = sum(self._is_theirs(_RUN + number) for number in range(MOST_RUNS))
            self._others = now, others
        return self._runs + others

    def take_one(self, workers: int, is_alone: bool) -> int | None:
        """Return a slot that was free, None where there is none; a run that is alone may have all its workers."""
        extra = max(0, workers - self.cores) if is_alone else 0
        bytes_ = [*range(_SLOT, _SLOT + self.cores), *range(_EXTRA, _EXTRA + extra)]
        return next((byte for byte in bytes_ if self._take(byte)), None)

    def give_back(self, byte: int) -> None:
        """Let the slot be taken by others, and wake those of this process that wait."""
        if self._file >= 0 and byte in self._taken:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
        self._taken.discard(byte)
        self._changed.notify_all()

    def leave(self, byte: int | None) -> None:
        """Count one run less."""
        with self._changed:
            self._runs -= 1
            if byte is not None:
                self.give_back(byte)

    def _take(self, byte: int) -> bool:
        if byte in self._taken:
            return False
        if self._file >= 0:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            except OSError:
                return False
        self._taken.add(byte)
        return True

    def _is_theirs(self, byte: int) -> bool:
        """Return whether another process has the byte; asked with a shared lock, which two that ask can have."""
        if self._file < 0 or byte in self._taken:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, byte)
        return False


class Membership:
    """A run's part in the slots of its machine; all methods may be called from any thread."""

    def __init__(self, slots: Slots, workers: int, byte: int | None) -> None:
        self._slots, self._workers, self._byte = slots, workers, byte
        self._held = 0
        self._is_closed = False

    @contextlib.contextmanager
    def slot(self) -> Iterator[bool]:
        """Wait for a slot and have it for the block; False where the run was closed before there was one."""
        byte = self._wait()
        try:
            yield byte is not None
        finally:
            if byte is not None:
                with self._slots._changed:
                    self._held -= 1
                    self._slots.give_back(byte)

    def close(self) -> None:
        """Let those who wait go without a slot, and count as a run no longer; who has a slot keeps it until the end."""
        with self._slots._changed:
            if self._is_closed:
                return
            self._is_closed = True
            self._slots._changed.notify_all()
        self._slots.leave(self._byte)

    def _wait(self) -> int | None:
        slots = self._slots
        since = time.monotonic()
        with slots._changed:
            while not self._is_closed:
                runs = slots.runs()
                share = max(1, slots.cores // runs)
                # With less than its share a run takes what is free; beyond it others come first.
                if self._held < share or runs == 1 or time.monotonic() - since > STEP_BACK_S:
                    byte = slots.take_one(self._workers, is_alone=runs == 1)
                    if byte is not None:
                        self._held += 1
                        return byte
                    since = time.monotonic() if self._held >= share else since
                slots._changed.wait(LOOK_S * (0.5 + random.random()))
        return None


_MADE: list[Slots] = []
_guard = threading.Lock()


def machine() -> Slots:
    """Return the slots of this machine, as many as this process may use cores."""
    with _guard:
        if not _MADE:
            user = os.getuid() if hasattr(os, "getuid") else 0
            path = Path(os.environ.get(FILE_VARIABLE) or Path(tempfile.gettempdir()) / f"score-nb-{user}.slots")
            _MADE.append(Slots(path, usable_cores()))
        return _MADE[0]


if hasattr(os, "register_at_fork"):
    # A forked child has no locks: what it inherited are another process's slots.
    os.register_at_fork(after_in_child=_MADE.clear)
