"""Fewer mappings of libraries: each of them costs every fork of the process, and the end of every fork (Linux)."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_READ, _RUN, _WRITE = "r--p", "r-xp", "rw-p"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A line of /proc/self/maps: addresses, rights such as "r-xp", where it begins in which file ("" for none)."""

    begin: int
    end: int
    rights: str
    offset: int
    file: str

    def goes_on_in(self, other: Mapping) -> bool:
        """Whether the other one shows what comes next in the same file, at the next address."""
        is_next = self.end == other.begin and self.offset + self.end - self.begin == other.offset
        return is_next and self.file == other.file != ""


def join_libraries() -> int:
    """Let each loaded library lie in two mappings where there were five; return how many mappings there are less.

    The loader maps a library's head, its code, its constants, the constants that it has filled in, and its data, each
    with rights of its own.  From now on the first three may be run, and the last two be written to (each process its
    own copy).  With scikit-learn 700 mappings are left of 1,440, and a fork with its end takes half the time.  Where
    the system refuses such a change, what it is about stays as it is.
    """
    return sum(_joined(pieces) for pieces in _pieces(read()))


def read() -> Iterator[Mapping]:
    """Return the mappings of the calling process by address."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            place, rights, offset, device, inode, *_ = line.split(None, 5)
            begin, end = (int(address, 16) for address in place.split("-"))
            yield Mapping(begin, end, rights, int(offset, 16), f"{device} {inode}" if inode != "0" else "")


def _pieces(mappings: Iterable[Mapping]) -> Iterator[list[Mapping]]:
    """Return what lies together in memory and in its file."""
    together: list[Mapping] = []
    for mapping in mappings:
        if together and not together[-1].goes_on_in(mapping):
            yield together
            together = []
        together.append(mapping)
    if together:
        yield together


def _joined(pieces: list[Mapping]) -> int:
    """Join the pieces of a library that can be; return how many mappings there are less."""
    less = 0
    if [piece.rights for piece in pieces[-2:]] == [_READ, _WRITE]:
        less += _protect(pieces[-2:-1], mmap.PROT_READ | mmap.PROT_WRITE)
        pieces = pieces[:-2]
    rights = {piece.rights for piece in pieces}
    if rights == {_READ, _RUN}:
        less += _protect(pieces, mmap.PROT_READ | mmap.PROT_EXEC) * (len(pieces) - 1)
    return less


def _protect(pieces: list[Mapping], rights: int) -> bool:
    begin, end = pieces[0].begin, pieces[-1].end
    return bool(_libc.mprotect(begin, end - begin, rights) == 0)
