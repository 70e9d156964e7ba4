"""Each name on its side."""

from __future__ import annotations

from typing import Any

from score_nb.cell.task import Sides, divide


def sides(**changes: Any) -> Sides:
    """The documentation's example: a metric over `predict`, with names changed by the test."""
    case: dict[str, Any] = {
        "parameters": ("predict",),
        "metric_reads": {"balanced_accuracy_score", "y_val", "X_val"},
        "seed_reads": {"LogisticRegression", "X_train", "y_train", "print"},
        "seed_binds": {"model", "predict"},
        "had_before": {
            "LogisticRegression",
            "balanced_accuracy_score",
            "X_train",
            "y_train",
            "X_val",
            "y_val",
            "genes",
        },
        "data": {"X_train", "y_train", "X_val", "y_val", "g"},
    }
    return divide(**{**case, **changes})


def test_the_documentations_example() -> None:
    assert sides() == Sides(
        outputs=("predict",),
        inputs=("LogisticRegression", "X_train", "y_train"),
        scorer=("X_val", "balanced_accuracy_score", "y_val"),
        leaks=(),
        kept=(),
        missing=(),
    )


def test_a_name_that_only_the_seed_defines_and_the_metric_reads_is_an_output() -> None:
    found = sides(metric_reads={"y_val", "model", "threshold"})
    assert found.outputs == ("predict", "model")
    assert found.scorer == ("y_val",)


def test_a_name_that_the_notebook_had_before_stays_the_scorers() -> None:
    found = sides(seed_binds={"predict", "y_val"})
    assert found.outputs == ("predict",)
    assert "y_val" in found.scorer
    assert found.kept == ("y_val",)


def test_data_read_by_both_sides_is_a_leak_but_shared_code_is_none() -> None:
    found = sides(metric_reads={"y_val", "X_train", "LogisticRegression"})
    assert found.leaks == ("X_train",)
    assert found.scorer == ("y_val",)
    assert sides(metric_reads={"X_train"}, share=("X_train",)).leaks == ()


def test_share_widens_and_hide_narrows() -> None:
    found = sides(metric_reads={"genes", "y_train"}, share=("genes",), hide=("y_train",))
    assert found.inputs == ("LogisticRegression", "X_train", "genes")
    assert found.scorer == ("y_train",)
    assert found.leaks == ()


def test_missing_parameters_are_named_in_the_metrics_order() -> None:
    assert sides(parameters=("weights", "predict", "bias")).missing == ("weights", "bias")


def test_parameters_come_first_and_once() -> None:
    found = sides(parameters=("predict", "model"), metric_reads={"model", "y_val"})
    assert found.outputs == ("predict", "model")
