"""Cross-validation in which no candidate sees the labels of two folds: each fold gets a candidate of its own.

A metric that hands the training rows of one fold after the other to the same candidate shows it every label, and a
candidate that keeps them knows the answers of the next fold.  Here the evaluator runs the cell anew for each fold.
"""

from __future__ import annotations

import inspect
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from score_nb.errors import BadMetric

Numbers = float | Mapping[str, float]


class CrossValidation:
    """A metric that is the mean of another one over folds; made by `cv`.

    Attributes
    ----------
    n_folds : int
        How many folds there are.
    """

    def __init__(self, metric: Callable[..., Any], splits: Iterable[tuple[Any, Any]]) -> None:
        self.__wrapped__ = metric
        self.__name__ = self.__qualname__ = getattr(metric, "__name__", "metric")
        self.__doc__ = inspect.getdoc(metric)
        self._splits = [tuple(split) for split in splits]
        parameters = [p for p in inspect.signature(metric).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(parameters) < 3:
            raise BadMetric(
                "score_nb.cv takes a function of the seed's outputs and, as the last two, the rows to train on and "
                f"the rows to test on: def {self.__name__}(fit_predict, train, test)"
            )
        if not self._splits or any(len(split) != 2 for split in self._splits):
            raise BadMetric("score_nb.cv takes splits as pairs (train, test), such as KFold(5).split(X)")
        self._train, self._test = (parameter.name for parameter in parameters[-2:])
        self.__signature__ = inspect.Signature(parameters[:-2])
        for name in ("bounds", "deterministic"):
            if hasattr(metric, name):
                setattr(self, name, getattr(metric, name))

    @property
    def n_folds(self) -> int:
        """How many folds there are."""
        return len(self._splits)

    def fold(self, index: int) -> Callable[..., Any]:
        """Return the metric on one fold: a function of the seed's outputs."""
        train, test = self._splits[index]

        def metric(*outputs: Any, **named: Any) -> Any:
            return self.__wrapped__(*outputs, **named, **{self._train: train, self._test: test})

        metric.__signature__ = self.__signature__  # type: ignore[attr-defined]
        metric.deterministic = getattr(self, "deterministic", True)  # type: ignore[attr-defined]
        return metric

    def __call__(self, *outputs: Any, **named: Any) -> Numbers:
        """Return the mean over all folds, computed here: with a seed of yours, not with a candidate."""
        return mean([self.fold(index)(*outputs, **named) for index in range(self.n_folds)])


def cv(metric: Callable[..., Any], splits: Iterable[tuple[Any, Any]]) -> CrossValidation:
    """Return a metric that is the mean of `metric` over cross-validation folds, each scored with a fresh candidate.

    Parameters
    ----------
    metric : callable
        Takes the seed's outputs and, as its last two parameters, the rows to train on and the rows to test on; returns
        a number or a mapping of numbers.
    splits : iterable of (train, test)
        Index arrays, as scikit-learn's splitters give them.

    Returns
    -------
    CrossValidation
        Use it as any metric: `%%score NAME`.

    Raises
    ------
    BadMetric
        The function has too few parameters, or a split is no pair.

    Examples
    --------
    >>> def fold_accuracy(fit_predict, train, test):
    ...     return accuracy_score(y[test], fit_predict(X[train], y[train], X[test]))
    >>> accuracy = score_nb.cv(fold_accuracy, StratifiedKFold(5).split(X, y))
    """
    return CrossValidation(metric, splits)


def mean(results: list[Any]) -> Numbers:
    """Return the mean of the folds' results, entry by entry where they are mappings."""
    if isinstance(results[0], Mapping):
        return {name: statistics.fmean(result[name] for result in results) for name in results[0]}
    return statistics.fmean(results)
