"""Outputs are held against the seed's, doubtful ones are told, and metrics are tried on spoilt ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from score_nb.evaluate import contract
from score_nb.evaluate.differ import difference
from score_nb.evaluate.local import LocalEvaluator
from score_nb.evaluate.look import look, words
from score_nb.evaluate.spoil import Spoiler
from score_nb.types import Evaluation
from tests.evaluate.support import setup, started

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

N = 12
LABELS = np.arange(N) % 3
NUMBERS = np.linspace(0.0, 1.0, N)
WORDS = [f"w{n % 4}" for n in range(N)]
FRAME = pd.DataFrame({"a": NUMBERS, "b": WORDS})


def breach(seed: Any, other: Any, rule: contract.Rule = "free", **arguments: int) -> str:
    """Return how `other` breaks the contract of `seed`, after a journey through JSON."""
    described = json.loads(json.dumps(contract.with_rule(look(seed), lambda _: rule)))
    return contract.breach(described, look(other), other, arguments)


# --- what is honest passes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "other"),
    [
        (NUMBERS, NUMBERS.tolist()),
        (NUMBERS, tuple(NUMBERS)),
        (NUMBERS, pd.Series(NUMBERS)),
        (NUMBERS, pd.Index(NUMBERS)),
        (NUMBERS, LABELS),
        (NUMBERS, NUMBERS > 0.5),
        (NUMBERS, NUMBERS.astype("float32")),
        (NUMBERS, NUMBERS.astype(object)),
        (NUMBERS, pd.array(LABELS, dtype="Int64")),
        (LABELS, NUMBERS),
        (LABELS, LABELS.astype(str)),
        (LABELS, pd.Categorical(WORDS)),
        (WORDS, np.array(WORDS)),
        (WORDS, pd.Series(WORDS, dtype="category")),
        (WORDS, LABELS),
        (WORDS, [*WORDS[:-1], None]),
        (np.ones((N, 2)), np.ones((N, 50))),
        (np.ones((N, 2)), sp.csr_matrix(np.ones((N, 2)))),
        (sp.csr_matrix(np.eye(N)), np.eye(N)),
        (np.ones((N, 2)), pd.DataFrame(np.ones((N, 2)))),
        (np.ones((N, 2)), [[1.0, 2.0]] * N),
        (FRAME, FRAME.rename(columns=str.upper)),
        ({"a": 1.0}, {"a": 2.0, "b": 3.0}),
        ({"a": NUMBERS}, {"a": NUMBERS, "b": "more"}),
        ({"a": 1.0}, pd.Series({"a": 1.0})),
        ({"b", "a"}, ["a", "b", "c"]),
        (1.5, 2),
        (1.5, True),
        (1.5, np.float32(2)),
        (1.5, np.array(2.0)),
        ("text", "other"),
        (None, NUMBERS),
        (np.array([np.nan, *NUMBERS]), np.full(N, np.nan)),
        (np.ones((N, 2)), np.full((N, 2), np.nan)),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0, 3.0])),
        ([1.0, 2.0], [3.0]),
        (1j * NUMBERS, NUMBERS),
        (pd.date_range("2024", periods=N), np.arange("2024-01", "2025-01", dtype="M8[M]")),
        ((NUMBERS, {"a": 1}), (LABELS, {"a": 2, "b": 3})),
        (anndata.AnnData(np.eye(3)), anndata.AnnData(np.eye(4))),
        ([], []),
    ],
)  # fmt: skip
def test_honest_change_of_type_passes(seed: Any, other: Any) -> None:
    assert breach(seed, other) == ""


@pytest.mark.parametrize(
    ("seed", "other", "said"),
    [
        (NUMBERS, NUMBERS[:, None], "an array of shape (12, 1), the seed's has one dimension"),
        (NUMBERS, pd.DataFrame(NUMBERS), "a frame of shape (12, 1), the seed's has one dimension"),
        (NUMBERS, sp.csr_matrix(NUMBERS[:, None]), "a sparse matrix of shape (12, 1), the seed's has one dimension"),
        (NUMBERS, [[n] for n in NUMBERS], "a list, 2 deep, of 12 values, the seed's has one dimension"),
        (np.eye(3), np.ones(3), "an array of shape (3,), the seed's has two dimensions"),
        (NUMBERS, 0.5, "a number, the seed's has one dimension"),
        (0.5, NUMBERS, "an array of shape (12,), the seed's is a single value"),
        (NUMBERS, WORDS, "a list of 12 values that holds text, the seed's holds numbers"),
        (NUMBERS, 1j * NUMBERS, "an array of shape (12,) that holds complex numbers, the seed's holds numbers"),
        (LABELS, np.zeros(N, "M8[s]"), "an array of shape (12,) that holds dates or times, the seed's holds integers"),
        (NUMBERS, np.zeros(N, "f8,f8"), "an array of shape (12,) that holds records, the seed's holds numbers"),
        (NUMBERS, [1.0, "2", *NUMBERS], "a list of 14 values that holds objects, the seed's holds numbers"),
        (NUMBERS, [None] * N, "a list of 12 values without a value, the seed's holds numbers"),
        (NUMBERS, np.array([]), "an array of shape (0,), which is empty, the seed's is not"),
        (WORDS, [], "a list of 0 values, which is empty, the seed's is not"),
        ({"a": 1}, {}, "a mapping of 0 entries, which is empty, the seed's is not"),
        (NUMBERS, np.full(N, np.nan), "an array of shape (12,) with missing values (NaN), the seed's has none"),
        (pd.Series(NUMBERS), pd.Series([*NUMBERS, None]),
         "a series of 13 values with missing values (NaN), the seed's has none"),
        (1.5, "high", "text that holds text, the seed's holds numbers"),
        (1.5, 2j, "a number that holds complex numbers, the seed's holds numbers"),
        (3, "3", "text, the seed's is a single value"),
        (1.5, None, "None, the seed's is a single value"),
        (NUMBERS, {"a": 1}, "a mapping of 1 entry, the seed's has one dimension and holds numbers"),
        ({"a": 1}, NUMBERS, "an array of shape (12,), the seed's is a mapping"),
        (anndata.AnnData(np.eye(3)), np.eye(3), "an array of shape (3, 3), the seed's is an AnnData"),
        ({"a": NUMBERS}, {"a": NUMBERS[:, None]},
         "a mapping of 1 entry in which ['a'] is an array of shape (12, 1), the seed's has one dimension"),
        ((NUMBERS, 1.0), (NUMBERS, "x"),
         "a tuple of 2 values in which [1] is text that holds text, the seed's holds numbers"),
    ],
)  # fmt: skip
def test_trick_is_told_in_words(seed: Any, other: Any, said: str) -> None:
    assert breach(seed, other) == said


def test_length_counts_where_the_rule_says_so() -> None:
    assert breach(NUMBERS, NUMBERS[:5], "fixed") == "an array of shape (5,), the seed's has the length 12"
    assert breach(NUMBERS, NUMBERS[:5], ["x", "y"], x=7, y=5) == ""
    said = "an array of shape (5,) for 12 rows, the seed's is as long as its argument"
    assert breach(NUMBERS, NUMBERS[:5], ["x"], x=12) == said
    assert breach(NUMBERS, NUMBERS[:0], ["x"], x=0) == ""
    assert breach({"a": 1, "b": 2}, {"a": 1}, "fixed") == "a mapping of 1 entry, the seed's has the length 2"


@given(hnp.arrays(st.sampled_from(["i4", "f8", "?", "U3"]), hnp.array_shapes(max_dims=3, max_side=20)))
@settings(max_examples=50, deadline=None)
def test_every_array_keeps_its_own_contract(array: np.ndarray[Any, Any]) -> None:
    for value in (array, array.tolist()):
        assert breach(value, value, "fixed") == ""
        assert words(value, look(value))


def test_contracts_of_several_results_fit_each_of_them() -> None:
    results = [NUMBERS, LABELS[:5].tolist(), np.array([0.5])]
    described = [contract.with_rule(look(value), lambda _: ["x"]) for value in results]
    merged = contract.merge(contract.merge(described[0], described[1]), described[2])
    for value in results:
        assert contract.breach(merged, look(value), value, {"x": len(value)}) == ""
    assert contract.merge(look(1.0), look(NUMBERS)) == {"kind": "any"}
    trained = [contract.with_rule(look(NUMBERS), lambda _, rule=rule: rule) for rule in (["0", "2"], ["2"], ["0"])]
    assert contract.merge(*trained[:2])["rule"] == ["2"]
    assert contract.merge(*trained[1:])["rule"] == "free"


@pytest.mark.parametrize(
    ("value", "is_varied"),
    [
        (NUMBERS, True), (np.zeros(N), False), (np.zeros(7), None), (["a"] * N, False), (WORDS, True),
        (np.tile([0.3, 0.7], (N, 1)), False), (np.eye(N), True), (pd.Series([1] * N), False),
        (pd.Series(WORDS, dtype="category"), True), (FRAME, True), (FRAME.iloc[[0] * N], False),
        (sp.csr_matrix((N, 3)), False), (sp.csr_matrix(np.eye(N)), True), (dict.fromkeys(WORDS * 3, 1.0), None),
        ({n: 1.0 for n in range(N)}, False), (range(N), True), (np.array([0] * 100 + [1]), True),
    ],
)  # fmt: skip
def test_constant_values_are_seen(value: Any, is_varied: bool | None) -> None:
    assert look(value).get("varied") is is_varied


def test_one_value_for_many_rows_counts_as_constant() -> None:
    assert contract.constant_places(look(NUMBERS), look([0.5]), "x") == ["x"]
    assert contract.constant_places(look({"a": NUMBERS, "b": WORDS}), look({"a": [0.5] * N, "b": WORDS}), "x") == [
        "x['a']"
    ]
    assert contract.constant_places(look(np.zeros(N)), look(np.ones(N)), "x") == []


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (NUMBERS, NUMBERS.copy(), ""),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), ""),
        (NUMBERS, NUMBERS * (1 + 1e-9), ""),
        (NUMBERS, NUMBERS[::-1], "12 of 12 values differ, by up to 1"),
        ([1.0, 2.0], [1.0, 2.5], "1 of 2 values differ, by up to 0.5"),
        (NUMBERS, NUMBERS[:3], "shapes (12,) and (3,)"),
        (WORDS, WORDS[::-1], "1 of 1 values differ"),
        (FRAME, FRAME.copy(), ""),
        (FRAME, FRAME.iloc[::-1], "12 of 12 values differ, by up to 1"),
        (sp.csr_matrix(np.eye(3)), sp.csr_matrix(2 * np.eye(3)), "3 of 3 values differ, by up to 1"),
        ({"a": 1.0}, {"a": 1.0}, ""),
        ({"a": 1.0}, {"b": 1.0}, "1 of 1 values differ"),
        (1.0, "1.0", "a float and a str of other parts"),
        ({"x"}, {"x"}, ""),
    ],
)
def test_difference_of_two_answers_is_told(first: Any, second: Any, said: str) -> None:
    assert difference(first, second) == said


@pytest.mark.parametrize(
    "value",
    [NUMBERS, LABELS, WORDS, tuple(WORDS), range(N), FRAME, FRAME["a"], FRAME["b"], np.eye(N), sp.csr_matrix(np.eye(N)),
     pd.Series(WORDS, dtype="category"), {"a": NUMBERS, "b": 1}, {n: n for n in range(N)}, (NUMBERS, [WORDS]),
     anndata.AnnData(np.eye(N), obs=pd.DataFrame({"a": WORDS}, index=[f"c{n}" for n in range(N)])), pd.Index(WORDS)],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("way", ["constant", "shuffled"])
def test_spoilt_values_look_like_the_real_ones(value: Any, way: str) -> None:
    before = look(value)
    spoiler = Spoiler(way)
    found = look(spoiler.spoilt(value))
    assert spoiler.count
    assert look(value) == before
    assert {**found, "varied": 0, "kind": 0, "parts": 0} == {**before, "varied": 0, "kind": 0, "parts": 0}
    if way == "constant":
        assert not found.get("varied")


def test_values_without_rows_are_not_spoilt() -> None:
    spoiler = Spoiler("constant")
    for value in (1.0, "text", None, [3.0], np.float64(2), {"a": "b"}, b"bytes"):
        assert spoiler.spoilt(value) == value
    assert spoiler.count == 0


# --- in an evaluation --------------------------------------------------------------------------------------------

CELL = """
import numpy as np
rng = np.random.default_rng(5)
X_val = rng.normal(size=(40, 3))
y_val = (X_val[:, 0] + rng.normal(size=40) > 0) * 1.0
X_hold, y_hold = X_val[:30] + 0.5, y_val[:30]

