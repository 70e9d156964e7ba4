"""What evaluators in processes of this machine share: copies of the inputs, limits, places, retries, closing."""

from __future__ import annotations

import ast
import atexit
import contextlib
import os
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal

import psutil

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate import grants, letters, snapshot
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.copies import Copies, copy_all
from score_nb.evaluate.environment import import_path
from score_nb.evaluate.folds import together
from score_nb.evaluate.gpus import Devices
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.verdict import Limits, judge
from score_nb.evaluate.watch import Findings, Watch
from score_nb.types import Evaluation

_MIB = 1024 * 1024
_TIMEOUT_S = 600.0
_FILE_MIB = 4_096
_ALWAYS = frozenset(("numpy.random",))  # imported beforehand: random generators, and numpy for the codec
# Parts of an order that only one side is given.
_CANDIDATES = ("source", "discover")
_SCORERS = ("metric", "fold", "is_main", "parameters", "contract", "probe")
_open: weakref.WeakSet[ProcessEvaluator] = weakref.WeakSet()


class ProcessEvaluator(ABC):
    """Runs each candidate and each metric in a process; how these come about is left to the kinds of it.

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    """

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._setup = setup
        self._folder = os.path.abspath(setup.folder)
        self._limits = Limits(setup.timeout or _TIMEOUT_S, setup.memory or _default_memory())
        self._arena_bytes = _arena_bytes()
        self._places = threading.BoundedSemaphore(setup.workers)
        self._devices = Devices(setup.gpus)
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="score-nb-sweeper")
        self._snapshots: list[snapshot.Snapshot] = []
        self._modules: set[str] = set()
        self._sent_modules: Mapping[str, str] = {}
        self._n_folds: Mapping[str, int] = {}
        self._is_warm = False
        self._contract: dict[str, Any] = {}
        self.confinement = Confinement("none", {})

    # --- what differs ----------------------------------------------------------------------------------------------

    @abstractmethod
    def _copy(self, values: Mapping[str, Any], reader: str) -> snapshot.Snapshot:
        """Return a copy of values for `reader`, where processes of this kind can map it."""

    @abstractmethod
    def _boot(self) -> Confinement:
        """Start all processes anew and return what confinement holds."""

    @abstractmethod
    def _restart(self) -> None:
        """Start again what has died."""

    @abstractmethod
    def _launched(self, stack: contextlib.ExitStack, order: dict[str, Any]) -> Watch:
        """Launch candidate and scorer; what they need is freed by `stack`."""

    @abstractmethod
    def _renew(self, modules: set[str]) -> None:
        """Let the processes of coming evaluations import `modules` beforehand too."""

    @abstractmethod
    def _free(self) -> None:
        """Kill all processes; what follows finds the evaluator closed."""

    @abstractmethod
    def _forget(self) -> None:
        """Give up all processes in a fork of the kernel."""

    @property
    def setup(self) -> EvaluatorSetup:
        """What is evaluated, without the objects once they are copied."""
        return self._setup

    @property
    def snapshots(self) -> Sequence[snapshot.Snapshot]:
        """The copies of the inputs, and of what only the metric reads."""
        return self._snapshots

    def _inherit(self, other: ProcessEvaluator) -> None:
        """Take over what another one has prepared, but for the copies."""
        self._setup, self._limits, self._contract = other._setup, other._limits, other._contract
        self._sent_modules, self._n_folds = other._sent_modules, other._n_folds

    # --- the protocol ----------------------------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """How many evaluations can be at work at once."""
        return self._setup.workers

    def prepare(self) -> None:
        """Copy the inputs, so that the notebook may change its own afterwards; a second call does nothing.

        Raises
        ------
        BadInput
            An input cannot be sent; the message names it and the mend.
        """
        with self._lock:
            if self._snapshots or self._closing.is_set():
                return
            self._adopt(copy_all(self._setup, self._copy))

    def adopt(self, copies: Copies) -> None:
        """Take over what was copied elsewhere, instead of `prepare`; the copies' files stay the caller's."""
        with self._lock:
            self._adopt(copies.twin())

    def _adopt(self, copies: Copies) -> None:
        self._snapshots = list(copies.snapshots)
        self._sent_modules, self._n_folds = copies.sent_modules, copies.n_folds
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
                self._modules |= _top_modules(self._snapshots[0].modules) | imports_of(self._setup.seed)
                self._modules |= {"numba"} & set(sys.modules)
                try:
                    self.confinement = self._boot()
                except EvaluatorBroken:
                    # The system, or somebody, may have killed a process that was starting.
                    self.confinement = self._boot()
        except BaseException:
            self.close()
            raise
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
        name = self._setup.metric if metric == "metric" else self._setup.holdout
        if name is None:
            raise EvaluatorBroken("there is no hold-out metric to evaluate")
        order = self._order(source, seed, name, probe)
        n_folds = self._n_folds.get(name, 0)
        if not n_folds:
            return self._carry_out(order)
        folds = ({**order, "fold": fold, "is_main": False} for fold in range(n_folds))
        return together((self._carry_out(fold) for fold in folds), n_folds)

    def _carry_out(self, order: dict[str, Any]) -> Evaluation:
        limits = self._limits
        order = {**order, "memory": int(limits.memory_mib), "cpu_s": float(4 * limits.timeout_s + 10)}
        with self._places:
            found = self._attempt(order, limits)
            if found.is_broken:
                self._restart()
            if found.is_broken or found.was_killed:
                found = self._attempt(order, limits)
        if found.cause == "closed":
            raise EvaluatorBroken("the evaluator was closed")
        if found.is_broken:
            raise EvaluatorBroken(f"candidates cannot be run: their process twice died before it began{_last(found)}")
        evaluation = judge(found, limits, self._setup.secrets)
        self._warm_up(order["source"], found, evaluation)
        return evaluation

    def close(self) -> None:
        """Kill what is at work and free everything; further calls do nothing."""
        self._closing.set()
        with self._lock:
            _open.discard(self)
            self._free()
            for taken in self._snapshots:
                taken.close()
            self._snapshots = []
        self._sweeper.shutdown()

    # --- what all of them do ---------------------------------------------------------------------------------------

    def _all_modules(self) -> set[str]:
        return self._modules | _ALWAYS

    def _grants(self) -> Grants:
        found = grants.readable(self._import_path(), self._read_paths())
        return grants.with_gpus(found) if self._setup.gpus else found

    def _import_path(self) -> list[str]:
        return import_path(self._folder, self._setup.import_path)

    def _read_paths(self) -> list[str]:
        return [os.path.realpath(os.path.join(self._folder, path)) for path in self._setup.read_paths]

    def _fail_if_closed(self) -> None:
        if self._closing.is_set() or not self._snapshots:
            raise EvaluatorBroken("the evaluator is closed" if self._closing.is_set() else "start was not called")

    def _attempt(self, order: dict[str, Any], limits: Limits) -> Findings:
        with contextlib.ExitStack() as stack:
            try:
                device = stack.enter_context(self._devices.one(self._closing))
                if self._closing.is_set():
                    return Findings(cause="closed")
                watch = self._launched(stack, {**order, "device": device})
            except (letters.Closed, FileNotFoundError):
                # What starts the processes has died; or it takes its scratch folders along.
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

    def _order(self, source: str, seed: int, metric: str, probe: bool) -> dict[str, Any]:
        return {
            "outputs": self._setup.outputs,
            "parameters": self._setup.parameters,
            "source": str(source),
            "metric": metric,
            "fold": None,
            "is_main": metric == self._setup.metric,
            "contract": self._contract,
            "probe": probe,
            "seed": int(seed),
            "file_mib": _FILE_MIB,
            "arena": self._arena_bytes,
            "discover": not self._is_warm,
        }

    @property
    def modules(self) -> frozenset[str]:
        """The modules that are imported before the first candidate, as far as they are known by now."""
        return frozenset(self._modules)

    def warm(self, modules: Iterable[str]) -> None:
        """Let coming evaluations find `modules` imported, as those of another evaluator of this search."""
        with self._lock, contextlib.suppress(EvaluatorBroken, BadInput):
            more = set(modules) - self._modules
            if more and not self._closing.is_set():
                self._is_warm = True
                self._modules |= more
                self._renew(more)

    def _warm_up(self, source: str, found: Findings, evaluation: Evaluation) -> None:
        """After the first success let new zygotes import what the cell imported late, as far as the kernel did too."""
        if self._is_warm or evaluation.status != "ok":
            return
        reports = [report.get("modules") for report in found.candidate if report["kind"] == "imported"]
        allowed = None if source == self._setup.seed else frozenset(sys.modules)
        modules = {m for names in reports if isinstance(names, list) for m in names if isinstance(m, str)}
        modules = {m for m in modules if allowed is None or m in allowed}
        with self._lock, contextlib.suppress(EvaluatorBroken, BadInput):
            if self._is_warm or self._closing.is_set():
                return
            self._is_warm = True
            if modules:
                self._modules |= modules
                self._renew(modules)


def for_candidate(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an order that a candidate is given: nothing of what it is held against."""
    return {name: value for name, value in order.items() if name not in _SCORERS}


def for_scorer(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an order that the scorer is given."""
    return {name: value for name, value in order.items() if name not in _CANDIDATES}


def link_files(scratch: str, folder: str, paths: list[str]) -> None:
    """Let a candidate find granted files of the notebook's folder under their relative names."""
    for path in paths:
        relative = os.path.relpath(path, os.path.realpath(folder))
        if not relative.startswith("..") and relative != ".":
            place = os.path.join(scratch, relative)
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.symlink(path, place)


def imports_of(source: str) -> set[str]:
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
    return int(psutil.virtual_memory().available) // _MIB


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
        evaluator._forget()
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
