"""A run that begins from a cell without a value, and one that finds the stored run busy."""

from __future__ import annotations

from pathlib import Path

import pytest

from score_nb.config import Options
from score_nb.errors import StoreBusy
from score_nb.run.outcome import STUB_MEMORY_MIB, STUB_TIMEOUT_S
from score_nb.run.run import Run
from score_nb.run.start import Launch, start_run
from score_nb.types import Evaluation, Task
from score_nb.view.export import to_json_text, to_script
from score_nb.view.page import to_page
from score_nb.view.text import summary_text
from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

TASK = Task(seed="v = 0", metric="m", parameters=("v",), outputs=("v",))
EMPTY_SEED = {"v = 0": Evaluation("error", detail="NotImplementedError: to be written", seconds=0.01)}
WAIT_S = 60.0


def launch(
    folder: Path, evaluator: ScriptedEvaluator, *, stub: bool = True, begins_anew: bool = False, nodes: int = 6
) -> Run:
    return start_run(
        Launch(
            name="m", task=TASK, options=Options(nodes=nodes, workers=1, stub=stub), root=folder,
            evaluator=lambda: evaluator, proposer=ScriptedProposer, begins_anew=begins_anew,
        )
    )  # fmt: skip


def test_a_search_begins_from_a_stub_and_its_first_value_is_the_best(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(EMPTY_SEED)
    run = launch(tmp_path, evaluator)
    assert run.wait(WAIT_S)
    assert run.state == "finished", run.reason
    seed, *others = run.nodes
    assert (seed.status, seed.value) == ("error", None)
    assert [node.value for node in others] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert others[0].operator == "debug"
    assert run.best is not None
    assert run.best.value == 5.0
    assert run.record.gain is None
    assert evaluator.limits[0] == (STUB_TIMEOUT_S, STUB_MEMORY_MIB)
    record = run.snapshot()
    for view in (summary_text, to_page, to_json_text, to_script):
        assert "5.0" in view(record), "every view shows a run whose seed has no value"


def test_a_seed_without_a_value_fails_the_run_where_no_stub_is_meant(tmp_path: Path) -> None:
    run = launch(tmp_path, ScriptedEvaluator(EMPTY_SEED), stub=False)
    assert run.wait(WAIT_S)
    assert run.state == "failed"
    assert "NotImplementedError" in run.reason


def test_a_job_begins_a_run_of_its_own_where_another_is_at_work(tmp_path: Path) -> None:
    first = launch(tmp_path, ScriptedEvaluator(EMPTY_SEED, delay=lambda source: 60.0))
    with pytest.raises(StoreBusy):
        launch(tmp_path, ScriptedEvaluator(EMPTY_SEED))
    second = launch(tmp_path, ScriptedEvaluator(EMPTY_SEED), begins_anew=True)
    assert second.wait(WAIT_S)
    assert second.state == "finished", second.reason
    assert second.id != first.id
    assert any("a run of its own was started" in warning for warning in second.snapshot().warnings)
    first.stop()
    assert first.wait(WAIT_S)
