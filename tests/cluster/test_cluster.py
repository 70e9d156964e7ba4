"""Evaluations on the real workers of a Dask cluster: same values, no node lost, nothing left behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

from score_nb.errors import BadInput, BadOption, EvaluatorBroken
from score_nb.evaluate.cluster import ClusterEvaluator, connect
from tests.cluster.support import at_work, client_of, cluster_of, pids, running, until, worker_of
from tests.evaluate.support import below, setup, started

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only"),
    pytest.mark.slow,
]

DATA = """
import numpy as np
data = np.arange(200_000.0)
hidden = np.ones(3)
def metric(x):
    return float(x) + float(hidden.sum())
"""
CHANCE = "import random, numpy\nx = random.random() + numpy.random.rand()"
# The zygote that forked it: one for each node.
WHERE = "import os\nprint(os.getppid())\nimport time\ntime.sleep(0.3)\nx = 1.0"


def works_as_candidate(pid: int) -> bool:
    """Whether a process has moved into a candidate's scratch folder."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/cwd")) == "candidate"
    except OSError:
        return False


@pytest.fixture(scope="module")
def two() -> Iterator[Any]:
    """Two worker processes of one thread each."""
    with cluster_of(n_workers=2, threads_per_worker=1) as cluster:
        yield cluster


def test_values_are_those_of_this_machine(two: Any) -> None:
    what = setup(DATA, inputs="data np", scorer="metric hidden np")
    sources = [CHANCE, "x = data[1:].sum() / 7", "data *= 0\nx = data.sum()", "x = 1 / 0", "x = hidden"]
    with started(setup(DATA, inputs="data np", scorer="metric hidden np")) as local, running(two, what) as cluster:
        for source in sources:
            here, there = (evaluator.evaluate(source, seed=5) for evaluator in (local, cluster))
            assert (here.status, here.value, here.detail) == (there.status, there.value, there.detail)


def test_evaluations_are_spread_over_the_workers(two: Any) -> None:
    with running(two, setup()) as evaluator, ThreadPoolExecutor(2) as pool:
        assert evaluator.places == 2
        nodes = {found.log.strip() for found in pool.map(evaluator.evaluate, [WHERE] * 6)}
    assert len(nodes) == 2


def test_inputs_go_once_to_each_worker(two: Any) -> None:
    with running(two, setup(DATA, inputs="data np", scorer="metric hidden np")) as evaluator, client_of(two) as client:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(evaluator.evaluate, ["import time\ntime.sleep(0.2)\nx = data[1]"] * 4))
        moved = client.run(_bytes_received)
    # 1.6 MB each; some worker has them from the notebook, the other from it.
    assert all(count < 3.3e6 for count in moved.values())


def _bytes_received(dask_worker: Any) -> int:
    return sum(event["total"] for event in dask_worker.transfer_incoming_log)


def test_keys_stay_here_and_candidates_see_none_of_the_workers(two: Any) -> None:
    what = setup(secrets=("very-secret-key",))
    with client_of(two) as client:
        client.run(os.environ.__setitem__, "THEIR_API_KEY", "key-of-the-worker")
    with running(two, what) as evaluator:
        assert b"very-secret-key" not in pickle.dumps(evaluator._sent)
        found = evaluator.evaluate("import os\nprint(dict(os.environ))\nx = 1.0")
        assert "key-of-the-worker" not in found.log
        assert "***" in evaluator.evaluate("print('very-secret' + '-key')\nx = 1.0").log


def test_killed_worker_loses_no_evaluation_and_leaves_no_process() -> None:
    with contextlib.ExitStack() as stack:
        two = stack.enter_context(cluster_of(n_workers=2, threads_per_worker=1))
        client = stack.enter_context(client_of(two))
        with running(two, setup(timeout=60.0)) as evaluator, ThreadPoolExecutor(2) as pool:
            source = "import time\ntime.sleep(1.5)\nx = {}.0"
            results = [pool.submit(evaluator.evaluate, source.format(n)) for n in range(4)]
            until(lambda: len(at_work(client)) == 2)
            victim = next(iter(pids(client).values()))
            tree = below(victim)
            assert tree
            os.kill(victim, signal.SIGKILL)
            found = [result.result() for result in results]
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in tree))
        assert [(one.status, one.value) for one in found] == [("ok", float(n)) for n in range(4)]


