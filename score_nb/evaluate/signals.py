"""What the scorer notices while the metric runs: outputs against the contract, constant ones, answers that differ."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from score_nb.evaluate import contract
from score_nb.evaluate.channel import Sent
from score_nb.evaluate.contract import Description
from score_nb.evaluate.differ import difference, size_of
from score_nb.evaluate.look import MIN_VARIED, Look, class_of, has_missing, look
from score_nb.evaluate.proxy import Asked, Caller, CandidateFailed, Proxy

_MAX_KINDS = 200  # of calls that are told apart
_MAX_KEPT = 64 << 20  # bytes of a question, or of an answer, that is held for asking again
_SHORT_S = 0.2
_SHARE = 0.2  # of the time so far that asking again may take
_ROOT = re.compile(r"\w*")


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked a second time when the metric is done, and its first answer."""

    asked: Asked  # holds the proxy that was asked, so that the candidate does not forget the object
    answer: Any
    seconds: float
    sent: Sent | None = None


class _Kind:
    """What is known of one function or method of the candidate."""

    def __init__(self, expected: Description | None, *, is_call: bool) -> None:
        self.expected = expected
        self.seen: dict[str, Any] | None = None
        self.quick: type | None = None  # a type of plain numbers that was found in order
        self.quick_array: tuple[Any, int] | None = None  # dtype and dimensions of arrays that were
        self.is_armed = is_call  # the next call is to be asked again
        self.is_varied = False
        self.is_constant = False
        self._count = 0
        self._first: Any = None

    @property
    def has_many(self) -> bool:
        """Whether so many single numbers came that they ought to vary."""
        return self._count >= MIN_VARIED

    @property
    def known(self) -> Description:
        """The description that further answers must fit: the seed's, or that of the answers so far."""
        return self.expected if self.expected is not None else self.seen or {}

    def weigh(self, number: object) -> None:
        """Take one more number into account."""
        if self._count == 0:
            self._first = number
        self._count += 1
        self.is_varied = self.is_varied or bool(number != self._first)


