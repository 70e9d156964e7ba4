"""Fresh interpreters keep the same contract as forks, and are chosen where forks are not safe."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.choose import evaluator_for
from score_nb.evaluate.fresh import FreshEvaluator
from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.contract import EvaluatorContract
from tests.evaluate.support import SUM, below, setup

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only"),
    pytest.mark.slow,
]

# A library with a thread of its own, which runs what it is given.
THREADED = """
import queue, threading
asked, answered = queue.Queue(), queue.Queue()
def _serve():
    while True:
        try:
            asked.get()()
            answered.put(1)
        except OSError:
            answered.put(0)
threading.Thread(target=_serve, daemon=True).start()
def ask(act):
    asked.put(act)
    return answered.get()
"""
E = TypeVar("E", bound=Evaluator)


@contextlib.contextmanager
def running(evaluator: E) -> Iterator[E]:
    """Start an evaluator and close it afterwards."""
    try:
        evaluator.prepare()
        evaluator.start()
        yield evaluator
    finally:
        evaluator.close()


class TestFreshEvaluator(EvaluatorContract):
    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return FreshEvaluator(what)


def test_start_up_is_no_part_of_what_is_measured() -> None:
    with running(FreshEvaluator(setup("import sklearn.ensemble\n" + SUM, seed="import sklearn.ensemble"))) as evaluator:
        for _ in range(2):
            found = evaluator.evaluate("import os\nx = float(len(os.listdir('.')))")
            assert found.value == 0.0
            assert found.cpu_seconds < 0.5
            assert found.peak_mib < 20


def test_confinement_holds_as_in_forks() -> None:
    with running(LocalEvaluator(setup())) as evaluator:
        forked = evaluator.confinement
    with running(FreshEvaluator(setup())) as evaluator:
        assert evaluator.confinement == forked
        if forked.level == "full":
            for source in ("open('/etc/shadow')", "import os\nos.fork()", "import socket\nsocket.socket()"):
                assert evaluator.evaluate(source).status == "forbidden"
        assert evaluator.evaluate("open('a', 'w').write('1')\nx = open('a').read()").value == 1.0


def test_threads_that_a_library_starts_on_import_are_confined_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "threaded.py").write_text(THREADED)
    monkeypatch.syspath_prepend(str(tmp_path))
    what = setup("import threaded\n" + SUM, inputs="threaded", folder=str(tmp_path))
    with running(FreshEvaluator(what)) as evaluator:
        if evaluator.confinement.level != "full":
            pytest.skip(f"confinement is only {evaluator.confinement}")
        assert evaluator.evaluate("x = float(threaded.ask(lambda: open('/etc/shadow')))").value == 0.0
        assert evaluator.evaluate("x = float(threaded.ask(lambda: open('mine', 'w')))").value == 1.0


def test_granted_files_and_modules_beside_the_notebook_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.csv").write_text("7")
    (tmp_path / "beside_fresh.py").write_text("value = 9.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with running(FreshEvaluator(setup(folder=str(tmp_path), read_paths=("data.csv",)))) as evaluator:
        assert evaluator.evaluate("x = open('data.csv').read()").value == 7.0
        assert evaluator.evaluate("import beside_fresh\nx = beside_fresh.value").value == 9.0


def test_libraries_that_do_not_survive_a_fork_are_served_by_fresh_interpreters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brittle.py").write_text("import os\nos.register_at_fork(after_in_child=lambda: os._exit(1))\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    what = setup(SUM, seed="import brittle\nx = 1.0", folder=str(tmp_path))
    with pytest.raises(EvaluatorBroken), running(LocalEvaluator(what)):
        pass
    with running(evaluator_for(what)) as evaluator:
        assert evaluator.evaluate("import brittle\nx = 4.0").value == 4.0


def test_numba_that_only_the_candidate_imports_accepts_to_cache() -> None:
    pytest.importorskip("numba")
    source = "import numba\n@numba.njit(cache=True)\ndef f(a):\n    return a * 2\nx = f(2.5)"
    for kind in (LocalEvaluator, FreshEvaluator):
        with running(kind(setup(timeout=60.0))) as evaluator:
            assert evaluator.evaluate(source).value == 5.0


def test_forks_are_chosen_where_they_are_safe() -> None:
    with running(evaluator_for(setup())) as evaluator:
        # From the second on all have the same parent, and no interpreter is started for them.
        arguments = evaluator.evaluate("print(open('/proc/self/cmdline').read())\nx = 1.0").log
        assert "reaper" in arguments
        assert "worker" not in arguments


def test_killed_nurseries_are_replaced_and_nothing_is_left() -> None:
    before = below(os.getpid())
    with running(FreshEvaluator(setup())) as evaluator:
        assert evaluator._host is not None
        scratch = Path(evaluator._host.scratch)
        for pid in below(os.getpid()) - before - {evaluator._host._process.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert evaluator.evaluate("x = 3.0").value == 3.0
    assert below(os.getpid()) == before
    assert not scratch.exists()
