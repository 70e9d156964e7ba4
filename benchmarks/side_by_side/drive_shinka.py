"""Run ShinkaEvolve on one task with its runner and its evaluation helper; write what its database kept."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

from tasks import PROBLEMS

EVALUATE = """\
import argparse

from shinka.core import run_shinka_eval
from tasks import fitted, load_table, packed

DATA = load_table({table!r}) if {task!r} == "table" else None


def arguments(run):
    return {{}} if DATA is None else dict(zip(("X_train", "y_train", "X_val"), DATA))


def metrics(results):
    *output, work = results[0]
    value = packed(*output) if DATA is None else fitted(*output, DATA[3])
    return {{"combined_score": value, "public": {{"work": work}}, "private": {{}}}}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path")
    parser.add_argument("--results_dir")
    given = parser.parse_args()
    run_shinka_eval(program_path=given.program_path, results_dir=given.results_dir, experiment_fn_name="solve",
                    num_runs=1, get_experiment_kwargs=arguments, aggregate_metrics_fn=metrics)
"""


def main() -> None:
    """Evolve with the settings of the file that is the only argument."""
    from shinka.core import EvolutionConfig, ShinkaEvolveRunner
    from shinka.database import DatabaseConfig
    from shinka.launch import LocalJobConfig

    settings = json.loads(Path(sys.argv[1]).read_text())
    problem = PROBLEMS[settings["task"]]
    Path("evaluate.py").write_text(EVALUATE.format(task=settings["task"], table=settings["table"]))
    Path("initial.py").write_text(problem.text(problem.knobs))
    model = f"local/scripted@{os.environ['OPENAI_BASE_URL']}"
    evolution = EvolutionConfig(
        task_sys_msg=problem.goal, num_generations=settings["calls"] + 1, patch_types=["full"], patch_type_probs=[1.0],
        llm_models=[model], llm_dynamic_selection=None, meta_rec_interval=None, embedding_model=None,
        init_program_path="initial.py", results_dir="out",
    )  # fmt: skip
    seconds = settings["timeout"]
    job = LocalJobConfig(
        eval_program_path="evaluate.py", time=f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        numeric_threads_per_job=1,
    )  # fmt: skip
    workers = settings["workers"]
    # It allows as many jobs, proposals and database workers together as 1.5 times the cores: one evaluation at a time
    # on two cores.  Told of eight it has as many workers as the others, and as many model calls in flight as score-nb.
    os.cpu_count = lambda: 8  # type: ignore[assignment]
    runner = ShinkaEvolveRunner(
        evo_config=evolution, job_config=job, db_config=DatabaseConfig(db_path="evolution.sqlite"), verbose=True,
        max_evaluation_jobs=workers, max_proposal_jobs=2 * workers,
    )  # fmt: skip
    runner.run()


def collect() -> None:
    """Write what the database holds to `result.json`."""
    (stored,) = sorted(Path().rglob("*.sqlite"))
    with sqlite3.connect(stored) as database:
        rows = database.execute(
            "SELECT combined_score, public_metrics, correct FROM programs WHERE generation > 0"
        ).fetchall()
    kept = [(value, json.loads(public)["work"]) for value, public, correct in rows if correct]
    result = {"kept": kept, "version": version("shinka-evolve"), "note": f"{len(rows)} rows in its database"}
    Path("result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    if sys.argv[2:] != ["--collect"]:
        main()
    collect()
