"""The score curve as a picture: best so far as a step line, each attempt a dot, hold-out beside it."""

from __future__ import annotations

from dataclasses import dataclass

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view import palette
from score_nb.view.canvas import Canvas, Picture, Point, text_width
from score_nb.view.scales import robust_range, spread_out, tick_words, ticks
from score_nb.view.words import best_so_far, gain_words, is_failed, number

_WIDTH, _HEIGHT = 460.0, 300.0
_TOP, _BOTTOM = 30.0, 40.0
_SMALL = 10.5


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps a node's number and a value to a place on the canvas."""

    left: float
    right: float
    top: float
    bottom: float
    last: int
    low: float
    high: float

    def x(self, index: float) -> float:
        return self.left + (self.right - self.left) * index / max(self.last, 1)

    def y(self, value: float) -> float:
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * part


def curve_canvas(record: Record, width: float = _WIDTH, height: float = _HEIGHT) -> Canvas:
    """Return the drawing of the curve; sizes in CSS pixels."""
    canvas = Canvas(width, height)
    scored = [node for node in record.nodes if node.value is not None]
    if not scored:
        canvas.text((width / 2, height / 2), "no candidate has a value yet", palette.INK, 12.0, "mm")
        return canvas
    frame = _frame(record, width, height)
    _draw_axes(canvas, frame, record)
    _draw_attempts(canvas, frame, record)
    _draw_steps(canvas, frame, record)
    _draw_ends(canvas, frame, record)
    return canvas


def curve_alt(record: Record) -> str:
    """Return in words what the picture of the curve shows."""
    steps = best_so_far(record)
    if not steps:
        return f"Score curve of {record.name}: no candidate has a value that stands."
    way = ", ".join(f"{number(node.value)} at #{node.index}" for node in _few(steps))
    return f"Score curve of {record.name} ({record.direction}), best so far: {way}. {_gain_sentence(record)}".strip()


def curve_picture(record: Record) -> Picture:
    """Return the curve as a PNG."""
    return curve_canvas(record).picture(curve_alt(record))


def _gain_sentence(record: Record) -> str:
    words = gain_words(record, record.gain)
    holdout = gain_words(record, record.holdout_gain)
    return (f"In all {words}" + (f"; on the hold-out {holdout}." if holdout else ".")) if words else ""


def _few(steps: list[Node], most: int = 8) -> list[Node]:
    """Return the steps, thinned to at most `most` with the first and the last kept."""
    if len(steps) <= most:
        return steps
    return [steps[round(i * (len(steps) - 1) / (most - 1))] for i in range(most)]


def _holdouts(record: Record) -> list[tuple[int, float]]:
    return [(node.index, node.holdout) for node in best_so_far(record) if node.holdout is not None]


def _frame(record: Record, width: float, height: float) -> _Frame:
    values = [node.value for node in record.nodes if node.value is not None]
    keep = [node.value for node in best_so_far(record)[_first_shown(record) :] if node.value is not None]
    low, high = robust_range(values, [*keep, *(value for _, value in _holdouts(record))] or values)
    left = 14 + max(text_width(words) for words in tick_words(ticks(low, high)) or [""])
    right = width - 14 - max((text_width(words, _SMALL) for words, _, _ in _ends(record)), default=0.0)
    return _Frame(left, right, _TOP, height - _BOTTOM, len(record.nodes) - 1, low, high)


