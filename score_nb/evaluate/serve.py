"""The candidate's side of calls from the metric: answers what the scorer's proxies ask (see `proxy`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from score_nb.evaluate import frames as _frames  # registers pandas, scipy.sparse and AnnData with the codec
from score_nb.evaluate.channel import Channel, LineClosed
from score_nb.evaluate.wire import CannotCross, Tree

MAX_HANDLES = 100_000

assert _frames

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
    try:
        while True:
            # Sent from here, where no argument is at hand any more: what only the answering held is in use no longer.
            channel.post(_answer(channel, objects, report, flush))
    except LineClosed:
        return


def _answer(channel: Channel, objects: Objects, report: Report, flush: Callable[[], None]) -> bytes:
    """Return the answer to the next request."""
    verb, released, *arguments = channel.receive(objects.find)
    if released:
        objects.release(released)
    try:
        answer = ("ok", _VERBS[verb](*arguments))
        flush()
        return channel.written(answer, objects.opaque)
    except _Finished:
        return channel.written_trees(["end"])
    except LineClosed:
        raise
    except CannotCross as error:
        return channel.written_trees(["cannot", str(error)])
    except BaseException as error:  # noqa: BLE001  SystemExit and the like are the candidate's failure too
        flush()
        failure = [list(pair) for pair in report(error).items()]
        return channel.written_trees(["failed", type(error).__name__, ["d", failure]])


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


def _data(value: object) -> object:
    """Return what a subclass of a builtin type, or anything with an `__array__`, holds, as an exact plain type."""
    kinds: list[Any] = [int, float, complex, str, bytes, dict, tuple, list, set, frozenset]
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None:
        kinds += [pandas.DataFrame, pandas.Series]
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    found: Any = _array(value, None)
    return found if found.shape else found[()]


_VERBS: Mapping[str, Callable[..., object]] = {
    "call": lambda target, args, kwargs: target(*args, **(kwargs or {})),
    "attr": getattr,
    "item": lambda target, key: target[key],
    "has": lambda target, item: item in target,
    "len": len,
    "iter": iter,
    "next": _next,
    "array": _array,
    "data": _data,
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
}
