"""Papers found by the public search services of Europe PMC and arXiv, as ideas with their citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import zip_longest
from typing import Any
from xml.etree import ElementTree

from score_nb.errors import ScoreError
from score_nb.propose.idea_text import Idea, cited_idea

EUROPE_PMC = "https://www.ebi.ac.uk/europepmc/webservices/rest/search"
ARXIV = "https://export.arxiv.org/api/query"
MOST = 50
TIMEOUT_S = 20.0
_ATOM = {"a": "http://www.w3.org/2005/Atom", "x": "http://arxiv.org/schemas/atom"}
_HEADERS = {"User-Agent": "score-nb (https://pypi.org/project/score-nb)"}


class NoLiterature(ScoreError):
    """No service answered: the message says why and what can be done without."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What a service tells of a paper."""

    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    year: str = ""
    journal: str = ""
    link: str = ""

    @property
    def idea(self) -> Idea:
        """Title and abstract with the citation."""
        place = ", ".join(part for part in (self.journal, self.link) if part)
        return cited_idea(self.title, self.abstract, "; ".join(self.authors), self.year, place)


@dataclass(frozen=True, slots=True)
class Service:
    """One search service: its name, its address, its question and its answer."""

    name: str
    url: str
    ask: Callable[[str, int], Mapping[str, str]]
    read: Callable[[str], list[Paper]]


@dataclass(frozen=True, slots=True)
class Found:
    """Papers, each once, and a sentence per service that did not answer."""

    papers: tuple[Paper, ...]
    troubles: tuple[str, ...] = ()


def services(europe_pmc: str = EUROPE_PMC, arxiv: str = ARXIV) -> tuple[Service, ...]:
    """Return the services at these addresses."""
    return (
        Service("Europe PMC", europe_pmc, _europe_pmc_question, _europe_pmc_papers),
        Service("arXiv", arxiv, _arxiv_question, _arxiv_papers),
    )


def search_papers(words: str, most: int = 6, asked: Sequence[Service] | None = None) -> Found:
    """Return the papers that the services find for `words`, best matches first, theirs in turn.

    Raises
    ------
    NoLiterature
        No service answered.
    """
    asked = services() if asked is None else asked
    found: list[list[Paper]] = []
    troubles: list[str] = []
    for service in asked:
        try:
            found.append(_answer(service, words, most))
        except _NoAnswer as error:
            troubles.append(f"{service.name} did not answer ({error})")
    if not found:
        raise NoLiterature(
            f"no literature was searched: {'; '.join(troubles)}. Is this machine online, or behind a proxy "
            "(HTTPS_PROXY)? Without network: %score idea TEXT, or papers as files with --ideas"
        )
    in_turn = [paper for rank in zip_longest(*found) for paper in rank if paper is not None]
    return Found(tuple(_each_once(in_turn)[:most]), tuple(troubles))


class _NoAnswer(Exception):
    """A service that cannot be reached or says something else than results."""


def _answer(service: Service, words: str, most: int) -> list[Paper]:
    import httpx

    try:
        response = httpx.get(
            service.url, params=dict(service.ask(words, most)), timeout=TIMEOUT_S, headers=_HEADERS,
            follow_redirects=True,
        )  # fmt: skip
        response.raise_for_status()
        return service.read(response.text)
    except httpx.HTTPStatusError as error:
        raise _NoAnswer(f"status {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _NoAnswer(str(error) or type(error).__name__) from None
    except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError):
        raise _NoAnswer("it sent something else than search results, perhaps a sign-in page") from None


def _each_once(papers: Sequence[Paper]) -> list[Paper]:
    known: dict[str, Paper] = {}
    for paper in papers:
        known.setdefault(re.sub(r"\W+", "", paper.title.casefold()), paper)
    return list(known.values())


def _plain(text: str | None) -> str:
    """Return text without tags and line breaks; headings in an abstract end like sentences."""
    text = re.sub(r"</h\d>", ": ", text or "")
    return " ".join(unescape(re.sub(r"<[^<>]+>", " ", text)).split())


# -- Europe PMC: JSON --------------------------------------------------------------------------------------------------


def _europe_pmc_question(words: str, most: int) -> Mapping[str, str]:
    return {"query": words, "format": "json", "resultType": "core", "pageSize": str(most)}


def _europe_pmc_papers(text: str) -> list[Paper]:
    import json

    return [_europe_pmc_paper(row) for row in json.loads(text)["resultList"]["result"] if row.get("title")]


def _europe_pmc_paper(row: Mapping[str, Any]) -> Paper:
    journal = ((row.get("journalInfo") or {}).get("journal") or {}).get("title") or row.get("journalTitle") or ""
    link = f"doi:{row['doi']}" if row.get("doi") else f"https://europepmc.org/article/{row['source']}/{row['id']}"
    return Paper(
        _plain(row["title"]).rstrip("."), _plain(row.get("abstractText")), _names(row.get("authorString")),
        str(row.get("pubYear") or ""), _plain(journal), link,
    )  # fmt: skip


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").rstrip(".").split(", ") if name)


# -- arXiv: Atom -------------------------------------------------------------------------------------------------------


def _arxiv_question(words: str, most: int) -> Mapping[str, str]:
    terms = re.findall(r'"[^"]+"|[^\s"]+', words)
    return {
        "search_query": " AND ".join(f"all:{term}" for term in terms), "start": "0", "max_results": str(most),
        "sortBy": "relevance",
    }  # fmt: skip


def _arxiv_papers(text: str) -> list[Paper]:
    feed = ElementTree.fromstring(text)
    if not feed.tag.endswith("}feed"):
        raise ValueError("no Atom feed")
    papers = [_arxiv_paper(entry) for entry in feed.findall("a:entry", _ATOM)]
    return [paper for paper in papers if paper.title and paper.title != "Error"]


def _arxiv_paper(entry: ElementTree.Element) -> Paper:
    def said(path: str) -> str:
        return _plain(entry.findtext(path, "", _ATOM))

    doi, address = said("x:doi"), said("a:id").replace("http://", "https://")
    return Paper(
        said("a:title"), said("a:summary"),
        tuple(_plain(name.text) for name in entry.findall("a:author/a:name", _ATOM)),
        said("a:published")[:4], said("x:journal_ref") or "arXiv", f"doi:{doi}" if doi else address,
    )  # fmt: skip
