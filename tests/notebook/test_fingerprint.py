"""The digest of the notebook's data: the same after a restart, another after a change."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from score_nb.notebook.fingerprint import fingerprint


def of(value: Any) -> str:
    return fingerprint({"x": value}, {})


def frame(**changes: Any) -> pd.DataFrame:
    columns = {"a": [1.0, 2.0], "b": ["u", "v"], "c": pd.Categorical(["p", "q"]), **changes}
    return pd.DataFrame(columns, index=["r", "s"])


def cells(scale: float = 1.0, group: str = "g", layer: float = 0.0) -> anndata.AnnData:
    data = anndata.AnnData(np.eye(2, dtype="float32") * scale, obs=pd.DataFrame({"g": [group, "h"]}, index=["1", "2"]))
    data.layers["raw"] = np.full((2, 2), layer)
    data.obsm["pca"] = np.ones((2, 1))
    return data


DIFFERENT: list[tuple[Any, Any]] = [
    (1, 1.0),
    (1, True),
    ("1", 1),
    (b"a", "a"),
    ([1, 2], [2, 1]),
    ([1, 2], (1, 2)),
    ([[1], 2], [[1, 2]]),
    ({"a": 1}, {"a": 2}),
    ({1, 2}, {1, 3}),
    (np.arange(3), np.arange(3.0)),
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (np.array([1, 2]), np.array([1, 3])),
    (np.array(["a"], dtype=object), np.array(["b"], dtype=object)),
    (np.float32(1), np.float64(1)),
    (np.zeros(1, "M8[s]"), np.zeros(1, "M8[ms]")),
    (frame(), frame(a=[1.0, 3.0])),
    (frame(), frame(b=["u", "w"])),
    (frame(), frame(c=pd.Categorical(["p", "q"], ["q", "p"]))),
    (frame(), frame().rename(columns={"a": "z"})),
    (frame(), frame().rename(index={"r": "z"})),
    (frame(a=pd.array([1, None], "Int64")), frame(a=pd.array([1, 2], "Int64"))),
    (frame(a=[[1], [2]]), frame(a=[[1], [3]])),
    (pd.Series([1, 2]), pd.Series([1, 2], name="n")),
    (pd.Series(pd.to_datetime(["2020"])), pd.Series(pd.to_datetime(["2021"]))),
    (scipy.sparse.eye(3, format="csr"), scipy.sparse.eye(3, format="csr") * 2),
    (scipy.sparse.eye(3, format="dia"), scipy.sparse.eye(4, format="dia")),
    (cells(), cells(scale=2.0)),
    (cells(), cells(group="z")),
    (cells(), cells(layer=1.0)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_data_has_another_digest(one: Any, other: Any) -> None:
    assert of(one) != of(other)


@pytest.mark.parametrize("pair", DIFFERENT)
def test_equal_data_has_the_same_digest(pair: tuple[Any, Any]) -> None:
    import copy

    for value in pair:
        assert of(value) == of(copy.deepcopy(value))


def test_names_count_and_their_order_does_not() -> None:
    assert fingerprint({"a": 1, "b": 2}, {}) == fingerprint({"b": 2, "a": 1}, {})
    assert fingerprint({"a": 1}, {}) != fingerprint({"b": 1}, {})


def test_a_view_with_other_strides_is_the_same_data() -> None:
    array = np.arange(12).reshape(3, 4)
    assert of(array.T) == of(np.ascontiguousarray(array.T))


def test_of_other_objects_only_the_type_counts() -> None:
    assert of(np.random.default_rng(1)) == of(np.random.default_rng(2))
    assert of(object()) == of(object())
    assert of(object()) != of(np.random.default_rng(1))


def test_of_the_notebooks_functions_the_source_counts_without_its_comments() -> None:
    def one(x: int) -> int:
        return x + 1  # a comment

    first = fingerprint({"f": one}, one.__globals__)

    def one(x: int) -> int:  # type: ignore[no-redef]
        """With a doc string."""
        return x + 1

    assert fingerprint({"f": one}, one.__globals__) == first

    def one(x: int) -> int:  # type: ignore[no-redef]
        return x + 2

    assert fingerprint({"f": one}, one.__globals__) != first


def test_a_value_that_contains_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert of(loop) == of(loop)


def test_another_process_computes_the_same() -> None:
    source = (
        "import numpy as np, pandas as pd\n"
        "from score_nb.notebook.fingerprint import fingerprint\n"
        "value = {'s': {'b', 'a', 'c'}, 'f': pd.DataFrame({'a': ['u', None], 'b': pd.Categorical(['x', 'y'])}),"
        " 'o': np.array(['p', 3], dtype=object), 'd': {'k': (1, 2.5, None)}}\n"
        "print(fingerprint(value, {}))"
    )
    command = [sys.executable, "-c", source]
    digests = {
        subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