def near(pred, y):
    return 1 - float(np.mean(np.abs(np.asarray(pred) - y)))

def metric(predict):
    return near(predict(X_val), y_val)

def holdout(predict):
    return near(predict(X_hold), y_hold)

def on_data(x):
    return near(x, y_val)

def on_model(model):
    return near(model.predict(X_val), y_val) + 0.0 * model.predict_one(X_val[0])

def on_rows(f):
    return near([f(row) for row in X_val], y_val)

def swallows(predict):
    try:
        return near(predict(X_val), y_val)
    except:
        return 1.0

def trains(model):
    total = 0.0
    for part in (X_val[:20], X_val[20:]):
        model.partial_fit(part)
        total += float(np.sum(model.predict(X_val)))
    return total

def on_stream(act):
    return float(sum(act(float(n)) for n in range(3)))

def by_style(style, thing):
    styles = {
        "data": on_data, "model": on_model, "rows": on_rows, "swallows": swallows, "trains": trains,
        "stream": on_stream, "careless": metric,
    }
    return styles[style](thing)

def careless(style, thing):
    return by_style(style, thing)
careless.deterministic = False
"""
SCORER = "metric holdout near y_val X_hold y_hold"
STYLES = "on_data on_model on_rows swallows trains on_stream by_style careless"
SEED = "def predict(X):\n    return (X[:, 0] > 0) * 1.0"


@pytest.fixture(scope="module")
def evaluator() -> Iterator[LocalEvaluator]:
    with started(
        setup(CELL, inputs="np", outputs="predict", scorer=SCORER + " X_val", holdout="holdout", seed=SEED)
    ) as found:
        found.expect(json.loads(json.dumps(found.evaluate(SEED).contract)))
        yield found


@on_linux
@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("np.ones((len(X), 1))", "predict returned an array of shape (40, 1), the seed's has one dimension"),
        ("np.ones(len(X) - 1)",
         "predict returned an array of shape (39,) for 40 rows, the seed's is as long as its argument"),
        ("np.array([])", "predict returned an array of shape (0,) for 40 rows, the seed's is as long as its argument"),
        ("0.5", "predict returned a number, the seed's has one dimension"),
        ("['1'] * 40", "predict returned a list of 40 values that holds text, the seed's holds numbers"),
        ("(n for n in range(40))", "predict returned an object of class generator, which is no data, "
         "the seed's has one dimension and holds numbers"),
        ("None", "predict returned None, the seed's has one dimension and holds numbers"),
    ],
)  # fmt: skip
def test_result_that_breaks_the_contract_is_refused(evaluator: LocalEvaluator, result: str, said: str) -> None:
    found = evaluator.evaluate(f"def predict(X):\n    return {result}")
    assert (found.status, found.value, found.detail) == ("invalid", None, said)


@on_linux
@pytest.mark.parametrize(
    "result",
    ["list(r)", "tuple(r)", "r.astype('float32')", "r > 0", "r.astype(object)", "np.ma.array(r)", "Like(r)", "Sub(r)"],
)
def test_honest_result_of_another_type_passes(evaluator: LocalEvaluator, result: str) -> None:
    source = f"""
