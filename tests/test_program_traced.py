"""Traced values: what operators and methods record of them, and what they refuse for want of a number."""

import copy
import itertools
import pickle

import pytest
from programs import Weight
from support import close, nothing_left_behind

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, TracingError, Value
from micrograd_c._core import NAMES, OPS
from micrograd_c._core.docs import is_operator
from micrograd_c.program.traced import TracedValue

np = pytest.importorskip("numpy")


class Doubled(Value):
    """A class whose operators are its own."""

    def __mul__(self, other):
        return super().__mul__(other) * 2

    def maximum(self, other):
        return super().maximum(other) + 1


def keep():
    """Return a traced Value of a trace that is over."""
    kept = []
    mg.jit(lambda x: (kept.append(x), x * 2)[1])(1.0)
    return kept[0]


# ---- operands ----------------------------------------------------------------------------------------------------

PAIRS = [
    (name, f"__{name}__" if is_operator(op) else name)
    for name, op in ((NAMES[i].lower(), i) for i in range(len(OPS)))
    if OPS[op].method and OPS[op].arity == 2
]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "__neg__", "__mul__", "__rsub__", "__pow__", "maximum"])
def test_an_operator_that_a_script_has_put_into_value_is_the_one_that_is_recorded(name, monkeypatch):
    p = Value(1.5)

    def f(x):
        return ((1.0 - x).relu() + p * -x + (x * 2.0) ** 3 - p.leaky_relu()).maximum(p) + x.leaky_relu(0.5)

    before = mg.jit(f).value_and_gradient(0.75)
    original = getattr(Value, name)
    monkeypatch.setattr(Value, name, lambda *operands: original(*operands) + 4.0)
    x = Value(0.75)
    expected = f(x)
    expected.backward()
    value, slope = mg.jit(f).value_and_gradient(0.75)
    assert close(value, expected.data) and close(slope, x.grad)
    assert value != before[0]
    monkeypatch.undo()
    assert mg.jit(f).value_and_gradient(0.75) == before


@pytest.mark.parametrize("method", [m for _, m in PAIRS], ids=[n for n, _ in PAIRS])
@pytest.mark.parametrize("cls", [Value, Weight])
def test_ops_of_an_ordinary_value_and_a_traced_one_are_recorded_in_both_orders(method, cls):
    p = cls(1.5)
    seen = []

    def left(x):
        seen.append(getattr(p, method)(x) if method in NAMES_OF_METHODS else operator_of(method)(p, x))
        return seen[-1]

    def right(x):
        seen.append(getattr(x, method)(p) if method in NAMES_OF_METHODS else operator_of(method)(x, p))
        return seen[-1]

    for f in (left, right):
        x = Value(2.5)
        p.grad = 0.0
        out = f(x)
        out.backward()
        value, slope, slope_of_p = out.data, x.grad, p.grad
        p.grad = 0.0
        g = mg.jit(f)
        assert close(g(2.5), value) and close(g.gradient(2.5), slope)
        assert type(seen[-1]) is TracedValue
        g.backward([2.5])
        assert close(p.grad, slope_of_p)


@pytest.mark.parametrize("method", [m for _, m in PAIRS if m.startswith("__")] + ["__pow__"])
def test_an_operator_of_a_users_class_comes_first_behind_a_traced_value_too(method):
    def own(self, other):
        return other.data * 0.0 + self * 7.0 if type(other) is Value else self * 7.0

    p = type("Own", (Value,), {method.replace("__", "__r", 1): own})(1.5)
    operator = operator_of(method)
    assert operator(Value(2.5), p).data == mg.jit(lambda x: operator(x, p) + 0.0 * x)(2.5) == 10.5


def calls_by_the_class(op):
    """Yield functions that call the method of an op by its class, with x in each place."""
    name = NAMES[op].lower()
    if is_operator(op):
        name = f"__{name}__"
    method, p = getattr(Value, name), Value(0.5)
    if OPS[op].takes_k:
        yield lambda x: method(x, 3)
    elif OPS[op].arity == 1:
        yield method
    else:
        for f in filter(None, (method, getattr(Value, name.replace("__", "__r", 1), None))):
            yield lambda x, f=f: f(x, p)
            yield lambda x, f=f: f(p, x)
            yield lambda x, f=f: f(x, 0.25)


