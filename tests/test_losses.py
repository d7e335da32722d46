"""Losses over lists of Values, against scipy and numpy: eager, in programs, and at both ends of floats."""

import math
from fractions import Fraction
from functools import partial

import pytest

import micrograd_c as mg
from micrograd_c import Value

np = pytest.importorskip("numpy")
special = pytest.importorskip("scipy.special")
mpmath = pytest.importorskip("mpmath")

LOGITS = [
    [0.3],
    [1.0, 2.0, -3.0],
    [-0.0, 0.0, 5e-324, 1e-308],
    [700.0, 710.0, 720.0, -720.0],
    [1e308, 1e308, -1e308],
    [-1e308, -1e308],
    [1e308, 0.0, 1e308, 1e292],
    [-math.inf, 1.0, 2.0],
    [30.0 * math.sin(i) for i in range(40)],
]
FUNCTIONS = {"softmax": special.softmax, "log_softmax": special.log_softmax, "logsumexp": special.logsumexp}


def exactly(f, xs):
    with np.errstate(all="ignore"):
        return np.atleast_1d(f(np.array(xs)))


def data(out):
    return [x.data for x in out] if isinstance(out, list) else [out.data]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("xs", LOGITS, ids=str)
def test_values_are_those_of_scipy(name, xs):
    f, exact = getattr(mg, name), exactly(FUNCTIONS[name], xs)
    close = partial(pytest.approx, rel=1e-14, abs=1e-15 if "log" in name else 1e-300)  # scipy adds 1 before its log
    assert data(f([Value(x) for x in xs])) == close(exact)
    program = mg.jit(lambda x: f(x))
    one, other = np.array(program(np.array([xs, xs[::-1]]))).reshape(-1, 2).T
    assert one == close(exact) and other == close(exact if name == "logsumexp" else exact[::-1])


@pytest.mark.parametrize(
    "xs", [[math.inf, 0.0], [-math.inf] * 3, [math.inf] * 2, [math.nan, 0.0, math.inf]], ids=str
)
def test_sums_with_infinities_are_those_of_numpy(xs):
    (exact,) = exactly(np.logaddexp.reduce, xs)
    found = [mg.logsumexp([Value(x) for x in xs]).data, *mg.jit(lambda x: mg.logsumexp(x))([xs, xs])]
    assert found == pytest.approx([exact] * 3, nan_ok=True)


@pytest.mark.parametrize(
    "xs",
    [
        *LOGITS,
        *([x] * n for x in (1e308, -1e308, 1e15, -1e15, 1e5, 99.0) for n in (1, 2, 3, 10)),
        [1e15, 1e15 + 0.5],
    ],
    ids=str,
)
def test_slopes_of_logsumexp_and_softmax_hold_where_the_sum_has_no_digits_left(xs):
    powers = [mpmath.exp(mpmath.mpf(x) - max(xs)) for x in xs]
    exact = [float(e / mpmath.fsum(powers)) for e in powers]
    values = [Value(x) for x in xs]
    mg.logsumexp(values).backward()
    f = mg.jit(lambda x: mg.logsumexp(x))
    for found in ([x.grad for x in values], *f.gradient([xs, xs]), *f.vjp(([xs],), [1.0])[1][0]):
        assert found == pytest.approx(exact, rel=3e-14, abs=1e-300)
    row = [p * ((i == 0) - exact[0]) for i, p in enumerate(exact)]
    values = [Value(x) for x in xs]
    mg.softmax(values)[0].backward()
    for found in ([x.grad for x in values], mg.jit(lambda x: mg.softmax(x)[0]).gradient([xs])[0]):
        assert found == pytest.approx(row, rel=1e-13, abs=1e-16)


def test_parameters_of_a_program_may_move_to_where_the_sum_has_no_digits_left():
    p = [Value(1.0), Value(1.0)]
    f = mg.jit(lambda: mg.logsumexp(p))
    f.backward()
    p[0].data = p[1].data = 1e300
    f.backward()
    assert [x.grad for x in p] == [1.0, 1.0]


