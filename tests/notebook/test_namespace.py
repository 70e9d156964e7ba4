"""From a live notebook to a task: each name on its side, each mistake answered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from score_nb.config import Options
from score_nb.errors import BadMetric, BadOption, BadSeed, ScoreError
from score_nb.notebook.metric import find_function, parameters_of
from score_nb.notebook.namespace import Study, study

SETUP = """
import numpy as np
X_train, y_train = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
X_val, y_val = X_train + 1, y_train
secret = 42

def share_of(a, b):
    return float(np.mean(a == b))

def balanced(predict):
    \"\"\"Share of validation cells told apart.\"\"\"
    return share_of(y_val, predict(X_val))

def fit(X, y):
    return scale * X.mean() + y.mean()

scale = 2.0
"""
SEED = """
model = fit(X_train, y_train)

def predict(X):
    return X[:, 0] > model
"""


def notebook(extra: str = "") -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__", "In": [], "_3": 1}
    exec(SETUP + extra, namespace)
    return namespace


def studied(
    seed: str = SEED, metric: str = "balanced", extra: str = "", made_here: frozenset[str] = frozenset(), **options: Any
) -> Study:
    namespace = notebook(extra)
    function = find_function(metric, namespace)
    return study(seed, function, metric, namespace, options=Options(**options), made_here=made_here)


def test_every_name_stands_on_its_side() -> None:
    found = studied()
    assert found.task.outputs == found.task.parameters == ("predict",)
    assert found.task.inputs == ("X_train", "fit", "scale", "y_train")
    assert found.task.scorer == ("X_val", "balanced", "np", "share_of", "y_val")
    assert found.task.leaks == ()
    assert found.notes == ()
    assert set(found.inputs) == set(found.task.inputs)
    assert set(found.scorer) == set(found.task.scorer)
    assert found.inputs["X_train"].shape == (3, 2)


def test_the_task_tells_metric_goal_and_data_as_text() -> None:
    task = studied().task
    assert task.metric_doc == task.goal == "Share of validation cells told apart."
    assert "X_train: numpy array, shape (3, 2)" in task.data_view
    assert "y_val" not in task.data_view
    assert studied(goal="tell them apart").task.goal == "tell them apart"


def test_markdown_and_docstring_make_the_goal() -> None:
    namespace = notebook()
    found = study(SEED, namespace["balanced"], "balanced", namespace, options=Options(), goal="# Cells")
    assert found.task.goal == "# Cells\n\nShare of validation cells told apart."


def test_what_only_the_seed_defines_and_the_metric_reads_is_an_output() -> None:
    extra = "def parity():\n    return share_of(y_val, model * threshold)"
    found = studied("model = 1\nthreshold = 2", "parity", extra)
    assert found.task.parameters == ()
    assert found.task.outputs == ("model", "threshold")
    assert "model" not in found.scorer


def test_an_earlier_run_of_the_same_cell_changes_nothing() -> None:
    extra = "def parity():\n    return share_of(y_val, model)\nmodel = 7"
    first = studied("model = 1", "parity", extra, made_here=frozenset({"model"}))
    assert first.task.outputs == ("model",)
    assert "model" not in {**first.inputs, **first.scorer}


def test_a_name_of_another_cell_stays_the_scorers_and_is_told() -> None:
    found = studied(SEED + "\ny_val = 0")
    assert found.task.outputs == ("predict",)
    assert "y_val" in found.scorer
    assert re.search("y_val is defined by this cell and by another one: the metric keeps the other's", found.notes[0])


def test_data_read_by_both_sides_is_a_leak() -> None:
    extra = "def peeking(predict):\n    return share_of(y_train, predict(X_train)) + scale + y_val.sum()"
    found = studied(metric="peeking", extra=extra)
    assert found.task.leaks == ("X_train", "scale", "y_train")
    assert found.task.scorer == ("np", "peeking", "share_of", "y_val")
    assert studied(metric="peeking", extra=extra, share=("X_train", "scale", "y_train")).task.leaks == ()


def test_a_seed_that_calls_its_own_metric_is_told() -> None:
    found = studied(SEED + "\nbalanced(predict)")
    assert found.task.leaks == ("X_val", "y_val")
    assert "the cell itself calls balanced" in found.notes[0]


def test_share_and_hide() -> None:
    assert "secret" in studied(share=("secret",)).inputs
    found = studied(hide=("scale", "balanced"))
    assert "scale" not in found.inputs
    assert found.task.metric_source == ""
    assert "balanced" in found.scorer


def test_a_default_of_the_metric_is_kept_whatever_the_seed_defines() -> None:
    extra = "def early(predict, X=X_val, y=y_val):\n    return share_of(y, predict(X))"
    found = studied(SEED + "\nX, y = X_train, y_train", "early", extra)
    assert found.task.parameters == found.task.outputs == ("predict",)


def test_a_holdout_stands_with_the_scorer() -> None:
    extra = "hidden = y_val + 1\ndef final(predict):\n    return share_of(hidden, predict(X_val))"
    found = studied(extra=extra, holdout="final")
    assert found.holdout == "final"
    assert {"final", "hidden", "balanced"} <= set(found.scorer)


def test_files_that_the_seed_names_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").touch()
    found = studied("table = 'a.csv'" + SEED)
    assert found.read_paths == (str(tmp_path / "a.csv"),)


def test_builtins_are_no_inputs() -> None:
    found = studied("predict = print if open else len", extra="from io import open\nprint = scale")
    assert found.task.inputs == ("print",)


def test_the_fingerprint_follows_the_data_of_both_sides_and_the_helpers() -> None:
    base = studied().fingerprint
    assert studied().fingerprint == base
    assert studied(extra="y_val = y_val + 1").fingerprint != base
    assert studied(extra="scale = 3.0").fingerprint != base
    assert studied(extra="secret = 43").fingerprint == base


def test_values_of_before_are_taken_where_they_are_given() -> None:
    namespace = notebook()
    before = dict(namespace)
    namespace["y_val"] = np.zeros(3)
    found = study(SEED, namespace["balanced"], "balanced", namespace, options=Options(), values=before)
    assert found.scorer["y_val"] is before["y_val"]


@pytest.mark.parametrize(
    ("seed", "error", "words"),
    [
        ("", BadSeed, "the cell is empty"),
        ("def f(:", BadSeed, r"no valid Python: .* \(line 1\)"),
        ("%time predict = 1", BadSeed, r"line 1 of the cell is no plain Python \(%time predict = 1\)"),
        ("x = 1\n!ls", BadSeed, r"line 2 .* a cell of their own"),
        ("files = !ls", BadSeed, "no plain Python"),
        ("predict = await go()", BadSeed, "no plain Python"),
        (
            "predicted = 1",
            BadSeed,
            "takes predict, which the cell does not define .*predicted.* Did you mean predicted",
        ),
        ("predict = 1\nbalanced = 2", BadSeed, "the cell defines balanced itself"),
    ],
)
def test_a_bad_seed_is_answered(seed: str, error: type[ScoreError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        studied(seed)
    assert "\n" not in str(caught.value)


def test_a_metric_that_nothing_reaches_is_answered() -> None:
    with pytest.raises(
        BadSeed, match="nothing that the cell defines reaches fixed: give it a parameter, such as model"
    ):
        studied(metric="fixed", extra="def fixed(): return 1.0")
    extra = "model = 0\ndef parity(): return model"
    with pytest.raises(BadSeed, match="another cell defines model too, and the metric reads that one"):
        studied("model = 1", "parity", extra)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"share": ("secrt",)}, BadOption, "--share secrt: the notebook has no such name. Did you mean secret"),
        ({"hide": ("nothing",)}, BadOption, "--hide nothing"),
        ({"hide": ("X_train",)}, BadSeed, "--hide X_train: the cell reads it"),
        ({"holdout": "balancd"}, BadMetric, "no function balancd.* Did you mean balanced"),
        ({"holdout": "share_of"}, BadMetric, "the hold-out share_of takes a, b, which .*: let both take the same"),
        ({"holdout": "secret"}, BadMetric, "secret is no function but an int: a hold-out is"),
    ],
)
def test_a_bad_option_is_answered(options: dict[str, Any], error: type[ScoreError], words: str) -> None:
    with pytest.raises(error, match=words):
        studied(**options)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "name a metric: %%score METRIC. There are: balanced, fit, share_of"),
        ("balancd", "no function balancd in this notebook. Did you mean balanced?"),
        ("qqqq", "There are: balanced, fit, share_of"),
        ("secret", "secret is no function but an int"),
        ("Kind", "Kind is a class"),
        ("later", "later is async"),
        ("several", "several is a generator"),
    ],
)
def test_a_bad_metric_is_answered(name: str, words: str) -> None:
    extra = "class Kind: pass\nasync def later(): ...\ndef several(): yield 1\nsecret = 1"
    namespace = notebook(extra)
    del namespace["later"], namespace["several"], namespace["Kind"]
    exec(extra if name in ("later", "several", "Kind") else "", namespace)
    with pytest.raises(BadMetric, match=re.escape(words)):
        find_function(name, namespace)


def test_a_notebook_without_functions_says_so() -> None:
    with pytest.raises(BadMetric, match="There are no functions yet"):
        find_function("balanced", {"x": 1})


def test_parameters_of_partials_and_objects() -> None:
    namespace = notebook(
        "import functools\ndef two(predict, k, *rest, depth, wide=1, **more): ...\nhalf = functools.partial(two, k=3)\n"
        "class Scorer:\n    def __call__(self, predict): return 1.0\nscorer = Scorer()"
    )
    assert parameters_of(namespace["two"], "two") == ("predict", "k", "depth")
    assert parameters_of(namespace["half"], "half") == ("predict", "depth")
    assert parameters_of(namespace["scorer"], "scorer") == ("predict",)