@pytest.mark.parametrize("op", [op for op in range(len(OPS)) if OPS[op].method], ids=NAMES.__getitem__)
def test_a_method_that_is_called_by_the_class_of_values_is_recorded(op):
    for f in calls_by_the_class(op):
        v = Value(0.75)
        try:
            out = f(v)
        except ValueError:  # out of its domain
            v = Value(1.75)
            out = f(v)
        out.backward()
        assert mg.jit(f)(v.data) == out.data
        assert mg.jit(f).gradient(v.data) == pytest.approx(v.grad, rel=1e-13)


NAMES_OF_METHODS = {m for _, m in PAIRS if not m.startswith("__")}


def operator_of(method):
    import operator

    return operator.pow if method == "__power__" else getattr(operator, method)


@pytest.mark.parametrize("cls", [Value, Weight])
def test_sums_and_products_with_values_of_any_class_are_recorded(cls):
    p = cls(1.5)
    functions = (
        lambda x: mg.sum([p, x, 2]),
        lambda x: mg.sum((v for v in (x, p)), start=p),
        lambda x: mg.dot([p, 2.0], [x, x], bias=p),
        lambda x: mg.dot([x, p], [p, 3.0], bias=x),
        lambda x: mg.where(p.greater(x), x, p * x),
        lambda x: mg.where(x > p, p, p * x),
        lambda x: p**x + x**p + 2**x + x**2,
        lambda x: Neuron(1, nonlin=False)([x]) * 0.0 + p * np.float64(2.0) * x + np.float32(1.0) * x * p,
    )
    for f in functions:
        x = Value(0.5)
        p.grad = 0.0
        out = f(x)
        out.backward()
        wanted = out.data, x.grad, p.grad
        p.grad = 0.0
        seen = []
        g = mg.jit(lambda x, f=f, seen=seen: (seen.append(f(x)), seen[0])[1])
        g.backward(0.5)
        assert type(seen[0]) is TracedValue
        assert all(map(close, wanted, (g(0.5), g.gradient(0.5), p.grad)))


def test_operators_of_a_class_of_the_users_are_recorded():
    p = Doubled(3.0)
    f = mg.jit(lambda x: p * x + p.maximum(x))
    assert f(2.0) == 12.0 + 4.0
    assert f.gradient(2.0) == 6.0
    assert f.backward([2.0]) == 16.0 and p.grad == 5.0


def test_constants_beside_arrays_are_computed_elementwise():
    f = mg.jit(lambda x: list(np.array([1.0, 2.0]) * x) + list(x - np.array([1.0, 2.0])))
    assert f(3.0) == [3.0, 6.0, 2.0, 1.0]


def test_a_trace_changes_no_method_of_value():
    before = dict(vars(Value))
    seen = []
    mg.jit(lambda x: (seen.append(dict(vars(Value))), Value(1.0).maximum(x))[1])(2.0)
    assert seen == [before]
    assert vars(Value) == before


# ---- an op whose value and gradient go different ways ------------------------------------------------------------

INSTEAD = NAMES.index("INSTEAD")


@pytest.mark.parametrize("value", ["x.sqrt()", "x.log()", "x * 0 / x", "(x + p).sqrt()", "p + 2.0", "Value(2.0)"])
def test_the_value_of_one_node_goes_with_the_gradient_of_another(value):
    p, w = Value(0.0), Value(3.0)

    @mg.jit
    def f(x):
        node = eval(value, {"x": x, "p": p, "Value": Value})
        return x._trace.record(INSTEAD, node, (x + 2.0) * w) * 5.0

    for x in ([0.0, 4.0, -1.0], 0.0, 4.0, -1.0):
        p.grad = w.grad = 0.0
        f.backward(x)
        assert p.grad == 0.0  # not nan where the value has an infinite slope
        assert w.grad == sum(5.0 * (xi + 2.0) for xi in (x if type(x) is list else [x]))
        gradient = f.gradient(x)
        assert list(gradient) == [15.0] * 3 if type(x) is list else gradient == 15.0
    assert f(4.0) == 5.0 * {"x.log()": np.log(4.0), "x * 0 / x": 0.0}.get(value, 2.0)
    assert "instead(" in str(f.program(1.0))


def test_an_op_whose_value_is_x_is_no_method_of_value():
    assert not OPS[INSTEAD].method
    assert not hasattr(Value, "instead")


def hand(data, children, slopes):
    """Return a node made by hand, in a trace of Values, elsewhere of their numbers."""
    slopes = [x if isinstance(x, Value) else Value(x) for x in slopes]
    if isinstance(data, TracedValue):
        return Value(data, children, tuple(slopes))
    return Value(data.data, children, tuple(x.data for x in slopes))


