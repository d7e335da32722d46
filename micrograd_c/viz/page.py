"""The page: one file of HTML that steps through an explanation.

What is in it: the graph as data, the graph as SVG, the formulas of the ops that occur, as functions of JavaScript
made from the op table, and `page.html`, `page.css`, `engines.js` and `page.js` from this folder. It asks for
nothing from outside.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Container
from html import escape
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .events import op_of
from .expression import javascript_functions
from .picture import Picture
from .rules import LINEAR, OP, local_derivatives
from .text import clean, cut
from .words import CODE, ENGINES, PHASES, PHRASES, WRONG_PHRASES

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["as_json", "frame", "page", "page_data"]

LABELS = 30_000  # characters of all whole names in a page together
CLOSURE = ("upstream", "contribution", "after")  # what the page knows of a share by a Python function

_HERE = Path(__file__).parent


def page_data(explanation: Explanation) -> dict[str, Any]:
    """Return what the page's script needs to know."""
    graph, stream = explanation._graph, explanation._stream
    run = {(e["node"], e["slot"]): e for e in explanation.steps if e["kind"] == "closure"}
    labels = [clean(node.label) for node in graph.nodes.values() if node.label]
    longest = max(80, LABELS // max(len(labels), 1))
    nodes = []
    for i, node in graph.nodes.items():
        label, formula = clean(node.label), stream.formulas[i]
        given = node.row == "GIVEN" and node.operands and not node.closure
        more = {
            "label": cut(label, longest) if label and label != node.name else None,
            "k": node.k,
            "op": op_of(node) if node.operands else None,
            "formula": formula if formula != OP[node.row].formula else None,
            "pairs": node.pairs if node.row == "DOT" else None,
            "activation": node.activation if node.row == "DOT" else None,
            "closure": node.closure or None,
            "given": local_derivatives(node, stream.data)[1] if given else None,
        }
        record = {key: item for key, item in more.items() if item is not None}
        nodes.append(
            [i, node.name, node.role, node.row, node.operands, node.data, explanation.engine.get(i), record]
        )
    happenings = list(dict.fromkeys(what for what, *_ in stream.plan))
    steps = []
    for what, i, *rest in stream.plan:
        event = run.get((i, *rest), {}) if what == "closure" else {}  # which runs in Python only
        steps.append([happenings.index(what), i, *rest, *(event[key] for key in CLOSURE if event)])
    return {
        "root": graph.root,
        "seed": explanation._seed,
        "outer": stream.outer,
        "phases": [[i, name, about] for i, (name, about) in PHASES.items()],
        "phrases": PHRASES | WRONG_PHRASES,
        "code": CODE,
        "nodes": nodes,
        "happenings": happenings,
        "steps": steps,
    }


def as_json(data: Any, **form: Any) -> str:
    """Return plain data as JSON; numbers that it has no word for are the strings "nan", "inf" and "-inf"."""

    def portable(item: Any) -> Any:
        if isinstance(item, float) and not isfinite(item):
            return str(item)
        if isinstance(item, dict):
            return {key: portable(value) for key, value in item.items()}
        return [portable(value) for value in item] if isinstance(item, (list, tuple)) else item

    try:
        return json.dumps(data, allow_nan=False, **form)
    except ValueError:  # there is such a number
        return json.dumps(portable(data), allow_nan=False, **form)


def javascript_ops(names: Container[str]) -> str:
    """Return rows of the op table as JavaScript: OPS.MUL.value(x, y, k), and in OPS.MUL.local its derivatives.

    Those of n-ary ops have `start` and step(x, y) too.
    """
    rows = []
    for name, op in {**OP, "": LINEAR}.items():
        if name in names and op.value:
            derivatives = ",".join(f"(x,y,z,k)=>{e}" if e else "null" for e in op.derivatives)
            value = f"formula:{json.dumps(op.formula)},value:(x,y,k)=>{op.value}"
            fold = f",start:{op.fold[0]},step:(x,y)=>{op.fold[1]}" if op.fold else ""
            rows.append(f"{json.dumps(name)}:{{{value},local:[{derivatives}]{fold}}}")
    text = _text("ops.js").replace("%%FUNCTIONS%%", javascript_functions())
    return text.replace("%%ROWS%%", "{" + ",\n".join(rows) + "}")


def page(explanation: Explanation) -> str:
    """Return the page of an explanation."""
    data = as_json(page_data(explanation), ensure_ascii=False, separators=(",", ":"))
    # In a script element "</script" would end it, and "<!--" would begin a comment.
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    parts = {
        "TITLE": escape(explanation.title),
        "NOTES": "".join(f"<p>{escape(note)}</p>" for note in explanation.notes),
        "CSS": _text("page.css"),
        "SVG": Picture(explanation._graph).svg(on_page=True),
        "DATA": data,
        "OPS": javascript_ops(
            {row for node in explanation._graph.nodes.values() for row in (node.row, node.activation)}
        ),
        "ENGINES": "".join(
            f'<label><input type="radio" name="engine" value="{key}"{" checked" * (key == "right")}>'
            f'<span class="title">{title}</span><span class="quiet">{about}</span></label>'
            for key, (title, about) in ENGINES.items()
        ),
        "JS": _text("engines.js") + _text("page.js"),
    }
    # Each part is put in once, so that nothing in one of them is taken for the place of another.
    out = []
    for piece in _text("page.html").split("%%"):
        out.append(parts.get(piece, piece))
    return "".join(out)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def frame(explanation: Explanation) -> str:
    """Return the page in a frame of its own, for a notebook: nothing in it meets the notebook's own scripts.

    A notebook that is not trusted leaves out frames and styles, and the style is what hides the remedy.
    """
    text = page(explanation)
    own = f"mgc-{zlib.crc32(text.encode('utf-8', 'replace')):x}"
    return (
        f"<style>.{own}{{display:none}}</style>"
        f'<p class="{own}">{escape(explanation.title)}: this notebook is not trusted, so the page is not shown. '
        "Run the cell, or trust the notebook (in JupyterLab: View, Activate Command Palette, Trust Notebook). "
        "The steps as text: <code>print(explanation.text())</code></p>"
        f'<iframe srcdoc="{escape(text)}" title="{escape(explanation.title)}" sandbox="allow-scripts" '
        'style="width:100%;height:860px;border:1px solid #8886;border-radius:8px"></iframe>'
    )
