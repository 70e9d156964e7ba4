"""One evaluation as the kernel sees it: two children, a clock, a memory gauge, pipes; it ends when both have gone."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from score_nb.evaluate import letters
from score_nb.evaluate.gauge import Gauge, ProcGauge
from score_nb.evaluate.quota import Quota
from score_nb.evaluate.streams import READABLE, Poll, Stream, make_poll

_TICK_S = 0.05
_MAX_REPORT = 1 << 20
_MAX_REPORTS, _MAX_REPORTED = 1_000, 4 << 20  # in all: a candidate can write what it likes to where it reports
_MAX_PRINTED = 256 << 20
_MAX_THREADS = 2_000
_KEPT = 32_768  # of the log, at each end
_LAST_WAIT_S = 20.0
_SIGKILL = 9  # Windows has no name for it

Cause = Literal["", "timeout", "memory", "metric memory", "excess", "closed"]


class Log:
    """Head and tail of what a child printed."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        """Take more output."""
        self.size += len(data)
        room = _KEPT - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * _KEPT:
            del self._tail[:-_KEPT]

    def text(self) -> str:
        """Return the kept text; what was dropped is named."""
        tail = self._tail[-_KEPT:]
        dropped = self.size - len(self._head) - len(tail)
        middle = f"\n[... {dropped:,} bytes ...]\n".encode() if dropped else b""
        return (bytes(self._head) + middle + bytes(tail)).decode("utf-8", "replace")


class Child:
    """One of the two processes: its socket to the zygote, its stream of reports, its end (negative: by a signal)."""

    def __init__(self, zygote: socket.socket, reports: Stream, gauge: Gauge = ProcGauge()) -> None:  # noqa: B008  no state
        self._zygote = zygote
        self._gauge = gauge
        self.reports = reports
        self.is_silent = False  # no report will come any more
        self.pid = 0
        self.start_kib = 0
        self.status: int | None = None
        self.cpu_s = 0.0
        self._start_cpu_s = 0.0
        self.peak_kib = 0
        self.is_lost = False  # the zygote died before it could tell the end
        self._text = bytearray()
        self._reports = 0
        self._reported = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come from the zygote."""
        return self.status is not None or self.is_lost

    def fileno(self) -> int:
        """Return the descriptor of the zygote's socket."""
        return self._zygote.fileno()

    def hear(self) -> None:
        """Read a letter of the zygote: the child's pid, or its end."""
        try:
            letter, _ = letters.receive(self._zygote)
        except letters.Closed:
            self.is_lost = self.status is None
            return
        if "pid" in letter:
            self.pid, self.start_kib = letter["pid"], letter["anon_kib"]
            self._start_cpu_s = letter.get("cpu_s", 0.0)
        else:
            self.status, self.cpu_s = letter["status"], letter["cpu_s"]

    def read(self) -> list[dict[str, Any]]:
        """Return the reports that have come in full."""
        with contextlib.suppress(BlockingIOError):
            data = self.reports.read()
            self.is_silent = not data
            self._reported += len(data)
            self._text += data
        if self.is_flooding:
            self._text.clear()
            return []
        *lines, rest = bytes(self._text).split(b"\n")
        self._text = bytearray(rest[:_MAX_REPORT])
        self._reports += len(lines)
        return [report for report in map(_parsed, lines) if report]

    @property
    def is_flooding(self) -> bool:
        """Whether more has come than reports can be."""
        return self._reports > _MAX_REPORTS or self._reported > _MAX_REPORTED

    @property
    def threads(self) -> int:
        """How many threads it has."""
        return self._gauge.threads(self.pid) if self.pid and not self.has_ended else 0

    def gauge_kib(self) -> int:
        """Return the private memory beyond what the child was forked with, KiB; keep its peak."""
        now = (self._gauge.private_kib(self.pid) if self.pid and not self.has_ended else 0) - self.start_kib
        self.peak_kib = max(self.peak_kib, now)
        return now

    def last_time(self) -> None:
        """Take the processor time so far, where the end does not tell it."""
        if self.pid and not self.has_ended:
            self.cpu_s = max(self.cpu_s, self._gauge.cpu_s(self.pid) - self._start_cpu_s)

    def last_gauge(self) -> None:
        """Take the peak between two ticks from the system's own high-water mark."""
        highest = self._gauge.highest_kib(self.pid) if self.pid and not self.has_ended else 0
        if highest:
            self.peak_kib = max(self.peak_kib, highest - self.start_kib)

    def kill(self) -> None:
        """Have the zygote kill the child; its end is still told."""
        with contextlib.suppress(OSError):
            self._zygote.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Release the descriptors."""
        self._zygote.close()
        self.reports.close()


@dataclass(slots=True)
class Findings:
    """What happened: why the kernel stopped it, if it did; what the two sides reported; how they ended."""

    cause: Cause = ""
    excess: str = ""  # what the candidate did too much of, where that is the cause
    candidate: list[Mapping[str, Any]] = field(default_factory=list)
    scorer: list[Mapping[str, Any]] = field(default_factory=list)
    status: int | None = None  # of the candidate, if it ended by itself
    scorer_status: int | None = None
    is_broken: bool = False
    log: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0

    @property
    def was_killed(self) -> bool:
        """Whether a side was killed from outside, for want of memory or by somebody: it deserves a second attempt."""
        ends = (self.status, self.scorer_status)
        return not self.cause and -_SIGKILL in ends


class Watch:
    """Waits for one evaluation.

    Parameters
    ----------
    candidate, scorer : Child
        As launched.
    log : Stream
        The candidate's output.
    arena : callable
        Returns the KiB of the memory between the two: what the candidate hands over, and what it is lent or handed.
    quota : Quota or None
        What the candidate may leave in its scratch folder.
    """

    def __init__(
        self, candidate: Child, scorer: Child, log: Stream, arena: Callable[[], int], quota: Quota | None = None
    ) -> None:
        self._candidate = candidate
        self._scorer = scorer
        self._log = log
        self._arena = arena
        self._quota = quota
        self._printed = Log()
        self._shared_kib = 0  # the most so far
        self._found = Findings()

    def run(self, timeout_s: float, memory_mib: int, closing: threading.Event) -> Findings:
        """Return what happened; both children are being killed then, `bury` waits for their end."""
        begin = time.monotonic()
        poll = self._poll()
        next_tick = begin + _TICK_S
        while not self._is_decided():
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + _TICK_S
                self._found.cause = self._breach(now - begin, timeout_s, memory_mib, closing)
                continue
            wait_s = min(next_tick, begin + timeout_s + 0.001) - now
            self._handle(poll, max(0.0, wait_s))
            if time.monotonic() - begin >= timeout_s:
                next_tick = 0.0
        self._found.seconds = time.monotonic() - begin
        self._conclude(poll)
        return self._found

    def _poll(self) -> Poll:
        poll = make_poll()
        for stream in (self._log, self._candidate.reports, self._scorer.reports):
            if stream.fileno() >= 0:
                poll.register(stream.fileno(), READABLE)
        for child in (self._candidate, self._scorer):
            if not child.has_ended:
                poll.register(child.fileno(), READABLE)
        return poll

    def _is_decided(self) -> bool:
        found = self._found
        ended = self._candidate.has_ended or self._scorer.has_ended
        return bool(found.cause or ended or _news(found.candidate) or _news(found.scorer))

    def _breach(self, elapsed: float, timeout_s: float, memory_mib: int, closing: threading.Event) -> Cause:
        if self._log.fileno() < 0:  # a file: nothing tells that it has grown
            self._drain_log()
        if closing.is_set():
            return "closed"
        if elapsed >= timeout_s:
            return "timeout"
        self._found.excess = self._excess()
        if self._found.excess:
            return "excess"
        in_scratch = self._quota.memory_kib if self._quota else 0
        if self._candidate.gauge_kib() + self._gauge_shared_kib() + in_scratch > memory_mib * 1024:
            return "memory"
        return "metric memory" if self._scorer.gauge_kib() > memory_mib * 1024 else ""

    def _gauge_shared_kib(self) -> int:
        now = self._arena()
        self._shared_kib = max(self._shared_kib, now)
        return now

    def _excess(self) -> str:
        if self._printed.size > _MAX_PRINTED:
            return f"printed more than {_MAX_PRINTED >> 20} MiB"
        if self._candidate.is_flooding:
            return "wrote to a descriptor that is not its own"
        if self._candidate.threads > _MAX_THREADS:
            return f"started more than {_MAX_THREADS:,} threads"
        return self._quota.excess(self._candidate.pid) if self._quota else ""

    def _handle(self, poll: Poll, wait_s: float) -> None:
        for fd, _ in poll.poll(wait_s * 1000):
            if fd == self._log.fileno():
                self._read_log(poll)
            elif fd in (self._candidate.fileno(), self._scorer.fileno()):
                child = self._candidate if fd == self._candidate.fileno() else self._scorer
                child.hear()
                if child.has_ended:
                    poll.unregister(fd)
            else:
                child, reports = self._side(fd)
                reports += child.read()
                if child.is_silent:
                    poll.unregister(fd)

    def _side(self, fd: int) -> tuple[Child, list[Mapping[str, Any]]]:
        if fd == self._candidate.reports.fileno():
            return self._candidate, self._found.candidate
        return self._scorer, self._found.scorer

    def _read_log(self, poll: Poll) -> None:
        with contextlib.suppress(BlockingIOError):
            data = self._log.read()
            if not data:
                poll.unregister(self._log.fileno())
            self._printed.add(data)

    def _conclude(self, poll: Poll) -> None:
        """Take what is known now, and have both children killed; they need not be gone yet (see `bury`)."""
        found = self._found
        if any(report["kind"] == "gone" for report in found.scorer):
            # The line broke before the zygote could tell how the candidate ended: wait for that.
            self._wait(poll, lambda: self._candidate.has_ended or bool(_news(found.candidate)), 2.0)
        found.status, found.scorer_status = self._candidate.status, self._scorer.status
        self._candidate.last_gauge()
        for child in (self._candidate, self._scorer):
            child.last_time()
            child.kill()
        found.candidate += self._candidate.read()
        found.scorer += self._scorer.read()
        self._drain_log()
        found.is_broken = self._candidate.is_lost or self._scorer.is_lost or self._never_settled()
        found.log = self._printed.text()
        found.cpu_s = self._candidate.cpu_s + self._scorer.cpu_s
        self._gauge_shared_kib()
        found.peak_mib = (max(0, self._candidate.peak_kib) + self._shared_kib) / 1024

    def _drain_log(self) -> None:
        before = -1
        while before != self._printed.size <= _MAX_PRINTED:
            before = self._printed.size
            with contextlib.suppress(BlockingIOError):
                self._printed.add(self._log.read())

    def bury(self) -> None:
        """Wait until both children have gone; a huge heap takes its time to be torn down."""
        self._wait(self._poll(), lambda: self._candidate.has_ended and self._scorer.has_ended, _LAST_WAIT_S)

    def _never_settled(self) -> bool:
        """Whether a child failed before any of the candidate's or the metric's code ran in it."""
        found = self._found
        for status, reports in ((found.status, found.candidate), (found.scorer_status, found.scorer)):
            if status is not None and not any(report["kind"] == "settled" for report in reports):
                return True
        return False

    def _wait(self, poll: Poll, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until:
            self._handle(poll, 0.05)


def _news(reports: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the reports that decide an evaluation."""
    return [report for report in reports if report["kind"] not in ("settled", "imported", "value")]


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return a report; None for anything that is none (the candidate can write what it likes)."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and isinstance(report.get("kind"), str) else None
