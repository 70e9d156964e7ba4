"""A run read from the store, kept current at the cost of what is new."""

from __future__ import annotations

import threading
from pathlib import Path

from score_nb import events as ev
from score_nb.record import Record
from score_nb.store.journal import JournalReader
from score_nb.store.lock import is_held

ABANDONED = "the kernel ended while the run was going on: run its cell again to continue"


class StoredRun:
    """A run that this process does not work on; any thread may read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader = JournalReader(folder)
        self._guard = threading.Lock()
        self._stored: Record | None = None
        self._shown = Record()
        self._is_abandoned = False

    def read(self) -> tuple[Record, list[ev.Event]]:
        """Return the run's record, and the events that are new in it since the last call (of the first call none).

        A run that no live process writes any more is `stopped`, not `running`.

        Raises
        ------
        StoreBroken
            The run cannot be read.
        """
        with self._guard:
            # Asked first: a writer that ends in between has written its end before it lets go.
            is_held_now = is_held(self.folder)
            is_first, new = self._stored is None, []
            if self._stored is None:
                self._stored = self._reader.record()
            else:
                new = self._reader.poll()
                if new and isinstance(new[0], ev.RunStarted):
                    self._stored = Record()
                self._stored.apply_all(new)
            was_abandoned, self._is_abandoned = self._is_abandoned, not is_held_now and not self._stored.is_ended
            if is_first or new or self._is_abandoned != was_abandoned:
                self._shown = self._stored.copy()
                if self._is_abandoned:
                    state = ev.StateChanged(self._shown.elapsed, "stopped", ABANDONED)
                else:
                    state = ev.StateChanged(self._shown.elapsed, self._shown.state, self._shown.reason)
                if self._is_abandoned != was_abandoned:
                    new = [*new, state]
                self._shown.apply(state)
            return self._shown, new


def stored_record(folder: Path) -> Record:
    """Return the record of a stored run as it stands; one that no live process writes is `stopped`, not `running`."""
    return StoredRun(folder).read()[0]
