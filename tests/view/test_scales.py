import pytest

from score_nb.view.scales import quantile, robust_range, spread_out, tick_words, ticks


def test_an_absurd_value_does_not_squash_the_curve() -> None:
    low, high = robust_range([0.80, 0.81, 0.82, 0.83, -900.0], keep=[0.82, 0.85])
    assert 0.7 < low < 0.82
    assert 0.85 < high < 0.9


def test_all_that_must_be_seen_is_in_the_range() -> None:
    low, high = robust_range([0.5] * 20, keep=[-3.0, 0.9])
    assert low < -3.0 < 0.9 < high


def test_one_value_has_a_range_around_it() -> None:
    low, high = robust_range([2.0], keep=[2.0])
    assert low < 2.0 < high


def test_zero_alone_has_a_range() -> None:
    assert robust_range([0.0], keep=[0.0]) == (-0.5, 0.5)


def test_quantiles_are_linear_between_neighbours() -> None:
    # place 0.25 * 3 = 0.75: three quarters of the way from 1 to 2
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.25) == 1.75


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.13, 0.88, 4) == [0.2, 0.4, 0.6, 0.8]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.8, 0.85, 0.9], ["0.80", "0.85", "0.90"]),
        ([-1.0, 0.0], ["\N{MINUS SIGN}1", "0"]),
        ([0.0, 2e6], ["0", "2.00e+06"]),
    ],
)
def test_ticks_have_the_decimals_that_tell_them_apart(values: list[float], words: list[str]) -> None:
    assert tick_words(values) == words


def test_labels_are_moved_apart_within_the_frame() -> None:
    assert spread_out([10.0, 12.0, 99.0], 10.0, 0.0, 100.0) == [10.0, 20.0, 99.0]
    assert spread_out([95.0, 99.0], 10.0, 0.0, 100.0) == [90.0, 100.0]
