"""Ordinary scientific cells work as they do in a notebook."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import setup, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

CELL = """
import numpy as np
import sklearn.datasets
X, y = sklearn.datasets.load_wine(return_X_y=True)
def metric(x):
    return x
"""
CELLS = {
    "temporary_file": "import tempfile\nwith tempfile.TemporaryFile() as f:\n    f.write(b'abc')\nx = 1",
    "named_file": "open('mine.txt', 'w').write('5')\nx = float(open('mine.txt').read())",
    "home": "import pathlib\n(pathlib.Path.home() / '.cache').mkdir()\nx = 1",
    "copy_and_zip": (
        "import shutil, zipfile\nopen('a', 'w').write('1')\nshutil.copy2('a', 'b')\n"
        "with zipfile.ZipFile('c.zip', 'w') as z:\n    z.write('b')\nzipfile.ZipFile('c.zip').extractall('d')\nx = 1"
    ),
    "devnull": "import os\nprint('gone', file=open(os.devnull, 'w'))\nx = 1",
    "warnings": "import warnings\nwarnings.warn('careful')\nx = 1",
    "logging": "import logging\nlogging.warning('careful')\nx = 1",
    "threads": "from concurrent.futures import ThreadPoolExecutor\nx = sum(ThreadPoolExecutor(4).map(float, range(3)))",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 1\nx = asyncio.run(f())",
    "sqlite": "import sqlite3\nc = sqlite3.connect('d.db')\nc.execute('create table t (a)')\nc.commit()\nx = 1",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int = 1\nx = P().a",
    "getsource": "import inspect\ndef f():\n    return 1\nx = len(inspect.getsource(f))",
    "pickle": "import pickle\nclass A:\n    pass\nx = float(isinstance(pickle.loads(pickle.dumps(A())), A))",
    "joblib": "from joblib import Parallel, delayed\nx = sum(Parallel(n_jobs=-1)(delayed(abs)(n) for n in (-1, 2)))",
    "joblib_loky": "from joblib import Parallel, delayed\nx = sum(Parallel(2, 'loky')(delayed(abs)(n) for n in [1]))",
    "memory": "from joblib import Memory\nx = Memory('cache', verbose=0).cache(abs)(-1)",
    "thread_pool": "from multiprocessing.pool import ThreadPool\nx = sum(ThreadPool(2).map(abs, [-1, 2]))",
    "forest": (
        "from sklearn.ensemble import RandomForestClassifier\n"
        "x = RandomForestClassifier(20, n_jobs=-1, random_state=0).fit(X, y).score(X, y)"
    ),
    "boosting": (
        "from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "x = HistGradientBoostingClassifier(max_iter=5).fit(X, y).score(X, y)"
    ),
    "neighbours": (
        "from sklearn.neighbors import KNeighborsClassifier\nfrom sklearn.model_selection import cross_val_score\n"
        "x = cross_val_score(KNeighborsClassifier(), X, y, n_jobs=-1).mean()"
    ),
    "search": (
        "from sklearn.model_selection import GridSearchCV\nfrom sklearn.linear_model import RidgeClassifier\n"
        "x = GridSearchCV(RidgeClassifier(), {'alpha': [1, 10]}, n_jobs=-1).fit(X, y).best_score_"
    ),
    "clusters": "from sklearn.cluster import KMeans\nx = KMeans(3, n_init=1).fit(X).inertia_",
    "matmul": "x = float((np.ones((400, 400)) @ np.ones((400, 400)))[0, 0])",
    "svd": "import scipy.linalg\nx = float(scipy.linalg.svd(X)[1][0])",
    "pandas": "import pandas as pd\nx = pd.DataFrame(X).groupby(y)[0].mean().sum()",
    "csv": "import pandas as pd\npd.DataFrame(X).to_csv('a.csv')\nx = len(pd.read_csv('a.csv'))",
    "matplotlib": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\nplt.show()\nx = 1",
    "cpu_count": "import os\nx = os.cpu_count()",
    "installed": "import importlib.metadata\nx = len(importlib.metadata.version('numpy'))",
    "timezones": "import zoneinfo\nx = len(str(zoneinfo.ZoneInfo('Europe/Berlin')))",
    "user": "import getpass, os\nx = len(os.path.expanduser('~'))",
}  # fmt: skip


@pytest.fixture(scope="module")
def evaluator() -> Iterator[LocalEvaluator]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with started(setup(CELL, inputs="np X y", timeout=60)) as found:
            yield found


@pytest.mark.parametrize("name", CELLS)
def test_honest_cell_works(evaluator: LocalEvaluator, name: str) -> None:
    found = evaluator.evaluate(CELLS[name])
    assert found.status == "ok", f"{found.detail}\n{found.log}"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import subprocess\nsubprocess.run(['ls'])", "tried to start a program  (line 2)"),
        ("import os\nos.fork()", "tried to start a process  (line 2)"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "tried to open a network connection  (line 2)"),
        ("import urllib.request as u\nu.urlopen('http://a.org')", "tried to look up a host in the network  (line 2)"),
        ("open('/etc/shadow')", "tried to read /etc/shadow  (line 1)"),
        ("open('/tmp/outside', 'w')", "tried to write /tmp/outside  (line 1)"),
        ("import os\nos.remove('/etc/hostname')", "tried to delete a file (/etc/hostname)  (line 2)"),
    ],
)
def test_what_is_refused_is_named(evaluator: LocalEvaluator, source: str, what: str) -> None:
    found = evaluator.evaluate(source)
    assert (found.status, found.detail) == ("forbidden", what)


def test_granted_files_are_read_under_their_relative_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("7")
    (tmp_path / "secret.csv").write_text("8")
    (tmp_path / "beside.py").write_text("value = 9.0")
    what = setup(folder=str(tmp_path), read_paths=("data/a.csv",))
    with started(what) as evaluator:
        assert evaluator.evaluate("x = open('data/a.csv').read()").value == 7.0
        assert evaluator.evaluate(f"x = open({str(tmp_path / 'data' / 'a.csv')!r}).read()").value == 7.0
        assert evaluator.evaluate(f"x = open({str(tmp_path / 'secret.csv')!r}).read()").status == "forbidden"
        assert evaluator.evaluate("open('data/a.csv', 'w')").status == "forbidden"


def test_modules_beside_the_notebook_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_module.py").write_text("value = 9.0\n")
    package = tmp_path / "beside_package"
    package.mkdir()
    (package / "__init__.py").write_text("from . import inner\n")
    (package / "inner.py").write_text("value = 10.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with started(setup(folder=str(tmp_path))) as evaluator:
        assert evaluator.evaluate("import beside_module\nx = beside_module.value").value == 9.0
        assert evaluator.evaluate("import beside_package\nx = beside_package.inner.value").value == 10.0


@pytest.mark.slow
def test_single_cell_analysis_works() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cell = "import scanpy as sc\nadata = sc.datasets.pbmc68k_reduced()\ndef metric(x, o):\n    return x + len(o)"
        source = """
sc.pp.neighbors(adata, n_neighbors=10)
sc.tl.umap(adata)
adata.obs['group'] = adata.obs['bulk_labels'].astype(str)
x, o = float(adata.obsm['X_umap'].shape[1]), adata
"""
        with started(setup(cell, inputs="sc adata", outputs="x o", timeout=200)) as evaluator:
            found = evaluator.evaluate(source)
            assert (found.status, found.value) == ("ok", 702.0), f"{found.detail}\n{found.log}"
