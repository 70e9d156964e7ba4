"""Literature search against a local server; nothing here reaches the network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from score_nb.propose.literature import NoLiterature, search_papers, services
from tests.support.literature_server import LiteratureServer

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiteratureServer]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with LiteratureServer() as serving:
        yield serving


def test_both_services_are_asked_in_their_own_words_and_answer_in_turn(server: LiteratureServer) -> None:
    found = search_papers('"batch integration" counts', 4, services(server.url("europepmc"), server.url("arxiv")))
    assert [paper.title for paper in found.papers] == [
        "Batch effects in single-cell data are corrected by matching mutual nearest neighbors",
        "A general and flexible method for signal extraction",
        "A preprint without much",
    ]  # the fourth is the first once more
    assert found.troubles == ()
    asked = dict(server.questions)
    assert asked["/europepmc"]["query"] == '"batch integration" counts'
    assert asked["/europepmc"]["pageSize"] == "4"
    assert asked["/arxiv"]["search_query"] == 'all:"batch integration" AND all:counts'


def test_a_paper_becomes_an_idea_that_ends_with_its_citation(server: LiteratureServer) -> None:
    found = search_papers("batch", 6, services(server.url("europepmc"), server.url("arxiv")))
    first, second, third = (paper.idea.text for paper in found.papers)
    assert first == (
        "Batch effects in single-cell data are corrected by matching mutual nearest neighbors. Background: Large-scale "
        "studies combine batches & laboratories. Results: We match neighbors. [Haghverdi L et al., 2018, Nature "
        "biotechnology, doi:10.1038/nbt.4091]"
    )
    assert second.endswith(
        "[Davide Risso et al., 2017, Nature Communications 9 (2018), doi:10.1038/s41467-017-02554-5]"
    )
    assert "We propose a model of counts" in second
    assert third == "A preprint without much. [Solo S, 2021, https://europepmc.org/article/PPR/PPR1]"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("page", "something else than search results, perhaps a sign-in page"),
        ("busy", "status 503"),
        ("", "did not answer"),
    ],
)
def test_a_service_that_fails_leaves_the_others_answer(server: LiteratureServer, broken: str, why: str) -> None:
    address = server.url(broken) if broken else NOWHERE
    found = search_papers("batch", 3, services(server.url("europepmc"), address))
    assert len(found.papers) == 2
    assert found.troubles[0].startswith("arXiv did not answer (")
    assert why in found.troubles[0]
    other = search_papers("batch", 3, services(address, server.url("arxiv")))
    assert other.troubles[0].startswith("Europe PMC did not answer (")


def test_without_network_the_message_says_what_can_be_done(server: LiteratureServer) -> None:
    with pytest.raises(NoLiterature) as caught:
        search_papers("batch", 3, services(NOWHERE, NOWHERE))
    said = str(caught.value)
    assert said.startswith("no literature was searched: Europe PMC did not answer (")
    assert said.endswith("(HTTPS_PROXY)? Without network: %score idea TEXT, or papers as files with --ideas")


def test_nothing_found_is_no_error(server: LiteratureServer) -> None:
    assert search_papers("zzz", 3, services(server.url("none"), server.url("none"))[:1]).papers == ()
