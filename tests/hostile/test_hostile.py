"""No hostile candidate gets what it wants; each attempt is real: it succeeds where nothing confines it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from score_nb.evaluate.local import LocalEvaluator
from tests.hostile import ordinary
from tests.hostile.battery import battlefield
from tests.hostile.field import Field
from tests.hostile.layers import Layers, outcomes
from tests.hostile.programs import FORGERIES, PROGRAMS, Program

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="these programs attack Linux"),
    pytest.mark.timeout(600),
]

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Field, LocalEvaluator]]:
    with battlefield(tmp_path_factory.mktemp("ground")) as found:
        if found[1].confinement.level != "full":
            pytest.skip(f"confinement is only {found[1].confinement}")
        yield found


@pytest.fixture
def evaluator(ground: tuple[Field, LocalEvaluator]) -> Iterator[LocalEvaluator]:
    field, evaluator = ground
    yield evaluator
    assert not field.harm()


@pytest.fixture(scope="module")
def bare() -> dict[str, str]:
    """What became of each program in a plain process: "" where it succeeded, else why not."""
    return outcomes(Layers())


def test_there_are_many_programs_and_each_has_a_control() -> None:
    names = Counter(program.name for program in PROGRAMS)
    assert len(names) >= 240
    assert max(names.values()) == 1
    assert all(program.bare or program.twin for program in PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_attempt_fails(evaluator: LocalEvaluator, program: Program) -> None:
    found = evaluator.evaluate(program.source(program.act))
    assert found.value != 1.0, f"{program.name} {program.harm}"
    assert found.status in ("ok", "error", "forbidden", "invalid", "crashed"), found


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.twin], ids=lambda program: program.name)
def test_what_is_allowed_works(evaluator: LocalEvaluator, program: Program) -> None:
    found = evaluator.evaluate(program.source(program.twin))
    assert found.value == 1.0, found


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.bare], ids=lambda program: program.name)
def test_attempt_succeeds_where_nothing_is_confined(bare: dict[str, str], program: Program) -> None:
    if bare[program.name] and program.bare == "host":
        pytest.skip(f"this machine refuses it by itself: {bare[program.name]}")
    assert bare[program.name] == ""


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_is_not_believed(evaluator: LocalEvaluator, name: str) -> None:
    found = evaluator.evaluate(FORGERIES[name], metric="holdout")
    assert found.value is None or found.value <= -1.0, found
    assert not os.path.exists("/tmp/score-nb-bomb")


def test_inputs_are_as_new_for_the_next_candidate(evaluator: LocalEvaluator) -> None:
    assert evaluator.evaluate("shared[:] = b'changed!'\nx = 0.0").status == "ok"
    assert evaluator.evaluate("x = float(shared == b'original')").value == 1.0


def test_an_ordinary_user_is_protected_as_well() -> None:
    """The same in a process without any privilege, also not that of reading what belongs to others."""
    if os.getuid() != 0:
        pytest.skip("these tests run as an ordinary user already")
    run = [sys.executable, "-m", "tests.hostile.ordinary", "tests.hostile.battery"]
    done = subprocess.run(run, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode == ordinary.IMPOSSIBLE:
        pytest.skip(f"other users cannot read this installation: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
