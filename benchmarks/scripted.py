"""What the benchmarks share: a task whose cost is known, and a server that answers like a slow model."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The test server is no part of the installed package.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from tests.support.openai_server import OpenAIServer, Scripted

CELL = """\
import time

target = time.process_time() + {cpu_seconds}
steps = 0
while time.process_time() < target:
    steps += 1
answer = {answer}
"""


def cell(answer: float, cpu_seconds: float) -> str:
    """Return a cell that burns `cpu_seconds` of CPU time and defines `answer`; each answer is a program of its own."""
    return CELL.format(cpu_seconds=cpu_seconds, answer=answer)


def slow_model(latency: float, cpu_seconds: float) -> OpenAIServer:
    """Return a server (not started) that answers each call after `latency` s with a new cell of `cpu_seconds`."""
    count = itertools.count(1)

    def reply(body: Mapping[str, Any]) -> Scripted:
        turn = next(count)
        return Scripted(f"Try {turn}.\n\n```python\n{cell(turn / 1000, cpu_seconds)}```", latency=latency)

    return OpenAIServer(reply)
