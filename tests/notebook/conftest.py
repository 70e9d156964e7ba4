"""A real IPython with a namespace of its own per test, and `%load_ext score_nb` in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from score_nb.notebook.registry import REGISTRY

Cell = Callable[..., str]

METRIC = """
target = 7
data = [1.0, 2.0]

def near(guess):
    '''How near the guess is.'''
    return -abs(guess - target)
"""
SEED = "scale = 3\nguess = scale * len(data)"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython whose history and profile lie in a folder of the test, working in another."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("JPY_SESSION_NAME", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPTIONS", "NOTEBOOK", "MODEL", "HOME"):
        monkeypatch.delenv(f"SCORE_NB_{name}", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def registry() -> Iterator[Any]:
    """The runs of this process, none before and none at work after."""
    REGISTRY.started.clear()
    yield REGISTRY
    for started in REGISTRY.started:
        started.run.stop()
        started.run.wait(30)
    REGISTRY.started.clear()


@pytest.fixture
def cell(shell: InteractiveShell, registry: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[Cell]:
    """Run a cell as a notebook would and return all that it printed; `ok=False` where it should fail."""

    def run(text: str, *, ok: bool = True, cell_id: str | None = None) -> str:
        capsys.readouterr()
        result = shell.run_cell(text, store_history=True, cell_id=cell_id)
        printed = capsys.readouterr()
        output = printed.out + printed.err
        assert result.success is ok, output
        return output

    run("%load_ext score_nb")
    run(METRIC)
    yield run
    run("%unload_ext score_nb")
