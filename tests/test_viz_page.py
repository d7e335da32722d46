"""What the explainer's page tells: each step and each number is that of Python and of the engine."""

from __future__ import annotations

import json
import math
import operator
import re

import pytest
from explainer import CHECKED, Page, every_op, neuron, samples, texts
from graphs import article, random_graph, wild_graph

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.viz.rules import evaluate

pytestmark = [pytest.mark.slow, pytest.mark.once]


def test_page_opens_from_a_file_without_error_or_request(page):
    assert page.text("h1") == "c and what it was computed from"
    assert page.run("return RUN.events.length") == len(page.explanation.steps) == 32
    page.shoot("start")
    page.assert_silent()


def test_page_steps_to_the_end_and_shows_the_gradients(page):
    while page.find("#next").is_enabled():
        page.find("#next").click()
    assert page.run("return at === stops.length - 1")
    assert page.gradients() == {"a": "3", "b": "3", "e": "1", "c": "1"}
    page.shoot("end")
    page.assert_silent()


@pytest.mark.parametrize("make", [article, lambda: neuron()[0], every_op], ids=["article", "neuron", "every op"])
def test_page_tells_the_same_steps_as_python(browser, tmp_path, make):
    explanation = mg.explain(make())
    page = Page(browser, explanation, tmp_path / "page.html")
    texts = page.run("return RUN.events.map(e => e.text)")
    assert texts == [step["text"] for step in explanation.steps]
    assert page.run(CHECKED).startswith("Checked:")
    page.assert_silent()


NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan)(?!\w)")


def assert_told_alike(pages, python):
    """The same sentences; the last digits of numbers may differ, since exp and its like differ between C and V8."""
    assert [NUMBER.sub("#", text) for text in pages] == [NUMBER.sub("#", text) for text in python]
    for mine, wanted in zip(pages, python):
        numbers = [[float(x) for x in NUMBER.findall(text)] for text in (mine, wanted)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-6, abs=1e-12, nan_ok=True), (mine, wanted)


def test_page_tells_random_graphs_as_python_does(browser, tmp_path, rng):
    for make in [random_graph] * 5 + [lambda rng: wild_graph(rng)[0]] * 15:
        explanation = mg.explain(make(rng), limit=10**6)
        page = Page(browser, explanation, tmp_path / "page.html")
        assert_told_alike(texts(page), [step["text"] for step in explanation.steps])
        page.assert_silent()


def test_page_tells_edited_data_as_python_tells_a_graph_of_these_data(browser, tmp_path, rng):
    """After edits of leaves, and back to the first data."""
    for _ in range(8):
        root, leaves = wild_graph(rng, numbers=[0.0, 1.0, -1.0, 0.5, 12345678.5])
        explanation = mg.explain(root, limit=10**6)
        page = Page(browser, explanation, tmp_path / "page.html")
        before = texts(page)
        nodes = explanation._graph.nodes
        data = {i: node.data for i, node in nodes.items()}
        for i, node in nodes.items():
            if not node.operands and node.value in leaves:
                data[i] = rng.choice([0.0, -1.5, 2.25, 1e-9])
                page.run("NODE.get(arguments[0]).data = arguments[1]", i, data[i])  # what the engine may refuse
            elif node.operands:
                data[i] = evaluate(node, data)
            node.value.data = data[i]
        page.run("refresh(true)")
        again = mg.explain(root, limit=10**6, names={node.name: node.value for node in nodes.values()})
        assert_told_alike(texts(page), [step["text"] for step in again.steps])
        page.run("resetData()")
        assert texts(page) == before
        page.assert_silent()


def around():
    e = article()
    return mg.explain(e * e, around=e)


def partial():
    x = Value(0.5, label="a")
    return mg.explain((x * x + 1.0).tanh() * x * 2.0, limit=6)


