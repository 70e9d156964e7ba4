"""Small notebooks, and stores as a search leaves them."""

from dataclasses import asdict
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from score_nb import events as ev
from score_nb.store.journal import Journal
from score_nb.types import Node, Pick, Task

LOAD = "%load_ext score_nb"
METRIC = "def near(x):\n    return -abs(x - 7.5)"
SEED = "%%score near --nodes 6 --workers 1 --seed 1\nx = 3.0"
SHOW = "print('x is', x)"


def write(path: Path, *sources: str, parameters: bool = False) -> Path:
    """Write a notebook of code cells; with `parameters`, the first cell takes them."""
    cells = [new_code_cell(source) for source in sources]
    if parameters:
        cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def store_run(root: Path, name: str = "near", values: tuple[float | None, ...] = (-4.5, None, -0.5)) -> Path:
    """Store a finished run with these values and return its folder."""
    folder = root / f"{name}-0123abcd-1"
    journal = Journal(folder)
    task = Task(seed="x = 3.0", metric=name, metric_source=METRIC, parameters=("x",), outputs=("x",))
    options = {"nodes": len(values), "direction": "maximize", "model": "offline"}
    pick = Pick(0.5, 1, 0.1)
    journal.append(ev.RunStarted(0.0, "f00d", name, "2026-11-22T18:30:00+00:00", asdict(task), options, {}))
    for index, value in enumerate(values):
        if index:
            reply = f"x = {index}"
            journal.append(ev.ExpansionStarted(float(index), index, (0,), "tune", pick))
            journal.append(ev.ProposalReceived(float(index), index, reply, "offline", "", "ask", reply, 0, 0, 0.0, 0.1))
        journal.append(ev.NodeAdded(float(index), _node(index, value)))
    journal.append(ev.StateChanged(float(len(values)), "finished", f"{len(values)} nodes evaluated"))
    journal.close()
    return folder


def _node(index: int, value: float | None) -> Node:
    return Node(
        index=index,
        parents=(0,) if index else (),
        source=f"x = {index}" if index else "x = 3.0",
        status="ok" if value is not None else "error",
        value=value,
        score=value if value is not None else float("-inf"),
        operator="tune" if index else "seed",
        model="offline" if index else "",
        ticket=index,
    )
