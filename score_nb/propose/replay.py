"""A recorded run's proposals written to a file and served again: the same file gives the same proposals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from score_nb.errors import BadOption
from score_nb.events import ProposalReceived
from score_nb.propose.base import Request
from score_nb.record import Record
from score_nb.types import Proposal, digest

VERSION = 1
_MARK = "score_nb_recording"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One reply: `parent` is the digest of the program that was to be changed."""

    ticket: int
    operator: str
    parent: str
    source: str | None
    model: str
    detail: str = ""
    prompt: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """The replies of a run in the order asked; `seed` is the digest of its seed cell, `entropy` what it drew from."""

    name: str
    seed: str
    entries: tuple[Recorded, ...]
    entropy: int = 0

    @classmethod
    def of(cls, record: Record, proposals: Iterable[ProposalReceived] = ()) -> Recording:
        """Return the recording of a run's nodes; `proposals` (its events) add those that gave no node."""
        digests = [node.digest for node in record.nodes]
        entries = {
            node.ticket: Recorded(
                node.ticket, node.operator, digests[node.parents[0]], node.source, node.model, node.detail, node.prompt,
                node.reply,
            )
            for node in record.nodes if node.parents
        }  # fmt: skip
        for event in proposals:
            # The event has what the proposer said; a failed node's detail is the failure's.
            known = entries.get(event.ticket)
            operator, parent = (known.operator, known.parent) if known else ("", "")
            entries[event.ticket] = Recorded(
                event.ticket, operator, parent, event.source, event.model, event.detail, event.prompt, event.reply
            )
        seed = digests[0] if digests else digest(record.task.seed)
        return cls(record.name, seed, tuple(entries[ticket] for ticket in sorted(entries)), _entropy(record))

    @classmethod
    def write(cls, record: Record, path: Path, proposals: Iterable[ProposalReceived] = ()) -> Recording:
        """Write the recording of a run to `path`, one JSON object a line, and return it."""
        recording = cls.of(record, proposals)
        header = {
            _MARK: VERSION, "name": recording.name, "seed": recording.seed, "replies": len(recording.entries),
            "entropy": recording.entropy,
        }  # fmt: skip
        lines = [json.dumps(row) for row in (header, *map(asdict, recording.entries))]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return recording

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Return the recording in the file.

        Raises
        ------
        BadOption
            There is no such file, or it is no recording of this version.
        """
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise BadOption(
                f"the recording {path} cannot be read ({why}): check the path, or make one: score-nb record RUN FILE"
            ) from None
        rows = [_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
        header = rows[0] if rows else {}
        if _MARK not in header:
            raise BadOption(f"{path} is no recording: make one with score-nb record RUN FILE")
        if header[_MARK] != VERSION:
            raise BadOption(
                f"the recording {path} is of version {header[_MARK]}, this score-nb reads {VERSION}: update it"
            )
        try:
            entries = tuple(_recorded(row) for row in rows[1:])
        except TypeError as error:
            raise BadOption(f"the recording {path} lacks a field ({error}): record the run again") from None
        entropy = header.get("entropy", 0)
        return cls(
            str(header.get("name", "")), str(header.get("seed", "")), entries,
            entropy if isinstance(entropy, int) else 0,
        )  # fmt: skip


def _entropy(record: Record) -> int:
    """Return what the run's random generators were seeded with: its `--seed`, else its id."""
    seed = record.options.get("seed")
    if isinstance(seed, int):
        return seed
    try:
        return int(record.run_id, 16) % 2**31
    except ValueError:
        return 0


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise BadOption(f"{path} is no recording: line {number} is no JSON object")
    return row


def _recorded(row: Mapping[str, Any]) -> Recorded:
    return Recorded(**{f.name: row[f.name] for f in fields(Recorded) if f.name in row})


class ReplayProposer:
    """Serves a recording: each answer depends on the request alone, never on timing or on what was asked before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recording = Recording.read(path)
        self._by_ticket = {entry.ticket: entry for entry in self._recording.entries}

    @property
    def entropy(self) -> int:
        """What the recorded run's random generators were seeded with."""
        return self._recording.entropy

    @property
    def name(self) -> str:
        """What `--model` says."""
        return f"replay:{self._path}"

    @property
    def notice(self) -> str:
        """That nothing new is written."""
        return f"Replays {len(self._by_ticket)} recorded replies of the run {self._recording.name}; no model is asked."

    @property
    def is_instant(self) -> bool:
        """True: nothing is asked."""
        return True

    def propose(self, request: Request) -> Proposal:
        """Return the reply recorded for this ticket; else an unseen one to the same parent and operator; else none.

        Tokens and cost are 0: they were paid when the run was recorded.
        """
        if self._recording.seed != digest(request.task.seed):
            return self._nothing("the recording is of another seed cell: record this one, or choose another --model")
        entry = self._by_ticket.get(request.ticket) or self._like(request)
        if entry is None:
            return self._nothing(f"the recording holds no reply for request {request.ticket} ({request.operator})")
        return Proposal(entry.source, entry.model, entry.detail, prompt=entry.prompt, reply=entry.reply)

    def close(self) -> None:
        """Do nothing: the file was read at once."""

    def _like(self, request: Request) -> Recorded | None:
        parent = digest(request.parent.source)
        alike = [
            entry
            for entry in self._recording.entries
            if (entry.parent, entry.operator) == (parent, request.operator)
            and entry.source is not None
            and digest(entry.source) not in request.seen
        ]
        return alike[request.ticket % len(alike)] if alike else None

    def _nothing(self, why: str) -> Proposal:
        return Proposal(source=None, model=self.name, detail=why)
