"""Programs: what they compute is what the eager engine computes, and what they cannot record they refuse."""

import inspect
import math
import random
import re
import runpy
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd_c as mg
from micrograd_c import TracingError, Value, nn
from micrograd_c._core import NAMES, OPS, lib
from micrograd_c._core import ffi as c_ffi

np = pytest.importorskip("numpy")

LANES = []
for _name in ("baseline", "neon", "avx2", "avx512"):
    if c_ffi.string(lib.mg_lanes(_name.encode())).decode() == _name:
        LANES.append(_name)


@pytest.fixture(params=LANES)
def lanes(request):
    """Run a test on every instruction set that this machine has."""
    lib.mg_lanes(request.param.encode())
    yield request.param
    lib.mg_lanes(LANES[-1].encode())


@pytest.fixture
def threads():
    yield mg.set_threads
    mg.set_threads(1)


def close(a, b, rtol=1e-12, atol=0.0):
    """Assert that a and b are equal up to rounding, with nan and inf where the other has them."""
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=rtol, atol=atol)


def eager(f, columns, parameters, weights=None):
    """Run f sample by sample: values, gradients of arguments, gradients of the weighted sum for the parameters."""
    values, gradients = [], []
    total = [0.0] * len(parameters)
    for i, sample in enumerate(columns):
        leaves = [Value(x) for x in sample]
        for p in parameters:
            p.grad = 0.0
        out = f(*leaves)
        out.backward()
        values.append(out.data)
        gradients.append([leaf.grad for leaf in leaves])
        weight = 1.0 if weights is None else weights[i]
        total = [t + weight * p.grad for t, p in zip(total, parameters)]
    for p in parameters:
        p.grad = 0.0
    return values, gradients, total


# ---- values and gradients ----------------------------------------------------------------------------------------

MAPS = [op for op in range(len(OPS)) if OPS[op].method and OPS[op].arity == 1]
PAIRS = [op for op in range(len(OPS)) if OPS[op].method and OPS[op].arity == 2]
POINTS = [-30.0, -2.5, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.2, 0.5, 0.999, 1.0, 1.7, 3.0, 25.0, 300.0]
DOMAIN_ERRORS = (ValueError, ZeroDivisionError, OverflowError)


def apply(op, *operands):
    name = NAMES[op].lower()
    if OPS[op].takes_k:
        return getattr(operands[0], name)(3.0)
    method = f"__{name}__" if hasattr(float, f"__{name}__") else name
    return getattr(operands[0], method)(*operands[1:])


@pytest.mark.parametrize("op", MAPS, ids=NAMES.__getitem__)
def test_each_op_of_one_operand_is_the_eager_one(op, lanes):
    points, values, slopes = [], [], []
    for x in POINTS:
        leaf = Value(x)
        try:
            out = apply(op, leaf)
        except DOMAIN_ERRORS:
            continue
        out.backward()
        points.append(x)
        values.append(out.data)
        slopes.append(leaf.grad)
    f = mg.jit(lambda x: apply(op, x))
    close(f(points), values)
    close(f.gradient(points), slopes)
    close([f(x) for x in points], values, rtol=0)
    close([f.gradient(x) for x in points], slopes, rtol=0)


@pytest.mark.parametrize("op", PAIRS, ids=NAMES.__getitem__)
def test_each_op_of_two_operands_is_the_eager_one(op, lanes):
    cases = []
    for x in POINTS:
        for y in POINTS:
            a, b = Value(x), Value(y)
            try:
                out = apply(op, a, b)
                out.backward()
            except DOMAIN_ERRORS:
                continue
            if all(map(math.isfinite, (out.data, a.grad, b.grad))):
                cases.append((x, y, out.data, a.grad, b.grad))
    x, y, z, dx, dy = map(list, zip(*cases))
    f = mg.jit(lambda x, y: apply(op, x, y))
    close(f(x, y), z)
    gx, gy = f.gradient(x, y)
    close(gx, dx)
    close(gy, dy)
    mixed = [c for c in cases if c[1] == 0.5]
    gx, gy = f.gradient([c[0] for c in mixed], 0.5)
    close(gx, [c[3] for c in mixed])
    close(gy, math.fsum(c[4] for c in mixed), rtol=1e-9, atol=1e-12)
    for x, y, z, dx, dy in cases[:: max(1, len(cases) // 20)]:
        close(f(x, y), z, rtol=0)
        close(f.gradient(x, y), (dx, dy), rtol=0)


@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "silu"])
def test_vector_functions_are_those_of_libm(name, lanes):
    rng = np.random.default_rng(7)
    x = np.concatenate([rng.uniform(-750, 750, 3000), rng.normal(size=3000), 10.0 ** rng.uniform(-320, 308, 3000)])
    x = np.concatenate(
        [x, -x, [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.7976931348623157e308, 709.78, 709.79]]
    )
    with np.errstate(all="ignore"):
        e = np.exp(-np.abs(x))
        logistic = np.where(x < 0, e, 1.0) / (1 + e)
        want = {
            "sigmoid": logistic,
            "softplus": np.maximum(x, 0) + np.log1p(e),
            "silu": x * logistic,
        }.get(name)
        want = getattr(np, name)(x) if want is None else want
    got = mg.jit(lambda v: getattr(v, name)())(x)
    with np.errstate(all="ignore"):
        normal = ~(np.abs(want) < 1e-300)  # numbers that small have few digits left
    np.testing.assert_allclose(got[normal], want[normal], rtol=1e-14)
    np.testing.assert_allclose(got[~normal], want[~normal], atol=1e-300)


