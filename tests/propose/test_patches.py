"""SEARCH/REPLACE edits: found, carried out, refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from score_nb.propose.patches import Edit, applied, edits_in
from score_nb.propose.replies import source_from_reply

BASE = "import numpy as np\n\n\ndef predict(X):\n    scale = 2\n    for x in X:\n        scale += x\n    return scale"


def edit(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def changed(reply: str, base: str = BASE) -> str | None:
    return source_from_reply(reply, base).source


@pytest.mark.parametrize(
    "reply",
    [
        edit("    scale = 2", "    scale = 3"),
        f"Plan: a larger scale.\n\n{edit('    scale = 2', '    scale = 3')}\nDone.",
        f"```python\n{edit('    scale = 2', '    scale = 3')}\n```",
        edit("```python\n    scale = 2\n```", "```python\n    scale = 3\n```"),
        edit("    scale = 2   ", "    scale = 3"),
        edit("scale = 2", "scale = 3"),
        edit("        scale = 2", "        scale = 3"),
        edit("\n\ndef predict(X):\n    scale = 2", "\n\ndef predict(X):\n    scale = 3"),
        edit("    scale = 2", "    scale = 4") + "\n" + edit("    scale = 4", "    scale = 3"),
        edit("    scale = 2", "    scale = 3").replace("\n", "\r\n"),
        f"<think>{edit('nothing', 'at all')}</think>\n{edit('    scale = 2', '    scale = 3')}",
    ],
)
def test_edits_are_carried_out_on_the_parent(reply: str) -> None:
    assert changed(reply) == BASE.replace("scale = 2", "scale = 3")


def test_what_replaces_a_block_found_at_another_depth_is_indented_as_it() -> None:
    reply = edit("for x in X:\n    scale += x", "for x in X:\n    if x > 0:\n        scale += x")
    assert changed(reply) == BASE.replace("        scale += x", "        if x > 0:\n            scale += x")


def test_lines_go_and_come() -> None:
    assert changed(edit("    scale = 2\n", "    scale = 2").replace("2\n\n", "2\n")) is None  # nothing changed
    assert changed(edit("    for x in X:\n        scale += x", "").replace("=======\n\n", "=======\n")) == BASE.replace(
        "    for x in X:\n        scale += x\n", ""
    )
    assert changed(edit("", "extra = 1")) == BASE + "\nextra = 1"


def test_the_prose_before_the_edits_is_the_plan() -> None:
    assert source_from_reply(f"Use 3.\n```python\n{edit('    scale = 2', '    scale = 3')}\n```", BASE).plan == "Use 3."


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (
            edit("    scale = 5", "    scale = 3"),
            "the lines to be replaced by edit 1 do not stand in the cell: scale = 5",
        ),
        (edit("scale", "x"), "do not stand in the cell"),
        (edit("    return scale", "    return scale"), "the edits change nothing"),
        (edit("    scale = 2", "    scale = (3"), "after the edits: syntax error in line 5"),
        ("<<<<<<< SEARCH\n    scale = 2\n=======\n    scale = 3", "an edit is not finished"),
        (edit("    scale = 2", "    scale = 3") + "\n<<<<<<< SEARCH\nx", "an edit is not finished"),
    ],
)
def test_an_edit_that_does_not_fit_is_named_in_one_line(reply: str, problem: str) -> None:
    found = source_from_reply(reply, BASE)
    assert found.source is None
    assert problem in found.problem
    assert "\n" not in found.problem


def test_an_edit_of_lines_that_stand_twice_is_refused() -> None:
    source, why = applied("x = 1\ny = 2\nx = 1", [Edit(("x = 1",), ("x = 3",))])
    assert source is None
    assert why == "the lines to be replaced by edit 1 stand 2 times in the cell: x = 1"


def test_a_whole_cell_is_still_taken_and_code_with_rules_is_no_edit() -> None:
    cell = 'TITLE = """\nName\n=======\n"""\n\n\ndef predict(X):\n    return TITLE'
    assert changed(f"```python\n{cell}\n```") == cell


def test_without_a_parent_edits_are_no_cell() -> None:
    assert source_from_reply(edit("a", "b")).source is None


LINES = st.lists(
    st.sampled_from(["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "    scale = 2", "x = 1", "", "```", "  y"]),
    max_size=14,
).map("\n".join)


@given(LINES)
def test_any_reply_gives_either_a_cell_or_a_problem(reply: str) -> None:
    found = source_from_reply(reply, BASE)
    assert (found.source is None) == bool(found.problem)


@given(LINES)
def test_edits_come_out_of_any_text(text: str) -> None:
    edits, _, problem = edits_in(text)
    source, why = applied(BASE, edits)
    assert (source is None) == bool(why)
    assert isinstance(problem, str)
