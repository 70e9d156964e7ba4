"""Many events taken into account at once give the record that they give one by one."""

from __future__ import annotations

import random

import pytest

from score_nb import events as ev
from score_nb.record import Record, replay
from score_nb.types import Flag, Pick
from tests.view.records import make_node, started


def told(seed: int, count: int = 60) -> list[ev.Event]:
    """Return the events of a run in which everything is changed afterwards that can be."""
    rng = random.Random(seed)
    events: list[ev.Event] = [started(count)]
    for index in range(count):
        parents = (rng.randrange(index),) if index else ()
        if parents:
            events.append(ev.ExpansionStarted(float(index), index, parents, "improve", Pick(0.5, 1, 0.1)))
        if parents and rng.random() < 0.1:
            events.append(ev.ExpansionDropped(float(index), index, "no cell"))
            events.append(ev.ExpansionStarted(float(index), index, parents, "improve", Pick(0.5, 1, 0.1)))
        several = (0.4, rng.random()) if rng.random() < 0.3 else ()
        value = None if index and rng.random() < 0.2 else rng.random()
        events.append(ev.NodeAdded(index + 0.5, make_node(index, value, parents, values=several if value else ())))
        other = rng.randrange(index + 1)
        match rng.randrange(9):
            case 0:
                events.append(ev.NodeFlagged(index + 0.6, other, Flag("jump", "far")))
            case 1:
                events.append(ev.NodeAllowed(index + 0.7, other))
            case 2:
                events.append(ev.NodeEvaluated(index + 0.8, other, 0.5, 0.1, (0.4, 0.6)))
            case 3 if other:
                events.append(ev.BranchDropped(index + 0.9, other, rng.random() < 0.7))
    return events


@pytest.mark.parametrize("seed", range(8))
def test_at_once_is_as_one_by_one(seed: int) -> None:
    events = told(seed)
    single = Record()
    for event in events:
        single.apply(event)
    once = replay(events)
    halves = Record()
    halves.apply_all(events[:70])
    halves.apply_all(events[70:])
    for record in (once, halves):
        assert record.nodes == single.nodes
        assert (record.best, record.noise) == (single.best, single.noise)
        assert record.in_flight == single.in_flight
        assert record.digests == single.digests


def test_what_was_taken_in_counts_also_where_an_event_cannot_be() -> None:
    events = told(1)
    record = Record()
    with pytest.raises(IndexError):
        record.apply_all([*events[:30], ev.NodeAllowed(1.0, 10_000), *events[30:]])
    assert record.nodes == replay(events[:30]).nodes
    assert record.best == replay(events[:30]).best
