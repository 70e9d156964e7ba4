"""A checkpoint gives the record that all lines give, or nothing; the journal alone is the truth."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from score_nb import events as ev
from score_nb.errors import StoreBroken
from score_nb.record import Record, replay
from score_nb.search.planner import Planner
from score_nb.store.checkpoint import CHECKPOINT
from score_nb.store.journal import JOURNAL, Journal, JournalReader, read_events
from score_nb.types import NODE_TEXTS, SPELLING, digest, replaced
from tests.test_record_at_once import told

# Worked out anew when it is asked for, or a log of what the other attributes hold already.
DERIVED = {"visited", "_stale", "_elder", "_youngest", "_shares_digests", "_put_off", "_to_beat"}


def events_of(seed: int, count: int = 60) -> list[ev.Event]:
    """Return a run's events, with replies, long texts, hold-outs, and numbers that JSON lacks."""
    rng = random.Random(seed)
    found: list[ev.Event] = []
    for event in told(seed, count):
        if isinstance(event, ev.NodeAdded):
            source = f"x = {rng.randrange(40)}\n" + "# long\n" * rng.choice((0, 100))
            node = replaced(
                event.node, source=source, log="é\ud83d" * rng.choice((0, 3, 300)), prompt=rng.choice(("", "p" * 900)),
                metrics={"a": 0.5, "b": float("nan")} if rng.random() < 0.2 else {}, idea=rng.choice(("", "logs")),
                score=-event.node.score if rng.random() < 0.1 else event.node.score,
            )  # fmt: skip
            event = ev.NodeAdded(event.at, node, f"{SPELLING}:{digest(source)}" if rng.random() < 0.9 else "")  # noqa: PLW2901
        found.append(event)
        if isinstance(event, ev.ExpansionStarted) and rng.random() < 0.5:
            found.append(
                ev.ProposalReceived(event.at, event.ticket, None, "m", "", "q" * 500, "r", 3, 4, 0.5, 0.1, "a plan")
            )
            found.append(ev.EvaluationStarted(event.at, event.ticket))
        if isinstance(event, ev.NodeAdded) and rng.random() < 0.1:
            found.append(ev.HoldoutScored(event.at, event.node.index, rng.choice((0.25, float("nan")))))
    found.insert(1, ev.SeedTested(0.0, 0.5, None, {"constant": 0.1}))
    found.append(ev.NodePinned(98.0, 3))
    found.append(ev.ExpansionStarted(99.0, 9_000, (0, 1), "recombine", told_pick(found), "a hint"))
    return found


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("score_nb.columns.BLOCK", 16)


def told_pick(events: list[ev.Event]) -> Any:
    return next(event.pick for event in events if isinstance(event, ev.ExpansionStarted))


def state(record: Record) -> dict[str, Any]:
    """Return all that a record knows."""
    assert record.nodes is record.tree
    assert len(record.digests) >= 0
    return {
        **{name: value for name, value in vars(record).items() if name not in DERIVED},
        "task": record.task,
        "children": [[child.index for child in record.children(node.index)] for node in record.nodes],
        "scores": record.search_scores(),
        "to_beat": record.score_to_beat,
        "texts": [[getattr(node, name) for name in NODE_TEXTS] for node in record.nodes],
    }


def opened(folder: Path) -> tuple[Record, int]:
    """Return a folder's record, and how many lines a checkpoint told of."""
    reader = JournalReader(folder)
    return reader.record(), reader.marked


def written(folder: Path, events: list[ev.Event], lines: int = 1) -> Record:
    """Write events and checkpoints, one after so many lines at least; return the record that the writer had."""
    with closing(Journal(folder, checkpoint_lines=lines)) as journal:
        record = journal.record
        for event in events:
            record.apply(journal.append(event))
            journal.checkpoint(record)
    return record


@pytest.mark.parametrize("seed", range(6))
def test_a_checkpoint_gives_the_record_that_all_lines_give(tmp_path: Path, seed: int) -> None:
    rng, events = random.Random(seed), events_of(seed)
    done = 0
    while done < len(events):  # one writer after the other
        more = rng.randrange(1, len(events))
        written(tmp_path, events[done : done + more], rng.choice((1, 7, 30)))
        done += more
        record, marked = opened(tmp_path)
        assert state(record) == state(replay(read_events(tmp_path)))
    assert marked > 0
    assert Planner(entropy="1").ask(record, 77) == Planner(entropy="1").ask(replay(read_events(tmp_path)), 77)


@pytest.mark.parametrize("seed", range(2))
def test_what_comes_after_a_checkpoint_is_taken_into_account_as_ever(tmp_path: Path, seed: int) -> None:
    events = events_of(seed)
    written(tmp_path, events[:90])
    record, marked = opened(tmp_path)
    assert marked > 60
    for event in events[90:]:
        record.apply(event)
    whole = replay([*read_events(tmp_path), *events[90:]])  # as read: the store has no NaN
    assert [node.visits for node in record.nodes] == [node.visits for node in whole.nodes]
    assert (record.best, record.noise, record.digests) == (whole.best, whole.noise, whole.digests)
    assert record.in_flight == whole.in_flight


