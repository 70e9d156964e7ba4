"""Whose a name is: the candidate's to define, the candidate's to read, or the scorer's alone."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sides:
    """The names of a task, each on its side.

    Attributes
    ----------
    outputs : tuple of str
        What a candidate must define, the metric's parameters first.
    inputs : tuple of str
        What a candidate may read.
    scorer : tuple of str
        What only the metric reads.
    leaks : tuple of str
        Data that both sides read without the user's word.
    kept : tuple of str
        Names that the metric reads and the seed defines, but another cell had defined before: the metric keeps the
        notebook's.
    missing : tuple of str
        Parameters of the metric that the seed does not define.
    """

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    scorer: tuple[str, ...]
    leaks: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]


def defined_outputs(
    parameters: Iterable[str], metric_reads: Set[str], seed_binds: Set[str], had_before: Set[str]
) -> tuple[str, ...]:
    """Return what a candidate must define: the parameters, then what the metric reads and only the seed defines."""
    first = tuple(parameters)
    return first + tuple(sorted((metric_reads & seed_binds) - had_before - set(first)))


def divide(
    *,
    parameters: Iterable[str],
    metric_reads: Set[str],
    seed_reads: Set[str],
    seed_binds: Set[str],
    had_before: Set[str],
    data: Set[str],
    share: Iterable[str] = (),
    hide: Iterable[str] = (),
) -> Sides:
    """Return each name's side.

    Parameters
    ----------
    parameters
        Arguments that the metric cannot do without.
    metric_reads, seed_reads
        What metric and seed look up in the notebook, directly or through functions they call.
    seed_binds
        What the seed defines at top level.
    had_before
        What the notebook holds that the seed cell did not make; all else cannot be sent to anyone.
    data
        Those names of `had_before` that are data, not modules, functions or classes: only these can leak.
    share, hide
        The user's word on what candidates may read.
    """
    parameters = tuple(parameters)
    outputs = defined_outputs(parameters, metric_reads, seed_binds, had_before)
    shared = set(share)
    inputs = ((seed_reads & had_before) | shared) - set(hide)
    read_by_metric = (metric_reads & had_before) - set(outputs)
    return Sides(
        outputs=outputs,
        inputs=tuple(sorted(inputs)),
        scorer=tuple(sorted(read_by_metric - inputs)),
        leaks=tuple(sorted((read_by_metric & inputs & data) - shared)),
        kept=tuple(sorted(read_by_metric & seed_binds)),
        missing=tuple(name for name in parameters if name not in seed_binds),
    )
