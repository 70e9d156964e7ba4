"""The fork of zygotes."""

from __future__ import annotations

import ctypes
import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest

from score_nb.evaluate import children

FORK = """
import os, sys, threading
from score_nb.evaluate.children import fork

os.register_at_fork(after_in_child=lambda: print("registered"))
told = []
if fork() == 0:
    helper = threading.Thread(target=told.append, args=("thread",))
    helper.start()
    helper.join()
    print(*told, threading.current_thread() is threading.main_thread(), threading.active_count(), os.getppid())
    sys.stdout.flush()
    os._exit(3)
print(os.getpid(), os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="candidates are forked on Linux only")
def test_a_fork_runs_nothing_that_modules_registered_and_can_start_threads() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    child, parent = done.stdout.splitlines()
    pid, code = parent.split()
    assert child == f"thread True 1 {pid}"
    assert (code, done.stderr) == ("3", "")


def test_a_fork_that_the_system_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        ctypes.set_errno(errno.EAGAIN)
        return -1

    monkeypatch.setattr(children, "_libc", SimpleNamespace(fork=fork))
    with pytest.raises(BlockingIOError):
        children.fork()
