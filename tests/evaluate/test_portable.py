"""Single-use workers for systems without forks keep the contract, confine where they can, and leave nothing behind."""

from __future__ import annotations

from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.portable import PortableEvaluator
from tests.evaluate.contract import EvaluatorContract


class TestPortableEvaluator(EvaluatorContract):
    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return PortableEvaluator(what)
