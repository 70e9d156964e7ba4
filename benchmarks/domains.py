"""The domains' notebooks: seed, both searches, expert and published value, all on the same hold-out, as one table.

    python benchmarks/domains.py [--notebook 04] [--nodes 100] [--search recorded] [--no-search]

A search is the notebook itself, run headless in a scratch folder: with the built-in proposer, and with the recorded
replies of a language model.  The expert's cell (`benchmarks/experts/`) takes the place of the seed in the notebook's
own namespace and is scored by the notebook's own hold-out metric.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "example_notebooks"
EXPERTS = Path(__file__).parent / "experts"
SEARCHES = ("offline", "recorded")


@dataclass(frozen=True)
class Domain:
    """One notebook: what its metric is called there, what its candidates define, and what others published."""

    number: str
    metric: str
    output: str
    published: str


DOMAINS = (
    Domain("02", "digits", "integrate", "ERA: 17 of 19 within 3 %"),
    Domain("03", "error", "predict", "not comparable (Kaggle leaderboards)"),
    Domain("04", "score", "forecast", "not comparable (admissions, natural scale)"),
    Domain("05", "relative_mase", "forecast", "same rule, other series: ERA 0.734, 0.671 per data set"),
    Domain("06", "integration", "integrate", "not comparable (13 metrics, 1.7 million cells)"),
    Domain("07", "mean_iou", "segment", "not comparable (DLRSD, 17 classes): ERA 0.80 to 0.82"),
    Domain("08", "mae", "forecast", "not comparable (71,721 neurons, fluorescence)"),
)


def notebook_of(number: str) -> Path:
    """Return the path of the notebook with this number."""
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return path


def expert_source(number: str) -> str:
    """Return the expert's cell for a notebook."""
    return (EXPERTS / f"{notebook_of(number).stem}.py").read_text()


def namespace(number: str) -> tuple[dict[str, Any], str]:
    """Return what the notebook's cells above the search define, and the seed's source."""
    cells = json.loads(notebook_of(number).read_text())["cells"]
    scope: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        lines = "".join(cell["source"]).splitlines()
        if cell["cell_type"] == "code" and lines[0].startswith("%%score"):
            return scope, "\n".join(lines[1:])
        if cell["cell_type"] == "code":
            with contextlib.redirect_stdout(sys.stderr):  # stdout is the table's
                exec("\n".join(line for line in lines if not line.startswith("%")), scope)
    raise ValueError(f"{notebook_of(number)} has no %%score cell")


def scored(scope: dict[str, Any], domain: Domain, source: str) -> tuple[Any, Any, float]:
    """Return a cell's value, its hold-out value, and the seconds that both took."""
    began, own = time.perf_counter(), dict(scope)
    exec(source, own)
    answer = own[domain.output]
    values = [_first(own[name](answer)) for name in (domain.metric, f"{domain.metric}_holdout")]
    return values[0], values[1], time.perf_counter() - began


def _first(value: Any) -> float:
    return float(next(iter(value.values())) if isinstance(value, dict) else value)


@dataclass(frozen=True)
class Found:
    """What a search came to: its best candidate, how many there were, and the seconds of the whole notebook."""

    value: float
    holdout: float
    source: str
    candidates: int
    seconds: float


def searched(number: str, search: str, nodes: int | None) -> Found:
    """Return what the notebook's search finds, with the built-in proposer or with the recording."""
    from score_nb.batch.headless import Job, run_notebook

    notebook = notebook_of(number)
    recording = notebook.parent / "recordings" / f"{notebook.stem}.jsonl"
    parameters: dict[str, Any] = {"model": "offline" if search == "offline" else f"replay:{recording}"}
    if nodes is not None:
        parameters["nodes"] = nodes
    with tempfile.TemporaryDirectory() as scratch:
        folder, began = Path(scratch), time.perf_counter()
        os.environ["SCORE_NB_HOME"] = scratch  # beside the notebook there may be a run to be continued
        job = Job(source=notebook, target=folder / "out.ipynb", parameters=parameters, folder=folder)
        (result,) = run_notebook(job)
        best, seconds = result.record.best, time.perf_counter() - began
        if best is None or best.value is None or best.holdout is None:
            sys.exit(f"{notebook.stem}: the search ended without a best candidate that is scored on the hold-out")
        # The source lies in the store, which is deleted with the folder.
        return Found(best.value, best.holdout, best.source, len(result.record.nodes), seconds)


def counts(scope: dict[str, Any], source: str) -> str:
    """Return what can be set beside ERA's count of integrals, "" for the other notebooks."""
    if "summary" not in scope:
        return ""
    own = dict(scope)
    exec(source, own)
    found = own["summary"](own["per_family"](own["integrate"], own["held_out"]))
    return f"; {found['within 3 %']} of 19 within 3 %, {found['within 1e-6']} within 1e-6"


def row_of(domain: Domain, nodes: int | None, searches: Sequence[str]) -> str:
    """Return a table row: values on validation / hold-out of the seed, each search's best and the expert."""
    scope, seed = namespace(domain.number)
    cells = ["{:.3f} / {:.3f}".format(*scored(scope, domain, seed)) + counts(scope, seed)]
    for search in searches:
        found = searched(domain.number, search, nodes)
        values = f"{found.value:.3f} / {found.holdout:.3f}"
        cells.append(f"{values} ({found.candidates} candidates, {found.seconds:.0f} s)" + counts(scope, found.source))
    expert = expert_source(domain.number)
    cells.append("{:.3f} / {:.3f} ({:.1f} s)".format(*scored(scope, domain, expert)) + counts(scope, expert))
    return " | ".join(["", notebook_of(domain.number).stem, *cells, domain.published, ""]).strip()


def main() -> None:
    """Print the table, one row per notebook."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebook", action="append", help="number of a notebook, such as 04; all by default")
    parser.add_argument("--nodes", type=int, help="candidates of each search; by default what the notebook says")
    parser.add_argument("--search", choices=SEARCHES, action="append", help="one of the searches; both by default")
    parser.add_argument("--no-search", action="store_true", help="only seed and expert")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    searches = [] if given.no_search else given.search or SEARCHES
    heads = ["notebook", "seed", *(f"{search} search" for search in searches), "expert", "published"]
    print("validation / hold-out of each\n")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for domain in DOMAINS:
        if given.notebook is None or domain.number in given.notebook:
            print(row_of(domain, given.nodes, searches), flush=True)


if __name__ == "__main__":
    main()
