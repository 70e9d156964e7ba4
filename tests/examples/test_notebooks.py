"""The example notebooks: valid, stored without output, free of machine paths, and true to what they promise."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from score_nb.propose.replay import Recording, ReplayProposer
from score_nb.types import digest

FOLDER = Path(__file__).parents[2] / "example_notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MACHINE = re.compile(r"(/(home|root|Users|tmp)/|[A-Z]:\\\\|https?://(localhost|127\.))")


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def source(notebook: Any, cell_id: str) -> str:
    return next(cell.source for cell in notebook.cells if cell.id == cell_id)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Any:
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def test_there_are_examples() -> None:
    assert [path.name for path in NOTEBOOKS][:1] == ["01_first_search.ipynb"]


def test_a_notebook_is_valid_nbformat_4_5_for_the_plain_python_kernel(notebook: Any) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


def test_cell_ids_are_unique(notebook: Any) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


def test_a_notebook_is_stored_without_output(notebook: Any) -> None:
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert "widgets" not in notebook.metadata


def test_one_cell_takes_parameters_and_each_line_says_what_it_is(notebook: Any) -> None:
    (cell,) = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert all("  # " in line for line in cell.source.splitlines())


def test_a_notebook_names_no_machine(notebook: Any) -> None:
    assert not MACHINE.search(json.dumps(notebook))


def test_a_search_cell_starts_with_the_magic(notebook: Any) -> None:
    assert [cell for cell in code_cells(notebook) if cell.source.startswith("%%score ")]
    assert all(cell.source.startswith("%%score") for cell in code_cells(notebook) if "%%score" in cell.source)


def test_the_cells_of_the_first_example_ship_with_scanpy() -> None:
    spec = importlib.util.find_spec("scanpy")
    if spec is None or spec.origin is None:
        pytest.skip("scanpy is not installed: pip install 'score-nb[examples]'")
    assert Path(spec.origin).with_name("datasets").joinpath("10x_pbmc68k_reduced.h5ad").stat().st_size > 1_000_000


@pytest.fixture(params=sorted(FOLDER.glob("recordings/*.jsonl")), ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_a_recording_that_a_notebook_replays_is_there_and_told_of(notebook: Any) -> None:
    named = re.findall(r"recordings/\w+\.jsonl", source(notebook, "parameters"))
    assert named
    assert all((FOLDER / name).is_file() for name in named)
    assert all(name in source(notebook, "title") for name in named)


def test_a_recording_is_of_its_notebooks_seed_and_tells_what_was_asked(recording: Path) -> None:
    read = Recording.read(recording)
    notebook = nbformat.read(FOLDER / f"{recording.stem}.ipynb", as_version=nbformat.NO_CONVERT)
    seed = source(notebook, "search").split("\n", 1)[1]
    assert digest(read.seed) == digest(seed)
    proposer = ReplayProposer(recording)
    assert [entry.ticket for entry in read.entries] == list(range(1, proposer.length + 1))
    assert all(proposer.scripted(entry.ticket) is not None for entry in read.entries)
    assert all(entry.prompt and entry.reply for entry in read.entries)


def test_a_recording_is_small_and_names_no_machine(recording: Path) -> None:
    assert recording.stat().st_size < 200_000
    assert not MACHINE.search(recording.read_text())
