"""Whoever takes too much is stopped, with the cause in words, and nothing is left; who takes less of it is scored."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from score_nb.evaluate import quota, watch
from score_nb.evaluate.gauge import ProcGauge
from score_nb.evaluate.local import LocalEvaluator
from score_nb.evaluate.quota import Quota
from score_nb.types import Evaluation
from tests.faults.processes import settles, tree
from tests.hostile import overruns
from tests.hostile.battery import overrun_evaluator
from tests.hostile.overruns import ALL, Overrun

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="these programs attack Linux"),
    pytest.mark.timeout(600),
]


def _standing(evaluator: LocalEvaluator) -> int:
    """Return how many processes there are below this one after evaluations that leave nothing behind."""
    with ThreadPoolExecutor(overruns.WORKERS) as pool:
        assert [found.status for found in pool.map(evaluator.evaluate, ["x = 1.0"] * 4)] == ["ok"] * 4
    counts = [len(tree(os.getpid()))]
    # Ended children are buried, and the next ones forked, after the answer.
    while len(counts) < 20 or len(set(counts[-20:])) > 1:
        time.sleep(0.05)
        counts.append(len(tree(os.getpid())))
    return counts[-1]


@pytest.fixture(scope="module")
def results() -> dict[str, Evaluation]:
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(quota, "MIB", overruns.SCRATCH_MIB)
        smaller.setattr(quota, "ENTRIES", overruns.SCRATCH_FILES)
        smaller.setattr(watch, "_MAX_PRINTED", overruns.PRINTED_MIB << 20)
        with overrun_evaluator() as evaluator:
            # The next children are forked ahead: what stands once the first evaluations have ended is what stays.
            helpers = _standing(evaluator)
            found = overruns.run(evaluator)
            assert evaluator._host is not None
            scratch = evaluator._host.scratch
            assert settles(lambda: not os.listdir(scratch), 200), "scratch folders are left"
            assert settles(lambda: _standing(evaluator) <= helpers, 200), "processes are left"
    assert not os.path.exists(scratch)
    return found


@pytest.mark.parametrize("overrun", ALL, ids=lambda one: one.name)
def test_overrun_is_stopped(results: dict[str, Evaluation], overrun: Overrun) -> None:
    assert overrun.is_stopped(results[overrun.name]), results[overrun.name]


@pytest.mark.parametrize("overrun", ALL, ids=lambda one: one.name)
def test_less_of_it_is_scored(results: dict[str, Evaluation], overrun: Overrun) -> None:
    found = results[f"{overrun.name} twin"]
    assert found.status == "ok", found


def test_a_quota_counts_what_files_take_and_not_what_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(3 << 20))
    scratch = tmp_path / "scratch"
    (scratch / "deep").mkdir(parents=True)
    (scratch / "link").symlink_to(tmp_path / "large")
    os.truncate(os.open(scratch / "holes", os.O_CREAT | os.O_RDWR), 1 << 30)
    assert Quota(str(scratch), 1, 3).excess() == ""
    assert Quota(str(scratch), 1, 2).excess() == "made more than 2 files in its scratch folder"
    (scratch / "deep" / "file").write_bytes(bytes(2 << 20))
    assert Quota(str(scratch), 1, 10).excess() == "wrote more than 1 MiB to its scratch folder"


def test_files_in_memory_count_as_memory(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or not os.access(shared, os.W_OK):
        pytest.skip("there is no /dev/shm to write to")
    for place, expected in ((shared, 1024), (tmp_path, None)):
        folder = place / f"score-nb-quota-{os.getpid()}"
        folder.mkdir()
        try:
            (folder / "file").write_bytes(bytes(1 << 20))
            watched = Quota(str(folder), 10, 10)
            assert watched.excess() == ""
            if expected is not None:
                assert watched.memory_kib == expected
        finally:
            (folder / "file").unlink()
            folder.rmdir()


def test_a_gauge_reads_this_process() -> None:
    gauge = ProcGauge()
    before = gauge.private_kib(os.getpid())
    kept = b"x" * (64 << 20)
    assert gauge.private_kib(os.getpid()) - before >= 60 << 10
    assert kept
    assert gauge.threads(os.getpid()) >= 1
    assert gauge.private_kib(2**22 + 1) == gauge.threads(2**22 + 1) == 0
