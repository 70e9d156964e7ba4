"""The built-in proposer: changes to the syntax tree and a catalogue of estimators, no language model, no network."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from score_nb.propose.base import Request
from score_nb.propose.code import missing_outputs, unbound_names
from score_nb.propose.operators.arrays import array_moves
from score_nb.propose.operators.edits import Cell, carried_out
from score_nb.propose.operators.estimators import growth_moves, swap_moves
from score_nb.propose.operators.graft import graft_moves
from score_nb.propose.operators.mend import mend_moves
from score_nb.propose.operators.settings import number_moves, setting_moves
from score_nb.propose.operators.sites import Move, sites, uses_search
from score_nb.types import Proposal, digest, parse

NAME = "offline"
NOTICE = (
    "The offline proposer is no language model: it varies numbers, scikit-learn estimators, pipelines and usual array "
    "steps, and joins parts of good candidates. Choose --model NAME for one that reads the task."
)
_NOTHING = (
    "nothing in this cell that the offline proposer can change: it knows numbers, scikit-learn estimators and usual "
    "numpy and scanpy steps"
)
_TRIES = 60
_NOTHING_NEW = f"the offline proposer found nothing new here: {_TRIES} tries gave cells that the run knows"
_WEIGHTS: Mapping[str, float] = {
    "swap": 3.0, "setting": 3.0, "pipeline": 2.5, "ensemble": 1.0, "array": 2.5, "number": 1.5,
    "part": 4.0, "lines": 2.0, "join": 1.0, "mend": 6.0, "undo": 2.0,
}  # fmt: skip
_SECOND_CHANGE = 0.3
_LONGEST_GROWTH = 2_500
_SYNONYMS: Mapping[str, str] = {
    "gradient boosting": "GradientBoosting", "boosting": "Boost", "random forest": "RandomForest", "forest": "Forest",
    "extra trees": "ExtraTrees", "support vector": "SV", "svm": "SV", "neural": "MLP", "network": "MLP",
    "perceptron": "MLP", "nearest": "KNeighbors", "knn": "KNeighbors", "logistic": "Logistic", "ridge": "Ridge",
    "lasso": "Lasso", "bayes": "NB", "gaussian process": "GaussianProcess", "discriminant": "Discriminant",
    "scale": "Scaler", "standardi": "Scaler|standardised", "principal": "PCA", "pca": "PCA",
    "factor": "NMF|FactorAnalysis", "component": "PCA|ICA", "ensemble": "voting|stacking", "stack": "stacking",
    "voting": "voting", "bagging": "bagging", "calibrat": "calibrat",
    "log": "log1p", "quantile": "Quantile", "select": "Select", "polynomial": "Polynomial",
    "spline": "Spline", "kernel": "SV|Kernel|Nystroem", "median": "median", "negative binomial": "negative binomial",
    "combat": "combat", "batch": "combat", "regulari": "C |alpha|l2|ccp|min_samples",
}  # fmt: skip


class OfflineProposer:
    """Writes candidates from the cell's own code; the same request gives the same proposal."""

    @property
    def name(self) -> str:
        """The name that `--model` knows."""
        return NAME

    @property
    def notice(self) -> str:
        """That this is no language model."""
        return NOTICE

    @property
    def is_untrusted(self) -> bool:
        """False: it puts together what is written here."""
        return False

    @property
    def is_instant(self) -> bool:
        """True: it takes milliseconds."""
        return True

    def propose(self, request: Request) -> Proposal:
        """Return a changed cell that is new to the run, or a Proposal without one where nothing can be changed."""
        began = time.monotonic()
        written = _written(request, Random(request.seed))
        return Proposal(
            source=written.source or None, model=NAME, detail=written.detail, seconds=time.monotonic() - began
        )  # fmt: skip

    def close(self) -> None:
        """Do nothing: there is nothing to free."""


@dataclass(frozen=True)
class _Written:
    """A new cell and what was changed; an empty `source` and why there is none."""

    source: str
    detail: str


def _written(request: Request, rng: Random) -> _Written:
    """Return the first new cell that the tries give, one that suits hint and idea where there are any."""
    base = _base(request)
    cell = _parsed(base)
    moves = _moves(request, cell) if cell else []
    if cell is None or not moves:
        return _Written("", _NOTHING)
    asked = _asked(f"{request.idea} {request.hint}")
    spare = None
    for _ in range(_TRIES if asked is None else 4 * _TRIES):
        written = _tried(request, cell, moves, rng)
        if written is None or not _is_new(request, written.source, base):
            continue
        if asked is None or asked.search(written.detail):
            return written
        spare = spare or written
    return spare or _Written("", _NOTHING_NEW)


