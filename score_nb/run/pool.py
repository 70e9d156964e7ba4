"""Daemon threads that do one kind of blocking work and put what came of it into the loop's inbox.

Not `concurrent.futures`: its threads are joined at exit, and a kernel that waits for a model's answer hangs.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from typing import Any

Job = Callable[[], Any]
Gate = Callable[[], AbstractContextManager[bool]]


def always_open() -> AbstractContextManager[bool]:
    """Return a gate where nobody waits."""
    return nullcontext(True)


class Pool:
    """Threads that run jobs in the order given; results, or exceptions, are delivered on those threads.

    Each job is run within `gate()`, which may keep it waiting; where that gives False the job is given up.
    """

    def __init__(self, name: str, size: int, gate: Gate = always_open) -> None:
        self._gate = gate
        self._jobs: SimpleQueue[tuple[Job, Callable[[Any], None]] | None] = SimpleQueue()
        self._name = name
        self._size = 0
        self.grow(size)

    def grow(self, size: int) -> None:
        """Have at least `size` threads from now on."""
        for number in range(self._size, size):
            # A copied context: ipykernel 7.0 looks its parent message up in it and a plain thread has none.
            context = contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._work,), name=f"score-nb {self._name} {number}", daemon=True
            )
            thread.start()
        self._size = max(self._size, size)

    def submit(self, job: Job, deliver: Callable[[Any], None]) -> None:
        """Run `job` when a thread is free and deliver what it returns, or the exception it raises."""
        self._jobs.put((job, deliver))

    def close(self) -> None:
        """Let the threads end after the jobs at work."""
        for _ in range(self._size):
            self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, deliver = item
            with self._gate() as is_open:
                if not is_open:
                    continue
                try:
                    result = job()
                except Exception as error:  # noqa: BLE001 - handed to the loop, which decides
                    result = error
            deliver(result)
