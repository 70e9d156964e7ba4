"""The line between candidate and scorer: packets of a SEQPACKET socket, large buffers in shared memory beside it.

Each direction has its own arena, filled by one side.  The scorer copies out of the candidate's arena before it looks at
anything; the candidate may be lent what the scorer puts into the other one, to keep it and to write into it (see
`loans`).  Nobody reads what it has put there itself, and the two sides speak in turn.
"""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from score_nb.evaluate.loans import Borrower, Lender
from score_nb.evaluate.wire import CannotCross, Decoder, Encoder, Handle, Malformed, Opaque, Tree, dump, guarded, load

_PACKET = 65_536
_INLINE_BUFFER = 8_192  # larger buffers go to the arena
_INLINE_TOTAL = 32_768
_ALIGN = 64
# Slots of the other side's arena that the sender still uses; 0: tree in this packet, 1: in the arena; whether the
# message's part of the arena is lent, and where it begins; where in it the tree begins; length of the tree.
_HEAD = struct.Struct("=QBBQQQ")
_HEAD_SIZE = _HEAD.size
_HELD = struct.Struct("=Q")
_MIB = 1024 * 1024


class LineClosed(Exception):
    """The other side has ended."""


class Arena:
    """Shared memory of a fixed size; pages that were never written cost nothing.

    Parameters
    ----------
    fd : int
        A memory file.
    size : int
        Its bytes.
    writable : bool
        Whether this side may write into it: who fills it, and who is lent what lies in it.
    """

    def __init__(self, fd: int, size: int, *, writable: bool) -> None:
        self._map = mmap.mmap(fd, size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
        self.memory = memoryview(self._map)
        self.size = size

    def view(self, start: int, size: int, base: int = 0) -> memoryview:
        """Return the bytes at a place, counted from `base`; raise `Malformed` where it lies outside."""
        if type(start) is not int or type(size) is not int or start < 0 or size < 0 or base + start + size > self.size:
            raise Malformed("a buffer outside the arena")
        return self.memory[base + start : base + start + size]

    def give_back(self, start: int, size: int) -> None:
        """Let the system have the memory of what nobody reads any more, where it can (Linux)."""
        if hasattr(mmap, "MADV_REMOVE"):
            size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
            with contextlib.suppress(OSError):  # a file system that cannot: the memory stays in use
                self._map.madvise(mmap.MADV_REMOVE, start, min(size, self.size - start))


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it went out: where its tree is, what the packet held after its head, what went into the arena."""

    tree: tuple[int, int, int]  # 0 or 1 as in the head; start; length
    body: bytes
    parts: bytearray


class _Outgoing:
    """A `Sink`: small buffers travel in the packet, large ones in the arena, once it is known how much they take."""

    __slots__ = ("_parts", "_room", "inline", "used")

    def __init__(self, room: int) -> None:
        self._room = room
        self._parts: list[tuple[Any, str, int, int]] = []
        self.inline = bytearray()
        self.used = 0  # of the arena

    def put(self, data: Any, order: str = "C") -> list[int]:
        size = _size(data)
        if size > _INLINE_BUFFER or len(self.inline) + size > _INLINE_TOTAL:
            return [1, self.put_aside(data, order), size]
        start = len(self.inline)
        self.inline += data if isinstance(data, (bytes, bytearray)) else data.tobytes("F" if order == "F" else "C")
        return [0, start, size]

    def put_aside(self, data: Any, order: str = "C") -> int:
        """Let bytes or a numpy array go into the arena; return where, counted from where the message begins."""
        start, size = -(-self.used // _ALIGN) * _ALIGN, _size(data)
        if start + size > self._room:
            sizes = f"{size / _MIB:,.0f} MiB of {self._room / _MIB:,.0f} MiB"
            raise CannotCross(f"is too large to be handed over ({sizes})")
        self._parts.append((data, order, start, size))
        self.used = start + size
        return start

    def write(self, memory: memoryview) -> None:
        """Copy what was put aside to where it belongs."""
        for data, order, start, size in self._parts:
            target = memory[start : start + size]
            if isinstance(data, (bytes, bytearray)):
                target[:] = data
            elif size:
                _copy_array(data, target, order)


def _size(data: Any) -> int:
    return int(data.nbytes) if hasattr(data, "nbytes") else len(data)


def _copy_array(array: Any, target: memoryview, order: str) -> None:
    import numpy as np

    shaped: Any = np.ndarray(array.shape, array.dtype, buffer=target, order="F" if order == "F" else "C")
    shaped[...] = array


class _Incoming:
    """A `Source` over one received packet and the arena, in which the message begins at `base`."""

    __slots__ = ("_arena", "_base", "_borrower", "_inline", "_left")

    def __init__(self, arena: Arena, base: int, inline: memoryview, borrower: Borrower | None) -> None:
        self._arena = arena
        self._base = base
        self._inline = inline
        self._borrower = borrower
        self._left = arena.size + len(inline)

    def view(self, reference: Sequence[int]) -> memoryview:
        place, start, size = reference
        if place == 1:
            found = self._arena.view(start, size, self._base)
        elif place != 0 or start < 0 or size < 0 or start + size > len(self._inline):
            raise Malformed("a buffer outside the packet")
        else:
            found = self._inline[start : start + size]
        # No encoder writes two buffers to the same place: who names one a million times wants it copied so often.
        self._left -= len(found)
        if self._left < 0:
            raise Malformed("more buffers than there is room for")
        return found

    def lent(self, reference: Sequence[int]) -> Any:
        place, start, size = reference
        if self._borrower is None or place != 1 or size <= _INLINE_BUFFER:
            return None
        return self._borrower.array(self._arena.view(start, size, self._base), self._base + start)


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
        self._lender = Lender(outgoing.size)
        self._borrower: Borrower | None = None
        self._buffer = memoryview(mmap.mmap(-1, _PACKET))  # of a fresh fork, where filling it would take 16 pages

    def borrow(self) -> None:
        """Use from now on what the other side lends where it is, instead of a copy: this side trusts the other one."""
        self._borrower = Borrower(self._incoming.size)

    def send(self, message: Sequence[Any], opaque: Opaque) -> None:
        """Send a message whose parts are any values; `opaque` names those that are no data.

        Raises
        ------
        CannotCross
            A part is too large or too deep; nothing was sent.
        """
        self.post(self.written(message, opaque))

    def written(self, message: Sequence[Any], opaque: Opaque) -> bytes:
        """Return a message for `post`, which needs its parts no more.

        Raises
        ------
        CannotCross
            A part is too large or too deep.
        """
        sink = _Outgoing(self._outgoing.size)
        return self._packed(Encoder(sink, opaque).items(message), sink)

    def written_trees(self, message: list[Tree]) -> bytes:
        """Return a message of ready trees without buffers, for `post`."""
        return self._packed(message, _Outgoing(self._outgoing.size))

    def send_trees(self, message: list[Tree]) -> None:
        """Send a message of ready trees without buffers."""
        self.post(self.written_trees(message))

    def send_kept(self, message: Sequence[Any], opaque: Opaque, limit: int) -> Sent | None:
        """Send a message; return it for `resend` too, None where it has more than `limit` bytes.

        Raises
        ------
        CannotCross
            A part is too large or too deep; nothing was sent.
        """
        sink = _Outgoing(self._outgoing.size)
        trees = Encoder(sink, opaque).items(message)
        if sink.used > limit:
            self.post(self._packed(trees, sink))
            return None
        tree, body = _tree_and_body(trees, sink)
        # Not read from the arena: from the moment that it lies there, the candidate may change it.
        parts = bytearray(sink.used)
        sink.write(memoryview(parts))
        sent = Sent(tree, body, parts)
        self.resend(sent)
        return sent

    def resend(self, sent: Sent) -> None:
        """Send an earlier message once more."""
        base, is_lent = self._placed(len(sent.parts))
        self._outgoing.memory[base : base + len(sent.parts)] = sent.parts
        place, start, length = sent.tree
        self.post(_HEAD.pack(0, place, is_lent, base, start, length) + sent.body)

    def _packed(self, trees: list[Tree], sink: _Outgoing) -> bytes:
        (place, start, length), body = _tree_and_body(trees, sink)
        if not sink.used:
            return _HEAD.pack(0, 0, 0, 0, 0, length) + body
        base, is_lent = self._placed(sink.used)
        sink.write(self._outgoing.memory[base:])
        return _HEAD.pack(0, place, is_lent, base, start, length) + body

    def _placed(self, size: int) -> tuple[int, bool]:
        """Return where a message of `size` bytes may begin in the arena, and whether it is lent."""
        if not size:
            return 0, False
        found = self._lender.place(size)
        for idle in self._lender.idle():
            self._outgoing.give_back(*idle)
        return found

    def post(self, packet: bytes) -> None:
        """Send what `written` returned, and say what of the other side's memory is still in use at this moment."""
        if self._borrower is not None and (held := self._borrower.in_use()):
            packet = _HELD.pack(held) + packet[_HELD.size :]
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
        held, place, is_lent, base, start, length = _HEAD.unpack_from(self._buffer)
        self._lender.hear(held)
        middle = _HEAD_SIZE
        data: bytes | memoryview
        if place == 0 and length <= size - middle:
            data = self._buffer[middle : (middle := middle + length)]
        elif place == 1:
            # A copy first: the other side may go on writing while this one reads.
            data = bytes(self._incoming.view(start, length, base))
        else:
            raise Malformed("a packet that is shorter than it says")
        borrower = self._borrower if is_lent else None
        source = _Incoming(self._incoming, base, self._buffer[middle:size], borrower)
        return Decoder(source, handle).items(load(data))


def _tree_and_body(trees: list[Tree], sink: _Outgoing) -> tuple[tuple[int, int, int], bytes]:
    """Return where the tree of a message is, as its head says, and what its packet holds after the head."""
    data = dump(trees)
    if _HEAD_SIZE + len(data) + len(sink.inline) <= _PACKET:
        return (0, 0, len(data)), data + sink.inline
    return (1, sink.put_aside(data), len(data)), bytes(sink.inline)
