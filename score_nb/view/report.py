"""A run as cell output: text, HTML that survives sanitising, a picture, and data; no server and no script needed."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view import data
from score_nb.view.canvas import Canvas, Picture, side_by_side
from score_nb.view.curve_picture import curve_alt, curve_canvas
from score_nb.view.diff_html import diff_html
from score_nb.view.text import short_text
from score_nb.view.tree_picture import BESIDE, tree_alt, tree_canvas
from score_nb.view.words import SIGNAL_WORDS, doubts, facts, gain_words, measured, number, origin

_CARD = (
    "border:1px solid rgba(128,128,128,0.35);border-radius:8px;padding:12px 16px;margin:4px 0;max-width:1010px;"
    "font-size:13px;line-height:1.45"
)
_QUIET = "opacity:0.72"
_ACCENT = "#e26204"
_MOST_DOUBTED = 20


def bundle(record: Record) -> dict[str, Any]:
    """Return the run by MIME type: `text/plain`, `text/html`, `image/png` and our own JSON; at most about 200 kB."""
    content: dict[str, Any] = {"text/plain": short_text(record), data.MIME: data.run_data(record)}
    if not record.nodes:
        return {**content, "text/html": html(record, [])}
    tree = tree_canvas(record)
    curve = _curve_to_fit(record, tree)
    pictures = [tree.picture(tree_alt(record)), curve.picture(curve_alt(record))]
    content["text/html"] = html(record, pictures)
    content["image/png"] = b64encode(side_by_side([tree, curve])).decode("ascii")
    return content


def _curve_to_fit(record: Record, tree: Canvas) -> Canvas:
    """Return the curve drawn to stand beside a narrow tree, or below a wide one."""
    if tree.width <= BESIDE:
        return curve_canvas(record, height=min(max(tree.height, 240.0), 340.0))
    return curve_canvas(record, width=tree.width, height=260.0)


def html(record: Record, pictures: list[Picture]) -> str:
    """Return the run as HTML with inline styles only, readable on a light and on a dark page."""
    parts = [_headline(record), _images(pictures), _table(record), _way(record), _diff(record)]
    parts += [_doubted(record), _warnings(record)]
    return f'<div style="{_CARD}">{"".join(parts)}</div>'


def _headline(record: Record) -> str:
    best = record.best
    value = ""
    if best is not None:
        gain = gain_words(record, record.gain) if best.index else "the seed"
        value = (
            f' <span style="font-size:22px;font-weight:600;color:{_ACCENT}">{number(best.value)}</span>'
            f' <span style="{_QUIET}">{escape(gain)}</span>'
        )
    return (
        f'<div style="margin-bottom:8px"><strong style="font-size:15px">{escape(record.name)}</strong>'
        f' <span style="{_QUIET}">{escape(record.state)}</span>{value}</div>'
    )


def _images(pictures: list[Picture]) -> str:
    return "".join(
        f'<img src="data:image/png;base64,{b64encode(picture.png).decode("ascii")}" alt="{escape(picture.alt)}"'
        f' width="{picture.width}" style="max-width:100%;height:auto;vertical-align:top;margin:0 8px 8px 0">'
        for picture in pictures
    )


def _table(record: Record) -> str:
    """Return what a reader asks first, as a table of two columns."""
    cell = "padding:1px 14px 1px 0;text-align:left;vertical-align:top;border:none;background:transparent"
    rows = "".join(
        f'<tr style="background:transparent"><th style="{cell};font-weight:normal;{_QUIET};white-space:nowrap">'
        f'{escape(what)}</th><td style="{cell}">{escape(how)}</td></tr>'
        for what, how in facts(record)
    )
    return f'<table style="border-collapse:collapse;margin:4px 0;font-size:13px"><tbody>{rows}</tbody></table>'


def _way(record: Record) -> str:
    """Return the steps from the seed to the best, folded."""
    best = record.best
    if best is None or not best.parents:
        return ""
    cell = "padding:1px 14px 1px 0;vertical-align:top;border:none;background:transparent"
    rows = []
    for node in record.lineage(best.index):
        texts = (f"#{node.index}", measured(node), origin(node), node.idea or node.detail)
        sides = ("right", "right", "left", "left")
        cells = (
            f'<td style="{cell};text-align:{side}">{escape(text)}</td>' for text, side in zip(texts, sides, strict=True)
        )
        rows.append(f'<tr style="background:transparent">{"".join(cells)}</tr>')
    table = f'<table style="border-collapse:collapse;font-size:13px"><tbody>{"".join(rows)}</tbody></table>'
    return _details(_steps(len(rows) - 1), table, is_open=False)


def _steps(count: int) -> str:
    return f"The way to the best: {count} step" + ("" if count == 1 else "s")


def _diff(record: Record) -> str:
    best, seed = record.best, record.seed
    if best is None or seed is None or best.index == seed.index:
        return ""
    body = diff_html(seed.source, best.source)
    return _details(f"What changed: best (#{best.index}) against the seed", body, is_open=True) if body else ""


def _doubted(record: Record) -> str:
    """Return why values are doubted, node by node, the most tempting first; folded."""
    doubted = sorted((node for node in record.nodes if doubts(node)), key=lambda node: (-node.score, node.index))
    if not doubted:
        return ""
    items = "".join(f"<li>{_doubt_item(node)}</li>" for node in doubted[:_MOST_DOUBTED])
    if len(doubted) > _MOST_DOUBTED:
        items += f"<li>… {len(doubted) - _MOST_DOUBTED} more</li>"
    title = f"{len(doubted)} doubted value" + ("" if len(doubted) == 1 else "s")
    return _details(title, f'<ul style="margin:4px 0;padding-left:20px">{items}</ul>', is_open=False)


def _doubt_item(node: Node) -> str:
    reasons = "; ".join(f"{SIGNAL_WORDS.get(flag.kind, flag.kind)}: {flag.detail}" for flag in doubts(node))
    allowed = " (allowed by you)" if node.is_allowed else ""
    return escape(f"#{node.index} {measured(node)}{allowed}: {reasons}")


def _warnings(record: Record) -> str:
    items = "".join(f"<li>{escape(message)}</li>" for message in record.warnings)
    return f'<ul style="margin:6px 0;padding-left:20px">{items}</ul>' if items else ""


def _details(title: str, body: str, is_open: bool) -> str:
    return (
        f'<details{" open" if is_open else ""} style="margin:6px 0"><summary style="cursor:pointer">'
        f"{escape(title)}</summary>{body}</details>"
    )
