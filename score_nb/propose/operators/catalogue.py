"""Estimators of scikit-learn as plain data: where they live, what they offer, sensible settings, documented ranges.

Nothing is imported from scikit-learn here; a test builds and fits every entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from score_nb.propose.operators.edits import NUMPY, Import

Kind = Literal["classifier", "regressor", "scaler", "expander", "selector", "decomposition", "clusterer"]
Scale = Literal["log", "linear"]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included, searched on a log or linear scale."""

    low: float
    high: float
    scale: Scale = "log"
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, as source text; the first is the library's default."""

    values: tuple[str, ...]


Setting = Range | Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """What the offline proposer knows of one class.

    Attributes
    ----------
    module : str
        Where it is imported from, below `sklearn`.
    settings : mapping
        Parameters with the values worth trying; the first is also the first positional one where `has_positional`.
    starts : tuple of str
        Argument texts to begin with.
    offers : frozenset of str
        "proba", "decision", "coef", "importances", "weights" (sample_weight in `fit`).
    wants_scaling : bool
        Whether inputs of one scale help it.
    is_calibrated_outside : bool
        Probabilities come only through CalibratedClassifierCV.
    """

    name: str
    module: str
    kind: Kind
    settings: Mapping[str, Setting] = field(default_factory=dict)
    starts: tuple[str, ...] = ("",)
    offers: frozenset[str] = frozenset()
    wants_scaling: bool = False
    has_positional: bool = False
    is_calibrated_outside: bool = False

    @property
    def import_(self) -> Import:
        """The import that binds the class."""
        return Import(self.name, f"from sklearn.{self.module} import {self.name}")


def _log(low: float, high: float) -> Range:
    return Range(low, high)


def _whole(low: int, high: int, scale: Scale = "log") -> Range:
    return Range(low, high, scale, is_whole=True)


def _share(low: float, high: float) -> Range:
    return Range(low, high, "linear")


def _one(*values: str) -> Choice:
    return Choice(values)


_WEIGHT = _one("None", '"balanced"')
_TREE: Mapping[str, Setting] = {
    "max_depth": _whole(2, 30),
    "min_samples_leaf": _whole(1, 50),
    "max_features": _one("None", '"sqrt"', '"log2"', "0.3", "0.5", "0.7"),
    "ccp_alpha": _log(1e-5, 1e-1),
}
_FOREST: Mapping[str, Setting] = {
    "n_estimators": _whole(50, 600),
    "min_samples_leaf": _whole(1, 20),
    "max_features": _one('"sqrt"', '"log2"', "None", "0.2", "0.3", "0.5", "0.7"),
    "max_depth": _whole(3, 30),
    "bootstrap": _one("True", "False"),
}
_HIST: Mapping[str, Setting] = {
    "learning_rate": _log(0.01, 0.5),
    "max_iter": _whole(50, 600),
    "max_leaf_nodes": _whole(4, 63),
    "min_samples_leaf": _whole(3, 60),
    "l2_regularization": _log(1e-3, 30),
    "max_features": _share(0.2, 1.0),
}
_BOOST: Mapping[str, Setting] = {
    "n_estimators": _whole(50, 500),
    "learning_rate": _log(0.01, 0.5),
    "max_depth": _whole(1, 8),
    "subsample": _share(0.4, 1.0),
    "min_samples_leaf": _whole(1, 30),
    "max_features": _one("None", '"sqrt"', "0.3", "0.5"),
}
_NEIGHBOURS: Mapping[str, Setting] = {
    "n_neighbors": _whole(1, 60),
    "weights": _one('"uniform"', '"distance"'),
    "p": _one("2", "1", "3"),
    "metric": _one('"minkowski"', '"cosine"', '"manhattan"'),
}
_SVM: Mapping[str, Setting] = {
    "C": _log(1e-2, 1e3),
    "gamma": _log(1e-4, 10),
    "kernel": _one('"rbf"', '"poly"', '"linear"', '"sigmoid"'),
}
_NET: Mapping[str, Setting] = {
    "hidden_layer_sizes": _one("(100,)", "(50,)", "(200,)", "(100, 50)", "(64, 64)"),
    "alpha": _log(1e-5, 10),
    "learning_rate_init": _log(3e-4, 3e-2),
    "max_iter": _whole(100, 1000),
    "activation": _one('"relu"', '"tanh"'),
    "early_stopping": _one("False", "True"),
}
_PARTS: Mapping[str, Setting] = {"n_components": _whole(2, 200)}
_CLUSTERS: Mapping[str, Setting] = {"n_clusters": _whole(2, 40)}
_PROBA = frozenset({"proba", "weights"})
_LINEAR = frozenset({"proba", "decision", "coef", "weights"})
_FORESTS = frozenset({"proba", "importances", "weights"})


