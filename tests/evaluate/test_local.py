"""The local evaluator keeps the contract, and what only it promises."""

from __future__ import annotations

import sys

import pytest

from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.contract import EvaluatorContract

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")


class TestLocalEvaluator(EvaluatorContract):
    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return LocalEvaluator(what)
