"""Two workers of a Dask cluster against one, on evaluations of one second: `python benchmarks/cluster.py [--each N]`.

Worker processes, scheduler and evaluators are the real ones, on this machine.  An evaluation waits for its second, so
that what is measured is how many of them the cluster keeps under way, not what is left of the machine's cores.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from distributed import LocalCluster

from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.cluster import ClusterEvaluator, connect

SOURCE = "import time\ntime.sleep(1.0)\nx = {}.0"
PROMISE = 1.8


def metric(x: float) -> float:
    """Return the output itself."""
    return x


def throughput(workers: int, each: int) -> float:
    """Return evaluations per second on `workers` processes of one thread each."""
    setup = EvaluatorSetup(
        seed="x = 1.0", outputs=("x",), parameters=("x",), inputs={}, scorer={"metric": metric}, metric="metric",
        timeout=60.0,
    )  # fmt: skip
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
    ) as cluster:
        evaluator = ClusterEvaluator(setup, connect(cluster, "cluster"))
        try:
            begin = time.perf_counter()
            evaluator.start()
            ready = time.perf_counter() - begin
            count = workers * each
            with ThreadPoolExecutor(evaluator.places) as pool:
                begin = time.perf_counter()
                found = list(pool.map(evaluator.evaluate, [SOURCE.format(number) for number in range(count)]))
                seconds = time.perf_counter() - begin
        finally:
            evaluator.close()
    wrong = [one for number, one in enumerate(found) if one.value != float(number)]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {count} evaluations failed: {wrong[0].status}: {wrong[0].detail}")
    inside = statistics.median(one.seconds for one in found)
    print(f"  {workers} at once: {count} in {seconds:.1f} s, each {inside:.3f} s by itself; ready after {ready:.1f} s")
    return count / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=20, help="evaluations for each worker")
    each = parser.parse_args().each
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    one, two = throughput(1, each), throughput(2, each)
    ratio = two / one
    kept = "kept" if ratio >= PROMISE else "NOT KEPT"
    print(f"  {one:.3f} and {two:.3f} evaluations per second: x {ratio:.2f} (promise {PROMISE}: {kept})")


if __name__ == "__main__":
    main()
