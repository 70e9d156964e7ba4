"""The line between candidate and scorer: packets of a SEQPACKET socket, large buffers in shared memory beside it.

Each direction has its own arena, written by one side only; the scorer copies out of the candidate's arena before it
looks at anything.  The two sides speak in turn, so each message may use its arena from the start.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from score_nb.evaluate.wire import CannotCross, Decoder, Encoder, Handle, Malformed, Opaque, Tree, dump, guarded, load

_PACKET = 65_536
_INLINE_BUFFER = 8_192  # larger buffers go to the arena
_INLINE_TOTAL = 32_768
_ALIGN = 64
_HEAD = struct.Struct("=BQQ")  # 0: tree in this packet, 1: in the arena; offset; length
_HEAD_SIZE = _HEAD.size
_MIB = 1024 * 1024


class LineClosed(Exception):
    """The other side has ended."""


class Arena:
    """Shared memory of a fixed size, filled from the start by each message.

    `fd` may be read-only; pages that were never written cost nothing.
    """

    def __init__(self, fd: int, size: int, *, writable: bool) -> None:
        self.memory = memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ))
        self.size = size
        self._used = 0

    def clear(self) -> None:
        """Begin a new message."""
        self._used = 0

    @property
    def used(self) -> memoryview:
        """What the message has put here so far."""
        return self.memory[: self._used]

    def put(self, data: Any, order: str = "C") -> tuple[int, int]:
        """Store bytes or a numpy array; return offset and length."""
        size = data.nbytes if hasattr(data, "nbytes") else len(data)
        start = -(-self._used // _ALIGN) * _ALIGN
        if start + size > self.size:
            raise CannotCross(f"is too large to be handed over ({size / _MIB:,.0f} MiB of {self.size / _MIB:,.0f} MiB)")
        self._used = start + size
        target = self.memory[start : start + size]
        if isinstance(data, (bytes, bytearray)):
            target[:] = data
        elif size:
            _copy_array(data, target, order)
        return start, size

    def view(self, start: int, size: int) -> memoryview:
        """Return the bytes at a place; raise `Malformed` where it lies outside."""
        if type(start) is not int or type(size) is not int or start < 0 or size < 0 or start + size > self.size:
            raise Malformed("a buffer outside the arena")
        return self.memory[start : start + size]


def _copy_array(array: Any, target: memoryview, order: str) -> None:
    import numpy as np

    shaped: Any = np.ndarray(array.shape, array.dtype, buffer=target, order="F" if order == "F" else "C")
    shaped[...] = array


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it went out: the packet, and what it put into the arena."""

    packet: bytes
    arena: bytes


class _Outgoing:
    """A `Sink`: small buffers travel in the packet, large ones in the arena."""

    __slots__ = ("_arena", "inline")

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self.inline = bytearray()
        arena.clear()

    def put(self, data: Any, order: str = "C") -> list[int]:
        size = data.nbytes if hasattr(data, "nbytes") else len(data)
        if size > _INLINE_BUFFER or len(self.inline) + size > _INLINE_TOTAL:
            return [1, *self._arena.put(data, order)]
        start = len(self.inline)
        self.inline += data if isinstance(data, (bytes, bytearray)) else data.tobytes("F" if order == "F" else "C")
        return [0, start, size]


class _Incoming:
    """A `Source` over one received packet and the arena."""

    __slots__ = ("_arena", "_inline", "_left")

    def __init__(self, arena: Arena, inline: memoryview) -> None:
        self._arena = arena
        self._inline = inline
        self._left = arena.size + len(inline)

    def view(self, reference: Sequence[int]) -> memoryview:
        place, start, size = reference
        if place == 1:
            found = self._arena.view(start, size)
        elif place != 0 or start < 0 or size < 0 or start + size > len(self._inline):
            raise Malformed("a buffer outside the packet")
        else:
            found = self._inline[start : start + size]
        # No encoder writes two buffers to the same place: who names one a million times wants it copied so often.
        self._left -= len(found)
        if self._left < 0:
            raise Malformed("more buffers than there is room for")
        return found


class PacketSocket(Protocol):
    """What a channel needs of a socket."""

    def send(self, packet: bytes, /) -> int:
        """Send a packet as a whole."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """Put the next packet into `buffer`; return its length, 0 at the end."""
        ...


class Channel:
    """One side of the line.

    Parameters
    ----------
    line : socket
        Connected SEQPACKET socket, or what behaves as one; end of file means that the other side has ended.
    outgoing, incoming : Arena
        Written by this side and by the other.
    """

    def __init__(self, line: PacketSocket, outgoing: Arena, incoming: Arena) -> None:
        self._line = line
        self._outgoing = outgoing
        self._incoming = incoming
        self._buffer = memoryview(bytearray(_PACKET))
        self._packet = b""

    def send(self, message: Sequence[Any], opaque: Opaque) -> None:
        """Send a message whose parts are any values; `opaque` names those that are no data.

        Raises
        ------
        CannotCross
            A part is too large or too deep; nothing was sent.
        """
        sink = _Outgoing(self._outgoing)
        self._transmit(Encoder(sink, opaque).items(message), sink)

    def send_trees(self, message: list[Tree]) -> None:
        """Send a message of ready trees without buffers."""
        self._transmit(message, _Outgoing(self._outgoing))

    def _transmit(self, trees: list[Tree], sink: _Outgoing) -> None:
        data = dump(trees)
        size = len(data)
        if _HEAD_SIZE + size + len(sink.inline) <= _PACKET:
            self._put_through(_HEAD.pack(0, 0, size) + data + sink.inline)
        else:
            start, size = self._outgoing.put(data)
            self._put_through(_HEAD.pack(1, start, size) + sink.inline)

    def last_sent(self, limit: int) -> Sent | None:
        """Return a copy of the last message for `resend`; None where it is larger than `limit` bytes."""
        used = self._outgoing.used
        return Sent(self._packet, bytes(used)) if used.nbytes <= limit else None

    def resend(self, sent: Sent) -> None:
        """Send an earlier message once more."""
        self._outgoing.clear()
        if sent.arena:
            self._outgoing.put(sent.arena)
        self._put_through(sent.packet)

    def _put_through(self, packet: bytes) -> None:
        self._packet = packet
        try:
            self._line.send(packet)
        except (BrokenPipeError, ConnectionResetError):
            raise LineClosed from None

    def receive(self, handle: Handle) -> list[Any]:
        """Return the parts of the next message; `handle` builds what is no data.

        Raises
        ------
        LineClosed
            The other side has ended.
        Malformed
            The message was not written by this codec.
        """
        try:
            size = self._line.recv_into(self._buffer)
        except ConnectionResetError:
            raise LineClosed from None
        if size == 0:
            raise LineClosed
        parts: list[Any] = guarded(self._decode, size, handle)
        return parts

    def _decode(self, size: int, handle: Handle) -> list[Any]:
        if size < _HEAD_SIZE:
            raise Malformed("a packet without a head")
        place, start, length = _HEAD.unpack_from(self._buffer)
        middle = _HEAD_SIZE
        data: bytes | memoryview
        if place == 0 and length <= size - middle:
            data = self._buffer[middle : (middle := middle + length)]
        elif place == 1:
            # A copy first: the other side may go on writing while this one reads.
            data = bytes(self._incoming.view(start, length))
        else:
            raise Malformed("a packet that is shorter than it says")
        decoder = Decoder(_Incoming(self._incoming, self._buffer[middle:size]), handle)
        return decoder.items(load(data))
