"""Candidates on any system: single-use interpreters that were started, confined and loaded beforehand.

For systems where forks are no choice (macOS, Windows).  It differs from `local` in how processes come about, how they
are watched and what confines them; the cell, the wire, the scorer and the verdict are the same.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from score_nb.errors import EvaluatorBroken
from score_nb.evaluate import attempts, letters, snapshot
from score_nb.evaluate.base import Confinement, EvaluatorSetup
from score_nb.evaluate.copies import Copies
from score_nb.evaluate.crew import Crew, Duo, Plan, Retired, Worker
from score_nb.evaluate.folders import remove_tree
from score_nb.evaluate.grants import Grants, readable
from score_nb.evaluate.place import Place
from score_nb.evaluate.process import ProcessEvaluator, for_candidate, for_scorer, link_files
from score_nb.evaluate.quota import Quota
from score_nb.evaluate.transport import HeldFile
from score_nb.evaluate.watch import Watch

_MAX_ARENA = 2 << 30
_ATTEMPTS_S = 60.0


class PortableEvaluator(ProcessEvaluator):
    """Runs each candidate, and each metric, in an interpreter of its own that waits for it.

    Slower than forks by the imports of one process for each candidate and for each metric, which go on while others
    work.

    Parameters
    ----------
    setup : EvaluatorSetup
        What is evaluated; its objects are copied in `prepare`.
    """

    def __init__(self, setup: EvaluatorSetup) -> None:
        super().__init__(setup)
        self._place: Place | None = None
        self._crew: Crew | None = None
        self._files: list[HeldFile] = []

    @classmethod
    def taking_over(cls, other: ProcessEvaluator, copies: Iterable[snapshot.Snapshot]) -> PortableEvaluator:
        """Return an evaluator that is prepared from what `other` has copied."""
        made = cls(other.setup)
        made._inherit(other)
        made._snapshots = [made._held(copy) for copy in copies]
        return made

    def adopt(self, copies: Copies) -> None:
        """Take over what was copied elsewhere, instead of `prepare`; the copies' files stay the caller's."""
        with self._lock:
            held = [self._held(copy) for copy in copies.snapshots]
            self._adopt(Copies(held, copies.sent_modules, copies.n_folds))

    def _held(self, copy: snapshot.Snapshot) -> snapshot.Snapshot:
        """Return a copy in a file that workers map."""
        if self._place is None:
            self._place = Place(self._setup.secrets)
        file = HeldFile(self._place.held)
        self._files.append(file)
        os.lseek(copy.fd, 0, os.SEEK_SET)
        while part := os.read(copy.fd, 1 << 24):
            _write(file.writing, part)
        file.finish()
        return snapshot.Snapshot(-1, copy.pieces, copy.modules, copy.sources)

    def _copy(self, values: Mapping[str, Any], reader: str) -> snapshot.Snapshot:
        if self._place is None:
            self._place = Place(self._setup.secrets)
        file = HeldFile(self._place.held)
        try:
            taken = snapshot.take(
                values, secrets=self._setup.secrets, reader=reader, open_file=lambda: os.dup(file.writing)
            )
        except BaseException:
            file.close()
            raise
        taken.close()  # all is written; workers map the file
        file.finish()
        self._files.append(file)
        return taken

    # --- processes -------------------------------------------------------------------------------------------------

    def _boot(self) -> Confinement:
        assert self._place is not None
        if self._crew is not None:
            self._crew.close()
        crew = self._crew = self._new_crew()
        try:
            found = try_out(self._place, self._grants())
            unusable = crew.first()
        except letters.Closed:
            raise EvaluatorBroken(f"candidates cannot be run: a fresh process died{self._place.said()}") from None
        if unusable is not None:
            raise snapshot.cannot_be_rebuilt(*unusable)
        return found

    def _new_crew(self) -> Crew:
        assert self._place is not None
        plan = Plan(
            place=self._place,
            snapshots=list(zip(self._snapshots, self._files, strict=True)),
            grants=self._grants(),
            modules=sorted(self._all_modules()),
            path=self._import_path(),
            folder=self._folder,
            arena=min(self._arena_bytes, _MAX_ARENA),
            dress=lambda own: link_files(own, self._folder, self._read_paths()),
        )
        return Crew(plan, self._setup.workers)

    def _restart(self) -> None:
        with self._lock:
            self._fail_if_closed()
            self._boot()

    def _renew(self, modules: set[str]) -> None:
        old = self._crew
        self._crew = self._new_crew()
        if old is not None:
            self._sweeper.submit(old.retire)

    def _free(self) -> None:
        if self._crew is not None:
            self._crew.close()
            self._crew = None
        for file in self._files:
            file.close()
        self._files = []
        if self._place is not None:
            self._place.close()
            self._place = None

    def close(self) -> None:
        """Kill what is at work and free everything; further calls do nothing."""
        place = self._place
        super().close()
        if place is not None:
            # Windows removes no file that is open, as those of an evaluation at work were until now.
            remove_tree(place.folder)

    def _forget(self) -> None:
        if self._crew is not None:
            self._crew.forget()
            self._crew = None
        if self._place is not None:
            self._place.forget()
            self._place = None

    # --- one evaluation --------------------------------------------------------------------------------------------

    def _take(self) -> tuple[Crew, Duo]:
        while True:
            with self._lock:
                self._fail_if_closed()
                crew = self._crew
            if crew is None:
                raise EvaluatorBroken("the processes that run candidates could not be restarted")
            # A crew that was replaced while this call waited has none to give.
            with contextlib.suppress(Retired):
                return crew, crew.take()

    def _launched(self, stack: contextlib.ExitStack, order: dict[str, Any]) -> Watch:
        crew, duo = self._take()
        stack.callback(crew.give_back, duo)
        own = {"role": "candidate", "scratch": duo.candidate.own, **for_candidate(order)}
        candidate = duo.candidate.begin(own, crew.gauge)
        stack.callback(candidate.close)
        scorer = duo.scorer.begin({"role": "scorer", "scratch": duo.scorer.own, **for_scorer(order)}, crew.gauge)
        stack.callback(scorer.close)
        return Watch(candidate, scorer, duo.log, duo.shared_kib, Quota.usual(duo.candidate.own))


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def try_out(place: Place, grants: Grants) -> Confinement:
    """Return what confinement holds in a worker, found by its attempts to break out.

    Raises
    ------
    letters.Closed
        The worker died over it.
    """
    handle, yours = tempfile.mkstemp(prefix="score-nb-try-")
    held, hidden = tempfile.mkstemp(dir=place.held)
    try:
        for fd in (handle, held):
            os.write(fd, b"x")
            os.close(fd)
        # A server of the user's, so that a connection that fails fails for want of the right to make it.
        with socket.create_server(("127.0.0.1", 0)) as server:
            order = {
                "do": "attempt", "yours": yours, "hidden": hidden, "port": server.getsockname()[1],
                "kernel": os.getpid(), "grants": grants.parts,
            }  # fmt: skip
            answer = _hear(place, order)
    finally:
        for path in (hidden, yours, yours + ".new"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
    return attempts.confinement(answer["held"], answer["means"])


def _hear(place: Place, order: Mapping[str, Any]) -> Mapping[str, Any]:
    answers: list[Mapping[str, Any]] = []
    worker = Worker(place, order, heard=lambda worker, answer: answers.append(answer))
    worker.limit_memory(2 * attempts.MEMORY_MIB)
    worker.join(_ATTEMPTS_S)
    if not answers or "held" not in answers[0]:
        raise letters.Closed
    return answers[0]


def probe() -> Confinement:
    """Return what holds on this machine, without a notebook."""
    place = Place(())
    try:
        return try_out(place, readable(sys.path, ()))
    except letters.Closed:
        raise EvaluatorBroken(f"candidates cannot be run: a fresh process died{place.said()}") from None
    finally:
        place.close()
