"""Single ideas out of what people keep: lists, Markdown, plain text, BibTeX, papers.  Text in, text out."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONG = 6_000
"""Characters from which a text is a paper to be condensed, not an idea to be followed."""

MOST_CHARACTERS = 4_000
MOST_IDEAS = 200
_ABSTRACT = 800
_SECTION = 1_600
_ALIKE = 0.9
_ITEM = re.compile(r"(?P<indent> {0,3})(?:[-*+•‣\u2013]|\(?\d{1,3}[.)])\s+(?=\S)")
_HEADING = re.compile(r"#{1,6}\s+(?P<title>.+?)\s*#*\s*$")
_RULE = re.compile(r"\s{0,3}([-*_=~])(?:\s*\1){2,}\s*$")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_SECTION_HEADING = re.compile(
    r"(?:#{1,6}\s+)?"
    r"(?:(?:\d{1,2}(?:\.\d{1,2}){0,2}|[IVX]{1,4})\.?\s+)?(?P<title>[A-Z][\w ,&:/\u2019'\u2013-]{2,70})\s*$"
)
_KNOWN_SECTIONS = re.compile(
    r"abstract|summary|introduction|background|related work|(?:materials and |online )?methods?|methodology|approach"
    r"|model|algorithms?|implementation|experiments?|results?|evaluation|discussion|conclusions?|limitations"
    r"|acknowledge?ments?|references|bibliography|appendix|funding|data availability|code availability"
    r"|author contributions|supplementary .*|competing interests",
    re.IGNORECASE,
)
_OF_NO_USE = re.compile(
    r"introduction|background|related|acknowledg|references|bibliography|funding|availability|contributions"
    r"|supplementary|competing|limitations|results?\b|evaluation|experiments?\b|discussion|conclusion",
    re.IGNORECASE,
)
_REFERENCES = re.compile(r"^\s*(?:#+\s*)?(?:\d+\.?\s+)?(?:references|bibliography|literature cited)\s*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Idea:
    """An idea to be tried on a branch of its own.

    `text` is what is shown and sent.  `paper` is the whole text of the paper behind it, "" where there is none: a
    language model condenses it to its method when the idea's turn comes.
    """

    text: str
    paper: str = ""


def split_ideas(text: str) -> list[str]:
    """Return the single ideas of a short text.

    Sections and list items are ideas, an item under a heading together with it; where there are neither, parts between
    rules (`---`), else paragraphs.
    """
    text = _without_front_matter(text.replace("\r\n", "\n")).strip()
    sections = list(_sections(text))
    if len(sections) > 1 or (sections and sections[0][0]):
        found = [idea for title, body in sections for idea in _of_section(title, body)]
    else:
        found = _items(text) or _between_rules(text) or _paragraphs(text)
    return [idea[:MOST_CHARACTERS] for idea in found if _says_something(idea)]


def deduplicated(ideas: Iterable[Idea]) -> list[Idea]:
    """Return the ideas without those that say what an earlier one says: nine words in ten are the same."""
    kept: list[Idea] = []
    known: list[frozenset[str]] = []
    for idea in ideas:
        words = frozenset(re.findall(r"\w+", idea.text.casefold()))
        if not any(_overlap(words, other) >= _ALIKE for other in known):
            kept.append(idea)
            known.append(words)
    return kept[:MOST_IDEAS]


def paper_idea(text: str, name: str, title: str = "") -> Idea:
    """Return the idea that a long text stands for: its title, its abstract's beginning, the whole behind it."""
    body = without_references(text.strip())
    title = " ".join((title or _first_line(body)).split())[:200]
    return Idea(f"{title} ({name})\n{_abstract(body)}".strip(), body)


def sections_as_ideas(paper: Idea) -> list[Idea]:
    """Return the sections of a paper that speak of method, each an idea: what can be had without a language model."""
    label = paper.text.partition("\n")[0]
    told = [
        Idea(f"{label}, {title}\n{_shortened(body, _SECTION)}")
        for title, body in _paper_sections(paper.paper)
        if title and not _OF_NO_USE.search(title) and len(body.split()) >= 8
    ]
    return told or [Idea(paper.text)]


