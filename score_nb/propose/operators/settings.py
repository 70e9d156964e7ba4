"""Numbers and settings: of known estimators within their documented ranges, elsewhere in steps."""

from __future__ import annotations

import ast
import math
from functools import partial
from random import Random

from score_nb.propose.operators.catalogue import POSITIONAL, Choice, Range, Setting
from score_nb.propose.operators.edits import Cell, Change
from score_nb.propose.operators.sites import Move, Site, called_name

_REDUCTIONS = frozenset(
    {
        "sum", "mean", "std", "var", "min", "max", "median", "any", "all", "argmax", "argmin", "argsort", "sort",
        "cumsum", "cumprod", "prod", "norm", "take", "squeeze", "expand_dims", "swapaxes", "concatenate", "stack",
        "diff", "unique", "repeat", "nansum", "nanmean", "nanmedian", "nanstd", "reshape", "zeros", "ones", "empty",
        "full", "arange", "eye", "astype", "round", "default_rng", "seed", "RandomState", "moveaxis", "roll", "choice",
    }
)  # fmt: skip
"""Calls whose positional numbers are axes, shapes, seeds or counts."""

_KEEP_KEYWORDS = frozenset(
    {
        "axis", "random_state", "seed", "n_jobs", "verbose", "dtype", "ndmin", "keepdims", "copy", "ddof", "max_iter",
        "tol", "cv", "n_init", "memory",
    }
)  # fmt: skip
_FAR = 0.25
_STEPS = (0.5, 0.67, 0.8, 1.25, 1.5, 2.0)


def setting_moves(cell: Cell, site: Site) -> list[Move]:
    """Return a move for each setting that the catalogue knows for this estimator: changed, or added."""
    if site.entry is None:
        return []
    given: dict[str, ast.expr] = {keyword.arg: keyword.value for keyword in site.call.keywords if keyword.arg}
    if site.call.args and site.name in POSITIONAL:
        given[POSITIONAL[site.name]] = site.call.args[0]
    moves = []
    for name, setting in site.entry.settings.items():
        if name in given:
            moves.append(Move("setting", partial(_changed, cell, site, (name, setting), given[name])))
        else:
            moves.append(Move("setting", partial(_added, cell, site, (name, setting))))
    return moves


def _changed(cell: Cell, site: Site, named: tuple[str, Setting], value: ast.expr, rng: Random) -> Change | None:
    name, setting = named
    before = cell.text(value)
    after = drawn(setting, rng, number_of(value), before)
    if after == before:
        return None
    return Change((cell.replace(value, after),), f"{site.name}: {name} {_short(before)} -> {after}")


def _added(cell: Cell, site: Site, named: tuple[str, Setting], rng: Random) -> Change:
    name, setting = named
    # The first choice is the library's default: writing it out would change nothing.
    value = drawn(setting, rng, None, setting.values[0] if isinstance(setting, Choice) else "")
    return Change((cell.with_argument(site.call, f"{name}={value}"),), f"{site.name}: {name}={value} added")


def drawn(setting: Setting, rng: Random, now: float | None, before: str) -> str:
    """Return a value of the setting as source text: near the present one, sometimes anywhere in the range."""
    if isinstance(setting, Choice):
        return rng.choice([value for value in setting.values if value != before] or list(setting.values))
    value = _near(setting, rng, now) if now is not None and rng.random() > _FAR else _anywhere(setting, rng)
    value = min(max(value, setting.low), setting.high)
    if not setting.is_whole:
        return rounded(value)
    whole = round(value)
    if now is not None and whole == round(now):
        whole += 1 if whole < setting.high and rng.random() < 0.5 else -1
    return str(int(max(whole, setting.low)))


def _near(setting: Range, rng: Random, now: float) -> float:
    if setting.scale == "log" and now > 0:
        spread = max(0.3, math.log(setting.high / setting.low) / 8)
        return now * math.exp(rng.gauss(0, spread))
    return now + rng.gauss(0, (setting.high - setting.low) / 6)


def _anywhere(setting: Range, rng: Random) -> float:
    if setting.scale == "log":
        return math.exp(rng.uniform(math.log(setting.low), math.log(setting.high)))
    return rng.uniform(setting.low, setting.high)


def number_of(node: ast.expr) -> float | None:
    """Return the number that a literal stands for, None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number_of(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def rounded(value: float) -> str:
    """Return the number with two significant digits, as a float's source text."""
    text = f"{value:.2g}"
    number = float(text)
    return repr(int(number)) + ".0" if number == int(number) and abs(number) < 1e15 else repr(number)


def number_moves(cell: Cell, known: list[Site]) -> list[Move]:
    """Return a move for each number whose size may matter: no axes, seeds, shapes or settings of known estimators."""
    settled = {id(node) for site in known if site.entry for node in ast.walk(site.call)}
    return [
        Move("number", partial(_stepped, cell, node))
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Constant) and id(node) not in settled and _may_change(cell, node)
    ]


def _may_change(cell: Cell, node: ast.Constant) -> bool:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value == 0 or not math.isfinite(value):
        return False
    above = cell.parents[node]
    if isinstance(above, ast.UnaryOp):
        above = cell.parents[above]
    if isinstance(above, ast.keyword) and above.arg in _KEEP_KEYWORDS:
        return False
    if isinstance(above, ast.Call) and called_name(above) in _REDUCTIONS and node is not above.func:
        return False
    if isinstance(above, (ast.Tuple, ast.List)) and isinstance(cell.parents[above], ast.Call):
        return called_name(cell.parents[above]) not in _REDUCTIONS  # type: ignore[arg-type]
    if isinstance(above, ast.Subscript) or (isinstance(value, int) and abs(value) == 1 and _is_index(cell, node)):
        return False
    return not _is_annotation(cell, node)


def _is_index(cell: Cell, node: ast.AST) -> bool:
    return any(isinstance(above, (ast.Subscript, ast.Slice)) for above in list(cell.ancestors(node))[:3])


def _is_annotation(cell: Cell, node: ast.AST) -> bool:
    return any(isinstance(above, (ast.AnnAssign, ast.JoinedStr, ast.arg)) for above in list(cell.ancestors(node))[:3])


def _stepped(cell: Cell, node: ast.Constant, rng: Random) -> Change | None:
    before = cell.text(node)
    after = stepped(node.value, rng)  # type: ignore[arg-type]
    if after == before:
        return None
    line = cell.source.splitlines()[node.lineno - 1].strip()
    return Change((cell.replace(node, after),), f"{_short(before)} -> {after} in `{_short(line, 60)}`")


def stepped(value: float, rng: Random) -> str:
    """Return a number some steps away: whole numbers stay whole, above 8 and for floats by factors."""
    if isinstance(value, int):
        if abs(value) <= 8:
            return str(max(1, value + rng.choice((-2, -1, 1, 2))) if value > 0 else value + rng.choice((-1, 1)))
        return str(round(value * rng.choice(_STEPS)))
    if rng.random() < _FAR:
        return rounded(value * 10 ** rng.uniform(-1, 1))
    return rounded(value * rng.choice(_STEPS))


def _short(text: str, limit: int = 40) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
