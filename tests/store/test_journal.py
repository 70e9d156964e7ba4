"""The journal: what was appended is there after any death, damage is told, one writer at a time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from score_nb import events as ev
from score_nb.errors import RunNotFound, StoreBroken, StoreBusy
from score_nb.store.journal import JOURNAL, Journal, read_events, read_header
from score_nb.store.lock import Lock, is_held
from score_nb.store.runs import find_run, new_folder, runs_to_continue, store_root, stored_runs
from score_nb.types import Node, Pick


def started(name: str = "m", created: str = "2026-01-01") -> ev.RunStarted:
    return ev.RunStarted(0.0, "id", name, created, {"seed": "x = 1", "metric": "m"}, {"nodes": 5}, {"python": "3"})


def added(index: int, source: str = "x = 1") -> ev.NodeAdded:
    node = Node(
        index, (0,) if index else (), source, "ok", float(index), float(index), "improve", "offline",
        pick=Pick(0.5, 1, 0.25), log="x" * 5000,
    )  # fmt: skip
    return ev.NodeAdded(float(index), node)


def filled(folder: Path, n: int = 3) -> list[ev.Event]:
    journal = Journal(folder)
    written: list[ev.Event] = [started(), *(added(i) for i in range(n))]
    for event in written:
        journal.append(event)
    journal.close()
    return written


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    assert read_events(tmp_path) == [] or not (tmp_path / JOURNAL).exists()
    assert filled(tmp_path) == read_events(tmp_path)
    assert read_header(tmp_path) == started()


def test_long_texts_are_stored_once(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    assert len(list((tmp_path / "texts").iterdir())) == 1
    assert (tmp_path / JOURNAL).stat().st_size < 5000


def test_events_appended_together_are_read_back_as_if_one_after_the_other(tmp_path: Path) -> None:
    events: list[ev.Event] = [started(), *(added(i, f"x = {i % 3}\n" + "# long\n" * 100) for i in range(7))]
    one_by_one, together = Journal(tmp_path / "one"), Journal(tmp_path / "all")
    for event in events:
        one_by_one.append(event)
    returned = together.append_all(events)
    assert returned == events
    for journal in (one_by_one, together):
        journal.append(added(7))
        journal.close()
    assert read_events(tmp_path / "all") == [*events, added(7)]
    files = [
        sorted((file.name, file.read_bytes()) for file in (tmp_path / name).rglob("*") if file.is_file())
        for name in ("one", "all")
    ]
    assert files[0] == files[1]


def test_nodes_of_two_runs_are_equal_only_where_their_texts_are(tmp_path: Path) -> None:
    found = []
    for name, source in (("a", "x = 1"), ("b", "x = 2"), ("c", "x = 1")):
        journal = Journal(tmp_path / name)
        journal.append(started())
        journal.append(added(0, source))
        journal.close()
        found.append(read_events(tmp_path / name)[1])
    first, other, same = found  # all lie at the same place of their journals
    assert first != other
    assert first == same


def test_of_events_that_cannot_be_stored_together_none_is_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(started())
    (tmp_path / "texts").rmdir()
    (tmp_path / "texts").write_text("no folder")
    with pytest.raises(StoreBroken, match="cannot write"):
        journal.append_all([added(0), added(1)])
    (tmp_path / "texts").unlink()
    (tmp_path / "texts").mkdir()
    assert read_events(tmp_path) == [started()]
    assert journal.append_all([added(0), added(1)]) == [added(0), added(1)]
    journal.close()
    assert read_events(tmp_path) == [started(), added(0), added(1)]


def test_every_line_is_json(tmp_path: Path) -> None:
    filled(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines()]
    assert [line[0] for line in lines] == [0, 1, 2, 3]


def test_a_torn_tail_at_any_byte_loses_only_the_last_line(tmp_path: Path) -> None:
    written = filled(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert read_events(tmp_path) == written[:-1]
    journal = Journal(tmp_path)
    journal.append(written[-1])
    journal.close()
    assert path.read_bytes() == whole


def test_damage_before_the_last_line_is_told(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"name":"m"', b'"name":"n"', 1))
    with pytest.raises(StoreBroken, match=r"line 1 .* is damaged"):
        read_events(tmp_path)
    with pytest.raises(StoreBroken, match="nothing was overwritten"):
        Journal(tmp_path)
    assert not (tmp_path / "lock").exists()


def test_events_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    record = ev.to_json(started())
    assert ev.from_json({"event": "TreePruned", "at": 1.0}) is None
    assert ev.from_json({**record, "colour": "blue"}) == started()


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
        Journal(tmp_path)
    assert is_held(tmp_path)
    journal.close()
    journal.close()
    assert not is_held(tmp_path)
    Journal(tmp_path).close()


def test_a_killed_writer_loses_nothing_and_its_lock_is_taken_over(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from tests.store.test_journal import added, started
        from score_nb.store.journal import Journal
        journal = Journal(Path({str(tmp_path)!r}))
        for event in (started(), added(0), added(1)):
            journal.append(event)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=root)
    assert done.returncode == -9
    assert (tmp_path / "lock").exists()
    assert read_events(tmp_path) == [started(), added(0), added(1)]
    journal = Journal(tmp_path)
    journal.append(added(2))
    journal.close()
    assert len(read_events(tmp_path)) == 4


def test_a_holder_on_another_machine_lives_by_its_heartbeat(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps({"token": "t", "host": "elsewhere", "boot": "b", "pid": 1, "started": "1"}))
    with pytest.raises(StoreBusy, match="elsewhere"):
        Lock(path).acquire()
    os.utime(path, (1, 1))
    Lock(path).acquire()


def test_a_reused_process_number_does_not_hold_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    holder = json.loads((tmp_path / "lock").read_text())
    assert holder["host"] == socket.gethostname()
    (tmp_path / "lock").write_text(json.dumps({**holder, "started": "1"}))
    Lock(tmp_path / "lock").acquire()


def test_a_writer_whose_run_was_taken_over_stops_writing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(started())
    (tmp_path / "lock").write_text(json.dumps({"token": "another"}))
    with pytest.raises(StoreBroken, match="taken this run over"):
        journal.append(added(0))
    journal.close()
    assert read_events(tmp_path) == [started()]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreBroken, match="SCORE_NB_HOME"):
        Journal(tmp_path / "file" / "run")


def test_runs_are_found_by_name_the_newest_first(tmp_path: Path) -> None:
    for number, created in enumerate(("2026-01-02", "2026-01-01"), start=1):
        journal = Journal(tmp_path / f"m-abcd1234-{number}")
        journal.append(started(created=created))
        journal.close()
    (tmp_path / "empty").mkdir()
    assert [run.folder.name[-1] for run in stored_runs(tmp_path)] == ["2", "1"]
    assert find_run(tmp_path, "m").folder.name == "m-abcd1234-1"
    assert runs_to_continue(tmp_path, "m", "abcd1234")[0].folder.name == "m-abcd1234-1"
    assert new_folder(tmp_path, "m", "abcd1234").name == "m-abcd1234-3"
    with pytest.raises(RunNotFound, match="Did you mean m"):
        find_run(tmp_path, "mm")


def test_score_nb_home_moves_the_store(tmp_path: Path) -> None:
    assert store_root("nb", {}) == Path("nb/.score_nb")
    assert store_root("nb", {"SCORE_NB_HOME": str(tmp_path)}) == tmp_path
