"""`%score ablate`: the edits of a node, taken back one by one, with the metric and data of the notebook."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

import score_nb
from score_nb import events as ev
from score_nb.notebook.registry import REGISTRY
from score_nb.run.run import Run
from score_nb.run.start import open_stored
from score_nb.store.journal import Journal
from score_nb.types import Node
from tests.notebook.conftest import Cell

pytestmark = pytest.mark.slow  # runs real candidates

SEED = "a = 0\nx = 1\ny = 1\nz = 1\nb = 0"


def grow(run: Run, source: str, parent: int, value: float) -> None:
    """Add a node as its run would, which has ended."""
    assert run.path is not None
    record = open_stored(run.path).record
    node = Node(
        len(record.nodes), (parent,), source, "ok", value, value, "improve", "by hand", ticket=len(record.nodes)
    )
    assert run.path is not None
    with closing(Journal(run.path)) as journal:
        journal.append(ev.NodeAdded(record.elapsed, node))


def test_each_edit_is_taken_back_alone(cell: Cell, shell: Any) -> None:
    cell("def total(x, y, z, b):\n    return x + y + z")
    cell(f"%%score total --nodes 1 --model offline --wait\n{SEED}")
    run = REGISTRY.started[0].run
    first = SEED.replace("x = 1", "x = 6")
    second = first.replace("b = 0", "b = 9")
    grow(run, first, 0, 8.0)
    grow(run, second, 1, 8.0)
    REGISTRY.started.clear()
    cell("table = get_ipython().run_line_magic('score', 'ablate total 2')")
    table = shell.user_ns["table"]
    assert table["without"].tolist() == ["nothing: the whole node", "0 → 1", "1 → 2"]
    assert table["value"].tolist() == [8.0, 3.0, 8.0]
    assert table["effect"].tolist()[1:] == [5.0, 0.0]
    assert "choose one" not in cell("%score ablate total 0")


def test_changed_data_is_told(cell: Cell) -> None:
    cell("base = 1\ndef total(x):\n    return x + base")
    cell("%%score total --nodes 1 --model offline --wait\nx = 1")
    cell("base = 2")
    assert "the data or the metric changed since run total" in cell("%score ablate total 0", ok=False)


def test_from_python_the_callers_names_are_the_default(cell: Cell) -> None:
    cell("import score_nb\ndef total(x):\n    return x")
    cell("%%score total --nodes 1 --model offline --wait --name totals\nx = 1")
    cell("table = score_nb.ablate(totals, 0, repeats=2)\nassert table['value'].tolist() == [1.0]")
    assert callable(score_nb.ablate)
