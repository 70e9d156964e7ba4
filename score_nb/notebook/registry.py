"""The runs that this kernel started, and which cell each came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from score_nb.notebook.history import History, Origin
from score_nb.notebook.place import notebook_folder, notebook_path
from score_nb.run.run import Run
from score_nb.store.runs import store_root


@dataclass(frozen=True, slots=True)
class Started:
    """A run and the cell that it came from.

    `line` is the text of its `%%score` line, "" from `search`; `told` are the warnings of its earlier kernels.
    """

    run: Run
    origin: Origin
    line: str = ""
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class Registry:
    """The runs that this kernel started, the newest last, and which cell bound which name."""

    started: list[Started] = field(default_factory=list)
    history: History | None = None
    _kept: dict[str, Any] = field(default_factory=dict)

    def find(self, name: str) -> Started | None:
        """Return the newest run of that name (or id)."""
        return next((s for s in reversed(self.started) if name in (s.run.name, s.run.id)), None)

    def latest(self) -> Started | None:
        """Return the newest run at work, else the newest of all."""
        live = [s for s in self.started if s.run.is_live]
        return (live or self.started)[-1] if self.started else None

    def add(self, started: Started) -> None:
        """Remember a run; one that came back from the store takes the place of its earlier self."""
        self.started = [s for s in self.started if s.run.id != started.run.id] + [started]

    def made_by(self, origin: Origin) -> frozenset[str]:
        """Return the names that only this cell made."""
        return self.history.only_by(origin) if self.history else frozenset()

    def values_before(self, namespace: Mapping[str, Any], names: frozenset[str], origin: Origin) -> dict[str, Any]:
        """Return the namespace as the seed finds it.

        What the seed bound over another cell's value in an earlier run of itself is the other cell's again: what the
        metric compares with must not come from the seed.
        """
        values = dict(namespace)
        for name in names & values.keys():
            if self.history is not None and self.history.last_by(name, origin) and name in self._kept:
                values[name] = self._kept[name]
        self._kept.update({name: values[name] for name in names & values.keys()})
        return values


REGISTRY = Registry()  # one kernel, one registry: the magics, `search` and `open_run` see the same runs


def key_of(run: Run) -> tuple[str, str, str]:
    """Return what `Search.key` was when the run was begun."""
    folder = run.path.name if run.path else ""
    key = folder.removeprefix(f"{run.name}-").rpartition("-")[0]
    return run.name, key, run.snapshot().fingerprint


def notebook_root(namespace: Mapping[str, Any]) -> Path:
    """Return the folder of the runs of this kernel's notebook."""
    return store_root(notebook_folder(notebook_path(namespace, os.environ)))
