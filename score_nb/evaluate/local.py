"""Candidates on this machine: a warm process tree below the kernel, one confined fork per candidate and per metric."""

from __future__ import annotations

import ast
import atexit
import contextlib
import fcntl
import json
import os
import socket
import sys
import tempfile
import threading
import types
import weakref
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate import canary, grants, letters, reaper, snapshot
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.confine import Grants
from score_nb.evaluate.host import Host, Zygote, import_path
from score_nb.evaluate.verdict import Limits, judge
from score_nb.evaluate.watch import Child, Findings, Watch
from score_nb.types import Evaluation

_MIB = 1024 * 1024
_TIMEOUT_S = 600.0
_FILE_MIB = 4_096
_ALWAYS = frozenset(("numpy.random", "joblib"))  # imported beforehand: random generators and the codec, n_jobs=-1
_NOT_HERE = (
    "this version runs candidates on Linux only: on Windows use WSL2, elsewhere Binder or a Docker container "
    "(the notebook itself may stay where it is)"
)
_open: weakref.WeakSet[LocalEvaluator] = weakref.WeakSet()


class Pair:
    """The two zygotes that evaluations are launched on; closed when replaced and no longer in use."""

    def __init__(self, candidates: Zygote, scorers: Zygote) -> None:
        self.candidates = candidates
        self.scorers = scorers
        self.users = 0
        self.is_retired = False


