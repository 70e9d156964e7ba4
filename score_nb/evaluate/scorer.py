"""The scorer's process: rebuilds the candidate's outputs, runs the metric, and tells the kernel one checked number."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

from score_nb.evaluate import contract, leaf, proxy, signals, spoil, trace
from score_nb.evaluate.channel import LineClosed
from score_nb.evaluate.wire import Malformed

_WAYS = ("constant", "shuffled")


class NoNumber(Exception):
    """The metric returned something that is no finite number; the message completes "the metric returned"."""


def run(work: leaf.Work) -> None:
    """Score the outputs that the candidate of `work` hands over, and tell the kernel."""
    try:
        work.tell(kind="score", **_judge(work))
    except (LineClosed, proxy.CandidateGone):
        work.tell(kind="gone")
    except (Malformed, proxy.Unusable) as error:
        work.tell(kind="invalid", detail=str(error), log="")
    except NoNumber as error:
        work.tell(kind="invalid", detail=f"the metric returned {error}", log="")
    except BaseException as error:  # noqa: BLE001  a metric may raise anything, SystemExit included
        work.tell(**_blame(error, work.order["metric"]))


def _judge(work: leaf.Work) -> dict[str, object]:
    """Return what the kernel is told of a success: values, flags, contract and probes."""
    order = work.order
    metric = _metric(work)
    expected = order["contract"]
    lengths = frozenset[int]() if expected else contract.held_lengths(metric, work.namespace)
    watcher = signals.Signals(expected, has_same_lengths=order["is_main"], lengths=lengths)
    caller = proxy.Caller(work.channel, watcher)
    outputs = _receive(work, caller, watcher)
    # Made beforehand: the metric may change what it is given.
    spoilt = _spoilt(outputs) if order["probe"] else {}
    values = _score(work, outputs)
    if caller.refusal:  # a metric that catches everything does not hide it
        raise proxy.Unusable(caller.refusal)
    flags = watcher.flags(caller, is_declared=getattr(metric, "deterministic", True) is False)
    found = {"values": values, "flags": flags, "contract": watcher.contract() if not expected else {}}
    if not spoilt:
        return found
    # The value stands from here on, whatever the probes do.
    work.tell(kind="value", **found)
    return {**found, "probes": _probes(work, caller, spoilt)}


def _receive(work: leaf.Work, caller: proxy.Caller, watcher: signals.Signals) -> dict[str, Any]:
    outputs = {}
    for expected in work.order["outputs"]:
        try:
            name, value = work.channel.receive(caller.named(expected))
        except Malformed as error:
            raise Malformed(f"`{expected}` cannot be read: {error}") from None
        if name != expected:
            raise Malformed(f"`{expected}` was not handed over")
        outputs[expected] = value
        work.channel.send_trees([True])
    return {name: watcher.output(caller, name, value) for name, value in outputs.items()}


def _metric(work: leaf.Work) -> Any:
    metric, fold = work.namespace[work.order["metric"]], work.order["fold"]
    return metric if fold is None else metric.fold(fold)


def _score(work: leaf.Work, outputs: Mapping[str, Any]) -> list[tuple[str, float]]:
    metric = _metric(work)
    # As in a notebook, where the cell's names are globals: what the metric calls may read them too.
    work.namespace.update(outputs)
    try:
        parameters = inspect.signature(metric).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature takes them in order
        return numbers(metric(*(outputs[name] for name in work.order["parameters"])))
    positional = [outputs[p.name] for p in parameters if p.kind is p.POSITIONAL_ONLY and p.name in outputs]
    by_name = {
        p.name: outputs[p.name]
        for p in parameters
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name in outputs
    }
    return numbers(metric(*positional, **by_name))


# --- probes --------------------------------------------------------------------------------------------------------


_Spoilt = Mapping[str, tuple[spoil.Spoiler, Mapping[str, Any]]]


def _spoilt(outputs: Mapping[str, Any]) -> _Spoilt:
    """Return the outputs spoilt in each way that their types allow."""
    found = {}
    for way in _WAYS:
        spoiler = spoil.Spoiler(way)
        with contextlib.suppress(Exception):
            found[way] = spoiler, {name: spoiler.spoilt(value) for name, value in outputs.items()}
    return found


def _probes(work: leaf.Work, caller: proxy.Caller, spoilt: _Spoilt) -> list[tuple[str, float]]:
    """Return what the metric gives to spoilt outputs, where it gives a number and there was something to spoil."""
    found = []
    for way, (spoiler, outputs) in spoilt.items():
        caller.watcher = spoiler
        leaf.seed_generators(work.order["seed"])
        # A metric that refuses spoilt outputs is as it should be; a candidate that has gone is seen by the kernel.
        with contextlib.suppress(BaseException):
            value = _score(work, outputs)[0][1]
            if spoiler.count and not caller.refusal:
                found.append((way, value))
    return found


# --- numbers -------------------------------------------------------------------------------------------------------


def numbers(result: object) -> list[tuple[str, float]]:
    """Return what a metric returned as checked (name, number) pairs; the value comes first.

    Raises
    ------
    NoNumber
        It is no finite number, and no mapping of names to such.
    """
    # Most are plain numbers, and asking of one whether it is a mapping looks at every mapping class there is.
    kind = type(result)
    if kind in (float, int) or kind.__module__ == "numpy" or not isinstance(result, Mapping):
        return [("value", number(result))]
    if not result:
        raise NoNumber("an empty mapping")
    pairs = []
    for name, value in result.items():
        try:
            pairs.append((str(name), number(value)))
        except NoNumber as error:
            raise NoNumber(f"{error} for {name!r}") from None
    return pairs


def number(value: object) -> float:
    """Return a finite `value` as an exact float; a bool, a subclass or an array of several is refused."""
    kind = type(value)
    if kind.__module__ == "numpy":
        value = _numpy_number(value)
        kind = type(value)
    if kind is not float and kind is not int:
        raise NoNumber(repr(value) if value is None or kind is bool else f"a {kind.__name__}, not a number")
    try:
        found = float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise NoNumber("an integer that is too large") from None
    if not math.isfinite(found):
        raise NoNumber(str(found))
    return found


def _numpy_number(value: Any) -> object:
    import numpy as np

    if type(value) is np.ndarray and value.shape == ():
        value = value[()]
    if isinstance(value, np.bool_):
        return bool(value)
    return value.item() if isinstance(value, (np.integer, np.floating)) else value


def _blame(error: BaseException, metric: str) -> Mapping[str, object]:
    """Return the report of an error: the candidate's where it began there, else the metric's."""
    for link in _chain(error):
        if isinstance(link, proxy.CandidateFailed):
            return dict(link.failure)
    detail = f"metric {metric} raised {trace.summary(error)}"
    return {"kind": "invalid", "detail": detail, "log": trace.cut_traceback(error)}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