class Signals:
    """Watches one evaluation from the scorer's side.

    Parameters
    ----------
    expected : mapping
        The seed's contract; empty where there is none yet.
    has_same_lengths : bool
        Whether the contract was taken with this metric; else the lengths of data outputs do not count.
    lengths : frozenset of int
        Lengths of the data that the metric reads.
    """

    def __init__(self, expected: Mapping[str, Any], *, has_same_lengths: bool, lengths: frozenset[int]) -> None:
        self._expected = expected
        self._has_same_lengths = has_same_lengths
        self._lengths = lengths
        self._began = time.perf_counter()
        self._outputs: dict[str, Look] = {}
        self._kinds: dict[str, _Kind] = {}
        self._questions: dict[str, _Question] = {}
        self._constant: list[str] = []
        self._expected_calls: dict[str, Description] = {}
        for output in expected.values():
            self._expected_calls.update(output.get("calls", {}))

    # --- data outputs ----------------------------------------------------------------------------------------------

    def output(self, caller: Caller, name: str, value: Any) -> Any:
        """Return the output that the metric gets; one that breaks the contract is refused."""
        if not self._expected:
            self._outputs[name] = look(value)
            return value
        expected = self._expected.get(name, {"kind": "any"})
        if expected["kind"] in ("object", "function"):
            if not isinstance(value, Proxy):
                self._check_stand_in(caller, name, value)
            return value
        if not self._has_same_lengths:
            expected = contract.with_rule(dict(expected), lambda _: "free")
        value, found = _plain(caller, value, expected)
        said = contract.breach(expected, found, value)
        if said:
            caller.refuse(f"`{name}` is {said}")
        places = contract.constant_places(expected, found, f"`{name}`")
        self._constant += [f"{place} is the same all over, the seed's varies" for place in places]
        return value

    def _check_stand_in(self, caller: Caller, name: str, value: Any) -> None:
        """Look at data where the seed has a function or an object."""
        if name in self._expected_calls:
            caller.refuse(f"`{name}` is no function, the seed's is")
        expected = self._expected_calls.get(f"{name}.__array__")
        said = contract.breach(expected, look(value), value) if expected is not None else ""
        if said:
            caller.refuse(f"`{name}` is {said}")

    # --- answers -----------------------------------------------------------------------------------------------------

    def keeps(self, asked: Asked) -> int:
        """Return up to how many bytes a request is kept: it is asked again where it is the first of its kind."""
        if asked.verb != "call":
            return 0
        kind = self._kinds.get(asked.path)
        is_armed = len(self._kinds) < _MAX_KINDS if kind is None else kind.is_armed
        return _MAX_KEPT if is_armed else 0

    def answered(self, caller: Caller, asked: Asked, value: Any, seconds: float) -> Any:
        """Return the answer that the metric gets; one that breaks the contract is refused."""
        is_call = asked.verb == "call"
        path = asked.path if is_call else asked.answer_path
        kind = self._kinds.get(path)
        if kind is None:
            if len(self._kinds) >= _MAX_KINDS:
                return value
            kind = self._kinds[path] = _Kind(self._expected_calls.get(path), is_call=is_call)
        if type(value) is kind.quick and not kind.is_armed:
            kind.weigh(value)
            return value
        if kind.quick_array is not None and not kind.is_armed and _is_as_before(kind, asked, value):
            return value
        if is_call:
            self._keep(caller, _Question(asked, value, seconds), path, kind)
        return self._checked(caller, asked, path, kind, value)

    def _checked(self, caller: Caller, asked: Asked, path: str, kind: _Kind, value: Any) -> Any:
        arguments = _argument_lengths(asked)
        expected = kind.expected
        if expected is not None:
            value, found = _plain(caller, value, expected)
            said = contract.breach(expected, found, value, arguments)
            if said:
                caller.refuse(f"{path} returned {said}")
            if contract.constant_places(expected, found, path, arguments):
                kind.is_constant = True
            elif "varied" in found:
                kind.is_varied = True
        elif not self._expected:
            found = contract.with_rule(look(value), lambda length: _rule(length, arguments))
            kind.seen = found if kind.seen is None else contract.merge(kind.seen, found)
            kind.is_varied = kind.is_varied or bool(found.get("varied"))
        if class_of(type(value)) in ("integer", "real"):
            kind.quick = type(value)
            kind.weigh(value)
        elif kind.is_varied and type(value).__name__ == "ndarray" and value.dtype.kind != "O":
            kind.quick_array = value.dtype, value.ndim
        return value

    def _keep(self, caller: Caller, question: _Question, path: str, kind: _Kind) -> None:
        """Keep the first question of a kind for later."""
        answer = question.answer
        if answer is None or isinstance(answer, Proxy):
            # A call such as `fit` may change the candidate's state: what it answered before need not hold any more.
            for other in [other for other in self._questions if _root(other) == _root(path)]:
                del self._questions[other]
                self._kinds[other].is_armed = True
            return
        if not kind.is_armed:
            return
        kind.is_armed = False
        if caller.references > 1 or question.seconds > self._budget_s() or size_of(answer) > _MAX_KEPT:
            return
        if caller.sent is not None:
            try:
                self._questions[path] = replace(question, answer=copy.deepcopy(answer), sent=caller.sent)
            except TypeError:  # a proxy within the answer
                return

    def _budget_s(self) -> float:
        return max(_SHORT_S, _SHARE * (time.perf_counter() - self._began))

    # --- when the metric is done -------------------------------------------------------------------------------------

    def flags(self, caller: Caller, *, is_declared: bool) -> list[tuple[str, str]]:
        """Ask the kept questions again and return all that was noticed as (kind of signal, detail).

        Later than the metric's own calls, so that even a candidate whose answers depend on what it was asked before
        gives the metric what it would have given without us.
        """
        found = [("constant", detail) for detail in self._all_constant()]
        left = self._budget_s()
        for path, question in self._questions.items():
            if question.seconds > left:
                continue
            left -= question.seconds
            said = _asked_again(caller, question)
            if said:
                known = " (the metric declares that this may be)" if is_declared else ""
                found.append(("nondeterministic", f"{path} was asked twice for the same: {said}{known}"))
        return found

    def _all_constant(self) -> Iterator[str]:
        yield from self._constant
        for path, kind in self._kinds.items():
            if kind.expected is None or kind.is_varied or not contract.is_varied(kind.expected):
                continue
            if kind.is_constant or kind.has_many:
                yield f"what {path} returned is the same all over, the seed's varies"

    def contract(self) -> dict[str, Any]:
        """Return the description of all outputs; empty where one was expected."""
        found = {name: contract.with_rule(seen, self._rule) for name, seen in self._outputs.items()}
        for path, kind in self._kinds.items():
            output = found.get(_root(path))
            if output is not None and kind.seen is not None:
                varied = {"varied": kind.is_varied} if kind.has_many else {}
                output.setdefault("calls", {})[path] = {**kind.seen, **varied}
        return found

    def _rule(self, length: int) -> str:
        return "fixed" if length in self._lengths else "free"


def _plain(caller: Caller, value: Any, expected: Description) -> tuple[Any, Look]:
    """Return a value and what it looks like; an object is asked, once, for the data that it stands for."""
    found = look(value)
    if found["kind"] in ("object", "function") and expected["kind"] not in contract.OPEN:
        data = caller.as_data(value)
        if data is not None:
            return data, look(data)
    return value, found


def _is_as_before(kind: _Kind, asked: Asked, value: Any) -> bool:
    """Whether an answer is an array like one that was found in order: most calls of a metric are alike."""
    if type(value).__name__ != "ndarray" or (value.dtype, value.ndim) != kind.quick_array:
        return False
    known = kind.known
    rule = known.get("rule", "free")
    wanted = contract.lengths_wanted(rule, _argument_lengths(asked)) if rule != "free" else []
    if len(value) not in wanted if wanted else len(value) == 0:
        return False
    return bool(known.get("missing", True)) or not has_missing(value)


def _asked_again(caller: Caller, question: _Question) -> str:
    assert question.sent is not None
    try:
        answer = caller.repeat(question.asked, question.sent)
    except CandidateFailed as error:
        return f"the second time it raised {error}"[:300]
    return difference(question.answer, answer)


def _argument_lengths(asked: Asked) -> dict[str, int]:
    """Return the lengths of a call's array-like arguments by position or name."""
    if asked.verb != "call":
        return {}
    args, kwargs = asked.arguments
    named = {**dict(zip(map(str, range(len(args))), args, strict=True)), **(kwargs or {})}
    lengths = {
        name: contract.length_of(value)
        for name, value in named.items()
        if not isinstance(value, (Proxy, dict, set, frozenset))
    }
    return {name: length for name, length in lengths.items() if length is not None}


def _rule(length: int, arguments: Mapping[str, int]) -> contract.Rule:
    return [name for name, other in arguments.items() if other == length] or "free"


def _root(path: str) -> str:
    match = _ROOT.match(path)
    return match[0] if match else ""
