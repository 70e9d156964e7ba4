"""What the metric may do with a function or object of the candidate."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import setup, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

CELL = """
import copy, pickle
import numpy as np

def metric(f):
    return f()

def on(thing, act):
    return float(ACTS[act](thing))

ACTS = {
    "call": lambda t: t.add(2, b=3),
    "attribute": lambda t: t.size,
    "item": lambda t: t["a"],
    "slice": lambda t: sum(t[1:3]),
    "length": lambda t: len(t),
    "loop": lambda t: sum(t),
    "generate": lambda t: sum(t.generate(4)),
    "contains": lambda t: 3 in t,
    "has": lambda t: hasattr(t, "size") and not hasattr(t, "nothing"),
    "callable": lambda t: callable(t.add) and not callable(t),
    "array": lambda t: np.asarray(t).sum(),
    "float": lambda t: float(t),
    "int": lambda t: int(t),
    "hand_back": lambda t: t.same(t),
    "chain": lambda t: t.child().child().size,
    "keyword_array": lambda t: t.total(values=np.arange(5.0)),
    "same_array_twice": lambda t: t.total(np.ones(3)) + t.total(np.ones(3)),
    "catch": lambda t: _catch(t),
    "clone": lambda t: copy.deepcopy(t),
    "pickle": lambda t: pickle.dumps(t),
    "set": lambda t: setattr(t, "size", 1),
    "function": lambda t: t.add(len, 1),
}

def _catch(t):
    for act, kind in ((t.fail, ValueError), (lambda: t["zz"], KeyError), (lambda: t.nothing, AttributeError)):
        try:
            act()
        except kind:
            continue
        return 0
    return 1
"""
THING = """
import numpy as np
class Thing:
    size = 7
    values = {"a": 5.0}
    def add(self, a, b):
        return a + b
    def __getitem__(self, key):
        return [1, 2, 3, 4][key] if isinstance(key, slice) else self.values[key]
    def __len__(self):
        return 9
    def __iter__(self):
        return iter([1, 2, 3])
    def __contains__(self, item):
        return item == 3
    def __array__(self, dtype=None, copy=None):
        return np.arange(4.0)
    def __float__(self):
        return 0.25
    def __int__(self):
        return 6
    def generate(self, n):
        yield from range(n)
    def same(self, other):
        return other is self
    def child(self):
        return Thing()
    def total(self, values):
        values += 1
        return float(values.sum())
    def fail(self):
        raise ValueError("no")
thing = Thing()
act = """


@pytest.fixture(scope="module")
def evaluator() -> Iterator[LocalEvaluator]:
    scorer = "on ACTS _catch copy pickle np"
    with started(setup(CELL, outputs="thing act", scorer=scorer, metric="on")) as found:
        yield found


@pytest.mark.parametrize(
    ("act", "value"),
    {
        "call": 5, "attribute": 7, "item": 5, "slice": 5, "length": 9, "loop": 6, "generate": 6, "contains": 1,
        "has": 1, "callable": 1, "array": 6, "float": 0.25, "int": 6, "hand_back": 1, "chain": 7,
        "keyword_array": 15, "same_array_twice": 12, "catch": 1,
    }.items(),
)  # fmt: skip
def test_use_of_an_object_works_as_if_it_were_here(evaluator: LocalEvaluator, act: str, value: float) -> None:
    found = evaluator.evaluate(THING + repr(act))
    assert (found.status, found.value) == ("ok", value), f"{found.detail}\n{found.log}"


@pytest.mark.parametrize(
    ("act", "words"),
    {
        "clone": "copies, clones or pickles the candidate's Thing", "pickle": "copies, clones or pickles",
        "set": "cannot change 'size' of the candidate's Thing", "function": "hands a builtin_function_or_method",
    }.items(),
)  # fmt: skip
def test_what_cannot_be_done_says_why(evaluator: LocalEvaluator, act: str, words: str) -> None:
    found = evaluator.evaluate(THING + repr(act))
    assert found.status == "invalid"
    assert found.detail.startswith("metric on raised ")
    assert words in found.detail


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("raise SystemExit(3)", "error", "SystemExit: 3  (line 2)"),
        ("f()", "error", "RecursionError"),
        ("import socket\n    socket.socket()", "forbidden", "tried to open a network connection  (line 3)"),
        ("return bytearray(2 << 30)", "memory", "needed more than"),
    ],
)
def test_failure_inside_a_call_is_the_candidates(body: str, status: str, words: str) -> None:
    with started(setup(CELL, outputs="f", memory=400)) as evaluator:
        found = evaluator.evaluate(f"def f():\n    {body}")
        assert found.status == status, found
        assert words in found.detail


def test_large_argument_and_many_small_calls() -> None:
    cell = """
import time
import numpy as np
def metric(f, g):
    big = np.random.rand(1_310_720)
    calls = []
    for _ in range(7):
        begin = time.perf_counter()
        assert f(big) == 1_310_720
        calls.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    for _ in range(1000):
        g(1.0)
    return {"large_ms": 1e3 * sorted(calls)[3], "small_ms": 1e3 * (time.perf_counter() - begin)}
"""
    with started(setup(cell, outputs="f g", scorer="metric time np")) as evaluator:
        found = evaluator.evaluate("def f(a):\n    return len(a)\ndef g(a):\n    return a + 1")
        assert found.status == "ok", found
        # Goals are 3 ms and 100 ms on an idle machine (benchmarks/evaluation.py); here only the order is checked.
        assert found.value is not None
        assert found.value < 60
        assert found.metrics["small_ms"] < 2000
