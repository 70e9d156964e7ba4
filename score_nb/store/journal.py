"""The journal of one run: append-only lines, one writer, readers at any time.

Process death loses nothing that was appended; a torn last line is left behind at the next opening.  No SQLite: its WAL
does not work on the network homes where users' notebooks lie.

Every writer has a file of its own: opening copies what is there to a new one and puts that in the old one's place.  A
writer that was frozen over a takeover can then spoil nothing, and learns of it before it tells anybody that a line is
stored: an event counts as appended if the lock is still ours when it lies in the file.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from score_nb.errors import StoreBroken
from score_nb.events import (
    REPLY_TEXTS,
    EvaluationStarted,
    Event,
    ExpansionStarted,
    NodeAdded,
    ProposalReceived,
    RunStarted,
    from_json,
    to_json,
)
from score_nb.record import Record
from score_nb.store.checkpoint import Mark, beginning_of, checksum, read_checkpoint, write_checkpoint
from score_nb.store.lines import Damaged, is_newer, line_of, parse_line, whole_lines
from score_nb.store.lock import GRACE_S, Holder, Lock
from score_nb.store.lying import Shelf
from score_nb.store.texts import DRAFT, LONG_TEXT, TEXTS, open_whole, put_texts, sync, take_texts, write_all
from score_nb.types import NODE_TEXTS, replaced

JOURNAL = "journal.jsonl"
# What can be asked for again at no price need not wait for the disk; process death does not lose it either.
CHEAP = (ExpansionStarted, EvaluationStarted)
REREAD_S = 0.05
# Replaying so many lines takes about 0.2 s; a checkpoint is due when the journal has grown by that and by this share,
# so that all checkpoints of a run together cost what grows with its nodes.
CHECKPOINT_LINES = 4_000
CHECKPOINT_SHARE = 0.25


class Journal:
    """The writer of a run's folder; opening it takes the run's lock.

    Attributes
    ----------
    folder : Path
        The run's folder; made where there is none.
    checkpoint_lines : int
        Lines that the journal must have grown by before a checkpoint is written.
    record : Record
        The run as it stood when the journal was opened.

    Raises
    ------
    StoreBusy
        Another live process writes this run.
    StoreBroken
        The folder cannot be written, the journal is damaged, or a newer version wrote it.
    """

    def __init__(self, folder: Path, holder: Holder | None = None, *, checkpoint_lines: int = CHECKPOINT_LINES) -> None:
        self.folder = folder
        self.checkpoint_lines = checkpoint_lines
        self.record = Record()
        self._file = -1
        self._shelf = Shelf(folder / JOURNAL)
        self._next = self._end = self._last = self._crc = self._marked = 0
        self._lock = Lock(folder / "lock", holder)
        try:
            (folder / TEXTS).mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            try:
                self._open()
            except BaseException:
                self._lock.release()
                raise
        except OSError as error:
            raise cannot_write(folder, error) from error

    def append(self, event: Event) -> Event:
        """Make `event` durable: it survives this process when the call returns, and a power cut if it cost anything.

        Returns the event as it is in the store: its long texts lie there and are read when they are asked for.

        Raises
        ------
        StoreBroken
            The disk is full or gone, or another process took the run over; nothing half-written is left.
        """
        return self.append_all([event])[0]

    def append_all(self, events: Sequence[Event]) -> list[Event]:
        """Do the same with several events, which share what syncing takes; nothing of them is there where it fails."""
        self._lock.check()
        try:
            records = put_texts([to_json(event) for event in events], self.folder / TEXTS)
            lines = [line_of(self._next + place, record) for place, record in enumerate(records)]
            self._write(b"".join(lines))
            if not all(isinstance(event, CHEAP) for event in events):
                sync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise StoreBroken(
                f"cannot write the run to {self.folder} ({error.strerror}): make room and run the cell again; "
                "all that was shown is kept"
            ) from error
        # Who took over in between has copied the file without these lines, or will find them there.
        self._lock.check()
        laid_down = []
        for event, line in zip(events, lines, strict=True):
            start, self._end = self._end, self._end + len(line)
            self._next += 1
            self._last, self._crc = len(line), zlib.crc32(line, self._crc)
            laid_down.append(self._laid_down(event, start))
        return laid_down

    def _laid_down(self, event: Event, start: int) -> Event:
        """Return the event with its texts where they lie now."""
        if isinstance(event, NodeAdded):
            texts = {name: text for name in NODE_TEXTS if (text := getattr(event.node, name))}
            event = replace(event, node=replaced(event.node, **dict.fromkeys(texts, self._shelf.at(start))))
        elif isinstance(event, ProposalReceived):
            texts = {name: text for name in REPLY_TEXTS if len(text := getattr(event, name) or "") > LONG_TEXT}
            lying: dict[str, Any] = dict.fromkeys(texts, self._shelf.at(start))
            event = replace(event, **lying)
        else:
            return event
        for name, text in texts.items():
            self._shelf.keep(start, name, text)
        return event

    def checkpoint(self, record: Record, *, is_last: bool = False) -> None:
        """Write what the run is now beside the journal, where opening it would else take notably longer than it need.

        `record` is the run after the last event appended; `is_last` where nothing follows for now.
        """
        share = 0.0 if is_last else CHECKPOINT_SHARE
        if self._next - self._marked >= max(self.checkpoint_lines, self._marked * share):
            write_checkpoint(self.folder, record, Mark(self._next, self._end, self._last, self._crc))
            self._marked = self._next  # also where it could not be: the next try is not due at once

    def close(self) -> None:
        """Give the run free for others; further calls do nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._lock.release()

    def _open(self) -> None:
        reader = JournalReader(self.folder)
        self.record = reader.record()
        _sweep(self.folder)
        self._next, self._marked = reader.lines, reader.marked
        self._end, self._last = reader.end, reader.last
        path = self.folder / JOURNAL
        self._file = open_whole(path, beginning_of(path, self._end))
        self._crc = checksum(path, self._end) or 0

    def _write(self, line: bytes) -> None:
        os.lseek(self._file, self._end, os.SEEK_SET)
        write_all(self._file, line)


