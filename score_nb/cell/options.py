"""The options of `%%score`: one table that is parsed, explained, and offered on the command line."""

from __future__ import annotations

import argparse
import math
import shlex
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from score_nb.config import Options, option_names
from score_nb.errors import BadOption, did_you_mean

Kind = Literal["flag", "whole", "number", "text", "names"]
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """One option: how it is written, what it means, and which field of `Options` it sets.

    `constant` is what a flag (an option without an argument) sets.
    """

    flag: str
    field: str
    meaning: str
    kind: Kind = "text"
    argument: str = ""
    default: str = "none"
    constant: Any = None


OPTIONS: tuple[OptionSpec, ...] = (
    OptionSpec(flag="--maximize", field="direction", kind="flag", constant="maximize", default="on",
               meaning="a higher value is better"),
    OptionSpec(flag="--minimize", field="direction", kind="flag", constant="minimize", default="off",
               meaning="a lower value is better"),
    OptionSpec(flag="--nodes", field="nodes", kind="whole", argument="N", default="50",
               meaning="candidates to evaluate in all, the seed included"),
    OptionSpec(flag="--minutes", field="minutes", kind="number", argument="M",
               meaning="end after so many minutes; of several budgets the first one reached ends the run"),
    OptionSpec(flag="--tokens", field="tokens", kind="whole", argument="N", meaning="end after so many tokens"),
    OptionSpec(flag="--cost", field="cost", kind="number", argument="USD", meaning="end after so many US dollars"),
    OptionSpec(flag="--workers", field="workers", kind="whole", argument="N", default="cores, less one, at least 1",
               meaning="candidates evaluated at once"),
    OptionSpec(flag="--proposals", field="proposals", kind="whole", argument="N", default="2 x workers",
               meaning="model calls in flight at once"),
    OptionSpec(flag="--model", field="model", argument="NAME[,NAME...]",
               default="SCORE_NB_MODEL, else offline where no key or server is configured",
               meaning="model, or several (an ensemble); `offline` needs no key and no network and is no language "
                       "model; `replay:FILE` replays a recording"),
    OptionSpec(flag="--effort", field="effort", argument="LEVEL", default="the model's own",
               meaning="how long a model that reasons may think (`low`, `medium`, `high`, as its server takes it)"),
    OptionSpec(flag="--edit", field="edit", kind="flag", constant=True, default="off: the model chooses",
               meaning="ask for SEARCH/REPLACE edits instead of whole cells: fewer tokens for long ones"),
    OptionSpec(flag="--prompts", field="prompts", argument="FOLDER", default="those of the package",
               meaning="a folder of prompt templates that stand in for the shipped ones"),
    OptionSpec(flag="--rows", field="rows", kind="whole", argument="N", default="0",
               meaning="rows of the inputs that the model may see"),
    OptionSpec(flag="--ideas", field="ideas", argument="NAMES_OR_GLOBS",
               meaning="a list of strings in the notebook, or files: text, Markdown, PDF, BibTeX; several joined by "
                       "commas"),
    OptionSpec(flag="--goal", field="goal", argument="TEXT",
               default="the metric's docstring and the nearest Markdown above",
               meaning="what the task is, for the model"),
    OptionSpec(flag="--holdout", field="holdout", argument="FUNC",
               meaning="a second metric, scored for improvements only, never shown to model or search"),
    OptionSpec(flag="--repeats", field="repeats", kind="whole", argument="K", default="1",
               meaning="evaluations per candidate that may become the best; the value is their mean"),
    OptionSpec(flag="--timeout", field="timeout", kind="number", argument="S",
               default="10 x the seed's time, at least 30 s", meaning="seconds that one evaluation may take"),
    OptionSpec(flag="--memory", field="memory", kind="whole", argument="MIB",
               default="4 x the seed's peak, at least 1024", meaning="memory that one evaluation may use"),
    OptionSpec(flag="--share", field="share", kind="names", argument="NAMES",
               meaning="further names that candidates may read, joined by commas"),
    OptionSpec(flag="--hide", field="hide", kind="names", argument="NAMES",
               meaning="names that candidates may not read; the metric's own name hides its source from the model"),
    OptionSpec(flag="--policy", field="policy", argument="NAME", default="puct",
               meaning="`puct`, `greedy`, `best-of-n`, or an installed plug-in"),
    OptionSpec(flag="--c-puct", field="c_puct", kind="number", argument="X", default="1.0",
               meaning="exploration constant"),
    OptionSpec(flag="--operators", field="operators", argument="NAME", default="learnt",
               meaning="`learnt`: how a candidate is changed follows what brought gains in this run, and where nothing "
                       "is gained the search turns to its best node, then broadens; `fixed`: fixed shares; `plain`: "
                       "improve and debug only, as published"),
    OptionSpec(flag="--seed", field="seed", kind="whole", argument="INT",
               meaning="the same run again, node for node, whatever the timing"),
    OptionSpec(flag="--confinement", field="confinement", argument="LEVEL", default="full",
               meaning="the least confinement under which a language model's code may run: `full`, `partial` or "
                       "`none`; where less holds, what is missing is named and no candidate runs"),
    OptionSpec(flag="--cluster", field="cluster", argument="ADDRESS",
               meaning="evaluate on a Dask cluster: the address of its scheduler (`tcp://...`), or the name of a "
                       "Client or cluster in the notebook; `--workers` is then all threads of the cluster, as it grows "
                       "and shrinks"),
    OptionSpec(flag="--gpus", field="gpus", argument="N_OR_LIST",
               meaning="one GPU for each evaluation, and no more evaluations at once than GPUs: how many, or which "
                       "(`0,2`); without it no candidate can reach a GPU"),
    OptionSpec(flag="--wait", field="wait", kind="flag", constant=True, default="where nobody is watching",
               meaning="return when the run has ended"),
    OptionSpec(flag="--no-wait", field="wait", kind="flag", constant=False, default="in a notebook",
               meaning="return at once"),
    OptionSpec(flag="--name", field="name", argument="NAME", default="the metric's name",
               meaning="name of the run, and the notebook variable that holds it; without this option the variable "
                       "is set only where it would not replace anything (the metric keeps its name: use "
                       "score_nb.open_run(NAME))"),
    OptionSpec(flag="--fresh", field="fresh", kind="flag", constant=True, default="off",
               meaning="start anew even if a stored run could go on"),
    OptionSpec(flag="--dry-run", field="dry_run", kind="flag", constant=True, default="off",
               meaning="run the cell and show the first prompt with an estimate of calls, tokens, cost and minutes; no "
                       "search is started and no model is asked"),
    OptionSpec(flag="--stub", field="stub", kind="flag", constant=True, default="off",
               meaning="the cell may be a stub that has no value yet: the search begins with its first whole version"),
)  # fmt: skip