@pytest.mark.parametrize("make", [lambda: mg.explain(article(), seed=-2.0), around, partial])
def test_gradient_that_is_no_derivative_of_the_result_is_not_called_so(browser, tmp_path, make):
    explanation = make()
    page = Page(browser, explanation, tmp_path / "page.html")
    assert_told_alike(texts(page), [step["text"] for step in explanation.steps])
    last = next(step for step in explanation.steps if step["kind"] == "gradient" and "a.grad" in step["text"])
    page.run("go(stops.findIndex(i => i === arguments[0]))", last["index"])
    assert page.text("#now") == last["text"] and "a.grad" in page.text("#rule") and not page.all("#rule .frac")
    if make is partial:
        assert "by what is shown" in page.text("#code")
        assert "not shown" in page.text("#rule") and not page.box("a").find_elements("css selector", ".edit")
    else:
        seed = explanation.data()["seed"]
        assert f"backward(seed={seed})" in page.text("#code") and "✓ agrees" in page.text("#rule")
        assert f"quotient × {seed:g}:".replace("-2", "(−2)") in page.text("#rule")
        page.go("seed")
        assert page.text("#now") == next(step["text"] for step in explanation.steps if step["kind"] == "seed")
        page.set("a", "5")  # dloss/dz is another number there
        page.end()
        assert page.text("#now").startswith(f"{seed:g} * d")
    page.assert_silent()


def test_page_blames_no_engine_for_data_that_were_assigned(browser, tmp_path):
    w = Value(2.0, label="w")
    root = (w * 3.0).tanh() * w
    w.data -= 1.5
    page = Page(browser, mg.explain(root), tmp_path / "page.html")
    page.run("pressed('list-tabs', 'list', 'values')")
    for i in range(2):
        page.go("gradient", last=i)
        assert "✕" not in page.text("#rule") + page.text("#values") and "cannot be trusted" not in page.text(
            "#rule"
        )
    page.set("w", "0.25")
    page.end()
    assert "✓ agrees" in page.text("#rule")


def test_nudge_is_not_called_as_a_value(browser, tmp_path):
    h, x = Value(2.0, label="h"), Value(3.0, label="x")
    page = Page(browser, mg.explain(h * x), tmp_path / "page.html")
    page.go("first")
    page.find("#rule .foot button").click()
    assert "h longer by h′ adds" in page.text("#why .say") and "Nudge h by h′" in page.text("#why .nudge")


def test_branch_that_is_not_taken_gets_no_share_on_the_page(browser, tmp_path):
    x = Value(0.0, label="x")
    root = mg.where(x.greater(0), x.sqrt(), 2 * x)
    root.label = "root"
    page = Page(browser, mg.explain(root), tmp_path / "page.html")
    gradient = "return RUN.grad.get(arguments[0])"
    assert page.run(gradient, 0) == 2.0 and page.run(CHECKED).startswith("Checked:")
    assert page.set("x", "4") == ""
    assert page.run(gradient, 0) == 0.25
    assert page.set("x", "0") == ""
    root.backward()
    root.backward()
    for engine, expected in (("overwrite", 2.0), ("twice", x.grad)):
        page.choose(engine)
        assert page.run(gradient, 0) == expected
    page.assert_silent()


def test_page_arithmetic_is_that_of_the_engine_for_each_op(browser, tmp_path):
    explanation = mg.explain(every_op())
    page = Page(browser, explanation, tmp_path / "page.html")
    got = page.run("return NODES.map(n => RIGHT.grad.get(n.id))")
    assert got == pytest.approx(list(explanation.engine.values()), rel=1e-13, abs=1e-300)
    anew = page.run("edited = true; return [...forward().values()]")
    assert anew == pytest.approx([node.data for node in explanation._graph.nodes.values()], rel=1e-13)


