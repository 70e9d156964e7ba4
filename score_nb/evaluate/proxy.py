"""Calls from the metric into the candidate: `serve` answers in the candidate, `Proxy` asks in the scorer.

What a candidate defines and is no data (functions, fitted models, iterators) stays in its process; the scorer holds
proxies.  Arguments and results cross as data, or as further proxies.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from score_nb.evaluate import frames as _frames  # registers pandas, scipy.sparse and AnnData with the codec
from score_nb.evaluate.channel import Channel, LineClosed
from score_nb.evaluate.wire import CannotCross, Malformed, Tree

MAX_HANDLES = 100_000
MAX_CALLS = 2_000_000

assert _frames

# --- the candidate's side ----------------------------------------------------------------------------------------

Report = Callable[[BaseException], Mapping[str, str]]


class Objects:
    """The candidate's objects that the scorer may address, by number."""

    def __init__(self) -> None:
        self._objects: dict[int, object] = {}
        self._next = 0

    def opaque(self, value: object) -> Tree:
        """Keep `value` and return the tree of its handle."""
        if len(self._objects) >= MAX_HANDLES:
            raise CannotCross(f"gives more than {MAX_HANDLES:,} objects that are no data")
        self._next += 1
        self._objects[self._next] = value
        return ["h", self._next, type(value).__name__[:100], callable(value)]

    def find(self, tree: Tree) -> object:
        """Return the object behind a handle that came back."""
        return self._objects[tree[0]]

    def release(self, numbers: list[int]) -> None:
        """Forget objects that the scorer no longer holds."""
        for number in numbers:
            self._objects.pop(number, None)


def serve(channel: Channel, objects: Objects, report: Report, flush: Callable[[], None]) -> None:
    """Answer the scorer's requests until it ends.

    `report` turns an exception into texts; `flush` writes out what was printed.
    """
    while True:
        try:
            verb, released, *arguments = channel.receive(objects.find)
            objects.release(released)
        except LineClosed:
            return
        try:
            answer = ("ok", _VERBS[verb](*arguments))
            flush()
            channel.send(answer, objects.opaque)
        except _Finished:
            channel.send_trees(["end"])
        except LineClosed:
            return
        except CannotCross as error:
            channel.send_trees(["cannot", str(error)])
        except BaseException as error:  # noqa: BLE001  SystemExit and the like are the candidate's failure too
            flush()
            channel.send_trees(["failed", type(error).__name__, ["d", [list(pair) for pair in report(error).items()]]])


class _Finished(Exception):
    """An iterator has no more items (StopIteration itself would be mistaken for an error of the candidate)."""


def _next(iterator: Iterator[object]) -> object:
    try:
        return next(iterator)
    except StopIteration:
        raise _Finished from None


def _array(value: object, dtype: str | None) -> object:
    import numpy as np

    return np.asarray(value, dtype=dtype)


_VERBS: Mapping[str, Callable[..., object]] = {
    "call": lambda target, args, kwargs: target(*args, **kwargs),
    "attr": getattr,
    "item": lambda target, key: target[key],
    "has": lambda target, item: item in target,
    "len": len,
    "iter": iter,
    "next": _next,
    "array": _array,
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
}


# --- the scorer's side -------------------------------------------------------------------------------------------


class CandidateFailed(Exception):
    """The candidate raised while the metric called it; `failure` holds its report as texts."""

    failure: Mapping[str, str]


class Unusable(BaseException):
    """A value of the candidate that cannot cross, or a line that carries garbage; no `except Exception` hides it."""


class CandidateGone(BaseException):
    """The candidate's process has ended; no `except Exception` in a metric hides it."""


