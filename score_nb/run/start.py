"""From a task to a run at work: continue a stored one or begin a new one."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from score_nb import events as ev
from score_nb.config import Options
from score_nb.errors import StoreBusy
from score_nb.evaluate.base import Evaluator
from score_nb.propose.base import Proposer
from score_nb.record import Record
from score_nb.run.loop import Loop
from score_nb.run.run import Listener, Run
from score_nb.run.stored import stored_record
from score_nb.store.journal import Journal
from score_nb.store.runs import new_folder, run_key, runs_to_continue
from score_nb.types import Task

PACKAGES = ("score-nb", "numpy", "scipy", "pandas", "scikit-learn", "anndata", "scanpy", "torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """All that a run needs.

    Attributes
    ----------
    root : Path
        The folder of all runs beside the notebook.
    fingerprint : str
        Digest of the data; scores of different data are never mixed in one run.
    evaluator, proposer : callables
        Called only where there is something left to do.
    begins_anew : bool
        Begin a run of its own where another process is at work on the same search; otherwise that is an error.
    """

    name: str
    task: Task
    options: Options
    root: Path
    evaluator: Callable[[], Evaluator]
    proposer: Callable[[], Proposer]
    fingerprint: str = ""
    notebook: str = ""
    holdout_source: str = ""
    begins_anew: bool = False
    ideas: Sequence[str] = ()


def start_run(launch: Launch, listeners: Sequence[Listener] = ()) -> Run:
    """Return a run at work: the stored one of the same seed, metric and data continued, else a new one.

    A stored run whose budget is used up comes back as it is: nothing is evaluated or asked for again.

    Raises
    ------
    ScoreError
        An input cannot be sent, no model can be had, or the store is busy or cannot be written.
    """
    key = run_key(launch.task, launch.options.direction, launch.holdout_source)
    known = [] if launch.options.fresh else runs_to_continue(launch.root, launch.name, key)
    same = [run for run in known if run.header.fingerprint == launch.fingerprint]
    if same:
        try:
            return _continue(launch, same[0].folder, listeners)
        except StoreBusy:
            if not launch.begins_anew:
                raise
            note = "another process is at work on the stored run of this cell: a run of its own was started"
            return _begin(launch, key, listeners, note)
    note = "the data changed since the stored run of this cell: a new run was started" if known else ""
    return _begin(launch, key, listeners, note)


def _begin(launch: Launch, key: str, listeners: Sequence[Listener], note: str) -> Run:
    created = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    first: list[ev.Event] = [
        ev.RunStarted(
            0.0, uuid.uuid4().hex[:12], launch.name, created, asdict(launch.task), _stored_options(launch.options),
            versions(), launch.fingerprint, launch.notebook,
        )
    ]  # fmt: skip
    if launch.task.leaks:
        first.append(ev.Warned(0.0, leak_warning(launch.task)))
    if note:
        first.append(ev.Warned(0.0, note))
    with ExitStack() as undo:
        tools = _tools(launch, undo)
        journal = _journal(new_folder(launch.root, launch.name, key), undo)
        run = _run(launch, Record(), journal, first=first, tools=tools, listeners=listeners)
        undo.pop_all()
    return run


def _continue(launch: Launch, folder: Path, listeners: Sequence[Listener]) -> Run:
    if _is_used_up(stored_record(folder), launch.options):
        return open_stored(folder)
    with ExitStack() as undo:
        journal = _journal(folder, undo)
        # As it stands now that nobody else writes: another kernel may have gone on with the run until a moment ago.
        record = journal.record
        if _is_used_up(record, launch.options):
            return open_stored(folder)
        tools = _tools(launch, undo)
        resumed: list[ev.Event] = [
            ev.RunResumed(record.elapsed, _stored_options(launch.options)),
            ev.StateChanged(record.elapsed, "running"),
        ]
        run = _run(launch, record, journal, first=resumed, tools=tools, listeners=listeners)
        undo.pop_all()
    return run


def _is_used_up(record: Record, options: Options) -> bool:
    return bool(record.tree) and record.state == "finished" and len(record.tree) >= options.nodes


def _tools(launch: Launch, undo: ExitStack) -> tuple[Evaluator, Proposer]:
    proposer = launch.proposer()
    undo.callback(proposer.close)
    evaluator = launch.evaluator()
    undo.callback(evaluator.close)
    evaluator.prepare()
    return evaluator, proposer


def _journal(folder: Path, undo: ExitStack) -> Journal:
    journal = Journal(folder)
    undo.callback(journal.close)
    return journal


def _run(
    launch: Launch,
    record: Record,
    journal: Journal,
    *,
    first: Sequence[ev.Event],
    tools: tuple[Evaluator, Proposer],
    listeners: Sequence[Listener],
) -> Run:
    evaluator, proposer = tools
    for event in first:
        record.apply(journal.append(event))
    run = Run(record, journal.folder)
    for listener in listeners:
        run.subscribe(listener)
    loop = Loop(
        record=record, options=launch.options, proposer=proposer, evaluator=evaluator, journal=journal,
        publish=run.publish, ideas=launch.ideas, has_holdout=launch.options.holdout is not None,
        entropy=entropy_of(record),
    )  # fmt: skip
    run.begin(loop)
    return run


def entropy_of(record: Record) -> int:
    """Return what seeds the random generators of a run: `--seed`, else a number of its own."""
    seed = record.options.get("seed")
    return int(seed) if seed is not None else int(record.run_id, 16) % 2**31


def open_stored(folder: Path) -> Run:
    """Return a stored run for reading: finished, ended with its kernel, or going on elsewhere (`Run.follow`)."""
    return Run(stored_record(folder), folder)


def leak_warning(task: Task) -> str:
    """Return the sentence that names data which both seed and metric read."""
    names = ", ".join(task.leaks)
    return (
        f"possible leak: {names} is read by the seed and by the metric, so candidates may see what they are scored on; "
        f"score on data that the seed does not read, or say --share {names.replace(', ', ',')} if that is meant"
    )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that move values."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _stored_options(options: Options) -> dict[str, Any]:
    if options.cluster and not options.workers:  # as many as the cluster has, which changes
        return asdict(options)
    return {**asdict(options), "workers": options.n_workers, "proposals": options.n_proposals}
