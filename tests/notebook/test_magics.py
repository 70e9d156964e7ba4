"""`%%score` and `%score` in a real IPython, with real candidates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from score_nb.notebook.registry import REGISTRY
from score_nb.run.run import Run
from tests.notebook.conftest import SEED, Cell

pytestmark = pytest.mark.slow  # each test runs real candidates
LINE = "%%score near --nodes 4 --model offline"


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("def bad(guess): raise ValueError('no luck')", "metric bad raised ValueError: no luck"),
        ("def bad(guess): return float('nan')", "the metric returned nan"),
        ("def bad(guess): return 'good'", "the metric returned a str, not a number"),
        ("def bad(guess): return None", "the metric returned None"),
        ("def bad(guess): return {}", "the metric returned an empty mapping"),
    ],
)
def test_a_metric_that_gives_no_number_fails_the_cell_that_waits(cell: Cell, metric: str, line: str) -> None:
    cell(metric)
    output = cell(f"%%score bad --nodes 3 --model offline --wait\n{SEED}", ok=False)
    last = output.strip().splitlines()[-1]
    assert last.startswith("ScoreError: the run bad failed: ")
    assert last.endswith(line)
    assert cell("guess").strip().endswith("6")


# -- the good way ----


def test_the_seed_runs_as_any_cell_and_the_search_goes_on_behind_it(cell: Cell, shell: InteractiveShell) -> None:
    output = cell(f"{LINE}\n{SEED}\nguess")
    assert "6" in output
    assert shell.user_ns["guess"] == 6
    run = REGISTRY.started[0].run
    assert run.is_live
    assert "score-nb near  finished  4/4 nodes" in cell("%score wait")
    assert run.nodes[0].value == -1.0
    assert callable(shell.user_ns["near"]), "the metric keeps its name"


def test_waiting_prints_progress_and_ends_with_the_picture_in_words(cell: Cell) -> None:
    output = cell(f"{LINE} --wait\n{SEED}")
    assert "score-nb near  finished  4/4 nodes  best" in output
    assert "best so far" in output


def test_running_the_cell_again_pays_for_nothing_twice(cell: Cell) -> None:
    cell(f"{LINE} --wait\n{SEED}")
    first = REGISTRY.started[0].run
    output = cell(f"{LINE} --wait\n{SEED}")
    assert "run near is finished (4 of 4 nodes): raise --nodes to go on, or begin anew with --fresh" in output
    assert [started.run.id for started in REGISTRY.started] == [first.id]
    output = cell(f"{LINE.replace('4', '6')} --wait\n{SEED}")
    assert "run near goes on where it was: 4 nodes" in output
    again = REGISTRY.started[0].run
    assert again.id == first.id
    assert len(again.nodes) == 6
    assert [node.source for node in again.nodes[:4]] == [node.source for node in first.nodes]
    cell(f"{LINE} --wait --fresh\n{SEED}")
    assert len({started.run.id for started in REGISTRY.started}) == 2


def test_a_run_at_work_is_shown_again_and_a_changed_cell_stops_it(cell: Cell) -> None:
    endless = "%%score near --nodes 5000 --model offline"
    cell(f"{endless}\n{SEED}", cell_id="seed")
    run = REGISTRY.started[0].run
    output = cell(f"{endless}\n{SEED}", cell_id="seed")
    assert "run near of this cell is at work already" in output
    assert [started.run for started in REGISTRY.started] == [run]
    output = cell("%%score near --nodes 4000 --model offline\n" + SEED, cell_id="seed")
    assert "its budget is now 4000 nodes" in output
    output = cell(f"{endless}\n{SEED} + 1", cell_id="seed")
    assert "the earlier run of this cell was stopped at" in output
    assert run.state == "stopped"
    assert REGISTRY.started[-1].run.is_live
    assert "near stopped: all results are kept" in cell("%score stop")


def test_a_cell_that_fails_leaves_its_earlier_run_at_work(cell: Cell) -> None:
    cell(f"%%score near --nodes 5000 --model offline\n{SEED}", cell_id="seed")
    cell("%%score near --nodes 5000 --model offline\nguess = 1 / 0", ok=False, cell_id="seed")
    assert REGISTRY.started[0].run.is_live


def test_pause_resume_and_stop(cell: Cell) -> None:
    cell(f"%%score near --nodes 5000 --model offline --name first\n{SEED}")
    assert "first pauses" in cell("%score pause first")
    assert "first goes on" in cell("%score resume")
    assert "first stopped" in cell("%score stop first")
    assert "first is stopped already" in cell("%score stop first")
    assert "not at work here" in cell("%score pause", ok=False)


def test_the_list_names_the_runs_newest_first(cell: Cell) -> None:
    assert "no runs yet" in cell("%score")
    cell(f"{LINE} --wait\n{SEED}")
    cell(f"{LINE} --wait --name second\n{SEED}")
    lines = cell("%score").strip().splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["name", "second", "near"]
    assert "finished  4/4 nodes" in lines[-1]


def test_accept_turns_the_cell_into_the_best_and_keeps_the_line(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs: list[tuple[str, bool]] = []
    shell = InteractiveShell.instance()
    monkeypatch.setattr(shell, "set_next_input", lambda text, replace=False: inputs.append((text, replace)))
    cell(f"{LINE} --wait\n{SEED}")
    run = REGISTRY.started[0].run
    cell("%score accept")
    assert inputs == [(f"{LINE} --wait\n{run.best.source}\n", True)]
    assert run.record.accepted == run.best.index
    cell("%score accept near seed")
    assert inputs[-1] == (f"{LINE} --wait\n{SEED}\n", True)
    REGISTRY.started.clear()  # as after a restart: only the store knows the run
    cell("%score accept near 0")
    assert inputs[-1] == (f"%%score near --nodes=4\n{SEED}\n", True)


def test_code_and_diff(cell: Cell) -> None:
    cell(f"{LINE} --wait\n{SEED}")
    assert cell("%score code seed").strip() == SEED
    assert cell("%score diff near 0 0").strip() == "no difference"
    assert "has no node 99: its nodes are 0 to 3" in cell("%score code 99", ok=False)
    assert "x is no node" in cell("%score code near x", ok=False)
    assert "-scale = 3" in cell("%score diff 0 1") or "no difference" not in cell("%score diff 0 1")


def test_the_run_is_bound_where_it_replaces_nothing(cell: Cell, shell: InteractiveShell) -> None:
    cell(f"{LINE} --wait --name first\n{SEED}")
    assert isinstance(shell.user_ns["first"], Run)
    cell(f"{LINE} --wait --name first --fresh\n{SEED}")
    assert shell.user_ns["first"] is REGISTRY.started[-1].run
    assert "score-nb first  finished" in cell("first")


def test_variables_in_the_line_are_replaced(cell: Cell) -> None:
    cell("count = 3")
    cell("%%score near --nodes {count} --model offline --wait\n" + SEED)
    assert REGISTRY.started[0].run.options["nodes"] == 3


# -- what the metric keeps from the seed ----


def test_names_that_an_earlier_run_of_the_cell_made_are_its_outputs_still(cell: Cell) -> None:
    cell("def far():\n    return abs(scale - target)")
    cell("scale = 3", cell_id="seed")
    cell("%%score far --nodes 2 --model offline --wait\nscale = 3", cell_id="seed")
    assert REGISTRY.started[0].run.task.outputs == ("scale",)
    cell("%%score far --nodes 2 --model offline --wait\nscale = 4", cell_id="seed")
    assert REGISTRY.started[-1].run.nodes[0].value == 3.0


def test_what_the_seed_overwrites_stays_the_scorers_however_often_it_runs(cell: Cell) -> None:
    hack = "%%score near --nodes 2 --model offline --wait\ntarget = 6\n" + SEED
    for _ in range(2):
        output = cell(hack, cell_id="seed")
        assert "target is defined by this cell and by another one: the metric keeps the other's" in output
    assert [started.run.nodes[0].value for started in REGISTRY.started] == [-1.0]
    assert cell("target").strip().endswith("6")
    cell("target = 5")
    cell(hack, cell_id="seed")
    assert REGISTRY.started[-1].run.nodes[0].value == -1.0, "target 5 is one below the guess 6"
    assert len(REGISTRY.started) == 2, "other data, another run"


def test_candidates_get_the_inputs_as_they_were_before_the_seed_ran(cell: Cell, shell: InteractiveShell) -> None:
    output = cell(f"{LINE} --wait\ndata.append(9.0)\n{SEED}")
    assert shell.user_ns["guess"] == 9
    assert REGISTRY.started[0].run.nodes[0].value == -2.0
    assert "the cell changes data in place" in output
    output = cell(f"{LINE} --wait\ndata.append(9.0)\n{SEED}")
    assert "the data changed since the stored run of this cell: a new run was started" in output


def test_a_seed_that_begins_with_a_copy_goes_on_with_its_run(cell: Cell) -> None:
    text = f"{LINE} --wait\ndata = data.copy()\ndata.append(9.0)\n{SEED}"
    assert "in place" not in cell(text, cell_id="seed")
    assert "is finished" in cell(text, cell_id="seed")


def test_a_leak_is_told_by_name(cell: Cell) -> None:
    cell("def peeking(guess):\n    return -abs(guess - len(data))")
    output = cell(f"%%score peeking --nodes 2 --model offline --wait\n{SEED}")
    assert "possible leak: data is read by the seed and by the metric" in output
    output = cell(f"%%score peeking --nodes 2 --model offline --wait --share data\n{SEED}")
    assert "leak" not in output


# -- settings, help, loading ----


def test_settings_stand_below_the_cell_and_the_environment_above(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    cell("%config Score.model = 'offline'\n%config Score.nodes = 2")
    cell(f"%%score near --wait\n{SEED}")
    assert REGISTRY.started[-1].run.options["nodes"] == 2
    cell(f"%%score near --wait --nodes 3\n{SEED}")
    assert REGISTRY.started[-1].run.options["nodes"] == 3
    monkeypatch.setenv("SCORE_NB_OPTIONS", "--nodes 4 --wait")
    cell(f"%%score near --nodes 3\n{SEED}")
    assert len(REGISTRY.started[-1].run.nodes) == 4
    monkeypatch.setenv("SCORE_NB_OPTIONS", "--nodez 4")
    assert "BadOption: in SCORE_NB_OPTIONS: there is no option --nodez" in cell(f"%%score near\n{SEED}", ok=False)


def test_ideas_come_from_a_list_or_from_files(cell: Cell) -> None:
    Path("ideas").mkdir()
    Path("ideas/one.md").write_text("Take the mean.", encoding="utf-8")
    Path("ideas/paper.pdf").write_bytes(b"%PDF")
    cell("thoughts = ['double it', 'halve it']\nwrong = [1]")
    cell(f"{LINE} --wait --ideas thoughts\n{SEED}")
    cell(f"{LINE} --wait --fresh --ideas ideas/*.md\n{SEED}")
    assert "wrong should be a list of strings" in cell(f"{LINE} --ideas wrong\n{SEED}", ok=False)
    assert "paper.pdf cannot be read as PDF" in cell(f"{LINE} --ideas ideas/*\n{SEED}", ok=False)


def test_the_store_lies_where_the_environment_says(cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORE_NB_HOME", str(tmp_path / "elsewhere"))
    cell(f"{LINE} --wait\n{SEED}")
    assert list((tmp_path / "elsewhere").glob("near-*-1/journal.jsonl"))
    assert not Path(".score_nb").exists()
    assert os.getcwd() == str(tmp_path / "work")
