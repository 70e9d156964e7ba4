"""A fresh interpreter for one evaluation, on any system: confined first, then it imports and rebuilds values.

In this order every thread that a library starts on import is confined too.  What it is to do comes on its standard
input, whose end is the kernel's: a thread that waits for it ends the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from score_nb.evaluate import attempts, barrier, candidate, leaf, letters, scorer, snapshot, tame, trace, transport
from score_nb.evaluate.channel import Arena, Channel
from score_nb.evaluate.environment import import_all
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.transport import PacketLine

_ROLES: leaf.Roles = {"candidate": candidate.run, "scorer": scorer.run}


def main() -> NoReturn:
    """Run as a worker; never returns."""
    try:
        order = _read_order()
        if order["do"] == "attempt":
            _attempt(order)
        _work(order)
    except letters.Closed:
        os._exit(0)
    except BaseException:  # noqa: BLE001  last resort: the kernel reads it where workers write their errors
        with contextlib.suppress(BaseException):
            import traceback

            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
    os._exit(70)


def _read_order() -> dict[str, Any]:
    data = bytearray()
    while not data.endswith(b"\n"):
        part = os.read(0, 1 << 16)
        if not part:
            os._exit(0)
        data += part
    order: dict[str, Any] = json.loads(data)
    return order


def _attempt(order: Mapping[str, Any]) -> NoReturn:
    """Tell the kernel what confinement holds here."""
    control = transport.take_socket(order["control"])
    barrier.limit_files(attempts.FILE_MIB)
    leaf.enter(order["own"])
    means = barrier.enforce(Grants(*map(tuple, order["grants"])), order["own"])
    letters.send(control, {"held": attempts.make(order), "means": dict(means)})
    os._exit(0)


def _work(order: Mapping[str, Any]) -> NoReturn:
    control = transport.take_socket(order["control"])
    channel = _channel(order)
    main_module = snapshot.make_main()
    values = [later for part in order["snapshots"] for later in _load(part)]
    log, liveness = _keep_streams()
    barrier.limit_files(order["file_mib"])
    leaf.enter(order["own"])
    barrier.enforce(Grants(*map(tuple, order["grants"])), order["own"])
    # Only now, so that it is confined as well.
    threading.Thread(target=_end_with_kernel, args=(liveness, os.read, os._exit), daemon=True).start()
    _import(order)
    sys.modules["__main__"] = main_module
    for name, rebuild in values:
        try:
            vars(main_module)[name] = rebuild()
        except snapshot.CannotRebuild as error:
            letters.send(control, {"unusable": name, "reason": str(error)})
            os._exit(0)
    values.clear()
    letters.send(control, {"ready": time.process_time()})
    task, _ = letters.receive(control)
    leaf.make_streams()
    leaf.redirect(log)
    os.chdir(order["own"])
    leaf.show_device(task["device"])
    barrier.limit_cpu(task["cpu_s"] + time.process_time())
    leaf.seed_generators(task["seed"])
    work = leaf.Work(task, vars(main_module), channel, control.send)
    work.tell(kind="settled")  # whatever fails before this line is our failure, not the candidate's
    _ROLES[task["role"]](work)
    leaf.flush()
    # The kernel ends both sides once it knows: a worker that left by itself would look like one that crashed.
    while True:
        threading.Event().wait()


def _channel(order: Mapping[str, Any]) -> Channel:
    arenas = []
    for given in (order["outgoing"], order["incoming"]):
        fd = transport.take_file(given)
        arenas.append(Arena(fd, order["arena"], writable=given["writable"]))
        os.close(fd)
    return Channel(PacketLine(transport.take_socket(order["line"])), *arenas)


def _load(part: Mapping[str, Any]) -> list[snapshot.Later]:
    for filename, lines in part["index"]["sources"].items():
        trace.register_lines(filename, {int(number): text for number, text in lines.items()})
    fd = transport.take_file(part["file"])
    try:
        return list(snapshot.load(part["index"], fd))
    finally:
        os.close(fd)


def _keep_streams() -> tuple[int, int]:
    """Return descriptors of the log and of the standard input; what imports print is nobody's."""
    log, liveness = os.dup(1), os.dup(0)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.close(null)
    return log, liveness


def _end_with_kernel(fd: int, read: Any, leave: Any) -> None:
    with contextlib.suppress(OSError):
        while read(fd, 1):
            pass
    leave(0)


def _import(order: Mapping[str, Any]) -> None:
    sys.path[:] = order["path"]
    os.chdir(order["folder"])
    tame.serve_threads()
    import_all(order["modules"])
    tame.find_plugins()
    tame.read_compiled_code()
    sys.dont_write_bytecode = True
