from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from score_nb.propose.replies import source_from_reply

CELL = "import numpy as np\n\n\ndef predict(X):\n    return np.sign(X)"


def fenced(code: str, language: str = "python", fence: str = "```") -> str:
    return f"{fence}{language}\n{code}\n{fence}"


@pytest.mark.parametrize(
    "reply",
    [
        fenced(CELL),
        f"Here is the plan.\n\n{fenced(CELL)}\n\nHope this helps!",
        fenced(CELL, ""),
        fenced(CELL, "Python"),
        fenced(CELL, "py", "~~~"),
        fenced(CELL, "python", "````"),
        f"{fenced('x = 1')}\nand whole:\n{fenced(CELL)}",
        f"{fenced('pip install numpy --upgrade --quiet --no-cache-dir --user', 'bash')}\n{fenced(CELL)}",
        f"Sure.\n```python\n{CELL}",
        CELL,
        f"\n{CELL}\n",
        fenced(f"%%score balanced --nodes 20\n{CELL}"),
        fenced(f"%matplotlib inline\n!pip install -q numpy\n%load_ext autoreload\n{CELL}"),
        fenced(f"%%time\n{CELL}"),
        fenced("\n".join(f"    {line}" if line else "" for line in CELL.splitlines())),
        "- first:\n" + "\n".join(f"  {line}" for line in fenced(CELL).splitlines()),
        fenced(CELL).replace("\n", "\r\n"),
        f"<think>\nI could\n{fenced('bad = 0')}\n</think>\n{fenced(CELL)}",
        f"I could do this…\n</think>\n{fenced(CELL)}",
    ],
)
def test_the_cell_is_found(reply: str) -> None:
    assert source_from_reply(reply).source == CELL


def test_a_line_of_a_string_that_looks_like_a_magic_stays() -> None:
    cell = 'TEXT = """\n%matplotlib inline\n"""\nrest = (\n7\n% 3\n)'
    assert source_from_reply(fenced(cell)).source == cell


def test_the_prose_before_the_cell_is_the_plan() -> None:
    assert source_from_reply(f"Take the sign.\n\n{fenced(CELL)}\nDone.").plan == "Take the sign."


def test_a_cell_that_holds_fences_in_a_string_is_taken_whole() -> None:
    cell = 'TEXT = """\n```python\nx = 1\n```\n"""\n\n\ndef predict(X):\n    return TEXT'
    assert source_from_reply(fenced(cell)).source == cell


def test_the_longest_block_that_parses_wins_over_a_longer_one_that_does_not() -> None:
    broken = CELL + "\n" + "x = (" * 40
    assert source_from_reply(f"{fenced(broken)}\n{fenced(CELL)}").source == CELL


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "the reply is empty"),
        ("<think>never ends", "the reply is empty"),
        ("I cannot do that.", "the reply holds no code block"),
        ("Sorry", "the reply holds no code block"),
        (fenced("x = (1"), "syntax error in line 1: '(' was never closed: x = (1"),
        (fenced("%timeit x\nx = 1"), "notebook magics and shell lines cannot be used"),
        (fenced("!wget data\nx = 1"), "!wget data"),
        (fenced("print(1)"), "the code block defines nothing"),
        (fenced("x = 1\0"), "the code cannot be parsed"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(reply: str, problem: str) -> None:
    found = source_from_reply(reply)
    assert found.source is None
    assert problem in found.problem
    assert "\n" not in found.problem


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["```", "```python", "x = 1", "~~~", "<think>", "</think>", "a b", ""])).map("\n".join)
)
def test_any_reply_gives_either_a_cell_or_a_problem(reply: str) -> None:
    found = source_from_reply(reply)
    assert (found.source is None) == bool(found.problem)
