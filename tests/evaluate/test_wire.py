"""What crosses between candidate and scorer arrives equal and of exact type; garbage is refused, never obeyed."""

from __future__ import annotations

import collections
import datetime as dt
import json
import os
import random
import socket
import struct
import sys
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from score_nb.evaluate import frames as _frames
from score_nb.evaluate import wire
from score_nb.evaluate.channel import Arena, Channel, LineClosed
from score_nb.evaluate.wire import CannotCross, Decoder, Encoder, Malformed, dump, guarded, load

assert _frames
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the line is made of memory files")
SIZE = 64 << 20


def no_handles(value: object) -> Any:
    raise CannotCross(f"is a {type(value).__name__}")


@pytest.fixture(scope="module")
def line() -> Iterator[tuple[Channel, Channel]]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    files = [os.memfd_create("arena") for _ in range(2)]
    for fd in files:
        os.ftruncate(fd, SIZE)
    one, two = ([Arena(fd, SIZE, writable=True) for fd in files] for _ in range(2))
    yield Channel(here, one[0], one[1]), Channel(there, two[1], two[0])
    for fd in files:
        os.close(fd)
    here.close()
    there.close()


def crossed(line: tuple[Channel, Channel], value: object) -> Any:
    line[0].send([value], no_handles)
    return line[1].receive(lambda fields: fields)[0]


PLAIN = [
    None, True, 0, -(10**30), 0.1, float("inf"), -0.0, "", "täxt \ud800 \U0001f600", b"", b"\x00\xff",
    bytearray(b"abc"), 1 + 2j, [], [1, "a", None], (1, (2.0, [3])), {1, 2}, frozenset({"a"}),
    {"a": {1: [2]}, (1, 2): None}, Fraction(1, 3), range(1, 9, 2), slice(1, None), ...,
    dt.datetime(2024, 2, 29, 1, 2, 3, 4), dt.date(2024, 2, 29), dt.time(1, 2),
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), dt.timedelta(-1, 5), list(range(5000)), ["x" * 200_000],
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:30].encode("ascii", "replace").decode())
def test_plain_values_arrive_equal_and_exact(line: tuple[Channel, Channel], value: object) -> None:
    got = crossed(line, value)
    assert type(got) is type(value)
    assert got == value


def test_nan_and_signed_zero_survive(line: tuple[Channel, Channel]) -> None:
    got = crossed(line, [float("nan"), -0.0])
    assert got[0] != got[0]
    assert str(got[1]) == "-0.0"


def test_subclasses_of_containers_arrive_as_their_base(line: tuple[Channel, Channel]) -> None:
    values = [collections.OrderedDict(a=1), collections.defaultdict(int, a=1), collections.Counter("a")]
    assert [type(value) for value in crossed(line, values)] == [dict] * 3
    assert crossed(line, {"a": 1}.keys()) == ["a"]


ARRAYS = [
    np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(20)[::3], np.array(5),
    np.zeros((0, 3)), np.zeros((3, 0), order="F"), np.array([True, False]), np.arange(3, dtype=">i4"),
    np.array(["a", "bcd"]), np.array([b"a", b"bcd"]), np.array(["2024-01-01", "NaT"], dtype="M8[ns]"),
    np.array([1, 2], dtype="m8[D]"), np.arange(3, dtype="f2"), np.arange(3, dtype="g"), np.arange(3, dtype="c8"),
    np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    np.zeros(2, dtype=[("a", "f4", (2, 2))]), np.array(["a", None, 1.5], dtype=object), np.ones((700, 700)),
    np.broadcast_to(np.arange(3), (4, 3)),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}"[:40])
def test_arrays_arrive_equal_and_own_their_memory(line: tuple[Channel, Channel], array: Any) -> None:
    got = crossed(line, array)
    assert type(got) is np.ndarray
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    np.testing.assert_array_equal(got, array)
    assert got.flags.writeable
    assert got.flags.f_contiguous or not array.flags.f_contiguous


NUMBERS = [np.float64(0.1), np.float32(2), np.int8(-3), np.bool_(True), np.datetime64("2024", "D"), np.str_("ab")]


@pytest.mark.parametrize("value", NUMBERS)
def test_numpy_scalars_keep_their_type(line: tuple[Channel, Channel], value: Any) -> None:
    got = crossed(line, value)
    assert type(got) is type(value)
    assert got == value


def test_many_large_buffers_share_one_message(line: tuple[Channel, Channel]) -> None:
    values = [np.full(20_000, n, dtype=float) for n in range(20)] + [np.arange(3)] * 5
    for got, value in zip(crossed(line, values), values, strict=True):
        np.testing.assert_array_equal(got, value)


