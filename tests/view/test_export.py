import json
from pathlib import Path

import nbformat
import pytest

from score_nb.errors import BadOption, ScoreError
from score_nb.record import Record
from score_nb.view.export import export
from tests.view.records import simulate


def test_a_script_is_the_best_cell_and_says_where_it_comes_from(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "best.py")
    text = (tmp_path / "best.py").read_text()
    compile(text, "best.py", "exec")
    assert record.best is not None
    assert text.rstrip().endswith(record.best.source.rstrip())
    assert f"candidate {record.best.index} of 24" in text
    assert "Reads from the notebook: X_train, y_train" in text


def test_json_holds_every_node_in_full(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "run.json")
    content = json.loads((tmp_path / "run.json").read_text())
    assert [node["source"] for node in content["nodes"]] == [node.source for node in record.nodes]
    assert content["task"]["metric"] == "balanced"
    assert content["gain"] == pytest.approx(record.gain)


def test_a_notebook_is_valid_and_holds_best_and_pictures(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "run.ipynb")
    notebook = nbformat.read(tmp_path / "run.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert record.best is not None
    assert cell.source == record.best.source
    assert cell.metadata["score_nb"]["node"] == record.best.index
    assert "image/png" in cell.outputs[0]["data"]


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    export(simulate(24), tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "http" not in page


def test_an_unknown_ending_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"Did you mean \.ipynb\?"):
        export(simulate(2), tmp_path / "run.ipyn")


def test_a_run_without_a_value_has_no_script_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="no candidate with a value"):
        export(Record(), tmp_path / "best.py")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="cannot write"):
        export(simulate(2), tmp_path / "no" / "best.py")
