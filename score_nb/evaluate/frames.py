"""The codec's pandas, scipy.sparse and AnnData parts: each is taken apart into arrays and built anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from score_nb.evaluate.wire import (
    MAX_NODES,
    CannotCross,
    Decoder,
    Encoder,
    Malformed,
    Tree,
    decoder_of,
    encoder_of,
    object_items,
)

# --- pandas: columns ---------------------------------------------------------------------------------------------


def _column(encoder: Encoder, values: Any) -> Tree:
    """Return the tree of a pandas array (of a column or an index)."""
    import numpy as np

    writer = _COLUMN_WRITERS.get(type(values.dtype).__name__)
    if writer is not None:
        return writer(encoder, values)
    if hasattr(values, "_mask") and values.dtype.kind in "biuf":
        return _write_nullable(encoder, values)
    # A column of plain numbers bears NumPy's dtype, or pandas' wrapping of it.
    if not isinstance(getattr(values.dtype, "numpy_dtype", values.dtype), np.dtype):
        raise CannotCross(f"has a column of dtype {values.dtype}, which is no plain data")
    return ["npy", encoder.encode(np.asarray(values))]


def _ticks(encoder: Encoder, values: Any) -> Tree:
    import numpy as np

    return encoder.encode(np.asarray(values.asi8))


def _write_categorical(encoder: Encoder, values: Any) -> Tree:
    import numpy as np
    import pandas as pd

    categories = encoder.encode(pd.Index(values.dtype.categories))
    return ["kat", encoder.encode(np.asarray(values.codes)), categories, bool(values.dtype.ordered)]


def _write_strings(encoder: Encoder, values: Any) -> Tree:
    import pandas as pd

    na_is_nan = getattr(values.dtype, "na_value", pd.NA) is not pd.NA
    cells = [cell if isinstance(cell, str) else None for cell in values.tolist()]
    return ["str", object_items(encoder, cells), na_is_nan]


def _write_sparse(encoder: Encoder, values: Any) -> Tree:
    import numpy as np

    return ["spc", encoder.encode(np.asarray(values.to_dense())), encoder.encode(values.dtype.fill_value)]


def _write_interval(encoder: Encoder, values: Any) -> Tree:
    return ["ivl", _column(encoder, values.left.array), _column(encoder, values.right.array), values.closed]


def _write_nullable(encoder: Encoder, values: Any) -> Tree:
    import numpy as np

    plain = values.dtype.numpy_dtype
    mask = np.asarray(values.isna())
    cells = values.to_numpy(plain, na_value=plain.type(0))
    return ["nul", encoder.encode(cells), encoder.encode(mask), values.dtype.name]


_COLUMN_WRITERS: dict[str, Callable[[Encoder, Any], Tree]] = {
    "CategoricalDtype": _write_categorical,
    "DatetimeTZDtype": lambda e, v: ["tz", _ticks(e, v), v.dtype.unit, str(v.dtype.tz)],
    # The dtype's name holds the period's own alias ("Q-DEC"); its offset spells it otherwise ("QE-DEC").
    "PeriodDtype": lambda e, v: ["per", _ticks(e, v), v.dtype.name.removeprefix("period[").removesuffix("]")],
    "StringDtype": _write_strings,
    "SparseDtype": _write_sparse,
    "IntervalDtype": _write_interval,
}


def _read_column(decoder: Decoder, tree: Tree) -> Any:
    """Return the pandas array (or numpy array) of a tree."""
    kind, *parts = tree
    return _COLUMN_READERS[kind](decoder, *parts)


def _read_categorical(decoder: Decoder, codes: Tree, categories: Tree, ordered: Tree) -> Any:
    import pandas as pd

    return pd.Categorical.from_codes(decoder.array(codes), _index(decoder, categories), ordered=ordered is True)


def _read_zoned(decoder: Decoder, ticks: Tree, unit: Tree, zone: Tree) -> Any:
    import pandas as pd

    if unit not in ("s", "ms", "us", "ns"):
        raise Malformed("no unit of time")
    moments = decoder.array(ticks).view(f"M8[{unit}]")
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone).array


def _read_strings(decoder: Decoder, cells: Tree, na_is_nan: Tree) -> Any:
    import numpy as np
    import pandas as pd

    found = decoder.decode(cells)
    if type(found) is not list:  # a range would be as long as it says
        raise Malformed("a list was expected")
    values = [pd.NA if cell is None else cell for cell in found]
    if not na_is_nan:
        return pd.array(values, dtype="string")
    return pd.array(values, dtype=pd.StringDtype("python", na_value=np.nan))


def _read_period(decoder: Decoder, ordinals: Tree, freq: Tree) -> Any:
    import pandas as pd

    return pd.PeriodIndex.from_ordinals(decoder.array(ordinals), freq=freq).array


def _read_sparse(decoder: Decoder, dense: Tree, fill: Tree) -> Any:
    import pandas as pd

    return pd.arrays.SparseArray(decoder.array(dense), fill_value=decoder.decode(fill))


def _read_interval(decoder: Decoder, left: Tree, right: Tree, closed: Tree) -> Any:
    import pandas as pd

    return pd.arrays.IntervalArray.from_arrays(_read_column(decoder, left), _read_column(decoder, right), closed)


def _read_nullable(decoder: Decoder, values: Tree, mask: Tree, name: Tree) -> Any:
    import pandas as pd

    kinds = {"boolean": pd.arrays.BooleanArray, "Float32": pd.arrays.FloatingArray, "Float64": pd.arrays.FloatingArray}
    return kinds.get(name, pd.arrays.IntegerArray)(decoder.array(values), decoder.array(mask))


_COLUMN_READERS: dict[str, Callable[..., Any]] = {
    "npy": Decoder.array,
    "kat": _read_categorical,
    "tz": _read_zoned,
    "per": _read_period,
    "str": _read_strings,
    "spc": _read_sparse,
    "ivl": _read_interval,
    "nul": _read_nullable,
}


# --- pandas: index, series, frame --------------------------------------------------------------------------------


def _encode_index(encoder: Encoder, index: Any) -> Tree:
    return ["ix", _column(encoder, index.array), encoder.encode(index.name)]


def _encode_range(encoder: Encoder, index: Any) -> Tree:
    return ["ir", index.start, index.stop, index.step, encoder.encode(index.name)]


def _encode_multi(encoder: Encoder, index: Any) -> Tree:
    import numpy as np

    codes = [encoder.encode(np.asarray(code)) for code in index.codes]
    return ["im", encoder.items(index.levels), codes, encoder.items(index.names)]


def _index(decoder: Decoder, tree: Tree) -> Any:
    import pandas as pd

    value = decoder.decode(tree)
    if not isinstance(value, pd.Index):
        raise Malformed("an index was expected")
    return value


def _decode_index(decoder: Decoder, column: Tree, name: Tree) -> Any:
    import pandas as pd

    values = _read_column(decoder, column)
    # Without its dtype pandas would guess another one for strings in an object array.
    return pd.Index(values, dtype=values.dtype, name=decoder.decode(name))


def _decode_range(decoder: Decoder, start: Tree, stop: Tree, step: Tree, name: Tree) -> Any:
    import pandas as pd

    return pd.RangeIndex(start, stop, step, name=decoder.decode(name))


def _decode_multi(decoder: Decoder, levels: Tree, codes: Tree, names: Tree) -> Any:
    import pandas as pd

    arrays = [decoder.array(code) for code in codes]
    return pd.MultiIndex(levels=decoder.items(levels), codes=arrays, names=decoder.items(names))


def _encode_series(encoder: Encoder, series: Any) -> Tree:
    return ["sr", _column(encoder, series.array), encoder.encode(series.index), encoder.encode(series.name)]


def _decode_series(decoder: Decoder, column: Tree, index: Tree, name: Tree) -> Any:
    import pandas as pd

    values, rows = _read_column(decoder, column), _index(decoder, index)
    if len(values) != len(rows):  # pandas would repeat a single value for each of a billion rows
        raise Malformed("an index of another length")
    return pd.Series(values, index=rows, name=decoder.decode(name), dtype=values.dtype)


def _encode_frame(encoder: Encoder, frame: Any) -> Tree:
    columns = [_column(encoder, frame.iloc[:, at].array) for at in range(frame.shape[1])]
    return ["fr", columns, encoder.encode(frame.index), encoder.encode(frame.columns)]


def _decode_frame(decoder: Decoder, columns: Tree, index: Tree, names: Tree) -> Any:
    import pandas as pd

    rows, labels = _index(decoder, index), _index(decoder, names)
    arrays = [_read_column(decoder, column) for column in columns]
    if any(len(array) != len(rows) for array in arrays) or len(arrays) != len(labels):
        raise Malformed("columns of unequal length")
    series = {at: pd.Series(array, index=rows, dtype=array.dtype) for at, array in enumerate(arrays)}
    frame = pd.DataFrame(series, index=rows)
    frame.columns = labels
    return frame


def _encode_timestamp(encoder: Encoder, moment: Any) -> Tree:
    zone = None if moment.tz is None else str(moment.tz)
    return ["ts", moment.asm8.view("i8").item(), moment.unit, zone]


def _decode_timestamp(decoder: Decoder, ticks: Tree, unit: Tree, zone: Tree) -> Any:
    import numpy as np
    import pandas as pd

    moment = pd.Timestamp(np.datetime64(ticks, unit))
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)


def _decode_na(decoder: Decoder) -> Any:
    import pandas as pd

    return pd.NA


def _decode_nat(decoder: Decoder) -> Any:
    import pandas as pd

    return pd.NaT


def _encode_timedelta(encoder: Encoder, span: Any) -> Tree:
    return ["td", span.asm8.view("i8").item(), span.unit]


def _decode_timedelta(decoder: Decoder, ticks: Tree, unit: Tree) -> Any:
    import numpy as np
    import pandas as pd

    return pd.Timedelta(np.timedelta64(ticks, unit))


# --- scipy.sparse ------------------------------------------------------------------------------------------------

_SPARSE = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")


def _encode_sparse(encoder: Encoder, matrix: Any) -> Tree:
    """Return a sparse matrix or array; the rare formats travel as COO and are turned back."""
    is_matrix = type(matrix).__name__.endswith("_matrix")
    if matrix.format in ("csr", "csc", "bsr"):
        parts = [matrix.data, matrix.indices, matrix.indptr]
    elif matrix.format == "dia":
        parts = [matrix.data, matrix.offsets]
    elif matrix.format == "lil" and matrix.shape[0] > MAX_NODES:
        raise CannotCross(f"is a sparse matrix of lists with more than {MAX_NODES:,} rows: use .tocsr() in the cell")
    else:
        if len(matrix.shape) != 2:
            raise CannotCross("is a sparse array that is not two-dimensional")
        coo = matrix.tocoo()
        parts = [coo.data, coo.row, coo.col]
    return ["sp", matrix.format, is_matrix, list(matrix.shape), [encoder.encode(part) for part in parts]]


def _decode_sparse(decoder: Decoder, kind: Tree, is_matrix: Tree, shape: Tree, parts: Tree) -> Any:
    import scipy.sparse as sp

    if kind not in _SPARSE or len(shape) != 2 or any(type(n) is not int or n < 0 for n in shape):
        raise Malformed("no sparse matrix")
    data, *places = (decoder.array(part) for part in parts)
    suffix = "matrix" if is_matrix else "array"
    if kind == "dia":
        if any(abs(at) > max(shape) for offsets in places for at in offsets.tolist()):
            raise Malformed("a diagonal outside the matrix")
        return getattr(sp, f"dia_{suffix}")((data, *places), shape=tuple(shape))
    first, second = places
    if kind in ("csr", "csc", "bsr"):
        matrix = getattr(sp, f"{kind}_{suffix}")((data, first, second), shape=tuple(shape))
        # Indices out of range would make scipy's C code read and write outside its arrays.
        matrix.check_format(full_check=True)
        return matrix
    if kind == "lil":
        decoder.count(shape[0])  # it holds two lists for each row, empty ones too
    return getattr(sp, f"coo_{suffix}")((data, (first, second)), shape=tuple(shape)).asformat(kind)


# --- AnnData -----------------------------------------------------------------------------------------------------

_WHOLE = ("X", "obs", "var")
_ALIGNED = ("layers", "obsm", "varm", "obsp", "varp")


def _encode_anndata(encoder: Encoder, adata: Any) -> Tree:
    if adata.isbacked:
        raise CannotCross("is an AnnData backed by a file: call .to_memory() in the cell")
    if adata.is_view:  # its parts are views too, of classes of their own
        adata = adata.copy()
    parts = {name: encoder.encode(dict(getattr(adata, name))) for name in _ALIGNED}
    parts |= {name: encoder.encode(getattr(adata, name)) for name in _WHOLE}
    parts["uns"] = encoder.encode(dict(adata.uns))
    return ["ad", parts]


def _decode_anndata(decoder: Decoder, parts: Tree) -> Any:
    import anndata
    import pandas as pd

    found = {name: decoder.decode(parts[name]) for name in (*_WHOLE, *_ALIGNED, "uns")}
    for name in ("obs", "var"):
        if type(found[name]) is not pd.DataFrame:
            raise Malformed("a frame was expected")
        decoder.count(len(found[name]))  # each row gets a name of its own
    return anndata.AnnData(**found)


def _encode_mapping(encoder: Encoder, mapping: Any) -> Tree:
    return encoder.encode(dict(mapping))


encoder_of(
    {f"pandas.core.indexes.{where}": _encode_index for where in (
        "base.Index", "category.CategoricalIndex", "datetimes.DatetimeIndex", "timedeltas.TimedeltaIndex",
        "period.PeriodIndex", "interval.IntervalIndex",
    )}
    | {
        "pandas.core.indexes.range.RangeIndex": _encode_range,
        "pandas.core.indexes.multi.MultiIndex": _encode_multi,
        "pandas.core.series.Series": _encode_series,
        "pandas.core.frame.DataFrame": _encode_frame,
        "pandas._libs.tslibs.timestamps.Timestamp": _encode_timestamp,
        "pandas._libs.tslibs.timedeltas.Timedelta": _encode_timedelta,
        "pandas._libs.missing.NAType": lambda e, v: ["na"],
        "pandas._libs.tslibs.nattype.NaTType": lambda e, v: ["nat"],
        "pandas.core.arrays.categorical.Categorical": lambda e, v: ["px", _column(e, v)],
        "pandas.core.arrays.integer.IntegerArray": lambda e, v: ["px", _column(e, v)],
        "pandas.core.arrays.floating.FloatingArray": lambda e, v: ["px", _column(e, v)],
        "pandas.core.arrays.boolean.BooleanArray": lambda e, v: ["px", _column(e, v)],
        "pandas.core.arrays.string_.StringArray": lambda e, v: ["px", _column(e, v)],
        "anndata._core.anndata.AnnData": _encode_anndata,
        "anndata.compat._overloaded_dict.OverloadedDict": _encode_mapping,
    }
    | {f"scipy.sparse._{kind}.{kind}_{suffix}": _encode_sparse for kind in _SPARSE for suffix in ("matrix", "array")}
)  # fmt: skip
decoder_of({
    "ix": _decode_index, "ir": _decode_range, "im": _decode_multi, "sr": _decode_series, "fr": _decode_frame,
    "ts": _decode_timestamp, "td": _decode_timedelta, "na": _decode_na, "nat": _decode_nat,
    "px": _read_column,
    "sp": _decode_sparse, "ad": _decode_anndata,
})  # fmt: skip
