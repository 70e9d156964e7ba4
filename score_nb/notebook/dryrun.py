"""`--dry-run`: the first prompt as it would go out, and what the run would take; nothing is started or asked."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, replace
from typing import Any

from score_nb import events as ev
from score_nb.config import Options
from score_nb.errors import ModelUnavailable
from score_nb.notebook.prepared import Search
from score_nb.propose.base import Proposer, Request, Shown
from score_nb.propose.ensemble import Ensemble
from score_nb.propose.openai_api import CHARACTERS_PER_TOKEN, OpenAIProposer
from score_nb.record import Record
from score_nb.run.requests import request_for
from score_nb.search.planner import Planner
from score_nb.types import Node

# What models usually do: a plan before the cell, about so many tokens a second, a moment before the first.
PLAN_TOKENS = 250
TOKENS_PER_SECOND = 50.0
LATENCY_S = 2.0
# Logs and what was tried already make later prompts longer than the first.
GROWTH = 1.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take at most; `cost` in US dollars, None where no price is known."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None
    minutes: float

    @property
    def words(self) -> str:
        """The estimate in one sentence."""
        price = "cost not known (no price in the table)" if self.cost is None else f"{self.cost:.2g} USD"
        return (
            f"about {self.calls} model calls, {self.tokens_in:,} tokens in and {self.tokens_out:,} out, {price}, "
            f"{_minutes(self.minutes)} of waiting for the model beside the evaluations"
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What `--dry-run` shows: sentences, and the prompt ("" where none goes out)."""

    sentences: tuple[str, ...]
    prompt: str

    def __repr__(self) -> str:
        said = "\n".join(self.sentences)
        return f"{said}\n\n{self.prompt}" if self.prompt else said

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
        prompt = f'<pre style="white-space:pre-wrap">{html.escape(self.prompt)}</pre>' if self.prompt else ""
        return {"text/plain": repr(self), "text/html": f"<ul>{said}</ul>{prompt}"}


def preview(search: Search) -> Preview:
    """Return the first prompt of `search` and the estimate; no model is asked."""
    said = ["dry run: no search is started, no model is asked"]
    try:
        proposer = search.proposer()
    except ModelUnavailable as error:
        said.append(str(error))
        proposer = search.proposer(is_rehearsal=True)
    try:
        request = first_request(search)
        asked = proposer.whose_turn(request) if isinstance(proposer, Ensemble) else proposer
        if not isinstance(asked, OpenAIProposer):
            return Preview((*said, _without_model(asked, search.options)), "")
        prompt = asked.first_prompt(request)
        estimate = estimated(asked, prompt, search)
    finally:
        proposer.close()
    said += [f"{asked.name}: {estimate.words}", *_remarks(search, request)]
    return Preview(tuple(said), prompt)


def first_request(search: Search) -> Request:
    """Return the request of ticket 1; the seed's value is not known yet."""
    options, task = search.options, search.found.task
    entropy = options.seed or 0
    record = Record()
    record.task, record.options = task, {"direction": options.direction}
    seed = Node(0, (), task.seed, "ok", 0.0, 0.0, "seed", "")
    record.apply(ev.NodeAdded(0.0, seed))
    chosen = Planner(options.policy, options.c_puct, str(entropy), options.operators).ask(record, 1, search.ideas.texts)
    record.apply(
        ev.ExpansionStarted(0.0, 1, chosen.parents, chosen.operator, chosen.pick, chosen.hint, chosen.idea)
    )  # fmt: skip
    request = request_for(record, record.in_flight[1], entropy)
    return replace(
        request, parent=Shown(task.seed, None, "ok"), best=None, timeout=options.timeout or request.timeout,
        memory=options.memory or request.memory,
    )  # fmt: skip


def estimated(proposer: OpenAIProposer, prompt: str, search: Search) -> Estimate:
    """Return what the whole budget of nodes would take, papers to be condensed included."""
    options, papers = search.options, search.ideas.papers
    cell = len(search.found.task.seed) / CHARACTERS_PER_TOKEN
    each_out = PLAN_TOKENS + cell * (0.6 if options.edit else 1.5)
    nodes = max(0, options.nodes - 1)
    tokens_in = nodes * GROWTH * len(prompt) / CHARACTERS_PER_TOKEN
    tokens_in += sum(len(text) for text in papers.values()) / CHARACTERS_PER_TOKEN
    tokens_out = nodes * each_out + len(papers) * 2 * PLAN_TOKENS
    calls = nodes + len(papers)
    seconds = LATENCY_S * calls + tokens_out / TOKENS_PER_SECOND
    cost = proposer.expected_cost(int(tokens_in), int(tokens_out))
    return Estimate(calls, int(tokens_in), int(tokens_out), cost, seconds / options.n_proposals / 60)


def _remarks(search: Search, request: Request) -> list[str]:
    options = search.options
    said = ["estimates from the first prompt; models that reason write several times as many tokens"]
    budgets = {"minutes": options.minutes, "tokens": options.tokens, "cost": options.cost}
    given = [f"--{name} {value:g}" for name, value in budgets.items() if value is not None]
    if given:
        said.append(f"the run ends before that where {' or '.join(given)} is reached")
    measured = [name for name, value in (("time", options.timeout), ("memory", options.memory)) if value is None]
    limits = f", and so are the limits of {' and '.join(measured)}" if measured else ""
    said.append(f"the prompt of request 1 ({request.operator}) follows; the seed's value is measured first{limits}")
    if request.idea in search.ideas.papers:
        said.append("the idea is a paper: one more call condenses it to its method before this prompt goes out")
    return said


def _without_model(proposer: Proposer, options: Options) -> str:
    return (
        f"{proposer.name} is no language model: no prompt goes out and nothing is paid for; "
        f"{max(0, options.nodes - 1)} candidates are made here"
    )


def _minutes(minutes: float) -> str:
    return "less than a minute" if minutes < 1 else f"about {math.ceil(minutes)} minutes"
