"""A small process beside the kernel: when the kernel has gone it kills the workers left and removes the run's folder.

It is told of each worker's start and end on its standard input, one JSON line each; the end of that is the kernel's.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import NoReturn

from score_nb.evaluate.folders import remove_tree

_SIGKILL = 9


def main(folder: str) -> NoReturn:
    """Run as the warden of `folder`."""
    at_work: set[int] = set()
    for line in sys.stdin.buffer:
        told = json.loads(line)
        at_work = at_work | {told["begun"]} if "begun" in told else at_work - {told["ended"]}
    for pid in at_work:
        kill_group(pid)
    remove_tree(folder)
    os._exit(0)


def kill_group(pid: int) -> None:
    """Kill a worker with what it may have started; on Windows its job object does that."""
    if sys.platform != "win32":
        # Only a group of its own has this number: a later process that got the pid is no leader of one.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, _SIGKILL)
