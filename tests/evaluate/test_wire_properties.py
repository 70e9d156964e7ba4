"""Whatever is data crosses the wire unchanged; whatever else comes is refused, and takes no more memory than it is."""

from __future__ import annotations

import json
import math
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from score_nb.evaluate import frames as _frames
from score_nb.evaluate import wire
from score_nb.evaluate.channel import Channel
from score_nb.evaluate.wire import Decoder, Malformed, guarded
from tests.evaluate.test_wire import Bytes, crossed, line, no_handles

pytest.importorskip("anndata")  # so that no decoder is the first to import it
assert _frames
assert line
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the line is made of memory files")
Line = tuple[Channel, Channel]
# The line is the same for all examples: they take turns on it.
examples = settings(deadline=None, derandomize=True, max_examples=150)


def alike(one: Any, other: Any) -> bool:
    """Return whether two values are equal and of the same exact types all the way down; NaN is like NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return alike(list(one.items()), list(other.items()))
    if isinstance(one, float):
        return math.isnan(one) == math.isnan(other) and repr(one) == repr(other)
    return bool(one == other)


NUMBERS = st.integers(-(10**40), 10**40) | st.floats() | st.fractions() | st.complex_numbers(allow_nan=False)
MOMENTS = st.datetimes() | st.dates() | st.times() | st.timedeltas()
HASHABLE = st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.binary(max_size=8) | MOMENTS
PLAIN = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=5)
        | st.frozensets(HASHABLE, max_size=5)
        | st.sets(HASHABLE, max_size=5)
    ),
    max_leaves=20,
)


@examples
@given(value=PLAIN)
def test_plain_values_cross_unchanged(line: Line, value: object) -> None:
    assert alike(crossed(line, value), value)


def has_titles(kind: Any) -> bool:
    return any(len(field) > 2 for field in kind.fields.values())


DTYPES = (
    hnp.scalar_dtypes() | hnp.unicode_string_dtypes(max_len=5) | hnp.byte_string_dtypes(max_len=5)
    | hnp.array_dtypes(max_size=3, allow_subarrays=True).filter(lambda kind: not has_titles(kind))
)  # fmt: skip
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@examples
@given(array=hnp.arrays(DTYPES, SHAPES), order=st.sampled_from("CF"))
def test_arrays_cross_byte_for_byte(line: Line, array: Any, order: str) -> None:
    sent = np.asarray(array, order=order)  # type: ignore[call-overload]
    got = crossed(line, sent)
    assert (type(got), got.dtype, got.shape) == (np.ndarray, sent.dtype, sent.shape)
    assert got.tobytes() == sent.tobytes()


def cells_of(rows: int, cells: st.SearchStrategy[Any], dtype: Any) -> st.SearchStrategy[pd.Series]:
    return st.lists(cells, min_size=rows, max_size=rows).map(lambda values: pd.Series(values, dtype=dtype).array)


COLUMNS: list[Callable[[int], st.SearchStrategy[Any]]] = [
    lambda n: hnp.arrays(hnp.integer_dtypes(endianness="=") | hnp.floating_dtypes(endianness="=", sizes=(32, 64)), n),
    lambda n: hnp.arrays("M8[ns]", n),
    lambda n: cells_of(n, st.text(max_size=4) | st.none(), object),
    lambda n: cells_of(n, st.sampled_from("abc"), "category"),
    lambda n: cells_of(n, st.integers(-9, 9) | st.none(), "Int16"),
    lambda n: cells_of(n, st.booleans() | st.none(), "boolean"),
    lambda n: cells_of(n, st.text(max_size=3) | st.none(), "string"),
]


@st.composite
def data_frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 5))
    kinds = draw(st.lists(st.sampled_from(COLUMNS), max_size=4))
    columns = {f"column {at}": draw(kind(rows)) for at, kind in enumerate(kinds)}
    labels = draw(st.lists(st.text(max_size=3), min_size=rows, max_size=rows))
    frame = pd.DataFrame(columns, index=range(rows))
    return frame.set_axis(pd.Index(labels, dtype=object)) if draw(st.booleans()) else frame


@examples
@given(frame=data_frames())
def test_frames_cross_unchanged(line: Line, frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(crossed(line, frame), frame)


# --- what no encoder writes ----------------------------------------------------------------------------------------

ROOM = bytes(range(256)) * 16
TAGS = sorted(wire._DECODERS)
INNER = ["npy", "kat", "tz", "per", "str", "spc", "ivl", "nul"]
WORDS = [
    "<f8", "<i8", "|b1", "<U3", "|S0", "|V0", "<M8[ns]", "<c16", "csr", "csc", "coo", "bsr", "dia", "lil", "dok", "C",
    "F", "O", "T", "ns", "UTC", "D", "both", "Int64", "boolean", "datetime", "date", "2024-01-01", "x", "",
]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.sampled_from([-1, 0, 1, 2, 3, 8, 16, 64, 10**9, 10**12, 2**63, 10**30])
    | st.floats() | st.sampled_from(WORDS) | st.text(max_size=3)
)  # fmt: skip
REFERENCES = st.tuples(st.sampled_from([0, 0, 1]), st.sampled_from([0, 8, -8]), st.sampled_from([0, 8, 16, 24, 4096]))
SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 10**9, 10**12]), max_size=3)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    tagged = st.tuples(st.sampled_from(TAGS + INNER), st.lists(inner, max_size=5)).map(lambda pair: [pair[0], *pair[1]])
    arrays = st.tuples(st.just("a"), st.sampled_from(WORDS), SIZES, st.sampled_from("CF"), REFERENCES.map(list))
    ranges = st.tuples(st.just("ir"), st.just(0), st.sampled_from([0, 1, 2, 10**9]), st.just(1), st.none())
    sparse = st.tuples(st.just("sp"), st.sampled_from(WORDS), st.booleans(), SIZES, st.lists(inner, max_size=3))
    return tagged | tagged | arrays.map(list) | ranges.map(list) | sparse.map(list) | st.lists(inner, max_size=4)


TREES = st.recursive(LEAVES, _nested, max_leaves=25)


def decoded(data: bytes, room: bytes = ROOM) -> tuple[object, int]:
    """Return what a decoder makes of `data`, None where it refuses, and the most bytes that it held meanwhile."""
    store = Bytes()
    store.data += room
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = guarded(lambda: Decoder(store, lambda fields: None).decode(wire.load(data)))
    except Malformed:
        value = None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return value, peak


@settings(examples, max_examples=800)
@given(tree=TREES)
def test_any_tree_is_refused_or_small(tree: Any) -> None:
    # The largest thing in a tree of some hundred bytes is the room that it may name, once for each of its parts.
    assert decoded(wire.dump(tree))[1] < 8 << 20


@settings(examples, max_examples=300)
@given(data=st.binary(max_size=200) | st.text('[]{},:"0123456789.eE-+anulltrfs\\', max_size=80).map(str.encode))
def test_any_bytes_are_refused_or_small(data: bytes) -> None:
    assert decoded(data)[1] < 8 << 20


def annotated(obs: str) -> str:
    parts = {"X": "null", "obs": obs, "var": '["fr",[],["ir",0,0,1,null],["ir",0,0,1,null]]', "uns": '["d",[]]'}
    parts |= dict.fromkeys(("layers", "obsm", "varm", "obsp", "varp"), '["d",[]]')
    return f'["ad",{{{",".join(f"{json.dumps(name)}:{tree}" for name, tree in parts.items())}}}]'


HUGE = 10**9
EMPTY = '["a","<f8",[0],"C",[0,0,0]]'
EIGHT = '["a","<f8",[1],"C",[0,0,8]]'
GREEDY = {
    "a number for every row": f'["sr",["npy",["a","<f8",[],"C",[0,0,8]]],["ir",0,{HUGE},1,null],null]',
    "one value for every row": f'["sr",["npy",{EIGHT}],["ir",0,{HUGE},1,null],null]',
    "texts of a range": f'["px",["str",["r",0,{HUGE},1],false]]',
    "lists of empty rows": f'["sp","lil",false,[{HUGE},1],[{EMPTY},{EMPTY},{EMPTY}]]',
    "names for every cell": annotated(f'["fr",[],["ir",0,{HUGE},1,null],["ir",0,0,1,null]]'),
    "a column of a range": annotated(f'["d",[["a",["r",0,{HUGE},1]]]]'),
    "elements of no size": f'["a","|V0",[{HUGE}],"C",[0,0,0]]',
    "a diagonal far outside": '["sp","dia",false,[3,3],[["a","<f8",[1,1],"C",[0,0,8]],["a","<i8",[1],"C",[0,8,8]]]]',
}


@pytest.mark.parametrize("text", GREEDY.values(), ids=GREEDY)
def test_what_would_grow_is_refused_before_it_does(text: str) -> None:
    value, peak = decoded(text.encode())
    assert value is None
    assert peak < 8 << 20


def test_a_tree_of_more_marks_than_parts_may_have_is_not_read(line: Line) -> None:
    value, peak = decoded(b"," * (wire.MAX_MARKS + 1))
    assert value is None
    assert peak < 2 * wire.MAX_MARKS
    text = "[" * (wire.MAX_MARKS + 1)
    assert crossed(line, text) == text


def test_the_same_place_is_not_copied_again_and_again(line: Line) -> None:
    here, there = line
    packet = here.written([np.zeros(4 << 20)], no_handles)
    assert b'["a","<f8",[4194304],"C",[1,0,33554432]]' in packet
    here.post(packet)
    once = b'["a","<f8",[4194304],"C",[1,0,33554432]]'
    trees = b"[" + b",".join([once] * 3) + b"]"
    there.receive(lambda fields: fields)
    here.post(packet[:26] + len(trees).to_bytes(8, "little") + trees)
    with pytest.raises(Malformed, match="more buffers than there is room for"):
        there.receive(lambda fields: fields)
