"""Which cell bound a name: what the seed makes itself is no part of the notebook it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from score_nb.cell.names import names_of
from score_nb.cell.options import parse_line
from score_nb.errors import BadOption

_MAGIC_LINE = re.compile(r"^%%score\b(.*)$")
_INTERNAL = re.compile(r"_+|_i+|_i?\d+|_[dio]h|__\w+__|In|Out|get_ipython|exit|quit")


@dataclass(frozen=True, slots=True)
class Origin:
    """A cell by its id (None where the front end tells none) and its text, the line of `%%score` left out.

    `metric` is the one that its line names, "" for a plain cell.
    """

    cell_id: str | None
    body: str
    metric: str = ""

    def is_same_cell(self, other: Origin) -> bool:
        """Return whether both are one cell: by id, else by text."""
        if self.cell_id is not None and self.cell_id == other.cell_id:
            return True
        return self.body == other.body


def origin_of(text: str, cell_id: str | None = None) -> Origin:
    """Return the origin of what the cell `text` binds."""
    return Origin(cell_id, seed_body(text).strip(), _metric_of(text))


def seed_body(text: str) -> str:
    """Return the cell's text below its `%%score` line, the whole where there is none."""
    head, _, rest = text.lstrip("\n").partition("\n")
    return rest if _MAGIC_LINE.match(head) else text


def _metric_of(text: str) -> str:
    found = _MAGIC_LINE.match(text.lstrip("\n").partition("\n")[0])
    try:
        return parse_line(found.group(1)).metric if found else ""
    except BadOption:
        return ""


def is_internal(name: str) -> bool:
    """Return whether IPython itself made that name."""
    return _INTERNAL.fullmatch(name) is not None


class History:
    """Remembers the cells that bound each name, from the moment `watch` is called and, by their text, before.

    Parameters
    ----------
    shell : InteractiveShell
        Its events are listened to, its namespace compared before and after each cell.

    Attributes
    ----------
    running : tuple of str and (str or None)
        Text and id of the cell that runs now.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._origins: dict[str, list[Origin]] = {}
        self._depth = 0
        self._before: dict[str, int] | None = None
        self.running: tuple[str, str | None] = ("", None)

    def watch(self) -> None:
        """Read the cells that ran already, then listen."""
        manager = self._shell.history_manager  # None where IPython was told to keep no history
        for text in manager.input_hist_raw if manager is not None else ():
            self._note_text(text, origin_of(text))
        self._shell.events.register("pre_run_cell", self._on_start)
        self._shell.events.register("post_run_cell", self._on_end)

    def unwatch(self) -> None:
        """Listen no longer."""
        for event, listener in (("pre_run_cell", self._on_start), ("post_run_cell", self._on_end)):
            if listener in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, listener)

    def only_by(self, origin: Origin) -> frozenset[str]:
        """Return the names that this cell bound and no other, but for earlier seeds of the same metric."""

        def is_own(cell: Origin) -> bool:
            return cell.is_same_cell(origin) or bool(origin.metric and cell.metric == origin.metric)

        return frozenset(name for name, cells in self._origins.items() if all(map(is_own, cells)))

    def last_by(self, name: str, origin: Origin) -> bool:
        """Return whether this cell was the last that bound `name`."""
        return any(cell.is_same_cell(origin) for cell in self._origins.get(name, [])[-1:])

    def note(self, names: Iterable[str], origin: Origin) -> None:
        """Remember that the cell bound these names; its earlier texts are the same cell as long as it has an id."""
        for name in names:
            others = [cell for cell in self._origins.get(name, []) if cell.body != origin.body]
            self._origins[name] = [*others, origin]

    def _note_text(self, text: str, origin: Origin) -> None:
        try:
            self.note(names_of(self._shell.transform_cell(seed_body(text))).binds, origin)
        except (SyntaxError, ValueError, RecursionError):
            return

    def _on_start(self, info: Any) -> None:
        self._depth += 1
        if self._depth == 1:
            self.running = info.raw_cell or "", getattr(info, "cell_id", None)
            self._before = _identities(self._shell.user_ns)

    def _on_end(self, result: Any) -> None:
        self._depth = max(0, self._depth - 1)
        info = getattr(result, "info", None)
        if self._depth or info is None or not info.raw_cell:
            return
        origin = origin_of(info.raw_cell, getattr(info, "cell_id", None))
        # A value may come back as the same object (small numbers): the text tells what the identity does not.
        self._note_text(info.raw_cell, origin)
        if self._before is None:  # the cell that loaded the extension: nobody looked before it ran
            return
        before, after = self._before, _identities(self._shell.user_ns)
        self._before = None
        self.note((name for name, value in after.items() if before.get(name) != value), origin)
        for name in before.keys() - after.keys():
            self._origins.pop(name, None)


def _identities(namespace: Mapping[str, Any]) -> dict[str, int]:
    return {name: id(value) for name, value in dict(namespace).items() if not is_internal(name)}
