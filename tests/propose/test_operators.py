from __future__ import annotations

import ast
import importlib
import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from score_nb.propose.code import missing_modules, missing_outputs, nearest_module, problem_with, unbound_names
from score_nb.propose.operators.arrays import array_moves
from score_nb.propose.operators.catalogue import ESTIMATORS, HELPERS, Choice, Range
from score_nb.propose.operators.edits import NUMPY, Cell, Change, Edit, Import, carried_out
from score_nb.propose.operators.settings import drawn, number_moves, rounded, stepped
from score_nb.propose.operators.sites import sites

SMALLER = {
    "n_components=20": "n_components=5", "n_components=50": "n_components=6", "k=20": "k=5", "k=50": "k=6",
    "n_estimators=300": "n_estimators=20", "n_quantiles=50": "n_quantiles=20",
}  # fmt: skip
"""Sizes of the catalogue made to fit a small data set."""
NO_CHANGE = Change((), "")
SVC = Import("SVC", "from sklearn.svm import SVC")


def test_an_edit_leaves_all_other_bytes_alone() -> None:
    cell = Cell("# ä comment\nx  =  f( 1,2 )  # why\n")
    (call,) = cell.calls
    assert cell.edited([cell.replace(call.args[0], "10")]) == "# ä comment\nx  =  f( 10,2 )  # why\n"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Cell("x = 1").edited([Edit(0, 3, "y"), Edit(2, 5, "z")])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "f(k=1)"),
        ("f(a)", "f(a, k=1)"),
        ("f(a, b=2)", "f(a, b=2, k=1)"),
        ("f(\n    a,\n)", "f(\n    a, k=1)"),
        ("f(a)(b)", "f(a)(b, k=1)"),
    ],
)
def test_an_argument_is_added_at_the_end(before: str, after: str) -> None:
    cell = Cell(before)
    assert cell.edited([cell.with_argument(cell.calls[0], "k=1")]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [("f(a, b)", "f(new, a, b)"), ("f(\n    a,\n    b,\n)", "f(\n    new,\n    a,\n    b,\n)")],
)
def test_an_item_gets_a_line_of_its_own_where_its_neighbour_has_one(before: str, after: str) -> None:
    cell = Cell(before)
    assert cell.edited([cell.insert_item(cell.calls[0].args[0], "new")]) == after


def test_a_needed_import_follows_the_cells_own_and_an_unneeded_one_stays_out() -> None:
    cell = Cell("# head\nimport os\nfrom a import b\n\nmodel = b(os)\n")
    change = Change((cell.replace(cell.calls[0], "SVC(os, b)"),), "", (SVC, NUMPY))
    assert carried_out(cell, change) == (
        "# head\nimport os\nfrom a import b\nfrom sklearn.svm import SVC\n\nmodel = SVC(os, b)\n"
    )


def test_an_import_that_a_change_made_useless_goes() -> None:
    cell = Cell("from sklearn.tree import A, B\n\nx = A()\ny = B()\n")
    change = Change((cell.replace(cell.calls[0], "SVC()"),), "", (SVC,))
    assert carried_out(cell, change) == (
        "from sklearn.tree import B\nfrom sklearn.svm import SVC\n\nx = SVC()\ny = B()\n"
    )


def test_names_that_the_notebook_gives_are_not_imported() -> None:
    cell = Cell("x = f()\n")
    assert carried_out(cell, Change((cell.replace(cell.calls[0], "SVC()"),), "", (SVC,)), ["SVC"]) == "x = SVC()\n"


@pytest.mark.parametrize(
    ("source", "unbound"),
    [
        ("def f(a, *b, c=d):\n    e = a\n    return e + g", {"d", "g"}),
        ("y = [x for x in z]", {"z"}),
        ("try:\n    pass\nexcept E as e:\n    print(e)", {"E"}),
        ("from m import *\ny = anything", set()),
        ("with o as (p, q):\n    r = p\nfor s in r: t = (u := s)", {"o"}),
        ("class A:\n    b = 1\n    def c(self): return A", set()),
    ],
)
def test_unbound_names_are_those_that_nobody_defines(source: str, unbound: set[str]) -> None:
    assert unbound_names(ast.parse(source)) == unbound


@pytest.mark.parametrize(
    "source",
    [
        "predict = 1", "def predict(): pass", "class predict: pass", "import predict", "from a import b as predict",
        "x, (predict, y) = f()", "for predict in x: pass", "with a as predict: pass", "if a:\n    predict = 1",
        "(predict := 3)", "predict: int = 1", "from a import *", "try:\n    predict = 1\nexcept E: pass",
    ],
)  # fmt: skip
def test_an_output_may_be_defined_in_any_way(source: str) -> None:
    assert missing_outputs(source, ["predict"]) == []


@pytest.mark.parametrize(
    "source", ["def f():\n    predict = 1", "predict.x = 1", "[predict for predict in x]", "predict[0] = 1"]
)
def test_what_does_not_define_an_output(source: str) -> None:
    assert missing_outputs(source, ["predict"]) == ["predict"]


def test_modules_that_are_not_installed_are_found_and_answered_with_the_nearest() -> None:
    source = """\
import numpy.linalg, nonumpy
from sklern.svm import SVC
from . import x
try:
    import cupy_none
except ImportError:
    pass
"""
    assert missing_modules(source) == ["nonumpy", "sklern"]
    assert nearest_module("sklern") == "sklearn"
    assert nearest_module("scikit_learn") == "sklearn"
    assert "defines neither" not in problem_with("x = 1", ["x"])


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_settings_stay_within_the_documented_range(name: str) -> None:
    rng = Random(0)
    for setting in ESTIMATORS[name].settings.values():
        for now in (None, 1.0, 1e9):
            value = drawn(setting, rng, now, "")
            if isinstance(setting, Choice):
                assert value in setting.values
            else:
                assert setting.low * 0.99 <= float(value) <= setting.high * 1.01
                assert not setting.is_whole or value == str(int(value))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ESTIMATORS))
