"""What candidate and scorer are given, and their surroundings: environment, scratch folder, streams, generators."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from score_nb.evaluate.channel import Channel
from score_nb.evaluate.environment import one_thread

ENVIRONMENT = one_thread() | {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is to do (`order`, from the kernel) and what it has for it."""

    order: Mapping[str, Any]
    namespace: dict[str, Any]
    channel: Channel
    report: Callable[[bytes], int]  # writes some of the bytes to the kernel and returns how many

    def tell(self, **facts: object) -> None:
        """Write one line to the kernel."""
        data = json.dumps(facts).encode() + b"\n"
        while data:
            data = data[self.report(data) :]


Roles = Mapping[str, Callable[[Work], None]]


def forget_environment() -> None:
    """Leave the calling process no environment variables but `ENVIRONMENT`."""
    if dict(os.environ) != ENVIRONMENT:
        os.environ.clear()
        os.environ.update(ENVIRONMENT)


def redirect(log: int) -> None:
    """Let all that is printed go to the descriptor `log`; nothing can be read."""
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 0:
        os.dup2(null, 0)
        os.close(null)
    os.dup2(log, 1)
    os.dup2(log, 2)


def make_streams() -> None:
    """Make Python's standard streams anew, as those of a process that prints to a pipe, whatever they are now."""
    kept = [os.dup(fd) for fd in (1, 2)]
    reading, writing = os.pipe()
    for fd in (1, 2):
        os.dup2(writing, fd)
    _open_streams()
    for fd, usual in zip((1, 2), kept, strict=True):
        os.dup2(usual, fd)
    for fd in (*kept, reading, writing):
        os.close(fd)


def _open_streams() -> None:
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(fd, "w", closefd=False)
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=fd == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def enter(scratch: str) -> None:
    """Make `scratch` the current, the home and the temporary folder."""
    places = {
        "HOME": scratch,
        "TMPDIR": scratch,
        "MPLCONFIGDIR": os.path.join(scratch, ".matplotlib"),
        "NUMBA_CACHE_DIR": os.path.join(scratch, ".numba"),  # read where numba is not loaded yet
    }
    if sys.platform == "win32":
        places |= dict.fromkeys(("USERPROFILE", "TEMP", "TMP"), scratch)
    # One by one: `update` asks what kind of mapping it is given, which looks at every mapping class there is.
    for name, place in places.items():
        os.environ[name] = place
    os.chdir(scratch)
    tempfile.tempdir = scratch


def show_device(device: str | None) -> None:
    """Let CUDA see `device` alone; without one nothing is said."""
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device


def seed_generators(seed: int) -> None:
    """Seed the random generators of what is imported."""
    random.seed(seed)
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(seed % 2**32)
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def flush() -> None:
    """Write out what was printed so far."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S112  a candidate's own stream may raise anything
            continue
