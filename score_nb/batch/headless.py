"""A notebook run by papermill, its searches waited for, and what they found."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from score_nb.batch.accepted import accept_in
from score_nb.batch.convert import convert
from score_nb.batch.era import is_era
from score_nb.batch.results import Result, is_search, results_in, summarize_in
from score_nb.cell.options import Given, parse_options, to_line
from score_nb.errors import ScoreError
from score_nb.store.runs import store_root

OPTIONS_VARIABLE = "SCORE_NB_OPTIONS"
ACCEPT_VARIABLE = "SCORE_NB_ACCEPT"
NOTEBOOK_VARIABLE = "SCORE_NB_NOTEBOOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One notebook to run.

    Attributes
    ----------
    source, target : Path
        The notebook that is read, and the one that is written.
    parameters : mapping
        For the cell tagged `parameters`.
    options : mapping
        Options that win over those of the notebook's `%%score` cells.
    accept : bool
        Whether the best candidate takes the place of the seed, in the kernel and in `target`.
    folder : Path or None
        Working folder of the kernel; by default that of `source`, where its data files are.
    kernel : str or None
        Name of the kernel; by default the notebook's own.
    """

    source: Path
    target: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Given = field(default_factory=dict)
    accept: bool = False
    folder: Path | None = None
    kernel: str | None = None


def run_notebook(job: Job) -> list[Result]:
    """Run the notebook, write the output notebook, and return what its `%%score` cells found.

    What the cells print goes to stderr as it comes.

    Raises
    ------
    ScoreError
        The notebook cannot be read or written, or a cell failed: the message names it.
    """
    given = _check(job)
    with _environment(job), _ended_politely(), tempfile.TemporaryDirectory(prefix="score-nb-") as folder:
        _execute(job, _executable(given, job, Path(folder)))
    notebook = _read(job.target)
    results = results_in(notebook, _store(job))
    summarize_in(notebook, results)
    notebook.metadata.get("papermill", {})["input_path"] = str(job.source)
    if job.accept:
        accept_in(notebook, results)
    else:
        accept_in(notebook, [result for result in results if result.is_of_stub])
    _write(notebook, job.target)
    _check_cells(notebook, job)
    return results


def read_notebook(path: Path) -> Any:
    """Return the notebook in a file, brought to format 4.

    Raises
    ------
    ScoreError
        There is none.
    """
    if not path.is_file():
        raise ScoreError(f"there is no notebook {path}")
    try:
        return _read(path)
    except Exception as error:  # noqa: BLE001 (nbformat has a dozen ways to say that a file is no notebook)
        raise ScoreError(f"{path} is no notebook ({type(error).__name__}: {_first_line(error)})") from None


def convert_notebook(source: Path, target: Path) -> tuple[str, ...]:
    """Write the notebook in ERA's format at `source` as one with a `%%score` cell; return what was made of it.

    Raises
    ------
    ScoreError
        It is not in that format, or cannot be converted; the message says what stands in the way.
    """
    notebook = read_notebook(source)
    if any(is_search(cell) for cell in notebook.cells):
        raise ScoreError(f"{source} has a %%score cell already: run it as it is")
    if source.resolve() == target.resolve():
        raise ScoreError(f"the output would replace {source}: name another file")
    converted = convert(notebook)
    try:
        _write(converted.notebook, target)
    except OSError as error:
        raise ScoreError(f"cannot write {target} ({error.strerror}): choose another place") from error
    return converted.said


def _check(job: Job) -> Any:
    notebook = read_notebook(job.source)
    if job.source.resolve() == job.target.resolve():
        raise ScoreError(f"the output would replace {job.source}: name another file")
    if not job.target.parent.is_dir():
        raise ScoreError(f"there is no folder {job.target.parent} for the output: make it first")
    return notebook


def _executable(notebook: Any, job: Job, folder: Path) -> Path:
    """Return the file to execute: the source, or for a notebook in ERA's format what it is converted to."""
    if any(is_search(cell) for cell in notebook.cells):
        return job.source
    if not is_era(notebook):
        print(f"score-nb: {job.source} has no %%score cell: it is run as it is", file=sys.stderr)
        return job.source
    converted = convert(notebook)
    for sentence in converted.said:
        print(f"score-nb: {job.source.name} is in ERA's format: {sentence}", file=sys.stderr)
    path = folder / job.source.name
    _write(converted.notebook, path)
    return path


def _execute(job: Job, source: Path) -> None:
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            str(source), str(job.target), parameters=dict(job.parameters), cwd=str(_folder(job)),
            kernel_name=job.kernel, progress_bar=False, stdout_file=sys.stderr, stderr_file=sys.stderr,
        )  # fmt: skip
    except PapermillExecutionError as error:
        raise _failed(job, error.source, f"{error.ename}: {error.evalue}") from None
    except NoSuchKernel as error:
        raise ScoreError(f"there is no kernel {error.name}: name one with --kernel (jupyter kernelspec list)") from None
    except OSError as error:
        raise ScoreError(f"cannot write {job.target} ({error.strerror or error})") from None


def _check_cells(notebook: Any, job: Job) -> None:
    """Raise for a cell that failed without a traceback, as magics do that end with one line."""
    for cell in notebook.cells:
        if cell.metadata.get("papermill", {}).get("exception"):
            lines = [output.text for output in cell.get("outputs", ()) if output.get("name") == "stderr"]
            raise _failed(job, cell.source, "".join(lines).strip() or "see the output notebook")


def _failed(job: Job, source: str, why: str) -> ScoreError:
    first = next((line for line in source.splitlines() if line.strip()), "")
    # The reason stands last, where a scheduler's log is read first.
    return ScoreError(f"{job.target} is the output so far: the cell that begins with {first!r} failed: {why.strip()}")


def _folder(job: Job) -> Path:
    return (job.folder or job.source.parent).resolve()


def _store(job: Job) -> Path:
    return store_root(job.source.resolve().parent)


@contextmanager
def _environment(job: Job) -> Iterator[None]:
    """Tell the kernel what was asked for: papermill hands the environment on, and nothing else reaches a magic."""
    inherited = parse_options(os.environ.get(OPTIONS_VARIABLE, ""))
    told = {
        OPTIONS_VARIABLE: to_line({**inherited, **job.options}),
        NOTEBOOK_VARIABLE: str(job.source.resolve()),
        ACCEPT_VARIABLE: "1" if job.accept else "",
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _ended_politely() -> Iterator[None]:
    """Take a scheduler's SIGTERM as Ctrl+C: the run stops, the output notebook is written, the kernel goes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def _write(notebook: Any, path: Path) -> None:
    import nbformat

    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