@pytest.mark.filterwarnings("ignore")
def test_every_entry_of_the_catalogue_can_be_built_and_fitted(name: str) -> None:
    from sklearn.datasets import load_wine
    from sklearn.preprocessing import MinMaxScaler

    entry = ESTIMATORS[name]
    X, y = load_wine(return_X_y=True)
    X, y = MinMaxScaler().fit_transform(X)[::2], (y.astype(float) if entry.kind == "regressor" else y)[::2]
    scope: dict[str, object] = {}
    exec(entry.import_.statement, scope)
    asked = {
        "proba": "predict_proba",
        "decision": "decision_function",
        "coef": "coef_",
        "importances": "feature_importances_",
    }
    for start in entry.starts:
        small = start
        for size, less in SMALLER.items():
            small = small.replace(size, less)
        model = eval(f"{name}({small})", scope)
        model.fit(X, y, **({"sample_weight": y + 1} if "weights" in entry.offers else {}))
        assert all(hasattr(model, asked[offer]) for offer in entry.offers if offer in asked)
        assert set(entry.settings) <= set(model.get_params())


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_every_helper_can_be_imported(name: str) -> None:
    statement = HELPERS[name].statement.split()
    if statement[0] == "from":
        assert hasattr(importlib.import_module(statement[1]), name)


def test_needs_are_read_from_cell_and_metric() -> None:
    cell = Cell("model = LogisticRegression().fit(X, y)\nw = model.coef_\npca = PCA(3).fit(X)\nv = pca.mean_\n")
    model, pca = sites(cell, "def m(f):\n    return f(model.predict_proba(X))")
    assert model.needs == {"coef", "proba"}
    assert pca.needs == {"fixed"}


def test_what_an_estimator_makes_is_not_standardised_as_an_array() -> None:
    model = Cell("model = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(X, y)\n")
    array = Cell("x = np.log1p(counts / counts.sum(1, keepdims=True))\n")
    assert all(
        "columns" not in (move.make(Random(s)) or NO_CHANGE).detail for move in array_moves(model) for s in range(9)
    )
    assert any("columns" in (move.make(Random(s)) or NO_CHANGE).detail for move in array_moves(array) for s in range(9))


def _array_changes(source: str) -> set[str]:
    cell = Cell(source)
    changes = (move.make(Random(seed)) for move in array_moves(cell) for seed in range(30))
    return {carried_out(cell, change) for change in changes if change is not None}


def test_partial_sums_are_accelerated_by_means_of_neighbours() -> None:
    terms = [(-1.0) ** k / (k + 1) for k in range(20)]  # to log 2
    source = "partial = np.cumsum(terms)\nvalue = partial[len(partial) - 1]\n"
    errors = []
    for changed in [source, *_array_changes(source)]:
        scope: dict[str, Any] = {"np": np, "terms": terms}
        exec(changed, scope)
        errors.append(abs(scope["value"] - math.log(2)))
    assert errors[0] > 0.02
    assert len(errors) == 4
    assert all(error < errors[0] / 10 for error in errors[1:])


@pytest.mark.parametrize(
    ("last", "shape"),
    [("y[-1]", ()), ("z[:, -1]", (3,)), ("z[:, -1:]", (3, 1)), ("w[:, -1:, :2]", (3, 1, 2)), ("w[-1]", (40, 4))],
)
def test_the_last_value_may_become_the_mean_of_the_last_few_of_the_same_shape(
    last: str, shape: tuple[int, ...]
) -> None:
    changed = _array_changes(f"x = {last}\n")
    assert len(changed) >= 5
    for source in changed:
        scope: dict[str, Any] = {
            "y": np.arange(40.0),
            "z": np.ones((3, 40)),
            "w": np.ones((40, 40, 4))[: 3 if "," in last else 40],
        }
        exec(source, scope)
        assert np.shape(scope["x"]) == shape


@pytest.mark.parametrize(
    "source", ["n = x.shape[-1]\n", "x[-1] = 0\n", "t = text.split()[-1]\n", "a = x[1, -1]\n", "b = x[::-1]\n"]
)
def test_other_last_places_are_left_alone(source: str) -> None:
    assert not _array_changes(source)


def test_axes_seeds_and_shapes_are_no_numbers_to_vary() -> None:
    source = """\
x = y.sum(1)
z = y.mean(axis=0)
r = np.random.default_rng(5)
q = y.reshape(3, 4)
m = f(y, random_state=7)
a = y[2]
"""
    cell = Cell(source)
    assert number_moves(cell, sites(cell)) == []
    varied = Cell("w = 0.3 * x\nq = np.quantile(x, 0.9)\nk = 15\n")
    assert len(number_moves(varied, [])) == 3


@given(st.integers(1, 10_000) | st.floats(1e-6, 1e6))
def test_a_step_keeps_the_kind_of_number_and_its_sign(value: float) -> None:
    after = ast.literal_eval(stepped(value, Random(1)))
    assert type(after) is type(value)
    assert after > 0


def test_numbers_are_written_short() -> None:
    assert [rounded(value) for value in (0.123456, 1234.5, 2.0, 1e-7)] == ["0.12", "1200.0", "2.0", "1e-07"]


def test_ranges_are_ordered() -> None:
    for entry in ESTIMATORS.values():
        assert all(s.low < s.high for s in entry.settings.values() if isinstance(s, Range))