def without_references(text: str) -> str:
    """Return a paper up to its list of references; a list that stands in the first half is no list of references."""
    marks = [match.start() for match in _REFERENCES.finditer(text) if match.start() > len(text) // 2]
    return text[: marks[-1]].rstrip() if marks else text


def bibtex_ideas(text: str) -> list[Idea]:
    """Return an idea per entry: title and abstract, with the citation."""
    ideas = []
    for fields in _bibtex_entries(text):
        title = fields.get("title", "")
        if not title:
            continue
        abstract = fields.get("abstract") or fields.get("annote") or fields.get("note", "")
        ideas.append(cited_idea(title, abstract, fields.get("author", ""), fields.get("year", ""), _place(fields)))
    return ideas


def cited_idea(title: str, abstract: str, authors: str, year: str, place: str) -> Idea:
    """Return title and abstract as an idea that ends with its citation."""
    first = re.split(r"\s+and\s+|;", authors)[0].strip()
    others = " et al." if re.search(r"\s+and\s+|;", authors) else ""
    citation = ", ".join(part for part in (f"{first}{others}".strip(), year, place) if part)
    said = f"{title.rstrip('.')}. {_shortened(abstract, MOST_CHARACTERS - 400)}".strip()
    return Idea(f"{said} [{citation}]" if citation else said)


# -- short texts -------------------------------------------------------------------------------------------------------


def _without_front_matter(text: str) -> str:
    found = re.match(r"\A---\n.*?\n---\n", text, re.DOTALL)
    return text[found.end() :] if found and ":" in found[0] else text


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield heading and body of every section of Markdown; "" for what stands before the first heading."""
    title, body, is_code, is_underline = "", list[str](), False, False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        is_code ^= bool(_FENCE.match(line))
        if is_underline:
            is_underline = False
            continue
        heading = None if is_code else _HEADING.match(line)
        is_underline = not is_code and _is_underlined(lines, number)
        if heading or is_underline:
            if title or "\n".join(body).strip():
                yield title, "\n".join(body).strip()
            title, body = (heading["title"] if heading else line.strip()), []
        else:
            body.append(line)
    if title or "\n".join(body).strip():
        yield title, "\n".join(body).strip()


def _is_underlined(lines: list[str], number: int) -> bool:
    """Return whether a line is a heading by the line below it, as long as itself: a shorter one is a rule."""
    line, below = lines[number], "".join(lines[number + 1 : number + 2]).rstrip()
    is_first = not number or not lines[number - 1].strip()
    is_ruled = re.fullmatch(r"={3,}|-{3,}", below) is not None and len(below) >= len(line.rstrip()) - 2
    return is_first and bool(line.strip()) and is_ruled and not _ITEM.match(line)


def _of_section(title: str, body: str) -> list[str]:
    items = _items(body)
    if not title:
        return items  # an introduction before the first heading is no idea, a list there is
    if len(items) > 1:
        return [f"{title}: {item}" for item in items]
    return [f"{title}\n{body}"] if body else []


def _items(text: str) -> list[str]:
    """Return the items of the outermost list, each with what is indented below it; nothing where there is no list."""
    found: list[list[str]] = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= bool(_FENCE.match(line))
        item = None if is_code or line.startswith("\t") or _RULE.match(line) else _ITEM.match(line)
        if item and (not found or len(item["indent"]) < 2):
            found.append([line[item.end() :]])
        elif found and (is_code or not line.strip() or line[:1] in " \t" or found[-1][-1].strip()):
            found[-1].append(line)
        elif found:
            break  # prose after the list
    return ["\n".join([item[0], textwrap.dedent("\n".join(item[1:]))]).strip() for item in found]


def _between_rules(text: str) -> list[str]:
    parts = [[]] if text else list[list[str]]()
    for line in text.split("\n"):
        if _RULE.match(line):
            parts.append([])
        elif parts:
            parts[-1].append(line)
    return ["\n".join(part).strip() for part in parts] if len(parts) > 1 else []


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text)]


def _says_something(idea: str) -> bool:
    return bool(re.search(r"\w", idea))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


# -- papers ------------------------------------------------------------------------------------------------------------


def _first_line(text: str) -> str:
    return next((line.strip(" #*") for line in text.split("\n") if re.search(r"\w{3}", line)), "a paper")


def _abstract(text: str) -> str:
    found = re.search(r"^\W*(?:abstract|summary)\b[\s:.\u2014\u2013-]*", text[:20_000], re.IGNORECASE | re.MULTILINE)
    body = text[found.end() :] if found else text.partition("\n")[2]
    return _shortened(body, _ABSTRACT)


def _paper_sections(text: str) -> Iterator[tuple[str, str]]:
    title, body = "", list[str]()
    for line in text.split("\n"):
        found = _SECTION_HEADING.fullmatch(line.strip())
        if found and (_KNOWN_SECTIONS.fullmatch(found["title"]) or found.start("title")):
            yield title, "\n".join(body).strip()
            title, body = found["title"], []
        else:
            body.append(line)
    yield title, "\n".join(body).strip()


def _shortened(text: str, limit: int) -> str:
    """Return the text on one line, ended at a sentence where one ends in time."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    head = line[:limit]
    end = max(head.rfind(". "), head.rfind("? "), head.rfind("! "))
    return head[: end + 1] if end > limit // 2 else head.rsplit(" ", 1)[0] + " …"


# -- BibTeX ------------------------------------------------------------------------------------------------------------


def _bibtex_entries(text: str) -> Iterator[dict[str, str]]:
    for found in re.finditer(r"@(\w+)\s*[{(]", text):
        if found[1].lower() in ("comment", "string", "preamble"):
            continue
        yield dict(_bibtex_fields(text[found.end() : _closing(text, found.end())]))


def _bibtex_fields(body: str) -> Iterator[tuple[str, str]]:
    position = body.find(",") + 1
    while position and (found := re.compile(r"\s*,?\s*([\w-]+)\s*=\s*").match(body, position)):
        start = found.end()
        if body[start : start + 1] == "{":
            end = _closing(body, start + 1)
            value = body[start + 1 : end]
        elif body[start : start + 1] == '"':
            end = body.find('"', start + 1)
            end = len(body) if end < 0 else end
            value = body[start + 1 : end]
        else:
            end = start + len((re.compile(r"[^,\n]*").match(body, start) or [""])[0]) - 1
            value = body[start : end + 1]
        yield found[1].lower(), _plain(value)
        position = end + 1


def _closing(text: str, start: int) -> int:
    """Return where the brace that was open at `start` closes."""
    depth = 1
    for position in range(start, len(text)):
        if text[position] in "{}" and text[position - 1] != "\\":
            depth += 1 if text[position] == "{" else -1
            if not depth:
                return position
    return len(text)


def _plain(value: str) -> str:
    """Return LaTeX without its commands: accents go, words stay."""
    value = re.sub(r"\\[`'^\"~=.](?=\W*\w)", "", value)
    value = re.sub(r"\\[a-zA-Z]+\s*", "", value)
    return " ".join(re.sub(r"[{}]|\\(?=\W)", "", value).replace("~", " ").split())


def _place(fields: dict[str, str]) -> str:
    place = fields.get("journal") or fields.get("booktitle") or ""
    identifier = fields.get("doi") or fields.get("eprint") or fields.get("url", "")
    return ", ".join(part for part in (place, identifier) if part)
