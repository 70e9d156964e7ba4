"""`--dry-run` and `--ideas` through the magic."""

from __future__ import annotations

from pathlib import Path

import pytest

from score_nb.batch.stored import record_replies
from score_nb.errors import BadOption
from score_nb.notebook.ideas import read_ideas
from score_nb.notebook.reading import asked_for, found_papers
from score_nb.notebook.registry import REGISTRY
from score_nb.propose.idea_text import LONG
from score_nb.propose.literature import services
from tests.notebook.conftest import SEED, Cell
from tests.support.literature_server import LiteratureServer
from tests.support.openai_server import OpenAIServer

PAPER = (
    "Matched neighbours\n\nAbstract\nWe match neighbours.\n\n2 Methods\n"
    + "Neighbours are matched again and again. " * 200
)


def test_a_dry_run_shows_the_prompt_and_the_estimate_and_asks_nobody(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAIServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-scripted-0123456789abcdef")
        said = cell(f"%%score near --model gpt-5-mini --nodes 101 --cost 2 --dry-run\n{SEED}\nprint('ran')")
        assert server.received == []
    assert REGISTRY.started == []
    assert not Path(".score_nb").exists()
    for part in (
        "dry run: no search is started, no model is asked",
        "ran",
        "gpt-5-mini: about 100 model calls",
        "USD",
        "the run ends before that where --cost 2 is reached",
        "the prompt of request 1 (",
        "You are an expert scientific Python programmer",
        "How near the guess is.",
        "guess = scale * len(data)",
        "its value is not known yet",
        "# What to do",
    ):
        assert part in said
    assert "target" not in said.partition("How near")[0]
    assert "sk-scripted" not in said
    assert cell("print(guess)").strip() == "6"


def test_a_dry_run_needs_no_key_and_says_what_is_missing(cell: Cell) -> None:
    said = cell(f"%%score near --model some-model --dry-run\n{SEED}")
    assert "no API key: set OPENAI_API_KEY" in said
    assert "cost not known (no price in the table)" in said
    assert "guess = scale * len(data)" in said


def test_a_dry_run_of_the_offline_proposer_says_that_nothing_goes_out(cell: Cell) -> None:
    said = cell(f"%%score near --model offline --nodes 9 --dry-run\n{SEED}")
    assert (
        "offline is no language model: no prompt goes out and nothing is paid for; 8 candidates are made here" in said
    )
    assert "What to do" not in said


def test_the_users_templates_and_rows_are_in_the_prompt(cell: Cell) -> None:
    Path("mine").mkdir()
    Path("mine/improve.txt").write_text("Better, please: {parent}")
    options = "--model m --prompts mine --rows 2 --edit --seed 1 --dry-run"
    said = cell(f"%%score near {options}\n{SEED}")
    assert "first rows:\n  | 1.0\n  | 2.0" in said
    assert "your changes as edits" in said
    assert "Better, please: scale = 3" in said
    wrong = cell(f"%%score near --model m --prompts none --dry-run\n{SEED}", ok=False)
    assert "--prompts none: there is no such folder" in wrong


def test_a_paper_is_announced_and_condensed_by_one_more_call(cell: Cell) -> None:
    Path("paper.txt").write_text(PAPER)
    said = cell(f"%%score near --model m --nodes 11 --ideas paper.txt --dry-run\n{SEED}")
    assert "about 11 model calls" in said
    assert "the prompt of request 1 (idea) follows" in said
    assert "the idea is a paper: one more call condenses it" in said
    assert "Matched neighbours (paper.txt)" in said


def test_search_refuses_a_dry_run(cell: Cell) -> None:
    said = cell("import score_nb\nscore_nb.search(near, seed='guess = 1', dry_run=True, model='offline')", ok=False)
    assert "for a dry run write %%score METRIC --dry-run" in said


def test_ideas_come_from_lists_and_files_of_all_kinds_each_once(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("- use ranks\n- use logs")
    (tmp_path / "b.txt").write_text("use logs\n\nuse both")
    (tmp_path / "c.txt").write_text(PAPER)
    namespace = {"mine": ["Use ranks.", "mix them"]}
    found = read_ideas("mine,*.md, b.txt", namespace, tmp_path)
    assert found.texts == ("Use ranks.", "mix them", "use logs", "use both")
    paper = read_ideas("c.txt", {}, tmp_path)
    assert [len(text) > LONG for text in paper.papers.values()] == [True]
    assert paper.texts == tuple(paper.papers)
    split = read_ideas("c.txt", {}, tmp_path, condenses=False)
    assert split.papers == {}
    assert any("Methods" in text for text in split.texts)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("none", "--ideas none: neither a list of the notebook nor a file in"),
        ("mine,none", "--ideas none: neither a list"),
        ("number", "number should be a list of strings, not int"),
        ("empty", "--ideas empty: there is no idea in it"),
    ],
)
def test_ideas_that_are_none_are_named(tmp_path: Path, option: str, said: str) -> None:
    with pytest.raises(BadOption) as caught:
        read_ideas(option, {"mine": ["x"], "number": 1, "empty": []}, tmp_path)
    assert said in str(caught.value)