BY_FLAG: Mapping[str, OptionSpec] = MappingProxyType({spec.flag: spec for spec in OPTIONS})
BY_FIELD: Mapping[str, OptionSpec] = MappingProxyType(
    {spec.field: spec for spec in reversed(OPTIONS) if spec.kind != "flag"}
)
_DASHES = "-\N{EN DASH}\N{EM DASH}"  # word processors turn -- into the longer ones
_SWITCHES: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {"maximize": ("maximize", True), "minimize": ("minimize", True)}
)


@dataclass(frozen=True, slots=True)
class Line:
    """What stood after `%%score`: the metric's name ("" where none was given) and the options given."""

    metric: str
    given: Given = field(default_factory=dict)


def parse_line(line: str) -> Line:
    """Return metric and options of the magic's line.

    Raises
    ------
    BadOption
        An unknown or contradictory option, a missing or wrong value, an open quote, a second name.
    """
    words = _split(line)
    metrics: list[str] = []
    given: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word.startswith("#"):
            break
        if word and word[0] in _DASHES and not _is_number(word):
            spec, value = _read_option(word, words)
            _set_once(given, spec, value)
        else:
            metrics.append(word)
    if len(metrics) > 1:
        raise BadOption(
            f"one metric is needed, not {len(metrics)} ({', '.join(metrics)}): join several names with commas and "
            'put text with blanks in quotes, as in --goal "…"'
        )
    return Line(metrics[0] if metrics else "", given)


def parse_options(text: str) -> Given:
    """Return the options in `text` that holds no metric (the variable SCORE_NB_OPTIONS)."""
    line = parse_line(text)
    if line.metric:
        raise BadOption(f"{line.metric} is no option: options begin with --")
    return line.given


def from_keywords(keywords: Mapping[str, Any]) -> Given:
    """Return the options given to `score_nb.search` as keyword arguments, checked; None means "not given".

    `maximize=True` and `minimize=True` stand beside `direction="minimize"`.
    """
    given: dict[str, Any] = {}
    for name, value in keywords.items():
        if name in _SWITCHES:
            if value:
                _set_once(given, BY_FLAG[f"--{name}"], name)
        elif name not in option_names():
            known = (*option_names(), *_SWITCHES)
            raise BadOption(f"search() has no option {name}.{did_you_mean(name, known)}")
        elif value is not None:
            given[name] = _checked(name, value)
    return given


def merge(*layers: Given) -> Options:
    """Return the options of all layers; a later layer wins."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    return Options(**merged)


def to_line(given: Given) -> str:
    """Return the options as `parse_options` reads them."""
    words: list[str] = []
    for name, value in given.items():
        flag = next((s.flag for s in OPTIONS if s.field == name and s.kind == "flag" and s.constant == value), None)
        if flag:
            words.append(flag)
        elif name in BY_FIELD and value is not None:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            words.append(f"{BY_FIELD[name].flag}={text}")
    return shlex.join(words)


def help_text() -> str:
    """Return what `%%score?` shows: usage, the rules of inputs and outputs, and every option."""
    return f"{_INTRODUCTION}\n\nOptions\n-------\n" + "\n".join(_help_lines(spec) for spec in OPTIONS) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Offer every option on the command line; `given_arguments` reads them back."""
    group = parser.add_argument_group("options of %%score, which win over those in the notebook")
    for spec in OPTIONS:
        text = f"{spec.meaning} (default: {spec.default})".replace("%", "%%")
        dest = "score_" + spec.flag.removeprefix("--").replace("-", "_")
        if spec.kind == "flag":
            group.add_argument(spec.flag, dest=dest, action="store_true", help=text)
        else:
            group.add_argument(spec.flag, dest=dest, metavar=spec.argument, help=text)


