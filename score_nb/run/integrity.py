"""Which values are to be doubted, and what answers the doubt: pure sums over a record."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from score_nb.config import Options
from score_nb.events import SeedTested
from score_nb.record import Record
from score_nb.types import Evaluation, Flag, Node, Signal, Task, to_score

# A jump can be told only from a run that has shown what is usual.
JUMP_FROM = 10
# How many times the distance from the middle of all scores to the best one a gain must measure to be a jump.
JUMP_FACTOR = 5.0
# Evaluations after which a doubt counts as answered.
TO_SETTLE: Mapping[Signal, int] = MappingProxyType({"jump": 2, "nondeterministic": 3})


def flags_of(record: Record, result: Evaluation) -> tuple[Flag, ...]:
    """Return the reasons to doubt what an evaluation, or several of one program, found; settled ones included."""
    if result.value is None:
        return ()
    found = [*result.flags, *_beyond_bounds(record.task, result.value), *_jump(record, result)]
    return settled(found, result.values)


def settled(flags: Iterable[Flag], values: Sequence[float]) -> tuple[Flag, ...]:
    """Return the flags, those settled that so many evaluations answer."""
    n = max(1, len(values))
    return tuple(replace(flag, is_settled=flag.is_settled or n >= TO_SETTLE.get(flag.kind, n + 1)) for flag in flags)


def evaluations_wanted(record: Record, options: Options, result: Evaluation) -> int:
    """Return how many more evaluations a program needs before it may become a node: 0 unless it might be the best.

    With `--repeats K` a would-be best has K; a doubt that evaluations can answer has as many as it takes.
    """
    score = to_score(result.value, record.direction)
    if score <= record.score_to_beat:
        return 0
    wanted = [options.repeats, *(TO_SETTLE.get(flag.kind, 1) for flag in flags_of(record, result))]
    return max(0, max(wanted) - max(1, len(result.values)))


def holdout_flag(record: Record, node: Node) -> Flag | None:
    """Return the doubt about a node that is better than the seed in the search and worse on the hold-out."""
    seed = record.tree[0]
    if node.index == 0 or node.holdout is None or seed.holdout is None:
        return None
    gain = node.score - seed.score
    there = to_score(node.holdout, record.direction) - to_score(seed.holdout, record.direction)
    if gain <= 0 or there >= 0:
        return None
    return Flag("holdout", f"better than the seed by {gain:.3g} here, worse by {-there:.3g} on the hold-out")


def seed_warnings(record: Record, found: SeedTested) -> list[str]:
    """Return what the tests of seed and metric give reason to warn of, in the user's words."""
    seed, name = record.tree[0], record.task.metric
    again, empty = found.again, found.empty
    assert seed.value is not None
    warnings = []
    if again is None:
        warnings.append("the seed failed when it was evaluated a second time: candidates may fail by chance as well")
    elif again != seed.value and seed.repeats == 1:
        warnings.append(
            f"{name} depends on chance: the seed has {seed.value:.6g}, and {again:.6g} with other random numbers; with "
            "--repeats 3 a lucky candidate is not taken for a better one"
        )
    if to_score(empty, record.direction) >= seed.score:
        warnings.append(f"{name} gives a cell that does nothing {empty:.6g}, no less than the seed: check the metric")
    for spoilt, value in found.probes.items():
        if to_score(value, record.direction) >= seed.score:
            warnings.append(
                f"{name} gives the seed's outputs made {spoilt} {value:.6g}, no worse than the {seed.value:.6g} of the "
                "seed itself: the search would find that out, check the metric"
            )
    return warnings


def _beyond_bounds(task: Task, value: float) -> list[Flag]:
    low, high = task.bounds
    if low is not None and value < low:
        return [Flag("beyond-bounds", f"{value:.6g} is below {low:g}, the least that {task.metric} can reach")]
    if high is not None and value > high:
        return [Flag("beyond-bounds", f"{value:.6g} is above {high:g}, the most that {task.metric} can reach")]
    return []


def _jump(record: Record, result: Evaluation) -> list[Flag]:
    best = record.score_to_beat
    gain = to_score(result.value, record.direction) - best
    if gain <= 0:
        return []  # as most are: all nodes are looked at for a new best only
    scores = [node.score for node in record.tree if node.is_scored and node.duplicate_of is None]
    if len(scores) < JUMP_FROM:
        return []
    usual = best - statistics.median(scores)
    if usual <= 0 or gain <= JUMP_FACTOR * usual:
        return []
    return [Flag("jump", f"better than all before by {gain:.3g}; the best so far was {usual:.3g} above the median")]
