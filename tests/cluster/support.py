"""Small Dask clusters of real worker processes."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.cluster import ClusterEvaluator, connect


@contextlib.contextmanager
def cluster_of(**settings: Any) -> Iterator[Any]:
    """Start a cluster on this machine and end it afterwards; what Dask has to say about killed workers is not shown."""
    import dask
    from distributed import LocalCluster

    given = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL, **settings}
    # A worker that was killed has so long to be there again; on a busy machine the usual 15 s are too short.
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "10 minutes"})
    with patient, LocalCluster(**given) as cluster:
        yield cluster


@contextlib.contextmanager
def worker_of(cluster: Any, **environment: str) -> Iterator[None]:
    """Start a worker as on another machine, by its command, and end it afterwards."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address, "--nthreads", "1"]
    env = {**os.environ, **environment}
    with subprocess.Popen([*command, "--no-dashboard"], env=env, stderr=subprocess.DEVNULL) as worker:
        try:
            yield
        finally:
            worker.terminate()


@contextlib.contextmanager
def running(cluster: Any, what: EvaluatorSetup, most: int | None = None) -> Iterator[ClusterEvaluator]:
    """Start an evaluator on the cluster and close it afterwards."""
    evaluator = ClusterEvaluator(what, connect(cluster, "cluster"), most)
    try:
        evaluator.prepare()
        evaluator.start()
        yield evaluator
    finally:
        evaluator.close()


@contextlib.contextmanager
def client_of(cluster: Any) -> Iterator[Any]:
    """Have a client to look at the cluster with."""
    from distributed import Client

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        yield client


def pids(client: Any) -> dict[str, int]:
    """Return the worker processes by address."""
    found: dict[str, int] = client.run(os.getpid, on_error="ignore")
    return found


def at_work(client: Any) -> dict[str, int]:
    """Return how many evaluations are at work, by worker, where there are any."""
    counts = {
        address: sum("score-nb-evaluation" in str(key) for key in keys) for address, keys in client.processing().items()
    }
    return {address: count for address, count in counts.items() if count}


def until(condition: Callable[[], Any], seconds: float = 240.0) -> Any:
    """Return what `condition` gives, once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found
