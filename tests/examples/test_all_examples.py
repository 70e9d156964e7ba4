"""All domains' notebooks, really run: each ends above its seed on the hold-out; minutes each, by `make examples`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import score_nb
from score_nb.batch.headless import Job, run_notebook

FOLDER = Path(__file__).parents[2] / "example_notebooks"
WANTED = "SCORE_NB_TEST_EXAMPLES"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not os.environ.get(WANTED), reason=f"takes minutes: make examples, or set {WANTED}=1")
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("0[2-9]_*.ipynb")))
def test_a_search_ends_above_its_seed_on_the_hold_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SCORE_NB_HOME", "SCORE_NB_OPTIONS", "SCORE_NB_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(score_nb.__file__).parents[1]))
    job = Job(source=FOLDER / f"{name}.ipynb", target=tmp_path / "out.ipynb", accept=True, folder=tmp_path)
    (result,) = run_notebook(job)
    assert result.record.state == "finished"
    assert (result.record.holdout_gain or 0.0) > 0