FRAMES = [
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=["r", "s"]),
    pd.DataFrame({"t": pd.to_datetime(["2024-01-01", None], utc=True), "d": pd.to_timedelta([1, 2])}),
    pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "f": pd.array([1.5, None], dtype="Float64")}),
    pd.DataFrame({"b": pd.array([True, None], dtype="boolean"), "s": pd.array(["x", None], dtype="string")}),
    pd.DataFrame({"p": pd.period_range("2024", periods=2, freq="M"), "i": pd.interval_range(0, 2)}),
    pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"]), pd.DataFrame(), pd.DataFrame(index=range(3)),
    pd.DataFrame({("a", 1): [1], ("a", 2): [2]}), pd.Series([1.0, 2.0], name="s", index=pd.RangeIndex(5, 7)),
    pd.DataFrame({"k": pd.Categorical([1, 2], categories=[2, 1], ordered=True)}),
    pd.Series(["a", "b"], index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["n", None])),
    pd.Series(pd.arrays.SparseArray([0, 0, 1])), pd.Series([], dtype=float),
]  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: " ".join(map(str, np.ravel(frame.dtypes)))[:40] or "empty")
def test_frames_arrive_equal(line: tuple[Channel, Channel], frame: Any) -> None:
    got = crossed(line, frame)
    if isinstance(frame, pd.Series):
        pd.testing.assert_series_equal(got, frame)
    else:
        pd.testing.assert_frame_equal(got, frame)


def test_pandas_scalars_and_indexes_arrive_equal(line: tuple[Channel, Channel]) -> None:
    values = [pd.Timestamp("2024-01-01 12:00", tz="Europe/Berlin"), pd.Timedelta("1h"), pd.Timestamp(0)]
    assert crossed(line, values) == values
    assert crossed(line, [pd.NA, pd.NaT]) == [pd.NA, pd.NaT] or crossed(line, pd.NA) is pd.NA
    for index in (pd.Index(["a"], name="n"), pd.date_range("2024", periods=2), pd.RangeIndex(3)):
        pd.testing.assert_index_equal(crossed(line, index), index, exact="equiv")


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
@pytest.mark.parametrize("suffix", ["matrix", "array"])
def test_sparse_matrices_arrive_equal(line: tuple[Channel, Channel], kind: str, suffix: str) -> None:
    matrix = getattr(sp, f"{kind}_{suffix}")(np.array([[0, 1.5, 0], [2, 0, 0]]))
    got = crossed(line, matrix)
    assert type(got) is type(matrix)
    np.testing.assert_array_equal(got.toarray(), matrix.toarray())


