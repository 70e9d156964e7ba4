"""`%score idea --search`: papers found by public services, shown, and tried by the run at work."""

from __future__ import annotations

import html
import shlex
from collections.abc import Sequence
from typing import Any

from score_nb.errors import BadOption, ScoreError, did_you_mean
from score_nb.propose.literature import MOST, Found, Service, search_papers
from score_nb.run.run import Run

USUAL = 6
_FLAGS = ("--search", "--most")


class Papers(tuple[str, ...]):
    """Papers as ideas, title and abstract with the citation: a list that `--ideas` takes, and that shows well."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n\n".join(f"{number}. {text}" for number, text in enumerate(self, 1)) or "no paper found"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = "".join(f"<li style='margin-bottom:.5em'>{html.escape(text)}</li>" for text in self)
        return {"text/plain": repr(self), "text/html": f"<ol>{rows}</ol>" if rows else "<p>no paper found</p>"}


def asked_for(rest: str) -> tuple[str, int]:
    """Return words and number of papers of `--search WORDS [--most N]`.

    Raises
    ------
    BadOption
        Another option, no words, or no number.
    """
    try:
        words = shlex.split(rest)
    except ValueError:
        raise BadOption(f"a quote is not closed in: {rest}") from None
    told: list[str] = []
    most = USUAL
    while words:
        word = words.pop(0)
        if word == "--most":
            most = _number(words.pop(0) if words else "")
        elif word.startswith("--") and word != "--search":
            raise BadOption(f"%score idea has no option {word}.{did_you_mean(word, _FLAGS)}")
        elif word != "--search":
            told.append(f'"{word}"' if " " in word else word)
    if not told:
        raise BadOption('say what to search for: %score idea --search "batch integration"')
    return " ".join(told), most


def found_papers(rest: str, run: Run | None, services: Sequence[Service] | None = None) -> tuple[Papers, list[str]]:
    """Return the papers, and what there is to say; a run at work gets each of them as an idea.

    Raises
    ------
    BadOption, NoLiterature
        Nothing to search for; no service answered.
    """
    words, most = asked_for(rest)
    found = search_papers(words, most, services)
    papers = Papers(paper.idea.text for paper in found.papers)
    return papers, [*found.troubles, _added(papers, found, run)]


def _added(papers: Papers, found: Found, run: Run | None) -> str:
    if not found.papers:
        return "nothing was found: try fewer or more general words"
    count = f"{len(papers)} paper{'s' if len(papers) > 1 else ''}"
    if run is not None and _is_taken(papers, run):
        return f"{count} found: {run.name} will try each"
    return f"{count} found, no run is at work: keep them (papers = _) and begin one with --ideas papers"


def _is_taken(papers: Papers, run: Run) -> bool:
    """Return whether the run is at work and takes the papers as ideas; it may end at any moment."""
    if not run.is_live:
        return False
    try:
        for text in papers:
            run.add_idea(text)
    except ScoreError:
        return False
    return True


def _number(word: str) -> int:
    if not word.isdigit() or not 1 <= int(word) <= MOST:
        raise BadOption(f"--most takes a whole number from 1 to {MOST}, not {word or 'nothing'}")
    return int(word)
