from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from score_nb.errors import ModelUnavailable
from score_nb.propose.failures import Endpoint, Patience
from score_nb.propose.openai_api import OpenAIProposer, endpoint_from
from score_nb.propose.papers import Papers
from tests.propose.contract import ProposerContract, request
from tests.support.openai_server import OpenAIServer, Script, Scripted

KEY = "sk-scripted-0123456789abcdef"
CELL = "def predict(X):\n    return X.argmax(1)"
GOOD = f"Use the largest column.\n\n```python\n{CELL}\n```"


def proposer_at(server: OpenAIServer, model: str = "scripted", **more: Any) -> OpenAIProposer:
    defaults: dict[str, Any] = {
        "endpoint": Endpoint(server.url, KEY), "environ": {}, "rng": random.Random(1),
        "patience": Patience(timeout=5, attempts=3, pause=0.01),
    }  # fmt: skip
    return OpenAIProposer(model, **{**defaults, **more})


def complaint(script: Script, **more: Any) -> str:
    """The message of the ModelUnavailable that this script leads to."""
    with OpenAIServer(script) as server, pytest.raises(ModelUnavailable) as caught:
        proposer_at(server, **more).propose(request())
    return str(caught.value)


class TestOpenAIProposer(ProposerContract):
    @pytest.fixture
    def proposer(self) -> Iterator[OpenAIProposer]:
        with OpenAIServer([GOOD]) as server:
            yield proposer_at(server)


def test_a_reply_becomes_a_proposal_with_prompt_tokens_and_plan() -> None:
    with OpenAIServer([Scripted(GOOD, tokens=(1200, 300))]) as server:
        proposal = proposer_at(server).propose(request())
        sent = server.received[0]
    assert (proposal.source, proposal.detail) == (CELL, "Use the largest column.")
    assert (proposal.tokens_in, proposal.tokens_out, proposal.cost) == (1200, 300, 0.0)
    assert proposal.reply == GOOD
    assert all(message["content"] in proposal.prompt for message in sent.body["messages"])
    assert sent.headers["authorization"] == f"Bearer {KEY}"


def test_an_unusable_reply_gets_one_repair_request() -> None:
    with OpenAIServer(["I would use a forest.", GOOD]) as server:
        proposal = proposer_at(server).propose(request())
        second = server.received[1].body["messages"]
    assert proposal.source == CELL
    assert proposal.tokens_in == 200  # both calls were paid for
    assert "the reply holds no code block" in second[-1]["content"]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("no code", "no code block"),
        ("```python\nx = 1\n```", "does not define predict"),
        ("```python\ndef predict(X):\n    return (\n```", "syntax error in line"),
        ("```python\nimport sklern\ndef predict(X): return X\n```", "(the nearest installed one is sklearn)"),
        ("```python\n%timeit 1\ndef predict(X): return X\n```", "notebook magics"),
        ("", "the reply is empty"),
    ],
)  # fmt: skip
def test_two_unusable_replies_are_a_failed_proposal_that_says_why(reply: str, why: str) -> None:
    with OpenAIServer([reply]) as server:
        proposal = proposer_at(server).propose(request())
        assert len(server.received) == 2
    assert proposal.source is None
    assert why in proposal.detail


def test_thoughts_are_not_part_of_the_reply() -> None:
    with OpenAIServer([f"<think>maybe\n```python\nwrong = 1\n```\n</think>\n{GOOD}"]) as server:
        assert proposer_at(server).propose(request()).source == CELL


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_asked_again(status: int) -> None:
    with OpenAIServer([Scripted("busy", status=status), GOOD]) as server:
        assert proposer_at(server).propose(request()).source == CELL
        assert len(server.received) == 2


def test_retry_after_is_obeyed() -> None:
    with OpenAIServer([Scripted("busy", status=429, headers={"Retry-After": "0.4"}), GOOD]) as server:
        proposer_at(server).propose(request())
        first, second = server.received
    assert second.at - first.at >= 0.4


@pytest.mark.parametrize("fault", ["drop", "truncate", "empty"])
def test_a_broken_answer_is_asked_for_again(fault: Any) -> None:
    with OpenAIServer([Scripted(GOOD, fault=fault), GOOD]) as server:
        assert proposer_at(server).propose(request()).source == CELL


