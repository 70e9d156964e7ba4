"""Bad candidates among good ones: each is accounted for with its cause, and nothing of them is left.

SCORE_NB_CANDIDATES=1000 runs that many; `benchmarks/faults.py` prints the table.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.faults.storm import BAD, storm

CANDIDATES = int(os.environ.get("SCORE_NB_CANDIDATES", "100"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only")
def test_each_candidate_is_accounted_for_and_nothing_is_left() -> None:
    outcome = storm(CANDIDATES)
    assert outcome.wrong == []
    assert outcome.counts.total() == CANDIDATES
    assert set(outcome.counts) == {"good", *(kind.name for kind in BAD)}
    assert outcome.after == outcome.before
    kernel = outcome.growth.pop("kernel")
    assert kernel < 16 << 10, "KiB"
    assert len(outcome.growth) == 4
    assert max(outcome.growth.values()) < 2 << 10, outcome.growth