def test_a_node_made_by_hand_of_values_is_recorded():
    p = Value(0.7)
    seen = []

    def f(x, y):
        product = hand(x * p, (x, p), (p, x))
        root = hand((product * product).tanh(), (product, y, product), (y * 2.0, product.exp(), 0.25))
        seen.extend((product, root))
        return hand(root * y, [root, y], [y, p]) + product

    points = [(1.5, -0.5), (0.0, 2.0), (-2.0, 0.3)]
    wanted = []
    for point in points:
        x, y = map(Value, point)
        p.grad = 0.0
        out = f(x, y)
        out.backward()
        wanted.append((out.data, x.grad, y.grad, p.grad))
    seen.clear()
    g = mg.jit(f)
    xs, ys = zip(*points)
    np.testing.assert_allclose(g(xs, ys), [w[0] for w in wanted], rtol=1e-12)
    assert {*map(type, seen)} == {TracedValue}
    p.grad = 0.0
    g.backward(xs, ys)
    close(p.grad, sum(w[3] for w in wanted))
    for point, (value, dx, dy, dp) in zip(points, wanted):
        p.grad = 0.0
        found = [g.backward(*point), p.grad, *g.gradient(*point)]
        np.testing.assert_allclose(found, [value, dp, dx, dy], rtol=1e-12)


def test_nothing_flows_through_the_data_and_the_derivatives_of_a_node_made_by_hand():
    p, q = Value(2.0), Value(3.0)
    f = mg.jit(lambda x: Value(x.sqrt() * p, (q,), (x * p,)))
    assert f.backward(0.0) == 0.0
    assert (p.grad, q.grad) == (0.0, 0.0)
    assert f.gradient(0.0) == 0.0  # sqrt has an infinite slope there
    f.backward(4.0)
    assert (p.grad, q.grad) == (0.0, 8.0)


def test_a_node_made_by_hand_in_a_trace_has_its_arguments_checked():
    for make in (Value, lambda x: Value(data=x), lambda x: Value(data=x, name="n"), Weight):
        with pytest.raises(TracingError, match=r"Values already: take x itself instead of Value\(x\)"):
            mg.jit(make)(1.0)
    with pytest.raises(ValueError, match="1 local derivatives for 2 children"):
        mg.jit(lambda x: Value(x, (x, x), (x,)))(1.0)
    with pytest.raises(TypeError, match="has no order"):
        mg.jit(lambda x: Value(x, {x, x + 1}, (x, x)))(1.0)
    with pytest.raises(TracingError, match="again"):
        mg.jit(lambda x: Value(x, (x,), (x,)).__init__(x))(1.0)
    with pytest.raises(TypeError, match="two names of one argument"):
        mg.jit(lambda x: Value(x, (x,), children=(x,), local_grads=(x,)))(1.0)
    with pytest.raises(TypeError, match="beside local_grads"):
        mg.jit(lambda x: Value(x, (x,), (x,), local_grads=(x,)))(1.0)
    assert mg.jit(lambda x: Value(x, (x,), (x,), "n") * 1.0)(2.0) == 2.0
    named = mg.jit(lambda x, y: Value(data=x * y, children=(x, y), local_grads=(y, x)))
    assert named(2.0, 3.0) == 6.0 and named.gradient(2.0, 3.0) == (3.0, 2.0)


class Tag(Value):
    def __init__(self, source, k):
        super().__init__(k)
        self.source = source


def test_a_trace_takes_no_place_of_a_users_class_nor_of_a_value_that_there_is():
    with pytest.raises(TracingError, match="not of a subclass"):
        mg.jit(lambda x: Weight(x * 2, (x,), (x,)))(1.0)
    outer = Value(5.0)
    reader = outer * 2.0
    with pytest.raises(TracingError, match="made by hand"):
        mg.jit(lambda x: outer.__init__(x * 2, (x,), (x,)))(1.0)
    reader.backward()
    assert (type(outer), outer.data, outer.grad) == (Value, 5.0, 2.0)

    def tagged(x):
        tag = Tag(x, 2.0)
        return tag * tag.source

    assert mg.jit(tagged)(3.0) == 6.0


# ---- what has no number ------------------------------------------------------------------------------------------

