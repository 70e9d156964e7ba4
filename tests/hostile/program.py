"""What a hostile program is, and the cell that tries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_PRELUDE = """
import ctypes, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def call(name, *arguments):
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(target['numbers'][name], *whole))
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One attempt.

    Attributes
    ----------
    name, group, harm : str
        What it is called, its family, and what it would do to the user.
    act : str
        Statements that raise where the attempt fails; `target` (see `field`) says where there is what to attack.
    twin : str
        The same act where it is allowed: it must work inside.
    bare : {"works", "host", ""}
        Whether it succeeds in a plain process: on any Linux; where the machine and its user's rights let it (a
        container may refuse it too); "" where it is not tried, since it has a twin.
    """

    name: str
    group: str
    harm: str
    act: str
    twin: str = ""
    bare: Literal["works", "host", ""] = "works"

    def source(self, act: str) -> str:
        """Return a cell that scores 1 where `act` succeeds."""
        body = "\n".join("        " + line for line in act.splitlines())
        return f"""{_PRELUDE}
def attempt():
    try:
{body}
    except BaseException as error:
        print(type(error).__name__, error)
        return 0.0
    return 1.0
x = attempt()
"""
