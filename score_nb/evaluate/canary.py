"""A throw-away fork that finds out, by doing, whether forks of this process work and what confinement holds."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from score_nb.evaluate import confine
from score_nb.evaluate.base import Confinement
from score_nb.evaluate.children import fork
from score_nb.evaluate.confine import Ruleset

_SECONDS = 5.0
_MOST_SECONDS = 60.0  # where other work keeps it from computing
_IDLE_LOOKS = 50


def try_fork(rules: Ruleset, root: str) -> dict[str, Any]:
    """Return {"broken": reason or "", "layers": {...}}, found in a fork that computes and then tries to break out.

    `root` is a folder for two scratch folders; what lies in one must be out of reach from the other.
    """
    return examine(root, lambda own, secret: _fork_one(rules, own, secret))


def examine(
    root: str, start: Callable[[str, str], tuple[int, int]], seconds: float = _SECONDS, most: float = _MOST_SECONDS
) -> dict[str, Any]:
    """Return the same of any child: `start(own, secret)` starts it and returns its pid and where its report comes.

    It has `seconds`, and up to `most` where it wants to compute and the machine is too busy to let it.
    """
    own, other = tempfile.mkdtemp(dir=root), tempfile.mkdtemp(dir=root)
    secret = os.path.join(other, "secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write("x")
    pid, reading = start(own, secret)
    try:
        return _listen(pid, reading, seconds, most)
    finally:
        os.close(reading)
        os.remove(secret)
        for name in os.listdir(own):
            os.remove(os.path.join(own, name))
        os.rmdir(own)
        os.rmdir(other)


def report(rules: Ruleset, own: str, secret: str) -> bytes:
    """Try to break out of the confined calling process; return what held, for `examine`."""
    return json.dumps(_sing(rules, own, secret)).encode()


def _fork_one(rules: Ruleset, own: str, secret: str) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            os.write(writing, report(rules, own, secret))
            code = 0
        os._exit(code)
    os.close(writing)
    return pid, reading


def confinement(layers: Mapping[str, str]) -> Confinement:
    """Return the level that these layers make up."""
    if not any(layers.values()):
        return Confinement("full", dict(layers))
    nothing = layers.get("landlock", "?") and layers.get("seccomp", "?")
    return Confinement("none" if nothing else "partial", dict(layers))


def _listen(pid: int, reading: int, seconds: float, most: float) -> dict[str, Any]:
    poll = select.poll()
    poll.register(reading, select.POLLIN | select.POLLHUP)
    begin = now = time.monotonic()
    idle = 0  # looks in a row
    data = b""
    while now < begin + most:
        if poll.poll(seconds * 10):  # a hundredth of it, in milliseconds
            data = os.read(reading, 65_536)
            break
        now = time.monotonic()
        wants_more, cpu_s = _at_work(pid)
        idle = 0 if wants_more else idle + 1
        # A fork that hangs sleeps, or spins: one that other work holds up does neither.
        if now > begin + seconds and (idle >= _IDLE_LOOKS or cpu_s > seconds):
            break
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if data:
        return {"broken": "", "layers": json.loads(data)}
    cause = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if cause and cause != signal.SIGKILL:
        reason = f"a forked process died by {signal.Signals(cause).name} while it computed"
    else:
        reason = f"a forked process computed nothing in {now - begin:.0f} s"
    return {"broken": reason, "layers": {}}


def _at_work(pid: int) -> tuple[bool, float]:
    """Return whether a thread of a process runs or waits for a processor or a disk, and the processor time of all."""
    wants_more, ticks = False, 0
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            wants_more = wants_more or fields[0] in (b"R", b"D")
            ticks += int(fields[11]) + int(fields[12])
    return wants_more, ticks / os.sysconf("SC_CLK_TCK")


def _sing(rules: Ruleset, own: str, secret: str) -> dict[str, str]:
    os.setsid()
    _compute()
    confine.limit_resources(256, 60, 64)
    layers = dict(confine.confine(rules, own))
    layers["rlimits"] = "" if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) else "limits could not be set"
    with open(os.path.join(own, "twin"), "w", encoding="ascii") as file:
        file.write("what is allowed must work, or the rest proves nothing")
    if not layers["landlock"] and (_works(lambda: open(secret).close()) or _works(lambda: open(secret, "a").close())):
        layers["landlock"] = "files outside the scratch folder can still be opened"
    if not layers["seccomp"] and (_works(socket.socket) or _works(_fork)):
        layers["seccomp"] = "system calls that it forbids still work"
    return layers


def _works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _compute() -> None:
    """Use the thread pools of whatever numerical libraries are loaded; in a bad fork they hang or crash."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        square = numpy.ones((300, 300))
        _ = square @ square
    clustering: Any = sys.modules.get("sklearn.cluster")
    if clustering is not None and numpy is not None:
        clustering.KMeans(2, n_init=1, max_iter=2).fit(numpy.arange(12.0).reshape(6, 2))
