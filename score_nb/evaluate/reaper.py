"""The outermost process below the kernel: holds no data, and sees to it that nothing survives the kernel.

It ends when the liveness pipe (whose write end only the kernel holds) closes, when the kernel's process has gone, or
when the stem zygote dies; then it kills everything below it and removes the scratch folders.
"""

from __future__ import annotations

import os
import select
import signal
from typing import NoReturn

from score_nb.evaluate import confine
from score_nb.evaluate.children import drain, kill_descendants, reap_all, wake_on_child
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