CHOICES = {
    "equal": lambda x: x * 2 if x == 0 else x * 3,
    "not equal": lambda x: x * 2 if x != 0.0 else x * 3,
    "number on the left": lambda x: x * 2 if x == 0 else x * 3,
    "numpy": lambda x: x * 2 if x == np.float32(0) else x * 3,
    "in": lambda x: x * 2 if x in (0.0, 1.0) else x * 3,
    "not in": lambda x: x * 2 if x not in [0.0] else x * 3,
    "index": lambda x: [0.0, 1.0].index(x),
    "two": lambda x: x * 2 if x == x * 1 else x * 3,
    "ordinary": lambda x: x * 2 if Value(1.0) == x else x * 3,
    "array": lambda x: x * 2 if (x == np.array([1.0])).any() else x * 3,
}


@pytest.mark.parametrize("f", CHOICES.values(), ids=CHOICES)
def test_equality_of_traced_values_is_refused_and_the_remedy_named(f):
    with pytest.raises(TracingError, match=r"x\.equal\(0\)"):
        mg.jit(f)(0.0)


def test_identity_and_hashes_of_traced_values_go_on():
    def f(x, y):
        assert x is x and x in [x] and x in (y, x)[1:] and [x, y].index(x) == 0
        assert {x: 1, y: 2}[y] == 2 and len({x, y, x}) == 2
        assert x != None and x != "x" and x != []  # noqa: E711
        return x + y

    assert mg.jit(f)(1.0, 2.0) == 3.0


LATER = {
    "sum": lambda v: mg.sum([v, 1.0]),
    "long sum": lambda v: mg.sum([Value(1.0)] * 1000 + [v]),
    "start": lambda v: mg.sum([1.0], start=v),
    "dot": lambda v: mg.dot([v], [1.0]),
    "inputs": lambda v: mg.dot([Value(1.0)], [v]),
    "bias": lambda v: mg.dot([Value(1.0)], [Value(2.0)], bias=v),
    "maximum": lambda v: Value(1.0).maximum(v),
    "maximum of it": lambda v: v.maximum(1.0),
    "when": lambda v: Value(1.0).when(v),
    "data": lambda v: v.data,
    "set data": lambda v: setattr(v, "data", 1.0),
    "grad": lambda v: v.grad,
    "set grad": lambda v: setattr(v, "grad", 1.0),
    "backward": lambda v: v.backward(),
    "closure": lambda v: setattr(v, "_backward", lambda: None),
    "_prev": lambda v: v._prev,
    "_op": lambda v: v._op,
    "float": float,
    "int": int,
    "bool": bool,
    "round": round,
    "format": lambda v: f"{v:.3f}",
    "equal": lambda v: v == 0,
    "less": lambda v: v < 0,
    "plus": lambda v: v + 1,
    "reflected": lambda v: 1 - v,
    "ordinary plus it": lambda v: Value(1.0) + v,
    "weight plus it": lambda v: Weight(1.0) + v,
    "power": lambda v: v**2,
    "of power": lambda v: 2**v,
    "ordinary power": lambda v: Value(2.0) ** v,
    "tanh": lambda v: v.tanh(),
    "negative": lambda v: -v,
    "leaky": lambda v: v.leaky_relu(0.1),
    "where": lambda v: mg.where(v, 1.0, 2.0),
    "chosen": lambda v: mg.where(Value(1.0), v, 2.0),
    "neuron": lambda v: Neuron(1)([v]),
    "layer": lambda v: Layer(2, 2)([v, 1.0]),
    "network": lambda v: MLP(1, [2, 1])([v]),
    "order": mg.topological_order,
    "zero_grad": mg.zero_grad,
    "draw": lambda v: mg.draw(v),
    "explain": lambda v: mg.explain(v),
    "optimiser": lambda v: mg.optim.SGD([v], lr=0.1),
    "argument": lambda v: mg.jit(lambda x: x)(v),
    "row": lambda v: mg.jit(lambda x: x)([[1.0, v]]),
    "result": lambda v: mg.jit(lambda x: v)(1.0),
    "results": lambda v: mg.jit(lambda x: [x, v])(1.0),
    "another trace": lambda v: mg.jit(lambda x: x * v)(1.0),
    "summed in another trace": lambda v: mg.jit(lambda x: mg.sum([x, v]))(1.0),
    "child": lambda v: Value(1.0, (v,)),
    "first child": lambda v: Value(1.0, (v, Value(2.0)), "f"),
    "second child": lambda v: Value(1.0, (Value(2.0), v), "f"),
    "third child": lambda v: Value(1.0, (Value(2.0), Value(2.0), v), "f"),
    "child with a derivative": lambda v: Value(1.0, (Value(2.0), v), (2.0, 3.0)),
    "leaf of it": lambda v: Value(v),
    "data of a node": lambda v: Value(v, (Value(2.0),), (1.0,)),
    "data of a parameter": lambda v: setattr(Value(1.0), "data", v),
    "derivative": lambda v: Value(1.0, (Value(2.0),), (v,)),
    "operands": lambda v: setattr(Value(1.0), "_prev", (v,)),
    "copied": lambda v: copy.copy(v) * 2.0,
    "deeply copied": lambda v: v + copy.deepcopy(v),
    "of a pickle": lambda v: pickle.loads(pickle.dumps(v)).tanh(),
    "gradcheck": lambda v: mg.gradcheck(lambda a: a * v, 1.0),
    "array": lambda v: np.array([1.0, 2.0]) * v,
    "float array": lambda v: np.array([v], dtype=float),
}


