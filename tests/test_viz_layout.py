"""The layout of pictures: boxes, layers of readers and operands."""

from graphs import edges, mlp

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.viz.layout import lay_out

# ---- what is in a picture ----------------------------------------------------------------------------------------


def test_boxes_do_not_overlap_and_hold_their_text(rng):
    from graphs import random_graph

    for root in (random_graph(rng), mlp()[0], mlp(fused=False)[0]):
        for direction in ("LR", "TB"):
            picture = mg.draw(root, direction=direction, fold="none")
            layout, sizes = picture.layout()
            rectangles = []
            for (x, y), (w, h) in zip(layout.boxes, sizes.values()):
                if direction == "TB":
                    x, y = y, x
                rectangles.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
            for i, p in enumerate(rectangles):
                for q in rectangles[:i]:
                    assert p[0] >= q[2] or q[0] >= p[2] or p[1] >= q[3] or q[1] >= p[3]


# ---- folding and unfolding ---------------------------------------------------------------------------------------


def test_deep_chain_is_drawn_without_recursion():
    x = Value(1.0)
    for _ in range(4000):
        x = -x
    assert len(edges(mg.draw(x))) == 4000


def test_layout_puts_readers_after_operands(rng):
    n = 200
    lines = sorted({(i, j) for j in range(1, n) for i in rng.sample(range(j), min(j, 2))}, key=lambda e: e[1])
    layout = lay_out([(rng.uniform(20, 90), rng.uniform(20, 60)) for _ in range(n)], lines)
    for (a, b), points in zip(lines, layout.lines):
        assert layout.boxes[a][0] < layout.boxes[b][0]
        assert all(p[0] <= q[0] + 1e-6 for p, q in zip(points, points[1:]))
        assert len(points) % 2 == 0
