"""What a picture looks like: its colours, one box, and the way of a line.

Colours are those of Okabe and Ito, which people who see colours differently tell apart; shape and outline say the
same once more.
"""

from __future__ import annotations

from html import escape

from .._core import LABELS, NAMES
from .graph import Node
from .text import clean, cut, number, width

__all__ = ["CELL", "LIGHT", "LINE", "background", "box", "box_lines", "box_size", "describe", "made", "path"]
__all__ += ["shape", "style"]

CELL = 7.3  # width of a character of 12 px, at most
LINE = 16.0

# role: fill, outline
LIGHT = {
    "input": ("#e3f0fb", "#0072b2"),
    "parameter": ("#fdf0d9", "#a85f00"),
    "constant": ("#f1f2f4", "#6b7280"),
    "operation": ("#ffffff", "#57606a"),
    "result": ("#e2f4ed", "#00795c"),
}
DARK = {
    "input": ("#0f2a3f", "#56b4e9"),
    "parameter": ("#392a0e", "#e69f00"),
    "constant": ("#262b33", "#9aa4b2"),
    "operation": ("#1e2329", "#aab2bd"),
    "result": ("#0d3329", "#2fc39a"),
}
LIGHT_PAGE = {"page": "#ffffff", "text": "#1b1f24", "muted": "#59636e", "line": "#6e7781"}
DARK_PAGE = {"page": "#14171b", "text": "#e9ecef", "muted": "#aab2bd", "line": "#8b949e"}

PAD = 9.0
BADGE = 34.0
DIGITS = 6
CELLS = 17  # at least, so that there is room for any number
MOST_CELLS = 24
OP_CELLS = 9


def box_lines(node: Node) -> list[str]:
    """Return the lines of text in a box, the name first."""
    name = cut(node.name, MOST_CELLS)
    if node.row == "FOLD":
        return [name, *node.note.split("\n")]
    return [name, f"data {number(node.data, DIGITS)}", f"grad {number(node.grad, DIGITS)}"]


def constant(node: Node) -> str:
    """Return the number of an op whose label does not show it, as the slope of a leaky relu; else ''."""
    row = node.activation or node.row
    return "" if node.k is None or "{}" in LABELS[NAMES.index(row)] else number(node.k, DIGITS)


def made(node: Node) -> str:
    """Return the op with the number that belongs to it; '' for a leaf."""
    op = clean(node.op)
    return f"{op} {constant(node)}".strip() if node.operands else op


def badge(node: Node) -> list[str]:
    """Return the lines of the badge: the label of the op, short, and its number; none for a leaf."""
    if node.row == "FOLD" or not (node.operands or node.op):
        return []
    return [cut(clean(node.op) or "?", OP_CELLS), *filter(None, [constant(node)])]


def _badge_width(node: Node) -> float:
    lines = badge(node)
    return max(BADGE, max(map(width, lines)) * CELL + 12) if lines else 0.0


def box_size(node: Node) -> tuple[float, float]:
    """Return width and height of the box of a node; there is room for any number that it may come to show."""
    lines = box_lines(node)
    cells = max([CELLS, *map(width, lines)])
    pad = 3 * PAD if node.role == "constant" else 2 * PAD
    return cells * CELL + pad + _badge_width(node), max(len(lines), 3) * LINE + 2 * PAD - 4


def describe(node: Node) -> str:
    """Return what a box says to those who do not see it, with the whole name."""
    name = clean(node.label) or node.name
    if node.row == "FOLD":
        return f"{name}: {node.note.replace(chr(10), ', ')}"
    by = f", {made(node) or 'made by hand'}" if node.operands else ""
    return f"{name} ({node.role}{by}): data {node.data!r}, grad {number(node.grad, DIGITS)}"


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


def box(node: Node, x: float, y: float, w: float, h: float) -> str:
    """Return the box of a node as SVG."""
    parts = [
        f'<g class="mgc-n mgc-{node.role}" data-i="{node.id}" transform="translate({x:.0f} {y:.0f})">',
        f"<title>{escape(describe(node), quote=False)}</title>",
        shape(node.role, node.row, round(w), h),
    ]
    left = _badge_width(node)
    if left:
        parts.append(f'<path class="mgc-b" d="M9 0H{left:g}V{h:g}H9A9 9 0 0 1 0 {h - 9:g}V9A9 9 0 0 1 9 0Z"/>')
        for i, line in enumerate(lines := badge(node)):
            y = h / 2 + 4 + (i - (len(lines) - 1) / 2) * LINE
            parts.append(f'<text class="mgc-o" x="{left / 2:g}" y="{y:g}">{escape(line, quote=False)}</text>')
    inside = left + (PAD + 4 if node.role == "constant" and not left else PAD)
    lines = box_lines(node)
    top = (h - len(lines) * LINE) / 2 + 12
    for i, line in enumerate(lines):
        classes = ["mgc-t", "mgc-d", "mgc-g"][min(i, 2)]
        if node.row == "FOLD" and i:
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


# ---- colours and type --------------------------------------------------------------------------------------------

_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def _rules(roles: dict[str, tuple[str, str]], page: dict[str, str]) -> str:
    out = [
        f".mgc-page{{fill:{page['page']}}}",
        f".mgc text{{fill:{page['text']}}}",
        f".mgc .mgc-m{{fill:{page['muted']}}}",
        f".mgc-e{{stroke:{page['line']}}}",
        f".mgc-a{{fill:{page['line']}}}",
    ]
    for role, (fill, stroke) in roles.items():
        out.append(f".mgc-{role} .mgc-s{{fill:{fill};stroke:{stroke}}}.mgc-{role} .mgc-b{{fill:{stroke}}}")
        out.append(f".mgc-{role} .mgc-o{{fill:{page['page']}}}")
    return "".join(out)


_BASE = (
    f".mgc text{{font:12px {_FONT};white-space:pre}}"
    ".mgc .mgc-t{font-weight:700}.mgc .mgc-o{font-weight:700;text-anchor:middle}"
    ".mgc-s{stroke-width:1.5}.mgc-e{fill:none;stroke-width:1.4}.mgc-constant .mgc-s{stroke-dasharray:4 3}"
    ".mgc-result .mgc-s{stroke-width:2}"
)


def _themed(theme: str, light: str, dark: str) -> str:
    auto = f"{light}@media screen and (prefers-color-scheme:dark){{{dark}}}"
    return {"light": light, "dark": dark, "auto": auto}[theme]


def style(theme: str) -> str:
    """Return the rules of a picture: 'light', 'dark', or 'auto' for what the reader's screen is set to."""
    return _BASE + _themed(theme, _rules(LIGHT, LIGHT_PAGE), _rules(DARK, DARK_PAGE))


def background(theme: str) -> str:
    """Return the rules of a page that holds a picture and nothing else."""
    return "body{margin:0}" + _themed(
        theme, *(f"body{{background:{page['page']}}}" for page in (LIGHT_PAGE, DARK_PAGE))
    )