UNARY = ["relu", "tanh", "sigmoid", "sin", "softplus", "neg", "abs", "atan", "erf", "silu", "square", "exp"]
BINARY = ["+", "-", "*", "/", "maximum", "minimum", "less", "sum", "dot", "where"]


@st.composite
def random_functions(draw):
    """A list of steps over two arguments and three parameters, each reading what is there already."""
    steps = []
    for i in range(draw(st.integers(1, 25))):
        below = st.integers(0, 4 + i)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(UNARY)), [draw(below)]))
        else:
            steps.append((draw(st.sampled_from(BINARY)), [draw(below) for _ in range(4)]))
    return steps


def step(name, v, i):
    a, b = v[i[0]], v[i[-1]]
    if name in BINARY:
        if name == "+":
            return a + b
        if name == "-":
            return a - 2.0 * b
        if name == "*":
            return (a * b).tanh()
        if name == "/":
            return a / (1.0 + b * b)
        if name == "sum":
            return mg.sum([v[j] for j in i] + [0.5]) * 0.25
        if name == "dot":
            return mg.dot([a, b], [v[i[1]], v[i[2]]], bias=v[i[1]]).tanh()
        if name == "where":
            return mg.where(v[i[1]].less(v[i[2]]), a, b)
        return getattr(a, name)(b)
    if name == "square":
        return (a * 0.1) ** 2
    if name == "exp":
        return (-abs(a)).exp()
    return -a if name == "neg" else abs(a) if name == "abs" else getattr(a, name)()


@settings(max_examples=60, deadline=None)
@given(random_functions(), st.integers(0, 10**6), st.integers(1, 40), st.sampled_from(LANES))
def test_random_functions_are_those_of_the_eager_engine(steps, seed, n, name):
    rng = random.Random(seed)
    parameters = [Value(rng.uniform(-2, 2)) for _ in range(3)]

    def f(x, y):
        v = [x, y, *parameters]
        for what, operands in steps:
            v.append(step(what, v, operands))
        return mg.sum([*v[5:], v[-1] * v[-1]])

    samples = [(rng.uniform(-2, 2), rng.uniform(-2, 2)) for _ in range(n)]
    weights = [rng.uniform(0, 2) for _ in range(n)]
    values, gradients, total = eager(f, samples, parameters, weights)
    lib.mg_lanes(name.encode())
    g = mg.jit(f)
    x, y = np.array(samples).T
    scale = max(1.0, np.abs(gradients).max(), np.abs(values).max())
    close(g(x, y), values, atol=1e-12 * scale)
    close(np.transpose(g.gradient(x, y)), gradients, atol=1e-12 * scale)
    close(g.backward(x, y, weights=weights), np.dot(values, weights), atol=1e-12 * scale * n)
    close([p.grad for p in parameters], total, atol=1e-12 * scale * n)
    close(g(*samples[0]), values[0], atol=1e-12 * scale)
    close(g.gradient(*samples[0]), gradients[0], atol=1e-12 * scale)
    number = g.gradient(x, samples[0][1])  # a number beside a batch
    want = eager(f, [(a, samples[0][1]) for a in x], parameters)[1]
    close(number[0], [a for a, _ in want], atol=1e-12 * scale)
    close(number[1], math.fsum(b for _, b in want), atol=1e-11 * scale * n)


def test_gradients_agree_with_finite_differences():
    p = Value(0.7)
    f = mg.jit(lambda x, y: (x * y + p).tanh() * (x / y) + (x * x + 1.0).log())
    x, y = np.linspace(-1, 2, 11), np.linspace(1, 3, 11)
    gx, gy = f.gradient(x, y)
    h = 1e-6
    close(gx, (f(x + h, y) - f(x - h, y)) / (2 * h), rtol=1e-7, atol=1e-8)
    close(gy, (f(x, y + h) - f(x, y - h)) / (2 * h), rtol=1e-7, atol=1e-8)
    f.backward(x, y)
    before, p.data = p.data, p.data + h
    high = f(x, y).sum()
    p.data = before - h
    close(p.grad, (high - f(x, y).sum()) / (2 * h), rtol=1e-7)


# ---- networks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("sizes", [(2, [16, 16, 1]), (1, [1]), (3, [5, 1, 4]), (9, [7, 13, 2])], ids=str)
def test_networks_are_those_of_the_eager_engine(sizes, activation, lanes):
    random.seed(3)
    model = nn.MLP(*sizes, activation=activation)
    parameters = model.parameters()

    def loss(x):
        out = model(x)
        return mg.sum([o * o for o in out]) if isinstance(out, list) else out * out

    rng = np.random.default_rng(5)
    for n in (1, 7, 64, 200):
        x = rng.normal(size=(n, sizes[0]))
        values, gradients, total = eager(lambda *row: loss(list(row)), x, parameters)
        f = mg.jit(loss)
        scale = max(np.abs(total).max(), np.abs(gradients).max())
        close(f(x), values, atol=1e-13)
        close(f.gradient(x), gradients, atol=1e-13 * scale)
        f.backward(x)
        close([p.grad for p in parameters], total, atol=1e-13 * scale)


