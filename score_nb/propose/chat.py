"""One chat completion against any server that speaks the OpenAI API: parameters, retries, and errors in plain words.

The only module that talks to the `openai` package; its exceptions end here.
"""

from __future__ import annotations

import queue
import random
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from score_nb.errors import ModelUnavailable
from score_nb.propose.failures import (
    OFFICIAL,
    Endpoint,
    NoChoices,
    Patience,
    WebPage,
    in_plain_words,
    is_too_long,
    pause_before_retry,
    status_of,
)

_REASONING = re.compile(r"(?:^|/)(?:o\d|gpt-5|gpt-oss|codex)")
_OPTIONAL = ("reasoning_effort", "max_completion_tokens", "max_tokens", "seed")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the text, tokens as the server counted them (0 where it did not), its own cost in US dollars."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    cost: float | None = None
    is_cut: bool = False


class GivenUp(Exception):
    """`close` was called while the answer was awaited."""


Message = Mapping[str, str]


class Chat:
    """Asks one model; safe to use from several threads at once."""

    def __init__(
        self, model: str, endpoint: Endpoint, *, patience: Patience, effort: str | None = None,
        most_tokens: int | None = None, rng: random.Random | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.endpoint = endpoint
        self._patience = patience
        self._effort = effort
        self._most_tokens = most_tokens
        self._rng = rng or random.Random()
        self._refused: set[str] = set()
        self._waiting: set[queue.SimpleQueue[Any]] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._client: Any = None
        self._not_before = 0.0

    def ask(self, messages: list[Message], *, seed: int = 0) -> Answer:
        """Return the model's answer, after retries where a retry may help.

        Raises
        ------
        ModelUnavailable
            Asking again would not help; the message names the mend.
        PromptTooLong
            The prompt does not fit.
        GivenUp
            `close` was called meanwhile.
        """
        attempt = 0
        while True:
            if self._closed.is_set():
                raise GivenUp
            self._closed.wait(max(0.0, self._not_before - time.monotonic()))
            sent = self._arguments(messages, seed)
            outcome = self._outcome(sent)
            if isinstance(outcome, Answer):
                return outcome
            if self._drops_parameter(outcome, sent):
                continue
            attempt += 1
            pause = pause_before_retry(outcome, attempt, self._patience, self._rng)
            if pause is None:
                known = self._known_models() if status_of(outcome) in (400, 404) else []
                raise in_plain_words(outcome, attempt, self.model, self.endpoint, known) from None
            # A server that refuses one call for its rate refuses the others, too: all of them wait.
            if status_of(outcome) == 429:
                self._not_before = max(self._not_before, time.monotonic() + pause)
            else:
                self._closed.wait(pause)

    def close(self) -> None:
        """Give up all calls in flight; their threads end with their sockets."""
        self._closed.set()
        with self._lock:
            waiting, client, self._client = list(self._waiting), self._client, None
        for answers in waiting:
            answers.put(GivenUp())
        if client is not None:
            client.close()

    # --- one call -----------------------------------------------------------------------------------------------

    def _outcome(self, sent: Mapping[str, Any]) -> Answer | Exception:
        """Return the answer or the exception, whichever comes first: the call's own or that of `close`.

        The call runs in a thread of its own because closing a socket does not wake a thread that reads from it.
        """
        answers: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()
        with self._lock:
            self._waiting.add(answers)
        threading.Thread(
            target=lambda: answers.put(self._call(sent)), name="score-nb model call", daemon=True
        ).start()  # fmt: skip
        try:
            outcome = answers.get()
        finally:
            with self._lock:
                self._waiting.discard(answers)
        if isinstance(outcome, GivenUp) or self._closed.is_set():
            raise GivenUp
        return outcome

    def _call(self, sent: Mapping[str, Any]) -> Answer | Exception:
        client = None
        try:
            client = self._connected()
            return _answer(client.chat.completions.create(**sent))
        except Exception as error:  # noqa: BLE001  every failure of the foreign package is judged by the caller
            return error
        finally:
            if self._closed.is_set() and client is not None:
                client.close()  # again: a connection made while `close` ran was not yet among those it closed

    def _connected(self) -> Any:
        with self._lock:
            if self._closed.is_set():
                raise GivenUp
            if self._client is None:
                self._client = _client(self.endpoint, self._patience.timeout)
            return self._client

    def _arguments(self, messages: list[Message], seed: int) -> dict[str, Any]:
        reasons = bool(_REASONING.search(self.model.lower()))
        wanted = {
            "max_completion_tokens" if reasons else "max_tokens": self._most_tokens,
            "reasoning_effort": self._effort,
            "seed": None if reasons else seed % 2**31,
        }
        with self._lock:
            refused = set(self._refused)
        if "max_tokens" in refused and not reasons:
            wanted["max_completion_tokens"] = self._most_tokens
        kept = {name: value for name, value in wanted.items() if value is not None and name not in refused}
        if "system" in refused:
            messages = _without_system(messages)
        return {"model": self.model, "messages": messages, **kept}

    def _drops_parameter(self, error: Exception, sent: Mapping[str, Any]) -> bool:
        """Return whether the server refused an optional parameter, which is then left out from now on."""
        if status_of(error) not in (400, 422):
            return False
        said = f"{getattr(error, 'param', '')} {error}".lower()
        optional = [name for name in _OPTIONAL if name in sent]
        named = [name for name in optional if re.search(rf"\b{name}\b", said)]
        if not named and is_too_long(error):
            # Prompt and longest reply together are too long: give up the reply's limit before the prompt's text.
            named = [name for name in optional if name.startswith("max_")]
        if (
            not named
            and re.search(r"system.{0,20}role|role.{0,20}system", said)
            and sent["messages"][0]["role"] == "system"
        ):
            named = ["system"]
        with self._lock:
            self._refused.update(named)
        return bool(named)

    def _known_models(self) -> list[str]:
        try:
            return sorted(str(model.id) for model in self._connected().with_options(timeout=5.0).models.list().data)
        except Exception:  # noqa: BLE001  the list only makes the message better; many servers have none
            return []


def _client(endpoint: Endpoint, timeout: float) -> Any:
    try:
        import openai
    except ImportError:
        raise ModelUnavailable("the package openai is missing: pip install openai, or choose --model offline") from None
    return openai.OpenAI(
        api_key=endpoint.key or "none",  # the package insists on one; local servers ignore it
        base_url=endpoint.base_url or OFFICIAL,
        max_retries=0,
        timeout=openai.Timeout(timeout, connect=min(15.0, timeout)),
    )


def _answer(completion: Any) -> Answer:
    if not hasattr(completion, "choices"):
        raise WebPage(str(completion))
    if not completion.choices:
        raise NoChoices("the answer holds no choice")
    choice, usage = completion.choices[0], completion.usage
    details = getattr(usage, "prompt_tokens_details", None)
    return Answer(
        text=choice.message.content or "",
        tokens_in=getattr(usage, "prompt_tokens", 0) or 0,
        tokens_out=getattr(usage, "completion_tokens", 0) or 0,
        cached=getattr(details, "cached_tokens", 0) or 0,
        cost=_number(getattr(usage, "cost", None)),
        is_cut=choice.finish_reason == "length",
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _without_system(messages: list[Message]) -> list[Message]:
    """Return the messages with the system's text put before the first user's: some chat templates know no system."""
    system, first, *rest = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{first['content']}"}, *rest]
