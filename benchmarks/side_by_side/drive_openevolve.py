"""Run OpenEvolve on one task with its library call; write the candidates that its log tells to `result.json`.

Neither its trace (without children of programs that have left the grid) nor its checkpoints hold all of them.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tasks import PROBLEMS

EVALUATOR = """\
import importlib.util

from tasks import fitted, load_table, packed

# A worker reads this file once: so it does the table.
DATA = load_table({table!r}) if {task!r} == "table" else None


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    if DATA is None:
        centres, radii, work = program.solve()
        return {{"combined_score": packed(centres, radii), "work": work}}
    predicted, work = program.solve(*DATA[:3])
    return {{"combined_score": fitted(predicted, DATA[3]), "work": work}}
"""


def config(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration as its README gives it: islands and grid as by default, whole rewrites, two workers."""
    return {
        "max_iterations": settings["calls"],
        "diff_based_evolution": False,
        "llm": {"api_base": os.environ["OPENAI_BASE_URL"], "api_key": "none", "models": [{"name": "scripted"}]},
        "evaluator": {
            "timeout": settings["timeout"],
            "parallel_evaluations": settings["workers"],
            "cascade_evaluation": False,
        },
    }


def main() -> None:
    """Evolve with the settings of the file that is the only argument."""
    from openevolve import run_evolution
    from openevolve.config import Config

    settings = json.loads(Path(sys.argv[1]).read_text())
    Path("evaluator.py").write_text(EVALUATOR.format(task=settings["task"], table=settings["table"]))
    problem = PROBLEMS[settings["task"]]
    Path("initial.py").write_text(problem.text(problem.knobs))
    chosen = Config.from_dict(config(settings))
    run_evolution("initial.py", "evaluator.py", chosen, output_dir="out", cleanup=False)
    told = "".join(path.read_text() for path in sorted(Path("out").rglob("*.log")))
    found = re.findall(r"Iteration \d+: Program .* completed in .*\n.*Metrics: (.*)", told)
    numbers = [dict(re.findall(r"(\w+)=([\d.e-]+)", metrics)) for metrics in found]
    kept = [(float(m["combined_score"]), float(m["work"])) for m in numbers if "work" in m]
    result = {"kept": kept, "version": version("openevolve"), "note": f"{len(found)} iterations in its log"}
    Path("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
