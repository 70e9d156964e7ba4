"""What an evaluation costs beyond the candidate's own work: `python benchmarks/evaluation.py [--rounds N]`.

Prints medians (and best) in milliseconds.  The machine should be idle; the load average is printed for honesty.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.local import LocalEvaluator

METRIC = """
def metric(x):
    return x

def proxied(f, g):
    import time, numpy as np
    big = np.random.rand(1_310_720)
    large = []
    for _ in range(15):
        begin = time.perf_counter()
        f(big)
        large.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    for _ in range(1000):
        g(1.0)
    return {"large": 1e3 * sorted(large)[7], "small": 1e3 * (time.perf_counter() - begin)}

def accuracy(predict):
    return balanced_accuracy_score(y, predict(X))
"""
FIT = """
model = LogisticRegression(max_iter=200).fit(X[:, :5], y)
def predict(X):
    return model.predict(X[:, :5])
"""


def notebook(**names: Any) -> dict[str, Any]:
    """Return the namespace of a notebook that holds the metrics and `names`."""
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(compile(METRIC, "<notebook>", "exec", dont_inherit=True), space)
    return space


@contextmanager
def started(space: dict[str, Any], metric: str, outputs: str, inputs: str = "", scorer: str = "") -> Iterator[Any]:
    """Start an evaluator; print how long that took."""
    setup = EvaluatorSetup(
        seed="",
        outputs=tuple(outputs.split()),
        parameters=tuple(outputs.split()),
        inputs={name: space[name] for name in inputs.split()},
        scorer={name: space[name] for name in [metric, *scorer.split()]},
        metric=metric,
        timeout=60,
    )
    evaluator = LocalEvaluator(setup)
    begin = time.perf_counter()
    evaluator.start()
    print(f"  start                                   {1e3 * (time.perf_counter() - begin):8.0f} ms")
    try:
        yield evaluator
    finally:
        evaluator.close()


def timed(label: str, act: Callable[[], object], rounds: int) -> None:
    """Print median and best of `rounds` calls, after two that do not count."""
    times = []
    for _ in range(rounds + 2):
        begin = time.perf_counter()
        act()
        times.append(1e3 * (time.perf_counter() - begin))
    print(f"  {label:40}{statistics.median(times[2:]):8.1f} ms   (best {min(times[2:]):.1f})")


def ok(evaluator: LocalEvaluator, source: str) -> Callable[[], object]:
    """Return a call that evaluates `source` and insists that it works."""

    def run() -> object:
        found = evaluator.evaluate(source)
        assert found.status == "ok", found
        return found

    return run


def trivial(rounds: int) -> None:
    """Measure a cell that does nothing."""
    print("a trivial candidate, no inputs")
    with started(notebook(), "metric", "x") as evaluator:
        timed("evaluation", ok(evaluator, "x = 1.0"), rounds)
        found = evaluator.evaluate("x = 1.0")
        print(f"  CPU of both processes                   {1e3 * found.cpu_seconds:8.1f} ms")


def half_gigabyte(rounds: int) -> None:
    """Measure a cell beside 500 MB of inputs, and one that reads them all."""
    print("500 MB of inputs")
    with started(notebook(data=np.zeros((625, 100_000))), "metric", "x", "data") as evaluator:
        timed("evaluation", ok(evaluator, "x = 1.0"), rounds)
        timed("evaluation that sums 80 MB of them", ok(evaluator, "x = data[:100].sum()"), rounds)


def estimator(rounds: int) -> None:
    """Measure a fitted estimator behind the proxy, with scikit-learn's metric."""
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    features, labels = load_wine(return_X_y=True)
    space = notebook(
        X=features, y=labels, LogisticRegression=LogisticRegression, balanced_accuracy_score=balanced_accuracy_score
    )
    print("scikit-learn: fit in the candidate, balanced accuracy in the scorer")
    with started(space, "accuracy", "predict", "X y LogisticRegression", "balanced_accuracy_score") as evaluator:
        timed("evaluation", ok(evaluator, FIT), rounds)

    def direct() -> None:
        exec(FIT, space)
        space["accuracy"](space["predict"])

    timed("the same in one warm process", direct, rounds)
    code = "import sklearn.linear_model, sklearn.metrics, numpy, pandas"
    timed("a fresh interpreter's imports alone", lambda: subprocess.run([sys.executable, "-c", code], check=True), 3)


def calls() -> None:
    """Measure calls of the metric into the candidate."""
    print("calls through the proxy")
    with started(notebook(), "proxied", "f g") as evaluator:
        found = evaluator.evaluate("def f(a):\n    return len(a)\ndef g(a):\n    return a")
        print(f"  10 MB array to the candidate            {found.value:8.1f} ms   (goal 3)")
        print(f"  1000 scalar calls                       {found.metrics['small']:8.1f} ms   (goal 100)")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    trivial(rounds)
    half_gigabyte(rounds)
    estimator(rounds)
    calls()


if __name__ == "__main__":
    main()
