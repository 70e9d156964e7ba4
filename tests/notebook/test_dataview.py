"""What the model is told of the data, and what it never is."""

from __future__ import annotations

import math
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from score_nb.notebook.dataview import MOST_CHARACTERS, data_view


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[0.5, 2.0], [1.0, np.nan]]), "numpy array, shape (2, 2), float64, range 0.5 to 2, 25 % missing"),
        (np.array([0, 1, 1, 0]), "numpy array, shape (4,), int64, 2 distinct values: 0, 1"),
        (np.arange(100), "numpy array, shape (100,), int64, range 0 to 99"),
        (np.array(["B", "T", "T", "B"]), "numpy array, shape (4,), <U1, 2 distinct values: B, T"),
        (np.array(["p1", "p2", "p3"]), "numpy array, shape (3,), <U2, text"),
        (np.zeros(0), "numpy array, shape (0,), float64"),
        (np.array([np.nan]), "numpy array, shape (1,), float64, 100 % missing"),
        (np.array([1 + 2j]), "numpy array, shape (1,), complex128"),
        (scipy.sparse.eye(4, format="csr"), "scipy.sparse csr matrix, shape (4, 4), float64, 25 % filled"),
        (math, "module math"),
        (LogisticRegression, "class sklearn.linear_model._logistic.LogisticRegression"),
        (3, "int"),
        ("password", "str of 8 characters"),
        ([1, "a"], "list of 2 (int, str)"),
        ({"alpha": 1}, "dict of 1, keys alpha"),
        (LogisticRegression(), "sklearn.linear_model._logistic.LogisticRegression"),
        (pd.Series([1.0, None]), "pandas Series, length 2, float64, range 1 to 1, 1 missing"),
    ],
)
def test_one_line_tells_the_shape(value: Any, expected: str) -> None:
    assert data_view({"x": value}) == f"x: {expected}"


def test_functions_are_told_by_signature_and_doc() -> None:
    def helper(a: int, b: int = 2) -> int:
        """Add them.

        At length.
        """
        return a + b

    helper.__module__ = "__main__"
    assert data_view({"helper": helper}).startswith("helper: function helper(a")
    assert data_view({"helper": helper}).endswith(": Add them.")


def test_a_frame_is_told_by_its_columns_without_identifiers() -> None:
    frame = pd.DataFrame(
        {
            "age": [40.0, 61.0, np.nan, 70.0],
            "sex": ["f", "m", "m", "f"],
            "patient": ["P-881", "P-882", "P-883", "P-884"],
            "site": pd.Categorical(["north", "south", "north", "south"]),
        }
    )
    text = data_view({"frame": frame})
    assert "frame: pandas DataFrame, 4 rows x 4 columns" in text
    assert "  age: float64, range 40 to 70, 1 missing" in text
    assert "2 distinct values: f, m" in text
    assert "  site: category, 2 categories: north, south" in text
    assert "881" not in text


def test_anndata_is_told_by_its_parts() -> None:
    obs = pd.DataFrame({"type": pd.Categorical(["B", "T", "T", "B"])}, index=list("abcd"))
    data = anndata.AnnData(np.ones((4, 3), "float32"), obs=obs)
    data.layers["counts"] = np.ones((4, 3))
    data.obsm["X_pca"] = np.ones((4, 2))
    text = data_view({"adata": data})
    assert "adata: AnnData, 4 observations x 3 variables" in text
    assert "  X: numpy array, shape (4, 3), float32" in text
    assert "  obs.type: category, 2 categories: B, T" in text
    assert "  layers['counts']: shape (4, 3)" in text
    assert "  obsm['X_pca']: shape (4, 2)" in text


def test_data_comes_first_and_the_text_is_bounded() -> None:
    text = data_view({"a": math, "z": np.arange(3.0)})
    assert text.index("z:") < text.index("a:")
    wide = {f"frame{n}": pd.DataFrame(np.zeros((2, 100))) for n in range(20)}
    assert len(data_view(wide)) <= MOST_CHARACTERS + 2
    assert data_view({"wide": wide["frame0"]}).endswith("… and 40 more columns")


def test_a_value_that_refuses_is_told_by_its_type() -> None:
    class Odd(dict):  # type: ignore[type-arg]
        def __len__(self) -> int:
            raise ValueError("no length")

    assert "Odd" in data_view({"odd": Odd(a=1)})