def _first_shown(record: Record) -> int:
    """Return how many first steps may leave the range: a hopeless seed must not squash all that came after it."""
    steps = [node.score for node in best_so_far(record)] or [0.0]
    spread = steps[-1] - steps[len(steps) // 2]
    hopeless = sum(1 for score in steps[: len(steps) // 2] if spread and steps[-1] - score > 20 * spread)
    return hopeless


def _draw_axes(canvas: Canvas, frame: _Frame, record: Record) -> None:
    heights = ticks(frame.low, frame.high)
    for value, words in zip(heights, tick_words(heights), strict=True):
        y = frame.y(value)
        canvas.line([(frame.left, y), (frame.right, y)], palette.FAINT, 1.0)
        canvas.text((frame.left - 6, y), words, palette.INK, anchor="rm")
    for index in ticks(0, frame.last, 6) if frame.last else [0]:
        if index == int(index):
            canvas.text((frame.x(index), frame.bottom + 12), str(int(index)), palette.INK, anchor="mm")
    canvas.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], palette.LINK, 1.0)
    canvas.text(((frame.left + frame.right) / 2, frame.bottom + 29), "candidate", palette.INK, anchor="mm")
    better = "higher is better" if record.direction == "maximize" else "lower is better"
    canvas.text((4, 9), f"{record.task.metric or record.name}, {better}", palette.INK)
    seed = record.seed
    if seed is not None and seed.value is not None and frame.low < seed.value < frame.high:
        y = frame.y(seed.value)
        canvas.dashed([(frame.left, y), (frame.right, y)], palette.INK, 1.0)


def _draw_attempts(canvas: Canvas, frame: _Frame, record: Record) -> None:
    rank = palette.ranks(record.nodes)
    size = 3.2 if len(record.nodes) <= 120 else 2.4 if len(record.nodes) <= 600 else 1.5
    for node in record.nodes:
        x = frame.x(node.index)
        if is_failed(node):
            canvas.dot((x, frame.bottom - 4), size * 0.8, palette.NOTHING, palette.INK, 0.9)
        elif node.value is not None and node.is_doubted:
            y = min(max(frame.y(node.value), frame.top), frame.bottom)
            canvas.badge((x, y), max(size + 1.2, 3.6), palette.DOUBT, "?")
        elif node.value is not None and frame.low <= node.value <= frame.high:
            _draw_spread(canvas, frame, x, node)
            canvas.dot((x, frame.y(node.value)), size + 0.5, palette.INK)
            canvas.dot((x, frame.y(node.value)), size, palette.of_rank(rank[node.index]))
        elif node.value is not None:
            _draw_beyond(canvas, frame, x, node.value, palette.of_rank(rank[node.index]))


def _draw_spread(canvas: Canvas, frame: _Frame, x: float, node: Node) -> None:
    """Draw the standard deviation over a node's evaluations as a bar behind its dot."""
    if node.value is not None and node.spread is not None and node.repeats > 1:
        low, high = frame.y(node.value - node.spread), frame.y(node.value + node.spread)
        canvas.line([(x, low), (x, high)], palette.INK, 1.2)


def _draw_beyond(canvas: Canvas, frame: _Frame, x: float, value: float, colour: palette.Colour) -> None:
    """Mark a value outside the range by an arrow head at the edge."""
    y, tip = (frame.top, -5) if value > frame.high else (frame.bottom - 12, 5)
    canvas.line([(x - 3.2, y - tip / 2), (x, y + tip / 2), (x + 3.2, y - tip / 2)], colour, 1.7)


def _draw_steps(canvas: Canvas, frame: _Frame, record: Record) -> None:
    steps = [(node.index, node.value) for node in best_so_far(record) if node.value is not None]
    holdouts = _holdouts(record)
    canvas.dashed(_stairs(frame, holdouts), palette.HOLDOUT, 1.6, dash=5.0)
    for index, value in holdouts:
        canvas.diamond((frame.x(index), frame.y(value)), 4.2, palette.HOLDOUT)
    if not steps:
        return
    canvas.line(_stairs(frame, steps), palette.ACCENT, 2.2)
    index, value = steps[-1]
    canvas.star((frame.x(index), frame.y(value)), 7.0, palette.ACCENT, palette.INK)


def _ends(record: Record) -> list[tuple[str, float, palette.Colour]]:
    """Return what is written at the right edge, with its value and colour: no legend has to be searched."""
    best, seed, holdouts = record.best, record.seed, _holdouts(record)
    ends = []
    if best is not None and best.value is not None:
        ends.append((f"best {number(best.value)}", best.value, palette.ACCENT))
    if holdouts:
        ends.append((f"hold-out {number(holdouts[-1][1])}", holdouts[-1][1], palette.HOLDOUT))
    if seed is not None and seed.value is not None and seed is not best:
        ends.append((f"seed {number(seed.value)}", seed.value, palette.INK))
    return ends


def _draw_ends(canvas: Canvas, frame: _Frame, record: Record) -> None:
    ends = sorted(_ends(record), key=lambda end: -end[1])
    heights = spread_out([frame.y(value) for _, value, _ in ends], 13.0, frame.top, frame.bottom)
    for (words, _, colour), y in zip(ends, heights, strict=True):
        canvas.text((frame.right + 7, y), words, colour, _SMALL)


def _stairs(frame: _Frame, steps: list[tuple[int, float]]) -> list[Point]:
    """Return a true step line: a value holds until the next one comes, the last to the right edge."""
    points: list[Point] = []
    for index, value in steps:
        if points:
            points.append((frame.x(index), points[-1][1]))
        points.append((frame.x(index), frame.y(value)))
    return [*points, (frame.right, points[-1][1])] if points else []
