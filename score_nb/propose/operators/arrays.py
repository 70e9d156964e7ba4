"""Moves for numpy, scipy and scanpy code: equivalents exchanged, columns standardised, usual steps added."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import partial
from random import Random

from score_nb.propose.operators.edits import NUMPY, Cell, Change, Import
from score_nb.propose.operators.sites import Move, called_name

_TWINS: Mapping[str, tuple[str, ...]] = {
    "mean": ("median",), "median": ("mean",), "nanmean": ("nanmedian",), "nanmedian": ("nanmean",),
    "log1p": ("sqrt", "arcsinh"), "sqrt": ("log1p", "cbrt"), "arcsinh": ("log1p",), "log": ("log1p",),
    "log2": ("log1p",), "log10": ("log1p",),
}  # fmt: skip
_SCANPY: Mapping[str, tuple[str, ...]] = {
    "log1p": ("sqrt",), "sqrt": ("log1p",), "leiden": ("louvain",), "normalize_total": ("normalize_per_cell",),
}  # fmt: skip
_SETTINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "normalize_total": {"target_sum": ("1e3", "1e4", "1e5", "1e6"), "exclude_highly_expressed": ("True",)},
    "highly_variable_genes": {
        "n_top_genes": ("100", "200", "500", "1000", "2000"),
        "flavor": ('"cell_ranger"', '"seurat"'),
    },
    "scale": {"max_value": ("5", "10", "20")},
    "pca": {"n_comps": ("10", "20", "30", "50")},
    "neighbors": {"n_neighbors": ("5", "10", "15", "30", "50"), "metric": ('"cosine"', '"euclidean"')},
    "leiden": {"resolution": ("0.3", "0.6", "1.0", "1.5")},
}
_NORMALISERS = re.compile(r"log1p|sqrt|arcsinh|normalize|/")
_POISSON = Import("nbinom", "from scipy.stats import nbinom")


def array_moves(cell: Cell) -> list[Move]:
    """Return moves on calls that have equivalents and on statements that make arrays."""
    moves: list[Move] = []
    for call in cell.calls:
        name, owner = called_name(call), _owner(call)
        if owner in ("np", "numpy") and name in _TWINS:
            moves.append(Move("array", partial(_twin, cell, call, _TWINS[name])))
        elif owner in ("pp", "tl"):
            moves.extend(_scanpy_moves(cell, call, name))
        elif isinstance(call.func, ast.Attribute) and name == "mean" and _is_array_mean(call):
            moves.append(Move("array", partial(_median_of, cell, call)))
        elif owner == "poisson" and name in ("ppf", "cdf", "sf", "pmf") and len(call.args) == 2:
            moves.append(Move("array", partial(_overdispersed, cell, call)))
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Assign) and _makes_matrix(cell, node):
            moves.append(Move("array", partial(_standardised, cell, node)))
        if isinstance(node, ast.Assign) and _makes_partial_sums(node):
            moves.append(Move("array", partial(_accelerated, cell, node)))
        if isinstance(node, ast.Subscript) and _last_axis(node) is not None:
            moves.append(Move("array", partial(_mean_of_last, cell, node)))
    return moves


def _owner(call: ast.Call) -> str:
    """Return the name just before the called one: "np" in `np.mean`, "pp" in `sc.pp.log1p`."""
    if not isinstance(call.func, ast.Attribute):
        return ""
    before = call.func.value
    return before.id if isinstance(before, ast.Name) else before.attr if isinstance(before, ast.Attribute) else ""


def _twin(cell: Cell, call: ast.Call, twins: tuple[str, ...], rng: Random) -> Change | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    other = rng.choice(twins)
    owner = cell.text(call.func.value)
    text = cell.text(call)
    edit = cell.replace(call.func, f"{owner}.{other}")
    return Change((edit,), f"{cell.text(call.func)} -> {owner}.{other} in `{' '.join(text.split())[:60]}`")


def _is_array_mean(call: ast.Call) -> bool:
    # Only the plain forms x.mean(), x.mean(0), x.mean(axis=0): others belong to frames or take what median has not.
    plain = all(isinstance(node, (ast.Constant, ast.UnaryOp)) for node in call.args)
    return plain and len(call.args) <= 1 and all(keyword.arg in ("axis", "keepdims") for keyword in call.keywords)


def _median_of(cell: Cell, call: ast.Call, _rng: Random) -> Change | None:
    if not isinstance(call.func, ast.Attribute):
        return None
    of = cell.text(call.func.value)
    rest = [*(cell.text(node) for node in call.args), *(cell.text(keyword) for keyword in call.keywords)]
    text = f"np.median({', '.join([of, *rest])})"
    return Change((cell.replace(call, text),), f"{' '.join(cell.text(call).split())[:60]} -> {text[:60]}", (NUMPY,))


def _overdispersed(cell: Cell, call: ast.Call, rng: Random) -> Change | None:
    """Poisson to negative binomial of the same mean: counts of nature spread wider than Poisson's."""
    if not isinstance(call.func, ast.Attribute):
        return None
    size = rng.choice(("0.5", "1.0", "2.0", "5.0", "10.0"))
    first, mean = (cell.text(node) for node in call.args)
    text = f"nbinom.{call.func.attr}({first}, {size}, {size} / ({size} + ({mean})))"
    return Change((cell.replace(call, text),), f"Poisson -> negative binomial of size {size}", (_POISSON,))


