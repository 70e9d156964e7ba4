"""The notebook's values arrive in a fresh process as the candidate expects them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from score_nb.errors import BadInput
from score_nb.evaluate import snapshot
from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import notebook, setup, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="snapshots lie in memory files")

CELL = """
import functools
import threading
import numpy as np

big = np.zeros((1000, 50))
holder = {"same": big, "other": np.ones(3)}
fixed = np.arange(4.0)
fixed.flags.writeable = False
factor = 2

@functools.lru_cache(maxsize=8)
def cached(n):
    return n * factor

def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)

def outer():
    def inner(n):
        return 0 if n == 0 else 1 + inner(n - 1)
    return inner
inner = outer()

def annotated(a: int = 3, *, b: float = 4.0) -> float:
    "Say what it does."
    return a + b

class Base:
    def value(self):
        return factor

class Derived(Base):
    def value(self):
        return super().value() + 1

thing = Derived()

class Threaded:
    def __getstate__(self):
        return {"a": 1}
    def __setstate__(self, state):
        self.__dict__.update(state)
        self.go = threading.Event()
        threading.Thread(target=self.go.wait, daemon=True).start()

threaded = Threaded()

def metric(x):
    return float(x)
"""
NAMES = "big holder fixed factor cached factorial inner annotated Base Derived thing np functools threading Threaded"


@pytest.fixture(scope="module")
def evaluator() -> Iterator[LocalEvaluator]:
    with started(setup(CELL, inputs=NAMES)) as found:
        yield found


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("big += 1\nx = holder['same'].sum()", 50_000.0),  # the same memory under two names
        ("holder['other'] += 1\nx = holder['other'].sum()", 6.0),
        ("x = 0\ntry:\n    fixed += 1\nexcept ValueError:\n    x = 1", 1.0),
        ("x = cached(4)", 8.0),
        ("factor = 3\nx = cached(4)", 12.0),
        ("x = factorial(5)", 120.0),
        ("x = inner(7)", 7.0),
        ("x = annotated() + len(annotated.__doc__) + (annotated.__annotations__['a'] is int)", 25.0),
        ("x = thing.value() + isinstance(thing, Base) + (type(thing) is Derived)", 5.0),
        ("factor = 10\nx = thing.value()", 11.0),
        ("import inspect\nx = len(inspect.getsource(annotated).splitlines())", 3.0),
        ("x = float('def metric' in ''.join(__import__('linecache').cache['<ipython-input-0>'][2]))", 0.0),
    ],
)
def test_names_behave_as_in_the_notebook(evaluator: LocalEvaluator, source: str, value: float) -> None:
    found = evaluator.evaluate(source)
    assert (found.status, found.value) == ("ok", value), found


def test_value_that_starts_threads_is_rebuilt_after_the_fork() -> None:
    with started(setup(CELL, inputs="threaded threading factor")) as evaluator:
        for _ in range(2):
            found = evaluator.evaluate("import threading\nx = threaded.a + threading.active_count()")
            assert found.value == 3.0, found


def test_module_that_exists_in_the_kernel_only_is_named() -> None:
    import types

    made_up = types.ModuleType("made_up_for_this_test")
    made_up.value = 1  # type: ignore[attr-defined]
    sys.modules["made_up_for_this_test"] = made_up
    what = setup("import made_up_for_this_test as helper\ndef metric(x):\n    return x", inputs="helper")
    evaluator = LocalEvaluator(what)
    try:
        with pytest.raises(BadInput, match=r"`helper` .*cannot be"):
            evaluator.start()
    finally:
        evaluator.close()
        del sys.modules["made_up_for_this_test"]


def test_buffers_are_kept_apart_from_the_pickles() -> None:
    space = notebook("import numpy as np\na = np.zeros(100_000)\nb = {'a': a}")
    taken = snapshot.take({name: space[name] for name in "ab"}, secrets=(), reader="candidates")
    try:
        first, second = taken.pieces
        assert first.buffers == second.buffers == ((0, 800_000, False),)
        assert first.pickle[1] + second.pickle[1] < 1000
    finally:
        taken.close()


def test_rebuilt_values_are_equal() -> None:
    values = {"array": np.arange(5.0), "text": "x", "empty": np.zeros(0), "frozen": frozenset({1})}
    taken = snapshot.take(values, secrets=(), reader="candidates")
    try:
        rebuilt = {name: rebuild() for name, rebuild in snapshot.load(taken.index(), taken.fd)}
    finally:
        taken.close()
    np.testing.assert_array_equal(rebuilt.pop("array"), values.pop("array"))
    np.testing.assert_array_equal(rebuilt.pop("empty"), values.pop("empty"))
    assert rebuilt == values
