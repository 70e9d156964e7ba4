"""The publisher on a real record, in real time but briefly: what it sends, when, and what it keeps up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from score_nb import events as ev
from score_nb.notebook import publisher as module
from score_nb.notebook.publisher import Hello, Publisher, Said, Wanted
from score_nb.record import Record
from score_nb.types import Pick
from tests.widget import fixture

WAIT_S = 10.0


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
