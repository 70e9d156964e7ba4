"""Failed calls to a model judged in one place: whether to ask again, and what to tell the user."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from score_nb.errors import ModelUnavailable, did_you_mean
from score_nb.propose.redact import redact

OFFICIAL = "https://api.openai.com/v1"
_TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)
_LONGEST_WAIT = 120.0
_SHORT = 300
_V1 = "check OPENAI_BASE_URL (most servers want a path that ends in /v1)"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is asked; an empty `base_url` means the vendor's own, an empty `key` a server that needs none."""

    base_url: str = ""
    key: str = field(default="", repr=False)

    @property
    def is_configured(self) -> bool:
        """Whether there is a key or a server to ask."""
        return bool(self.key or self.base_url)

    @property
    def host(self) -> str:
        """The server as a message names it: no path, no user, no key."""
        parts = urlsplit(self.base_url or OFFICIAL)
        return parts.netloc.rpartition("@")[2] or self.base_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on asking: seconds of one call, attempts in all, first pause between them (s, doubling)."""

    timeout: float = 600.0
    attempts: int = 6
    pause: float = 1.0


class PromptTooLong(Exception):
    """The server says that the prompt does not fit the model's context."""


class WebPage(Exception):
    """The answer was a page for people."""


class NoChoices(Exception):
    """The answer held no choice."""


def pause_before_retry(error: Exception, attempt: int, patience: Patience, rng: random.Random) -> float | None:
    """Return the seconds to wait before the next attempt, None where there should be none.

    `retry-after` is obeyed up to two minutes; else the pause doubles, with jitter.
    """
    status = status_of(error)
    transient = status in _TRANSIENT and getattr(error, "code", None) != "insufficient_quota"
    # A refused or dropped connection and broken JSON seldom mend themselves: three attempts are enough.
    attempts = patience.attempts if transient else min(3, patience.attempts)
    if not (transient or _is_broken_transport(error)) or attempt >= attempts:
        return None
    asked = _retry_after(error)
    if asked is not None:
        return asked + rng.random() * 0.25 if asked <= _LONGEST_WAIT else None
    return float(patience.pause * 2 ** (attempt - 1) * (0.5 + rng.random()))


def in_plain_words(
    error: Exception, attempts: int, model: str, endpoint: Endpoint, known: Sequence[str] = ()
) -> ModelUnavailable | PromptTooLong:
    """Return the error as the user should read it: cause and mend, never the key.

    `known` are the server's models, where it told them.
    """
    if isinstance(error, ModelUnavailable):
        return error
    if is_too_long(error):
        return PromptTooLong(str(error))
    said = _said(error, endpoint.key)
    times = f" {attempts} times in a row" if attempts > 1 else ""
    if status_of(error) is None:
        return ModelUnavailable(_no_answer(error, said, times, endpoint.host))
    asked = _retry_after(error)
    if asked is not None and asked > _LONGEST_WAIT:
        said += f"; it asks to wait {asked:.0f} s"
    return ModelUnavailable(_refusal(status_of(error) or 0, said, times, model=model, endpoint=endpoint, known=known))


def _no_answer(error: Exception, said: str, times: str, host: str) -> str:
    if isinstance(error, WebPage):
        return f"{host} answered with a web page instead of JSON: {_V1}"
    if is_named(error, "APITimeoutError"):
        return f"no answer from {host} in time{times}: is the server overloaded? Resume asks again"
    if is_named(error, "APIConnectionError"):
        return (
            f"no connection to {host} ({said}): start the server or correct OPENAI_BASE_URL, then resume; "
            "--model offline needs neither"
        )
    return f"{host} sent an answer that cannot be read{times} ({said}): is it a server that speaks the OpenAI API?"


def _refusal(status: int, said: str, times: str, *, model: str, endpoint: Endpoint, known: Sequence[str]) -> str:
    host = endpoint.host
    if status == 401:
        mend = "check OPENAI_API_KEY" if endpoint.key else "set OPENAI_API_KEY"
        return f"{host} refuses the API key ({said}): {mend}, then resume"
    if status == 403:
        return f"{host} does not allow this key to use {model} ({said}): choose another --model or another key"
    if status == 404 or (status == 400 and known and model not in known and "model" in said.lower()):
        return _not_found(said, model, host, known)
    if status == 429:
        return (
            f"{host} refused{times}, rate limit or quota ({said}): wait or top up, then resume; "
            "fewer --proposals ask less often"
        )
    if status >= 500:
        return f"{host} failed{times} ({status}: {said}): try again later with resume"
    key = "" if endpoint.key else ", or set OPENAI_API_KEY where the server wants a key"
    return f"{host} does not accept the request ({status}: {said}): choose another --model{key}"


def _not_found(said: str, model: str, host: str, known: Sequence[str]) -> str:
    if known and model not in known:
        shown = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
        near = did_you_mean(model, known)
        return f"{host} does not know the model {model}: choose a --model that it has ({shown}).{near}"
    return f"{host} does not know the model {model} or the address ({said}): check --model, and {_V1}"


def status_of(error: Exception) -> int | None:
    """Return the HTTP status that the error carries, None where there was no answer."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) and status >= 400 else None


def is_named(error: Exception, name: str) -> bool:
    """Return whether the error is of a class of that name.

    By name because the package `openai` is imported only where it is used: that costs most of a second.
    """
    return any(kind.__name__ == name for kind in type(error).__mro__)


def _said(error: Exception, key: str) -> str:
    body = getattr(error, "body", None)
    told = body.get("message") if isinstance(body, dict) else None
    cause = error.__cause__ if is_named(error, "APIConnectionError") else None
    plain = redact(str(told or cause or error or type(error).__name__), [key])
    return " ".join(plain.split())[:_SHORT].rstrip(".")


def _is_broken_transport(error: Exception) -> bool:
    if is_named(error, "APIConnectionError"):
        return not is_named(error.__cause__, "UnsupportedProtocol") if isinstance(error.__cause__, Exception) else True
    return isinstance(error, (json.JSONDecodeError, NoChoices)) or is_named(error, "APIResponseValidationError")


def _retry_after(error: Exception) -> float | None:
    """Return the seconds that the server asks to wait: `retry-after` is a number of them, or a date."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / scale)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError):
        return None


def is_too_long(error: Exception) -> bool:
    """Return whether the server says that prompt and reply do not fit the model's context."""
    if getattr(error, "code", None) == "context_length_exceeded" or status_of(error) == 413:
        return True
    long = r"context (?:length|size|window)|prompt is too long|too many tokens"
    return status_of(error) == 400 and re.search(long, str(error).lower()) is not None
