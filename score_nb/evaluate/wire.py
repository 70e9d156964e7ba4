"""The data-only codec between candidate and scorer: plain values as JSON trees, arrays beside them as raw buffers.

Nothing that comes in is ever executed: a tag names one of the decoders below, every size is checked against the buffer
it names, and exact builtin and numpy types are rebuilt.  What is no data crosses as an opaque handle.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

MAX_DEPTH = 40
MAX_NODES = 2_000_000
MAX_TEXT = 256 << 20  # bytes of a tree
MAX_MARKS = 16 * MAX_NODES  # brackets and commas of a tree; no encoder writes more for so many parts

Tree = Any  # what json.dumps takes: scalars, and lists that begin with a tag
Opaque = Callable[[object], Tree]
Handle = Callable[[Tree], object]

_SCALAR_SET = frozenset((type(None), bool, int, float, str))
_DTYPE = re.compile(
    r"[<>|=](?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[SUV]\d{1,9}|[mM]8(?:\[\d*[A-Za-zμ]+\])?)\Z"
)


class CannotCross(Exception):
    """A value that is too deep, too large, or holds what is no data; the message says which."""


class Malformed(Exception):
    """Bytes that no honest encoder writes."""


class Sink(Protocol):
    """Where an encoder puts buffers."""

    def put(self, data: Any, order: str = "C") -> list[int]:
        """Store a buffer or array and return the reference that `Source.view` takes."""
        ...


class Source(Protocol):
    """Where a decoder finds buffers."""

    def view(self, reference: Sequence[int]) -> memoryview:
        """Return the bytes behind `reference`; raise `Malformed` where it points outside."""
        ...

    def lent(self, reference: Sequence[int]) -> Any:
        """Return the same as an array of bytes to keep and to write into; None where they must be copied."""
        ...


class Encoder:
    """Turns values into trees.

    Parameters
    ----------
    sink : Sink
        Takes the buffers.
    opaque : callable
        Returns the tree for a value that is no data; raises `CannotCross` where handles are not possible.
    """

    __slots__ = ("_depth", "_nodes", "opaque", "sink")

    def __init__(self, sink: Sink, opaque: Opaque) -> None:
        self.sink = sink
        self.opaque = opaque
        self._nodes = 0
        self._depth = 0

    def encode(self, value: object) -> Tree:
        """Return the tree of `value`."""
        self.count(1)
        return value if type(value) in _SCALAR_SET else self._tree(value)

    def items(self, values: Any) -> list[Tree]:
        """Return the trees of many values."""
        self.count(len(values))
        return [value if type(value) in _SCALAR_SET else self._tree(value) for value in values]

    def _tree(self, value: object) -> Tree:
        kind = type(value)
        encoder = _ENCODERS.get(kind)
        if encoder is None and kind not in _NO_DATA:
            encoder = _encoder_for(kind)
        if encoder is None:
            return self.opaque(value)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise CannotCross(f"is nested more than {MAX_DEPTH} deep")
        try:
            return encoder(self, value)
        finally:
            self._depth -= 1

    def count(self, nodes: int) -> None:
        """Count parts; raise `CannotCross` once there are too many."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise CannotCross(f"has more than {MAX_NODES:,} parts")


