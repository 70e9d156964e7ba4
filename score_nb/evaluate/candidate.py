"""The candidate's process: runs the cell, hands its outputs to the scorer, and answers calls."""

from __future__ import annotations

import ast
import re
import sys

from score_nb.evaluate import leaf, serve, trace
from score_nb.evaluate.channel import LineClosed
from score_nb.evaluate.wire import CannotCross

_NOTEBOOK_LINE = re.compile(r"\s*(?:[%!?]|[\w.]+\?{1,2}\s*$|\w[\w, ]*=\s*[!%])")


def run(work: leaf.Work) -> None:
    """Run the cell of `work` and serve the scorer until it ends; a failure is told to the kernel."""
    source: str = work.order["source"]
    memory: int = work.order["memory"]
    attempts = trace.Attempts()
    trace.register_source(trace.CELL, source.splitlines(keepends=True))
    # Looked at only where it is asked for: counting a reference to each name would copy the page that it lies on.
    loaded = set(sys.modules) if work.order["discover"] else set()
    attempts.watch()
    try:
        code = compile(source, trace.CELL, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        work.tell(**_not_python(source) or {**trace.describe(error, attempts, memory), "kind": "error"})
        return
    try:
        exec(code, work.namespace)
    except BaseException as error:  # noqa: BLE001  SystemExit and KeyboardInterrupt of a cell are failures too
        leaf.flush()
        work.tell(**trace.describe(error, attempts, memory))
        return
    leaf.flush()
    if work.order["discover"]:
        work.tell(kind="imported", modules=sorted(set(sys.modules) - loaded))
    _hand_over(work, attempts)


def _hand_over(work: leaf.Work, attempts: trace.Attempts) -> None:
    names: list[str] = work.order["outputs"]
    missing = [f"`{name}`" for name in names if name not in work.namespace]
    if missing:
        work.tell(kind="invalid", detail=f"does not define {' and '.join(missing)}", log="")
        return
    objects = serve.Objects()
    work.channel.borrow()
    memory: int = work.order["memory"]
    for name in names:
        try:
            work.channel.send((name, work.namespace[name]), objects.opaque)
            work.channel.receive(objects.find)
        except CannotCross as error:
            work.tell(kind="invalid", detail=f"`{name}` {error}", log="")
            return
        except LineClosed:
            return
        except BaseException as error:  # noqa: BLE001  the candidate's own classes run while they are taken apart
            work.tell(**trace.describe(error, attempts, memory))
            return
    serve.serve(work.channel, objects, lambda error: trace.describe(error, attempts, memory), leaf.flush)


def _not_python(source: str) -> dict[str, object] | None:
    """Return the report for IPython syntax left in the cell, None where the first bad line is another one."""
    lines = source.splitlines()
    for number, line in enumerate(lines, 1):
        if _NOTEBOOK_LINE.match(line) and not _parses("\n".join(lines[:number])):
            what = f"line {number} is IPython syntax, not Python: {line.strip()[:80]}"
            return {"kind": "invalid", "detail": what, "log": ""}
    return None


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