def test_page_shows_a_gradient_only_when_it_is_computed(page):
    """In the boxes, in the table and in the list."""
    assert set(page.gradients().values()) == {""}
    page.go("seed")
    assert page.gradients() == {"a": "0", "b": "0", "e": "0", "c": "1"}
    page.find("#list-tabs button[data-name=values]").click()
    page.go("append")
    assert [row.text for row in page.all("#values td.g")] == [""] * 4
    page.find("#list-tabs button[data-name=steps]").click()
    page.go("more")
    told = [row.text for row in page.all("#steps .sum")]
    assert told == ["", "0 + 1 = 1", "0 + 1 = 1", "", "0 + 3 = 3", "1 + 2 = 3"]
    page.find("#back").click()
    assert page.all("#steps .sum")[-1].text == ""


def test_the_lit_line_the_rule_and_the_code_say_the_same_share(page):
    page.go("more")
    step = next(step for step in page.explanation.steps if step["kind"] == "more")
    assert page.run("return stops[at]") == step["index"]
    lit = page.run(
        "return [...view.links.values()].filter(l => l.g.classList.contains('lit')).map(l => l.edge.key)"
    )
    assert lit == [f"{step['node']}:{step['slot']}"]
    assert page.find("#rule .equation").get_attribute("aria-label") == "new gradient of b: 3"
    assert (
        page.text("#rule .product").replace("\n", " ").split()[-1] == "2"
        and page.find("#rule .product").get_attribute("data-share") == "share 2"
    )
    assert page.text("#code .now").strip() == "b.grad += a * e.grad"
    assert page.text(".local.lit").endswith("= 2") and page.text(".tag") == "1 + 2 = 3"
    page.shoot("share")


def test_calls_and_topo_fill_while_visiting(page):
    page.go("skip")
    assert "build(c)" in page.text("#rule .calls") and "build(b)" in page.text("#rule .calls")
    assert page.text("#now") == "b was visited before. Do not list it twice."
    page.go("append", last=True)
    assert [chip.text for chip in page.all("#order .chip")] == ["a", "b", "e", "c"]
    page.shoot("visit")


def test_a_folded_neuron_passes_what_its_parts_pass(browser, tmp_path):
    """The share of the whole box is the sum of what arrives by the single steps within."""
    page = Page(browser, samples(), tmp_path / "page.html")
    shown = page.run("""return stops.map(i => asShown(RUN.events[i])).filter(e => e.box)
        .map(e => [e.upstream * e.local, e.contribution])""")
    assert len(shown) >= 4
    for whole, arrived in shown:
        assert whole == pytest.approx(arrived, rel=1e-12)


def test_every_rule_has_its_reason_and_its_picture(browser, tmp_path):
    """The nudge that is told is what the engine computes there."""
    page = Page(browser, mg.explain(every_op(), limit=None), tmp_path / "page.html")
    told = page.run("""openWhy(); return NODES.filter(n => n.operands.length && n.operands.length < 3).map(n => {
        const slot = localOf(n).findIndex(x => x !== null);
        if (slot < 0) return null;
        Object.assign(reasons, {node: n, slot, h: .125});
        reasons.render();
        const xs = n.operands.map((i, s) => DATA_NOW.get(i) + (s === slot ? .125 : 0));
        return [n.id, n.row, xs, compute(n, xs), $("why").querySelector(".say").textContent,
          $("why").querySelectorAll(".picture *").length]; }).filter(Boolean)""")
    nodes = page.explanation._graph.nodes
    assert {"ADD", "SUB", "MUL", "TRUEDIV", "TANH", "ERF", "POW"} <= {row for _, row, *_ in told}
    for i, row, xs, moved, said, parts in told:
        node = nodes[i]
        expected = evaluate(node, dict(zip(node.operands, xs)) if len(set(node.operands)) == len(xs) else {})
        if expected is not None:
            assert moved == pytest.approx(expected, rel=1e-12), row
        assert said and "undefined" not in said and "{" not in said and parts > 4, (row, said)
    page.assert_silent()


OPERATORS = {
    "ADD": operator.add, "SUB": operator.sub, "MUL": operator.mul, "TRUEDIV": operator.truediv, "POWER": pow,
    "NEG": operator.neg, "ABS": abs,
}  # fmt: skip


