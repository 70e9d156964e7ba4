"""From a live notebook to a task: which function is the metric, and on which side each name stands."""

from __future__ import annotations

import builtins
import inspect
import time
import types
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from score_nb.cell.names import Names, names_of
from score_nb.cell.task import Sides, divide
from score_nb.config import Options
from score_nb.errors import BadMetric, BadOption, BadSeed, did_you_mean
from score_nb.notebook.dataview import data_view
from score_nb.notebook.fingerprint import combined, fingerprints
from score_nb.notebook.history import is_internal
from score_nb.notebook.metric import Metric, bounds_of, find_function, parameters_of, some_of, source_text
from score_nb.notebook.place import named_files
from score_nb.notebook.reach import Namespace, reach
from score_nb.types import Task

_CODE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What was found out about a seed, its metric and the notebook around them.

    Attributes
    ----------
    task : Task
        The same as text.
    inputs, scorer : mapping
        The live values on each side, the metric functions among `scorer`.
    read_paths : tuple of str
        Files and folders that seed and functions name.
    digests : mapping
        Digest of each value on either side.
    holdout : str or None
        Name of the hold-out metric in `scorer`.
    holdout_source : str
        Its source.
    notes : tuple of str
        What the user should know, one sentence each.
    """

    task: Task
    inputs: Mapping[str, Any]
    scorer: Mapping[str, Any]
    read_paths: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    holdout: str | None = None
    holdout_source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Digest of all data on both sides."""
        return combined(self.digests)

    def changed_inputs(self, namespace: Namespace, within_s: float = 1.0) -> list[str]:
        """Return the inputs that are not what they were; looks at no further one once `within_s` are over."""
        began = time.monotonic()
        changed = []
        for name, value in self.inputs.items():
            if time.monotonic() - began > within_s:
                break
            if fingerprints({name: value}, namespace)[name] != self.digests[name]:
                changed.append(name)
        return changed


def study(
    seed: str,
    metric: Metric,
    metric_name: str,
    namespace: Namespace,
    *,
    options: Options,
    made_here: Set[str] = frozenset(),
    goal: str = "",
    folder: Path | None = None,
    values: Namespace | None = None,
) -> Study:
    """Return the task of improving `seed` under `metric`, with the live values behind it.

    Parameters
    ----------
    namespace
        The notebook's names (the dictionary itself: its functions are told by it).
    made_here
        Names that only the seed cell made, in an earlier run of itself: the notebook did not have them before.
    goal
        The nearest Markdown, used where `options.goal` is None.
    values
        The values to take where they should not be those of `namespace`.

    Raises
    ------
    BadSeed, BadMetric, BadOption
        Each says in one line what does not fit and what mends it.
    """
    cell = seed_names(seed)
    holdout = find_function(options.holdout, namespace, "hold-out") if options.holdout else None
    values = namespace if values is None else values
    had_before = frozenset(name for name in values if not is_internal(name)) - made_here
    _check_known("--share", options.share, had_before)
    _check_known("--hide", options.hide, had_before | {metric_name})

    parameters = parameters_of(metric, metric_name)
    metrics = {metric_name: metric} | ({options.holdout: holdout} if options.holdout else {})
    looked_at = {**values, **metrics}
    made = cell.binds - had_before
    metric_side = reach(metrics, looked_at, stop=made | set(parameters))
    outside = _outside(cell.reads, values)
    seed_side = reach(outside, looked_at, stop=made)
    sides = divide(
        parameters=parameters,
        metric_reads=metric_side.names - metrics.keys(),
        seed_reads=_outside(seed_side.names, values),
        seed_binds=cell.binds,
        had_before=had_before,
        data=frozenset(name for name in had_before if not isinstance(values[name], _CODE)),
        share=options.share,
        hide=options.hide,
    )
    _check_sides(sides, cell, metric_name, options, outside)
    if holdout is not None:
        _check_holdout(holdout, options.holdout or "", sides.outputs)

    inputs = {name: looked_at[name] for name in sides.inputs}
    scorer = {name: looked_at[name] for name in sides.scorer} | metrics
    where = folder or Path.cwd()
    doc = inspect.getdoc(metric) or ""
    hidden = metric_name in options.hide
    task = Task(
        seed=seed,
        metric=metric_name,
        metric_source="" if hidden else source_text(metric),
        metric_doc=doc,
        parameters=parameters,
        outputs=sides.outputs,
        inputs=sides.inputs,
        scorer=tuple(sorted(scorer)),
        leaks=sides.leaks,
        goal=options.goal or "\n\n".join(text for text in (goal, doc) if text),
        data_view=data_view(inputs, options.rows),
        bounds=bounds_of(metric, metric_name),
    )
    return Study(
        task=task,
        inputs=inputs,
        scorer=scorer,
        read_paths=tuple(named_files(seed, seed_side.functions, inputs.values(), where)),
        digests=fingerprints({**scorer, **inputs}, namespace),
        holdout=options.holdout,
        holdout_source=source_text(holdout) if holdout is not None else "",
        notes=tuple(_notes(sides, outside, metrics)),
    )