class Decoder:
    """Turns trees back into values; raises `Malformed` for anything an `Encoder` does not write."""

    __slots__ = ("_depth", "_nodes", "handle", "source")

    def __init__(self, source: Source, handle: Handle) -> None:
        self.source = source
        self.handle = handle
        self._nodes = 0
        self._depth = 0

    def decode(self, tree: Tree) -> Any:
        """Return the value of `tree`."""
        self.count(1)
        return tree if type(tree) in _SCALAR_SET else self._value(tree)

    def items(self, trees: Tree) -> list[Any]:
        """Return the values of many trees."""
        if type(trees) is not list:
            raise Malformed("a list was expected")
        self.count(len(trees))
        return [tree if type(tree) in _SCALAR_SET else self._value(tree) for tree in trees]

    def _value(self, tree: Tree) -> Any:
        if type(tree) is not list:
            raise Malformed("a tree is a scalar or a list")
        tag = tree[0] if tree else None
        decoder = _DECODERS.get(tag) if type(tag) is str else None
        if decoder is None:
            raise Malformed("unknown tag")
        self._depth += 1
        if self._depth > MAX_DEPTH + 4:
            raise Malformed("too deep")
        try:
            return decoder(self, tree[1]) if len(tree) == 2 else decoder(self, *tree[1:])
        finally:
            self._depth -= 1

    def plain(self, values: Tree) -> list[Any]:
        """Return a list of plain scalars as it came."""
        if type(values) is not list or not _SCALAR_SET.issuperset(map(type, values)):
            raise Malformed("a list of plain scalars was expected")
        self.count(len(values))
        return values

    def array(self, tree: Tree) -> Any:
        """Return the value of `tree`, which must be a numpy array."""
        import numpy as np

        value = self.decode(tree)
        if type(value) is not np.ndarray:
            raise Malformed("an array was expected")
        return value

    def count(self, nodes: int) -> None:
        """Count parts; raise `Malformed` once there are more than an encoder writes."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise Malformed("too many parts")


def guarded(decode: Callable[..., Any], *arguments: object) -> Any:
    """Return `decode(*arguments)`; whatever goes wrong in it is `Malformed`."""
    try:
        return decode(*arguments)
    except Malformed:
        raise
    except Exception as error:  # noqa: BLE001  foreign bytes: numpy and pandas raise many kinds
        raise Malformed(f"{type(error).__name__}: {error}") from None


_FROM_JSON: Any = json.JSONDecoder()
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def _json_writer() -> Callable[[Tree, int], Iterable[str]]:
    """Return what writes a tree as text: the encoder in C that `json` itself would make anew for each tree."""
    encoder = json.JSONEncoder(separators=(",", ":"), check_circular=False)
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda tree, level: (encoder.encode(tree),)
    found: Callable[[Tree, int], Iterable[str]] = make(
        None, encoder.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
    )
    return found


_write_json = _json_writer()


def dump(tree: Tree) -> bytes:
    """Return a tree as bytes."""
    try:
        data = "".join(_write_json(tree, 0)).encode("ascii")
    except ValueError as error:  # an integer of more than 4,300 digits
        raise CannotCross(str(error)) from None
    if len(data) > MAX_TEXT:
        raise CannotCross(f"is too large to be handed over ({len(data) >> 20:,} MiB of text)")
    return data


def load(data: bytes | memoryview) -> Tree:
    """Return the tree that `dump` wrote; `data` lies where nobody else writes meanwhile."""
    if len(data) > MAX_TEXT:
        raise Malformed("too much text")
    text = str(data, "ascii")
    # Before it is read: a list of three bytes takes twenty times as much once it is one.
    if len(text) > MAX_MARKS and _marks(text) > MAX_MARKS and _marks(_STRING.sub("", text)) > MAX_MARKS:
        raise Malformed("too many parts")
    try:
        tree, end = _FROM_JSON.scan_once(text, 0)
    except StopIteration:
        raise Malformed("no tree") from None
    if end != len(text):
        raise Malformed("more than one tree")
    return tree


def _marks(text: str) -> int:
    return text.count("[") + text.count(",") + text.count("{")


# --- registration ------------------------------------------------------------------------------------------------

_ENCODERS: dict[type, Callable[[Encoder, Any], Tree]] = {}
_BY_NAME: dict[str, Callable[[Encoder, Any], Tree]] = {}
_DECODERS: dict[str, Callable[..., Any]] = {}
_NO_DATA: set[type] = set()


def encoder_of(names: Mapping[str, Callable[[Encoder, Any], Tree]]) -> None:
    """Register encoders by `module.class`, so that nothing is imported before it is met."""
    _BY_NAME.update(names)


def decoder_of(tags: Mapping[str, Callable[..., Any]]) -> None:
    """Register decoders by tag."""
    _DECODERS.update(tags)


def _encoder_for(kind: type) -> Callable[[Encoder, Any], Tree] | None:
    found = _ENCODERS.get(kind)
    if found is None and kind not in _NO_DATA:
        found = _BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
        if found is None and kind.__module__ == "numpy":
            found = _numpy_encoder(kind)
        if found is None:
            _NO_DATA.add(kind)
        else:
            _ENCODERS[kind] = found
    return found


def _numpy_encoder(kind: type) -> Callable[[Encoder, Any], Tree] | None:
    import numpy as np

    if kind is np.ndarray:
        return _encode_array
    return _encode_numpy_scalar if issubclass(kind, np.generic) and kind is not np.object_ else None


# --- numpy -------------------------------------------------------------------------------------------------------


def dtype_tree(dtype: np.dtype[Any]) -> Tree:
    """Return a dtype as text, or as fields with their offsets."""
    if dtype.fields is None:
        if dtype.subdtype is not None or not _DTYPE.match(dtype.str):
            raise CannotCross(f"has the dtype {dtype}, which is no plain data")
        return dtype.str
    fields = []
    for name in dtype.names or ():
        kind, offset = dtype.fields[name][:2]
        base, shape = (kind, ()) if kind.subdtype is None else kind.subdtype
        fields.append([name, dtype_tree(base), list(shape), offset])
    return [fields, dtype.itemsize]


def tree_dtype(tree: Tree, depth: int = 0) -> np.dtype[Any]:
    """Return the dtype of a tree."""
    import numpy as np

    if type(tree) is str:
        if not _DTYPE.match(tree):
            raise Malformed("no plain dtype")
        return np.dtype(tree)
    fields, itemsize = tree
    if depth > 4 or not 0 <= itemsize < 1 << 20 or len(fields) > 10_000:
        raise Malformed("no plain dtype")
    kinds = [tree_dtype(field[1], depth + 1) for field in fields]
    kinds = [np.dtype((kind, tuple(field[2]))) if field[2] else kind for kind, field in zip(kinds, fields, strict=True)]
    if any(field[3] < 0 or field[3] + kind.itemsize > itemsize for kind, field in zip(kinds, fields, strict=True)):
        raise Malformed("fields outside the record")
    names, offsets = [field[0] for field in fields], [field[3] for field in fields]
    return np.dtype({"names": names, "formats": kinds, "offsets": offsets, "itemsize": itemsize})


def _encode_array(encoder: Encoder, array: Any) -> Tree:
    if array.dtype.hasobject or array.dtype.kind == "T":
        kind = "T" if array.dtype.kind == "T" else "O"
        if array.dtype.fields is not None:
            raise CannotCross("is a record array that holds Python objects")
        return ["o", kind, list(array.shape), object_items(encoder, array.ravel().tolist())]
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    return ["a", dtype_tree(array.dtype), list(array.shape), order, encoder.sink.put(array, order)]


def object_items(encoder: Encoder, values: list[Any]) -> Tree:
    """Return the cells of an object array: data only, no handles."""
    opaque, encoder.opaque = encoder.opaque, _no_handles
    try:
        return _encode_list(encoder, values)
    finally:
        encoder.opaque = opaque


def _no_handles(value: object) -> Tree:
    raise CannotCross(f"holds a {type(value).__name__} inside an array or frame, which is no data")


def _decode_array(decoder: Decoder, dtype: Tree, shape: Tree, order: Tree, reference: Tree) -> Any:
    import numpy as np

    kind = tree_dtype(dtype)
    sizes = _shape(shape)
    if not kind.itemsize and math.prod(sizes) > MAX_NODES:
        raise Malformed("too many elements")
    data = decoder.source.view(reference)
    if data.nbytes != math.prod(sizes) * kind.itemsize or order not in ("C", "F"):
        raise Malformed("an array whose size is not that of its buffer")
    lent = decoder.source.lent(reference)
    array: Any = np.ndarray(sizes, kind, buffer=data if lent is None else lent, order=order)
    if lent is None:
        array = array.copy(order="K")
    _mend_truths(array)
    return array


def _mend_truths(array: Any) -> None:
    """Let truth values be 0 or 1: other bytes would break numpy's own arithmetic."""
    import numpy as np

    if array.dtype.kind == "b":
        np.not_equal(array.view(np.uint8), 0, out=array)
    for name in array.dtype.names or ():
        _mend_truths(array[name])


