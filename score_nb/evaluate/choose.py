"""Which evaluator serves here: forks of a warm process, or fresh interpreters where forks are not safe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.fresh import FreshEvaluator
from score_nb.evaluate.host import ForkUnsafe, Host
from score_nb.evaluate.local import LocalEvaluator, Pair


def evaluator_for(setup: EvaluatorSetup) -> Evaluator:
    """Return an evaluator of this machine; whether forks are safe is found out by one when it starts."""
    return _ForkElseFresh(setup)


class _ForkElseFresh(FreshEvaluator):
    """Forks until the canary finds that this is not safe with the notebook's libraries."""

    def __init__(self, setup: EvaluatorSetup) -> None:
        super().__init__(setup)
        self._is_fresh = False
        self._has_forked = False

    def _import(self, host: Host, modules: Iterable[str]) -> Mapping[str, str]:
        kind = FreshEvaluator if self._is_fresh else LocalEvaluator
        return kind._import(self, host, modules)

    def _fork_pair(self, host: Host) -> tuple[Pair, Mapping[str, str]]:
        if not self._is_fresh:
            try:
                made = LocalEvaluator._fork_pair(self, host)
                self._has_forked = True
                return made
            except ForkUnsafe:
                if self._has_forked:  # it was safe: somebody killed the process that was starting
                    raise
                self._is_fresh = True
                # The workers' parent must be as cold as they are: it is forked from a process that imported nothing.
                host.close()
                host = self._host = Host(self._folder, self._setup.secrets)
        return FreshEvaluator._fork_pair(self, host)
