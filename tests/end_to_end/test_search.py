"""`score_nb.search` with everything real: forked candidates, scorer, store, a server that speaks the OpenAI API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import score_nb
from tests.support.openai_server import OpenAIServer

pytestmark = pytest.mark.slow
WAIT_S = 90.0
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = """
import numpy as np
TARGET = np.arange(5.0)
X = np.ones(5)

def nearness(guess):
    '''Minus the mean distance to a target that candidates never see.'''
    return -float(np.abs(np.asarray(guess) - TARGET).mean())
"""
SEED = "guess = X * 0"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SCORE_NB_MODEL", "SCORE_NB_HOME", "SCORE_NB_OPTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def notebook() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(NOTEBOOK, namespace)
    return namespace


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Serve these cells, one a call, as a language model would."""
    servers: list[OpenAIServer] = []

    def serve(cells: list[str], **options: Any) -> OpenAIServer:
        replies = [f"Plan: try number {i}.\n```python\n{cell}\n```" for i, cell in enumerate(cells)]
        server = OpenAIServer(replies, **options).start()
        servers.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        return server

    yield serve
    for server in servers:
        server.stop()


def finished(run: Any) -> Any:
    assert run.wait(WAIT_S), run
    assert run.state == "finished", run.reason
    return run


def children() -> list[str]:
    """Command lines of all processes below this one."""
    found, todo = [], [os.getpid()]
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    while todo:
        below = parents.get(todo.pop(), [])
        todo += below
        found += [
            f"{pid} {Path(f'/proc/{pid}/cmdline').read_bytes()!r}" for pid in below if Path(f"/proc/{pid}").exists()
        ]
    return found


