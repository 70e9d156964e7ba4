"""Frozen dataclasses that hold some of their fields together, for values of which there are very many.

An object for each number and a slot for each field that is hardly ever set are most of what a small value takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

Pack = Callable[[tuple[Any, ...]], Any]
Unpack = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that are held together.

    Attributes
    ----------
    names : tuple of str
        In the order of the class.
    pack : callable
        Makes one object of their values.
    unpack : callable
        Returns the values that such an object is made of.
    """

    names: tuple[str, ...]
    pack: Pack
    unpack: Unpack


class _Member:
    """A field of a group."""

    def __init__(self, slot: Any, group: Group, at: int) -> None:
        self._slot, self._group, self._at = slot, group, at
        self._is_last = at == len(group.names) - 1

    def __get__(self, value: Any, owner: object = None) -> Any:
        return self if value is None else self._group.unpack(self._slot.__get__(value))[self._at]

    def __set__(self, value: Any, held: Any) -> None:
        """Take a field from `__init__`, which sets them in their order and once."""
        if self._at == 0:
            self._slot.__set__(value, [])
        known = self._slot.__get__(value)
        known.append(held)
        if self._is_last:
            self._slot.__set__(value, self._group.pack(tuple(known)))


def packed(*groups: Group) -> Callable[[type[Any]], Any]:
    """Return a decorator of a frozen dataclass without slots: it gets them, one for each group and each other field.

    What a group holds is read as `_group_` and its place.
    """

    def decorate(kind: type[Any]) -> type[Any]:
        names = tuple(f.name for f in fields(kind))
        own = tuple(name for name in names if not any(name in group.names for group in groups))
        held = tuple(f"_group_{place}" for place in range(len(groups)))
        body = {name: value for name, value in vars(kind).items() if name not in {*names, "__dict__", "__weakref__"}}
        made: type[Any] = type(kind.__name__, kind.__bases__, {**body, "__slots__": (*own, *held)})
        made.__qualname__ = kind.__qualname__
        for group, name in zip(groups, held, strict=True):
            for at, member in enumerate(group.names):
                setattr(made, member, _Member(vars(made)[name], group, at))
        return made

    return decorate


class Maker:
    """Makes values of a packed class without its `__init__`, which takes each field by itself.

    Built before the class' fields are covered by others.

    Attributes
    ----------
    names : tuple of str
        What a value holds: fields and groups.
    """

    def __init__(self, kind: type[Any], groups: Sequence[Group]) -> None:
        self._kind = kind
        self._own = {name: vars(kind)[name] for name in vars(kind)["__slots__"] if not name.startswith("_group_")}
        self._groups = tuple((vars(kind)[f"_group_{place}"], group) for place, group in enumerate(groups))
        self._slots = (*self._own.values(), *(slot for slot, _ in self._groups))
        self._copiers = tuple((slot.__get__, slot.__set__) for slot in self._slots)
        self.names = tuple(slot.__name__ for slot in self._slots)

    def many(self, columns: Mapping[str, Iterable[Any]], groups: Sequence[Iterable[Any]], count: int) -> list[Any]:
        """Return `count` values from a column for each field, or for each group as it is held."""
        made = [object.__new__(self._kind) for _ in range(count)]
        for slot, column in zip(self._slots, (*map(columns.__getitem__, self._own), *groups), strict=True):
            held = list(column)
            if len(held) != count:
                raise ValueError(f"{slot.__name__} of {len(held)} values, not {count}")
            deque(map(slot.__set__, made, held), maxlen=0)  # nothing but the calls
        return made

    def replaced(self, value: Any, changes: Mapping[str, Any]) -> Any:
        """Return a copy with some fields changed."""
        twin = object.__new__(self._kind)
        for get_value, set_value in self._copiers:
            set_value(twin, get_value(value))
        left = dict(changes)
        for name in left.keys() & self._own.keys():
            self._own[name].__set__(twin, left.pop(name))
        for slot, group in self._groups:
            if left.keys() & set(group.names):
                known = zip(group.names, group.unpack(slot.__get__(value)), strict=True)
                slot.__set__(twin, group.pack(tuple(left.pop(name, held) for name, held in known)))
        if left:
            raise TypeError(f"{self._kind.__name__} has no field {', '.join(left)}")
        return twin
