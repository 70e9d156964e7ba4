from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from score_nb.cell.patch import Counts, changed_lines, hunks, unified_diff

BEFORE = "import a\n\nx = 1\ny = 2\nz = 3\n"
AFTER = "import a\n\nx = 1\ny = 20\nextra = 0\nz = 3\n"
LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


def test_a_unified_diff_names_both_sides() -> None:
    assert unified_diff(BEFORE, AFTER, ("#0", "#4"), context=1) == (
        "--- #0\n+++ #4\n@@ -3,3 +3,4 @@\n x = 1\n-y = 2\n+y = 20\n+extra = 0\n z = 3"
    )


def test_equal_cells_have_no_diff() -> None:
    assert unified_diff(BEFORE, BEFORE) == ""
    assert hunks(BEFORE, BEFORE) == []
    assert hunks("", "") == []


def test_rows_stand_side_by_side_with_their_line_numbers() -> None:
    (hunk,) = hunks(BEFORE, AFTER, context=1)
    assert [(row.kind, row.left, row.right, row.left_line, row.right_line) for row in hunk.rows] == [
        ("same", "x = 1", "x = 1", 3, 3),
        ("changed", "y = 2", "y = 20", 4, 4),
        ("added", None, "extra = 0", None, 5),
        ("same", "z = 3", "z = 3", 5, 6),
    ]
    assert hunk.skipped == 2


def test_far_changes_are_hunks_of_their_own_with_what_lies_between() -> None:
    lines = [f"line {i}" for i in range(30)]
    changed = [*lines]
    changed[2], changed[25] = "two", "twenty-five"
    first, second = hunks("\n".join(lines), "\n".join(changed), context=2)
    # the first shows lines 0 to 4, the second 23 to 27: 5 to 22 lie between
    assert (first.skipped, second.skipped) == (0, 18)


def test_changed_lines_are_counted_on_both_sides() -> None:
    assert changed_lines(BEFORE, AFTER) == Counts(added=2, removed=1)


@given(LINES, LINES)
def test_the_rows_hold_every_changed_line_of_both_sides(a: str, b: str) -> None:
    rows = [row for hunk in hunks(a, b, context=100) for row in hunk.rows]
    if a.splitlines() != b.splitlines():
        assert [row.left for row in rows if row.left is not None] == a.splitlines()
        assert [row.right for row in rows if row.right is not None] == b.splitlines()
    counts = changed_lines(a, b)
    assert counts.added - counts.removed == len(b.splitlines()) - len(a.splitlines())
