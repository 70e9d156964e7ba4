"""Estimators exchanged for others of their kind, put into pipelines, joined to ensembles."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from score_nb.propose.operators.catalogue import ESTIMATORS, Estimator, Kind, imports_for, members
from score_nb.propose.operators.edits import Built, Cell, Change, Edit
from score_nb.propose.operators.sites import Move, Site, called_name, is_in_pipeline, joiner

_LONGEST = 130
_STEPS: Sequence[tuple[float, str]] = (
    (3.0, "scaler"), (2.0, "decomposition"), (1.5, "selector"), (1.5, "expander"), (1.0, "function"),
)  # fmt: skip
_SIGNED = (
    "StandardScaler",
    "RobustScaler",
    "PowerTransformer",
    "QuantileTransformer",
    "PCA",
    "FastICA",
    "TruncatedSVD",
)
_SCALERS = (
    "StandardScaler", "StandardScaler", "StandardScaler", "QuantileTransformer", "PowerTransformer", "MinMaxScaler",
    "RobustScaler",
)  # fmt: skip


def swap_moves(cell: Cell, site: Site) -> list[Move]:
    """Return the move that puts another estimator of the same kind in the place of this one."""
    if "fixed" in site.needs or not _alternatives(cell, site):
        return []
    return [Move("swap", partial(_swapped, cell, site))]


def _alternatives(cell: Cell, site: Site) -> list[Estimator]:
    asked = site.needs - {"fixed", "proba"}
    needs_proba = "proba" in site.needs and not _is_calibrated(cell, site)
    return [
        entry
        for entry in members(site.kind)
        if entry.name != site.name
        and not (entry.name == "NMF" and _has_negatives(cell, site))
        and asked <= entry.offers
        and (not needs_proba or "proba" in entry.offers or entry.is_calibrated_outside)
    ]


def _has_negatives(cell: Cell, site: Site) -> bool:
    """Return whether a step around the site gives negative numbers, which some estimators refuse."""
    return any(f"{name}(" in cell.text(site.outer) for name in _SIGNED)


def _is_calibrated(cell: Cell, site: Site) -> bool:
    around = joiner(cell, site.call)
    return around is not None and called_name(around) == "CalibratedClassifierCV"


def _swapped(cell: Cell, site: Site, rng: Random) -> Change:
    entry = rng.choice(_alternatives(cell, site))
    built = configured(entry, rng, site=site, cell=cell)
    edit = cell.replace(site.call, built.text)
    return Change((edit,), f"{site.name} -> {shortened(built.text)}", built.imports)


def configured(entry: Estimator, rng: Random, *, site: Site, cell: Cell) -> Built:
    """Return the estimator with sensible settings, scaled and calibrated where the place asks for it."""
    arguments = rng.choice(entry.starts)
    if site.kind in ("decomposition", "clusterer"):
        arguments = _with_size_of(site, arguments, cell)
    if "class_weight" in entry.settings and _keyword(site.call, "class_weight") is not None:
        arguments = f'{arguments}, class_weight="balanced"'.lstrip(", ")
    text, names = f"{entry.name}({arguments})", [entry.name]
    if "proba" in site.needs and entry.is_calibrated_outside and not _is_calibrated(cell, site):
        text, names = f"CalibratedClassifierCV({text}, ensemble=False)", [*names, "CalibratedClassifierCV"]
    may_wrap = site.needs.isdisjoint({"coef", "importances", "weights"}) and not is_in_pipeline(cell, site.call)
    if entry.wants_scaling and may_wrap and rng.random() < 0.7:
        scaler = rng.choice(_SCALERS)
        text = f"make_pipeline({_first(scaler)}, {text})"
        names = [*names, scaler, "make_pipeline"]
    return Built(text, imports_for(*names))


def _with_size_of(site: Site, arguments: str, cell: Cell) -> str:
    """Return the arguments with the present number of components or clusters."""
    for name in ("n_components", "n_clusters"):
        now = _keyword(site.call, name) or (site.call.args[0] if site.call.args else None)
        first, _, rest = arguments.partition(", ")
        if now is not None and first.startswith(("n_components=", "n_clusters=")):
            return f"{first.partition('=')[0]}={cell.text(now)}" + (f", {rest}" if rest else "")
    return arguments


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _first(name: str) -> str:
    return f"{name}({ESTIMATORS[name].starts[0]})"


def shortened(text: str) -> str:
    """Return the text on one line, at most 130 characters."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


# --- pipelines ------------------------------------------------------------------------------------------------------


