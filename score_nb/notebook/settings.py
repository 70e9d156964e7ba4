"""Defaults that a user sets once: `%config Score.model = "…"`, `c.Score.nodes = 200` in IPython's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Float, Int, TraitType, Unicode
from traitlets.config import Configurable

from score_nb.cell.options import BY_FIELD, Given, from_keywords

_TRAITS: Mapping[str, type[TraitType[Any, Any]]] = {"whole": Int, "number": Float, "text": Unicode}


def _trait(name: str) -> TraitType[Any, Any]:
    spec = BY_FIELD[name]
    about = f"{spec.meaning} (option {spec.flag}; default: {spec.default})"
    return _TRAITS[spec.kind](None, allow_none=True, help=about).tag(config=True)


class Score(Configurable):
    """Defaults of the options of `%%score`; an option in the cell wins over them.

    What describes one cell (its goal, its name, what it shares) has no default for all cells.
    """

    model = _trait("model")
    effort = _trait("effort")
    prompts = _trait("prompts")
    nodes = _trait("nodes")
    minutes = _trait("minutes")
    tokens = _trait("tokens")
    cost = _trait("cost")
    workers = _trait("workers")
    proposals = _trait("proposals")
    repeats = _trait("repeats")
    timeout = _trait("timeout")
    memory = _trait("memory")
    policy = _trait("policy")
    c_puct = _trait("c_puct")
    operators = _trait("operators")
    confinement = _trait("confinement")

    def given(self) -> Given:
        """Return the settings that were set, checked as options are."""
        return from_keywords({name: getattr(self, name) for name in self.trait_names(config=True)})
