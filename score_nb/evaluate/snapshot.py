"""The notebook's values on their way to candidates and scorer: pickled once, mapped by every fork.

Large buffers lie beside the pickles in one sealed memory file and are mapped privately: a candidate may write into its
arrays, nobody else sees it, and a fork costs nothing for them.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import io
import mmap
import os
import pickle
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cloudpickle

from score_nb.errors import BadInput

_ALIGN = 4096
_ADD_SEALS, _SEALS = 1033, 0x1 | 0x2 | 0x4 | 0x8  # seal, shrink, grow, write
_LruCache = type(functools.lru_cache(lambda: None))


@dataclass(frozen=True, slots=True)
class Piece:
    """Where one name lies in the memory file: its pickle, and its buffers as (start, size, read-only)."""

    name: str
    pickle: tuple[int, int]
    buffers: tuple[tuple[int, int, bool], ...]


@dataclass(slots=True)
class Snapshot:
    """Values by name in a memory file.

    `modules` are those needed to rebuild them, `sources` the lines of their functions by file and number.
    """

    fd: int
    pieces: list[Piece] = field(default_factory=list)
    modules: set[str] = field(default_factory=set)
    sources: dict[str, dict[int, str]] = field(default_factory=dict)

    def index(self) -> dict[str, Any]:
        """Return what `load` needs beside the file, as JSON."""
        pieces = [[piece.name, list(piece.pickle), [list(part) for part in piece.buffers]] for piece in self.pieces]
        return {"pieces": pieces, "sources": self.sources}

    def twin(self) -> Snapshot:
        """Return the same copy with a descriptor of its own."""
        return Snapshot(os.dup(self.fd), self.pieces, self.modules, self.sources)

    def close(self) -> None:
        """Free the memory file; processes that have mapped it keep their map."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


# --- in the kernel -----------------------------------------------------------------------------------------------


def take(
    values: Mapping[str, Any], *, secrets: Iterable[str], reader: str, open_file: Callable[[], int] | None = None
) -> Snapshot:
    """Return a copy of `values`; `reader` says in messages who would read them ("candidates", "the scorer").

    `open_file` opens the file that they are written to; without it a memory file is made, and sealed.

    Raises
    ------
    BadInput
        A value cannot be sent, or holds a secret.
    """
    snapshot = Snapshot(open_file() if open_file else memory_file())
    try:
        writer = _Writer(snapshot.fd)
        needles = [secret.encode() for secret in secrets if len(secret) >= 8]
        # What other values may need while they are rebuilt comes first.
        for name, value in sorted(values.items(), key=lambda item: _rank(item[1])):
            data, buffers = _pickle(name, value, snapshot, reader)
            if any(needle in data for needle in needles):
                raise BadInput(
                    f"`{name}` ({_kind(value)}) holds an API key and is not sent to {reader}: "
                    f"keep the name out with --hide {name}, or remove the key from it"
                )
            parts = tuple(writer.write_buffer(buffer) for buffer in buffers)
            snapshot.pieces.append(Piece(name, writer.write(memoryview(data)), parts))
        if not open_file:
            seal(snapshot.fd)
    except BaseException:
        snapshot.close()
        raise
    return snapshot


