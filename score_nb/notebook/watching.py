"""Who is watching a cell: a page, a terminal, or nobody; and how a run is followed where nobody is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from score_nb.errors import ModelUnavailable, ScoreError
from score_nb.record import Record
from score_nb.run.run import Run

LINE_S = 10.0
IMPROVEMENT_S = 1.0
LOOK_S = 0.2
STOP_S = 30.0
SCRAP = "application/scrapbook.scrap.json+json"


@dataclass(frozen=True, slots=True)
class Cell:
    """The cell that runs now, as the front end told it.

    Attributes
    ----------
    text : str
        Its exact source, "" where it is not told.
    cell_id : str or None
        Its id in the notebook.
    audience : str
        `page` where widgets can be shown, `terminal` without a kernel, `nobody` in papermill, nbconvert, nbclient.
    """

    text: str
    cell_id: str | None
    audience: Literal["page", "terminal", "nobody"]


def current_cell(shell: Any, running: tuple[str, str | None] = ("", None)) -> Cell:
    """Return the cell that `shell` runs, by the front end's request, or by `running` where there is no kernel.

    Nobody watches where the request forbids input and bears no cell id: some front ends tell no ids.
    """
    if not hasattr(shell, "get_parent"):
        return Cell(*running, "terminal")
    parent = shell.get_parent() or {}
    content = parent.get("content") or {}
    cell_id = (parent.get("metadata") or {}).get("cellId")
    nobody = cell_id is None and content.get("allow_stdin") is False
    return Cell(str(content.get("code") or ""), cell_id, "nobody" if nobody else "page")


def follow(
    run: Run, say: Callable[[str], None] | None, *, leave_pauses: bool = False, known: Collection[str] = ()
) -> None:
    """Block until the run has ended, saying how it stands; Interrupt stops the run and returns.

    `leave_pauses`: nobody can resume a run that waits for its model, so it is stopped.  `known` warnings are not told.

    Raises
    ------
    ModelUnavailable
        The model did not answer, and nobody is there to resume.
    """
    progress = _Progress(say, known)
    try:
        while not run.wait(LOOK_S):
            record = run.snapshot()
            progress.tell(record)
            if leave_pauses and record.state == "paused" and record.reason:
                _stop(run)
                raise ModelUnavailable(record.reason)
    except KeyboardInterrupt:
        _stop(run)
    progress.end(run.snapshot())


def raise_if_failed(run: Run) -> None:
    """Raise what the run failed of; the log behind the reason is printed, so that the reason is the last line.

    Raises
    ------
    ScoreError
        The run failed.
    """
    if run.state != "failed":
        return
    reason, _, log = run.reason.partition("\n")
    if log:
        say(log)
    raise ScoreError(f"the run {run.name} failed: {reason}")


def say(text: str) -> None:
    """Print at once: papermill and logs show a line when it is flushed."""
    print(text, flush=True)  # noqa: T201 (the output of a cell)


def display_run(run: Run) -> None:
    """Show the run as pictures and text, without a widget."""
    from IPython.display import display

    from score_nb.view.report import bundle

    display(bundle(run.snapshot()), raw=True)  # type: ignore[no-untyped-call]


def display_summary(run: Run) -> None:
    """Leave the run's summary in the cell's output as data, by the run's name."""
    from score_nb.view.data import run_summary

    record = run.snapshot()
    display_data(record.name, run_summary(record))


def display_data(name: str, data: Mapping[str, Any]) -> None:
    """Leave data in the cell's output, as scrapbook does: `scrapbook` reads it by its name.  It shows nothing."""
    from IPython.display import publish_display_data

    scrap = {"name": name, "data": dict(data), "encoder": "json", "version": 1}
    known_by = {"scrapbook": {"name": name, "data": True, "display": False}}
    publish_display_data({SCRAP: scrap}, metadata=known_by)  # type: ignore[no-untyped-call]


def _stop(run: Run) -> None:
    run.stop()
    run.wait(STOP_S)


class _Progress:
    """A line at improvements, at most one a second, and one now and then between; warnings as they come."""

    def __init__(self, say: Callable[[str], None] | None, known: Collection[str]) -> None:
        self._say = say or (lambda _: None)
        self._told = set(known)
        self._said_at = time.monotonic()
        self._best: int | None = None

    def tell(self, record: Record) -> None:
        self._warn(record)
        best = record.best.index if record.best else None
        wait = IMPROVEMENT_S if best != self._best else LINE_S
        if time.monotonic() - self._said_at >= wait:
            self._line(record)

    def end(self, record: Record) -> None:
        self._warn(record)
        self._line(record)

    def _warn(self, record: Record) -> None:
        for warning in record.warnings:
            if warning not in self._told:
                self._told.add(warning)
                self._say(warning)

    def _line(self, record: Record) -> None:
        from score_nb.view.text import progress_line

        self._said_at = time.monotonic()
        self._best = record.best.index if record.best else None
        self._say(progress_line(record))
