"""Too much of something: time, memory, output, files.  What stops these is outside their process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from score_nb.evaluate.local import LocalEvaluator
from score_nb.types import Evaluation

TIMEOUT_S = 1.0
MEMORY_MIB = 160
SCRATCH_MIB = 24
SCRATCH_FILES = 400
PRINTED_MIB = 32
WORKERS = 6
_PATIENT_S = 60.0

# The metric calls what can be called and adds up what can be run through.
CELL = """
def metric(x):
    if callable(x):
        x = x()
    if not isinstance(x, (int, float)):
        total = 0.0
        for part in x:
            total += part
        return total
    return float(x)
"""


@dataclass(frozen=True, slots=True)
class Overrun:
    """One candidate that takes too much.

    Attributes
    ----------
    name, group : str
        What it is called; `time`, `memory`, `output` or `scratch`.
    cell : str
        The candidate.  With the twin's numbers it would be harmless.
    twin : str
        The same with less of it: it must be scored.
    statuses : tuple of str
        What it may come to.
    word : str
        What the cause says, where it matters.
    """

    name: str
    group: str
    cell: str
    twin: str
    statuses: tuple[str, ...]
    word: str = ""

    def is_stopped(self, found: Evaluation) -> bool:
        """Return whether it came to what it may come to; a value is the true one."""
        return found.status in self.statuses and self.word in found.detail and found.value in (None, 1.0)


def _time(name: str, cell: str, twin: str, *statuses: str) -> Overrun:
    return Overrun(name, "time", cell, twin, statuses or ("timeout",))


def _memory(name: str, cell: str, *, few: str, many: str = "600", statuses: tuple[str, ...] = ("memory",)) -> Overrun:
    return Overrun(name, "memory", cell.replace("$N", many), cell.replace("$N", few), statuses)


_TOUCH = "for at in range(0, len(m), 4096):\n    m[at] = 1\nx = 1.0"
_MMAP = """\
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_size_t
libc.mmap.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def take(mib, protection, flags):
    at = libc.mmap(0, mib << 20, protection, flags, -1, 0)
    assert at != 2**64 - 1, ctypes.get_errno()
    return at
