"""Several papermill jobs at once: do all finish, are the cores shared, is each result that of a job alone?

    python benchmarks/jobs.py [--jobs 8]

Each job runs the same notebook with `--seed`, in a folder of its own.  A candidate notes when it began and ended; of
all jobs together at most as many may be at work at once as there are cores, and one more.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CELLS = (
    "%load_ext score_nb",
    "def near(x):\n    return -abs(x - 7.5)",
    "%%score near --nodes 6 --workers 2 --seed 1 --model offline\n"
    "import time\n"
    "began = time.time()\n"
    "while time.process_time() < 0.2 or time.time() - began < 0.3:\n    pass\n"
    "x = 3.0\n"
    "print('SPAN', began, time.time())",
)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Begin a job in a folder of its own."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    folder.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(source) for source in CELLS]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "--no-progress-bar"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)


def found(folder: Path) -> tuple[list[float | None], list[tuple[float, float]]]:
    """Return the values of a job's nodes, and when each was evaluated."""
    from score_nb.run.stored import stored_record
    from score_nb.store.runs import stored_runs

    (run,) = stored_runs(folder / ".score_nb")
    nodes = stored_record(run.folder).nodes
    spans = [(float(a), float(b)) for node in nodes for a, b in re.findall(r"SPAN (\S+) (\S+)", node.log)]
    return [node.value for node in nodes], spans


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """Return how many spans overlap at most."""
    steps = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    held = most = 0
    for _, step in steps:
        held += step
        most = max(most, held)
    return most


def main() -> None:
    """Run the jobs at once, then one alone; exit 1 where something is not as promised."""
    from score_nb.config import usable_cores

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=8)
    count = parser.parse_args().jobs
    os.environ.pop("SCORE_NB_HOME", None)
    with tempfile.TemporaryDirectory() as home:
        folders = [Path(home) / str(number) for number in range(count)]
        codes = [job.wait() for job in [start(folder) for folder in folders]]
        codes.append(start(Path(home) / "alone").wait())
        results = [found(folder) for folder in folders]
        alone, _ = found(Path(home) / "alone")
    most = most_at_once([span for _, spans in results for span in spans])
    same = sum(values == alone for values, _ in results)
    print(
        f"{count} jobs: {codes.count(0) - 1} finished, {same} as alone; at most {most} at once, {usable_cores()} cores"
    )
    if any(codes) or same < count or most > usable_cores() + 1:
        raise SystemExit("not as promised")


if __name__ == "__main__":
    main()
