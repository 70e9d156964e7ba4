"""The messages of one small run, as Python makes them: the TypeScript tests read them from js/test/fixture.json.

python -m tests.widget.fixture      writes the file anew
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from score_nb import events as ev
from score_nb.record import Record
from score_nb.types import Flag, Node, Pick
from score_nb.view import wire
from score_nb.view.data import run_data

PATH = Path(__file__).resolve().parents[2] / "js" / "test" / "fixture.json"
CELL_ID = "9d5703a6"

SEED = "model = LogisticRegression(max_iter=200).fit(X, y)\n\ndef predict(X):\n    return model.predict(X)"
CHILD = "model = ExtraTreesClassifier(600).fit(X, y)\n\ndef predict(X):\n    return model.predict(X)"


def node(index: int, parents: tuple[int, ...], value: float | None, **fields: Any) -> Node:
    """Return a node of the fixture."""
    score = float("-inf") if value is None else value
    defaults: dict[str, Any] = {
        "source": CHILD, "status": "ok" if value is not None else "error", "operator": "improve", "model": "scripted",
        "seconds": 1.25, "finished": 2.0 * index, "ticket": index,
    }  # fmt: skip
    return Node(index=index, parents=parents, value=value, score=score, **{**defaults, **fields})


def started() -> list[ev.Event]:
    """Return the events up to two expansions at work."""
    return [
        ev.RunStarted(
            0.0, "a1b2c3", "balanced", "2026-11-22T10:00:00+00:00",
            {"seed": SEED, "metric": "balanced", "parameters": ["predict"], "outputs": ["predict"]},
            {"direction": "maximize", "nodes": 8, "minutes": 5.0, "model": "scripted", "holdout": "held_out"},
            {"python": "3.11"},
        ),
        ev.EvaluatorReady(0.1, {"level": "full", "layers": {"landlock": ""}}, 30.0, 1024),
        ev.NodeAdded(1.0, node(0, (), 0.5, source=SEED, operator="seed", model="", ticket=0)),
        ev.HoldoutScored(1.1, 0, 0.48),
        ev.ExpansionStarted(1.2, 1, (0,), "improve", Pick(1.0, 1, 0.25)),
        ev.ExpansionStarted(1.3, 2, (0,), "idea", Pick(1.0, 2, 0.2), idea="use trees"),
    ]  # fmt: skip


def went_on() -> list[ev.Event]:
    """Return the events after that: a better node, a hybrid that fails, a warning, a hold-out."""
    return [
        ev.EvaluationStarted(2.0, 1),
        ev.NodeAdded(
            3.0,
            node(1, (0,), 0.625, detail="Replace the model by trees", pick=Pick(1.0, 1, 0.25), tokens=1500, cost=0.002),
        ),
        ev.HoldoutScored(3.1, 1, 0.6),
        ev.ExpansionStarted(3.2, 3, (1, 0), "recombine", Pick(1.0, 1, 0.3), hint="try both"),
        ev.NodeAdded(
            4.0,
            node(2, (0,), None, detail="ValueError: Input has NaN.", log="Traceback…", idea="use trees", plan="p"),
        ),
        ev.Warned(4.1, "a possible leak"),
    ]  # fmt: skip


def was_doubted() -> list[ev.Event]:
    """Return the events after that: values that are doubted, evaluated again, settled, allowed; the metric's test."""
    jump = Flag("jump", "better than all before by 0.365; the best so far was 0.06 above the median")
    answered = Flag("nondeterministic", "two calls differ; 3 evaluations on fresh random seeds agree", is_settled=True)
    constant = Flag("constant", "all 40 predictions are the same")
    asked = [(13, (0,)), (14, (1,)), (15, (1,))]
    return [
        ev.SeedTested(5.0, 0.5, None, {"constant": 0.25, "shuffled": 0.3125}),
        *(ev.ExpansionStarted(5.5, ticket, parents, "improve", Pick(1.0, 1, 0.2)) for ticket, parents in asked),
        ev.NodeAdded(6.0, node(3, (0,), 0.99, flags=(jump,), ticket=13)),
        ev.NodeAdded(7.0, node(4, (1,), 0.63, values=(0.62, 0.63, 0.64), spread=0.01, flags=(answered,), ticket=14)),
        ev.NodeEvaluated(8.0, 1, 0.6225, 0.0035, (0.625, 0.62)),
        ev.NodeAdded(9.0, node(5, (1,), 0.7, flags=(constant,), ticket=15)),
        ev.NodeFlagged(9.5, 4, Flag("holdout", "better than the seed by 0.13 here, worse by 0.02 on the hold-out")),
        ev.NodeAllowed(10.0, 5),
        ev.BranchDropped(10.5, 3),
    ]


def messages() -> dict[str, Any]:
    """Return one message of every kind, and deltas between snapshots."""
    record = Record()
    for event in started():
        record.apply(event)
    first = wire.snapshot(record, seq=1, cell_id=CELL_ID)
    before = record.copy()
    for event in went_on():
        record.apply(event)
    delta = wire.delta(before, record, seq=2, cell_id=CELL_ID)
    second = wire.snapshot(record, seq=3, cell_id=CELL_ID)
    detail = wire.detail_to_wire(record.nodes[2])
    calm = record.copy()
    saved = {**run_data(record), "cell_id": CELL_ID}
    for event in was_doubted():
        record.apply(event)
    doubted = wire.delta(calm, record, seq=4, cell_id=CELL_ID)
    third = wire.snapshot(record, seq=5, cell_id=CELL_ID)
    saved_doubts = {**run_data(record), "cell_id": CELL_ID}
    doubt = wire.detail_to_wire(record.nodes[4])
    refused = wire.Refused(kind="refused", command="pause", message="run balanced is finished")
    return {
        "saved": saved, "snapshot": first, "delta": delta, "after": second, "detail": detail, "refused": refused,
        "doubted": doubted, "afterDoubts": third, "doubt": doubt, "savedDoubts": saved_doubts,
    }  # fmt: skip


def text() -> str:
    """Return the file's text."""
    return json.dumps(messages(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