def engine_says(node, xs):
    """What Python says of an op at these numbers; '' where it computes it."""
    values = [Value(x) for x in xs]
    try:
        if node.row == "POW":
            values[0] ** node.k
        elif node.row in OPERATORS:
            OPERATORS[node.row](*values)
        else:
            method = getattr(values[0], node.row.lower())
            method(*values[1:], *[node.k] * (node.k is not None))
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return ""


def test_page_refuses_what_the_engine_refuses_in_its_words(browser, tmp_path):
    x, y = Value(0.4, label="x"), Value(0.7, label="y")
    page = Page(browser, mg.explain(every_op() + x**-1 + x**0.5 + x**y, limit=None), tmp_path / "page.html")
    wild = [
        0.0,
        -1.0,
        2.0,
        -0.5,
        1e-5,
        -1e-7,
        1e16,
        123456789.125,
        1e200,
        -1e308,
        math.inf,
        -math.inf,
        math.nan,
        710.0,
    ]
    nodes = [
        n
        for n in page.explanation._graph.nodes.values()
        if len(n.operands) in (1, 2) and n.row not in ("SUM", "DOT", "INSTEAD")
    ]
    asked = [
        (n, [p] if len(n.operands) == 1 else [p, q])
        for n in nodes
        for p in wild
        for q in (wild if len(n.operands) == 2 else [0])
    ]
    got = page.run(
        """return JSON.parse(arguments[0]).map(([id, xs]) => {
        const n = NODE.get(id), numbers = xs.map(real);
        return refused(n, numbers, compute(n, numbers)); })""",
        json.dumps([[n.id, [x if math.isfinite(x) else str(x) for x in xs]] for n, xs in asked]),
    )
    refusals = 0
    for (node, xs), said in zip(asked, got):
        assert said == engine_says(node, xs), (node.row, xs, node.k)
        refusals += said != ""
    assert refusals > 100


def test_edit_takes_what_float_takes(browser, tmp_path):
    """And refuses the rest in float's words; besides, a comma and a real minus are understood."""
    page = Page(browser, mg.explain(Value(3.0, label="a") + 1), tmp_path / "page.html")
    numbers = "2 -2.5 +.5 5. 1e3 1E-3 1_000 1_0.0_1e1_0 inf -inf +Infinity nan -NaN 1e400"
    words = "_1 1_ 1__0 1e _ . e5 0x10 1.2.3 abc 2j infin nanx --1 1_.5 True"
    for text in f"{numbers} {words}".split():
        page.run("resetData()")
        said = page.set("a", text)
        got = page.run("return String(DATA_NOW.get(0))")
        try:
            number = float(text)
        except ValueError as error:
            assert (said, got) == (str(error), "3"), text
        else:
            assert said == "", text
            same = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
            assert repr(same.get(got) or float(got)) == repr(number), text
    page.set("a", "−1,5")
    assert page.run("return DATA_NOW.get(0)") == -1.5
    page.assert_silent()


def test_no_sentence_has_a_hole(browser, tmp_path, rng):
    """Where a word was missing the page would say "undefined": at stops of each engine, in text and titles."""
    x = Value(1e-9, label="x")
    graphs = [x.sqrt() + 1 / x, neuron()[0], *(wild_graph(rng)[0] for _ in range(2))]
    for root in graphs:
        page = Page(browser, mg.explain(root), tmp_path / "page.html")
        page.media(prefers_reduced_motion="reduce")
        holes = page.run(r"""const out = [];
            pressed("list-tabs", "list", "values");
            for (const name of ["right", "overwrite", "depth", "twice"]) {
              choose(name);
              for (let i = 0; i < stops.length; i += Math.ceil(stops.length / 30)) {
                go(i);
                const parts = [...document.body.children].filter(part => !part.matches("script"));
                const labels = [...document.body.querySelectorAll("[title], [aria-label]")].flatMap(
                  part => ["title", "aria-label"].map(name => part.getAttribute(name) ?? ""));
                const said = [...parts.map(part => part.textContent), ...labels].join(" ");
                const hole = said.match(/.{0,40}(undefined|NaN|\[object|\{\w+\}).{0,20}/);
                if (hole) out.push([name, i, hole[0]]);
              }
            }
            return out""")
        assert holes[:5] == []
        page.assert_silent()


