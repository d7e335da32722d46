"""Pictures of graphs: SVG of our own making, so no program has to be installed.

Colours are those of Okabe and Ito, which people who see colours differently tell apart; shape and outline say the
same once more.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from .._core.walk import below, operands
from ..engine import Value
from .fold import fold_graph
from .graph import Graph, Node, callers_names, clean, cut, number, read, unfold, variables, width
from .layout import Layout, lay_out
from .part import shorten, upper_part

__all__ = ["Picture", "draw", "draw_dot", "trace"]

LIMIT = 5000  # boxes
FOLD_ABOVE = 120  # boxes: more than fit on a screen

CELL = 7.3  # width of a character of 12 px, at most
LINE = 16.0
PAD = 9.0
BADGE = 34.0
DIGITS = 6
NOT_COMPUTED = "not computed"
MOST_CELLS = 24
OP_CELLS = 9

KINDS = {
    "input": "input",
    "parameter": "parameter",
    "constant": "constant",
    "operation": "operation",
    "result": "result",
}

# kind: fill, outline
_LIGHT = {
    "input": ("#e3f0fb", "#0072b2"),
    "parameter": ("#fdf0d9", "#a85f00"),
    "constant": ("#f1f2f4", "#6b7280"),
    "operation": ("#ffffff", "#57606a"),
    "result": ("#e2f4ed", "#00795c"),
}
_DARK = {
    "input": ("#0f2a3f", "#56b4e9"),
    "parameter": ("#392a0e", "#e69f00"),
    "constant": ("#262b33", "#9aa4b2"),
    "operation": ("#1e2329", "#aab2bd"),
    "result": ("#0d3329", "#2fc39a"),
}
_LIGHT_REST = {"page": "#ffffff", "text": "#1b1f24", "muted": "#59636e", "line": "#6e7781"}
_DARK_REST = {"page": "#14171b", "text": "#e9ecef", "muted": "#aab2bd", "line": "#8b949e"}

FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def _rules(kinds: dict[str, tuple[str, str]], rest: dict[str, str]) -> str:
    out = [
        f".mgc-page{{fill:{rest['page']}}}",
        f".mgc text{{fill:{rest['text']}}}",
        f".mgc .mgc-m{{fill:{rest['muted']}}}",
        f".mgc-e{{stroke:{rest['line']}}}",
        f".mgc-a{{fill:{rest['line']}}}",
    ]
    for kind, (fill, stroke) in kinds.items():
        out.append(f".mgc-{kind} .mgc-s{{fill:{fill};stroke:{stroke}}}.mgc-{kind} .mgc-b{{fill:{stroke}}}")
        out.append(f".mgc-{kind} .mgc-o{{fill:{rest['page']}}}")
    return "".join(out)


_BASE = (
    f".mgc text{{font:12px {FONT};white-space:pre}}"
    ".mgc .mgc-t{font-weight:700}.mgc .mgc-o{font-weight:700;text-anchor:middle}"
    ".mgc-s{stroke-width:1.5}.mgc-e{fill:none;stroke-width:1.4}.mgc-constant .mgc-s{stroke-dasharray:4 3}"
    ".mgc-result .mgc-s{stroke-width:2}"
)


def style(theme: str) -> str:
    """Return the rules of a picture: 'light', 'dark', or 'auto' for what the reader's screen is set to."""
    if theme == "dark":
        return _BASE + _rules(_DARK, _DARK_REST)
    light = _BASE + _rules(_LIGHT, _LIGHT_REST)
    return (
        light
        if theme == "light"
        else f"{light}@media screen and (prefers-color-scheme:dark){{{_rules(_DARK, _DARK_REST)}}}"
    )


# ---- one box -----------------------------------------------------------------------------------------------------


def gradient_text(graph: Graph, node: Node) -> str:
    """Return the gradient, or that there is none yet: a 0 that nobody has computed says nothing."""
    if graph.computed or node.grad:
        return number(node.grad, DIGITS)
    return NOT_COMPUTED


def box_lines(graph: Graph, node: Node) -> list[str]:
    """Return the lines of text in a box, the name first."""
    name = cut(node.name, MOST_CELLS)
    if node.op == "FOLD":
        return [name, *node.note.split("\n")]
    return [name, f"data {number(node.data, DIGITS)}", f"grad {gradient_text(graph, node)}"]


