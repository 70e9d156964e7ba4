"""One evaluation out of those of all folds of a cross-validation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import replace

from score_nb.types import Evaluation


def together(folds: Iterable[Evaluation], n_folds: int) -> Evaluation:
    """Return the mean over folds, each of which had a candidate of its own; the first one that fails is the result."""
    results: list[Evaluation] = []
    for number, found in enumerate(folds, 1):
        if found.value is None:
            return replace(found, detail=f"fold {number} of {n_folds}: {found.detail}")
        results.append(found)
    first = results[0]
    return replace(
        first,
        value=statistics.fmean(result.value for result in results if result.value is not None),
        metrics={name: statistics.fmean(result.metrics[name] for result in results) for name in _common(results)},
        flags=tuple({flag.kind: flag for result in results[::-1] for flag in result.flags}.values()),
        probes={
            name: statistics.fmean(result.probes[name] for result in results)
            for name in first.probes
            if all(name in result.probes for result in results)
        },
        seconds=sum(result.seconds for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        peak_mib=max(result.peak_mib for result in results),
    )


def _common(results: list[Evaluation]) -> list[str]:
    return [name for name in results[0].metrics if all(name in result.metrics for result in results)]
