"""Proposers in whole runs: faulty servers, budgets, recordings."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from score_nb.batch.stored import record_replies
from score_nb.config import Options
from score_nb.propose.base import Proposer
from score_nb.propose.choose import proposer_for, recorded_seed
from score_nb.propose.failures import Endpoint, Patience
from score_nb.propose.openai_api import OpenAIProposer
from score_nb.run.run import Run
from score_nb.run.start import Launch, start_run
from score_nb.types import Evaluation, Node, Task, digest
from tests.support.openai_server import OpenAIServer, Scripted
from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

TASK = Task(seed="v = 0", metric="m", parameters=("v",), outputs=("v",))
WAIT_S = 60.0


def launch(root: Path, proposer: Proposer, evaluator: ScriptedEvaluator | None = None, **options: Any) -> Run:
    given = {"nodes": 8, "workers": 1, "proposals": 1, **options}
    return start_run(
        Launch(
            name="m", task=TASK, options=Options(**given), root=root,
            evaluator=lambda: evaluator or ScriptedEvaluator(), proposer=lambda: proposer,
        )
    )  # fmt: skip


def until(run: Run, condition: Callable[[Run], bool]) -> Run:
    """Return the run once the condition holds; each event of the run asks anew."""
    news = threading.Event()
    cancel = run.subscribe(lambda *_: news.set())
    deadline = threading.Event()
    timer = threading.Timer(WAIT_S, lambda: (deadline.set(), news.set()))
    timer.start()
    try:
        while not condition(run):
            assert not deadline.is_set(), (run, run.reason)
            news.wait(0.2)
            news.clear()
    finally:
        timer.cancel()
        if callable(cancel):
            cancel()
    return run


def model(server: OpenAIServer, **more: Any) -> OpenAIProposer:
    given: dict[str, Any] = {"attempts": 3, "pause": 0.01, "timeout": 5.0, **more}
    return OpenAIProposer(
        "scripted", endpoint=Endpoint(server.url, "sk-scripted-0123456789abcdef"), environ={},
        rng=random.Random(1), patience=Patience(**given),
    )  # fmt: skip


def cell(number: int) -> str:
    return f"Take {number}.\n```python\nv = {number}\n```"


def counting(faults: Mapping[int, Scripted]) -> Callable[[Mapping[str, Any]], Scripted]:
    """A script whose n-th answer (from 0) is the fault given for n, else a new cell."""
    lock, served = threading.Lock(), [0]

    def script(body: Mapping[str, Any]) -> Scripted:
        with lock:
            turn = served[0]
            served[0] += 1
        return faults.get(turn) or Scripted(cell(turn + 1))

    return script


PASSING = {
    0: Scripted("slow down", status=429, headers={"Retry-After": "0.02"}),
    2: Scripted("oops", status=500),
    4: Scripted(cell(90), fault="drop"),
    6: Scripted(cell(91), fault="truncate"),
    8: Scripted(cell(92), fault="empty"),
    10: Scripted(cell(93), latency=0.4),
    11: Scripted("overloaded", status=529),
}


def test_passing_faults_cost_no_node_and_no_budget(tmp_path: Path) -> None:
    with OpenAIServer(counting(PASSING)) as server:
        run = launch(tmp_path, model(server))
        assert run.wait(WAIT_S)
        calls = len(server.received)
    assert (run.state, run.reason) == ("finished", "8 of 8 nodes")
    assert [node.status for node in run.nodes] == ["ok"] * 8
    assert run.record.tokens == 7 * 150  # what was refused or lost is not counted
    assert calls == 7 + 6


@pytest.mark.parametrize(
    ("fault", "mend"),
    [
        (Scripted("bad key", status=401), "check OPENAI_API_KEY, then resume"),
        (Scripted("no such model", status=404, code="model_not_found"), "check --model"),
        (Scripted("slow down", status=429, headers={"Retry-After": "900"}), "it asks to wait 900 s): wait or top up"),
        (Scripted("boom", status=500), "try again later with resume"),
        (Scripted(fault="html"), "check OPENAI_BASE_URL"),
        (Scripted(fault="drop"), "start the server or correct OPENAI_BASE_URL, then resume"),
        (Scripted(fault="truncate"), "is it a server that speaks the OpenAI API?"),
        (Scripted(fault="empty"), "is it a server that speaks the OpenAI API?"),
    ],
    ids=["401", "model", "429", "500", "html", "drop", "truncate", "empty"],
)
def test_a_lasting_fault_pauses_the_run_with_the_mend_and_resume_goes_on(
    tmp_path: Path, fault: Scripted, mend: str
) -> None:
    is_broken = threading.Event()
    served = counting({})

    def script(body: Mapping[str, Any]) -> Scripted:
        reply = served(body)
        if "Take 3" in reply.text:
            is_broken.set()
        return fault if is_broken.is_set() and not is_mended.is_set() else reply

    is_mended = threading.Event()
    with OpenAIServer(script) as server:
        run = until(launch(tmp_path, model(server), proposals=2), lambda run: run.state == "paused")
        assert mend in run.reason
        # What was scored before is kept, the rest is still asked for.
        assert all(node.status == "ok" for node in run.nodes)
        assert len(run.nodes) < 8
        is_mended.set()
        run.resume()
        assert run.wait(WAIT_S)
    assert (run.state, len(run.nodes)) == ("finished", 8)


def test_a_stalled_answer_pauses_the_run(tmp_path: Path) -> None:
    with OpenAIServer([cell(1), Scripted(cell(2), fault="stall")]) as server:
        run = launch(tmp_path, model(server, timeout=0.5, attempts=2))
        until(run, lambda run: run.state == "paused")
        assert "no answer from 127.0.0.1" in run.reason
        run.stop()
        assert run.wait(WAIT_S)
    assert len(run.nodes) == 2


@pytest.mark.parametrize("budget", [{"tokens": 2_000}, {"cost": 0.2}])
@pytest.mark.parametrize("proposals", [1, 8])
def test_tokens_and_cost_are_overshot_by_one_call_at_most(tmp_path: Path, budget: Any, proposals: int) -> None:
    class Dear(ScriptedProposer):
        def propose(self, request: Any) -> Any:
            return replace(super().propose(request), tokens_in=150, tokens_out=50, cost=0.02)

    proposer = Dear(delay=0.002, is_instant=False)
    run = launch(tmp_path, proposer, nodes=500, workers=2, proposals=proposals, **budget)
    assert run.wait(WAIT_S)
    assert run.state == "finished"
    assert "budget" in run.reason
    assert 10 <= len(proposer.requests) <= 11


def test_minutes_end_a_run_whose_model_does_not_answer(tmp_path: Path) -> None:
    with OpenAIServer([cell(1)], latency=300) as server:
        run = launch(tmp_path, model(server, timeout=600.0), minutes=0.01)
        assert run.wait(WAIT_S)
    assert (run.state, len(run.nodes)) == ("finished", 1)
    assert "minutes" in run.reason


# -- recordings --------------------------------------------------------------------------------------------------------


def said(node: Node) -> tuple[Any, ...]:
    """All of a node that does not tell time."""
    return (
        node.index, node.parents, node.source, node.status, node.value, node.score, node.operator, node.model,
        node.idea, node.ticket, node.duplicate_of, node.pick, node.visits, node.prompt, node.reply,
    )  # fmt: skip


def scored(source: str) -> float | Evaluation:
    number = int(source.removeprefix("v = "))
    if number % 7 == 3:
        return Evaluation("error", detail="scripted")
    return float((number * 37) % 101)


def uneven(source: str) -> float:
    """Seconds of an evaluation: no two like each other, so that results come in another order than they were asked."""
    return int(digest(source), 16) % 7 / 1_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recorded run of 36 nodes with failures, repeats and replies without a cell."""

    def write(request: Any) -> str | None:
        if request.ticket % 11 == 0:
            return None
        return f"v = {request.ticket % 29 + 1}"

    run = launch(
        tmp_path / "first" / ".score_nb", ScriptedProposer(write, delay=0.001, is_instant=False),
        ScriptedEvaluator(scored, delay=uneven), nodes=36, workers=3, proposals=5,
    )  # fmt: skip
    assert run.wait(WAIT_S)
    return recorded(tmp_path)


