"""The command as a user types it; what needs a kernel is in test_headless.py."""

import json
from pathlib import Path

import pytest

from score_nb.batch.cli import main
from score_nb.propose.replay import Recording
from tests.batch.notebooks import SEED, store_run, write


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SCORE_NB_HOME", "SCORE_NB_OPTIONS", "SCORE_NB_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_runs_lists_the_store_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["runs"]) == 0
    listed = capsys.readouterr().out
    assert "near" in listed
    assert "finished" in listed


def test_runs_takes_a_notebook_or_the_store_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    notebook = write(tmp_path / "a.ipynb", SEED)
    for path in (notebook, tmp_path / ".score_nb"):
        assert main(["runs", str(path)]) == 0
        assert "near" in capsys.readouterr().out


def test_runs_points_to_stores_one_folder_deeper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / "study" / ".score_nb")
    assert main(["runs"]) == 0
    assert "There are some in study" in capsys.readouterr().out


def test_show_prints_numbers_curve_and_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["show", "near"]) == 0
    text = capsys.readouterr().out
    assert "+4.0 over the seed" in text
    assert "★" in text


def test_show_takes_the_folder_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_run(tmp_path / "elsewhere")
    assert main(["show", str(folder)]) == 0
    assert "score-nb near" in capsys.readouterr().out


def test_a_misspelt_run_is_answered_with_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["show", "naer"]) == 1
    assert "Did you mean near?" in capsys.readouterr().err


def test_a_damaged_store_is_named_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = store_run(tmp_path / ".score_nb")
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join([*lines[:2], b"torn\n", *lines[3:]]))
    assert main(["show", "near"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "journal" in error


def test_export_writes_the_best_cell(tmp_path: Path) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["export", "near", "best.py"]) == 0
    assert (tmp_path / "best.py").read_text().endswith("x = 2\n")


def test_record_writes_what_replay_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["record", "near", "near.replay"]) == 0
    assert "--model replay:near.replay" in capsys.readouterr().out
    recording = Recording.read(tmp_path / "near.replay")
    assert [entry.source for entry in recording.entries] == ["x = 1", "x = 2"]


def test_record_into_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_run(tmp_path / ".score_nb")
    assert main(["record", "near", "no/near.replay"]) == 1
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "none.ipynb"], "there is no notebook none.ipynb"),
        (["run", "junk.ipynb"], "is no notebook"),
        (["run", "good.ipynb", "good.ipynb"], "name another file"),
        (["run", "good.ipynb", "no/out.ipynb"], "there is no folder no"),
        (["run", "good.ipynb", "--nodes", "many"], "--nodes takes a whole number"),
        (["run", "good.ipynb", "--maximize", "--minimize"], "exclude each other"),
        (["run", "good.ipynb", "--kernel", "nix"], "there is no kernel nix"),
        (["run", "era.ipynb"], "no score is printed below the mutable cell"),
        (["runs", "nowhere"], "nowhere does not exist"),
        (["export", "near", "run.csv"], "There are none yet"),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    write(tmp_path / "good.ipynb", SEED)
    (tmp_path / "junk.ipynb").write_text("{}")
    era = json.loads(write(tmp_path / "era.ipynb", "x = 1").read_text())
    era["cells"][0]["metadata"]["tags"] = ["rewrite_cell"]  # and nothing that would score it
    (tmp_path / "era.ipynb").write_text(json.dumps(era))
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("score-nb: ")
    assert error.count("\n") == 1


def test_a_misspelt_option_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "a.ipynb", "--nodse", "3"])
    assert ended.value.code == 2
    assert "--nodse is not understood. Did you mean --nodes?" in capsys.readouterr().err


def test_help_of_run_lists_the_options_of_the_magic(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "its %%score cells wait" in text
    assert "--c-puct" in text
    assert "%%score" in text
