from pathlib import Path

import pytest

from score_nb.batch import demo


def test_the_examples_are_found() -> None:
    assert demo.FIRST in [path.name for path in demo.examples()]


def test_examples_are_copied_once_and_again_while_they_are_unchanged(tmp_path: Path) -> None:
    first, kept = demo.copy_examples(tmp_path / "demo")
    assert first.read_bytes() == demo.examples()[0].read_bytes()
    copied = sorted(path.name for path in (tmp_path / "demo" / "recordings").iterdir())
    assert copied == [path.name for path in demo.recordings()] != []
    assert kept == []
    assert demo.copy_examples(tmp_path / "demo") == (first, [])


def test_a_changed_copy_is_the_user_s_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = demo.copy_examples(tmp_path)
    first.write_text("mine")
    assert demo.copy_examples(tmp_path) == (first, [demo.FIRST])
    assert first.read_text() == "mine"
    demo._prepare(tmp_path)
    assert "was changed and is left as it is" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(demo.ScoreError, match="choose another --folder"):
        demo._prepare(tmp_path / "file")
