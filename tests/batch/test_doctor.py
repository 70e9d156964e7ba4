import json
from dataclasses import replace
from pathlib import Path

import pytest

from score_nb.batch import doctor
from score_nb.batch.cli import main


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a data folder with a whole extension in it."""
    folder = tmp_path / "labextensions" / "score-nb"
    (folder / "static").mkdir(parents=True)
    (folder / "static" / "remoteEntry.1.js").write_text("")
    package = {"name": "score-nb", "version": "9.9", "jupyterlab": {"_build": {"load": "static/remoteEntry.1.js"}}}
    (folder / "package.json").write_text(json.dumps(package))
    return tmp_path


def test_an_extension_that_is_whole_and_on_is_ready(installed: Path) -> None:
    found = doctor._extension([installed], [])
    assert found["ready"]
    assert found["version"] == "9.9"


def test_an_extension_whose_entry_is_gone_is_said(installed: Path) -> None:
    (installed / "labextensions" / "score-nb" / "static" / "remoteEntry.1.js").unlink()
    found = doctor._extension([installed], [])
    assert not found["ready"]
    assert "remoteEntry.1.js is missing" in found["words"]


def test_an_extension_that_is_not_there_is_said_with_the_mend(tmp_path: Path) -> None:
    found = doctor._extension([tmp_path], [])
    assert not found["ready"]
    assert "pip install" in found["mend"]


@pytest.mark.parametrize("listed", [["score-nb"], {"score-nb": True}, {"score-nb:plugin": True}])
def test_an_extension_that_is_switched_off_is_said(installed: Path, listed: object) -> None:
    (installed / "labconfig").mkdir()
    (installed / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": listed}))
    found = doctor._extension([installed], [installed])
    assert not found["enabled"]
    assert found["mend"] == "jupyter labextension enable score-nb"


def test_a_key_is_found_and_never_shown() -> None:
    environ = {"OPENAI_API_KEY": "sk-very-secret", "OPENAI_BASE_URL": "http://user:pw@models.example:8000/v1"}
    found = doctor._model(environ)
    assert found["key_found"]
    assert found["endpoint"] == "models.example:8000"
    assert "secret" not in json.dumps(found)
    assert "pw" not in json.dumps(found)


def test_no_model_is_no_fault() -> None:
    found = doctor._model({})
    assert (found["ready"], found["default"], found["key_found"]) == (True, "offline", False)


def test_a_key_without_a_model_is_said_with_the_mend() -> None:
    found = doctor._model({"OPENAI_API_KEY": "sk-very-secret"})
    assert not found["ready"]
    assert "SCORE_NB_MODEL" in found["mend"]


def test_the_command_tells_all_and_ends_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confinement"]["level"] in ("full", "partial", "none")
    assert found["packages"]["papermill"]
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "Confinement of candidates" in text


def test_where_confinement_is_not_full_the_word_that_a_model_needs_is_named() -> None:
    layers = {"landlock": "this kernel has no Landlock", "seccomp": ""}
    found = replace(doctor.examine({}), confinement={"level": "partial", "layers": layers})
    assert "--confinement partial" in doctor.to_text(found)
    assert "--confinement" not in doctor.to_text(replace(found, confinement={"level": "full", "layers": {}}))