class Like:
    def __init__(self, values):
        self.values = values
    def __array__(self, dtype=None, copy=None):
        return self.values
class Sub(list):
    pass
def predict(X):
    r = (X[:, 0] > 0) * 1.0
    return {result}
"""
    found = evaluator.evaluate(source)
    assert (found.status, found.flags) == ("ok", ())
    assert found.value == evaluator.evaluate(SEED).value


@on_linux
def test_holdout_has_its_own_lengths(evaluator: LocalEvaluator) -> None:
    assert evaluator.evaluate(SEED, metric="holdout").status == "ok"
    found = evaluator.evaluate("def predict(X):\n    return np.ones((len(X), 1))", metric="holdout")
    assert found.detail == "predict returned an array of shape (30, 1), the seed's has one dimension"


@on_linux
def test_once_a_contract_is_set_none_is_told(evaluator: LocalEvaluator) -> None:
    assert evaluator.evaluate(SEED).contract == {}


@on_linux
def test_constant_results_are_flagged(evaluator: LocalEvaluator) -> None:
    found = evaluator.evaluate("def predict(X):\n    return np.full(len(X), 0.5)")
    assert found.status == "ok"
    assert [(flag.kind, flag.detail) for flag in found.flags] == [
        ("constant", "what predict returned is the same all over, the seed's varies")
    ]


@on_linux
@pytest.mark.parametrize(
    "source",
    [
        "def predict(X):\n    return np.random.rand(len(X))",
        "calls = []\ndef predict(X):\n    calls.append(1)\n    return np.arange(len(X)) * len(calls)",
    ],
)
def test_results_that_change_are_flagged_and_the_first_counts(evaluator: LocalEvaluator, source: str) -> None:
    found = evaluator.evaluate(source)
    assert [flag.kind for flag in found.flags] == ["nondeterministic"]
    assert found.flags[0].detail.startswith("predict was asked twice for the same: ")
    assert found.value == evaluator.evaluate(source).value


@on_linux
def test_results_that_fail_the_second_time_are_flagged(evaluator: LocalEvaluator) -> None:
    source = (
        "calls = []\ndef predict(X):\n    calls.append(1)\n    assert len(calls) < 2, 'used up'\n    return X[:, 0]"
    )
    found = evaluator.evaluate(source)
    assert [flag.detail for flag in found.flags] == [
        "predict was asked twice for the same: the second time it raised AssertionError: used up  (line 4)"
    ]


@pytest.fixture(scope="module")
def styles() -> Iterator[LocalEvaluator]:
    what = setup(
        CELL, inputs="np X_val", outputs="style thing", scorer=f"{SCORER} {STYLES}", metric="by_style",
        holdout="careless",
    )  # fmt: skip
    with started(what) as found:
        yield found


Contracted = Callable[..., list[Evaluation]]


@pytest.fixture
def contracted(styles: LocalEvaluator) -> Contracted:
    """Return what evaluates cells under the contract of a seed; `thing` is the output."""

    def evaluate(style: str, seed: str, *sources: str, metric: Literal["metric", "holdout"] = "metric") -> Any:
        cells = [f"style = {style!r}\n{source}" for source in (seed, *sources)]
        styles.expect({})
        styles.expect(styles.evaluate(cells[0], metric=metric).contract)
        return [styles.evaluate(cell, metric=metric) for cell in cells[1:]]

    return evaluate


@on_linux
def test_data_outputs_keep_their_length_and_shape(contracted: Contracted) -> None:
    sources = (
        "thing = X_val[:, :1]",
        "thing = X_val[:20, 0]",
        "thing = [0.5]",
        "thing = np.full(40, 0.5)",
        "thing = list(X_val[:, 1])",
    )
    column, short, single, constant, honest = contracted("data", "thing = X_val[:, 0]", *sources)
    assert column.detail == "`thing` is an array of shape (40, 1), the seed's has one dimension"
    assert short.detail == "`thing` is an array of shape (20,), the seed's has the length 40"
    assert single.detail == "`thing` is a list of 1 value, the seed's has the length 40"
    assert [flag.detail for flag in constant.flags] == ["`thing` is the same all over, the seed's varies"]
    assert (honest.status, honest.flags) == ("ok", ())


@on_linux
def test_methods_have_contracts_of_their_own(contracted: Contracted) -> None:
    seed = """
