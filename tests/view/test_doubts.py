"""Doubt and noise in pictures, pages, text and tables."""

from score_nb import events as ev
from score_nb.record import Record
from score_nb.types import Flag
from score_nb.view.curve_picture import curve_alt, curve_picture
from score_nb.view.data import run_data
from score_nb.view.palette import ranks
from score_nb.view.report import bundle
from score_nb.view.tables import chart, to_frame
from score_nb.view.text import progress_line, tree_text
from score_nb.view.tree_picture import tree_alt, tree_picture
from score_nb.view.words import best_so_far, facts, measured, noise_words
from tests.view.records import make_node, started

JUMP = Flag("jump", "better than all before by 0.4")
SETTLED = Flag("nondeterministic", "two calls differ; 3 evaluations on fresh random seeds agree", is_settled=True)


def doubted_record() -> Record:
    """Return a seed and a node of three evaluations each, one of a single one, and a better one that is doubted."""
    record = Record()
    record.apply(started(10))
    record.apply(ev.NodeAdded(1.0, make_node(0, 0.5, values=(0.47, 0.5, 0.53), spread=0.03)))
    record.apply(ev.SeedTested(1.5, 0.5, None, {"constant": 0.25}))
    record.apply(ev.NodeAdded(2.0, make_node(1, 0.6)))
    record.apply(ev.NodeAdded(3.0, make_node(2, 0.99, flags=(JUMP,))))
    three = {"values": (0.6, 0.63, 0.66), "spread": 0.03, "flags": (SETTLED,)}
    record.apply(ev.NodeAdded(4.0, make_node(3, 0.63, (1,), **three)))
    return record


def test_a_doubted_node_raises_no_best_until_it_is_allowed() -> None:
    record = doubted_record()
    assert [node.index for node in best_so_far(record)] == [0, 1, 3]
    assert "#2" not in curve_alt(record)
    record.apply(ev.NodeAllowed(5.0, 2))
    assert [node.index for node in best_so_far(record)] == [0, 1, 2]
    assert "allowed by you although doubted: an unlikely jump" in dict(facts(record))["Best"]


def test_the_last_step_is_the_record_s_best_also_where_noise_decides() -> None:
    record = doubted_record()
    # One lucky evaluation: 0.64 - 0.03 lies below 0.63 - 0.03 / sqrt(3).
    record.apply(ev.NodeAdded(5.0, make_node(4, 0.64)))
    assert record.best is not None
    assert best_so_far(record)[-1] is record.best
    assert record.best.index == 3


def test_a_value_of_several_evaluations_bears_its_spread() -> None:
    record = doubted_record()
    assert measured(record.nodes[3]) == "0.6300 ± 0.0300 over 3 evaluations"
    assert measured(record.nodes[1]) == "0.6000"
    assert noise_words(record, record.nodes[3]) == "cannot be told apart from its parent"
    assert noise_words(record, record.nodes[2]) == ""


def test_facts_say_what_is_doubted_how_noisy_it_is_and_how_the_metric_stood_its_test() -> None:
    rows = dict(facts(doubted_record()))
    assert rows["Doubted"] == "1 cannot be the best: 1 an unlikely jump"
    assert rows["Noise"].endswith("the best cannot be told apart from its parent")
    assert rows["Metric on spoilt outputs"] == "constant outputs 0.2500"


def test_text_pictures_page_and_data_name_the_doubt() -> None:
    record = doubted_record()
    assert "#2 0.9900 ? an unlikely jump  improve" in tree_text(record)
    assert "#3 0.6300 ± 0.0300 ★ ≈ its parent  improve" in tree_text(record)
    assert "1 doubted" in progress_line(record)
    assert "doubted: #2" in tree_alt(record)
    assert "an unlikely jump: better than all before by 0.4" in bundle(record)["text/html"]
    nodes = run_data(record)["nodes"]
    assert nodes["flags"]["2"] == [["jump", "better than all before by 0.4", False]]
    assert nodes["repeats"] == {"0": 3, "3": 3}


def test_a_doubt_is_drawn() -> None:
    record = doubted_record()
    plain = Record()
    for event in [started(10), *(ev.NodeAdded(1.0, node) for node in record.nodes)]:
        plain.apply(event)
    plain.apply(ev.NodeAllowed(1.0, 2))
    assert tree_picture(record).png != tree_picture(plain).png
    assert curve_picture(record).png != curve_picture(plain).png


def test_a_branch_that_was_given_up_is_not_the_best_and_is_told() -> None:
    record = doubted_record()
    record.apply(ev.BranchDropped(6.0, 3))
    assert best_so_far(record)[-1] is record.best is record.nodes[1]
    assert dict(facts(record))["Given up"] == "1 candidate on branches that you gave up"
    assert "given up" in tree_text(record)
    assert run_data(record)["nodes"]["dropped"] == [3]
    assert bundle(record)["image/png"] != bundle(doubted_record())["image/png"]


def test_colours_are_spread_over_what_nobody_doubts() -> None:
    assert ranks(doubted_record().nodes) == {0: 0.0, 1: 0.5, 2: 1.0, 3: 1.0}


def test_the_frame_tells_doubts_and_repeats_and_the_chart_draws_them() -> None:
    frame = to_frame(doubted_record())
    assert list(frame["flags"]) == ["", "", "jump", "(nondeterministic)"]
    assert list(frame["is_doubted"]) == [False, False, True, False]
    assert list(frame["repeats"]) == [3, 1, 1, 3]
    assert list(frame["noise"]) == ["", "", "", "cannot be told apart from its parent"]
    spec = chart(doubted_record()).to_dict()
    assert {"mark_text", "mark_rule"} & {f"mark_{layer['mark']['type']}" for layer in spec["layer"]}


def test_where_only_doubted_nodes_have_values_everything_can_still_be_drawn() -> None:
    record = Record()
    record.apply(started(5))
    record.apply(ev.NodeAdded(1.0, make_node(0, None)))
    record.apply(ev.NodeAdded(2.0, make_node(1, 0.9, flags=(JUMP,))))
    assert record.best is None
    content = bundle(record)
    assert "image/png" in content
    assert chart(record).to_dict()["layer"]
