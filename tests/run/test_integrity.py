"""Values that are doubted: what flags them, what they may not do meanwhile, what answers the doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from score_nb import events as ev
from score_nb.errors import ScoreError
from score_nb.evaluate.base import Confinement
from score_nb.run.run import Run
from score_nb.run.start import open_stored
from score_nb.store.journal import read_events
from score_nb.types import Evaluation, Flag
from tests.run.test_loop import TASK, WAIT_S, finished, launch, wait_for
from tests.support.scripted import ScriptedEvaluator, ScriptedProposer

BOUNDED = replace(TASK, bounds=(0.0, 20.0))


def writing(*sources: str) -> ScriptedProposer:
    return ScriptedProposer(lambda request: sources[request.ticket - 1])


def kinds(run: Run, index: int) -> list[tuple[str, bool]]:
    return [(flag.kind, flag.is_settled) for flag in run.nodes[index].flags]


def test_a_value_beyond_the_declared_bounds_is_never_the_best(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, writing("v = 3", "v = 21", "v = 4"), task=BOUNDED, nodes=4))
    assert [node.value for node in run.nodes] == [0.0, 3.0, 21.0, 4.0]
    assert kinds(run, 2) == [("beyond-bounds", False)]
    assert "above 20" in run.nodes[2].flags[0].detail
    assert run.best is not None
    assert run.best.index == 3
    assert run.record.search_scores() == [0.0, 3.0, float("-inf"), 4.0]


def test_the_user_may_allow_a_doubted_node_and_take_it_back(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, writing("v = 3", "v = 21"), task=BOUNDED, nodes=3))
    run.allow(2)
    assert run.best is not None
    assert run.best.index == 2
    assert run.path is not None
    stored = open_stored(run.path)
    assert stored.best is not None
    assert (stored.best.index, stored.best.is_allowed) == (2, True)
    stored.allow(2, is_allowed=False)
    assert run.best is not None
    assert open_stored(run.path).best.index == 1  # type: ignore[union-attr]


def test_what_the_scorer_doubts_is_no_best_and_draws_no_search(tmp_path: Path) -> None:
    constant = Evaluation("ok", 9.0, flags=(Flag("constant", "all predictions are 1"),))
    evaluator = ScriptedEvaluator(lambda source: constant if source == "v = 9" else float(source.removeprefix("v = ")))
    run = finished(launch(tmp_path, writing("v = 3", "v = 9", "v = 2"), evaluator, nodes=4))
    assert kinds(run, 2) == [("constant", False)]
    assert run.best is not None
    assert run.best.index == 1
    assert run.record.search_scores() == [0.0, 3.0, 3.0, 2.0]


def test_nondeterministic_outputs_are_measured_three_times_and_then_believed(tmp_path: Path) -> None:
    values = iter([9.0, 8.0, 7.0])
    doubt = (Flag("nondeterministic", "predict differs between two calls"),)

    def value(source: str) -> float | Evaluation:
        return Evaluation("ok", next(values), flags=doubt) if source == "v = 9" else 0.0

    run = finished(launch(tmp_path, writing("v = 9"), ScriptedEvaluator(value), nodes=2))
    assert run.nodes[1].values == (9.0, 8.0, 7.0)
    assert (run.nodes[1].value, run.nodes[1].spread) == (8.0, 1.0)
    assert kinds(run, 1) == [("nondeterministic", True)]
    assert run.best is not None
    assert run.best.index == 1


def sources_until_the_jump(last: str) -> list[str]:
    # scores 0 and 0.1 to 0.9: the best lies 0.45 above the median, a jump begins 5 x 0.45 above the best
    return [*(f"v = 0.{n}" for n in range(1, 10)), last]


def test_a_jump_is_measured_again_and_stands_if_it_comes_back(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator()
    run = finished(launch(tmp_path, writing(*sources_until_the_jump("v = 50")), evaluator, nodes=11))
    assert evaluator.evaluated.count("v = 50") == 2
    assert kinds(run, 10) == [("jump", True)]
    assert run.best is not None
    assert run.best.index == 10


def test_a_jump_that_does_not_come_back_is_but_its_mean(tmp_path: Path) -> None:
    values = iter([4.0, -3.0])
    evaluator = ScriptedEvaluator(lambda source: next(values) if source == "v = 50" else float(source.split()[-1]))
    run = finished(launch(tmp_path, writing(*sources_until_the_jump("v = 50")), evaluator, nodes=11))
    assert (run.nodes[10].value, run.nodes[10].flags) == (0.5, ())
    assert run.best is not None
    assert run.best.index == 9


def test_a_gain_that_is_not_far_off_is_no_jump(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator()
    run = finished(launch(tmp_path, writing(*sources_until_the_jump("v = 3")), evaluator, nodes=11))
    assert (run.nodes[10].flags, evaluator.evaluated.count("v = 3")) == ((), 1)


def test_better_here_and_worse_on_the_holdout_is_not_the_best(tmp_path: Path) -> None:
    held_out = {"v = 0": 5.0, "v = 2": 6.0, "v = 9": 4.0, "v = 3": 6.5}
    evaluator = ScriptedEvaluator(holdout=held_out.__getitem__)
    run = finished(launch(tmp_path, writing("v = 2", "v = 9", "v = 3"), evaluator, nodes=4, holdout="h"))
    assert kinds(run, 2) == [("holdout", False)]
    assert "better than the seed by 9 here, worse by 1 on the hold-out" in run.nodes[2].flags[0].detail
    # what stands behind a flagged best is looked at on the hold-out, too
    assert run.best is not None
    assert (run.best.index, run.best.holdout) == (3, 6.5)
    # the search knows nothing of it
    assert run.record.search_scores() == [0.0, 2.0, 9.0, 3.0]


def test_a_node_can_be_evaluated_further(tmp_path: Path) -> None:
    values = iter([9.0, 8.0, 7.0, 6.0, 5.0])
    evaluator = ScriptedEvaluator(lambda source: 0.0 if source == "v = 0" else next(values))
    proposer = ScriptedProposer(lambda request: "v = 1" if request.ticket == 1 else None, delay=0.01, is_instant=False)
    run = launch(tmp_path, proposer, evaluator, nodes=3)
    wait_for(run, lambda r: len(r.nodes) == 2)
    run.evaluate(1, 3)
    wait_for(run, lambda r: r.nodes[1].repeats == 4)
    assert run.nodes[1].values == (9.0, 8.0, 7.0, 6.0)
    assert run.nodes[1].value == 7.5
    run.stop()
    assert run.wait(20)
    assert open_stored(run.path).nodes[1].values == (9.0, 8.0, 7.0, 6.0)  # type: ignore[arg-type]


def test_a_failed_node_has_nothing_to_average(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator({"v = 1": Evaluation("error", detail="ValueError")})
    run = finished(launch(tmp_path, None, evaluator, nodes=2))
    with pytest.raises(ScoreError, match="no value to average: its status is error"):
        run.evaluate(1)


def test_of_equal_means_the_one_measured_more_often_is_the_best(tmp_path: Path) -> None:
    # K = 3: a would-be best is measured three times; its value then is a mean with a smaller error
    scores = {"v = 0": [0.0, 0.0, 0.0], "v = 1": [5.0, 3.0, 4.0], "v = 2": [3.9]}
    left = {source: iter(values) for source, values in scores.items()}
    evaluator = ScriptedEvaluator(lambda source: next(left[source]))
    run = finished(launch(tmp_path, writing("v = 1", "v = 2"), evaluator, nodes=3, repeats=3))
    assert [node.repeats for node in run.nodes] == [3, 3, 1]
    # variances 0 and 1 with two degrees of freedom each: the pooled deviation is sqrt(1/2)
    assert run.record.noise == pytest.approx(0.5**0.5)
    assert run.record.bound(run.nodes[1]) == pytest.approx(4 - (0.5 / 3) ** 0.5)
    assert run.record.bound(run.nodes[2]) == pytest.approx(3.9 - 0.5**0.5)
    assert run.record.is_noise(run.nodes[1], run.nodes[2])
    assert not run.record.is_noise(run.nodes[0], run.nodes[1])


def test_a_lucky_candidate_is_not_the_best_once_it_was_measured_again(tmp_path: Path) -> None:
    lucky = iter([9.0, 1.0, 2.0])
    evaluator = ScriptedEvaluator(lambda source: next(lucky) if source == "v = 9" else float(source.split()[-1]))
    run = finished(launch(tmp_path, writing("v = 5", "v = 9"), evaluator, nodes=3, repeats=3))
    assert run.nodes[2].value == 4.0
    assert run.best is not None
    assert run.best.index == 1


def test_a_metric_that_depends_on_chance_is_told(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, None, ScriptedEvaluator(probed=Evaluation("ok", 0.5)), nodes=2))
    assert any("depends on chance: the seed has 0, and 0.5" in text for text in run.record.warnings)


def test_a_metric_that_spoilt_outputs_satisfy_is_told(tmp_path: Path) -> None:
    probed = Evaluation("ok", 0.0, probes={"constant": 0.25, "shuffled": -1.0})
    run = finished(launch(tmp_path, None, ScriptedEvaluator(probed=probed), nodes=2))
    assert [text for text in run.record.warnings if "made constant" in text]
    assert not [text for text in run.record.warnings if "made shuffled" in text]
    assert run.record.seed_tested == ev.SeedTested(
        run.record.seed_tested.at, 0.0, None, {"constant": 0.25, "shuffled": -1.0}  # type: ignore[union-attr]
    )  # fmt: skip


def test_a_sound_metric_gives_no_warning(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, nodes=2))
    assert run.record.seed_tested is not None
    assert run.record.warnings == []


@pytest.mark.parametrize(("level", "words"), [("partial", "are confined in part only"), ("none", "are not confined")])
def test_confinement_that_is_missing_is_told_before_any_candidate_runs(
    tmp_path: Path, level: Literal["partial", "none"], words: str
) -> None:
    found = Confinement(level, {"landlock": "this kernel has no Landlock", "seccomp": ""})
    run = finished(launch(tmp_path, None, ScriptedEvaluator(confinement=found), nodes=2))
    assert run.record.warnings == [
        f"candidates {words} on this machine (landlock: this kernel has no Landlock); docs/security.md says what that "
        "means"
    ]
    kinds_of = [type(event) for event in read_events(run.path) if isinstance(event, (ev.Warned, ev.NodeAdded))]
    assert kinds_of[0] is ev.Warned


def test_a_language_models_code_runs_under_less_confinement_only_with_the_users_word(tmp_path: Path) -> None:
    found = Confinement("partial", {"landlock": "this kernel has no Landlock", "seccomp": ""})
    proposer = ScriptedProposer()
    proposer.is_untrusted = True
    run = launch(tmp_path, proposer, ScriptedEvaluator(confinement=found), nodes=3)
    assert run.wait(WAIT_S)
    assert (run.state, proposer.requests, run.record.nodes) == ("failed", [], [])
    assert "this kernel has no Landlock" in run.record.reason
    assert "--confinement partial" in run.record.reason
    # Nothing was lost by it: the same run goes on with the word, and says still what is missing.
    evaluator = ScriptedEvaluator(confinement=found)
    run = finished(launch(tmp_path, proposer, evaluator, nodes=3, confinement="partial"))
    assert (run.state, len(run.record.nodes)) == ("finished", 3)
    assert ["are confined in part only" in warning for warning in run.record.warnings] == [True]
    # The word is for what was named, not for less.
    less = ScriptedEvaluator(confinement=Confinement("none", {}))
    run = launch(tmp_path / "less", proposer, less, nodes=3, confinement="partial")
    assert run.wait(WAIT_S)
    assert run.state == "failed"
    assert "--confinement none" in run.record.reason


def test_the_contract_of_the_seed_is_kept_over_a_restart(tmp_path: Path) -> None:
    contract = {"v": {"container": "number"}}
    first = ScriptedEvaluator({"v = 0": Evaluation("ok", 0.0, contract=contract)})
    finished(launch(tmp_path, None, first, nodes=2))
    assert first.contract == contract
    second = ScriptedEvaluator()
    finished(launch(tmp_path, None, second, nodes=4))
    assert second.contract == contract


def test_with_a_seed_doubts_do_not_depend_on_the_timing(tmp_path: Path) -> None:
    def tree(workers: int) -> list[tuple[object, ...]]:
        calls: dict[str, int] = {}

        def value(source: str) -> float:
            calls[source] = calls.get(source, 0) + 1
            return float(int(source.removeprefix("v = ")) * 7919 % 101 + calls[source] % 3)

        evaluator = ScriptedEvaluator(value, delay=lambda source: (hash(source) + workers) % 7 * 0.002)
        proposer = ScriptedProposer(lambda request: f"v = {request.seed % 50}", is_instant=False)
        options = {"nodes": 30, "workers": workers, "seed": 3, "repeats": 2}
        run = finished(launch(tmp_path / str(workers), proposer, evaluator, **options))
        return [(n.parents, n.source, n.values, n.value, n.flags) for n in run.nodes]

    assert tree(1) == tree(4)


def test_a_dropped_branch_is_not_the_best_and_can_be_taken_up_again(tmp_path: Path) -> None:
    run = finished(launch(tmp_path, nodes=6))
    assert run.best is not None
    assert run.best.index == 5
    branch = run.record.branch(3)
    assert 3 in branch
    assert 0 not in branch
    run.drop(3)
    assert [node.index for node in run.nodes if node.is_dropped] == branch
    assert run.best is not None
    assert run.best.index not in branch
    with pytest.raises(ScoreError, match="stop the run instead"):
        run.drop(0)
    run.drop(3, is_dropped=False)
    assert run.best.index == 5


def test_the_user_pins_a_node_as_the_best_and_the_search_still_knows_which_leads(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator({"x": Evaluation("error", detail="broken")})
    run = finished(launch(tmp_path, writing("v = 3", "v = 5", "x"), evaluator, nodes=4))
    run.pin(1)
    assert run.path is not None
    stored = open_stored(run.path).snapshot()
    assert (stored.best, stored.leader) == (stored.nodes[1], stored.nodes[2])
    assert run.snapshot().gain == 3.0
    with pytest.raises(ScoreError, match=r"node 3 of .* cannot be the best: its status is error"):
        run.pin(3)
    # Who gives a branch up does not want it as the best either.
    run.drop(1)
    assert run.snapshot().best != run.node(1)
    run.drop(1, is_dropped=False)
    run.pin(None)
    assert open_stored(run.path).snapshot().best == run.node(2)


def test_children_that_were_on_their_way_belong_to_the_dropped_branch(tmp_path: Path) -> None:
    proposer = ScriptedProposer(delay=0.02, is_instant=False)
    run = launch(tmp_path, proposer, nodes=40)
    wait_for(run, lambda r: len(r.nodes) >= 4)
    run.drop(1)
    finished(run)
    dropped = {node.index for node in run.nodes if node.is_dropped}
    assert dropped == set(run.record.branch(1))


def test_nothing_more_is_asked_for_below_a_dropped_node(tmp_path: Path) -> None:
    run = launch(tmp_path, ScriptedProposer(delay=0.01, is_instant=False), nodes=60)
    wait_for(run, lambda r: len(r.nodes) >= 6)
    run.drop(2)
    wait_for(run, lambda r: r.nodes[2].is_dropped)
    asked = run.record.last_ticket
    finished(run)
    assert [node.parent for node in run.nodes if node.ticket > asked and run.nodes[node.parent or 0].is_dropped] == []
