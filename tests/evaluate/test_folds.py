"""Cross-validation in which each fold has a candidate of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import score_nb
from score_nb.errors import BadMetric
from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.folds import together
from score_nb.types import Evaluation, Flag
from tests.evaluate.support import started

NOTEBOOK = """
import numpy as np
y = np.arange(40) * 7 % 5
rows = np.arange(40)
splits = [(rows[rows % 4 != k], rows[rows % 4 == k]) for k in range(4)]

def share_right(fit_predict, train, test):
    "Share of rows named right."
    return {"right": float(np.mean(fit_predict(rows[train], y[train], rows[test]) == y[test])), "rows": len(test)}
"""
# Keeps every label that it is shown; knows nothing of rows that it never saw.
REMEMBERS = """
import numpy as np
known = {}
def fit_predict(train, labels, test):
    known.update(zip(train.tolist(), labels.tolist()))
    return np.array([known.get(row, -1) for row in test.tolist()])
"""


def notebook() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, space)
    space["share_right"] = score_nb.cv(space["share_right"], space["splits"])
    return space


def test_called_here_it_is_the_mean_over_all_folds() -> None:
    space = notebook()
    metric = space["share_right"]

    def knows(train: Any, labels: Any, test: Any) -> Any:
        return test * 7 % 5 if len(test) else test

    assert metric(knows) == {"right": 1.0, "rows": 10.0}
    assert (metric.__name__, metric.__doc__, metric.n_folds) == ("share_right", "Share of rows named right.", 4)


def test_what_a_metric_declares_is_kept() -> None:
    def metric(predict: Any, train: Any, test: Any) -> float:
        return 0.5

    metric.bounds = (0, 1)  # type: ignore[attr-defined]
    assert score_nb.cv(metric, [([0], [1])]).bounds == (0, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("splits", [[], [(1, 2, 3)]])
def test_splits_that_are_none_are_refused(splits: Any) -> None:
    with pytest.raises(BadMetric, match=r"KFold\(5\).split"):
        score_nb.cv(lambda predict, train, test: 0.0, splits)


def test_a_function_without_rows_is_refused() -> None:
    with pytest.raises(BadMetric, match="rows to train on"):
        score_nb.cv(lambda predict: 0.0, [([0], [1])])


@pytest.mark.skipif(sys.platform != "linux", reason="candidates are forked on Linux")
def test_no_candidate_sees_the_labels_of_two_folds() -> None:
    space = notebook()
    # Called with one and the same function the labels of three folds are known by the second.
    here: dict[str, Any] = {}
    exec(REMEMBERS, here)
    assert space["share_right"](here["fit_predict"])["right"] == pytest.approx(0.75)
    what = EvaluatorSetup(
        seed=REMEMBERS, outputs=("fit_predict",), parameters=("fit_predict",), inputs={},
        scorer={name: space[name] for name in ("share_right", "np", "y", "rows")}, metric="share_right",
    )  # fmt: skip
    with started(what) as evaluator:
        found = evaluator.evaluate(REMEMBERS)
        assert (found.status, found.value, found.metrics) == ("ok", 0.0, {"rows": 10.0})
        honest = evaluator.evaluate("def fit_predict(train, labels, test):\n    return test * 7 % 5")
        assert honest.value == 1.0
        failing = evaluator.evaluate(
            "def fit_predict(train, labels, test):\n    assert 0 in train\n    return test * 7 % 5"
        )
        assert failing.status == "error"
        assert failing.detail.startswith("fold 1 of 4: ")


def test_a_search_uses_it_as_any_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = notebook()
    monkeypatch.chdir(tmp_path)
    run = score_nb.search(
        metric=space["share_right"], seed=REMEMBERS, namespace=space, nodes=1, model="offline", workers=1
    )
    assert run.wait(120)
    assert run.reason == "1 of 1 nodes"
    assert run.nodes[0].value == 0.0
    assert set(run.task.scorer) >= {"share_right", "y", "rows"}
    assert run.task.inputs == ()


def test_flags_and_costs_of_all_folds_count() -> None:
    folds = [
        Evaluation("ok", 1.0, seconds=1, cpu_seconds=2, peak_mib=3, flags=(Flag("constant", "all 1"),)),
        Evaluation("ok", 3.0, seconds=1, cpu_seconds=2, peak_mib=9, flags=(Flag("nondeterministic", "differs"),)),
    ]
    found = together(folds, 2)
    assert (found.value, found.seconds, found.cpu_seconds, found.peak_mib) == (2.0, 2, 4, 9)
    assert {flag.kind for flag in found.flags} == {"constant", "nondeterministic"}
