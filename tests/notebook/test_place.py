"""Where the notebook lies, what it says above a cell, and which files its code names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from score_nb.notebook.place import markdown_above, named_files, notebook_path


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "work.ipynb"
    cells = [
        {"cell_type": "markdown", "id": "m1", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "id": "c1", "source": "x = 1"},
        {"cell_type": "markdown", "id": "m2", "source": "Find a better model."},
        {"cell_type": "markdown", "id": "m3", "source": "  "},
        {"cell_type": "code", "id": "c2", "source": ["%%score m\n", "y = 2"]},
    ]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


def test_the_nearest_markdown_above_is_found_by_id_or_text(notebook: Path) -> None:
    assert markdown_above(notebook, "c2", "edited meanwhile") == "Find a better model."
    assert markdown_above(notebook, None, "%%score m\ny = 2") == "Find a better model."
    assert markdown_above(notebook, "c1", "") == "# Title\ntext"


def test_no_markdown_is_no_error(notebook: Path, tmp_path: Path) -> None:
    assert markdown_above(notebook, "new", "not saved yet") == ""
    assert markdown_above(None, "c2", "") == ""
    assert markdown_above(tmp_path / "missing.ipynb", "c2", "") == ""
    for text in ("{", "[]", '{"cells": [{"cell_type": "code"}]}'):
        notebook.write_text(text, encoding="utf-8")
        assert markdown_above(notebook, None, "x") == ""


def test_the_notebook_is_told_by_the_front_end(notebook: Path, tmp_path: Path) -> None:
    path = str(notebook)
    assert notebook_path({}, {"JPY_SESSION_NAME": path}) == notebook
    assert notebook_path({"__vsc_ipynb_file__": path}, {}) == notebook
    assert notebook_path({"PAPERMILL_INPUT_PATH": path}, {}) == notebook
    assert notebook_path({}, {"SCORE_NB_NOTEBOOK": path, "JPY_SESSION_NAME": "other"}) == notebook
    assert notebook_path({}, {"JPY_SESSION_NAME": str(tmp_path / "gone.ipynb")}) is None
    assert notebook_path({"__vsc_ipynb_file__": 3}, {"JPY_SESSION_NAME": "console-1"}) is None


def test_files_named_by_the_code_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", "data/c.csv", "d.csv"):
        (tmp_path / name).touch()

    def load() -> object:
        return [open(name) for name in ["b.csv"]]

    seed = "x = read('a.csv', sep='.')\ny = glob('data')\nz = 'missing.csv'\nw = '/'\nv = ''"
    found = named_files(seed, [load], [Path("d.csv"), 3, "\0", "x" * 5000], tmp_path)
    assert found == [str(tmp_path / name) for name in ("a.csv", "b.csv", "d.csv", "data")]
