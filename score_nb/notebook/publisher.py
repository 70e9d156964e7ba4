"""The one thread that talks to the page of a run: batched, numbered, never in anybody's way."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal, Protocol

from score_nb.events import Event
from score_nb.notebook.painter import Painter
from score_nb.record import Record
from score_nb.view import wire

log = logging.getLogger("score_nb")

# Ten messages per second: a page eats 700 of them, the server drops what exceeds 1,000 without a word.
TICK_S = 0.1
# While the run works, the page hears from us at least this often; silence then means that the kernel is gone.
BEAT_S = 5.0
HELLO_S = 4.0
STATIC_S = 1.0
# From so many nodes on the first message takes a time that a page would wait for.
LONG = 1_000


class Watched(Protocol):
    """What the publisher needs of a run."""

    def snapshot(self) -> Record:
        """Return a consistent copy of the run's record."""
        ...

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; return what ends that."""
        ...


@dataclass(frozen=True, slots=True)
class Hello:
    """The page asked for the whole run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The page asked for the detail of a node."""

    index: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message that goes out as it is."""

    message: wire.FromKernel


@dataclass(frozen=True, slots=True)
class Changed:
    """Something happened in the run."""


Item = Hello | Wanted | Said | Changed
Page = Literal["awaited", "live", "missing"]


class Publisher:
    """Sends a run to its page and keeps the saved picture of its output up to date.

    Parameters
    ----------
    run : Watched
        Where the record comes from.
    send : callable
        Sends one message to all pages of the run; called on the publisher's thread only.
    refresh : callable
        Called with the record and whether a page lives, when the saved picture of the output should change; on the
        painter's thread.
    cell_id : str or None
        The seed cell.
    is_pictured : bool
        Whether the output has a picture already; else one is drawn as soon as the page has its run.
    """

    def __init__(
        self,
        run: Watched,
        send: Callable[[wire.FromKernel], None],
        refresh: Callable[[Record, bool], None],
        *,
        cell_id: str | None = None,
        is_pictured: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._send = send
        self._painter = Painter(refresh)
        self._cell_id = cell_id
        self._clock = clock
        self._inbox: SimpleQueue[Item | None] = SimpleQueue()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._page: Page = "awaited"
        self._is_stale = False
        self._is_pictured = is_pictured
        self._prepared: tuple[Record, wire.Snapshot] | None = None
        self._seq = 0
        self._sent: Record | None = None
        self._pictured: Record | None = None
        self._started = self._sent_at = self._pictured_at = clock()

    def start(self) -> None:
        """Start the thread; call this on the thread of the cell whose output the page is.

        The thread runs in a copy of the caller's context: ipykernel 7.0 cannot send without one, and in every version
        it ties what the thread displays to that cell.
        """
        self._unsubscribe = self._run.subscribe(lambda _event: self._inbox.put(Changed()))
        self._painter.start()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._work,), name="score_nb-publisher", daemon=True).start()

    def put(self, item: Item) -> None:
        """Queue `item`; returns at once, any thread may call."""
        self._inbox.put(item)

    def close(self) -> None:
        """End the thread after what is queued."""
        self._unsubscribe()
        self._inbox.put(None)

    # -- on the thread ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._prepare()
            while self._round():
                pass
        except Exception:
            # The thread's last words belong in the log, not in whatever cell ran last.
            log.exception("the widget's publisher stopped")
            self._unsubscribe()
        self._painter.close()

    def _prepare(self) -> None:
        """Make the first message of a long run while the page is still loading what draws it."""
        record = self._run.snapshot()
        if len(record.nodes) >= LONG:
            self._prepared = record, wire.snapshot(record, seq=1, cell_id=self._cell_id)

    def _round(self) -> bool:
        """Wait for something to do, do all that is queued, send at most one delta; return False at the end."""
        items = self._next_items()
        is_open = None not in items
        if any(isinstance(item, Changed) for item in items):
            self._is_stale = True
        if any(isinstance(item, Hello) for item in items):
            self._welcome()
        for item in items:
            if isinstance(item, Wanted):
                self._detail(item.index)
            elif isinstance(item, Said):
                self._send(item.message)
        self._update()
        return is_open

    def _next_items(self) -> list[Item | None]:
        items: list[Item | None] = []
        try:
            first = self._inbox.get(timeout=self._patience())
            items.append(first)
            # What arrives within one tick goes out in one message; a page that has nothing yet does not wait for more.
            if not isinstance(first, Hello):
                time.sleep(TICK_S)
            while True:
                items.append(self._inbox.get_nowait())
        except Empty:
            return items

    def _patience(self) -> float | None:
        """Return how long to wait for the next item: for ever where nothing is due."""
        now = self._clock()
        if self._page == "awaited":
            return max(0.0, self._started + HELLO_S - now)
        if self._page == "missing":
            return STATIC_S if self._is_stale else None
        return BEAT_S if self._is_running() else None

    def _is_running(self) -> bool:
        return self._sent is not None and self._sent.state == "running"

    def _welcome(self) -> None:
        """Send the whole run: to a page that is new, was reloaded, or missed a message."""
        was_missing, self._page = self._page == "missing", "live"
        self._seq += 1
        prepared, self._prepared = self._prepared, None
        if prepared is not None and not self._is_stale and self._seq == 1:
            record, message = prepared
        else:
            record = self._run.snapshot()
            message = wire.snapshot(record, seq=self._seq, cell_id=self._cell_id)
        self._send(message)
        self._note_sent(record)
        # A page that was only slow (an old kernel hears nothing while a cell runs) gets its live view back.
        if was_missing or not self._is_pictured:
            self._picture(record)

    def _detail(self, index: int) -> None:
        nodes = (self._sent or self._run.snapshot()).nodes
        if 0 <= index < len(nodes):
            self._send(wire.detail_to_wire(nodes[index]))

    def _update(self) -> None:
        now = self._clock()
        if self._page == "live":
            if self._is_stale or (self._is_running() and now - self._sent_at >= BEAT_S):
                self._send_delta()
        elif self._page == "awaited":
            if now - self._started >= HELLO_S:
                self._page = "missing"
                self._picture(self._run.snapshot())
        elif self._is_stale and now - self._pictured_at >= STATIC_S:
            self._picture(self._run.snapshot())

    def _send_delta(self) -> None:
        record, old = self._run.snapshot(), self._sent
        if old is None:
            return
        self._seq += 1
        self._send(wire.delta(old, record, seq=self._seq, cell_id=self._cell_id))
        self._note_sent(record)
        if self._pictured is None or _is_other_picture(self._pictured, record):
            self._picture(record)

    def _picture(self, record: Record) -> None:
        self._pictured, self._pictured_at, self._is_pictured = record, self._clock(), True
        if self._page != "live":
            self._is_stale = False
        self._painter.put(record, self._page == "live")

    def _note_sent(self, record: Record) -> None:
        self._sent, self._is_stale, self._sent_at = record, False, self._clock()


def _is_other_picture(old: Record, new: Record) -> bool:
    """Return whether the saved picture should change: with the run's state, and with every word after its end."""
    return (old.state, old.accepted) != (new.state, new.accepted) or (new.is_ended and old.nodes != new.nodes)
