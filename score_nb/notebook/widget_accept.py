"""Accepting from Python: JupyterLab's extension opens a comm, and is asked over it to change the seed cell.

Where there is no extension, `%score accept` turns its own cell into the accepted one.
"""

from __future__ import annotations

from typing import Any, Protocol

from comm import get_comm_manager

from score_nb.record import Record

TARGET = "score_nb"


class Accepted(Protocol):
    """What is needed of a run."""

    name: str

    def snapshot(self) -> Record:
        """Return a consistent copy of the run's record."""
        ...

    def accept_marked(self, index: int) -> None:
        """Note that the user took that node into the notebook."""
        ...


class Pages:
    """The pages that have the extension, the one opened last at the end."""

    def __init__(self) -> None:
        self._comms: list[Any] = []
        self._asked: dict[tuple[str, int], Accepted] = {}

    def listen(self) -> None:
        """Take the comms that pages open from now on."""
        get_comm_manager().register_target(TARGET, self._opened)

    def accept(self, run: Accepted, index: int, *, cell_id: str | None) -> bool:
        """Ask the page to put node `index` into the seed cell; return whether there is a page to ask.

        The page shows what came of it: a notice with an undo, or why the cell was left as it is.
        """
        if not self._comms or cell_id is None:
            return False
        self._asked[run.name, index] = run
        record = run.snapshot()
        known = {0, record.accepted if record.accepted is not None else 0}
        self._comms[-1].send(
            {
                "kind": "accept",
                "run": run.name,
                "index": index,
                "source": record.nodes[index].source,
                "cellId": cell_id,
                "known": [record.nodes[node].source for node in sorted(known)],
                "mode": "replace",
            }
        )
        return True

    def _opened(self, comm: Any, _message: Any) -> None:
        self._comms.append(comm)
        comm.on_close(lambda _message: self._comms.remove(comm))
        comm.on_msg(self._hear)

    def _hear(self, message: Any) -> None:
        """Note that the page did what it was asked."""
        data = message["content"]["data"]
        run = self._asked.pop((data.get("run"), data.get("index")), None)
        if data.get("kind") == "accepted" and run is not None:
            run.accept_marked(data["index"])


PAGES = Pages()
