"""What the parts of a loop share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from score_nb import events as ev
from score_nb.evaluate.base import Evaluator
from score_nb.record import Record
from score_nb.run.messages import Message
from score_nb.types import Evaluation

Job = Callable[[], Evaluation]
Answer = Callable[[Evaluation | Exception], Message]


@dataclass(frozen=True, slots=True)
class Desk:
    """The record with what may be done about it; used on the loop's thread only.

    Attributes
    ----------
    entropy : int
        Seeds the random generators of all evaluations.
    emit : callable
        Makes an event durable, applies it to the record, and tells it.
    at : callable
        Seconds since the run was created.
    submit : callable
        Has a job done by the evaluation pool; its answer reaches the inbox as the message that the second argument
        makes of it.
    """

    record: Record
    evaluator: Evaluator
    entropy: int
    emit: Callable[[ev.Event], None]
    at: Callable[[], float]
    submit: Callable[[Job, Answer], None]
