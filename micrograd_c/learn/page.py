"""The lesson: one file of HTML that goes from a slope to a training loop, with a scene to drag for each idea.

What is in it: `scenes/words.json`, which has all sentences; the scenes, one file each; and what Python knows better
than they do: the graphs, the steps of their backward, the rules of the ops, the answers to the questions.
It asks for nothing from outside.
"""

from __future__ import annotations

import json
import os
import random
import zlib
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

from .._core.absent import say_of
from ..engine import Value
from ..nn import MLP, Layer
from ..viz.explanation import explain
from ..viz.page import as_json, javascript_ops, page_data, player
from ..viz.picture import draw

__all__ = ["Lesson", "lesson"]

SECTIONS = ("slope", "gradient", "history", "backward", "network", "training")
SCRIPTS = (
    "state draw controls engine question field hero slope gradient graph history backward network training page"
)
PACKED = ("hints", "praise", "after")  # what tells an answer

TRAINED = (2, [8, 8, 1])  # the network of the last part

_SCENES = Path(__file__).parent / "scenes"
_VIZ = Path(__file__).parent.parent / "viz"


def _text(name: str) -> str:
    return (_SCENES / name).read_text(encoding="utf-8")


def _shared(name: str) -> str:
    """Return what the explainer's file says before its first part for that page alone."""
    return _VIZ.joinpath(name).read_text(encoding="utf-8").partition("/* ---- ")[0]


def words() -> dict[str, Any]:
    """Return the table of all sentences; a translation is another one."""

    def marked(item: Any) -> Any:
        if isinstance(item, str):
            for kind in "vgl":  # a value, a gradient, a local derivative, in their colours
                item = item.replace(f"<{kind}>", f'<em class="{kind}">').replace(f"</{kind}>", "</em>")
            return item
        if isinstance(item, dict):
            return {key: marked(part) for key, part in item.items()}
        return [marked(part) for part in item]

    table: dict[str, Any] = marked(json.loads(_text("words.json")))
    return table


def _labelled(**data: float) -> list[Value]:
    return [Value(number, label=name) for name, number in data.items()]


def _graph(root: Value) -> dict[str, Any]:
    """Return a graph, and the shares that its backward hands on, in their order."""
    explanation = explain(root, names={})
    nodes, steps = explanation._graph.nodes, explanation._stream.plan
    return {
        "root": nodes[explanation._graph.root].name,
        "nodes": [
            [node.name, node.row if node.operands else "", [nodes[i].name for i in node.operands], node.op, node.k]
            for node in nodes.values()
        ],
        "shares": [[nodes[i].name, rest[0]] for what, i, *rest in steps if what == "share"],
    }


def _parabola(at: float) -> list[Value]:
    (x,) = _labelled(x=at)
    return [x * x, x]


def _bowl(*at: float) -> list[Value]:
    x, y = _labelled(x=at[0], y=at[1])
    return [x * x + y * y, x, y]


def _article(*at: float) -> list[Value]:
    a, b = _labelled(a=at[0], b=at[1])
    tmp = a * b
    c = tmp + b
    tmp.label, c.label = "tmp", "c"
    return [c, a, b]


def _sample() -> dict[str, Any]:
    """Return the graph of the loss at one point, for the explainer's player, and the names of its parameters.

    Their order is that of the page's networks: neuron by neuron, its weights and then its bias.
    """
    inputs, sizes = TRAINED
    model = MLP(inputs, sizes, activation="tanh")
    model.layers[-1] = Layer(sizes[-2], sizes[-1], activation="tanh")
    for parameter in model.parameters():
        parameter.data = 0.0  # the page gives them its own
    *x, truth = _labelled(x1=0.0, x2=0.0, truth=1.0)
    for number, layer in enumerate(model.layers[:-1], 1):
        x = layer(x)
        for i, out in enumerate(x, 1):
            out.label = f"h{number}.{i}"
    guess = model.layers[-1](x)
    loss = (guess - truth) ** 2
    guess.label, loss.label = "guess", "loss"
    explanation = explain(loss, model, names={})
    names = {id(node.value): node.name for node in explanation._graph.nodes.values()}
    neurons = (neuron for layer in model.layers for neuron in layer.neurons)
    return {
        "data": page_data(explanation),
        "names": [names[id(p)] for neuron in neurons for p in (*neuron.w, neuron.b)],
    }


def _still() -> str:
    """Return what is printed in the place of the player."""
    values = _article(2.0, 3.0)
    _slope(values)
    return draw(values[0], names={}, theme="light", legend=False).svg()


