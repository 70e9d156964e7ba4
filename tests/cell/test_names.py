"""What a cell reads from outside and what it defines."""

from __future__ import annotations

import pytest

from score_nb.cell.names import names_of


def reads(source: str) -> set[str]:
    return set(names_of(source).reads)


def binds(source: str) -> set[str]:
    return set(names_of(source).binds)


def test_the_cell_of_the_documentation() -> None:
    cell = """
model = LogisticRegression(max_iter=200).fit(X_train, y_train)

def predict(X):
    return model.predict(X)
"""
    assert reads(cell) == {"LogisticRegression", "X_train", "y_train"}
    assert binds(cell) == {"model", "predict"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("y = x", {"x"}),
        ("x = 1\ny = x", set()),
        ("x = x * 2", {"x"}),
        ("x += 1", {"x"}),
        ("x[0] = 1", {"x"}),
        ("x.a = 1", {"x"}),
        ("x.a += b", {"x", "b"}),
        ("x: int = 3", {"int"}),
        ("x: int\ny = x", {"int", "x"}),
        ("del x", {"x"}),
        ("x = 1\ndel x\ny = x", {"x"}),
        ("a, *b = c", {"c"}),
        ("import numpy as np\nnp.zeros(3)", set()),
        ("import a.b\na.c", set()),
        ("from a import b as c\nc, b", {"b"}),
        ("print(y := x, y)", {"print", "x"}),
        ("f'{x!r:>{width}}'", {"x", "width"}),
    ],
)
def test_statements(source: str, expected: set[str]) -> None:
    assert reads(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("[i for i in x]", {"x"}),
        ("[i for i in i]", {"i"}),
        ("[i + j for i in x for j in i if j > k]", {"x", "k"}),
        ("{k: v for k, v in d.items()}", {"d"}),
        ("i = 0\n[j for j in range(i)]", {"range"}),
        ("[i for i in x]\ni", {"x", "i"}),
        ("[(w := i) for i in x]\nw", {"x"}),
        ("[[j * s for j in i] for i in x]", {"x", "s"}),
        ("[lambda: (i, z) for i in x]", {"x", "z"}),
    ],
)
def test_comprehensions_keep_their_own_names(source: str, expected: set[str]) -> None:
    assert reads(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b=c): return a + b + d", {"c", "d"}),
        ("def f():\n    return later\nlater = 1", set()),
        ("def f():\n    def g():\n        return deep\n    return g", {"deep"}),
        ("def f():\n    x = 1\n    return lambda: x + y", {"y"}),
        ("def f(n): return f(n - 1)", set()),
        ("@wraps(g)\ndef f(a: A) -> R: ...", {"wraps", "g", "A", "R"}),
        ("f = lambda x, y=z: x + y + w", {"z", "w"}),
        ("async def f():\n    async with s as t: return t", {"s"}),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x += step\n    return g", {"step"}),
        ("def f():\n    return [q for q in p]", {"p"}),
    ],
)
def test_functions_read_when_they_are_called(source: str, expected: set[str]) -> None:
    assert reads(source) == expected


def test_a_global_statement_reads_and_binds_at_top_level() -> None:
    source = "def count():\n    global n\n    n += 1"
    assert reads(source) == {"n"}
    assert binds(source) == {"count", "n"}


def test_methods_do_not_see_the_names_of_their_class() -> None:
    source = """
class Model(Base, metaclass=Meta):
    depth = start
    double = depth * 2
    def fit(self, X: Data = X0):
        return self.depth + depth
"""
    assert reads(source) == {"Base", "Meta", "start", "Data", "X0", "depth"}
    assert binds(source) == {"Model"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if c:\n    m = 1\nm", {"c", "m"}),
        ("if c:\n    m = 1\nelse:\n    m = 2\nm", {"c"}),
        ("if c:\n    m = 1\nelse:\n    raise E\nm", {"c", "E"}),
        ("for i in x:\n    m = i\nm, i", {"x"}),
        ("while c:\n    m = 1\nm", {"c"}),
        ("with open(p) as f:\n    d = f.read()\nd", {"open", "p"}),
        ("try:\n    import a\nexcept ImportError:\n    a = None\na", {"ImportError"}),
        ("try:\n    m = g()\nexcept Exception as e:\n    print(e)\nm", {"g", "Exception", "print", "m"}),
        ("try:\n    m = g()\nexcept Exception:\n    raise\nm", {"g", "Exception"}),
        ("match v:\n    case [a, *b]: r = a\n    case {'k': c, **d}: r = c\n    case _: r = 0\nr", {"v"}),
        ("match v:\n    case P(x=1): r = 1\nr", {"v", "P", "r"}),
    ],
)
def test_branches(source: str, expected: set[str]) -> None:
    assert reads(source) == expected


def test_what_stays_defined() -> None:
    assert binds("a = b = 1\ndel a\nfor i in x:\n    pass") == {"b", "i"}
    assert binds("try:\n    pass\nexcept E as e:\n    pass") == set()
    assert binds("with a as (b, c):\n    import d.e, f as g") == {"b", "c", "d", "g"}
    assert binds("match v:\n    case [a, *b] | {'k': a, **b} as whole: pass") == {"a", "b", "whole"}


def test_a_star_import_is_noted() -> None:
    assert names_of("from numpy import *\nfrom .local import *").stars == ("numpy", ".local")


@pytest.mark.parametrize("source", ["def f(:", "%time x", "!ls", "await x", "return 3", "x?"])
def test_what_is_not_plain_python_is_refused(source: str) -> None:
    with pytest.raises(SyntaxError):
        names_of(source)
