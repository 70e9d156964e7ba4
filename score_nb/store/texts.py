"""Long texts beside the journal, in files named after what they hold: each is stored once, and read back as written."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from score_nb.errors import StoreBroken

TEXTS = "texts"
LONG_TEXT = 400
DRAFT = ".tmp"
_NAME = re.compile(r"[0-9a-f]{32}")
_NESTED = (dict, list)
# macOS has no fdatasync.
sync = getattr(os, "fdatasync", os.fsync)


def put_texts(record: Any, folder: Path) -> Any:
    """Return `record` with its long texts moved to files of `folder`, which are there for good when this returns."""
    new: dict[str, bytes] = {}
    moved = _moved(record, folder, new)
    write_together(folder, new)
    return moved


def _moved(record: Any, folder: Path, new: dict[str, bytes]) -> Any:
    """Return `record` with references in place of its long texts; those that lie nowhere yet are added to `new`."""
    if isinstance(record, dict):
        return {key: _moved(value, folder, new) for key, value in record.items()}
    if isinstance(record, list):
        return [_moved(value, folder, new) for value in record]
    if isinstance(record, str) and len(record) > LONG_TEXT:
        data = record.encode("utf-8", "surrogatepass")
        name = _name(data)
        if name not in new and not (folder / name).exists():
            new[name] = data
        return {"text": name, "length": len(record)}
    return record


def take_texts(record: Any, folder: Path) -> Any:
    """Return `record` with its long texts read back, in place.

    Raises
    ------
    StoreBroken
        A text is missing or damaged.
    """
    if isinstance(record, dict):
        if record.keys() == {"text", "length"} and _is_name(record["text"]):
            return _read(folder / record["text"])
        # Most values are plain: a new mapping of them all would be a third of the time that a long run takes to read.
        for key, value in record.items():
            if type(value) in _NESTED and (taken := take_texts(value, folder)) is not value:
                record[key] = taken
    elif isinstance(record, list):
        for i, value in enumerate(record):
            if type(value) in _NESTED:
                record[i] = take_texts(value, folder)
    return record


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, given in pieces, that is there whole or not at all, also after a power cut."""
    os.close(open_whole(path, pieces))


def write_together(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write several files, each there whole or not at all; their names take one sync of the folder, not one each."""
    drafts: list[tuple[Path, Path]] = []
    opened: list[int] = []
    try:
        for name, data in files.items():
            draft = _draft_of(folder / name)
            opened.append(_opened(draft))
            drafts.append((draft, folder / name))
            write_all(opened[-1], data)
        for file in opened:
            sync(file)
        while opened:
            os.close(opened.pop())
        for draft, path in drafts:
            _replace_when_free(draft, path)
    except BaseException:
        for file in opened:
            os.close(file)
        for draft, _ in drafts:
            with suppress(OSError):
                draft.unlink()
        raise
    if files:
        sync_folder(folder)


def open_whole(path: Path, pieces: Iterable[bytes]) -> int:
    """Do the same and return the file's descriptor, for reading and writing."""
    draft = _draft_of(path)
    file = _opened(draft)
    try:
        for piece in pieces:
            write_all(file, piece)
        sync(file)
        if sys.platform == "win32":  # a file that is open cannot be renamed there
            os.close(file)
            file = -1
            _replace_when_free(draft, path)
            file = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            os.lseek(file, 0, os.SEEK_END)
        else:
            os.replace(draft, path)
    except BaseException:
        if file >= 0:
            os.close(file)
        with suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)
    return file


def _draft_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}{DRAFT}")


def _opened(draft: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    return os.open(draft, flags, 0o644)


def _replace_when_free(draft: Path, path: Path) -> None:
    """Put a file in the place of one; on Windows others that read it now and then keep it for a moment."""
    for wait_s in (0.01, 0.05, 0.2, 1.0) if sys.platform == "win32" else ():
        with suppress(PermissionError):
            os.replace(draft, path)
            return
        time.sleep(wait_s)
    os.replace(draft, path)


def write_all(file: int, data: bytes) -> None:
    """Write all of `data`, however many pieces the system makes of it."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _is_name(value: object) -> bool:
    # A metric may well return a mapping with these two keys: its values are numbers.
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreBroken(f"{path} is missing or unreadable ({error.strerror}): the run's folder is damaged") from error
    if _name(data) != path.name:
        raise StoreBroken(f"{path} does not hold what was written: the run's folder is damaged")
    return data.decode("utf-8", "surrogatepass")
