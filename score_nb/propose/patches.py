"""Edits of a cell, as SEARCH/REPLACE blocks, found in a reply and carried out.

<<<<<<< SEARCH
lines as they stand in the cell
=======
lines to stand there instead
>>>>>>> REPLACE
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BEGIN = re.compile(r"\s*<{5,9}\s*(?:SEARCH|ORIGINAL|HEAD)?\s*$", re.IGNORECASE)
_MIDDLE = re.compile(r"\s*={5,9}\s*$")
_END = re.compile(r"\s*>{5,9}\s*(?:REPLACE|UPDATED)?\s*$", re.IGNORECASE)
_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})[\w.+-]*\s*$")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines to be found, and the lines that take their place."""

    search: tuple[str, ...]
    replace: tuple[str, ...]


def edits_in(text: str) -> tuple[list[Edit], str, str]:
    """Return the edits of a reply, the prose before them, and what is wrong with their form ("" where nothing is)."""
    edits: list[Edit] = []
    part, search, replace, plan = "", list[str](), list[str](), list[str]()
    for line in text.split("\n"):
        if not part and _BEGIN.match(line):
            part, search, replace = "search", [], []
        elif part == "search" and _MIDDLE.match(line):
            part = "replace"
        elif part == "replace" and _END.match(line):
            edits.append(Edit(_without_fence(search), _without_fence(replace)))
            part = ""
        elif part:
            (search if part == "search" else replace).append(line)
        elif not edits and not _FENCE.match(line):
            plan.append(line)
    problem = "an edit is not finished: each needs SEARCH, ======= and REPLACE" if part else ""
    return edits, "\n".join(plan).strip(), problem


def applied(source: str, edits: Sequence[Edit]) -> tuple[str | None, str]:
    """Return `source` with the edits carried out one after the other, or None and why they cannot be."""
    lines = source.split("\n")
    for number, edit in enumerate(edits, 1):
        if not any(line.strip() for line in edit.search):
            lines = [*lines, *edit.replace]
            continue
        places, shift = _places(lines, edit.search)
        if len(places) != 1:
            return None, _misplaced(number, edit, len(places))
        start = places[0]
        lines[start : start + len(edit.search)] = shift(edit.replace)
    changed = "\n".join(lines).strip("\n")
    return (None, "the edits change nothing") if changed == source.strip("\n") else (changed, "")


Shift = Callable[[Sequence[str]], list[str]]


def _places(lines: Sequence[str], wanted: Sequence[str]) -> tuple[list[int], Shift]:
    """Return where `wanted` stands, and how what replaces it is to be indented.

    Looked for as it is, then without blank space at line ends, then whatever the depth of the whole block.
    """
    for read in (str, str.rstrip):
        if found := _matches([read(line) for line in lines], [read(line) for line in wanted]):
            return found, list
    bare = _dedented(wanted)
    found = [start for start in range(len(lines) - len(wanted) + 1)
             if _dedented(lines[start : start + len(wanted)]) == bare]  # fmt: skip
    if len(found) != 1:
        return found, list
    missing = _depth(lines[found[0] : found[0] + len(wanted)]) - _depth(wanted)
    return found, lambda block: _moved(block, missing)


def _matches(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    size = len(wanted)
    return [start for start in range(len(lines) - size + 1) if list(lines[start : start + size]) == list(wanted)]


def _dedented(lines: Sequence[str]) -> list[str]:
    return textwrap.dedent("\n".join(line.rstrip() for line in lines)).split("\n")


def _depth(lines: Sequence[str]) -> int:
    return min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)


def _moved(block: Sequence[str], by: int) -> list[str]:
    if by >= 0:
        return [" " * by + line if line.strip() else line for line in block]
    return [line[-by:] if not line[:-by].strip() else line.lstrip() for line in block]


def _misplaced(number: int, edit: Edit, count: int) -> str:
    first = next(line.strip() for line in edit.search if line.strip())[:_SHOWN]
    if count:
        return f"the lines to be replaced by edit {number} stand {count} times in the cell: {first}"
    return f"the lines to be replaced by edit {number} do not stand in the cell: {first}"


def _without_fence(lines: list[str]) -> tuple[str, ...]:
    if len(lines) >= 2 and _FENCE.match(lines[0]) and _FENCE.match(lines[-1]):
        lines = lines[1:-1]
    return tuple(lines)
