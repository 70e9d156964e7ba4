"""A local server that speaks the OpenAI chat-completions API: scripted replies, latency and faults.

    with OpenAIServer(["```python\\nx = 1\\n```"]) as server:
        OpenAIProposer("scripted", base_url=server.url)

Replies are served in order, the last one again and again; a function of the request's body serves replies of its own.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

Fault = Literal["", "drop", "stall", "truncate", "html", "empty"]


@dataclass(frozen=True)
class Scripted:
    """One answer of the server.

    Attributes
    ----------
    text : str
        What the model says (or the error's message where `status` is no 200).
    status : int
        HTTP status.
    headers : mapping
        Further headers, such as Retry-After.
    latency : float
        Seconds before anything is sent, beyond the server's own.
    fault : str
        "drop" closes the connection without an answer, "stall" sends the head and then nothing, "truncate" sends half
        of the JSON, "html" sends a page with status 200, "empty" sends a completion without choices.
    tokens : tuple of int or None
        Prompt and completion tokens of `usage`; None leaves it out.
    code, param : str or None
        Fields of an error body, such as "model_not_found" and "max_tokens".
    reasoning : str or None
        `reasoning_content` beside the content, as vLLM and DeepSeek send it.
    tool : mapping or None
        Arguments of a call of the tool that the request offers first, instead of a text.
    """

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    fault: Fault = ""
    tokens: tuple[int, int] | None = (100, 50)
    code: str | None = None
    param: str | None = None
    reasoning: str | None = None
    tool: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Received:
    """One call as the server saw it: path, headers (lower-case names), decoded body, time of arrival (monotonic s)."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float

    @property
    def prompt(self) -> str:
        """The texts of all messages, joined."""
        return "\n".join(str(message.get("content", "")) for message in self.body.get("messages", ()))


Script = Sequence["Scripted | str"] | Callable[[Mapping[str, Any]], "Scripted | str"]


class OpenAIServer:
    """A threaded HTTP server on a free local port; `received` lists the calls, `peak` the most at one time."""

    def __init__(
        self, script: Script = ("```python\npass\n```",), *, latency: float = 0.0, key: str = "",
        models: Sequence[str] = ("scripted",),
    ) -> None:  # fmt: skip
        self.script = script
        self.latency = latency
        self.key = key
        self.models = tuple(models)
        self.received: list[Received] = []
        self.peak = 0
        self._served = 0
        self._at_work = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.script_owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Base URL, for OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def start(self) -> OpenAIServer:
        """Serve from now on; returns the server itself."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Give up stalled answers and close the port."""
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> OpenAIServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def next_reply(self, received: Received) -> Scripted:
        """Return the answer to this call and note it."""
        with self._lock:
            self.received.append(received)
            turn = self._served
            self._served += 1
        reply = self.script(received.body) if callable(self.script) else self.script[min(turn, len(self.script) - 1)]
        return Scripted(reply) if isinstance(reply, str) else reply

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the server's end."""
        self._closing.wait(seconds)

    def enter(self, step: int) -> None:
        """Count a call in (+1) or out (-1)."""
        with self._lock:
            self._at_work += step
            self.peak = max(self.peak, self._at_work)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    script_owner: OpenAIServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Write no log."""

    def do_GET(self) -> None:
        models = [{"id": name, "object": "model", "owned_by": "tests"} for name in self.server.script_owner.models]
        self._send(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        owner = self.server.script_owner
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.enter(+1)
        try:
            self._answer(owner, Received(self.path, headers, body, time.monotonic()))
        finally:
            owner.enter(-1)

    def _answer(self, owner: OpenAIServer, received: Received) -> None:
        if owner.key and received.headers.get("authorization") != f"Bearer {owner.key}":
            self._send(401, _error("Incorrect API key provided", "invalid_api_key", None))
            return
        if not received.path.endswith("/chat/completions"):
            self._send(404, _error(f"no such path: {received.path}", None, None))
            return
        reply = owner.next_reply(received)
        owner.pause(owner.latency + reply.latency)
        if reply.fault:
            self._fail(owner, reply, received)
        elif reply.status != 200:
            self._send(reply.status, _error(reply.text, reply.code, reply.param), reply.headers)
        else:
            self._send(200, _completion(reply, received.body), reply.headers)

    def _fail(self, owner: OpenAIServer, reply: Scripted, received: Received) -> None:
        self.close_connection = True
        whole = json.dumps(_completion(reply, received.body)).encode()
        if reply.fault == "html":
            self._write(reply.status, b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html", reply.headers)
        elif reply.fault == "empty":
            self._send(200, {**_completion(reply, received.body), "choices": []})
        elif reply.fault == "truncate":
            self._write(200, whole[: len(whole) // 2], "application/json", reply.headers)
        elif reply.fault == "stall":
            self._head(200, len(whole), "application/json", reply.headers)
            self.wfile.flush()
            owner.pause(3600)

    def _send(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._write(status, json.dumps(body).encode(), "application/json", headers or {})

    def _write(self, status: int, data: bytes, kind: str, headers: Mapping[str, str]) -> None:
        self._head(status, len(data), kind, headers)
        self.wfile.write(data)

    def _head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _error(message: str, code: str | None, param: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}


def _completion(reply: Scripted, body: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.reasoning is not None:
        message["reasoning_content"] = reply.reasoning
    if reply.tool is not None:
        called = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps(reply.tool)}
        message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": called}]}
    answer: dict[str, Any] = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "scripted"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    if reply.tokens is not None:
        sent, written = reply.tokens
        answer["usage"] = {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}
    return answer