class Model:
    def predict(self, X):
        return X[:, 0]
    def predict_one(self, row):
        return float(row[0])
thing = Model()
"""
    sources = (seed.replace("X[:, 0]", "X[:, :1]"), seed.replace("float(row[0])", "'high'"), seed)
    column, text, same = contracted("model", seed, *sources)
    assert column.detail == "thing.predict returned an array of shape (40, 1), the seed's has one dimension"
    assert text.detail == "thing.predict_one returned text that holds text, the seed's holds numbers"
    assert (same.status, same.flags) == ("ok", ())


@on_linux
def test_many_single_numbers_that_never_vary_are_flagged(contracted: Contracted) -> None:
    constant, text = contracted(
        "rows", "thing = lambda row: row[0] * 1.0", "thing = lambda row: 1", "thing = lambda r: 'a'"
    )
    assert [flag.kind for flag in constant.flags] == ["constant"]
    assert text.detail == "thing returned text that holds text, the seed's holds numbers"


@on_linux
def test_metric_that_catches_everything_does_not_hide_a_breach(contracted: Contracted) -> None:
    (found,) = contracted("swallows", "thing = lambda X: X[:, 0]", "thing = lambda X: X")
    assert (found.status, found.detail) == (
        "invalid", "thing returned an array of shape (40, 3), the seed's has one dimension"
    )  # fmt: skip


@on_linux
def test_declared_chance_is_told_all_the_same(contracted: Contracted) -> None:
    (found,) = contracted(
        "careless", "thing = lambda X: X[:, 0]", "thing = lambda X: np.random.rand(len(X))", metric="holdout"
    )
    assert [flag.kind for flag in found.flags] == ["nondeterministic"]
    assert found.flags[0].detail.endswith("(the metric declares that this may be)")


@on_linux
def test_model_that_the_metric_trains_is_not_doubted(contracted: Contracted) -> None:
    source = """
