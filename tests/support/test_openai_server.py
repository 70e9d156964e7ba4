from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.openai_server import OpenAIServer, Scripted


def ask(server: OpenAIServer, key: str = "", **body: object) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(
        server.url + "/chat/completions",
        data=json.dumps({"model": "scripted", "messages": [{"role": "user", "content": "hello"}], **body}).encode(),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def test_replies_come_in_order_and_the_last_one_again() -> None:
    with OpenAIServer(["one", "two"]) as server:
        said = [json.loads(ask(server)[1])["choices"][0]["message"]["content"] for _ in range(3)]
    assert said == ["one", "two", "two"]
    assert server.received[0].prompt == "hello"


def test_an_error_carries_status_and_headers() -> None:
    with OpenAIServer([Scripted("slow down", status=429, headers={"Retry-After": "7"})]) as server:
        status, body, headers = ask(server)
    assert (status, headers["Retry-After"]) == (429, "7")
    assert json.loads(body)["error"]["message"] == "slow down"


def test_a_key_is_asked_for() -> None:
    with OpenAIServer(["yes"], key="open-sesame") as server:
        assert [ask(server)[0], ask(server, "open-sesame")[0]] == [401, 200]


def test_a_dropped_connection_is_no_answer() -> None:
    with OpenAIServer([Scripted(fault="drop")]) as server, pytest.raises(OSError, match=r"closed|reset"):
        ask(server)


def test_the_most_calls_at_one_time_are_counted() -> None:
    with OpenAIServer(["x"], latency=0.2) as server, ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: ask(server), range(3)))
        assert server.peak == 3


def test_a_tool_that_is_offered_is_called() -> None:
    with OpenAIServer([Scripted(tool={"metric": 0.5})]) as server:
        _, body, _ = ask(server, tools=[{"type": "function", "function": {"name": "review", "parameters": {}}}])
    message = json.loads(body)["choices"][0]["message"]
    assert message["content"] is None
    called = message["tool_calls"][0]["function"]
    assert (called["name"], json.loads(called["arguments"])) == ("review", {"metric": 0.5})
