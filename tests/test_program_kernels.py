"""The numbers of programs, on every set of kernels: those of the eager engine."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import ACTIVATIONS
from programs import close, eager
from support import LANES

import micrograd_c as mg
from micrograd_c import Value, nn
from micrograd_c._core import NAMES, OPS, lib
from micrograd_c._core.docs import is_operator

np = pytest.importorskip("numpy")


# ---- values and gradients ----------------------------------------------------------------------------------------

MAPS = [op for op in range(len(OPS)) if OPS[op].method and OPS[op].arity == 1]
PAIRS = [op for op in range(len(OPS)) if OPS[op].method and OPS[op].arity == 2]
POINTS = [-30.0, -2.5, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.2, 0.5, 0.999, 1.0, 1.7, 3.0, 25.0, 300.0]
DOMAIN_ERRORS = (ValueError, ZeroDivisionError, OverflowError)


def apply(op, *operands):
    name = NAMES[op].lower()
    if OPS[op].takes_k:
        return getattr(operands[0], name)(3.0)
    method = f"__{name}__" if is_operator(op) else name
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
    assert (np.signbit(got) == np.signbit(want))[~np.isnan(want)].all()


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


@pytest.mark.parametrize("activation", ACTIVATIONS[:-1])
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


ZERO, TWO, MODEL = Value(-0.0), Value(2.0), nn.MLP(2, [3, 2], bias=False)
for p in MODEL.parameters():
    p.data = -0.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: mg.sum([x]),
        lambda x, y: mg.sum([x, y]),
        lambda x, y: mg.sum([x, x]) + x,
        lambda x, y: x + mg.sum([x * y, y, ZERO]),
        lambda x, y: sum([x, y]),
        lambda x, y: mg.mean([x, y]),
        lambda x, y: mg.dot([x], [y]),
        lambda x, y: mg.dot([x, y], [y, x], y) + x * y,
        lambda x, y: mg.dot([ZERO, TWO], [x, y]),
        lambda x, y: mg.dot([ZERO, TWO], [x, y], ZERO),
        lambda x, y: mg.dot([ZERO, ZERO], [TWO, TWO]) + x,
        lambda x, y: mg.sum([ZERO, ZERO]) * 1.0 + x,
        lambda x, y: (TWO * x + TWO * y) + x,
        lambda x, y: TWO * x + (ZERO + TWO * y),
        lambda x, y: (ZERO + ZERO) + x,
        lambda x, y: x + 0.0,
        lambda x, y: x + -0.0,
        lambda x, y: x - 0.0,
        lambda x, y: x - -0.0,
        lambda x, y: 0.0 - x,
        lambda x, y: -0.0 - x,
        lambda x, y: -(x * -1.0),
        lambda x, y: (x - y) + (y - x),
        lambda x, y: x.maximum(y) + x.minimum(y),
        lambda x, y: mg.where(x > 0, x, y),
        lambda x, y: mg.sum(MODEL([x, y])),
    ],
)
@pytest.mark.usefixtures("lanes")
def test_zeros_have_the_signs_of_eager_code(f):
    points = [(x, y) for x in (0.0, -0.0, 1.0, -1.0) for y in (0.0, -0.0, 1.0, -1.0)]
    wanted = [f(Value(x), Value(y)).data for x, y in points]
    program, (xs, ys) = mg.jit(f), np.array(points).T
    for found in (
        program(xs, ys),
        [program(x, y) for x, y in points],
        [program(x, np.array([y]))[0] for x, y in points],
        [program(np.array([x]), y)[0] for x, y in points],
    ):
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


def test_listings_show_every_constant_and_bias():
    def listing(f, *args):
        return mg.jit(f).program(*args).listing

    assert "v1 = maximum(x0, 0)\n" in listing(lambda x: x.maximum(0.0), [1.0, 2.0])
    assert "v1 = LeakyReLU(x0, 0.25)\n" in listing(lambda x: x.leaky_relu(0.25), [1.0, 2.0])
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


# ---- choices -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("taken", [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan])
def test_where_gives_the_number_of_the_branch_bit_for_bit(taken):
    def choose(c, a, b):
        return mg.where(c, a, b)

    def sums(c, a, b):  # of more than two nodes, which a program makes one
        return mg.where(c, a, b) + mg.where(c, a, b)

    p = Value(1.0)
    uniform = mg.jit(lambda a, b: mg.where(p, a, b) + mg.where(p * 2.0, a, b))
    for f, n in ((choose, 1), (sums, 2)):
        program = mg.jit(f)
        for other in (0.0, -0.0, 2.0, math.nan):
            for c, a, b in ((1.0, taken, other), (0.0, other, taken)):
                wanted = np.float64(n * taken).tobytes() if taken == taken else b""
                numbers = [f(*map(Value, (c, a, b))).data, program(c, a, b), *program([c] * 9, [a] * 9, [b] * 9)]
                numbers.extend(program([c] * 9, a, b))
                constant = mg.jit(lambda c, a=a, b=b, f=f: f(c, a, b))
                numbers += [constant(c), *constant([c] * 9)]
                numbers.append(mg.jit(lambda c=c, a=a, b=b, f=f: f(Value(c), a, b))())
                p.data = c
                numbers += [uniform(a, b) / 2 * n, *(uniform([a] * 9, [b] * 9) / 2 * n)]
                assert all(np.float64(x).tobytes() == wanted if wanted else math.isnan(x) for x in numbers), numbers


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


@pytest.mark.filterwarnings("ignore:Values that no argument goes into are compared")
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
