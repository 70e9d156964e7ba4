"""The first example, really run: its promise is a better value on validation and on cells that nothing looked at."""

from __future__ import annotations

import importlib.util
import statistics
from pathlib import Path

import nbformat
import pytest

from score_nb.batch.headless import Job, run_notebook

FIRST = Path(__file__).parents[2] / "example_notebooks" / "01_first_search.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.skipif(importlib.util.find_spec("scanpy") is None, reason="scanpy is missing: pip install '.[examples]'")
def test_the_search_gains_on_validation_and_on_the_hold_out(tmp_path: Path, outside: Path) -> None:
    target = tmp_path / "out.ipynb"

    (result,) = run_notebook(Job(source=FIRST, target=target, parameters={"nodes": 30}, accept=True, folder=tmp_path))

    assert not outside.exists(), outside.read_text()
    record, best = result.record, result.record.best
    assert (record.state, len(record.nodes)) == ("finished", 30)
    # Half of what every one of five seeds reached in 100 nodes; a standard error is 0.05.
    assert (record.gain or 0.0) > 0.1
    assert (record.holdout_gain or 0.0) > 0.05

    cells = {cell.id: cell for cell in nbformat.read(target, as_version=4).cells}
    assert best is not None
    assert cells["search"].source.endswith(best.source.strip())
    # The cells below ran with the accepted cell: the mean of the shares by type is its value on the hold-out.
    table = cells["after"].outputs[0]["data"]["text/plain"].splitlines()[2:]
    assert statistics.fmean(float(line.split()[-2]) for line in table) == pytest.approx(best.holdout, abs=0.01)
