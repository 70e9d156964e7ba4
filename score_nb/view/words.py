"""Numbers and facts of a record in words; every picture, page and line takes them from here."""

from __future__ import annotations

import math

from score_nb.record import Record
from score_nb.types import Flag, Node, Signal

MINUS = "\N{MINUS SIGN}"
STATUS_WORDS = {
    "error": "raised an error",
    "timeout": "ran out of time",
    "memory": "ran out of memory",
    "crashed": "crashed",
    "forbidden": "tried something forbidden",
    "invalid": "gave an invalid output",
    "duplicate": "repeated a program that failed",
}
SIGNAL_WORDS: dict[Signal, str] = {
    "nondeterministic": "not reproducible",
    "beyond-bounds": "beyond the metric's bounds",
    "jump": "an unlikely jump",
    "holdout": "worse on the hold-out",
    "constant": "constant outputs",
}


def number(value: float | None) -> str:
    """Return `value` with the digits a reader wants: 0.8731, 12.34, 1234.6, 1.2e-05; a dash for none."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    size = abs(value)
    if value == int(value) and 1 < size < 1e6:
        text = f"{value:.1f}" if size < 100 else f"{value:.0f}"
    elif value == 0 or 0.001 <= size < 10:
        text = f"{value:.4f}"
    elif 10 <= size < 1e5:
        text = f"{value:.{max(1, 4 - len(str(int(size))))}f}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", MINUS, 1) if value < 0 else text


def signed(value: float) -> str:
    """Return a difference as `number` does, with its sign in any case."""
    if abs(value) < 5e-8:
        return "\N{PLUS-MINUS SIGN}0"
    text = f"{abs(value):.4f}" if 0.00005 <= abs(value) < 0.001 else number(abs(value))
    return f"{MINUS if value < 0 else '+'}{text}"


def measured(node: Node) -> str:
    """Return a node's value, with its spread where it is the mean of several evaluations."""
    if node.spread is None or node.repeats < 2:
        return number(node.value)
    return f"{number(node.value)} ± {number(node.spread)} over {node.repeats} evaluations"


def doubts(node: Node) -> list[Flag]:
    """Return the flags that no further evaluation has answered, also of a node that the user has allowed."""
    return [flag for flag in node.flags if not flag.is_settled]


def doubt_words(node: Node) -> str:
    """Return why a value is doubted, e.g. 'an unlikely jump, constant outputs'; '' where it is not."""
    return ", ".join(SIGNAL_WORDS.get(flag.kind, flag.kind) for flag in doubts(node))


def noise_words(record: Record, node: Node) -> str:
    """Return whether chance alone could explain a node's gain: 'cannot be told apart from its parent', or ''."""
    seed = record.seed
    if node.parent is None or seed is None:
        return ""
    if record.is_noise(node, seed):
        return "cannot be told apart from the seed"
    return "cannot be told apart from its parent" if record.is_noise(node, record.nodes[node.parent]) else ""


def gain_words(record: Record, gain: float | None) -> str:
    """Return a gain as a reader expects it: '+0.0512 over the seed', or '0.0512 below the seed' when minimizing."""
    if gain is None:
        return ""
    if gain == 0:
        return "no gain over the seed"
    if record.direction == "minimize":
        return f"{number(abs(gain))} {'below' if gain > 0 else 'above'} the seed"
    return f"{signed(gain)} over the seed"


