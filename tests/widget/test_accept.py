"""Asking a page to accept, over a comm that the page opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from score_nb.notebook.widget_accept import Pages
from score_nb.record import Record, replay
from tests.widget import fixture


class Run:
    name = "balanced"

    def __init__(self) -> None:
        self.accepted: list[int] = []

    def snapshot(self) -> Record:
        return replay(fixture.started() + fixture.went_on())

    def accept_marked(self, index: int) -> None:
        self.accepted.append(index)


class Page:
    """A page's end of the comm, as far as the kernel sees it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[Any], None] = lambda message: None
        self.leave: Callable[[Any], None] = lambda message: None

    def send(self, data: dict[str, Any]) -> None:
        self.asked.append(data)

    def on_msg(self, callback: Callable[[Any], None]) -> None:
        self.answer = callback

    def on_close(self, callback: Callable[[Any], None]) -> None:
        self.leave = callback


def test_without_a_page_nobody_takes_it() -> None:
    assert Pages().accept(Run(), 1, cell_id="c1") is False


def test_the_page_is_asked_with_all_that_it_needs_and_its_word_marks_the_node() -> None:
    pages, page, run = Pages(), Page(), Run()
    pages._opened(page, {})
    assert pages.accept(run, 1, cell_id="c1") is True
    assert page.asked == [
        {
            "kind": "accept", "run": "balanced", "index": 1, "source": fixture.CHILD, "cellId": "c1",
            "known": [fixture.SEED], "mode": "replace",
        }
    ]  # fmt: skip
    page.answer({"content": {"data": {"kind": "accepted", "run": "balanced", "index": 1}}})
    page.answer({"content": {"data": {"kind": "accepted", "run": "another", "index": 1}}})
    assert run.accepted == [1]


def test_a_page_that_left_is_not_asked_any_more() -> None:
    pages, first, second = Pages(), Page(), Page()
    pages._opened(first, {})
    pages._opened(second, {})
    pages.accept(Run(), 1, cell_id="c1")
    second.leave({})
    pages.accept(Run(), 1, cell_id="c1")
    first.leave({})
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert pages.accept(Run(), 1, cell_id="c1") is False


def test_a_run_whose_cell_is_not_known_cannot_be_accepted_by_a_page() -> None:
    pages, page = Pages(), Page()
    pages._opened(page, {})
    assert pages.accept(Run(), 1, cell_id=None) is False
    assert page.asked == []
