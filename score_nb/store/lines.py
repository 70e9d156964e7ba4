"""The lines of a journal: `[number, "crc32", event]`, each whole or not at all."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

# Raised when an older version could no longer read what is written; unknown events and fields it passes over.
FORMAT = 1


class Damaged(Exception):
    """A line before the last one is not what was written."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} is damaged ({reason})")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole lines at the beginning of some bytes: their events, where each begins, and where the last one ends."""

    records: list[dict[str, Any]]
    starts: list[int]
    end: int


def whole_lines(data: bytes, number: int = 0) -> Whole:
    """Return the whole lines of `data`, whose first one bears `number`; a torn last line is left out.

    Raises
    ------
    Damaged
        A line is damaged that others follow.
    """
    records: list[dict[str, Any]] = []
    starts, end = [], 0
    *lines, torn = data.split(b"\n")
    for position, line in enumerate(lines):
        try:
            records.append(parse_line(number + position, line))
        except ValueError as error:
            if position == len(lines) - 1 and not torn:
                break
            raise Damaged(number + position + 1, str(error)) from error
        starts.append(end)
        end += len(line) + 1
    return Whole(records, starts, end)


def line_of(number: int, record: dict[str, Any]) -> bytes:
    """Return the line of an event; the first one tells the format of the file."""
    if number == 0:
        record = {**record, "format": FORMAT}
    try:
        body = _dumped(record, ensure_ascii=False)
    except UnicodeEncodeError:
        # Half a surrogate pair, which replies may hold, has no UTF-8 but an escape.
        body = _dumped(record, ensure_ascii=True)
    return b'[%d,"%08x",%b]\n' % (number, _sum(number, body), body)


def parse_line(number: int, line: bytes) -> dict[str, Any]:
    """Return the event of a line.

    Raises
    ------
    ValueError
        The line is damaged; the message says how.
    """
    head, crc, body = line.rstrip(b"\n").split(b",", 2)
    body = body.removesuffix(b"]")
    if head != b"[%d" % number:
        raise ValueError(f"expected number {number}, found {head[1:]!r}")
    if crc != b'"%08x"' % _sum(number, body):
        raise ValueError("its checksum does not fit")
    record = json.loads(body)
    if not isinstance(record, dict):
        raise ValueError("it is no event")
    return record


def is_newer(record: dict[str, Any]) -> bool:
    """Return whether the first event of a file says that a newer version wrote it in a way unknown to this one."""
    written = record.get("format", FORMAT)
    return not isinstance(written, int) or written > FORMAT


def _dumped(record: dict[str, Any], *, ensure_ascii: bool) -> bytes:
    return json.dumps(record, ensure_ascii=ensure_ascii, separators=(",", ":"), allow_nan=False).encode()


def _sum(number: int, body: bytes) -> int:
    return zlib.crc32(body, number)
