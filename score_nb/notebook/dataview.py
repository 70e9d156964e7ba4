"""What the model is told of the inputs: types, shapes and summaries; rows only where the user allows them."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

MOST_CHARACTERS = 8_000
MOST_COLUMNS = 60
MOST_CATEGORIES = 20
ROW_CHARACTERS = 400
# Summaries of larger arrays are taken from evenly spaced elements.
MOST_ELEMENTS = 5_000_000


def data_view(inputs: Mapping[str, Any], rows: int = 0) -> str:
    """Return one paragraph per input: type, shape, dtype, range, categories, missing values; then its first `rows`."""
    lines: list[str] = []
    for name in sorted(inputs, key=lambda name: (_rank(inputs[name]), name)):
        lines.extend(_described(name, inputs[name]))
        lines.extend(_first_rows(inputs[name], rows))
    text = "\n".join(lines)
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rsplit("\n", 1)[0] + "\n…"


def _first_rows(value: Any, rows: int) -> Iterator[str]:
    """Yield the first rows of tables, arrays and lists."""
    kind = str(type(value).__module__).partition(".")[0]
    try:
        if rows < 1:
            return
        if kind == "anndata":
            yield from _first_rows(value.obs, rows)
        elif kind == "pandas":
            shown = value.iloc[:rows, :MOST_COLUMNS] if value.ndim > 1 else value[:rows]
            yield from _table(shown.to_csv() if hasattr(shown, "to_csv") else str(list(shown)))
        elif kind == "numpy" and value.ndim:
            numpy = sys.modules["numpy"]
            yield from _table(numpy.array2string(value[:rows], threshold=MOST_COLUMNS, precision=4))
        elif isinstance(value, (list, tuple)):
            yield from _table("\n".join(repr(item) for item in value[:rows]))
    except (TypeError, ValueError, AttributeError, NotImplementedError, KeyError):
        return  # a value that shows no rows is told by its summary


def _table(text: str) -> Iterator[str]:
    yield "  first rows:"
    yield from (f"  | {line[:ROW_CHARACTERS]}" for line in text.rstrip("\n").split("\n"))


def _rank(value: Any) -> int:
    """Data first, then the notebook's own code, then what packages offer."""
    if isinstance(value, types.ModuleType):
        return 2
    return 1 if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) else 0


def _described(name: str, value: Any) -> Iterator[str]:
    try:
        parts = list(_READERS.get(str(type(value).__module__).partition(".")[0], _plain)(value))
    except (TypeError, ValueError, AttributeError, NotImplementedError, KeyError, OverflowError):
        parts = [_type_name(value)]  # a value that refuses to be summarised is told by its type
    yield f"{name}: {parts[0]}"
    yield from (f"  {part}" for part in parts[1:])


def _plain(value: Any) -> Iterator[str]:
    if isinstance(value, types.ModuleType):
        # Looked up without asking the module: some warn of their own `__version__`.
        version = vars(value).get("__version__", "")
        yield f"module {value.__name__} {version if isinstance(version, str) else ''}".rstrip()
    elif isinstance(value, type):
        yield f"class {value.__module__}.{value.__qualname__}".replace("class __main__.", "class ")
    elif callable(value) and hasattr(value, "__name__"):
        yield _signature(value)
    elif isinstance(value, Mapping):
        yield f"{_type_name(value)} of {len(value)}{_key_names(value)}"
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield f"{_type_name(value)} of {len(value)}{_item_types(value)}"
    elif isinstance(value, str):
        yield f"str of {len(value)} characters"
    else:
        yield _type_name(value)


def _signature(value: Any) -> str:
    try:
        signature = str(inspect.signature(value))
    except (TypeError, ValueError):
        signature = "(…)"
    doc = (inspect.getdoc(value) or "").strip().partition("\n")[0]
    module = getattr(value, "__module__", "") or ""
    where = "" if module in ("", "__main__") else f" of {module}"
    return f"function {value.__name__}{signature}{where}" + (f": {doc}" if doc else "")


def _key_names(value: Mapping[Any, Any]) -> str:
    names = [key for key in value if isinstance(key, str)]
    if not value or len(names) < len(value) or len(names) > MOST_CATEGORIES:
        return ""
    return f", keys {_list(names)}"


def _item_types(value: Iterable[Any]) -> str:
    kinds = sorted({type(item).__name__ for item in value})
    return f" ({', '.join(kinds[:4])})" if kinds else ""


# -- numpy and scipy.sparse --------------------------------------------------------------------------------------------


def _numpy(value: Any) -> Iterator[str]:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.ndarray):
        yield f"numpy array, shape {value.shape}, {value.dtype}{_values(value)}"
    else:
        yield from _plain(value)