def _c(
    name: str, module: str, settings: Mapping[str, Setting], *starts: str,
    offers: frozenset[str] = frozenset({"proba"}), scaled: bool = False, outside: bool = False,
) -> Estimator:  # fmt: skip
    return Estimator(
        name=name, module=module, kind="classifier", settings=settings, starts=starts, offers=offers,
        wants_scaling=scaled, is_calibrated_outside=outside,
    )  # fmt: skip


def _r(
    name: str, module: str, settings: Mapping[str, Setting], *starts: str,
    offers: frozenset[str] = frozenset({"weights"}), scaled: bool = False,
) -> Estimator:  # fmt: skip
    return Estimator(
        name=name, module=module, kind="regressor", settings=settings, starts=starts, offers=offers,
        wants_scaling=scaled,
    )  # fmt: skip


def _t(
    name: str, module: str, kind: Kind, settings: Mapping[str, Setting], *starts: str, positional: bool = False,
    scaled: bool = False,
) -> Estimator:  # fmt: skip
    return Estimator(
        name=name, module=module, kind=kind, settings=settings, starts=starts or ("",), has_positional=positional,
        wants_scaling=scaled,
    )  # fmt: skip


_ENTRIES = (
    # Classifiers
    _c("LogisticRegression", "linear_model", {"C": _log(1e-3, 1e3), "class_weight": _WEIGHT},
       "max_iter=2000", "C=0.1, max_iter=2000", "C=10, max_iter=2000", offers=_LINEAR, scaled=True),
    _c("HistGradientBoostingClassifier", "ensemble", {**_HIST, "class_weight": _WEIGHT},
       "learning_rate=0.05, random_state=0", "max_iter=200, l2_regularization=1.0, random_state=0",
       "learning_rate=0.1, max_leaf_nodes=15, random_state=0", offers=_PROBA),
    _c("RandomForestClassifier", "ensemble", {**_FOREST, "class_weight": _WEIGHT},
       "n_estimators=300, random_state=0", 'n_estimators=300, min_samples_leaf=2, max_features="sqrt", random_state=0',
       offers=_FORESTS),
    _c("ExtraTreesClassifier", "ensemble", {**_FOREST, "class_weight": _WEIGHT},
       "n_estimators=300, random_state=0", "n_estimators=300, max_features=0.3, random_state=0", offers=_FORESTS),
    _c("GradientBoostingClassifier", "ensemble", _BOOST,
       "subsample=0.7, random_state=0", "learning_rate=0.05, n_estimators=200, max_depth=2, random_state=0",
       offers=_FORESTS | {"decision"}),
    _c("SVC", "svm", {**_SVM, "class_weight": _WEIGHT}, "C=10, random_state=0", "C=3, gamma=0.01, random_state=0",
       'C=1, kernel="linear", random_state=0', offers=frozenset({"decision", "weights"}), scaled=True, outside=True),
    _c("LinearSVC", "svm", {"C": _log(1e-3, 1e2), "class_weight": _WEIGHT}, "C=0.1, random_state=0",
       offers=frozenset({"decision", "coef", "weights"}), scaled=True, outside=True),
    _c("KNeighborsClassifier", "neighbors", _NEIGHBOURS, 'n_neighbors=7, weights="distance"',
       'n_neighbors=15, weights="distance"', scaled=True),
    _c("MLPClassifier", "neural_network", _NET, "hidden_layer_sizes=(100,), alpha=0.01, max_iter=1000, random_state=0",
       "hidden_layer_sizes=(64, 64), alpha=0.1, max_iter=1000, random_state=0", scaled=True),
    _c("GaussianNB", "naive_bayes", {"var_smoothing": _log(1e-9, 1)}, "", "var_smoothing=0.01", offers=_PROBA),
    _c("LinearDiscriminantAnalysis", "discriminant_analysis",
       {"shrinkage": _share(0.0, 1.0), "solver": _one('"svd"', '"lsqr"', '"eigen"')},
       'solver="lsqr", shrinkage="auto"', offers=frozenset({"proba", "decision", "coef"})),
    _c("QuadraticDiscriminantAnalysis", "discriminant_analysis", {"reg_param": _share(0.0, 1.0)},
       "reg_param=0.1", offers=frozenset({"proba", "decision"})),
    _c("DecisionTreeClassifier", "tree", {**_TREE, "class_weight": _WEIGHT}, "max_depth=6, random_state=0",
       offers=_FORESTS),
    _c("RidgeClassifier", "linear_model", {"alpha": _log(1e-3, 1e4), "class_weight": _WEIGHT}, "alpha=1.0",
       offers=frozenset({"decision", "coef", "weights"}), scaled=True, outside=True),
    _c("GaussianProcessClassifier", "gaussian_process", {}, "random_state=0", scaled=True),
    _c("NearestCentroid", "neighbors", {"shrink_threshold": _log(0.05, 5)}, "", offers=frozenset(), scaled=True,
       outside=True),
    _c("AdaBoostClassifier", "ensemble", {"n_estimators": _whole(30, 300), "learning_rate": _log(0.05, 2)},
       "n_estimators=200, learning_rate=0.5, random_state=0", offers=_FORESTS | {"decision"}),
    # Regressors
    _r("Ridge", "linear_model", {"alpha": _log(1e-3, 1e4)}, "alpha=1.0", "alpha=30.0",
       offers=frozenset({"coef", "weights"}), scaled=True),
    _r("LinearRegression", "linear_model", {}, "", offers=frozenset({"coef", "weights"})),
    _r("Lasso", "linear_model", {"alpha": _log(1e-4, 10)}, "alpha=0.01, max_iter=20000",
       offers=frozenset({"coef", "weights"}), scaled=True),
    _r("ElasticNet", "linear_model", {"alpha": _log(1e-4, 10), "l1_ratio": _share(0.05, 0.95)},
       "alpha=0.01, max_iter=20000", offers=frozenset({"coef", "weights"}), scaled=True),
    _r("BayesianRidge", "linear_model", {"alpha_1": _log(1e-7, 1), "lambda_1": _log(1e-7, 1)}, "",
       offers=frozenset({"coef", "weights"}), scaled=True),
    _r("HuberRegressor", "linear_model", {"epsilon": _log(1.01, 3), "alpha": _log(1e-5, 10)}, "max_iter=1000",
       offers=frozenset({"coef", "weights"}), scaled=True),
    _r("QuantileRegressor", "linear_model", {"alpha": _log(1e-4, 1)}, "alpha=0.01",
       offers=frozenset({"coef", "weights"}), scaled=True),
    _r("HistGradientBoostingRegressor", "ensemble",
       {**_HIST, "loss": _one('"squared_error"', '"absolute_error"')},
       "learning_rate=0.05, random_state=0", 'learning_rate=0.05, loss="absolute_error", random_state=0',
       "max_iter=200, max_leaf_nodes=15, random_state=0"),
    _r("RandomForestRegressor", "ensemble", _FOREST, "n_estimators=300, min_samples_leaf=2, random_state=0",
       "n_estimators=300, max_features=0.3, random_state=0", offers=frozenset({"importances", "weights"})),
    _r("ExtraTreesRegressor", "ensemble", _FOREST, "n_estimators=300, min_samples_leaf=2, random_state=0",
       "n_estimators=300, max_features=0.5, random_state=0", offers=frozenset({"importances", "weights"})),
    _r("GradientBoostingRegressor", "ensemble",
       {**_BOOST, "loss": _one('"squared_error"', '"absolute_error"', '"huber"')},
       "subsample=0.7, random_state=0", 'loss="huber", learning_rate=0.05, n_estimators=300, random_state=0',
       offers=frozenset({"importances", "weights"})),
    _r("SVR", "svm", {**_SVM, "epsilon": _log(1e-3, 1)}, "C=10", "C=100, gamma=0.01", scaled=True),
    _r("KNeighborsRegressor", "neighbors", _NEIGHBOURS, 'n_neighbors=10, weights="distance"',
       'n_neighbors=25, weights="distance"', offers=frozenset(), scaled=True),
    _r("KernelRidge", "kernel_ridge", {"alpha": _log(1e-4, 10), "gamma": _log(1e-4, 10)},
       'alpha=0.1, kernel="rbf"', scaled=True),
    _r("MLPRegressor", "neural_network", _NET, "hidden_layer_sizes=(100,), alpha=0.01, max_iter=1000, random_state=0",
       offers=frozenset(), scaled=True),
    _r("GaussianProcessRegressor", "gaussian_process", {"alpha": _log(1e-6, 1)},
       "alpha=0.1, normalize_y=True, random_state=0", offers=frozenset(), scaled=True),
    _r("DecisionTreeRegressor", "tree", _TREE, "max_depth=6, random_state=0",
       offers=frozenset({"importances", "weights"})),
    _r("PoissonRegressor", "linear_model", {"alpha": _log(1e-4, 10)}, "max_iter=1000", scaled=True),
    _r("PLSRegression", "cross_decomposition", {"n_components": _whole(1, 10)}, "n_components=2", offers=frozenset()),
    # Transformers that keep the columns
    _t("StandardScaler", "preprocessing", "scaler", {}),
    _t("MinMaxScaler", "preprocessing", "scaler", {}),
    _t("MaxAbsScaler", "preprocessing", "scaler", {}),
    _t("RobustScaler", "preprocessing", "scaler", {}),
    _t("QuantileTransformer", "preprocessing", "scaler",
       {"n_quantiles": _whole(10, 200), "output_distribution": _one('"uniform"', '"normal"')},
       'n_quantiles=50, output_distribution="normal", random_state=0'),
    _t("PowerTransformer", "preprocessing", "scaler", {}),
    _t("Normalizer", "preprocessing", "scaler", {"norm": _one('"l2"', '"l1"', '"max"')}),
    # Transformers that make columns
    _t("PolynomialFeatures", "preprocessing", "expander", {"degree": _whole(2, 3)}, "degree=2, include_bias=False"),
    _t("SplineTransformer", "preprocessing", "expander", {"n_knots": _whole(3, 12)}, "n_knots=5"),
    _t("Nystroem", "kernel_approximation", "expander", {"gamma": _log(1e-4, 1), "n_components": _whole(50, 300)},
       "gamma=0.02, n_components=100, random_state=0", scaled=True),
    # Transformers that choose columns
    _t("SelectKBest", "feature_selection", "selector", {"k": _whole(5, 300)}, "k=10", "k=20", "k=50"),
    _t("SelectPercentile", "feature_selection", "selector", {"percentile": _whole(5, 95, "linear")},
       "percentile=50", "percentile=25"),
    _t("VarianceThreshold", "feature_selection", "selector", {"threshold": _log(1e-4, 1)}, "threshold=0.01"),
    # Transformers that turn columns into fewer
    _t("PCA", "decomposition", "decomposition", {**_PARTS, "whiten": _one("False", "True")},
       "n_components=20, random_state=0", "n_components=50, random_state=0", "n_components=0.95, random_state=0",
       positional=True),
    _t("TruncatedSVD", "decomposition", "decomposition", _PARTS, "n_components=20, random_state=0", positional=True),
    _t("FastICA", "decomposition", "decomposition", _PARTS, "n_components=20, random_state=0", positional=True),
    _t("NMF", "decomposition", "decomposition", _PARTS, "n_components=20, max_iter=1000, random_state=0",
       positional=True),
    _t("FactorAnalysis", "decomposition", "decomposition", _PARTS, "n_components=20, random_state=0", positional=True),
    _t("KernelPCA", "decomposition", "decomposition",
       {**_PARTS, "kernel": _one('"linear"', '"cosine"', '"rbf"', '"poly"')},
       'n_components=20, kernel="cosine", random_state=0', positional=True),
    # Clusterers
    _t("KMeans", "cluster", "clusterer", _CLUSTERS, "n_clusters=8, n_init=10, random_state=0", positional=True),
    _t("MiniBatchKMeans", "cluster", "clusterer", _CLUSTERS, "n_clusters=8, random_state=0", positional=True),
    _t("AgglomerativeClustering", "cluster", "clusterer",
       {**_CLUSTERS, "linkage": _one('"ward"', '"average"', '"complete"')}, "n_clusters=8", positional=True),
    _t("SpectralClustering", "cluster", "clusterer",
       {**_CLUSTERS, "affinity": _one('"rbf"', '"nearest_neighbors"')},
       'n_clusters=8, affinity="nearest_neighbors", random_state=0', positional=True),
    _t("Birch", "cluster", "clusterer", {**_CLUSTERS, "threshold": _log(0.05, 5)}, "n_clusters=8"),
    _t("GaussianMixture", "mixture", "clusterer",
       {"n_components": _whole(2, 40), "covariance_type": _one('"full"', '"diag"', '"tied"')},
       "n_components=8, random_state=0", positional=True),
)  # fmt: skip

