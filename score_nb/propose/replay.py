"""A recorded run's proposals written to a file and served again: the same file gives the same tree.

A recording is read on other machines, where values differ in their last digits and a candidate may run out of time.  So
what was asked for is recorded too (parents by the ticket that gave them, operator, idea), and a replay asks for it
again instead of having the policy choose anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from os.path import commonprefix
from pathlib import Path
from typing import Any, cast, get_args

from score_nb.errors import BadOption
from score_nb.events import Event, ExpansionStarted, ProposalReceived
from score_nb.propose.base import Request, Scripted
from score_nb.record import Record
from score_nb.types import Operator, Proposal, digest

VERSION = 1
_MARK = "score_nb_recording"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One reply: `parent` is the digest of the program that was to be changed, `parents` the tickets that gave them."""

    ticket: int
    operator: str
    parent: str
    source: str | None
    model: str
    detail: str = ""
    prompt: str = ""
    reply: str = ""
    parents: tuple[int, ...] = ()
    hint: str = ""
    idea: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """The replies of a run in the order asked; `seed` is its seed cell, `entropy` what it drew from."""

    name: str
    seed: str
    entries: tuple[Recorded, ...]
    entropy: int = 0

    @classmethod
    def of(cls, record: Record, events: Iterable[Event] = ()) -> Recording:
        """Return the recording of a run's nodes; its `events` add the replies that gave no node."""
        nodes = record.nodes
        entries = {
            node.ticket: Recorded(
                node.ticket, node.operator, nodes[node.parents[0]].digest, node.source, node.model, node.detail,
                node.prompt, node.reply, tuple(nodes[parent].ticket for parent in node.parents), node.hint, node.idea,
            )
            for node in nodes if node.parents
        }  # fmt: skip
        asked = {}
        for event in events:
            if isinstance(event, ExpansionStarted):
                asked[event.ticket] = event
            elif isinstance(event, ProposalReceived):
                # The event has what the proposer said; a failed node's detail is the failure's.
                known = entries.get(event.ticket) or _unanswered(record, asked.get(event.ticket), event.ticket)
                entries[event.ticket] = replace(
                    known, source=event.source, model=event.model, detail=event.detail, prompt=event.prompt,
                    reply=event.reply,
                )  # fmt: skip
        seed = nodes[0].source if nodes else record.task.seed
        return cls(record.name, seed, tuple(entries[ticket] for ticket in sorted(entries)), _entropy(record))

    @classmethod
    def write(cls, record: Record, path: Path, events: Iterable[Event] = ()) -> Recording:
        """Write the recording of a run to `path`, one JSON object a line, and return it.

        Folders of this machine that logs brought into prompts are left out: recordings are made to be passed on.
        """
        recording = cls.of(record, events)
        entries = [
            replace(entry, prompt=_without_folders(entry.prompt), detail=_without_folders(entry.detail))
            for entry in recording.entries
        ]
        # All prompts of a run begin alike: with the task, the inputs and how to answer.  Characters are what is meant.
        opening = commonprefix([entry.prompt for entry in entries if entry.prompt])  # noqa: RUF071
        header = {
            _MARK: VERSION, "name": recording.name, "seed": recording.seed, "replies": len(entries),
            "entropy": recording.entropy, "opening": opening,
        }  # fmt: skip
        rows = (header, *(_row_of(entry, opening) for entry in entries))
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
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
            entries = tuple(_recorded(row, str(header.get("opening", ""))) for row in rows[1:])
        except TypeError as error:
            raise BadOption(f"the recording {path} lacks a field ({error}): record the run again") from None
        entropy = header.get("entropy", 0)
        return cls(
            str(header.get("name", "")), str(header.get("seed", "")), entries,
            entropy if isinstance(entropy, int) else 0,
        )  # fmt: skip


def _unanswered(record: Record, started: ExpansionStarted | None, ticket: int) -> Recorded:
    """Return the entry of a request that gave no node, as far as it is known what was asked for."""
    if started is None:
        return Recorded(ticket, "", "", None, "")
    parents = [record.nodes[parent] for parent in started.parents]
    return Recorded(
        ticket, started.operator, parents[0].digest, None, "", parents=tuple(node.ticket for node in parents),
        hint=started.hint, idea=started.idea,
    )  # fmt: skip


def _without_folders(text: str) -> str:
    """Return the text without the places of the interpreter, the user's and the temporary files."""
    places = {sys.prefix: "<python>", str(Path.home()): "~", tempfile.gettempdir(): "<tmp>"}
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text


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


def _row_of(entry: Recorded, opening: str) -> dict[str, Any]:
    """Return the entry's line, without what is empty and what all prompts begin with."""
    row = {name: value for name, value in asdict(entry).items() if value or name not in ("detail", "hint", "idea")}
    if opening and entry.prompt.startswith(opening):
        row["ending"] = row.pop("prompt")[len(opening) :]
    return row


def _recorded(row: Mapping[str, Any], opening: str) -> Recorded:
    known = {f.name: row[f.name] for f in fields(Recorded) if f.name in row}
    if "ending" in row:
        known["prompt"] = f"{opening}{row['ending']}"
    return Recorded(**{**known, "parents": tuple(known.get("parents", ()))})


class ReplayProposer:
    """Serves a recording: each answer depends on the request alone, never on timing or on what was asked before.

    It is a `Script` as well: the loop asks for what was asked for when the run was recorded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recording = Recording.read(path)
        self._by_ticket = {entry.ticket: entry for entry in self._recording.entries}
        self._seeds = {self._recording.seed, digest(self._recording.seed)}  # older recordings hold the digest

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
    def is_untrusted(self) -> bool:
        """False: the recording lies there to be read."""
        return False

    @property
    def is_instant(self) -> bool:
        """True: nothing is asked."""
        return True

    @property
    def length(self) -> int:
        """The last ticket that was recorded."""
        return max(self._by_ticket, default=0)

    def scripted(self, ticket: int) -> Scripted | None:
        """Return what was asked for under this ticket, None where the recording does not say."""
        entry = self._by_ticket.get(ticket)
        if entry is None or not entry.parents or entry.operator not in get_args(Operator):
            return None
        return Scripted(entry.parents, cast(Operator, entry.operator), entry.hint, entry.idea)

    def propose(self, request: Request) -> Proposal:
        """Return the reply recorded for this ticket; else an unseen one to the same parent and operator; else none.

        Tokens and cost are 0: they were paid when the run was recorded.
        """
        if digest(request.task.seed) not in self._seeds:
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
