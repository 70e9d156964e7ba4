"""The outermost process below the kernel: holds no data, and sees to it that nothing survives the kernel.

It ends when the liveness pipe (whose write end only the kernel holds) closes, when the kernel's process has gone, or
when the stem zygote dies; then it kills everything below it and removes the scratch folders.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import NoReturn

from score_nb.evaluate import confine
from score_nb.evaluate.folders import remove_tree


def main(arguments: list[str]) -> NoReturn:
    """Run as the reaper: `arguments` are the kernel's pid, the liveness pipe, the stem's socket, the scratch root."""
    kernel, liveness, line, scratch = int(arguments[0]), int(arguments[1]), int(arguments[2]), arguments[3]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confine.hide_memory()
    confine.adopt_orphans()
    wake = wake_on_child()
    reaper = os.getpid()
    stem = os.fork()
    if stem == 0:
        os.close(liveness)
        confine.die_with_parent(reaper)
        from score_nb.evaluate import stem as stem_role

        stem_role.main(line)
    os.close(line)
    try:
        _wait(stem, kernel, liveness, wake)
    finally:
        kill_descendants()
        remove_tree(scratch)
        os._exit(0)


def wake_on_child() -> int:
    """Return a descriptor that becomes readable whenever a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _wait(stem: int, kernel: int, liveness: int, wake: int) -> None:
    poll = select.poll()
    poll.register(liveness, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    # The parent's pid is looked at too: a process that the user forks in the kernel may hold the pipe open.
    while os.getppid() == kernel:
        for fd, _ in poll.poll(1000):
            if fd == liveness:
                return
            drain(wake)
        if any(pid == stem for pid, _ in reap_all()):
            return


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
