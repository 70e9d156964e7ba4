"""Whether two answers to the same question are the same: exactly, or as far as the order of sums can move them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_RELATIVE = 1e-5
_ABSOLUTE = 1e-7  # of the largest value


def difference(first: Any, second: Any) -> str:
    """Return how two data values differ, in the user's words; "" where they do not."""
    pairs = zip(_leaves(first), _leaves(second), strict=False)
    ours, theirs = sum(1 for _ in _leaves(first)), sum(1 for _ in _leaves(second))
    if type(first) is not type(second) or ours != theirs:
        return f"a {type(first).__name__} and a {type(second).__name__} of other parts"
    for one, other in pairs:
        said = _difference(one, other)
        if said:
            return said
    return ""


def size_of(value: Any) -> int:
    """Return about how many bytes the arrays of a data value take."""
    return sum(leaf.nbytes for leaf in _leaves(value) if hasattr(leaf, "nbytes"))


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the arrays and scalars of a value, always in the same order."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _leaves(part)
    elif isinstance(value, (list, tuple)):
        yield from _leaves_of_list(value)
    elif isinstance(value, (set, frozenset)):
        yield sorted(map(repr, value))
    elif hasattr(value, "obs_names"):
        for part in (value.X, value.obs, value.var, dict(value.obsm), dict(value.layers)):
            yield from _leaves(part)
    elif hasattr(value, "nnz") and hasattr(value, "format"):
        coo = value.tocoo()
        yield from (coo.data, coo.row, coo.col)
    elif hasattr(value, "iloc"):
        columns = [value] if value.ndim == 1 else [value.iloc[:, at] for at in range(value.shape[1])]
        yield from (column.to_numpy() for column in columns)
    elif hasattr(value, "to_numpy"):
        yield value.to_numpy()
    else:
        yield value


def _leaves_of_list(values: Any) -> Iterator[Any]:
    import numpy as np

    if values and set(map(type, values)) <= {int, float, bool}:
        yield np.asarray(values, dtype=float)
        return
    for part in values:
        yield from _leaves(part)


def _difference(one: Any, other: Any) -> str:
    import numpy as np

    first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape:
        return f"shapes {first.shape} and {second.shape}"
    if first.dtype.kind not in "biufc" or second.dtype.kind not in "biufc":
        return _difference_of_objects(first, second)
    if np.array_equal(first, second, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        scale = np.nanmax(np.abs(np.where(np.isfinite(first), first, 0)), initial=0.0)
        is_close = np.isclose(first, second, rtol=_RELATIVE, atol=_ABSOLUTE * scale, equal_nan=True)
        if is_close.all():
            return ""
        apart = np.abs(np.subtract(first, second, dtype=np.result_type(first, second, float)))
    return f"{_share(is_close)} differ, by up to {np.nanmax(apart, initial=0.0):.3g}"


def _difference_of_objects(first: Any, second: Any) -> str:
    import numpy as np

    if first.dtype.kind not in "OV" and first.dtype == second.dtype:
        is_same = (first == second) | ((first != first) & (second != second))  # noqa: PLR0124  NaT
    else:
        pairs = zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)
        is_same = np.array([repr(a) == repr(b) for a, b in pairs], dtype=bool)
    return "" if is_same.all() else f"{_share(is_same)} differ"


def _share(is_same: Any) -> str:
    return f"{int(is_same.size - is_same.sum()):,} of {is_same.size:,} values"
