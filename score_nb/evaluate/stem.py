"""The stem zygote: a cold process that only imports, from which the zygotes of candidates and scorer are forked."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from score_nb.evaluate import confine, letters, mappings, tame
from score_nb.evaluate.children import drain, reap_all, wake_on_child
from score_nb.evaluate.environment import import_all
from score_nb.evaluate.nursery import Nursery
from score_nb.evaluate.zygote import ZygoteRole


def main(line: int) -> NoReturn:
    """Run as the stem zygote on the socket `line` until the kernel closes it."""
    control = socket.socket(fileno=line)
    wake = wake_on_child()
    setup, _ = letters.receive(control)
    sys.path[:] = setup["path"]
    os.chdir(setup["folder"])
    tame.serve_threads()
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wake, select.POLLIN)
    with contextlib.suppress(letters.Closed):
        while True:
            for fd, _ in poll.poll():
                if fd == wake:
                    drain(wake)
                    reap_all()
                else:
                    _obey(control, wake)
    os._exit(0)


def _obey(control: socket.socket, wake: int) -> None:
    order, fds = letters.receive(control)
    if order["do"] == "import":
        failed = import_all(order["modules"])
        tame.find_plugins()
        # Not left to the zygotes: their collection would write to every object, and so copy every page.
        gc.collect()
        gc.freeze()
        mappings.join_libraries()
        letters.send(control, {"failed": failed})
        return
    stem = os.getpid()
    # Python's own fork: a module may have started a thread, of which nothing is left in the zygote.
    if os.fork() == 0:
        signal.set_wakeup_fd(-1)
        control.close()
        os.close(wake)
        confine.die_with_parent(stem)
        _serve(fds[0])
    letters.close_all(fds)


def _serve(line: int) -> NoReturn:
    """Run as a zygote on the socket `line` until the kernel closes it and the last child has ended."""
    control = socket.socket(fileno=line)
    code = 1
    with contextlib.suppress(letters.Closed):
        order, fds = letters.receive(control)
        zygote = (ZygoteRole if order["fresh"] is None else Nursery)(control, order)
        if zygote.load(order["snapshots"], fds, frozenset(order["late"])):
            zygote.run()
        code = 0
    os._exit(code)
