"""Whether the process that a lock names is still there."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import psutil

_PROC = Path("/proc")


@cache
def boot_id() -> str:
    """Return the identity of this boot, "" where the system tells none."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return ""


@cache
def pid_space() -> str:
    """Return the identity of the process numbers seen from here (containers have their own), "" where there is none."""
    with suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")
    return ""


def started(pid: int) -> str:
    """Return when process `pid` started, as the system counts it; "" where there is none, or where it is not told."""
    if sys.platform != "linux":
        return _started_elsewhere(pid)
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _started_elsewhere(pid: int) -> str:
    """Return the time of start as psutil tells it, where there is no /proc."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return ""


def lives(pid: int, since: str) -> bool:
    """Return whether the process `pid` that started at `since` still runs (numbers are used again)."""
    now = started(pid)
    if now and since:
        return now == since
    # Without a time of start only existence can be asked for.  Where there should be one, the process has ended, or it
    # is one that this user may not see (/proc mounted with hidepid).
    return _exists(pid) in (("theirs",) if since else ("ours", "theirs"))


def _exists(pid: int) -> Literal["no", "ours", "theirs"]:
    if pid <= 0:
        return "no"
    if sys.platform == "win32":
        return "ours" if _exists_on_windows(pid) else "no"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "no"
    except OSError:
        return "theirs"
    return "ours"


def _exists_on_windows(pid: int) -> bool:
    # os.kill(pid, 0) would send Ctrl-C there.
    if sys.platform != "win32":
        return False
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    handle = kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return ctypes.get_last_error() == 5  # ERROR_ACCESS_DENIED: it is there
    code = ctypes.c_ulong()
    kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel32.CloseHandle(handle)
    return code.value == 259  # STILL_ACTIVE
