"""What explain says, and what the command line makes of it. The page has tests of its own."""

import copy
import json
import math
import pickle
import random
import re
import sys
import weakref
from pathlib import Path

import pytest
from graphs import article, check_gradients, named, random_graph, wild_graph
from support import collect, is_tracked, nothing_left_behind

import micrograd_c as mg
from micrograd_c import MLP, Value
from micrograd_c._core import NAMES, OPS, core
from micrograd_c.viz.rules import OP
from micrograd_c.viz.text import number
from micrograd_c.viz.words import PHRASES

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "explain_c.txt"


SCHEMA = Path(mg.__file__).parent / "viz" / "explanation.schema.json"


# ---- the stream --------------------------------------------------------------------------------------------------


def test_text_of_the_article_is_golden():
    root = article()
    text = mg.explain(root, title="c = a*b + b").text({"a": 2.0001, "b": 3.01})
    assert text == GOLDEN.read_text("utf-8")


def test_shares_of_b_are_those_of_the_article():
    texts = [step["text"] for step in mg.explain(article()).steps]
    first = texts.index("b.grad += c.grad * dc/db = 1 * 1 = 1")
    assert texts.index("b.grad += e.grad * de/db = 1 + 1 * 2 = 3") > first
    assert "visit b: already visited, skip" in texts
    assert texts[-4:] == ["dc/da = a.grad = 3", "dc/db = b.grad = 3", "dc/de = e.grad = 1", "dc/dc = c.grad = 1"]


def test_what_if_is_step_eight_of_the_article():
    explanation = mg.explain(article())
    assert number(explanation.what_if(a=2.0001, b=3.01)) == "9.030301"
    with pytest.raises(ValueError, match="there is no leaf 'q'; there are a, b"):
        explanation.what_if(q=1.0)


