"""Does the kernel stay the user's?  Time to execute `1+1` while a run is going on, and before it for comparison.

    python benchmarks/kernel_latency.py [--executions 200] [--workers 2]

Each candidate burns one CPU-second, so that all workers are busy all the time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from typing import Any

from jupyter_client.manager import start_new_kernel
from scripted import cell, slow_model

METRIC = '''
%load_ext score_nb
def score(answer):
    """Return the answer itself."""
    return answer
'''


def execute(client: Any, code: str) -> float:
    """Return the seconds from the request to the reply and the idle state that follows it."""
    started = time.perf_counter()
    reply = client.execute_interactive(code, store_history=False, timeout=120, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise SystemExit(f"{reply['content']['ename']}: {reply['content']['evalue']}")
    return time.perf_counter() - started


def sample(client: Any, executions: int) -> list[float]:
    """Return the seconds of `executions` executions of `1+1`, one every 50 ms."""
    seconds = []
    for _ in range(executions):
        seconds.append(execute(client, "1+1"))
        time.sleep(0.05)
    return seconds


def summary(seconds: list[float]) -> str:
    """Return median, 95th percentile and maximum in milliseconds."""
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return f"median {statistics.median(seconds) * 1e3:.1f}, p95 {p95 * 1e3:.1f}, max {max(seconds) * 1e3:.1f} ms"


def main() -> None:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    with slow_model(latency=0.5, cpu_seconds=1.0) as server, tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "none needed",
            "SCORE_NB_HOME": home,
        }
        manager, client = start_new_kernel(env=environment, cwd=home)
        try:
            execute(client, METRIC)
            before = sample(client, options.executions)
            magic = f"%%score score --nodes 10000 --workers {options.workers} --model scripted --no-wait --name busy\n"
            execute(client, magic + cell(0.0, 1.0))
            time.sleep(3)
            during = sample(client, options.executions)
            execute(client, "assert busy.state == 'running' and len(busy.nodes) > 3, (busy.state, len(busy.nodes))")
            execute(client, "%score stop busy")
        finally:
            client.stop_channels()
            manager.shutdown_kernel()
    print(f"idle   {summary(before)}")
    print(f"during {summary(during)}  ({options.workers} workers on {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
