"""Pictures: what is in them, that they are valid, and that text stays text."""

import re
import shutil
import sys
import xml.etree.ElementTree as ET

import pytest
from graphs import SVG, article, boxes, edges, mlp, texts
from support import is_tracked, nothing_left_behind, run_python

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import core
from micrograd_c.viz import draw_dot, trace
from micrograd_c.viz.text import cut, width

NASTY = [
    "<script>alert(1)</script>",
    "a & b",
    "\"quoted\" 'twice'",
    "😀 emoji 日本語",
    "x" * 10_000,
    "]]>",
    "a\x00\x1b\ud800b",
    "-->",
]


# ---- what is in a picture ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_every_node_and_edge_is_in_the_svg(direction, theme):
    for root in (article(), mlp()[0], mlp(fused=False)[0]):
        picture = mg.draw(root, direction=direction, theme=theme, fold="none")
        order = mg.topological_order(root)
        assert sorted(boxes(picture)) == list(range(len(order)))
        from micrograd_c._core.walk import operands

        place = {v: i for i, v in enumerate(order)}
        expected = [(place[x], place[v], slot) for v in order for slot, x in enumerate(operands(v))]
        assert sorted(edges(picture)) == sorted(expected)


def test_box_shows_name_op_data_and_gradient():
    c = article()
    c.backward()
    shown = {tuple(texts(g)) for g in boxes(mg.draw(c)).values()}
    assert shown == {
        ("a", "data 2", "grad 3"),
        ("b", "data 3", "grad 3"),
        ("*", "e", "data 6", "grad 1"),
        ("+", "c", "data 9", "grad 1"),
    }


def test_gradients_are_shown_as_they_are():
    """Whether a 0 was computed is nowhere kept: the gradient of h is 0 after backward too."""
    a = Value(-1.0, label="a")
    h = a * 3.0
    out = h.relu()
    for run, shown in ((lambda: None, "0"), (out.backward, "1"), (lambda: mg.zero_grad(out), "0")):
        run()
        assert {texts(g)[-1] for g in boxes(mg.draw(h)).values()} == {"grad 0"}
        assert "all gradients are 0, as they are before backward()" in mg.draw(h).alt
        assert texts(boxes(mg.draw(out))[3])[-1] == f"grad {shown}"
    out.backward()
    assert mg.draw(out).alt.endswith("the gradient of out is 1.")


def test_constant_of_an_op_is_shown():
    x = Value(-2.0)
    for root, shown in (
        (x.leaky_relu(0.2), "LeakyReLU 0.2"),
        (x**3, "**3"),
        (x.tanh(), "tanh"),
        (mg.Neuron(1, activation="leaky_relu")([x]), "LeakyReLU(dot) 0.01"),
    ):
        picture = mg.draw(root, names={})
        *_, box = boxes(picture).values()
        op = " ".join(text.text for text in box.iter(f"{SVG}text") if text.get("class") == "mgc-o")
        assert op == shown.replace("U(dot)", "…") and f", {shown}): data" in box.find(f"{SVG}title").text
        assert f"= {shown}\\n" in picture.dot()


def test_kinds_are_told_apart_by_class_shape_and_words():
    loss, model = mlp()
    picture = mg.draw(loss, model)
    kinds = {}
    for g in boxes(picture).values():
        kind = g.get("class").split("mgc-")[-1]
        shape = next(child for child in g if "mgc-s" in child.get("class", ""))
        kinds.setdefault(kind, set()).add((shape.tag.removeprefix(SVG), shape.get("rx")))
        assert f"({kind}" in g.find(f"{SVG}title").text
    assert set(kinds) == {"constant", "parameter", "operation", "result"}
    assert len({frozenset(shapes) for shapes in kinds.values()}) == 4
    named = Value(1.0, label="x") * 2.0
    assert "mgc-input" in next(iter(boxes(mg.draw(named)).values())).get("class")


