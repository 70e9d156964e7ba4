"""The scorer's side of calls from the metric into the candidate: `Proxy` asks, `serve` answers in the candidate.

What a candidate defines and is no data (functions, fitted models, iterators) stays in its process; the scorer holds
proxies.  Arguments and results cross as data, or as further proxies.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, Protocol

from score_nb.evaluate import frames as _frames  # registers pandas, scipy.sparse and AnnData with the codec
from score_nb.evaluate.channel import Channel, LineClosed, Sent
from score_nb.evaluate.wire import Malformed, Tree

CANDIDATES = "<the candidate's "  # how a proxy is shown
MAX_CALLS = 2_000_000

assert _frames


class CandidateFailed(Exception):
    """The candidate raised while the metric called it; `failure` holds its report as texts."""

    failure: Mapping[str, str]


class Unusable(BaseException):
    """A value of the candidate that cannot cross, or a line that carries garbage; no `except Exception` hides it."""


class CandidateGone(BaseException):
    """The candidate's process has ended; no `except Exception` in a metric hides it."""


class Watcher(Protocol):
    """Looks at what the candidate answers before the metric sees it."""

    def keeps(self, asked: Asked) -> int:
        """Return up to how many bytes a request is kept, before the candidate gets it, to be sent once more."""
        ...

    def answered(self, caller: Caller, asked: Asked, value: Any, seconds: float) -> Any:
        """Return the value that the metric gets."""
        ...


class Asked:
    """A request: its verb, the object asked and its path ("model.predict"), and what it was given."""

    __slots__ = ("arguments", "path", "target", "verb")

    def __init__(self, verb: str, target: Proxy | None, arguments: tuple[Any, ...]) -> None:
        self.verb = verb
        self.target = target
        self.path: str = "" if target is None else target._Proxy__path
        self.arguments = arguments

    @property
    def answer_path(self) -> str:
        """Where an object that comes back stands, seen from the outputs."""
        if len(self.path) > _MAX_PATH:
            return self.path
        if self.verb == "attr":
            return f"{self.path}.{str(self.arguments[0])[:_MAX_PATH]}" if self.path else str(self.arguments[0])
        return self.path + ("" if self.verb == "iter" else _MARKS.get(self.verb, "[]"))


_MAX_PATH = 100
_MARKS = {"call": "()", "array": ".__array__"}
_WATCHED = frozenset(("call", "array", "next", "item"))


class Caller:
    """Asks the candidate; one per evaluation.

    Parameters
    ----------
    channel : Channel
        The line to the candidate.
    watcher : Watcher, optional
        Sees all results before the metric does.

    Attributes
    ----------
    refusal : str
        Why the candidate's answers cannot be used, once they cannot; it stands even if the metric swallows it.
    """

    def __init__(self, channel: Channel, watcher: Watcher | None = None) -> None:
        self.channel = channel
        self.watcher = watcher
        self.released: list[int] = []
        self.refusal = ""
        self.references = 0  # proxies in the last request, the object asked among them
        self.sent: Sent | None = None  # the last request that was to be kept, None where it was too large
        self._asked = Asked("", None, ())
        self._calls = 0

    def ask(self, verb: str, target: Proxy, *arguments: object) -> Any:
        """Return what the candidate answers; data as data, other things as `Proxy`."""
        self._count()
        released, self.released = self.released, []
        asked = Asked(verb, target, arguments)
        self.references = 0
        limit = self.watcher.keeps(asked) if self.watcher is not None else 0
        begin = time.perf_counter()
        try:
            message = (verb, released or None, target, *arguments)  # None is cheaper than what is empty
            if limit:
                self.sent = self.channel.send_kept(message, self._reference, limit)
            else:
                self.channel.send(message, self._reference)
        except LineClosed:
            raise CandidateGone from None
        value = self._heard(asked)
        if self.watcher is None or verb not in _WATCHED:
            return value
        return self.watcher.answered(self, asked, value, time.perf_counter() - begin)

    def repeat(self, asked: Asked, sent: Sent) -> Any:
        """Return what the candidate answers to an earlier request, sent once more byte for byte."""
        self._count()
        try:
            self.channel.resend(sent)
        except LineClosed:
            raise CandidateGone from None
        return self._heard(asked)

    def as_data(self, target: Proxy) -> Any:
        """Return the data that an object of the candidate stands for; None where it stands for none."""
        watcher, self.watcher = self.watcher, None
        before = self.refusal
        try:
            value = self.ask("data", target)
        except CandidateFailed:
            return None
        except Unusable:
            self.refusal = before
            return None
        finally:
            self.watcher = watcher
        return None if isinstance(value, Proxy) else value

    def named(self, name: str) -> Callable[[Tree], object]:
        """Return what builds the proxies of the output `name`."""
        self._asked = Asked("attr", None, (name,))
        return self.handle

    def handle(self, fields: Tree) -> object:
        """Return the proxy of a handle."""
        number, name, is_function = fields
        if type(number) is not int or type(name) is not str:
            raise Malformed("no handle")
        kind = CallableProxy if is_function is True else Proxy
        return kind(self, number, name, self._asked.answer_path)

    def refuse(self, reason: str) -> NoReturn:
        """Give the candidate up."""
        self.refusal = self.refusal or reason
        raise Unusable(reason)

    def _count(self) -> None:
        self._calls += 1
        if self._calls > MAX_CALLS:
            self.refuse(f"the metric called the candidate more than {MAX_CALLS:,} times")

    def _heard(self, asked: Asked) -> Any:
        self._asked = asked
        try:
            answer = self.channel.receive(self.handle)
            return answer[1] if len(answer) == 2 and answer[0] == "ok" else self._failed(*answer)
        except LineClosed:
            raise CandidateGone from None
        except Malformed as error:
            self.refuse(f"the candidate answered {asked.verb!r} with garbage: {error}")

    def _failed(self, kind: Any = None, *parts: Any) -> NoReturn:
        if kind == "end":
            raise StopIteration
        if kind == "cannot" and len(parts) == 1:
            self.refuse(f"a result of the candidate {parts[0]}")
        if kind == "failed":
            _raise(*parts)
        raise Malformed("unknown answer")

    def _reference(self, value: object) -> Tree:
        if isinstance(value, Proxy):
            self.references += 1
            return ["h", value._Proxy__number]
        raise TypeError(
            f"the metric hands a {type(value).__name__} to the candidate: only data (numbers, text, arrays, frames, "
            "sparse matrices, AnnData) and what the candidate defined can be handed over"
        )