def seed_names(seed: str) -> Names:
    """Return what the seed reads and binds.

    Raises
    ------
    BadSeed
        The seed is empty, or not plain Python.
    """
    if not seed.strip():
        raise BadSeed("the cell is empty: put the code that should become better below the %%score line")
    try:
        return names_of(seed)
    except SyntaxError as error:
        if _is_plain(seed, error):
            raise BadSeed(f"the cell is no valid Python: {error.msg} (line {error.lineno})") from None
        raise BadSeed(
            f"line {error.lineno} of the cell is no plain Python ({(error.text or '').strip()[:60]}): candidates run "
            "without IPython, so move magics, shell commands and top-level await to a cell of their own"
        ) from None


def _outside(names: Iterable[str], namespace: Namespace) -> frozenset[str]:
    """Return the names without those that mean nothing but Python's own builtins."""
    own = vars(builtins)
    return frozenset(n for n in names if n not in own or (n in namespace and not _is_builtin(namespace[n], own[n])))


def _is_builtin(value: object, builtin: object) -> bool:
    return value is builtin or isinstance(value, types.BuiltinFunctionType)  # IPython puts `open` into the namespace


def _is_plain(seed: str, error: SyntaxError) -> bool:
    """Return whether the error is one of Python, not a line of IPython's own syntax."""
    if "await" in error.msg or "async" in error.msg:
        return False
    lines = seed.splitlines()
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    return not (line.startswith(("%", "!", "?")) or line.endswith("?") or "= !" in line or "= %" in line)


def _check_known(option: str, names: Iterable[str], known: Set[str]) -> None:
    for name in names:
        if name not in known:
            raise BadOption(f"{option} {name}: the notebook has no such name.{did_you_mean(name, sorted(known))}")


def _check_sides(sides: Sides, cell: Names, metric: str, options: Options, read: Set[str]) -> None:
    if metric in cell.binds:
        raise BadSeed(
            f"the cell defines {metric} itself, so candidates could change it: put the metric into another cell"
        )
    if sides.missing and not cell.stars:
        near = did_you_mean(sides.missing[0], sorted(cell.binds))
        defined = some_of(sorted(cell.binds)) or "nothing"
        raise BadSeed(
            f"{metric} takes {some_of(sides.missing)}, which the cell does not define (it defines {defined}).{near}"
        )
    hidden = sorted(set(options.hide) & read)
    if hidden:
        raise BadSeed(f"--hide {hidden[0]}: the cell reads it, so it would fail without; take it out of the cell first")
    if not sides.outputs and sides.kept:
        raise BadSeed(
            f"nothing that only this cell defines reaches {metric}: another cell defines {some_of(sides.kept)} too, "
            f"and the metric reads that one; give {metric} the parameter {sides.kept[0]}"
        )
    if not sides.outputs:
        example = some_of(sorted(cell.binds)[:1]) or "predict"
        raise BadSeed(f"nothing that the cell defines reaches {metric}: give it a parameter, such as {example}")


def _check_holdout(holdout: Metric, name: str, outputs: tuple[str, ...]) -> None:
    missing = [parameter for parameter in parameters_of(holdout, name) if parameter not in outputs]
    if missing:
        raise BadMetric(
            f"the hold-out {name} takes {some_of(missing)}, which the metric does not get from the cell "
            f"({', '.join(outputs)}): let both take the same parameters"
        )


def _notes(sides: Sides, read: Set[str], metrics: Mapping[str, Any]) -> Iterable[str]:
    called = sorted(read & metrics.keys())
    if called:
        yield (
            f"the cell itself calls {some_of(called)}, so candidates can read what it reads: "
            "move that call to a cell of its own"
        )
    for name in sides.kept:
        yield (
            f"{name} is defined by this cell and by another one: the metric keeps the other's, whatever a candidate "
            f"defines (make {name} a parameter of the metric if candidates should define it)"
        )
