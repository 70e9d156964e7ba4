from score_nb.view.diff_html import MOST_LINES, diff_html


def test_equal_programs_have_no_diff() -> None:
    assert diff_html("a = 1\n", "a = 1\n") == ""


def test_changed_words_are_marked_and_the_rest_is_not() -> None:
    html = diff_html("model = Ridge(alpha=1)", "model = Ridge(alpha=20)")
    assert ">1</span>" in html
    assert ">20</span>" in html
    assert html.count("<del") == html.count("<ins") == 1


def test_lines_with_nothing_in_common_carry_no_marks() -> None:
    assert "0.42" not in diff_html("abc = 1", "while True: pass")


def test_what_did_not_change_is_folded() -> None:
    old = [f"x{i} = {i}" for i in range(50)]
    new = [*old[:25], "y = 1", *old[25:]]
    html = diff_html("\n".join(old), "\n".join(new))
    assert "22 unchanged lines" in html
    assert "x22" in html
    assert "x21" not in html


def test_a_long_diff_is_cut_and_says_so() -> None:
    html = diff_html("", "\n".join(f"x{i} = {i}" for i in range(1_000)))
    assert html.count("<ins") == MOST_LINES
    assert f"… {1_000 - MOST_LINES} more lines" in html
