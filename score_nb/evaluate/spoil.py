"""Outputs spoilt on purpose: what a metric gives them tells whether it can be fooled."""

from __future__ import annotations

import warnings
from typing import Any

from score_nb.evaluate.look import ARRAYS, class_of, look
from score_nb.evaluate.proxy import Asked, Caller


class Spoiler:
    """Spoils data outputs and, as a watcher of calls, what the candidate's functions return.

    Parameters
    ----------
    way : {"constant", "shuffled"}
        All elements made the mean or the most common value, or the rows permuted.

    Attributes
    ----------
    count : int
        How many arrays were spoilt.
    """

    def __init__(self, way: str) -> None:
        import numpy as np

        self.count = 0
        self._is_constant = way == "constant"
        self._random = np.random.default_rng(0)

    def keeps(self, asked: Asked) -> int:
        """Return 0: nothing is asked again."""
        return 0

    def answered(self, caller: Caller, asked: Asked, value: Any, seconds: float) -> Any:
        """Return a spoilt answer."""
        return self.spoilt(value)

    def spoilt(self, value: Any) -> Any:
        """Return a new value with all arrays in it spoilt; what holds none comes back as it is."""
        kind = look(value)["kind"]
        if kind == "mapping":
            return self._mapping(value)
        if type(value) in (list, tuple) and any(class_of(type(part)) is None for part in value):
            return self._nested(value)
        if (kind in ARRAYS or kind == "anndata") and _length(value) > 1:
            self.count += 1
            return _constant(value) if self._is_constant else _rows(value, self._random.permutation(_length(value)))
        return value

    def _mapping(self, values: dict[Any, Any]) -> dict[Any, Any]:
        if len(values) > 1 and all(class_of(type(value)) is not None for value in values.values()):
            return dict(zip(values, self.spoilt(list(values.values())), strict=True))
        return {name: self.spoilt(value) for name, value in values.items()}

    def _nested(self, values: Any) -> Any:
        parts = [self.spoilt(part) for part in values]
        return parts if type(values) is list else tuple(parts)


def _length(value: Any) -> int:
    return int(value.shape[0]) if hasattr(value, "shape") else len(value)


def _rows(value: Any, places: Any) -> Any:
    """Return the rows of a value at `places`; labels stay where they are."""
    if isinstance(value, (list, tuple, range)):
        return type(value)(value[at] for at in places) if not isinstance(value, range) else [value[at] for at in places]
    if hasattr(value, "obs_names"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names that repeat get their own back
            moved = value[places].copy()
        moved.obs_names = value.obs_names
        return moved
    if hasattr(value, "iloc"):
        return value.iloc[places].set_axis(value.index)
    if hasattr(value, "nnz"):
        return value.tocsr()[places].asformat(value.format)
    return value.take(places, axis=0) if hasattr(value, "strides") else value.take(places)


def _constant(value: Any) -> Any:
    """Return a value whose rows are all alike: mean of each column of real numbers, else the most common value.

    Sparse matrices, AnnData and frames with other columns repeat one of their rows.
    """
    import numpy as np

    if type(value) is np.ndarray:
        return _constant_array(value)
    if isinstance(value, (list, tuple, range)):
        found = _constant_array(np.asarray(value)).tolist()
        return tuple(found) if type(value) is tuple else found
    kinds = [] if not hasattr(value, "iloc") else [value.dtype] if value.ndim == 1 else list(value.dtypes)
    if kinds and all(getattr(kind, "kind", "O") == "f" for kind in kinds):
        return value * 0 + value.mean()
    place = _most_common(value.to_numpy()) if hasattr(value, "iloc") and value.ndim == 1 else 0
    return _rows(value, np.full(_length(value), place))


def _constant_array(array: Any) -> Any:
    import numpy as np

    if array.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            return np.broadcast_to(array.mean(axis=0, keepdims=True), array.shape).astype(array.dtype)
    if array.ndim == 1:
        return array[np.zeros(len(array), dtype=int) + _most_common(array)]
    return array[np.zeros(len(array), dtype=int)]


def _most_common(array: Any) -> int:
    """Return where the most common value stands."""
    counts: dict[Any, int] = {}
    values = array.tolist()
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return int(values.index(max(counts, key=lambda value: counts[value])))