def clock(seconds: float) -> str:
    """Return a duration as 0:42 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def is_failed(node: Node) -> bool:
    """Whether the candidate carries no value."""
    return not node.is_scored


def failure_count(record: Record) -> int:
    """Return how many nodes carry no value."""
    return sum(map(is_failed, record.nodes))


def failure_words(record: Record) -> str:
    """Return the failures by kind, most frequent first: '2 raised an error, 1 ran out of time'; '' where none."""
    counts: dict[str, int] = {}
    for node in filter(is_failed, record.nodes):
        counts[node.status] = counts.get(node.status, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {STATUS_WORDS.get(status, status)}" for status, count in ordered)


def models(record: Record) -> str:
    """Return who wrote the candidates, most busy first; the chosen model while there are none."""
    counts: dict[str, int] = {}
    for node in record.nodes[1:]:
        counts[node.model] = counts.get(node.model, 0) + 1
    names = sorted((name for name in counts if name), key=lambda name: -counts[name])
    return ", ".join(names) or str(record.options.get("model") or "")


def budget(record: Record) -> str:
    """Return nodes done of nodes allowed, e.g. '24/50 nodes'."""
    allowed = record.budget_nodes
    done = len(record.nodes)
    return f"{done}/{allowed} nodes" if allowed else f"{done} nodes"


def bill(record: Record) -> str:
    """Return what the model calls cost, e.g. '18,204 tokens, $0.042'; '' where nothing was counted."""
    parts = [f"{record.tokens:,} tokens"] if record.tokens else []
    if record.cost:
        parts.append(f"${record.cost:.3f}" if record.cost < 1 else f"${record.cost:.2f}")
    return ", ".join(parts)


def state_words(record: Record) -> str:
    """Return the state with its reason, e.g. 'finished (50 nodes evaluated)'."""
    return f"{record.state} ({record.reason})" if record.reason else record.state


def origin(node: Node) -> str:
    """Return where a node comes from: 'seed', or 'improve of #4', 'recombine of #4 and #9'."""
    if not node.parents:
        return "seed"
    return f"{node.operator} of " + " and ".join(f"#{parent}" for parent in node.parents)


def best_so_far(record: Record) -> list[Node]:
    """Return the nodes that raised the best, oldest first, by what is known of them now; the last is the best.

    As `Record.best` is: by the lower bound of the score, and a node that is doubted or was given up raises nothing.
    """
    steps: list[Node] = []
    highest = -math.inf
    for node in record.nodes:
        able = node.is_scored and (node.index == 0 or not (node.is_doubted or node.is_dropped))
        if able and (not steps or record.bound(node) > highest):
            highest = record.bound(node)
            steps.append(node)
    return steps


def facts(record: Record) -> list[tuple[str, str]]:
    """Return the summary of a run as rows of (what, how it stands); rows without content are left out."""
    seed = record.seed
    rows = [
        ("State", state_words(record)),
        ("Best", _best_words(record)),
        ("Seed", number(seed.value) if seed else ""),
        ("Hold-out", _holdout_words(record)),
        ("Noise", _noise_row(record)),
        ("Candidates", _candidate_words(record)),
        ("Doubted", _doubted_words(record)),
        ("Given up", _dropped_words(record)),
        ("Metric on spoilt outputs", _tested_words(record)),
        ("At work", f"{len(record.in_flight)} candidates" if record.in_flight and not record.is_ended else ""),
        ("Model", models(record)),
        ("Model calls", bill(record)),
        ("Time", clock(record.elapsed)),
        ("Accepted", "" if record.accepted is None else f"#{record.accepted}"),
        ("Confinement", str(record.confinement.get("level", ""))),
    ]
    return [(what, how) for what, how in rows if how]


def _best_words(record: Record) -> str:
    best = record.best
    if best is None:
        return "no candidate has a value yet"
    if best.index == 0:
        return f"{measured(best)}, the seed itself"
    words = f"{measured(best)} ({gain_words(record, record.gain)}), #{best.index}, {origin(best)}"
    if best.is_allowed and doubts(best):
        words += f"; allowed by you although doubted: {doubt_words(best)}"
    if record.pinned == best.index and record.leader is not best:
        words += f"; pinned by you, by value #{record.leader.index} leads" if record.leader else "; pinned by you"
    return words


def _noise_row(record: Record) -> str:
    if not record.noise:
        return ""
    words = f"one evaluation varies by {number(record.noise)} (standard deviation)"
    apart = noise_words(record, record.best) if record.best is not None else ""
    return f"{words}; the best {apart}" if apart else words


def _doubted_words(record: Record) -> str:
    """Return which doubts keep how many nodes from being the best: '3 cannot be the best: 2 an unlikely jump, …'."""
    doubted = [node for node in record.nodes if node.is_doubted]
    if not doubted:
        return ""
    counts: dict[str, int] = {}
    for flag in (flag for node in doubted for flag in doubts(node)):
        words = SIGNAL_WORDS.get(flag.kind, flag.kind)
        counts[words] = counts.get(words, 0) + 1
    return f"{len(doubted)} cannot be the best: " + ", ".join(f"{count} {words}" for words, count in counts.items())


def _dropped_words(record: Record) -> str:
    count = sum(node.is_dropped for node in record.nodes)
    return f"{count} candidate{'' if count == 1 else 's'} on branches that you gave up" if count else ""


def _tested_words(record: Record) -> str:
    tested = record.seed_tested
    if tested is None:
        return ""
    parts = [f"{kind} outputs {number(value)}" for kind, value in tested.probes.items()]
    if tested.empty is not None:
        parts.append(f"an empty cell {number(tested.empty)}")
    return ", ".join(parts)


def _holdout_words(record: Record) -> str:
    best = record.best
    if best is None or best.holdout is None:
        return ""
    gain = gain_words(record, record.holdout_gain)
    return f"{number(best.holdout)} ({gain})" if gain and best.index else number(best.holdout)


def _candidate_words(record: Record) -> str:
    parts = [budget(record)]
    duplicates = record.counts().get("duplicate", 0)
    if duplicates:
        parts.append(f"{duplicates} repeated an earlier program")
    failures = failure_words(record)
    return ", ".join([*parts, failures] if failures else parts)
