"""A fresh interpreter on its way to become candidate or scorer: confined first, then it imports and rebuilds values.

In this order every thread that a library starts on import is confined too, as no thread is that runs already.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from score_nb.evaluate import canary, confine, forked, leaf, letters, snapshot, tame, trace
from score_nb.evaluate.confine import Ruleset
from score_nb.evaluate.environment import import_all
from score_nb.evaluate.grants import Grants
from score_nb.evaluate.zygote import ROLES


def main(arguments: list[str]) -> NoReturn:
    """Run as a worker; `arguments` are the nursery's pid and the socket to it."""
    confine.die_with_parent(int(arguments[0]))
    confine.hide_memory()
    line = socket.socket(fileno=int(arguments[1]))
    order, fds = letters.receive(line)
    rules = Ruleset([confine.SYSTEM, Grants(*map(tuple, order["grants"]))])
    if order["do"] == "sing":
        with line:
            line.sendall(canary.report(rules, order["own"], order["secret"]))
        os._exit(0)
    outfit = forked.Outfit(ROLES, rules, snapshot.make_main(), [], is_confined=True)
    forked.give_up()
    for index, fd in zip(order["snapshots"], fds, strict=True):
        outfit.late.extend(snapshot.load(index, fd))
    forked.run(line, outfit, lambda: _get_ready(line, outfit, order))


def _get_ready(line: socket.socket, outfit: forked.Outfit, order: Mapping[str, Any]) -> None:
    """Confine this process, then import and rebuild all that it needs, and say so."""
    fresh = order["fresh"]
    leaf.enter(order["own"])
    confine.confine(outfit.rules, order["own"])
    sys.path[:] = fresh["path"]
    os.chdir(fresh["folder"])
    tame.serve_threads()
    import_all(fresh["modules"])
    tame.find_plugins()
    for index in order["snapshots"]:
        for filename, lines in index["sources"].items():
            trace.register_lines(filename, {int(number): text for number, text in lines.items()})
    sys.modules["__main__"] = outfit.main
    for name, rebuild in outfit.late:
        try:
            vars(outfit.main)[name] = rebuild()
        except snapshot.CannotRebuild as error:
            letters.send(line, {"unusable": name, "reason": str(error)})
            os._exit(0)
    outfit.late.clear()
    letters.send(line, {"ready": time.process_time()})