def badge(node: Node) -> str:
    """Return the label of the op, short; '' for a leaf."""
    if not node.operands or node.op == "FOLD":
        return ""
    return cut(clean(node.label) or "?", OP_CELLS)


def _badge_width(node: Node) -> float:
    text = badge(node)
    return max(BADGE, width(text) * CELL + 12) if text else 0.0


def box_size(graph: Graph, node: Node) -> tuple[float, float]:
    """Return width and height of the box of a node; there is room for any number that it may come to show."""
    lines = box_lines(graph, node)
    cells = max([len(f"grad {NOT_COMPUTED}"), *map(width, lines)])
    pad = 3 * PAD if node.kind == "constant" else 2 * PAD
    return cells * CELL + pad + _badge_width(node), max(len(lines), 3) * LINE + 2 * PAD - 4


def describe(graph: Graph, node: Node) -> str:
    """Return what a box says to those who do not see it, with the whole name."""
    name = clean(node.title) or node.name
    kind = KINDS[node.kind]
    if node.op == "FOLD":
        return f"{name}: {node.note.replace(chr(10), ', ')}"
    made = f", {clean(node.label) or 'made by hand'}" if node.operands else ""
    return f"{name} ({kind}{made}): data {node.data!r}, grad {gradient_text(graph, node)}"


def _shape(kind: str, op: str, w: float, h: float) -> str:
    if kind == "parameter":  # corners cut off
        c = 9
        return (
            f'<path class="mgc-s" d="M{c} 0H{w - c:g}L{w:g} {c}V{h - c:g}L{w - c:g} {h:g}H{c}L0 {h - c:g}V{c}Z"/>'
        )
    radius = {"input": 0, "constant": h / 2.6, "operation": 9, "result": 9}[kind]
    rect = f'<rect class="mgc-s" width="{w:g}" height="{h:g}" rx="{radius:g}"/>'
    if kind == "result":
        rect = f'<rect class="mgc-s" x="-4" y="-4" width="{w + 8:g}" height="{h + 8:g}" rx="12"/>' + rect
    if op == "FOLD":
        rect = f'<rect class="mgc-s" x="5" y="5" width="{w:g}" height="{h:g}" rx="{radius:g}"/>' + rect
    return rect


def _box(graph: Graph, node: Node, x: float, y: float, w: float, h: float, titles: bool) -> str:
    title = escape(describe(graph, node), quote=False) if titles else ""
    parts = [
        f'<g class="mgc-n mgc-{node.kind}" data-i="{node.id}" transform="translate({x:.0f} {y:.0f})">',
        f"<title>{title}</title>",
        _shape(node.kind, node.op, round(w), h),
    ]
    left = _badge_width(node)
    if left:
        parts.append(
            f'<path class="mgc-b" d="M9 0H{left:g}V{h:g}H9A9 9 0 0 1 0 {h - 9:g}V9A9 9 0 0 1 9 0Z"/>'
            f'<text class="mgc-o" x="{left / 2:g}" y="{h / 2 + 4:g}">{escape(badge(node), quote=False)}</text>'
        )
    inside = left + (PAD + 4 if node.kind == "constant" and not left else PAD)
    lines = box_lines(graph, node)
    top = (h - len(lines) * LINE) / 2 + 12
    for i, line in enumerate(lines):
        classes = ["mgc-t", "mgc-d", "mgc-g"][min(i, 2)]
        if line.endswith(NOT_COMPUTED) or (node.op == "FOLD" and i):
            classes += " mgc-m"
        parts.append(
            f'<text class="{classes}" x="{inside:g}" y="{top + i * LINE:g}">{escape(line, quote=False)}</text>'
        )
    parts.append("</g>")
    return "".join(parts)


def _path(points: list[tuple[float, float]], across: bool) -> str:
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


# ---- the picture -------------------------------------------------------------------------------------------------


