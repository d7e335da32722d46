"""Pictures of graphs: SVG of our own making, so no program has to be installed."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from html import escape
from textwrap import wrap
from typing import Any

from .._checks import flag
from .._core import brief
from .._core.absent import say_of
from .._core.walk import below, operands
from ..engine import Value
from .boxes import CELL, LIGHT, LINE, background, box, box_lines, box_size, describe, made, path, shape, style
from .fold import LINES, fold_graph, shorten, unfold, upper_part
from .graph import Graph
from .layout import Layout, lay_out
from .read import callers_names, given_names, limit_of, read
from .text import clean, number, width

__all__ = ["Picture", "draw", "draw_dot", "trace"]

LIMIT = 5000  # boxes
FOLD_ABOVE = 120  # boxes: more than fit on a screen
_THEMES = ("auto", "light", "dark")


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
        self.notes: list[str] = list(graph.notes)

    def __repr__(self) -> str:
        return f"<Picture of {len(self._graph.nodes)} boxes for {self._graph.total} values>"

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        graph = self._graph
        root = graph.nodes[graph.root]
        roles = [node.role for node in graph.nodes.values()]
        counts = ", ".join(
            f"{roles.count(role)} {role}{'s' if roles.count(role) > 1 else ''}" for role in LIGHT if role in roles
        )
        done = f"the gradient of {root.name} is {number(root.grad)}"
        if not any(node.grad for node in graph.nodes.values()):
            done = "all gradients are 0, as they are before backward()"
        return f"Graph of {root.name} = {number(root.data)}: {counts}; {done}."

    def layout(self) -> tuple[Layout, dict[int, tuple[float, float]]]:
        """Return places in a picture from left to right, and the sizes of the boxes by id."""
        graph = self._graph
        sizes = {i: box_size(node) for i, node in graph.nodes.items()}
        index = {i: j for j, i in enumerate(graph.nodes)}
        rim = {i: 10.0 if node.role == "result" else 0.0 for i, node in graph.nodes.items()}
        outer = [(w + rim[i], h + rim[i]) for i, (w, h) in sizes.items()]
        turned = [s if self._across else (s[1], s[0]) for s in outer]
        return lay_out(turned, [(index[a], index[b]) for a, b, _ in graph.edges]), sizes

    def svg(self, theme: str | None = None) -> str:
        """Return the picture as a file of SVG, in its own theme or another."""
        graph, theme = self._graph, self._theme if theme is None else theme
        if not isinstance(theme, str) or theme not in _THEMES:
            raise ValueError(f"svg: theme must be one of {', '.join(_THEMES)}, not {brief(theme)}")
        layout, sizes = self.layout()
        margin = 14.0
        w, h = (layout.width, layout.height) if self._across else (layout.height, layout.width)
        edges = "".join(
            f'<path class="mgc-e" data-e="{a} {b} {slot}" d="{path(points, self._across)}"/>'
            for (a, b, slot), points in zip(graph.edges, layout.lines)
        )
        inner = ""
        for (i, node), (x, y) in zip(graph.nodes.items(), layout.boxes):
            bw, bh = sizes[i]
            if not self._across:
                x, y = y, x
            inner += box(node, x - bw / 2, y - bh / 2, bw, bh)
        foot, foot_width, foot_height = self._foot(h + 26)
        uid = f"mgc{zlib.crc32(inner.encode('utf-8', 'replace')):x}"
        w, h = max(w, foot_width) + 2 * margin, h + foot_height + 2 * margin
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="mgc" role="img" aria-labelledby="{uid}t"'
            f' width="{w:.0f}" height="{h:.0f}" viewBox="{-margin:g} {-margin:g} {w:.0f} {h:.0f}">'
            f'<title id="{uid}t">{escape(self.alt, quote=False)}</title>'
            f"<style>{style(theme)}</style>"
            f'<defs><marker id="{uid}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="9" markerHeight="9"'
            f' markerUnits="userSpaceOnUse" orient="auto"><path class="mgc-a" d="M0 .8 8 4 0 7.2Z"/></marker>'
            "</defs>"
            f'<rect class="mgc-page" x="{-margin:g}" y="{-margin:g}" width="{w:.0f}" height="{h:.0f}"/>'
            f'<g marker-end="url(#{uid})">{edges}</g>{inner}{foot}</svg>'
        )

    def _foot(self, top: float) -> tuple[str, float, float]:
        """Return the legend and the notes, with their width and height."""
        parts, right, height = [], 0.0, 0.0
        roles = [role for role in LIGHT if any(node.role == role for node in self._graph.nodes.values())]
        if self._legend:
            x = 0.0
            for role in roles:
                parts.append(
                    f'<g class="mgc-{role}" transform="translate({x:g} {top:g})">{shape(role, "", 22, 14)}'
                    f'<text x="32" y="11.5">{role}</text></g>'
                )
                x += 32 + len(role) * CELL + 20
            right, height = x, 44.0
        for note in self.notes:
            for line in wrap(note, 96, break_long_words=False, break_on_hyphens=False):
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
            "constant": "ellipse, style=dashed",
            "operation": "box, style=rounded",
            "result": "box, peripheries=2",
        }

        def name(i: int) -> str:
            return f"n{i}".replace("-", "_")

        out = [f"digraph {{\n  rankdir={'LR' if self._across else 'TB'};\n  node [fontname=monospace];"]
        for node in graph.nodes.values():
            lines = box_lines(node)
            if node.operands and node.row != "FOLD":
                lines[0] += f"  = {made(node)}"
            words = {"color": LIGHT[node.role][1], "label": "\n".join(lines), "tooltip": describe(node)}
            rest = ", ".join(f"{key}={json.dumps(text, ensure_ascii=False)}" for key, text in words.items())
            out.append(f"  {name(node.id)} [shape={shapes[node.role]}, {rest}];")
        out += [f"  {name(a)} -> {name(b)};" for a, b, _ in graph.edges]
        return "\n".join(out) + "\n}\n"

    def html(self) -> str:
        """Return a page that shows the picture."""
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>{escape(self.alt)}</title><style>{background(self._theme)}</style></head>"
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
            what = repr(ending) if ending else "a name without an ending"
            raise ValueError(f"save: {what} is no format; use .svg, .html, .dot or .png")
        with open(os.fspath(path), "wb") as file:
            file.write(data)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        # An <img>, since a notebook that is not trusted shows no <svg>, and every <img>.
        data = base64.b64encode(self.svg().encode()).decode()
        picture = f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(self.alt)}" style="max-width:none">'
        return f'<div style="overflow:auto;max-height:80vh">{picture}</div>'


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
        "a PNG needs a converter, and none was found: pip install cairosvg, or micrograd-c[png], or install one of "
        f"{', '.join(_CONVERTERS)}. SVG and HTML need nothing."
    )


say_of(
    Picture, dict.fromkeys(("show", "view", "render"), "a notebook shows it; write save('graph.svg') for a file")
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
        At most so many boxes, those nearest to the root, and four times as many lines. None: all.
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

    See Also
    --------
    explain : A page that goes through the backward of a graph.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> draw((a * a).tanh()).save("graph.svg")
    """
    for name, value, allowed in (
        ("direction", direction, ("LR", "TB")),
        ("fold", fold, ("auto", "none", "neuron", "layer")),
        ("theme", theme, _THEMES),
    ):
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"draw: {name} must be one of {', '.join(allowed)}, not {brief(value)}")
    limit = limit_of(limit)
    graph = read(root, model, callers_names(sys._getframe().f_back) if names is None else given_names(names))
    if unfold_neurons:
        graph = unfold(graph, unfold_neurons)
    levels = {"auto": ["neuron", "layer"], "none": []}.get(fold, [fold])
    whole = graph
    for level in levels:
        if fold != "auto" or len(graph.nodes) > FOLD_ABOVE:
            graph = fold_graph(whole, level)
    boxes, lines = len(graph.nodes), len(graph.edges)
    if limit is not None and (boxes > limit or lines > LINES * limit):
        shorten(graph, limit, drawn=True)
        graph = upper_part(graph, limit)
        what = f"{len(graph.edges)} of {lines} lines" if boxes <= limit else f"{len(graph.nodes)} of {boxes} boxes"
        graph.notes.append(
            f"{what} are drawn, those nearest to the root. To see the rest, draw one of the Values below it, or "
            "raise limit."
        )
    return Picture(graph, direction, theme, flag(legend, "legend"))


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
        raise ValueError(f"draw_dot: rankdir must be LR or TB, not {brief(rankdir)}")
    try:
        import graphviz
    except ImportError:
        return draw(root, direction=rankdir, names={})
    graph = read(root)
    record = re.compile(r"[\\{}|<> ]")  # what means something in a record
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for node in graph.nodes.values():
        name, i = record.sub(r"\\\g<0>", clean(node.label)), str(node.id)
        dot.node(name=i, label=f"{{ {name} | data {node.data:.4f} | grad {node.grad:.4f} }}", shape="record")
        if node.operands:
            dot.node(name=f"{i}op", label=clean(node.op).replace("\\", "\\\\"))
            dot.edge(f"{i}op", i)
    for a, b in dict.fromkeys((a, b) for a, b, _ in graph.edges):
        dot.edge(str(a), f"{b}op")
    return dot
