"""What does an evaluation cost beyond the candidate's own work?  Against no confinement, fresh interpreters and pools.

    python benchmarks/evaluation.py [--rounds 40] [--slow-rounds 3]

Prints a table of medians in milliseconds for six kinds of candidates, what a call through the proxy costs, the memory
of candidate and scorer, what the same machine takes for a bare fork, a loop and a copy (one is three times faster than
another), and for each promise whether it is kept.  One thread per library everywhere.  The machine
should be idle; the load average is printed for honesty.  Linux.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

METRICS = """
def value(x):
    return x

def accuracy(predict):
    return balanced_accuracy_score(y, predict(X))

def own_mib():
    # Of the mapped inputs and of what crosses, both memory files, only pages of the process's own count.
    total, is_mapped = 0, False
    for line in open("/proc/self/smaps"):
        first = line.split(None, 1)[0]
        if not first.endswith(":"):
            is_mapped = "/memfd:" in line
        elif first == "Anonymous:" if is_mapped else first in ("Private_Clean:", "Private_Dirty:"):
            total += int(line.split()[1])
    return total / 1024

def weigh_value(x):
    return {"value": x, "own": own_mib()}

def weigh_accuracy(predict):
    return {"value": accuracy(predict), "own": own_mib()}

def calls(size, echo):
    import statistics, time
    import numpy as np

    def median_ms(act, rounds):
        times = []
        for _ in range(rounds + 2):
            begin = time.perf_counter()
            act()
            times.append(1e3 * (time.perf_counter() - begin))
        return statistics.median(times[2:])

    big = np.random.rand(1_310_720)
    return {
        "to the candidate": median_ms(lambda: size(big), 15),
        "there and back": median_ms(lambda: echo(big), 15),
        "scalar calls": median_ms(lambda: [echo(1.0) for _ in range(1000)], 5),
    }
"""
FUNCTION = """
def predict(X):
    return (X[:, 0] > 13).astype(int)
"""
FIT = """
model = LogisticRegression(max_iter=200).fit(X[:, :5], y)

def predict(X):
    return model.predict(X[:, :5])
"""
IN_A_ROW = 8  # evaluations of one evaluator, as in a run, before it is the other's turn
SHARED = ("data", "X", "y", "LogisticRegression", "own_mib")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of candidate."""

    words: str
    cell: str
    output: str = "x"
    metric: str = "value"
    inputs: tuple[str, ...] = SHARED


TRIVIAL = Kind("trivial, no inputs", "x = 1.0", inputs=())
BESIDE = Kind("trivial, 500 MB of inputs", "x = 1.0", inputs=("data", "own_mib"))
LOADED = Kind("the same, scikit-learn imported", "x = 1.0")
READS = Kind("reads an array of 500 MB", "x = float(data.sum())")
CALLED = Kind("a function that the metric calls", FUNCTION, "predict", "accuracy")
FITS = Kind("fits scikit-learn, the metric calls it", FIT, "predict", "accuracy")
KINDS = (TRIVIAL, BESIDE, LOADED, READS, CALLED, FITS)


# --- the notebook ------------------------------------------------------------------------------------------------


def save_data(folder: Path) -> None:
    """Write the notebook's data: an array of 500 MB, and a small table with labels."""
    from sklearn.datasets import load_wine

    features, labels = load_wine(return_X_y=True)
    for name, array in {"data": np.ones((625, 100_000)), "X": features, "y": labels}.items():
        np.save(folder / f"{name}.npy", array)


