"""Many candidates, one in five of them bad: what each came to, and what is left of them."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from score_nb.evaluate.local import LocalEvaluator
from score_nb.types import Evaluation
from tests.evaluate.support import setup, started
from tests.faults.processes import Held, anon_kib, levels, settles

TIMEOUT_S = 2.0
MEMORY_MIB = 256
WAITING = 4  # children of two zygotes, each of which keeps at most two for the orders to come
WARM = 40  # candidates after which every page that is ever written once has been written


@dataclass(frozen=True, slots=True)
class Kind:
    """A bad candidate: its cell, the status that it must come to, and a word of the cause."""

    name: str
    cell: str
    status: str
    word: str


BAD = (
    Kind("raises", "x = 1 / 0", "error", "ZeroDivisionError"),
    Kind("never ends", "while True:\n    pass", "timeout", "stopped after 2.0 s"),
    Kind("os._exit", "import os\nos._exit(3)", "crashed", "exit code 3"),
    Kind("segmentation fault", "import ctypes\nctypes.string_at(0)", "crashed", "SIGSEGV"),
    Kind("memory", "blocks = []\nwhile True:\n    blocks.append(bytearray(1 << 24))", "memory", "256 MiB"),
    Kind("wrong type", "x = [1.0]", "invalid", "TypeError"),
    Kind("not a number", "x = float('nan')", "invalid", "nan"),
    Kind("starts a process", "import subprocess\nsubprocess.run(['true'])\nx = 1.0", "forbidden", ""),
    Kind("nothing bound", "y = 1", "invalid", "does not define `x`"),
    Kind(
        "litter, then dies",
        "import mmap, os, threading, time\n"
        "for n in range(50):\n    open(f'file{n}', 'w').write('x' * 1000)\n"
        "os.makedirs('a/b/c')\nos.chmod('a', 0)\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "kept = [mmap.mmap(-1, 1 << 16) for n in range(20)]\nraise SystemExit(1)",
        "error",
        "SystemExit",
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm left: wrong outcomes by kind, what is held before and after, growth of memory in KiB."""

    seconds: float
    counts: Counter[str]
    wrong: list[str]
    before: Held
    after: Held
    growth: dict[str, int]


def kind_of(number: int) -> Kind | None:
    """Return the kind of candidate `number`, None for a good one: every fifth is bad, the kinds take turns."""
    return BAD[number // 5 % len(BAD)] if number % 5 == 2 else None


def source_of(number: int) -> str:
    """Return the cell of candidate `number`; no two are the same."""
    kind = kind_of(number)
    return f"x = {number}.0" if kind is None else f"{kind.cell}  # {number}"


def wrong_in(number: int, result: Evaluation) -> str:
    """Return what is wrong with the evaluation of candidate `number`, "" where nothing is."""
    kind = kind_of(number)
    if kind is None:
        is_right = result.status == "ok" and result.value == float(number)
    else:
        is_right = result.status == kind.status and result.value is None and kind.word in result.detail
    name = kind.name if kind else "good"
    return "" if is_right else f"{name} ({number}): {result.status} {result.value} {result.detail}"


def storm(candidates: int, threads: int = 3) -> Outcome:
    """Evaluate that many candidates on several threads; return what came of it."""
    usual = tempfile.tempdir
    with tempfile.TemporaryDirectory() as alone:  # whatever other programs leave in the usual place
        tempfile.tempdir = alone
        try:
            return _storm(candidates, threads)
        finally:
            tempfile.tempdir = usual


def _storm(candidates: int, threads: int) -> Outcome:
    what = setup(workers=threads, timeout=TIMEOUT_S, memory=MEMORY_MIB)
    with started(what):  # whatever is opened once for all
        pass
    before = Held.now()
    evaluator = LocalEvaluator(what)
    evaluator.start()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    memory: dict[str, int] = {}
    begin = time.monotonic()

    def one(number: int) -> tuple[int, Evaluation]:
        return number, evaluator.evaluate(source_of(number), seed=number)

    with ThreadPoolExecutor(threads) as pool:
        for group in (range(min(WARM, candidates)), range(WARM, candidates)):
            for number, result in pool.map(one, group):
                kind = kind_of(number)
                counts[kind.name if kind else "good"] += 1
                if text := wrong_in(number, result):
                    wrong.append(text)
            memory = memory or _memory()
    seconds = time.monotonic() - begin
    settles(lambda: len(levels(os.getpid())["child"]) <= WAITING, 60)
    grown = {name: now - memory.get(name, now) for name, now in _memory().items()}
    evaluator.close()
    settles(lambda: Held.now() == before, 60)
    return Outcome(seconds, counts, wrong, before, Held.now(), grown)


def _memory() -> dict[str, int]:
    found = levels(os.getpid())
    named = {"kernel": os.getpid()}
    named |= {
        f"{role} {number}": pid for role in ("reaper", "stem", "zygote") for number, pid in enumerate(found[role])
    }
    return {name: anon_kib(pid) for name, pid in named.items()}