@pytest.mark.parametrize("hidden", [False, True])
def test_units_that_a_neuron_reads_twice_get_both_gradients(hidden, lanes):
    random.seed(11)
    w = [Value(random.uniform(-1, 1)) for _ in range(30)]

    def f(x, y):
        units = [mg.dot(w[25:27], [x, y], w[27]).tanh(), mg.dot(w[27:29], [x, y]).tanh()] if hidden else [x, y]
        layer = [mg.dot(w[j : j + 5], [units[i] for i in (0, 1, 0, 1, 0)], w[j + 5]).tanh() for j in range(6)]
        return mg.sum(layer) + w[0] * units[0] + w[1] * units[0] + w[2] * units[1] + w[3] * units[1]

    columns = np.random.default_rng(2).normal(size=(21, 2))
    values, gradients, total = eager(f, columns, w)
    program = mg.jit(f)
    close(program(*columns.T), values, atol=1e-13)
    close(np.transpose(program.gradient(*columns.T)), gradients, atol=1e-12)
    program.backward(*columns.T)
    close([p.grad for p in w], total, atol=1e-11)


@pytest.mark.parametrize("n", [1, 5, 8, 13, 16, 70])
def test_infinite_samples_give_the_gradients_of_eager_code_for_any_number_of_samples(n, lanes):
    w, b = Value(2.0), Value(1.0)
    samples = np.arange(1.0, n + 1)
    for special, wanted in ((math.inf, math.inf), (-math.inf, -math.inf), (math.nan, math.nan)):
        samples[-1] = special
        w.grad = b.grad = 0.0
        f = mg.jit(lambda x: w * x + b)
        f.backward(samples)
        close([w.grad, b.grad], [wanted, n])
        close(f.gradient(samples), [2.0] * n)


def test_moons_training_is_that_of_the_eager_engine_step_by_step():
    random.seed(1337)
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, math.pi, 40)
    y = np.where(np.arange(40) % 2, 1, -1)
    X = np.c_[np.cos(angle) * y + (y > 0), np.sin(angle) * y + 0.3 * (y > 0)]
    model, twin = nn.MLP(2, [8, 8, 1]), nn.MLP(2, [8, 8, 1])
    twin.load_state_dict(model.state_dict())
    hinge = mg.jit(lambda x, y: (1 - y * model(x)).relu())
    penalty = mg.jit(lambda: 1e-4 * mg.sum(p * p for p in model.parameters()))
    sgd = mg.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        sgd.zero_grad()
        loss = hinge.backward(X, y, reduce="mean") + penalty.backward()
        sgd.step()
        twin.zero_grad()
        losses = [(1 - int(yi) * twin(list(xi))).relu() for xi, yi in zip(X, y)]
        total = mg.sum(losses) * (1.0 / 40) + 1e-4 * mg.sum(p * p for p in twin.parameters())
        total.backward()
        for p in twin.parameters():
            p.data -= 0.1 * p.grad
        close(loss, total.data, rtol=1e-12)
    close([p.data for p in model.parameters()], [p.data for p in twin.parameters()], rtol=1e-11, atol=1e-13)
    close(mg.jit(model)(X), [twin(list(x)).data for x in X], rtol=1e-10)


def test_softmax_cross_entropy_is_that_of_the_eager_engine():
    random.seed(2)
    model = nn.MLP(6, [5, 4])

    def loss(x, target):
        scores = model(x)
        largest = scores[0]
        for s in scores[1:]:
            largest = largest.maximum(s)
        shifted = [s - largest for s in scores]
        return mg.sum(s.exp() for s in shifted).log() - mg.dot(target, shifted)

    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(33, 6)), np.eye(4)[rng.integers(0, 4, 33)]
    values, _, total = eager(lambda *v: loss(v[:6], v[6:]), np.c_[X, Y], model.parameters())
    f = mg.jit(loss)
    close(f.backward(X, Y, reduce="mean"), np.mean(values))
    close([33 * p.grad for p in model.parameters()], total, atol=1e-13)


def test_listings_show_every_constant_and_bias():
    def listing(f, *args):
        return mg.jit(f).program(*args).listing

    assert "v1 = maximum(x0, 0)\n" in listing(lambda x: mg.sum([x, 0.0]).maximum(0.0), [1.0, 2.0])
    assert "1 x 1 weights (2) * (x0) + (1)\n" in listing(lambda x: x * 2 + 1, [1.0, 2.0])
    weights = [1.25, 3.5, 9.75, 5.125, 7.0625, 8.0]
    text = listing(lambda x: mg.dot(weights, x, 0.375) + mg.dot(x, x[::-1]), [weights])
    assert all(f"{w:g}" in text for w in (*weights, 0.375))
    p = [Value(float(i)) for i in range(9)]
    text = listing(lambda: mg.sum([*p, 0.0625, *p, 4.5]) * -0.0)
    assert "0.0625" in text and "4.5" in text and "-0" in text
    model = nn.MLP(2, [5, 1])
    text = mg.jit(model).program([[1.0, 2.0]]).listing
    biases = [i for i, name in enumerate(dict(model.named_parameters())) if name.endswith("b")]
    assert len(biases) == 6
    assert f"({', '.join(f'p{i}' for i in biases[:5])})" in text and f"(p{biases[5]})" in text


