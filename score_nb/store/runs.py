"""The runs beside a notebook: which there are, which goes on, where a new one lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from score_nb.errors import RunNotFound, StoreBroken, did_you_mean
from score_nb.events import RunStarted
from score_nb.store.journal import cannot_write, read_header
from score_nb.types import Task

FOLDER = ".score_nb"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run's folder and its first event."""

    folder: Path
    header: RunStarted


def store_root(folder: Path | str = ".", environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of all runs of the notebooks in `folder`; SCORE_NB_HOME moves it."""
    home = (os.environ if environ is None else environ).get("SCORE_NB_HOME")
    return Path(home).expanduser() if home else Path(folder) / FOLDER


def run_key(task: Task, direction: str, holdout_source: str = "") -> str:
    """Return the digest of what makes two runs the same search: seed, metric, direction, hold-out."""
    parts = (task.seed.strip(), task.metric, task.metric_source.strip(), direction, holdout_source.strip())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def stored_runs(root: Path) -> list[StoredRun]:
    """Return all runs under `root`, the oldest first; folders without a whole first event are passed over.

    Raises
    ------
    StoreBroken
        The folder cannot be read.
    """
    try:
        folders = list(root.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreBroken(
            f"cannot read the runs in {root} ({error.strerror}): set the rights of that folder, or SCORE_NB_HOME"
        ) from error
    found = []
    for folder in folders:
        header = read_header(folder)
        if isinstance(header, RunStarted):
            found.append(StoredRun(folder, header))
    return sorted(found, key=lambda run: (run.header.created, run.folder.name))


def runs_to_continue(root: Path, name: str, key: str) -> list[StoredRun]:
    """Return the stored runs of that name and key, the newest first."""
    return [run for run in reversed(stored_runs(root)) if run.header.name == name and f"-{key}-" in run.folder.name]


def new_folder(root: Path, name: str, key: str) -> Path:
    """Make and return a folder for a new run that no other run has, nor gets in the same moment.

    Raises
    ------
    StoreBroken
        The folder cannot be made.
    """
    number = 1
    while True:
        folder = root / f"{name}-{key}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise cannot_write(root, error) from error
        else:
            return folder


def find_run(root: Path, name: str) -> StoredRun:
    """Return the newest stored run of that name (or folder name, or run id).

    Raises
    ------
    RunNotFound
        There is none; the message names those that exist.
    """
    runs = stored_runs(root)
    for run in reversed(runs):
        if name in (run.header.name, run.folder.name, run.header.run_id):
            return run
    names = sorted({run.header.name for run in runs})
    raise RunNotFound(
        f"no run named {name!r} in {root}."
        + did_you_mean(name, names)
        + (f" There are: {', '.join(names)}." if names else " There are none yet.")
    )
