"""Stored runs, read without a kernel."""

from __future__ import annotations

from pathlib import Path

from score_nb.errors import RunNotFound, ScoreError
from score_nb.notebook.listing import listed
from score_nb.record import Record
from score_nb.run.run import stored_record
from score_nb.store.journal import JOURNAL, read_events
from score_nb.store.runs import FOLDER, find_run, store_root, stored_runs


def root_of(path: Path) -> Path:
    """Return the folder of the runs beside the notebooks in `path` (a folder, a notebook, or the store itself).

    Raises
    ------
    RunNotFound
        There is no such path.
    """
    if not path.exists():
        raise RunNotFound(f"{path} does not exist: give the folder of the notebook")
    folder = path.parent if path.is_file() else path
    return folder if folder.name == FOLDER else store_root(folder)


def listing(path: Path) -> str:
    """Return the stored runs beside the notebooks in `path` as a table."""
    root = root_of(path)
    if stored_runs(root):
        return repr(listed(root, []))
    elsewhere = sorted({str(store.parent) for store in path.glob(f"*/{FOLDER}")}) if path.is_dir() else []
    hint = f" There are some in {', '.join(elsewhere)}." if elsewhere else ""
    return f"no stored runs in {root}.{hint}"


def find(name: str, path: Path) -> Record:
    """Return the stored run of that name, id or folder.

    Raises
    ------
    RunNotFound
        There is none; the message names those that exist.
    """
    return stored_record(_folder_of(name, path))


def record_replies(name: str, path: Path, file: Path) -> str:
    """Write the replies of a run to `file`, for `--model replay:FILE`; return what was written, in words."""
    from score_nb.propose.replay import Recording

    folder = _folder_of(name, path)
    try:
        recording = Recording.write(stored_record(folder), file, read_events(folder))
    except OSError as error:
        raise ScoreError(f"cannot write {file} ({error.strerror}): choose another place") from error
    return f"{len(recording.entries)} replies of {recording.name} in {file}: use them with --model replay:{file}"


def _folder_of(name: str, path: Path) -> Path:
    if (Path(name) / JOURNAL).is_file():
        return Path(name)
    return find_run(root_of(path), name).folder
