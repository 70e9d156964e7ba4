"""No hostile candidate gets what it wants; each positive control works, or the denial would prove nothing."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.support import setup, started
from tests.hostile.programs import FORGERIES, PROGRAMS, Program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")

CELL = """
hidden = [3.5, 4.5]
shared = bytearray(b"original")
def metric(x):
    return float(x)
def best_is_minus_one(x):
    import numpy as np
    return -1.0 - float(np.abs(np.sum(x) - sum(hidden)))
"""
KEY = "sk-hostile-test-key-0123456789"


class Field:
    """What there is to attack."""

    def __init__(self, root: Path) -> None:
        self.file = root / "precious.txt"
        self.file.write_text("precious")
        self.file.chmod(0o600)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(root / "s"))
        self.unix.listen()
        self.datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.datagram.bind(str(root / "d"))
        self.target = {
            "file": str(self.file), "folder": str(root), "home": str(Path.home()), "kernel": os.getpid(),
            "port": self.listening.getsockname()[1], "unix": str(root / "s"), "datagram": str(root / "d"),
            "variable": "HOSTILE_TEST_KEY", "key_reversed": KEY[::-1],
        }  # fmt: skip

    def close(self) -> None:
        for part in (self.listening, self.unix, self.datagram):
            part.close()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    found = Field(tmp_path_factory.mktemp("precious"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOSTILE_TEST_KEY", KEY)
        yield found
    found.close()


@pytest.fixture(scope="module")
def evaluator(field: Field) -> Iterator[LocalEvaluator]:
    scorer = "metric best_is_minus_one hidden"
    what = setup(CELL, inputs="shared", scorer=scorer, holdout="best_is_minus_one", secrets=(KEY,), timeout=10.0)
    with started(replace(what, inputs={**what.inputs, "target": field.target})) as found:
        yield found


@pytest.fixture(autouse=True)
def _unharmed(field: Field) -> Iterator[None]:
    before = field.file.stat()
    yield
    after = field.file.stat()
    assert field.file.read_text() == "precious"
    assert (after.st_mode, after.st_mtime, after.st_nlink) == (before.st_mode, before.st_mtime, before.st_nlink)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_attempt_fails(evaluator: LocalEvaluator, program: Program) -> None:
    if evaluator.confinement.level != "full":
        pytest.skip(f"confinement is only {evaluator.confinement}")
    found = evaluator.evaluate(program.source(program.act))
    assert found.value != 1.0, f"{program.name} succeeded"
    assert found.status in ("ok", "error", "forbidden", "invalid"), found


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p.twin], ids=lambda program: program.name)
def test_positive_control_works(evaluator: LocalEvaluator, program: Program) -> None:
    found = evaluator.evaluate(program.source(program.twin))
    assert found.value == 1.0, found


@pytest.mark.parametrize("name", FORGERIES)
def test_forgery_is_not_believed(evaluator: LocalEvaluator, name: str) -> None:
    found = evaluator.evaluate(FORGERIES[name], metric="holdout")
    assert found.value is None or found.value <= -1.0, found
    assert not os.path.exists("/tmp/score-nb-bomb")


def test_inputs_are_as_new_for_the_next_candidate(evaluator: LocalEvaluator) -> None:
    assert evaluator.evaluate("shared[:] = b'changed!'\nx = 0.0").status == "ok"
    assert evaluator.evaluate("x = float(shared == b'original')").value == 1.0


def test_most_attempts_succeed_where_nothing_is_confined(field: Field, tmp_path: Path) -> None:
    """The programs are real: bare, outside any sandbox, these harmless ones do what they try."""
    harmless = {
        "read_secret", "list_folder", "list_home", "leave_by_dotdot", "through_own_root", "symlink_out", "tcp",
        "tcp_bind", "udp", "unix_path", "unix_by_pair", "fork", "system", "subprocess", "spawn", "kill_parent",
        "kill_kernel", "own_environment", "memfd", "signal_by_owner", "pidfd",
    }  # fmt: skip
    succeeded = []
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for program in PROGRAMS:
            if program.name in harmless:
                child = os.fork()
                if child == 0:
                    space: dict[str, Any] = {"target": field.target}
                    try:
                        exec(program.source(program.act), space)
                    finally:
                        os._exit(0 if space.get("x") == 1.0 else 1)
                if os.waitpid(child, 0)[1] == 0:
                    succeeded.append(program.name)
    finally:
        os.chdir(here)
    assert set(succeeded) == harmless
