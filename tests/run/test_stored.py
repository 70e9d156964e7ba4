"""A run that another process works on: refused in one sentence, watched, and taken over without a second bill."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from score_nb import events as ev
from score_nb.config import Options
from score_nb.errors import BadInput, StoreBroken, StoreBusy
from score_nb.run.run import Run
from score_nb.run.start import Launch, open_stored, start_run
from score_nb.store.journal import Journal, read_events
from score_nb.store.lock import is_held
from score_nb.types import Task
from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

TASK = Task(seed="v = 0", metric="m", parameters=("v",), outputs=("v",))
WAIT_S = 60.0


def launch(
    tmp_path: Path,
    proposer: ScriptedProposer | None = None,
    evaluator: ScriptedEvaluator | None = None,
    listener: Callable[[ev.Event], None] | None = None,
    **options: object,
) -> Run:
    given = Options(**{"nodes": 10, "workers": 1, **options})  # type: ignore[arg-type]
    return start_run(
        Launch(
            name="m", task=TASK, options=given, root=tmp_path,
            evaluator=lambda: evaluator or ScriptedEvaluator(), proposer=lambda: proposer or ScriptedProposer(),
        ),
        [listener] if listener else (),
    )  # fmt: skip


def settles(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def test_a_busy_run_is_refused_before_anything_is_made_ready(tmp_path: Path) -> None:
    first = launch(tmp_path, ScriptedProposer(delay=0.05))
    proposer, evaluator = ScriptedProposer(), ScriptedEvaluator()
    with pytest.raises(StoreBusy, match=r"written by process \d+ .*watch it with score_nb.open_run"):
        launch(tmp_path, proposer, evaluator)
    assert not evaluator.prepared
    assert first.wait(WAIT_S)
    assert first.state == "finished"


def test_a_run_elsewhere_can_be_watched(tmp_path: Path) -> None:
    heard: list[ev.Event] = []
    at_work = launch(tmp_path, ScriptedProposer(delay=0.05))
    assert at_work.path is not None
    watched = open_stored(at_work.path)
    watched.subscribe(heard.append)
    watched.follow()
    assert watched.state == "running"
    assert not watched.wait(0.01)
    assert watched.wait(WAIT_S)
    assert watched.state == "finished"
    assert watched.nodes == at_work.nodes
    assert settles(lambda: any(isinstance(e, ev.StateChanged) and e.state == "finished" for e in heard))
    stored = read_events(at_work.path)
    assert heard == stored[-len(heard) :]


def test_what_was_read_is_not_changed_by_what_comes_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(ev.RunStarted(0.0, "1", "m", "2026", {"seed": "v = 0", "metric": "m"}, {}, {}))
    run = open_stored(tmp_path)
    before = run.snapshot()
    journal.append(ev.Warned(1.0, "beware"))
    assert run.record.warnings == ["beware"]
    assert before.warnings == []
    journal.close()


def test_a_run_whose_kernel_died_is_stopped_and_runs_again_when_another_takes_it_up(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(ev.RunStarted(0.0, "1", "m", "2026", {"seed": "v = 0", "metric": "m"}, {}, {}))
    run = open_stored(tmp_path)
    assert run.state == "running"
    journal.close()
    assert (run.state, "run its cell again" in run.reason) == ("stopped", True)
    with closing(Journal(tmp_path)):
        assert (run.state, run.reason) == ("running", "")
    assert run.state == "stopped"


def test_an_accepted_node_of_an_ended_run_is_remembered(tmp_path: Path) -> None:
    run = launch(tmp_path)
    assert run.wait(WAIT_S)
    assert run.path is not None
    run.accept_marked(3)
    assert run.record.accepted == 3
    stored = open_stored(run.path)
    assert stored.record.accepted == 3
    stored.accept_marked(4)
    assert stored.record.accepted == 4
    assert open_stored(run.path).record.accepted == 4


class Unsendable(ScriptedEvaluator):
    """Has an input that cannot be copied."""

    def prepare(self) -> None:
        raise BadInput("`file` is an open file")


def test_what_cannot_be_started_leaves_nothing_at_work(tmp_path: Path) -> None:
    proposer, evaluator = ScriptedProposer(), Unsendable()
    with pytest.raises(BadInput):
        launch(tmp_path, proposer, evaluator)
    assert proposer.closed
    assert evaluator.closed
    assert list(tmp_path.iterdir()) == []

    run = launch(tmp_path, nodes=3)
    assert run.wait(WAIT_S)
    assert run.path is not None
    with pytest.raises(BadInput):
        launch(tmp_path, ScriptedProposer(), Unsendable(), nodes=5)
    assert not is_held(run.path)


def test_a_store_that_cannot_be_written_leaves_nothing_at_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    proposer, evaluator = ScriptedProposer(), ScriptedEvaluator()
    with pytest.raises(StoreBroken, match="SCORE_NB_HOME"):
        launch(tmp_path / "file", proposer, evaluator)
    assert proposer.closed
    assert evaluator.closed


def test_a_run_that_is_taken_over_fails_with_the_reason(tmp_path: Path) -> None:
    run = launch(tmp_path, ScriptedProposer(delay=0.05), nodes=1000)
    assert run.path is not None
    assert settles(lambda: len(run.nodes) > 2)
    (run.path / "lock").unlink()
    with closing(Journal(run.path)):
        assert run.wait(WAIT_S)
        assert run.state == "failed"
        assert "taken this run over" in run.reason
    assert open_stored(run.path).state == "stopped"


class Unclosable(ScriptedEvaluator):
    """Fails when it is closed."""

    def close(self) -> None:
        raise OSError("no such process")


def test_the_run_is_given_free_whatever_fails_at_the_end(tmp_path: Path) -> None:
    proposer = ScriptedProposer()
    run = launch(tmp_path, proposer, Unclosable())
    assert run.wait(WAIT_S)
    assert run.path is not None
    assert not is_held(run.path)
    assert proposer.closed
