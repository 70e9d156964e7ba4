"""Runs hacks where candidate and metric share one process: `python -m tests.hostile.alone FILE [all]`.

Each in a throw-away fork that writes what it takes for the value; one line of JSON per hack and style goes to FILE.
The styles take turns; with `all` each hack is run in each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import sys
import tempfile
import types
import warnings
from typing import Any, NoReturn

from tests.hostile.hacks import FUTILE_ALONE, HACKS, METRICS, NOTEBOOK, Hack

_PATIENCE_S = 10.0


def chosen(*, is_all: bool = False) -> list[tuple[Hack, str]]:
    """Return the hacks that are run, each with its style."""
    hacks = [hack for hack in HACKS if hack.name not in FUTILE_ALONE]
    if is_all:
        return [(hack, style) for hack in hacks for style in hack.styles]
    return [(hack, hack.styles[number % len(hack.styles)]) for number, hack in enumerate(hacks)]


def run(results: str, *, is_all: bool) -> None:
    """Run the hacks."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(NOTEBOOK, vars(main))
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        for hack, style in chosen(is_all=is_all):
            line = _first_line(hack, style, vars(main), scratch)
            lines.append(json.dumps({"name": hack.name, "style": style, "value": _value(line)}))
    with open(results, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _first_line(hack: Hack, style: str, space: dict[str, Any], scratch: str) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _score(hack, style, space, scratch, writing)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], _PATIENCE_S)[0]
        return os.read(reading, 1 << 16).split(b"\n")[0] if ready else b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)


def _score(hack: Hack, style: str, space: dict[str, Any], scratch: str, report: int) -> NoReturn:
    """What a tool without a scorer of its own does, in a process that ends here."""
    try:
        atexit._clear()  # what the parent has to tidy up is no business of this process
        os.chdir(tempfile.mkdtemp(dir=scratch))
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        warnings.simplefilter("ignore")
        exec(hack.source(style), space)
        result = space[METRICS[style]](space["x"])
        os.write(report, json.dumps({"value": float(result["value"])}).encode() + b"\n")
    except SystemExit:
        atexit._run_exitfuncs()
    finally:
        os._exit(0)


def _value(line: bytes) -> object:
    try:
        return json.loads(line)["value"]
    except (ValueError, KeyError, TypeError):
        return None


if __name__ == "__main__":
    run(sys.argv[1], is_all=sys.argv[2:] == ["all"])
