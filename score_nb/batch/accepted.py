"""The accepted notebook: the best candidate in the seed's cell, with where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from score_nb.batch.results import Result
from score_nb.view.export import provenance


def accept_in(notebook: Any, results: Iterable[Result]) -> None:
    """Put the best candidate of each search into its cell of `notebook`; a seed that nothing beat stays.

    The `%%score` line is kept, so that the notebook can be searched again from where it is.
    """
    for result in results:
        best = result.record.best
        if best is not None and result.has_gain:
            result.cell.source = with_body(result.cell.source, best.source)
            result.cell.metadata["score_nb"] = provenance(result.record, best)


def with_body(cell: str, body: str) -> str:
    """Return the cell with its magic's line kept and all below it replaced."""
    line = cell.lstrip("\n").partition("\n")[0]
    return f"{line}\n{body.strip(chr(10))}"