def recorded(tmp_path: Path) -> Path:
    """Record the run in the folder `first` as the command does."""
    file = tmp_path / "replies.jsonl"
    assert "replies of m" in record_replies("m", tmp_path / "first" / ".score_nb", file)
    return file


def replayed(root: Path, recording: Path, workers: int) -> Run:
    name = f"replay:{recording}"
    run = launch(
        root, proposer_for(name, {}), ScriptedEvaluator(scored, delay=uneven), nodes=36, workers=workers,
        proposals=2 * workers, model=name, seed=recorded_seed(name, {}),
    )  # fmt: skip
    assert run.wait(WAIT_S)
    assert run.state == "finished", run.reason
    return run


def test_a_recording_gives_the_same_tree_with_one_and_four_workers(tmp_path: Path, recording: Path) -> None:
    one, four = replayed(tmp_path / "one", recording, 1), replayed(tmp_path / "four", recording, 4)
    assert len(one.nodes) == 36
    assert [said(node) for node in one.nodes] == [said(node) for node in four.nodes]
    assert {node.status for node in one.nodes} >= {"ok", "error", "duplicate"}


def test_a_recorded_seed_gives_the_recorded_tree(tmp_path: Path) -> None:
    first = launch(
        tmp_path / "first" / ".score_nb", ScriptedProposer(delay=0.001, is_instant=False),
        ScriptedEvaluator(scored, delay=uneven), nodes=36, workers=4, proposals=6, seed=11,
    )  # fmt: skip
    assert first.wait(WAIT_S)
    file = recorded(tmp_path)
    assert recorded_seed(f"replay:{file}", {}) == 11
    again = replayed(tmp_path / "again", file, 2)
    assert [said(node) for node in again.nodes] == [said(node) for node in first.nodes]


