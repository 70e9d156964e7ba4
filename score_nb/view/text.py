"""A run in plain text: a line of progress, a tree and a curve for terminals, logs and front ends without HTML."""

from __future__ import annotations

from collections.abc import Iterator

from score_nb.record import Record
from score_nb.types import Node
from score_nb.view.words import (
    best_so_far,
    bill,
    budget,
    clock,
    doubt_words,
    facts,
    failure_count,
    gain_words,
    is_failed,
    models,
    noise_words,
    number,
    signed,
)

_BARS = "▁▂▃▄▅▆▇█"
# Braille dots of a 2 x 4 cell by row and column.
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def progress_line(record: Record) -> str:
    """Return how the run stands in one line, e.g.
    `score-nb balanced  24/50 nodes  best 0.8731 (+0.0512 over the seed)  3 failed  offline  0:42`.
    """
    parts = [f"score-nb {record.name}"]
    if record.state != "running":
        parts.append(record.state)
    parts.append(budget(record))
    if record.best is not None:
        gain = gain_words(record, record.gain) if record.best.index else "the seed"
        parts.append(f"best {number(record.best.value)}" + (f" ({gain})" if gain else ""))
    if failed := failure_count(record):
        parts.append(f"{failed} failed")
    if doubted := sum(node.is_doubted for node in record.nodes):
        parts.append(f"{doubted} doubted")
    parts += [words for words in (models(record), bill(record)) if words]
    return "  ".join([*parts, clock(record.elapsed)])


def summary_text(record: Record) -> str:
    """Return the run's facts, curve and tree, as `score-nb show` prints them."""
    rows = facts(record)
    width = max((len(what) for what, _ in rows), default=0)
    blocks = [f"score-nb {record.name}", "\n".join(f"  {what:<{width}}  {how}" for what, how in rows)]
    if record.best is not None:
        blocks += [curve_text(record), tree_text(record)]
    return "\n\n".join(blocks)


def short_text(record: Record) -> str:
    """Return the run in a few lines: progress, the best so far as bars, the way to the best."""
    lines = [progress_line(record)]
    if record.best is not None:
        lines.append(f"  {spark_line(record)}  best so far")
        lines += [f"  {line}" for line in lineage_lines(record, record.best.index)]
    return "\n".join(lines)


def lineage_lines(record: Record, index: int, most: int = 14) -> list[str]:
    """Return one line per node from the seed to `index` with what each step gained; a long way is folded."""
    path = record.lineage(index)
    lines = []
    for place, node in enumerate(path):
        before = path[place - 1].value if place else None
        step = signed(node.value - before) if node.value is not None and before is not None else ""
        lines.append("  ".join([f"#{node.index:<4}{number(node.value):>9}", f"{step:>9}", node.operator, node.detail]))
    if len(lines) > most:
        hidden = len(lines) - most + 1
        lines[3 : 3 + hidden] = [f"… {hidden} steps"]
    return [line.rstrip() for line in lines]


