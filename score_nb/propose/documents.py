"""Files with ideas read as text: plain text, Markdown, BibTeX, PDF."""

from __future__ import annotations

import re
from pathlib import Path

from score_nb.errors import BadOption
from score_nb.propose.idea_text import LONG, Idea, bibtex_ideas, paper_idea, split_ideas

SUFFIXES = (".txt", ".md", ".markdown", ".rst", ".bib", ".pdf")
MOST_PAGES = 60


def ideas_in(path: Path) -> list[Idea]:
    """Return the ideas of one file: those of a list or notes each, a paper as one.

    Raises
    ------
    BadOption
        The file cannot be read, or is of a kind that is not known; the message names the mend.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise BadOption(f"--ideas: {path.name} is of a kind that cannot be read: give {', '.join(SUFFIXES)}")
    if kind == ".pdf":
        text, title = _pdf(path)
        return [paper_idea(text, path.name, title)]
    text = _text(path)
    if kind == ".bib":
        return bibtex_ideas(text)
    if len(text) > LONG and not _is_list(text):
        return [paper_idea(text, path.name)]
    return [Idea(idea) for idea in split_ideas(text)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise BadOption(f"--ideas: {path} cannot be read ({error.strerror})") from None


def _is_list(text: str) -> bool:
    """Return whether a long text is many short ideas, as a list kept over years is, and no paper."""
    ideas = split_ideas(text)
    items = sum(1 for line in text.split("\n") if re.match(r" {0,3}(?:[-*+•]|\d{1,3}[.)])\s+\S", line))
    return len(ideas) > 1 and items >= len(ideas) / 2


def _pdf(path: Path) -> tuple[str, str]:
    """Return the text and the title of a PDF."""
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError:
        raise BadOption("--ideas: reading PDF needs the package pypdf: pip install pypdf") from None
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadOption(f"--ideas: {path.name} is locked with a password: give an open copy, or its text as .txt")
        text = "\n".join(page.extract_text() for page in reader.pages[:MOST_PAGES])
        title = str((reader.metadata.title if reader.metadata else "") or "")
    except OSError as error:
        raise BadOption(f"--ideas: {path} cannot be read ({error.strerror or error})") from None
    except BadOption:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        # A damaged file fails anywhere in the reader.
        raise BadOption(
            f"--ideas: {path.name} cannot be read as PDF ({type(error).__name__}: {error}): give its text as .txt"
        ) from None
    text = re.sub(r"(?<=\w)-\n(?=[a-z])", "", text)
    if len(re.findall(r"\w{3,}", text)) < 20:
        raise BadOption(f"--ideas: {path.name} holds no text (a scan?): give its text as .txt")
    return text, title if len(title.split()) > 2 else ""