def pipeline_moves(cell: Cell, site: Site) -> list[Move]:
    """Return moves that put a step before this estimator, and one that takes this step out of its pipeline."""
    moves = []
    around = joiner(cell, site.call)
    if site.kind in ("classifier", "regressor", "decomposition", "clusterer") and site.needs.isdisjoint(
        {"coef", "importances", "weights", "fixed"}
    ):
        moves.append(Move("pipeline", partial(_with_step, cell, site)))
    if around is not None and called_name(around) == "make_pipeline" and not site.is_model and len(around.args) > 1:
        edit = cell.without_item(site.call, around.args) if site.call in around.args else None
        if edit:
            moves.append(Move("pipeline", lambda _: Change((edit,), f"step {site.name} dropped")))
    return moves


def step(rng: Random, final: Kind) -> tuple[str, Built]:
    """Return a transformer to put before an estimator of the kind `final`, with its class name."""
    kind = rng.choices([name for _, name in _STEPS], [weight for weight, _ in _STEPS])[0]
    if kind == "function":
        function = rng.choice(("np.log1p", "np.sqrt"))
        return "FunctionTransformer", Built(
            f"FunctionTransformer({function})", imports_for("FunctionTransformer", "np")
        )
    if final in ("decomposition", "clusterer") and kind == "selector":
        kind = "scaler"  # selectors want the target, which a clusterer is not given
    if kind == "scaler":
        name = rng.choice(_SCALERS)
        return name, Built(_first(name), imports_for(name))
    entry = rng.choice(members(kind))  # type: ignore[arg-type]
    text, imports = f"{entry.name}({rng.choice(entry.starts)})", imports_for(entry.name)
    if entry.name == "SelectKBest" and final == "regressor":
        text, imports = "SelectPercentile(f_regression, percentile=50)", imports_for("SelectPercentile", "f_regression")
    return entry.name, Built(text, imports)


def _with_step(cell: Cell, site: Site, rng: Random) -> Change | None:
    name, built = step(rng, site.kind)
    if name in ("NMF", "FunctionTransformer") and _has_negatives(cell, site):
        return None
    around = joiner(cell, site.call)
    if around is not None and name in {called_name(node) for node in ast.walk(around) if isinstance(node, ast.Call)}:
        return None
    detail = f"{shortened(built.text)} before {site.name}"
    if around is not None and called_name(around) == "make_pipeline":
        return Change((cell.insert_item(site.call, built.text),), detail, built.imports)
    holder = cell.parents[site.call]
    if around is not None and called_name(around) == "Pipeline" and isinstance(holder, ast.Tuple):
        edit = cell.insert_item(holder, f'("{name.lower()}", {built.text})')
        return Change((edit,), detail, built.imports)
    edit = cell.replace(site.call, f"make_pipeline({built.text}, {cell.text(site.call)})")
    return Change((edit,), detail, (*built.imports, *imports_for("make_pipeline")))


# --- ensembles ------------------------------------------------------------------------------------------------------


def ensemble_moves(cell: Cell, site: Site) -> list[Move]:
    """Return moves that join this model to another one, or take a member out of an ensemble."""
    around = joiner(cell, site.outer) if site.is_model else None
    if (
        not site.is_model
        or around is not None
        or not site.needs.isdisjoint({"coef", "importances", "weights", "fixed"})
    ):
        return []
    if called_name(site.outer).startswith(("Voting", "Stacking")):
        return [
            Move("ensemble", partial(_with_member, cell, site)),
            Move("ensemble", partial(_without_member, cell, site)),
        ]
    moves = [Move("ensemble", partial(_joined, cell, site))] * 2 if _alternatives(cell, site) else []
    if site.outer is site.call:
        moves.append(Move("ensemble", partial(_bagged, cell, site)))
    if site.kind == "classifier" and "CalibratedClassifierCV" not in cell.names:
        moves.append(Move("ensemble", partial(_calibrated, cell, site)))
    if site.kind == "regressor" and "TransformedTargetRegressor" not in cell.names:
        moves.append(Move("ensemble", partial(_transformed_target, cell, site)))
    return moves


def _joined(cell: Cell, site: Site, rng: Random) -> Change:
    style = ensemble_style(site.kind, rng, is_soft=gives_proba(cell, site))
    entry = rng.choice(_alternatives(cell, replace(site, needs=site.needs | style.needs)))
    other = configured(entry, rng, site=replace(site, needs=site.needs | style.needs), cell=cell)
    return joined(cell, site, other, style)


