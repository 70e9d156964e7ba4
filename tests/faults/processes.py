"""What is there of a process tree: pids, descriptors, shared memory, scratch folders, private memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def settles(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Return whether `condition` comes true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def tree(root: int) -> dict[int, list[int]]:
    """Return the children of every living process below `root`, itself included, by pid."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state not in b"ZX":
                    children.setdefault(int(parent), []).append(int(name))
    found: dict[int, list[int]] = {}
    todo = [root]
    while todo:
        pid = todo.pop()
        found[pid] = sorted(children.get(pid, []))
        todo += found[pid]
    return found


def levels(kernel: int) -> dict[str, list[int]]:
    """Return the helpers below a kernel by what they are; zygotes and their children in the order of their birth."""
    below = tree(kernel)
    reapers = below[kernel]
    stems = [pid for reaper in reapers for pid in below[reaper]]
    zygotes = [pid for stem in stems for pid in below[stem]]
    children = [pid for zygote in zygotes for pid in below[zygote]]
    return {"reaper": reapers, "stem": stems, "zygote": zygotes, "child": children}


def is_there(pid: int) -> bool:
    """Return whether a process is there, a zombie included."""
    return Path(f"/proc/{pid}").exists()


def anon_kib(pid: int) -> int:
    """Return the private memory of a process, KiB."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


@dataclass(frozen=True, slots=True)
class Held:
    """What this process and those below it hold."""

    processes: int
    descriptors: int
    shared: int
    scratch: int

    @classmethod
    def now(cls) -> Held:
        """Return what is held at this moment."""
        pids = tree(os.getpid())
        links = [link for pid in pids for link in _links(pid)]
        shared = sum("memfd:" in link or "/dev/shm" in link for link in links)
        return cls(len(pids), len(links), shared, sum(1 for _ in Path(tempfile.gettempdir()).rglob("*")))


def _links(pid: int) -> list[str]:
    found = []
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found
