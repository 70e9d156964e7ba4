"""Do model calls and evaluations overlap?  Wall time of a run against the least that the hardware allows.

    python benchmarks/pipeline.py [--candidates 30] [--latency 2] [--cpu 1] [--workers 2]

A model call of `latency` s and an evaluation of `cpu` CPU-seconds per candidate.  The ideal runs the seed, waits for
the first reply and then keeps every worker busy: cpu + latency + (candidates - 1) x cpu / workers.  A design in which a
call holds an evaluation worker needs cpu + (candidates - 1) x (latency + cpu) / workers.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

from scripted import cell, slow_model


def measure(candidates: int, latency: float, cpu: float, workers: int) -> tuple[float, float]:
    """Return the wall seconds of a run, start-up and seed included, and by how much other processes slowed it.

    The second is wall time over CPU time of an evaluation, the mean over all: 1.0 on an idle machine.
    """
    import score_nb as sn

    def score(answer: float) -> float:
        """Return the answer itself."""
        return answer

    with slow_model(latency, cpu) as server, tempfile.TemporaryDirectory() as home:
        os.environ.update(OPENAI_BASE_URL=server.url, OPENAI_API_KEY="none needed", SCORE_NB_HOME=home)
        started = time.perf_counter()
        run = sn.search(
            metric=score, seed=cell(0.0, cpu), namespace={"score": score}, nodes=candidates, workers=workers,
            model="scripted", wait=True,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        if run.state != "finished" or len(run.nodes) != candidates or any(node.status != "ok" for node in run.nodes):
            raise SystemExit(
                f"the run is not what was to be measured: {run.state} ({run.reason}), {len(run.nodes)} nodes"
            )
    return seconds, statistics.fmean(node.seconds / node.cpu_seconds for node in run.nodes)


def main() -> None:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=30, help="candidates, the seed included")
    parser.add_argument("--latency", type=float, default=2.0, help="seconds of one model call")
    parser.add_argument("--cpu", type=float, default=1.0, help="CPU-seconds of one evaluation")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    load = os.getloadavg()[0]
    wall, stretch = measure(options.candidates, options.latency, options.cpu, options.workers)
    ideal = options.cpu + options.latency + (options.candidates - 1) * options.cpu / options.workers
    blocking = options.cpu + (options.candidates - 1) * (options.latency + options.cpu) / options.workers
    print(f"wall {wall:.1f} s, ideal {ideal:.1f} s, ratio {wall / ideal:.2f}")
    print(f"a call that holds an evaluation worker would need {blocking:.1f} s")
    print(f"{os.cpu_count()} cores, load before {load:.1f}, evaluations stretched x {stretch:.2f} by other work")


if __name__ == "__main__":
    main()
