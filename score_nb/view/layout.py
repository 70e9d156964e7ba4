"""Where the nodes of a tree go: a tidy tree after Reingold and Tilford (1981), without recursion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layout:
    """A place for each node: `x` in units of the least distance between neighbours, from 0; `depth` from 0."""

    x: tuple[float, ...]
    depth: tuple[int, ...]

    @property
    def width(self) -> float:
        """The largest x."""
        return max(self.x, default=0.0)

    @property
    def height(self) -> int:
        """The largest depth."""
        return max(self.depth, default=0)


@dataclass(slots=True)
class _Side:
    """One outline of a subtree by depth, deepest first; `shift` is added to every place on reading."""

    places: list[float] = field(default_factory=list)
    shift: float = 0.0


@dataclass(slots=True)
class _Outline:
    """A subtree as its neighbours see it, in coordinates of its first child."""

    left: _Side = field(default_factory=_Side)
    right: _Side = field(default_factory=_Side)
    offsets: list[tuple[int, float]] = field(default_factory=list)


def tidy(parents: Sequence[int | None]) -> Layout:
    """Return the tidy layout of a forest given by each node's parent, which must come before its children.

    Parents stand over the middle of their children, subtrees are as near as they can be without overlap, and equal
    subtrees look equal.  Time grows linearly with the nodes.
    """
    root = len(parents)
    above = [root if parent is None else parent for parent in parents] + [root]
    outlines = {root: _Outline()}
    relative = [0.0] * (root + 1)
    for child in _children_first(above, root):
        _close(child, outlines.setdefault(child, _Outline()), relative)
        if child != root:
            _put_right(outlines.setdefault(above[child], _Outline()), child, outlines.pop(child))
    x, depth = [0.0] * (root + 1), [-1] * (root + 1)
    for node in range(root):
        x[node] = x[above[node]] + relative[node]
        depth[node] = depth[above[node]] + 1
    least = min(x[:root], default=0.0)
    return Layout(tuple(place - least for place in x[:root]), tuple(depth[:root]))


def _children_first(above: Sequence[int], root: int) -> list[int]:
    """Return all nodes so that children come before their parent and siblings from first to last."""
    children: dict[int, list[int]] = {}
    for node in range(root):
        children.setdefault(above[node], []).append(node)
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += children.get(node, ())
    return order[::-1]


def _close(node: int, outline: _Outline, relative: list[float]) -> None:
    """Put the node over the middle of its children and make its outline relative to itself."""
    middle = (outline.offsets[0][1] + outline.offsets[-1][1]) / 2 if outline.offsets else 0.0
    for child, offset in outline.offsets:
        relative[child] = offset - middle
    outline.offsets = []
    for side in (outline.left, outline.right):
        side.shift -= middle
        side.places.append(-side.shift)


def _put_right(family: _Outline, child: int, tree: _Outline) -> None:
    """Move `tree` to the right of the children placed so far, as near as one unit."""
    common = min(len(family.right.places), len(tree.left.places))
    shift = max(
        (
            family.right.places[-i] + family.right.shift - tree.left.places[-i] - tree.left.shift + 1.0
            for i in range(1, common + 1)
        ),
        default=0.0,
    )
    tree.left.shift += shift
    tree.right.shift += shift
    family.offsets.append((child, shift))
    family.left = _over(family.left, tree.left, common)
    family.right = _over(tree.right, family.right, common)


def _over(front: _Side, back: _Side, common: int) -> _Side:
    """Return the outline seen when `front` hides the upper `common` levels of `back`."""
    if len(front.places) >= len(back.places):
        return front
    if common:
        back.places[-common:] = [place + front.shift - back.shift for place in front.places[-common:]]
    return back
