"""What code of the notebook looks up, however it is wrapped."""

from __future__ import annotations

from typing import Any

import pytest

from score_nb.notebook.reach import reach


def notebook(source: str) -> dict[str, Any]:
    """Return the namespace after a cell with that source ran."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(source, namespace)
    return namespace


def reached(source: str, *names: str, stop: frozenset[str] = frozenset()) -> set[str]:
    return set(reach(names, notebook(source), stop).names)


def test_a_function_and_the_functions_it_calls() -> None:
    source = """
y = [1]
def inner(): return len(y)
def middle(x): return inner() + x
def outer(x): return middle(x)
"""
    assert reached(source, "outer") == {"outer", "middle", "inner", "y", "len"}


def test_what_will_be_replaced_is_not_followed() -> None:
    source = "secret = 1\ndef predict(x): return secret\ndef metric(): return predict(2)"
    assert reached(source, "metric", stop=frozenset({"predict"})) == {"metric", "predict"}


@pytest.mark.parametrize(
    "definition",
    [
        "f = lambda: y",
        "def f(): return [y for _ in range(3)]",
        "def f():\n    def g(): return y\n    return g()",
        "def f():\n    class C:\n        a = y\n    return C",
        "import functools\ndef g(a): return y\nf = functools.partial(g, 1)",
        "import functools\n@functools.lru_cache\ndef f(): return y",
        "import functools\n@functools.cache\ndef g(): return y\nf = [g]",
        "def make(h):\n    def f(): return h()\n    return f\nf = make(lambda: y)",
        "def g(): return y\ndef f(h=g): return h()",
        "def g(): return y\ndef f(*, h=g): return h()",
        "class C:\n    def __call__(self): return y\nf = C()",
        "class C:\n    def m(self): return y\nf = C().m",
        "class C:\n    @staticmethod\n    def m(): return y\nf = C.m",
        "class C:\n    @classmethod\n    def m(cls): return y\nf = C",
        "class C:\n    @property\n    def m(self): return y\nf = C()",
        "class A:\n    def m(self): return y\nclass B(A): pass\nf = B()",
        "class C: pass\nf = C()\nf.h = lambda: y",
        "f = {'a': (1, [lambda: y])}",
        "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield y",
        "from sklearn.preprocessing import FunctionTransformer\nf = FunctionTransformer(lambda x: x + y)",
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import FunctionTransformer\n"
        "f = make_pipeline(FunctionTransformer(lambda x: x + y))",
        "def f(n): return f(n - 1) if n else y",
    ],
)
def test_every_way_to_wrap_a_function(definition: str) -> None:
    assert "y" in reached("y = 1\n" + definition, "f")


def test_library_code_and_data_are_not_followed() -> None:
    source = "import numpy as np\nfrom json import dumps\ny = 1\nX = np.zeros(3)\ndef f(): return dumps(np.mean(X))"
    assert reached(source, "f") == {"f", "dumps", "np", "X"}


def test_a_cycle_of_values_ends() -> None:
    assert reached("a = []\na.append(a)\ndef f(): return a\na.append(f)", "f") == {"f", "a"}


def test_names_that_do_not_exist_are_reported() -> None:
    assert reached("def f(): return model", "f") == {"f", "model"}


def test_the_functions_met_are_returned() -> None:
    namespace = notebook("def g(): return 1\ndef f(): return g()")
    assert {function.__name__ for function in reach(["f"], namespace).functions} == {"f", "g"}
