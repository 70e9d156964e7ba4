"""A proposer and an evaluator whose every answer is written down: they make tests of the loop deterministic."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate.base import Confinement
from score_nb.propose.base import Request
from score_nb.run.seed_tests import EMPTY
from score_nb.types import Evaluation, Proposal


class ScriptedProposer:
    """Writes `v = <ticket>`, or what `write(request)` returns; counts what it was asked."""

    name = "scripted"
    notice = ""

    def __init__(
        self, write: Callable[[Request], str | None] | None = None, *, delay: float = 0.0, is_instant: bool = True
    ) -> None:
        self._write = write or (lambda request: f"v = {request.ticket}")
        self._delay = delay
        self.is_instant = is_instant
        self.is_untrusted = False
        self.requests: list[Request] = []
        self.closed = False
        self._guard = threading.Lock()

    def propose(self, request: Request) -> Proposal:
        with self._guard:
            self.requests.append(request)
        time.sleep(self._delay)
        source = self._write(request)
        return Proposal(
            source, model=self.name, detail="as scripted", prompt=f"prompt {request.ticket}",
            reply=f"reply {request.ticket}", tokens_in=10, tokens_out=5, cost=0.01,
        )  # fmt: skip

    def close(self) -> None:
        self.closed = True


class ScriptedEvaluator:
    """Gives each source the value, or the evaluation, that `values` holds for it; others score their `v`."""

    def __init__(
        self,
        values: Mapping[str, float | Evaluation] | Callable[[str], float | Evaluation] | None = None,
        *,
        delay: Callable[[str], float] | None = None,
        holdout: Callable[[str], float] | None = None,
        probed: Evaluation | None = None,
        confinement: Confinement | None = None,
    ) -> None:
        self._values = values
        self._confinement = confinement or Confinement("full", {})
        self._delay = delay or (lambda source: 0.0)
        self._holdout = holdout
        self.probed = probed or Evaluation("ok", 0.0)
        self.evaluated: list[str] = []
        self.held_out: list[str] = []
        self.limits: list[tuple[float, int]] = []
        self.contract: Mapping[str, Any] = {}
        self.prepared = self.closed = False
        self._guard = threading.Lock()

    def prepare(self) -> None:
        self.prepared = True

    def start(self) -> Confinement:
        return self._confinement

    def limit(self, timeout: float, memory: int) -> None:
        self.limits.append((timeout, memory))

    def expect(self, contract: Mapping[str, Any]) -> None:
        self.contract = contract

    def evaluate(self, source: str, *, seed: int = 0, metric: str = "metric", probe: bool = False) -> Evaluation:
        if metric == "holdout":
            self.held_out.append(source)
            assert self._holdout is not None
            return Evaluation("ok", self._holdout(source))
        if probe or source == EMPTY:
            # The tests of the seed: what they say is a matter of their own.
            return self.probed if probe else Evaluation("invalid", detail="does not define `v`")
        with self._guard:
            self.evaluated.append(source)
        until = time.monotonic() + self._delay(source)
        while time.monotonic() < until:
            if self.closed:
                raise EvaluatorBroken("closed")
            time.sleep(0.002)
        result = self._value(source)
        return result if isinstance(result, Evaluation) else Evaluation("ok", result, seconds=0.5, peak_mib=10)

    def _value(self, source: str) -> float | Evaluation:
        if callable(self._values):
            return self._values(source)
        if self._values is not None and source in self._values:
            return self._values[source]
        return float(source.removeprefix("v = "))

    def close(self) -> None:
        self.closed = True