"""

TIME = (
    _time("endless_loop", "while True:\n    pass", "while True:\n    break\nx = 1.0"),
    _time("endless_loop_in_c", "import itertools\nx = sum(itertools.repeat(1.0))",
          "import itertools\nx = sum(itertools.repeat(1.0, 1))"),
    _time("endless_sum_of_numpy", "import numpy\na = numpy.ones(1000)\nwhile a.sum():\n    x = 1.0",
          "import numpy\na = numpy.zeros(1000)\nwhile a.sum():\n    pass\nx = 1.0"),
    _time("pattern_without_end", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')\nx = 1.0",
          "import re\nre.match('(a+)+$', 'a' * 8 + 'b')\nx = 1.0"),
    _time("huge_power", "x = float(9 ** 9 ** 9 % 7)", "x = float(9 ** 9 % 7)"),
    _time("loop_in_thread", "import threading\ndef spin():\n    while True:\n        pass\n"
          "t = threading.Thread(target=spin)\nt.start()\nt.join()\nx = 1.0",
          "import threading\nt = threading.Thread(target=abs, args=(1,))\nt.start()\nt.join()\nx = 1.0"),
    _time("holds_the_interpreter", "import ctypes\nctypes.PyDLL(None).sleep(1000)\nx = 1.0",
          "import ctypes\nctypes.PyDLL(None).sleep(0)\nx = 1.0"),
    _time("never_switches", "import sys, threading\nsys.setswitchinterval(1e6)\nwhile True:\n    pass",
          "import sys\nsys.setswitchinterval(1e6)\nx = 1.0"),
    _time("sleeps", "import time\ntime.sleep(1000)\nx = 1.0", "import time\ntime.sleep(0)\nx = 1.0"),
    _time("waits_for_signal", "import signal\nsignal.pause()\nx = 1.0", "import signal\nx = 1.0"),
    _time("waits_for_itself", "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()\nx = 1.0",
          "import threading\nl = threading.Lock()\nl.acquire()\nx = 1.0"),
    _time("reads_an_empty_pipe", "import os\na, b = os.pipe()\nos.read(a, 1)\nx = 1.0",
          "import os\na, b = os.pipe()\nos.write(b, b'x')\nos.read(a, 1)\nx = 1.0"),
    _time("waits_in_event_loop", "import asyncio\nasyncio.run(asyncio.sleep(1000))\nx = 1.0",
          "import asyncio\nasyncio.run(asyncio.sleep(0))\nx = 1.0"),
    _time("ignores_signals", """\
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass""", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nx = 1.0"),
    _time("blocks_signals", "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
          "while True:\n    pass",
          "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nx = 1.0"),
    _time("catches_everything", "while True:\n    try:\n        while True:\n            pass\n"
          "    except BaseException:\n"
          "        pass", "try:\n    raise KeyboardInterrupt\nexcept BaseException:\n    x = 1.0"),
    _time("stops_itself", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nx = 1.0",
          "import os\nos.kill(os.getpid(), 0)\nx = 1.0"),
    _time("interrupted_without_end", "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\n"
          "signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-5)\nwhile True:\n    pass",
          "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nx = 1.0"),
    _time("loops_when_deleted", "class Slow:\n    def __del__(self):\n        while True:\n            pass\n"
          "s = Slow()\ndel s\nx = 1.0", "class Quick:\n    def __del__(self):\n        pass\ns = Quick()\n"
          "del s\nx = 1.0"),
    _time("loops_on_import", "import sys\nclass Finder:\n    def find_spec(self, *a):\n        while True:\n"
          "            pass\n"
          "sys.meta_path.insert(0, Finder())\nimport nothing_such",
          "import sys\nsys.meta_path.insert(0, type('F', (), {'find_spec': lambda *a: None})())\nx = 1.0"),
    _time("loops_when_called_by_metric", "def x():\n    while True:\n        pass", "def x():\n    return 1.0"),
    _time("sleeps_when_called_by_metric", "import time\ndef x():\n    time.sleep(1000)\n    return 1.0",
          "import time\ndef x():\n    time.sleep(0)\n    return 1.0"),
    _time("stops_when_called_by_metric", "import os, signal\ndef x():\n"
          "    os.kill(os.getpid(), signal.SIGSTOP)\n    return 1.0",
          "import os\ndef x():\n    os.getpid()\n    return 1.0"),
    _time("endless_values_for_metric", "import itertools\nx = itertools.repeat(1.0)",
          "import itertools\nx = itertools.repeat(1.0, 1)"),
    # Their value is known before they begin to waste time; then they are gone.
    _time("sleeps_at_exit", "import atexit, time\natexit.register(time.sleep, 1000)\nx = 1.0", "x = 1.0", "ok"),
    _time("loops_at_exit_of_thread", "import threading, time\n"
          "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
          "x = 1.0", "x = 1.0", "ok"),
    _time("loops_when_freed_at_exit", "import time\nclass Slow:\n    def __del__(self):\n        time.sleep(1000)\n"
          "kept = Slow()\nx = 1.0", "x = 1.0", "ok"),
)  # fmt: skip

MEMORY = (
    _memory("one_block", "m = bytearray(b'x') * ($N << 20)\nx = 1.0", few="8"),
    _memory("many_blocks", "kept = [bytes(b'x') * (1 << 20) for _ in range($N)]\nx = 1.0", few="8"),
    _memory("blocks_by_malloc", "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p\n"
            "for _ in range($N):\n    ctypes.memset(libc.malloc(1 << 20), 1, 1 << 20)\nx = 1.0", few="8"),
    _memory("array_of_numpy", "import numpy\na = numpy.ones($N << 17)\nx = 1.0", few="8"),
    _memory("text_doubled", "s = 'x'\nwhile len(s) < $N << 20:\n    s += s\nx = 1.0", few="8"),
    _memory("many_small_objects", "d = {i: str(i) for i in range($N * 10_000)}\nx = 1.0", few="1"),
    _memory("list_of_itself", "a = [0]\nfor _ in range($N):\n    a += a[:1 << 18]\n    a.extend(a[:1 << 18])\nx = 1.0",
            few="4"),
    _memory("private_map", "import mmap\nm = mmap.mmap(-1, $N << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n" + _TOUCH,
            few="8"),
    _memory("shared_map", "import mmap\nm = mmap.mmap(-1, $N << 20)\n" + _TOUCH, few="8"),
    _memory("written_out_to_swap", "import mmap\nm = mmap.mmap(-1, $N << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
            "for at in range(0, len(m), 1 << 20):\n    m[at:at + (1 << 20)] = b'x' * (1 << 20)\n"
            "    m.madvise(21, at, 1 << 20)\n"
            "x = 1.0", few="8"),
    _memory("inputs_copied_on_write", "for at in range(0, min(len(large), $N << 17), 512):\n    large[at] = 2\nx = 1.0",
            few="8"),
    _memory("output_in_shared_memory", "import numpy\nx = [numpy.ones(1 << 17) for _ in range($N // 2)]", few="0"),
    _memory("lent_memory", """\