@pytest.mark.parametrize("of", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_what_an_explanation_gives_says_the_same(of):
    explanation = mg.explain(article())
    told = explanation.what_if(a=4.0)
    twin = of(told)
    assert (type(twin), twin, twin.gradients) == (type(told), told, told.gradients)
    assert of(explanation).json() == explanation.json()


@pytest.mark.parametrize("see", [mg.draw, mg.explain])
def test_without_names_nothing_that_is_drawn_lives_longer(see):
    root = article()
    alive = weakref.ref(root)
    see(root, names={})
    del root
    collect()
    assert alive() is None


def test_visit_order_is_that_of_micrograd(rng):
    root = random_graph(rng)
    topo, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in children(v):
                build_topo(child)
            topo.append(v)

    from micrograd_c._core.walk import operands

    children = lambda v: list(dict.fromkeys(operands(v)))  # noqa: E731
    build_topo(root)
    explanation = mg.explain(root, limit=10**6)
    values = [explanation._graph.nodes[s["node"]].value for s in explanation.steps if s["kind"] == "append"]
    assert values == topo


def test_gradients_are_those_of_the_engine(rng):
    for _ in range(20):
        root = random_graph(rng)
        explanation = mg.explain(root, limit=10**6)
        mg.zero_grad(root)
        root.backward()
        for i, node in explanation._graph.nodes.items():
            assert explanation._stream.grad[i] == pytest.approx(node.value.grad, rel=1e-12, abs=1e-15)
            assert explanation.engine[i] == node.value.grad


def test_branch_that_is_not_taken_gets_no_share():
    x = Value(0.0, label="x")
    root = mg.where(x.greater(0), x.sqrt(), 0.0)  # the slope of sqrt is infinite there
    explanation = mg.explain(root, names={"root": root})
    root.backward()
    assert x.grad == explanation.gradients["x"] == explanation.what_if().gradients["x"] == 0.0
    kinds = {step["kind"] for step in explanation.steps}
    assert {"not-taken", "unreached"} <= kinds
    x.grad = 0.0
    assert mg.explain(root).what_if(x=4.0).gradients["x"] == 0.25


def test_condition_gets_nothing_of_an_infinite_gradient():
    x, y = Value(2.0, label="x"), Value(0.0, label="y")
    root = mg.where(x, y.sqrt(), 1.0)
    root.backward()
    explanation = mg.explain(root)
    assert (x.grad, y.grad) == (explanation.gradients["x"], explanation.gradients["y"]) == (0.0, math.inf)


def test_gradients_of_infinite_and_nan_data_are_those_of_the_engine(rng):
    for _ in range(200):
        root, _ = wild_graph(rng)
        check_gradients(root, mg.explain(root, limit=10**6))


def test_share_after_that_of_a_closure_is_a_further_one():
    x = Value(2.0, label="x")
    out = Value(6.0, (x,), "triple")
    out._backward = lambda: setattr(x, "grad", x.grad + 3.0 * out.grad)
    texts = [s["text"] for s in mg.explain(x * 5.0 + out, names={}).steps if s.get("operand") is not None]
    assert [text for text in texts if text.startswith("x.grad")] == [
        "x.grad += 3, by the _backward of e: 0 + 3 = 3",
        "x.grad += f.grad * df/dx = 3 + 1 * 5 = 8",
    ]


@pytest.mark.parametrize("data", [math.inf, math.nan, 7.0])
def test_any_number_that_was_assigned_is_told(data):
    e = Value(2.0, label="a") * Value(3.0, label="b")
    e.data = data
    assert "stale" in {step["kind"] for step in mg.explain(e).steps}


def test_every_op_is_explained_by_its_row_of_the_table():
    for name, op in OP.items():
        if not OPS[NAMES.index(name)].method:
            continue
        x, y = Value(0.4, label="x"), Value(0.7, label="y")
        arity = len(op.derivatives)
        method = name.lower()
        if method == "pow":
            z = x**3
        else:
            z = (getattr(x, method, None) or getattr(x, f"__{method}__"))(*[y][: arity - 1])
        explanation = mg.explain(z)
        (step,) = (step for step in explanation.steps if step["kind"] == "operation")
        assert step["value"] == pytest.approx(z.data), name
        assert "stale" not in {step["kind"] for step in explanation.steps}
        z.backward()
        assert explanation.gradients["x"] == pytest.approx(x.grad, rel=1e-15), name


def test_op_that_cannot_be_read_is_explained_by_its_backward(monkeypatch):
    from micrograd_c.viz import rules

    monkeypatch.setitem(rules.OP, "TANH", rules.Op("TANH", "tanh({0})", "", ()))
    x = Value(0.5, label="x")
    explanation = mg.explain(x.tanh() * x)
    assert explanation.gradients["x"] == pytest.approx(math.tanh(0.5) + 0.5 * (1 - math.tanh(0.5) ** 2))
    assert explanation.html()


def test_example_of_the_documentation_runs():
    page = HERE.parent / "docs" / "seeing.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})


def test_explaining_changes_nothing(rng):
    root = random_graph(rng)
    root.backward(seed=3.0)
    before = [(v, v.data, v.grad, core.attributes(v), is_tracked(v)) for v in mg.topological_order(root)]
    with nothing_left_behind():
        explanation = mg.explain(root)
        explanation.text(), explanation.json(), explanation.html()
        del explanation
    after = [(v, v.data, v.grad, core.attributes(v), is_tracked(v)) for v in mg.topological_order(root)]
    assert after == before


def test_seed_scales_every_gradient():
    explanation = mg.explain(article(), seed=2.0)
    assert explanation.gradients == {"a": 6.0, "b": 6.0, "e": 2.0, "c": 2.0}
    text = explanation.text({"a": 4.0})
    assert "2 * dc/da = a.grad = 6" in text and "gradients there: 2 * dc/da = 6, 2 * dc/db = 10" in text
    assert "7. Gradients: the seed times" in text and "is 1\n" not in text and "   dc/d" not in text


def test_gradients_around_a_value_are_told_as_those_of_the_whole():
    a, b = Value(2.0), Value(3.0)
    loss = (a * b + b) * a
    whole = mg.explain(loss)
    (inner,) = (node for node in whole._graph.nodes.values() if node.op == "+")
    part = mg.explain(loss, around=inner.value, seed=3.0)
    z = inner.name
    assert part.title.startswith(f"{z} and") and f"around {z}: what" in part.notes[0]
    assert part.gradients.keys() == {"a", "b", z, *(n.name for n in whole._graph.nodes.values() if n.op == "*")} - {
        "loss"
    }
    told = [step["text"] for step in part.steps]
    assert f"{z}.grad = 6 (3 * dloss/d{z})" in told
    assert f"3 * dloss/d{z} * d{z}/da = a.grad = 18" in told
    assert f"gradients there: 6 * d{z}/da = 18" in part.text({"a": 5.0})  # dloss/dz is another number there


def test_data_below_that_was_assigned_is_told_as_what_it_is():
    w = Value(2.0)
    e = w * 3.0
    w.data -= 0.5
    told = [step["text"] for step in mg.explain(e).steps]
    assert "e = 6, but now its operands give w * k1 = 1.5 * 3 = 4.5" in told
    assert "by the gradients: e = 4.5 + 3 * 0.5 = 6\n" in mg.explain(e).text({"w": 2.0})


def test_sum_of_a_neuron_is_not_called_as_a_value_of_the_user():
    def formulas():
        return {step["formula"] for step in mg.explain(n, names={"sum": total}).steps if "formula" in step}

    total, x = Value(1.0), Value(2.0)
    for operand in (total, x):
        n = mg.Neuron(1, activation="leaky_relu")([operand])
        assert "(1 if sum' > 0 else 0.01)" in formulas()
    total = 0
    assert "(1 if sum > 0 else 0.01)" in {s.get("formula") for s in mg.explain(n, names={}).steps}


def test_data_that_was_assigned_is_told():
    c = article()
    named(c)["a"].data = 10.0
    steps = mg.explain(c).steps
    assert any(s["text"] == "e = 6, but now its operands give a * b = 10 * 3 = 30" for s in steps)
    assert mg.explain(c).gradients["b"] == 11.0  # local derivatives are of the current data, as in the engine


def test_an_operand_used_twice_gets_two_shares():
    a = Value(3.0, label="a")
    texts = [s["text"] for s in mg.explain(a * a).steps if s["phase"] == 6]
    assert "a.grad += e.grad * de/da = 1 * 3 = 3" in texts and "a.grad += e.grad * de/da = 3 + 1 * 3 = 6" in texts


def test_hand_made_nodes_are_run_and_told():
    a, b = Value(2.0, label="a"), Value(5.0, label="b")
    out = Value(a.data * b.data, (a, b), "times")
    calls = []

    def _backward():
        calls.append(1)
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    a.grad = 7.0
    root = out * a
    explanation = mg.explain(root)
    assert explanation.gradients["a"] == 20.0 and explanation.gradients["b"] == 4.0
    assert calls == [1] and (a.grad, b.grad, out.grad) == (7.0, 0.0, 0.0)
    assert any("by the _backward of out" in s["text"] for s in explanation.steps)
    with pytest.raises(ValueError, match="made by hand"):
        explanation.what_if(a=1.0)


def test_gradients_come_back_when_a_closure_raises():
    a = Value(2.0)
    out = Value(3.0, (a,), "bad")

    def _backward():
        raise RuntimeError("no")

    out._backward = _backward
    a.grad = 4.0
    with pytest.raises(RuntimeError, match="no"):
        mg.explain(out)
    assert (a.grad, out.grad) == (4.0, 0.0)


def test_fused_neuron_is_one_node_or_its_parts():
    random.seed(2)
    model = MLP(3, [2, 1], activation="sigmoid")
    root = model([0.5, -1.0, 2.0])
    whole, parts = mg.explain(root, model), mg.explain(root, model, unfold_neurons=True)
    assert len(parts._graph.nodes) > len(whole._graph.nodes)
    for name, gradient in whole.gradients.items():
        assert parts.gradients[name] == pytest.approx(gradient, rel=1e-13)
    assert {s["kind"] for s in parts.steps} <= {*parts_kinds(whole), "more"}
    assert "in the engine each is one node" in parts.notes[0]


def parts_kinds(explanation):
    return {step["kind"] for step in explanation.steps}


def test_unfolding_builds_no_node():
    model = MLP(3, [4, 1])
    root = model([0.5, -1.0, 2.0])
    before = mg.stats().live_nodes
    explanation = mg.explain(root, unfold_neurons=True)
    assert len(explanation._graph.nodes) > 40
    assert mg.stats().live_nodes == before


def test_neuron_that_ignores_its_last_inputs_is_explained():
    model = MLP(3, [1])
    model.layers[0].neurons[0].w.pop()
    with pytest.warns(UserWarning, match="is not used"):
        root = model([Value(1.0), Value(2.0), Value(3.0)])
    explanation = mg.explain(root, model)
    assert "stale" not in parts_kinds(explanation)
    assert list(explanation.engine.values()) == pytest.approx(list(explanation._stream.grad.values()))


def test_large_graphs_are_cut_and_say_so():
    model = MLP(4, [12, 8, 1], fused=False)
    root = model([1.0, 2.0, 3.0, 4.0])
    explanation = mg.explain(root, model)
    total = len(mg.topological_order(root))
    assert total > 300 >= len(explanation._graph.nodes)
    assert explanation.notes[0].startswith(f"{len(explanation._graph.nodes)} of {total} values are explained")
    assert "Note: " in explanation.text()
    mg.zero_grad(root)
    root.backward()
    for i, node in explanation._graph.nodes.items():
        if node.op != "…":
            assert explanation._stream.grad[i] == pytest.approx(node.value.grad, rel=1e-12, abs=1e-18)


def test_graph_is_explained_around_one_value():
    model = MLP(4, [12, 8, 1], fused=False)
    root = model([1.0, 2.0, 3.0, 4.0])
    for v in mg.topological_order(root):
        v.grad = 0.25
    inside = mg.topological_order(root)[200]
    explanation = mg.explain(root, model, around=inside)
    assert {v.grad for v in mg.topological_order(root)} == {0.25}
    mg.zero_grad(root)
    root.backward()
    assert explanation._stream.grad[explanation._graph.root] == inside.grad
    assert "around" in explanation.notes[0]
    with pytest.raises(ValueError, match="not computed from this Value"):
        mg.explain(root, around=Value(1.0))


def test_result_with_very_many_operands_is_shortened():
    xs = [Value(i / 7, label=f"x{i}") for i in range(1000)]
    for root in (mg.sum(xs), mg.dot(xs, xs[::-1], xs[0])):
        explanation = mg.explain(root)
        assert len(explanation._graph.nodes) <= 300
        assert "not shown one by one" in explanation.notes[0]
        assert "stale" not in parts_kinds(explanation)
        assert len(explanation.html().encode()) < 300_000


def test_what_is_not_shown_is_told_of_leaves_and_of_gradients():
    x, a = Value(0.5), Value(2.0)
    y = x
    for _ in range(20):
        y = (y * x).tanh() + x
    root = y * a
    for whole, cut in ((root, "mul_"), (mg.sum([x, *(Value(i) for i in range(20)), x]), "rest")):
        explanation = mg.explain(whole, limit=12)
        mg.zero_grad(whole)
        whole.backward()
        (leaf,) = (n.name for n in explanation._graph.nodes.values() if n.op == "…")
        told = [step["text"] for step in explanation.steps]
        assert leaf.startswith(cut) and f"{leaf} is a leaf: it was computed from nothing" not in told
        assert any(text.startswith(f"{leaf} = … = ") for text in told)
        assert f"{leaf}: what it was computed from is not shown" in told
        assert explanation.gradients["x"] != x.grad and not any("/dx = x.grad" in text for text in told)
        assert any(re.match("x.grad = .* by what is shown; some ways from x to .* are not", text) for text in told)
        with pytest.raises(ValueError, match="what_if: some ways from x to the result are not shown"):
            explanation.what_if(x=0.6)
        for i, gradient in explanation.engine.items():
            assert explanation._stream.grad[i] == pytest.approx(gradient)


def test_deep_chains_are_explained_without_recursion():
    x = Value(1.0, label="x")
    for _ in range(4_000):
        x = x + 1.0
    assert mg.explain(x, limit=10**6).gradients["x"] == 1.0
    assert len(mg.explain(x)._graph.nodes) <= 300


def test_leaf_alone_is_explained():
    explanation = mg.explain(Value(2.0, label="a"))
    assert explanation.gradients == {"a": 1.0}
    assert explanation.html()


def test_what_is_no_value_is_refused():
    with pytest.raises(TypeError, match="a Value is needed here, not float"):
        mg.explain(3.0)
    with pytest.raises(TypeError, match="around must be a Value"):
        mg.explain(article(), around=3.0)


def test_names_are_told_apart():
    a, b, c = Value(1.0, label="x"), Value(2.0, label="x"), Value(3.0, label="x1")
    names = list(mg.explain(a * b + c * 2.0).gradients)
    assert len(set(names)) == 7 and "x1" in names
    w1, w2 = Value(2.0, label="w"), Value(3.0, label="w")
    root = w2 * w1
    assert mg.explain(root).gradients == {"w1": 3.0, "w2": 2.0, "root": 1.0}
    assert mg.explain(w1 * w2).gradients == {"w1": 3.0, "w2": 2.0, "e": 1.0}  # pytest keeps what it computes here


# ---- json --------------------------------------------------------------------------------------------------------


def names_of(explanation):
    return set(explanation.gradients)


def test_values_are_named_as_the_variables_of_the_caller():
    a, b = Value(2.0), Value(3.0)
    c = a * b + b
    explanation = mg.explain(c)
    assert names_of(explanation) == {"a", "b", "c", "e"}
    assert explanation.steps[-1]["text"] == "dc/dc = c.grad = 1"
    assert {">a<", ">b<", ">c<"} <= set(re.findall(">[abc]<", mg.draw(c).svg()))
    assert explanation.what_if(a=1.0) == 6.0


def test_values_of_the_module_and_of_lists_have_names_too():
    scope = {"mg": mg, "Value": Value}
    source = """
a = Value(2.0)
x = [Value(1.0), Value(2.0)]
def f(x, w):
    n = x[0] * w[0][0] + x[1] * w[0][1] + a
    return mg.explain(n)
out = f(x, ([Value(3.0), 4.0],))
"""
    exec(source, scope)
    assert {"a", "x[0]", "x[1]", "w[0][0]", "n"} <= names_of(scope["out"])


def test_label_is_worth_more_than_a_variable():
    a, b = Value(2.0, label="b"), Value(3.0)
    c = a * b
    explanation = mg.explain(c)
    assert explanation.gradients == {"b": 3.0, "x1": 2.0, "c": 1.0}
    b.label = "b"
    assert names_of(mg.explain(c)) == {"b1", "b2", "c"}


def test_an_op_that_is_no_text_is_shown_as_one():
    a = Value(2.0)
    b = Value(3.0, (a,))
    b._op, b._backward = 7, lambda: None
    assert "= 7(a)" in mg.explain(b).text()


def test_no_value_gets_a_name_that_the_user_uses_for_another():
    k1, p1, *others = (Value(float(i)) for i in range(5))
    e, x1, f = others
    assert e is not x1 is not f
    root = mg.explain((Value(1.0) * 2.0 + 3.0) * Value(4.0))
    assert names_of(root).isdisjoint({"k1", "e", "x1", "f", "p1"})
    model = mg.Neuron(1)
    assert "p1" not in names_of(mg.explain(model([k1]), [*model.parameters()], names={"p1": p1, "f": f}))


def test_no_part_and_no_rest_gets_a_name_that_the_user_uses_for_another():
    rest, other, part = Value(1.0), Value(2.0, label="e"), Value(3.0, label="n.1")
    xs = [Value(float(i), label=f"x{i}") for i in range(20)]
    total, n = mg.sum(xs), mg.dot(xs[:2], xs[2:4])
    assert names_of(mg.explain(total, limit=8)).isdisjoint({"rest", "e", "n.1", "other", "part"})
    assert names_of(mg.explain(n * 2.0 + 1.0, unfold_neurons=True)).isdisjoint(
        {"rest", "e", "n.1", "other", "part"}
    )
    drawn = mg.draw(total, limit=8, names={"rest": rest, "o": other}).dot()
    assert 'label="rest' in mg.draw(total, limit=8, names={}).dot() and 'label="rest\\n' not in drawn
    assert part.data == 3.0


def test_no_limit_explains_all():
    x = Value(1.0, label="x")
    for _ in range(400):
        x = x + 1.0
    assert len(mg.explain(x, limit=None)._graph.nodes) == 801


def test_inner_scopes_hide_outer_ones():
    scope = {"mg": mg, "a": Value(2.0)}
    exec("def f(v):\n    a = 1\n    return mg.explain(v * 3.0)\nout = f(a)", scope)
    assert names_of(scope["out"]) == {"v", "k1", "e"}


@pytest.mark.parametrize(
    "call",
    [
        "[look(v) for v in [c]][0]",
        "{1: look(v) for v in [c]}[1]",
        "next(look(v) for v in [c])",
        "(lambda: look(c))()",
        "by_helper(c)",
        "by_decorated(c)",
        "again(3, c)",
    ],
)
@pytest.mark.parametrize("look", ["mg.explain", "mg.draw"])
def test_names_of_the_function_around_are_those_of_the_user_too(call, look):
    """A lambda, a helper and, before Python 3.12, a comprehension have a frame of their own."""
    scope = {"mg": mg, "Value": Value}
    source = f"""
look = {look}
def by_helper(v):
    return look(v)
def twice(f):
    return lambda v: f(v)
by_decorated = twice(by_helper)
def again(n, v):
    return again(n - 1, v) if n else look(v)
def f():
    a, b = Value(2.0), Value(3.0)
    e, k1, x1, h = Value(5.0), Value(6.0), Value(7.0), [Value(8.0)]
    def inner():
        return g
    c = (a * b + 2.0) * a * b * b * a
    seen = {call}
    g = i = None
    return seen, a, b
"""
    exec(source, scope)
    seen, a, b = scope["f"]()
    named = {node.name: node.value for node in seen._graph.nodes.values()}
    assert named["a"] is a and named["b"] is b
    assert named.keys().isdisjoint({"e", "k1", "x1", "h", "g", "i"})


@pytest.mark.parametrize("call", ["look(v)", "show(v)", "[look(v) for _ in [1]]"])
@pytest.mark.parametrize("look", [mg.explain, mg.draw])
@pytest.mark.parametrize("variables", ["locals", "vars"])
def test_a_loop_over_the_variables_of_a_function_goes_on(call, look, variables):
    """Before Python 3.13 whoever reads frame.f_locals changes the dict that locals() returned."""
    scope = {"look": look, "Value": Value}
    source = f"""
def show(v):
    return look(v)
def f():
    a, b = Value(2.0), Value(3.0)
    seen = []
    for name, v in {variables}().items():
        if isinstance(v, Value):
            seen.append(name)
            {call}
    return seen
"""
    exec(source, scope)
    assert scope["f"]() == ["a", "b"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="reading variables changes nothing there")
@pytest.mark.parametrize("look", ["locals()", "vars()"])
def test_names_of_a_function_that_calls_locals_are_given_to_no_other_value(look):
    scope = {"mg": mg, "Value": Value, "e": Value(5.0)}
    source = f"""
def f():
    e, g, w = Value(2.0), Value(3.0), Value(4.0)
    def captured():
        return w
    seen = {look}
    return mg.explain((globals()["e"] * 2.0 + 1.0) * 3.0 + 4.0 * w)
out = f()
class A:
    n = Value(1.0)
    m = n * 2.0
    seen = {look}
    out = mg.explain(m)
"""
    exec(source, scope)
    assert names_of(scope["out"]).isdisjoint({"e", "g", "w", "f", "A"})
    assert names_of(scope["A"].out) == {"n", "k1", "m"}


def test_names_of_callers_in_another_module_are_not_asked_for():
    library = {"mg": mg}
    exec("def show(v):\n    return mg.explain(v)", library)
    a = Value(2.0)
    assert names_of(library["show"](a * 3.0)) == {"v", "x1", "k1"}


def test_names_can_be_given_and_left_out():
    a = Value(2.0)
    assert names_of(mg.explain(a * a, names={})) == {"x1", "e"}
    assert names_of(mg.explain(a * a, names={"q": a, "n": 3})) == {"q", "e"}
    assert "q" in mg.draw(a * a, names={"q": a}).dot()


def test_names_are_found_without_a_caller():
    import _thread
    import queue

    done = queue.Queue()
    _thread.start_new_thread(lambda: done.put(mg.explain(Value(1.0) * 2.0)), ())
    assert len(done.get().gradients) == 3


def test_constants_are_the_numbers_that_were_operands():
    a = Value(2.0)
    roots = [a * 2.0, 2 / a, a.maximum(3), mg.sum([a, 4.0]), mg.dot([a], [5.0]), mg.Neuron(1)([6.0])]
    roots += [copy.deepcopy(roots[0]), pickle.loads(pickle.dumps(roots[0]))]
    for root in roots:
        nodes = mg.explain(root, names={}).data()["nodes"]
        assert [node["kind"] for node in nodes if not node["operands"]].count("constant") == 1, root
    (x,) = (node for node in mg.explain(a + Value(7.0), names={"a": a}).data()["nodes"] if node["name"] == "x1")
    assert x["kind"] == "input"


def test_bias_of_a_dot_is_known_and_not_guessed():
    for x in (0.0, 1.0, math.inf, math.nan):
        for bias in (None, Value(2.0)):
            w, v = Value(x), Value(3.0)
            root = mg.dot([w, w], [v, Value(4.0)], bias)
            (node,) = (n for n in mg.explain(root, names={})._graph.nodes.values() if n.row == "DOT")
            assert node.pairs == 2 and len(node.operands) == 4 + (bias is not None), (x, bias)
    assert mg.explain(mg.dot([], []), names={}).gradients == {"e": 1.0}


def test_closures_may_give_nan_and_inf():
    x = Value(1.0)
    out = Value(2.0, (x,), "op")
    out._backward = lambda: setattr(x, "grad", x.grad + math.inf * out.grad)
    explanation = mg.explain(out * 0.0 + out, names={"x": x})
    assert explanation.html() and explanation.gradients["x"] == math.inf
    other = Value(2.0, (x,))
    other._backward = lambda: setattr(x, "grad", x.grad - 1.0)
    told = [step["text"] for step in mg.explain(other * out, names={"x": x, "other": other}).steps]
    assert (
        "x.grad += 0, by the _backward of other: inf + 0 = inf" in told
        and "other was computed from x by hand" in told
    )


def test_invented_names_give_way_to_names_of_the_user():
    values = [Value(float(i), label="rest" if i == 1 else "") for i in range(20)]
    explanation = mg.explain(mg.sum(values), limit=8, names={})
    assert len({node["name"] for node in explanation.data()["nodes"]}) == len(explanation._graph.nodes)
    out = mg.dot([values[1]], [values[2]], values[3])
    out.label, values[3].label = "d", "d.1"
    explanation = mg.explain(out, unfold_neurons=True, names={})
    assert len(explanation.gradients) == len(explanation._graph.nodes)


def test_values_that_compare_equal_are_told_apart():
    class Same(Value):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 1

    x, y = Same(2.0), Same(3.0)
    root = x * y
    assert mg.explain(root, [x]).gradients == {"x": 3.0, "y": 2.0, "root": 1.0}
    assert mg.draw(root, {"w": y}).dot().count("->") == 2


def test_json_follows_its_schema(rng):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text("utf-8"))
    branches = mg.where(Value(0.0), Value(1.0).exp(), Value(2.0))
    for root in (article(), random_graph(rng), branches, Value(math.inf) * 0.0 + 1.0):
        data = json.loads(mg.explain(root, limit=10**6).json())
        jsonschema.validate(data, schema)
    assert any(node["data"] == "nan" for node in data["nodes"])


