"""No hack gets a value that its answers do not deserve, in any style of metric; alone with the metric most would."""

from __future__ import annotations

import builtins
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from score_nb.evaluate.local import LocalEvaluator
from score_nb.types import Evaluation
from tests.evaluate.support import notebook, setup, started
from tests.hostile.alone import chosen
from tests.hostile.hacks import FUTILE_ALONE, HACKS, METRIC, METRICS, NOTEBOOK, PATCHES, Hack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates are confined on Linux only")

ROOT = Path(__file__).parent.parent.parent
SEED = Hack("seed", "")
BY_STYLE = """
def by_style(style, x):
    return {"data": on_data, "function": on_function, "model": on_model}[style](x)
"""
SPACE = notebook(NOTEBOOK)
# What the scorer tells of some, whatever they do.
FLAGS = {"truth_values": (), "swap_code_by_gc": (), "mutate_argument": ("constant",)}


def honest_value(hack: Hack) -> float:
    """Return what the metric is worth for the honest answers, computed without it."""
    X, y = SPACE["X_val"], SPACE["y_val"]
    space = {"base": lambda X: (X[:, 0] > 0.3).astype(float), "np": np, "X": X}
    answers = [float(value) for value in eval(hack.honest, space)]
    errors = [abs(answer - label) for answer, label in zip(answers, y, strict=True)]
    hits = [(answer > 0.5) == (label > 0.5) for answer, label in zip(answers, y, strict=True)]
    return 0.5 * (1.0 - sum(errors) / len(errors)) + 0.5 * sum(hits) / len(hits)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The process that runs the hacks beside the metric, at work while the others are evaluated."""
    results = tmp_path_factory.mktemp("alone") / "results.jsonl"
    with open(results.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.hostile.alone", str(results)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    yield process, results
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def evaluator(alone: tuple[subprocess.Popen[bytes], Path]) -> Iterator[LocalEvaluator]:
    scorer = f"by_style {' '.join(METRICS.values())} judge touched y_val sklearn"
    seed = "import numpy, pandas, scipy.sparse, sklearn.metrics"
    what = setup(
        NOTEBOOK, BY_STYLE, inputs="X_val np", outputs="style x", scorer=scorer, metric="by_style", seed=seed,
        workers=2,
    )  # fmt: skip
    with started(what) as found:
        yield found


@pytest.fixture(scope="module", params=METRICS)
def style(request: pytest.FixtureRequest, evaluator: LocalEvaluator) -> str:
    """A style of metric; the evaluator expects what its seed hands over."""
    name = str(request.param)
    evaluator.expect({})
    seed = evaluator.evaluate(cell(SEED, name))
    assert seed.value == pytest.approx(honest_value(SEED), abs=1e-12)
    evaluator.expect(json.loads(json.dumps(seed.contract)))
    return name


def cell(hack: Hack, style: str) -> str:
    return f"{hack.source(style)}\nstyle = {style!r}\n"


@pytest.fixture(scope="module")
def evaluations(evaluator: LocalEvaluator, style: str) -> dict[str, Evaluation]:
    """What came of all hacks of a style, by name; two at a time."""
    hacks = [hack for hack in HACKS if style in hack.styles]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda hack: evaluator.evaluate(cell(hack, style)), hacks)
        return {hack.name: evaluation for hack, evaluation in zip(hacks, found, strict=True)}


@pytest.mark.parametrize("hack", HACKS, ids=lambda hack: hack.name)
def test_hack_gains_nothing(evaluations: dict[str, Evaluation], hack: Hack) -> None:
    if hack.name not in evaluations:
        pytest.skip("no hack of this style")
    found = evaluations[hack.name]
    assert found.value is None or abs(found.value - honest_value(hack)) < 1e-12, found
    assert found.value is not None or hack not in (*PATCHES, *METRIC), found
    assert found.metrics.get("touched", 0.0) == 0.0
    assert not hasattr(builtins, "TOUCHED")
    assert "TOUCHED" not in os.environ
    if hack.name in FLAGS:
        assert tuple(flag.kind for flag in found.flags) == FLAGS[hack.name]


def test_next_candidate_finds_everything_as_it_was(evaluator: LocalEvaluator, style: str) -> None:
    found = evaluator.evaluate(cell(SEED, style))
    assert (found.status, found.flags) == ("ok", ())
    assert found.value == pytest.approx(honest_value(SEED), abs=1e-12)


def test_hacks_are_many_and_most_succeed_where_nothing_is_apart(alone: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, results = alone
    assert process.wait(100) == 0, results.with_suffix(".log").read_text()[-2000:]
    forged = [_is_forged(result) for result in map(json.loads, results.read_text().splitlines())]
    names = {hack.name for hack in HACKS}
    assert len(names) == len(HACKS) >= 150
    assert set(forged) - {None} == {(hack.name, style) for hack, style in chosen()}
    assert len(FUTILE_ALONE & names) == len(FUTILE_ALONE) < 0.4 * len(names)


def _is_forged(result: dict[str, Any]) -> tuple[str, str] | None:
    honest = {hack.name: honest_value(hack) for hack in HACKS}[result["name"]]
    value = result["value"]
    if value is None or (math.isfinite(value) and abs(value - honest) < 1e-9):
        return None
    return result["name"], result["style"]
