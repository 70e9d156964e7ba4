"""A record's columns beside its journal, so that a long run opens without a replay of all its lines.

The journal alone is the truth.  A checkpoint says of which bytes it is the sum, and whatever does not fit (another
journal, other bytes, another version, half a file) makes it as good as not there.
"""

from __future__ import annotations

import importlib.metadata
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from score_nb.columns import FIELDS, PLAIN, NotStored, pieces_of, record_of
from score_nb.record import Record
from score_nb.store.lying import Lying, Shelf
from score_nb.store.texts import write_whole

CHECKPOINT = "checkpoint"
# To be raised when the same events give another record than before, or its columns are written in another way.
FORMAT = 2
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Mark:
    """The beginning of a journal: its lines, the bytes they take, of these the last line's, and their checksum."""

    lines: int
    end: int
    last: int
    crc: int


def write_checkpoint(folder: Path, record: Record, mark: Mark) -> bool:
    """Write what `record` is after the journal's beginning `mark`; return whether it could be.

    Nothing depends on it: where the disk is full or a text is not stored, none is written.
    """
    try:
        pieces = pieces_of(record, lambda text: int(text) if isinstance(text, Lying) else None)
        write_whole(folder / CHECKPOINT, _lines([FORMAT, _writer(), mark.lines, mark.end, mark.last, mark.crc], pieces))
    except (OSError, NotStored, ValueError):
        # One that is half there is never read, an older one is still true.
        return False
    return True


def read_checkpoint(folder: Path, journal: Path, shelf: Shelf) -> tuple[Record, Mark] | None:
    """Return a record and the beginning of the journal that makes it; None where there is none to be relied on."""
    with suppress(OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError):
        whole, _, own = (folder / CHECKPOINT).read_bytes().rpartition(b"\n")
        head, *pieces = whole.split(b"\n")
        form, writer, lines, end, last, crc = json.loads(head)
        if (form, writer, int(own)) != (FORMAT, _writer(), zlib.crc32(whole)) or crc != checksum(journal, end):
            return None
        return record_of(map(json.loads, pieces), shelf.at), Mark(lines, end, last, crc)
    return None


def _lines(head: list[Any], pieces: Iterable[Any]) -> Iterator[bytes]:
    """Yield a checkpoint line by line; the last one is the checksum of those before it."""
    crc, end = 0, b""
    for piece in chain([head], pieces):
        line = end + json.dumps(piece, separators=(",", ":"), allow_nan=False).encode()
        crc, end = zlib.crc32(line, crc), b"\n"
        yield line
    yield b"\n%d" % crc


def checksum(path: Path, end: int) -> int | None:
    """Return the CRC-32 of a file's first `end` bytes, None where it has fewer."""
    crc = size = 0
    for piece in beginning_of(path, end):
        crc, size = zlib.crc32(piece, crc), size + len(piece)
    return crc if size == end else None


def beginning_of(path: Path, end: int) -> Iterator[bytes]:
    """Yield a file's first `end` bytes, or as many as it has, piece by piece; needs no file for none."""
    if end:
        with open(path, "rb") as file:
            while end and (piece := file.read(min(_PIECE, end))):
                end -= len(piece)
                yield piece


@lru_cache(maxsize=1)
def _writer() -> str:
    """Return what a checkpoint depends on beside its format: the version, and the names of what it holds."""
    names = zlib.crc32(" ".join((*FIELDS, *PLAIN)).encode())
    return f"{importlib.metadata.version('score-nb')} {names:08x}"
