"""What all programs of the comparison are given: two tasks, and one writer of programs behind the API.

A program defines `solve`, which also says how many CPU-seconds its own work took (of its thread, so that others' work
in the same process does not count).  Everything that a writer may change stands in the line that begins with `KNOBS`.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

START = "# EVOLVE-BLOCK-START\n"
END = "# EVOLVE-BLOCK-END\n"

CIRCLES = """\
import time

import numpy as np
from scipy.optimize import minimize

KNOBS = {knobs}


def solve():
    began = time.thread_time()
    n = 26
    i, j = np.triu_indices(n, 1)
    rows = np.arange(len(i))
    eye = np.eye(n)

    def gaps(v):
        x, y, r = v.reshape(3, n)
        apart = np.hypot(x[i] - x[j], y[i] - y[j]) - r[i] - r[j]
        return np.concatenate([apart, x - r, y - r, 1 - x - r, 1 - y - r])

    def slopes(v):
        x, y, r = v.reshape(3, n)
        dx, dy = x[i] - x[j], y[i] - y[j]
        d = np.hypot(dx, dy) + 1e-12
        pairs = np.zeros((len(i), 3, n))
        pairs[rows, 0, i], pairs[rows, 0, j] = dx / d, -dx / d
        pairs[rows, 1, i], pairs[rows, 1, j] = dy / d, -dy / d
        pairs[rows, 2, i] = pairs[rows, 2, j] = -1
        zero = np.zeros((n, n))
        walls = [np.hstack(b) for b in ([eye, zero, -eye], [zero, eye, -eye], [-eye, zero, -eye], [zero, -eye, -eye])]
        return np.vstack([pairs.reshape(len(i), 3 * n), *walls])

    grad = np.concatenate([np.zeros(2 * n), -np.ones(n)])
    limits = {{"type": "ineq", "fun": gaps, "jac": slopes}}
    rng = np.random.default_rng(0)
    best = np.zeros(3 * n)
    for shake in (0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07):
        centres = (np.array(KNOBS) + shake * rng.normal(size=2 * n)).clip(0, 1).reshape(n, 2)
        start = np.concatenate([centres[:, 0], centres[:, 1], np.full(n, 0.02)])
        found = minimize(lambda v: -v[2 * n:].sum(), start, jac=lambda v: grad, method="SLSQP",
                         bounds=[(0, 1)] * (3 * n), constraints=limits, options={{"maxiter": 15}}).x
        found[2 * n:] = np.maximum(found[2 * n:] + min(0.0, gaps(found).min()), 0)
        best = max(best, found, key=lambda v: v[2 * n:].sum())
    x, y, r = best.reshape(3, n)
    return np.column_stack([x, y]), r, time.thread_time() - began
"""

TABLE = """\
import time

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

KNOBS = {knobs}


def solve(X_train, y_train, X_val):
    began = time.thread_time()
    rate, leaves, rounds, columns = KNOBS
    order = np.argsort(-np.abs(X_train[:20000].T @ (y_train[:20000] - y_train[:20000].mean())))[: int(columns)]
    model = HistGradientBoostingRegressor(learning_rate=rate, max_leaf_nodes=int(leaves), max_iter=int(rounds),
                                          early_stopping=False, random_state=0)
    model.fit(X_train[:, order], y_train)
    return model.predict(X_val[:, order]), time.thread_time() - began
"""

ROWS, COLUMNS = 130_000, 100
"""About 200 MB as text with twelve digits."""
TRAIN = 120_000


def make_table(path: str) -> None:
    """Write the table of the second task: Gaussian columns, a target of some of them with noise."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20261129)
    X = rng.normal(size=(ROWS, COLUMNS))
    y = 2 * X[:, 0] + np.sin(3 * X[:, 1]) * 2 + X[:, 2] * X[:, 3] + np.abs(X[:, 4]) + rng.normal(size=ROWS)
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(COLUMNS)])
    frame["y"] = y
    frame.to_csv(path, index=False, float_format="%.12f")


