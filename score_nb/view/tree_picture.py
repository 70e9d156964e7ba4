"""The candidate tree as a picture: colour is the value, hollow is failed, the path to the best stands out."""

from __future__ import annotations

from dataclasses import dataclass

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view import palette
from score_nb.view.canvas import Canvas, Picture, Point, text_width
from score_nb.view.layout import tidy
from score_nb.view.words import failure_count, number

_TOP, _SIDE, _LEGEND = 22.0, 20.0, 34.0
BESIDE = 500.0  # a tree up to this width leaves room for the curve beside it
_LEAST_WIDTH, _MOST_WIDTH, _MOST_HEIGHT = 440.0, 900.0, 400.0
_LABEL_SIZE = 12.0
_CROWDED = 1_500  # among more nodes than this no place for a label is better than another


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the nodes are on the canvas, how large they are, and whether the tree grows to the right."""

    places: list[Point]
    radius: float
    sideways: bool
    size: Point


def tree_canvas(record: Record) -> Canvas:
    """Return the drawing of the tree; its size grows with the tree up to 900 x 480 CSS pixels."""
    plan = _arrange(record)
    canvas = Canvas(*plan.size)
    best = record.best
    path = {node.index for node in record.lineage(best.index)} if best else set()
    _draw_links(canvas, record, plan, path)
    _draw_nodes(canvas, record, plan, path)
    if best is not None:
        canvas.star(plan.places[best.index], _star_radius(plan), palette.ACCENT, palette.INK)
        _label(canvas, record, plan, best)
    _draw_legend(canvas, record)
    return canvas


def tree_alt(record: Record) -> str:
    """Return in words what the picture of the tree shows."""
    if record.best is None:
        return f"Candidate tree of {record.name}: {len(record.nodes)} candidates, none with a value."
    path = " to ".join(f"#{node.index}" for node in record.lineage(record.best.index))
    layers = tidy([node.parent for node in record.nodes]).height
    return (
        f"Candidate tree of {record.name}: {len(record.nodes)} candidates in {layers + 1} generations, "
        f"{failure_count(record)} failed{_doubted_words(record)}; "
        f"the best is #{record.best.index} with {number(record.best.value)}, reached by {path}."
    )


def _doubted_words(record: Record) -> str:
    doubted = [f"#{node.index}" for node in record.nodes if node.is_doubted]
    named = ", ".join(doubted) if len(doubted) <= 6 else str(len(doubted))
    return f"; doubted: {named}" if doubted else ""


def tree_picture(record: Record) -> Picture:
    """Return the tree as a PNG."""
    return tree_canvas(record).picture(tree_alt(record))


def _arrange(record: Record) -> _Plan:
    """Return the plan of the drawing; a tree deeper than wide grows to the right, where there is more room."""
    layout = tidy([node.parent for node in record.nodes])
    sideways = layout.height > max(12.0, 1.2 * layout.width)
    width = _fitting_width(layout.height if sideways else layout.width)
    across, along = (_MOST_HEIGHT, width) if sideways else (width, _MOST_HEIGHT)
    column = min(34.0, across / max(layout.width, 1.0))
    row = min(46.0, along / max(layout.height, 1))
    radius = min(6.0, max(1.2, 0.42 * min(column * 1.35, row)))
    spans = [(x * column, depth * row) for x, depth in zip(layout.x, layout.depth, strict=True)]
    places = [(b, a) if sideways else (a, b) for a, b in spans]
    wide, high = max((x for x, _ in places), default=0.0), max((y for _, y in places), default=0.0)
    width, height = max(_LEAST_WIDTH, wide + 2 * _SIDE), max(150.0, high + 2 * _TOP)
    left, top = (width - wide) / 2, (height - high) / 2 if sideways else _TOP
    return _Plan([(left + x, top + y) for x, y in places], radius, sideways, (width, height + _LEGEND))


def _fitting_width(steps: float) -> float:
    """Return the room for so many steps: beside the curve while they have 13 pixels each, else as wide as the page."""
    return BESIDE - 2 * _SIDE if 13 * steps <= BESIDE - 2 * _SIDE else _MOST_WIDTH - 2 * _SIDE


def _star_radius(plan: _Plan) -> float:
    return max(6.5, plan.radius * 1.75)


def _draw_links(canvas: Canvas, record: Record, plan: _Plan, path: set[int]) -> None:
    thin = min(1.3, max(0.5, plan.radius / 3.5))
    for node in record.nodes:
        for other in node.parents[1:]:
            canvas.dashed(_link(plan, other, node.index), palette.FAINT, thin, dash=3.5)
    for node in record.nodes:
        if node.parent is not None and node.index not in path:
            canvas.line(_link(plan, node.parent, node.index), palette.LINK, thin)
    for index in path:
        parent = record.nodes[index].parent
        if parent is not None:
            canvas.line(_link(plan, parent, index), palette.ACCENT, max(2.4, thin))


def _link(plan: _Plan, parent: int, child: int) -> list[Point]:
    """Return a link that leaves and arrives in the direction of growth."""
    (x0, y0), (x1, y1) = plan.places[parent], plan.places[child]
    steps = [i / 12 for i in range(13)]
    eased = [t * t * (3 - 2 * t) for t in steps]
    across, along = (steps, eased) if plan.sideways else (eased, steps)
    return [(x0 + (x1 - x0) * a, y0 + (y1 - y0) * b) for a, b in zip(across, along, strict=True)]


def _draw_nodes(canvas: Canvas, record: Record, plan: _Plan, path: set[int]) -> None:
    rank, radius = palette.ranks(record.nodes), plan.radius
    for node in record.nodes:
        place, on_path = plan.places[node.index], node.index in path
        if node.is_dropped:
            canvas.cross(place, 0.7 * radius, palette.LINK, min(1.3, radius / 2.5))
            continue
        size = max(radius, min(3.2, 1.6 * radius)) if on_path else radius
        edge = palette.ACCENT if on_path else palette.INK
        if node.index not in rank:
            canvas.dot(place, radius * 0.9, palette.NOTHING, edge, min(1.3, radius / 2.5))
        elif node.status == "duplicate" and not on_path:
            canvas.dot(place, radius * 0.6, palette.of_rank(rank[node.index]))
        else:
            canvas.dot(place, size + 0.9, edge)
            canvas.dot(place, size - (0.6 if on_path else 0.0), palette.of_rank(rank[node.index]))
        if node.is_doubted:
            canvas.badge((place[0] + 0.8 * size, place[1] - 0.8 * size), max(3.4, 0.75 * size), palette.DOUBT, "?")


def _label(canvas: Canvas, record: Record, plan: _Plan, best: Node) -> None:
    """Write the best's number and value near its star, where they cover least; what they cover gives way."""
    words = f"#{best.index}  {number(best.value)}"
    half, reach = text_width(words, _LABEL_SIZE) / 2 + 2, _star_radius(plan) + 3
    x, y = plan.places[best.index]
    sides = [(x + reach + half, y), (x - reach - half, y), (x, y + reach + 7), (x, y - reach - 6)]
    corners = [
        (x + right * (reach / 2 + half), y + down * (reach + 7 + away))
        for away in (0, 16) for down in (1, -1) for right in (1, -1)
    ]  # fmt: skip
    inside = [spot for spot in sides + corners if half <= spot[0] <= canvas.width - half and spot[1] >= 8] or sides[:1]
    if len(record.nodes) > _CROWDED:
        return _write(canvas, inside[0], half, words)
    way = [(node.parents[0], node.index) for node in record.lineage(best.index)[1:]] * 3
    links = [(node.parents[0], node.index) for node in record.nodes[1:]]
    drawn = [point for parent, child in links + way for point in _link(plan, parent, child)]

    def covered(spot: Point) -> int:
        nodes = sum(
            abs(px - spot[0]) < half + plan.radius and abs(py - spot[1]) < 7 + plan.radius for px, py in plan.places
        )
        return 12 * nodes + sum(abs(px - spot[0]) < half and abs(py - spot[1]) < 7 for px, py in drawn)

    return _write(canvas, min(inside, key=covered), half, words)


