"""Explanations and pictures of random graphs of all ops, with names, numbers and classes that mean harm."""

import json
import math
import re
import traceback
import warnings
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from graphs import check_gradients

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((Path(mg.__file__).parent / "viz" / "explanation.schema.json").read_text())
HARM = ["<b onload=x>", "</script><script>alert(1)</script>", "<!--", "\ud800", "\u202e", "\u2028", "\0", "x" * 300]
HARM += ["\\", "\n", " ", "", "layers.0.neurons.0.w.0", "a", "a", "a_1", "e", "k1", "rest", "d.1", "'\"&amp;"]
HARM += ["%%JS%%", "{0}", "{x}", "é𝒂👍", "]]>", "--", "__proto__", "constructor", "L0.N0.w1", "${a}", "`"]


class Same(Value):
    """Its Values compare equal by their data."""

    def __eq__(self, other):
        return self.data == getattr(other, "data", other)

    def __hash__(self):
        return hash(self.data)


class Plain(Value):
    """A class of the user's."""


def number(rng):
    return rng.choice(
        [rng.uniform(-2, 2)] * 8 + [0.0, -0.0, 1.0, 1e300, -1e-300, 5e-324, math.inf, -math.inf, math.nan]
    )


def by_hand(rng, operands):
    out = Value(number(rng), tuple(operands), rng.choice(["", "op", *HARM]))
    slopes = [number(rng) for _ in operands]

    def backward():
        for x, slope in zip(operands, slopes):
            x.grad += slope * out.grad

    out._backward = backward
    return out


def grown(rng, values):
    """Return one more node."""
    x, y = rng.choice(values), rng.choice(values)
    some = [rng.choice([*values, number(rng)]) for _ in range(rng.randrange(0, 8))]
    kind = rng.randrange(12)
    if kind == 0:
        return mg.sum(some)
    if kind == 1:
        return mg.dot(some, [rng.choice([*values, number(rng)]) for _ in some], rng.choice([None, x]))
    if kind == 2:
        return by_hand(rng, dict.fromkeys([x, y]) if not isinstance(x, Same) and not isinstance(y, Same) else [x])
    if kind == 3:
        children = [rng.choice(values) for _ in range(rng.randrange(1, 7))]
        slopes = [rng.choice([number(rng), Value(number(rng)), rng.choice(values)]) for _ in children]
        if rng.random() < 0.5:
            slopes = [v.data if isinstance(v, Value) else v for v in slopes]
        return Value(number(rng), children, rng.choice(["", *HARM]), local_grads=slopes)
    if kind == 4:
        return mg.where(x.less(y), x, y)
    if kind == 5:
        return mg.Neuron(2, nonlin=rng.random() < 0.5)([x, number(rng)])
    if kind == 6:
        return rng.choice([x + 2, 2 - x, x * 0.5, x**2, -x, 3 * x])
    op = rng.choice([op for op in range(len(OPS)) if OPS[op].method])
    name = NAMES[op].lower()
    method = getattr(x, name, None) or getattr(x, f"__{name}__")
    if OPS[op].takes_k:
        return method(rng.choice([2, 3, 0.5, -1]))
    return method(y) if OPS[op].arity == 2 else method()


def graph(rng):
    values = [rng.choice([Value, Value, Value, Same, Plain])(number(rng)) for _ in range(rng.randrange(1, 5))]
    for _ in range(rng.choice([0, 1, 3, 10, 40])):
        try:
            values.append(grown(rng, values[-12:]))
        except (ValueError, ArithmeticError):
            continue
    for value in values:
        if rng.random() < 0.4:
            value.label = rng.choice(HARM)
        if rng.random() < 0.05:
            value.data = number(rng)  # assigned: what reads it is stale
    return values


