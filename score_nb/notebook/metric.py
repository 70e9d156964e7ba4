"""The metric: a function of the notebook, found by name and checked before anything runs."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from score_nb.errors import BadMetric, did_you_mean
from score_nb.notebook.history import is_internal
from score_nb.notebook.reach import Namespace, is_of_notebook, unwrapped

Metric = Callable[..., Any]
_MOST_NAMED = 8


def find_function(name: str, namespace: Namespace, role: str = "metric") -> Metric:
    """Return the function `name` of the notebook.

    Raises
    ------
    BadMetric
        There is none; the message names the functions that exist, the nearest first.
    """
    if not name:
        raise BadMetric(f"name a {role}: %%score METRIC.{_functions(namespace)}")
    if name not in namespace:
        near = did_you_mean(name, _function_names(namespace))
        raise BadMetric(f"there is no function {name} in this notebook.{near or _functions(namespace)}")
    value = namespace[name]
    if not callable(value):
        raise BadMetric(
            f"{name} is no function but {_a(type(value).__name__)}: a {role} is a function that returns a number."
            f"{_functions(namespace)}"
        )
    check_metric(value, name)
    return value  # type: ignore[no-any-return]  # any callable


def check_metric(metric: Metric, name: str) -> None:
    """Refuse what cannot be called for a number: classes, generators, coroutines.

    Raises
    ------
    BadMetric
        The message says what the metric is instead.
    """
    function = unwrapped(metric)
    if isinstance(metric, type):
        raise BadMetric(f"{name} is a class: a metric is a function that returns a number")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise BadMetric(f"{name} is async: a metric is a plain function that returns a number")
    if inspect.isgeneratorfunction(function):
        raise BadMetric(f"{name} is a generator (it yields): a metric returns a number")


def parameters_of(metric: Metric, name: str) -> tuple[str, ...]:
    """Return the arguments that the metric cannot do without.

    Those with a default keep it: a name like `y` that the seed happens to use never replaces `y=y_val`.
    """
    try:
        signature = inspect.signature(metric)
    except (TypeError, ValueError):
        raise BadMetric(f"{name} does not tell its parameters: wrap it in a function of the notebook") from None
    named = [p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return tuple(p.name for p in named if p.default is p.empty)


def source_text(function: Metric) -> str:
    """Return the source of a function as it stands in the notebook, a description where it cannot be had."""
    try:
        return textwrap.dedent(inspect.getsource(unwrapped(function))).strip()
    except (OSError, TypeError):
        return f"# {getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(type(function)))}"


def bounds_of(metric: Metric, name: str) -> tuple[float | None, float | None]:
    """Return the least and the greatest value that the metric declares (`metric.bounds = (0, 1)`), None where open.

    Raises
    ------
    BadMetric
        What is declared is no pair of numbers.
    """
    declared = getattr(metric, "bounds", None)
    if declared is None:
        return None, None
    try:
        low, high = (None if side is None else float(side) for side in declared)
    except (TypeError, ValueError):
        raise BadMetric(
            f"{name}.bounds is {declared!r}: give the least and the greatest value, such as (0, 1) or (0, None)"
        ) from None
    if low is not None and high is not None and low > high:
        raise BadMetric(f"{name}.bounds is {declared!r}: the least value comes first")
    return low, high


def some_of(names: Iterable[str]) -> str:
    """Return the first names joined by commas."""
    listed = list(names)
    more = ", …" if len(listed) > _MOST_NAMED else ""
    return ", ".join(listed[:_MOST_NAMED]) + more


def _function_names(namespace: Namespace) -> list[str]:
    """Return the functions of the notebook, then other callables, each in order of the alphabet."""
    names = [n for n, v in namespace.items() if callable(v) and not isinstance(v, type) and not is_internal(n)]
    return sorted(names, key=lambda name: (not is_of_notebook(namespace[name], namespace), name))


def _functions(namespace: Namespace) -> str:
    own = [name for name in _function_names(namespace) if is_of_notebook(namespace[name], namespace)]
    if not own:
        return " There are no functions yet: define one that returns a number, and run its cell"
    return f" There are: {some_of(own)}"


def _a(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"
