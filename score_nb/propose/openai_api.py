"""Candidates written by a language model behind any server that speaks the OpenAI API.

The only place that reads OPENAI_API_KEY and OPENAI_BASE_URL; the key goes to the client and nowhere else.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from score_nb.errors import ModelUnavailable
from score_nb.propose.base import Request
from score_nb.propose.chat import Answer, Chat, GivenUp, Message
from score_nb.propose.code import problem_with
from score_nb.propose.failures import Endpoint, Patience, PromptTooLong
from score_nb.propose.papers import Papers
from score_nb.propose.prices import load_prices, price_of
from score_nb.propose.prompts import BUDGET, condensing, render, repair
from score_nb.propose.redact import redact, secrets_in
from score_nb.propose.replies import Reply, source_from_reply, without_thoughts
from score_nb.types import Proposal

CHARACTERS_PER_TOKEN = 3
"""Code has about 3 to 4 characters a token: the lower number keeps a prompt within its context."""

_SHRINKS = 3
_DETAIL = 200


def endpoint_from(environ: Mapping[str, str] | None = None) -> Endpoint:
    """Return the endpoint that OPENAI_BASE_URL and OPENAI_API_KEY name, both "" where they are not set."""
    environ = os.environ if environ is None else environ
    return Endpoint(environ.get("OPENAI_BASE_URL", "").strip(), environ.get("OPENAI_API_KEY", "").strip())


class OpenAIProposer:
    """Asks a chat model for a rewritten cell, and once more where the first reply cannot be used.

    Parameters
    ----------
    model : str
        The model's name as the server knows it.
    endpoint : Endpoint, optional
        Server and key; by default those of the environment.
    environ : mapping, optional
        Where keys are looked for that must not go out with a prompt; by default the environment.
    patience : Patience
        Seconds per call, attempts, pauses.
    effort : str or None
        `reasoning_effort`, sent to models that reason.
    most_tokens : int or None
        Limit of one reply; left out where the server refuses it.
    prices, templates : Path, optional
        The user's price table, and a folder of the user's prompt templates.
    budget : int
        Characters of one prompt, less where the price table knows a smaller context; halved where the server says that
        it is too long.
    edits : bool
        Whether SEARCH/REPLACE edits are asked for instead of whole cells.
    papers : Papers, optional
        The whole texts behind ideas; condensed to their methods when an idea's turn comes.
    """

    def __init__(
        self, model: str, *, endpoint: Endpoint | None = None, environ: Mapping[str, str] | None = None,
        patience: Patience | None = None, effort: str | None = None, most_tokens: int | None = 32_000,
        prices: Path | None = None, templates: Path | None = None, budget: int = BUDGET,
        edits: bool = False, papers: Papers | None = None, rng: random.Random | None = None,
    ) -> None:  # fmt: skip
        environ = os.environ if environ is None else environ
        endpoint = endpoint_from(environ) if endpoint is None else endpoint
        self._model = model
        self._price = price_of(model, load_prices(prices))
        self._budget = budget
        if self._price is not None and self._price.context is not None:
            most_tokens = min(most_tokens or self._price.context, self._price.context // 2)
            self._budget = min(budget, (self._price.context - most_tokens) * CHARACTERS_PER_TOKEN)
        self._chat = Chat(
            model, endpoint, patience=patience or Patience(), effort=effort, most_tokens=most_tokens, rng=rng
        )  # fmt: skip
        self._secrets = tuple(filter(None, (endpoint.key, *secrets_in(environ))))
        self._templates = templates
        self._edits = edits
        self._papers = papers or Papers()

    def __repr__(self) -> str:
        return f"OpenAIProposer({self._model!r}, {self._chat.endpoint.host})"

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    @property
    def notice(self) -> str:
        """Where the prompts go."""
        return f"Prompts with the cell's code and a summary of its inputs go to {self._chat.endpoint.host}."

    @property
    def is_untrusted(self) -> bool:
        """True: a language model writes."""
        return True

    @property
    def is_instant(self) -> bool:
        """False: a model takes seconds to minutes."""
        return False

    def propose(self, request: Request) -> Proposal:
        """Return the model's cell, or a Proposal without one whose `detail` says why.

        Raises
        ------
        ModelUnavailable
            The endpoint is dead, refuses the key or does not know the model.
        """
        began = time.monotonic()
        talk, plan = _Talk(), ""
        try:
            reply = self._converse(self._with_method(request, talk), talk)
            source, plan = reply.source, reply.plan
            detail = reply.problem or _headline(plan)
        except GivenUp:
            source, detail = None, "given up: the run was stopped"
        except PromptTooLong:
            source, detail = None, f"the prompt is too long for {self._model}, even when cut"
        return Proposal(
            source=source, model=self._model, detail=redact(detail, self._secrets),
            plan=redact(plan, self._secrets), prompt=talk.prompt,
            reply=redact("\n\n".join(talk.replies), self._secrets),
            tokens_in=talk.tokens_in, tokens_out=talk.tokens_out, cost=self._cost(talk),
            seconds=time.monotonic() - began,
        )  # fmt: skip

    def close(self) -> None:
        """Give up calls in flight and free connections."""
        self._chat.close()

    def first_prompt(self, request: Request) -> str:
        """Return the prompt of `request` as it would go out, without asking."""
        system, user = self._rendered(request)
        return f"{system}\n{user}"

    def expected_cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return US dollars for so many tokens, None where the price table does not know the model."""
        return None if self._price is None else self._price.cost(tokens_in, tokens_out)

    def _with_method(self, request: Request, talk: _Talk) -> Request:
        """Return the request with the method that the paper behind its idea describes, where there is a paper."""
        if request.idea not in self._papers:
            return request

        def condense(paper: str) -> str:
            goal = request.task.goal or request.task.metric_doc
            words = condensing(paper, goal, templates=self._templates, budget=self._budget)
            words = redact(words, self._secrets)
            talk.prompt = f"--- the paper, to be condensed ---\n{words}"
            answer = self._chat.ask([{"role": "user", "content": words}], seed=request.seed)
            talk.hears(answer)
            return without_thoughts(answer.text).strip()

        method = self._papers.method_of(request.idea, condense)
        is_told = len(method.split()) > 3  # the model was to say NOTHING where there is no method
        return replace(request, idea=method) if is_told else request

    def _converse(self, request: Request, talk: _Talk) -> Reply:
        answer, messages = self._first_answer(request, talk)
        reply = _checked(answer, request)
        if reply.source is not None:
            return reply
        words = repair(reply.problem, request.task.outputs, templates=self._templates)
        messages = [
            *messages,
            {"role": "assistant", "content": answer.text or "(nothing)"},
            {"role": "user", "content": words},
        ]
        talk.sends(f"--- asked again ---\n{words}")
        try:
            again = self._chat.ask(messages, seed=request.seed + 1)
        except (ModelUnavailable, GivenUp) as error:
            # The first reply was paid for: it is reported, and the next request meets the same trouble.
            return Reply(None, reply.plan, f"{reply.problem}; the repair request failed: {error or 'given up'}")
        talk.hears(again)
        second = _checked(again, request)
        if second.source is not None:
            return second
        return Reply(None, second.plan, f"no usable cell after one repair request: {second.problem}")

    def _first_answer(self, request: Request, talk: _Talk) -> tuple[Answer, list[Message]]:
        """Ask, with a smaller prompt each time the server says that it is too long."""
        before = talk.prompt
        for _ in range(_SHRINKS + 1):
            budget = self._budget
            system, user = self._rendered(request, budget)
            messages: list[Message] = [{"role": "system", "content": system}, {"role": "user", "content": user}]
            talk.prompt = "\n\n".join(filter(None, (before, f"{system}\n{user}")))
            try:
                answer = self._chat.ask(messages, seed=request.seed)
            except PromptTooLong:
                self._budget = min(self._budget, budget // 2)  # for the calls to come, too
                continue
            talk.hears(answer)
            return answer, messages
        raise PromptTooLong

    def _rendered(self, request: Request, budget: int | None = None) -> tuple[str, str]:
        return render(
            request, templates=self._templates, secrets=self._secrets, budget=budget or self._budget, edits=self._edits
        )  # fmt: skip

    def _cost(self, talk: _Talk) -> float:
        if talk.cost is not None:
            return talk.cost
        return self._price.cost(talk.tokens_in, talk.tokens_out, talk.cached) if self._price else 0.0


class _Talk:
    """What went to and fro for one proposal."""

    def __init__(self) -> None:
        self.prompt = ""
        self.replies: list[str] = []
        self.tokens_in = self.tokens_out = self.cached = 0
        self.cost: float | None = None

    def sends(self, words: str) -> None:
        self.prompt += f"\n\n{words}"

    def hears(self, answer: Answer) -> None:
        self.replies.append(f"--- the next answer ---\n{answer.text}" if self.replies else answer.text)
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        self.cached += answer.cached
        if answer.cost is not None:
            self.cost = (self.cost or 0.0) + answer.cost


def _checked(answer: Answer, request: Request) -> Reply:
    """Return the reply's cell only where it can be a candidate."""
    reply = source_from_reply(answer.text, request.parent.source)
    problem = reply.problem if reply.source is None else problem_with(reply.source, request.task.outputs)
    if problem and answer.is_cut:
        problem = f"the reply was cut at the token limit ({problem})"
    return Reply(None, reply.plan, problem) if problem else reply


def _headline(plan: str) -> str:
    """Return the plan's first sentence or line: what was changed."""
    lines = [line.strip(" #*-\t") for line in plan.splitlines()]
    spoken = [line for line in lines if line and line.lower().rstrip(":") not in ("plan", "short plan")]
    text = spoken[0] if spoken else ""
    return text if len(text) <= _DETAIL else text[: _DETAIL - 1] + "…"
