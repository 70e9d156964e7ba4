"""The local evaluator keeps the contract, and what only it promises."""

from __future__ import annotations

import sys

import pytest

from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.local import LocalEvaluator
from tests.evaluate.contract import EvaluatorContract
from tests.evaluate.support import setup, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")


class TestLocalEvaluator(EvaluatorContract):
    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return LocalEvaluator(what)


def test_a_candidate_does_not_read_the_metadata_of_all_packages_again() -> None:
    # scikit-learn asks narwhals about each array, and narwhals looks for its plug-ins once per process.
    cell = """
import importlib.metadata
import narwhals

asked = []
importlib.metadata.entry_points = lambda **group: asked.append(group) or ()
narwhals.from_native(object(), pass_through=True)
x = float(len(asked))
"""
    with started(setup(seed=cell)) as evaluator:
        found = evaluator.evaluate(cell)
        assert (found.status, found.value) == ("ok", 0.0), found.detail
