"""Which evaluator serves here: forks of a warm process, fresh interpreters below it, or what every system has."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Literal

from score_nb.errors import BadInput, EvaluatorBroken
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.copies import Copies
from score_nb.evaluate.portable import PortableEvaluator
from score_nb.evaluate.process import ProcessEvaluator
from score_nb.types import Evaluation


def evaluator_for(setup: EvaluatorSetup) -> PortableEvaluator | ElsePortable:
    """Return an evaluator of this machine.

    On Linux whether forks are safe is found out by one when it starts, and what does not work at all there is done as
    on other systems.
    """
    if sys.platform != "linux":
        return PortableEvaluator(setup)
    from score_nb.evaluate.fresh import ForkElseFresh

    return ElsePortable(ForkElseFresh(setup))


class ElsePortable:
    """An evaluator that gives way to the portable one where it cannot be started.

    Parameters
    ----------
    first : ProcessEvaluator
        Tried first; its copies of the inputs are taken over.
    """

    def __init__(self, first: ProcessEvaluator) -> None:
        self._at_work = first
        self._is_closed = False

    @property
    def places(self) -> int:
        """How many evaluations can be at work at once."""
        return self._at_work.places

    @property
    def modules(self) -> frozenset[str]:
        """The modules that are imported before the first candidate."""
        return self._at_work.modules

    def warm(self, modules: Iterable[str]) -> None:
        """Let coming evaluations find `modules` imported."""
        self._at_work.warm(modules)

    def prepare(self) -> None:
        """Copy the inputs."""
        self._at_work.prepare()

    def adopt(self, copies: Copies) -> None:
        """Take over what was copied elsewhere, instead of `prepare`."""
        self._at_work.adopt(copies)

    def start(self) -> Confinement:
        """Start the first that works and return what confinement holds; what the first said counts if none does."""
        first = self._at_work
        first.prepare()
        copies = [taken.twin() for taken in first.snapshots]
        try:
            return first.start()
        except EvaluatorBroken as error:
            if self._is_closed:
                raise
            try:
                self._at_work = PortableEvaluator.taking_over(first, copies)
                found = self._at_work.start()
            except (EvaluatorBroken, BadInput):
                raise error from None
            if self._is_closed:
                self._at_work.close()
            return found
        finally:
            for copy in copies:
                copy.close()

    def limit(self, timeout: float, memory: int) -> None:
        """Set wall seconds and MiB for the evaluations that follow."""
        self._at_work.limit(timeout, memory)

    def expect(self, contract: Mapping[str, object]) -> None:
        """Set what the outputs of the evaluations that follow must look like."""
        self._at_work.expect(contract)

    def evaluate(
        self, source: str, *, seed: int = 0, metric: Literal["metric", "holdout"] = "metric", probe: bool = False
    ) -> Evaluation:
        """Run `source` in a process of its own, score it, and return what happened."""
        return self._at_work.evaluate(source, seed=seed, metric=metric, probe=probe)

    def close(self) -> None:
        """Kill what is at work and free everything."""
        self._is_closed = True
        self._at_work.close()