class Picture:
    """A picture of a graph; a notebook shows it by itself.

    Attributes
    ----------
    notes : list of str
        What is not shown as it is, and how to see it.
    """

    def __init__(self, graph: Graph, direction: str = "LR", theme: str = "auto", legend: bool = True) -> None:
        self._graph = graph
        self._across = direction == "LR"
        self._theme = theme
        self._legend = legend
        self.notes = list(graph.notes)

    def __repr__(self) -> str:
        return f"<Picture of {len(self._graph.nodes)} boxes for {self._graph.total} values>"

    def without_notes(self) -> Picture:
        """Return the same picture, for a place that has the notes already."""
        other = Picture(self._graph, "LR" if self._across else "TB", self._theme, self._legend)
        other.notes = []
        return other

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        graph = self._graph
        root = graph.nodes[graph.root]
        kinds = [node.kind for node in graph.nodes.values()]
        counts = ", ".join(
            f"{kinds.count(kind)} {name}{'s' if kinds.count(kind) > 1 else ''}"
            for kind, name in KINDS.items()
            if kind in kinds
        )
        done = "gradients are computed" if graph.computed else "gradients are not computed yet"
        return f"Graph of {root.name} = {number(root.data)}: {counts}; {done}."

    def layout(self) -> tuple[Layout, dict[int, tuple[float, float]]]:
        """Return places in a picture from left to right, and the sizes of the boxes by id."""
        graph = self._graph
        sizes = {i: box_size(graph, node) for i, node in graph.nodes.items()}
        index = {i: j for j, i in enumerate(graph.nodes)}
        rim = {i: 10.0 if node.kind == "result" else 0.0 for i, node in graph.nodes.items()}
        outer = [(w + rim[i], h + rim[i]) for i, (w, h) in sizes.items()]
        turned = [s if self._across else (s[1], s[0]) for s in outer]
        return lay_out(turned, [(index[a], index[b]) for a, b, _ in graph.edges]), sizes

    def svg(self, theme: str | None = None, titles: bool = True) -> str:
        """Return the picture as a file of SVG, in its own theme or another.

        `titles=False`: the page writes what boxes say to those who do not see them, since that changes there.
        """
        graph = self._graph
        layout, sizes = self.layout()
        margin = 14.0
        w, h = (layout.width, layout.height) if self._across else (layout.height, layout.width)
        body: list[str] = []
        for (a, b, slot), points in zip(graph.edges, layout.lines):
            d = _path(points, self._across)
            body.append(f'<path class="mgc-e" data-e="{a} {b} {slot}" d="{d}"/>')
        edges, body = "".join(body), []
        for (i, node), (x, y) in zip(graph.nodes.items(), layout.boxes):
            bw, bh = sizes[i]
            if not self._across:
                x, y = y, x
            body.append(_box(graph, node, x - bw / 2, y - bh / 2, bw, bh, titles))
        foot, foot_width, foot_height = self._foot(h + 26)
        inner = "".join(body)
        uid = f"mgc{zlib.crc32(inner.encode('utf-8', 'replace')):x}"
        w, h = max(w, foot_width) + 2 * margin, h + foot_height + 2 * margin
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="mgc" role="img" aria-labelledby="{uid}t"'
            f' width="{w:.0f}" height="{h:.0f}" viewBox="{-margin:g} {-margin:g} {w:.0f} {h:.0f}">'
            f'<title id="{uid}t">{escape(self.alt, quote=False)}</title>'
            f"<style>{style(theme or self._theme)}</style>"
            f'<defs><marker id="{uid}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9"'
            f' markerUnits="userSpaceOnUse" orient="auto"><path class="mgc-a" d="M0 .8 8 4 0 7.2Z"/></marker>'
            "</defs>"
            f'<rect class="mgc-page" x="{-margin:g}" y="{-margin:g}" width="{w:.0f}" height="{h:.0f}"/>'
            f'<g marker-end="url(#{uid})">{edges}</g>{inner}{foot}</svg>'
        )

    def _foot(self, top: float) -> tuple[str, float, float]:
        """Return the legend and the notes, with their width and height."""
        parts, right, height = [], 0.0, 0.0
        kinds = [kind for kind in KINDS if any(node.kind == kind for node in self._graph.nodes.values())]
        if self._legend:
            x = 0.0
            for kind in kinds:
                parts.append(
                    f'<g class="mgc-{kind}" transform="translate({x:g} {top:g})">{_shape(kind, "", 22, 14)}'
                    f'<text x="32" y="11.5">{KINDS[kind]}</text></g>'
                )
                x += 32 + len(KINDS[kind]) * CELL + 20
            right, height = x, 44.0
        for note in self.notes:
            for line in _wrapped(note, 96):
                parts.append(
                    f'<text class="mgc-m" x="0" y="{top + height - 10:g}">{escape(line, quote=False)}</text>'
                )
                right = max(right, width(line) * CELL)
                height += LINE
        return "".join(parts), right, height

    def dot(self) -> str:
        """Return the graph in Graphviz's language."""
        graph = self._graph
        shapes = {
            "input": "box",
            "parameter": "octagon",
            "constant": "ellipse",
            "operation": "box",
            "result": "box",
        }

        def name(i: int) -> str:
            return f"n{i}".replace("-", "_")

        out = [f"digraph {{\n  rankdir={'LR' if self._across else 'TB'};\n  node [fontname=monospace];"]
        for node in graph.nodes.values():
            lines = box_lines(graph, node)
            if node.operands and node.op != "FOLD":
                lines[0] += f"  = {clean(node.label)}"
            extra = {"result": ", peripheries=2", "constant": ", style=dashed", "operation": ", style=rounded"}
            stroke = _LIGHT[node.kind][1]
            out.append(
                f"  {name(node.id)} [shape={shapes[node.kind]}{extra.get(node.kind, '')}, "
                f"color={_dot_string(stroke)}, label={_dot_string(chr(10).join(lines))}, "
                f"tooltip={_dot_string(describe(graph, node))}];"
            )
        out += [f"  {name(a)} -> {name(b)};" for a, b, _ in graph.edges]
        return "\n".join(out) + "\n}\n"

    def html(self) -> str:
        """Return a page that shows the picture."""
        colours = f"body{{margin:0;background:{_LIGHT_REST['page']}}}"
        dark = f"body{{background:{_DARK_REST['page']}}}"
        auto = f"@media screen and (prefers-color-scheme:dark){{{dark}}}"
        theme = {"dark": dark, "auto": auto, "light": ""}[self._theme]
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(self.alt)}</title><style>{colours}{theme}</style></head>"
            f"<body><main>{self.svg()}</main></body></html>\n"
        )

    def png(self) -> bytes:
        """Return the picture as PNG, at twice its size.

        Raises
        ------
        RuntimeError
            Where there is no converter: cairosvg (`pip install cairosvg`), resvg, rsvg-convert or inkscape.
        """
        svg = self.svg("light" if self._theme == "auto" else None)
        try:
            import cairosvg
        except (ImportError, OSError):  # OSError: without the system's libcairo
            return _converted(svg)
        data: bytes = cairosvg.svg2png(bytestring=svg.encode(), scale=2)
        return data

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file; the end of its name says how: .svg, .html, .dot, .png.

        Raises
        ------
        ValueError
            Where the name ends otherwise.
        RuntimeError
            Where there is no converter to PNG.
        """
        ending = os.path.splitext(os.fspath(path))[1].lower()
        if ending == ".png":
            data = self.png()
        elif ending in (".svg", ".html", ".htm", ".dot", ".gv"):
            make = {".svg": self.svg, ".dot": self.dot, ".gv": self.dot}.get(ending, self.html)
            data = make().encode("utf-8")
        else:
            raise ValueError(
                f"save: {ending or 'a name without an ending'!r} is no format; use .svg, .html, .dot or .png"
            )
        with open(path, "wb") as file:
            file.write(data)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        # An <img>, since a notebook that is not trusted shows no <svg>, and every <img>.
        data = base64.b64encode(self.svg().encode()).decode()
        picture = f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(self.alt)}" style="max-width:none">'
        return f'<div style="overflow:auto;max-height:80vh">{picture}</div>'


def _wrapped(text: str, cells: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > cells:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _dot_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


_CONVERTERS = {
    "resvg": ["--zoom", "2", "{svg}", "{png}"],
    "rsvg-convert": ["--zoom", "2", "-o", "{png}", "{svg}"],
    "inkscape": ["--export-dpi=192", "--export-filename={png}", "{svg}"],
}


def _converted(svg: str) -> bytes:
    for program, arguments in _CONVERTERS.items():
        found = shutil.which(program)
        if found is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            names = {"svg": os.path.join(folder, "picture.svg"), "png": os.path.join(folder, "picture.png")}
            with open(names["svg"], "w", encoding="utf-8") as file:
                file.write(svg)
            subprocess.run([found, *(a.format(**names) for a in arguments)], check=True, capture_output=True)
            with open(names["png"], "rb") as png:
                return png.read()
    raise RuntimeError(
        "a PNG needs a converter, and none was found: pip install cairosvg, or install one of "
        f"{', '.join(_CONVERTERS)}. SVG and HTML need nothing."
    )


def draw(
    root: Value,
    model: Any = None,
    *,
    direction: str = "LR",
    fold: str = "auto",
    unfold_neurons: bool | Iterable[Value] = False,
    limit: int | None = LIMIT,
    theme: str = "auto",
    legend: bool = True,
    names: Mapping[str, Any] | None = None,
) -> Picture:
    """Draw the graph that `root` was computed from.

    Parameters
    ----------
    root : Value
        The result.
    model : Module, mapping of str to Value, or iterable of Value, optional
        Whose parameters these are: they are drawn as parameters, with their names; a Module that was built with
        `fused=False` can be folded by its neurons and layers then.
    direction : {'LR', 'TB'}
        From left to right, or top down.
    fold : {'auto', 'none', 'neuron', 'layer'}
        One box for each call of a neuron or a layer, its parameters within. 'auto' folds as far as a graph of more
        than 120 boxes needs it.
    unfold_neurons : bool or iterable of Value
        Draw fused neurons, all or these, as their `*` and `+`.
    limit : int or None
        At most so many boxes, those nearest to the root. None: all.
    theme : {'auto', 'light', 'dark'}
        'auto' follows the reader's screen.
    legend : bool
        Say below the picture which shape is what.
    names : mapping of str to Value, optional
        Names of Values without a `label`: by default those of the caller's variables. `{}` gives none.

    Returns
    -------
    Picture
        A notebook shows it; `save(path)` writes .svg, .html, .dot or .png.
    """
    for name, value, allowed in (
        ("direction", direction, ("LR", "TB")),
        ("fold", fold, ("auto", "none", "neuron", "layer")),
        ("theme", theme, ("auto", "light", "dark")),
    ):
        if value not in allowed:
            raise ValueError(f"draw: {name} must be one of {', '.join(allowed)}, not {value!r}")
    graph = read(root, model, callers_names(sys._getframe().f_back) if names is None else variables(names))
    if unfold_neurons:
        which = None
        if unfold_neurons is not True:
            wanted = set(map(id, unfold_neurons))
            which = [i for i, node in graph.nodes.items() if id(node.value) in wanted]
        graph = unfold(graph, which)
    levels = {"auto": ["neuron", "layer"], "none": []}.get(fold, [fold])
    whole = graph
    for level in levels:
        if fold != "auto" or len(graph.nodes) > FOLD_ABOVE:
            graph = fold_graph(whole, level)
    if limit is not None and len(graph.nodes) > limit:
        boxes = len(graph.nodes)
        shorten(graph, limit, drawn=True)
        graph = upper_part(graph, limit)
        graph.notes.append(
            f"{len(graph.nodes)} of {boxes} boxes are drawn, those nearest to the root. To see the rest, draw one "
            "of the Values below it, or raise limit."
        )
    return Picture(graph, direction, theme, legend)


# ---- as the lecture has them -------------------------------------------------------------------------------------


def trace(root: Value) -> tuple[set[Value], set[tuple[Value, Value]]]:
    """Return the nodes below `root`, it included, and the edges, each from an operand to what reads it."""
    nodes = below((root,)).values()
    return set(nodes), {(operand, value) for value in nodes for operand in operands(value)}


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> Any:
    """Draw a graph as the lecture does: a box for each value, a circle for each op.

    Parameters
    ----------
    root : Value
    format : str
        What Graphviz renders.
    rankdir : {'LR', 'TB'}

    Returns
    -------
    graphviz.Digraph
        Where the package `graphviz` is installed; rendering it needs Graphviz's `dot` too. Else a `Picture`.
    """
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"draw_dot: rankdir must be LR or TB, not {rankdir!r}")
    try:
        import graphviz
    except ImportError:
        return draw(root, direction=rankdir, names={})
    graph = read(root)
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for node in graph.nodes.values():
        name, i = _record(clean(node.title)), str(node.id)
        dot.node(name=i, label=f"{{ {name} | data {node.data:.4f} | grad {node.grad:.4f} }}", shape="record")
        if node.operands:
            dot.node(name=f"{i}op", label=_plain(clean(node.label)))
            dot.edge(f"{i}op", i)
    for a, b in dict.fromkeys((a, b) for a, b, _ in graph.edges):
        dot.edge(str(a), f"{b}op")
    return dot


def _record(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\{}|<> " else c for c in text)


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\")
