"""Ends of pipes and sockets that the kernel waits on: the same to read, whichever of both the system offers."""

from __future__ import annotations

import os
import select
import socket
from typing import Any, Protocol

# Windows has no poll, hence no names for these.
READABLE: int = getattr(select, "POLLIN", 1)
HUNG_UP: int = getattr(select, "POLLHUP", 16)
_CHUNK = 65_536


class Stream(Protocol):
    """Something to read without waiting."""

    def fileno(self) -> int:
        """Return what `poll` knows it by."""
        ...

    def read(self) -> bytes:
        """Return what has come, b"" at the end.

        Raises
        ------
        BlockingIOError
            Nothing has come yet.
        """
        ...

    def close(self) -> None:
        """Release the descriptor."""
        ...


class Pipe:
    """The reading end of a pipe."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def read(self) -> bytes:
        """Return what has come, b"" at the end."""
        return os.read(self._fd, _CHUNK)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)


class SocketStream:
    """A connected socket that is only read."""

    def __init__(self, line: socket.socket) -> None:
        line.setblocking(False)
        self._line = line

    def fileno(self) -> int:
        """Return the socket's number."""
        return self._line.fileno()

    def read(self) -> bytes:
        """Return what has come, b"" at the end or when the other side was killed."""
        try:
            return self._line.recv(_CHUNK)
        except (ConnectionResetError, ConnectionAbortedError):
            return b""

    def close(self) -> None:
        """Close the socket."""
        self._line.close()


class Poll(Protocol):
    """What `select.poll` and its stand-in have in common."""

    def register(self, fd: Any, eventmask: int = ..., /) -> None:
        """Wait for a descriptor too."""
        ...

    def unregister(self, fd: Any, /) -> None:
        """Wait for a descriptor no longer."""
        ...

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Return descriptors that are ready, with what for; `timeout` in milliseconds."""
        ...


class SelectPoll:
    """`select.poll` for systems that only have `select`, which on Windows takes sockets alone."""

    def __init__(self) -> None:
        self._fds: set[int] = set()

    def register(self, fd: Any, eventmask: int = READABLE, /) -> None:
        """Wait for a descriptor too; all are waited for to become readable."""
        self._fds.add(fd if isinstance(fd, int) else fd.fileno())

    def unregister(self, fd: Any, /) -> None:
        """Wait for a descriptor no longer."""
        self._fds.remove(fd if isinstance(fd, int) else fd.fileno())

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Return descriptors that are ready; `timeout` in milliseconds."""
        seconds = None if timeout is None else max(0.0, timeout / 1000)
        ready, _, _ = select.select(sorted(self._fds), [], [], seconds)
        return [(fd, READABLE) for fd in ready]


def make_poll() -> Poll:
    """Return what waits for several descriptors on this system."""
    return select.poll() if hasattr(select, "poll") else SelectPoll()