def test_layers_become_single_instructions():
    model = nn.MLP(4, [8, 8, 1])
    program = mg.jit(model).program(np.zeros((1, 4)))
    assert program.nodes_recorded > program.nodes > program.instructions
    assert program.instructions == 5
    assert program.listing.count("weights") == 3
    assert "ReLU" in repr(program)


# ---- arguments ---------------------------------------------------------------------------------------------------


def test_arguments_may_have_any_type_order_and_stride():
    f = mg.jit(lambda x: x[0] - 2 * x[1] + x[2] * x[2])
    base = np.arange(60).reshape(10, 6) % 11
    want = base[:, 0] - 2 * base[:, 2] + base[:, 4] ** 2
    for dtype in ("f8", "f4", "f2", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f8", ">i4"):
        close(f(base.astype(dtype)[:, ::2]), want)
    wide = base.astype(float)
    close(f(np.asfortranarray(wide[:, ::2])), want)
    close(f(wide[::-1, ::2])[::-1], want)
    close(f(np.repeat(wide, 2, axis=0)[::2, ::2]), want)
    close(f(wide[:, ::2].tolist()), want)
    close(f(tuple(map(tuple, wide[:, ::2]))), want)
    close(f(np.broadcast_to([1.0, 2.0, 3.0], (5, 3))), [6.0] * 5)
    readonly = wide[:, ::2].copy()
    readonly.flags.writeable = False
    close(f(readonly), want)


def test_one_value_for_a_batch_and_a_list_for_rows():
    seen = []

    def f(a, b, c):
        seen.append((type(a).__mro__[1], len(b), type(b), type(c).__mro__[1]))
        return a + b[0] + c

    got = mg.jit(f)([1, 2], [[1], [2]], 10)
    assert seen == [(Value, 1, list, Value)]
    close(got, [12, 14])


def test_keywords_and_defaults():
    f = mg.jit(lambda x, y=2.0, *, z=1.0: x * y + z)
    assert f(3.0) == 7.0
    assert f(3.0, y=4) == 13.0
    close(f(x=[1.0, 2.0], z=5.0), [7.0, 9.0])
    close(f.gradient(x=[1.0, 2.0], y=3.0)[0], [3.0, 3.0])
    assert f.gradient(x=[1.0, 2.0], y=3.0)[1] == 3.0


def test_structure_of_results_is_kept():
    f = mg.jit(lambda x: (x, [x * x, {"a": x + 1, "b": 5.0}]))
    assert f(3.0) == (3.0, [9.0, {"a": 4.0, "b": 5.0}])
    x, (square, rest) = f([1.0, 2.0])
    close(x, [1, 2])
    close(square, [1, 4])
    close(rest["a"], [2, 3])
    close(rest["b"], [5, 5])
    with pytest.raises(TypeError, match="one Value"):
        f.backward(3.0)
    with pytest.raises(TypeError, match="one Value"):
        f.gradient(3.0)


def test_value_and_gradient():
    f = mg.jit(lambda x: x[0] * x[1])
    value, gradient = f.value_and_gradient([[2.0, 3.0], [4.0, 5.0]])
    close(value, [6, 20])
    close(gradient, [[3, 2], [5, 4]])
    assert mg.jit(lambda x, y: x * y).value_and_gradient(2.0, 3.0) == (6.0, (3.0, 2.0))


@pytest.mark.parametrize(
    "args, error, words",
    [
        (([1.0, 2.0], [1.0]), ValueError, r"\(2,\).*\(1,\)"),
        (([[1.0, 2.0], [1.0]], 1.0), (ValueError, TypeError), "argument x"),
        ((np.zeros((2, 2, 2)), 1.0), ValueError, r"\(2, 2, 2\)"),
        (("abc", 1.0), TypeError, "str"),
        ((None, 1.0), TypeError, "NoneType"),
        ((np.array([1j]), 1.0), TypeError, "complex"),
        ((np.array(["a"]), 1.0), TypeError, "real numbers"),
        ((Value(1.0), 1.0), TypeError, "data"),
        (([Value(1.0)], 1.0), TypeError, "data"),
        ((1.0,), TypeError, "missing"),
        ((1.0, 2.0, 3.0), TypeError, "too many positional"),
        ((np.zeros((4, 2)),), TypeError, r"missing.*'y'.*\(4, 2\)"),
    ],
)
def test_wrong_arguments_are_refused(args, error, words):
    p = Value(2.0)
    f = mg.jit(lambda x, y: p * x * y)
    for call in (f, f.backward, f.gradient):
        with pytest.raises(error, match=words):
            call(*args)
    assert p.grad == 0.0


def test_wrong_reductions_touch_no_gradient():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    x = np.ones(3)
    for weights in ([1.0, math.nan, 1.0], [1.0, math.inf, 1.0], [1.0, 2.0], [[1.0, 1.0, 1.0]], 1.0):
        with pytest.raises(ValueError, match="weights"):
            f.backward(x, weights=weights)
    with pytest.raises(ValueError, match="sum"):
        f.backward(x, weights=[1.0, -1.0, 0.0], reduce="mean")
    with pytest.raises(ValueError, match="reduce"):
        f.backward(x, reduce="max")
    with pytest.raises(ValueError, match="no samples"):
        f.backward(x[:0], reduce="mean")
    with pytest.raises(ValueError, match="batch"):
        f.backward(1.0, weights=[1.0])
    assert p.grad == 0.0
    assert f.backward(x[:0]) == 0.0
    assert p.grad == 0.0
    assert f(x[:0]).shape == (0,)
    assert f.gradient(x[:0]).shape == (0,)


def test_mean_with_weights_is_the_weighted_average():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    assert f.backward([1.0, 4.0], weights=[3.0, 1.0], reduce="mean") == pytest.approx(3.5)
    assert p.grad == pytest.approx(1.75)


# ---- parameters --------------------------------------------------------------------------------------------------


def test_parameters_are_read_at_each_run_and_gradients_add_up():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    assert f(3.0) == 6.0
    p.data = 5.0
    assert f(3.0) == 15.0
    f.backward(3.0)
    f.backward([1.0, 2.0])
    assert p.grad == 6.0


def test_values_computed_before_the_trace_lead_to_their_leaves():
    p = Value(2.0)
    square = p * p
    f = mg.jit(lambda x: square * x)
    assert f.backward(3.0) == 12.0
    assert p.grad == 12.0
    assert square.grad == 0.0
    assert f.program(3.0).parameters == (p,)


def test_leaves_made_by_the_function_are_constants():
    f = mg.jit(lambda x: Value(3.0) * x + 1.5)
    assert f(2.0) == 7.5
    assert f.program(2.0).parameters == ()


def test_a_function_without_arguments_reads_parameters_alone():
    parameters = [Value(float(i)) for i in range(5)]
    f = mg.jit(lambda: 0.5 * mg.sum(p * p for p in parameters))
    assert f() == 15.0
    assert f.backward() == 15.0
    assert [p.grad for p in parameters] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_parameters_live_as_long_as_the_program():
    f = (lambda p: mg.jit(lambda x: p * x))(Value(2.0))
    f(1.0)
    f._function = None
    junk = [Value(i) for i in range(10)]
    assert f.backward(4.0) == 8.0
    assert all(v.grad == 0.0 for v in junk)


def test_retrace_sees_what_has_changed():
    layers = [2.0]
    f = mg.jit(lambda x: x * layers[0])
    assert f(1.0) == 2.0
    layers[0] = 3.0
    assert f(1.0) == 2.0
    f.retrace()
    assert f(1.0) == 3.0


def test_programs_leave_no_node_behind():
    before = mg.stats().live_nodes

    def use_a_program():
        p = Value(1.0)
        f = mg.jit(lambda x: (p * x).tanh() + 3.0)
        f([1.0, 2.0])
        assert mg.stats().live_nodes <= before + 1

    use_a_program()
    assert mg.stats().live_nodes <= before


def test_a_function_is_traced_once_for_each_signature():
    traces = []
    f = mg.jit(lambda x, y: (traces.append(1), x + y)[1] if not isinstance(x, list) else x[0] + y)
    for _ in range(3):
        f(1.0, 2.0)
        f(1, np.float64(2))
        f([1.0], 2.0)
        f(np.ones(5), 2.0)
        f([1.0], [2.0])
    assert len(traces) == 3
    assert repr(f).count("nodes") == 3


def test_programs_inside_programs_are_recorded():
    p = Value(3.0)
    square = mg.jit(lambda x: p * x * x)
    f = mg.jit(lambda x: square(x) + 1)
    assert f(2.0) == 13.0
    f.backward(2.0)
    assert p.grad == 4.0


# ---- tracing is honest -------------------------------------------------------------------------------------------

DISHONEST = {
    "data": lambda x: x * x.data,
    "set data": lambda x: setattr(x, "data", 1.0),
    "grad": lambda x: x.grad,
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "math": lambda x: math.exp(x),
    "if": lambda x: x if x > 0 else -x,
    "if reflected": lambda x: x if x > 0 else -x,
    "bool": lambda x: bool(x),
    "not": lambda x: not x,
    "max": lambda x: max(x, x * 2),
    "sorted": lambda x: sorted([x, x * 2])[0],
    "range": lambda x: range(x),
    "closure": lambda x: setattr(x * 2, "_backward", lambda: None),
    "backward": lambda x: (x * 2).backward(),
    "through a plain method": lambda x: x.maximum(1.0).data,
    "plain method of traced": lambda x: Value(1.0).maximum(x).data,
    "sum": lambda x: mg.sum([x, 1.0]).data,
    "dot": lambda x: mg.dot([x, 1.0], [2.0, 3.0]).data,
    "where": lambda x: mg.where(x > 0, 1.0, 2.0).data,
    "power": lambda x: (2.0**x).data,
    "numpy": lambda x: float(np.array([x, x]).sum()),
    "made by hand": lambda x: Value(x.data, (x,), "f"),
}


@pytest.mark.parametrize("f", DISHONEST.values(), ids=DISHONEST)
def test_asking_for_a_number_is_refused_and_the_line_is_named(f):
    for argument in (1.0, [1.0, 2.0]):
        with pytest.raises(TracingError) as caught:
            mg.jit(f)(argument)
        assert f"{__file__}:{inspect.getsourcelines(f)[1]}" in str(caught.value)
    assert Value(2.0).maximum(3.0).data == 3.0  # and afterwards all is as it was


def test_nodes_with_python_closures_are_refused():
    a = Value(2.0)
    node = Value(a.data * 2, (a,), "twice")

    def back():
        a.grad += 2 * node.grad

    node._backward = back
    with pytest.raises(TracingError, match=f"{back.__code__.co_firstlineno}"):
        mg.jit(lambda x: x * node)(1.0)
    by_hand = lambda x: x * Value(3.0, (a,), "f")  # noqa: E731
    with pytest.raises(TracingError, match=f"{by_hand.__code__.co_firstlineno}\n.*made by hand"):
        mg.jit(by_hand)(1.0)


def test_a_traced_value_is_of_no_use_after_its_trace():
    kept = []
    f = mg.jit(lambda x: (kept.append(x), x * 2)[1])
    f(1.0)
    with pytest.raises(TracingError, match="outside"):
        kept[0] * 2
    with pytest.raises(TracingError, match="outside"):
        mg.jit(lambda x: x * kept[0])(1.0)


def test_where_and_comparisons_choose_in_a_program():
    f = mg.jit(lambda x: mg.where(x > 1, x * 10, mg.where(x <= 0, -x, x)))
    close(f([-3.0, 0.5, 1.0, 2.0]), [3.0, 0.5, 1.0, 20.0])
    close(f.gradient([-3.0, 0.5, 1.0, 2.0]), [-1.0, 1.0, 1.0, 10.0])
    assert f(2) == 20.0


def test_where_works_on_eager_values():
    a, b = Value(2.0), Value(5.0)
    out = mg.where(a.less(b), a * 3, b)
    assert out.data == 6.0
    out.backward()
    assert (a.grad, b.grad) == (3.0, 0.0)
    assert mg.where(True, a, b) is a
    assert mg.where(a > b, a, 7.0).data == 7.0


def test_where_calls_the_function_of_the_branch_that_it_takes():
    x, called = Value(-1.0), []

    def root():
        called.append("root")
        return x.sqrt()

    assert mg.where(x.greater(0), root, 0.0).data == 0.0
    assert mg.where(x.greater(0), 0.0, lambda: x).data == -1.0
    assert mg.where(False, root, lambda: 3).data == 3.0
    assert called == []
    assert mg.where(x.less(0), lambda: x, root) is x
    f = mg.jit(
        lambda v: mg.where(v > 0, lambda: called.append("jit") or v.sqrt(), lambda: called.append("jit") or v)
    )
    close(f.gradient([4.0, -1.0]), [0.25, 1.0])
    assert called == ["jit", "jit"]


def test_nothing_goes_through_the_branch_that_eager_code_does_not_take():
    x, p = Value(0.0), Value(0.0)
    out = mg.where(x.greater(0), x.sqrt() + p.sqrt(), 3 * x)
    out.backward()
    assert (x.grad, p.grad) == (3.0, 0.0)
    x.grad = 0.0
    (x.sqrt() * 0.0).backward()
    assert math.isnan(x.grad)  # a factor of 0 is no choice
    ran = []
    hand = Value(1.0, (x,), "by hand")
    hand._backward = lambda: ran.append(hand)
    mg.where(x.less(0), hand, p).backward()
    assert not ran
    mg.where(x.equal(0), hand, p).backward()
    assert ran == [hand]


P, Q = Value(0.0), Value(math.inf)
UNTAKEN = {  # each at samples below, at and above 0; nan where IEEE's rules make it
    "root": (lambda x: mg.where(x > 0, x.sqrt(), 0.0), [0, 0, 0.25]),
    "else": (lambda x: mg.where(x <= 0, 5.0 * x, x.log()), [5, 5, 0.25]),
    "equal to itself": (lambda x: mg.where(x.sqrt() > 0, x.sqrt(), x), [1, 1, 0.25]),
    "deep": (lambda x: mg.where(x > 0, (x.sqrt() * x.log() + 1 / x).tanh(), x), [1, 1, None]),
    "inside": (lambda x: mg.where(x < 5, mg.where(x > 0, x.sqrt(), x * 2), x.log()), [2, 2, 0.25]),
    "shared": (lambda x: mg.where(x > 0, x.sqrt(), x.sqrt()), [math.nan, math.inf, 0.25]),
    "shared by parts": (lambda x: mg.where(x > 0, 2 * x.sqrt(), 0.0) + x, [1, 1, 1.5]),
    "a factor of 0": (lambda x: mg.where(x > -9, x.sqrt() * 0.0, 1.0), [math.nan, math.nan, 0]),
    "a condition": (lambda x: mg.where(x.sqrt() > 1, x, 0.0), [0, 0, 1]),
    "a uniform root": (lambda x: mg.where(x > 9, x * P.sqrt(), x), [1, 1, 1]),
    "a uniform condition": (lambda x: mg.where(P > 0, x.sqrt(), x) if P > 0 else x, [1, 1, 1]),
    "a uniform guard": (lambda x: mg.where(P.greater(0), x.sqrt() * P.sqrt(), x), [1, 1, 1]),
    "an infinite weight": (lambda x: mg.where(x > 9, mg.dot([Q, Q], [x, x.sqrt()], P), x), [1, 1, 1]),
    "a layer": (
        lambda x: mg.where(x > 9, mg.dot([P, Q], [x.log(), x]).tanh() + mg.dot([Q, P], [x.log(), x]).tanh(), x),
        [1, 1, 1],
    ),
    "products": (lambda x: mg.where(x > 9, x * x.log() + x.log() * x.sqrt() + x.sqrt() * x, x), [1, 1, 1]),
}


@pytest.mark.parametrize("name", UNTAKEN)
def test_nothing_goes_through_the_branch_that_a_program_does_not_take(name, lanes):
    f, wanted = UNTAKEN[name]
    f = mg.jit(f)
    for n in (1, 2, 3, 4, 11, 64):
        x = np.resize([-1.0, 0.0, 4.0], n)
        found = f.gradient(x)
        for i, slope in enumerate(found):
            if wanted[i % 3] is not None:
                close(slope, wanted[i % 3])
            else:
                assert math.isfinite(slope)
        P.grad = Q.grad = 0.0
        f.backward(x)
        close([P.grad, Q.grad], [0.0, 0.0])
        close(f.gradient(-1.0), wanted[0])


def test_uniform_values_are_reached_where_any_sample_takes_their_branch(threads):
    p = Value(0.0)
    f = mg.jit(lambda x: mg.where(x > 0, p.sqrt() * x, x))
    for n in (1, 9, 3000):
        for t in (1, 2):
            threads(t)
            x = np.full(n, -1.0)
            p.grad = 0.0
            f.backward(x)
            assert p.grad == 0.0
            x[-1] = 1.0
            f.backward(x)
            assert p.grad == math.inf


def test_programs_without_a_choice_have_no_guards():
    m = nn.MLP(2, [4, 1])
    assert mg.jit(lambda x: m(x).tanh()).program([[1.0, 2.0]]).instructions == 4
    e = mg.jit(lambda x: mg.where(abs(m(x)) < 1, m(x) * m(x), m(x)))
    assert "gradients" not in mg.jit(m).program([[1.0, 2.0]]).listing
    assert "gradients" in e.program([[1.0, 2.0]]).listing


def test_programs_follow_ieee_where_eager_code_raises():
    with np.errstate(all="ignore"):
        assert mg.jit(lambda x: 1 / x)(0.0) == math.inf
        assert mg.jit(lambda x: x / 0)(-1.0) == -math.inf
        assert math.isnan(mg.jit(lambda x: x.log())(-1.0))
        close(mg.jit(lambda x: x.exp())([1000.0, -1000.0]), [math.inf, 0.0])
        close(mg.jit(lambda x: x.sqrt())([-1.0, 4.0]), [math.nan, 2.0])


def test_an_error_in_the_function_leaves_everything_as_it_was():
    before = mg.stats().live_nodes

    def f(x):
        x * 2
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.jit(f)(1.0)
    assert mg.stats().live_nodes <= before
    assert Value(1.0).minimum(0.5).data == 0.5


# ---- threads, memory, interrupts ---------------------------------------------------------------------------------


def test_results_do_not_depend_on_the_number_of_threads(threads):
    random.seed(5)
    model = nn.MLP(3, [20, 20, 1], activation="tanh")
    f = mg.jit(lambda x: model(x) ** 2)
    x = np.random.default_rng(0).normal(size=(5000, 3))
    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        model.zero_grad()
        value = f.backward(x, reduce="mean")
        results.append((value, [p.grad for p in model.parameters()], f(x).tolist(), f.gradient(x).tolist()))
    assert all(result == results[0] for result in results)


def test_a_program_runs_in_several_threads_at_once(threads):
    threads(2)
    p = Value(1.5)
    f = mg.jit(lambda x: (p * x).tanh())
    x = np.linspace(-1, 1, 4001)
    want, gradient, wrong = f(x), f.gradient(x), []

    def work():
        for _ in range(20):
            if not (f(x) == want).all() or not (f.gradient(x) == gradient).all():
                wrong.append(1)
            f.backward(x)

    workers = [threading.Thread(target=work) for _ in range(4)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    assert not wrong
    total = p.grad
    p.grad = 0.0
    f.backward(x)
    close(total, 80 * p.grad)


def test_other_threads_work_eagerly_while_one_traces():
    started, done, wrong = threading.Event(), threading.Event(), []

    def eager_work():
        started.wait()
        while not done.is_set():
            a, b = Value(2.0), Value(3.0)
            c = mg.sum([a, b]) * a.maximum(b)
            if type(c) is not Value or c.data != 15.0:
                wrong.append(c)

    worker = threading.Thread(target=eager_work)
    worker.start()

    def f(x):
        started.set()
        for _ in range(2000):
            x = x.maximum(0.5) * 1.0001
        return x

    mg.jit(f)([1.0])
    done.set()
    worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(sys, "getswitchinterval") or sys.platform == "win32", reason="needs fork")
def test_programs_run_after_a_fork(threads):
    import os

    threads(2)
    f = mg.jit(lambda x: x.exp() * x)
    x = np.linspace(-1, 1, 100_000)
    want = f(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if (f(x) == want).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (f(x) == want).all()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_ctrl_c_stops_a_long_run_and_touches_no_gradient():
    p = Value(1.0)

    def long(x):
        for _ in range(300):
            x = (x * p).sin()
        return x

    f = mg.jit(long)
    x = np.ones(2_000_000)
    f(x[:1])
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            f.backward(x)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert p.grad == 0.0
    assert f.backward(x[:3]) == pytest.approx(3 * f(1.0))


def test_set_threads_checks_its_argument():
    for n, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error):
            mg.set_threads(n)


def test_a_run_makes_no_python_objects_for_its_samples():
    f = mg.jit(lambda x: x * x)
    x = np.ones(100_000)
    f(x)
    tracemalloc.start()
    f.backward(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


def test_results_may_need_no_sample():
    p = Value(3.0)
    constant, square, same = mg.jit(lambda x: 5.0), mg.jit(lambda x: p * p), mg.jit(lambda x: x)
    close(constant([1, 2]), [5, 5])
    close(constant.gradient([1.0, 2.0]), [0, 0])
    assert constant.backward([1, 2]) == 10.0
    close(square([1, 2]), [9, 9])
    assert square.backward([1, 2, 3], weights=[1, 2, 3]) == 54.0
    assert p.grad == 36.0
    close(square.gradient([1.0, 2.0]), [0, 0])
    close(same([1, 2]), [1, 2])
    close(same.gradient([1, 2]), [1, 1])
    assert mg.jit(lambda x: mg.sum(x) + 1)(np.zeros((3, 0))).tolist() == [1, 1, 1]


def test_module_and_function_of_the_name_jit_are_both_called():
    import micrograd_c.jit as imported

    assert imported(lambda x: x * 2)(1.0) == sys.modules["micrograd_c.jit"](lambda x: x * 2)(1.0) == 2.0


def test_missing_and_unknown_keywords_are_refused():
    f = mg.jit(lambda x, *, y: x * y)
    for kwargs in ({}, {"z": 1.0}, {"y": 1.0, "z": 2.0}):
        with pytest.raises(TypeError, match="given"):
            f(1.0, **kwargs)
    assert f(2.0, y=3.0) == 6.0


def test_models_and_bound_methods_are_functions_too():
    class Line:
        def __init__(self):
            self.w = Value(2.0)

        def at(self, x):
            return self.w * x

    line = Line()
    f = mg.jit(line.at)
    assert f(3.0) == 6.0
    assert f.backward([1.0, 2.0]) == 6.0
    assert line.w.grad == 3.0
    model = nn.MLP(2, [3, 2])
    first, second = mg.jit(model)([[1.0, 2.0]])
    want = model([1.0, 2.0])
    close([first[0], second[0]], [v.data for v in want])


@pytest.mark.parametrize(
    "script, words",
    [("moons_jit.py", r"accuracy (100|99)"), ("digits_jit.py", r"held-out accuracy 9[789]")],
)
def test_the_examples_reach_their_accuracy(script, words, monkeypatch, capsys):
    for package in ("sklearn", "tqdm"):
        pytest.importorskip(package)
    path = Path(__file__).parent.parent / "examples" / script
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert re.search(words, capsys.readouterr().out)


PEAK = """
import random, resource, sys
import numpy as np
import micrograd_c as mg

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

mg.set_threads(4)
model = mg.MLP(2, [16, 16, 1])
f = mg.jit(lambda x, y: (1 - y * model(x)).relu())
n = 1_000_000
X, y = np.ones((n, 2)), np.ones(n)
f.backward(X[:10], y[:10]); f(X[:10], y[:10]); f.gradient(X[:10], y[:10])
before = peak()
f.backward(X, y)
middle = peak()
values, gradient = f.value_and_gradient(X, y)
print(middle - before, peak() - before - values.nbytes - gradient[0].nbytes - gradient[1].nbytes)
"""


@pytest.mark.memory
def test_memory_above_inputs_and_outputs_stays_small():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    for peak in map(int, done.stdout.split()):
        assert peak < 16 << 20


def test_the_example_of_the_chapter_runs(capsys):
    text = Path(__file__).parent.parent.joinpath("docs", "programs.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(block, names)
    assert names["scores"].shape == (100,)
    assert names["loss"] < 0.5
