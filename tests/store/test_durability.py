"""The journal against kill -9, full disks, folders that cannot be written, newer versions and frozen writers."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from score_nb import events as ev
from score_nb.errors import StoreBroken
from score_nb.run.start import open_stored
from score_nb.store.journal import JOURNAL, Journal, JournalReader, read_events
from score_nb.store.lines import line_of
from score_nb.store.lock import is_held
from score_nb.store.runs import new_folder, stored_runs
from tests.store.actors import LONG_AGO
from tests.store.test_journal import added, filled, started

ROOT = Path(__file__).resolve().parents[2]
is_linux = pytest.mark.skipif(sys.platform != "linux", reason="as Linux does it")

WRITER = """
import resource, sys
from pathlib import Path
from score_nb.errors import StoreBroken
from score_nb.store.journal import Journal
from score_nb.store.lock import Holder
from tests.store.test_journal import added, started
from score_nb import events as ev

folder, limit, host = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    journal = Journal(folder, Holder(host=host) if host else None)
    number = int(sys.argv[4])
    if number == 0:
        journal.append(started())
    while True:
        journal.append(ev.Warned(float(number), f"{number} " + "x" * (number % 7 * 100)))
        print(number, flush=True)
        number += 1
except StoreBroken as error:
    print(error, flush=True)
"""


def writer(folder: Path, number: int = 0, *, limit: int = 0, host: str = "") -> subprocess.Popen[str]:
    arguments = [str(folder), str(limit), host, str(number)]
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def numbers(folder: Path) -> list[int]:
    return [int(event.message.split()[0]) for event in read_events(folder) if isinstance(event, ev.Warned)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    may = os.geteuid() == 0 and shutil.which("mount") is not None
    if not may or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach (those of pytest they do not)."""
    folder = Path(tempfile.mkdtemp(prefix="score-nb-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


# -- kill -9 -------------------------------------------------------------------------------------------------------


@is_linux
@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kill_9_at_any_moment(tmp_path: Path) -> None:
    rng = random.Random(5)
    told, upto = -1, 0
    for _ in range(12):
        process = writer(tmp_path, upto)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(rng.randrange(1, 12))]
        process.kill()
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        whole = [line for line in lines if line.endswith("\n")]
        told = max(told, *(int(line) for line in whole))
        stored = numbers(tmp_path)
        assert stored == list(range(len(stored)))
        assert stored[-1] in (told, told + 1)
        upto = len(stored)
    Journal(tmp_path).close()
    assert not list(tmp_path.rglob("*.tmp"))


# -- full disks ----------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_nothing_half_written_is_left(small_disk: Path) -> None:
    folder = small_disk / "run"
    journal = Journal(folder)
    written: list[ev.Event] = [started()]
    journal.append(written[0])
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (120 << 10))
    message = ""
    while not message:
        event = added(len(written), f"x = {len(written)}  # " + "long " * 200)
        try:
            journal.append(event)
            written.append(event)
        except StoreBroken as error:
            message = str(error)
    assert "No space left on device" in message
    assert "make room" in message
    assert len(written) > 5
    assert read_events(folder) == written
    assert not list(folder.rglob("*.tmp"))
    ballast.unlink()
    journal.append(added(1000))
    journal.close()
    assert read_events(folder) == [*written, added(1000)]


