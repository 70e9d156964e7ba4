"""A Dask cluster keeps the same contract as this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("distributed")

from score_nb.evaluate.base import Evaluator, EvaluatorSetup
from score_nb.evaluate.cluster import ClusterEvaluator, connect
from tests.cluster.support import cluster_of
from tests.evaluate.contract import EvaluatorContract

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only"),
    pytest.mark.slow,
]


class TestClusterEvaluator(EvaluatorContract):
    cluster: Any

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _cluster(cls) -> Iterator[None]:
        with cluster_of(n_workers=1, threads_per_worker=2) as cls.cluster:
            yield

    @classmethod
    def make(cls, what: EvaluatorSetup) -> Evaluator:
        return ClusterEvaluator(what, connect(cls.cluster, "cluster"))