def test_colours_differ_in_both_themes_and_are_readable():
    from micrograd_c.viz.boxes import DARK, DARK_PAGE, LIGHT, LIGHT_PAGE

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a, b):
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for kinds, page in ((LIGHT, LIGHT_PAGE), (DARK, DARK_PAGE)):
        assert len({stroke for _, stroke in kinds.values()}) == len(kinds)
        for fill, stroke in kinds.values():
            assert contrast(fill, page["text"]) >= 7
            assert contrast(fill, page["muted"]) >= 4.5
            assert contrast(page["page"], stroke) >= 3  # the outline on the page, and the op's label on its badge
            assert contrast(page["page"], stroke) >= 4.5


def test_text_in_words_tells_what_the_picture_shows():
    picture = mg.draw(article())
    root = ET.fromstring(picture.svg())
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == picture.alt
    assert (
        picture.alt
        == "Graph of c = 9: 2 inputs, 1 operation, 1 result; all gradients are 0, as they are before backward()."
    )


def test_reading_changes_nothing():
    loss, model = mlp()
    loss.backward()
    before = [(v, v.data, v.grad, core.attributes(v), is_tracked(v)) for v in mg.topological_order(loss)]
    with nothing_left_behind():
        for more in ({}, {"unfold_neurons": True}, {"fold": "layer"}, {"fold": "neuron"}):
            picture = mg.draw(loss, model, **more)
            picture.svg(), picture.dot(), picture.html()
            del picture
    after = [(v, v.data, v.grad, core.attributes(v), is_tracked(v)) for v in mg.topological_order(loss)]
    assert after == before


# ---- text stays text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_names_are_shown_and_never_interpreted(name, tmp_path):
    a = Value(1.0, label=name)
    out = Value(2.0, (a,), name)
    picture = mg.draw(out * a)
    g = boxes(picture)[0]
    title = g.find(f"{SVG}title").text
    whole = " ".join(re.sub("[\x00\x1b\ud800]", "\ufffd", name).split())
    assert title.startswith(whole + " (input)")
    shown = texts(g)[0]
    assert shown == cut(whole, 24)
    assert width(shown) <= 24
    for ending in ("svg", "html", "dot"):
        picture.save(tmp_path / f"p.{ending}")
        text = (tmp_path / f"p.{ending}").read_bytes().decode("utf-8")
        if ending != "dot":
            assert "<script>alert" not in text
    ET.fromstring(picture.svg())
    ET.fromstring(mg.draw(out, theme="dark", direction="TB").svg())


def test_dot_strings_are_quoted():
    picture = mg.draw(Value(1.0, label='a"] ; evil [label="\\') * 2.0)
    line = next(line for line in picture.dot().splitlines() if "evil" in line)
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert any("evil" in s for s in strings)
    assert re.sub(r'"((?:[^"\\]|\\.)*)"', "", line).count("evil") == 0


# ---- files -------------------------------------------------------------------------------------------------------


def test_saves_by_the_end_of_the_name(tmp_path):
    picture = mg.draw(article())
    for ending, begin in (("svg", "<svg"), ("html", "<!DOCTYPE html>"), ("dot", "digraph")):
        picture.save(tmp_path / f"c.{ending}")
        assert (tmp_path / f"c.{ending}").read_text("utf-8").startswith(begin)
    with pytest.raises(ValueError, match=r"'.gif' is no format; use .svg, .html, .dot or .png"):
        picture.save(tmp_path / "c.gif")


def test_png_comes_from_a_converter_or_says_what_to_install(tmp_path, monkeypatch):
    picture = mg.draw(article())
    try:
        picture.save(tmp_path / "c.png")
    except RuntimeError as error:
        assert "pip install cairosvg" in str(error)
    else:
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(RuntimeError, match="pip install cairosvg"):
        picture.save(tmp_path / "d.png")


