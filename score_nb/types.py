"""The words of the field as frozen values: what a search makes, measures and remembers.

Standard library only; every other folder may import this one.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import html
import math
import platform
import struct
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Literal, Protocol, get_args

from score_nb.packing import Group, Maker, packed

Direction = Literal["maximize", "minimize"]
Status = Literal["ok", "duplicate", "error", "timeout", "memory", "crashed", "forbidden", "invalid"]
Operator = Literal["seed", "draft", "improve", "debug", "recombine", "idea", "tune"]
RunState = Literal["running", "paused", "stopped", "finished", "failed"]
Signal = Literal["nondeterministic", "beyond-bounds", "jump", "holdout", "constant"]

STATUSES: tuple[Status, ...] = get_args(Status)
SIGNALS: tuple[Signal, ...] = get_args(Signal)
CANDIDATE_FILE = "<candidate>"
NO_METRICS: Mapping[str, float] = MappingProxyType({})
NO_CONTRACT: Mapping[str, Any] = MappingProxyType({})

# Told by file name, since filters of `catch_warnings` are not safe in threads.
warnings.filterwarnings("ignore", category=SyntaxWarning, module=CANDIDATE_FILE)


def parse(source: str) -> ast.Module:
    """Return the syntax tree of a candidate; what Python would warn of ("\\d" in a string) is left to the candidate.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        `source` is no Python that this version can read.
    """
    return ast.parse(source, CANDIDATE_FILE)


def normalise(source: str) -> str:
    """Return `source` as its syntax tree spells it: comments, spacing and doc strings gone.

    Source that does not parse comes back stripped of blank space at line ends only.
    """
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(line.rstrip() for line in source.strip().splitlines())
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            _drop_docstring(node)
    try:
        return ast.unparse(tree)
    except RecursionError:
        return source.strip()


def _drop_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]


@functools.lru_cache(maxsize=4096)
def digest(source: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of the normalised `source`."""
    return hashlib.sha256(normalise(source).encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARS]


DIGEST_CHARS = 12


SPELLING = ".".join(platform.python_version_tuple()[:2])
"""The Python that spells syntax trees here: another one's digests need not be the same."""


class Texts(Protocol):
    """Long texts that lie in the store."""

    def text(self, name: str) -> Any:
        """Return the text of that field, read when it is asked for."""
        ...


class _TextField:
    """A field that holds a text, or `Texts` that know it: who reads the field gets the text."""

    def __init__(self, name: str, held: Any) -> None:
        self._name, self._held = name, held

    def __get__(self, value: Any, owner: object = None) -> Any:
        if value is None:
            return self
        held = self._held.__get__(value)
        return held if held is None or isinstance(held, str) else held.text(self._name)

    def __set__(self, value: Any, text: Any) -> None:
        self._held.__set__(value, text)


def with_text_fields(*names: str) -> Callable[[type[Any]], Any]:
    """Return a decorator of a frozen, slotted dataclass whose fields of those names may hold `Texts` instead.

    What a field holds, text or not, is read as `_held_` and its name.
    """

    def decorate(kind: type[Any]) -> type[Any]:
        for name in names:
            slot = vars(kind)[name]
            setattr(kind, f"_held_{name}", slot)
            setattr(kind, name, _TextField(name, slot))
        return kind

    return decorate


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched for: derived from the seed cell, the metric and the notebook, all as text.

    Attributes
    ----------
    seed : str
        Source of the seed cell, without the magic's line.
    metric : str
        Name of the metric function.
    metric_source : str
        Its source (or a description where the source cannot be had).
    metric_doc : str
        Its docstring, "" where it has none.
    parameters : tuple of str
        Outputs that the metric takes as arguments.
    outputs : tuple of str
        All names that a candidate must define (`parameters` first).
    inputs : tuple of str
        Names that a candidate may read.
    scorer : tuple of str
        Names that only the metric may read.
    leaks : tuple of str
        Data that both sides read.
    goal : str
        What the task is, in the user's words.
    data_view : str
        The inputs by name, type, shape, dtype and summary; never rows.
    bounds : tuple of float or None
        The least and the greatest value that the metric can reach, as declared (`metric.bounds`); None where unknown.
    """

    seed: str
    metric: str
    metric_source: str = ""
    metric_doc: str = ""
    parameters: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    scorer: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    goal: str = ""
    data_view: str = ""
    bounds: tuple[float | None, float | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version of the seed cell."""

    source: str

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the normalised source."""
        return digest(self.source)


@dataclass(frozen=True, slots=True)
class Pick:
    """Why a node was expanded: the terms of PUCT at the moment of the choice.

    `rank_score` in [0, 1]; `bonus` is the exploration term (already times `c_puct`); `visits` before this expansion.
    """

    rank_score: float
    visits: int
    bonus: float

    @property
    def puct(self) -> float:
        """Rank score plus exploration bonus."""
        return self.rank_score + self.bonus


@functools.lru_cache(maxsize=4096)
def parents_of(*indices: int) -> tuple[int, ...]:
    """Return the indices of a node's parents, for siblings as one object: 100,000 nodes hold one each."""
    return indices


