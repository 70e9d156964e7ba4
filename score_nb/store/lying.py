"""Texts that lie in a run's journal and beside it, read when they are asked for: a long run is not held in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

from score_nb.errors import StoreBroken
from score_nb.store.lines import parse_line
from score_nb.store.texts import TEXTS, take_texts

# What is asked for again and again (the good programs that the search compares) fits in many times.
KEPT_CHARS = 2_000_000
# What keeping a text takes beside its characters.
_ENTRY_CHARS = 300
_PIECE = 1 << 13


class Lying(int):
    """The texts of one line: the place where it begins in the journal; its `text` reads one of them.

    Each shelf has a class of its own: 100,000 nodes hold one number each and no shelf.
    """

    __slots__ = ()
    shelf: ClassVar[Shelf]

    def text(self, name: str) -> str | None:
        """Return the text of that field as it was written.

        Raises
        ------
        StoreBroken
            It is no longer there.
        """
        return self.shelf.text(int(self), name)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same place of the same shelf: elsewhere other texts lie there."""
        return type(other) is type(self) and int(self) == int(other)

    __hash__ = int.__hash__


class Shelf:
    """The texts of one journal; those read last are kept.  Any thread may read.

    A journal's lines stay where they are: a new writer's file begins with those of the old one.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._guard = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], str | None] = OrderedDict()
        self._chars = 0
        # Called with a place: the texts of the line that begins there.
        self.at: type[Lying] = type("Lying", (Lying,), {"__slots__": (), "shelf": self})

    def keep(self, start: int, name: str, text: str | None) -> None:
        """Remember a text that was just read or written."""
        with self._guard:
            if (start, name) in self._kept:
                return
            self._kept[start, name] = text
            self._chars += len(text or "") + _ENTRY_CHARS
            while self._chars > KEPT_CHARS and len(self._kept) > 1:
                self._chars -= len(self._kept.popitem(last=False)[1] or "") + _ENTRY_CHARS

    def text(self, start: int, name: str) -> str | None:
        """Return one text of the line that begins there."""
        with self._guard:
            if (start, name) in self._kept:
                self._kept.move_to_end((start, name))
                return self._kept[start, name]
        record = self._record(start)
        held = record.get("node", record)
        found: str | None = take_texts({name: held.get(name, "")}, self._journal.parent / TEXTS)[name]
        self.keep(start, name, found)
        return found

    def _record(self, start: int) -> dict[str, Any]:
        try:
            with open(self._journal, "rb") as file:
                file.seek(start)
                line = file.read(_PIECE)
                while b"\n" not in line and (more := file.read(_PIECE)):
                    line += more
            line = line[: line.index(b"\n")]
            return parse_line(int(line[1 : line.index(b",")]), line)
        except OSError as error:
            raise StoreBroken(
                f"{self._journal} is missing or unreadable ({error.strerror}): texts of the run lie there"
            ) from error
        except ValueError as error:
            raise StoreBroken(f"{self._journal} is no longer what was read before: open the run again") from error
