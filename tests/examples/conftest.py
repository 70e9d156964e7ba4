"""Notebooks run as on a machine without a network, without keys, and with no earlier run to be continued."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import score_nb

NO_NETWORK = Path(__file__).parents[1] / "support" / "no_network"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which kernels note what they tried to reach beyond this machine; it is refused."""
    notes = tmp_path / "outside.txt"
    for variable in ("SCORE_NB_OPTIONS", "SCORE_NB_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    # Beside the notebook there may be a run to be continued.
    monkeypatch.setenv("SCORE_NB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SCORE_NB_TEST_OUTSIDE", str(notes))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(NO_NETWORK), str(Path(score_nb.__file__).parents[1])]))
    return notes