def _write(canvas: Canvas, spot: Point, half: float, words: str) -> None:
    canvas.box((spot[0] - half, spot[1] - 7), (2 * half, 14), palette.NOTHING)
    canvas.text(spot, words, palette.ACCENT, _LABEL_SIZE, "mm")


def _draw_legend(canvas: Canvas, record: Record) -> None:
    y, x = canvas.height - 13.0, _SIDE
    canvas.text((x, y), "worse", palette.INK, 10.5)
    x += text_width("worse", 10.5) + 6
    for i in range(60):
        canvas.box((x + i, y - 4), (1.0, 8.0), palette.of_rank(i / 59))
    x += 66
    canvas.text((x, y), "better", palette.INK, 10.5)
    x += text_width("better", 10.5) + 18
    if failed := failure_count(record):
        canvas.dot((x + 4, y), 4.0, palette.NOTHING, palette.INK, 1.2)
        x = _key(canvas, x, y, f"failed {failed}")
    if repeats := record.counts().get("duplicate", 0):
        canvas.dot((x + 4, y), 2.8, palette.of_rank(0.5))
        x = _key(canvas, x, y, f"repeats {repeats}")
    if doubted := sum(node.is_doubted for node in record.nodes):
        canvas.badge((x + 4, y), 4.4, palette.DOUBT, "?")
        x = _key(canvas, x, y, f"doubted {doubted}")
    canvas.line([(x, y), (x + 14, y)], palette.ACCENT, 2.4)
    canvas.text((x + 20, y), "path to the best", palette.INK, 10.5)


def _key(canvas: Canvas, x: float, y: float, words: str) -> float:
    """Write the meaning of a mark at `x`; return where the next one stands."""
    canvas.text((x + 12, y), words, palette.INK, 10.5)
    return x + 28 + text_width(words, 10.5)