def _decode_objects(decoder: Decoder, kind: Tree, shape: Tree, tree: Tree) -> Any:
    import numpy as np

    values = decoder.decode(tree)
    sizes = _shape(shape)
    if type(values) is not list or len(values) != math.prod(sizes):
        raise Malformed("an object array of another size")
    if kind == "T":
        return np.array(values, dtype=np.dtypes.StringDType()).reshape(sizes)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(sizes)


def _shape(tree: Tree) -> tuple[int, ...]:
    if type(tree) is not list or len(tree) > 64 or any(type(n) is not int or n < 0 for n in tree):
        raise Malformed("no shape")
    return tuple(tree)


def _encode_numpy_scalar(encoder: Encoder, value: Any) -> Tree:
    return ["n", dtype_tree(value.dtype), value.tobytes().decode("latin-1")]


def _decode_numpy_scalar(decoder: Decoder, dtype: Tree, data: Tree) -> Any:
    import numpy as np

    kind = tree_dtype(dtype)
    raw = data.encode("latin-1")
    if kind.kind == "b":
        return np.bool_(raw != b"\0")
    return np.frombuffer(raw, kind, count=1)[0] if kind.itemsize else kind.type()


# --- builtin types -----------------------------------------------------------------------------------------------


def _pairs(encoder: Encoder, mapping: Mapping[Any, Any]) -> Tree:
    return ["d", [[encoder.encode(key), encoder.encode(value)] for key, value in mapping.items()]]


