"""`score_nb.search` and `score_nb.open_run`: runs from Python."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from score_nb.cell.options import from_keywords, merge
from score_nb.errors import BadOption, BadSeed, RunNotFound
from score_nb.notebook.cluster import address_of
from score_nb.notebook.metric import Metric, check_metric, find_function
from score_nb.notebook.prepared import Search, plan
from score_nb.notebook.registry import REGISTRY, Started, notebook_root
from score_nb.run.run import Run
from score_nb.store.runs import find_run, store_root


def search(
    metric: Metric | str,
    seed: str | Callable[..., Any],
    namespace: Mapping[str, Any] | None = None,
    *,
    random_state: int | None = None,
    **options: Any,
) -> Run:
    """Return the run that searches for a better `seed`; it works in the background.

    Parameters
    ----------
    metric
        A function, or its name in `namespace`.
    seed
        The code that should become better: its source, or a function.  Of a function that bears the name of one of the
        metric's parameters the definition is the seed, of any other its body.
    namespace
        The names that seed and metric read; the caller's globals by default.
    random_state
        The option `--seed`: the same run again, node for node (`seed` is the cell here).
    options
        As `%%score?` lists them, with underscores: `nodes=200, c_puct=0.5, minimize=True, wait=True`.

    Raises
    ------
    ScoreError
        What does not fit, in one line.
    """
    if namespace is None:
        namespace = sys._getframe(1).f_globals
    function = find_function(metric, namespace) if isinstance(metric, str) else metric
    name = metric if isinstance(metric, str) else str(getattr(metric, "__name__", "metric"))
    check_metric(function, name)
    cluster = options.get("cluster")
    if cluster is not None and not isinstance(cluster, str):  # a Client or cluster, named or not
        options["cluster"] = address_of(cluster)
    checked = merge(from_keywords({**options, "seed": random_state}))
    if checked.dry_run:
        raise BadOption(
            "search() starts a run: for a dry run write %%score METRIC --dry-run, or score-nb run NOTEBOOK --dry-run"
        )
    prepared = plan(function, name, _seed_source(seed, function), namespace, checked, cluster=_unnamed(cluster))
    started = begin(prepared)[0]
    if checked.wait:
        started.run.wait()
    return started.run


def _unnamed(cluster: object) -> object:
    return None if isinstance(cluster, str) else cluster


def begin(prepared: Search) -> tuple[Started, list[str]]:
    """Return the run of a search whose seed needs no run in this process, and what there is to say."""
    if prepared.live_twin() is None or prepared.options.fresh:
        prepared.prepare()
    try:
        return prepared.start()
    finally:
        prepared.close()


def open_run(name: str, path: str | Path = ".") -> Run:
    """Return the newest run of that name: at work in this kernel, else as it is stored beside the notebook in `path`.

    Raises
    ------
    RunNotFound
        There is none; the message names those that exist.
    """
    started = REGISTRY.find(name)
    if started is not None and started.run.is_live:
        return started.run
    root = notebook_root({}) if str(path) == "." else store_root(path)
    try:
        return Run.stored(find_run(root, name).folder)
    except RunNotFound:
        if started is None:
            raise
        return started.run


def bind(run: Run, namespace: MutableMapping[str, Any], given: str | None) -> bool:
    """Put the run into the notebook under its name, where it replaces nothing else; return whether it was."""
    name = given or run.name
    if name in namespace and not isinstance(namespace[name], Run):
        return False
    namespace[name] = run
    return True


def _seed_source(seed: str | Callable[..., Any], metric: Metric) -> str:
    if isinstance(seed, str):
        return textwrap.dedent(seed).strip("\n")
    try:
        source = textwrap.dedent(inspect.getsource(seed))
        definition = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        raise BadSeed("the source of the seed cannot be had: give it as text") from None
    if not isinstance(definition, ast.FunctionDef):
        raise BadSeed("the seed is its source as text, or a function")
    if definition.name in inspect.signature(metric).parameters:
        return source.strip("\n")
    if definition.args.args or any(isinstance(node, ast.Return) for node in definition.body):
        raise BadSeed(
            f"the body of {definition.name} becomes the cell, so it can take no arguments and return nothing "
            "(or give it the name of one of the metric's parameters)"
        )
    lines = source.splitlines()[definition.body[0].lineno - 1 : definition.end_lineno]
    return textwrap.dedent("\n".join(lines)).strip("\n")