def test_a_run_on_a_full_disk_is_refused_and_can_be_read(small_disk: Path) -> None:
    written = filled(small_disk / "run")
    with suppress(OSError), open(small_disk / "ballast", "wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 512)
    for folder in (small_disk / "run", small_disk / "other"):
        with pytest.raises(StoreBroken, match="free space"):
            Journal(folder)
        assert not list(small_disk.rglob("lock*"))
    assert read_events(small_disk / "run") == written
    assert open_stored(small_disk / "run").state == "stopped"


@is_linux
def test_a_quota_is_told_as_a_full_disk_is(tmp_path: Path) -> None:
    process = writer(tmp_path, limit=4096)
    output, _ = process.communicate(timeout=60)
    *acknowledged, error = output.splitlines()
    assert re.search(r"cannot write the run to .*: make room", error)
    assert numbers(tmp_path) == [int(line) for line in acknowledged]
    assert (tmp_path / JOURNAL).stat().st_size <= 4096


# -- rights --------------------------------------------------------------------------------------------------------


AS_USER = """
import os, sys
from pathlib import Path
from score_nb.errors import StoreBroken
from score_nb.run.start import open_stored
from score_nb.store.journal import Journal
from score_nb.store.runs import new_folder, stored_runs

folder = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def refused(attempt):
    try:
        attempt()
    except StoreBroken as error:
        print(error)
"""


def as_user(script: str, folder: Path) -> list[str]:
    """Return what `script` prints as a user who is not root."""
    command = [sys.executable, "-c", AS_USER + textwrap.dedent(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@is_linux
def test_a_read_only_folder_is_told_and_the_run_can_be_read(open_folder: Path) -> None:
    filled(open_folder / "run")
    for path in (open_folder / "run", open_folder):
        path.chmod(0o555)
    script = """
        refused(lambda: Journal(folder / "run"))
        refused(lambda: Journal(folder / "other"))
        refused(lambda: new_folder(folder, "m", "k"))
        run = open_stored(folder / "run")
        run.accept_marked(1)
        print(run.state, len(run.nodes))
        """
    *lines, last = as_user(script, open_folder)
    (open_folder / "run").chmod(0o755)
    assert len(lines) == 3
    assert all("Permission denied" in line and "SCORE_NB_HOME" in line for line in lines)
    assert last == "stopped 3"


@is_linux
def test_runs_in_a_folder_that_cannot_be_listed_are_told_as_such(open_folder: Path) -> None:
    (open_folder / "shut").mkdir(mode=0o700 if os.geteuid() == 0 else 0)
    (line,) = as_user("refused(lambda: stored_runs(folder))", open_folder / "shut")
    assert "cannot read the runs in" in line
    assert stored_runs(open_folder / "missing") == []


# -- frozen writers ------------------------------------------------------------------------------------------------


@is_linux
def test_a_writer_that_wakes_up_after_a_takeover_stops(tmp_path: Path) -> None:
    process = writer(tmp_path, host="elsewhere")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGSTOP)
    os.utime(tmp_path / "lock", (LONG_AGO, LONG_AGO))
    journal = Journal(tmp_path)
    taken_at = len(numbers(tmp_path))
    journal.append(ev.Warned(9.0, "-1"))
    process.send_signal(signal.SIGCONT)
    # Not `communicate`: it would pass over what `readline` has read ahead.
    with process:
        lines += process.stdout.read().splitlines()
    journal.append(ev.Warned(9.0, "-2"))
    journal.close()
    assert "taken this run over" in lines.pop()
    acknowledged = [int(line) for line in lines]
    assert numbers(tmp_path) == [*range(taken_at), -1, -2]
    assert taken_at - len(acknowledged) in (0, 1)


# -- files of other versions, damage -------------------------------------------------------------------------------


def test_a_newer_format_is_told_and_left_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    newer = {**ev.to_json(started()), "format": 2}
    lines[0] = _line_with_format(newer)
    path.write_bytes(b"".join(lines))
    before = path.read_bytes()
    for attempt in (read_events, Journal, open_stored):
        with pytest.raises(StoreBroken, match=r"newer score-nb: pip install -U score-nb.*--fresh"):
            attempt(tmp_path)
    assert path.read_bytes() == before
    assert not is_held(tmp_path)


def _line_with_format(record: dict[str, object]) -> bytes:
    body = json.dumps(record).encode()
    return b'[0,"%08x",%b]\n' % (zlib.crc32(body, 0), body)


def test_unknown_events_and_fields_are_passed_over_and_kept(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    extra = [{"event": "TreePruned", "at": 1.0}, {**ev.to_json(added(1)), "colour": "blue"}]
    with open(tmp_path / JOURNAL, "ab") as file:
        for number, record in enumerate(extra, start=2):
            file.write(line_of(number, record))
    expected = [started(), added(0), added(1)]
    assert read_events(tmp_path) == expected
    journal = Journal(tmp_path)
    journal.append(added(2))
    journal.close()
    assert read_events(tmp_path) == [*expected, added(2)]
    assert b"TreePruned" in (tmp_path / JOURNAL).read_bytes()


def test_a_known_event_of_unknown_form_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with open(tmp_path / JOURNAL, "ab") as file:
        file.write(line_of(2, {"event": "HoldoutScored", "place": 1}))
    with pytest.raises(StoreBroken, match="HoldoutScored in a form that this score-nb does not know"):
        read_events(tmp_path)


def test_texts_come_back_as_written_or_not_at_all(tmp_path: Path) -> None:
    node = replace(added(0).node, metrics={"text": 0.5, "length": 12.0}, plan="half a pair \ud83d", log="\udcff" * 500)
    journal = Journal(tmp_path)
    journal.append(ev.NodeAdded(0.0, node))
    journal.close()
    assert read_events(tmp_path) == [ev.NodeAdded(0.0, node)]
    (text,) = (tmp_path / "texts").iterdir()
    text.write_bytes(text.read_bytes()[:-1])
    (read,) = read_events(tmp_path)
    assert isinstance(read, ev.NodeAdded)
    assert read.node.plan == node.plan
    with pytest.raises(StoreBroken, match="does not hold what was written"):
        assert read.node.log
    text.unlink()
    with pytest.raises(StoreBroken, match="missing"):
        assert read.node.log


def test_what_killed_writers_left_half_done_is_swept(tmp_path: Path) -> None:
    filled(tmp_path)
    drafts = [tmp_path / f"{JOURNAL}.1.tmp", tmp_path / "texts" / "abc.1.tmp", tmp_path / "lock.abc"]
    for draft in drafts:
        draft.touch()
        os.utime(draft, (LONG_AGO, LONG_AGO))
    rival = tmp_path / "lock.rival"
    rival.touch()
    Journal(tmp_path).close()
    assert not any(draft.exists() for draft in drafts)
    assert rival.exists()


def test_two_new_runs_in_the_same_moment_get_two_folders(tmp_path: Path) -> None:
    assert [new_folder(tmp_path, "m", "k").name for _ in range(3)] == ["m-k-1", "m-k-2", "m-k-3"]


# -- readers -------------------------------------------------------------------------------------------------------


def test_a_reader_gets_what_is_new(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    assert reader.poll() == []
    journal = Journal(tmp_path)
    journal.append(started())
    assert reader.poll() == [started()]
    assert reader.poll() == []
    journal.append(added(0))
    journal.append(added(1))
    assert reader.poll() == [added(0), added(1)]
    journal.close()
    journal = Journal(tmp_path)
    journal.append(added(2))
    assert reader.poll() == [added(2)]
    journal.close()


def test_a_reader_waits_for_the_rest_of_a_line(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    for cut in range(len(whole) - 1, len(whole) - 60, -7):
        path.write_bytes(whole[:cut])
        reader = JournalReader(tmp_path)
        assert len(reader.poll()) == 2
        path.write_bytes(whole)
        assert reader.poll() == [added(1)]


def test_a_reader_begins_anew_where_the_file_was_replaced(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    reader = JournalReader(tmp_path)
    reader.poll()
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    other = line_of(3, ev.to_json(ev.Warned(3.0, "of another writer")))
    path.write_bytes(b"".join(lines[:3]) + other)
    assert reader.poll() == [started(), added(0), added(1), ev.Warned(3.0, "of another writer")]
    path.write_bytes(b"".join(lines[:2]))
    assert reader.poll() == [started(), added(0)]


def test_reading_on_does_not_read_what_was_read(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    reader = JournalReader(tmp_path)
    reader.poll()
    with open(tmp_path / JOURNAL, "r+b") as file:
        file.write(b"#")
        file.seek(0, os.SEEK_END)
        file.write(line_of(4, ev.to_json(added(3))))
    assert reader.poll() == [added(3)]
    with pytest.raises(StoreBroken, match="line 1"):
        read_events(tmp_path)
