"""What an evaluator keeps of the notebook's objects: copies by value, and what was read off the objects themselves."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from score_nb.crossval import CrossValidation
from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Copies:
    """The notebook's values, copied.

    Attributes
    ----------
    snapshots : sequence of Snapshot
        Of the inputs, and of what only the metric reads.
    sent_modules : mapping
        Modules among the values: their names in the notebook with those to import them by.
    n_folds : mapping
        Metrics made by `score_nb.cv`, with the number of their folds.
    """

    snapshots: Sequence[Snapshot]
    sent_modules: Mapping[str, str]
    n_folds: Mapping[str, int]

    def twin(self) -> Copies:
        """Return the same copies with descriptors of their own."""
        return Copies([taken.twin() for taken in self.snapshots], self.sent_modules, self.n_folds)

    def close(self) -> None:
        """Free the memory files."""
        for taken in self.snapshots:
            taken.close()


def copy_all(setup: EvaluatorSetup, copy: Callable[[Mapping[str, Any], str], Snapshot]) -> Copies:
    """Return copies of all objects of `setup`, each side made by `copy(values, reader)`.

    Raises
    ------
    BadInput
        An input cannot be sent; the message names it and the mend.
    """
    taken: list[Snapshot] = []
    sides = {"candidates": setup.inputs, "the scorer": setup.scorer}
    try:
        for reader, values in sides.items():
            taken.append(copy(values, reader))
    except BaseException:
        for one in taken:
            one.close()
        raise
    modules = {
        name: value.__name__
        for values in sides.values()
        for name, value in values.items()
        if isinstance(value, types.ModuleType)
    }
    folds = {name: value.n_folds for name, value in setup.scorer.items() if isinstance(value, CrossValidation)}
    return Copies(taken, modules, folds)