def lineage(run: Run) -> dict[int, tuple[Any, ...]]:
    """Return by ticket what was asked for, of which parents (by their tickets), and what came."""
    tickets = [node.ticket for node in run.nodes]
    return {
        node.ticket: (tuple(tickets[parent] for parent in node.parents), node.operator, node.idea, node.source)
        for node in run.nodes
    }


@pytest.mark.parametrize("workers", [1, 4])
def test_the_recorded_tree_stands_where_other_values_are_measured(tmp_path: Path, workers: int) -> None:
    """On another machine values differ, some candidates fail and others do not: parents stay the recorded ones."""
    first = launch(
        tmp_path / "first" / ".score_nb", ScriptedProposer(delay=0.001, is_instant=False),
        ScriptedEvaluator(scored, delay=uneven), nodes=36, workers=3, proposals=5,
    )  # fmt: skip
    assert first.wait(WAIT_S)
    file = recorded(tmp_path)

    def elsewhere(source: str) -> float | Evaluation:
        number = int(source.removeprefix("v = "))
        return Evaluation("timeout", detail="slow here") if number % 5 == 1 else float((number * 53) % 89)

    name = f"replay:{file}"
    again = launch(
        tmp_path / "again", proposer_for(name, {}), ScriptedEvaluator(elsewhere, delay=uneven), nodes=36,
        workers=workers, model=name, seed=recorded_seed(name, {}),
    )  # fmt: skip
    assert again.wait(WAIT_S)
    assert (again.state, len(again.nodes)) == ("finished", 36)
    assert lineage(again) == lineage(first)
    assert [node.value for node in again.nodes[1:]] != [node.value for node in first.nodes[1:]]


def test_a_replay_ends_with_its_last_reply(tmp_path: Path, recording: Path) -> None:
    name = f"replay:{recording}"
    run = launch(tmp_path / "again", proposer_for(name, {}), ScriptedEvaluator(scored), nodes=500, model=name, seed=1)
    assert run.wait(WAIT_S)
    last = max(node.ticket for node in run.nodes)
    assert (run.state, len(run.nodes)) == ("finished", 36)
    assert run.reason == f"all {last} recorded replies are used"


def test_a_replay_over_another_cell_says_so_at_its_end(tmp_path: Path, recording: Path) -> None:
    name = f"replay:{recording}"
    other = replace(TASK, seed="v = 77")
    run = start_run(
        Launch(
            name="m", task=other, options=Options(nodes=50, workers=1, seed=1), root=tmp_path / "again",
            evaluator=lambda: ScriptedEvaluator(scored), proposer=lambda: proposer_for(name, {}),
        )
    )  # fmt: skip
    assert run.wait(WAIT_S)
    assert (run.state, len(run.nodes)) == ("finished", 1)
    assert "the recording is of another seed cell" in run.reason
