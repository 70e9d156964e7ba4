"""Errors that a user reads: each names the cause and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScoreError(Exception):
    """Base of all errors that are the user's to mend; shown as one line, never as a traceback."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this where it would print a traceback.
        return [f"{type(self).__name__}: {self}"]


class BadOption(ScoreError):
    """An option that does not exist, or a value that it cannot take."""


class BadMetric(ScoreError):
    """The metric is missing, is no function, raises, or returns no finite number."""


class BadSeed(ScoreError):
    """The seed fails, or does not define what the metric needs."""


class BadInput(ScoreError):
    """An input that cannot be sent to a candidate: an open file, a lock, a generator."""


class ModelUnavailable(ScoreError):
    """No key, no server, or an endpoint that refuses: the run pauses, no node is lost."""


class EvaluatorBroken(ScoreError):
    """The tool that runs candidates failed, not a candidate."""


class NotConfined(ScoreError):
    """Candidates would run under less confinement than the user asked for."""


class StoreBusy(ScoreError):
    """Another process writes this run."""


class StoreBroken(ScoreError):
    """The stored run cannot be read or written."""


class RunNotFound(ScoreError):
    """No run of that name."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ' Did you mean X?' for the nearest known word, '' where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""
