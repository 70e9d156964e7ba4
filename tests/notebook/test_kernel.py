"""The magics in real kernels: a page that watches, a job that nobody watches, a kernel that is killed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from tests.notebook.conftest import METRIC, SEED

pytestmark = [
    pytest.mark.slow,
    # jupyter_client and zmq leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).resolve().parents[2]
SLOW = f"import time\ntime.sleep(1)\n{SEED}"  # the built-in proposer soon has nothing left to change in it
WIDGET = "application/vnd.jupyter.widget-view+json"
CELLS = ["%load_ext score_nb", METRIC]


@dataclass
class Said:
    """What a cell answered."""

    status: str = ""
    text: str = ""
    kinds: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    payload: list[dict[str, Any]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """A kernel as a front end drives it: JupyterLab sends a cell's id and may be asked for input, nbclient neither."""

    def __init__(self, folder: Path) -> None:
        self.manager, self.client = start_new_kernel(cwd=str(folder), env=environment(folder))

    def run(self, code: str, *, cell_id: str | None = None, is_watched: bool = True) -> Said:
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": is_watched}
        metadata = {"cellId": cell_id or uuid.uuid4().hex} if is_watched else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return self._answer(message["header"]["msg_id"])

    def _answer(self, message_id: str) -> Said:
        said = Said()
        while True:
            message = self.client.get_iopub_msg(timeout=90)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != message_id:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                break
            said.kinds.append(kind)
            said.text += content.get("text", "")
            if kind in ("display_data", "execute_result"):
                said.data.append(content["data"])
            if kind == "error":
                said.errors.append("\n".join(content["traceback"]))
        reply = self.client.get_shell_msg(timeout=30)
        while reply["parent_header"].get("msg_id") != message_id:
            reply = self.client.get_shell_msg(timeout=30)
        said.status, said.payload = reply["content"]["status"], reply["content"].get("payload", [])
        return said

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def environment(folder: Path) -> dict[str, str]:
    hidden = ("OPENAI_", "SCORE_NB_", "JPY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    return {**kept, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}


@pytest.fixture(autouse=True)
def _no_sockets_left() -> Iterator[None]:
    """Have what jupyter_client leaves behind collected here, where its warnings are ignored."""
    yield
    gc.collect()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path)
    for code in CELLS:
        assert kernel.run(code).status == "ok"
    yield kernel
    kernel.close()


def test_a_watched_cell_returns_at_once_with_the_widget(kernel: Kernel) -> None:
    said = kernel.run(f"%%score near --nodes 100000 --model offline\n{SLOW}", cell_id="seed")
    assert said.status == "ok"
    assert WIDGET in said.data[-1]
    assert "text/plain" in said.data[-1]
    times = []
    for _ in range(20):
        began = time.monotonic()
        assert kernel.run("1+1").data[0]["text/plain"] == "2"
        times.append(time.monotonic() - began)
    assert sorted(times)[18] < 0.5, times
    again = kernel.run(f"%%score near --nodes 100000 --model offline\n{SLOW}", cell_id="seed")
    assert "is at work already" in again.text
    wait_for_a_node(kernel)
    assert "near stopped" in kernel.run("%score stop").text
    assert WIDGET in kernel.run("%score show").data[-1]
    accepted = kernel.run("%score accept near 0")
    assert accepted.payload == [
        {
            "source": "set_next_input",
            "text": f"%%score near --nodes 100000 --model offline\n{SLOW}\n",
            "replace": True,
        }
    ]


def test_a_cell_that_nobody_watches_waits_and_makes_no_widget(kernel: Kernel) -> None:
    said = kernel.run(f"%%score near --nodes 4 --model offline\n{SEED}", is_watched=False)
    assert said.status == "ok"
    assert "score-nb near  finished  4/4 nodes" in said.text
    assert "comm_open" not in said.kinds
    assert {"text/plain", "text/html", "image/png"} <= said.data[-1].keys()
    assert WIDGET not in said.data[-1]


