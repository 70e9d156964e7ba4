"""Each edit of a line taken back alone and scored."""

from __future__ import annotations

import re

import pytest

from score_nb import events as ev
from score_nb.record import Record
from score_nb.run.ablation import AblationRow, ablate
from score_nb.types import Evaluation, Node, to_score
from tests.support.scripted import ScriptedEvaluator

SEED = "a = 0\n# one\nb = 0\n# two\nc = 0\n# three\nd = 0\n"
SCALED = SEED.replace("b = 0", "b = 5")
TUNED = SCALED.replace("c = 0", "c = 1")
REWORDED = TUNED.replace("# three", "# said otherwise")
TUNED_AGAIN = REWORDED.replace("c = 1", "c = 2")


def total(source: str) -> float | Evaluation:
    """Value of a cell: its numbers added up; without `a` it fails."""
    if "a =" not in source:
        return Evaluation("error", detail="NameError: a")
    return float(sum(int(number) for number in re.findall(r"= (\d+)", source)))


def record_of(*sources: str, direction: str = "maximize") -> Record:
    record = Record()
    record.options = {"direction": direction}
    for index, source in enumerate(sources):
        value = total(source)
        assert isinstance(value, float)
        parents = (index - 1,) if index else ()
        score = to_score(value, record.direction)
        record.apply(
            ev.NodeAdded(0.0, Node(index, parents, source, "ok", value, score, "improve", "m", detail=f"edit {index}"))
        )
    return record


def test_each_edit_is_taken_back_alone() -> None:
    rows = ablate(record_of(SEED, SCALED, TUNED, REWORDED, TUNED_AGAIN), ScriptedEvaluator(total))
    assert [(row.node, row.parent, row.status, row.value, row.effect) for row in rows] == [
        (4, None, "ok", 7.0, None),
        (1, 0, "ok", 2.0, 5.0),
        (2, 1, "overwritten", None, None),
        (3, 2, "no difference", None, None),
        (4, 3, "ok", 6.0, 1.0),
    ]
    assert [row.what for row in rows] == ["", "edit 1", "edit 2", "edit 3", "edit 4"]


def test_an_effect_is_positive_where_the_edit_helps_also_when_lower_is_better() -> None:
    worse = SEED.replace("b = 0", "b = 5")
    record = record_of(worse, SEED, direction="minimize")
    assert [row.effect for row in ablate(record, ScriptedEvaluator(total))] == [None, 5.0]


def test_what_fails_without_an_edit_says_so() -> None:
    before = "a = 0\nb = 1\n"
    record = record_of("x = 1\na = 0\n", before)
    record.nodes[0] = Node(0, (), "b = 1\n", "ok", 1.0, 1.0, "seed", "m")
    row = ablate(record, ScriptedEvaluator(total), 1)[1]
    assert (row.status, row.value, row.effect, row.detail) == ("error", None, None, "NameError: a")


def test_with_repeats_effects_that_may_be_luck_are_marked() -> None:
    class Noisy(ScriptedEvaluator):
        def evaluate(self, source: str, *, seed: int = 0, **more: object) -> Evaluation:  # type: ignore[override]
            value = total(source)
            assert isinstance(value, float)
            return Evaluation("ok", value + (-2.0, 0.0, 2.0)[seed % 3])

    large = TUNED.replace("b = 5", "b = 90")
    record = record_of(SEED, SCALED, TUNED, large)
    rows = ablate(record, Noisy(), repeats=3)
    # Standard error of a difference: sqrt(4/3 + 4/3) = 1.63; the step by 1 is within two of it, that by 85 is not.
    assert [(row.effect, row.is_noise) for row in rows[2:]] == [(1.0, True), (85.0, False)]


def test_a_node_without_a_value_is_refused() -> None:
    record = record_of(SEED)
    with pytest.raises(ValueError, match="there is no node 5"):
        ablate(record, ScriptedEvaluator(total), 5)
    with pytest.raises(ValueError, match="no best node"):
        ablate(Record(), ScriptedEvaluator(total))


def test_the_seed_has_no_edits() -> None:
    assert ablate(record_of(SEED), ScriptedEvaluator(total)) == [
        AblationRow(0, None, "improve", "", "ok", 0.0, source=SEED)
    ]