def _decode_dict(decoder: Decoder, pairs: Tree) -> dict[Any, Any]:
    return {decoder.decode(key): decoder.decode(value) for key, value in pairs}


def _encode_moment(encoder: Encoder, value: Any) -> Tree:
    zone = getattr(value, "tzinfo", None)
    if zone is not None and zone is not dt.timezone.utc:
        value = value.astimezone(dt.timezone.utc) if isinstance(value, dt.datetime) else value.replace(tzinfo=None)
    return ["m", type(value).__name__, value.isoformat()]


def _decode_moment(decoder: Decoder, kind: Tree, text: Tree) -> Any:
    kinds: dict[str, Any] = {"datetime": dt.datetime, "date": dt.date, "time": dt.time}
    return kinds[kind].fromisoformat(text)


def _encode_span(encoder: Encoder, value: dt.timedelta) -> Tree:
    return ["w", value.days, value.seconds, value.microseconds]


def _encode_sequence(tag: str, plain: str) -> Callable[[Encoder, Any], Tree]:
    """Return what writes `[plain, values]` where all values are plain scalars (fast), else `[tag, trees]`."""

    def encode(encoder: Encoder, values: Any) -> Tree:
        if not _SCALAR_SET.issuperset(map(type, values)):
            return [tag, encoder.items(values)]
        encoder.count(len(values))
        return [plain, [*values]]

    return encode


_encode_list = _encode_sequence("l", "L")


def _as_list(encoder: Encoder, values: Any) -> Tree:
    return _encode_list(encoder, list(values))


_BUILTIN_ENCODERS: dict[Any, Callable[[Encoder, Any], Tree]] = {
    list: _encode_list,
    tuple: _encode_sequence("t", "T"),
    set: _encode_sequence("s", "S"),
    frozenset: _encode_sequence("z", "Z"),
    deque: _as_list,
    type({}.keys()): _as_list,
    type({}.values()): _as_list,
    type({}.items()): _as_list,
    dict: _pairs,
    OrderedDict: _pairs,
    defaultdict: _pairs,
    Counter: _pairs,
    bytes: lambda e, v: ["b", e.sink.put(v)],
    bytearray: lambda e, v: ["y", e.sink.put(v)],
    complex: lambda e, v: ["c", v.real, v.imag],
    Fraction: lambda e, v: ["q", v.numerator, v.denominator],
    range: lambda e, v: ["r", v.start, v.stop, v.step],
    slice: lambda e, v: ["x", e.items((v.start, v.stop, v.step))],
    type(...): lambda e, v: ["..."],
    dt.datetime: _encode_moment,
    dt.date: _encode_moment,
    dt.time: _encode_moment,
    dt.timedelta: _encode_span,
}
_ENCODERS.update(_BUILTIN_ENCODERS)

_DECODERS.update({
    "l": Decoder.items, "L": Decoder.plain,
    "t": lambda d, v: tuple(d.items(v)), "T": lambda d, v: tuple(d.plain(v)),
    "s": lambda d, v: set(d.items(v)), "S": lambda d, v: set(d.plain(v)),
    "z": lambda d, v: frozenset(d.items(v)), "Z": lambda d, v: frozenset(d.plain(v)),
    "d": _decode_dict,
    "b": lambda d, ref: bytes(d.source.view(ref)), "y": lambda d, ref: bytearray(d.source.view(ref)),
    "c": lambda d, re_, im: complex(float(re_), float(im)),
    "q": lambda d, n, m: Fraction(n, m),
    "r": lambda d, a, b, c: range(a, b, c),
    "x": lambda d, v: slice(*d.items(v)),
    "...": lambda d: ...,
    "m": _decode_moment,
    "w": lambda d, days, s, us: dt.timedelta(days, s, us),
    "a": _decode_array, "o": _decode_objects, "n": _decode_numpy_scalar,
    "h": lambda d, *fields: d.handle(list(fields)),
})  # fmt: skip