def test_notebook_shows_a_picture_by_itself():
    picture = mg.draw(article())
    assert picture._repr_svg_().startswith("<svg") and picture._repr_html_().count("<img") == 1


def test_pictures_of_the_same_graph_are_the_same():
    assert mg.draw(article()).svg() == mg.draw(article()).svg()


@pytest.mark.parametrize("wrong", [{"direction": "up"}, {"fold": "all"}, {"theme": "pink"}])
def test_unknown_options_are_refused(wrong):
    with pytest.raises(ValueError, match=f"draw: {next(iter(wrong))} must be one of"):
        mg.draw(article(), **wrong)


# ---- as scripts for micrograd draw -------------------------------------------------------------------------------


def edges_of(root):
    """What a script finds that follows `_prev`: the nodes, and the pairs of an operand and its reader."""
    nodes, edges, todo = {root}, set(), [root]
    while todo:
        reader = todo.pop()
        edges |= {(operand, reader) for operand in reader._prev}
        todo += reader._prev - nodes
        nodes |= reader._prev
    return nodes, edges


def test_trace_finds_what_a_script_finds():
    for root in (article(), mlp()[0]):
        assert trace(root) == edges_of(root)


def test_a_scripts_own_picture_has_the_arrows_of_draw_dot():
    graphviz = pytest.importorskip("graphviz")
    nodes, edges = edges_of(article())
    theirs = graphviz.Digraph()
    for v in nodes:
        theirs.node(f"value {id(v)}", label=f"{v.data} {v.grad}", shape="record")
        if v._op:
            theirs.edge(f"op {id(v)}", f"value {id(v)}")
    for operand, reader in edges:
        theirs.edge(f"value {id(operand)}", f"op {id(reader)}")

    ours = draw_dot(article()).source
    assert theirs.source.count("->") == ours.count("->") == 6
    assert ours.count("shape=record") == 4


def test_draw_dot_is_a_digraph_where_graphviz_is_there_and_a_picture_else(monkeypatch):
    graphviz = pytest.importorskip("graphviz")
    dot = draw_dot(article(), format="png", rankdir="TB")
    assert isinstance(dot, graphviz.Digraph) and dot.format == "png" and "rankdir=TB" in dot.source
    a = Value(1.0, label="{evil | <x>} \\")
    assert r"\{evil\ \|\ \<x\>\}" in draw_dot(a * a).source
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert "<svg" in draw_dot(article())._repr_svg_()
    with pytest.raises(ValueError, match="rankdir must be LR or TB"):
        draw_dot(article(), rankdir="RL")


# ---- speed: a bound that only a change of the algorithm breaks ---------------------------------------------------


@pytest.mark.slow
def test_work_grows_with_the_size_of_the_graph_and_not_faster():
    code = """
import random, sys
import micrograd_c as mg
random.seed(0)
model = mg.MLP(2, [16, 16, 1], fused=False)
loss = sum((model([random.random(), 1.0]) - 1) ** 2 for _ in range(int(sys.argv[1])))
calls = 0
def count(*_):
    global calls
    calls += 1
sys.setprofile(count)
mg.draw(loss, fold="none", limit=None).svg()
sys.setprofile(None)
print(calls)
"""
    few, many = (int(run_python("-c", code, n).stdout) for n in (3, 12))
    assert many < 5 * few


@pytest.mark.parametrize("above", [False, True])
def test_lines_are_limited_as_boxes_are_and_the_picture_says_so(above):
    x = Value(1.0, label="x")
    total = mg.sum([x] * 1000)
    svg = mg.draw(total * 2.0 if above else total, names={}, limit=20).svg()
    drawn = svg.count('class="mgc-e"')
    assert drawn == (2 if above else 19)
    assert f"{drawn} of {1002 if above else 1000} lines are drawn, those nearest to the root" in svg
    assert mg.draw(total, names={}, limit=None).svg().count('class="mgc-e"') == 1000
