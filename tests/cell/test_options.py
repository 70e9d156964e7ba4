"""The magic's line: read, checked, explained, and written again."""

from __future__ import annotations

import argparse

import pytest

from score_nb.cell.options import (
    OPTIONS,
    add_arguments,
    from_keywords,
    given_arguments,
    help_text,
    merge,
    parse_line,
    parse_options,
    to_line,
)
from score_nb.config import Options, option_names
from score_nb.errors import BadOption


def test_metric_and_options_are_read_in_any_order_and_spelling() -> None:
    line = parse_line('--nodes=200 balanced --goal "tell T cells apart" --minimize --share X_extra,genes --seed -3')
    assert line.metric == "balanced"
    assert dict(line.given) == {
        "nodes": 200,
        "goal": "tell T cells apart",
        "direction": "minimize",
        "share": ("X_extra", "genes"),
        "seed": -3,
    }


def test_only_what_was_written_is_given() -> None:
    assert parse_line("balanced").given == {}
    assert parse_line("").metric == ""
    assert parse_line("b --no-wait").given == {"wait": False}
    assert parse_line("b --wait").given == {"wait": True}
    assert parse_line("b --goal '#1' # --wait or not").given == {"goal": "#1"}


def test_defaults_are_those_of_the_values() -> None:
    assert merge(parse_line("balanced").given) == Options()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("b --node 3", ["no option --node", "Did you mean --nodes?"]),
        ("b -n 3", ["no option -n", "--nodes"]),
        ("b --NODES 3", ["--nodes?"]),
        ("b --c_puct 1", ["--c-puct?"]),
        ("b \N{EM DASH}nodes 3", ["--nodes?"]),
        ("b --worker 3", ["--workers?"]),
        ("b --maximise", ["--maximize?"]),
        ("b --zzzzzz", ["no option --zzzzzz", "%%score? lists all"]),
        ("b --nodes many", ["--nodes", "whole number", "'many'"]),
        ("b --nodes 2.5", ["--nodes", "whole number", "'2.5'"]),
        ("b --minutes soon", ["--minutes", "number", "'soon'"]),
        ("b --minutes nan", ["--minutes", "'nan'"]),
        ("b --timeout inf", ["--timeout", "'inf'"]),
        ("b --nodes", ["--nodes needs a value"]),
        ("b --name --fresh", ["--name needs a value"]),
        ("b --goal ''", ["--goal needs a value"]),
        ("b --fresh=yes", ["--fresh takes no value"]),
        ("b --share a;b", ["--share", "commas"]),
        ("b --share a b", ["one metric", "commas"]),
        ("b --goal tell them apart", ["one metric", "quotes"]),
        ('b --goal "open', ["quote is not closed"]),
        ("b --maximize --minimize", ["--maximize and --minimize exclude each other"]),
        ("b --wait --no-wait", ["--wait and --no-wait exclude each other"]),
        ("b --cluster", ["--cluster needs a value: --cluster ADDRESS"]),
    ],
)
def test_a_wrong_line_is_answered_with_the_mend(line: str, words: list[str]) -> None:
    with pytest.raises(BadOption) as caught:
        parse_line(line)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("b --nodes 0", "--nodes must be at least 1, not 0"),
        ("b --workers -2", "--workers must be at least 1, not -2"),
        ("b --timeout 0", "--timeout must be a number above 0"),
        ("b --policy pucct", "Did you mean puct?"),
        ("b --name two-words", "--name must be a Python name"),
    ],
)
def test_a_value_out_of_range_is_named(line: str, words: str) -> None:
    with pytest.raises(BadOption, match=words.replace("?", r"\?")):
        merge(parse_line(line).given)


def test_later_layers_win() -> None:
    options = merge({"nodes": 10, "model": "a"}, {"nodes": 20, "workers": 2}, {"workers": 1})
    assert (options.nodes, options.model, options.workers) == (20, "a", 1)


def test_the_environment_may_hold_options_but_no_metric() -> None:
    assert parse_options("--nodes 5 --model offline") == {"nodes": 5, "model": "offline"}
    assert parse_options("") == {}
    with pytest.raises(BadOption, match="balanced is no option"):
        parse_options("balanced --nodes 5")


def test_what_is_written_as_a_line_is_read_back() -> None:
    given = {
        "direction": "minimize",
        "nodes": 7,
        "minutes": 1.5,
        "goal": 'say "hello" to $HOME -- really',
        "hide": ("a", "b"),
        "seed": -1,
        "wait": False,
        "fresh": True,
    }
    assert parse_options(to_line(given)) == given


def test_search_takes_the_same_options_as_keywords() -> None:
    def held_out() -> float:
        return 0.0

    given = from_keywords(
        {
            "nodes": 9,
            "minimize": True,
            "holdout": held_out,
            "share": ["a", "b"],
            "hide": "c",
            "timeout": 5,
            "model": None,
        }
    )
    assert given == {
        "nodes": 9,
        "direction": "minimize",
        "holdout": "held_out",
        "share": ("a", "b"),
        "hide": ("c",),
        "timeout": 5.0,
    }


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"node": 3}, r"search\(\) has no option node. Did you mean nodes\?"),
        ({"nodes": "many"}, "whole number"),
        ({"nodes": True}, "takes a number, not True"),
        ({"direction": "up"}, "'maximize' or 'minimize'"),
        ({"wait": 1}, "True or False"),
        ({"goal": 3}, "takes text"),
        ({"maximize": True, "minimize": True}, "exclude each other"),
        ({"cluster": 3}, "cluster takes text"),
    ],
)
def test_a_wrong_keyword_is_answered_with_the_mend(keywords: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        from_keywords(keywords)


def test_every_field_of_the_options_can_be_written_and_is_explained() -> None:
    assert {spec.field for spec in OPTIONS} == set(option_names())
    text = help_text()
    for spec in OPTIONS:
        assert f"\n{spec.flag} {spec.argument}".rstrip() in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_command_line_offers_the_same_options() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.format_help()
    given = given_arguments(parser.parse_args(["--nodes", "12", "--minimize", "--no-wait", "--share", "a,b"]))
    assert given == {"nodes": 12, "direction": "minimize", "wait": False, "share": ("a", "b")}
    assert given_arguments(parser.parse_args([])) == {}
    with pytest.raises(BadOption, match="whole number"):
        given_arguments(parser.parse_args(["--nodes", "x"]))
