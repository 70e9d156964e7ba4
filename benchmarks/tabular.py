"""Tabular tasks of scikit-learn's bundled data: a naive seed, an expert's cell, and three parts of the rows.

A cell reads `X_train` and `y_train` and defines `predict`; the search climbs on the validation part, the hold-out is
only looked at when the search has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from score_nb.types import Direction


@dataclass(frozen=True)
class Tabular:
    """One task: `load` gives rows and targets, `sizes` the rows for training and validation, the rest is hold-out."""

    name: str
    load: Callable[[], tuple[Any, Any]]
    loss: Callable[[Any, Any], float]
    sizes: tuple[int, int]
    seed: str
    expert: str
    direction: Direction = "minimize"
    goal: str = ""

    def parts(self) -> Mapping[str, tuple[Any, Any]]:
        """Return the rows and targets of "train", "val" and "holdout" by a fixed permutation."""
        X, y = self.load()
        order = np.random.default_rng(5).permutation(len(y))
        first, second = self.sizes[0], sum(self.sizes)
        rows = {"train": order[:first], "val": order[first:second], "holdout": order[second:]}
        return {part: (X[index], y[index]) for part, index in rows.items()}


@dataclass(frozen=True)
class Bundled:
    """A data set that comes with scikit-learn, read when it is called."""

    name: str

    def __call__(self) -> tuple[Any, Any]:
        """Return rows and targets."""
        from sklearn import datasets

        return getattr(datasets, f"load_{self.name}")(return_X_y=True)


def log_loss(y: Any, probabilities: Any) -> float:
    """Return the mean negative log probability of the true class; refuse what are no probabilities."""
    table = np.asarray(probabilities, float)
    if table.shape != (len(y), int(y.max()) + 1) or not np.isfinite(table).all() or table.min() < 0:
        raise ValueError(f"predict gave no probabilities of shape ({len(y)}, {int(y.max()) + 1})")
    table = np.clip(table / table.sum(1, keepdims=True), 1e-15, 1)
    return float(-np.log(table[np.arange(len(y)), y]).mean())


def absolute_error(y: Any, predicted: Any) -> float:
    """Return the mean absolute error."""
    return float(np.abs(y - np.asarray(predicted, float).reshape(len(y))).mean())


def balanced_accuracy(y: Any, predicted: Any) -> float:
    """Return the mean over classes of the share that is named right."""
    return float(np.mean([(np.asarray(predicted)[y == label] == label).mean() for label in np.unique(y)]))


_PROBABILITIES = """

def predict(X):
    return model.predict_proba(X)
"""
_VALUES = """

def predict(X):
    return model.predict(X)
"""
_TREE = """\
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(max_depth=8, min_samples_leaf=5, random_state=0).fit(X_train, y_train)
"""
_DIGITS_EXPERT = """\
import numpy as np
from scipy import ndimage
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC


def moved(X, y):
    images = X.reshape(-1, 8, 8)
    copies = [images]
    for shift in ((0.6, 0), (-0.6, 0), (0, 0.6), (0, -0.6)):
        copies.append(ndimage.shift(images, (0, *shift), order=1))
    angles = np.random.default_rng(0).uniform(-12, 12, len(images))
    copies.append(np.stack([ndimage.rotate(i, a, reshape=False, order=1) for i, a in zip(images, angles)]))
    return np.concatenate(copies).reshape(-1, 64) / 16, np.tile(y, len(copies))


X_more, y_more = moved(X_train, y_train)
svm = SVC(C=8, gamma=0.6, random_state=0).fit(X_more, y_more)
nets = [
    MLPClassifier((128,), alpha=0.03, max_iter=60, random_state=s, learning_rate_init=0.002).fit(X_more, y_more)
    for s in range(3)
]


def predict(X):
    from_svm = np.exp(2.2 * svm.decision_function(X / 16))
    tables = [from_svm / from_svm.sum(1, keepdims=True), *(net.predict_proba(X / 16) for net in nets)]
    log = sum(np.log(table + 1e-4) * weight for table, weight in zip(tables, (0.5, 0.4, 0.4, 0.4)))
    table = np.exp(0.75 * (log - log.max(1, keepdims=True))) + 2e-4
    return table / table.sum(1, keepdims=True)
"""
_CANCER_EXPERT = """\
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=5000)).fit(X_train, y_train)
"""
_WINE_SEED = """\
from sklearn.neighbors import KNeighborsClassifier

model = KNeighborsClassifier(n_neighbors=5).fit(X_train, y_train)
"""
_WINE_EXPERT = """\
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(X_train, y_train)
"""
_DIABETES_SEED = """\
from sklearn.tree import DecisionTreeRegressor

model = DecisionTreeRegressor(max_depth=6, random_state=0).fit(X_train, y_train)
"""
_DIABETES_EXPERT = """\
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVR

linear = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), RidgeCV([30, 100, 300, 1000]))
svm = make_pipeline(StandardScaler(), SVR(kernel="linear", C=10, epsilon=5))
model = VotingRegressor([("linear", linear), ("svm", svm)]).fit(X_train, y_train)
"""

TASKS = (
    Tabular("digits", Bundled("digits"), log_loss, (600, 500), _TREE + _PROBABILITIES, _DIGITS_EXPERT),
    Tabular("breast cancer", Bundled("breast_cancer"), log_loss, (200, 180), _TREE + _PROBABILITIES,
            _CANCER_EXPERT + _PROBABILITIES),
    Tabular("wine", Bundled("wine"), balanced_accuracy, (60, 58), _WINE_SEED + _VALUES, _WINE_EXPERT + _VALUES,
            direction="maximize"),
    Tabular("diabetes", Bundled("diabetes"), absolute_error, (180, 131), _DIABETES_SEED + _VALUES,
            _DIABETES_EXPERT + _VALUES),
)  # fmt: skip