import gc
[channel] = [thing for thing in gc.get_objects() if type(thing).__name__ == "Channel"]
for at in range(0, $N << 20, 4096):
    channel._incoming.memory[at] = 1
x = 1.0""", few="8"),
    _memory("by_thread", "import threading\n"
            "t = threading.Thread(target=lambda: kept.append(bytearray(b'x') * ($N << 20)))\n"
            "kept = []\nt.start()\nt.join()\nassert kept\nx = 1.0", few="8", statuses=("memory", "error")),
    _memory("when_called_by_metric", "def x():\n    return float(len(bytearray(b'x') * ($N << 20)) > 0)", few="8"),
    _memory("after_main_thread_left", """\
import ctypes, threading, time
kept = []
def grow():
    for _ in range($N // 4):
        kept.append(bytearray(b'x') * (4 << 20))
    while $N > 100:
        time.sleep(1)
t = threading.Thread(target=grow)
t.start()
if $N > 100:
    ctypes.CDLL(None).pthread_exit(None)
t.join()
x = 1.0""", few="8", statuses=("memory", "crashed")),
    _memory("under_a_false_name", """\
import ctypes
ctypes.CDLL(None).prctl(15, b'x\\nRssAnon:\\t0', 0, 0, 0)
m = bytearray(b'x') * ($N << 20)
x = 1.0""", few="8"),
    _memory("huge_stack", """\
import sys, threading
sys.setrecursionlimit(10**8)
threading.stack_size($N << 20)
done = []
def down(n):
    if n:
        list(map(down, [n - 1]))
def run():
    down($N * 1000 if $N > 100 else 10)
    done.append(1)
t = threading.Thread(target=run)
t.start()
t.join()
assert done
x = 1.0""", few="8", statuses=("memory", "crashed", "error")),
    _memory("page_tables", _MMAP + """\
at = take($N << 10, 1, 0x4022)
libc.madvise(ctypes.c_size_t(at), ctypes.c_size_t($N << 30), 15)
for place in range(at, at + ($N << 30), 1 << 21):
    ctypes.string_at(place, 1)
x = 1.0""", few="1", many="400"),
    _memory("small_threads_by_the_thousand", """\
import threading
threading.stack_size(65536)
wait = threading.Event()
for _ in range($N):
    threading.Thread(target=wait.wait, daemon=True).start()
if $N > 100:
    wait.wait()
x = 1.0""", few="8", many="20_000", statuses=("forbidden", "error", "memory")),
)  # fmt: skip

_FLOOD = "b'x' * (1 << 20)"
OUTPUT = (
    Overrun("gigabyte_printed", "output", "for _ in range(1024):\n    print('x' * (1 << 20))\nx = 1.0",
            "print('x' * (1 << 20))\nx = 1.0", ("forbidden",), "printed more than 32 MiB"),
    Overrun("gigabyte_of_errors", "output", f"import os\nfor _ in range(1024):\n    os.write(2, {_FLOOD})\nx = 1.0",
            f"import os\nos.write(2, {_FLOOD})\nx = 1.0", ("forbidden",), "printed more than 32 MiB"),
    Overrun("printed_by_threads", "output", "import os, threading\ndef shout():\n    while True:\n"
            f"        os.write(1, {_FLOOD})\nt = [threading.Thread(target=shout) for _ in range(4)]\n"
            "[one.start() for one in t]\nt[0].join()", "import threading\nt = threading.Thread(target=print)\n"
            "t.start()\nt.join()\nx = 1.0", ("forbidden",), "printed more than 32 MiB"),
    Overrun("false_reports_without_end", "output", """\
import os, stat
reports = [fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}') and stat.S_ISFIFO(os.fstat(fd).st_mode)]
while True:
    for fd in reports:
        os.write(fd, b'{"kind": "settled"}\\n' * 1000)""", "print('settled')\nx = 1.0", ("forbidden",), "descriptor"),
    Overrun("one_endless_report", "output", """\
import os, stat
reports = [fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}') and stat.S_ISFIFO(os.fstat(fd).st_mode)]
while True:
    for fd in reports:
        os.write(fd, b'x' * 60_000)""", "print('x' * 60_000)\nx = 1.0", ("forbidden",), "descriptor"),
    Overrun("false_score_reported", "output", """\
import os, stat
score = b'"values": [["value", 9.0]]}'
for fd in range(3, 64):
    if os.path.exists(f'/proc/self/fd/{fd}') and stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.write(fd, b'{"kind": "value", ' + score + b'\\n{"kind": "score", ' + score + b'\\n')
x = 1.0""", "x = 1.0", ("ok", "crashed", "invalid")),
    Overrun("huge_error", "output", "raise ValueError('x' * (64 << 20))", "x = 1.0", ("error", "memory")),
    Overrun("error_that_raises", "output", "class E(Exception):\n    def __str__(self):\n        raise self\nraise E",
            "x = 1.0", ("error",)),
    Overrun("huge_return", "output", "x = 'x' * (120 << 20)", "x = 1.0", ("invalid", "memory", "error")),
    Overrun("deep_return", "output", "x = []\nfor _ in range(100_000):\n"
          "    x = [x]", "x = [1.0]", ("invalid", "error")),
    Overrun("wide_return", "output", "x = [[] for _ in range(4_000_000)]", "x = [1.0]",
            ("invalid", "memory", "error", "timeout")),
    Overrun("return_of_itself", "output", "x = []\nx.append(x)", "x = [1.0]", ("invalid", "error")),
)  # fmt: skip

_BYTES = "bytes(1 << 16)"
SCRATCH = (
    Overrun("one_large_file", "scratch", f"with open('f', 'wb') as f:\n    while True:\n        f.write({_BYTES})",
            f"with open('f', 'wb') as f:\n    f.write({_BYTES})\nx = 1.0", ("forbidden",), "wrote more than 24 MiB"),
    Overrun("many_large_files", "scratch",
            f"n = 0\nwhile True:\n    n += 1\n    open(f'f{{n}}', 'wb').write({_BYTES})",
            f"for n in range(20):\n    open(f'f{{n}}', 'wb').write({_BYTES})\n"
            f"x = 1.0", ("forbidden",), "wrote more than 24 MiB"),
    Overrun("removed_files_held_open", "scratch",
            "import os, time\nkept = []\nwhile True:\n    kept.append(open(f'f{len(kept)}', 'wb'))\n"
            f"    os.remove(kept[-1].name)\n    kept[-1].write({_BYTES})\n    kept[-1].flush()\n"
            "    if len(kept) > 800:\n        time.sleep(0.1)",
            f"import os\nf = open('f', 'wb')\nos.remove('f')\nf.write({_BYTES})\nx = 1.0",
            ("forbidden",), "wrote more than 24 MiB"),
    Overrun("removed_files_kept_mapped", "scratch", _MMAP + f"""\
import os
while True:
    with open('f', 'wb+') as f:
        for _ in range(16):
            f.write({_BYTES})
        f.flush()
        assert libc.mmap(0, 4096, 1, 1, f.fileno(), 0) != 2**64 - 1
    os.remove('f')""", f"open('f', 'wb').write({_BYTES})\nx = 1.0", ("forbidden",), "wrote more than 48 MiB"),
    Overrun("many_small_files", "scratch", "n = 0\nwhile True:\n    n += 1\n    open(f'f{n}', 'w').close()",
            "for n in range(20):\n    open(f'f{n}', 'w').close()\n"
            "x = 1.0", ("forbidden",), "made more than 400 files"),
    Overrun("many_folders", "scratch", "n = 0\nwhile True:\n    n += 1\n"
          "    os.mkdir(f'd{n}')".replace("n = 0", "import os\nn = 0"),
            "import os\nfor n in range(20):\n    os.mkdir(f'd{n}')\n"
            "x = 1.0", ("forbidden",), "made more than 400 files"),
    Overrun("many_links", "scratch", "import os\nn = 0\nopen('f', 'w')\nwhile True:\n    n += 1\n"
          "    os.link('f', f'l{n}')",
            "import os\nopen('f', 'w')\nfor n in range(20):\n    os.link('f', f'l{n}')\nx = 1.0", ("forbidden",),
            "made more than 400 files"),
    Overrun("folders_without_end", "scratch", "import os, time\nfor _ in range(220):\n    os.mkdir('d')\n"
          "    os.chdir('d')\n"
            "while True:\n    time.sleep(1)", "import os\nfor _ in range(20):\n    os.mkdir('d')\n"
            "    os.chdir('d')\nx = 1.0",
            ("forbidden",), "nested more than 200 folders"),
    Overrun("file_with_holes", "scratch", "import os\n"
          "os.truncate(os.open('f', os.O_CREAT | os.O_RDWR), 1 << 31)\nx = 1.0",
            "open('f', 'w')\nx = 1.0", ("ok",)),
    Overrun("left_without_rights", "scratch", "import os\nos.umask(0o777)\nfor n in range(20):\n"
          "    os.mkdir(f'd{n}')\nx = 1.0",
            "x = 1.0", ("ok", "forbidden")),
)  # fmt: skip

ALL = (*TIME, *MEMORY, *OUTPUT, *SCRATCH)


def run(evaluator: LocalEvaluator, overruns: tuple[Overrun, ...] = ALL) -> dict[str, Evaluation]:
    """Return what became of each, by name, and of its twin, by name and "twin"; several at once."""
    quick = [(one.name, one.cell) for one in overruns if one.group == "time" and one.statuses != ("ok",)]
    patient = [(one.name, one.cell) for one in overruns if (one.name, one.cell) not in quick]
    patient += [(f"{one.name} twin", one.twin) for one in overruns]
    found = {}
    with ThreadPoolExecutor(WORKERS) as pool:
        for cells, timeout_s in ((quick, TIMEOUT_S), (patient, _PATIENT_S)):
            evaluator.limit(timeout_s, MEMORY_MIB)
            results = pool.map(lambda one: evaluator.evaluate(one[1]), cells)
            found |= {name: result for (name, _), result in zip(cells, results, strict=True)}
    return found
