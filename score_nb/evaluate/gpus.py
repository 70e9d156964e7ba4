"""The GPUs of this machine, one for each evaluation at work: `CUDA_VISIBLE_DEVICES` as its processes see it.

Runs in several kernels share the devices: one lock file per device in the machine's temporary folder, whose lock the
system drops with its process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: only runs of this process know of each other
    fcntl = None  # type: ignore[assignment]

from score_nb.config import gpu_list
from score_nb.errors import BadOption

VARIABLE = "CUDA_VISIBLE_DEVICES"
# For tests, and for groups of runs that are to have devices of their own.
FOLDER_VARIABLE = "SCORE_NB_GPU_LOCKS"
_LOOK_S = 0.05

_changed = threading.Condition()
_taken: set[str] = set()


class Devices:
    """The devices that evaluations of one run may use.

    Parameters
    ----------
    names : sequence of str
        As `CUDA_VISIBLE_DEVICES` names them; where there are none, evaluations get none and nothing waits.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(dict.fromkeys(names))

    @contextlib.contextmanager
    def one(self, closing: threading.Event) -> Iterator[str | None]:
        """Have a device that nobody else has for the block; None without devices, or once `closing` is set."""
        held = self._wait(closing) if self._names else None
        try:
            yield held.name if held else None
        finally:
            if held:
                held.give_back()

    def _wait(self, closing: threading.Event) -> _Held | None:
        with _changed:
            while not closing.is_set():
                for name in self._names:
                    held = _take(name)
                    if held is not None:
                        return held
                # Not only when one of ours comes back: other processes tell nobody.
                _changed.wait(_LOOK_S)
        return None


class _Held:
    """A device that is taken; `file` holds the lock, -1 where there is no such thing."""

    def __init__(self, name: str, file: int) -> None:
        self.name, self._file = name, file

    def give_back(self) -> None:
        """Let others have it."""
        with _changed:
            if self._file >= 0:
                # Told, not only closed: a process that the user forked may have the descriptor too.
                fcntl.flock(self._file, fcntl.LOCK_UN)
                os.close(self._file)
            _taken.discard(self.name)
            _changed.notify_all()


def _take(name: str) -> _Held | None:
    if name in _taken:
        return None
    file = -1
    if fcntl is not None:
        file = os.open(_lock_file(name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
    _taken.add(name)
    return _Held(name, file)


def _lock_file(name: str) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir()
    return Path(folder) / f"score-nb-{user}-gpu-{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"


def devices_for(option: str, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the devices that `--gpus` means on this machine: a list as it is, a number of those that are visible.

    Raises
    ------
    BadOption
        `CUDA_VISIBLE_DEVICES` shows fewer.
    """
    wanted = gpu_list(option)
    if not isinstance(wanted, int):
        return wanted
    seen = visible(environ)
    if seen is None:
        return tuple(map(str, range(wanted)))
    if len(seen) < wanted:
        raise BadOption(f"--gpus {wanted}: {VARIABLE} shows this process {len(seen)} ({','.join(seen) or 'none'})")
    return seen[:wanted]


def visible(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the devices that `CUDA_VISIBLE_DEVICES` names, None where it is not set and all are visible."""
    if VARIABLE not in environ:
        return None
    names = (name.strip() for name in environ[VARIABLE].split(","))
    # CUDA itself stops at the first that is none.
    return tuple(_until_none(names))


def _until_none(names: Iterator[str]) -> Iterator[str]:
    for name in names:
        if name in ("", "-1", "NoDevFiles"):
            return
        yield name
