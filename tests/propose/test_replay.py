from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from score_nb import events as ev
from score_nb.errors import BadOption
from score_nb.propose.base import Scripted
from score_nb.propose.offline import OfflineProposer
from score_nb.propose.replay import Recording, ReplayProposer
from score_nb.record import Record
from score_nb.types import Node, Pick, digest
from tests.propose.contract import SEED, TASK, ProposerContract, request


def a_run(children: int = 6) -> tuple[Record, list[ev.ProposalReceived]]:
    """A record of a seed and children that the offline proposer wrote, and the proposals' events."""
    record, proposals = Record(), []
    record.task, record.name = TASK, "balanced"
    record.apply(ev.NodeAdded(0.0, Node(0, (), SEED, "ok", 0.8, 0.8, "seed", "")))
    for ticket in range(1, children + 1):
        proposal = OfflineProposer().propose(request(ticket=ticket, seed=ticket, seen=record.digests))
        assert proposal.source is not None
        proposals.append(
            ev.ProposalReceived(
                1.0, ticket, proposal.source, "offline", proposal.detail, "asked", "said", 3, 4, 0.1, 0.2
            )
        )
        node = Node(ticket, (0,), proposal.source, "ok", 0.8, 0.8, "improve", "offline", proposal.detail, ticket=ticket)
        record.apply(ev.NodeAdded(1.0, node))
    return record, proposals


@pytest.fixture
def path(tmp_path: Path) -> Path:
    record, _ = a_run()
    Recording.write(record, tmp_path / "run.jsonl")
    return tmp_path / "run.jsonl"


class TestReplayProposer(ProposerContract):
    @pytest.fixture
    def proposer(self, path: Path) -> ReplayProposer:
        return ReplayProposer(path)


def test_each_request_gets_its_own_reply_in_whatever_order(path: Path) -> None:
    record, _ = a_run()
    forth, back = ReplayProposer(path), ReplayProposer(path)
    told = {ticket: forth.propose(request(ticket=ticket)).source for ticket in range(1, 7)}
    again = {ticket: back.propose(request(ticket=ticket)).source for ticket in range(6, 0, -1)}
    assert told == again == {node.ticket: node.source for node in record.nodes[1:]}


def test_an_unrecorded_ticket_gets_an_unseen_reply_to_the_same_parent(path: Path) -> None:
    record, _ = a_run()
    seen = frozenset(node.digest for node in record.nodes[:-1])
    proposal = ReplayProposer(path).propose(request(ticket=99, seen=seen))
    assert proposal.source == record.nodes[-1].source


def test_a_missing_reply_is_a_proposal_without_a_cell(path: Path) -> None:
    proposal = ReplayProposer(path).propose(request("tune", ticket=99))
    assert proposal.source is None
    assert proposal.detail == "the recording holds no reply for request 99 (tune)"


def test_replies_that_gave_no_node_are_recorded_from_the_events(tmp_path: Path) -> None:
    record, proposals = a_run(3)
    dropped = replace(proposals[0], ticket=4, source=None, detail="the reply is empty", reply="")
    recording = Recording.write(record, tmp_path / "r", [*proposals, dropped])
    assert [entry.ticket for entry in recording.entries] == [1, 2, 3, 4]
    proposer = ReplayProposer(tmp_path / "r")
    assert proposer.propose(request(ticket=4)).detail == "the reply is empty"
    first = proposer.propose(request(ticket=1))
    assert (first.prompt, first.reply, first.cost) == ("asked", "said", 0.0)


def test_a_script_tells_what_was_asked_for_also_where_no_cell_came(tmp_path: Path) -> None:
    record, proposals = a_run(3)
    pick = Pick(0.5, 1, 0.1)
    started = ev.ExpansionStarted(1.0, 4, (2,), "idea", pick, "", "use ranks")
    dropped = replace(proposals[0], ticket=4, source=None, detail="the reply is empty")
    Recording.write(record, tmp_path / "r", [*proposals, started, dropped])
    proposer = ReplayProposer(tmp_path / "r")
    assert proposer.length == 4
    assert proposer.scripted(2) == Scripted((0,), "improve")
    assert proposer.scripted(4) == Scripted((2,), "idea", "", "use ranks")
    assert proposer.scripted(5) is None


def test_a_recording_without_parents_leaves_the_choice_to_the_policy(tmp_path: Path, path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[1:]:
        del row["parents"]
    rows[0]["seed"] = digest(SEED)
    (tmp_path / "old.jsonl").write_text("\n".join(map(json.dumps, rows)))
    proposer = ReplayProposer(tmp_path / "old.jsonl")
    assert proposer.scripted(1) is None
    assert proposer.propose(request(ticket=1)).source is not None


def test_what_all_prompts_begin_with_is_written_once(tmp_path: Path) -> None:
    record, proposals = a_run(3)
    prompts = ["The task.\nImprove.", "The task.\nDraft.", ""]
    told = [replace(proposal, prompt=prompt) for proposal, prompt in zip(proposals, prompts, strict=True)]
    written = Recording.write(record, tmp_path / "r", told)
    assert (tmp_path / "r").read_text().count("The task.") == 1
    assert [entry.prompt for entry in Recording.read(tmp_path / "r").entries] == prompts
    assert Recording.read(tmp_path / "r") == written


def test_folders_of_the_machine_stay_out_of_a_recording(tmp_path: Path) -> None:
    record, proposals = a_run(1)
    log = f"{sys.prefix}/lib/x.py:3: warning in {Path.home()}/cells.csv"
    Recording.write(record, tmp_path / "r", [replace(proposals[0], prompt=log)])
    (entry,) = Recording.read(tmp_path / "r").entries
    assert entry.prompt == "<python>/lib/x.py:3: warning in ~/cells.csv"


def test_a_recording_of_another_seed_is_not_served(path: Path) -> None:
    other = replace(TASK, seed="def predict(X):\n    return 0\n")
    proposal = ReplayProposer(path).propose(request(task=other))
    assert proposal.source is None
    assert "another seed cell" in proposal.detail


def test_what_was_written_is_read(path: Path) -> None:
    recording = Recording.read(path)
    assert (recording.name, recording.seed, len(recording.entries)) == ("balanced", SEED, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read (No such file or directory): check the path"),
        ("", "is no recording: make one with score-nb record"),
        ('{"a": 1}', "is no recording"),
        ("hello", "line 1 is no JSON object"),
        (json.dumps({"score_nb_recording": 2}), "is of version 2, this score-nb reads 1"),
        (json.dumps({"score_nb_recording": 1}) + '\n{"ticket": 1}', "lacks a field"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_the_mend(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "run.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadOption) as caught:
        ReplayProposer(path)
    assert message in str(caught.value)
