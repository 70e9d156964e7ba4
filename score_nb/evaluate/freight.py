"""The notebook's copied values on their way to another machine: pickled with their bytes beside the pickle."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
import weakref
from collections.abc import Sequence
from typing import Any

from score_nb.evaluate.copies import Copies
from score_nb.evaluate.snapshot import Piece, Snapshot, memory_file, seal

_PART = 64 << 20


class Freight:
    """Copies that can be sent: they arrive in memory files again, and are freed when nobody holds them any more.

    Parameters
    ----------
    copies : Copies
        Taken over.
    """

    def __init__(self, copies: Copies) -> None:
        self.copies = copies
        weakref.finalize(self, copies.close)

    def __reduce__(self) -> tuple[Any, ...]:
        files = [_parts(taken.fd) for taken in self.copies.snapshots]
        about = [
            ([(p.name, p.pickle, p.buffers) for p in taken.pieces], sorted(taken.modules), taken.sources)
            for taken in self.copies.snapshots
        ]
        return _arrive, (about, dict(self.copies.sent_modules), dict(self.copies.n_folds), files)

    def __sizeof__(self) -> int:
        # The bytes lie in files that the process itself does not map: to move them to a disk would free nothing.
        return 1_000


def _parts(fd: int) -> list[pickle.PickleBuffer]:
    size = os.fstat(fd).st_size
    if not size:
        return []
    view = memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))
    return [pickle.PickleBuffer(view[start : start + _PART]) for start in range(0, size, _PART)]


def _arrive(
    about: Sequence[tuple[Any, Any, Any]], modules: dict[str, str], folds: dict[str, int], files: Sequence[Any]
) -> Freight:
    taken = []
    for (pieces, needed, sources), parts in zip(about, files, strict=True):
        known = [Piece(name, tuple(place), tuple(map(tuple, buffers))) for name, place, buffers in pieces]
        taken.append(Snapshot(_written(parts), known, set(needed), sources))
    return Freight(Copies(taken, modules, folds))


def _written(parts: Sequence[Any]) -> int:
    """Return the descriptor of a file that holds `parts`."""
    fd = new_file()
    for part in parts:
        rest = memoryview(part).cast("B")
        while rest:
            rest = rest[os.write(fd, rest) :]
    seal(fd)
    return fd


def new_file() -> int:
    """Return the descriptor of a new file without a name: in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        return memory_file()
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