@pytest.mark.parametrize(
    ("reply", "mend"),
    [
        (Scripted("slow down", status=429), "rate limit or quota (slow down): wait or top up, then resume"),
        (Scripted("boom", status=500), "failed 3 times in a row (500: boom): try again later with resume"),
        (Scripted("no quota", status=429, code="insufficient_quota"), "refused, rate limit or quota (no quota)"),
        (Scripted("bad key", status=401), "refuses the API key (bad key): check OPENAI_API_KEY"),
        (Scripted("not you", status=403), "does not allow this key to use scripted"),
        (Scripted("odd", status=400), "does not accept the request (400: odd): choose another --model"),
        (Scripted(fault="html"), "a web page instead of JSON: check OPENAI_BASE_URL"),
        (Scripted(fault="drop"), "start the server or correct OPENAI_BASE_URL"),
        (Scripted(fault="truncate"), "cannot be read 3 times in a row"),
        (Scripted(fault="empty"), "is it a server that speaks the OpenAI API?"),
    ],
)
def test_a_lasting_failure_names_the_mend(reply: Scripted, mend: str) -> None:
    said = complaint([reply])
    assert mend in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "refusal",
    [
        Scripted("nope", status=404, code="model_not_found"),
        Scripted("Invalid model name passed in model=scriptd", status=400),  # as LiteLLM says it
    ],
)
def test_an_unknown_model_is_answered_with_the_nearest_known_one(refusal: Scripted) -> None:
    said = complaint([refusal], model="scriptd")
    assert "does not know the model scriptd" in said
    assert "Did you mean scripted?" in said


def test_without_a_key_a_refusal_may_be_for_want_of_one() -> None:
    # LiteLLM's proxy without a database answers a missing key like this.
    said = "or set OPENAI_API_KEY where the server wants a key"
    with OpenAIServer([Scripted("No connected db", status=400)]) as server, pytest.raises(ModelUnavailable, match=said):
        proposer_at(server, endpoint=Endpoint(server.url)).propose(request())


def test_a_stalled_answer_ends_with_the_timeout() -> None:
    patience = Patience(timeout=0.2, attempts=2, pause=0.01)
    assert "no answer from 127.0.0.1" in complaint([Scripted(GOOD, fault="stall")], patience=patience)


def test_a_dead_port_is_told_at_once() -> None:
    with OpenAIServer() as server:
        url = server.url
    proposer = OpenAIProposer("m", endpoint=Endpoint(url), environ={}, patience=Patience(attempts=2, pause=0.01))
    with pytest.raises(ModelUnavailable, match=r"no connection to 127\.0\.0\.1:\d+ .*start the server"):
        proposer.propose(request())


def test_a_url_without_scheme_is_told() -> None:
    proposer = OpenAIProposer("m", endpoint=Endpoint("localhost:8000/v1"), environ={})
    with pytest.raises(ModelUnavailable, match="correct OPENAI_BASE_URL"):
        proposer.propose(request())


def test_a_server_without_key_works() -> None:
    with OpenAIServer([GOOD]) as server:
        proposer = proposer_at(server, endpoint=endpoint_from({"OPENAI_BASE_URL": server.url}))
        assert proposer.propose(request()).source == CELL


def refusing(*names: str) -> Any:
    def script(body: Any) -> Scripted:
        for name in names:
            if name in body:
                return Scripted(f"Unsupported parameter: '{name}' is not supported", status=400, param=name)
        if names == () and body["messages"][0]["role"] == "system":
            return Scripted("System role not supported", status=400)
        return Scripted(GOOD)

    return script


@pytest.mark.parametrize("names", [("max_tokens",), ("seed", "max_tokens", "max_completion_tokens"), ()])
def test_a_refused_parameter_is_left_out_from_then_on(names: tuple[str, ...]) -> None:
    with OpenAIServer(refusing(*names)) as server:
        proposer = proposer_at(server)
        assert proposer.propose(request()).source == CELL
        calls = len(server.received)
        assert proposer.propose(request()).source == CELL
        assert len(server.received) == calls + 1


