"""Whole searches on a Dask cluster: from Python and from a cell, with a worker killed in mid-run."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

import score_nb as sn
from tests.cluster.support import at_work, client_of, cluster_of, pids, until
from tests.notebook.conftest import Cell, cell, registry, shell

__all__ = ["cell", "registry", "shell"]  # fixtures

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only"),
    pytest.mark.slow,
]

SEED = "rate, depth = 0.1, 3\nguess = rate * depth"


@pytest.fixture(scope="module")
def two() -> Iterator[Any]:
    """Two worker processes of one thread each."""
    with cluster_of(n_workers=2, threads_per_worker=1) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCORE_NB_HOME", str(tmp_path / "runs"))


def near(guess: float) -> float:
    """Return how near the guess is to 2."""
    return -abs(guess - 2.0)


def slow(guess: float) -> float:
    """Return the same, after a while."""
    import time

    time.sleep(0.8)
    return -abs(guess - 2.0)


def tree(run: Any) -> list[tuple[Any, ...]]:
    return [(node.parents, node.source, node.status, node.value, node.operator) for node in run.nodes]


def test_tree_is_that_of_this_machine(two: Any) -> None:
    options = {"model": "offline", "nodes": 12, "random_state": 3, "wait": True, "fresh": True}
    here = sn.search(near, SEED, {"near": near}, **options)
    there = sn.search(near, SEED, {"near": near}, cluster=two, **options)
    assert there.state == "finished"
    assert len(tree(there)) == 12
    assert tree(there) == tree(here)


def test_worker_killed_in_mid_run_costs_no_node_and_the_run_goes_on_elsewhere() -> None:
    with cluster_of(n_workers=2, threads_per_worker=1) as cluster, client_of(cluster) as client:
        run = sn.search(slow, SEED, {"slow": slow}, cluster=cluster.scheduler_address, nodes=14, model="offline")
        until(lambda: len(run.nodes) >= 3)
        address = next(iter(until(lambda: at_work(client))))
        os.kill(pids(client)[address], signal.SIGKILL)
        run.wait()
        assert (run.state, len(run.nodes)) == ("finished", 14)
        assert not [node for node in run.nodes if node.status == "crashed"]
    # The cluster has gone; the same search goes on on this machine.
    more = sn.search(slow, SEED, {"slow": slow}, nodes=16, model="offline", wait=True)
    assert (more.id, len(more.nodes)) == (run.id, 16)


def test_cell_names_a_cluster_of_the_notebook(two: Any, shell: Any, cell: Cell) -> None:
    shell.user_ns["my_cluster"] = two
    cell("%%score near --cluster my_cluster --nodes 5 --wait\nscale = 3\nguess = scale * len(data)")
    run = sn.open_run("near")
    assert (run.state, len(run.nodes), run.options["cluster"]) == ("finished", 5, "my_cluster")


def test_cell_names_a_client_of_the_notebook_which_stays_the_users(two: Any, shell: Any, cell: Cell) -> None:
    with client_of(two) as client:
        shell.user_ns["client"] = client
        waiting = client.submit(pow, 3, 2, pure=False)
        cell("%%score near --cluster client --nodes 6 --seed 3 --wait\nscale = 3\nguess = scale * len(data)")
        there = sn.open_run("near")
        assert (there.state, len(there.nodes), there.options["cluster"]) == ("finished", 6, "client")
        # The run worked with a client of its own and closed that one.
        assert client.status == "running"
        assert (waiting.result(), client.submit(pow, 2, 5).result()) == (9, 32)
        assert not any("score-nb" in str(key) for keys in client.has_what().values() for key in keys)
    cell("%%score near --nodes 6 --seed 3 --wait --fresh\nscale = 3\nguess = scale * len(data)")
    here = sn.open_run("near")
    assert here.id != there.id
    assert tree(there) == tree(here)


def test_client_that_is_closed_is_told(two: Any, shell: Any, cell: Cell) -> None:
    with client_of(two) as client:
        pass
    shell.user_ns["client"] = client
    told = cell("%%score near --cluster client --nodes 6 --wait\nscale = 3\nguess = scale * len(data)", ok=False)
    assert "--cluster client: this client is closed" in told