@pytest.mark.parametrize("use", LATER.values(), ids=LATER)
def test_a_traced_value_that_was_kept_is_refused(use):
    value = keep()
    with pytest.raises(TracingError, match="outside"), nothing_left_behind():
        use(value)
    assert (Value(1.0) + 1).data == 2.0


def test_a_traced_value_that_was_kept_may_be_looked_at():
    value = keep()
    assert "Traced" in repr(value) and "Traced" in f"{value}"
    assert hash(value) == hash(value) and value in [value]
    value.name = "kept"
    assert value.name == "kept"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_network_that_keeps_traced_values_is_copied(copied):
    network = mg.Neuron(1)

    def keeping(x):
        network.last, network.given = network([x]), x
        with pytest.raises(TracingError, match="copied or pickled"):
            copied(x)
        return network.last * 1.0

    mg.jit(keeping)(1.0)
    twin = copied(network)
    assert twin([2.0]).data == network([2.0]).data
    assert repr(twin.last) == repr(network.last) and repr(twin.given) == repr(network.given)
    with pytest.raises(TracingError, match="outside"):
        twin.given + 1.0


def test_the_class_of_a_traced_value_makes_ordinary_ones():
    f = mg.jit(lambda x: type(x)(3.0) * x)
    assert f(2.0) == 6.0


def test_what_is_detached_has_its_value_at_each_sample_and_no_gradient():
    w = Value(3.0)
    f = mg.jit(lambda x: x.detach() * x + w.detach() * w * x)
    assert (f(2.0), f.gradient(2.0)) == (22.0, 11.0)
    f.backward(2.0)
    assert w.grad == 6.0
    w.data = 5.0  # a parameter that is detached is read anew too
    values, slopes = f.value_and_gradient([1.0, 2.0])
    assert [*values] == [26.0, 54.0] and [*slopes] == [26.0, 27.0]


OPERATORS = {
    "__add__": lambda self, other: Value.__add__(self, other) - 0.25,
    "__mul__": lambda self, other: Value.__mul__(self, other) * 1.5,
    "__pow__": lambda self, k: Value.__pow__(self, k) + 2.0,
    "__neg__": lambda self: Value.__mul__(self, -3.0),
    "__rmul__": lambda self, other: Value.__rmul__(self, other) * 0.75,
    "__rsub__": lambda self, other: Value.__rsub__(self, other) + 8.0,
}


@pytest.mark.parametrize(
    "text", ["x*v", "v*x", "x + v", "v + x", "x - v", "v - x", "x/v", "v/x", "x*v - v*x + 1/v"]
)
def test_operators_of_a_class_of_the_users_are_the_same_beside_a_traced_value(text):
    for names in (chosen for n in (1, 2, 3) for chosen in itertools.combinations(OPERATORS, n)):
        own = type("Own", (Value,), {name: OPERATORS[name] for name in names})
        v, x = own(1.5), Value(-0.75)

        def f(x, v=v):
            return eval(text)

        out = f(x)
        out.backward()
        grads = x.grad, v.grad
        v.zero_grad()
        program = mg.jit(f)
        assert program(-0.75) == pytest.approx(out.data, rel=1e-12), names
        _, of_x = program.value_and_gradient(-0.75)
        program.backward(-0.75)
        assert (of_x, v.grad) == pytest.approx(grads, rel=1e-12), names
