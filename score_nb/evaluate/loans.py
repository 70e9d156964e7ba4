"""Which parts of an arena are lent: the candidate may keep what lies there, and nothing is put over it meanwhile.

The first half of an arena is lent in slots.  With each packet a side says which slots it still uses, one bit for each.
What goes into the second half is copied by who receives it, so that a candidate that keeps all it gets works too.
"""

from __future__ import annotations

import weakref
from typing import Any

from score_nb.evaluate.wire import CannotCross, Malformed

_SLOTS = 64
_PAGE = 4_096
_MAX_LOANS = 1_000  # arrays at once; they are counted with each answer
_MAX_IDLE = 64 << 20  # bytes that lie unused before they are given back to the system


def slot_size(size: int) -> int:
    """Return how many bytes a slot of an arena of `size` bytes has; 0 where it is too small to be lent."""
    return size // (2 * _SLOTS) // _PAGE * _PAGE


class Lender:
    """Finds room for messages beside what the other side still uses.

    Parameters
    ----------
    size : int
        Bytes of the arena that this side fills.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._slot = slot_size(size)
        self._lent = 0
        self._held = 0
        self._placed = 0
        self._written: dict[int, int] = {}  # bytes in each slot; the second half is one more slot

    def hear(self, held: int) -> None:
        """Take note of the slots that the other side says it uses.

        Raises
        ------
        Malformed
            Some of them were never lent.
        """
        if held & ~self._lent:
            raise Malformed("memory in use that was never lent")
        self._held = held

    def place(self, size: int) -> tuple[int, bool]:
        """Return where a message of `size` bytes begins, and whether it may be kept where it is.

        Raises
        ------
        CannotCross
            There is no room for it.
        """
        count = -(-size // self._slot) if self._slot else _SLOTS + 1
        run = (1 << count) - 1
        for at in range(_SLOTS - count + 1):
            if not self._held & run << at:
                self._placed = run << at
                self._lent |= self._placed
                return self._noted(at, size), True
        at = _SLOTS if self._held else 0
        if at * self._slot + size > self._size:
            raise CannotCross("is too large to be handed over beside what the candidate has kept")
        self._placed = -1 << at
        return self._noted(at, size), False

    def _noted(self, first: int, size: int) -> int:
        start, at = first * self._slot, first
        while size > 0 and at < _SLOTS and self._slot:
            self._written[at] = max(self._written.get(at, 0), min(size, self._slot))
            size -= self._slot
            at += 1
        if size > 0:
            self._written[at] = max(self._written.get(at, 0), size)
        return start

    def idle(self) -> list[tuple[int, int]]:
        """Return start and size of what was written and is neither in use nor just placed, once it is much."""
        used = self._held | self._placed
        found = [(at, size) for at, size in self._written.items() if not used >> at & 1]
        if sum(size for _, size in found) <= _MAX_IDLE:
            return []
        for at, _ in found:
            del self._written[at]
        return [(at * self._slot, size) for at, size in found]


class Borrower:
    """Keeps account of the arrays that lie in lent memory.

    Parameters
    ----------
    size : int
        Bytes of the arena that the other side fills.
    """

    def __init__(self, size: int) -> None:
        self._slot = slot_size(size)
        self._loans: list[tuple[weakref.ref[Any], int]] = []

    def array(self, data: memoryview, start: int) -> Any:
        """Return lent bytes, at `start` of the arena, as an array; None where they must be copied.

        All arrays made of it refer to it: once it has gone, nobody uses the bytes any more.
        """
        import numpy as np

        end = start + len(data)
        if len(self._loans) >= _MAX_LOANS or data.readonly or not 0 < end <= _SLOTS * self._slot:
            return None
        array: Any = np.frombuffer(data, np.uint8)
        slots = (1 << -(-end // self._slot)) - (1 << start // self._slot)
        self._loans.append((weakref.ref(array), slots))
        return array

    def in_use(self) -> int:
        """Return the slots of all arrays that still live."""
        if not self._loans:
            return 0
        self._loans = [loan for loan in self._loans if loan[0]() is not None]
        found = 0
        for _, slots in self._loans:
            found |= slots
        return found