@dataclass(frozen=True)
class Style:
    """How two models are joined: "Voting" or "Stacking", and whether by their probabilities."""

    name: str
    is_soft: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """What every member must offer."""
        return frozenset({"proba"}) if self.is_soft else frozenset()


def ensemble_style(kind: Kind, rng: Random, *, is_soft: bool) -> Style:
    """Return a way to join two models; classifiers vote by their probabilities where `is_soft`."""
    # Stacking costs five more fits, so voting is tried more often.
    if rng.random() < 0.3:
        return Style("Stacking")
    return Style("Voting", is_soft=is_soft and kind == "classifier")


def gives_proba(cell: Cell, site: Site) -> bool:
    """Return whether the site's whole expression has `predict_proba`, as far as the catalogue knows."""
    known = site.entry is None or "proba" in site.entry.offers or "proba" in site.needs
    return known or "CalibratedClassifierCV" in cell.text(site.outer)


def joined(cell: Cell, site: Site, other: Built, style: Style) -> Change:
    """Return the change that makes an ensemble of the site's whole expression and `other`."""
    name = style.name + ("Classifier" if site.kind == "classifier" else "Regressor")
    soft = ', voting="soft"' if style.is_soft else ""
    text = f'{name}([("a", {cell.text(site.outer)}), ("b", {other.text})]{soft})'
    detail = f"{style.name.lower()} of {called_name(site.outer)} and {shortened(other.text)}"
    return Change((cell.replace(site.outer, text),), detail, (*other.imports, *imports_for(name)))


def _member_list(site: Site) -> ast.List | None:
    first = site.outer.args[0] if site.outer.args else _keyword(site.outer, "estimators")
    return first if isinstance(first, ast.List) else None


def _with_member(cell: Cell, site: Site, rng: Random) -> Change | None:
    held = _member_list(site)
    if held is None or not 1 < len(held.elts) < 4:
        return None
    fresh = [entry for entry in _alternatives(cell, site) if entry.name not in cell.names]
    if not fresh:
        return None
    built = configured(rng.choice(fresh), rng, site=site, cell=cell)
    end = cell.span(held.elts[-1])[1]
    label = "abcdefgh"[len(held.elts)]
    return Change(
        (Edit(end, end, f', ("{label}", {built.text})'),), f"member {shortened(built.text)} added", built.imports
    )


def _without_member(cell: Cell, site: Site, rng: Random) -> Change | None:
    held = _member_list(site)
    if held is None or len(held.elts) < 2:
        return None
    if len(held.elts) == 2:
        kept = rng.choice(held.elts)
        if not isinstance(kept, ast.Tuple):
            return None
        return Change(
            (cell.replace(site.outer, cell.text(kept.elts[1])),),
            f"ensemble reduced to {shortened(cell.text(kept.elts[1]))}",
        )
    gone = rng.choice(held.elts)
    return Change((cell.without_item(gone, held.elts),), f"member {shortened(cell.text(gone))} dropped")


def _bagged(cell: Cell, site: Site, rng: Random) -> Change:
    name = "BaggingClassifier" if site.kind == "classifier" else "BaggingRegressor"
    features = rng.choice(("", ", max_features=0.7", ", max_features=0.5"))
    text = f"{name}({cell.text(site.call)}, n_estimators=20{features}, random_state=0)"
    return Change((cell.replace(site.call, text),), f"bagging of {site.name}", imports_for(name))


def _calibrated(cell: Cell, site: Site, rng: Random) -> Change:
    method = rng.choice(("sigmoid", "isotonic"))
    text = f'CalibratedClassifierCV({cell.text(site.outer)}, method="{method}", cv=5)'
    detail = f"{called_name(site.outer)} calibrated ({method})"
    return Change((cell.replace(site.outer, text),), detail, imports_for("CalibratedClassifierCV"))


def _transformed_target(cell: Cell, site: Site, rng: Random) -> Change:
    there, back = rng.choice((("np.log1p", "np.expm1"), ("np.sqrt", "np.square")))
    text = f"TransformedTargetRegressor({cell.text(site.outer)}, func={there}, inverse_func={back})"
    detail = f"target through {there} for {called_name(site.outer)}"
    return Change((cell.replace(site.outer, text),), detail, imports_for("TransformedTargetRegressor", "np"))


def growth_moves(cell: Cell, site: Site) -> list[Move]:
    """Return all moves at one estimator, settings excepted."""
    return [*swap_moves(cell, site), *pipeline_moves(cell, site), *ensemble_moves(cell, site)]
