"""One box of a picture, and the way of a line."""

from __future__ import annotations

from html import escape

from .graph import Graph, Node
from .style import CELL, LINE
from .text import clean, cut, number, width

__all__ = ["box", "box_lines", "box_size", "describe", "path", "shape"]

PAD = 9.0
BADGE = 34.0
DIGITS = 6
NOT_COMPUTED = "not computed"
MOST_CELLS = 24
OP_CELLS = 9


def gradient_text(graph: Graph, node: Node) -> str:
    """Return the gradient, or that there is none yet: a 0 that nobody has computed says nothing."""
    if graph.computed or node.grad:
        return number(node.grad, DIGITS)
    return NOT_COMPUTED


def box_lines(graph: Graph, node: Node) -> list[str]:
    """Return the lines of text in a box, the name first."""
    name = cut(node.name, MOST_CELLS)
    if node.row == "FOLD":
        return [name, *node.note.split("\n")]
    return [name, f"data {number(node.data, DIGITS)}", f"grad {gradient_text(graph, node)}"]


def badge(node: Node) -> str:
    """Return the label of the op, short; '' for a leaf."""
    if not node.operands or node.row == "FOLD":
        return ""
    return cut(clean(node.op) or "?", OP_CELLS)


def _badge_width(node: Node) -> float:
    text = badge(node)
    return max(BADGE, width(text) * CELL + 12) if text else 0.0


def box_size(graph: Graph, node: Node) -> tuple[float, float]:
    """Return width and height of the box of a node; there is room for any number that it may come to show."""
    lines = box_lines(graph, node)
    cells = max([len(f"grad {NOT_COMPUTED}"), *map(width, lines)])
    pad = 3 * PAD if node.role == "constant" else 2 * PAD
    return cells * CELL + pad + _badge_width(node), max(len(lines), 3) * LINE + 2 * PAD - 4


def describe(graph: Graph, node: Node) -> str:
    """Return what a box says to those who do not see it, with the whole name."""
    name = clean(node.label) or node.name
    if node.row == "FOLD":
        return f"{name}: {node.note.replace(chr(10), ', ')}"
    made = f", {clean(node.op) or 'made by hand'}" if node.operands else ""
    return f"{name} ({node.role}{made}): data {node.data!r}, grad {gradient_text(graph, node)}"


def shape(role: str, row: str, w: float, h: float) -> str:
    """Return the outline of a box as SVG."""
    if role == "parameter":  # corners cut off
        c = 9
        return (
            f'<path class="mgc-s" d="M{c} 0H{w - c:g}L{w:g} {c}V{h - c:g}L{w - c:g} {h:g}H{c}L0 {h - c:g}V{c}Z"/>'
        )
    radius = {"input": 0, "constant": h / 2.6, "operation": 9, "result": 9}[role]
    rect = f'<rect class="mgc-s" width="{w:g}" height="{h:g}" rx="{radius:g}"/>'
    if role == "result":
        rect = f'<rect class="mgc-s" x="-4" y="-4" width="{w + 8:g}" height="{h + 8:g}" rx="12"/>' + rect
    if row == "FOLD":
        rect = f'<rect class="mgc-s" x="5" y="5" width="{w:g}" height="{h:g}" rx="{radius:g}"/>' + rect
    return rect


def box(graph: Graph, node: Node, x: float, y: float, w: float, h: float, titles: bool) -> str:
    """Return the box of a node as SVG."""
    title = escape(describe(graph, node), quote=False) if titles else ""
    parts = [
        f'<g class="mgc-n mgc-{node.role}" data-i="{node.id}" transform="translate({x:.0f} {y:.0f})">',
        f"<title>{title}</title>",
        shape(node.role, node.row, round(w), h),
    ]
    left = _badge_width(node)
    if left:
        parts.append(
            f'<path class="mgc-b" d="M9 0H{left:g}V{h:g}H9A9 9 0 0 1 0 {h - 9:g}V9A9 9 0 0 1 9 0Z"/>'
            f'<text class="mgc-o" x="{left / 2:g}" y="{h / 2 + 4:g}">{escape(badge(node), quote=False)}</text>'
        )
    inside = left + (PAD + 4 if node.role == "constant" and not left else PAD)
    lines = box_lines(graph, node)
    top = (h - len(lines) * LINE) / 2 + 12
    for i, line in enumerate(lines):
        classes = ["mgc-t", "mgc-d", "mgc-g"][min(i, 2)]
        if line.endswith(NOT_COMPUTED) or (node.row == "FOLD" and i):
            classes += " mgc-m"
        parts.append(
            f'<text class="{classes}" x="{inside:g}" y="{top + i * LINE:g}">{escape(line, quote=False)}</text>'
        )
    parts.append("</g>")
    return "".join(parts)


def path(points: list[tuple[float, float]], across: bool) -> str:
    """Return the d of a path; `across`: the picture goes from left to right."""

    def at(point: tuple[float, float]) -> str:
        x, y = point if across else (point[1], point[0])
        return f"{x:.0f} {y:.0f}"

    if points[1][0] - points[0][0] < 8:  # the box fills its layer: no straight piece before the bend
        points = [points[0], points[0], *points[2:]]
    if points[-1][0] - points[-2][0] < 8:
        points = [*points[:-2], points[-1], points[-1]]
    d = [f"M{at(points[0])}"]
    for i, (p, q) in enumerate(zip(points, points[1:])):
        if i % 2 == 0:
            if q != p:
                d.append(f"L{at(q)}")
        elif p[1] == q[1]:
            d.append(f"L{at(q)}")
        else:
            bend = (q[0] - p[0]) / 2
            d.append(f"C{at((p[0] + bend, p[1]))} {at((q[0] - bend, q[1]))} {at(q)}")
    return "".join(d)
