"""The value of a candidate: one evaluation, or the mean of several where it may become the best."""

from __future__ import annotations

import statistics
from dataclasses import replace

from score_nb.evaluate.base import Evaluator
from score_nb.types import Direction, Evaluation, to_score


def measure(
    evaluator: Evaluator, source: str, *, seed: int, repeats: int, threshold: float, direction: Direction
) -> Evaluation:
    """Return the evaluation of `source`, repeated on fresh seeds where its first score is above `threshold`.

    The value is then the mean and `spread` the standard deviation of all repeats; seconds add up.  A repeat that fails
    makes the whole fail: a candidate that works now and then is not a best.
    """
    first = evaluator.evaluate(source, seed=seed)
    if repeats == 1 or first.value is None or to_score(first.value, direction) <= threshold:
        return first
    results = [first]
    for repeat in range(1, repeats):
        again = evaluator.evaluate(source, seed=seed + repeat)
        if again.value is None:
            return replace(again, detail=f"repeat {repeat + 1} of {repeats}: {again.detail}")
        results.append(again)
    values = [result.value for result in results if result.value is not None]
    return replace(
        first,
        value=statistics.fmean(values),
        spread=statistics.stdev(values),
        seconds=sum(result.seconds for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        peak_mib=max(result.peak_mib for result in results),
    )