class Tags(HTMLParser):
    """The elements of a page, and the attributes that run something."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts = set(), 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        self.scripts += tag == "script"
        assert not [name for name, _ in attributes if name.startswith("on")], (tag, attributes)
        assert not [text for _, text in attributes if text and text.strip().lower().startswith("javascript:")]


def check_svg(text):
    root = ElementTree.fromstring(text)
    allowed = {
        "svg",
        "title",
        "style",
        "defs",
        "marker",
        "path",
        "rect",
        "g",
        "text",
        "circle",
        "ellipse",
        "polygon",
    }
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag in allowed, tag
        assert not [name for name in element.attrib if name.startswith("on")]
        numbers = element.attrib.get("d", "") + element.attrib.get("points", "")
        assert "nan" not in numbers and "inf" not in numbers


def check_given(explanation, page):
    """Each share of a node with given derivatives is a step with the number that was given."""
    nodes = explanation._graph.nodes
    wanted = {}
    for i, node in nodes.items():
        if node.row == "GIVEN" and node.operands:
            assert not node.closure
            wanted[i] = [float(getattr(d, "data", d)) for d in node.value._local_grads]
    silent = {step["node"] for step in explanation.steps if step["kind"] == "unreached"}
    told = {i: [None] * len(slopes) for i, slopes in wanted.items() if i not in silent}
    for step in explanation.steps:
        if step["phase"] == 6 and step["node"] in told and "operand" in step:
            assert (step["kind"] in ("first", "more"), step["formula"]) == (True, "given"), step
            assert step["operand"] == nodes[step["node"]].operands[step["slot"]]
            told[step["node"]][step["slot"]] = step["local"]
    assert repr(told) == repr({i: slopes for i, slopes in wanted.items() if i not in silent})
    assert explanation.text().count(", given)") >= sum(map(len, told.values()))
    on_page = {i: [float(d) for d in more["given"]] for i, *_, more in page if "given" in more}
    assert repr(on_page) == repr(wanted)
    if wanted:
        try:
            explanation.what_if()
        except (ValueError, ArithmeticError) as error:  # or a node before it has operands that its op refuses
            frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            assert "made by hand" in str(error) or "refuse" in frames, error
        else:
            raise AssertionError("what_if went past a node made by hand")


def check_json(text, by_schema):
    data = json.loads(text, parse_constant=lambda word: 1 / 0)
    names = [node["name"] for node in data["nodes"]]
    assert len(set(names)) == len(names), names
    if by_schema and jsonschema:  # which is slow
        jsonschema.validate(data, SCHEMA)


def case(rng):
    warnings.simplefilter("ignore")
    values = graph(rng)
    root = values[-1]
    before = [(v, v.data, v.grad, v.label) for v in values]
    names = rng.choice([None, {}, dict(zip("abcdefgh", values))])
    seed = rng.choice([1.0, 1.0, -2.5])
    unfolded, limit = rng.random() < 0.3, rng.choice([10**6, 10**6, 300, 7, 1])
    around = rng.choice([None, None, rng.choice(mg.topological_order(root))])
    explanation = mg.explain(root, names=names, unfold_neurons=unfolded, limit=limit, seed=seed, around=around)
    text = explanation.text()
    text.encode()
    assert "\x00" not in text
    check_json(explanation.json(), len(explanation.steps) < 60)
    page = explanation.html()
    page.encode()
    tags = Tags(page)
    assert tags.scripts == Tags(PLAIN).scripts and tags.found <= ALLOWED | NOTES, tags.found - ALLOWED
    (data,) = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL) or ["{}"]
    json.loads(data)
    assert Tags(explanation._repr_html_()).found == {"style", "p", "code", "div", "iframe"}
    options = {"fold": rng.choice(["auto", "none", "neuron", "layer"]), "limit": rng.choice([None, 5000, 3])}
    options["direction"] = rng.choice(["LR", "TB"])
    picture = mg.draw(root, names=names, unfold_neurons=unfolded, **options)
    check_svg(picture.svg())
    assert Tags(picture._repr_html_()).found == {"div", "img"}
    picture.html().encode()
    dot = picture.dot()
    dot.encode()
    assert dot.count("\n") == len(picture._graph.nodes) + len(picture._graph.edges) + 4
    for v, x, grad, label in before:
        assert (repr(v.data), repr(v.grad), v.label) == (repr(x), repr(grad), label)
    check_given(explanation, json.loads(data)["nodes"] if data else [])
    if not unfolded and around is None and limit == 10**6:
        check_gradients(root, explanation, seed)


PLAIN = mg.explain(Value(1.0, label="a") * 2.0 + Value(1.0, label="b"), names={}).html()
ALLOWED = Tags(PLAIN).found | {"p", "ellipse", "circle", "polygon", "rect"}
NOTES = {"details", "summary"}  # where the explanation leaves something out
