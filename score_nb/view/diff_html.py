"""The difference of two cells as HTML that any sanitiser lets through: `<pre>`, `<ins>`, `<del>` and inline styles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import zip_longest

_ADDED, _ADDED_MARK = "rgba(34,150,94,0.16)", "rgba(34,150,94,0.42)"
_REMOVED, _REMOVED_MARK = "rgba(215,75,60,0.15)", "rgba(215,75,60,0.40)"
_LINE = "display:block;text-decoration:none;white-space:pre-wrap;padding:0 8px;"
_PRE = (
    "margin:4px 0;padding:6px 0;border:1px solid rgba(128,128,128,0.35);border-radius:6px;overflow:auto;"
    "font-size:12px;line-height:1.5;font-family:monospace;background:transparent"
)
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
MOST_LINES, MOST_COLUMNS = 160, 300


def diff_html(old: str, new: str, context: int = 3) -> str:
    """Return the unified diff from `old` to `new` in a `<pre>`, changed words marked; '' where they are equal.

    Lines that did not change are folded beyond `context`; what exceeds 160 lines is cut, and said so.
    """
    lines = list(_lines(_clipped(old), _clipped(new), context))
    if not lines:
        return ""
    cut = len(lines) - MOST_LINES
    if cut > 0:
        lines = [*lines[:MOST_LINES], _plain(f"… {cut} more lines", faint=True)]
    return f'<pre style="{_PRE}">{"".join(lines)}</pre>'


def _clipped(source: str) -> list[str]:
    """Return the lines of a program; one with a picture or a data set written into it is cut."""
    return [line if len(line) <= MOST_COLUMNS else line[:MOST_COLUMNS] + "…" for line in source.splitlines()]


def _lines(old: Sequence[str], new: Sequence[str], context: int) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    shown = 0
    for group in matcher.get_grouped_opcodes(context):
        if group[0][1] > shown:
            yield _plain(_folded(group[0][1] - shown), faint=True)
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                yield from (_plain(f"  {line}") for line in old[i1:i2])
            else:
                yield from _changed(old[i1:i2], new[j1:j2])
        shown = group[-1][2]
    if 0 < shown < len(old):
        yield _plain(_folded(len(old) - shown), faint=True)


def _folded(count: int) -> str:
    return f"  ⋯ {count} unchanged line" + ("s" if count > 1 else "")


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Return removed lines, then added ones, each with the words marked that its partner has not."""
    pairs = list(zip_longest(old, new))
    for before, after in pairs:
        if before is not None:
            yield _line("del", "\N{MINUS SIGN}", _REMOVED, _marked(before, after, _REMOVED_MARK))
    for before, after in pairs:
        if after is not None:
            yield _line("ins", "+", _ADDED, _marked(after, before, _ADDED_MARK))


def _line(tag: str, sign: str, colour: str, body: str) -> str:
    return f'<{tag} style="{_LINE}background-color:{colour}">{sign} {body}</{tag}>'


def _plain(text: str, faint: bool = False) -> str:
    return f'<span style="{_LINE}{"opacity:0.6" if faint else ""}">{escape(text) or " "}</span>'


def _marked(line: str, partner: str | None, colour: str) -> str:
    """Return `line` with the words marked that `partner` lacks; unmarked where the two have little in common."""
    if partner is None:
        return escape(line)
    words, others = _WORD.findall(line), _WORD.findall(partner)
    matcher = difflib.SequenceMatcher(None, words, others, autojunk=False)
    if _shared_words(words, others) < 0.35:
        return escape(line)
    parts = []
    for kind, i1, i2, _, _ in matcher.get_opcodes():
        text = escape("".join(words[i1:i2]))
        parts.append(text if kind == "equal" or not text else f'<span style="background-color:{colour}">{text}</span>')
    return "".join(parts)


def _shared_words(words: Sequence[str], others: Sequence[str]) -> float:
    """Return how much of two lines is the same, blanks aside: 0 for nothing, 1 for all."""
    kept = [[word for word in line if not word.isspace()] for line in (words, others)]
    return difflib.SequenceMatcher(None, kept[0], kept[1], autojunk=False).ratio()
