"""Cells of the example notebooks as plain Python, without their magics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parents[2] / "example_notebooks"
SEARCHES = ("search", "wait", "diff", "accept")


def run_cells(name: str, ids: Sequence[str], **parameters: Any) -> dict[str, Any]:
    """Return the namespace after the named cells of a notebook, `parameters` in the place of its own."""
    (path,) = FOLDER.glob(f"{name}*.ipynb")
    cells = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    scope: dict[str, Any] = {"__name__": "notebook"}
    for cell_id in ("parameters", "load", *ids):
        lines = [line for line in cells[cell_id].splitlines() if not line.startswith("%")]
        exec(compile("\n".join(lines), f"{name}:{cell_id}", "exec"), scope)
        if cell_id == "parameters":
            scope.update(parameters)
    return scope
