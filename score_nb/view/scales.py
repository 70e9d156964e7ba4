"""The axes of a curve: round ticks, and a range that no outlier can squash."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def robust_range(values: Sequence[float], keep: Sequence[float]) -> tuple[float, float]:
    """Return (low, high) that shows all of `keep` large, and of `values` what lies near it.

    `keep` spans at least a third of the range, unless less than 60 % of the values would then be seen; what lies
    beyond three interquartile ranges of the quartiles (Tukey's far fences) never counts.
    """
    low, high = min(keep), max(keep)
    ordered = sorted(values)
    if ordered:
        lower, upper = quantile(ordered, 0.25), quantile(ordered, 0.75)
        fence, reach = 3 * (upper - lower), 1.1 * (high - low)
        near = min(low - reach, max(quantile(ordered, 0.4), lower - fence))
        far = max(high + reach, min(quantile(ordered, 0.6), upper + fence))
        low = min(low, next((v for v in ordered if v >= near), low))
        high = max(high, next((v for v in reversed(ordered) if v <= far), high))
    margin = (high - low) * 0.07 or abs(high) * 0.05 or 0.5
    return low - margin, high + margin


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the quantile of sorted values, linear between neighbours."""
    place = part * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers within [low, high]."""
    step = _round_step((high - low) / max(count, 1))
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_words(values: Sequence[float]) -> list[str]:
    """Return the ticks with as many decimals as tell them apart."""
    if len(values) < 2:
        return [f"{value:.4g}" for value in values]
    step = min(b - a for a, b in pairwise(values))
    size = max(abs(value) for value in values)
    if size >= 1e5 or size < 1e-3:
        return [f"{value:.2e}" if value else "0" for value in values]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, decimals) != round(step, 12):
        decimals += 1
    return [f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for value in values]


def spread_out(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return ascending `places` moved apart to `gap` at least, as little as needed and within [low, high]."""
    moved = list(places)
    for i, place in enumerate(moved):
        moved[i] = max(place, moved[i - 1] + gap if i else low)
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], moved[i + 1] - gap if i + 1 < len(moved) else high)
    return moved


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * 0.7)