def given_arguments(arguments: argparse.Namespace) -> Given:
    """Return the options given on the command line, checked as those of the magic's line."""
    given: dict[str, Any] = {}
    for spec in OPTIONS:
        value = getattr(arguments, "score_" + spec.flag.removeprefix("--").replace("-", "_"), None)
        if spec.kind == "flag" and value:
            _set_once(given, spec, spec.constant)
        elif spec.kind != "flag" and value is not None:
            _set_once(given, spec, _value(spec, value))
    return given


_INTRODUCTION = """%%score METRIC [options]

Search for a better version of this cell: candidates are rewritten cells, really run and really scored by METRIC, in
processes of their own.  The cell is run first, as any cell would be; then the search goes on in the background.

METRIC is the name of a function in the notebook that returns a number, or a mapping whose first entry is the value.
The cell must define the metric's parameters (those without a default), and whatever else the metric reads that no
other cell defines.  Candidates may read what this cell reads; what only the metric reads they never see.
Running the cell again goes on with the stored run; with another cell or metric a new run starts.

{name} and $name in the line are replaced by the notebook's variables.  %score? tells how to steer a run."""


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        raise BadOption(f"a quote is not closed in: {line.strip()}") from None


def _read_option(word: str, words: list[str]) -> tuple[OptionSpec, Any]:
    name, equals, text = word.partition("=")
    spec = BY_FLAG.get(name)
    if spec is None:
        raise BadOption(f"there is no option {name}.{_nearest(name)} %%score? lists all")
    if spec.kind == "flag":
        if equals:
            raise BadOption(f"{name} takes no value")
        return spec, spec.constant
    if not equals:
        if not words or words[0] in BY_FLAG:
            raise BadOption(f"{name} needs a value: {name} {spec.argument}")
        text = words.pop(0)
    return spec, _value(spec, text)


def _nearest(name: str) -> str:
    plain = "--" + name.lstrip(_DASHES).replace("_", "-").lower()
    if plain in BY_FLAG:
        return f" Did you mean {plain}?"
    begins = [flag for flag in BY_FLAG if flag.startswith(plain)]
    return f" Did you mean {begins[0]}?" if begins and plain != "--" else did_you_mean(plain, BY_FLAG)


def _set_once(given: dict[str, Any], spec: OptionSpec, value: Any) -> None:
    if spec.kind == "flag" and given.get(spec.field, value) != value:
        flags = [s.flag for s in OPTIONS if s.field == spec.field]
        raise BadOption(f"{' and '.join(flags)} exclude each other: give one of them")
    given[spec.field] = value


def _value(spec: OptionSpec, text: str) -> Any:
    return _READERS[spec.kind](spec, text)


def _whole(spec: OptionSpec, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadOption(f"{spec.flag} takes a whole number, not {text!r}") from None


def _number(spec: OptionSpec, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadOption(f"{spec.flag} takes a number, not {text!r}")
    return number


def _text(spec: OptionSpec, text: str) -> str:
    if not text.strip():
        raise BadOption(f"{spec.flag} needs a value: {spec.flag} {spec.argument}")
    return text.strip()


def _names(spec: OptionSpec, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    wrong = [name for name in names if not name.isidentifier()]
    if wrong or not names:
        raise BadOption(f"{spec.flag} takes names of the notebook joined by commas, not {text!r}")
    return names


_READERS: Mapping[Kind, Callable[[OptionSpec, str], Any]] = MappingProxyType(
    {"whole": _whole, "number": _number, "text": _text, "names": _names}
)


def _checked(name: str, value: Any) -> Any:
    if name == "direction":
        if value not in ("maximize", "minimize"):
            raise BadOption(f"direction is 'maximize' or 'minimize', not {value!r}")
        return value
    if name in ("wait", "fresh", "stub", "edit", "dry_run"):
        if not isinstance(value, bool):
            raise BadOption(f"{name} is True or False, not {value!r}")
        return value
    spec = BY_FIELD[name]
    if spec.kind == "names" and isinstance(value, Iterable) and not isinstance(value, str):
        value = ",".join(map(str, value))
    if spec.kind == "text" and callable(value):
        value = getattr(value, "__name__", "")
    if spec.kind in ("text", "names") and not isinstance(value, str):
        raise BadOption(f"{name} takes text, not {value!r}")
    if isinstance(value, bool):
        raise BadOption(f"{name} takes a number, not {value!r}")
    return _value(spec, str(value))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _help_lines(spec: OptionSpec) -> str:
    head = f"{spec.flag} {spec.argument}".rstrip()
    text = f"{spec.meaning} (default: {spec.default})"
    body = textwrap.fill(text, 96, initial_indent="    ", subsequent_indent="    ")
    return f"{head}\n{body}"
