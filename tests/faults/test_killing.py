"""A few of the random kills of `benchmarks/faults.py`: each sort of process, with and without a fixed seed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.killing import VICTIMS, trial

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="candidates run on Linux only"),
]


@pytest.mark.parametrize("number", range(1000, 1000 + 2 * len(VICTIMS)))
def test_a_killed_process_changes_nothing(number: int, tmp_path: Path) -> None:
    assert trial(number, tmp_path).wrong == []
