"""One edit taken back, the later ones kept."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from score_nb.cell.merge import Reverted, revert

SEED = "a = 1\nb = 2\nc = 3\nd = 4\n"


def test_an_edit_is_taken_back_and_a_later_one_stays() -> None:
    first = SEED.replace("b = 2", "b = 20")
    second = first.replace("d = 4", "d = 40\ne = 5")
    assert revert(second, SEED, first) == Reverted("a = 1\nb = 2\nc = 3\nd = 40\ne = 5\n", 1, 0)


def test_lines_that_were_added_and_removed_come_and_go() -> None:
    first = "import x\na = 1\nc = 3\nd = 4\n"
    second = first.replace("d = 4", "d = 40")
    assert revert(second, SEED, first) == Reverted("a = 1\nb = 2\nc = 3\nd = 40\n", 2, 0)


def test_what_a_later_edit_wrote_over_stays_as_that_one_left_it() -> None:
    first = SEED.replace("a = 1", "a = 10").replace("d = 4", "d = 40")
    second = first.replace("a = 10", "a = 100")
    assert revert(second, SEED, first) == Reverted("a = 100\nb = 2\nc = 3\nd = 4\n", 1, 1)


def test_an_edit_that_is_gone_altogether_changes_nothing() -> None:
    first = SEED.replace("a = 1", "a = 10")
    assert revert("z = 0\n", SEED, first) == Reverted("z = 0\n", 0, 1)


def test_lines_that_were_put_where_a_later_edit_wrote_are_not_guessed_at() -> None:
    # `b = 2` was removed; later `c = 3`, which stood beside it, became two lines: where would b go?
    assert revert("a = 1\nc = 30\nd = 4\n", SEED, "a = 1\nc = 3\nd = 4\n").overwritten == 1


LINES = st.lists(st.sampled_from("abcdef"), max_size=8).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(before=LINES, after=LINES)
def test_the_last_edit_taken_back_gives_what_was_before(before: str, after: str) -> None:
    assert revert(after, before, after).source.splitlines() == before.splitlines()


@settings(max_examples=200, deadline=None)
@given(versions=st.lists(LINES, min_size=3, max_size=3))
def test_every_change_of_an_edit_is_taken_back_or_counted(versions: list[str]) -> None:
    before, after, cell = versions
    result = revert(cell, before, after)
    assert (result.taken_back + result.overwritten > 0) == (before.splitlines() != after.splitlines())
    assert result.taken_back or result.source == cell


@pytest.mark.parametrize("end", ["", "\n"])
def test_the_line_end_at_the_end_is_kept(end: str) -> None:
    versions = ["a\nb", "a\nx\nb", "a\nx\nb\nc"]
    for before, after in pairwise(versions):
        assert revert(versions[-1] + end, before + end, after + end).source.endswith("\n") == bool(end)
