"""What the scorer hands over may be kept and written into where it lies; nothing is put over what is still in use."""

from __future__ import annotations

import gc
import mmap
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from score_nb.evaluate import loans, serve
from score_nb.evaluate.channel import Arena, Channel
from score_nb.evaluate.loans import Borrower, Lender, slot_size
from score_nb.evaluate.wire import CannotCross, Malformed
from tests.evaluate.test_wire import no_handles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the line is made of memory files")
SIZE = 16 << 20
SLOT = slot_size(SIZE)
BIG = SLOT // 8  # numbers that fill a slot


class Line:
    """Scorer and candidate in one process; the candidate answers each question with what it still uses."""

    def __init__(self, size: int = SIZE) -> None:
        self._ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.files = [os.memfd_create("arena") for _ in range(2)]
        for fd in self.files:
            os.ftruncate(fd, size)
        to_candidate, to_scorer = self.files
        reading = os.open(f"/proc/self/fd/{to_scorer}", os.O_RDONLY)
        self.filled = Arena(to_candidate, size, writable=True)
        self.scorer = Channel(self._ends[0], self.filled, Arena(reading, size, writable=False))
        self.candidate = Channel(
            self._ends[1], Arena(to_scorer, size, writable=True), Arena(to_candidate, size, writable=True)
        )
        self.candidate.borrow()
        os.close(reading)

    def asked(self, *values: object) -> Any:
        """Return what the candidate receives."""
        self.scorer.send(values, no_handles)
        found = self.candidate.receive(no_handles)
        return found if len(found) > 1 else found.pop()

    def answer(self, value: object = None) -> Any:
        """Return what the scorer receives."""
        self.candidate.send([value], no_handles)
        return self.scorer.receive(no_handles)[0]

    def place(self, array: Any) -> int:
        """Return where the memory of an array begins in the arena; -1 where it is elsewhere."""
        start = np.frombuffer(self.filled_by_candidate, np.uint8).ctypes.data
        at = array.ctypes.data - start
        return int(at) if 0 <= at < self.filled.size else -1

    @property
    def filled_by_candidate(self) -> memoryview:
        return self.candidate._incoming.memory

    def close(self) -> None:
        for end in self._ends:
            end.close()
        for fd in self.files:
            os.close(fd)


@pytest.fixture
def line() -> Iterator[Line]:
    found = Line()
    yield found
    found.close()


def numbers(value: float, count: int = BIG) -> Any:
    return np.full(count, float(value))


def test_a_large_array_lies_in_the_arena_and_is_like_any_other(line: Line) -> None:
    sent = np.asfortranarray(np.arange(6000.0).reshape(2, 3000))
    got = line.asked(sent)
    assert line.place(got) == 0
    assert type(got) is np.ndarray
    assert got.flags.writeable
    assert got.flags.aligned
    assert got.flags.f_contiguous
    got += 1
    got.sort(axis=1)
    got.flags.writeable = False
    got.flags.writeable = True
    np.testing.assert_array_equal(got, sent + 1)
    assert sent[0, 0] == 0
    assert line.place(line.asked(np.arange(10))) == -1


