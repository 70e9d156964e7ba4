"""All hostile programs: each tries one thing and sets `x = 1.0` where it succeeded, 0 where it did not.

What is too much of something (time, memory, output, files) is in `overruns`, cheating on the score also in `hacks`.
"""

from __future__ import annotations

from tests.hostile import files, network, processes, snooping
from tests.hostile.field import HIDDEN_REVERSED
from tests.hostile.program import Program

__all__ = ["FORGERIES", "PROGRAMS", "Program", "cell"]

PROGRAMS: tuple[Program, ...] = (*files.PROGRAMS, *network.PROGRAMS, *processes.PROGRAMS, *snooping.PROGRAMS)


def cell() -> str:
    """Return what a notebook holds where these are tried; `hidden`, `hidden_text` and the metrics are the scorer's."""
    hidden = HIDDEN_REVERSED[::-1]
    return f"""
hidden = [3.5, 4.5]
hidden_text = "{hidden}"
shared = bytearray(b"original")
def metric(x):
    return float(x)
def best_is_minus_one(x):
    "{hidden}"
    import numpy as np
    assert hidden_text
    return -1.0 - float(np.abs(np.sum(x) - sum(hidden)))
"""


# These end or forge a whole evaluation: they win where the kernel believes them.
FORGERIES = {
    "forged_score_then_exit": """
import os
line = b'{"kind": "score", "values": [["value", 1.0]]}\\n'
for fd in range(3, 1024):
    try:
        os.write(fd, line)
    except OSError:
        pass
os._exit(0)
""",
    "forged_by_thread": """
import os, threading, time
def forge():
    while True:
        for fd in range(3, 64):
            try:
                os.write(fd, b'{"kind": "score", "values": [["value", 1.0]]}\\n')
            except OSError:
                pass
threading.Thread(target=forge, daemon=True).start()
time.sleep(0.2)
x = 0.0
""",
    "float_subclass": "class Best(float):\n    def __float__(self):\n        return 1.0\nx = Best(0.0)",
    "array_function": """
import numpy as np
class Liar(np.ndarray):
    def __float__(self):
        return 1.0
    def item(self, *a):
        return 1.0
x = np.zeros(1).view(Liar)
""",
    "reduce_in_output": """
import os
class Bomb:
    def __reduce__(self):
        return os.system, ('touch /tmp/score-nb-bomb',)
x = [Bomb()]
""",
    "patched_builtins": "import builtins\nbuiltins.float = lambda value: 1.0\nx = 0.0",
    "patched_json": "import json\njson.dumps = lambda *a, **k: '[\"x\",1.0]' * 9\nx = 0.0",
    "nan": "x = float('nan')",
    "infinity": "x = float('inf')",
    "deep": "x = []\nfor _ in range(100_000):\n    x = [x]",
    "endless_proxy": """
class Endless:
    def __getattr__(self, name):
        return Endless()
    def __call__(self, *a):
        return Endless()
x = Endless()
""",
    "raw_garbage": """
import os
for fd in range(3, 1024):
    try:
        os.write(fd, b'\\xff' * 100)
    except OSError:
        pass
x = 0.0
""",
    "bad_sparse": """
import numpy as np, scipy.sparse as sp
m = sp.csr_matrix(np.eye(3))
m.indices[:] = 10**6
x = m
""",
    "not_the_last_word": "import atexit, os\natexit.register(lambda: os.write(1, b'1.0'))\nx = 0.0",
}