class LocalEvaluator:
    """Runs candidates in forks of a warm process that holds the notebook's inputs.

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    """

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._setup = setup
        self._folder = os.path.abspath(setup.folder)
        self._limits = Limits(setup.timeout or _TIMEOUT_S, setup.memory or _default_memory())
        self._places = threading.BoundedSemaphore(setup.workers)
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="score-nb-sweeper")
        self._host: Host | None = None
        self._pair: Pair | None = None
        self._snapshots: list[snapshot.Snapshot] = []
        self._modules: set[str] = set()
        self._sent_modules: Mapping[str, str] = {}
        self._is_warm = False
        self._contract: dict[str, Any] = {}
        self.confinement = Confinement("none", {})

    # --- the protocol --------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Copy the inputs, so that the notebook may change its own afterwards; a second call does nothing.

        Raises
        ------
        BadInput
            An input cannot be sent; the message names it and the mend.
        EvaluatorBroken
            Candidates cannot be run on this system.
        """
        if sys.platform != "linux":
            raise EvaluatorBroken(_NOT_HERE)
        with self._lock:
            if self._snapshots or self._closing.is_set():
                return
            values = {"candidates": self._setup.inputs, "the scorer": self._setup.scorer}
            for reader, names in values.items():
                self._snapshots.append(snapshot.take(names, secrets=self._setup.secrets, reader=reader))
            self._sent_modules = {
                name: value.__name__
                for names in values.values()
                for name, value in names.items()
                if isinstance(value, types.ModuleType)
            }
            # From here on the copies count; the notebook's objects are not kept alive.
            self._setup = replace(self._setup, inputs={}, scorer={})

    def start(self) -> Confinement:
        """Start the processes and return what confinement holds; copies the inputs if `prepare` was not called.

        Raises
        ------
        BadInput
            An input cannot be rebuilt in a fresh process; the message names it and the mend.
        EvaluatorBroken
            Candidates cannot be run here; the message says why.
        """
        self.prepare()
        _open.add(self)
        try:
            with self._lock:
                if self._closing.is_set():
                    raise EvaluatorBroken("the evaluator is closed")
                self._modules = _top_modules(self._snapshots[0].modules) | _imports(self._setup.seed)
                self._modules |= {"numba"} & set(sys.modules)
                try:
                    layers = self._boot()
                except EvaluatorBroken:
                    layers = self._boot()  # the system, or somebody, may have killed a process that was starting
        except BaseException:
            self.close()
            raise
        self.confinement = canary.confinement(layers)
        return self.confinement

    def limit(self, timeout: float, memory: int) -> None:
        """Set wall seconds and MiB for the evaluations that follow."""
        self._limits = Limits(timeout, memory)

    def expect(self, contract: Mapping[str, Any]) -> None:
        """Set what the outputs of the evaluations that follow must look like: `Evaluation.contract` of the seed."""
        self._contract = dict(contract)

    def evaluate(
        self, source: str, *, seed: int = 0, metric: Literal["metric", "holdout"] = "metric", probe: bool = False
    ) -> Evaluation:
        """Run `source` in a process of its own, score it, and return what happened; blocks the calling thread.

        Raises
        ------
        EvaluatorBroken
            The tool itself failed (after one attempt to restart it), or `close` was called meanwhile.
        """
        limits = self._limits
        name = self._setup.metric if metric == "metric" else self._setup.holdout
        if name is None:
            raise EvaluatorBroken("there is no hold-out metric to evaluate")
        with self._places:
            found = self._attempt(source, seed, name, limits)
            if found.is_broken:
                self._restart()
            if found.is_broken or found.was_killed:
                found = self._attempt(source, seed, name, limits)
        if found.cause == "closed":
            raise EvaluatorBroken("the evaluator was closed")
        if found.is_broken:
            raise EvaluatorBroken(f"candidates cannot be run: their process twice died before it began{_last(found)}")
        evaluation = judge(found, limits, self._setup.secrets)
        self._warm_up(source, found, evaluation)
        return evaluation

    def close(self) -> None:
        """Kill what is at work and free everything; further calls do nothing."""
        self._closing.set()
        with self._lock:
            _open.discard(self)
            if self._pair is not None:
                self._retire(self._pair)
                self._pair = None
            if self._host is not None:
                self._host.close()
                self._host = None
            for taken in self._snapshots:
                taken.close()
            self._snapshots = []
        self._sweeper.shutdown()

    # --- processes -----------------------------------------------------------------------------------------------

    def _all_modules(self) -> set[str]:
        return self._modules | _ALWAYS

    def _import(self, host: Host, modules: Iterable[str]) -> Mapping[str, str]:
        return host.import_modules(modules)

    def _grants(self) -> Grants:
        return grants.readable(import_path(self._folder), self._read_paths())

    def _fork_pair(self, host: Host) -> tuple[Pair, Mapping[str, str]]:
        inputs, hidden = self._snapshots
        readable = self._grants()
        late: frozenset[str] = frozenset()
        scorers, _ = host.zygote([inputs, hidden], readable, late, "the scorer")
        candidates, layers = host.zygote([inputs], readable, late, "candidates")
        return Pair(candidates, scorers), layers

    def _read_paths(self) -> list[str]:
        return [os.path.realpath(os.path.join(self._folder, path)) for path in self._setup.read_paths]

    def _check_imports(self, failed: Mapping[str, str]) -> None:
        for name, module in self._sent_modules.items():
            if module in failed:
                reason = failed[module]
                raise BadInput(f"`{name}` (the module {module}) cannot be imported in a fresh process: {reason}")

    def _boot(self) -> Mapping[str, str]:
        """Start all processes anew and return what confinement holds."""
        if self._host is not None:
            self._host.close()
        self._host = Host(self._folder, self._setup.secrets)
        self._check_imports(self._import(self._host, self._all_modules()))
        self._pair, layers = self._fork_pair(self._host)
        return layers

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

    def _fail_if_closed(self) -> None:
        if self._closing.is_set() or not self._snapshots:
            raise EvaluatorBroken("the evaluator is closed" if self._closing.is_set() else "start was not called")

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

    def _attempt(self, source: str, seed: int, metric: str, limits: Limits) -> Findings:
        with contextlib.ExitStack() as stack:
            pair = stack.enter_context(self._in_use())
            try:
                watch = self._launched(pair, stack, self._order(source, seed, metric, limits))
            except (letters.Closed, FileNotFoundError):
                # A zygote has died; or the reaper has, and takes its scratch folders along.
                return Findings(is_broken=True)
            found = watch.run(limits.timeout_s, limits.memory_mib, self._closing)
            # The value is known: tearing the children down costs the caller no time.
            stack.callback(watch.bury)
            rest = stack.pop_all()
            try:
                self._sweeper.submit(rest.close)
            except RuntimeError:  # closed meanwhile
                rest.close()
            return found

    def _order(self, source: str, seed: int, metric: str, limits: Limits) -> dict[str, Any]:
        return {
            "outputs": self._setup.outputs,
            "parameters": self._setup.parameters,
            "source": source,
            "metric": metric,
            "seed": seed,
            "memory": limits.memory_mib,
            "cpu_s": 4 * limits.timeout_s + 10,
            "file_mib": _FILE_MIB,
            "arena": _arena_bytes(),
            "discover": not self._is_warm,
        }

    def _launched(self, pair: Pair, stack: contextlib.ExitStack, order: dict[str, Any]) -> Watch:
        """Launch candidate and scorer; what they need is freed by `stack`."""
        assert self._host is not None
        scratch = tempfile.mkdtemp(dir=self._host.scratch)
        stack.callback(reaper.remove_tree, scratch)
        own, other = os.path.join(scratch, "candidate"), os.path.join(scratch, "scorer")
        for place in (own, other):
            os.mkdir(place, mode=0o700)
            _link_files(place, self._folder, self._read_paths())
        arenas = [_arena(stack, order["arena"]) for _ in range(2)]
        lines = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log, log_end = os.pipe2(os.O_CLOEXEC)
        stack.callback(os.close, log)
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        with lines[0], lines[1]:
            to_scorer, to_candidate = arenas
            try:
                fds = _Descriptors(log_end, lines[0].fileno(), to_scorer, to_candidate)
                candidate = _launch(pair.candidates, fds, {"role": "candidate", "scratch": own, **order})
                stack.callback(candidate.close)
                hidden = {name: value for name, value in order.items() if name not in ("source", "discover")}
                fds = _Descriptors(null, lines[1].fileno(), to_candidate, to_scorer)
                scorer = _launch(pair.scorers, fds, {"role": "scorer", "scratch": other, **hidden})
                stack.callback(scorer.close)
            finally:
                os.close(log_end)
                os.close(null)
        used = to_scorer
        return Watch(candidate, scorer, log, lambda: os.fstat(used).st_blocks // 2)

    def _warm_up(self, source: str, found: Findings, evaluation: Evaluation) -> None:
        """After the first success let new zygotes import what the cell imported late, as far as the kernel did too."""
        if self._is_warm or evaluation.status != "ok":
            return
        reports = [report.get("modules") for report in found.candidate if report["kind"] == "imported"]
        allowed = None if source == self._setup.seed else frozenset(sys.modules)
        modules = {m for names in reports if isinstance(names, list) for m in names if isinstance(m, str)}
        modules = {m for m in modules if allowed is None or m in allowed}
        with self._lock, contextlib.suppress(EvaluatorBroken, BadInput):
            if self._is_warm or self._closing.is_set() or self._host is None:
                return
            self._is_warm = True
            if modules:
                self._modules |= modules
                self._import(self._host, modules)
                old = self._pair
                self._pair, _ = self._fork_pair(self._host)
                if old is not None:
                    self._retire(old)


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
    # Whoever writes into an arena is its only writer: the other side gets it for reading only.
    fixed = os.open(f"/proc/self/fd/{given.incoming}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.write(job, json.dumps(order).encode("utf-8", "surrogatepass"))
        return Child(zygote.launch([given.log, writing, given.line, given.outgoing, fixed, job]), reading)
    except BaseException:
        os.close(reading)
        raise
    finally:
        letters.close_all([writing, job, fixed])


def _arena(stack: contextlib.ExitStack, size: int) -> int:
    fd = os.memfd_create("arena", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    stack.callback(os.close, fd)
    os.ftruncate(fd, size)
    # Neither side can cut it short under the other (SIGBUS), nor grow it past its limit.
    fcntl.fcntl(fd, 1033, 0x1 | 0x2 | 0x4)
    return fd


def _link_files(scratch: str, folder: str, paths: list[str]) -> None:
    """Let a candidate find granted files of the notebook's folder under their relative names."""
    for path in paths:
        relative = os.path.relpath(path, os.path.realpath(folder))
        if not relative.startswith("..") and relative != ".":
            place = os.path.join(scratch, relative)
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.symlink(path, place)


def _imports(source: str) -> set[str]:
    """Return the modules that a cell's import statements name."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _top_modules(modules: set[str]) -> set[str]:
    return {name for name in modules if name not in ("__main__", "builtins") and name in sys.modules}


def _available_mib() -> int:
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return 4_096


def _default_memory() -> int:
    return max(1_024, int(0.6 * _available_mib()))


def _arena_bytes() -> int:
    """Return the size of an arena: an upper bound, pages that are not written cost nothing."""
    return max(256, min(8_192, _available_mib() // 4)) * _MIB


def _last(found: Findings) -> str:
    lines = found.log.strip().splitlines()
    return f": {lines[-1]}" if lines else ""


def _close_all() -> None:
    for evaluator in list(_open):
        evaluator.close()


def _forget_all() -> None:
    """In a process that the user forks from the kernel: it must not hold the liveness pipe open."""
    for evaluator in list(_open):
        if evaluator._host is not None:
            evaluator._host.forget()
            evaluator._host = None
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
