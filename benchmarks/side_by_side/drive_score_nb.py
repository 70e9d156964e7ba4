"""Run score-nb on one task, as `score_nb.search` runs it from a script; write what it kept to `result.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tasks import PROBLEMS, TAILS, fitted, load_table, packed


def circles(centres: Any, radii: Any, work: float) -> dict[str, float]:
    """Return the sum of the radii, and what the candidate's work took."""
    return {"value": packed(centres, radii), "work": work}


def table(predicted: Any, work: float) -> dict[str, float]:
    """Return R2 on the last rows, and what the candidate's work took."""
    return {"value": fitted(predicted, y_val), "work": work}  # type: ignore[name-defined]  # noqa: F821


def main() -> None:
    """Search with the settings of the file that is the only argument."""
    import score_nb

    settings = json.loads(Path(sys.argv[1]).read_text())
    task = settings["task"]
    notebook = globals()
    if task == "table":
        notebook.update(zip(("X_train", "y_train", "X_val", "y_val"), load_table(settings["table"]), strict=True))
    problem = PROBLEMS[task]
    run = score_nb.search(
        metric=notebook[task], seed=problem.text(problem.knobs) + TAILS["score_nb"][task], namespace=notebook,
        goal=problem.goal, model="scripted", workers=settings["workers"], nodes=settings["calls"] + 1,
        tokens=settings["tokens"], timeout=settings["timeout"], wait=True,
    )  # fmt: skip
    if run.state not in ("finished", "stopped"):
        raise SystemExit(f"the run {run.state}: {run.reason}")
    kept = [(node.value, node.metrics["work"]) for node in run.nodes[1:] if node.status == "ok"]
    same = sum(node.status == "duplicate" for node in run.nodes)
    seed = run.nodes[0].value
    note = run.reason
    result = {"kept": kept, "seed": seed, "same": same, "version": score_nb.__version__, "note": note}
    Path("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
