"""Where a cell makes estimators, and what the code asks of them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from score_nb.propose.operators.catalogue import ESTIMATORS, HELPERS, Estimator, Kind
from score_nb.propose.operators.edits import Cell, Change

_OFFER_OF = {
    "predict_proba": "proba",
    "predict_log_proba": "proba",
    "decision_function": "decision",
    "coef_": "coef",
    "intercept_": "coef",
    "feature_importances_": "importances",
}
_EVERYWHERE = frozenset({"classes_", "n_features_in_", "feature_names_in_", "labels_"})
_JOINERS = frozenset(HELPERS) | {
    "Pipeline",
    "ColumnTransformer",
    "FeatureUnion",
    "make_column_transformer",
    "make_union",
}
_SEARCHES = frozenset({"GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "cross_val_score"})
_SUFFIXES: tuple[tuple[str, Kind], ...] = (("Classifier", "classifier"), ("Regressor", "regressor"))


@dataclass(frozen=True)
class Move:
    """One kind of change at one place; `make` may give None where the random choice leads nowhere."""

    family: str
    make: Callable[[Random], Change | None]


@dataclass(frozen=True)
class Site:
    """A call that makes an estimator.

    `entry` is None for a class that the catalogue does not know; `needs` are the offers that the code relies on,
    "fixed" among them where it relies on something particular to this class.
    """

    call: ast.Call
    name: str
    kind: Kind
    entry: Estimator | None
    outer: ast.Call
    needs: frozenset[str]

    @property
    def is_model(self) -> bool:
        """Whether it predicts."""
        return self.kind in ("classifier", "regressor")


def called_name(call: ast.Call) -> str:
    """Return the last part of the called name, "" where it has none."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def sites(cell: Cell, metric_source: str = "") -> list[Site]:
    """Return every place where the cell makes an estimator, in the order of the source.

    `metric_source` is read for what the metric asks of a fitted model.
    """
    asked_by_metric = _offers_in(_attributes_of(metric_source))
    found = []
    for call in cell.calls:
        name = called_name(call)
        entry = ESTIMATORS.get(name)
        kind = entry.kind if entry else _kind_by_name(name)
        if kind is None or name in _JOINERS or not _is_constructor(call):
            continue
        needs = _needs(cell, call) | (asked_by_metric if kind in ("classifier", "regressor") else frozenset())
        outer = outermost(cell, call)
        if 'voting="soft"' in cell.text(outer):
            needs |= {"proba"}
        found.append(Site(call, name, kind, entry, outer, needs))
    return found


def outermost(cell: Cell, call: ast.Call) -> ast.Call:
    """Return the largest estimator expression around `call`: the pipeline or ensemble that it is a part of."""
    best = call
    for node in cell.ancestors(call):
        if isinstance(node, ast.Call):
            if called_name(node) not in _JOINERS | _SEARCHES:
                break
            best = node
        elif not isinstance(node, (ast.List, ast.Tuple, ast.keyword)):
            break
    return best


def joiner(cell: Cell, call: ast.Call) -> ast.Call | None:
    """Return the pipeline or ensemble that directly holds `call`, None where it stands alone."""
    for node in cell.ancestors(call):
        if isinstance(node, ast.Call):
            return node if called_name(node) in _JOINERS else None
        if not isinstance(node, (ast.List, ast.Tuple, ast.keyword)):
            return None
    return None


def is_in_pipeline(cell: Cell, call: ast.Call) -> bool:
    """Return whether `call` is a step of a pipeline."""
    around = joiner(cell, call)
    return around is not None and called_name(around) in ("make_pipeline", "Pipeline")


def uses_search(cell: Cell) -> bool:
    """Return whether the cell names parameters of its estimators elsewhere, as a grid search does."""
    return bool(_SEARCHES & (cell.names | cell.attributes)) or "set_params" in cell.attributes


def _is_constructor(call: ast.Call) -> bool:
    # `Model.from_x()` and module functions have other names; a star argument hides what is passed.
    return not any(isinstance(node, ast.Starred) for node in call.args) and all(k.arg for k in call.keywords)


def _kind_by_name(name: str) -> Kind | None:
    for suffix, kind in _SUFFIXES:
        if name.endswith(suffix) and name[:1].isupper():
            return kind
    return None


def _needs(cell: Cell, call: ast.Call) -> frozenset[str]:
    variable = _variable(cell, call)
    used = _attributes_on(cell, variable) if variable else cell.attributes
    needs = set(_offers_in(used))
    if "fit" in used and any(k.arg == "sample_weight" for node in cell.calls for k in node.keywords):
        needs.add("weights")
    if any(name.endswith("_") and name not in _OFFER_OF and name not in _EVERYWHERE for name in used):
        needs.add("fixed")
    return frozenset(needs)


def _variable(cell: Cell, call: ast.Call) -> str:
    """Return the name that holds the estimator, "" where the code does not say so plainly."""
    for node in cell.ancestors(call):
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            return target.id if len(node.targets) == 1 and isinstance(target, ast.Name) else ""
        if isinstance(node, ast.stmt):
            return ""
        if isinstance(node, ast.Attribute) and node.attr != "fit":
            return ""  # what is assigned is what the estimator computed
    return ""


def _attributes_on(cell: Cell, variable: str) -> frozenset[str]:
    direct = {
        node.attr
        for node in ast.walk(cell.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable
    }
    return frozenset(direct | {"fit"})


def _attributes_of(source: str) -> frozenset[str]:
    try:
        return Cell(source).attributes
    except (SyntaxError, ValueError):
        return frozenset()


def _offers_in(attributes: frozenset[str]) -> frozenset[str]:
    return frozenset(_OFFER_OF[name] for name in attributes if name in _OFFER_OF)