def settles(condition: Any, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_nodes_carry_prompt_and_reply_and_the_best_is_found(notebook: dict[str, Any], scripted: Any) -> None:
    server = scripted(["guess = X * 1.0", "guess = X * 2.0", "import numpy as np\nguess = np.arange(5.0)"])
    run = score_nb.search(
        metric="nearness", seed=SEED, namespace=notebook, nodes=4, workers=1, proposals=1, model="scripted"
    )
    finished(run)
    assert run.best.value == 0.0
    assert [node.status for node in run.nodes] == ["ok"] * 4
    assert all("nearness" in node.prompt and "```python" in node.reply for node in run.nodes[1:])
    assert run.nodes[1].tokens > 0
    sent = "\n".join(received.prompt for received in server.received)
    assert "sk-test" not in sent
    assert "[0., 1., 2." not in sent
    stored = "".join(path.read_text(errors="replace") for path in run.path.rglob("*") if path.is_file())
    assert "sk-test" not in stored


def test_candidates_that_never_end_are_stopped_and_counted(notebook: dict[str, Any], scripted: Any) -> None:
    cells = [f"guess = X * {i}\nwhile True: pass" if i % 5 == 0 else f"guess = X * {i}" for i in range(1, 21)]
    scripted(cells)
    run = score_nb.search(
        metric=notebook["nearness"], seed=SEED, namespace=notebook, nodes=21, workers=1, timeout=3, model="scripted"
    )
    finished(run)
    statuses = [node.status for node in run.nodes]
    assert statuses.count("timeout") == 4
    assert statuses.count("ok") == 17, [str(n) for n in run.nodes if n.status not in ("ok", "timeout")]
    assert settles(lambda: not children()), children()


@pytest.mark.parametrize(
    ("cell", "status", "named"),
    [
        ("import os\nos._exit(3)", "crashed", "3"),
        ("import ctypes\nctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("blocks = []\nwhile True: blocks.append(bytearray(1 << 24))", "memory", "1,024 MiB"),
        ("1 / 0", "error", "ZeroDivisionError"),
        ("guess = object()", "invalid", "no data"),
        ("guess = X * float('nan')", "invalid", "nan"),
        ("import subprocess\nsubprocess.run(['true'])", "forbidden", ""),
    ],
)
def test_a_bad_candidate_is_named_and_the_run_goes_on(
    notebook: dict[str, Any], scripted: Any, cell: str, status: str, named: str
) -> None:
    scripted([cell + "\nguess = X * 9" if status not in ("invalid",) else cell, "guess = X * 2.0"])
    run = score_nb.search(
        metric="nearness", seed=SEED, namespace=notebook, nodes=3, workers=1, proposals=1, model="scripted", memory=1024
    )
    finished(run)
    assert (run.nodes[1].status, run.nodes[2].status) == (status, "ok"), run.nodes[1].detail
    assert named.lower() in run.nodes[1].detail.lower()


def test_a_killed_kernel_loses_nothing_and_pays_for_nothing_twice(tmp_path: Path) -> None:
    count = tmp_path / "calls"
    count.touch()
    script = textwrap.dedent(
        f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        import score_nb
        from tests.support.openai_server import OpenAIServer
        from pathlib import Path
        import os, threading
        {textwrap.indent(NOTEBOOK, "        ").strip()}
        one_by_one = threading.Lock()
        def reply(body):
            # One byte for each reply: a kill at any moment leaves the number of replies and no half-written one.
            with one_by_one, open({str(count)!r}, "ab", buffering=0) as file:
                n = file.tell()
                file.write(b"x")
            return f"```python\\nimport time\\ntime.sleep(0.1)\\nguess = X * {{n}}\\n```"
        server = OpenAIServer(reply, latency=0.05).start()
        os.environ["OPENAI_BASE_URL"] = server.url
        os.environ["OPENAI_API_KEY"] = "sk-none"
        run = score_nb.search(
            metric=nearness, seed={SEED!r}, namespace=globals(), nodes=30, workers=2, model="scripted"
        )
        print("started", flush=True)
        run.wait()
        print(run.state, len(run.nodes), flush=True)
        """
    )
    (tmp_path / "kernel.py").write_text(script)

    def kernel() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "kernel.py"], stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
        )

    first = kernel()
    assert first.stdout is not None
    assert first.stdout.readline() == "started\n"
    store = tmp_path / ".score_nb"

    def scored() -> int:
        return len(score_nb.open_run("nearness").nodes) if list(store.glob("*/journal.jsonl")) else 0

    assert settles(lambda: scored() >= 8, 60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    before = score_nb.open_run("nearness")
    assert before.state == "stopped"
    received_before = sum(1 for _ in before.nodes[1:]) + sum(
        flight.proposal is not None for flight in before.snapshot().in_flight.values()
    )
    calls_before = count.stat().st_size
    second = kernel()
    output, _ = second.communicate(timeout=WAIT_S)
    assert output.splitlines()[-1] == "finished 30"
    after = score_nb.open_run("nearness")
    assert after.id == before.id
    assert [node.source for node in after.nodes[: len(before.nodes)]] == [node.source for node in before.nodes]
    assert len({node.source for node in after.nodes}) == 30
    assert count.stat().st_size - calls_before == 29 - received_before


def test_the_offline_proposer_improves_an_estimator(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(
        textwrap.dedent(
            """
            import numpy as np
            from sklearn.datasets import load_wine
            from sklearn.model_selection import train_test_split
            from sklearn.metrics import balanced_accuracy_score
            X, y = load_wine(return_X_y=True)
            X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)

            def balanced(predict):
                return balanced_accuracy_score(y_val, predict(X_val))
            """
        ),
        namespace,
    )
    seed = textwrap.dedent(
        """
        from sklearn.neighbors import KNeighborsClassifier
        model = KNeighborsClassifier(n_neighbors=15).fit(X_train, y_train)

        def predict(X):
            return model.predict(X)
        """
    )
    run = score_nb.search(metric="balanced", seed=seed, namespace=namespace, nodes=20, workers=2, model="offline")
    finished(run)
    assert run.record.gain > 0.1
    assert "y_val" in run.task.scorer
    assert "y_val" not in run.task.inputs


def test_with_a_seed_one_and_four_workers_grow_the_same_tree(notebook: dict[str, Any], scripted: Any) -> None:
    def tree(workers: int) -> list[tuple[Any, ...]]:
        run = score_nb.search(
            metric="nearness", seed="scale = 1.0\nguess = np.ones(5) * scale", namespace=notebook, nodes=20,
            workers=workers, model="offline", random_state=7, fresh=True,
        )  # fmt: skip
        return [(node.parents, node.source, node.value, node.status) for node in finished(run).nodes]

    assert tree(1) == tree(4)
