"""The value of a candidate over several evaluations."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import replace

from score_nb.evaluate.base import Evaluator
from score_nb.types import Evaluation, Flag


def measure_again(evaluator: Evaluator, source: str, first: Evaluation, *, seed: int, more: int) -> Evaluation:
    """Return `first` with `more` evaluations of `source` on fresh random seeds added.

    The value is the mean and `spread` the standard deviation of all; seconds add up, flags of all are kept.  An
    evaluation that fails makes the whole fail: a candidate that works now and then is not a best.
    """
    if first.value is None or more <= 0:
        return first
    results, known = [first], first.values or (first.value,)
    for number in range(len(known), len(known) + more):
        again = evaluator.evaluate(source, seed=seed + number)
        if again.value is None:
            return replace(again, detail=f"evaluation {number + 1} of {len(known) + more}: {again.detail}")
        results.append(again)
    values = (*known, *(result.value for result in results[1:] if result.value is not None))
    return replace(
        first,
        value=statistics.fmean(values),
        spread=statistics.stdev(values),
        values=values,
        flags=_one_of_each(flag for result in results for flag in result.flags),
        seconds=sum(result.seconds for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        peak_mib=max(result.peak_mib for result in results),
    )


def _one_of_each(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    found: dict[str, Flag] = {}
    for flag in flags:
        found.setdefault(flag.kind, flag)
    return tuple(found.values())