def _raise(name: Any, failure: Any) -> NoReturn:
    if type(name) is not str or type(failure) is not dict:
        raise Malformed("unknown failure")
    error = _failure_class(name)(str(failure.get("detail", name)))
    error.failure = {str(key): str(value) for key, value in failure.items()}
    raise error


def _failure_class(name: str) -> type[CandidateFailed]:
    """Return an exception class that `except NAME` in the metric catches, too."""
    base = getattr(builtins, name, None) if name in _MIRRORED else None
    return CandidateFailed if base is None else type(name, (CandidateFailed, base), {})


_MIRRORED = frozenset((
    "ArithmeticError", "AssertionError", "AttributeError", "IndexError", "KeyError", "LookupError", "MemoryError",
    "NotImplementedError", "OverflowError", "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError",
))  # fmt: skip
# Asked for by libraries that only look whether they are there; answered here, without a call.
_LOCAL = frozenset(("__array_interface__", "__array_struct__", "__array_ufunc__", "__array_function__", "__iter__"))


class Proxy:
    """Stands in the scorer for an object of the candidate."""

    # Mangled names: the candidate's object may well have a `_kind` of its own.
    __slots__ = ("__caller", "__kind", "__number", "__path", "__weakref__")

    def __init__(self, caller: Caller, number: int, kind: str, path: str) -> None:
        object.__setattr__(self, "_Proxy__caller", caller)
        object.__setattr__(self, "_Proxy__number", number)
        object.__setattr__(self, "_Proxy__kind", kind)
        object.__setattr__(self, "_Proxy__path", path)

    def __getattr__(self, name: str) -> Any:
        if name in _LOCAL:
            raise AttributeError(name)
        return self.__caller.ask("attr", self, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"the metric cannot change {name!r} of the candidate's {self.__kind}")

    def __getitem__(self, key: object) -> Any:
        return self.__caller.ask("item", self, key)

    def __contains__(self, item: object) -> bool:
        return self.__caller.ask("has", self, item) is True

    def __len__(self) -> int:
        return int(self.__caller.ask("len", self))

    def __iter__(self) -> Iterator[Any]:
        iterator = self.__caller.ask("iter", self)
        if not isinstance(iterator, Proxy):
            yield from iterator
            return
        while True:
            try:
                item = self.__caller.ask("next", iterator)
            except StopIteration:
                return
            yield item

    def __next__(self) -> Any:
        return self.__caller.ask("next", self)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Any:
        import numpy as np

        value = self.__caller.ask("array", self, None if dtype is None else np.dtype(dtype).str)  # type: ignore[call-overload]
        if type(value) is not np.ndarray:
            raise Unusable(f"the candidate's {self.__kind} is no array")
        return value

    def __float__(self) -> float:
        return float(self.__caller.ask("float", self))

    def __int__(self) -> int:
        return int(self.__caller.ask("int", self))

    def __bool__(self) -> bool:
        return self.__caller.ask("bool", self) is True

    def __str__(self) -> str:
        return str(self.__caller.ask("str", self))

    def __repr__(self) -> str:
        return f"{CANDIDATES}{self.__kind}>"

    def __hash__(self) -> int:
        return hash(self.__number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and other.__number == self.__number

    def __sklearn_clone__(self) -> NoReturn:
        _cannot_copy(self.__kind)

    def __deepcopy__(self, memo: object) -> NoReturn:
        _cannot_copy(self.__kind)

    def __copy__(self) -> NoReturn:
        _cannot_copy(self.__kind)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        _cannot_copy(self.__kind)

    def __del__(self) -> None:
        self.__caller.released.append(self.__number)


class CallableProxy(Proxy):
    """Stands in the scorer for a function of the candidate, or another object that can be called."""

    __slots__ = ()

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Return what the candidate's function returns."""
        return self._Proxy__caller.ask("call", self, args, kwargs or None)


def _cannot_copy(kind: str) -> NoReturn:
    raise TypeError(
        f"the metric copies, clones or pickles the candidate's {kind}, which lives in another process: let the metric "
        "call its methods (predict, transform, ...), or do the fitting in the cell"
    )
