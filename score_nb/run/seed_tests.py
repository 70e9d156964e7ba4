"""What seed and metric are tried on before they are believed: the seed once more, a cell that does nothing."""

from __future__ import annotations

from typing import Literal

from score_nb import events as ev
from score_nb.run.desk import Desk
from score_nb.run.integrity import seed_warnings
from score_nb.run.messages import SeedTestEvaluated
from score_nb.types import Evaluation

# A cell that does nothing.
EMPTY = "pass"


class SeedTests:
    """The tests of one run, made while the first proposals are written.

    Parameters
    ----------
    desk : Desk
        The run's record, and what may be done about it.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._found: dict[str, Evaluation] = {}
        self.is_at_work = False

    def start(self) -> None:
        """Have the tests made, unless they were made by an earlier kernel."""
        # A stub has no value that could be compared with anything.
        if self._desk.record.seed_tested is None and self._desk.record.tree[0].is_scored:
            self.is_at_work = True
            self._submit("again", self._desk.record.task.seed)
            self._submit("empty", EMPTY)

    def _submit(self, kind: Literal["again", "empty"], source: str) -> None:
        # Other random numbers than the first time; the metric is tried on spoilt outputs of the seed as well.
        desk = self._desk
        desk.submit(
            lambda: desk.evaluator.evaluate(source, seed=desk.entropy + 1, probe=kind == "again"),
            lambda result: SeedTestEvaluated(kind, result),
        )

    def on_evaluated(self, kind: Literal["again", "empty"], result: Evaluation) -> None:
        """Take one result into account; the last one tells what there is to warn of."""
        self._found[kind] = result
        if len(self._found) < 2:
            return
        self.is_at_work = False
        desk, again = self._desk, self._found["again"]
        tested = ev.SeedTested(desk.at(), again.value, self._found["empty"].value, dict(again.probes))
        desk.emit(tested)
        for warning in seed_warnings(desk.record, tested):
            desk.emit(ev.Warned(desk.at(), warning))