def test_the_writers_own_record_is_what_readers_get(tmp_path: Path) -> None:
    own = written(tmp_path, events_of(3), lines=10_000)
    assert not (tmp_path / CHECKPOINT).exists()
    read, _ = opened(tmp_path)
    assert own.nodes[5].source == read.nodes[5].source
    assert [node.visits for node in own.nodes] == [node.visits for node in read.nodes]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _lose_a_block(path: Path) -> None:
    *lines, _, _ = path.read_bytes().split(b"\n")
    _seal(path, lines)


def _spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"tokens":', b'"tokenz":', 1))


def _head(change: Callable[[list[Any]], None]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        head, *lines, _ = path.read_bytes().split(b"\n")
        fields = json.loads(head)
        change(fields)
        _seal(path, [json.dumps(fields).encode(), *lines])

    return spoil


def _other_columns(path: Path) -> None:
    *lines, last, _ = path.read_bytes().split(b"\n")
    columns = json.loads(last)
    del columns["parents"]
    _seal(path, [*lines, json.dumps(columns).encode()])


def _seal(path: Path, lines: list[bytes]) -> None:
    whole = b"\n".join(lines)
    path.write_bytes(whole + b"\n%d" % zlib.crc32(whole))


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\x00not json"),
        _cut,
        _spoil,
        _other_columns,
        _lose_a_block,
        _head(lambda head: head.__setitem__(0, head[0] + 1)),
        _head(lambda head: head.__setitem__(1, "9.9.9 0badcafe")),
        _head(lambda head: head.__setitem__(3, head[3] + 10**6)),
        _head(lambda head: head.__setitem__(5, head[5] ^ 1)),
        _head(lambda head: head.append("more")),
    ],
    ids=["missing", "empty", "noise", "cut", "spoilt", "columns", "block", "newer", "version", "beyond", "crc",
         "longer"],
)
def test_a_checkpoint_that_does_not_fit_is_as_good_as_none(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    written(tmp_path, events_of(5))
    whole = state(replay(read_events(tmp_path)))
    assert opened(tmp_path)[1] > 0
    spoil(tmp_path / CHECKPOINT)
    record, marked = opened(tmp_path)
    assert marked == 0
    assert state(record) == whole


def test_a_checkpoint_of_another_journal_is_not_taken(tmp_path: Path) -> None:
    written(tmp_path / "a", events_of(6))
    written(tmp_path / "b", events_of(7))
    (tmp_path / "a" / CHECKPOINT).replace(tmp_path / "b" / CHECKPOINT)
    record, marked = opened(tmp_path / "b")
    assert marked == 0
    assert state(record) == state(replay(read_events(tmp_path / "b")))


def test_damage_in_the_journal_is_told_in_spite_of_a_checkpoint(tmp_path: Path) -> None:
    written(tmp_path, events_of(8))
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes().replace(b'"metric"', b'"metrik"', 1))
    with pytest.raises(StoreBroken, match=r"line 1 .* is damaged"):
        opened(tmp_path)
    with pytest.raises(StoreBroken, match="nothing was overwritten"):
        Journal(tmp_path)


def test_a_torn_line_after_the_checkpoint_is_left_out(tmp_path: Path) -> None:
    written(tmp_path, events_of(9))
    whole = state(opened(tmp_path)[0])
    with open(tmp_path / JOURNAL, "ab") as file:
        file.write(b'[999,"00000000",{"event":"Warn')
    record, marked = opened(tmp_path)
    assert marked > 0
    assert state(record) == whole
    Journal(tmp_path).close()
    assert state(opened(tmp_path)[0]) == whole


def test_a_node_whose_texts_are_not_stored_makes_no_checkpoint(tmp_path: Path) -> None:
    events = events_of(10)
    with closing(Journal(tmp_path, checkpoint_lines=1)) as journal:
        for event in events:
            journal.append(event)
        journal.checkpoint(replay(events), is_last=True)
    assert not (tmp_path / CHECKPOINT).exists()
    assert state(opened(tmp_path)[0]) == state(replay(read_events(tmp_path)))


def test_a_writer_killed_at_any_moment_leaves_a_run_that_opens_as_its_lines_say(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from score_nb.store.journal import Journal
        from tests.store.test_checkpoint import events_of
        journal = Journal(Path({str(tmp_path)!r}), checkpoint_lines=1)
        record = journal.record
        for event in events_of(11, 150):
            record.apply(journal.append(event))
            journal.checkpoint(record)
            print(flush=True)
        """
    )
    root = Path(__file__).resolve().parents[2]
    for kill_after in (3, 100, 200):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root)
        assert child.stdout is not None
        for _ in range(kill_after):
            assert child.stdout.readline()
        time.sleep(0.001 * (kill_after % 7))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        record, _ = opened(tmp_path)
        assert state(record) == state(replay(read_events(tmp_path)))
        Journal(tmp_path).close()
        assert state(opened(tmp_path)[0]) == state(record)
        for file in (*(tmp_path / "texts").iterdir(), *(path for path in tmp_path.iterdir() if path.is_file())):
            file.unlink()
