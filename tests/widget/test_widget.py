"""The widget's Python half: commands reach the run, kinds from a newer page are ignored, the comm is not pinned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipykernel.comm.comm import BaseComm

from score_nb.notebook import widget as module
from score_nb.notebook.publisher import Hello, Said, Wanted
from score_nb.notebook.widget import RunWidget, bundle
from score_nb.record import Record, replay
from score_nb.run.run import Run
from tests.support.showcase import begin
from tests.widget import fixture

pytestmark = pytest.mark.skipif(
    not (module.STATIC / "widget.js").exists(), reason="the page is not built: npm --prefix js run build"
)


class Steered:
    """Takes commands and keeps them."""

    name = "balanced"

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.calls.append((name, *arguments, *named.values()))

    def snapshot(self) -> Record:
        return replay(fixture.started())


@pytest.fixture
def run() -> Steered:
    return Steered()


@pytest.fixture
def widget(run: Steered) -> Iterator[RunWidget]:
    widget = RunWidget(run, cell_id="c1", refresh=lambda record, is_live: None)
    yield widget
    widget.close()


def hear(widget: RunWidget, **message: Any) -> None:
    widget._handle_custom_msg(message, [])


def queued(widget: RunWidget) -> list[Any]:
    items = []
    while not widget._publisher._inbox.empty():
        items.append(widget._publisher._inbox.get())
    return items


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ({"kind": "pause"}, ("pause",)),
        ({"kind": "resume"}, ("resume",)),
        ({"kind": "stop"}, ("stop",)),
        ({"kind": "accepted", "index": 3}, ("accept_marked", 3)),
        ({"kind": "expand", "index": 3, "hint": "use trees"}, ("expand", 3, "use trees")),
        ({"kind": "idea", "text": "weights"}, ("add_idea", "weights")),
        ({"kind": "budget", "nodes": 80}, ("set_budget", 80, None)),
        ({"kind": "budget", "minutes": 2.5}, ("set_budget", None, 2.5)),
        ({"kind": "allow", "index": 3, "is_allowed": False}, ("allow", 3, False)),
        ({"kind": "evaluate", "index": 3, "repeats": 2}, ("evaluate", 3, 2)),
        ({"kind": "drop", "index": 3, "is_dropped": True}, ("drop", 3, True)),
        ({"kind": "pin", "index": 3}, ("pin", 3)),
        ({"kind": "pin", "index": None}, ("pin", None)),
    ],
)
def test_every_command_reaches_the_run(
    widget: RunWidget, run: Steered, message: dict[str, Any], call: tuple[Any, ...]
) -> None:
    hear(widget, **message)
    assert run.calls == [call]


def test_hello_and_detail_are_only_queued(widget: RunWidget, run: Steered) -> None:
    hear(widget, kind="hello", protocol=1)
    hear(widget, kind="detail", index=4)
    assert queued(widget) == [Hello(), Wanted(4)]
    assert run.calls == []


@pytest.mark.parametrize("message", [{"kind": "teleport"}, {}, {"kind": None}, "hello", None])
def test_a_kind_from_a_newer_page_is_ignored(widget: RunWidget, run: Steered, message: Any) -> None:
    widget._handle_custom_msg(message, [])
    assert queued(widget) == []
    assert run.calls == []


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "expand", "index": "no number"}, {"kind": "allow", "index": 3}, {"kind": "budget", "nodes": 0},
        {"kind": "budget", "minutes": float("nan")}, {"kind": "evaluate", "index": 3},
    ],
)  # fmt: skip
def test_a_broken_command_is_answered_and_harms_nothing(
    widget: RunWidget, run: Steered, message: dict[str, Any]
) -> None:
    hear(widget, **message)
    [said] = queued(widget)
    assert isinstance(said, Said)
    assert said.message["kind"] == "refused"
    assert run.calls == []


def test_a_command_that_the_run_refuses_is_answered_in_its_words(tmp_path: Path) -> None:
    run = ended(tmp_path)
    widget = RunWidget(run, cell_id=None, refresh=lambda record, is_live: None)
    hear(widget, kind="pause")
    [said] = queued(widget)
    assert said.message["command"] == "pause"
    assert "run its cell again" in said.message["message"]
    widget.close()


def test_no_trait_of_the_widget_grows(widget: RunWidget) -> None:
    own = {
        name for name in widget.keys if name not in ("_esm", "_anywidget_id", "_key", "layout", "tooltip", "tabbable")
    }
    assert all(name.startswith(("_model", "_view", "_dom")) for name in own), own


def test_what_the_page_sends_goes_to_the_shell_that_it_names_whoever_published_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Comm(BaseComm):
        # What ipykernel 7.4 notes where a thread publishes for a cell; another thread reads it at any time after.
        def publish_msg(self, *arguments: Any, **named: Any) -> None:
            self._reply_subshell_id = None

    monkeypatch.setattr("comm.create_comm", Comm)
    widget = RunWidget(ended(tmp_path), cell_id=None, refresh=lambda record, is_live: None)
    widget.send({"kind": "delta", "seq": 1})
    stop = {"method": "custom", "content": {"kind": "stop"}}
    assert widget.comm._reply_subshell_for(stop, "the page's") == "the page's"
    widget.close()


def test_the_bundle_is_the_picture_and_around_it_the_live_view(tmp_path: Path) -> None:
    record = ended(tmp_path).snapshot()
    live = bundle(record, "model-1", cell_id="c1")
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == "model-1"
    assert live["application/vnd.score-nb.run+json"]["cell_id"] == "c1"
    assert {"text/html", "image/png", "text/plain"} <= set(live)
    static = bundle(record, None, cell_id="c1")
    assert set(static) == {"text/html", "image/png", "text/plain"}
    assert "install score-nb" in static["text/html"]


def ended(folder: Path) -> Run:
    run = begin(folder, nodes=3, proposal_s=0.0, evaluation_s=0.0)
    assert run.wait(30)
    return run