def test_frames_are_lent_too(line: Line) -> None:
    frame = pd.DataFrame({"a": numbers(1.0), "b": pd.array([1, None] * (BIG // 2), dtype="Int64")})
    kept = line.asked(frame)
    line.answer()
    line.asked(pd.DataFrame({"a": numbers(2.0)}))
    pd.testing.assert_frame_equal(kept, frame)


def test_what_is_kept_is_never_put_over(line: Line) -> None:
    kept = []
    for number in range(5):
        kept.append(line.asked(numbers(number)))
        line.answer()
    assert sorted(map(line.place, kept)) == [at * SLOT for at in range(5)]
    line.asked(numbers(9))
    for number, array in enumerate(kept):
        np.testing.assert_array_equal(array, numbers(number))


def test_a_view_keeps_the_whole(line: Line) -> None:
    kept = line.asked(numbers(1))[5:7].reshape(1, 2)
    line.answer()
    line.asked(numbers(2))
    np.testing.assert_array_equal(kept, [[1, 1]])


def test_the_place_of_what_was_dropped_is_used_again(line: Line) -> None:
    first, second = line.asked(numbers(1)), None
    line.answer()
    second = line.asked(numbers(2))
    assert (line.place(first), line.place(second)) == (0, SLOT)
    first = None
    line.answer()
    first = line.asked(numbers(3))
    assert line.place(first) == 0
    np.testing.assert_array_equal(second, numbers(2))


def test_an_argument_that_comes_back_is_dropped_with_the_answer(line: Line) -> None:
    for number in range(3):
        line.candidate.post(line.candidate.written([line.asked(numbers(number))], no_handles))
        np.testing.assert_array_equal(line.scorer.receive(no_handles)[0], numbers(number))
    assert line.place(line.asked(numbers(9))) == 0


def test_who_keeps_everything_gets_copies_in_the_end(line: Line) -> None:
    kept = []
    for number in range(100):  # more than half of the arena holds
        kept.append(line.asked(numbers(number)))
        line.answer()
    places = [line.place(array) for array in kept]
    assert places[:64] == [at * SLOT for at in range(64)]
    assert set(places[64:]) == {-1}
    for number, array in enumerate(kept):
        np.testing.assert_array_equal(array, numbers(number))
    del kept[10], array
    line.answer()
    assert line.place(line.asked(numbers(0))) == 10 * SLOT


def test_a_message_of_more_than_half_the_arena_is_copied(line: Line) -> None:
    assert line.place(line.asked(np.ones(SIZE // 8 - 8))) == -1
    line.answer()
    kept = line.asked(numbers(1))
    line.answer()
    with pytest.raises(CannotCross, match="beside what the candidate has kept"):
        line.asked(np.ones(SIZE // 8 - 8))
    assert line.place(line.asked(np.ones(SIZE // 16))) == -1
    np.testing.assert_array_equal(kept, numbers(1))


def test_many_arrays_of_one_message_are_not_all_accounted_for() -> None:
    borrower = Borrower(SIZE)
    room = memoryview(bytearray(SIZE))
    kept = [borrower.array(room[at : at + 10_000], at) for at in range(0, 10_000 * 1_001, 10_000 - 3_000)]
    assert sum(array is not None for array in kept) == loans._MAX_LOANS
    assert borrower.in_use() != 0
    del kept
    gc.collect()
    assert borrower.in_use() == 0


@pytest.mark.parametrize("held", [1, 2, 1 << 63, 2**64 - 1])
def test_forged_use_of_memory_is_malformed(line: Line, held: int) -> None:
    if held == 2:
        line.asked(numbers(1))  # lends the first slot, not the second
    line._ends[1].send(struct.pack("=QBBQQQ", held, 0, 0, 0, 0, 2) + b"[]")
    with pytest.raises(Malformed, match="never lent"):
        line.scorer.receive(no_handles)


def test_the_scorer_copies_even_what_is_said_to_be_lent(line: Line) -> None:
    got = line.answer(numbers(1))
    theirs = np.frombuffer(line.candidate._outgoing.memory, float)
    np.testing.assert_array_equal(theirs[:BIG], numbers(1))
    theirs[:BIG] = 7
    np.testing.assert_array_equal(got, numbers(1))
    assert line.scorer._incoming.memory.readonly


def test_a_request_is_repeated_as_it_was_though_its_argument_was_written_into(line: Line) -> None:
    sent = line.scorer.send_kept([numbers(1), "small", np.arange(3)], no_handles, SIZE)
    assert sent is not None
    kept = line.candidate.receive(no_handles)[0]
    kept += 1
    line.answer()
    line.scorer.resend(sent)
    again, *rest = line.candidate.receive(no_handles)
    np.testing.assert_array_equal(again, numbers(1))
    np.testing.assert_array_equal(kept, numbers(2))
    assert line.place(again) == SLOT
    assert rest[0] == "small"
    np.testing.assert_array_equal(rest[1], np.arange(3))


def test_a_large_request_is_not_kept(line: Line) -> None:
    assert line.scorer.send_kept([numbers(1)], no_handles, 8 * BIG - 1) is None
    np.testing.assert_array_equal(line.candidate.receive(no_handles)[0], numbers(1))


def test_a_tree_that_does_not_fit_into_a_packet_is_repeated_too(line: Line) -> None:
    sent = line.scorer.send_kept(["x" * 100_000], no_handles, SIZE)
    assert sent is not None
    for _ in range(2):
        assert line.candidate.receive(no_handles) == ["x" * 100_000]
        line.answer()
        line.scorer.resend(sent)


def test_an_arena_that_is_too_small_is_not_lent() -> None:
    small = Line(256 << 10)
    assert slot_size(256 << 10) == 0
    kept = small.asked(numbers(1, 2_000))
    small.answer()
    small.asked(numbers(2, 2_000))
    np.testing.assert_array_equal(kept, numbers(1, 2_000))
    small.close()


def test_without_leave_to_write_everything_is_copied(line: Line) -> None:
    reading = os.open(f"/proc/self/fd/{line.files[0]}", os.O_RDONLY)
    line.candidate._incoming = Arena(reading, SIZE, writable=False)
    os.close(reading)
    got = line.asked(numbers(1))
    got += 1
    line.answer()
    line.asked(numbers(3))
    np.testing.assert_array_equal(got, numbers(2))


# --- where messages go ---------------------------------------------------------------------------------------------


def test_messages_go_to_the_first_gap_that_holds_them() -> None:
    lender = Lender(SIZE)
    assert [lender.place(size) for size in (1, SLOT, 64 * SLOT)] == [(0, True)] * 3
    lender.hear(0b1001)
    assert lender.place(2 * SLOT) == (SLOT, True)
    assert lender.place(2 * SLOT + 1) == (4 * SLOT, True)
    assert lender.place(61 * SLOT) == (64 * SLOT, False)


def test_memory_that_is_no_longer_used_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loans, "_MAX_IDLE", 10 * SLOT)
    line = Line()

    def used() -> int:
        return os.fstat(line.files[0]).st_blocks * 512

    line.asked(numbers(1, 20 * BIG))
    line.answer()
    kept = line.asked(numbers(2))
    line.answer()
    assert used() == SLOT
    line.asked(numbers(3))
    line.answer()
    assert used() == 2 * SLOT
    np.testing.assert_array_equal(kept, numbers(2))
    line.asked(np.ones(SIZE // 8 - 8 - 70 * BIG))
    assert used() <= 60 * SLOT + mmap.PAGESIZE
    line.close()


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_what_only_the_answering_held_is_free_once_it_has_answered(line: Line, fails: bool) -> None:
    def answer(rows: Any) -> Any:
        if fails:
            raise ValueError(rows[0])
        return rows

    objects, seen = serve.Objects(), []
    objects.opaque(answer)
    for number in range(3):
        message = ["call", [], Handle(), (numbers(number),), {}]
        line.scorer.send(message, lambda value: ["h", 1])
        line.candidate.post(serve._answer(line.candidate, objects, lambda error: {"detail": str(error)}, lambda: None))
        kind, *_ = line.scorer.receive(no_handles)
        seen.append((kind, line.scorer._lender.place(1)[0]))
    assert seen == [("failed" if fails else "ok", 0)] * 3


class Handle:
    """Stands for an object of the candidate."""
