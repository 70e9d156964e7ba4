"""Hostile programs in plain processes, with layers of confinement put on one by one.

    python -m tests.hostile.layers '{"seccomp": true}'

prints as JSON what became of each program: "" where it succeeded, else why not.  No option of the product switches a
layer off: this file puts the same layers on a process of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from score_nb.evaluate import confine, grants
from score_nb.evaluate.confine import Grants, Ruleset
from tests.evaluate.support import notebook
from tests.hostile.field import KEY_REVERSED, VARIABLE, Field
from tests.hostile.programs import PROGRAMS, Program, cell

_SECONDS = 30.0
_CLEAN = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Layers:
    """Which layers a program meets.

    `landlock` is the version of its rules, 0 for none; `files_by_seccomp` is what takes its place on older systems.
    """

    landlock: int = 0
    seccomp: bool = False
    files_by_seccomp: bool = False
    limits: bool = False
    descriptors: bool = False
    environment: bool = False
    separation: bool = False  # the metric and what it reads are in another process, whose memory is closed
    capabilities: bool = False
    session: bool = False

    @classmethod
    def all(cls, **changed: Any) -> Layers:
        """Return what candidates meet here, with changes."""
        return cls(**{
            "landlock": confine.landlock_abi(), "seccomp": True, "limits": True, "descriptors": True,
            "environment": True, "separation": True, "capabilities": True, "session": True, **changed,
        })  # fmt: skip


def outcomes(layers: Layers, names: set[str] | None = None) -> dict[str, str]:
    """Return what became of each program (or of the named ones) under these layers, found in fresh processes."""
    chosen = [program.name for program in PROGRAMS if program.bare and (names is None or program.name in names)]
    key = {VARIABLE: KEY_REVERSED[::-1]}
    environment = {**_CLEAN, "PYTHONPATH": os.pathsep.join(sys.path)} if layers.environment else {**os.environ, **key}
    # It stands for the kernel: a process of the same user with the key in its environment.
    with subprocess.Popen(["sleep", "600"], env=key) as kernel:
        order = json.dumps({"layers": asdict(layers), "names": chosen, "kernel": kernel.pid})
        try:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "tests.hostile.layers", order],
                env=environment,
                cwd=Path(__file__).resolve().parents[2],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            kernel.kill()
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(order: dict[str, Any]) -> None:
    """Run the named programs one after the other and print what became of them."""
    layers = Layers(**order["layers"])
    if layers.separation:
        confine.hide_memory()
    readable = grants.readable(sys.path, [])
    with tempfile.TemporaryDirectory(prefix="score-nb-layers-", ignore_cleanup_errors=True) as root:
        ground = _Ground(Path(root), order["kernel"])
        found = {}
        for program in PROGRAMS:
            if program.name in order["names"]:
                found[program.name] = _run(program, layers, readable, ground.field, ground.scratch())
                ground.mend()
        ground.field.close()
    sys.__stdout__.write("\n" + json.dumps(found) + "\n")


class _Ground:
    """A field and scratch folders in it; the field is made anew where a program has done harm."""

    def __init__(self, root: Path, kernel: int) -> None:
        self._root = root
        self._kernel = kernel
        self._number = 0
        self.field = Field(root / "field-0", kernel)

    def scratch(self) -> str:
        """Return a new scratch folder, with another beside it."""
        self._number += 1
        place = self._root / f"scratch-{self._number}"
        (place / "candidate").mkdir(parents=True)
        (place / "scorer").mkdir()
        return str(place / "candidate")

    def mend(self) -> None:
        """See to it that the next program finds a field without harm."""
        if self.field.harm():
            self.field.close()
            self.field = Field(self._root / f"field-{self._number}", self._kernel)


def _run(program: Program, layers: Layers, readable: Grants, field: Field, scratch: str) -> str:
    inherited = os.open(field.file, os.O_RDWR)
    rules = Ruleset([confine.SYSTEM, readable, Grants((str(field.granted),))], layers.landlock or None)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.write(writing, _attempt(program, layers, rules, field, scratch, writing).encode())
        os._exit(0)
    for fd in (writing, inherited, *rules.fds):
        os.close(fd)
    try:
        return _wait(pid, reading)
    finally:
        os.close(reading)


def _attempt(program: Program, layers: Layers, rules: Ruleset, field: Field, scratch: str, report: int) -> str:
    space: dict[str, Any] = {"target": field.target, "__name__": "__main__"}
    if not layers.separation:
        space |= notebook(cell())
    if layers.session:
        os.setsid()
    if layers.landlock:
        rules.build()
    if layers.descriptors:
        kept = {report, *rules.fds}
        for fd in range(3, 1024):
            if fd not in kept:
                with contextlib.suppress(OSError):
                    os.close(fd)
    if layers.environment:
        os.environ.clear()
        os.environ.update(_CLEAN | {"HOME": scratch, "TMPDIR": scratch})
    os.chdir(scratch)
    tempfile.tempdir = scratch
    _confine(layers, rules, scratch)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        exec(program.source(program.act), space)
    return "=" if space["x"] == 1.0 else printed.getvalue().strip()[-200:] or "?"


def _confine(layers: Layers, rules: Ruleset, scratch: str) -> None:
    """Do what `confine.confine` does, as far as the layers are on."""
    reasons = []
    if layers.limits:
        confine.limit_resources(1024, 60.0, 64)
    if layers.landlock or layers.seccomp:
        confine.no_new_privileges()
    if layers.landlock:
        reasons.append(rules.enforce(scratch))
    if layers.capabilities:
        confine.drop_capabilities()
    if layers.seccomp:
        version = 0 if layers.files_by_seccomp else layers.landlock or confine.landlock_abi()
        reasons.append(confine.filter_calls(version))
    if any(reasons):
        raise RuntimeError(str(reasons))


def _wait(pid: int, reading: int) -> str:
    """Return the report of a process, which is killed with its group if it does not end."""
    ended = os.pidfd_open(pid)
    try:
        is_in_time = bool(select.select([ended], [], [], _SECONDS)[0])
    finally:
        os.close(ended)
    if not is_in_time:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.set_blocking(reading, False)
    try:
        text = os.read(reading, 4096).decode("utf-8", "replace")
    except BlockingIOError:
        text = ""
    if not is_in_time:
        return "did not end"
    return "" if text == "=" else text or "ended without a word"


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