class JournalReader:
    """Reads a journal that another process may be writing; each `poll` costs what is new.

    Attributes
    ----------
    lines, end, marked : int
        Whole lines read so far, the bytes that they take, and how many of the lines a checkpoint told of.
    shelf : Shelf
        Where the texts of nodes and replies are read when they are asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shelf = Shelf(folder / JOURNAL)
        self._texts = folder / TEXTS
        self._begin()

    def _begin(self) -> None:
        self.lines = self.end = self.marked = 0
        self._last = b""

    @property
    def last(self) -> int:
        """Bytes of the last line read."""
        return len(self._last)

    def record(self) -> Record:
        """Return the record of all that is in the journal: by its checkpoint, and what was appended since.

        Raises
        ------
        StoreBroken
            As `poll`.
        """
        record = Record()
        if found := read_checkpoint(self.folder, self.folder / JOURNAL, self.shelf):
            record, mark = found
            self.lines = self.marked = mark.lines
            self.end, self._last = mark.end, self._bytes(mark.end - mark.last, mark.end)
        new = self.poll()
        if new and isinstance(new[0], RunStarted):
            record = Record()
        record.apply_all(new)
        return record

    def _bytes(self, start: int, end: int) -> bytes:
        with suppress(OSError), open(self.folder / JOURNAL, "rb") as file:
            file.seek(start)
            return file.read(end - start)
        return b"\n"  # stands nowhere: the file is read anew

    def poll(self) -> list[Event]:
        """Return the events that were appended since the last call; kinds of a newer version are passed over.

        A list that begins with `RunStarted` is the whole journal: the first time, and after the file was replaced by
        another one.  A torn last line waits for the next call.

        Raises
        ------
        StoreBroken
            The journal cannot be read, a line before the last one is damaged, or a newer version wrote it.
        """
        path = self.folder / JOURNAL
        try:
            try:
                lines = self._read(path)
            except Damaged:
                # Network file systems show a file for a moment as it never was.
                time.sleep(REREAD_S)
                lines = self._read(path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreBroken(f"cannot read the run in {self.folder} ({error.strerror})") from error
        except Damaged as damage:
            raise StoreBroken(
                f"line {damage.line} of {path} is damaged ({damage.reason}): restore the file from a backup, "
                "or begin anew with --fresh; nothing was overwritten"
            ) from damage
        return [event for start, record in lines if (event := self._event(start, record)) is not None]

    def _read(self, path: Path) -> list[tuple[int, dict[str, Any]]]:
        """Return where each new line begins, and what it holds."""
        with open(path, "rb") as file:
            # The last line read must still stand where it stood; else another writer's file is there now.
            file.seek(self.end - len(self._last))
            if file.read(len(self._last)) != self._last:
                self._begin()
                file.seek(0)
            data = file.read()
        whole = whole_lines(data, self.lines)
        if self.lines == 0 and whole.records and is_newer(whole.records[0]):
            raise StoreBroken(
                f"the run in {self.folder} was written by a newer score-nb: pip install -U score-nb to open it, "
                "or begin anew with --fresh"
            )
        if whole.records:
            self._last = data[whole.starts[-1] : whole.end]
        begin = self.end
        self.lines += len(whole.records)
        self.end += whole.end
        return [(begin + start, record) for start, record in zip(whole.starts, whole.records, strict=True)]

    def _event(self, start: int, record: dict[str, Any]) -> Event | None:
        try:
            return from_json(take_texts(_left_lying(record, self.shelf, start), self._texts))
        except (TypeError, KeyError, AttributeError) as error:
            raise StoreBroken(
                f"the run in {self.folder} holds {record.get('event')} in a form that this score-nb does not know "
                f"({error}): pip install -U score-nb to open it, or begin anew with --fresh"
            ) from error


def _left_lying(record: dict[str, Any], shelf: Shelf, start: int) -> dict[str, Any]:
    """Return a line's event without the texts that it need not hold in memory."""
    if record.get("event") == NodeAdded.__name__:
        node = record["node"]
        lying = dict.fromkeys((name for name in NODE_TEXTS if node.get(name)), shelf.at(start))
        return {**record, "node": {**node, **lying}}
    if record.get("event") == ProposalReceived.__name__:
        lying = dict.fromkeys((name for name in REPLY_TEXTS if isinstance(record.get(name), dict)), shelf.at(start))
        return {**record, **lying}
    return record


def read_events(folder: Path) -> list[Event]:
    """Return the events stored in a run's folder, also while another process writes it.

    Raises
    ------
    StoreBroken
        As `JournalReader.poll`.
    """
    return JournalReader(folder).poll()


def read_header(folder: Path) -> Event | None:
    """Return the first event of a run's folder, None where there is no whole one that can be read."""
    try:
        with open(folder / JOURNAL, "rb") as file:
            record = parse_line(0, file.readline())
        return from_json(take_texts(record, folder / TEXTS))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, StoreBroken):
        return None


def cannot_write(folder: Path, error: OSError) -> StoreBroken:
    """Return the error for a folder that cannot be written."""
    return StoreBroken(
        f"cannot write the run to {folder} ({error.strerror}): free space or rights there, "
        "or set SCORE_NB_HOME to a folder that can be written"
    )


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed left half done."""
    old = time.time() - 60 * GRACE_S
    for draft in (*folder.glob(f"*{DRAFT}"), *(folder / TEXTS).glob(f"*{DRAFT}"), *folder.glob("lock.*")):
        with suppress(OSError):
            # Others that look for the lock are at work on theirs at this moment.
            if draft.suffix == DRAFT or draft.stat().st_mtime < old:
                draft.unlink()
