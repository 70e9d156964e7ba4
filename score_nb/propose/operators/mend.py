"""Repairs of a failed candidate: what its error names, or one of its changes undone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random

from score_nb.propose.base import Shown
from score_nb.propose.operators.catalogue import ESTIMATORS, HELPERS, imports_for
from score_nb.propose.operators.edits import NUMPY, Cell, Change, Import
from score_nb.propose.operators.graft import differing_lines, hunks_taken
from score_nb.propose.operators.settings import number_of
from score_nb.propose.operators.sites import Move, Site, called_name, is_in_pipeline, sites

_USUAL: Mapping[str, Import] = {
    "np": NUMPY,
    "numpy": Import("numpy", "import numpy"),
    "pd": Import("pd", "import pandas as pd"),
    "sc": Import("sc", "import scanpy as sc"),
    "plt": Import("plt", "import matplotlib.pyplot as plt"),
    "stats": Import("stats", "from scipy import stats"),
    "sparse": Import("sparse", "from scipy import sparse"),
    "math": Import("math", "import math"),
}
_COSTLY = frozenset({"n_estimators", "max_iter", "n_components", "n_quantiles", "n_neighbors", "max_leaf_nodes", "k"})
_TOO_MANY = re.compile(r"(n_components|n_neighbors|n_quantiles|k|n_samples_fit)\b.{0,80}(must be|should be|<=|between)")


def mend_moves(cell: Cell, failed: Shown, seed: str) -> list[Move]:
    """Return moves that may repair the failed candidate, the likeliest first."""
    said = f"{failed.detail}\n{failed.log}"
    return [*_named_repairs(cell, failed, said), *_undone(cell, seed)]


def _named_repairs(cell: Cell, failed: Shown, said: str) -> Iterator[Move]:
    for name in re.findall(r"name '(\w+)' is not defined", said):
        wanted = _import_of(name)
        if wanted is not None:
            yield _fixed(Change((), f"import of {name} added", (wanted,)))
    if failed.status in ("timeout", "memory") or _TOO_MANY.search(said):
        yield from _smaller(cell)
    if "NaN" in said or "infinity" in said:
        yield from _before_models(cell, "SimpleImputer", "SimpleImputer()", ("SimpleImputer",))
    if re.search(r"[Nn]egative values|must be non-?negative", said):
        yield from _before_models(cell, "MinMaxScaler", "MinMaxScaler()", ("MinMaxScaler",))
    if "has no attribute 'predict_proba'" in said or "predict_proba is not available" in said:
        yield from _calibrated(cell)
    if "should be a 1d array" in said:
        yield from _one_for_each_column(cell)


def _import_of(name: str) -> Import | None:
    if name in ESTIMATORS:
        return ESTIMATORS[name].import_
    return HELPERS.get(name) or _USUAL.get(name)


def _fixed(change: Change) -> Move:
    return Move("mend", lambda _: change)


def _smaller(cell: Cell) -> Iterator[Move]:
    for call in cell.calls:
        for keyword in call.keywords:
            number = number_of(keyword.value)
            if keyword.arg in _COSTLY and number is not None and number >= 4:
                less = str(int(number / 2)) if number == int(number) else str(number / 2)
                detail = f"{keyword.arg} {cell.text(keyword.value)} -> {less}"
                yield _fixed(Change((cell.replace(keyword.value, less),), detail))


def _before_models(cell: Cell, name: str, text: str, needed: tuple[str, ...]) -> Iterator[Move]:
    for site in sites(cell):
        if site.is_model and name not in cell.text(site.outer):
            yield _fixed(_step_before(cell, site, text, needed))


def _step_before(cell: Cell, site: Site, text: str, needed: tuple[str, ...]) -> Change:
    if is_in_pipeline(cell, site.call) and not isinstance(cell.parents[site.call], ast.Tuple):
        return Change((cell.insert_item(site.call, text),), f"{text} before {site.name}", imports_for(*needed))
    edit = cell.replace(site.call, f"make_pipeline({text}, {cell.text(site.call)})")
    return Change((edit,), f"{text} before {site.name}", imports_for(*needed, "make_pipeline"))


def _calibrated(cell: Cell) -> Iterator[Move]:
    for site in sites(cell):
        if site.kind == "classifier" and site.entry is not None and site.entry.is_calibrated_outside:
            edit = cell.replace(site.call, f"CalibratedClassifierCV({cell.text(site.call)}, ensemble=False)")
            yield _fixed(Change((edit,), f"{site.name} calibrated", imports_for("CalibratedClassifierCV")))


def _one_for_each_column(cell: Cell) -> Iterator[Move]:
    """Yield moves that fit a regressor for each column of the targets."""
    if "MultiOutputRegressor" in cell.names:
        return
    for outer in dict.fromkeys(site.outer for site in sites(cell) if site.kind == "regressor"):
        edit = cell.replace(outer, f"MultiOutputRegressor({cell.text(outer)})")
        detail = f"a {called_name(outer)} for each column of the targets"
        yield _fixed(Change((edit,), detail, imports_for("MultiOutputRegressor")))


def _undone(cell: Cell, seed: str) -> Iterator[Move]:
    """Yield moves that put lines of the seed back: some of the changes since, then each one alone."""
    try:
        first = Cell(seed)
    except (SyntaxError, ValueError):
        return
    hunks = differing_lines(cell.source, seed)
    if len(hunks) > 1:
        yield Move("undo", partial(_some_undone, cell, first))
    for hunk in hunks:
        yield _fixed(hunks_taken(cell, first, [hunk], "as in the seed again"))


def _some_undone(cell: Cell, seed: Cell, rng: Random) -> Change:
    hunks = differing_lines(cell.source, seed.source)
    return hunks_taken(cell, seed, rng.sample(hunks, rng.randint(1, len(hunks) - 1)), "as in the seed again")
