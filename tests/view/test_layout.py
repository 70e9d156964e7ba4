import random
from itertools import pairwise

from score_nb.view.layout import tidy


def test_a_parent_stands_over_the_middle_of_its_children() -> None:
    # 1 and 2 and 3 stand at 0, 1, 2 relative to each other, the root over the middle one; 4 and 5 below 1
    layout = tidy([None, 0, 0, 0, 1, 1])
    assert layout.x == (1.5, 0.5, 1.5, 2.5, 0.0, 1.0)
    assert layout.depth == (0, 1, 1, 1, 2, 2)


def test_neighbours_of_one_depth_never_come_nearer_than_one() -> None:
    rng = random.Random(4)
    for _ in range(30):
        parents = [None, *(rng.randrange(i) for i in range(1, 80))]
        layout = tidy(parents)
        for depth in range(layout.height + 1):
            row = sorted(x for x, d in zip(layout.x, layout.depth, strict=True) if d == depth)
            assert all(b - a > 1 - 1e-9 for a, b in pairwise(row))


def test_links_do_not_cross() -> None:
    rng = random.Random(5)
    parents = [None, *(rng.randrange(i) for i in range(1, 120))]
    layout = tidy(parents)
    for i in range(1, 120):
        for j in range(i + 1, 120):
            if layout.depth[i] == layout.depth[j] and parents[i] != parents[j]:
                ours, theirs = layout.x[parents[i]], layout.x[parents[j]]  # type: ignore[index]
                assert (layout.x[i] < layout.x[j]) == (ours < theirs)


def test_a_chain_longer_than_the_stack_is_a_straight_line() -> None:
    layout = tidy([None, *range(4_999)])
    assert layout.width == 0.0
    assert layout.height == 4_999


def test_several_roots_stand_side_by_side() -> None:
    assert tidy([None, None]).x == (0.0, 1.0)


def test_nothing_has_no_place() -> None:
    assert tidy([]).width == 0.0