def load_table(path: str) -> tuple[Any, Any, Any, Any]:
    """Return X_train, y_train, X_val and y_val as the table's file holds them."""
    import numpy as np
    import pandas as pd

    table = pd.read_csv(path)
    X, y = np.ascontiguousarray(table.drop(columns="y").to_numpy()), table["y"].to_numpy()
    return X[:TRAIN], y[:TRAIN], X[TRAIN:], y[TRAIN:]


def packed(centres: Any, radii: Any) -> float:
    """Return the sum of radii of 26 circles that lie in the unit square and nowhere overlap; refuse any others."""
    import numpy as np

    centres, radii = np.asarray(centres, float), np.asarray(radii, float)
    if centres.shape != (26, 2) or radii.shape != (26,) or not (np.isfinite(centres).all() and (radii >= 0).all()):
        raise ValueError("not 26 circles")
    i, j = np.triu_indices(26, 1)
    apart = np.hypot(*(centres[i] - centres[j]).T) - radii[i] - radii[j]
    inside = np.minimum(centres, 1 - centres).min(1) - radii
    if min(apart.min(), inside.min()) < -1e-12:
        raise ValueError("circles overlap or leave the square")
    return float(radii.sum())


def fitted(predicted: Any, y_val: Any) -> float:
    """Return the share of the variance of `y_val` that the prediction explains."""
    import numpy as np

    return float(1 - np.mean((np.asarray(predicted) - y_val) ** 2) / np.var(y_val))


