"""All hostile programs in the real evaluator; as a module, for a process of another user.

    python -m tests.hostile.battery

prints as JSON what was not as it should be.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import setup, started
from tests.hostile import overruns
from tests.hostile.field import KEY_REVERSED, VARIABLE, Field
from tests.hostile.programs import PROGRAMS, cell


@contextmanager
def battlefield(root: Path, workers: int = 1) -> Iterator[tuple[Field, LocalEvaluator]]:
    """Start an evaluator beside a field of precious things; the key is in the environment of this process meanwhile."""
    field = Field(root / "field", os.getpid())
    key = KEY_REVERSED[::-1]
    os.environ[VARIABLE] = key
    try:
        what = setup(
            cell(), inputs="shared", scorer="metric best_is_minus_one hidden hidden_text", holdout="best_is_minus_one",
            secrets=(key,), timeout=20.0, workers=workers, read_paths=(str(field.granted),),
        )  # fmt: skip
        with started(replace(what, inputs={**what.inputs, "target": field.target})) as evaluator:
            yield field, evaluator
    finally:
        del os.environ[VARIABLE]
        field.close()


@contextmanager
def overrun_evaluator() -> Iterator[LocalEvaluator]:
    """Start an evaluator for candidates that take too much, with inputs worth copying."""
    text = f"{overruns.CELL}import numpy\nlarge = numpy.ones(220 << 17)\n"
    with started(setup(text, inputs="large", workers=overruns.WORKERS, memory=overruns.MEMORY_MIB)) as evaluator:
        yield evaluator


def main() -> list[str]:
    """Return what was not as it should be."""
    with tempfile.TemporaryDirectory() as place, battlefield(Path(place), 2) as (field, evaluator):
        acts = [(f"{one.name} succeeded", one.source(one.act), False) for one in PROGRAMS]
        acts += [
            (f"what {one.name} tries is not even allowed", one.source(one.twin), True) for one in PROGRAMS if one.twin
        ]
        with ThreadPoolExecutor(2) as pool:
            values = list(pool.map(lambda one: evaluator.evaluate(one[1]).value == 1.0, acts))
        wrong = [text for (text, _, expected), value in zip(acts, values, strict=True) if value != expected]
        wrong += [f"{path} was changed" for path in field.harm()]
        level = evaluator.confinement.level
    with overrun_evaluator() as evaluator:
        results = overruns.run(evaluator, overruns.MEMORY)
    wrong += [
        f"{one.name}: {results[one.name].status}" for one in overruns.MEMORY if not one.is_stopped(results[one.name])
    ]
    return wrong if level == "full" else [f"confinement is only {level}"]


if __name__ == "__main__":
    print("\n" + json.dumps(main()))  # noqa: T201
