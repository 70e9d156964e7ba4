"""What outputs look like: described on the seed, and held against what every candidate hands over.

A description is JSON-ready: `kind` of container, `of` what (class of dtype), `dims`, `length` of the first axis and the
`rule` that it follows ("fixed", "free", or the arguments of the call that are as long), whether the values are `varied`
and whether some are `missing`, `parts` of small containers.
It is against tricks of broadcasting and of types, not a schema: what a metric can honestly take passes.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from score_nb.evaluate.look import ARRAYS, MIN_VARIED, SCALARS, join, words

Description = Mapping[str, Any]
Rule = str | list[str]
Arguments = Mapping[str, int]  # lengths of a call's arguments by position or name

NO_ARGUMENTS: Arguments = {}

OPEN = frozenset(("any", "none", "other", "object", "function"))  # kinds that promise nothing

_COUNTS = {0: "is a single value", 1: "has one dimension", 2: "has two dimensions"}
_HOLDS = {
    "integer": "holds integers", "real": "holds numbers", "complex": "holds complex numbers", "text": "holds text",
    "datetime": "holds dates or times", "records": "holds records", "mixed": "holds objects",
}  # fmt: skip
# Integers may be labels, which text can be too.
_TAKES: Mapping[str, Container[str]] = {
    "integer": ("integer", "real", "text"), "real": ("integer", "real"), "complex": ("integer", "real", "complex"),
    "text": ("text", "integer", "real"), "datetime": ("datetime",), "records": ("records",),
}  # fmt: skip


def with_rule(look: Mapping[str, Any], rule: Callable[[int], Rule]) -> dict[str, Any]:
    """Return a description whose lengths follow what `rule` says of them."""
    found = dict(look)
    if "length" in look:
        found["rule"] = rule(look["length"])
    parts = look.get("parts")
    if isinstance(parts, dict):
        found["parts"] = {name: with_rule(part, rule) for name, part in parts.items()}
    elif parts:
        found["parts"] = [with_rule(part, rule) for part in parts]
    return found


def merge(first: Description, second: Description) -> dict[str, Any]:
    """Return a description that fits both; of results of the same function."""
    if first == second:
        return dict(first)
    if _family(first["kind"]) != _family(second["kind"]):
        return {"kind": "any"}
    found: dict[str, Any] = {"kind": first["kind"]}
    if "of" in first and "of" in second:
        found["of"] = join((first["of"], second["of"]))
    if first.get("dims") == second.get("dims") and "dims" in first:
        found["dims"] = first["dims"]
    if "length" in first and "length" in second:
        found["length"] = min(first["length"], second["length"])
        found["rule"] = _merged_rule(first.get("rule", "free"), second.get("rule", "free"))
    for sign in ("varied", "missing"):
        if sign in first or sign in second:
            found[sign] = bool(first.get(sign)) or bool(second.get(sign))
    return found


def _merged_rule(first: Rule, second: Rule) -> Rule:
    if isinstance(first, list) and isinstance(second, list):
        return [argument for argument in first if argument in second] or "free"
    return first if first == second else "free"


def breach(expected: Description, look: Description, value: object, arguments: Arguments = NO_ARGUMENTS) -> str:
    """Return how `value` breaks the description of the seed's, as "an array of ..., the seed's ..."; "" if it does not.

    `arguments` are those of the call whose result it is.
    """
    kind, found = expected["kind"], look["kind"]
    if kind in OPEN:
        return ""
    if found in ("object", "function", "none") or not _is_taken(kind, found):
        return f"{words(value, look)}, the seed's {_is(expected)}"
    return (
        _breach_of_shape(expected, look, value)
        or _breach_of_class(expected, look, value)
        or _breach_of_length(expected, look, value, arguments)
        or _breach_in_parts(expected, look, value, arguments)
    )


def _is_taken(kind: str, found: str) -> bool:
    """Whether a metric for one kind of container may take another."""
    if _family(kind) == _family(found) or {_family(kind), _family(found)} == {"array", "scalar"}:
        return True  # dimensions tell
    if kind == "mapping":
        return found in ("series", "frame", "anndata")
    if found == "mapping":
        return kind in ("series", "frame")
    return {kind, found} <= {"set", *ARRAYS}


def _family(kind: str) -> str:
    if kind in ARRAYS:
        return "array"
    return "scalar" if kind in SCALARS else kind


def _breach_of_shape(expected: Description, look: Description, value: object) -> str:
    dims, found = expected.get("dims"), look.get("dims")
    if dims is None or found is None or dims == found:
        return ""
    return f"{words(value, look)}, the seed's {_COUNTS.get(dims, f'has {dims} dimensions')}"


def _breach_of_class(expected: Description, look: Description, value: object) -> str:
    kind, found = expected.get("of", "mixed"), look.get("of", "none")
    if found != "none" and kind in _TAKES and found not in _TAKES[kind]:
        return f"{words(value, look)} that {_HOLDS[found]}, the seed's {_HOLDS[kind]}"
    if kind == "integer" and found == "text" and expected.get("dims") == 0:
        return f"text, the seed's {_is(expected)}"
    if found == "none" and look.get("length") and kind in _TAKES:
        return f"{words(value, look)} without a value, the seed's {_HOLDS[kind]}"
    is_row_of_numbers = expected.get("dims") == 1 and kind in ("integer", "real", "complex")
    if is_row_of_numbers and look.get("missing") and expected.get("missing") is False:
        return f"{words(value, look)} with missing values (NaN), the seed's has none"
    return ""


def _breach_of_length(expected: Description, look: Description, value: object, arguments: Arguments) -> str:
    length, found, rule = expected.get("length"), look.get("length"), expected.get("rule", "free")
    if length is None or found is None:
        return ""
    wanted = lengths_wanted(rule, arguments)
    if wanted and found not in wanted:
        return f"{words(value, look)} for {wanted[0]:,} rows, the seed's is as long as its argument"
    if rule == "fixed" and found != length:
        return f"{words(value, look)}, the seed's has the length {length:,}"
    if found == 0 and length and 0 not in wanted:
        return f"{words(value, look)}, which is empty, the seed's is not"
    return ""


def lengths_wanted(rule: Rule, arguments: Arguments) -> list[int]:
    """Return the lengths that a result may have; none where its arguments do not tell."""
    return [arguments[name] for name in rule if name in arguments] if isinstance(rule, list) else []


def _breach_in_parts(expected: Description, look: Description, value: Any, arguments: Arguments) -> str:
    for name, part, found in _pairs(expected.get("parts"), look.get("parts")):
        if found["kind"] in ("object", "function"):
            continue
        said = breach(part, found, value[name], arguments)
        if said:
            return f"{words(value, look)} in which [{name!r}] is {said}"
    return ""


def _pairs(expected: Any, found: Any) -> Iterator[tuple[Any, Description, Description]]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        yield from ((name, expected[name], found[name]) for name in expected if name in found)
    elif isinstance(expected, list) and isinstance(found, list):
        yield from ((at, *pair) for at, pair in enumerate(zip(expected, found, strict=False)))


def _is(expected: Description) -> str:
    kind, dims = expected["kind"], expected.get("dims")
    if kind in ARRAYS or dims == 0:
        count = _COUNTS.get(dims, "is an array") if isinstance(dims, int) else "is an array"
        holds = _HOLDS.get(expected.get("of", ""), "")
        return f"{count} and {holds}" if dims and holds else count
    return {"mapping": "is a mapping", "set": "is a set", "anndata": "is an AnnData"}.get(kind, f"is a {kind}")


# --- constant outputs ----------------------------------------------------------------------------------------------


def constant_places(
    expected: Description, look: Description, place: str, arguments: Arguments = NO_ARGUMENTS
) -> list[str]:
    """Return where a value is the same all over while the seed's varies, as texts that begin with `place`."""
    if expected.get("varied") and _is_constant(expected, look, arguments):
        return [place]
    pairs = _pairs(expected.get("parts"), look.get("parts"))
    return [
        found for name, part, seen in pairs for found in constant_places(part, seen, f"{place}[{name!r}]", arguments)
    ]


