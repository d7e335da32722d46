"""The page: one file of HTML that steps through an explanation.

What is in it: the graph as data, the graph as SVG, the formulas of the ops that occur, as functions of JavaScript
made from the op table, and `page.html`, `page.css` and `page.js` from this folder. It asks for nothing from
outside.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .events import op_of
from .expression import javascript_functions
from .picture import Picture
from .rules import OP, local_derivatives
from .text import clean, cut
from .words import CODE, ENGINES, PHASES, PHRASES, WRONG_PHRASES

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["frame", "page", "page_data"]

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
        record: dict[str, Any] = {}
        if node.label and clean(node.label) != node.name:
            record["label"] = cut(clean(node.label), longest)
        if node.k is not None:
            record["k"] = _json_number(node.k)
        if node.operands:
            record["op"] = op_of(node)
        if stream.formulas[i] != OP[node.row].formula:
            record["formula"] = stream.formulas[i]
        if node.row == "DOT":
            record |= {"pairs": node.pairs, "activation": node.activation}
        if node.closure:
            record["closure"] = True
        elif node.row == "GIVEN" and node.operands:
            record["given"] = [_json_number(d) for d in local_derivatives(node, stream.data)[1] if d is not None]
        known = _json_number(explanation.engine[i]) if i in explanation.engine else None
        nodes.append([i, node.name, node.role, node.row, node.operands, _json_number(node.data), known, record])
    happenings = list(dict.fromkeys(what for what, *_ in stream.plan))
    steps = []
    for what, i, *more in stream.plan:
        event = run.get((i, *more), {})  # of a closure, which runs in Python only
        steps.append([happenings.index(what), i, *more, *(_json_number(event[key]) for key in CLOSURE if event)])
    return {
        "title": explanation.title,
        "root": graph.root,
        "seed": _json_number(explanation._seed),
        "outer": stream.outer,
        "notes": explanation.notes,
        "phases": [[i, name, about] for i, (name, about) in PHASES.items()],
        "phrases": PHRASES | WRONG_PHRASES,
        "engines": ENGINES,
        "code": CODE,
        "nodes": nodes,
        "happenings": happenings,
        "steps": steps,
    }


def _json_number(x: float) -> Any:
    return str(x) if x != x or x in (float("inf"), float("-inf")) else x


def javascript_ops(names: Iterable[str]) -> str:
    """Return rows of the op table as JavaScript: OPS.MUL.value(x, y, k), and in OPS.MUL.local its derivatives.

    Those of n-ary ops have `start` and step(x, y) too.
    """
    used = set(names)
    rows = []
    for name, op in OP.items():
        if name in used and op.value is not None:
            derivatives = ",".join(f"(x,y,z,k)=>{e.javascript()}" if e else "null" for e in op.derivatives)
            value = f"formula:{json.dumps(op.formula)},value:(x,y,k)=>{op.value.javascript()}"
            fold = f",start:{op.fold[0].javascript()},step:(x,y)=>{op.fold[1].javascript()}" if op.fold else ""
            rows.append(f"{name}:{{{value},local:[{derivatives}]{fold}}}")
    text = _text("ops.js").replace("%%FUNCTIONS%%", javascript_functions())
    return text.replace("%%ROWS%%", "{" + ",\n".join(rows) + "}")


def page(explanation: Explanation) -> str:
    """Return the page of an explanation."""
    data = json.dumps(page_data(explanation), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # In a script element "</script" would end it, and "<!--" would begin a comment.
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    parts = {
        "TITLE": escape(explanation.title),
        "NOTES": "".join(f"<p>{escape(note)}</p>" for note in explanation.notes),
        "CSS": _text("page.css"),
        "SVG": Picture(explanation._graph, legend=True).without_notes().svg(titles=False),
        "DATA": data,
        "OPS": javascript_ops(
            row for node in explanation._graph.nodes.values() for row in (node.row, node.activation)
        ),
        "JS": _text("page.js"),
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
