"""The honest cells: programs of `cells/*.py`, each below `# %% name [slow] [needs package]`; the output is `x`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_HEAD = re.compile(r"^# %% (\w+)(.*)\n", re.MULTILINE)

# What the notebook holds when the cells run; `describe` and `metric` come from digest.py.
NOTEBOOK = """
import numpy as np
import pandas as pd
import anndata
import sklearn.datasets
X, y = sklearn.datasets.load_wine(return_X_y=True)
frame = pd.DataFrame({
    "site": pd.Categorical(list("abcab") * 4), "kind": list("pq") * 10, "mass": np.linspace(0.5, 4.3, 20),
})
cells = anndata.AnnData(
    np.random.default_rng(0).poisson(2.0, (60, 40)).astype("float32"),
    obs=pd.DataFrame({"batch": pd.Categorical(list("ab") * 30)}, index=[f"c{n}" for n in range(60)]),
    var=pd.DataFrame(index=[f"g{n}" for n in range(40)]),
)
def helper(values):
    "A helper of the notebook."
    return np.log1p(values)
"""
INPUTS = "np X y frame cells helper"
# The packages that a notebook with such cells has imported; the rest is imported late, under confinement.
SEED = """
import numpy, scipy.optimize, scipy.sparse.linalg, scipy.stats, pandas, matplotlib.pyplot, scanpy
import sklearn.ensemble, sklearn.model_selection, sklearn.pipeline
x = 1.0
"""


@dataclass(frozen=True)
class Cell:
    """One honest program."""

    name: str
    source: str
    is_slow: bool
    needs: str


def corpus() -> list[Cell]:
    """Return all cells, in the order of the files."""
    return [cell for path in sorted((HERE / "cells").glob("*.py")) for cell in _cells(path)]


def _cells(path: Path) -> list[Cell]:
    _, *parts = _HEAD.split(path.read_text(encoding="utf-8"))
    heads = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    found = []
    for name, marks, source in heads:
        needs = re.search(r"\[needs (\w+)\]", marks)
        found.append(Cell(name, source.strip() + "\n", "[slow]" in marks, needs[1] if needs else ""))
    return found
