"""A record's columns beside its journal, so that a long run opens without a replay of all its lines.

The journal alone is the truth.  A checkpoint says of which bytes it is the sum, and whatever does not fit (another
journal, other bytes, another version, half a file) makes it as good as not there.
"""

from __future__ import annotations

import importlib.metadata
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from score_nb.columns import FIELDS, PLAIN, NotStored, json_of, record_of
from score_nb.record import Record
from score_nb.store.lying import Lying, Shelf
from score_nb.store.texts import write_whole

CHECKPOINT = "checkpoint"
# To be raised when the same events give another record than before, or its columns are written in another way.
FORMAT = 1
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
        pieces = json_of(record, lambda text: int(text) if isinstance(text, Lying) else None)
        body = b"".join(piece.encode() for piece in pieces)
        head = [FORMAT, _writer(), mark.lines, mark.end, mark.last, mark.crc, zlib.crc32(body)]
        write_whole(folder / CHECKPOINT, json.dumps(head).encode() + b"\n" + body)
    except (OSError, NotStored, ValueError):
        # One that is half there is never read, an older one is still true.
        return False
    return True


def read_checkpoint(folder: Path, journal: Path, shelf: Shelf) -> tuple[Record, Mark] | None:
    """Return a record and the beginning of the journal that makes it; None where there is none to be relied on."""
    with suppress(OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError):
        head, _, body = (folder / CHECKPOINT).read_bytes().partition(b"\n")
        form, writer, lines, end, last, crc, own = json.loads(head)
        if (form, writer, own) != (FORMAT, _writer(), zlib.crc32(body)) or crc != checksum(journal, end):
            return None
        return record_of(json.loads(body), shelf.at), Mark(lines, end, last, crc)
    return None


def checksum(path: Path, end: int) -> int | None:
    """Return the CRC-32 of a file's first `end` bytes, None where it has fewer."""
    crc = 0
    with open(path, "rb") as file:
        while end:
            piece = file.read(min(_PIECE, end))
            if not piece:
                return None
            crc, end = zlib.crc32(piece, crc), end - len(piece)
    return crc


@lru_cache(maxsize=1)
def _writer() -> str:
    """Return what a checkpoint depends on beside its format: the version, and the names of what it holds."""
    names = zlib.crc32(" ".join((*FIELDS, *PLAIN)).encode())
    return f"{importlib.metadata.version('score-nb')} {names:08x}"
