"""What tokens cost, from a table that the user can edit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from score_nb.errors import BadOption

_VARIANT = re.compile(r"-(?:\d{4}.*|\d{2}-\d{2}.*|latest|preview.*|exp.*)\Z")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, and the tokens that prompt and reply may have together where that is known."""

    tokens_in: float
    tokens_out: float
    cached: float | None = None
    context: int | None = None

    def cost(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """Return US dollars for one call; `cached` of the tokens in were read from the provider's cache."""
        cached = min(cached, tokens_in) if self.cached is not None else 0
        full = (tokens_in - cached) * self.tokens_in + tokens_out * self.tokens_out
        return (full + cached * (self.cached or 0.0)) / 1_000_000


def load_prices(path: Path | None = None) -> Mapping[str, Price]:
    """Return the shipped price table, overlaid with the user's at `path`.

    Raises
    ------
    BadOption
        The user's file is no such table.
    """
    table = _read(files("score_nb.propose").joinpath("prices.json").read_text("utf-8"))
    if path is None:
        return table
    try:
        return {**table, **_read(path.read_text("utf-8"))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadOption(
            f'the price table {path} cannot be read ({error}): it should look like {{"usd_per_million_tokens": '
            '{"my-model": {"in": 0.5, "out": 1.5}}}'
        ) from None


def _read(text: str) -> dict[str, Price]:
    rows = json.loads(text)["usd_per_million_tokens"]
    return {name.lower(): _price(row) for name, row in rows.items()}


def _price(row: Mapping[str, Any]) -> Price:
    # A model of one's own costs nothing: its context alone is enough.
    is_own = "context" in row and "in" not in row and "out" not in row
    told = {"in": 0.0, "out": 0.0, **row} if is_own else row
    return Price(
        float(told["in"]), float(told["out"]), float(told["cached"]) if "cached" in told else None,
        int(told["context"]) if "context" in told else None,
    )  # fmt: skip


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """Return the price of `model`, None where the table does not know it.

    Dated names (`gpt-5-mini-2025-08-07`) and names with a vendor before a slash find the plain name's price.
    """
    name = model.lower()
    for spelling in (name, name.rpartition("/")[2]):
        plain = _VARIANT.sub("", spelling)
        for known in (spelling, plain):
            if known in prices:
                return prices[known]
    return None