def _scipy(value: Any) -> Iterator[str]:
    sparse = sys.modules.get("scipy.sparse")
    if sparse is None or not sparse.issparse(value):
        yield from _plain(value)
        return
    cells = value.shape[0] * value.shape[-1]
    share = f", {100 * value.nnz / cells:.3g} % filled" if cells else ""
    yield f"scipy.sparse {value.format} matrix, shape {value.shape}, {value.dtype}{share}"


def _values(array: Any) -> str:
    """Return range and missing values of numbers, the classes of integers and text where they are few."""
    numpy = sys.modules["numpy"]
    is_part = array.size > MOST_ELEMENTS
    flat = _evenly(array, array.size // MOST_ELEMENTS + 1).reshape(-1)
    about = "about " if is_part else ""
    kind = array.dtype.kind
    if not flat.size or kind not in "biufMmUSO":
        return ""
    if kind in "biuUSO":
        classes = _classes(flat)
        if classes:
            return classes
    if kind in "US":
        return ", text"
    if kind == "O":
        return f" ({', '.join(sorted({type(item).__name__ for item in flat[:1000]})[:4])})"
    if kind == "b":
        return ""
    missing = numpy.isnan(flat) if kind == "f" else numpy.isnat(flat) if kind in "Mm" else numpy.zeros(0, bool)
    present = flat[~missing] if missing.any() else flat
    counted = f", {about}{100 * missing.mean():.3g} % missing" if missing.any() else ""
    return f", range {about}{_number(present.min())} to {_number(present.max())}{counted}" if present.size else counted


def _evenly(array: Any, step: int) -> Any:
    """Return every `step`-th row, or element where there are few rows; a view of `array` where that can be."""
    return array[::step] if array.ndim and array.shape[0] >= step else array.ravel(order="K")[::step]


def _classes(flat: Any) -> str:
    """Return the distinct values where they are few, as labels are."""
    distinct = set(flat[:10_000].tolist())
    if len(distinct) > MOST_CATEGORIES:
        return ""
    distinct = set(flat.tolist())
    if len(distinct) > MOST_CATEGORIES or 2 * len(distinct) > flat.size:
        return ""
    return f", {len(distinct)} distinct values: {_list(sorted(distinct, key=str))}"


# -- pandas and AnnData ------------------------------------------------------------------------------------------------


def _pandas(value: Any) -> Iterator[str]:
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        yield f"pandas DataFrame, {value.shape[0]} rows x {value.shape[1]} columns"
        yield from _columns(value)
    elif isinstance(value, (pandas.Series, pandas.Index)):
        yield f"pandas {type(value).__name__}, length {len(value)}, {_column(value)}"
    else:
        yield _type_name(value)


def _columns(frame: Any) -> Iterator[str]:
    for position, name in enumerate(frame.columns[:MOST_COLUMNS]):
        yield f"{name}: {_column(frame.iloc[:, position])}"
    if frame.shape[1] > MOST_COLUMNS:
        yield f"… and {frame.shape[1] - MOST_COLUMNS} more columns"


def _column(column: Any) -> str:
    missing = int(column.isna().sum())
    tail = f", {missing} missing" if missing else ""
    dtype = column.dtype
    if str(dtype) == "category":
        names = column.cat.categories if hasattr(column, "cat") else column.categories
        shown = f": {_list(names.tolist())}" if len(names) <= len(column) / 2 else ""
        return f"category, {len(names)} categories{shown}{tail}"
    present = column.dropna() if missing else column
    try:
        values = _values(present.to_numpy())
    except (TypeError, ValueError):
        values = ""
    return f"{dtype}{values}{tail}"


def _anndata(value: Any) -> Iterator[str]:
    yield f"AnnData, {value.n_obs} observations x {value.n_vars} variables"
    if value.X is not None:
        yield f"X: {next(_described('', value.X))[2:]}"
    for part in ("obs", "var"):
        yield from (f"{part}.{line}" for line in _columns(getattr(value, part)))
    for part in ("layers", "obsm", "varm", "obsp", "varp"):
        for key, matrix in dict(getattr(value, part)).items():
            yield f"{part}[{key!r}]: shape {getattr(matrix, 'shape', '?')}"
    if len(value.uns):
        yield f"uns: {_list(list(value.uns))}"


_READERS: Mapping[str, Callable[[Any], Iterator[str]]] = types.MappingProxyType(
    {"numpy": _numpy, "scipy": _scipy, "pandas": _pandas, "anndata": _anndata}
)


def _number(value: Any) -> str:
    is_float = isinstance(value, float) or (hasattr(value, "dtype") and value.dtype.kind == "f")
    return f"{value:.4g}" if is_float else str(value)


def _list(names: list[Any]) -> str:
    shown = ", ".join(str(name)[:40] for name in names[:MOST_CATEGORIES])
    return shown + (", …" if len(names) > MOST_CATEGORIES else "")


def _type_name(value: Any) -> str:
    module = type(value).__module__
    return type(value).__qualname__ if module in ("builtins", "__main__") else f"{module}.{type(value).__qualname__}"
