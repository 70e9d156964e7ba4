"""A zygote: holds the values of candidates or of the scorer, forks one child per evaluation, and never computes."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from score_nb.evaluate import canary, candidate, confine, forked, leaf, letters, scorer, snapshot, trace
from score_nb.evaluate.children import descendants, drain, fork, wake_on_child
from score_nb.evaluate.confine import Ruleset
from score_nb.evaluate.grants import Grants

# Imported here, once: a child that imports them itself would be 30 ms slower.
ROLES: leaf.Roles = {"candidate": candidate.run, "scorer": scorer.run}
# Threads that libraries start on import and that survive a fork without harm.
_HARMLESS_THREADS = ("jemalloc_bg_thd",)
_AT_ONCE = 2  # children that are forked together


class ZygoteRole:
    """What a zygote does: it loads the values once, then serves orders."""

    def __init__(self, control: socket.socket, order: Mapping[str, Any]) -> None:
        confine.hide_memory()
        confine.adopt_orphans()
        self._control = control
        rules = Ruleset([confine.SYSTEM, Grants(*map(tuple, order["grants"]))])
        self._outfit = forked.Outfit(ROLES, rules, snapshot.make_main(), [])
        self._waiting: list[tuple[int, socket.socket]] = []
        self._scratch: str = order["scratch"]
        self._jobs: dict[int, socket.socket] = {}
        self._anon_kib = 0
        self._may_have_orphans = False  # children that no job knows; only possible where seccomp is missing

    def load(self, indexes: list[Mapping[str, Any]], fds: list[int], late: frozenset[str]) -> bool:
        """Rebuild all values but the `late` ones; tell the kernel, and return whether this zygote can be used."""
        threads = _threads()
        for index, fd in zip(indexes, fds, strict=True):
            for filename, lines in index["sources"].items():
                trace.register_lines(filename, {int(number): line for number, line in lines.items()})
            for name, rebuild in snapshot.load(index, fd):
                if name in late:
                    self._outfit.late.append((name, rebuild))
                    continue
                try:
                    vars(self._outfit.main)[name] = rebuild()
                except snapshot.CannotRebuild as error:
                    letters.send(self._control, {"unusable": name, "reason": str(error)})
                    return False
                # A fork of a process whose OpenMP threads have run may hang: rebuild such values in each child.
                if _threads() > threads:
                    letters.send(self._control, {"threads": name})
                    return False
            os.close(fd)
        forked.give_up()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._anon_kib = confine.status_kib("RssAnon")
        self._outfit = replace(self._outfit, held_kib=confine.status_kib("VmData"))
        found = canary.try_fork(self._outfit.rules, self._scratch)
        self._may_have_orphans = bool(found["layers"].get("seccomp", "unknown"))
        letters.send(self._control, found)
        self._refill()
        return True

    def run(self) -> None:
        """Fork a child for each order; report its end on the order's own socket."""
        wake = wake_on_child()
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake, select.POLLIN)
        is_open = True
        while is_open or self._jobs:
            ready = {fd for fd, _ in poll.poll()}
            # Ends come last: they free descriptor numbers that other events of this round may still mean.
            for fd in ready - {wake, self._control.fileno()}:
                self._kill(fd, poll)
            if is_open and self._control.fileno() in ready:
                is_open = self._obey(poll)
            if wake in ready:
                drain(wake)
                self._reap(poll)

    def _obey(self, poll: select.poll) -> bool:
        """Give an order to the child that waits for one, fork the next; return whether the kernel is still there."""
        try:
            _, fds = letters.receive(self._control)
        except letters.Closed:
            poll.unregister(self._control)
            return False
        job = socket.socket(fileno=fds[0])
        pid = self._hand_over(fds[1:])
        self._jobs[pid] = job
        poll.register(job, select.POLLIN | select.POLLHUP)
        with contextlib.suppress(letters.Closed):
            letters.send(job, {"pid": pid, "anon_kib": self._anon_kib})
        self._refill()
        return True

    def _hand_over(self, fds: list[int]) -> int:
        """Send an order's descriptors to the waiting child and return its pid; a child that died is replaced."""
        while True:
            self._refill()
            pid, line = self._waiting.pop()
            try:
                with line:
                    letters.hand_over(line, fds)
            except letters.Closed:
                continue
            letters.close_all(fds)
            return pid

    def _refill(self) -> None:
        """Fork children that wait for their orders, where none does: so the fork costs an evaluation no time.

        Several at once, for after a fork each page that the zygote writes to has to be copied.
        """
        if not self._waiting:
            self._waiting = [self._fork() for _ in range(_AT_ONCE)]

    def _fork(self) -> tuple[int, socket.socket]:
        zygote = os.getpid()
        here, there = socket.socketpair()
        pid = fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            confine.die_with_parent(zygote)
            forked.run(there, self._outfit)
        there.close()
        return pid, here

    def _kill(self, fd: int, poll: select.poll) -> None:
        """The kernel closed its end of a job's socket: the child is to go."""
        poll.unregister(fd)
        for pid, job in self._jobs.items():
            if job.fileno() == fd:
                _kill_group(pid)

    def _reap(self, poll: select.poll) -> None:
        while True:
            # The pid stays taken until wait4: its group can be killed without hitting another process.
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                break
            _kill_group(ended.si_pid)
            pid, status, usage = os.wait4(ended.si_pid, 0)
            cpu_s = self._ended(pid, usage.ru_utime + usage.ru_stime)
            job = self._jobs.pop(pid, None)
            if job is not None:
                self._report(job, status, cpu_s, poll)
        for pid in descendants(os.getpid()) if self._may_have_orphans else ():
            if pid not in self._jobs and not self._is_waiting(pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _ended(self, pid: int, cpu_s: float) -> float:
        """Return the processor time of a child that has ended, which for forks is all its own."""
        return cpu_s

    def _is_waiting(self, pid: int) -> bool:
        """Whether a child waits for an order."""
        return any(pid == waiting for waiting, _ in self._waiting)

    def _report(self, job: socket.socket, status: int, cpu_s: float, poll: select.poll) -> None:
        with contextlib.suppress(KeyError, OSError):
            poll.unregister(job)
        with contextlib.suppress(letters.Closed):
            letters.send(job, {"status": os.waitstatus_to_exitcode(status), "cpu_s": cpu_s})
        job.close()


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _threads() -> int:
    count = 0
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm", encoding="utf-8") as file:
            count += file.read().strip() not in _HARMLESS_THREADS
    return count