def _slope(value: list[Value]) -> float:
    """Return the gradient of the last leaf."""
    value[0].backward()
    return value[-1].grad


def _answers() -> dict[str, float]:
    """Return the right answers, which the engine knows; of a choice the number of the line."""
    return {
        "slope": _slope(_parabola(3.0)),
        "gradient": 2.0 / _slope(_bowl(1.0, 2.0)),
        "history": 2,
        "backward": _slope(_article(4.0, 7.0)),
        "network": len(MLP(2, [4, 4, 1]).parameters()),
        "training": 1,
    }


def _script(data: Any) -> str:
    """Return data as JSON that may stand in a script element, where "</script" or "<!--" would end it."""
    return as_json(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _section(number: int, name: str, table: dict[str, Any]) -> str:
    teaser = f'<p class="teaser">{table["teaser"]}</p>\n' if "teaser" in table else ""
    first, *rest = (f"<p>{text}</p>\n" for text in table["text"])
    head, note = table["aside"]
    aside = f'<div class="aside" role="note"><b>{head}</b>{note}</div>\n'
    return (
        f'<section id="{name}">\n<h2><span class="number">{number}</span>{table["title"]}</h2>\n{teaser}'
        f'<div class="prose">\n{first}{aside}{"".join(rest)}</div>\n'
        f'<figure class="scene" id="{name}-scene"></figure>\n'
        f'<div class="question" data-question="{name}"></div>\n</section>\n'
    )


def page(table: dict[str, Any]) -> str:
    """Return the page with the sentences of a table."""
    state = random.getstate()  # networks draw their weights, which nobody shall notice
    try:
        return _page(table)
    finally:
        random.setstate(state)


def _page(table: dict[str, Any]) -> str:
    answers = {
        name: {"answer": answer} | {key: table[name][key] for key in PACKED} for name, answer in _answers().items()
    }
    graphs = {"slope": _parabola(3.0), "gradient": _bowl(1.0, 2.0), "history": _article(2.0, 3.0)}
    given = {
        "words": {name: {k: v for k, v in part.items() if k not in PACKED} for name, part in table.items()},
        "graphs": {name: _graph(values[0]) for name, values in graphs.items()},
        "player": player({"ADD", "SUB", "MUL", "POW", "TANH", "DOT", ""}),
        "still": _still(),
        "article": page_data(explain(_article(2.0, 3.0)[0], names={})),
        "sample": _sample(),
        "answers": b64encode(_script(answers).encode()).decode(),
    }
    parts = {f"{name}.{key}": text for name in ("page", "hero") for key, text in table[name].items()}
    parts |= {
        "CSS": _shared("page.tokens.css") + _text("lesson.css"),
        "SECTIONS": "\n".join(_section(i, name, table[name]) for i, name in enumerate(SECTIONS, 1)),
        "GIVEN": _script(given),
        "OPS": javascript_ops({"ADD", "SUB", "MUL", "POW", "TANH", "RELU"}),
        "JS": _shared("embed.js") + _shared("draw.js") + "\n".join(_text(f"{name}.js") for name in SCRIPTS.split()),
    }
    return "".join(parts.get(piece, piece) for piece in _text("lesson.html").split("%%"))


class Lesson:
    """The lesson, as a notebook shows it; `html(path)` writes it to a file."""

    def html(self, path: str | os.PathLike[str]) -> None:
        """Write the lesson to a file: one page that needs nothing else, and no network."""
        Path(path).write_text(page(words()), encoding="utf-8")

    def _repr_html_(self) -> str:
        text = page(words())
        own = f"mgc-{zlib.crc32(text.encode()):x}"
        title = escape(words()["page"]["title"])
        return (
            f'<style>.{own}{{display:none}}</style><p class="{own}">{title}: this notebook is not trusted, so the '
            'lesson is not shown. Write it to a file: <code>mg.lesson().html("lesson.html")</code></p>'
            f'<iframe srcdoc="{escape(text)}" title="{title}" sandbox="allow-scripts" '
            'style="width:100%;height:860px;border:1px solid #8886;border-radius:8px"></iframe>'
        )


say_of(Lesson, dict.fromkeys(("save", "show", "open"), "write html('lesson.html'), and open that file"))


def lesson() -> Lesson:
    """Return the lesson: from a slope over gradient, graph and backward to a network that learns.

    In a notebook it is shown; elsewhere `lesson().html(path)` writes it as one file.

    Returns
    -------
    Lesson
    """
    return Lesson()
