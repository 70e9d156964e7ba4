"""The runs of a notebook as a table."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from score_nb.errors import StoreBroken
from score_nb.record import Record
from score_nb.run.run import Run, stored_record
from score_nb.store.runs import stored_runs

MOST_RUNS = 50
HEADS = ("name", "state", "nodes", "best", "gain", "cost", "begun")


@dataclass(frozen=True, slots=True)
class RunList:
    """Rows of text; shows as a table in a notebook and in a terminal."""

    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        if not self.rows:
            return "no runs yet: write %%score METRIC over a cell and run it"
        table = (HEADS, *self.rows)
        widths = [max(len(row[i]) for row in table) for i in range(len(HEADS))]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{html.escape(repr(self))}</p>"
        head = "".join(f"<th>{name}</th>" for name in HEADS)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(t)}</td>" for t in row) + "</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def listed(root: Path, live: Iterable[Run]) -> RunList:
    """Return the runs stored under `root` and those of this kernel, the newest first."""
    records = {run.id: run.snapshot() for run in live}
    for stored in stored_runs(root)[-MOST_RUNS:]:
        if stored.header.run_id not in records:
            try:
                records[stored.header.run_id] = stored_record(stored.folder)
            except StoreBroken:
                records[stored.header.run_id] = _unreadable(stored.header.name, stored.header.created)
    newest_first = sorted(records.values(), key=lambda record: record.created, reverse=True)
    return RunList(tuple(map(_row, newest_first)))


def _row(record: Record) -> tuple[str, ...]:
    from score_nb.view.words import budget, gain_words, number

    return (
        record.name,
        record.state,
        budget(record),
        number(record.best.value) if record.best else "",
        gain_words(record, record.gain) if record.best and record.best.index else "",
        f"{record.cost:.2f} USD" if record.cost else "",
        record.created[:16].replace("T", " "),
    )


def _unreadable(name: str, created: str) -> Record:
    record = Record()
    record.name, record.created, record.state = name, created, "failed"
    return record