def spark_line(record: Record, width: int = 40) -> str:
    """Return the best so far as a row of bars, the seed lowest."""
    scores = _running_best(record)
    scores = [scores[i * len(scores) // width] for i in range(width)] if len(scores) > width else scores
    known = [score for score in scores if score is not None]
    low, high = min(known), max(known)
    return "".join(" " if score is None else _BARS[round(7 * _part(score, low, high))] for score in scores)


def curve_text(record: Record, width: int = 60, height: int = 8) -> str:
    """Return the best so far as a step line of braille dots, with an axis."""
    scores = _running_best(record)
    known = [score for score in scores if score is not None]
    low, high = min(known), max(known)
    dots = [[0] * width for _ in range(height)]
    rows = 4 * height - 1
    previous: int | None = None
    for column in range(2 * width):
        score = scores[min(len(scores) - 1, column * len(scores) // (2 * width))]
        if score is None:
            continue
        row = rows - round(rows * _part(score, low, high))
        for y in range(min(row, previous if previous is not None else row), max(row, previous or row) + 1):
            dots[y // 4][column // 2] |= _BRAILLE[y % 4][column % 2]
        previous = row
    sign = -1.0 if record.direction == "minimize" else 1.0
    labels = {0: number(sign * high), height - 1: number(sign * low)}
    margin = max(map(len, labels.values()))
    rows_of_dots = ["".join(chr(0x2800 + dot) for dot in line) for line in dots]
    lines = [f"  {labels.get(i, ''):>{margin}} ┤{line}" for i, line in enumerate(rows_of_dots)]
    axis = f"  {'':>{margin}} └{'─' * width}\n  {'':>{margin}}  0{len(scores) - 1:>{width - 1}}"
    return "\n".join([*lines, axis])


def tree_text(record: Record, most: int = 40) -> str:
    """Return the tree with the way to the best (★) and, while these are not more than `most` nodes, the best others."""
    if not record.nodes:
        return ""
    return "\n".join(_branches(record, _shown(record, most)))


def _shown(record: Record, most: int) -> set[int]:
    """Return the nodes of the best lineages, as many as there is room for."""
    shown = {node.index for node in record.lineage(record.best.index)} if record.best else {0}
    for node in sorted(record.nodes, key=lambda node: (-node.score, node.index)):
        shown |= _way_to(record, node, shown, most - len(shown))
    return shown


def _way_to(record: Record, node: Node, shown: set[int], room: int) -> set[int]:
    """Return what must be shown so that `node` hangs on what is shown already, nothing if that is more than `room`."""
    way: set[int] = set()
    index: int | None = node.index
    while index is not None and index not in shown:
        if len(way) == room:
            return set()
        way.add(index)
        index = record.nodes[index].parent
    return way


def _branches(record: Record, shown: set[int]) -> Iterator[str]:
    """Return the tree's lines without recursion: a chain of improvements may be longer than Python's stack."""
    children: dict[int | None, list[Node]] = {}
    for node in record.nodes:
        children.setdefault(node.parent, []).append(node)
    stack: list[tuple[Node | str, str, bool]] = [(root, "", True) for root in reversed(children.get(None, []))]
    while stack:
        entry, indent, is_last = stack.pop()
        elbow = "" if isinstance(entry, Node) and entry.parent is None else "└─ " if is_last else "├─ "
        if isinstance(entry, str):
            yield indent + elbow + entry
            continue
        yield indent + elbow + _node_words(record, entry)
        below = [child for child in children.get(entry.index, []) if child.index in shown]
        hidden = [child for child in children.get(entry.index, []) if child.index not in shown]
        lines: list[Node | str] = [*below, _hidden_words(hidden)] if hidden else [*below]
        deeper = indent + ("" if not elbow else "   " if is_last else "│  ")
        stack += [(line, deeper, i == len(lines) - 1) for i, line in reversed(list(enumerate(lines)))]


def _node_words(record: Record, node: Node) -> str:
    mark = " ★" if record.best is not None and node.index == record.best.index else ""
    value = node.status if is_failed(node) else number(node.value)
    spread = f" ± {number(node.spread)}" if node.spread is not None and node.repeats > 1 else ""
    doubt = f" ? {doubt_words(node)}" if node.is_doubted else ""
    noise = noise_words(record, node).removeprefix("cannot be told apart from ")
    doubt += f" ≈ {noise}" if noise else ""
    doubt += " given up" if node.is_dropped else ""
    detail = f"  {node.detail}" if node.detail else ""
    return f"#{node.index} {value}{spread}{mark}{doubt}  {node.operator}{detail[:70]}"


def _hidden_words(hidden: list[Node]) -> str:
    failed = sum(map(is_failed, hidden))
    return f"… {len(hidden)} more" + (f", {failed} failed" if failed else "")


def _running_best(record: Record) -> list[float | None]:
    """Return the best score after each node, None before the first."""
    steps = {node.index: node.score for node in best_so_far(record)}
    running: list[float | None] = []
    for node in record.nodes:
        running.append(steps.get(node.index, running[-1] if running else None))
    return running


def _part(score: float, low: float, high: float) -> float:
    return (score - low) / (high - low) if high > low else 1.0