def notebook(folder: Path) -> dict[str, Any]:
    """Return the namespace of a notebook that has loaded the data."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    space: dict[str, Any] = {"__name__": "__main__", "LogisticRegression": LogisticRegression}
    space |= {"balanced_accuracy_score": balanced_accuracy_score}
    space |= {name: np.load(folder / f"{name}.npy") for name in ("data", "X", "y")}
    exec(compile(METRICS, "<notebook>", "exec", dont_inherit=True), space)
    return space


def carry_out(space: Mapping[str, Any], cell: str, metric: str, output: str) -> float:
    """Return the value of a cell in a copy of the namespace, in this process."""
    own = dict(space)
    exec(compile(cell, "<cell>", "exec", dont_inherit=True), own)
    return float(own[metric](own[output]))


# --- score-nb ------------------------------------------------------------------------------------------------------

# No option of score-nb switches confinement off: this puts nothing in the layers' place where the processes start.
# seccomp is said to hold, for a zygote without it looks for orphans of each candidate.
_BARE = """
from score_nb.evaluate import canary, confine
confine.landlock_abi = lambda: 0
confine.limit_resources = confine.limit_work = confine.limit_always = lambda *limits: None
confine.drop_capabilities = confine.no_new_privileges = lambda: None
confine.confine = lambda rules, scratch: dict.fromkeys(("no_new_privs", "landlock", "seccomp"), "")
canary._works = lambda attempt: False
"""


@contextmanager
def started(space: Mapping[str, Any], kind: Kind, *, is_confined: bool = True) -> Iterator[Any]:
    """Start an evaluator for a kind of candidate."""
    from score_nb.evaluate import host
    from score_nb.evaluate.base import EvaluatorSetup
    from score_nb.evaluate.local import LocalEvaluator

    needed = {"value": (), "weigh_value": ("own_mib",), "calls": ()}
    hidden = needed.get(kind.metric, ("accuracy", "own_mib", "balanced_accuracy_score", "X", "y"))
    setup = EvaluatorSetup(
        seed=kind.cell,
        outputs=tuple(kind.output.split()),
        parameters=tuple(kind.output.split()),
        inputs={name: space[name] for name in kind.inputs},
        scorer={name: space[name] for name in (kind.metric, *hidden) if name not in kind.inputs},
        metric=kind.metric,
        timeout=60,
    )
    evaluator = LocalEvaluator(setup)
    usual = host._START
    if not is_confined:
        host._START = usual.replace("from score_nb", f"exec({_BARE!r}); from score_nb", 1)
    try:
        level = evaluator.start().level
        assert (level == "full") == is_confined, f"confinement is {level}: the figures would not be what they say"
        yield evaluator
    finally:
        host._START = usual
        evaluator.close()


def evaluated(evaluator: Any, cell: str) -> Any:
    """Return the evaluation of a cell, which must be a success."""
    found = evaluator.evaluate(cell)
    assert found.status == "ok", found
    return found


# --- the alternatives ----------------------------------------------------------------------------------------------

_FRESH = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import evaluation
print(evaluation.carry_out(evaluation.notebook(Path(sys.argv[2])), *sys.argv[3:]))
"""
_held: dict[str, Any] = {}


