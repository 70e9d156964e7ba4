"""Run AIDE on one task; write what its journal kept to `result.json`.

It has one worker and asks twice per candidate (for the program, then for a review of what it printed): with the same
number of calls it has half of the candidates.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

from tasks import PROBLEMS


def main() -> None:
    """Search with the settings of the file that is the only argument."""
    import aide

    settings = json.loads(Path(sys.argv[1]).read_text())
    problem = PROBLEMS[settings["task"]]
    data = Path("data")
    data.mkdir()
    (data / "README.txt").write_text(problem.goal)
    if settings["task"] == "table":
        (data / "table.csv").symlink_to(settings["table"])
    experiment = aide.Experiment(data_dir=str(data), goal=problem.goal, eval="the validation metric, higher is better")
    experiment.cfg.agent.code.model = experiment.cfg.agent.feedback.model = "scripted"
    experiment.interpreter.timeout = settings["timeout"]
    stopped = ""
    try:
        experiment.run(steps=settings["calls"] // 2)
    except Exception as error:  # noqa: BLE001 what a candidate did to the run is what is measured
        stopped = f"stopped by {type(error).__name__}: {error}"
        experiment.interpreter.cleanup_session()
    kept = []
    for node in experiment.journal.nodes:
        if not node.is_buggy:
            (work,) = re.findall(r"work: ([\d.e-]+)", node.term_out)
            kept.append((node.metric.value, float(work)))
    tried = len(experiment.journal.nodes)
    result = {"kept": kept, "version": version("aideml"), "note": stopped or f"{tried} nodes in its journal"}
    Path("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
