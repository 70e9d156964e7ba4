"""The folder of one run, and the warden that removes it should the kernel be killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate.environment import environment
from score_nb.evaluate.folders import remove_tree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The current folder leaves the path: a select.py beside the notebook must not come before Python's own.
START = "import sys; sys.path[0:1] = []; sys.path.append({root!r}); from score_nb.evaluate import {module}; "
_SAID = 2_000


def interpreter() -> tuple[str, dict[str, str]]:
    """Return the program that starts a fresh Python of this environment, and variables that it needs.

    Raises
    ------
    EvaluatorBroken
        It is not known.
    """
    if not sys.executable:
        raise EvaluatorBroken("candidates cannot be started: this Python does not know its own program file")
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    if sys.platform == "win32" and base != sys.executable:
        # The program of a virtual environment there starts another one, which would not be ours to watch.
        return base, {"__PYVENV_LAUNCHER__": sys.executable}
    return sys.executable, {}


class Place:
    """Folders of a run: `held` for what candidates must not reach, scratch folders for the workers.

    Parameters
    ----------
    secrets : iterable of str
        Values that no process below may find in its environment.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._environment = environment(secrets)
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="score-nb-"))
        self.held = os.path.join(self.folder, "held")
        os.mkdir(self.held, 0o700)
        _label(self.held, is_held=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self.errors = os.open(os.path.join(self.held, "errors"), flags, 0o600)
        self._lock = threading.Lock()
        self._at_work: set[int] = set()
        self._warden = self._start_warden()

    def _start_warden(self) -> subprocess.Popen[bytes]:
        program, more = interpreter()
        start = START.format(root=ROOT, module="warden") + "warden.main(sys.argv[1])"
        try:
            return subprocess.Popen(
                [program, "-c", start, self.folder],
                env=self._environment | more,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                bufsize=0,
                start_new_session=True,  # Jupyter's interrupt goes to the kernel's group
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise EvaluatorBroken(f"candidates cannot be started: {error}") from error

    def scratch(self) -> str:
        """Return a new scratch folder for one worker."""
        folder = tempfile.mkdtemp(dir=self.folder)
        _label(folder, is_held=False)
        return folder

    def begun(self, pid: int) -> None:
        """Let the warden know of a worker."""
        with self._lock:
            self._at_work.add(pid)
            self._tell({"begun": pid})

    def ended(self, pid: int) -> None:
        """Let the warden forget a worker."""
        with self._lock:
            self._at_work.discard(pid)
            self._tell({"ended": pid})

    def _tell(self, fact: dict[str, int]) -> None:
        pipe = self._warden.stdin
        assert pipe is not None
        if pipe.closed:
            return
        try:
            pipe.write(json.dumps(fact).encode() + b"\n")
        except OSError:  # somebody killed it; while one runs the next is told all
            self._warden.wait()
            with contextlib.suppress(OSError):
                pipe.close()
            os.makedirs(self.held, exist_ok=True)
            self._warden = self._start_warden()
            fresh = self._warden.stdin
            assert fresh is not None
            for pid in self._at_work:
                fresh.write(json.dumps({"begun": pid}).encode() + b"\n")

    def said(self) -> str:
        """Return the last lines of what workers wrote to their stderr before their order came."""
        size = os.lseek(self.errors, 0, os.SEEK_END)
        os.lseek(self.errors, max(0, size - _SAID), os.SEEK_SET)
        text = os.read(self.errors, _SAID).decode("utf-8", "replace").strip()
        return f": {text}" if text else ""

    def forget(self) -> None:
        """Give the folder up in a fork of the kernel."""
        if self._warden.stdin is not None:
            with contextlib.suppress(OSError):
                self._warden.stdin.close()

    def close(self) -> None:
        """Have the warden remove the folder, and see to it that it is gone."""
        with self._lock:
            assert self._warden.stdin is not None
            with contextlib.suppress(OSError):
                self._warden.stdin.close()
            try:
                self._warden.wait(15)
            except subprocess.TimeoutExpired:
                self._warden.kill()
                self._warden.wait()
            os.close(self.errors)
            if os.path.isdir(self.folder):
                remove_tree(self.folder)


def _label(folder: str, *, is_held: bool) -> None:
    """On Windows let candidates reach a folder, or keep them from it; elsewhere their profile says so."""
    if sys.platform == "win32":
        from score_nb.evaluate import windows

        # Where the file system keeps no labels the probe finds it out.
        with contextlib.suppress(OSError):
            windows.set_label(folder, windows.HELD if is_held else windows.SCRATCH)
