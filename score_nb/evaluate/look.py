"""What a value that came over the wire looks like: kind of container, class of dtype, dimensions, length."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from score_nb.evaluate.proxy import CANDIDATES, CallableProxy, Proxy

ARRAYS = frozenset(("array", "list", "series", "frame", "sparse"))
SCALARS = frozenset(("number", "text", "moment", "none"))
MIN_VARIED = 8  # fewer equal values say nothing

_MAX_PARTS = 16
_MAX_DEPTH = 3
_MAX_LOOKED_AT = 10_000  # items of a nested list
_CHUNK = 65_536
_BY_DTYPE = {
    "b": "integer", "i": "integer", "u": "integer", "f": "real", "c": "complex", "U": "text", "S": "text", "T": "text",
    "M": "datetime", "m": "datetime", "V": "records",
}  # fmt: skip
_BY_TYPE: dict[type, str] = {
    bool: "integer", int: "integer", float: "real", Fraction: "real", complex: "complex", str: "text", bytes: "text",
    bytearray: "text", type(None): "none", dt.datetime: "datetime", dt.date: "datetime", dt.time: "datetime",
    dt.timedelta: "datetime",
}  # fmt: skip
_BY_NAME = {"Timestamp": "datetime", "Timedelta": "datetime", "NaTType": "none", "NAType": "none"}
_BY_EXTENSION = {
    "CategoricalDtype": "text", "StringDtype": "text", "PeriodDtype": "datetime", "IntervalDtype": "mixed",
}  # fmt: skip
_SCALAR_KINDS = {
    "integer": "number", "real": "number", "complex": "number", "text": "text", "none": "none", "datetime": "moment",
}  # fmt: skip

Look = dict[str, Any]


def look(value: Any, depth: int = 0) -> Look:
    """Return what `value`, of the types that the wire rebuilds, looks like."""
    kind = type(value)
    scalar = class_of(kind)
    if scalar is not None:
        return {"kind": _SCALAR_KINDS.get(scalar, "other"), "of": scalar, "dims": 0}
    looker = _LOOKERS.get(kind)
    if looker is not None:
        return looker(value, depth)
    return _look_array(value) if kind.__module__ == "numpy" else _look_library(value)


def class_of(kind: type) -> str | None:
    """Return the class of a type of scalars; None for other types."""
    found = _BY_TYPE.get(kind)
    if found is None and kind.__module__ == "numpy":
        import numpy as np

        if issubclass(kind, np.generic):
            found = _BY_TYPE[kind] = _BY_DTYPE.get(np.dtype(kind).kind, "records")
    if found is None and kind.__module__.startswith("pandas."):
        found = _BY_NAME.get(kind.__name__)
    return found


def join(classes: Iterable[str]) -> str:
    """Return one class for values of several."""
    found = set(classes) - {"none"}
    if found == {"integer", "real"}:
        return "real"
    if len(found) > 1:
        return "complex" if found <= {"integer", "real", "complex"} else "mixed"
    return found.pop() if found else "none"


def _classes(values: Iterable[object]) -> set[str]:
    return {class_of(kind) or "mixed" for kind in set(map(type, values))}


# --- containers --------------------------------------------------------------------------------------------------


def _look_list(values: Sequence[Any], depth: int) -> Look:
    found: Look = {"kind": "list", "dims": 1, "length": len(values)}
    classes = {"integer"} if type(values) is range else _classes(values)
    found["of"] = join(classes)
    if "mixed" not in classes:
        found["missing"] = "none" in classes or (
            "real" in classes and any(type(value) is float and math.isnan(value) for value in values)
        )
        return _with_variety(found, len(values), lambda: _vary(values, "none" in classes))
    if depth >= _MAX_DEPTH:
        return found
    looks = [look(value, depth + 1) for value in values[:_MAX_LOOKED_AT]]
    if all(part["kind"] in ARRAYS for part in looks) and len({(p["dims"], p["length"]) for p in looks}) == 1:
        found["dims"] = 1 + looks[0]["dims"]
        found["of"] = join(part["of"] for part in looks)
    if len(looks) <= _MAX_PARTS:
        found["parts"] = looks
    return found


def _look_mapping(values: Mapping[Any, Any], depth: int) -> Look:
    classes = _classes(values.values())
    found: Look = {"kind": "mapping", "length": len(values), "of": join(classes)}
    if "mixed" not in classes:
        return _with_variety(found, len(values), lambda: _vary(list(values.values()), "none" in classes))
    if depth < _MAX_DEPTH and len(values) <= _MAX_PARTS and all(type(name) is str for name in values):
        found["parts"] = {name: look(value, depth + 1) for name, value in values.items()}
    return found


def _with_variety(found: Look, length: int, vary: Any) -> Look:
    if length >= MIN_VARIED:
        found["varied"] = bool(vary())
    return found


def _vary(values: Sequence[Any], may_miss: bool) -> bool:
    if may_miss:  # pandas' NA is neither equal nor unequal to anything
        values = [value for value in values if class_of(type(value)) != "none"]
    return any(value is not values[0] and value != values[0] for value in values)


_LOOKERS: dict[type, Callable[[Any, int], Look]] = {
    CallableProxy: lambda value, depth: {"kind": "function"},
    Proxy: lambda value, depth: {"kind": "object"},
    dict: _look_mapping,
    list: _look_list,
    tuple: _look_list,
    range: _look_list,
    set: lambda value, depth: {"kind": "set", "of": join(_classes(value)), "length": len(value)},
    frozenset: lambda value, depth: {"kind": "set", "of": join(_classes(value)), "length": len(value)},
}


# --- numpy -------------------------------------------------------------------------------------------------------


def _look_array(array: Any) -> Look:
    of = _BY_DTYPE.get(array.dtype.kind) or join(_classes(array.ravel().tolist()))
    if array.ndim == 0:
        return {"kind": _SCALAR_KINDS.get(of, "other"), "of": of, "dims": 0}
    found: Look = {"kind": "array", "of": of, "dims": array.ndim, "length": array.shape[0]}
    if of in ("mixed", "records", "none"):
        return found
    if array.ndim == 1:
        found["missing"] = has_missing(array)
    return _with_variety(found, array.shape[0], lambda: _rows_vary(array))


def has_missing(array: Any) -> bool:
    """Return whether some element of a one-dimensional array has no value (NaN, NaT, None)."""
    import numpy as np

    kind = array.dtype.kind
    if kind == "O":
        return any(value is None or value != value for value in array.tolist())  # noqa: PLR0124  NaN
    if kind in "mM":
        return bool(np.isnat(array).any())
    if kind not in "fc":
        return False
    # One pass without a second array; only the sum of infinities, or an overflow, needs a closer look.
    with np.errstate(all="ignore"):
        return not np.isfinite(array.sum()) and bool(np.isnan(array).any())


def _rows_vary(array: Any) -> bool:
    """Whether some row differs from the first; most often known after the first few."""
    if array.size == 0:
        return False
    first, start, step = array[0], 1, 64
    while start < len(array):
        if bool((array[start : start + step] != first).any()):
            return True
        start, step = start + step, _CHUNK
    return False


# --- pandas, scipy.sparse, AnnData -------------------------------------------------------------------------------


def _look_library(value: Any) -> Look:
    if hasattr(value, "obs_names"):
        return {"kind": "anndata", "length": int(value.n_obs)}
    if hasattr(value, "nnz") and hasattr(value, "format"):
        return _look_sparse(value)
    if hasattr(value, "iloc") and value.ndim == 2:
        return _look_frame(value)
    if hasattr(value, "dtype") and type(value).__module__.startswith("pandas."):
        return _look_column(value)
    return {"kind": "other"}


def _look_sparse(matrix: Any) -> Look:
    of = _BY_DTYPE.get(matrix.dtype.kind, "mixed")
    found: Look = {"kind": "sparse", "of": of, "dims": len(matrix.shape), "length": int(matrix.shape[0])}
    return _with_variety(found, found["length"], lambda: _sparse_rows_vary(matrix))


def _sparse_rows_vary(matrix: Any) -> bool:
    by_rows = matrix.tocsr()
    return bool(abs(by_rows[1:] - by_rows[[0] * (by_rows.shape[0] - 1)]).max() > 0) if by_rows.nnz else False


def _look_frame(frame: Any) -> Look:
    columns = [frame.iloc[:, at] for at in range(min(frame.shape[1], _MAX_LOOKED_AT))]
    found: Look = {"kind": "frame", "dims": 2, "length": len(frame)}
    found["of"] = join(_column_class(column) for column in columns)
    return _with_variety(found, len(frame), lambda: any(_column_varies(column) for column in columns))


def _look_column(column: Any) -> Look:
    """Look at a series, an index or one of pandas' arrays."""
    import pandas as pd

    if isinstance(column, pd.MultiIndex):
        return {"kind": "list", "of": "mixed", "dims": 1, "length": len(column)}
    kind = "series" if isinstance(column, pd.Series) else "list"
    found: Look = {"kind": kind, "of": _column_class(column), "dims": 1, "length": len(column)}
    if found["of"] == "mixed":
        return found
    found["missing"] = bool(pd.isna(column).any())
    return _with_variety(found, len(column), lambda: _column_varies(column))


