"""One notebook by each of the ways in which nobody watches: the same run, and the same end where it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

import score_nb
from score_nb.batch.results import data_of, run_data_of
from score_nb.run.run import stored_record
from score_nb.store.runs import stored_runs
from tests.batch.notebooks import LOAD, METRIC, write

pytestmark = pytest.mark.slow

SEARCH = "%%score near --name search --nodes {n} --workers 2 --seed 1 --model offline\nx = 3.0"
AFTER = "print(search.state, len(search.nodes))"
FAILS = "def near(x):\n    raise ValueError('no such column: batch')"
REASON = "the run search failed: near could not score the seed: metric near raised ValueError: no such column: batch"

# What papermill, and the command, set themselves; elsewhere the notebook's own value counts.
NODES = 5
PAPERMILL = "import papermill; papermill.execute_notebook('in.ipynb', 'out.ipynb', parameters={'n': 5})"
NBCLIENT = (
    "import nbformat, nbclient; notebook = nbformat.read('in.ipynb', 4); "
    "nbclient.NotebookClient(notebook).execute(); nbformat.write(notebook, 'out.ipynb')"
)
WAYS = {
    "papermill from a shell": ["-m", "papermill", "in.ipynb", "out.ipynb", "-p", "n", "5"],
    "papermill from Python": ["-c", PAPERMILL],
    "jupyter nbconvert": ["-m", "jupyter", "nbconvert", "--to=notebook", "--execute", "in.ipynb", "--output=out.ipynb"],
    "nbclient": ["-c", NBCLIENT],
    "score-nb run": ["-m", "score_nb.batch.cli", "run", "in.ipynb", "out.ipynb", "-p", "n", "5"],
}
TAKES_PARAMETERS = {"papermill from a shell", "papermill from Python", "score-nb run"}


@dataclass(frozen=True)
class Job:
    """What came of one way: its folder, exit code and what it told."""

    folder: Path
    code: int
    told: str

    @property
    def cells(self) -> list[Any]:
        """The code cells of the notebook that was saved, without those that papermill adds."""
        notebook = nbformat.read(self.folder / "out.ipynb", as_version=4)
        nbformat.validate(notebook)
        assert "widgets" not in notebook.metadata, "a widget's state would blank the page"
        return [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", ())]

    @property
    def search(self) -> Any:
        """The cell of the search."""
        return next(cell for cell in self.cells if cell.source.startswith("%%score"))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Job]]:
    """Each way with a search that works and one that fails, two kernels at a time."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("SCORE_NB_HOME", "SCORE_NB_OPTIONS", "SCORE_NB_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
            environment.delenv(name, raising=False)
        # The kernel works in the notebook's folder; it must find the package that is tested, installed or not.
        environment.setenv("PYTHONPATH", str(Path(score_nb.__file__).parents[1]))
        found = {}
        for way, command in WAYS.items():
            pair = {}
            for kind, metric in (("works", METRIC), ("fails", FAILS)):
                folder = tmp_path_factory.mktemp("way")
                own = 2 if way in TAKES_PARAMETERS else NODES
                write(folder / "in.ipynb", f"n = {own}", LOAD, metric, SEARCH, AFTER, parameters=True)
                line = [sys.executable, *command]
                pair[kind] = (
                    folder,
                    subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True),
                )
            for kind, (folder, process) in pair.items():
                told = process.communicate()[1]
                found[way, kind] = Job(folder, process.returncode, told)
        yield found


@pytest.mark.parametrize("way", WAYS)
def test_it_waits_for_the_end_and_leaves_pictures(jobs: dict[tuple[str, str], Job], way: str) -> None:
    job = jobs[way, "works"]
    assert job.code == 0, job.told
    assert job.cells[-1].outputs[0].text == f"finished {NODES}\n", "the cell below found the run at its end"
    outputs = [output.data for output in job.search.outputs if "data" in output]
    shown = next(data for data in outputs if "image/png" in data)
    assert {"text/html", "text/plain"} <= shown.keys()
    assert not any("widget-view" in kind for data in outputs for kind in data)
    lines = "".join(output.text for output in job.search.outputs if output.get("name") == "stdout")
    assert f"score-nb search  finished  {NODES}/{NODES} nodes" in lines


@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_same_run(jobs: dict[tuple[str, str], Job], way: str) -> None:
    tree, first = (_tree(jobs[each, "works"]) for each in (way, "score-nb run"))
    assert len(tree) == NODES
    assert tree == first
    summary = data_of(jobs[way, "works"].search, "search")
    drawn = run_data_of(jobs[way, "works"].search)
    assert summary is not None
    assert drawn is not None
    assert summary["best_value"] == drawn["best_value"] == max(value for *_, value in tree if value is not None)


@pytest.mark.parametrize("way", WAYS)
def test_a_search_that_fails_fails_the_job_with_the_reason_last(jobs: dict[tuple[str, str], Job], way: str) -> None:
    job = jobs[way, "fails"]
    assert job.code == 1
    assert job.told.strip().splitlines()[-1].endswith(f"ScoreError: {REASON}")
    (stored,) = stored_runs(job.folder / ".score_nb")
    assert stored_record(stored.folder).state == "failed"


def _tree(job: Job) -> list[tuple[Any, ...]]:
    """Return what the search stored: parents, operator, program and value of each node."""
    (stored,) = stored_runs(job.folder / ".score_nb")
    nodes = stored_record(stored.folder).nodes
    return [(node.parents, node.operator, node.source, node.status, node.value) for node in nodes]
