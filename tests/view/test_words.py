import pytest

from score_nb import events as ev
from score_nb.record import Record
from score_nb.view.words import best_so_far, clock, facts, gain_words, number, signed
from tests.view.records import make_node, simulate, started

DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.8731, "0.8731"), (0.87, "0.8700"), (-1.5, "\N{MINUS SIGN}1.5000"), (12.345, "12.35"), (123.4567, "123.5"),
        (1.0, "1.0000"), (250.0, "250"), (1.25e-5, "1.25e-05"), (0.0, "0.0000"), (None, DASH), (float("nan"), DASH),
        (3e9, "3e+09"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_a_reader_wants(value: float | None, words: str) -> None:
    assert number(value) == words


def test_differences_show_their_sign() -> None:
    assert [signed(v) for v in (0.0512, -0.2, 0.0, 0.0004)] == ["+0.0512", "\N{MINUS SIGN}0.2000", "±0", "+0.0004"]


def test_times_read_like_a_clock() -> None:
    assert [clock(s) for s in (0, 42.4, 3723)] == ["0:00", "0:42", "1:02:03"]


def record_of(*values: float | None, direction: str = "maximize") -> Record:
    record = Record()
    record.apply(started(10, direction))
    for index, value in enumerate(values):
        record.apply(ev.NodeAdded(float(index), make_node(index, value, direction=direction)))
    return record


def test_a_gain_is_told_in_the_metric_s_own_direction() -> None:
    up, down = record_of(0.5, 0.75), record_of(0.5, 0.25, direction="minimize")
    assert gain_words(up, up.gain) == "+0.2500 over the seed"
    assert gain_words(down, down.gain) == "0.2500 below the seed"
    assert gain_words(up, -0.1) == "\N{MINUS SIGN}0.1000 over the seed"
    assert gain_words(down, -0.1) == "0.1000 above the seed"
    assert gain_words(up, 0.0) == "no gain over the seed"


def test_the_best_so_far_only_steps_up() -> None:
    record = record_of(0.5, None, 0.4, 0.6, 0.6, 0.7)
    assert [node.index for node in best_so_far(record)] == [0, 3, 5]


def test_facts_name_the_failures_by_kind() -> None:
    rows = dict(facts(simulate(60)))
    assert rows["State"] == "finished (60 nodes evaluated)"
    assert "raised an error" in rows["Candidates"]
    assert rows["Model"] == "offline"


def test_facts_of_an_empty_record_do_not_fail() -> None:
    assert dict(facts(Record()))["Best"] == "no candidate has a value yet"