def test_a_recording_replayed_in_the_notebook_gives_the_same_tree(cell: Cell) -> None:
    cell(f"%%score near --model offline --nodes 10 --workers 2 --wait\n{SEED}")
    said = record_replies("near", Path(), Path("replies.jsonl"))
    assert said.startswith("9 replies of near in replies.jsonl")
    trees = []
    for workers in (1, 4):
        cell(f"%%score near --model replay:replies.jsonl --nodes 10 --workers {workers} --wait --fresh\n{SEED}")
        trees.append(
            [(node.parents, node.source, node.value, node.operator) for node in REGISTRY.started[-1].run.nodes]
        )
    assert trees[0] == trees[1]
    assert len(trees[0]) == 10


# -- %score idea --search ----------------------------------------------------------------------------------------------


def test_papers_are_found_shown_and_kept_for_a_run() -> None:
    with LiteratureServer() as server:
        asked = services(server.url("europepmc"), server.url("arxiv"))
        papers, said = found_papers('--search "batch integration" --most 2', None, asked)
        assert dict(server.questions)["/europepmc"]["query"] == '"batch integration"'
    assert len(papers) == 2
    assert said == ["2 papers found, no run is at work: keep them (papers = _) and begin one with --ideas papers"]
    assert repr(papers).startswith("1. Batch effects in single-cell data")
    assert "doi:10.1038/nbt.4091" in papers._repr_mimebundle_()["text/html"]
    assert read_ideas("papers", {"papers": papers}, Path()).texts == tuple(papers)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("--search", "say what to search for"),
        ("--serch x", "no option --serch. Did you mean --search?"),
        ("--search x --most 0", "--most takes a whole number from 1 to 50, not 0"),
        ("--search x --most", "not nothing"),
        ('--search "x', "a quote is not closed"),
    ],
)
def test_a_wrong_question_is_answered_with_the_right_one(rest: str, said: str) -> None:
    with pytest.raises(BadOption) as caught:
        asked_for(rest)
    assert said in str(caught.value)


def test_without_network_the_magic_says_what_can_be_done(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    said = cell('%score idea --search "batch integration"', ok=False)
    assert "no literature was searched: Europe PMC did not answer" in said
    assert "%score idea TEXT, or papers as files with --ideas" in said


def test_a_run_at_work_gets_the_papers_as_ideas(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer(latency=600) as model, LiteratureServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", model.url)
        cell(f"%%score near --model slow --workers 1 --no-wait\n{SEED}")
        run = REGISTRY.started[-1].run
        asked = services(server.url("europepmc"), server.url("arxiv"))
        papers, said = found_papers("--search batch --most 1", run, asked)
        assert said == ["1 paper found: near will try each"]
        assert len(papers) == 1
        run.stop()
        assert run.wait(60)
