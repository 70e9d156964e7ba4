"""What went wrong in a candidate, as texts: kind, one line, and a traceback cut down to the cell's own frames."""

from __future__ import annotations

import linecache
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType

CELL = "<candidate>"
_MAX_TEXT = 24_000

# Audit events of what confinement denies, and how the user reads them.
_ATTEMPTS = {
    "socket.__new__": "open a network connection",
    "socket.connect": "open a network connection",
    "socket.bind": "open a network connection",
    "socket.getaddrinfo": "look up a host in the network",
    "socket.gethostbyname": "look up a host in the network",
    "subprocess.Popen": "start a program",
    "os.system": "start a program",
    "os.exec": "start a program",
    "os.posix_spawn": "start a program",
    "os.spawn": "start a program",
    "os.fork": "start a process",
    "os.forkpty": "start a process",
    "os.kill": "send a signal to another process",
    "os.killpg": "send a signal to another process",
    "resource.setrlimit": "change its resource limits",
    "resource.prlimit": "change its resource limits",
    "os.remove": "delete a file",
    "os.rmdir": "delete a folder",
    "os.rename": "rename a file",
    "os.mkdir": "make a folder",
    "os.link": "link a file",
    "os.symlink": "link a file",
    "os.truncate": "cut a file",
    "os.listdir": "list a folder",
    "os.scandir": "list a folder",
}
_NETWORK_ERRORS = ("URLError", "gaierror", "ConnectionError", "ConnectError", "HTTPError", "herror", "ConnectTimeout")


class Attempts:
    """Remembers the last thing tried that confinement may deny; switched on once per process."""

    def __init__(self) -> None:
        self.last = ""
        self._is_network = False

    def watch(self) -> None:
        """Begin to listen; there is no way to stop."""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        what = _ATTEMPTS.get(event)
        if what is not None:
            self.last = what + _named(arguments[:1]) if event.startswith("os.") and "file" in what + "folder" else what
            self._is_network = event.startswith("socket.")
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            self.last = ("write " if flags & (os.O_WRONLY | os.O_RDWR) else "read ") + _text(arguments[0])
            self._is_network = False

    def denied(self, error: BaseException) -> str:
        """Return what was tried ("open a network connection") if `error` comes from confinement, else ""."""
        for link in _chain(error):
            if isinstance(link, PermissionError):
                return self.last or "do what is not allowed"
            if self._is_network and type(link).__name__ in _NETWORK_ERRORS:
                return self.last
        return ""


def _named(arguments: tuple[object, ...]) -> str:
    return f" ({_text(arguments[0])})" if arguments and isinstance(arguments[0], (str, bytes)) else ""


def _text(path: str | bytes) -> str:
    return path if isinstance(path, str) else os.fsdecode(path)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, its causes, and errors wrapped as arguments (URLError does that)."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        link = todo.pop(0)
        if link is None or id(link) in seen or len(seen) > 50:
            continue
        seen.add(id(link))
        yield link
        todo += [link.__cause__, link.__context__]
        todo += [part for part in link.args if isinstance(part, BaseException)]


def register_source(filename: str, lines: list[str]) -> None:
    """Let tracebacks and `inspect.getsource` find the lines of a file that does not exist."""
    linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)


def register_lines(filename: str, known: Mapping[int, str]) -> None:
    """Register some lines of a file, by number; the others read as "..." (an empty line would not end a function)."""
    register_source(filename, [known.get(number, "...\n") for number in range(1, max(known, default=0) + 2)])


def describe(error: BaseException, attempts: Attempts, memory_mib: int) -> dict[str, str]:
    """Return `kind` (a status), `detail` (one line) and `log` (the traceback) of a candidate's exception."""
    line = cell_line(error)
    where = f"  (line {line})" if line else ""
    tried = attempts.denied(error)
    if isinstance(error, MemoryError):
        kind, detail = "memory", f"needed more than {memory_mib:,} MiB{where}"
    elif tried:
        kind, detail = "forbidden", f"tried to {tried}{where}"
    else:
        kind, detail = "error", summary(error) + where
    return {"kind": kind, "detail": detail, "log": cut_traceback(error)}


def summary(error: BaseException) -> str:
    """Return "ValueError: message" on one line of at most 300 characters."""
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # noqa: BLE001  a candidate's own exception class may raise in __str__
        message = "(its message cannot be shown)"
    text = " ".join(str(message).split())
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:300]


def cell_line(error: BaseException) -> int | None:
    """Return the line of the cell where the error left it, deepest call first; None if it never was in the cell."""
    if isinstance(error, SyntaxError) and error.filename == CELL:
        return error.lineno
    lines = [number for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == CELL]
    return lines[-1] if lines else None


def cut_traceback(error: BaseException) -> str:
    """Return the traceback without the frames above the cell and with long stretches of library frames cut."""
    try:
        shown = traceback.TracebackException(type(error), error, _from_cell(error.__traceback__), compact=True)
        text = "".join(_fold(list(shown.format())))
    except Exception:  # noqa: BLE001  a candidate's own exception class may raise anywhere
        text = summary(error) + "\n"
    if len(text) <= _MAX_TEXT:
        return text
    half = _MAX_TEXT // 2
    return text[:half] + "\n[...]\n" + text[-half:]


def _from_cell(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback below our own frames, from the notebook's first frame where there is one."""
    at = trace
    foreign = None
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        if name == CELL or (name in linecache.cache and linecache.cache[name][1:2] == (None,)):
            return at
        if foreign is None and os.path.dirname(name) != os.path.dirname(__file__):
            foreign = at
        at = at.tb_next
    return foreign


def _fold(entries: list[str]) -> list[str]:
    """Drop the middle of long runs of frames that are not the cell's."""
    kept: list[str] = []
    run: list[str] = []
    for entry in [*entries, ""]:
        is_library = entry.startswith('  File "') and CELL not in entry
        if is_library:
            run.append(entry)
            continue
        if len(run) > 3:
            run = [run[0], f"  [... {len(run) - 2} frames ...]\n", run[-1]]
        kept += run
        run = []
        kept.append(entry)
    return kept