@dataclass(frozen=True, slots=True)
class Expansion:
    """A child that was asked for: `ticket` numbers the requests of a run from 1."""

    ticket: int
    parents: tuple[int, ...]
    operator: Operator
    pick: Pick
    hint: str = ""
    idea: str = ""

    @property
    def parent(self) -> int:
        """The node expanded; a hybrid's second parent follows it in `parents`."""
        return self.parents[0]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a proposer wrote: a cell, or the reason why there is none.

    Attributes
    ----------
    source : str or None
        The rewritten cell; None where the reply held no usable one.
    model : str
        Who wrote it, e.g. "offline" or "gpt-5-mini".
    detail : str
        One line: what was changed, or why `source` is None.
    plan : str
        What the model said that it would do, whole.
    prompt, reply : str
        The exact texts that went out and came back.
    tokens_in, tokens_out : int
        As counted by the endpoint, 0 where there is no language model.
    cost : float
        US dollars, 0.0 where unknown or free.
    seconds : float
        Wall time of the proposal.
    """

    source: str | None
    model: str
    detail: str = ""
    plan: str = ""
    prompt: str = ""
    reply: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class Flag:
    """A reason to doubt a value.

    Attributes
    ----------
    kind : Signal
        `nondeterministic` (two calls on the same input differ), `beyond-bounds` (the metric cannot reach that value),
        `jump` (far outside what the run has seen), `holdout` (better than the seed here, worse there), `constant`
        (all outputs are the same).
    detail : str
        One line in the user's words.
    is_settled : bool
        Whether further evaluations have answered the doubt.
    """

    kind: Signal
    detail: str = ""
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one candidate did when it was run and scored.

    Attributes
    ----------
    status : Status
        `ok`, or the kind of failure.
    value : float or None
        The metric as the user reads it, mean over repeats; None unless `ok`.
    metrics : mapping of str to float
        Further entries of a metric that returns a mapping.
    spread : float or None
        Standard deviation over repeats; None for a single evaluation.
    values : tuple of float
        The value of each repeat; empty for a single evaluation.
    flags : tuple of Flag
        What the scorer saw that makes the value doubtful.
    contract : mapping
        What the outputs look like (kind, dimensions, length, by name); of the seed's evaluation only, JSON-ready.
    probes : mapping of str to float
        The metric on outputs that were spoilt on purpose (`constant`, `shuffled`), where it could be had; of an
        evaluation with `probe` only.
    detail : str
        One line naming the cause of a failure, in the user's words.
    log : str
        Bounded stdout, stderr and traceback of the candidate.
    seconds, cpu_seconds : float
        Wall and CPU time of the candidate and its metric together.
    peak_mib : float
        Peak memory of the candidate beyond what it was forked with, MiB.
    """

    status: Status
    value: float | None = None
    metrics: Mapping[str, float] = field(default_factory=lambda: NO_METRICS)
    spread: float | None = None
    values: tuple[float, ...] = ()
    flags: tuple[Flag, ...] = ()
    contract: Mapping[str, Any] = field(default_factory=lambda: NO_CONTRACT)
    probes: Mapping[str, float] = field(default_factory=lambda: NO_METRICS)
    detail: str = ""
    log: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0


