"""Short messages between kernel and helpers: a JSON object with file descriptors, on a stream socket."""

from __future__ import annotations

import json
import marshal
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = struct.Struct("=IH")
_MAX_FDS = 16


class Closed(Exception):
    """The other side has gone."""


def send(line: socket.socket, letter: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send a letter; the descriptors are copied, the caller's stay open.

    Raises
    ------
    Closed
        The other side has gone.
    """
    body = json.dumps(letter).encode()
    head = _HEAD.pack(len(body), len(fds))
    try:
        if fds:
            # At once, or the other side wakes up twice.
            sent = socket.send_fds(line, [head, body], fds)
            if rest := (head + body)[sent:]:  # even of nothing `sendall` would find that a reader has closed its end
                line.sendall(rest)
        else:
            line.sendall(head + body)
    except OSError as error:
        raise Closed from error


def receive(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the next letter and its descriptors.

    Raises
    ------
    Closed
        The other side has gone.
    """
    try:
        fds: list[int] = []
        if hasattr(socket, "recv_fds"):
            head, fds, _, _ = socket.recv_fds(line, _HEAD.size, _MAX_FDS)
        else:  # Windows: sockets pass no descriptors
            head = line.recv(_HEAD.size)
        while len(head) < _HEAD.size:
            head += _some(line, _HEAD.size - len(head))
        size, _count = _HEAD.unpack(head)
        body = bytearray()
        while len(body) < size:
            body += _some(line, size - len(body))
    except OSError as error:
        raise Closed from error
    return json.loads(bytes(body)), fds


def hand_over(line: socket.socket, fds: Sequence[int]) -> None:
    """Send descriptors and nothing else, for `take_over`; they are copied, the caller's stay open.

    Raises
    ------
    Closed
        The other side has gone.
    """
    try:
        socket.send_fds(line, [b"!"], fds)
    except OSError as error:
        raise Closed from error


def take_over(line: socket.socket) -> list[int]:
    """Return the descriptors that `hand_over` sent.

    Raises
    ------
    Closed
        The other side has gone.
    """
    try:
        mark, fds, _, _ = socket.recv_fds(line, 1, _MAX_FDS)
    except OSError as error:
        raise Closed from error
    if not mark:
        raise Closed
    return fds


def write_order(fd: int, order: Mapping[str, Any]) -> None:
    """Write what a child is to do into a file of its own.

    Not as JSON: in a fresh fork each page that reading it touches has to be copied.  Only exact builtin types.
    """
    data = memoryview(marshal.dumps(dict(order)))
    while data:
        data = data[os.write(fd, data) :]


def read_order(fd: int) -> dict[str, Any]:
    """Return the order that the kernel wrote into the file `fd`."""
    order: dict[str, Any] = marshal.loads(os.pread(fd, os.fstat(fd).st_size, 0))
    return order


def _some(line: socket.socket, size: int) -> bytes:
    data = line.recv(min(size, 1 << 20))
    if not data:
        raise Closed
    return data


def close_all(fds: Sequence[int]) -> None:
    """Close descriptors."""
    for fd in fds:
        os.close(fd)