@pytest.mark.parametrize("xs", LOGITS, ids=str)
def test_the_gradient_of_cross_entropy_is_softmax_less_the_class(xs):
    index = len(xs) - 1
    exact = exactly(special.softmax, xs)
    exact[index] -= 1
    values = [Value(x) for x in xs]
    loss = mg.cross_entropy(values, index)
    loss.backward()
    assert loss.data == pytest.approx(-exactly(special.log_softmax, xs)[index], rel=1e-14, abs=1e-16)
    assert [x.grad for x in values] == pytest.approx(exact, rel=1e-14, abs=1e-16)
    batch, labels = np.array([xs, xs]), np.array([index, index], dtype=np.int32)
    for f in (mg.jit(lambda x: mg.cross_entropy(x, index)), mg.jit(mg.cross_entropy)):
        out, gradient = f.value_and_gradient(*(batch, labels)[: 2 if f.__wrapped__ is mg.cross_entropy else 1])
        gradient = gradient[0] if isinstance(gradient, tuple) else gradient
        assert out == pytest.approx([loss.data] * 2, rel=1e-14, abs=1e-16)
        assert gradient == pytest.approx(np.array([exact, exact]), rel=1e-14, abs=1e-16)


def test_a_column_of_labels_chooses_one_logit_a_sample():
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(30, 4)) * 20, rng.integers(4, size=30)
    f = mg.jit(mg.cross_entropy)
    assert f(x, labels) == pytest.approx(-special.log_softmax(x, axis=1)[np.arange(30), labels], rel=1e-13)
    assert np.isnan(f(x[:3], [0.5, -1, 4])).all()


def test_the_derivatives_of_softmax_are_those_of_scipy():
    x = np.random.default_rng(2).normal(size=(6, 3))
    p = special.softmax(x, axis=1)
    exact = np.einsum("ni,ij->nij", p, np.eye(3)) - np.einsum("ni,nj->nij", p, p)
    assert mg.jit(mg.softmax).jacobian(x) == pytest.approx(exact, rel=1e-13, abs=1e-15)
    log = np.eye(3) - p[:, None, :]
    assert mg.jit(mg.log_softmax).jacobian(x) == pytest.approx(log, rel=1e-13, abs=1e-15)
    values = [Value(v) for v in x[0]]
    mg.softmax(values)[1].backward()
    assert [v.grad for v in values] == pytest.approx(exact[0, 1], rel=1e-13)


def test_mse_is_the_mean_of_squares():
    x, y = np.random.default_rng(3).normal(size=(2, 5, 4))
    values = [Value(v) for v in x[0]]
    loss = mg.mse(values, y[0])
    loss.backward()
    assert loss.data == pytest.approx(np.mean((x[0] - y[0]) ** 2), rel=1e-15)
    assert [v.grad for v in values] == pytest.approx((x[0] - y[0]) / 2, rel=1e-15)
    out, gradient = mg.jit(lambda x, y: mg.mse(x, y)).value_and_gradient(x, y)
    assert out == pytest.approx(np.mean((x - y) ** 2, axis=1), rel=1e-15)
    assert gradient[0] == pytest.approx((x - y) / 2, rel=1e-14)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: mg.softmax([]), ValueError, "one Value or more"),
        (lambda: mg.softmax(Value(1.0)), TypeError, r"write \[v, ...\]"),
        (lambda: mg.softmax(["a"]), TypeError, "item 0"),
        (lambda: mg.cross_entropy([Value(1.0)] * 3, 3), ValueError, "from 0 to 2"),
        (lambda: mg.cross_entropy([Value(1.0)] * 3, -1), ValueError, "from 0 to 2"),
        (lambda: mg.cross_entropy([Value(1.0)] * 3, 0.5), ValueError, "from 0 to 2, a class, not 0.5"),
        *(
            (
                partial(mg.cross_entropy, [Value(1.0)] * 3, index),
                ValueError,
                "from 0 to 2, a class, not (-1|inf|nan)",
            )
            for index in (10**400, 10**5000, Fraction(10**400), math.inf, math.nan, Value(-1.0))
        ),
        (lambda: mg.cross_entropy([Value(1.0)] * 3, "cat"), TypeError, "index"),
        (lambda: mg.mse([Value(1.0)], [1.0, 2.0]), ValueError, "1 predictions and 2 targets"),
    ],
)
def test_wrong_arguments_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_class_may_be_any_whole_number():
    xs = [Value(1.0), Value(2.0)]
    for index in (1, 1.0, True, np.int64(1), np.array(1), Value(1.0)):
        assert mg.cross_entropy(xs, index).data == mg.cross_entropy(xs, 1).data