def test_a_model_that_reasons_gets_its_own_parameters() -> None:
    with OpenAIServer([GOOD]) as server:
        proposer_at(server, "gpt-5-mini", effort="low").propose(request())
        proposer_at(server, "llama-3").propose(request(seed=7))
        thinker, other = (call.body for call in server.received)
    assert thinker["reasoning_effort"] == "low"
    assert thinker["max_completion_tokens"] == 32_000
    assert "seed" not in thinker
    assert (other["max_tokens"], other["seed"]) == (32_000, 7)


def test_an_effort_that_was_asked_for_is_sent_to_every_model_and_left_out_where_it_is_refused() -> None:
    with OpenAIServer(refusing("reasoning_effort")) as server:
        proposer = proposer_at(server, "qwen3-thinking", effort="high")
        assert proposer.propose(request()).source == CELL
        first, second = (call.body for call in server.received)
    assert first["reasoning_effort"] == "high"
    assert "reasoning_effort" not in second


def test_edits_of_the_parent_are_carried_out() -> None:
    reply = (
        "Deeper.\n<<<<<<< SEARCH\nmodel = DecisionTreeClassifier(max_depth=3)\n=======\nmodel = None\n>>>>>>> REPLACE"
    )
    whole = reply.replace("(max_depth=3)", "(max_depth=3).fit(X_train, y_train)")
    with OpenAIServer([reply, whole]) as server:
        proposal = proposer_at(server, edits=True).propose(request())
        first, second = server.received
    assert proposal.source is not None
    assert "model = None\n\ndef predict(X):" in proposal.source
    assert "your changes as edits" in first.prompt
    assert "do not stand in the cell: model = DecisionTreeClassifier(max_depth=3)" in second.prompt


PAPER = "Title of a paper\n" + "The method matches neighbours. " * 300


