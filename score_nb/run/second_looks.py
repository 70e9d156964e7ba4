"""What is looked at again after a node was added: its value on the hold-out, and further evaluations of it."""

from __future__ import annotations

from score_nb import events as ev
from score_nb.run.desk import Desk
from score_nb.run.integrity import holdout_flag, settled
from score_nb.run.measure import measure_again
from score_nb.run.messages import HoldoutEvaluated, NodeMeasured
from score_nb.types import Evaluation, Flag


class SecondLooks:
    """The second looks of one run.

    Parameters
    ----------
    desk : Desk
        The run's record, and what may be done about it.
    has_holdout : bool
        Whether there is a hold-out metric.
    """

    def __init__(self, desk: Desk, *, has_holdout: bool) -> None:
        self._desk = desk
        self._has_holdout = has_holdout
        self._held_out: set[int] = set()
        self._scoring: set[int] = set()
        self._measuring: set[int] = set()

    @property
    def is_at_work(self) -> bool:
        """Whether a result is still to come."""
        return bool(self._scoring or self._measuring)

    def look_after_best(self) -> None:
        """Have the seed and the best, whatever made it the best, scored on the hold-out."""
        record = self._desk.record
        for index in {0, *(node.index for node in (record.best, record.leader) if node is not None)}:
            self._score_holdout(index)

    def _score_holdout(self, index: int) -> None:
        desk, node = self._desk, self._desk.record.tree[index]
        is_known = index in self._scoring | self._held_out or node.holdout is not None
        if not self._has_holdout or is_known:
            return
        self._scoring.add(index)
        desk.submit(
            lambda: desk.evaluator.evaluate(node.source, seed=desk.entropy, metric="holdout"),
            lambda result: HoldoutEvaluated(index, result),
        )

    def on_holdout(self, index: int, result: Evaluation) -> None:
        """Take a value of the hold-out into account; it is never told to proposer or planner."""
        self._scoring.discard(index)
        self._held_out.add(index)
        desk = self._desk
        desk.emit(ev.HoldoutScored(desk.at(), index, result.value, result.detail))
        if result.value is None and index:
            flag = Flag("holdout", f"cannot be scored on the hold-out: {result.detail}")
            desk.emit(ev.NodeFlagged(desk.at(), index, flag))
        # The seed's own value may come late: then all that have one are compared.
        for node in list(desk.record.tree) if index == 0 else [desk.record.tree[index]]:
            if found := holdout_flag(desk.record, node):
                desk.emit(ev.NodeFlagged(desk.at(), node.index, found))
        self.look_after_best()

    def measure(self, index: int, more: int) -> None:
        """Have a node evaluated `more` times further, on fresh random seeds; one at a time for each node."""
        desk, node = self._desk, self._desk.record.tree[index]
        if index in self._measuring or node.value is None:
            return
        self._measuring.add(index)
        first = Evaluation("ok", node.value, spread=node.spread, values=node.values)
        desk.submit(
            lambda: measure_again(desk.evaluator, node.source, first, seed=desk.entropy, more=more),
            lambda result: NodeMeasured(index, result),
        )

    def on_measured(self, index: int, result: Evaluation) -> None:
        """Take further evaluations of a node into account."""
        self._measuring.discard(index)
        desk = self._desk
        if result.value is None:
            desk.emit(ev.Warned(desk.at(), f"node {index} failed when it was evaluated again: {result.detail}"))
            return
        flags = {flag.kind: flag for flag in (*result.flags, *desk.record.tree[index].flags)}
        answered = settled(flags.values(), result.values)
        desk.emit(ev.NodeEvaluated(desk.at(), index, result.value, result.spread, result.values, answered))
        self.look_after_best()
