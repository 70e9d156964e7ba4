import csv
import json
import random
import re
import zlib
from base64 import b64decode
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest

from score_nb.errors import BadOption, ScoreError
from score_nb.record import Record
from score_nb.view.export import export
from score_nb.view.methods import lineage
from tests.view.records import simulate


def page_data(page: str) -> Any:
    found = re.search(r'id="data">([^<]*)<', page)
    assert found is not None
    return json.loads(zlib.decompress(b64decode(found[1])))


def test_a_script_is_the_best_cell_and_says_where_it_comes_from(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "best.py")
    text = (tmp_path / "best.py").read_text()
    compile(text, "best.py", "exec")
    assert record.best is not None
    assert text.rstrip().endswith(record.best.source.rstrip())
    assert f"candidate {record.best.index} of 24" in text
    assert "Reads from the notebook: X_train, y_train" in text


def test_a_script_tells_method_values_and_every_change_from_the_seed(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "best.py")
    said = [line[2:] for line in (tmp_path / "best.py").read_text().splitlines() if line.startswith("# ")]
    text = " ".join(line.strip() for line in said)
    assert record.best is not None
    path = [node.index for node in record.lineage(record.best.index)]
    assert len(path) > 2
    assert "flat PUCT over all candidates" in text
    assert f"wrote 23 candidates, of which {sum(not node.is_scored for node in record.nodes)} failed" in text
    assert "on the hold-out, which the search never saw" in text
    assert [int(line[2:].split(":")[0]) for line in said if re.match(r"\| \d", line)] == path
    headers = [line for line in said if line.startswith(("--- ", "+++ "))]
    wanted = [
        line for parent, child in pairwise(path)
        for line in (f"--- candidate {parent}", f"+++ candidate {child}")
    ]  # fmt: skip
    assert headers == wanted


def test_the_changes_in_a_script_lead_from_the_seed_to_the_best() -> None:
    record = simulate(24)
    assert record.best is not None
    seed, *steps = lineage(record, record.best)
    assert (seed.node.index, seed.diff) == (0, "")
    for step in steps:
        parent = record.nodes[step.node.parents[0]]
        body = [line for line in step.diff.splitlines() if not line.startswith(("---", "+++", "@@"))]
        assert all(line[1:] in step.node.source for line in body if line.startswith("+"))
        assert all(line[1:] in parent.source for line in body if line.startswith("-"))


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
    assert cell.metadata["score_nb"]["parents"] == list(record.best.parents)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "## How it was found" in prose
    assert prose.count("````diff") == len(record.lineage(record.best.index)) - 1
    assert "image/png" in cell.outputs[0]["data"]


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    record = simulate(200)
    export(record, tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in page
    assert len(page) <= 1_500_000
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?!data:)[a-z]+:", page)
    assert page.count("<script") == page.count("</script>")


def test_a_page_without_the_built_widget_is_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("score_nb.view.page.WIDGET", tmp_path / "none.js")
    export(simulate(24), tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert "<img src=" in page
    assert '<script type="module">' not in page


def test_a_page_of_long_prompts_stays_small_and_keeps_the_way_to_the_best(tmp_path: Path) -> None:
    record = simulate(60)
    noise = random.Random(1)
    for index, node in enumerate(record.nodes):
        prompt = "".join(noise.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=60_000))
        record.nodes[index] = replace(node, prompt=prompt, log="line\n" * 2_000)
    export(record, tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert len(page) <= 1_500_000
    details = page_data(page)["details"]
    assert record.best is not None
    assert details["source"] == [node.source for node in record.nodes]
    assert details["prompt"][record.best.index] == record.best.prompt
    assert sum(prompt.startswith("[left out") for prompt in details["prompt"]) > 30


def test_a_table_has_a_line_for_each_node(tmp_path: Path) -> None:
    record = simulate(24)
    export(record, tmp_path / "run.csv")
    with open(tmp_path / "run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == [node.source for node in record.nodes]
    assert [json.loads(row["parents"]) for row in rows] == [list(node.parents) for node in record.nodes]
    assert [row["status"] for row in rows] == [node.status for node in record.nodes]
    assert "prompt" not in rows[0]


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