def test_a_paper_is_condensed_once_and_its_method_followed() -> None:
    def script(body: Any) -> Scripted:
        if "text of a scientific paper" in body["messages"][-1]["content"]:
            return Scripted("1. Find neighbours of each other. 2. Subtract their differences.", tokens=(2_000, 40))
        return Scripted(GOOD)

    with OpenAIServer(script) as server:
        proposer = proposer_at(server, papers=Papers({"Title (a.pdf)": PAPER}))
        asked = [request("idea", idea="Title (a.pdf)", seed=seed) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            proposals = list(pool.map(proposer.propose, asked))
        calls = server.received
    condensing = [call for call in calls if "text of a scientific paper" in call.prompt]
    assert len(condensing) == 1
    assert "The method matches neighbours." in condensing[0].prompt
    assert "Tell the wines apart." in condensing[0].prompt
    told = [call.prompt for call in calls if call not in condensing]
    assert all("2. Subtract their differences." in prompt and "Title (a.pdf)" not in prompt for prompt in told)
    assert sorted(proposal.tokens_in for proposal in proposals) == [100, 100, 100, 2_100]
    assert all(proposal.source == CELL for proposal in proposals)


def test_a_paper_without_a_method_leaves_the_idea_as_it_is() -> None:
    with OpenAIServer(["NOTHING", GOOD]) as server:
        proposer = proposer_at(server, papers=Papers({"Title (a.pdf)": PAPER}))
        proposer.propose(request("idea", idea="Title (a.pdf)"))
        assert "Title (a.pdf)" in server.received[1].prompt


def test_a_paper_is_asked_for_again_where_the_first_try_failed() -> None:
    with OpenAIServer([Scripted("bad key", status=401), "A method in four words.", GOOD]) as server:
        proposer = proposer_at(server, papers=Papers({"Title (a.pdf)": PAPER}))
        with pytest.raises(ModelUnavailable):
            proposer.propose(request("idea", idea="Title (a.pdf)"))
        assert proposer.propose(request("idea", idea="Title (a.pdf)")).source == CELL


def test_a_small_context_limits_prompt_and_reply(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(json.dumps({"usd_per_million_tokens": {"scripted": {"context": 8_000}}}))
    with OpenAIServer([GOOD]) as server:
        proposal = proposer_at(server, prices=own).propose(request(source="x = 1\n" * 5_000 + CELL))
        sent = server.received[0]
    assert sent.body["max_tokens"] == 4_000
    assert len(sent.prompt) < 4_000 * 3 + 200
    assert "characters cut" in proposal.prompt
    assert proposal.cost == 0.0


def test_the_size_that_fitted_is_kept_for_the_next_prompt() -> None:
    def script(body: Any) -> Scripted:
        if sum(len(message["content"]) for message in body["messages"]) > 20_000:
            return Scripted("maximum context length is 8192 tokens", status=400, code="context_length_exceeded")
        return Scripted(GOOD)

    with OpenAIServer(script) as server:
        proposer = proposer_at(server, budget=40_000, most_tokens=None)
        for seed in range(2):
            assert proposer.propose(request(source="x = 1\n" * 9_000 + CELL, seed=seed)).source == CELL
        assert len(server.received) == 3  # too long, cut, cut at once


def test_a_rate_limit_makes_all_calls_wait() -> None:
    busy = Scripted("busy", status=429, headers={"Retry-After": "0.5"})
    with OpenAIServer([busy, GOOD]) as server:
        proposer = proposer_at(server)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(proposer.propose, request(seed=1))
            while proposer._chat._not_before == 0.0:
                time.sleep(0.005)
            pool.submit(proposer.propose, request(seed=2)).result()
            first.result()
        refused, *later = server.received
    assert all(call.at - refused.at >= 0.4 for call in later)


def test_retry_after_may_be_a_date_and_a_long_one_pauses_the_run() -> None:
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
    said = complaint([Scripted("busy", status=429, headers={"Retry-After": soon})])
    assert re.search(r"rate limit or quota \(busy; it asks to wait 3[56]\d\d s\): wait or top up, then resume", said)


def test_cost_comes_from_the_price_table_and_the_users_goes_before(tmp_path: Path) -> None:
    own = tmp_path / "prices.json"
    own.write_text(json.dumps({"usd_per_million_tokens": {"scripted": {"in": 10, "out": 100}}}))
    with OpenAIServer([Scripted(GOOD, tokens=(1_000, 200))]) as server:
        assert proposer_at(server, "gpt-5-mini-2025-08-07").propose(request()).cost == pytest.approx(0.00065)
        assert proposer_at(server, prices=own).propose(request()).cost == pytest.approx(0.03)


def test_a_prompt_that_is_too_long_is_cut() -> None:
    def script(body: Any) -> Scripted:
        if sum(len(message["content"]) for message in body["messages"]) > 9_000:
            return Scripted("maximum context length is 2048 tokens", status=400, code="context_length_exceeded")
        return Scripted(GOOD)

    long = "x = 1\n" * 4_000 + CELL
    with OpenAIServer(script) as server:
        proposal = proposer_at(server, budget=30_000).propose(request(source=long))
    assert proposal.source == CELL
    assert "characters cut" in proposal.prompt


def test_close_gives_up_a_call_in_flight() -> None:
    with OpenAIServer([GOOD], latency=30) as server:
        proposer = proposer_at(server)
        threading.Timer(0.3, proposer.close).start()
        began = time.monotonic()
        proposal = proposer.propose(request())
        assert time.monotonic() - began < 25  # of the 30 s that the answer would take
    assert proposal.source is None
    assert "given up" in proposal.detail


def test_the_key_is_in_no_text() -> None:
    def echo(body: Any) -> Scripted:
        return Scripted(f"you sent {KEY}", status=401)

    environ = {"MY_TOKEN": "open-sesame-42"}
    source = f"secret = 'open-sesame-42'\n{CELL}"
    with OpenAIServer([f"{KEY}\n{GOOD}"]) as server:
        proposer = proposer_at(server, environ=environ)
        proposal = proposer.propose(request(source=source))
        assert "open-sesame-42" not in server.received[0].prompt
    assert KEY not in complaint(echo)
    assert KEY not in repr(proposer) + repr(vars(proposer)["_chat"].endpoint) + repr(proposal) + proposer.notice
