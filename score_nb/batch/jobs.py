"""Several notebooks, or one with several sets of parameters, run at once, each by a command of its own."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from score_nb.batch.headless import read_notebook
from score_nb.config import usable_cores
from score_nb.errors import ScoreError
from score_nb.store.runs import FOLDER
from score_nb.view.words import number

HEADS = ("job", "result", "nodes", "best", "gain", "hold-out", "minutes", "notebook")
# The column, or key, that names a set of parameters.
NAME = "name"
PATIENCE_S = 60.0
_UNSAFE = str.maketrans({each: "_" for each in '/\\:*?"<>| \t\n'})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """One notebook with one set of parameters.

    Attributes
    ----------
    name : str
        How it is called in messages and in the name of the output.
    parameters, options : mapping
        What is given with `-p`, and options of `%%score` by their flags ("--seed").
    home : Path or None
        Where its runs are stored; None for the notebook's own place.  Sets of parameters have places of their own:
        what differs in an option only would otherwise go on with another set's run.
    """

    name: str
    source: Path
    target: Path
    parameters: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    home: Path | None = None

    def command(self, more: Sequence[str]) -> list[str]:
        """Return the command that runs it; what the job itself says wins over `more`."""
        words = [sys.executable, "-m", "score_nb.batch.cli", "run", str(self.source), str(self.target), *more]
        for name, value in self.parameters.items():
            words += ["-p", name, value]
        return [*words, *(f"{flag}={value}" for flag, value in self.options.items())]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: its exit code, the last line of its log, and the summaries of its searches."""

    job: BatchJob
    code: int
    last_line: str
    runs: tuple[Mapping[str, Any], ...] = ()


def batch_jobs(sources: Sequence[Path], into: Path | None, sets: Sequence[Mapping[str, str]]) -> list[BatchJob]:
    """Return a job for each notebook and each set of parameters; outputs that would meet get numbers.

    Raises
    ------
    ScoreError
        A notebook is not there, or the folder for the outputs cannot be made.
    """
    for source in sources:
        read_notebook(source)
    if into is not None:
        try:
            into.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ScoreError(f"cannot make the folder {into} ({error.strerror}): choose another --into") from error
    jobs: list[BatchJob] = []
    for source, given in product(sources, sets or [{}]):
        taken = {job.name for job in jobs}
        suffix = f".{given[NAME].translate(_UNSAFE)}" if given.get(NAME) else f".{len(jobs) + 1}" if sets else ""
        name = first = f"{source.stem}{suffix}"
        count = 1
        while name in taken:
            count += 1
            name = f"{first}-{count}"
        plain = {key: value for key, value in given.items() if not key.startswith("--") and key != NAME}
        jobs.append(
            BatchJob(
                name=name,
                source=source,
                target=(into or source.parent) / f"{name}.out.ipynb",
                parameters=plain,
                options={key: value for key, value in given.items() if key.startswith("--")},
                home=_home(source, name) if sets else None,
            )
        )
    return jobs


