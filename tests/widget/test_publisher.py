"""The publisher on a real record, in real time but briefly: what it sends, when, and what it keeps up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from score_nb import events as ev
from score_nb.notebook import publisher as module
from score_nb.notebook.publisher import LONG, Hello, Publisher, Said, Wanted
from score_nb.record import Record
from score_nb.run.run import Run
from score_nb.run.stored import stored_record
from score_nb.store.journal import Journal
from score_nb.types import Pick
from score_nb.view import wire
from tests.widget import fixture

WAIT_S = 60.0


class Told:
    """A run that happens when it is told to: a real record, and listeners."""

    def __init__(self, events: list[ev.Event]) -> None:
        self.record = Record()
        self._guard = threading.Lock()
        self._listeners: list[Callable[[ev.Event], None]] = []
        for event in events:
            self.record.apply(event)

    def snapshot(self) -> Record:
        with self._guard:
            return self.record.copy()

    def subscribe(self, listener: Callable[[ev.Event], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, *events: ev.Event) -> None:
        for event in events:
            with self._guard:
                self.record.apply(event)
            for listener in tuple(self._listeners):
                listener(event)


class Page:
    """Keeps what is sent and refreshed, with the time and the thread."""

    def __init__(self, run: Told) -> None:
        self.sent: list[Any] = []
        self.times: list[float] = []
        self.pictures: list[tuple[str, int, bool]] = []
        self.threads: set[str] = set()
        self.publisher = Publisher(run, self._take, self._refresh, cell_id=fixture.CELL_ID)

    def _take(self, message: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.times.append(time.monotonic())
        self.sent.append(message)

    def _refresh(self, record: Record, is_live: bool) -> None:
        self.pictures.append((record.state, len(record.nodes), is_live))

    def wait(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < until, (self.sent, self.pictures)
            time.sleep(0.005)


@pytest.fixture
def run() -> Told:
    return Told(fixture.started())


@pytest.fixture
def page(run: Told) -> Iterator[Page]:
    page = Page(run)
    yield page
    page.publisher.close()


def test_a_hello_is_answered_with_the_whole_run(page: Page) -> None:
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: page.sent != [])
    assert page.sent[0] == fixture.messages()["snapshot"]
    assert page.threads == {"score_nb-publisher"}


def test_what_happens_after_the_snapshot_comes_as_numbered_deltas(run: Told, page: Page) -> None:
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    run.tell(*fixture.went_on())
    page.wait(lambda: len(page.sent) == 2)
    assert page.sent[1] == fixture.messages()["delta"]


def test_doubts_and_what_answers_them_reach_a_live_page_and_renew_the_picture_of_an_ended_run(
    run: Told, page: Page
) -> None:
    run.tell(*fixture.went_on())
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    run.tell(*fixture.was_doubted())
    page.wait(lambda: len(page.sent) == 2)
    assert page.sent[1] == {**fixture.messages()["doubted"], "seq": 2}
    run.tell(ev.StateChanged(11.0, "stopped", "by the user"))
    page.wait(lambda: len(page.pictures) == 2)
    run.tell(ev.NodeAllowed(12.0, 5, is_allowed=False))
    page.wait(lambda: len(page.pictures) == 3)
    assert page.sent[-1]["run"]["best"] == 1


def test_they_reach_the_page_of_a_run_that_another_process_writes_and_of_one_that_is_opened_later(
    tmp_path: Path,
) -> None:
    with closing(Journal(tmp_path)) as journal:
        for event in [*fixture.started(), *fixture.went_on()]:
            journal.append(event)
        followed = Run(stored_record(tmp_path), tmp_path)
        page = Page(followed)
        page.publisher.start()
        page.publisher.put(Hello())
        page.wait(lambda: len(page.sent) == 1)
        followed.follow()
        for event in [*fixture.was_doubted(), ev.StateChanged(11.0, "stopped")]:
            journal.append(event)
        page.wait(lambda: page.sent[-1]["run"].get("state") == "stopped")
        page.publisher.close()
    opened = stored_record(tmp_path)
    assert opened.best is not None
    assert opened.best.index == 5
    expected = wire.snapshot(opened, seq=5, cell_id=fixture.CELL_ID)
    assert expected["nodes"] == fixture.messages()["afterDoubts"]["nodes"]
    sent = {node["index"]: node for message in page.sent for node in message.get("nodes", [])}
    # Visits are counted by the page.
    assert [{**sent[i], "visits": 0} for i in range(6)] == [{**node, "visits": 0} for node in expected["nodes"]]


def test_a_flood_of_events_goes_out_as_at_most_ten_messages_a_second(run: Told, page: Page) -> None:
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    begun = time.monotonic()
    ticket = 100
    while time.monotonic() - begun < 1.0:
        run.tell(ev.ExpansionStarted(5.0, ticket, (0,), "improve", Pick(1.0, 1, 0.1)))
        ticket += 1
        time.sleep(0.001)
    sent = len(page.sent) - 1
    assert ticket > 200
    assert 2 <= sent <= 11
    page.wait(lambda: len(page.sent[-1].get("in_flight", [])) == ticket - 100 + 2)
    assert [message["seq"] for message in page.sent] == list(range(1, len(page.sent) + 1))


def test_a_second_hello_gets_the_run_as_it_is_then(run: Told, page: Page) -> None:
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    run.tell(*fixture.went_on())
    page.wait(lambda: len(page.sent) == 2)
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 3)
    assert page.sent[2] == fixture.messages()["after"]


def test_details_come_when_asked_for_and_unknown_nodes_are_passed_over(run: Told, page: Page) -> None:
    run.tell(*fixture.went_on())
    page.publisher.start()
    page.publisher.put(Hello())
    page.publisher.put(Wanted(99))
    page.publisher.put(Wanted(2))
    page.publisher.put(Said(fixture.messages()["refused"]))
    page.wait(lambda: len(page.sent) == 3)
    assert page.sent[1:] == [fixture.messages()["detail"], fixture.messages()["refused"]]


def test_the_saved_picture_is_renewed_when_the_state_changes_and_not_for_every_node(run: Told, page: Page) -> None:
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    run.tell(ev.StateChanged(2.0, "paused", "by the user"))
    page.wait(lambda: len(page.pictures) == 1)
    run.tell(*fixture.went_on())
    page.wait(lambda: len(page.sent) == 3)
    run.tell(ev.StateChanged(5.0, "finished", "8 of 8 nodes"))
    page.wait(lambda: len(page.pictures) == 2)
    assert page.pictures == [("paused", 1, True), ("finished", 3, True)]


def test_without_a_hello_the_picture_takes_over_and_is_kept_up_to_date(
    run: Told, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELLO_S", 0.2)
    monkeypatch.setattr(module, "STATIC_S", 0.3)
    page.publisher.start()
    page.wait(lambda: len(page.pictures) == 1)
    run.tell(*fixture.went_on())
    page.wait(lambda: len(page.pictures) == 2)
    assert page.pictures == [("running", 1, False), ("running", 3, False)]
    assert page.sent == []


def test_a_large_run_is_shown_first_and_its_picture_drawn_after_that_without_making_the_page_wait(run: Told) -> None:
    page = Page(run)
    drawing, may_end = threading.Event(), threading.Event()

    def slow(record: Record, is_live: bool) -> None:
        drawing.set()
        assert may_end.wait(WAIT_S)
        page.pictures.append((record.state, len(record.nodes), is_live))

    publisher = Publisher(run, page._take, slow, cell_id=fixture.CELL_ID, is_pictured=False)
    publisher.start()
    publisher.put(Hello())
    page.wait(lambda: len(page.sent) == 1)
    assert drawing.wait(WAIT_S)
    run.tell(*fixture.went_on(), ev.StateChanged(4.5, "paused"), ev.StateChanged(4.6, "running"))
    publisher.put(Wanted(0))
    page.wait(lambda: any(message["kind"] == "detail" for message in page.sent))
    run.tell(ev.StateChanged(5.0, "finished", "8 of 8 nodes"))
    page.wait(lambda: page.sent[-1].get("run", {}).get("state") == "finished")
    may_end.set()
    publisher.close()
    page.wait(lambda: page.pictures[-1:] == [("finished", 3, True)])
    assert page.pictures[0] == ("running", 1, True)


@pytest.mark.parametrize("more", [[], [ev.NodeAdded(2e3, fixture.node(LONG, (0,), 0.625, ticket=LONG))]])
def test_the_first_message_of_a_long_run_is_prepared_and_still_as_the_run_is_then(more: list[ev.Event]) -> None:
    events = [ev.NodeAdded(float(i), fixture.node(i, (0,) if i else (), 0.5, ticket=i)) for i in range(LONG)]
    run = Told([*fixture.started()[:1], *events])
    page = Page(run)
    page.publisher.start()
    run.tell(*more)
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) > 0)
    assert page.sent[0] == wire.snapshot(run.snapshot(), seq=1, cell_id=fixture.CELL_ID)
    run.tell(ev.Warned(2e3 + 1, "a note"))
    page.wait(lambda: len(page.sent) > 1)
    assert page.sent[1]["run"]["warnings"] == ["a note"]
    page.publisher.close()


def test_a_late_hello_brings_the_live_view_back(run: Told, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELLO_S", 0.1)
    page.publisher.start()
    page.wait(lambda: page.pictures == [("running", 1, False)])
    page.publisher.put(Hello())
    page.wait(lambda: len(page.pictures) == 2)
    assert page.pictures[1] == ("running", 1, True)
    assert page.sent[0]["kind"] == "snapshot"


def test_a_quiet_running_run_still_gives_a_sign_of_life(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.15)
    page.publisher.start()
    page.publisher.put(Hello())
    page.wait(lambda: len(page.sent) >= 3)
    assert page.sent[2] == {"kind": "delta", "seq": 3, "run": {"elapsed": 1.3}}


def test_the_thread_runs_in_the_callers_context(run: Told) -> None:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("cell")
    seen: list[str] = []
    variable.set("the launching cell")
    publisher = Publisher(run, lambda message: seen.append(variable.get()), lambda record, is_live: None)
    publisher.start()
    publisher.put(Hello())
    publisher.close()
    until = time.monotonic() + WAIT_S
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    assert seen == ["the launching cell"]
