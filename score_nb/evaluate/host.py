"""The kernel's side of the process tree: starts reaper, stem and zygotes, and launches children on them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate import letters
from score_nb.evaluate.environment import environment, import_path, large_pages
from score_nb.evaluate.folders import remove_tree
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.snapshot import Snapshot, cannot_be_rebuilt

# The current folder leaves the path: a select.py beside the notebook must not come before Python's own.
_START = (
    "import sys; sys.path[0:1] = []; sys.path.append({root!r}); "
    "from score_nb.evaluate import reaper; reaper.main(sys.argv[1:])"
)
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ForkUnsafe(EvaluatorBroken):
    """Forks of a process with the notebook's libraries do not work."""


class Zygote:
    """A zygote that is ready to fork."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()

    def launch(self, fds: Sequence[int]) -> socket.socket:
        """Fork a child that gets `fds`; return the socket that tells its pid and its end.  Closing it kills the child.

        Raises
        ------
        letters.Closed
            The zygote has died.
        """
        here, there = socket.socketpair()
        try:
            with self._lock:
                letters.send(self._line, {}, [there.fileno(), *fds])
        except letters.Closed:
            here.close()
            raise
        finally:
            there.close()
        return here

    def close(self) -> None:
        """Let the zygote end once its children have."""
        self._line.close()


class Host:
    """Reaper and stem; nothing of it survives `close`, nor the kernel."""

    def __init__(self, folder: str, secrets: Iterable[str], path: Sequence[str] = ()) -> None:
        self.scratch = tempfile.mkdtemp(prefix="score-nb-")
        self._errors = os.memfd_create("score-nb-errors", os.MFD_CLOEXEC)
        self._lock = threading.Lock()
        self._line, stem = socket.socketpair()
        reading, self._liveness = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = self._start(environment(secrets) | large_pages(), reading, stem.fileno())
            letters.send(self._line, {"path": path or import_path(folder), "folder": folder})
        except (OSError, letters.Closed) as error:
            raise EvaluatorBroken(f"candidates cannot be started: {error}{self._said()}") from error
        finally:
            os.close(reading)
            stem.close()

    def _start(self, env: dict[str, str], liveness: int, stem: int) -> subprocess.Popen[bytes]:
        if not sys.executable:
            raise EvaluatorBroken("candidates cannot be started: this Python does not know its own program file")
        arguments = [str(os.getpid()), str(liveness), str(stem), self.scratch]
        return subprocess.Popen(
            [sys.executable, "-c", _START.format(root=_ROOT), *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            pass_fds=(liveness, stem),
            start_new_session=True,  # Jupyter's interrupt goes to the kernel's group
        )

    @property
    def is_alive(self) -> bool:
        """Whether the reaper runs."""
        return self._process.poll() is None

    def import_modules(self, modules: Iterable[str]) -> dict[str, str]:
        """Import modules in the stem and return the reasons of those that cannot be."""
        with self._lock:
            answer = self._ask({"do": "import", "modules": sorted(modules)})
        failed: dict[str, str] = answer["failed"]
        return failed

    def zygote(
        self,
        snapshots: Sequence[Snapshot],
        grants: Grants,
        late: frozenset[str],
        reader: str,
        *,
        fresh: Mapping[str, Any] | None = None,
        kind: type[Zygote] = Zygote,
    ) -> tuple[Zygote, Mapping[str, str]]:
        """Return a ready zygote that holds `snapshots`, and what confinement holds in its children.

        Values whose rebuilding starts threads are rebuilt after each fork; `late` are those known from before.
        With `fresh` (see `nursery`) nothing is forked: each child is a fresh interpreter.
        """
        order = {
            "grants": grants.parts,
            "scratch": self.scratch,
            "fresh": fresh,
            "snapshots": [snapshot.index() for snapshot in snapshots],
        }
        while True:
            line, there = socket.socketpair()
            try:
                with there, self._lock:
                    letters.send(self._line, {"do": "fork"}, [there.fileno()])
                letters.send(line, order | {"late": sorted(late)}, [snapshot.fd for snapshot in snapshots])
                answer, _ = letters.receive(line)
            except letters.Closed:
                line.close()
                raise ForkUnsafe(f"the process that holds the values of {reader} died{self._said()}") from None
            if "layers" in answer and not answer["broken"]:
                return kind(line), answer["layers"]
            line.close()
            late = _try_late(answer, late, reader)

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        try:
            letters.send(self._line, order)
            return letters.receive(self._line)[0]
        except letters.Closed:
            raise EvaluatorBroken(f"the process that imports modules died{self._said()}") from None

    def _said(self) -> str:
        """Return the last lines of what the helpers wrote to their stderr."""
        size = os.fstat(self._errors).st_size
        text = os.pread(self._errors, 2000, max(0, size - 2000)).decode("utf-8", "replace").strip()
        return f": {text}" if text else ""

    def forget(self) -> None:
        """Give up this tree in a process that was forked from the kernel: it must not keep it alive."""
        with contextlib.suppress(OSError):
            os.close(self._liveness)
        self._line.close()

    def close(self) -> None:
        """Kill everything below and wait until it has gone."""
        if self._liveness < 0:
            return
        os.close(self._liveness)
        self._liveness = -1
        self._line.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()  # what is below carries PDEATHSIG
            self._process.wait()
        os.close(self._errors)
        if os.path.isdir(self.scratch):
            remove_tree(self.scratch)
            shutil.rmtree(self.scratch, ignore_errors=True)


def _try_late(answer: Mapping[str, Any], late: frozenset[str], reader: str) -> frozenset[str]:
    """Return the names to rebuild after the fork, given why a zygote refused."""
    if "threads" in answer:
        return late | {answer["threads"]}
    if "unusable" in answer:
        raise cannot_be_rebuilt(answer["unusable"], reader, answer["reason"])
    if "dead" in answer:
        raise EvaluatorBroken(f"candidates cannot be run: {answer['dead']}")
    raise ForkUnsafe(
        f"candidates cannot be forked safely here: {answer['broken']}; a library that starts threads on import may be "
        "the cause: import it inside the cell instead"
    )
