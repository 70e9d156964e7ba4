"""A fork that hangs is told from one that other work holds up."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from score_nb.evaluate import canary

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="candidates are forked on Linux only")
SECONDS = 0.4


def examined(tmp_path: Path, act: Callable[[], object], most: float = 60.0) -> dict[str, Any]:
    """Return what is found of a fork that does `act` and then reports."""

    def start(own: str, secret: str) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            act()
            os.write(writing, b'{"landlock": ""}')
            os._exit(0)
        os.close(writing)
        return pid, reading

    return canary.examine(str(tmp_path), start, SECONDS, most)


def compute(wall_s: float, share: float) -> None:
    """Compute for a share of each 40 ms, as on a processor that others use as well."""
    until = time.monotonic() + wall_s
    while time.monotonic() < until:
        pause = time.monotonic() + 0.04 * share
        while time.monotonic() < pause:
            pass
        time.sleep(0.04 * (1 - share))


def test_a_fork_that_is_kept_from_computing_is_waited_for(tmp_path: Path) -> None:
    found = examined(tmp_path, lambda: compute(3 * SECONDS, 0.2))
    assert found == {"broken": "", "layers": {"landlock": ""}}


def test_a_fork_that_sleeps_or_spins_is_broken(tmp_path: Path) -> None:
    for act in (lambda: time.sleep(600), lambda: compute(600, 1.0)):
        found = examined(tmp_path, act)
        assert found["layers"] == {}
        assert "a forked process computed nothing in" in found["broken"]


def test_nobody_is_waited_for_for_ever(tmp_path: Path) -> None:
    found = examined(tmp_path, lambda: compute(600, 0.05), most=2 * SECONDS)
    assert found["broken"].startswith("a forked process computed nothing in")