def test_every_kind_of_event_is_in_the_schema_and_in_the_documentation():
    kinds = json.loads(SCHEMA.read_text("utf-8"))["properties"]["steps"]["items"]["properties"]["kind"]["enum"]
    assert kinds == list(PHRASES)
    page = (HERE.parent / "docs" / "seeing.md").read_text("utf-8")
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []


def test_json_holds_what_steps_hold():
    explanation = mg.explain(article())
    data = json.loads(explanation.json())
    assert data["steps"] == explanation.steps
    assert {node["name"]: node["grad"] for node in data["nodes"]} == explanation.gradients


def test_results_without_a_name_are_called_by_their_op_where_letters_do_not_suffice():
    x = Value(0.5, label="x")
    y = x
    for _ in range(5):
        y = (y / 2 * x).tanh()
    names = [node["name"] for node in mg.explain(y, names={}).data()["nodes"] if node["operands"]]
    assert names[:3] + names[-1:] == ["div_1", "mul_1", "tanh_1", "tanh_5"]


def test_a_leaf_that_is_not_there_is_told_with_those_close_to_it_and_not_with_all_others():
    xs = [Value(float(i), name=f"weight{i}") for i in range(100)]
    with pytest.raises(
        ValueError, match=r"no leaf 'wieght70'; close to it .*weight70.*there are .*100 in all"
    ) as caught:
        mg.explain(mg.sum(xs)).what_if(wieght70=1.0)
    assert len(str(caught.value)) < 400
