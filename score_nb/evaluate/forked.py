"""A freshly forked child on its way to become candidate or scorer: descriptors, environment, limits, confinement."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from score_nb.evaluate import confine, leaf, letters, snapshot, tame
from score_nb.evaluate.channel import Arena, Channel
from score_nb.evaluate.confine import Ruleset


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a zygote gives to each child: its parts to play, the rules, the namespace, values to rebuild in it."""

    roles: leaf.Roles
    rules: Ruleset
    main: types.ModuleType
    late: list[snapshot.Later]
    held_kib: int = 0  # of data, by the zygote
    is_confined: bool = False  # before its order came


def run(line: socket.socket, outfit: Outfit, get_ready: Callable[[], None] = lambda: None) -> NoReturn:
    """Turn the calling process, just forked, into a child that waits on `line` for its order; never returns."""
    try:
        _prepare(line, outfit.rules)
        get_ready()
        fds = letters.take_over(line)
        line.close()
        work = _settle(fds, outfit)
        work.tell(kind="settled")  # whatever fails before this line is our failure, not the candidate's
        outfit.roles[work.order["role"]](work)
        leaf.flush()
        # The kernel ends both sides once it knows: a child that left by itself would look like one that crashed.
        while True:
            signal.pause()
    except BaseException:  # noqa: BLE001  last resort: the kernel reads it in the log
        with contextlib.suppress(BaseException):
            import traceback

            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        os._exit(70)


def _prepare(line: socket.socket, rules: Ruleset) -> None:
    """Do what needs no order, while nobody waits for it."""
    os.setsid()
    confine.ignore_children()
    confine.be_first_for_want_of_memory()
    rules.build()
    _close_others({line.fileno(), *rules.fds})


def give_up() -> None:
    """Give up what no candidate has.

    A zygote does so once for all its children, which inherit it: each page that a fork writes to has to be copied.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leaf.forget_environment()
    leaf.make_streams()
    tame.read_compiled_code()
    sys.dont_write_bytecode = True
    confine.no_new_privileges()
    confine.drop_capabilities()
    confine.limit_always()


def _settle(fds: list[int], outfit: Outfit) -> leaf.Work:
    log, report, line, outgoing, incoming, job = fds
    order = letters.read_order(job)
    channel = Channel(
        socket.socket(fileno=line),
        Arena(outgoing, order["arena"], writable=True),
        Arena(incoming, order["arena"], writable=order["role"] == "candidate"),  # it may write into what it is lent
    )
    leaf.redirect(log)
    letters.close_all([log, outgoing, incoming, job])
    leaf.enter(order["scratch"])
    leaf.show_device(order["device"])
    if not outfit.is_confined:
        confine.limit_work(order["memory"], order["cpu_s"], order["file_mib"], outfit.held_kib)
        if order["role"] == "candidate":  # it has no secrets; the scorer does
            confine.show_use()
        confine.confine(outfit.rules, order["scratch"])
    namespace = vars(outfit.main)
    for name, rebuild in outfit.late:
        namespace[name] = rebuild()
    leaf.seed_generators(order["seed"])
    return leaf.Work(order, namespace, channel, functools.partial(os.write, report))


def _close_others(kept: set[int]) -> None:
    start = 3
    for fd in sorted(kept):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))
