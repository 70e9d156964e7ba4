"""Does score-nb work with servers that others wrote?  Each through --model and OPENAI_BASE_URL alone.

    pip install 'litellm[proxy]'                # in an environment of its own: it is heavy
    npm install @copilotkit/aimock
    pip install gguf xllamacpp                  # in an environment of its own
    python benchmarks/third_party.py [--litellm …/litellm] [--aimock …/llmock] [--llama …/python] [--nodes 6]

LiteLLM's proxy and aimock answer with canned replies: routing, keys, limits, errors, usage and broken connections are
their own.  llama.cpp's server computes its reply with a model that `tiny_model.py` writes.  Each row is one run, with
real candidates: what was asked for, how the run stood, and what it said.  Servers that are not installed are left out
and named.  Exits 1 where a row is not as expected, 2 where no server is installed.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import score_nb

KEY = "sk-third-party-0123456789"
SEED = "guess = [0.0, 0.0, 0.0]"
BETTER = "A better guess.\n\n```python\nguess = [0.0, 1.0, 2.0]\n```"
EDIT = "One number.\n\n<<<<<<< SEARCH\nguess = [0.0, 0.0, 0.0]\n=======\nguess = [0.0, 1.0, 1.0]\n>>>>>>> REPLACE"
REPLIES = {
    "writer": BETTER,
    "editor": EDIT,
    "thinker": f"<think>\nperhaps\n```python\nwrong = 1\n```\n</think>\n{BETTER}",
    "talker": "I would rather talk about it.",
    "importer": "Use a library.\n\n```python\nimport scikit_learnn\nguess = [1.0, 1.0, 1.0]\n```",
}
START_S = 300.0
RUN_S = 180.0


@dataclass(frozen=True)
class Row:
    """One run: what is asked for, and what must come of it (`says` stands in the reason, or in a node's detail)."""

    model: str
    state: str
    best: float
    says: str = ""
    key: str = KEY


NO_KEY = Row("writer", "paused", -1.0, "OPENAI_API_KEY", key="")
WRITING = (
    Row("writer", "finished", 0.0),
    Row("editor", "finished", -1 / 3),
    Row("thinker", "finished", 0.0),
    Row("writer,editor", "finished", 0.0),
    Row("talker", "finished", -1.0, "no usable cell after one repair request"),
    Row("importer", "finished", -1.0, "the module scikit_learnn is not installed here"),
    Row("limited", "paused", -1.0, "rate limit or quota"),
    Row("failing", "paused", -1.0, "try again later with resume"),
    Row("wrtier", "paused", -1.0, "Did you mean writer?"),
    NO_KEY,
)
BREAKING = (
    Row("cutting", "paused", -1.0, "start the server or correct OPENAI_BASE_URL"),
    Row("garbling", "paused", -1.0, "sent an answer that cannot be read"),
    Row("patient", "finished", 0.0),
)
TINY = (Row("tiny", "finished", 0.0), Row("tiny", "paused", -1.0, "set OPENAI_API_KEY", key=""))


def near(guess: Sequence[float]) -> float:
    """Minus the mean distance to three numbers."""
    return -sum(abs(value - wanted) for value, wanted in zip(guess, (0.0, 1.0, 2.0), strict=True)) / 3


@dataclass(frozen=True)
class Server:
    """A server that others wrote: how it is started on a port, where it tells that it lives, and what it must do."""

    name: str
    install: str
    start: Callable[[str, Path, int], tuple[list[str], Mapping[str, str]]]
    alive: str
    rows: Sequence[Row]


def litellm(command: str, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
    """Return the command of LiteLLM's proxy with mock models."""
    said = {**REPLIES, "limited": "litellm.RateLimitError", "failing": "litellm.InternalServerError"}
    config = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "none", "mock_response": reply},
            }
            for name, reply in said.items()
        ],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    return [command, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)], environ


def aimock(command: str, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
    """Return the command of aimock with fixtures; `patient` refuses the first call and asks to wait a second."""

    def says(model: str, response: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        match = {"model": model, **more.pop("match", {})}
        return {"match": match, "response": response, **more}

    def refuses(message: str, status: int, **more: Any) -> dict[str, Any]:
        return {"error": {"message": message, "type": "refused"}, "status": status, **more}

    fixtures = [
        *(says(name, {"content": reply}) for name, reply in REPLIES.items()),
        says("limited", refuses("slow down", 429, retryAfter=1)),
        says("failing", refuses("out of order", 500)),
        says("cutting", {"content": BETTER}, chaos={"disconnectRate": 1.0}),
        says("garbling", {"content": BETTER}, chaos={"malformedRate": 1.0}),
        says("patient", refuses("slow down", 429, retryAfter=1), match={"sequenceIndex": 0}),
        says("patient", {"content": BETTER}),
    ]
    file = folder / "fixtures.json"
    file.write_text(json.dumps({"fixtures": fixtures}))
    return [command, "-f", str(file), "-p", str(port)], {"AIMOCK_API_KEYS": KEY}


def llama(command: str, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
    """Return the command of llama.cpp's server with a model that knows one reply."""
    script = Path(__file__).with_name("tiny_model.py")
    return [command, str(script), str(port), KEY, str(folder / "tiny.gguf"), BETTER], {}


SERVERS = (
    Server("litellm", "pip install 'litellm[proxy]'", litellm, "/health/liveliness", WRITING),
    Server("aimock", "npm install @copilotkit/aimock", aimock, "/health", (*WRITING, *BREAKING)),
    Server("llama", "pip install gguf xllamacpp", llama, "/health", TINY),
)


@contextmanager
def serving(server: Server, command: str, folder: Path) -> Iterator[str]:
    """Start the server on a free port; yield its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments, environ = server.start(command, folder, port)
    told = folder / "server.log"
    with told.open("w") as log:
        process = subprocess.Popen(
            arguments, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environ}, cwd=folder
        )
    try:
        wait_for(f"http://127.0.0.1:{port}{server.alive}", server.name, process, told)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{name} ended by itself:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise SystemExit(f"{name} did not answer in {START_S:g} s:\n{log.read_text()[-2000:]}")


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
    """Run all rows of all servers that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", default=shutil.which("litellm"), help="the command litellm")
    parser.add_argument("--aimock", default=shutil.which("llmock"), help="aimock's command llmock")
    parser.add_argument("--llama", help="a Python that has gguf and xllamacpp")
    parser.add_argument("--nodes", type=int, default=6)
    arguments = parser.parse_args()
    done, is_right = 0, True
    for server in SERVERS:
        command = getattr(arguments, server.name)
        if not command:
            print(f"left out: {server.name} ({server.install}, or name it with --{server.name})", file=sys.stderr)
            continue
        print(f"{server.name}:")
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SCORE_NB_HOME"] = folder
            with serving(server, str(Path(command).absolute()), Path(folder)) as url:
                is_right &= all([tried(row, url, arguments.nodes) for row in server.rows])
        done += 1
    return 2 if not done else 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
