"""A freshly forked child on its way to become candidate or scorer: descriptors, environment, limits, confinement."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import socket
import sys
import tempfile
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from score_nb.evaluate import confine, letters, snapshot, tame
from score_nb.evaluate.channel import Arena, Channel
from score_nb.evaluate.confine import Ruleset
from score_nb.evaluate.environment import one_thread

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is to do (`order`, from the kernel) and what it has for it."""

    order: Mapping[str, Any]
    namespace: dict[str, Any]
    channel: Channel
    report: int

    def tell(self, **facts: object) -> None:
        """Write one line to the kernel."""
        data = json.dumps(facts).encode() + b"\n"
        while data:
            data = data[os.write(self.report, data) :]


Roles = Mapping[str, Callable[[Work], None]]


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a zygote gives to each child: its parts to play, the rules, the namespace, values to rebuild in it."""

    roles: Roles
    rules: Ruleset
    main: types.ModuleType
    late: list[snapshot.Later]
    is_confined: bool = False  # before its order came


def run(line: socket.socket, outfit: Outfit, get_ready: Callable[[], None] = lambda: None) -> NoReturn:
    """Turn the calling process, just forked, into a child that waits on `line` for its order; never returns."""
    try:
        _prepare(line, outfit.rules)
        get_ready()
        _, fds = letters.receive(line)
        line.close()
        work = _settle(fds, outfit)
        work.tell(kind="settled")  # whatever fails before this line is our failure, not the candidate's
        outfit.roles[work.order["role"]](work)
        flush()
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
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rules.build()
    _close_others({line.fileno(), *rules.fds})
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
    os.environ.clear()
    os.environ.update(_ENVIRONMENT | one_thread())
    tame.read_compiled_code()
    sys.dont_write_bytecode = True


def _settle(fds: list[int], outfit: Outfit) -> Work:
    log, report, line, outgoing, incoming, job = fds
    order = json.loads(os.pread(job, os.fstat(job).st_size, 0))
    channel = Channel(
        socket.socket(fileno=line),
        Arena(outgoing, order["arena"], writable=True),
        Arena(incoming, order["arena"], writable=False),
    )
    _redirect(log)
    letters.close_all([log, outgoing, incoming, job])
    enter(order["scratch"])
    if not outfit.is_confined:
        confine.limit_resources(order["memory"], order["cpu_s"], order["file_mib"])
        confine.confine(outfit.rules, order["scratch"])
    namespace = vars(outfit.main)
    for name, rebuild in outfit.late:
        namespace[name] = rebuild()
    _seed(order["seed"])
    return Work(order, namespace, channel, report)


def _redirect(log: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(fd, "w", closefd=False)
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=fd == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _close_others(kept: set[int]) -> None:
    start = 3
    for fd in sorted(kept):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def enter(scratch: str) -> None:
    """Make `scratch` the current, the home and the temporary folder."""
    os.environ.update(
        HOME=scratch,
        TMPDIR=scratch,
        MPLCONFIGDIR=os.path.join(scratch, ".matplotlib"),
        NUMBA_CACHE_DIR=os.path.join(scratch, ".numba"),  # read where numba is not loaded yet
    )
    os.chdir(scratch)
    tempfile.tempdir = scratch


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(seed % 2**32)
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def flush() -> None:
    """Write out what was printed so far."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