def test_evaluation_that_takes_its_worker_along_is_given_up() -> None:
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(cluster_of(n_workers=1, threads_per_worker=1))
        client = stack.enter_context(client_of(one))
        with running(one, setup(timeout=120.0)) as evaluator:
            ended = threading.Event()
            killed: set[str] = set()

            def kill() -> None:
                while not ended.wait(0.05):
                    for address in at_work(client).keys() - killed:
                        # Once it runs there: a worker that is not ready for it yet takes it for a moment only.
                        pid = pids(client).get(address, 0)
                        if pid and any(works_as_candidate(child) for child in below(pid)):
                            killed.add(address)
                            os.kill(pid, signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            try:
                found = evaluator.evaluate("import time\ntime.sleep(30)\nx = 1.0")
            finally:
                ended.set()
                killer.join()
            assert (found.status, found.detail) == ("crashed", "the cluster's worker died 3 times while it ran")
            assert evaluator.evaluate("x = 2.0").value == 2.0


def test_cluster_grows_and_shrinks_in_mid_run() -> None:
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(cluster_of(n_workers=1, threads_per_worker=1))
        client = stack.enter_context(client_of(cluster))
        with running(cluster, setup()) as evaluator, ThreadPoolExecutor(4) as pool:
            assert evaluator.places == 1
            cluster.scale(2)
            until(lambda: evaluator.places == 2)
            nodes = {found.log.strip() for found in pool.map(evaluator.evaluate, [WHERE] * 8)}
            assert len(nodes) == 2
            results = [pool.submit(evaluator.evaluate, WHERE) for _ in range(6)]
            until(lambda: len(at_work(client)) == 2)
            cluster.scale(1)
            assert {result.result().value for result in results} == {1.0}
            until(lambda: evaluator.places == 1)


def test_worker_that_joins_and_confines_less_than_the_first_ones_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with cluster_of(n_workers=1, threads_per_worker=1) as cluster, running(cluster, setup()) as evaluator:
        answer = evaluator._answer

        def confined_less(*arguments: Any, **named: Any) -> Any:
            found = answer(*arguments, **named)
            is_node = isinstance(found, dict) and "level" in found
            return {**found, "level": "partial", "layers": {"landlock": "as said"}} if is_node else found

        monkeypatch.setattr(evaluator, "_answer", confined_less)
        first = evaluator.evaluate(WHERE).log
        with worker_of(cluster), ThreadPoolExecutor(2) as pool:
            until(lambda: evaluator.places == 2)
            found = list(pool.map(evaluator.evaluate, [WHERE] * 6))
    assert {(each.status, each.log) for each in found} == {("ok", first)}
    assert "confines less than the first ones" in caplog.text


def test_worker_that_has_forgotten_its_node_gets_another(two: Any) -> None:
    with running(two, setup()) as evaluator:
        for lease in evaluator._leases.values():
            lease.release()
        evaluator._leases.clear()
        assert evaluator.evaluate("x = 3.0").value == 3.0


def test_nothing_is_left_on_the_workers_when_the_run_ends(two: Any) -> None:
    with client_of(two) as client:
        workers = pids(client).values()
        with running(two, setup()) as evaluator:
            evaluator.evaluate("x = 1.0")
            assert all(below(pid) for pid in workers)
        until(lambda: not any(below(pid) for pid in workers))


DRIVER = """
import sys, threading
from tests.cluster.support import running
from tests.evaluate.support import setup
with running(sys.argv[1], setup(timeout=60.0)) as evaluator:
    threading.Thread(target=evaluator.evaluate, args=("while True:\\n    pass",), daemon=True).start()
    print("at work", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_on_the_workers_when_the_notebook_is_killed(two: Any) -> None:
    with client_of(two) as client:
        workers = pids(client).values()
        until(lambda: not any(below(pid) for pid in workers))
        command = [sys.executable, "-c", DRIVER, two.scheduler_address]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as driver:
            assert driver.stdout is not None
            assert driver.stdout.readline() == b"at work\n"
            until(lambda: at_work(client))
            assert all(below(pid) for pid in workers)
            driver.kill()
        until(lambda: not any(below(pid) for pid in workers))


def test_other_version_on_a_worker_is_named_with_the_mend(tmp_path: Path) -> None:
    other = tmp_path / "numpy-0.0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n")
    with cluster_of(n_workers=0) as cluster, worker_of(cluster, PYTHONPATH=str(tmp_path)):
        evaluator = ClusterEvaluator(setup(), connect(cluster, "cluster"))
        assert evaluator.is_empty or evaluator.places == 1
        with pytest.raises(BadInput, match=r"numpy is \S+ here and 0\.0\.1 there; .* pip install numpy==\d"):
            evaluator.start()


def test_file_that_workers_do_not_see_is_named(two: Any, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("7.0")
    with running(two, setup(folder=str(tmp_path), read_paths=("data.csv",))) as evaluator:
        assert evaluator.evaluate("x = float(open('data.csv').read())").value == 7.0
    evaluator = ClusterEvaluator(setup(folder=str(tmp_path), read_paths=("gone.csv",)), connect(two, "cluster"))
    with pytest.raises(BadInput, match=r"`gone\.csv`, which the cell reads, does not exist on the cluster's worker"):
        evaluator.start()


def test_modules_beside_the_notebook_are_found_where_workers_see_them(two: Any, tmp_path: Path) -> None:
    (tmp_path / "beside_cluster.py").write_text("value = 9.0\n")
    with running(two, setup(folder=str(tmp_path))) as evaluator:
        assert evaluator.evaluate("import beside_cluster\nx = beside_cluster.value").value == 9.0


def test_lost_scheduler_is_told() -> None:
    with cluster_of(n_workers=1, threads_per_worker=1) as cluster:
        evaluator = ClusterEvaluator(setup(), connect(cluster, "cluster", 1.0))
        evaluator.start()
    with pytest.raises(EvaluatorBroken, match="the Dask cluster is lost"):
        until(lambda: evaluator.evaluate("x = 1.0") and False)
    evaluator.close()


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers at tcp://127.0.0.1:1"),
        (3, "is a int: it takes an address such as tcp://host:8786, or the name of a Dask Client or cluster"),
    ],
)
def test_what_is_no_cluster_is_told(where: object, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        connect(where, "x", 0.5)


def test_each_evaluation_has_a_gpu_of_its_own_by_the_workers_resources() -> None:
    source = (
        "import os, time\nprint(os.environ['CUDA_VISIBLE_DEVICES'], time.monotonic())\ntime.sleep(0.3)\n"
        "print(time.monotonic())\nx = 1.0"
    )
    with (
        cluster_of(n_workers=1, threads_per_worker=4, resources={"GPU": 2}) as cluster,
        running(cluster, setup(gpus=("any",))) as evaluator,
        ThreadPoolExecutor(4) as pool,
    ):
        assert evaluator.places == 2
        spans = [_span(found.log) for found in pool.map(evaluator.evaluate, [source] * 6)]
    assert {device for device, _, _ in spans} == {"0", "1"}
    for device in ("0", "1"):
        mine = sorted((start, end) for name, start, end in spans if name == device)
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(mine))


def _span(log: str) -> tuple[str, float, float]:
    device, start, end = log.split()
    return device, float(start), float(end)


def test_cluster_without_gpus_is_told(two: Any) -> None:
    evaluator = ClusterEvaluator(setup(gpus=("any",)), connect(two, "cluster"))
    with pytest.raises(BadOption, match="no worker of the cluster offers the resource GPU"):
        evaluator.start()


def test_workers_may_be_threads_of_this_process() -> None:
    # Client(processes=False): the workers are threads of this very process.
    with (
        cluster_of(n_workers=1, threads_per_worker=1, processes=False) as cluster,
        running(cluster, setup()) as evaluator,
    ):
        assert evaluator.evaluate("x = 4.0").value == 4.0
