from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from score_nb.errors import BadOption, ModelUnavailable
from score_nb.propose.choose import Manner, is_language_model, proposer_for, recorded_seed
from score_nb.propose.openai_api import OpenAIProposer
from tests.propose.contract import request
from tests.support.openai_server import OpenAIServer, Scripted

REPLY = "A plan.\n```python\ndef predict(X):\n    return X\n```"


def test_offline_is_the_default_where_nothing_is_configured() -> None:
    assert proposer_for(None, {}).name == "offline"


def test_the_environments_model_comes_before_the_default() -> None:
    environ = {"SCORE_NB_MODEL": "qwen3", "OPENAI_BASE_URL": "http://localhost:1/v1"}
    assert proposer_for(None, environ).name == "qwen3"
    assert proposer_for("offline", environ).name == "offline"


def test_a_server_without_a_model_asks_for_its_name() -> None:
    with pytest.raises(ModelUnavailable, match=r"no model named for localhost:8000: say --model NAME"):
        proposer_for(None, {"OPENAI_BASE_URL": "http://localhost:8000/v1"})


def test_a_model_without_key_and_server_is_told_three_ways_out() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        proposer_for("gpt-5-mini", {})
    assert str(caught.value) == (
        "no API key: set OPENAI_API_KEY, point OPENAI_BASE_URL at a local server, or choose --model offline."
    )


def test_a_misspelt_offline_is_answered_with_the_right_one() -> None:
    with pytest.raises(ModelUnavailable, match=r"Did you mean offline\?"):
        proposer_for("ofline", {})


@pytest.mark.parametrize(("model", "message"), [(" , ", "names no model"), ("replay:", "needs the path")])
def test_a_model_that_names_nothing_is_refused(model: str, message: str) -> None:
    with pytest.raises(BadOption, match=message):
        proposer_for(model, {})


def test_several_names_take_turns_and_the_seed_decides() -> None:
    with OpenAIServer([REPLY]) as server:
        proposer = proposer_for("one, two", {"OPENAI_BASE_URL": server.url})
        turns = [proposer.propose(request(seed=seed)).model for seed in range(20)]
        again = [proposer.propose(request(seed=seed)).model for seed in range(20)]
        proposer.close()
    assert proposer.name == "one,two"
    assert turns == again
    assert 4 <= turns.count("one") <= 16


def test_the_users_prices_and_templates_are_found_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "improve.txt").write_text("Please make this better: {parent}")
    (tmp_path / "prices.json").write_text(json.dumps({"usd_per_million_tokens": {"mine": {"in": 1, "out": 1}}}))
    with OpenAIServer([Scripted(REPLY, tokens=(500_000, 500_000))]) as server:
        environ = {"OPENAI_BASE_URL": server.url, "SCORE_NB_HOME": str(tmp_path)}
        proposal = proposer_for("mine", environ).propose(request())
    assert "Please make this better: from sklearn.tree" in proposal.prompt
    assert proposal.cost == pytest.approx(1.0)


def test_settings_lie_in_the_users_folder_of_settings_too(tmp_path: Path) -> None:
    (tmp_path / "score-nb" / "prompts").mkdir(parents=True)
    (tmp_path / "score-nb" / "prompts" / "tune.txt").write_text("Tune: {parent}")
    (tmp_path / "score-nb" / "prices.json").write_text('{"usd_per_million_tokens": {"mine": {"in": 2, "out": 1}}}')
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "XDG_CONFIG_HOME": str(tmp_path)}
    proposer = proposer_for("mine", environ)
    assert isinstance(proposer, OpenAIProposer)
    assert "Tune: from sklearn.tree" in proposer.first_prompt(request("tune"))
    assert proposer.expected_cost(1_000_000, 0) == pytest.approx(2.0)


def test_a_folder_of_prompts_that_is_named_comes_first_and_must_exist(tmp_path: Path) -> None:
    (tmp_path / "tune.txt").write_text("Mine: {parent}")
    environ = {"OPENAI_API_KEY": "k"}
    proposer = proposer_for("m", environ, Manner(prompts=str(tmp_path), edits=True))
    assert isinstance(proposer, OpenAIProposer)
    assert "Mine: from sklearn.tree" in proposer.first_prompt(request("tune"))
    assert "your changes as edits" in proposer.first_prompt(request())
    with pytest.raises(BadOption, match="there is no such folder of prompt templates"):
        proposer_for("m", environ, Manner(prompts=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("model", "environ", "is_one"),
    [
        ("offline", {}, False),
        (None, {}, False),
        ("gpt-5-mini", {}, True),
        ("offline,gpt-5-mini", {}, True),
        (None, {"SCORE_NB_MODEL": "qwen3"}, True),
        ("replay:run.jsonl", {}, True),
    ],
)
def test_it_is_known_whether_a_language_model_reads_the_prompts(model: str | None, environ: Any, is_one: bool) -> None:
    assert is_language_model(model, environ) is is_one


def test_a_recording_is_also_looked_for_beside_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, elsewhere = tmp_path / "notebooks", tmp_path / "elsewhere"
    for folder in (beside, elsewhere):
        folder.mkdir()
    header = {"score_nb_recording": 1, "name": "m", "seed": "v = 1", "replies": 0, "entropy": 5}
    (beside / "run.jsonl").write_text(json.dumps(header))
    monkeypatch.chdir(elsewhere)
    assert recorded_seed("replay:run.jsonl", {}, beside) == 5
    assert proposer_for("replay:run.jsonl", {}, Manner(folder=beside)).is_instant
    with pytest.raises(BadOption, match="cannot be read"):
        recorded_seed("replay:other.jsonl", {}, beside)


def test_a_broken_price_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text('{"gpt": 1}')
    with pytest.raises(BadOption, match=r"prices\.json cannot be read"):
        proposer_for("mine", {"OPENAI_API_KEY": "k", "SCORE_NB_HOME": str(tmp_path)})
