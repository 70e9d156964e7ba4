"""No false refusal: ordinary scientific cells come out inside as they do outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import setup, started
from tests.honest.corpus import HERE, INPUTS, NOTEBOOK, SEED, Cell, corpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates are confined on Linux only")

CELLS = corpus()
ROOT = HERE.parent.parent


def _parameter(cell: Cell) -> object:
    marks = [pytest.mark.slow] if cell.is_slow else []
    if cell.needs and find_spec(cell.needs) is None:
        marks.append(pytest.mark.skip(reason=f"{cell.needs} is not installed"))
    return pytest.param(cell, id=cell.name, marks=marks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("notebook")
    (found / "data").mkdir()
    (found / "data" / "measured.csv").write_text("site,mass\na,1.5\nb,2.25\n")
    (found / "data" / "other.csv").write_text("site\nc\n")
    return found


@pytest.fixture(scope="module")
def outside(folder: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """The process that runs the chosen cells outside, at work while the evaluator starts."""
    here = [item for item in request.session.items if item.path == request.path]
    items = [getattr(item, "callspec", None) for item in here]
    names = {spec.params["cell"].name for spec in items if spec is not None and "cell" in spec.params}
    with open(folder / "outside.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.honest.outside", str(folder), ",".join(sorted(names))],
            cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "MPLBACKEND": "Agg"},
        )  # fmt: skip
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def evaluator(folder: Path, outside: subprocess.Popen[bytes]) -> Iterator[LocalEvaluator]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        digest = (HERE / "digest.py").read_text(encoding="utf-8")
        what = setup(
            NOTEBOOK, digest, seed=SEED, inputs=INPUTS, scorer="metric describe", holdout="describe",
            folder=str(folder), read_paths=("data",), timeout=100.0, memory=4096,
        )  # fmt: skip
    with started(what) as found:
        yield found


@pytest.fixture(scope="module")
def expected(folder: Path, outside: subprocess.Popen[bytes]) -> dict[str, dict[str, object]]:
    assert outside.wait(100) == 0, (folder / "outside.log").read_text()[-2000:]
    lines = (folder / "outside.jsonl").read_text(encoding="utf-8").splitlines()
    return {result["name"]: result for result in map(json.loads, lines)}


def test_corpus_is_large_and_names_are_unique() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS) >= 150


@pytest.mark.parametrize("cell", [_parameter(cell) for cell in CELLS])
def test_cell_comes_out_as_outside(
    evaluator: LocalEvaluator, expected: dict[str, dict[str, object]], cell: Cell
) -> None:
    outside = expected[cell.name]
    assert "error" not in outside, outside["error"]
    found = evaluator.evaluate(cell.source)
    assert found.status == "ok", f"{found.status}: {found.detail}\n{found.log}"
    if found.value != outside["value"]:
        tell = (HERE / "digest.py").read_text(encoding="utf-8") + "print(describe(x() if callable(x) else x))\n"
        inside = evaluator.evaluate(f"{cell.source}\n{tell}").log
        pytest.fail(f"inside:  {inside[-3000:]}\noutside: {outside['text']}")
