"""How much of the disk a candidate takes: its scratch folder, looked at from outside while it runs."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import time
from dataclasses import dataclass

MIB = 4_096  # as for one file, which the system limits by itself
ENTRIES = 100_000
DEPTH = 200
_SHARE = 20  # of the time, at most, goes into looking: 1 in so many parts


class _Excess(Exception):
    """The folder holds more than it may; the message says of what."""


@dataclass(slots=True)
class _Sum:
    blocks: int = 0
    entries: int = 0


class Quota:
    """The limits of one scratch folder.

    Parameters
    ----------
    folder : str
        The candidate's scratch folder; it may be a link to it.
    mib : int
        What all files in it may take on the disk; holes take nothing.
    entries : int
        How many files, folders and links there may be.
    """

    def __init__(self, folder: str, mib: int, entries: int) -> None:
        self._folder = folder
        self._mib = mib
        self._entries = entries
        self._next = 0.0
        self._is_memory = _is_memory(os.stat(os.path.dirname(folder)).st_dev)
        self._kib = 0

    @classmethod
    def usual(cls, folder: str) -> Quota:
        """Return the limits that hold for candidates: never more than half of what is free."""
        # The folder above is asked: a fresh worker puts a link in the place of its own while it begins.
        free = os.statvfs(os.path.dirname(folder)) if hasattr(os, "statvfs") else None
        free_mib = free.f_bavail * free.f_frsize >> 20 if free else MIB
        return cls(folder, min(MIB, max(64, free_mib // 2)), ENTRIES)

    @property
    def memory_kib(self) -> int:
        """What the folder takes of the memory, as of the last look: all of it where it lies on a tmpfs."""
        return self._kib if self._is_memory else 0

    def excess(self, pid: int = 0) -> str:
        """Return what is too much, in words, "" where nothing is; looks only as often as is cheap.

        Files that the process `pid` has removed and still holds open take space too.  Those that it only maps are not
        seen, hence the limit on what it writes in all.
        """
        begin = time.monotonic()
        if begin < self._next:
            return ""
        total = _Sum()
        try:
            self._add(self._folder, total, 0)
            total.blocks += _removed_blocks(pid, os.stat(self._folder).st_dev) if pid else 0
            self._check(total)
        except _Excess as excess:
            return str(excess)
        except FileNotFoundError:
            return ""  # the folder is gone: the evaluation is being given up
        if pid and _written_mib(pid) > 2 * self._mib:
            return f"wrote more than {2 * self._mib:,} MiB to files, counting what it removed again"
        self._kib = total.blocks // 2
        now = time.monotonic()
        self._next = now + _SHARE * (now - begin)
        return ""

    def _check(self, total: _Sum) -> None:
        if total.blocks > self._mib * 2048:
            raise _Excess(f"wrote more than {self._mib:,} MiB to its scratch folder")
        if total.entries > self._entries:
            raise _Excess(f"made more than {self._entries:,} files in its scratch folder")

    def _add(self, folder: str, total: _Sum, depth: int) -> None:
        if depth > DEPTH:
            raise _Excess(f"nested more than {DEPTH} folders in its scratch folder")
        try:
            entries = os.scandir(folder)
        except FileNotFoundError:
            return  # removed meanwhile
        except OSError:
            raise _Excess("made a folder in its scratch folder that cannot be looked into") from None
        with entries:
            for entry in entries:
                try:
                    blocks = entry.stat(follow_symlinks=False)
                    is_folder = entry.is_dir(follow_symlinks=False)
                except OSError:
                    continue
                total.entries += 1
                total.blocks += getattr(blocks, "st_blocks", blocks.st_size // 512)
                self._check(total)
                if is_folder:
                    self._add(entry.path, total, depth + 1)


def _removed_blocks(pid: int, device: int) -> int:
    """Return the blocks of files on a device that no folder shows any more and `pid` has open."""
    found: dict[int, int] = {}
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                seen = os.stat(f"/proc/{pid}/fd/{fd}")
                if stat.S_ISREG(seen.st_mode) and not seen.st_nlink and seen.st_dev == device:
                    found[seen.st_ino] = seen.st_blocks
    return sum(found.values())


def _written_mib(pid: int) -> int:
    """Return what a process wrote so far: by calls, or to pages of mapped files."""
    most = 0
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/io", "rb") as file:
        for line in file:
            name, _, count = line.partition(b":")
            if name in (b"wchar", b"write_bytes"):
                most = max(most, int(count))
    return most >> 20


@functools.lru_cache
def _is_memory(device: int) -> bool:
    """Return whether what is written to a device takes memory instead of disk space."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                if before.split()[2] == f"{os.major(device)}:{os.minor(device)}":
                    return after.split()[0] in ("tmpfs", "ramfs")
    except (OSError, AttributeError, IndexError):
        return False
    return False