def _column_class(column: Any) -> str:
    named = _BY_EXTENSION.get(type(column.dtype).__name__)
    return named or _BY_DTYPE.get(column.dtype.kind) or join(_classes(column.tolist()))


def _column_varies(column: Any) -> bool:
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O":
        return _rows_vary(np.asarray(column))
    return len(pd.unique(column)) > 1 if _column_class(column) != "mixed" else True


# --- in words ----------------------------------------------------------------------------------------------------


def words(value: Any, found: Look | Mapping[str, Any]) -> str:
    """Return what a value is in the user's words: "an array of shape (120, 1)"."""
    kind = found["kind"]
    writer = _WRITERS.get(kind)
    return writer(value, found) if writer is not None else _WORDS.get(kind, "another value")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {many or one + 's'}"


def _shaped(name: str) -> Callable[[Any, Mapping[str, Any]], str]:
    return lambda value, found: f"{name} of shape {tuple(map(int, value.shape))}"


def _listed(value: Any, found: Mapping[str, Any]) -> str:
    name = {"list": "a list", "tuple": "a tuple"}.get(type(value).__name__, f"a {type(value).__name__}")
    depth = f", {found['dims']} deep," if found["dims"] > 1 else ""
    return f"{name}{depth} of {_counted(found['length'], 'value')}"


def _object(value: Any, found: Mapping[str, Any]) -> str:
    return f"an object of class {repr(value).removeprefix(CANDIDATES).rstrip('>')}, which is no data"


_WORDS = {"number": "a number", "text": "text", "none": "None", "moment": "a date or time"}
_WRITERS: Mapping[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "array": _shaped("an array"),
    "frame": _shaped("a frame"),
    "sparse": _shaped("a sparse matrix"),
    "anndata": _shaped("an AnnData"),
    "list": _listed,
    "series": lambda value, found: f"a series of {_counted(found['length'], 'value')}",
    "mapping": lambda value, found: f"a mapping of {_counted(found['length'], 'entry', 'entries')}",
    "set": lambda value, found: f"a set of {_counted(found['length'], 'value')}",
    "object": _object,
    "function": _object,
}
