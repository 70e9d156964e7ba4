"""How one version of a cell differs from another: as text, and as rows for a view that sets them side by side."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

RowKind = Literal["same", "changed", "removed", "added"]


def unified_diff(a: str, b: str, labels: tuple[str, str] = ("before", "after"), *, context: int = 3) -> str:
    """Return the unified diff from `a` to `b`, "" where they are equal; `context` lines stand around each change."""
    lines = difflib.unified_diff(a.splitlines(), b.splitlines(), *labels, lineterm="", n=context)
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a comparison: text and line number (from 1) on each side, None where that side has no line."""

    kind: RowKind
    left: str | None
    right: str | None
    left_line: int | None
    right_line: int | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """Rows that belong together; `skipped` equal lines lie between the hunk before and this one."""

    rows: tuple[Row, ...]
    skipped: int


def hunks(a: str, b: str, *, context: int = 3) -> list[Hunk]:
    """Return what differs between `a` and `b`, with up to `context` equal lines around; empty where they are equal."""
    left, right = a.splitlines(), b.splitlines()
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    found, position = [], 0
    for group in matcher.get_grouped_opcodes(context):
        if all(tag == "equal" for tag, *_ in group):
            continue
        rows = tuple(
            row for tag, *span in group for row in _rows(tag, left, right, (span[0], span[1], span[2], span[3]))
        )
        found.append(Hunk(rows, group[0][1] - position))
        position = group[-1][2]
    return found


def _rows(tag: str, left: list[str], right: list[str], span: tuple[int, int, int, int]) -> Iterator[Row]:
    a, b, c, d = span
    for offset in range(max(b - a, d - c)):
        i = a + offset if a + offset < b else None
        j = c + offset if c + offset < d else None
        yield Row(
            kind="same" if tag == "equal" else "changed" if i is not None and j is not None else _one_sided(i),
            left=None if i is None else left[i],
            right=None if j is None else right[j],
            left_line=None if i is None else i + 1,
            right_line=None if j is None else j + 1,
        )


def _one_sided(left: int | None) -> RowKind:
    return "added" if left is None else "removed"


@dataclass(frozen=True, slots=True)
class Counts:
    """Lines added and removed between two versions."""

    added: int
    removed: int


def changed_lines(a: str, b: str) -> Counts:
    """Return how many lines of `b` are new and how many of `a` are gone."""
    matcher = difflib.SequenceMatcher(None, a.splitlines(), b.splitlines(), autojunk=False)
    changes = [(j - i, n - m) for tag, i, j, m, n in matcher.get_opcodes() if tag != "equal"]
    return Counts(added=sum(new for _, new in changes), removed=sum(old for old, _ in changes))
