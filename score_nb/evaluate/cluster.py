"""Candidates on a Dask cluster: one task per evaluation, and on each worker the evaluator of a single machine.

Which worker takes an evaluation is the scheduler's business.  Here: the inputs are brought to the workers, once each;
the versions there are compared; and what was at work on a worker that is lost is tried again.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import logging
import platform
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from itertools import repeat
from typing import Any, Literal

from score_nb.config import LEVELS, Level
from score_nb.errors import BadInput, BadOption, EvaluatorBroken, ScoreError
from score_nb.evaluate import cluster_versions, snapshot
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.copies import copy_all
from score_nb.evaluate.freight import Freight, new_file
from score_nb.evaluate.process import imports_of
from score_nb.evaluate.verdict import redacted
from score_nb.types import Evaluation

MOST_DEATHS = 3
_MOST_TRIES = 5  # of an evaluation, for reasons that lie with the tool
_LOOK_S = 1.0
_FRESH_S = 2.0
_CONNECT_S = 10.0
_GPU = "GPU"

log = logging.getLogger("score_nb")


def connect(where: object, option: str, timeout_s: float = _CONNECT_S) -> Any:
    """Return a client of our own for `where`: an address, a `Client`, or a cluster; `option` names it in messages.

    A scheduler that does not answer for `timeout_s` counts as lost, now and later.

    Raises
    ------
    BadOption
        Nothing answers there, or it is no such thing.
    ScoreError
        `distributed` is not installed.
    """
    try:
        import distributed
    except ImportError:
        raise ScoreError("--cluster needs Dask: pip install 'score-nb[cluster]'") from None
    security = None
    address = where
    if isinstance(where, distributed.Client):
        if where.scheduler is None:
            raise BadOption(f"--cluster {option}: this client is closed or has not connected yet")
        address, security = where.scheduler.address, where.security
    elif hasattr(where, "scheduler_address"):
        security = getattr(where, "security", None)
        address = where.scheduler_address
    elif not isinstance(where, str):
        raise BadOption(
            f"--cluster {option} is a {type(where).__name__}: it takes an address such as tcp://host:8786, or the name "
            "of a Dask Client or cluster"
        )
    try:
        # Never the client that others work with: its close or restart would take our evaluations along.
        client: Any = distributed.Client
        return client(
            address, security=security or None, set_as_default=False, timeout=timeout_s, name="score-nb",
            heartbeat_interval="5s",
        )  # fmt: skip
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadOption(f"--cluster {option}: no Dask scheduler answers at {address}: {reason}") from None


class ClusterEvaluator:
    """Runs candidates on the workers of a Dask cluster.

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    client : distributed.Client
        Taken over, and closed at the end.
    most : int or None
        Evaluations at once; None for as many as the cluster has threads (or GPUs), as it grows and shrinks.
    """

    def __init__(self, setup: EvaluatorSetup, client: Any, most: int | None = None) -> None:
        self._setup = setup
        self._client = client
        self._most = most
        self._gate: AbstractContextManager[Any] = threading.BoundedSemaphore(most) if most else nullcontext()
        self._run = uuid.uuid4().hex[:12]
        self._numbers = itertools.count(1)
        self._closing = threading.Event()
        self._lock = threading.RLock()
        self._freight: Freight | None = None
        self._scattered: Any = None
        self._versions: Mapping[str, str] = {}
        self._late_modules: frozenset[str] = frozenset()
        self._limits: tuple[float, int] | None = None
        self._contract: Mapping[str, Any] = {}
        self._known: tuple[float, dict[str, dict[str, Any]]] = (-_FRESH_S, {})
        # By worker: the lease of its node, when it was made, and who makes one now; and who is none, with the reason.
        self._leases: dict[str, Any] = {}
        self._made: dict[str, int] = {}
        self._makers: dict[str, threading.Lock] = {}
        self._unfit: dict[str, str] = {}
        self._level: Level = "none"  # what holds on the first workers; a later one must have it too
        # By key of a task at work: how many workers died with it, and what wakes its thread.
        self._deaths: Counter[str] = Counter()
        self._waiting: dict[str, threading.Event] = {}
        client.subscribe_topic("all", self._hear)

    # --- the protocol ----------------------------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """How many evaluations can be at work at once now, at least 1."""
        return self._most or max(1, capacity(self._workers(), is_gpu=bool(self._setup.gpus)))

    @property
    def is_empty(self) -> bool:
        """Whether the cluster has no workers now."""
        return not self._workers()

    def prepare(self) -> None:
        """Copy the inputs, so that the notebook may change its own afterwards; a second call does nothing.

        Raises
        ------
        BadInput
            An input cannot be sent; the message names it and the mend.
        """
        with self._lock:
            if self._freight is not None or self._closing.is_set():
                return
            copies = copy_all(self._setup, self._copy)
            self._freight = Freight(copies)
            # Keys of this machine stay here: looked for in what is sent, and taken out of what comes back.
            self._sent = replace(self._setup, inputs={}, scorer={}, secrets=())

    def _modules(self) -> set[str]:
        assert self._freight is not None
        copied = {module for taken in self._freight.copies.snapshots for module in taken.modules}
        return copied | imports_of(self._setup.seed)

    def _copy(self, values: Mapping[str, Any], reader: str) -> snapshot.Snapshot:
        taken = snapshot.take(values, secrets=self._setup.secrets, reader=reader, open_file=new_file)
        snapshot.seal(taken.fd)
        return taken

    def start(self) -> Confinement:
        """Make every worker a node and return what confinement holds on all of them; waits for a first worker.

        Raises
        ------
        BadInput
            A worker has other versions, or an input cannot be rebuilt there.
        EvaluatorBroken
            Candidates cannot be run on any worker; the message says why.
        """
        self.prepare()
        try:
            workers = self._first_workers()
            self._check_gpus(workers)
            self._versions = cluster_versions.needed(self._modules())
            for complaint in self._complaints(list(workers)).values():
                raise BadInput(complaint)
            with ThreadPoolExecutor(min(32, len(workers)), "score-nb-cluster") as pool:
                answers = [found for found in pool.map(self._made_node, workers, repeat(True)) if found]
        except BaseException:
            self.close()
            raise
        if not answers:
            reasons = list(self._unfit.values())
            self.close()
            raise EvaluatorBroken(reasons[0] if reasons else "the cluster's workers went away as the search began")
        found = _weakest(answers)
        self._level = found.level
        return found

    def limit(self, timeout: float, memory: int) -> None:
        """Set wall seconds and MiB for the evaluations that follow."""
        self._limits = timeout, memory

    def expect(self, contract: Mapping[str, Any]) -> None:
        """Set what the outputs of the evaluations that follow must look like."""
        self._contract = dict(contract)

    def evaluate(
        self, source: str, *, seed: int = 0, metric: Literal["metric", "holdout"] = "metric", probe: bool = False
    ) -> Evaluation:
        """Run `source` somewhere on the cluster, score it, and return what happened; blocks the calling thread.

        Raises
        ------
        EvaluatorBroken
            The cluster is lost, no worker can run candidates, or `close` was called meanwhile.
        """
        from score_nb.evaluate.cluster_node import Order

        self._fail_if_closed()
        order = Order(
            source=source, seed=seed, metric=metric, probe=probe, limits=self._limits, contract=self._contract,
            modules=tuple(sorted(self._late_modules)),
        )  # fmt: skip
        with self._gate:
            found = self._carried_out(order)
        return redacted(found, self._setup.secrets)

    def close(self) -> None:
        """End what is at work and let go of the cluster; further calls do nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        for wake in list(self._waiting.values()):
            wake.set()
        # With its client the scheduler forgets all keys of this run, leases included: the workers close their nodes.
        with suppress(Exception):  # a cluster that has gone cannot be told so
            self._client.unsubscribe_topic("all")
            self._client.close(timeout=5)
        self._freight = self._scattered = None
        self._leases.clear()

    # --- one evaluation --------------------------------------------------------------------------------------------

    def _carried_out(self, order: Any) -> Evaluation:
        from score_nb.evaluate import cluster_node

        deaths, tries = 0, 0
        among: list[str] | None = None
        while True:
            self._fail_if_closed()
            key = f"score-nb-evaluation-{self._run}-{next(self._numbers)}"
            began = self._epoch()
            try:
                answer = self._answer(
                    key, cluster_node.evaluate, self._run, order, among=among or self._fit(),
                    resources={_GPU: 1} if self._setup.gpus else None, most_deaths=MOST_DEATHS - deaths,
                )  # fmt: skip
            except _Killed:
                return Evaluation("crashed", detail=f"the cluster's worker died {MOST_DEATHS} times while it ran")
            finally:
                deaths += self._deaths.pop(key, 0)
            among = None
            if answer is None:
                tries += 1
                if tries > _MOST_TRIES:
                    raise EvaluatorBroken("the cluster lost an evaluation again and again: look at its scheduler's log")
                self._closing.wait(0.2 * tries)
            elif "missing" in answer:
                # A worker that has joined, or has forgotten its node.  The scheduler chose it: so does the next try.
                if self._node_at(answer["missing"], began):
                    among = [answer["missing"]]
            elif "broken" in answer:
                self._reject(answer["address"], answer["broken"])
            else:
                self._late_modules |= frozenset(answer["modules"])
                return cluster_node.unpacked(answer["evaluation"])

    def _answer(
        self,
        key: str,
        act: Callable[..., Any],
        *arguments: Any,
        among: Sequence[str] | None,
        resources: Mapping[str, float] | None = None,
        most_deaths: int = MOST_DEATHS,
        needs: Any = None,
        keep: str = "",
    ) -> dict[str, Any] | None:
        """Have one task done and return what it returns, None where it was lost and is to be tried again.

        `among` are the workers that may take it, `needs` is what it works on; where either has gone it counts as lost.
        `keep` is the worker whose lease the task's key is.
        """
        wake = self._waiting[key] = threading.Event()
        try:
            future = self._client.submit(
                act, *arguments, key=key, pure=False, workers=among, resources=resources, priority=1 if keep else 0
            )
            future.add_done_callback(lambda _: wake.set())
            while not future.done():
                wake.wait(_LOOK_S)
                wake.clear()
                self._fail_if_closed()
                if self._deaths[key] >= most_deaths:
                    raise _Killed
                if not future.done() and (self._have_gone(among) or self._is_lost(needs)):
                    return None
            if keep:
                self._leases[keep] = future
            return self._result(future)
        except (EvaluatorBroken, _Killed):
            raise
        except Exception as error:
            self._fail_if_closed()
            raise EvaluatorBroken(f"the cluster cannot be used: {type(error).__name__}: {error}") from error
        finally:
            self._waiting.pop(key, None)

    def _have_gone(self, workers: Sequence[str] | None) -> bool:
        return bool(workers) and not self._workers().keys() & set(workers or ())

    def _is_lost(self, scattered: Any) -> bool:
        """Return whether no worker has what was brought to the cluster; the client is not always told."""
        if scattered is None:
            return False
        return scattered.status != "finished" or not any(self._client.who_has([scattered]).values())

    def _result(self, future: Any) -> dict[str, Any] | None:
        from distributed import KilledWorker

        if future.status in ("cancelled", "lost"):
            return None
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                raise _Killed
            raise EvaluatorBroken(f"the cluster cannot run score-nb's task: {type(error).__name__}: {error}")
        answer: dict[str, Any] = future.result()
        return answer

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Hear of the cluster's workers; called on the client's thread."""
        news = event[1]
        if not isinstance(news, Mapping) or news.get("action") != "remove-worker":
            return
        self._known = (-_FRESH_S, self._known[1])
        for key in () if news.get("expected") else news.get("processing-tasks", ()):
            if key in self._waiting:
                self._deaths[key] += 1
                self._waiting[key].set()

    # --- nodes -----------------------------------------------------------------------------------------------------

    def _epoch(self) -> int:
        return len(self._made) and max(self._made.values())

    def _node_at(self, address: str, began: int) -> bool:
        """Return whether a worker has a node now; one made after `began` is taken to be there."""
        with self._lock:
            maker = self._makers.setdefault(address, threading.Lock())
        with maker:
            if self._made.get(address, 0) > began:
                return address not in self._unfit
            complaint = self._complaints([address]).get(address, "")
            if complaint:
                self._reject(address, complaint)
                return False
            return self._made_node(address) is not None

    def _made_node(self, address: str, is_first: bool = False) -> dict[str, Any] | None:
        """Make a worker a node and return what confinement holds there; None where it went away or cannot be one.

        Raises
        ------
        BadInput
            An input cannot be rebuilt there, and `is_first`: later ones are left out, the search goes on.
        """
        from score_nb.evaluate import cluster_node

        for _ in range(_MOST_TRIES):
            key = f"score-nb-node-{self._run}-{next(self._numbers)}"
            try:
                inputs = self._inputs()
                answer = self._answer(
                    key, cluster_node.set_up, self._run, self._sent, inputs, key, among=[address], needs=inputs,
                    keep=address,
                )  # fmt: skip
            except _Killed:
                answer = None
            if answer is not None:
                if "refused" in answer:
                    if is_first and answer["kind"] == "input":
                        raise BadInput(answer["refused"])
                    self._reject(address, answer["refused"])
                    return None
                if not is_first and (found := Confinement(answer["level"], answer["layers"])).is_below(self._level):
                    # The search was begun, and the user's word given, for what held then.
                    self._reject(address, f"the cluster's worker {address} is left out, it confines less than the "
                                 f"first ones: {found.notice}")  # fmt: skip
                    return None
                with self._lock:
                    self._made[address] = 1 + self._epoch()
                return answer
            if address not in self._workers():
                return None
            self._closing.wait(0.2)
        self._reject(address, f"the cluster's worker {address} could not be made ready")
        return None

    def _inputs(self) -> Any:
        """Return the inputs as the cluster has them; brought there again where all workers that had them have gone."""
        with self._lock:
            if self._scattered is None or self._is_lost(self._scattered):
                self._scattered = self._client.scatter(self._freight, hash=False)
            return self._scattered

    def _reject(self, address: str, reason: str) -> None:
        if address not in self._unfit:
            log.warning("%s; other workers go on", reason)
        self._unfit[address] = reason

    def _fit(self) -> list[str] | None:
        """Return the workers that may take evaluations, None where all may.

        Raises
        ------
        EvaluatorBroken
            None may.
        """
        if not self._unfit:
            return None
        workers = self._workers()
        found = [address for address in workers if address not in self._unfit]
        if workers and not found:
            raise EvaluatorBroken(next(self._unfit[address] for address in workers))
        return found or None

    # --- the cluster -----------------------------------------------------------------------------------------------

    def _workers(self) -> dict[str, dict[str, Any]]:
        """Return what the scheduler knows of each worker, by address; at most two seconds old."""
        at, known = self._known
        if time.monotonic() - at < _FRESH_S:
            return known
        # As it was where the scheduler does not answer in time: the client notices by itself when it is lost.
        with suppress(Exception):
            found = self._client.sync(self._client.scheduler.identity, callback_timeout=_CONNECT_S)
            known = found["workers"]
        self._known = (time.monotonic(), known)
        return known

    def _first_workers(self) -> dict[str, dict[str, Any]]:
        while not (workers := self._workers()):
            self._closing.wait(_LOOK_S)
            self._fail_if_closed()
        return workers

    def _check_gpus(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        if self._setup.gpus and not capacity(workers, is_gpu=True):
            raise BadOption(
                "--gpus: no worker of the cluster offers the resource GPU; start each with as many as it has, such as "
                "dask worker tcp://… --resources GPU=1"
            )

    def _complaints(self, addresses: list[str]) -> dict[str, str]:
        """Return what differs on workers that have other versions, by address; a worker that goes away has nothing."""
        there: dict[str, dict[str, str]] = {address: {} for address in addresses}
        for name in self._versions:
            # Functions of the standard library only: what is ours may be missing there, or cannot be read.
            is_python = name == cluster_versions.PYTHON
            call = (platform.python_version,) if is_python else (importlib.metadata.version, name)
            for address, answer in self._client.run(*call, workers=list(there), on_error="return").items():
                if isinstance(answer, str):
                    there[address][name] = cluster_versions.minor(answer) if is_python else answer
                elif not isinstance(answer, importlib.metadata.PackageNotFoundError):
                    del there[address]
        found = {at: cluster_versions.complaint(self._versions, versions, at) for at, versions in there.items()}
        return {address: complaint for address, complaint in found.items() if complaint}

    def _fail_if_closed(self) -> None:
        if self._closing.is_set():
            raise EvaluatorBroken("the evaluator is closed")
        if self._client.status not in ("running", "connecting"):
            raise EvaluatorBroken(
                "the Dask cluster is lost: its scheduler has gone; run the cell again with a cluster that runs, or "
                "without --cluster, and the search goes on where it was"
            )


class _Killed(Exception):
    """A task's worker died too often."""


def capacity(workers: Mapping[str, Mapping[str, Any]], *, is_gpu: bool = False) -> int:
    """Return how many evaluations workers can take at once: their threads, or their GPUs."""
    if is_gpu:
        return sum(int(worker.get("resources", {}).get(_GPU, 0)) for worker in workers.values())
    return sum(int(worker["nthreads"]) for worker in workers.values())


def _weakest(answers: Iterable[Mapping[str, Any]]) -> Confinement:
    """Return the weakest confinement; where a layer does not hold, it says on which worker."""
    found = list(answers)
    level = min((answer["level"] for answer in found), key=LEVELS.index)
    layers: dict[str, str] = {}
    for answer in found:
        for layer, reason in answer["layers"].items():
            if not layers.get(layer):
                layers[layer] = f"{reason} (worker {answer['address']})" if reason else ""
    return Confinement(level, layers)
