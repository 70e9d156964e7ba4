"""Notebooks really run by papermill in a real kernel."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

import score_nb
from score_nb.batch.accepted import with_body
from score_nb.batch.cli import main
from score_nb.batch.printed import score_in
from score_nb.batch.results import run_data_of
from tests.batch.era_notebooks import BATCHES, FORECASTS
from tests.batch.era_notebooks import write as write_era
from tests.batch.notebooks import LOAD, METRIC, SEED, SHOW, write

pytestmark = pytest.mark.slow
LONG = "%%score near --nodes 500 --workers 1\nimport time\ntime.sleep(0.3)\nx = 3.0"

# What a shell starts in the background ignores SIGINT, and so do the tests run there; the command must not.
HEEDING = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from score_nb.batch.cli import main; sys.exit(main())"
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCORE_NB_HOME", "SCORE_NB_OPTIONS", "SCORE_NB_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    # The kernel works in the notebook's folder; it must find the package that is tested, installed or not.
    monkeypatch.setenv("PYTHONPATH", str(Path(score_nb.__file__).parents[1]))


def cells(path: Path) -> list[nbformat.NotebookNode]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return list(notebook.cells)


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_search_is_waited_for_and_leaves_pictures_without_a_widget(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in.ipynb", LOAD, METRIC, SEED, SHOW)
    assert main(["run", str(source), str(tmp_path / "out.ipynb"), "--require-gain"]) == 0
    written = capfd.readouterr()
    assert "score-nb near  finished  6/6 nodes" in written.out
    assert "score-nb near" in written.err, "progress goes to stderr"
    out = cells(tmp_path / "out.ipynb")
    data = out[2].outputs[-1]["data"]
    assert {"text/html", "image/png", "text/plain"} <= data.keys()
    assert "widgets" not in nbformat.read(tmp_path / "out.ipynb", as_version=4).metadata
    assert out[2].source == SEED
    assert printed(out[3]) == "x is 3.0\n"
    assert (tmp_path / ".score_nb").is_dir()


def test_accept_goes_on_with_the_best_and_writes_it_into_the_cell(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", LOAD, METRIC, SEED, SHOW)
    assert main(["run", str(source), str(tmp_path / "out.ipynb"), "--accept"]) == 0
    out = cells(tmp_path / "out.ipynb")
    kept = out[2].metadata["score_nb"]
    assert out[2].source.splitlines()[0] == SEED.splitlines()[0]
    assert out[2].source != SEED
    namespace: dict[str, float] = {}
    exec(out[2].source.partition("\n")[2], namespace)
    assert printed(out[3]) == f"x is {namespace['x']}\n", "the cells below ran with the accepted cell"
    assert kept["value"] == pytest.approx(-abs(namespace["x"] - 7.5))
    assert kept["seed_value"] == -4.5
    assert kept["measured"] == kept["value"]
    assert "in the accepted notebook too" in printed(out[2])
    assert run_data_of(out[2])["run"] == kept["run"]  # type: ignore[index]
    assert cells(source)[2].source == SEED, "the input stays as it is"


def test_options_win_over_the_cell_s_and_no_gain_is_exit_code_3(tmp_path: Path) -> None:
    source = write(tmp_path / "in.ipynb", "n = 4", LOAD, METRIC, SEED.replace("6", "{n}"), parameters=True)
    assert main(["run", str(source), "-p", "n", "5", "--nodes", "1", "--require-gain", str(tmp_path / "o.ipynb")]) == 3
    assert "1/1 nodes" in printed(cells(tmp_path / "o.ipynb")[-1])
    assert "SCORE_NB_OPTIONS" not in os.environ


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1 / 0", "the cell that begins with '1 / 0' failed: ZeroDivisionError"),
        ("%%score naer\nx = 3.0", "there is no function naer in this notebook. Did you mean near?"),
        ("%%score near --nodse 3\nx = 3.0", "there is no option --nodse. Did you mean --nodes?"),
    ],
)
def test_a_cell_that_fails_is_named_and_ends_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: str, words: str
) -> None:
    source = write(tmp_path / "in.ipynb", LOAD, METRIC, cell, SHOW)
    assert main(["run", str(source)]) == 1
    assert words in capsys.readouterr().err
    assert (tmp_path / "in.out.ipynb").exists(), "what was done so far is kept"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_keeps_its_store_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    source = write(tmp_path / "in.ipynb", LOAD, METRIC, LONG)
    command = [sys.executable, "-c", HEEDING, "run", str(source)]
    with (
        open(tmp_path / "log", "w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as job,
    ):
        try:
            _wait_for(lambda: re.search(r"[2-9]/500", (tmp_path / "log").read_text()))
            job.send_signal(number)
            assert job.wait(30) == 130
            _wait_for(lambda: not _session(job.pid))
        finally:
            job.kill()
    assert "interrupted" in (tmp_path / "log").read_text()
    assert main(["show", "near", "--path", str(tmp_path)]) == 0


def test_notebooks_in_era_s_format_run_as_they_are_side_by_side(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    batches = write_era(tmp_path / "batches.ipynb", BATCHES)
    forecasts = write_era(tmp_path / "forecasts.ipynb", FORECASTS)
    before = [path.read_bytes() for path in (batches, forecasts)]
    command = ["run", str(batches), str(forecasts), "--jobs", "2", "--into", str(tmp_path / "out"), "--accept"]
    assert main([*command, "--nodes", "5", "--workers", "1", "--seed", "1", "--model", "offline"]) == 0
    written = capfd.readouterr()
    assert "'Validation Score'; maximize" in written.err
    assert "'Candidate metric to be minimized'; minimize" in written.err
    assert [line.split()[:3] for line in written.out.splitlines()[1:]] == [
        ["batches", "ok", "5/5"],
        ["forecasts", "ok", "5/5"],
    ]
    for name, label in (("batches", "Validation Score"), ("forecasts", "Candidate metric to be minimized")):
        notebook = nbformat.read(tmp_path / "out" / f"{name}.out.ipynb", as_version=4)
        (run,) = notebook.metadata["score_nb"]["runs"]
        printed_below = "".join(map(printed, (cell for cell in notebook.cells[-8:] if cell.cell_type == "code")))
        assert score_in(printed_below, label) == pytest.approx(run["best_value"]), "the cells below print the best"
    assert [path.read_bytes() for path in (batches, forecasts)] == before


def test_the_body_is_replaced_below_the_magic_s_line() -> None:
    assert with_body("\n%%score near --nodes 3\nx = 1\n", "x = 2\n") == "%%score near --nodes 3\nx = 2"


def _session(leader: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "-s", str(leader)], capture_output=True, text=True, check=False)
    return listed.stdout.split()


def _wait_for(happened: object, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
