"""Letters and descriptors between the kernel and its helpers."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest

from score_nb.evaluate import letters

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sockets pass no descriptors there")


class HastyReader:
    """A socket whose other side has read all and closed before `sendmsg` is back."""

    def __init__(self, line: socket.socket, other: socket.socket) -> None:
        self._line = line
        self._other = other
        self.got: tuple[dict[str, Any], list[int]] | None = None

    def sendmsg(self, *arguments: Any) -> int:
        sent = self._line.sendmsg(*arguments)
        self.got = letters.receive(self._other)
        self._other.close()
        return sent

    def sendall(self, data: bytes) -> None:
        self._line.sendall(data)


def test_a_letter_that_was_read_at_once_was_sent() -> None:
    """Else a zygote would take its child for dead and give the same order to a second one."""
    line, other = socket.socketpair()
    with line, open(os.devnull, "rb") as file:
        hasty: Any = HastyReader(line, other)
        letters.send(hasty, {"do": "x" * 5_000}, [file.fileno()])
    letter, fds = hasty.got
    letters.close_all(fds)
    assert letter == {"do": "x" * 5_000}
    assert len(fds) == 1


def test_letters_keep_their_descriptors_apart() -> None:
    line, other = socket.socketpair()
    with line, other, open(os.devnull, "rb") as file:
        letters.send(line, {"n": 1}, [file.fileno()] * 3)
        letters.send(line, {"n": 2})
        letters.hand_over(line, [file.fileno()] * 2)
        counts = []
        for expected in (1, 2):
            letter, fds = letters.receive(other)
            assert letter == {"n": expected}
            counts.append(len(fds))
            letters.close_all(fds)
        fds = letters.take_over(other)
        letters.close_all(fds)
    assert [*counts, len(fds)] == [3, 0, 2]


def test_a_side_that_has_gone_is_noticed() -> None:
    line, other = socket.socketpair()
    other.close()
    with line, open(os.devnull, "rb") as file:
        with pytest.raises(letters.Closed):
            letters.take_over(line)
        with pytest.raises(letters.Closed):
            letters.hand_over(line, [file.fileno()])
        with pytest.raises(letters.Closed):
            letters.send(line, {}, [file.fileno()])
