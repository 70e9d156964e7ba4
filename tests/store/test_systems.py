"""What the store does differently on other systems, as far as it can be tried from here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from score_nb.store import processes, texts


def test_file_that_cannot_be_renamed_while_open_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    path = tmp_path / "journal"
    file = texts.open_whole(path, [b"one\n"])
    os.write(file, b"two\n")
    os.close(file)
    assert path.read_bytes() == b"one\ntwo\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["journal"]


@pytest.mark.skipif(sys.platform == "win32", reason="the other way is tried")
def test_start_of_a_process_is_known_without_proc_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    since = processes.started(os.getpid())
    assert since
    assert processes.lives(os.getpid(), since)
    assert not processes.lives(os.getpid(), since + "1")
    assert processes.started(2**22 + 1) == ""
