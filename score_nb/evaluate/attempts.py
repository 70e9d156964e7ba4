"""Attempts to break out of a confined worker: what confinement holds is what these find, on any system."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any

from score_nb.evaluate.base import Confinement

READING, WRITING, HIDDEN = "reading files", "writing files", "hidden values"
NETWORK, PROCESSES, OTHERS, LIMITS = "network", "starting processes", "other processes", "limits"
_BARRIERS = (READING, WRITING, NETWORK, PROCESSES)
_MIB = 1024 * 1024
_SAID = {
    READING: "files of yours that were not granted can be read",
    WRITING: "files outside the scratch folder can be written",
    HIDDEN: "what only the metric may read can be read",
    NETWORK: "network connections can be opened",
    PROCESSES: "programs can be started",
    OTHERS: "your other processes can be signalled or opened",
    LIMITS: "files or memory can grow past their limit",
}
FILE_MIB = 1  # limits under which the attempts are made
MEMORY_MIB = 64


def make(order: Mapping[str, Any]) -> dict[str, bool]:
    """Try everything in the calling process and return what was prevented; what is allowed must work.

    `order` names files of the user (`yours`) and of the run (`hidden`), a `port` of this machine that listens, and the
    `kernel`'s process.

    Raises
    ------
    OSError
        Something fails that every candidate needs: the rest would prove nothing.
    """
    own: str = order["own"]
    with open(os.path.join(own, "twin"), "w", encoding="ascii") as file:
        file.write("x")
    with open(os.__file__, "rb") as file:
        file.read(1)
    thread = threading.Thread(target=tempfile.gettempdir)
    thread.start()
    thread.join()
    return {
        READING: _fails(lambda: _read(order["yours"])),
        WRITING: _fails(lambda: _write(order["yours"])) and _fails(lambda: _write(order["yours"] + ".new")),
        HIDDEN: _fails(lambda: _read(order["hidden"])) and _fails(lambda: _write(order["hidden"])),
        NETWORK: _fails(lambda: _connect(order["port"])),
        PROCESSES: _fails(_start_program),
        OTHERS: _fails(lambda: _reach(order["kernel"])),
        LIMITS: _fails(lambda: _grow(own)),
    }


def confinement(held: Mapping[str, bool], means: Mapping[str, str]) -> Confinement:
    """Return the level that the attempts found; `means` tell which of them could not be switched on, and why."""
    reasons = "".join(f"; {name}: {why}" for name, why in means.items() if why)
    layers = {name: "" if is_held else _SAID[name] + reasons for name, is_held in held.items()}
    if all(held.values()):
        return Confinement("full", layers)
    return Confinement("partial" if any(held[name] for name in _BARRIERS) else "none", layers)


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return True
    return False


def _read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def _write(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b"x")


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2.0).close()


def _start_program() -> None:
    subprocess.run([sys.executable, "-c", ""], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _reach(pid: int) -> None:
    if sys.platform != "win32":
        os.kill(pid, 0)
        return
    from score_nb.evaluate import windows

    if not windows.can_open(pid):
        raise PermissionError


def _grow(own: str) -> None:
    """Pass the limit of files, or on Windows that of memory."""
    if sys.platform == "win32":
        bytearray(4 * MEMORY_MIB * _MIB)
        return
    with open(os.path.join(own, "large"), "wb", buffering=0) as file:
        file.seek(2 * FILE_MIB * _MIB)
        file.write(b"x")
