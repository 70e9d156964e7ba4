"""A module run as an ordinary user, from root.

    python -m tests.hostile.ordinary MODULE

Where a folder above this installation is closed to others (/root), it is laid open in a mount namespace of this process
alone, installation only.  Exit code 77: not possible here.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from pathlib import Path
from typing import NoReturn

USER = 61_234  # no file belongs to it
IMPOSSIBLE = 77
_NEW_NAMESPACE = 0x20000
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def main(module: str) -> NoReturn:
    """Become an ordinary user and run `module`."""
    needed = {sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)), os.getcwd()}
    try:
        _lay_open({Path(place).resolve() for place in needed})
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        os.execve(sys.executable, [sys.executable, "-m", module], environment)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
    os._exit(IMPOSSIBLE)


def _lay_open(places: set[Path]) -> None:
    closed: dict[Path, list[Path]] = {}
    for place in places:
        for above in reversed([place, *place.parents]):
            if not above.stat().st_mode & stat.S_IXOTH:
                closed.setdefault(above, []).append(place)
                break
    if not closed:
        return
    _checked(_libc.unshare(_NEW_NAMESPACE))
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)
    for above, inside in closed.items():
        kept = [(place, os.open(place, os.O_PATH)) for place in inside]
        _mount(b"tmpfs", str(above), b"tmpfs", 0)
        above.chmod(0o755)
        for place, fd in sorted(kept):
            place.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{fd}".encode(), str(place), None, _BIND | _RECURSIVE)


def _mount(what: bytes | None, where: str, kind: bytes | None, flags: int) -> None:
    _checked(_libc.mount(what, where.encode(), kind, ctypes.c_ulong(flags), None))


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main(sys.argv[1])
