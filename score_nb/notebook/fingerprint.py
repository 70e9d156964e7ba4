"""A digest of the notebook's data that a kernel restart does not change."""

from __future__ import annotations

import datetime
import decimal
import fractions
import hashlib
import inspect
import pathlib
import sys
import textwrap
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from score_nb.notebook.reach import Namespace, is_of_notebook
from score_nb.types import normalise

_PLAIN = (
    type(None), bool, int, float, complex, str, bytes, range, slice, datetime.date, datetime.time, datetime.timedelta,
    decimal.Decimal, fractions.Fraction, uuid.UUID, pathlib.PurePath,
)  # fmt: skip
_DEEPEST = 12
_BLOCK_BYTES = 1 << 26


def fingerprint(values: Mapping[str, Any], namespace: Namespace) -> str:
    """Return a digest of what the values hold: arrays, frames, matrices, AnnData, plain values and containers.

    Of the notebook's own functions and classes the source counts, of all else only the type: two fitted models of one
    type look the same.
    """
    return combined(fingerprints(values, namespace))


def fingerprints(values: Mapping[Any, Any], namespace: Namespace) -> dict[Any, str]:
    """Return the digest of each value."""
    found = {}
    for name, value in values.items():
        digest = _Digest(namespace)
        digest.add("", value)
        found[name] = digest.hexdigest()
    return found


def combined(digests: Mapping[str, str]) -> str:
    """Return one digest of several with their names."""
    return hashlib.blake2b(repr(sorted(digests.items())).encode(), digest_size=16).hexdigest()


class _Digest:
    """Feeds values to a hash, each with its type, so that 1 and "1" differ."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._hash = hashlib.blake2b(digest_size=16)
        self._inside: set[int] = set()

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def add(self, label: str, value: Any) -> None:
        self._text(label)
        self._text(_type_name(value))
        if id(value) in self._inside or len(self._inside) > _DEEPEST:
            return
        self._inside.add(id(value))
        try:
            self._content(value)
        except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError):
            self._text("unreadable")  # a value that refuses to be looked at counts by its type
        finally:
            self._inside.discard(id(value))

    def _content(self, value: Any) -> None:
        if isinstance(value, _PLAIN):
            self._text(repr(value))
        elif isinstance(value, (list, tuple)):
            self._items(str(len(value)), value)
        elif isinstance(value, (set, frozenset)):
            self._text("".join(sorted(fingerprints(dict(enumerate(value)), self._namespace).values())))
        elif isinstance(value, Mapping):
            self._items(str(len(value)), (part for pair in value.items() for part in pair))
        elif isinstance(value, (types.FunctionType, type)):
            if is_of_notebook(value, self._namespace):
                self._text(source_of(value))
        elif is_of_notebook(type(value), self._namespace):
            self._text(source_of(type(value)))
            self._items("attributes", vars(value).items())
        else:
            reader = _READERS.get(_package(value))
            if reader is not None:
                reader(self, value)

    def _items(self, label: str, items: Iterable[Any]) -> None:
        self._text(label)
        for item in items:
            self.add("", item)

    def _text(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self._hash.update(b"%d:" % len(data))
        self._hash.update(data)

    # -- scientific types, by the package they come from: none is imported here ------------------------------------

    def numpy(self, value: Any) -> None:
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.generic):
            self._text(repr(value.item()))
        elif isinstance(value, numpy.ndarray):
            self._text(f"{value.dtype.str} {value.shape}")
            if value.dtype.hasobject:
                self._items("objects", value.ravel().tolist())
            else:
                for block in _blocks(value):
                    self._hash.update(memoryview(numpy.ascontiguousarray(block).reshape(-1).view(numpy.uint8)))

    def pandas(self, value: Any) -> None:
        pandas = sys.modules["pandas"]
        if isinstance(value, pandas.DataFrame):
            self._items("columns", value.columns.tolist())
            self.add("index", value.index)
            kinds = set(map(str, value.dtypes))
            if (
                len(kinds) == 1
                and isinstance(value.dtypes.iloc[0], sys.modules["numpy"].dtype)
                and "object" not in kinds
            ):
                self.add("values", value.to_numpy())  # thousands of columns at once, as expression matrices have
                return
            for position in range(value.shape[1]):
                self.add("", value.iloc[:, position].array)
        elif isinstance(value, pandas.Series):
            self._items("name", [value.name, value.index, value.array])
        elif isinstance(value, pandas.Categorical):
            self._items(str(value.ordered), [value.categories.array, value.codes])
        elif isinstance(value, (pandas.Index, pandas.api.extensions.ExtensionArray)):
            self._text(str(value.dtype))
            self._pandas_values(pandas, value)
        else:
            self._text(repr(value))

    def _pandas_values(self, pandas: Any, value: Any) -> None:
        try:
            self.add("hashes", pandas.util.hash_array(value.to_numpy(), categorize=False))
        except (TypeError, ValueError):  # lists or dicts in the cells of a frame
            self._items("objects", list(value))

    def scipy(self, value: Any) -> None:
        sparse = sys.modules.get("scipy.sparse")
        if sparse is None or not sparse.issparse(value):
            return
        self._text(f"{value.format} {value.shape}")
        parts = ("data", "indices", "indptr") if value.format in ("csr", "csc", "bsr") else ()
        if not parts:
            value, parts = value.tocoo(), ("data", "row", "col")
        self._items("parts", [getattr(value, part) for part in parts])

    def anndata(self, value: Any) -> None:
        self._items("frames", [value.X, value.obs, value.var])
        for part in ("obsm", "varm", "layers", "obsp", "varp", "uns"):
            self.add(part, dict(getattr(value, part)))

    def torch(self, value: Any) -> None:
        self.add("tensor", value.detach().cpu().numpy())


_READERS: Mapping[str, Callable[[_Digest, Any], None]] = types.MappingProxyType(
    {
        "numpy": _Digest.numpy,
        "pandas": _Digest.pandas,
        "scipy": _Digest.scipy,
        "anndata": _Digest.anndata,
        "torch": _Digest.torch,
    }
)


def _blocks(array: Any) -> Iterable[Any]:
    """Return parts of a large array that does not lie in one piece, so that only a part is copied at a time."""
    if array.flags.c_contiguous or array.nbytes <= _BLOCK_BYTES or array.ndim == 0:
        return (array,)
    rows = max(1, array.shape[0] * _BLOCK_BYTES // array.nbytes)
    return (array[start : start + rows] for start in range(0, array.shape[0], rows))


def source_of(code: Any) -> str:
    """Return the normalised source of a function or class, "" where it cannot be had."""
    try:
        return normalise(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, IndentationError, SyntaxError):
        return ""


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _package(value: Any) -> str:
    return str(type(value).__module__).partition(".")[0]
