"""The thread that renews a run's saved picture: drawing 10,000 nodes takes seconds, and no page should wait for it."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from score_nb.record import Record

log = logging.getLogger("score_nb")


class Painter:
    """Calls `refresh(record, is_live)` with the newest of what it is given; what waited meanwhile is passed over."""

    def __init__(self, refresh: Callable[[Record, bool], None]) -> None:
        self._refresh = refresh
        self._inbox: SimpleQueue[tuple[Record, bool] | None] = SimpleQueue()

    def start(self) -> None:
        """Start the thread, in a copy of the caller's context as the publisher's is; call on the cell's thread."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._work,), name="score_nb-painter", daemon=True).start()

    def put(self, record: Record, is_live: bool) -> None:
        """Have the picture drawn; returns at once."""
        self._inbox.put((record, is_live))

    def close(self) -> None:
        """End the thread after the newest picture."""
        self._inbox.put(None)

    def _work(self) -> None:
        is_open = True
        while is_open:
            items = [self._inbox.get()]
            while not self._inbox.empty():
                items.append(self._inbox.get())
            is_open = None not in items
            wanted = [item for item in items if item is not None]
            if wanted:
                self._paint(*wanted[-1])

    def _paint(self, record: Record, is_live: bool) -> None:
        try:
            self._refresh(record, is_live)
        except Exception:
            # A picture that cannot be drawn or sent is no reason to end the live view.
            log.exception("the saved picture of run %s could not be renewed", record.name)