def read_sets(path: Path) -> list[dict[str, str]]:
    """Return the sets of parameters in a file: rows of a CSV, or a YAML or JSON list of mappings (or mapping of names).

    A column `name` names the sets; columns that begin with `--` are options of `%%score`.

    Raises
    ------
    ScoreError
        The file cannot be read; the message says what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(f"cannot read {path} ({getattr(error, 'strerror', None) or error})") from None
    rows = _csv_rows(path, text) if path.suffix.lower() in (".csv", ".tsv") else _yaml_rows(path, text)
    if not rows:
        raise ScoreError(f"{path} holds no set of parameters")
    for row in rows:
        for name in row:
            if not name.startswith("--") and not name.isidentifier():
                raise ScoreError(f"{path}: {name!r} is no name of a parameter, and no option (which begins with --)")
    return rows


def run_jobs(jobs: Sequence[BatchJob], at_once: int | None, more: Sequence[str]) -> list[Outcome]:
    """Run the jobs, some at once, and return how each ended; what they print goes to stderr, named by job.

    A job's own evaluations wait for free cores (`score_nb.store.slots`), so that many at once cost memory, not time.

    Raises
    ------
    KeyboardInterrupt
        Ctrl+C or SIGTERM: the jobs at work were ended first, and what they scored is kept.
    """
    size = at_once or max(1, min(len(jobs), usable_cores()))
    crew = _Crew(more)
    with _sigterm_as_interrupt(), ThreadPoolExecutor(size, thread_name_prefix="score-nb job") as pool:
        waiting = [pool.submit(crew.run, job) for job in jobs]
        try:
            return [each.result() for each in waiting]
        except KeyboardInterrupt:
            for each in waiting:
                each.cancel()
            crew.end()
            raise


def table(outcomes: Sequence[Outcome]) -> str:
    """Return one line for each search of each job, and one for each job that failed."""
    rows = [HEADS, *(row for outcome in outcomes for row in _rows(outcome))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


class _Crew:
    """The commands at work."""

    def __init__(self, more: Sequence[str]) -> None:
        self._more = more
        self._guard = threading.Lock()
        self._at_work: set[subprocess.Popen[str]] = set()
        self._is_ended = False

    def run(self, job: BatchJob) -> Outcome:
        environment = {**os.environ, **({"SCORE_NB_HOME": str(job.home)} if job.home else {})}
        with self._guard:
            if self._is_ended:
                return Outcome(job, 130, "not begun")
            process = subprocess.Popen(
                job.command(self._more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", env=environment, start_new_session=True,
            )  # fmt: skip
            self._at_work.add(process)
        last = ""
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                last = line.strip() or last
                print(f"[{job.name}] {line}", end="", file=sys.stderr, flush=True)
        code = process.returncode
        with self._guard:
            self._at_work.discard(process)
        return Outcome(job, code, last, tuple(_summaries(job.target)) if code in (0, 3) else ())

    def end(self) -> None:
        """Ask the jobs at work to end, as a scheduler would, and see to it that they do."""
        with self._guard:
            self._is_ended = True
            at_work = set(self._at_work)
        for process in at_work:
            process.send_signal(signal.SIGTERM)
        for process in at_work:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _home(source: Path, name: str) -> Path:
    root = Path(os.environ.get("SCORE_NB_HOME") or source.resolve().parent / FOLDER)
    return root / "jobs" / name / FOLDER


def _summaries(target: Path) -> list[Mapping[str, Any]]:
    found = read_notebook(target).metadata.get("score_nb", {})
    return list(found.get("runs", ()))


def _rows(outcome: Outcome) -> Iterator[tuple[str, ...]]:
    job = outcome.job
    result = {0: "ok", 3: "no gain", 130: "interrupted"}.get(outcome.code, "failed")
    if not outcome.runs:
        why = "" if outcome.code == 0 else outcome.last_line
        yield job.name, result, "", why[:80], "", "", "", str(job.target)
    for run in outcome.runs:
        yield (
            job.name,
            result,
            f"{sum(run['counts'].values())}/{run['budget_nodes']}",
            number(run["best_value"]),
            number(run["gain"]),
            number(run["holdout"]),
            f"{run['elapsed'] / 60:.1f}",
            str(job.target),
        )


def _csv_rows(path: Path, text: str) -> list[dict[str, str]]:
    reader = csv.DictReader(text.splitlines(), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise ScoreError(f"{path}, line {reader.line_num}: not as many values as there are columns")
        rows.append({name.strip(): value.strip() for name, value in row.items() if value.strip()})
    return rows


def _yaml_rows(path: Path, text: str) -> list[dict[str, str]]:
    import yaml  # type: ignore[import-untyped]  # comes with papermill, without types

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScoreError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    if isinstance(content, dict) and content and all(isinstance(each, dict) for each in content.values()):
        content = [{NAME: name, **each} for name, each in content.items()]
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise ScoreError(
            f"{path} must hold a list of mappings from parameters to values, or a mapping of names to such"
        )
    return [{str(key): _text(value) for key, value in row.items() if value is not None} for row in content]


def _text(value: object) -> str:
    """Return a value as `-p` reads it back."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