@pytest.mark.parametrize(
    ("build", "at", "trust"),
    [
        (lambda x: x * x + 1, 3.0, ""),
        (lambda x: 1 / x, 1e-7, "corner"),  # the other side of the pole
        (lambda x: x.relu(), 0.0, "corner"),
        (lambda x: x.sqrt(), 1e-9, "edge"),  # nan on one side
        (lambda x: x * 1e-6 + 1e9, 2.0, "rounding"),
        (lambda x: x * 0 + 5, 2.0, ""),
    ],
    ids=["smooth", "pole", "corner", "edge", "rounding", "flat"],
)
def test_difference_quotient_says_when_it_cannot_be_trusted(browser, tmp_path, build, at, trust):
    x = Value(at, label="x")
    page = Page(browser, mg.explain(build(x)), tmp_path / "page.html")
    got = page.run(
        "return quotient(NODES.find(n => n.name === 'x'), RIGHT.grad.get(NODES.find(n => n.name === 'x').id))"
    )
    assert got["trust"] == trust and got["agrees"] == (not trust)
    page.run(
        "go(stops.findIndex(i => RUN.events[i].chapter === RESULT && NODE.get(RUN.events[i].node).name === 'x'))"
    )
    assert ("✓ agrees" if not trust else "cannot be trusted") in page.text("#rule")
    two_ways = trust in ("corner", "edge")  # a move up and a move down
    assert page.text("#now").startswith("de/dx = x.grad" if two_ways else "Move x ")
    page.assert_silent()


def test_rounded_numbers_that_look_wrong_are_told_as_such(page):
    script = "return [times(0.71164, 2, 1.42328), times(1, 2, 2), sum(0.0035, -0.17249, -0.16899), sum(1, 2, 3)]"
    assert page.run(script) == [
        "0.712 × 2 ≈ 1.4233", "1 × 2 = 2", "0.0035 − 0.172 ≈ −0.169", "1 + 2 = 3",
    ]  # fmt: skip


def test_page_prints_every_step(page):
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.wait(0.1)
    assert not page.find("#play").is_displayed()
    assert [item.text for item in page.all("#paper li")] == [step["text"] for step in page.explanation.steps]


def test_hand_made_values_are_explained_and_not_edited(browser, tmp_path):
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    out = Value(a.data * b.data, (a, b), "mul'")

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    page = Page(browser, mg.explain(out * a), tmp_path / "page.html")
    for i in range(page.run("return stops.length")):
        page.run("go(arguments[0])", i)
    assert page.gradients()["a"] == "20" and page.gradients()["b"] == "4"
    assert page.all(".edit") == []
    page.run("go(0)")
    assert "made by hand" in page.text("#rule")
    assert texts(page) == [step["text"] for step in page.explanation.steps]
    page.choose("overwrite")
    assert "a.grad = 10, by the _backward of out" in texts(page)
    page.assert_silent()


def test_given_derivatives_are_told_as_such_on_the_page(browser, tmp_path):
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    out = Value(10.0, (a, b, a), (3.0, b, math.inf))
    explanation = mg.explain(out)
    page = Page(browser, explanation, tmp_path / "page.html")
    assert page.run("return RUN.events.map(e => e.text)") == [step["text"] for step in explanation.steps]
    page.go("first")
    assert "given with out = 3" in page.text("#rule")
    page.end()
    assert page.gradients()["a"] == "inf" and page.gradients()["b"] == "5"
    assert page.all(".edit") == []
    page.assert_silent()


def test_page_of_the_article_stays_below_90_kB(page):
    """Its scripts are packed, and its ops, reasons and data are those of its graph."""
    assert page.path.stat().st_size < 90_000
    assert page.run("return Object.keys(OPS).sort()") == ["", "ADD", "MUL"]  # "" is no activation
