"""The page: one file of HTML that steps through an explanation.

What is in it: the graph as data, the formulas of the ops that occur, as functions of JavaScript made from the op
table, and the stylesheets and scripts of this folder, in the order of CSS and JS. It asks for nothing from outside.
The scripts are packed; `window.started` is a promise that they run.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Container
from html import escape
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import DOMAINS, LABELS, MESSAGES, NAMES, OPS, ffi
from .events import op_of
from .expression import checked, javascript_functions
from .fold import boxes
from .graph import CUT
from .rules import LINEAR, OP, local_derivatives
from .text import clean, cut
from .words import CHAPTERS, CODE, CUT_PHRASES, ENGINES, NOTES, PHRASES, REASONS, SAID, WRONG_PHRASES

if TYPE_CHECKING:
    from .explanation import Explanation

__all__ = ["as_json", "frame", "page", "page_data", "player"]

LABEL_CHARACTERS = 30_000  # characters of all whole names in a page together
CLOSURE = ("upstream", "contribution", "after")  # what the page knows of a share by a Python function

CSS = "page.tokens page"
JS = "draw engines fold layout story camera graph panels why verdict player"

_HERE = Path(__file__).parent


def page_data(explanation: Explanation) -> dict[str, Any]:
    """Return what the page's script needs to know."""
    graph, stream = explanation._graph, explanation._stream
    run = {(e["node"], e["slot"]): e for e in explanation.steps if e["kind"] == "closure"}
    labels = [clean(node.label) for node in graph.nodes.values() if node.label]
    longest = max(80, LABEL_CHARACTERS // max(len(labels), 1))
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
            "cut": node.op == CUT or None,
            "part": node.part or None,
            "given": local_derivatives(node, stream.data)[1] if given else None,
        }
        record = {key: item for key, item in more.items() if item is not None}
        nodes.append(
            [i, node.name, node.role, node.row, node.operands, node.data, explanation.engine.get(i), record]
        )
    neurons, layers = boxes(graph)
    rows = {node.row for node in graph.nodes.values()}
    happenings = list(dict.fromkeys(what for what, *_ in stream.plan))
    steps = []
    for what, i, *rest in stream.plan:
        event = run.get((i, *rest), {}) if what == "closure" else {}  # which runs in Python only
        steps.append([happenings.index(what), i, *rest, *(event[key] for key in CLOSURE if event)])
    return {
        "root": graph.root,
        "seed": explanation._seed,
        "outer": stream.outer,
        "chapters": list(CHAPTERS),
        "titles": list(CHAPTERS.values()),
        "phrases": PHRASES | WRONG_PHRASES,
        "cut": CUT_PHRASES,
        "said": SAID,
        "notes": NOTES,
        "reasons": {row: said for row, said in REASONS.items() if not row or row in rows},
        "engines": ENGINES,
        "refused": MESSAGES,
        "code": CODE,
        "groups": neurons,
        "layers": layers,
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

    Those of n-ary ops have `start` and step(x, y) too. `errors` and domain(x) say what the engine refuses.
    """
    rows = []
    for name, op in {**OP, "": LINEAR}.items():
        if name in names and op.value:
            derivatives = ",".join(f"(x,y,z,k)=>{e}" if e else "null" for e in op.derivatives)
            value = f"formula:{json.dumps(op.formula)},value:(x,y,k)=>{op.value}"
            fold = f",start:{op.fold[0]},step:(x,y)=>{op.fold[1]}" if op.fold else ""
            rows.append(f"{json.dumps(name)}:{{{value},local:[{derivatives}]{fold}{_refused(name)}}}")
    text = _text("ops.js").replace("%%FUNCTIONS%%", javascript_functions())
    return text.replace("%%ROWS%%", "{" + ",\n".join(rows) + "}")


def _refused(name: str) -> str:
    """Return what the op table says of the errors of an op, as fields of JavaScript; '' where it raises nothing."""
    code = NAMES.index(name) if name else -1
    errors = ffi.string(OPS[code].errors).decode() if name else "TOTAL"
    if errors != "TOTAL":
        return f",errors:{json.dumps(errors)},label:{json.dumps(LABELS[code].removesuffix('{}'))}"
    if not name or OPS[code].arity != 1 or OPS[code].takes_k or OPS[code].activation:
        return ""
    said = json.dumps(DOMAINS[code].replace("&&", "and"))
    return f',errors:"DOMAIN",label:{json.dumps(LABELS[code])},domain:x=>{checked(DOMAINS[code])},said:{said}'


def player(ops: Container[str] = NAMES) -> str:
    """Return the page without a graph, for mount() of embed.js: "%%DATA%%" stands for the data."""
    return _filled(
        {
            "TITLE": "Backpropagation, step by step",
            "NOTES": "",
            "OPS": javascript_ops({*NAMES, ""} if ops is NAMES else ops),
        }
    )


def page(explanation: Explanation) -> str:
    """Return the page of an explanation."""
    data = as_json(page_data(explanation), ensure_ascii=False, separators=(",", ":"))
    notes = "".join(f"<p>{escape(note)}</p>" for note in explanation.notes)
    summary = f"<summary>{escape(' '.join(explanation.notes))}</summary>"
    return _filled(
        {
            "TITLE": escape(explanation.title),
            "NOTES": f'<details id="notes">{summary}<div class="card">{notes}</div></details>' if notes else "",
            # In a script element "</script" would end it, and "<!--" would begin a comment.
            "DATA": data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
            "OPS": javascript_ops(
                {row for node in explanation._graph.nodes.values() for row in (node.row, node.activation)}
            ),
        }
    )


def _filled(parts: dict[str, str]) -> str:
    """Return page.html with its parts put in, each once: nothing in one is taken for the place of another."""
    script = '"use strict";\n' + parts["OPS"] + "".join(_slim(f"{name}.js") for name in JS.split())
    files = {
        "CSS": "".join(_slim(f"{name}.css") for name in CSS.split()),
        "SCRIPT": b64encode(zlib.compress(script.encode(), 9)).decode(),
    }
    out = []
    for i, piece in enumerate(_text("page.html").split("%%")):
        out.append((parts | files).get(piece, f"%%{piece}%%") if i % 2 else piece)
    return "".join(out)


def _slim(name: str) -> str:
    """Return a file without the comments and indents that are for those who read it here."""
    text = re.sub(r"^\s*/\*.*?\*/\n", "", _text(name), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^[ \n]+", "", text, flags=re.MULTILINE)
    return re.sub(r"(?<=[{;:,])\s+|\s+(?=[{}])", "", text) if name.endswith(".css") else text


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def frame(explanation: Explanation) -> str:
    """Return the page in a frame of its own, for a notebook: nothing in it meets the notebook's own scripts.

    A notebook that is not trusted leaves out frames and styles, and the style is what hides the remedy.
    """
    text = page(explanation)
    own = f"mgc-{zlib.crc32(text.encode('utf-8', 'replace')):x}"
    return (  # the frame is as high as the page needs where it is as wide
        f"<style>.{own}{{display:none}}.{own}-at{{container-type:inline-size}}.{own}-at iframe{{height:720px}}"
        f"@container (max-width:1040px){{.{own}-at iframe{{height:1020px}}}}"
        f"@container (max-width:680px){{.{own}-at iframe{{height:760px}}}}</style>"
        f'<p class="{own}">{escape(explanation.title)}: this notebook is not trusted, so the page is not shown. '
        "Run the cell, or trust the notebook (in JupyterLab: View, Activate Command Palette, Trust Notebook). "
        "The steps as text: <code>print(explanation.text())</code></p>"
        f'<div class="{own}-at"><iframe srcdoc="{escape(text)}" title="{escape(explanation.title)}" '
        'sandbox="allow-scripts" style="width:100%;border:1px solid #8886;border-radius:8px"></iframe></div>'
    )
