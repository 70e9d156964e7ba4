"""What live code of the notebook looks up: functions, classes, partials and closures, followed to the end."""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

Namespace = Mapping[str, Any]

_LOOKUPS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_DEEPEST = 6
_MOST_ITEMS = 1_000
# Data of these packages holds no functions of the notebook, and may be large.
_DATA_PACKAGES = frozenset({"numpy", "pandas", "scipy", "anndata", "torch", "polars", "pyarrow", "xarray", "h5py"})


@dataclass(frozen=True, slots=True)
class Reached:
    """What was found from some starting names: all names looked up, and the code of the notebook behind them."""

    names: frozenset[str]
    functions: tuple[types.FunctionType, ...]


def reach(names: Iterable[str], namespace: Namespace, stop: Set[str] = frozenset()) -> Reached:
    """Return `names` and every name that code of the notebook behind them looks up.

    Names of `stop` are reported but not followed: what stands behind them will be replaced.
    """
    follow = _Follow(namespace)
    waiting, found = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name in namespace and name not in stop:
            waiting.extend(follow.names_in(namespace[name]))
    return Reached(frozenset(found), tuple(follow.functions))


def is_of_notebook(value: object, namespace: Namespace) -> bool:
    """Return whether `value` is a function or class that was written in the notebook."""
    if isinstance(value, types.FunctionType):
        return value.__globals__ is namespace or value.__module__ == "__main__"
    if isinstance(value, type):
        module = value.__module__
        return module == "__main__" or (module == namespace.get("__name__") and namespace.get(value.__name__) is value)
    return False


def unwrapped(value: Any) -> Any:
    """Return the function behind a method, a partial, or what `functools.wraps` put around it."""
    while True:
        if isinstance(value, types.MethodType):
            value = value.__func__
        elif isinstance(value, functools.partial):
            value = value.func
        elif hasattr(value, "__wrapped__"):
            value = value.__wrapped__
        else:
            return value


class _Follow:
    """Walks values; each is looked into once."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.functions: list[types.FunctionType] = []
        self._seen: dict[int, object] = {}  # the values too: an id lives as long as its object

    def names_in(self, value: object, depth: int = 0) -> Iterator[str]:
        if depth > _DEEPEST or id(value) in self._seen or isinstance(value, types.ModuleType):
            return
        self._seen[id(value)] = value
        if isinstance(value, types.FunctionType):
            yield from self._in_function(value, depth)
            return
        for part in self._parts(value):
            yield from self.names_in(part, depth + 1)

    def _in_function(self, function: types.FunctionType, depth: int) -> Iterator[str]:
        if is_of_notebook(function, self.namespace):
            self.functions.append(function)
            yield from globals_of(function.__code__)
        # A library's function is looked into where it stands around something: a decorator's wrapper.
        cells = [_content(cell) for cell in function.__closure__ or ()]
        if not cells and not is_of_notebook(function, self.namespace):
            return
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for part in (*cells, *defaults, getattr(function, "__wrapped__", None)):
            yield from self.names_in(part, depth + 1)

    def _parts(self, value: Any) -> Iterable[object]:
        behind = _BEHIND.get(type(value))
        if behind is not None:
            return behind(value)
        if isinstance(value, type):
            return (*value.__bases__, *vars(value).values()) if is_of_notebook(value, self.namespace) else ()
        if isinstance(value, (list, tuple, set, frozenset, dict)):
            items = value.values() if isinstance(value, dict) else value
            return tuple(items) if len(value) <= _MOST_ITEMS else ()
        return self._parts_of_instance(value)

    def _parts_of_instance(self, value: object) -> Iterable[object]:
        kind = type(value)
        if kind.__module__.partition(".")[0] in _DATA_PACKAGES:
            return ()
        attributes = tuple(vars(value).values()) if hasattr(value, "__dict__") else ()
        return (kind, *(attributes if len(attributes) <= _MOST_ITEMS else ()))


_BEHIND: Mapping[type, Callable[[Any], tuple[object, ...]]] = types.MappingProxyType(
    {
        types.MethodType: lambda method: (method.__func__, method.__self__),
        functools.partial: lambda partial: (partial.func, *partial.args, *partial.keywords.values()),
        staticmethod: lambda method: (method.__func__,),
        classmethod: lambda method: (method.__func__,),
        property: lambda prop: (prop.fget, prop.fset, prop.fdel),
        functools._lru_cache_wrapper: lambda cached: (cached.__wrapped__,),
    }
)


def globals_of(code: types.CodeType) -> Iterator[str]:
    """Return the names that `code`, nested code included, looks up outside of itself."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOOKUPS:
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from globals_of(constant)


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None
