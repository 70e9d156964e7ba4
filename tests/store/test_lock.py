"""Who may write: clocks that disagree, no hard links, rivals in the same moment, containers, who was robbed."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from score_nb.errors import StoreBroken, StoreBusy
from score_nb.store import lock as lock_module
from score_nb.store.lock import Found, Holder, Lock, is_held, read_lock
from score_nb.store.processes import lives, pid_space, started

HOUR_S = 3600.0


def left_by(path: Path, holder: Holder, beaten: float | None = None) -> None:
    path.write_text(json.dumps(asdict(holder)))
    if beaten is not None:
        os.utime(path, (beaten, beaten))


@pytest.fixture
def dead() -> Holder:
    return Holder(pid=2**22 + 1, started="1")


@pytest.mark.parametrize("skew", [-HOUR_S, HOUR_S])
def test_a_heartbeat_is_judged_by_the_clock_of_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    path = tmp_path / "lock"
    left_by(path, Holder(host="elsewhere"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + skew)
    assert is_held(tmp_path)
    with pytest.raises(StoreBusy, match="elsewhere"):
        Lock(path).acquire()
    os.utime(path, (now - 100, now - 100))
    assert not is_held(tmp_path)
    Lock(path).acquire()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lock"]


def test_a_process_of_another_container_is_judged_by_its_heartbeat(tmp_path: Path) -> None:
    holder = Holder(pid=2**22 + 1, started="1", space="pid:[1]")
    left_by(tmp_path / "lock", holder)
    assert is_held(tmp_path)
    with pytest.raises(StoreBusy):
        Lock(tmp_path / "lock").acquire()


@pytest.mark.skipif(not pid_space(), reason="Linux names the spaces of process numbers")
def test_a_dead_process_of_this_container_is_known_at_once(tmp_path: Path, dead: Holder) -> None:
    left_by(tmp_path / "lock", dead)
    assert not is_held(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "many"}', b"\xff\xfe"])
def test_a_lock_that_nobody_can_read_is_taken_after_a_moment(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    lock.check()


def test_a_lock_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    holder = Holder(started=started(os.getpid()))
    writer = threading.Timer(0.2, lambda: left_by(path, holder))
    writer.start()
    with pytest.raises(StoreBusy, match=str(os.getpid())):
        Lock(path).acquire()
    writer.join()


def test_without_hard_links_there_is_one_writer_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: Holder
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    first = Lock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(StoreBusy):
        Lock(tmp_path / "lock").acquire()
    first.release()
    left_by(tmp_path / "lock", dead)
    Lock(tmp_path / "lock").acquire()
    assert [p.name for p in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("answer", [errno.EEXIST, errno.EIO])
def test_a_link_whose_answer_was_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    link = os.link

    def lose(*paths: str) -> None:
        link(*paths)
        raise OSError(answer, "the answer was lost and the call repeated")

    monkeypatch.setattr(os, "link", lose)
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    lock.check()


def test_of_two_that_see_the_same_dead_holder_one_gets_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: Holder
) -> None:
    path = tmp_path / "lock"
    left_by(path, dead)
    quick, slow = Lock(path), Lock(path)
    see = lock_module.is_alive

    def look(found: Found, where: Path) -> bool:
        alive = see(found, where)
        if found.holder.token == dead.token:
            # Between looking and taking the other one has been quicker.
            monkeypatch.setattr(lock_module, "is_alive", see)
            quick.acquire()
        return alive

    monkeypatch.setattr(lock_module, "is_alive", look)
    with pytest.raises(StoreBusy, match=str(os.getpid())):
        slow.acquire()
    quick.check()
    assert [p.name for p in tmp_path.iterdir()] == ["lock"]


def test_a_successor_that_dies_before_it_is_the_holder_has_a_successor(tmp_path: Path, dead: Holder) -> None:
    path = tmp_path / "lock"
    left_by(path, dead)
    second = replace(dead, token="second")
    left_by(tmp_path / f"lock.{dead.token}.next", second)
    assert not is_held(tmp_path)
    lock = Lock(path)
    lock.acquire()
    lock.check()
    assert is_held(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["lock"]
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_chain_that_cannot_be_shortened_holds_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: Holder
) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(errno.EACCES, "somebody reads the lock at this moment")

    monkeypatch.setattr(os, "replace", refuse)
    path = tmp_path / "lock"
    left_by(path, dead)
    lock = Lock(path)
    lock.acquire()
    lock.check()
    assert read_lock(path) is not None
    assert is_held(tmp_path)
    with pytest.raises(StoreBusy):
        Lock(path).acquire()
    lock.release()
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_one_at_a_time(tmp_path: Path, dead: Holder) -> None:
    path = tmp_path / "lock"
    left_by(path, dead)
    inside, most, taken = [0], [0], [0]
    wrong: list[StoreBroken] = []

    def work() -> None:
        for _ in range(20):
            lock = Lock(path)
            try:
                lock.acquire()
            except StoreBusy:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            taken[0] += 1
            # Rivals come while the lock is held, and while it is being given back.
            time.sleep(0.001)
            inside[0] -= 1
            try:
                lock.check()
                lock.release()
            except StoreBroken as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert most == [1]
    assert taken[0] >= 6
    assert list(tmp_path.iterdir()) == []


def test_who_was_robbed_releases_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    robbed = Lock(path)
    robbed.acquire()
    path.unlink()
    owner = Lock(path)
    owner.acquire()
    with pytest.raises(StoreBroken, match="taken this run over"):
        robbed.check()
    robbed.release()
    owner.check()


def test_a_lock_says_whose_it_is_and_beats(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.acquire()
    found = read_lock(tmp_path / "lock")
    assert found is not None
    assert found.holder == lock.holder
    assert lives(found.holder.pid, found.holder.started)
    assert abs(found.beaten - time.time()) < 60
    lock.release()
    assert read_lock(tmp_path / "lock") is None


def test_process_numbers_are_used_again() -> None:
    assert lives(os.getpid(), started(os.getpid()))
    assert not lives(os.getpid(), "1")
    assert lives(os.getpid(), "")
    assert not lives(2**22 + 1, "")
    assert not lives(2**22 + 1, "1")
    assert not lives(0, "")