ESTIMATORS: Mapping[str, Estimator] = {entry.name: entry for entry in _ENTRIES}

POSITIONAL: Mapping[str, str] = {
    **{entry.name: next(iter(entry.settings)) for entry in _ENTRIES if entry.has_positional},
    "KNeighborsClassifier": "n_neighbors", "KNeighborsRegressor": "n_neighbors", "SelectKBest": "k",
    "PolynomialFeatures": "degree",
}  # fmt: skip
"""The parameter that a first positional argument stands for (older releases take it)."""


def members(kind: Kind) -> tuple[Estimator, ...]:
    """Return the estimators of a kind, in the order of the catalogue."""
    return tuple(entry for entry in _ENTRIES if entry.kind == kind)


def imports_for(*names: str) -> tuple[Import, ...]:
    """Return the imports of catalogue classes and of the helpers that join them."""
    return tuple(ESTIMATORS[name].import_ if name in ESTIMATORS else HELPERS[name] for name in names)


HELPERS: Mapping[str, Import] = {
    name: Import(name, f"from sklearn.{module} import {name}")
    for name, module in {
        "make_pipeline": "pipeline", "VotingClassifier": "ensemble", "VotingRegressor": "ensemble",
        "StackingClassifier": "ensemble", "StackingRegressor": "ensemble", "BaggingClassifier": "ensemble",
        "BaggingRegressor": "ensemble", "CalibratedClassifierCV": "calibration", "FunctionTransformer": "preprocessing",
        "TransformedTargetRegressor": "compose", "SimpleImputer": "impute", "f_regression": "feature_selection",
        "MultiOutputRegressor": "multioutput",
    }.items()
} | {"np": NUMPY}  # fmt: skip