def fresh_interpreter(folder: Path, kind: Kind) -> float:
    """Return the value of a candidate run by a new Python, which imports scikit-learn and loads the data."""
    here = str(Path(__file__).resolve().parent)
    arguments = [here, str(folder), kind.cell, kind.metric, kind.output]
    command = [sys.executable, "-W", "ignore", "-c", _FRESH, *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def hold(folder: Path) -> None:
    """Load the data in a worker of a pool."""
    warnings.simplefilter("ignore")
    _held.update(notebook(folder))


def carry_out_held(cell: str, metric: str, output: str) -> float:
    """Return the value of a cell in a worker of a pool."""
    return carry_out(_held, cell, metric, output)


@contextmanager
def pool(folder: Path, tasks: int | None) -> Iterator[Callable[[Kind], float]]:
    """Start a pool of one process; `tasks` candidates per process, None: all of them in the same."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, hold, (folder,), max_tasks_per_child=tasks) as executor:
        yield lambda kind: executor.submit(carry_out_held, kind.cell, kind.metric, kind.output).result()


# --- measuring -----------------------------------------------------------------------------------------------------


def medians(
    acts: Mapping[str, Callable[[], object]], rounds: int, spare: int = 2, in_a_row: int = 1
) -> dict[str, float]:
    """Return the median milliseconds of each act, taken in turns, after `spare` rounds that do not count.

    With `in_a_row` each has so many goes at once, and one before them that does not count: in it the processes of the
    act before it are still being cleared away.
    """
    times: dict[str, list[float]] = {name: [] for name in acts}
    for round_ in range(rounds + spare):
        for name, act in acts.items():
            for go in range(in_a_row + (in_a_row > 1)):
                begin = time.perf_counter()
                act()
                if round_ >= spare and (go or in_a_row == 1):
                    times[name].append(1e3 * (time.perf_counter() - begin))
    return {name: statistics.median(found) for name, found in times.items()}


Row = dict[str, float]


def measure(kind: Kind, folder: Path, space: Mapping[str, Any], rounds: int, slow: int) -> Row:
    """Return the columns of a kind of candidate."""
    with started(space, kind) as confined, started(space, kind, is_confined=False) as bare:
        row = medians(
            {
                "confined": lambda: evaluated(confined, kind.cell),
                "bare": lambda: evaluated(bare, kind.cell),
                "work": lambda: carry_out(space, kind.cell, kind.metric, kind.output),
            },
            rounds // IN_A_ROW,
            in_a_row=IN_A_ROW,
        )
    if kind.inputs:
        with ExitStack() as stack:
            once = stack.enter_context(pool(folder, 1))
            reused = stack.enter_context(pool(folder, None))
            row |= medians({"fresh": lambda: fresh_interpreter(folder, kind)}, slow, spare=0)
            row |= medians({"once": lambda: once(kind)}, slow, spare=1)
            row |= medians({"reused": lambda: reused(kind)}, rounds)
    return row


def memory(kind: Kind, space: Mapping[str, Any]) -> tuple[float, float]:
    """Return the MiB that candidate and scorer have for themselves once they are done."""
    weighed = Kind(kind.words, kind.cell, kind.output, f"weigh_{kind.metric}", kind.inputs)
    with started(space, weighed) as evaluator:
        evaluated(evaluator, kind.cell)  # after the first one the zygotes import what the cell imported late
        found = [evaluated(evaluator, f"{kind.cell}\nprint('own', own_mib())") for _ in range(3)]
    candidates = [float(each.log.rpartition("own ")[2].split()[0]) for each in found]
    return statistics.median(candidates), statistics.median(each.metrics["own"] for each in found)


def proxy_calls(space: Mapping[str, Any]) -> Mapping[str, float]:
    """Return what calls of the metric into the candidate take, the median of three evaluations."""
    cell = "def size(a):\n    return len(a)\n\ndef echo(a):\n    return a"
    with started(space, Kind("", cell, "size echo", "calls", ())) as evaluator:
        found = [evaluated(evaluator, cell) for _ in range(3)]
    first = "to the candidate"
    named = [{first: each.value, **each.metrics} for each in found]
    return {name: statistics.median(each[name] for each in named) for name in named[0]}


_YARDSTICKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sklearn.linear_model, sklearn.metrics
import evaluation
print(json.dumps(evaluation.yardsticks()))
"""


def yardsticks_elsewhere() -> Mapping[str, float]:
    """Return the yardsticks as measured by a process that has imported scikit-learn and holds no data."""
    command = [sys.executable, "-W", "ignore", "-c", _YARDSTICKS, str(Path(__file__).resolve().parent)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def yardsticks() -> Mapping[str, float]:
    """Return what this machine takes, in milliseconds, for work that has nothing to do with score-nb."""
    array = np.ones(1_310_720)
    target = np.empty_like(array)
    pages = np.ones((1_000, 4_096), np.uint8)

    def fork(written: int = 0) -> None:
        child = os.fork()
        if child == 0:
            pages[:written, 0] = 2
            os._exit(0)
        os.waitpid(child, 0)

    acts: dict[str, Callable[[], object]] = {
        "fork and end of a process that has imported scikit-learn": fork,
        "the same, and a first write to 1,000 pages": lambda: fork(1_000),
        "a loop of 1,000,000 additions in Python": lambda: sum(range(1_000_000)),
        "a copy of 10 MB": lambda: np.copyto(target, array),
    }
    return medians(acts, 20)


# --- the report ----------------------------------------------------------------------------------------------------

COLUMNS = {
    "confined": "score-nb", "bare": "without confinement", "work": "the work alone, warm", "fresh": "fresh interpreter",
    "once": "pool, one task per process", "reused": "pool, process reused",
}  # fmt: skip


def times_faster(row: Row) -> float:
    """Return how many times less an evaluation costs beyond the work itself than a fresh interpreter does."""
    return (row["fresh"] - row["work"]) / (row["confined"] - row["work"])


def heading() -> str:
    """Return the head of the table."""
    names = ["candidate", *COLUMNS.values(), "fresh interpreter / score-nb, beyond the work"]
    return f"| {' | '.join(names)} |\n{'|---' * len(names)}|"


def line_of(kind: Kind, row: Row) -> str:
    """Return a line of the table."""
    cells = [f"{row[name]:,.1f}" if name in row else "" for name in COLUMNS]
    ratio = f"{times_faster(row):,.0f}" if "fresh" in row else ""
    return f"| {' | '.join([kind.words, *cells, ratio])} |"


def promise(words: str, found: float, bound: float, unit: str = "ms", *, is_least: bool = False) -> str:
    """Return the line of a promise: what was found, and whether it is kept."""
    is_kept = found >= bound if is_least else found <= bound
    limit = "at least" if is_least else "at most"
    return f"- {words}: {found:,.1f} {unit}, {limit} {bound:g}: {'kept' if is_kept else '**not kept**'}"


def main() -> None:
    """Measure and print."""
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--slow-rounds", type=int, default=3, help="of fresh interpreters and processes")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # of the alternatives; score-nb sets its own
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        folder = Path(name)
        save_data(folder)
        space = notebook(folder)
        rows: dict[Kind, Row] = {}
        print(heading())
        for kind in KINDS:
            rows[kind] = measure(kind, folder, space, asked.rounds, asked.slow_rounds)
            print(line_of(kind, rows[kind]), flush=True)
        own = {kind: memory(kind, space) for kind in (LOADED, READS, FITS)}
        crossing = proxy_calls(space)
        yards = yardsticks_elsewhere()
    print()
    for kind, (candidate, scorer) in own.items():
        print(f"- memory of its own, {kind.words}: candidate {candidate:.1f} MiB, scorer {scorer:.1f} MiB")
    for words, taken in yards.items():
        print(f"- this machine, {words}: {taken:.1f} ms")
    print()
    beyond = {kind: row["confined"] - row["work"] for kind, row in rows.items()}
    print(promise("trivial", beyond[TRIVIAL], 15))
    print(promise("of which confinement", rows[TRIVIAL]["confined"] - rows[TRIVIAL]["bare"], 3))
    print(promise("beside 500 MB of inputs", beyond[BESIDE], 20))
    print(promise("the same, scikit-learn imported", beyond[LOADED], 20))
    print(promise("memory of a candidate there", own[LOADED][0], 30, "MiB"))
    print(promise("memory of candidate and scorer together", sum(own[LOADED]), 30, "MiB"))
    print(promise("candidate, scorer and proxied metric, beyond the work", beyond[CALLED], 35))
    print(promise("the same with a fit of scikit-learn", beyond[FITS], 35))
    print(promise("faster than a fresh interpreter", times_faster(rows[LOADED]), 80, "times", is_least=True))
    print(promise("10 MB to the candidate", crossing["to the candidate"], 3))
    print(promise("10 MB there and back", crossing["there and back"], 8))
    print(promise("1,000 scalar calls", crossing["scalar calls"], 100))
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
