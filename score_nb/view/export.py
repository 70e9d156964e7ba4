"""A run as one file that needs neither kernel nor server: a page, a notebook, data, or the best cell as a script."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from score_nb.errors import BadOption, ScoreError, did_you_mean
from score_nb.events import node_to_json
from score_nb.record import Record
from score_nb.types import Node
from score_nb.view.data import run_summary
from score_nb.view.methods import lineage, methods, score_table
from score_nb.view.page import to_page
from score_nb.view.report import bundle
from score_nb.view.tables import to_csv
from score_nb.view.words import facts, gain_words, number


def export(record: Record, path: Path) -> None:
    """Write the run to `path`, as its ending says: .html, .ipynb, .json, .csv or .py.

    Raises
    ------
    BadOption
        No such format; the message names those there are.
    ScoreError
        There is nothing to write yet, or the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        known = ", ".join(_WRITERS)
        raise BadOption(f"{path.name} ends in no known format: use {known}.{did_you_mean(path.suffix, _WRITERS)}")
    text = writer(record)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ScoreError(f"cannot write {path} ({error.strerror}): choose another place") from error


def to_script(record: Record) -> str:
    """Return the best cell as a Python file that says where it comes from and how it was found."""
    best = _best(record)
    lines = [
        f"Found by score-nb, run {record.name} ({record.run_id}), candidate {best.index} of {len(record.nodes)}.",
        f"{record.task.metric}: {number(best.value)}" + _gained(record),
        f"Written by: {best.model or 'the user (the seed)'}",
        *([f"Reads from the notebook: {', '.join(record.task.inputs)}"] if record.task.inputs else []),
        *(f"{name} {version}" for name, version in record.versions.items()),
        "", methods(record, best), "", *score_table(record, best).splitlines(), "", "From the seed, change by change:",
    ]  # fmt: skip
    for step in lineage(record, best):
        lines += ["", step.title, *step.diff.splitlines()]
    return "\n".join(line for text in lines for line in _commented(text)) + f"\n\n{best.source.rstrip()}\n"


def _commented(text: str) -> list[str]:
    """Return a line as comments: prose is wrapped, tables and diffs stay as they are."""
    if not text or text[0] in "|+-@ ":
        return [f"# {text}".rstrip()]
    return textwrap.wrap(text, 110, initial_indent="# ", subsequent_indent="#   ")


def to_json_text(record: Record) -> str:
    """Return everything that is known of the run as JSON: summary, task, options, every node in full."""
    content = {
        **run_summary(record),
        "task": {name: getattr(record.task, name) for name in record.task.__slots__},
        "options": record.options,
        "versions": record.versions,
        "warnings": record.warnings,
        "nodes": [node_to_json(node) for node in record.nodes],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, default=list) + "\n"


def to_notebook(record: Record) -> str:
    """Return a notebook that holds the best cell with the run's pictures below it, the metric and the seed."""
    best = _best(record)
    table = "\n".join(f"| {what} | {how.replace('|', '/')} |" for what, how in facts(record))
    cells = [
        _markdown("title", f"# {record.name}: the best cell found\n\n| | |\n|---|---|\n{table}"),
        {
            "cell_type": "code",
            "id": "best",
            "metadata": {"score_nb": provenance(record, best)},
            "execution_count": None,
            "source": best.source,
            "outputs": [{"output_type": "display_data", "metadata": {}, "data": bundle(record)}],
        },
        _markdown("methods", f"## How it was found\n\n{methods(record, best)}\n\n{score_table(record, best)}"),
        _markdown("metric", f"## The metric\n\n```python\n{record.task.metric_source}\n```"),
        _markdown("seed", f"## The seed it grew from\n\n```python\n{record.task.seed}\n```"),
        _markdown("lineage", "\n\n".join(["## From the seed, change by change", *_changes(record, best)])),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    content = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _changes(record: Record, best: Node) -> list[str]:
    return [f"**{step.title}**\n\n````diff\n{step.diff}\n````" for step in lineage(record, best) if step.node.index]


def provenance(record: Record, node: Node) -> dict[str, Any]:
    """Return where a cell comes from, as it is kept in the cell's metadata."""
    return {
        "run": record.run_id,
        "name": record.name,
        "node": node.index,
        "metric": record.task.metric,
        "parents": list(node.parents),
        "operator": node.operator,
        "idea": node.idea,
        "value": node.value,
        "holdout": node.holdout,
        "seed_value": record.seed.value if record.seed else None,
        "model": node.model,
        "tokens": node.tokens,
        "cost": node.cost,
        "seconds": node.seconds,
        "versions": dict(record.versions),
    }


_WRITERS: Mapping[str, Callable[[Record], str]] = MappingProxyType(
    {".html": to_page, ".ipynb": to_notebook, ".json": to_json_text, ".csv": to_csv, ".py": to_script}
)


def _best(record: Record) -> Node:
    if record.best is None:
        raise ScoreError(f"run {record.name} has no candidate with a value: there is no cell to write")
    return record.best


def _gained(record: Record) -> str:
    words = gain_words(record, record.gain)
    return f" ({words})" if words else ""


def _markdown(cell_id: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": text}
