"""When a run has had enough: pure sums over its record."""

from __future__ import annotations

from score_nb.config import Options
from score_nb.record import Record

# Proposals without a new cell, one after the other, before the proposer is taken to be at its wits' end.
DROPS_BEFORE_END = 20


def used_up(record: Record, options: Options, active_seconds: float) -> str:
    """Return why nothing more may be asked for, "" while something may.

    The nodes in flight count: a budget of nodes is never overshot.  Time, tokens and money are looked at as they stand.
    """
    if options.minutes is not None and active_seconds >= options.minutes * 60:
        return f"the budget of {options.minutes:g} minutes is used up"
    if options.tokens is not None and record.tokens >= options.tokens:
        return f"the budget of {options.tokens} tokens is used up"
    if options.cost is not None and record.cost >= options.cost:
        return f"the budget of {options.cost:g} USD is used up"
    if len(record.tree) + len(record.in_flight) >= options.nodes:
        return f"{options.nodes} of {options.nodes} nodes"
    if record.drops_in_a_row >= DROPS_BEFORE_END:
        return f"{DROPS_BEFORE_END} proposals in a row held no new cell"
    return ""


def is_spoken_for(record: Record, options: Options) -> bool:
    """Return whether the calls at work will probably use up what is left of the tokens or the money.

    Each is expected to take as much as the dearest one so far; before the first answer one call goes alone.  So a
    budget is overshot by one call at most, not by all that are at work.
    """
    calls = [flight for flight in record.in_flight.values() if flight.stage == "proposing"]
    if not calls or (options.tokens is None and options.cost is None):
        return False
    answered = [flight.proposal for flight in record.in_flight.values() if flight.proposal is not None]
    paid = [record.dearest] if len(record.tree) > 1 else []
    paid += [(proposal.tokens_in + proposal.tokens_out, proposal.cost) for proposal in answered]
    if not paid:
        return True
    tokens, cost = (max(column) * len(calls) for column in zip(*paid, strict=True))
    return (options.tokens is not None and record.tokens + tokens >= options.tokens) or (
        options.cost is not None and record.cost + cost >= options.cost
    )


def is_out_of_time(options: Options, active_seconds: float) -> bool:
    """Return whether evaluations at work are to be given up: only the minutes are a hard limit."""
    return options.minutes is not None and active_seconds >= options.minutes * 60
