"""Papers condensed to the method they describe, once each, when an idea's turn comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class Papers:
    """The whole texts behind ideas, and what a model made of them; safe to use from several threads at once."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        self._condensed: dict[str, str] = {}
        self._guard = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def __contains__(self, idea: object) -> bool:
        return idea in self._texts

    def method_of(self, idea: str, condense: Callable[[str], str]) -> str:
        """Return the method that the paper behind `idea` describes.

        `condense` is called by the first who asks, the others wait for it; where it raises, the next one tries.
        """
        with self._guard:
            turn = self._turns.setdefault(idea, threading.Lock())
        with turn:
            if idea not in self._condensed:
                self._condensed[idea] = condense(self._texts[idea])
            return self._condensed[idea]
