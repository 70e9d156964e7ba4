"""Processes below the calling one: to hear when they end, to find and to kill them (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

_libc = ctypes.PyDLL(None, use_errno=True) if sys.platform == "linux" else None


def fork() -> int:
    """Fork the calling process, whose only Python thread is the calling one; return 0 in the child, else its pid.

    Python's own fork also runs what modules registered for it (`os.register_at_fork`), which makes the locks of threads
    anew that are not there and seeds generators that each child seeds again: 200 pages more to copy in each child.

    Raises
    ------
    OSError
        There is no memory or no process left.
    """
    if _libc is None or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return os.fork()
    pid = int(_libc.fork())
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return pid


def wake_on_child() -> int:
    """Return a descriptor that becomes readable whenever a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def drain(wake: int) -> None:
    """Empty the descriptor of `wake_on_child`."""
    with contextlib.suppress(BlockingIOError):
        while os.read(wake, 4096):
            pass


def reap_all() -> list[tuple[int, int]]:
    """Return pid and wait status of all children that have ended."""
    ended = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended.append((pid, status))
    return ended


def kill_descendants(seconds: float = 10.0) -> None:
    """Kill everything below the calling process, in rounds: first stop, so that nothing forks meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        reap_all()
        below = descendants(os.getpid())
        if not below:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in below:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        time.sleep(0.002)


def descendants(root: int) -> list[int]:
    """Return the pids below `root`, parents first."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                # The command's name may hold anything, also ") 1 2": only what follows the last bracket counts.
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found
