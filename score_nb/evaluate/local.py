"""Candidates on this machine: a warm process tree below the kernel, one confined fork per candidate and per metric."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate import canary, letters, snapshot
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.folders import remove_tree
from score_nb.evaluate.host import Host, Zygote
from score_nb.evaluate.process import ProcessEvaluator, for_candidate, for_scorer, link_files
from score_nb.evaluate.quota import Quota
from score_nb.evaluate.streams import Pipe
from score_nb.evaluate.watch import Child, Watch


class Pair:
    """The two zygotes that evaluations are launched on; closed when replaced and no longer in use."""

    def __init__(self, candidates: Zygote, scorers: Zygote) -> None:
        self.candidates = candidates
        self.scorers = scorers
        self.users = 0
        self.is_retired = False


class LocalEvaluator(ProcessEvaluator):
    """Runs candidates in forks of a warm process that holds the notebook's inputs (Linux).

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    """

    def __init__(self, setup: EvaluatorSetup) -> None:
        super().__init__(setup)
        self._host: Host | None = None
        self._pair: Pair | None = None

    # --- processes -----------------------------------------------------------------------------------------------

    def _copy(self, values: Mapping[str, Any], reader: str) -> snapshot.Snapshot:
        return snapshot.take(values, secrets=self._setup.secrets, reader=reader)

    def _import(self, host: Host, modules: Iterable[str]) -> Mapping[str, str]:
        return host.import_modules(modules)

    def _fork_pair(self, host: Host) -> tuple[Pair, Mapping[str, str]]:
        inputs, hidden = self._snapshots
        readable = self._grants()
        late: frozenset[str] = frozenset()
        scorers, _ = host.zygote([inputs, hidden], readable, late, "the scorer")
        candidates, layers = host.zygote([inputs], readable, late, "candidates")
        return Pair(candidates, scorers), layers

    def _check_imports(self, failed: Mapping[str, str]) -> None:
        for name, module in self._sent_modules.items():
            if module in failed:
                reason = failed[module]
                raise BadInput(f"`{name}` (the module {module}) cannot be imported in a fresh process: {reason}")

    def _boot(self) -> Confinement:
        if self._host is not None:
            self._host.close()
        self._host = Host(self._folder, self._setup.secrets, self._import_path())
        self._check_imports(self._import(self._host, self._all_modules()))
        self._pair, layers = self._fork_pair(self._host)
        return canary.confinement(layers)

    def _restart(self) -> None:
        with self._lock:
            self._fail_if_closed()
            if self._pair is not None:
                self._retire(self._pair)
                self._pair = None
            if self._host is not None and self._host.is_alive:
                with contextlib.suppress(EvaluatorBroken):
                    self._pair, _ = self._fork_pair(self._host)
                    return
            self._boot()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[Pair]:
        with self._lock:
            self._fail_if_closed()
            if self._pair is None:
                raise EvaluatorBroken("the processes that run candidates could not be restarted")
            pair = self._pair
            pair.users += 1
        try:
            yield pair
        finally:
            with self._lock:
                pair.users -= 1
                if pair.is_retired and pair.users == 0:
                    self._retire(pair)

    def _retire(self, pair: Pair) -> None:
        pair.is_retired = True
        if pair.users == 0 or self._closing.is_set():
            pair.candidates.close()
            pair.scorers.close()

    # --- one evaluation ------------------------------------------------------------------------------------------
    def _renew(self, modules: set[str]) -> None:
        if self._host is None:
            return
        self._import(self._host, modules)
        old = self._pair
        self._pair, _ = self._fork_pair(self._host)
        if old is not None:
            self._retire(old)

    def _free(self) -> None:
        if self._pair is not None:
            self._retire(self._pair)
            self._pair = None
        if self._host is not None:
            self._host.close()
            self._host = None

    def _forget(self) -> None:
        if self._host is not None:
            self._host.forget()
            self._host = None

    # --- one evaluation ------------------------------------------------------------------------------------------

    def _launched(self, stack: contextlib.ExitStack, order: dict[str, Any]) -> Watch:
        pair = stack.enter_context(self._in_use())
        assert self._host is not None
        scratch = tempfile.mkdtemp(dir=self._host.scratch)
        stack.callback(remove_tree, scratch)
        own, other = os.path.join(scratch, "candidate"), os.path.join(scratch, "scorer")
        for place in (own, other):
            os.mkdir(place, mode=0o700)
            link_files(place, self._folder, self._read_paths())
        arenas = [_arena(stack, order["arena"]) for _ in range(2)]
        lines = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log, log_end = os.pipe2(os.O_CLOEXEC)
        printed = Pipe(log)
        stack.callback(printed.close)
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        to_scorer, to_candidate = arenas
        # A candidate may write into what it is lent; a scorer gets the candidate's memory for reading only.
        reading = os.open(f"/proc/self/fd/{to_scorer}", os.O_RDONLY | os.O_CLOEXEC)
        with lines[0], lines[1]:
            try:
                fds = _Descriptors(log_end, lines[0].fileno(), to_scorer, to_candidate)
                candidate = _launch(pair.candidates, fds, {"role": "candidate", "scratch": own, **for_candidate(order)})
                stack.callback(candidate.close)
                fds = _Descriptors(null, lines[1].fileno(), to_candidate, reading)
                scorer = _launch(pair.scorers, fds, {"role": "scorer", "scratch": other, **for_scorer(order)})
                stack.callback(scorer.close)
            finally:
                letters.close_all([log_end, null, reading])
        return Watch(candidate, scorer, printed, lambda: sum(map(_used_kib, arenas)), Quota.usual(own))


class _Descriptors(NamedTuple):
    """What a child gets: where it prints, its line to the other child, the arena it writes and the one it reads."""

    log: int
    line: int
    outgoing: int
    incoming: int


def _launch(zygote: Zygote, given: _Descriptors, order: Mapping[str, Any]) -> Child:
    """Fork one child on `zygote` and return it."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    job = os.memfd_create("job", os.MFD_CLOEXEC)
    try:
        letters.write_order(job, order)
        line = zygote.launch([given.log, writing, given.line, given.outgoing, given.incoming, job])
        return Child(line, Pipe(reading))
    except BaseException:
        os.close(reading)
        raise
    finally:
        letters.close_all([writing, job])


def _arena(stack: contextlib.ExitStack, size: int) -> int:
    fd = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    stack.callback(os.close, fd)
    os.ftruncate(fd, size)
    # Neither side can cut it short under the other (SIGBUS), nor grow it past its limit.
    fcntl.fcntl(fd, 1033, 0x1 | 0x2 | 0x4)
    return fd


def _used_kib(fd: int) -> int:
    return os.fstat(fd).st_blocks // 2
