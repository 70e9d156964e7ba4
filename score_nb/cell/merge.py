"""One edit taken back from a later version of the cell: a three-way merge of lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reverted:
    """A cell without one earlier edit.

    Attributes
    ----------
    source : str
        The cell with those changes of the edit taken back that later versions left alone.
    taken_back, overwritten : int
        Changes (runs of lines) of the edit that were taken back, and those that a later version wrote over.
    """

    source: str
    taken_back: int
    overwritten: int


def revert(cell: str, before: str, after: str) -> Reverted:
    """Return `cell`, a later version of `after`, without the edit that made `after` out of `before`."""
    base, ours, theirs = after.splitlines(), cell.splitlines(), before.splitlines()
    later = difflib.SequenceMatcher(None, base, ours, autojunk=False).get_opcodes()
    edits = difflib.SequenceMatcher(None, base, theirs, autojunk=False).get_opcodes()
    lines, taken_back, overwritten = list(ours), 0, 0
    # From the last to the first, so that the lines before stay where they are.
    for tag, start, end, their_start, their_end in reversed(edits):
        if tag == "equal":
            continue
        at = _position(later, start, end)
        if at is None:
            overwritten += 1
        else:
            lines[at : at + end - start] = theirs[their_start:their_end]
            taken_back += 1
    source = "\n".join(lines) + ("\n" if cell.endswith("\n") and lines else "")
    return Reverted(source if taken_back else cell, taken_back, overwritten)


def _position(later: Sequence[tuple[str, int, int, int, int]], start: int, end: int) -> int | None:
    """Return where the lines from `start` to `end` stand in the later version; None where it changed them."""
    for tag, first, last, at, _ in later:
        if tag == "equal" and first <= start and end <= last:
            if start == end and _is_changed_at(later, start):
                continue
            return at + start - first
    return None if later else 0


def _is_changed_at(later: Sequence[tuple[str, int, int, int, int]], place: int) -> bool:
    """Return whether the later version changed what touches this place between two lines."""
    return any(tag != "equal" and first <= place <= last for tag, first, last, _, _ in later)
