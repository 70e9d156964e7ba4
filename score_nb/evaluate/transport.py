"""What kernel and workers pass to each other where descriptors cannot travel: packets, sockets, mapped files."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from score_nb.evaluate.streams import Stream

_LENGTH = struct.Struct("=I")
_CHUNK = 65_536
_BINARY: int = getattr(os, "O_BINARY", 0)

# How a worker finds a file or a socket that the kernel hands to it, as JSON.
Given = Mapping[str, Any]


class PacketLine:
    """A stream socket that keeps packets apart, as a SEQPACKET socket does: each goes after its length."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def send(self, packet: bytes) -> int:
        """Send a packet as a whole.

        Raises
        ------
        BrokenPipeError
            The other side has ended.
        """
        try:
            self._line.sendall(_LENGTH.pack(len(packet)) + packet)
        except (ConnectionResetError, ConnectionAbortedError) as error:
            raise BrokenPipeError from error
        return len(packet)

    def recv_into(self, buffer: memoryview) -> int:
        """Put the next packet into `buffer` and return its length, 0 when the other side has ended.

        Raises
        ------
        ConnectionResetError
            The other side ended in the middle, or sent more than a packet may hold.
        """
        head = memoryview(bytearray(_LENGTH.size))
        if not self._fill(head):
            return 0
        (size,) = _LENGTH.unpack(head)
        if not 0 < size <= len(buffer) or not self._fill(buffer[:size]):
            raise ConnectionResetError
        return int(size)

    def _fill(self, part: memoryview) -> bool:
        done = 0
        while done < len(part):
            try:
                count = self._line.recv_into(part[done:])
            except ConnectionAbortedError:
                count = 0
            if not count:
                return False
            done += count
        return True


class HeldFile:
    """A file that is written once and mapped by workers; where descriptors are inherited it has no name any more.

    Parameters
    ----------
    folder : str
        Where it lies; candidates cannot read there.
    size : int
        Its length from the start; what is not written takes no space.
    """

    def __init__(self, folder: str, size: int = 0) -> None:
        self._writing, self._path = tempfile.mkstemp(dir=folder)
        self._reading = os.open(self._path, os.O_RDONLY | _BINARY)
        if sys.platform == "win32":
            from score_nb.evaluate import windows

            windows.make_sparse(self._writing)
        else:
            os.unlink(self._path)
        os.ftruncate(self._writing, size)

    @property
    def writing(self) -> int:
        """The descriptor to write by."""
        return self._writing

    def given(self, *, writable: bool = False) -> Given:
        """Return how a worker finds it."""
        if sys.platform == "win32":
            return {"path": self._path, "writable": writable}
        return {"fd": self._writing if writable else self._reading, "writable": writable}

    def used_kib(self) -> int:
        """Return what it takes on the disk, as far as the system tells."""
        blocks: int = getattr(os.fstat(self._reading), "st_blocks", 0)
        return blocks // 2

    def finish(self) -> None:
        """Let nobody write any more."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def close(self) -> None:
        """Release it."""
        self.finish()
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1
            with contextlib.suppress(OSError):  # gone already, or still mapped: then it goes with its folder
                os.unlink(self._path)


class LogFile(Stream):
    """What a worker prints, in a file: nothing has to be pumped, and all that was printed is there when it counts."""

    def __init__(self, folder: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _BINARY
        place = tempfile.mkdtemp(dir=folder)
        path = os.path.join(place, "log")
        self.writing = os.open(path, flags, 0o600)
        self._reading = os.open(path, os.O_RDONLY | _BINARY)
        if sys.platform != "win32":
            os.unlink(path)
            os.rmdir(place)

    def fileno(self) -> int:
        """Return -1: a file cannot be waited for."""
        return -1

    def read(self) -> bytes:
        """Return what is new, b"" where nothing is."""
        return os.read(self._reading, _CHUNK)

    def finish(self) -> None:
        """Leave writing to the worker."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    def close(self) -> None:
        """Release it."""
        self.finish()
        os.close(self._reading)


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected stream sockets, on Windows over the loopback interface."""
    pair = socket.socketpair()
    for line in pair:
        if line.family == socket.AF_INET:  # else the second of two short messages waits for an answer to the first
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return pair


def give_socket(line: socket.socket, pid: int) -> Given:
    """Return how the process `pid` finds a socket; it must have been inherited where that is possible."""
    if sys.platform == "win32":
        return {"share": base64.b64encode(line.share(pid)).decode()}
    return {"fd": line.fileno()}


def take_socket(given: Given) -> socket.socket:
    """Return the socket, in the worker."""
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(given["share"]))
    return socket.socket(fileno=given["fd"])


def take_file(given: Given) -> int:
    """Return a descriptor of the file, in the worker."""
    if "fd" in given:
        fd: int = given["fd"]
        return fd
    return os.open(given["path"], (os.O_RDWR if given["writable"] else os.O_RDONLY) | _BINARY)


def descriptors(givens: list[Given]) -> list[int]:
    """Return the descriptors that a worker must inherit."""
    return [given["fd"] for given in givens if "fd" in given]