def test_annotated_data_arrives_by_its_parts(line: tuple[Channel, Channel]) -> None:
    anndata = pytest.importorskip("anndata")
    obs = pd.DataFrame({"group": pd.Categorical(["a", "b"])}, index=["c1", "c2"])
    adata = anndata.AnnData(sp.csr_matrix(np.eye(2, 3)), obs=obs, uns={"list": [1], "deep": {"a": np.arange(2)}})
    adata.obsm["X_pca"] = np.ones((2, 2))
    adata.layers["raw"] = np.ones((2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for view in (adata, adata[:1]):
            got = crossed(line, view)
            assert type(got) is anndata.AnnData
            np.testing.assert_array_equal(got.X.toarray(), view.X.toarray())
            assert list(got.obs["group"]) == list(view.obs["group"])
            np.testing.assert_array_equal(got.obsm["X_pca"], view.obsm["X_pca"])
            np.testing.assert_array_equal(got.uns["deep"]["a"], np.arange(2))


NO_DATA = [object(), [object()], {"a": len}, np.array([object()]), pd.Series([object()]), np.ma.array([1]), 1 << 20_000]


@pytest.mark.parametrize("value", NO_DATA, ids=range(7))
def test_what_is_no_data_is_refused_without_handles(line: tuple[Channel, Channel], value: object) -> None:
    with pytest.raises(CannotCross):
        crossed(line, value)


def test_depth_nodes_and_size_are_limited(line: tuple[Channel, Channel]) -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    for value, words in (
        (deep, "nested more than 40 deep"),
        ([0] * 2_100_000, "more than 2,000,000 parts"),
        (np.zeros(SIZE // 8 + 1), "too large to be handed over"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "too large"),
    ):
        with pytest.raises(CannotCross, match=words):
            crossed(line, value)


def test_cycle_is_refused(line: tuple[Channel, Channel]) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(CannotCross, match="nested"):
        crossed(line, loop)


def test_trees_are_written_as_json_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = json.JSONEncoder(separators=(",", ":"))
    trees = [Encoder(Bytes(), no_handles).encode(value) for value in PLAIN]
    trees += ["text", 1, None, float("nan"), -float("inf"), [1e300, 5e-324], {"a": [True]}]
    assert [dump(tree) for tree in trees] == [plain.encode(tree).encode() for tree in trees]
    monkeypatch.setattr("json.encoder.c_make_encoder", None)  # as where Python has no encoder in C
    slow = wire._json_writer()
    assert ["".join(slow(tree, 0)).encode() for tree in trees] == [dump(tree) for tree in trees]


class Bytes:
    """A sink and source in one list of bytes."""

    def __init__(self) -> None:
        self.data = bytearray()

    def put(self, data: Any, order: str = "C") -> list[int]:
        raw = bytes(data) if isinstance(data, (bytes, bytearray)) else data.tobytes(order)
        self.data += raw
        return [0, len(self.data) - len(raw), len(raw)]

    def view(self, reference: Any) -> memoryview:
        _, start, size = reference
        if type(start) is not int or type(size) is not int or start < 0 or size < 0 or start + size > len(self.data):
            raise Malformed("outside")
        return memoryview(self.data)[start : start + size]

    def lent(self, reference: Any) -> None:
        return None


MALICIOUS = [
    '["h"]', '["a","O",[1],"C",[0,0,8]]', '["a","<f8",[1152921504606846976,64],"C",[0,0,8]]',
    '["a","<f8",[-1],"C",[0,0,8]]', '["a","<f8",[1],"C",[0,-8,8]]', '["a","<f8",[1],"C",[0,0,9]]',
    '["a",[[["x","<f8",[],9]],8],[1],"C",[0,0,8]]',
    '["n","<f8",""]', '["sp","csr",true,[3,3],[["a","<f8",[1],"C",[0,0,8]]]]', '["r",0,9,0]', '["q",1,0]',
    '["d",[[["l",[]],1]]]',
    '["os.system","x"]', '["m","datetime","never"]', '["kat"]', '{"a":1}', "[[]]", "[null]", '["L",[[1]]]',
    '["px",["zz"]]',
    '["fr",[],["ir",0,10,1,null],["L",[]]]', '["n","<M8[zz]","aaaaaaaa"]', "[" * 90_000 + "]" * 90_000,
    '["b",[0,0,1e309]]', "", " ", "nul", "[]", "[1", "1 2", '["é"]', '["l",[1]]]',
]  # fmt: skip


@pytest.mark.parametrize("text", MALICIOUS, ids=lambda text: text[:30])
def test_malicious_trees_are_refused(text: str) -> None:
    store = Bytes()
    store.put(b"12345678")
    with pytest.raises(Malformed):
        guarded(lambda: Decoder(store, no_handles).decode(load(text.encode())))


def test_ten_thousand_mutations_raise_nothing_but_malformed() -> None:
    rng = random.Random(0)
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    values = [np.arange(4.0), frame, sp.csr_matrix(np.eye(3)), PLAIN[:10], FRAMES[1]]
    seeds = []
    for value in values:
        store = Bytes()
        seeds.append((dump(Encoder(store, no_handles).encode(value)), bytes(store.data)))
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(10_000):
            text, data = rng.choice(seeds)
            mutant, store = bytearray(text), Bytes()
            store.data += data
            for _ in range(rng.randint(1, 3)):
                at = rng.randrange(len(mutant))
                mutant[at : at + rng.randint(0, 2)] = rng.choice(
                    [b"", b"9", b"-", b'"', b"[", b"]", b",", b"1e9", b"a"]
                )
            try:
                guarded(lambda m=bytes(mutant), s=store: Decoder(s, no_handles).decode(load(m)))
            except Malformed:
                refused += 1
    assert refused > 3_000


def test_garbage_packets_are_refused_and_a_closed_line_is_told() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fd = os.memfd_create("arena")
    os.ftruncate(fd, 4096)
    arena = Arena(fd, 4096, writable=True)
    channel = Channel(there, arena, arena)
    heads = [struct.pack("=QBBQQQ", *fields) for fields in (
        (0, 0, 0, 0, 0, 99), (0, 1, 0, 0, 0, 4097), (0, 1, 0, 2**63, 0, 8), (0, 1, 1, 4096, 0, 1), (1, 0, 0, 0, 0, 0),
    )]  # fmt: skip
    packets = (b"x", b"\0" * 34, b"\0" * 8 + b"\1" + b"\xff" * 25, b"\7" * 40, *heads)
    for packet in packets:
        here.send(packet)
        with pytest.raises(Malformed):
            channel.receive(no_handles)
    here.close()
    with pytest.raises(LineClosed):
        channel.receive(no_handles)
    there.close()
    os.close(fd)
