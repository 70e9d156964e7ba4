"""The kernel's side of single-use workers: pairs of fresh interpreters that get ready while others work."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate import leaf, letters, snapshot, transport
from score_nb.evaluate.environment import system_variables
from score_nb.evaluate.folders import remove_tree
from score_nb.evaluate.gauge import Gauge, portable_gauge
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.place import ROOT, START, Place, interpreter
from score_nb.evaluate.streams import SocketStream
from score_nb.evaluate.transport import Given, HeldFile, LogFile
from score_nb.evaluate.warden import kill_group
from score_nb.evaluate.watch import Child

_MIB = 1024 * 1024
_TRIES = 3  # workers in a row that die before they are ready
_FILE_MIB = 4_096
_LOOK_S = 0.2


class Retired(Exception):
    """The crew gives no more pairs."""


class Worker:
    """One process, from its start to its end.

    Parameters
    ----------
    place : Place
        Where its scratch folder and its errors go.
    order : mapping
        What it is to do, as JSON, without what it inherits.
    inherited : sequence of int
        Descriptors that it is to have too.
    lines : mapping
        Sockets that the worker takes over, by their names in the order.
    log : int
        Where its standard output goes.
    heard : callable
        Called once, on a thread of its own, with the first letter of the worker, {} where it died before that.
    ended : callable
        Called on that thread when it has gone.
    """

    def __init__(
        self,
        place: Place,
        order: Mapping[str, Any],
        *,
        inherited: Sequence[int] = (),
        lines: Mapping[str, socket.socket] | None = None,
        log: int = subprocess.DEVNULL,
        heard: Callable[[Worker, Mapping[str, Any]], None],
        ended: Callable[[Worker], None] = lambda worker: None,
    ) -> None:
        self.own = place.scratch()
        self._place = place
        self._heard, self._ended = heard, ended
        self._lock = threading.Lock()
        self.has_ended = False
        self.control, there = transport.socket_pair()
        self._bell, self._bell_there = transport.socket_pair()
        self.ready_cpu_s = 0.0
        taken = {"control": there, **(lines or {})}
        self._job = _job()
        try:
            self._process = _start(place, log, [*inherited, *_inheritable(taken)])
        except OSError as error:
            for line in (self.control, self._bell, self._bell_there, *taken.values()):
                line.close()
            raise EvaluatorBroken(f"candidates cannot be started: {error}") from error
        self.pid = self._process.pid
        if self._job is not None:
            with contextlib.suppress(OSError):  # the attempts find out what does not hold then
                self._job.add(int(self._process._handle))  # type: ignore[attr-defined]
        place.begun(self.pid)
        given = {name: transport.give_socket(line, self.pid) for name, line in taken.items()}
        message = json.dumps({**order, **given, "own": self.own}).encode() + b"\n"
        if sys.platform != "win32":  # inherited: its end is noticed at once
            for line in taken.values():
                line.close()
        self._thread = threading.Thread(target=self._tend, args=(message, list(taken.values())), daemon=True)
        self._thread.start()

    # --- on its own thread -----------------------------------------------------------------------------------------

    def _tend(self, message: bytes, lines: list[socket.socket]) -> None:
        """Hand the order over, hear whether the worker is ready, wait for its end."""
        try:
            _write(self._process, message)
            self._await_letter()
            answer, _ = letters.receive(self.control)
        except (OSError, letters.Closed):
            answer = {}
        for line in lines:  # the worker has its own by now, or has gone
            line.close()
        self.ready_cpu_s = answer.get("ready", 0.0)
        self._heard(self, answer)
        code, cpu_s = _wait(self._process)
        with self._lock:
            self.has_ended = True
        kill_group(self.pid)
        if self._job is not None:
            self._job.close()
        self._place.ended(self.pid)
        remove_tree(self.own)
        if code is not None:
            with contextlib.suppress(letters.Closed):
                letters.send(self._bell_there, {"status": code, "cpu_s": max(0.0, cpu_s - self.ready_cpu_s)})
        self._bell_there.close()
        self._ended(self)

    def _await_letter(self) -> None:
        """Where this process must keep the worker's sockets open, look whether there still is a worker."""
        if sys.platform == "win32":
            while not select.select([self.control], [], [], _LOOK_S)[0]:
                if self._process.poll() is not None:
                    raise letters.Closed

    # --- on the kernel's threads -----------------------------------------------------------------------------------

    def begin(self, order: Mapping[str, Any], gauge: Gauge) -> Child:
        """Give it its order; it is ready.

        Raises
        ------
        letters.Closed
            It has died.
        """
        held_kib = gauge.private_kib(self.pid)
        self._limit(order, held_kib)
        letters.send(self._bell_there, {"pid": self.pid, "anon_kib": held_kib, "cpu_s": self.ready_cpu_s})
        letters.send(self.control, order)
        return _WorkerChild(self, gauge)

    def _limit(self, order: Mapping[str, Any], held_kib: int) -> None:
        """Set the limits that cannot be set from inside."""
        with contextlib.suppress(OSError):
            if self._job is not None:
                self._job.limit_memory((held_kib // 1024 + order["memory"] + order["memory"] // 4 + 512) * _MIB)
            elif sys.platform == "linux":
                from score_nb.evaluate import confine

                cpu_s = order["cpu_s"] + self.ready_cpu_s
                confine.limit_resources(order["memory"], cpu_s, order["file_mib"], self.pid)

    def limit_memory(self, memory_mib: int) -> None:
        """Set what it may use in all, where the system keeps that limit."""
        if self._job is not None:
            with contextlib.suppress(OSError):
                self._job.limit_memory(memory_mib * _MIB)

    def streams(self) -> tuple[socket.socket, socket.socket]:
        """Return where its end and its reports come."""
        return self._bell, self.control

    def kill(self) -> None:
        """Kill it and what it may have started; its end is still told."""
        with self._lock:
            if self.has_ended:
                return
            if self._job is not None:
                self._job.kill()
            kill_group(self.pid)

    def join(self, seconds: float = 20.0) -> None:
        """Wait until it has gone and its folder with it; kill it where that takes too long."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(seconds)
        self.close()

    def close(self) -> None:
        """Release the kernel's sockets."""
        self.control.close()
        self._bell.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    forget = close


class _WorkerChild(Child):
    """A worker at work, as `Watch` sees it."""

    def __init__(self, worker: Worker, gauge: Gauge) -> None:
        bell, reports = worker.streams()
        super().__init__(bell, SocketStream(reports), gauge)
        self._worker = worker

    def kill(self) -> None:
        """Kill the worker."""
        self._worker.kill()

    def close(self) -> None:
        """Release what belongs to the worker."""
        super().close()
        self._worker.close()


def _job() -> Any:
    """Return a job object on Windows, None elsewhere or where it cannot be made."""
    if sys.platform == "win32":
        from score_nb.evaluate import windows

        with contextlib.suppress(OSError):
            return windows.Job()
    return None


def _inheritable(lines: Mapping[str, socket.socket]) -> list[int]:
    return [] if sys.platform == "win32" else [line.fileno() for line in lines.values()]


def _start(place: Place, log: int, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    program, more = interpreter()
    start = START.format(root=ROOT, module="single") + "single.main()"
    return subprocess.Popen(
        [program, "-c", start],
        env=leaf.ENVIRONMENT | system_variables() | {"PYTHONHASHSEED": "0"} | more,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=place.errors,
        bufsize=0,
        pass_fds=tuple(inherited),
        start_new_session=True,  # a group of its own, which can be killed as one; Jupyter's interrupt does not reach it
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _write(process: subprocess.Popen[bytes], message: bytes) -> None:
    assert process.stdin is not None
    rest = memoryview(message)
    while rest:
        rest = rest[process.stdin.write(rest) :]


def _wait(process: subprocess.Popen[bytes]) -> tuple[int | None, float]:
    """Return how a process ended, a signal as a negative number, and its processor time; None: nobody knows."""
    if not hasattr(os, "wait4"):
        return process.wait(), 0.0
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:  # the kernel's program collects all children itself
        process.returncode = 0
        return None, 0.0
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Plan:
    """What all pairs of a crew are made from."""

    place: Place
    snapshots: Sequence[tuple[snapshot.Snapshot, HeldFile]]  # inputs, and what only the scorer reads
    grants: Grants
    modules: Sequence[str]
    path: Sequence[str]
    folder: str
    arena: int
    dress: Callable[[str], None]  # makes a scratch folder ready

    def order(self) -> dict[str, Any]:
        """Return what both workers of a pair are told."""
        return {
            "do": "wait",
            "grants": self.grants.parts,
            "modules": list(self.modules),
            "path": list(self.path),
            "folder": self.folder,
            "arena": self.arena,
            "file_mib": _FILE_MIB,
        }


class Duo:
    """Candidate and scorer for one evaluation, with the line and the memory between them."""

    def __init__(self, plan: Plan, changed: Callable[[Duo], None]) -> None:
        self._changed = changed
        self.answers: dict[str, Mapping[str, Any]] = {}
        self.is_dead = False
        held = plan.place.held
        stack = self._stack = contextlib.ExitStack()
        try:
            self.to_scorer = HeldFile(held, plan.arena)
            stack.callback(self.to_scorer.close)
            self.to_candidate = HeldFile(held, plan.arena)
            stack.callback(self.to_candidate.close)
            self.log = LogFile(held)
            stack.callback(self.log.close)
            ours, theirs = transport.socket_pair()
            with contextlib.ExitStack() as unused:
                unused.callback(theirs.close)
                self.candidate = self._worker(
                    plan, "candidate", ours, arenas=(self.to_scorer, self.to_candidate), log=self.log.writing
                )
                stack.callback(self._end, self.candidate)
                unused.pop_all()
            self.scorer = self._worker(plan, "scorer", theirs, arenas=(self.to_candidate, self.to_scorer))
            stack.callback(self._end, self.scorer)
            self.log.finish()
        except BaseException:
            # Not here: a worker that was started waits for the lock that is held meanwhile.
            threading.Thread(target=stack.close, daemon=True).start()
            raise

    def _worker(
        self,
        plan: Plan,
        role: str,
        line: socket.socket,
        *,
        arenas: tuple[HeldFile, HeldFile],
        log: int = subprocess.DEVNULL,
    ) -> Worker:
        snapshots = plan.snapshots[:1] if role == "candidate" else plan.snapshots
        parts = [(taken.index(), held.given()) for taken, held in snapshots]
        # A candidate may write into what it is lent; a scorer gets the candidate's memory for reading only.
        outgoing, incoming = arenas[0].given(writable=True), arenas[1].given(writable=role == "candidate")
        order = plan.order() | {
            "snapshots": [{"index": index, "file": file} for index, file in parts],
            "outgoing": outgoing,
            "incoming": incoming,
        }
        givens: list[Given] = [outgoing, incoming, *(file for _, file in parts)]
        worker = Worker(
            plan.place,
            order,
            inherited=transport.descriptors(givens),
            lines={"line": line},
            log=log,
            heard=lambda worker, answer: self._hear(role, answer),
            ended=lambda worker: self._lose(),
        )
        plan.dress(worker.own)
        return worker

    def shared_kib(self) -> int:
        """Return what the memory between them takes."""
        return self.to_scorer.used_kib() + self.to_candidate.used_kib()

    def _hear(self, role: str, answer: Mapping[str, Any]) -> None:
        self.answers[role] = answer
        self._changed(self)

    def _lose(self) -> None:
        self.is_dead = True
        self._changed(self)

    @property
    def is_ready(self) -> bool:
        """Whether both wait for an order."""
        return len(self.answers) == 2 and all("ready" in answer for answer in self.answers.values())

    @property
    def has_failed(self) -> bool:
        """Whether one of them will never be ready."""
        return any("ready" not in answer for answer in self.answers.values())

    @property
    def unusable(self) -> tuple[str, str, str] | None:
        """Name, reader and reason of a value that could not be rebuilt."""
        for role, reader in (("scorer", "the scorer"), ("candidate", "candidates")):
            answer = self.answers.get(role, {})
            if "unusable" in answer:
                return str(answer["unusable"]), reader, str(answer["reason"])
        return None

    @staticmethod
    def _end(worker: Worker) -> None:
        worker.kill()
        worker.join()

    def kill(self) -> None:
        """Kill both, without waiting."""
        self.candidate.kill()
        self.scorer.kill()

    def free(self) -> None:
        """Kill both and free everything."""
        self.kill()
        self._stack.close()

    def forget(self) -> None:
        """Give both up in a fork of the kernel."""
        self.candidate.forget()
        self.scorer.forget()


@dataclass(slots=True)
class _State:
    coming: list[Duo] = field(default_factory=list)
    idle: list[Duo] = field(default_factory=list)
    busy: list[Duo] = field(default_factory=list)
    waiting: int = 0
    deaths: int = 0
    is_closed: bool = False


class Crew:
    """Keeps pairs ready.

    Parameters
    ----------
    plan : Plan
        What they are made from.
    spares : int
        Pairs that are ready or getting ready beside those that somebody waits for.
    """

    def __init__(self, plan: Plan, spares: int) -> None:
        self._plan = plan
        self._spares = spares
        self._state = _State()
        self._news = threading.Condition(threading.RLock())
        self.gauge = portable_gauge()
        with self._news:
            self._refill()

    def take(self) -> Duo:
        """Return a pair that is ready; the caller frees it.

        Raises
        ------
        letters.Closed
            Workers die before they are ready.
        Retired
            The crew was closed.
        """
        state = self._state
        with self._news:
            state.waiting += 1
            try:
                while not state.idle:
                    if state.is_closed:
                        raise Retired
                    if state.deaths >= _TRIES:
                        raise letters.Closed
                    self._refill()
                    self._news.wait()
                duo = state.idle.pop(0)
                state.busy.append(duo)
                return duo
            finally:
                state.waiting -= 1
                if not state.is_closed and state.deaths < _TRIES:
                    self._refill()

    def first(self) -> tuple[str, str, str] | None:
        """Wait until a pair is ready; return name, reader and reason of a value that cannot be rebuilt, else None.

        Raises
        ------
        letters.Closed
            It died before.
        """
        with self._news:
            started = self._state.idle + self._state.coming
            if not started:
                raise letters.Closed
            duo = started[0]
            while not duo.is_ready and not duo.has_failed:
                self._news.wait()
            if duo.has_failed and duo.unusable is None:
                raise letters.Closed
            return duo.unusable

    def give_back(self, duo: Duo) -> None:
        """Free a pair that was used."""
        duo.free()
        with self._news:
            if duo in self._state.busy:
                self._state.busy.remove(duo)

    def _refill(self) -> None:
        state = self._state
        wanted = state.waiting + self._spares - len(state.idle) - len(state.coming)
        try:
            for _ in range(wanted):
                state.coming.append(Duo(self._plan, self._changed))
        except (EvaluatorBroken, OSError):  # no processes or descriptors to be had
            state.deaths = _TRIES

    def _changed(self, duo: Duo) -> None:
        """Hear on a worker's thread that it became ready, cannot, or has ended."""
        state = self._state
        with self._news:
            if duo in state.coming and duo.is_ready and not duo.is_dead:
                state.coming.remove(duo)
                state.idle.append(duo)
                state.deaths = 0
            elif duo.has_failed or duo.is_dead:
                lost = [pairs for pairs in (state.coming, state.idle) if duo in pairs]
                for pairs in lost:
                    pairs.remove(duo)
                    state.deaths += pairs is state.coming
                if lost:
                    # Not here: it waits for the thread that it is called on.
                    threading.Thread(target=duo.free, daemon=True).start()
                    if not state.is_closed and state.deaths < _TRIES:
                        self._refill()
            self._news.notify_all()

    def retire(self) -> None:
        """Start no more, and free all pairs but those at work."""
        with self._news:
            state = self._state
            state.is_closed = True
            rest = state.coming + state.idle
            state.coming, state.idle = [], []
            self._news.notify_all()
        for duo in rest:
            duo.kill()
        for duo in rest:
            duo.free()

    def close(self) -> None:
        """Free all pairs; those at work are killed, and freed by who uses them."""
        self.retire()
        for duo in list(self._state.busy):
            duo.kill()

    def forget(self) -> None:
        """Give all workers up in a fork of the kernel."""
        state = self._state
        for duo in [*state.coming, *state.idle, *state.busy]:
            duo.forget()
