from score_nb import events as ev
from score_nb.record import Record
from score_nb.view.text import curve_text, progress_line, short_text, spark_line, summary_text, tree_text
from tests.view.records import make_node, simulate, started


def record_of(*values: float | None, parents: tuple[int, ...] = (), direction: str = "maximize") -> Record:
    record = Record()
    record.apply(started(50, direction))
    for index, value in enumerate(values):
        above = (parents[index],) if parents else (0,)
        record.apply(ev.NodeAdded(index * 1.5, make_node(index, value, above, direction=direction)))
    return record


def test_the_progress_line_says_it_all() -> None:
    record = record_of(0.8219, None, 0.8731)
    record.apply(ev.StateChanged(42.0, "running"))
    expected = "score-nb balanced  3/50 nodes  best 0.8731 (+0.0512 over the seed)  1 failed  offline  0:42"
    assert progress_line(record) == expected


def test_the_progress_line_of_a_new_run_has_no_best() -> None:
    assert progress_line(record_of()) == "score-nb balanced  0/50 nodes  offline  0:00"


def test_the_seed_is_not_its_own_gain() -> None:
    assert "best 0.5000 (the seed)" in progress_line(record_of(0.5))


def test_bars_rise_with_the_best_so_far_also_when_minimizing() -> None:
    assert spark_line(record_of(0.0, None, 0.5, 1.0)) == "▁▁▅█"
    assert spark_line(record_of(1.0, 0.0, direction="minimize")) == "▁█"


def test_the_curve_is_labelled_with_the_metric_s_own_values() -> None:
    lines = curve_text(record_of(0.9, 0.4, direction="minimize"), width=20, height=4).splitlines()
    assert lines[0].split()[0] == "0.4000"
    assert lines[3].split()[0] == "0.9000"
    assert {len(line) for line in lines[:4]} == {len(lines[0])}


def test_the_tree_marks_the_best_and_names_failures() -> None:
    record = record_of(0.5, 0.6, None, 0.7, parents=(0, 0, 0, 1))
    assert tree_text(record).splitlines() == [
        "#0 0.5000  seed",
        "├─ #1 0.6000  improve",
        "│  └─ #3 0.7000 ★  improve",
        "└─ #2 error  improve",
    ]


def test_a_large_tree_is_cut_to_its_best_branches() -> None:
    text = tree_text(simulate(60, "minimize", 7), most=20)
    assert len([line for line in text.splitlines() if "#" in line]) == 20
    assert "★" in text
    assert "more" in text


def test_a_chain_longer_than_the_stack_can_be_shown() -> None:
    record = record_of(*(i / 3_000 for i in range(3_000)), parents=tuple(max(0, i - 1) for i in range(3_000)))
    assert "#2999" in tree_text(record)
    assert "steps" in short_text(record)


def test_the_summary_holds_facts_curve_and_tree() -> None:
    text = summary_text(simulate(60))
    assert "Hold-out" in text
    assert "┤" in text
    assert "★" in text


def test_a_run_without_values_has_a_summary_too() -> None:
    assert "no candidate has a value yet" in summary_text(record_of(None))