def to_score(value: float | None, direction: Direction) -> float:
    """Return `value` turned so that higher is better, -inf where there is none.

    The one place where a sign is turned.
    """
    if value is None or not math.isfinite(value):
        return -math.inf
    return value if direction == "maximize" else -value


NODE_TEXTS = ("source", "log", "prompt", "reply", "plan")


# Of a node the numbers lie side by side, and what hardly any node has is one tuple for all that have it not: of
# 100,000 nodes each takes half of what a slot and an object for every field would.
_NUMBERS = struct.Struct("<q dqd dddqddd")
_NO_PICK = (0.0, -1, 0.0)
_USUAL = (NO_METRICS, None, (), (), False, None, "", "")


def _pack_numbers(values: tuple[Any, ...]) -> bytes | tuple[Any, ...]:
    ticket, pick, *others = values
    try:
        return _NUMBERS.pack(
            ticket, *(_NO_PICK if pick is None else (pick.rank_score, pick.visits, pick.bonus)), *others
        )
    except (struct.error, TypeError, OverflowError):
        return values  # what is no such number is held as it is


def _unpack_numbers(held: bytes | tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(held, tuple):
        return held
    ticket, rank_score, visits, bonus, *others = _NUMBERS.unpack(held)
    return ticket, None if visits < 0 else Pick(rank_score, visits, bonus), *others


def _shared_where_usual(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return _USUAL if values == _USUAL else values


def _as_it_is(held: tuple[Any, ...]) -> tuple[Any, ...]:
    return held


_GROUPS = (
    Group(
        ("ticket", "pick", "seconds", "cpu_seconds", "peak_mib", "tokens", "cost", "started", "finished"),
        _pack_numbers,
        _unpack_numbers,
    ),
    Group(
        ("metrics", "spread", "values", "flags", "is_allowed", "holdout", "idea", "hint"),
        _shared_where_usual,
        _as_it_is,
    ),
)


@packed(*_GROUPS)
@dataclass(frozen=True)
class Node:
    """A candidate in the tree with all that is known of it.

    `index` 0 is the seed.  `parents` is empty for the seed, has two entries for a hybrid.  `visits` counts the
    expansions launched in the node's subtree, itself included (Alg. 1 of Aygün et al. 2026).
    `started` and `finished` are seconds since the run was created.  `value` is the mean of `values` where there are
    several.  `is_allowed`: the user lets the node be the best in spite of its flags.  `is_dropped`: the user gave up
    the branch that it belongs to, which is neither expanded nor the best.  The texts (`NODE_TEXTS`) may lie in the
    store; `replaced` leaves them there.
    """

    index: int
    parents: tuple[int, ...]
    source: str
    status: Status
    value: float | None
    score: float
    operator: Operator
    model: str
    detail: str = ""
    metrics: Mapping[str, float] = field(default_factory=lambda: NO_METRICS)
    spread: float | None = None
    values: tuple[float, ...] = ()
    flags: tuple[Flag, ...] = ()
    is_allowed: bool = False
    is_dropped: bool = False
    holdout: float | None = None
    idea: str = ""
    hint: str = ""
    ticket: int = 0
    duplicate_of: int | None = None
    pick: Pick | None = None
    visits: int = 1
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    tokens: int = 0
    cost: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    log: str = ""
    prompt: str = ""
    reply: str = ""
    plan: str = ""

    @property
    def parent(self) -> int | None:
        """Index of the (first) parent, None for the seed."""
        return self.parents[0] if self.parents else None

    @property
    def is_scored(self) -> bool:
        """Whether the node carries a value."""
        return self.value is not None

    @property
    def repeats(self) -> int:
        """How many evaluations its value is the mean of; 0 where it has none."""
        return 0 if self.value is None else max(1, len(self.values))

    @property
    def is_doubted(self) -> bool:
        """Whether a flag stands that no further evaluation has answered and the user has not set aside."""
        return not self.is_allowed and any(not flag.is_settled for flag in self.flags)

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the normalised source."""
        return digest(self.source)

    def __eq__(self, other: object) -> bool:
        """Return whether all fields are equal; texts that lie in the store are read only where nothing else differs."""
        if not isinstance(other, Node):
            return NotImplemented
        if _plain_of(self) != _plain_of(other):
            return False
        return bool(_held_of(self) == _held_of(other) or _texts_of(self) == _texts_of(other))

    def __hash__(self) -> int:
        return hash((self.index, self.ticket, self.score))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let `pickle` and `copy` make the node of its fields, with its texts: a copy does not need the store."""
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        return _from_fields, (held | {"metrics": dict(self.metrics)},)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        value = "no value" if self.value is None else f"{self.value:.6g}"
        title = f"node {self.index} · {value} · {self.status} · {self.operator}"
        text = f"{title}\n{self.detail}\n\n{self.source}" if self.detail else f"{title}\n\n{self.source}"
        page = (
            f"<div><strong>{html.escape(title)}</strong><br>{html.escape(self.detail)}"
            f'<pre style="overflow-x:auto">{html.escape(self.source)}</pre></div>'
        )
        return {"text/plain": text, "text/html": page}


def _from_fields(held: Mapping[str, Any]) -> Node:
    return Node(**held)


_MAKER = Maker(Node, _GROUPS)
Node = with_text_fields(*NODE_TEXTS)(Node)  # type: ignore[misc]
_TEXTS_HELD = tuple(f"_held_{name}" for name in NODE_TEXTS)
_plain_of = attrgetter(*(name for name in _MAKER.names if name not in NODE_TEXTS))
_texts_of = attrgetter(*NODE_TEXTS)
_held_of = attrgetter(*_TEXTS_HELD)


_numbers_held, _seldom_held = attrgetter("_group_0"), attrgetter("_group_1")


def numbers_of(node: Node) -> tuple[Any, ...]:
    """Return ticket, pick, seconds, cpu_seconds, peak_mib, tokens, cost, started, finished: for who wants several.

    As the fields of `Node`: times in seconds, `peak_mib` in MiB, `cost` in US dollars, `pick` None where there is none.
    """
    return _unpack_numbers(_numbers_held(node))


def seldom_of(node: Node) -> tuple[Any, ...]:
    """Return metrics, spread, values, flags, is_allowed, holdout, idea, hint, as the fields of `Node`."""
    held: tuple[Any, ...] = _seldom_held(node)
    return held


def replaced(node: Node, **changes: Any) -> Node:
    """Return `dataclasses.replace(node, …)`, with texts left where they lie, in a fraction of its time."""
    twin: Node = _MAKER.replaced(node, changes)
    return twin


def nodes_of(columns: Mapping[str, Iterable[Any]], picks: tuple[Sequence[Any], ...]) -> list[Node]:
    """Return the nodes whose fields are in these columns, and whose picks are in three: rank score, visits, bonus."""
    numbers, seldom = (tuple(columns[name] for name in group.names if name != "pick") for group in _GROUPS)
    ticket, *others = map(list, numbers)
    no_pick = [visits is None for visits in picks[1]]
    known = [
        [usual if is_none else value for value, is_none in zip(column, no_pick, strict=True)]
        for column, usual in zip(picks, _NO_PICK, strict=True)
    ]
    try:
        held: list[Any] = list(map(_NUMBERS.pack, ticket, *known, *others))
    except (struct.error, TypeError, OverflowError):
        terms = zip(*picks, strict=True)
        made = (None if visits is None else Pick(rank_score, visits, bonus) for rank_score, visits, bonus in terms)
        held = list(map(_pack_numbers, zip(ticket, made, *others, strict=True)))
    usual = map(_shared_where_usual, zip(*seldom, strict=True))
    return _MAKER.many(columns, (held, usual), len(ticket))