def _grid() -> list[float]:
    """Return 26 centres as a practitioner would begin: a grid of 5 x 5 and one more circle in a gap."""
    return [round(v, 3) for k in range(25) for v in ((k % 5) / 5 + 0.1, k // 5 / 5 + 0.1)] + [0.2, 0.2]


def _move(knobs: Sequence[float], rng: random.Random) -> list[float]:
    """Return the centres with one to four of them put elsewhere and all shaken a little."""
    points = [list(knobs[k : k + 2]) for k in range(0, len(knobs), 2)]
    for k in rng.sample(range(len(points)), rng.randint(1, 4)):
        points[k] = [rng.random(), rng.random()]
    return [round(min(max(v + rng.gauss(0, 0.02), 0.01), 0.99), 3) for point in points for v in point]


def _tune(knobs: Sequence[float], rng: random.Random) -> list[float]:
    """Return the settings with one or two of them multiplied by a factor, within what one evaluation can bear."""
    low, high = (0.01, 4, 8, 5), (0.5, 40, 50, 25)
    new = list(knobs)
    for k in rng.sample(range(4), rng.randint(1, 2)):
        new[k] = min(max(new[k] * rng.choice((0.6, 0.8, 1.25, 1.6)), low[k]), high[k])
    return [round(new[0], 4), *(round(v) for v in new[1:])]


@dataclass(frozen=True)
class Problem:
    """A task: its program with the knobs open, the knobs of the seed, how a writer moves them, how AIDE is told."""

    program: str
    knobs: tuple[float, ...]
    move: Callable[[Sequence[float], random.Random], list[float]]
    goal: str

    def text(self, knobs: Sequence[float], bad: str = "") -> str:
        """Return the program with these knobs; `bad` comes first in `solve`."""
        text = START + self.program.format(knobs=json.dumps(list(knobs))) + END
        return text.replace("    began =", f"{bad}    began =", 1)


PROBLEMS = {
    "circles": Problem(CIRCLES, tuple(_grid()), _move, "Pack 26 circles into a unit square; maximise the sum of radii"),
    "table": Problem(TABLE, (0.1, 12, 24, 10), _tune, "Predict y of ./input/table.csv; maximise R2 on the last rows."),
}  # fmt: skip

BAD = {
    "endless loop": "    while True:\n        pass\n",
    "os._exit": "    import os\n    os._exit(3)\n",
    "exception": "    raise ValueError('a bad candidate')\n",
    "no program": "",
    "starts a process, hangs": (
        "    import subprocess\n    subprocess.Popen(['sleep', '3599'])\n    while True:\n        pass\n"
    ),
}
MILD = tuple(kind for kind in BAD if kind != "os._exit")
EVERY = 5
"""With faults, each fifth program written is bad, the kinds in turn."""

TAILS = {
    "score_nb": {
        "circles": "\ncentres, radii, work = solve()\n",
        "table": "\npredicted, work = solve(X_train, y_train, X_val)\n",
    },
    "aide": {
        "circles": "\nfrom tasks import packed\n\ncentres, radii, work = solve()\n"
        "print('Validation metric:', packed(centres, radii), 'work:', work)\n",
        "table": "\nfrom tasks import fitted, load_table\n\n"
        "X_train, y_train, X_val, y_val = load_table('./input/table.csv')\n"
        "predicted, work = solve(X_train, y_train, X_val)\n"
        "print('Validation metric:', fitted(predicted, y_val), 'work:', work)\n",
    },
}
"""What follows the program where the cell or script itself has to make the outputs or print the metric."""

_CURRENT = re.compile(r"current program\b|previous solution|previous \(buggy\)", re.I)


@dataclass
class Writer:
    """The model: answers with the program that it is shown, its knobs moved; the n-th answer uses the n-th random seed.

    It knows nothing of values: which program it is shown is the whole influence of a search on it.
    """

    task: str
    peer: str
    faults: Sequence[str] = ()
    served: list[str] = field(default_factory=list)
    """The kind of each program written: "good" or a kind of `BAD`."""
    _count: Any = field(default_factory=lambda: itertools.count(1))
    _lock: Any = field(default_factory=threading.Lock)

    def reply(self, body: Mapping[str, Any]) -> str | dict[str, Any]:
        """Return the text of a completion, or the arguments of a tool call where tools are offered (AIDE's review)."""
        said = "\n".join(str(message.get("content", "")) for message in body.get("messages", ()))
        if body.get("tools"):
            return _review(said)
        with self._lock:
            turn = next(self._count)
            kind = "good"
            if self.faults and turn % EVERY == 0:
                kind = self.faults[(turn // EVERY - 1) % len(self.faults)]
            self.served.append(kind)
        if kind == "no program":
            return "I am sorry, but I cannot help with that."
        problem = PROBLEMS[self.task]
        knobs = problem.move(shown(said) or problem.knobs, random.Random(turn))
        program = problem.text(knobs, BAD.get(kind, "")) + TAILS.get(self.peer, {}).get(self.task, "")
        return (
            f"Other knobs.\n\n<NAME>\nknobs_{turn}\n</NAME>\n\n<DESCRIPTION>\nOther knobs.\n</DESCRIPTION>\n\n"
            f"<CODE>\n```python\n{program}```\n</CODE>\n"
        )


def shown(said: str) -> list[float] | None:
    """Return the knobs of the program that a prompt asks to change: after its heading, else the first one."""
    heading = None
    for heading in _CURRENT.finditer(said):
        found = re.search(r"^KNOBS = (\[.*?\])$", said[heading.end() :], re.M)
        if found:
            return [float(v) for v in json.loads(found[1])]
    found = re.search(r"^KNOBS = (\[.*?\])$", said, re.M)
    return [float(v) for v in json.loads(found[1])] if found else None


def _review(said: str) -> dict[str, Any]:
    """Return what an honest reviewer reads off a script's output."""
    printed = re.findall(r"Validation metric: (-?[\d.]+(?:e-?\d+)?) work:", said)
    value = float(printed[-1]) if printed else None
    return {"is_bug": value is None, "summary": "", "metric": value, "lower_is_better": False}
