"""Does score-nb work with a server that others wrote?  LiteLLM's proxy, through --model and OPENAI_BASE_URL alone.

    pip install 'litellm[proxy]'        # in an environment of its own: it is heavy
    python benchmarks/third_party.py [--litellm /path/to/litellm] [--nodes 6]

The proxy answers with mock responses, so that no model and no network is needed; routing, keys, limits, errors and
usage are its own.  Each row is one run, with real candidates: what was asked for, how the run stood, and what it said.
Exits 1 where a row is not as expected, 2 where litellm is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import score_nb

KEY = "sk-third-party-0123456789"
SEED = "guess = [0.0, 0.0, 0.0]"
BETTER = "A better guess.\n\n```python\nguess = [0.0, 1.0, 2.0]\n```"
EDIT = "One number.\n\n<<<<<<< SEARCH\nguess = [0.0, 0.0, 0.0]\n=======\nguess = [0.0, 1.0, 1.0]\n>>>>>>> REPLACE"
MODELS = {
    "writer": BETTER,
    "editor": EDIT,
    "thinker": f"<think>\nperhaps\n```python\nwrong = 1\n```\n</think>\n{BETTER}",
    "talker": "I would rather talk about it.",
    "importer": "Use a library.\n\n```python\nimport scikit_learnn\nguess = [1.0, 1.0, 1.0]\n```",
    "limited": "litellm.RateLimitError",
    "failing": "litellm.InternalServerError",
}
START_S = 120.0
RUN_S = 180.0


@dataclass(frozen=True)
class Row:
    """One run: what is asked for, and what must come of it (`says` stands in the reason, or in a node's detail)."""

    model: str
    state: str
    best: float
    says: str = ""
    key: str = KEY


ROWS = (
    Row("writer", "finished", 0.0),
    Row("editor", "finished", -1 / 3),
    Row("thinker", "finished", 0.0),
    Row("writer,editor", "finished", 0.0),
    Row("talker", "finished", -1.0, "no usable cell after one repair request"),
    Row("importer", "finished", -1.0, "the module scikit_learnn is not installed here"),
    Row("limited", "paused", -1.0, "rate limit or quota"),
    Row("failing", "paused", -1.0, "try again later with resume"),
    Row("wrtier", "paused", -1.0, "Did you mean writer?"),
    Row("writer", "paused", -1.0, "OPENAI_API_KEY", key=""),
)


def near(guess: Sequence[float]) -> float:
    """Minus the mean distance to three numbers."""
    return -sum(abs(value - wanted) for value, wanted in zip(guess, (0.0, 1.0, 2.0), strict=True)) / 3


@contextmanager
def proxy(litellm: str, folder: Path) -> Iterator[str]:
    """Start LiteLLM's proxy with mock models on a free port; yield its base URL."""
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "none", "mock_response": said},
            }
            for name, said in MODELS.items()
        ],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    command = [litellm, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "proxy.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environ, cwd=folder)
    try:
        wait_for(f"http://127.0.0.1:{port}/health/liveliness", process, folder / "proxy.log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"litellm ended by itself:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"litellm did not answer in {START_S:g} s:\n{log.read_text()[-2000:]}")


def tried(row: Row, url: str, nodes: int) -> bool:
    """Run one row, print how it went, and return whether it went as expected."""
    os.environ["OPENAI_BASE_URL"] = url
    os.environ.pop("OPENAI_API_KEY", None)
    if row.key:
        os.environ["OPENAI_API_KEY"] = row.key
    run = score_nb.search(
        metric=near, seed=SEED, namespace={"near": near}, model=row.model, nodes=nodes, workers=1, fresh=True
    )
    until = time.monotonic() + RUN_S
    while run.state == "running" and time.monotonic() < until:
        run.wait(0.1)
    state, reason, record = run.state, run.reason, run.snapshot()
    run.stop()
    run.wait(30)
    said = " ".join([reason, *(node.detail for node in record.nodes)])
    best = record.best.value if record.best else float("nan")
    is_right = state == row.state and abs(best - row.best) < 1e-9 and row.says in said
    name = row.model if row.key else f"{row.model} (no key)"
    print(
        f"{'ok ' if is_right else 'BAD'} {name:16} {state:9} {len(record.nodes)} nodes  best {best:7.3f}  "
        f"{record.tokens:5} tokens  {reason}",
        flush=True,
    )
    return is_right


def main() -> int:
    """Run all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", default=shutil.which("litellm"), help="the command litellm")
    parser.add_argument("--nodes", type=int, default=6)
    arguments = parser.parse_args()
    if not arguments.litellm:
        print("litellm is not installed: pip install 'litellm[proxy]', or name it with --litellm", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SCORE_NB_HOME"] = folder
        with proxy(str(Path(arguments.litellm).absolute()), Path(folder)) as url:
            return 0 if all([tried(row, url, arguments.nodes) for row in ROWS]) else 1


if __name__ == "__main__":
    sys.exit(main())
