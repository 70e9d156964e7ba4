"""What the searches of an executed notebook found, read from its outputs and from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from score_nb.errors import RunNotFound, StoreBroken
from score_nb.notebook.watching import SCRAP
from score_nb.record import Record
from score_nb.run.run import stored_record
from score_nb.store.runs import find_run
from score_nb.view.data import MIME, run_summary
from score_nb.view.text import progress_line
from score_nb.view.words import gain_words, number

MAGIC = "%%score"
TAG = "score_nb"


@dataclass(frozen=True, slots=True)
class Result:
    """The search of one cell: which cell, and the run as it was stored."""

    cell: Any
    record: Record

    @property
    def has_gain(self) -> bool:
        """Whether a candidate beat the seed; one with a value beats a stub."""
        record = self.record
        return (record.gain or 0.0) > 0.0 or (record.best is not None and self.is_of_stub)

    @property
    def is_of_stub(self) -> bool:
        """Whether the seed had no value, so that only the best candidate is of use to the cells below."""
        return self.record.seed is not None and not self.record.seed.is_scored

    @property
    def words(self) -> str:
        """How the search ended, hold-out included, in one line."""
        record = self.record
        line = progress_line(record)
        if record.best is not None and record.best.holdout is not None:
            gain = gain_words(record, record.holdout_gain) if record.best.index else ""
            line += f"  hold-out {number(record.best.holdout)}" + (f" ({gain})" if gain else "")
        return line


def is_search(cell: Any) -> bool:
    """Whether a cell of a notebook begins with `%%score`."""
    words = cell.source.split(maxsplit=1)
    return bool(cell.cell_type == "code" and words and words[0] == MAGIC)


def results_in(notebook: Any, root: Path) -> list[Result]:
    """Return the results of the `%%score` cells in the order of the notebook.

    Which run a cell belongs to is what its output says: names repeat, and a store holds the runs of other notebooks
    too.  A cell without such an output (`--no-wait`) has no result.
    """
    found = []
    for cell in filter(is_search, notebook.cells):
        data = run_data_of(cell)
        record = _stored(root, data["run"]) if data else None
        if record is not None:
            found.append(Result(cell, record))
    return found


def summarize_in(notebook: Any, results: Iterable[Result]) -> None:
    """Put what the searches found into the notebook's metadata, and tag their cells, for scripts to find."""
    summaries = []
    for result in results:
        tags = result.cell.metadata.setdefault("tags", [])
        if TAG not in tags:
            tags.append(TAG)
        summaries.append({**run_summary(result.record), "cell_id": result.cell.get("id")})
    if summaries:
        notebook.metadata["score_nb"] = {"runs": summaries}


def run_data_of(cell: Any) -> Mapping[str, Any] | None:
    """Return the run that the cell's output describes, the last one where there are several."""
    for output in reversed(cell.get("outputs", [])):
        data = output.get("data", {}).get(MIME)
        if data:
            return dict(data)
    return None


def data_of(cell: Any, name: str) -> Mapping[str, Any] | None:
    """Return the data that the cell's output holds by that name, the last where there are several."""
    for output in reversed(cell.get("outputs", [])):
        scrap = output.get("data", {}).get(SCRAP)
        if scrap and scrap.get("name") == name:
            return dict(scrap["data"])
    return None


def _stored(root: Path, run_id: str) -> Record | None:
    try:
        return stored_record(find_run(root, run_id).folder)
    except (RunNotFound, StoreBroken):
        return None