def _base(request: Request) -> str:
    """Return the source to change: a draft starts from the seed, a failed parent that does not parse too."""
    if request.operator == "draft" and request.task.seed:
        return request.task.seed
    return request.parent.source if _parsed(request.parent.source) is not None else request.task.seed


def _parsed(source: str) -> Cell | None:
    try:
        return Cell(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _moves(request: Request, cell: Cell) -> list[Move]:
    """Return the moves of the request's operator; where it has none, those of `improve`."""
    own = _OWN.get(request.operator)
    moves = own(request, cell) if own else []
    return moves or _improvements(request, cell)


def _improvements(request: Request, cell: Cell) -> list[Move]:
    found = sites(cell, request.task.metric_source)
    grow = [] if uses_search(cell) else [move for site in found for move in growth_moves(cell, site)]
    return [*grow, *_numbers(request, cell), *array_moves(cell)]


def _numbers(request: Request, cell: Cell) -> list[Move]:
    found = sites(cell, request.task.metric_source)
    settings = [] if uses_search(cell) else [move for site in found for move in setting_moves(cell, site)]
    return [*settings, *number_moves(cell, found)]


def _drafts(request: Request, cell: Cell) -> list[Move]:
    found = [site for site in sites(cell, request.task.metric_source) if site.is_model]
    return [move for site in found for move in swap_moves(cell, site)]


def _grafts(request: Request, cell: Cell) -> list[Move]:
    partner = _parsed(request.partner.source) if request.partner else None
    return graft_moves(cell, partner, request.task.metric_source) if partner else []


def _repairs(request: Request, cell: Cell) -> list[Move]:
    return mend_moves(cell, request.parent, request.task.seed)


_OWN: Mapping[str, Callable[[Request, Cell], list[Move]]] = {
    "draft": _drafts,
    "tune": _numbers,
    "recombine": _grafts,
    "debug": _repairs,
}


def _tried(request: Request, cell: Cell, moves: Sequence[Move], rng: Random) -> _Written | None:
    """Return the outcome of one random move, sometimes followed by a second one."""
    first = _carried_out(request, cell, moves, rng)
    if first is None or rng.random() >= (_SECOND_CHANGE if request.operator != "debug" else 0):
        return first
    after = _parsed(first.source)
    again = _numbers if request.operator == "tune" else _improvements
    second = _carried_out(request, after, again(request, after), rng) if after else None
    return _Written(second.source, f"{first.detail}; {second.detail}") if second else first


def _carried_out(request: Request, cell: Cell, moves: Sequence[Move], rng: Random) -> _Written | None:
    if not moves:
        return None
    families = sorted({move.family for move in moves})
    family = rng.choices(families, [_WEIGHTS[name] for name in families])[0]
    change = rng.choice([move for move in moves if move.family == family]).make(rng)
    if change is None:
        return None
    try:
        return _Written(carried_out(cell, change, request.task.inputs), " ".join(change.detail.split()))
    except (SyntaxError, ValueError):
        return None  # two edits overlap, or a parenthesis was outside the span


def _is_new(request: Request, source: str, base: str) -> bool:
    """Return whether the cell parses, keeps the outputs, reads no undefined name, and is new to the run."""
    try:
        strange = unbound_names(parse(source)) - unbound_names(parse(base)) - set(request.task.inputs)
        kept = not strange and not missing_outputs(source, request.task.outputs)
    except (SyntaxError, ValueError):
        return False
    is_short = len(source) <= 2 * len(base) + _LONGEST_GROWTH
    return kept and is_short and digest(source) not in request.seen and digest(source) != digest(request.parent.source)


def _asked(text: str) -> re.Pattern[str] | None:
    """Return a pattern of the details that suit the user's words, None where they name nothing that is known."""
    lower, wanted = text.lower(), []
    for word in sorted(_SYNONYMS, key=len, reverse=True):
        if word in lower:
            wanted.append(_SYNONYMS[word])
            lower = lower.replace(word, " ")  # "gradient boosting" is not just any boosting
    wanted += [re.escape(name) for name in re.findall(r"\b[A-Z]\w*[a-z]\w*[A-Z]\w*\b", text)]
    return re.compile("|".join(wanted)) if wanted else None
