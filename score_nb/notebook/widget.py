"""The live view of a run: an anywidget whose page lives in js/src/widget."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import anywidget
import traitlets
from IPython.display import display, update_display

from score_nb.errors import ScoreError
from score_nb.notebook.publisher import Changed, Hello, Publisher, Said, Wanted, Watched
from score_nb.notebook.widget_accept import PAGES
from score_nb.record import Record
from score_nb.view import wire

STATIC = Path(__file__).parent.parent / "static"

# A picture of more nodes than this takes longer than a page should wait for its live view.
PICTURE_AT_ONCE = 300

NO_PAGE = (
    "The live view did not answer: install score-nb (or anywidget) where the Jupyter server runs and reload the page. "
    "Until then this picture is kept up to date."
)


class Steered(Watched, Protocol):
    """What the page may do to a run; each call returns at once, the run's own loop acts on it."""

    @property
    def name(self) -> str:
        """Name of the run."""
        ...

    def pause(self) -> None:
        """Ask for nothing more until `resume`."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def stop(self) -> None:
        """End the run."""
        ...

    def expand(self, node: int, hint: str = "") -> None:
        """Ask for a child of that node."""
        ...

    def add_idea(self, text: str) -> None:
        """Give the search another idea."""
        ...

    def set_budget(self, *, nodes: int | None = None, minutes: float | None = None) -> None:
        """Raise or lower what ends the run."""
        ...

    def allow(self, node: int, is_allowed: bool = True) -> None:
        """Let that node be the best in spite of its flags, or no longer."""
        ...

    def pin(self, node: int | None) -> None:
        """Let that node be the best whatever the values say; None leaves it to the values again."""
        ...

    def drop(self, node: int, is_dropped: bool = True) -> None:
        """Give up that node and all below it, or take them up again."""
        ...

    def evaluate(self, node: int, repeats: int) -> None:
        """Evaluate that node so many times more, on fresh random seeds."""
        ...

    def accept_marked(self, index: int) -> None:
        """Note that the user took that node into the notebook."""
        ...


class RunWidget(anywidget.AnyWidget):
    """The page of one run.

    No trait that changes: all that grows goes as numbered messages, the rest comes with the first of them.
    """

    _esm = STATIC / "widget.js"
    # By this the page knows that two views are of one model.
    _key = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        run: Steered,
        *,
        cell_id: str | None,
        refresh: Callable[[Record, bool], None],
        is_pictured: bool = True,
    ) -> None:
        super().__init__(_key=uuid.uuid4().hex)
        self._run = run
        self._publisher = Publisher(run, self.send, refresh, cell_id=cell_id, is_pictured=is_pictured)
        self.on_msg(self._hear)
        # ipykernel 7.4 hands what the page sends to the shell that published last.  A thread that publishes for a cell
        # does so as the main shell: Stop would wait for whatever cell runs there.  The page's own choice is right.
        self.comm._reply_subshell_for = _as_addressed

    def start(self) -> None:
        """Start telling the page what happens; call this on the thread of the cell."""
        self._publisher.start()

    def close(self) -> None:
        """End the live view; the run goes on."""
        self._publisher.close()
        super().close()

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """Act on a message of the page; kinds that this version does not know are ignored."""
        if not isinstance(message, Mapping):
            return
        kind = message.get("kind")
        if kind == "hello":
            self._publisher.put(Hello())
        elif kind == "detail" and isinstance(index := message.get("index"), int):
            self._publisher.put(Wanted(index))
        elif kind in _COMMANDS:
            self._command(kind, message)

    def _command(self, kind: str, message: Mapping[str, Any]) -> None:
        try:
            _COMMANDS[kind](self._run, message)
            # An ended run tells no events; the page learns by this that its word was heard.
            self._publisher.put(Changed())
        except (ScoreError, KeyError, TypeError, ValueError) as error:
            self._publisher.put(Said({"kind": "refused", "command": kind, "message": f"{kind}: {error}"}))


_Number = TypeVar("_Number", int, float)


def _as_addressed(_data: Any, subshell: str | None) -> str | None:
    """Return the shell that a message of the page names, None for the main one."""
    return subshell


def _positive(value: Any, kind: Callable[[Any], _Number]) -> _Number | None:
    """Return a budget of the page as a number, None where it is not named."""
    if value is None:
        return None
    if not 0 < (number := kind(value)) < math.inf:
        raise ValueError(f"{value} is no budget: it must be more than 0")
    return number


_COMMANDS: dict[str, Callable[[Steered, Mapping[str, Any]], None]] = {
    "pause": lambda run, _: run.pause(),
    "resume": lambda run, _: run.resume(),
    "stop": lambda run, _: run.stop(),
    "accepted": lambda run, message: run.accept_marked(int(message["index"])),
    "expand": lambda run, message: run.expand(int(message["index"]), str(message.get("hint", ""))),
    "idea": lambda run, message: run.add_idea(str(message["text"])),
    "budget": lambda run, message: run.set_budget(
        nodes=_positive(message.get("nodes"), int), minutes=_positive(message.get("minutes"), float)
    ),
    "allow": lambda run, message: run.allow(int(message["index"]), bool(message["is_allowed"])),
    "pin": lambda run, message: run.pin(None if message["index"] is None else int(message["index"])),
    "drop": lambda run, message: run.drop(int(message["index"]), bool(message["is_dropped"])),
    "evaluate": lambda run, message: run.evaluate(int(message["index"]), int(message["repeats"])),
}


def show(run: Steered, *, cell_id: str | None = None, seed_text: str | None = None) -> RunWidget:
    """Display `run` as the output of the current cell: live where a page answers, as a picture where none does.

    The saved output carries a picture of the run too, renewed whenever the run's state changes.  Call this only where
    somebody watches: a headless run must make no widget model, it would blank the exported page.
    """
    display_id = f"score-nb-{uuid.uuid4().hex[:12]}"

    def refresh(record: Record, is_live: bool) -> None:
        data = bundle(record, widget.model_id if is_live else None, cell_id=cell_id)
        update_display(data, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]

    PAGES.listen()
    record = run.snapshot()
    is_pictured = len(record.nodes) <= PICTURE_AT_ONCE
    widget = RunWidget(run, cell_id=cell_id, refresh=refresh, is_pictured=is_pictured)
    first = bundle(record, widget.model_id, cell_id=cell_id) if is_pictured else _bare(record, widget.model_id, cell_id)
    display(first, raw=True, display_id=display_id)  # type: ignore[no-untyped-call]
    widget.start()
    return widget


def bundle(record: Record, model_id: str | None, *, cell_id: str | None) -> dict[str, Any]:
    """Return the run as output data: the picture, and around it the live view unless `model_id` is None."""
    from score_nb.view.report import bundle as picture

    data: dict[str, Any] = dict(picture(record))
    if model_id is None:
        data.pop(wire.RUN_MIME, None)
        data["text/html"] = f"{data.get('text/html', '')}<p><small>{NO_PAGE}</small></p>"
        return data
    data[wire.WIDGET_MIME] = _view(model_id)
    data[wire.RUN_MIME] = {**data.get(wire.RUN_MIME, {}), "cell_id": cell_id}
    return data


def _bare(record: Record, model_id: str | None, cell_id: str | None) -> dict[str, Any]:
    """Return the live view alone, with a line of text: the picture of a large run follows when the page has its run."""
    from score_nb.view.text import progress_line

    return {
        "text/plain": progress_line(record),
        wire.WIDGET_MIME: _view(model_id),
        wire.RUN_MIME: {"name": record.name, "cell_id": cell_id},
    }


def _view(model_id: str | None) -> dict[str, Any]:
    return {"model_id": model_id, "version_major": 2, "version_minor": 0}