class Caller:
    """Asks the candidate; one per evaluation."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.released: list[int] = []
        self._calls = 0

    def ask(self, verb: str, *arguments: object) -> Any:
        """Return what the candidate answers; data as data, other things as `Proxy`."""
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise Unusable(f"the metric called the candidate more than {MAX_CALLS:,} times")
        released, self.released = self.released, []
        try:
            self.channel.send((verb, released, *arguments), _reference)
            return self._answer(*self.channel.receive(self.handle))
        except LineClosed:
            raise CandidateGone from None
        except Malformed as error:
            raise Unusable(f"the candidate answered {verb!r} with garbage: {error}") from None

    def _answer(self, kind: str, *parts: Any) -> Any:
        if kind == "ok" and len(parts) == 1:
            return parts[0]
        if kind == "end":
            raise StopIteration
        if kind == "cannot":
            raise Unusable(f"a result of the candidate {parts[0]}")
        if kind == "failed":
            _raise(*parts)
        raise Malformed("unknown answer")

    def handle(self, fields: Tree) -> object:
        """Return the proxy of a handle."""
        number, name, is_function = fields
        if type(number) is not int or type(name) is not str:
            raise Malformed("no handle")
        return CallableProxy(self, number, name) if is_function is True else Proxy(self, number, name)


def _reference(value: object) -> Tree:
    if isinstance(value, Proxy):
        return ["h", object.__getattribute__(value, "_number")]
    raise TypeError(
        f"the metric hands a {type(value).__name__} to the candidate: only data (numbers, text, arrays, frames, sparse "
        "matrices, AnnData) and what the candidate defined can be handed over"
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

    __slots__ = ("__weakref__", "_caller", "_kind", "_number")

    def __init__(self, caller: Caller, number: int, kind: str) -> None:
        object.__setattr__(self, "_caller", caller)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_kind", kind)

    def __getattr__(self, name: str) -> Any:
        if name in _LOCAL:
            raise AttributeError(name)
        return self._caller.ask("attr", self, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"the metric cannot change {name!r} of the candidate's {self._kind}")

    def __getitem__(self, key: object) -> Any:
        return self._caller.ask("item", self, key)

    def __contains__(self, item: object) -> bool:
        return self._caller.ask("has", self, item) is True

    def __len__(self) -> int:
        return int(self._caller.ask("len", self))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._caller.ask("iter", self)
        if not isinstance(iterator, Proxy):
            yield from iterator
            return
        while True:
            try:
                item = self._caller.ask("next", iterator)
            except StopIteration:
                return
            yield item

    def __next__(self) -> Any:
        return self._caller.ask("next", self)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Any:
        import numpy as np

        value = self._caller.ask("array", self, None if dtype is None else np.dtype(dtype).str)  # type: ignore[call-overload]
        if type(value) is not np.ndarray:
            raise Unusable(f"the candidate's {self._kind} is no array")
        return value

    def __float__(self) -> float:
        return float(self._caller.ask("float", self))

    def __int__(self) -> int:
        return int(self._caller.ask("int", self))

    def __bool__(self) -> bool:
        return self._caller.ask("bool", self) is True

    def __str__(self) -> str:
        return str(self._caller.ask("str", self))

    def __repr__(self) -> str:
        return f"<the candidate's {self._kind}>"

    def __hash__(self) -> int:
        return hash(self._number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and other._number == self._number

    def __sklearn_clone__(self) -> NoReturn:
        _cannot_copy(self._kind)

    def __deepcopy__(self, memo: object) -> NoReturn:
        _cannot_copy(self._kind)

    def __copy__(self) -> NoReturn:
        _cannot_copy(self._kind)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        _cannot_copy(self._kind)

    def __del__(self) -> None:
        self._caller.released.append(self._number)


class CallableProxy(Proxy):
    """Stands in the scorer for a function of the candidate, or another object that can be called."""

    __slots__ = ()

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Return what the candidate's function returns."""
        return self._caller.ask("call", self, args, kwargs)


def _cannot_copy(kind: str) -> NoReturn:
    raise TypeError(
        f"the metric copies, clones or pickles the candidate's {kind}, which lives in another process: let the metric "
        "call its methods (predict, transform, ...), or do the fitting in the cell"
    )
