"""A zygote that never forks: it keeps fresh interpreters waiting, each for one evaluation (see `worker`)."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from score_nb.evaluate import canary, confine, letters
from score_nb.evaluate.folders import remove_tree
from score_nb.evaluate.zygote import ZygoteRole

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START = (
    "import sys; sys.path[0:1] = []; sys.path.append({root!r}); "
    "from score_nb.evaluate import worker; worker.main(sys.argv[1:])"
)
_TRIES = 3  # workers in a row that die before they are ready


@dataclass(slots=True)
class _Worker:
    """A fresh interpreter: getting ready, waiting for an order, or at work on one."""

    pid: int
    line: socket.socket
    folder: str
    is_ready: bool = False
    cpu_s: float = 0.0  # spent before its order came


class Nursery(ZygoteRole):
    """Gives each order to a worker that is ready, and starts the next one.

    Parameters
    ----------
    control : socket
        The kernel's.
    order : mapping
        As for a zygote, with `fresh`: {"modules", "path", "folder", "spares"}.
    """

    def __init__(self, control: socket.socket, order: Mapping[str, Any]) -> None:
        super().__init__(control, order)
        self._order = order
        self._snapshots: list[int] = []
        self._workers: dict[int, _Worker] = {}
        self._idle: deque[_Worker] = deque()
        self._queue: deque[tuple[socket.socket, list[int]]] = deque()
        self._poll: select.poll | None = None
        self._deaths = 0

    # --- instead of loading and forking ----------------------------------------------------------------------------

    def load(self, indexes: list[Mapping[str, Any]], fds: list[int], late: frozenset[str]) -> bool:
        """Make one worker ready; tell the kernel, and return whether this nursery can be used."""
        self._snapshots = fds
        found = canary.examine(self._scratch, self._sing)
        self._may_have_orphans = bool(found["layers"].get("seccomp", "unknown"))
        first = self._spawn("wait")
        try:
            answer, _ = letters.receive(first.line)
        except letters.Closed:
            answer = {"dead": "a fresh process ended before it was ready"}
        if "ready" not in answer:
            letters.send(self._control, answer)
            return False
        self._welcome(first, answer)
        letters.send(self._control, found)
        return True

    def _sing(self, own: str, secret: str) -> tuple[int, int]:
        """Start a worker that tries to break out; return its pid and where it tells."""
        worker = self._spawn("sing", own=own, secret=secret)
        self._workers.pop(worker.pid)
        remove_tree(worker.folder)
        return worker.pid, worker.line.detach()

    def _spawn(self, act: str, **more: str) -> _Worker:
        folder = tempfile.mkdtemp(dir=self._scratch)
        here, there = socket.socketpair()
        with there:
            process = subprocess.Popen(
                [sys.executable, "-c", _START.format(root=_ROOT), str(os.getpid()), str(there.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(there.fileno(),),
            )
        process.returncode = 0  # its end is waited for in `_reap`, which must be the only one
        kept = {name: value for name, value in self._order.items() if name != "late"}
        # A worker that died at once is noticed when it is to be used.
        with contextlib.suppress(letters.Closed):
            letters.send(here, {**kept, **more, "do": act, "own": more.get("own", folder)}, self._snapshots)
        worker = self._workers[process.pid] = _Worker(process.pid, here, folder)
        return worker

    # --- the loop --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve orders until the kernel closes its socket and the last worker at work has ended."""
        try:
            super().run()
        finally:
            for pid in self._workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _obey(self, poll: select.poll) -> bool:
        try:
            _, fds = letters.receive(self._control)
        except letters.Closed:
            poll.unregister(self._control)
            return False
        job = socket.socket(fileno=fds[0])
        poll.register(job, select.POLLIN | select.POLLHUP)
        self._queue.append((job, fds[1:]))
        self._serve(poll)
        return True

    def _serve(self, poll: select.poll) -> None:
        """Give waiting orders to ready workers, and see to it that enough are to come."""
        while self._queue and self._idle:
            worker = self._idle.popleft()
            with contextlib.suppress(KeyError, OSError):
                poll.unregister(worker.line)
            job, fds = self._queue.popleft()
            self._begin(worker, job, fds)
        coming = sum(not worker.is_ready for worker in self._workers.values())
        wanted = len(self._queue) + self._order["fresh"]["spares"] - len(self._idle) - coming
        for _ in range(wanted if self._deaths < _TRIES else 0):
            poll.register(self._spawn("wait").line, select.POLLIN | select.POLLHUP)
        if self._deaths >= _TRIES:
            self._give_up(poll)

    def _begin(self, worker: _Worker, job: socket.socket, fds: list[int]) -> None:
        order = letters.read_order(fds[-1])
        _move_in(order["scratch"], worker.folder)
        # From outside, since its own limits are already out of its reach.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            confine.limit_resources(order["memory"], order["cpu_s"] + worker.cpu_s, order["file_mib"], worker.pid)
        anon_kib = confine.status_kib("RssAnon", worker.pid)
        self._jobs[worker.pid] = job
        with contextlib.suppress(letters.Closed), worker.line:
            letters.hand_over(worker.line, fds)
        letters.close_all(fds)
        with contextlib.suppress(letters.Closed):
            letters.send(job, {"pid": worker.pid, "anon_kib": anon_kib, "cpu_s": worker.cpu_s})

    def _give_up(self, poll: select.poll) -> None:
        """Tell the orders that wait that there is no worker for them; the kernel starts a new nursery."""
        while self._queue:
            job, fds = self._queue.popleft()
            with contextlib.suppress(KeyError, OSError):
                poll.unregister(job)
            job.close()
            letters.close_all(fds)

    def _kill(self, fd: int, poll: select.poll) -> None:
        """Hear a worker that became ready; else the kernel gave an order up."""
        for worker in self._workers.values():
            if worker.line.fileno() == fd:
                self._hear(worker, poll)
                return
        for waiting in self._queue:
            if waiting[0].fileno() == fd:
                poll.unregister(fd)
                self._queue.remove(waiting)
                waiting[0].close()
                letters.close_all(waiting[1])
                return
        super()._kill(fd, poll)

    def _hear(self, worker: _Worker, poll: select.poll) -> None:
        poll.unregister(worker.line)
        try:
            answer, _ = letters.receive(worker.line)
        except letters.Closed:
            answer = {}
        if "ready" in answer:
            self._welcome(worker, answer)
        else:
            self._deaths += 1
            worker.line.close()
        self._serve(poll)

    def _welcome(self, worker: _Worker, answer: Mapping[str, Any]) -> None:
        worker.is_ready, worker.cpu_s = True, answer["ready"]
        self._deaths = 0
        self._idle.append(worker)

    def _ended(self, pid: int, cpu_s: float) -> float:
        """Forget a worker; return the processor time of its order alone."""
        worker = self._workers.pop(pid, None)
        if worker is None:
            return cpu_s
        if worker in self._idle:
            self._idle.remove(worker)
        remove_tree(worker.folder)
        return max(0.0, cpu_s - worker.cpu_s)

    def _is_waiting(self, pid: int) -> bool:
        return pid in self._workers


def _move_in(scratch: str, folder: str) -> None:
    """Let `scratch`, made for an order, be the `folder` that the worker was confined to."""
    for name in os.listdir(scratch):
        os.rename(os.path.join(scratch, name), os.path.join(folder, name))
    os.rmdir(scratch)
    os.symlink(folder, scratch)
