"""Evaluations of several runs and processes share the slots of one machine."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from score_nb.store import slots as module
from score_nb.store.slots import Slots

pytestmark = pytest.mark.skipif(module.fcntl is None, reason="no POSIX locks here")

# Takes a slot, says so, and holds it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from score_nb.store.slots import Slots
with Slots(Path(sys.argv[1]), 2).join(1).slot() as is_open:
    print(is_open, flush=True)
    sys.stdin.read()
"""

# Does twelve short evaluations on three threads, and notes when each began and ended.
WORKER = """
import sys, threading, time
from pathlib import Path
from score_nb.store.slots import Slots
member = Slots(Path(sys.argv[1]), 2).join(3)
lines = []
def work():
    for _ in range(4):
        with member.slot() as is_open:
            assert is_open
            lines.append((time.monotonic(), 1))
            time.sleep(0.01)
            lines.append((time.monotonic(), -1))
threads = [threading.Thread(target=work) for _ in range(3)]
print("ready", flush=True)
sys.stdin.readline()
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(lines, flush=True)
sys.stdin.read()
"""


def start(program: str, path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_never_have_more_than_the_slots_and_all_get_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    workers = [start(WORKER, path) for _ in range(2)]
    steps = []
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    # From here on none of them is alone: a run that is may have all its workers.
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout is not None
        steps += eval(worker.stdout.readline())
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    assert len(steps) == 2 * 2 * 12
    held = most = 0
    for _, step in sorted(steps):
        held += step
        most = max(most, held)
    assert 1 <= most <= 2


def test_a_killed_process_gives_its_slot_back(tmp_path: Path) -> None:
    path = tmp_path / "slots"
    holders = [start(HOLDER, path) for _ in range(2)]
    try:
        for holder in holders:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "True\n"
        member = Slots(path, 2).join(1)
        got = threading.Event()

        def work() -> None:
            with member.slot() as is_open:
                if is_open:
                    got.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert not got.wait(0.3), "both slots are taken"
        holders[0].kill()
        assert got.wait(60)
        thread.join()
        member.close()
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


def test_who_waits_goes_without_a_slot_once_the_run_is_closed(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    first, second = slots.join(2), slots.join(1)
    answers = []
    with first.slot(), first.slot():
        thread = threading.Thread(target=lambda: answers.append(_enter(second)))
        thread.start()
        second.close()
        thread.join(60)
    assert answers == [False]
    first.close()


def test_a_run_alone_on_the_machine_has_all_its_workers(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    run = slots.join(4)
    with run.slot() as a, run.slot() as b, run.slot() as c, run.slot() as d:
        assert (a, b, c, d) == (True, True, True, True)
    run.close()


def test_a_run_beyond_its_share_still_gets_what_nobody_else_wants(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "slots", 2)
    greedy, modest = slots.join(2), slots.join(1)
    order: list[str] = []
    with greedy.slot():
        blocker = modest.slot()
        blocker.__enter__()
        threads = [
            threading.Thread(target=lambda: order.append("greedy") if _enter(greedy) else None),
            threading.Thread(target=lambda: order.append("modest") if _enter(modest) else None),
        ]
        threads[0].start()
        blocker.__exit__(None, None, None)
        threads[1].start()
        for thread in threads:
            thread.join(60)
    assert sorted(order) == ["greedy", "modest"]
    greedy.close()
    modest.close()


def test_a_folder_that_cannot_be_written_shares_nothing_and_stops_nobody(tmp_path: Path) -> None:
    slots = Slots(tmp_path / "no" / "slots", 2)
    run = slots.join(1)
    assert _enter(run)
    run.close()


def _enter(member: object) -> bool:
    with member.slot() as is_open:  # type: ignore[attr-defined]
        return bool(is_open)
