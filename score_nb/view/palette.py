"""Colours that keep their meaning for colour-blind eyes and on light and dark pages alike."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from score_nb.types import Node

Colour = tuple[int, int, int, int]

# Contrast of INK is 4.5 on white and 4.2 on JupyterLab's dark ground: one picture serves both themes.
INK: Colour = (120, 120, 122, 255)
FAINT: Colour = (128, 128, 130, 70)
LINK: Colour = (138, 140, 145, 255)
NOTHING: Colour = (128, 128, 128, 0)
ACCENT: Colour = (226, 98, 4, 255)  # Okabe and Ito's vermillion, a little lighter: 3.6 on white, 5.2 on black
HOLDOUT: Colour = (150, 105, 235, 255)
DOUBT: Colour = (205, 70, 140, 255)

# Viridis (Smith, van der Walt) without its ends, which vanish on a dark and on a light ground.
_VIRIDIS = (
    (92, 72, 160), (72, 86, 156), (49, 104, 146), (38, 130, 142), (31, 158, 137), (53, 183, 121), (110, 206, 88),
    (166, 219, 55),
)  # fmt: skip


def of_rank(rank: float) -> Colour:
    """Return the colour of a rank in [0, 1]: violet for the worst value, yellow-green for the best."""
    place = min(max(rank, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    low = min(int(place), len(_VIRIDIS) - 2)
    part = place - low
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(_VIRIDIS[low], _VIRIDIS[low + 1], strict=True))
    return red, green, blue, 255


def ranks(nodes: Sequence[Node]) -> dict[int, float]:
    """Return each scored node's place among the distinct scores that nobody doubts, spread over [0, 1], by index.

    Places, not values: one absurd score cannot press all others into one colour.  A doubted node has the place of the
    next one below it.
    """
    distinct = sorted({node.score for node in nodes if node.is_scored and not node.is_doubted})
    last = len(distinct) - 1
    return {
        node.index: min(1.0, max(0, bisect.bisect_right(distinct, node.score) - 1) / last) if last > 0 else 1.0
        for node in nodes
        if node.is_scored
    }