def test_interrupt_stops_a_run_that_is_waited_for(kernel: Kernel) -> None:
    threading.Timer(5, kernel.manager.interrupt_kernel).start()
    said = kernel.run(f"%%score near --nodes 100000 --model offline\n{SLOW}", is_watched=False)
    assert said.status == "ok"
    assert "score-nb near  stopped" in said.text
    assert kernel.run("near(6)").data[0]["text/plain"] == "-1"


def test_nobody_waits_for_a_model_that_does_not_answer(kernel: Kernel) -> None:
    kernel.run("import os\nos.environ.update(OPENAI_BASE_URL='http://127.0.0.1:9/v1', OPENAI_API_KEY='sk-0123456789')")
    said = kernel.run(f"%%score near --nodes 4 --model some\n{SEED}", is_watched=False)
    assert said.status == "error"
    assert said.errors[-1].startswith("ModelUnavailable: ")
    assert "sk-0123456789" not in str(said)
    said = kernel.run("%score")
    assert "stopped  1/4 nodes" in said.data[-1]["text/plain"]


def test_a_killed_kernel_goes_on_where_it_was(tmp_path: Path) -> None:
    seed = f"%%score near --nodes 100000 --model offline\n{SLOW}"
    first = Kernel(tmp_path)
    for code in (*CELLS, seed):
        assert first.run(code).status == "ok"
    wait_for_a_node(first)
    first.manager.signal_kernel(9)
    first.close()
    second = Kernel(tmp_path)
    for code in CELLS:
        second.run(code)
    assert "stopped" in second.run("%score").data[-1]["text/plain"]
    said = second.run(seed)
    assert "run near goes on where it was" in said.text
    assert len(second.run("%score").data[-1]["text/plain"].splitlines()) == 2
    second.close()


def wait_for_a_node(kernel: Kernel) -> None:
    until = time.monotonic() + 60
    while " 0/100000 nodes" in (shown := kernel.run("%score").data[-1]["text/plain"]):
        assert time.monotonic() < until, shown
        time.sleep(0.1)


def notebook(folder: Path, *cells: str) -> Path:
    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(book, folder / "in.ipynb")
    return folder / "in.ipynb"


def run_headless(path: Path, **variables: str) -> tuple[Any, str]:
    """Return the notebook that papermill leaves, and what it says on stderr."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "papermill",
        "in.ipynb",
        "out.ipynb",
        "-k",
        "python3",
        "--log-output",
    ]
    variables = {**environment(path.parent), **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, env=variables, check=False)
    return nbformat.read(path.with_name("out.ipynb"), as_version=4), done.stderr


def test_papermill_leaves_pictures_and_no_widget(tmp_path: Path) -> None:
    path = notebook(tmp_path, *CELLS, f"%%score near --nodes 4 --model offline\n{SEED}", "print('after', guess)")
    book, log = run_headless(path)
    assert "score-nb near  finished  4/4 nodes" in log
    assert "widgets" not in book.metadata
    outputs = book.cells[2].outputs
    assert "image/png" in outputs[-1].data
    assert "score-nb near" in outputs[-1].data["text/plain"]
    assert book.cells[3].outputs[0].text.startswith("after 6")


def test_papermill_fails_with_the_reason_in_the_last_line(tmp_path: Path) -> None:
    path = notebook(tmp_path, *CELLS, "%%score neer\nguess = 1")
    _, log = run_headless(path)
    last = log.strip().splitlines()[-1]
    assert last == "BadMetric: there is no function neer in this notebook. Did you mean near?"


def test_an_accepted_candidate_replaces_the_seed_in_the_kernel(tmp_path: Path) -> None:
    metric = "def big(guess):\n    return float(guess)"
    path = notebook(
        tmp_path, CELLS[0], metric, "%%score big --nodes 8 --model offline --seed 1\nguess = 3", "print(guess)"
    )
    book, _ = run_headless(path, SCORE_NB_ACCEPT="1")
    assert "is accepted: it is run here" in str(book.cells[2].outputs)
    assert int(float(book.cells[3].outputs[0].text)) > 3
