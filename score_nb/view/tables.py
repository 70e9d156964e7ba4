"""A run for the user's own analysis: a pandas frame and an Altair chart."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from score_nb.record import Record
from score_nb.types import Node, Pick
from score_nb.view.scales import robust_range
from score_nb.view.words import best_so_far, noise_words

if TYPE_CHECKING:
    import altair
    import pandas

_TEXTS = ("source", "log", "prompt", "reply")
_NUMBERS = ("index", "value", "spread")
_SHOWN = (*_NUMBERS, "flags", "noise", "status", "operator", "model", "detail")


def to_frame(record: Record) -> pandas.DataFrame:
    """Return one row per node, columns named as the fields of `Node` (and `parent`, `repeats`, `is_doubted`, `noise`).

    Long texts come last; `flags` holds the kinds, those that further evaluations have answered in brackets; `noise`
    says where chance alone could explain a gain: "cannot be told apart from its parent".
    """
    import pandas as pd

    names = [field.name for field in fields(Node)]
    names.insert(1, "parent")
    names.insert(names.index("values"), "repeats")
    names.insert(names.index("is_allowed"), "is_doubted")
    names.insert(names.index("is_allowed"), "noise")
    columns = [name for name in names if name not in _TEXTS] + list(_TEXTS)
    frame = pd.DataFrame([[_cell(record, node, name) for name in columns] for node in record.nodes], columns=columns)
    for name in ("value", "score", "spread", "holdout"):
        frame[name] = frame[name].astype(float)
    for name in ("parent", "duplicate_of"):
        frame[name] = frame[name].astype("Int64")
    return frame


def to_csv(record: Record) -> str:
    """Return one line per node, as `to_frame` without logs, prompts and replies; what has parts is JSON."""
    frame = to_frame(record).drop(columns=["log", "prompt", "reply"])
    for name in frame.columns:
        if frame[name].map(lambda value: isinstance(value, (tuple, list, dict, Pick))).any():
            frame[name] = frame[name].map(_json)
    return str(frame.to_csv(index=False))


def _json(value: Any) -> Any:
    if isinstance(value, Pick):
        return json.dumps(asdict(value))
    return json.dumps(value) if isinstance(value, (tuple, list, dict)) else value


def chart(record: Record) -> altair.LayerChart:
    """Return the score curve as an Altair chart: attempts, best so far, hold-out and seed; small enough for a page.

    As a cell's output it is drawn by JupyterLab itself, so that it needs no network; a renderer that the user has
    enabled in Altair takes precedence.
    """
    import altair as alt

    frame = to_frame(record)[[*_SHOWN, "is_doubted"]]
    frame["low"], frame["high"] = frame["value"] - frame["spread"], frame["value"] + frame["spread"]
    steps = best_so_far(record)
    scale = alt.Scale(domain=list(_range(record)), clamp=True) if steps else alt.Scale(zero=False)
    x = alt.X("index:Q", title="candidate", axis=alt.Axis(tickMinStep=1))
    y = alt.Y("value:Q", title=record.task.metric or record.name, scale=scale)
    tooltip = [f"{name}:{'Q' if name in _NUMBERS else 'N'}" for name in _SHOWN]
    best = _frame([(node.index, node.value) for node in steps], len(record.nodes))
    held = _frame([(node.index, node.holdout) for node in steps if node.holdout is not None], len(record.nodes))
    scored = frame.dropna(subset="value")
    attempts = alt.Chart(scored[~scored["is_doubted"]]).mark_circle(size=45, color="#31688e", opacity=0.75)
    doubted = alt.Chart(scored[scored["is_doubted"]]).mark_text(text="?", fontWeight="bold", color="#cd468c")
    bars = alt.Chart(scored.dropna(subset="spread")).mark_rule(color="#31688e", opacity=0.6)
    best_line = alt.Chart(best).mark_line(interpolate="step-after", color="#e26204")
    held_line = alt.Chart(held).mark_line(interpolate="step-after", color="#9669eb", strokeDash=[5, 4])
    seed_line = alt.Chart(best.head(1)).mark_rule(color="#78787a", strokeDash=[2, 3])
    layers = (
        bars.encode(x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q")),
        attempts.encode(x, y, tooltip=tooltip),
        doubted.encode(x, y, tooltip=tooltip),
        best_line.encode(x, y),
        held_line.encode(x, y),
        seed_line.encode(y),
    )
    return _offline()(layer=list(layers), width=520, height=280, title=f"score-nb {record.name}")


@cache
def _offline() -> type[altair.LayerChart]:
    """Return the class of charts that a Jupyter front end draws with what it brings along."""
    import altair as alt

    class LayerChart(alt.LayerChart):
        def _repr_mimebundle_(self, *args: Any, **options: Any) -> Any:
            # Altair's own default loads its scripts from a CDN, and its "mimetype" says version 6, which no JupyterLab
            # knows.  What is drawn here is the same in both versions.
            if alt.renderers.active != "default":
                return super()._repr_mimebundle_(*args, **options)
            spec = self.to_dict() | {"$schema": "https://vega.github.io/schema/vega-lite/v5.json"}
            return {"application/vnd.vegalite.v5+json": spec, "text/plain": repr(self)}

    return LayerChart


def _range(record: Record) -> tuple[float, float]:
    values = [node.value for node in record.nodes if node.value is not None]
    steps = best_so_far(record)
    keep = [value for node in steps for value in (node.value, node.holdout) if value is not None]
    return robust_range(values, keep)


def _frame(steps: list[tuple[int, float | None]], count: int) -> pandas.DataFrame:
    """Return the steps as a frame with the last value carried to the last node."""
    import pandas as pd

    ends = [(count - 1, steps[-1][1])] if steps else []
    return pd.DataFrame([*steps, *ends], columns=["index", "value"], dtype=float)


def _cell(record: Record, node: Node, name: str) -> Any:
    if name == "noise":
        return noise_words(record, node)
    value = getattr(node, name)
    if name == "flags":
        return ", ".join(f"({flag.kind})" if flag.is_settled else flag.kind for flag in node.flags)
    if name == "metrics":
        return dict(value)
    if name == "pick":
        return None if value is None else value.puct
    return value