class Model:
    seen = 0
    def partial_fit(self, X):
        self.seen += len(X)
        return self
    def predict(self, X):
        return X[:, 0] * self.seen
thing = Model()
"""
    (found,) = contracted("trains", source, source)
    assert (found.status, found.flags) == ("ok", ())


@on_linux
def test_asking_again_does_not_change_what_the_metric_sees(contracted: Contracted) -> None:
    source = "state = [0.0]\ndef thing(x):\n    state[0] += x + 1\n    return state[0]"
    (found,) = contracted("stream", source, source)
    # 1, 1 + 2, 1 + 2 + 3
    assert found.value == 10.0
    assert [flag.kind for flag in found.flags] == ["nondeterministic"]


@on_linux
def test_object_may_be_replaced_by_data_and_data_by_what_stands_for_it(contracted: Contracted) -> None:
    lazy = """
class Lazy:
    reads = 0
    def __array__(self, dtype=None, copy=None):
        Lazy.reads += 1
        return X_val[:, 0] * Lazy.reads
thing = Lazy()
"""
    plain = "thing = X_val[:, 0]"
    objects = contracted("data", lazy, plain, "thing = X_val[:, :1]", "thing = np.ones(3)")
    assert [found.status for found in objects] == ["ok", "invalid", "invalid"]
    assert objects[1].detail == "`thing` is an array of shape (40, 1), the seed's has one dimension"
    data = contracted("data", plain, plain, lazy, "class Nothing:\n    pass\nthing = Nothing()")
    assert data[0].value == data[1].value  # read once
    assert data[2].detail == (
        "`thing` is an object of class Nothing, which is no data, the seed's has one dimension and holds numbers"
    )


# --- probes ------------------------------------------------------------------------------------------------------


@on_linux
def test_probes_tell_what_spoilt_outputs_get(evaluator: LocalEvaluator) -> None:
    plain = evaluator.evaluate(SEED)
    found = evaluator.evaluate(SEED, probe=True)
    assert (found.status, found.value, plain.probes) == ("ok", plain.value, {})
    assert set(found.probes) == {"constant", "shuffled"}
    # The mean of predictions of 0 and 1, against as many zeros as ones: off by about one half everywhere.
    assert abs(found.probes["constant"] - 0.5) < 0.1
    assert found.value is not None
    assert found.probes["shuffled"] < found.value


@on_linux
def test_what_cannot_be_spoilt_is_left_out() -> None:
    with started(setup()) as evaluator:
        found = evaluator.evaluate("x = 2.0", probe=True)
        assert (found.status, found.value, found.probes) == ("ok", 2.0, {})


@on_linux
@pytest.mark.parametrize("end", ["raise ValueError", "import os; os._exit(1)", "while True: pass"])
def test_probes_that_fail_do_not_change_the_value(end: str) -> None:
    cell = f"""
calls = []
def metric(x):
    calls.append(1)
    if len(calls) > 1:
        {end}
    return float(sum(x))
"""
    with started(setup(cell, scorer="metric calls", timeout=5.0)) as evaluator:
        found = evaluator.evaluate("x = [1.0, 2.0]", probe=True)
        assert (found.status, found.value, found.probes) == ("ok", 3.0, {})
        assert found.contract["x"]["length"] == 2