def memory_file() -> int:
    """Return the descriptor of a new file in memory."""
    return os.memfd_create("score-nb", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def seal(fd: int) -> None:
    """Let nobody write into a memory file any more; other files stay as they are."""
    if not hasattr(os, "memfd_create"):
        return
    import fcntl

    fcntl.fcntl(fd, _ADD_SEALS, _SEALS)


def _rank(value: object) -> int:
    if isinstance(value, types.ModuleType):
        return 0
    return 1 if isinstance(value, (type, types.FunctionType)) else 2


def _pickle(name: str, value: Any, snapshot: Snapshot, reader: str) -> tuple[bytes, list[pickle.PickleBuffer]]:
    file = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    try:
        _Pickler(file, snapshot, buffers.append).dump(value)
    except Exception as error:
        raise BadInput(_cannot_be_sent(name, value, error, reader)) from error
    return file.getvalue(), buffers


class _Writer:
    """Appends to the memory file; the same buffer under two names is written once and stays shared."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._end = 0
        self._known: dict[tuple[int, int], int] = {}
        self._kept: list[object] = []  # alive until all is written, else an address could come back for other data

    def write(self, data: memoryview) -> tuple[int, int]:
        start = -(-self._end // 64) * 64
        if len(data) >= _ALIGN:
            start = -(-self._end // _ALIGN) * _ALIGN
        done = 0
        os.lseek(self._fd, start, os.SEEK_SET)
        while done < len(data):
            done += os.write(self._fd, data[done : done + (1 << 30)])
        self._end = start + len(data)
        return start, len(data)

    def write_buffer(self, buffer: pickle.PickleBuffer) -> tuple[int, int, bool]:
        import numpy as np

        raw = buffer.raw()
        key = (int(np.frombuffer(raw, np.uint8).ctypes.data), raw.nbytes) if raw.nbytes else (0, 0)
        if key not in self._known:
            self._known[key] = self.write(raw)[0]
            self._kept.append(buffer)
        return self._known[key], raw.nbytes, raw.readonly


class _Unsendable(Exception):
    """A kind of object that pickles, but would not be what the user means."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Sends notebook functions without their globals: they get those of the process where they arrive."""

    def __init__(self, file: io.BytesIO, snapshot: Snapshot, keep: Callable[[pickle.PickleBuffer], object]) -> None:
        super().__init__(file, protocol=5, buffer_callback=keep)
        self._snapshot = snapshot

    def reducer_override(self, obj: Any) -> Any:
        """Return how `obj` is rebuilt, where it is not done as cloudpickle does."""
        owner = obj if isinstance(obj, (type, types.FunctionType)) else type(obj)
        module = getattr(owner, "__module__", None)
        if isinstance(module, str):
            self._snapshot.modules.add(module)
        if isinstance(obj, types.ModuleType):
            self._snapshot.modules.add(obj.__name__)
        elif isinstance(obj, io.IOBase) and not isinstance(obj, (io.BytesIO, io.StringIO)):
            raise _Unsendable("an open file")
        elif isinstance(obj, types.FunctionType) and _is_of_notebook(obj):
            _note_source(obj, self._snapshot.sources)
            return _reduce_function(obj)
        elif isinstance(obj, types.CodeType):
            # cloudpickle 3.1.3 drops the file name: no traceback would find the notebook's lines.
            make, arguments = self.dispatch_table[types.CodeType](obj)
            return _make_code, (make, arguments, obj.co_filename)
        elif isinstance(obj, _LruCache) and _is_of_notebook(inspect.unwrap(obj)):
            return _make_cached, (obj.__wrapped__, obj.cache_parameters())
        return super().reducer_override(obj)


def _is_of_notebook(function: Any) -> bool:
    """Return whether a function's globals are no imported module's."""
    if not isinstance(function, types.FunctionType):
        return False
    name = function.__globals__.get("__name__")
    module = sys.modules.get(name) if isinstance(name, str) else None
    return name == "__main__" or module is None or vars(module) is not function.__globals__


def _reduce_function(function: types.FunctionType) -> tuple[Any, ...]:
    cells = function.__closure__ or ()
    contents = {}
    for at, cell in enumerate(cells):
        with contextlib.suppress(ValueError):  # a cell that is still empty
            contents[at] = cell.cell_contents
    state = {
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__annotations__": function.__annotations__,
        "__qualname__": function.__qualname__,
        "__module__": "__main__",
        "__doc__": function.__doc__,
    }
    arguments = (function.__code__, function.__name__, len(cells))
    return _make_function, arguments, (state, contents, dict(vars(function))), None, None, _fill_function


def _note_source(function: types.FunctionType, sources: dict[str, dict[int, str]]) -> None:
    """Keep the lines of this function alone: others of the same cell may be none of the candidate's business."""
    with contextlib.suppress(OSError, TypeError, IndexError, SyntaxError):
        lines, start = inspect.getsourcelines(function.__code__)
        known = sources.setdefault(function.__code__.co_filename, {})
        known.update({start + at: line for at, line in enumerate(lines)})


_MENDS = {
    "generator": "make it a list, or create it inside the cell",
    "open file": "read it into a variable first, or open it inside the cell",
}


def _cannot_be_sent(name: str, value: Any, error: Exception, reader: str) -> str:
    text = str(error)
    found = re.search(r"cannot pickle '?([\w.]+)'?(?: object|: )", text)
    part = text if isinstance(error, _Unsendable) else found.group(1) if found else ""
    kind = _kind(value)
    inside = "" if not part or part.split(".")[-1] == kind.split(".")[-1] else f", which holds {part}"
    if isinstance(error, _Unsendable) and isinstance(value, io.IOBase):
        kind, inside = part.removeprefix("an "), ""
    reason = "" if part else f": {type(error).__name__}: {text.splitlines()[0][:200] if text else ''}"
    mend = next((mend for word, mend in _MENDS.items() if word in f"{kind} {part}"), "create it inside the cell")
    out = f"or keep the name out with --hide {name}"
    return f"`{name}` ({kind}{inside}) cannot be sent to {reader}{reason}: {mend}, {out}"


def _kind(value: object) -> str:
    kind = type(value)
    is_plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"


# --- in the zygotes ----------------------------------------------------------------------------------------------

Later = tuple[str, Callable[[], Any]]


def cannot_be_rebuilt(name: str, reader: str, reason: str) -> BadInput:
    """Return the error for a value that arrived but cannot be rebuilt there."""
    return BadInput(
        f"`{name}` was sent to {reader} but cannot be rebuilt in a fresh process ({reason}): "
        f"create it inside the cell, or keep the name out with --hide {name}"
    )


_mains: list[types.ModuleType] = []  # the last one holds the globals of the notebook's functions
_maps: list[mmap.mmap] = []  # never freed: freeing would close a descriptor number that may be in use again


class CannotRebuild(Exception):
    """A value that was sent but cannot be rebuilt in a fresh process."""

    def __init__(self, name: str, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.name = name


def make_main() -> types.ModuleType:
    """Return a fresh `__main__` whose namespace the notebook's functions will see as their globals."""
    main = types.ModuleType("__main__")
    vars(main)["__builtins__"] = builtins
    sys.modules["__main__"] = main
    _mains.append(main)
    return main


def load(index: Mapping[str, Any], fd: int) -> Iterator[Later]:
    """Yield each name with a function that rebuilds its value from the mapped memory file `fd`."""
    size = os.fstat(fd).st_size
    memory = memoryview(b"")
    if size:
        _maps.append(_map(fd, size))
        memory = memoryview(_maps[-1])
    for name, (start, length), buffers in index["pieces"]:
        yield name, functools.partial(_rebuild, name, memory, start, length, buffers)


def _map(fd: int, size: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(fd, size, access=mmap.ACCESS_COPY)
    flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_NORESERVE", 0)
    return mmap.mmap(fd, size, flags, mmap.PROT_READ | mmap.PROT_WRITE)


def _rebuild(name: str, memory: memoryview, start: int, length: int, buffers: list[tuple[int, int, bool]]) -> Any:
    parts = [memory[at : at + size] for at, size, _ in buffers]
    parts = [part.toreadonly() if is_fixed else part for part, (_, _, is_fixed) in zip(parts, buffers, strict=True)]
    try:
        return pickle.loads(memory[start : start + length], buffers=parts)
    except Exception as error:
        raise CannotRebuild(name, error) from error


def _make_code(make: Callable[..., types.CodeType], arguments: tuple[Any, ...], filename: str) -> types.CodeType:
    return make(*arguments).replace(co_filename=filename)


def _make_function(code: types.CodeType, name: str, cells: int) -> types.FunctionType:
    closure = tuple(types.CellType() for _ in range(cells))
    return types.FunctionType(code, vars(_mains[-1]), name, None, closure or None)


def _fill_function(function: types.FunctionType, state: tuple[dict[str, Any], dict[int, Any], dict[str, Any]]) -> None:
    attributes, contents, own = state
    for attribute, value in attributes.items():
        setattr(function, attribute, value)
    for at, value in contents.items():
        (function.__closure__ or ())[at].cell_contents = value
    vars(function).update(own)


def _make_cached(function: Any, parameters: Mapping[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)