def _is_constant(expected: Description, look: Description, arguments: Arguments) -> bool:
    if look.get("varied") is not None:
        return look["varied"] is False
    # One value where many are wanted: numpy takes it for all rows.
    return look.get("length") == 1 and expected.get("length", 0) >= MIN_VARIED and 1 not in arguments.values()


def is_varied(expected: Description) -> bool:
    """Whether a description, or a part of it, says that the seed's values vary."""
    parts = expected.get("parts") or ()
    return bool(expected.get("varied")) or any(map(is_varied, parts.values() if isinstance(parts, dict) else parts))


# --- which lengths are no accident -------------------------------------------------------------------------------


def held_lengths(metric: object, namespace: Mapping[str, object]) -> frozenset[int]:
    """Return the lengths of the data that `metric`, and what it calls, reads by name: an output of one of them is
    compared with that data row by row."""
    found: set[int] = set()
    seen: set[str] = set()
    todo = [metric]
    while todo:
        code = getattr(todo.pop(), "__code__", None)
        for name in _names(code) if isinstance(code, types.CodeType) else ():
            if name in seen or name not in namespace:
                continue
            seen.add(name)
            value = namespace[name]
            if isinstance(value, types.FunctionType):
                todo.append(value)
            else:
                found.update(_lengths(value))
    return frozenset(found)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _lengths(value: object) -> Iterator[int]:
    """Yield the lengths of a value and, for a small mapping or sequence, of what it holds."""
    values = [value]
    if isinstance(value, (dict, list, tuple)) and len(value) <= 100:
        values += value.values() if isinstance(value, dict) else value
    for one in values:
        if not isinstance(one, (str, bytes, type, types.ModuleType)):
            length = length_of(one)
            if length is not None:
                yield length


def length_of(value: object) -> int | None:
    """Return the length of the first axis; None for what has none."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return shape[0] if shape and isinstance(shape[0], int) else None
    if isinstance(value, (str, bytes)) or not hasattr(type(value), "__len__"):
        return None
    try:
        return len(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  a class of the notebook may raise anything
        return None
