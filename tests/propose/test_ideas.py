"""Ideas out of lists, notes, references and papers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from score_nb.errors import BadOption
from score_nb.propose.documents import ideas_in
from score_nb.propose.idea_text import (
    LONG,
    MOST_CHARACTERS,
    Idea,
    bibtex_ideas,
    deduplicated,
    paper_idea,
    sections_as_ideas,
    split_ideas,
    without_references,
)
from tests.support.pdf import pdf

METHODS = "We build a graph of mutual nearest neighbours across batches and average the differences of the pairs. "
PAPER = f"""\
Correcting batches by matched neighbours
A. Author and B. Author

Abstract
Batches differ. We correct them by neighbours that find each other.

1 Introduction
{"It is known that batches differ. " * 8}
2 Methods
2.1 Graph of neighbours
{METHODS * 6}
2.2 Correction
{"Subtract the smoothed differences from all cells of the batch, cell by cell. " * 6}
3 Results
{"It works better than all others. " * 99}
References
{"[1] Somebody else, somewhere, 2010. " * 40}
"""


@pytest.mark.parametrize(
    ("text", "ideas"),
    [
        ("- use ranks\n- use logs\n  of counts\n* mix both", ["use ranks", "use logs\nof counts", "mix both"]),
        ("1. first\n2) second\n(3) third", ["first", "second", "third"]),
        ("To try:\n\n- use ranks\n\n- use logs\n\nThat is all.", ["use ranks", "use logs"]),
        ("# Ideas\n\n## Ranks\nUse ranks.\n\n## Logs\nUse logs.", ["Ranks\nUse ranks.", "Logs\nUse logs."]),
        ("Ranks\n=====\nUse ranks.\n\nLogs\n----\nUse logs.", ["Ranks\nUse ranks.", "Logs\nUse logs."]),
        ("# Transforms\n- ranks\n- logs", ["Transforms: ranks", "Transforms: logs"]),
        ("use ranks\nof counts\n\nuse logs", ["use ranks\nof counts", "use logs"]),
        ("use ranks\n\nof counts\n---\nuse logs", ["use ranks\n\nof counts", "use logs"]),
        ("---\ntitle: Notes\n---\n- a thought", ["a thought"]),
        ("- outer\n  - inner\n- other", ["outer\n- inner", "other"]),
        ("- with code\n\n  ```python\n  # not a heading\n  - x\n  ```\n- other", None),
        ("", []),
        ("---\n***\n\n", []),
    ],
)
def test_a_short_text_is_split_into_its_ideas(text: str, ideas: list[str] | None) -> None:
    found = split_ideas(text)
    if ideas is None:
        assert len(found) == 2
        assert "# not a heading" in found[0]
    else:
        assert found == ideas


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["- a", "# b", "---", "", "c d", "```", "  - e", "==="])).map("\n".join)
)
def test_any_text_is_split(text: str) -> None:
    assert all(idea.strip() and len(idea) <= MOST_CHARACTERS for idea in split_ideas(text))


def test_what_says_the_same_is_kept_once() -> None:
    same = [
        Idea("Use the ranks of the counts, smoothed."),
        Idea("use the RANKS of the counts; smoothed"),
        Idea("Use logs."),
    ]
    assert deduplicated(same) == [same[0], same[2]]


def test_a_paper_is_one_idea_with_its_text_behind_it() -> None:
    idea = paper_idea(PAPER, "mnn.pdf")
    assert idea.text.startswith("Correcting batches by matched neighbours (mnn.pdf)\nBatches differ. We correct them")
    assert len(idea.text) < 1_200
    assert "Subtract the smoothed" in idea.paper
    assert "Somebody else" not in idea.paper


def test_without_a_language_model_the_sections_on_method_are_ideas() -> None:
    ideas = [idea.text for idea in sections_as_ideas(paper_idea(PAPER, "mnn.pdf"))]
    assert [text.partition("\n")[0].rpartition(", ")[2] for text in ideas] == [
        "Abstract",
        "Graph of neighbours",
        "Correction",
    ]
    assert "mutual nearest neighbours" in ideas[1]
    assert not any("better than all others" in text for text in ideas)


def test_a_list_of_references_goes_only_where_it_is_one() -> None:
    assert without_references("References\n" + "text " * 100) == "References\n" + "text " * 100


BIB = r"""
@comment{ignored}
@article{haghverdi2018,
  title = {Batch effects in {single-cell} {RNA} data are corrected by matching mutual nearest neighbors},
  author = {Haghverdi, Laleh and Lun, Aaron T. L. and M\"{u}ller, J.},
  journal = "Nature Biotechnology", year = 2018,
  doi = {10.1038/nbt.4091},
  abstract = {We present a strategy, with nested {braces {here}}, for batch correction.}
}
@misc{untitled, year = {2020}}
@inproceedings{x, title={Second work}, author={Solo, S.}, booktitle={Proc.}, year={1999}}
"""


def test_references_become_title_abstract_and_citation() -> None:
    first, second = (idea.text for idea in bibtex_ideas(BIB))
    assert first == (
        "Batch effects in single-cell RNA data are corrected by matching mutual nearest neighbors. We present a "
        "strategy, with nested braces here, for batch correction. [Haghverdi, Laleh et al., 2018, Nature "
        "Biotechnology, 10.1038/nbt.4091]"
    )
    assert second == "Second work. [Solo, S., 1999, Proc.]"


@given(st.text(alphabet='@{}=,"\\a\n x1', max_size=120))
def test_any_text_is_read_as_references(text: str) -> None:
    assert isinstance(bibtex_ideas(text), list)


def test_files_are_read_by_their_kind(tmp_path: Path) -> None:
    (tmp_path / "list.md").write_text("- one idea\n- another thought")
    (tmp_path / "refs.bib").write_text(BIB)
    (tmp_path / "paper.txt").write_text(PAPER)
    (tmp_path / "long.md").write_text("\n".join(f"- idea number {n}: " + "words " * 12 for n in range(120)))
    assert [idea.text for idea in ideas_in(tmp_path / "list.md")] == ["one idea", "another thought"]
    assert len(ideas_in(tmp_path / "refs.bib")) == 2
    assert len(PAPER) > LONG
    assert [bool(idea.paper) for idea in ideas_in(tmp_path / "paper.txt")] == [True]
    assert len(ideas_in(tmp_path / "long.md")) == 120


def test_a_pdf_is_read_with_its_title_and_its_broken_words_joined(tmp_path: Path) -> None:
    lines = [
        "Some header",
        "Abstract",
        "We correct the batches by neigh-",
        "bours that find each other, and",
        "no more is to be said about (it) here.",
    ]
    (tmp_path / "a.pdf").write_bytes(pdf([lines, ["Methods", METHODS]], title="Matched neighbours for batches"))
    idea = ideas_in(tmp_path / "a.pdf")[0]
    assert idea.text.startswith(
        "Matched neighbours for batches (a.pdf)\nWe correct the batches by neighbours that find"
    )
    assert "about (it) here" in idea.paper
    assert "mutual nearest neighbours" in idea.paper


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("scan.pdf", pdf([[], []]), "scan.pdf holds no text (a scan?): give its text as .txt"),
        ("broken.pdf", b"%PDF-1.4 nothing", "broken.pdf cannot be read as PDF"),
        ("empty.pdf", b"", "empty.pdf cannot be read as PDF"),
        ("slides.pptx", b"", "slides.pptx is of a kind that cannot be read: give .txt, .md"),
    ],
)
def test_a_file_that_gives_no_text_is_named_with_the_mend(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadOption) as caught:
        ideas_in(tmp_path / name)
    assert said in str(caught.value)


def test_a_locked_pdf_is_named(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter

    (tmp_path / "open.pdf").write_bytes(pdf([["words " * 30]]))
    writer = PdfWriter()
    writer.append(PdfReader(tmp_path / "open.pdf"))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    with pytest.raises(BadOption, match=r"locked\.pdf is locked with a password"):
        ideas_in(tmp_path / "locked.pdf")
