"""The accepted notebook: the best candidate in the seed's cell, with where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from score_nb.batch.results import Result, data_of
from score_nb.view.export import provenance


def accept_in(notebook: Any, results: Iterable[Result]) -> None:
    """Put the best candidate of each search into its cell of `notebook`; a seed that nothing beat stays.

    The `%%score` line is kept, so that the notebook can be searched again from where it is.
    """
    for result in results:
        best = result.record.best
        if best is not None and result.has_gain:
            result.cell.source = with_body(result.cell.source, best.source)
            measured = data_of(result.cell, f"{result.record.name}.accepted")
            result.cell.metadata["score_nb"] = {**provenance(result.record, best), **_measured(measured)}


def _measured(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the metric gave in the accepted notebook, nothing where it was not measured."""
    return {"measured": found.get("measured")} if found else {}


def with_body(cell: str, body: str) -> str:
    """Return the cell with its magic's line kept and all below it replaced."""
    line = cell.lstrip("\n").partition("\n")[0]
    return f"{line}\n{body.strip(chr(10))}"