def _makes_matrix(cell: Cell, node: ast.Assign) -> bool:
    """Return whether the statement normalises or transforms data, so that columns of one scale may follow."""
    if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name) or isinstance(node.value, ast.Constant):
        return False
    # What estimators make and what functions give are no arrays for certain.
    if any(called_name(call)[:1].isupper() for call in ast.walk(node.value) if isinstance(call, ast.Call)):
        return False
    value = cell.text(node.value)
    return _NORMALISERS.search(value) is not None and (".X" in value or "np." in value or "/" in value)


def _standardised(cell: Cell, node: ast.Assign, rng: Random) -> Change:
    name = cell.text(node.targets[0])
    line, what = rng.choice(
        (
            (f"{name} = ({name} - {name}.mean(0)) / ({name}.std(0) + 0.1)", "standardised by column"),
            (f"{name} = ({name} - {name}.mean(0)) / np.sqrt({name}.std(0) + 0.1)", "columns centred, scaled by half"),
            (f"{name} = {name} - {name}.mean(0)", "columns centred"),
            (f"{name} = np.log1p({name})", "log1p"),
            (
                f"{name} = np.clip({name}, np.quantile({name}, 0.01), np.quantile({name}, 0.99))",
                "clipped at 1 % and 99 %",
            ),
        )
    )
    return Change((cell.insert_after(node, line),), f"{name}: {what}", (NUMPY,))


def _makes_partial_sums(node: ast.Assign) -> bool:
    """Return whether the statement is `name = np.cumsum(...)` or `name = terms.cumsum()`."""
    is_named = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    return is_named and isinstance(node.value, ast.Call) and called_name(node.value) == "cumsum"


def _accelerated(cell: Cell, node: ast.Assign, rng: Random) -> Change:
    """Means of neighbouring partial sums: Euler's transformation for series whose terms change sign."""
    name = cell.text(node.targets[0])
    weights, total = rng.choice((("[1, 1]", 2), ("[1, 2, 1]", 4), ("[1, 4, 6, 4, 1]", 16)))
    line = f'{name} = np.convolve({name}, {weights}, "valid") / {total}'
    return Change((cell.insert_after(node, line),), f"{name}: means of neighbours, weights {weights}", (NUMPY,))


def _last_axis(node: ast.Subscript) -> int | None:
    """Return the axis of which `x[-1]`, `x[:, -1]` or `x[:, -1:]` takes the last element, None for anything else."""
    if not isinstance(node.ctx, ast.Load) or (isinstance(node.value, ast.Attribute) and node.value.attr == "shape"):
        return None
    if isinstance(node.value, ast.Call):  # parts of a text, of a path
        return None
    places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    found = [axis for axis, place in enumerate(places) if _is_last(place)]
    plain = all(isinstance(place, ast.Slice) or _is_last(place) for place in places)
    return found[0] if plain and len(found) == 1 else None


def _is_last(place: ast.expr) -> bool:
    if isinstance(place, ast.Slice):
        return place.upper is None and place.step is None and place.lower is not None and _is_last(place.lower)
    return (
        isinstance(place, ast.UnaryOp)
        and isinstance(place.op, ast.USub)
        and isinstance(place.operand, ast.Constant)
        and place.operand.value == 1
    )


def _mean_of_last(cell: Cell, node: ast.Subscript, rng: Random) -> Change | None:
    """The last value replaced by the mean of the last few: noise averages out."""
    axis = _last_axis(node)
    if axis is None:
        return None
    places = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    texts, count = [cell.text(place) for place in places], rng.choice((2, 3, 4, 6, 8, 12, 24))
    keeps = ", keepdims=True" if isinstance(places[axis], ast.Slice) else ""
    texts[axis] = f"-{count}:"
    text = f"{cell.text(node.value)}[{', '.join(texts)}].mean({axis}{keeps})"
    return Change((cell.replace(node, text),), f"{cell.text(node)[:40]} -> mean of the last {count}")


# --- scanpy ---------------------------------------------------------------------------------------------------------


def _scanpy_moves(cell: Cell, call: ast.Call, name: str) -> list[Move]:
    moves = [
        Move("array", partial(_scanpy_setting, cell, call, key, values))
        for key, values in _SETTINGS.get(name, {}).items()
    ]
    if name in _SCANPY:
        moves.append(Move("array", partial(_twin, cell, call, _SCANPY[name])))
    statement = cell.parents[call]
    if isinstance(statement, ast.Expr) and name in ("log1p", "sqrt") and call.args:
        moves.append(Move("array", partial(_scanpy_step, cell, call, statement)))
    return moves


def _scanpy_setting(cell: Cell, call: ast.Call, key: str, values: tuple[str, ...], rng: Random) -> Change | None:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == key), None)
    before = cell.text(given) if given is not None else ""
    value = rng.choice([value for value in values if value != before] or list(values))
    name = called_name(call)
    if given is None:
        return Change((cell.with_argument(call, f"{key}={value}"),), f"{name}: {key}={value} added")
    return Change((cell.replace(given, value),), f"{name}: {key} {before} -> {value}")


def _scanpy_step(cell: Cell, call: ast.Call, statement: ast.Expr, rng: Random) -> Change | None:
    """A usual step after the logarithm: scaling, or the batch correction where the cell knows of batches."""
    if not isinstance(call.func, ast.Attribute):
        return None
    data, where = cell.text(call.args[0]), cell.text(call.func.value)
    steps = [f"{where}.scale({data}, max_value=10)"]
    if "batch" in cell.source:
        steps.append(f'{where}.combat({data}, key="batch")')
    line = rng.choice(steps)
    return None if line in cell.source else Change((cell.insert_after(statement, line),), f"{line} added")
