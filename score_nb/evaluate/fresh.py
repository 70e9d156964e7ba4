"""Candidates in fresh interpreters: for libraries that a fork would break, as those that start threads on import."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable, Mapping, Sequence

from score_nb.evaluate.base import EvaluatorSetup
from score_nb.evaluate.host import ForkUnsafe, Host, Zygote
from score_nb.evaluate.local import LocalEvaluator, Pair


class _Waiting(Zygote):
    """The kernel's side of a nursery: an evaluation begins when its worker is ready, not before."""

    def launch(self, fds: Sequence[int]) -> socket.socket:
        here = super().launch(fds)
        poll = select.poll()
        poll.register(here, select.POLLIN | select.POLLHUP)
        # Ends too when the nursery dies or is killed by `close`.
        poll.poll()
        return here


class FreshEvaluator(LocalEvaluator):
    """Runs each candidate in an interpreter of its own that was started, confined and loaded beforehand.

    Slower than forks by the imports of one process for each candidate and for each metric; nothing else differs.

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    """

    def _import(self, host: Host, modules: Iterable[str]) -> Mapping[str, str]:
        """Import nothing here: each worker does, and a module that is sent but cannot be imported is told then."""
        return {}

    def _fork_pair(self, host: Host) -> tuple[Pair, Mapping[str, str]]:
        fresh = {
            "modules": sorted(self._all_modules()),
            "path": self._import_path(),
            "folder": self._folder,
            "spares": self._setup.workers,
        }
        inputs, hidden = self._snapshots
        grants = self._grants()
        scorers, _ = host.zygote([inputs, hidden], grants, frozenset(), "the scorer", fresh=fresh, kind=_Waiting)
        candidates, layers = host.zygote([inputs], grants, frozenset(), "candidates", fresh=fresh, kind=_Waiting)
        return Pair(candidates, scorers), layers


class ForkElseFresh(FreshEvaluator):
    """Forks until the canary finds that this is not safe with the notebook's libraries."""

    def __init__(self, setup: EvaluatorSetup) -> None:
        super().__init__(setup)
        self._is_fresh = False
        self._has_forked = False

    def _import(self, host: Host, modules: Iterable[str]) -> Mapping[str, str]:
        kind = FreshEvaluator if self._is_fresh else LocalEvaluator
        return kind._import(self, host, modules)

    def _fork_pair(self, host: Host) -> tuple[Pair, Mapping[str, str]]:
        if not self._is_fresh:
            try:
                made = LocalEvaluator._fork_pair(self, host)
                self._has_forked = True
                return made
            except ForkUnsafe:
                if self._has_forked:  # it was safe: somebody killed the process that was starting
                    raise
                self._is_fresh = True
                # The workers' parent must be as cold as they are: it is forked from a process that imported nothing.
                host.close()
                host = self._host = Host(self._folder, self._setup.secrets, self._import_path())
        return FreshEvaluator._fork_pair(self, host)
