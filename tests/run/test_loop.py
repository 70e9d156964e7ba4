"""The loop with a scripted proposer and a scripted evaluator."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from score_nb import events as ev
from score_nb.config import Options
from score_nb.errors import EvaluatorBroken, ModelUnavailable, StoreBusy
from score_nb.propose.base import Request
from score_nb.run.run import Run
from score_nb.run.start import Launch, open_stored, start_run
from score_nb.search.puct import select
from score_nb.store.journal import read_events
from score_nb.types import Evaluation, Proposal, Task
from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

TASK = Task(seed="v = 0", metric="m", parameters=("v",), outputs=("v",))
WAIT_S = 60.0


def launch(
    tmp_path: Path,
    proposer: Any = None,
    evaluator: Any = None,
    *,
    task: Task = TASK,
    fingerprint: str = "",
    **options: Any,
) -> Run:
    options = {"nodes": 10, "workers": 1, **options}
    return start_run(
        Launch(
            name="m", task=task, options=Options(**options), root=tmp_path, fingerprint=fingerprint,
            evaluator=lambda: evaluator or ScriptedEvaluator(), proposer=lambda: proposer or ScriptedProposer(),
        )
    )  # fmt: skip


def finished(run: Run) -> Run:
    assert run.wait(WAIT_S), run
    assert run.state == "finished", run.reason
    return run


def wait_for(run: Run, condition: Callable[[Run], bool]) -> None:
    import time

    until = time.monotonic() + WAIT_S
    while not condition(run):
        assert time.monotonic() < until, (run, run.reason)
        time.sleep(0.005)


def test_a_run_evaluates_its_budget_of_nodes_and_keeps_the_best(tmp_path: Path) -> None:
    run = finished(launch(tmp_path))
    assert [node.index for node in run.nodes] == list(range(10))
    assert run.best is not None
    assert (run.best.value, run.best.source) == (9.0, "v = 9")
    assert run.record.gain == 9.0
    assert run.reason == "10 of 10 nodes"


def test_minimizing_turns_the_sign_once(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, direction="minimize"))
    assert run.best is not None
    assert (run.best.index, run.best.value, run.record.gain) == (0, 0.0, 0.0)
    assert run.nodes[3].score == -run.nodes[3].value


@pytest.mark.parametrize("operators", ["fixed", "plain"])
def test_with_one_worker_parents_equal_the_published_algorithm(tmp_path: Path, operators: str) -> None:
    rng = Random(5)
    scores = [rng.choice([None, round(rng.gauss(0, 1), 1)]) for _ in range(60)]

    def value(source: str) -> float | Evaluation:
        number = int(source.removeprefix("v = "))
        score = 0.0 if number == 0 else scores[number - 1]
        return Evaluation("error", detail="scripted") if score is None else score

    run = finished(launch(tmp_path, None, ScriptedEvaluator(value), nodes=61, operators=operators))
    expected, visits, parents = [0.0], [1], [-1]
    chosen = []
    for score in scores:
        parent, _ = select(expected, visits, 1.0)
        chosen.append(parent)
        node = parent
        while node != -1:
            visits[node] += 1
            node = parents[node]
        expected.append(-math.inf if score is None else score)
        visits.append(1)
        parents.append(parent)
    assert [node.parent for node in run.nodes[1:]] == chosen
    assert [node.visits for node in run.nodes] == visits


def test_a_repeated_program_is_evaluated_once(tmp_path: Path) -> None:
    proposer = ScriptedProposer(lambda request: f"v = 7  # proposal {request.ticket}")
    evaluator = ScriptedEvaluator(lambda source: 7.0 if "7" in source else 0.0)
    run = finished(launch(tmp_path, proposer, evaluator, nodes=21, workers=2))
    assert len(evaluator.evaluated) == 2
    assert [node.status for node in run.nodes].count("duplicate") == 19
    assert {node.duplicate_of for node in run.nodes[2:]} == {1}
    assert {node.value for node in run.nodes[1:]} == {7.0}


def test_a_proposal_without_a_cell_costs_no_node(tmp_path: Path) -> None:
    proposer = ScriptedProposer(lambda request: None if request.ticket % 2 else f"v = {request.ticket}")
    run = finished(launch(tmp_path, proposer, nodes=6))
    assert len(run.nodes) == 6
    assert len(proposer.requests) >= 10
    assert sum(node.visits for node in run.nodes if node.index == 0) == 6


def test_a_proposer_at_its_wits_end_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, ScriptedProposer(lambda request: None)))
    assert len(run.nodes) == 1
    assert run.reason == "20 proposals in a row held no new cell: as scripted"


def test_a_failing_seed_fails_the_run_with_its_log(tmp_path: Path) -> None:
    broken = Evaluation("error", detail="ZeroDivisionError: division by zero", log="line 1\nZeroDivisionError")
    run = launch(tmp_path, None, ScriptedEvaluator({"v = 0": broken}))
    assert run.wait(WAIT_S)
    assert run.state == "failed"
    assert "the seed cell fails" in run.reason
    assert "ZeroDivisionError" in run.reason


def test_a_metric_that_fails_on_the_seed_is_named(tmp_path: Path) -> None:
    run = launch(tmp_path, None, ScriptedEvaluator({"v = 0": Evaluation("invalid", detail="metric returned nan")}))
    assert run.wait(WAIT_S)
    assert run.reason.startswith("m could not score the seed: metric returned nan")


class Unreachable(ScriptedProposer):
    """Refuses every call until `works` is set."""

    works = False

    def propose(self, request: Request) -> Proposal:
        if not self.works:
            raise ModelUnavailable("no answer from the endpoint: start the server, then Resume")
        return super().propose(request)


def test_a_dead_endpoint_pauses_the_run_and_costs_no_node(tmp_path: Path) -> None:
    proposer = Unreachable()
    run = launch(tmp_path, proposer, nodes=4)
    wait_for(run, lambda r: r.state == "paused")
    assert "start the server" in run.reason
    assert len(run.nodes) == 1
    proposer.works = True
    run.resume()
    finished(run)
    assert [node.status for node in run.nodes] == ["ok"] * 4


def test_pause_stops_asking_and_resume_goes_on(tmp_path: Path) -> None:
    proposer = ScriptedProposer(delay=0.01, is_instant=False)
    run = launch(tmp_path, proposer, nodes=40)
    wait_for(run, lambda r: len(r.nodes) >= 3)
    run.pause()
    wait_for(run, lambda r: r.state == "paused" and not r.snapshot().in_flight)
    asked = len(proposer.requests)
    assert asked < 39
    run.resume()
    finished(run)
    assert len(run.nodes) == 40


def test_stop_keeps_what_was_paid_for_and_running_again_continues(tmp_path: Path) -> None:
    first = ScriptedProposer(delay=0.01, is_instant=False)
    run = launch(tmp_path, first, ScriptedEvaluator(delay=lambda source: 0.05), nodes=30)
    wait_for(run, lambda r: len(r.nodes) >= 5)
    run.stop()
    assert run.wait(WAIT_S)
    assert run.state == "stopped"
    paid = {ticket for ticket, flight in run.snapshot().in_flight.items() if flight.proposal}
    scored = {node.source for node in run.nodes}
    second, evaluator = ScriptedProposer(), ScriptedEvaluator()
    again = finished(launch(tmp_path, second, evaluator, nodes=30))
    assert again.id == run.id
    assert len(again.nodes) == 30
    assert not scored & set(evaluator.evaluated)
    assert not paid & {request.ticket for request in second.requests}
    assert len({node.ticket for node in again.nodes}) == 30


def test_a_finished_run_is_shown_again_without_work(tmp_path: Path) -> None:
    run = finished(launch(tmp_path))
    proposer, evaluator = ScriptedProposer(), ScriptedEvaluator()
    again = launch(tmp_path, proposer, evaluator)
    assert again.id == run.id
    assert again.state == "finished"
    assert not evaluator.evaluated
    assert not proposer.requests
    assert [n.value for n in again.nodes] == [n.value for n in run.nodes]


def test_more_nodes_continue_a_finished_run(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, nodes=5))
    evaluator = ScriptedEvaluator()
    again = finished(launch(tmp_path, None, evaluator, nodes=8))
    assert again.id == run.id
    assert len(again.nodes) == 8
    assert len(evaluator.evaluated) == 3


@pytest.mark.parametrize("change", ["seed", "metric", "data", "fresh"])
def test_what_changes_the_search_starts_a_new_run(tmp_path: Path, change: str) -> None:
    run = finished(launch(tmp_path, fingerprint="a"))
    task = TASK
    if change == "seed":
        task = Task(seed="v = 0.5", metric="m", parameters=("v",), outputs=("v",))
    if change == "metric":
        task = Task(seed="v = 0", metric="m", metric_source="def m(v): ...", parameters=("v",), outputs=("v",))
    again = launch(tmp_path, task=task, fingerprint="b" if change == "data" else "a", fresh=change == "fresh")
    assert again.id != run.id
    finished(again)


def test_two_writers_of_one_run_are_refused(tmp_path: Path) -> None:
    run = launch(tmp_path, ScriptedProposer(delay=0.05, is_instant=False), nodes=50)
    with pytest.raises(StoreBusy, match="being written by process"):
        launch(tmp_path, nodes=50)
    run.stop()
    assert run.wait(WAIT_S)


def test_with_a_seed_the_tree_is_the_same_whatever_the_timing(tmp_path: Path) -> None:
    def tree(workers: int, jitter: int) -> list[tuple[Any, ...]]:
        rng = Random(jitter)
        evaluator = ScriptedEvaluator(
            lambda source: (int(source.removeprefix("v = ")) * 7919) % 101, delay=lambda source: rng.random() * 0.02
        )
        proposer = ScriptedProposer(
            lambda request: None if request.ticket % 7 == 0 else f"v = {request.seed % 23}", is_instant=False
        )
        run = finished(launch(tmp_path / f"{workers}-{jitter}", proposer, evaluator, nodes=36, workers=workers, seed=3))
        return [(n.parents, n.source, n.value, n.status, n.operator, n.ticket, n.duplicate_of) for n in run.nodes]

    reference = tree(1, 0)
    assert len(reference) == 36
    assert tree(4, 1) == reference
    assert tree(8, 2) == reference


def test_events_are_durable_before_they_are_shown(tmp_path: Path) -> None:
    from score_nb.store.journal import read_events

    run = launch(tmp_path, ScriptedProposer(delay=0.01, is_instant=False), nodes=6)
    late: list[ev.Event] = []

    def check(event: ev.Event) -> None:
        assert run.path is not None
        if event not in read_events(run.path):
            late.append(event)

    run.subscribe(check)
    finished(run)
    assert late == []


def test_every_reply_is_stored_before_its_program_is_evaluated(tmp_path: Path) -> None:
    """Also where many come at once, and are stored together."""
    seen: list[bool] = []

    def evaluate(source: str) -> Evaluation:
        (folder,) = tmp_path.iterdir()
        events = read_events(folder)
        replies = {event.source for event in events if isinstance(event, ev.ProposalReceived)}
        seen.append(source in replies or source == TASK.seed)
        return Evaluation("ok", float(len(source)))

    finished(launch(tmp_path, evaluator=ScriptedEvaluator(evaluate), workers=4, proposals=12, nodes=40))
    assert len(seen) > 20
    assert all(seen)


def test_repeats_are_spent_on_would_be_bests_only(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator()
    proposer = ScriptedProposer(lambda request: f"v = {-request.ticket}")
    run = finished(launch(tmp_path, proposer, evaluator, nodes=4, repeats=3))
    assert evaluator.evaluated.count("v = 0") == 3
    assert evaluator.evaluated.count("v = -1") == 1
    assert run.nodes[0].spread == 0.0
    assert run.nodes[1].spread is None


def test_the_holdout_is_scored_for_improvements_only(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(holdout=lambda source: 2 * float(source.removeprefix("v = ")))
    proposer = ScriptedProposer(lambda request: f"v = {request.ticket % 3}")
    run = finished(launch(tmp_path, proposer, evaluator, nodes=8, holdout="h"))
    assert evaluator.held_out == ["v = 0", "v = 1", "v = 2"]
    assert run.record.holdout_gain == 4.0
    assert [node.holdout for node in run.nodes[:3]] == [0.0, 2.0, 4.0]


def test_a_broken_evaluator_fails_the_run_and_keeps_its_nodes(tmp_path: Path) -> None:
    def value(source: str) -> float:
        if source == "v = 3":
            raise EvaluatorBroken("the zygote could not be restarted")
        return 1.0

    run = launch(tmp_path, None, ScriptedEvaluator(value))
    assert run.wait(WAIT_S)
    assert (run.state, run.reason) == ("failed", "the zygote could not be restarted")
    assert len(open_stored(run.path).nodes) == 3  # type: ignore[arg-type]


def test_expand_asks_for_a_child_of_the_node_named(tmp_path: Path) -> None:
    proposer = ScriptedProposer(delay=0.02, is_instant=False)
    run = launch(tmp_path, proposer, nodes=30)
    wait_for(run, lambda r: len(r.nodes) >= 4)
    run.expand(2, "use a log scale")
    finished(run)
    hinted = [node for node in run.nodes if node.hint]
    assert [(node.parent, node.hint) for node in hinted] == [(2, "use a log scale")]


def test_limits_follow_the_seeds_own_run(tmp_path: Path) -> None:
    heavy = Evaluation("ok", 0.0, seconds=7.0, peak_mib=900.0)
    evaluator = ScriptedEvaluator({"v = 0": heavy})
    finished(launch(tmp_path, None, evaluator, nodes=3))
    assert evaluator.limits == [(70.0, 3600)]


def test_limits_have_a_floor(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator()
    finished(launch(tmp_path, None, evaluator, nodes=3))
    assert evaluator.limits == [(30.0, 1024)]


def test_tokens_and_cost_end_a_run(tmp_path: Path) -> None:
    run = finished(launch(tmp_path / "a", nodes=50, tokens=100))
    assert 100 <= run.record.tokens < 130
    assert "100 tokens" in run.reason
    run = finished(launch(tmp_path / "b", nodes=50, cost=0.05))
    assert "0.05 USD" in run.reason


def test_minutes_end_a_run_with_evaluations_at_work(tmp_path: Path) -> None:
    slow = ScriptedEvaluator(delay=lambda source: 0.0 if source == "v = 0" else 60.0)
    run = finished(launch(tmp_path, None, slow, minutes=0.005))
    assert "minutes" in run.reason


def test_a_listener_that_fails_does_not_disturb_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = launch(tmp_path, ScriptedProposer(delay=0.005, is_instant=False), nodes=6)

    def broken(event: ev.Event) -> None:
        raise ValueError("a view is broken")

    run.subscribe(broken)
    finished(run)
    assert len(run.nodes) == 6


def test_ideas_are_tried_first_each_on_its_own_branch(tmp_path: Path) -> None:
    run = start_run(
        Launch(
            name="m", task=TASK, options=Options(nodes=6, workers=1), root=tmp_path, ideas=("use ranks", "use logs"),
            evaluator=ScriptedEvaluator, proposer=ScriptedProposer,
        )
    )  # fmt: skip
    finished(run)
    assert [(n.operator, n.idea) for n in run.nodes[1:3]] == [("idea", "use ranks"), ("idea", "use logs")]
    assert all(not n.idea for n in run.nodes[3:])
