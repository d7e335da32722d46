"""Derivatives of any order of programs: against scipy, mpmath and jax, and by two ways through ourselves."""

import functools
import itertools
import math
import random
import re
import time
from pathlib import Path

import pytest
from graphs import KINKS
from programs import close
from test_ops import method_of, reference_of

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS, lib
from micrograd_c.program.arguments import Arguments

np = pytest.importorskip("numpy")


def rosenbrock(x):
    return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:])])


@pytest.mark.usefixtures("lanes")
def test_derivatives_of_rosenbrock_are_those_of_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 33, 5))
    f = mg.jit(rosenbrock)
    each = list(zip(x, v))
    close(f.jacobian(x), [optimize.rosen_der(a) for a, _ in each], 1e-9, 1e-9)
    close(f.hessian(x), [optimize.rosen_hess(a) for a, _ in each], 1e-9, 1e-9)
    close(f.hvp((x,), (v,)), [optimize.rosen_hess_prod(a, b) for a, b in each], 1e-9, 1e-9)
    value, tangent = f.jvp((x,), (v,))
    close(value, [optimize.rosen(a) for a, _ in each])
    close(tangent, [optimize.rosen_der(a) @ b for a, b in each], 1e-9, 1e-9)
    value, (gradient,) = f.vjp((x,), np.arange(33.0))
    close(value, [optimize.rosen(a) for a, _ in each])
    close(gradient, [i * optimize.rosen_der(a) for i, (a, _) in enumerate(each)], 1e-9, 1e-9)


# ---- every op ----------------------------------------------------------------------------------------------------

# Operands x and y run along lines, so a value is a function of one number. What is not 0.7 - 1.3*t:
LINES = {
    "LOG": (1.3, 0.7),
    "LOG2": (1.3, 0.7),
    "LOG10": (1.3, 0.7),
    "SQRT": (0.6, 0.5),
    "POW": (1.4, 0.3),
    "POWER": (1.4, 0.5),
    "ASIN": (-0.4, 0.5),
    "ACOS": (0.3, 0.5),
    "LOG1P": (-0.3, 0.4),
}
SCALARS = [op for op in range(len(NAMES)) if OPS[op].method and OPS[op].arity in (1, 2)]


def derivatives_of(f, t, order):
    """Return value and derivatives up to an order of a function of one number, each the derivative of the last."""
    program, a, out = mg.jit(f).program(t), Arguments(f, "f", (t,), {}), []
    for _ in range(order + 1):
        out.append(float(program.matrix(a)[0, 0]) if program.outputs else 0.0)
        program = program.derived(lib.MG_JACOBIAN, (0,))
    return out


@pytest.mark.parametrize("op", SCALARS, ids=[NAMES[op] for op in SCALARS])
def test_taylor_coefficients_to_order_4_are_those_of_mpmath(op):
    mpmath = pytest.importorskip("mpmath")
    ks = ((3.0, -1.0, 2.5) if NAMES[op] == "POW" else (0.1,)) if OPS[op].takes_k else (None,)
    start, slope = LINES.get(NAMES[op], (0.7, -1.3))
    for t, k in itertools.product((-0.25, 0.75), ks):

        def along(apply, t, k=k):
            operands = (start + slope * t, 0.9 - 0.4 * t)[: OPS[op].arity]
            return apply(*operands, *(() if k is None else (k,)))

        with mpmath.workdps(60):
            reference = reference_of(op)
            taylor = mpmath.taylor(functools.partial(along, reference), mpmath.mpf(t), 4)
            exact = [float(c * mpmath.factorial(i)) for i, c in enumerate(taylor)]
        close(derivatives_of(functools.partial(along, method_of(op)), t, 4), exact, 1e-12, 1e-12)


@pytest.mark.parametrize("name", ["sum", "mean"])
def test_ops_of_any_number_of_operands_are_derived(name):
    f = mg.jit(lambda x, y: getattr(mg, name)([x**3, y, x * y]))
    close(f.hessian(2.0, 3.0, argnums=(0, 1)), np.array([[12, 1], [1, 0]]) / (3 if name == "mean" else 1))


def test_the_hessian_of_logsumexp_is_that_of_its_probabilities():
    x = np.random.default_rng(7).normal(size=(5, 3))
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    exact = np.einsum("ni,ij->nij", p, np.eye(3)) - np.einsum("ni,nj->nij", p, p)
    for f in (mg.logsumexp, lambda x: mg.cross_entropy(x, 1)):
        close(mg.jit(f).hessian(x), exact, 1e-13, 1e-15)


# ---- two ways ----------------------------------------------------------------------------------------------------


def random_function(rng, inputs, steps=12):
    """Return a random function of all ops whose values stay near 1."""
    plan = []
    for _ in range(steps):
        op = rng.choice(SCALARS)
        plan.append((op, rng.random(), rng.random(), rng.choice([-1.0, 0.5, 2.0, 3.0]), rng.random() < 0.3))

    def f(x):
        values = list(x)
        for op, a, b, k, choice in plan:
            a, b = (values[int(i * len(values))] for i in (a, b))
            a = a.tanh()
            if NAMES[op] in ("LOG", "LOG2", "LOG10", "SQRT", "POW", "POWER"):
                a = a * a + 0.5
            elif NAMES[op] in ("ASIN", "ACOS", "LOG1P"):
                a = a * 0.9
            operands = (a, b.tanh() + 1.7 if NAMES[op] in ("TRUEDIV", "ATAN2", "HYPOT") else b)[: OPS[op].arity]
            z = method_of(op)(*operands, *([abs(k) if k == 0.5 else k] if OPS[op].takes_k else []))
            values.append(mg.where(a > b, z, b * z) if choice else z)
        return mg.sum(values[inputs:]).tanh()

    return f


@pytest.mark.usefixtures("lanes")
def test_reverse_over_reverse_is_forward_over_reverse(rng):
    for _ in range(12):
        seed = rng.randrange(10**9)
        f = mg.jit(random_function(random.Random(seed), 3))
        x, v = np.random.default_rng(seed).normal(size=(2, 11, 3))
        hessian = f.hessian(x)
        assert np.isfinite(hessian).all(), seed
        close(hessian, hessian.transpose(0, 2, 1))
        product = np.einsum("nij,nj->ni", hessian, v)
        size = np.abs(hessian).sum((1, 2), keepdims=True)[:, :, 0] * np.abs(v).max() + 1e-300
        assert (np.abs(f.hvp((x,), (v,)) - product) <= 1e-11 * size + 1e-13).all(), seed
        gradient = f.gradient(x)
        close(f.jacobian(x), gradient, 1e-12, 1e-13)
        close(f.vjp((x,), np.ones(11))[1][0], gradient, 1e-12, 1e-13)
        close(f.jvp((x,), (v,))[1], (gradient * v).sum(1), 1e-10, 1e-12)


def test_wide_and_tall_jacobians_agree():
    """The one is made row by row, the other column by column."""
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(7, 3)), rng.normal(size=(9, 3))

    def functions(x):
        return [mg.dot(row, x).sin() * x[i % 3] for i, row in enumerate(w.tolist())]

    tall = mg.jit(functions).jacobian(x)
    assert tall.shape == (7, 9, 3)
    for i in range(9):
        close(tall[:, i], mg.jit(lambda x, i=i: functions(x)[i]).gradient(x), 1e-12, 1e-14)
    for first in range(0, 9, 2):
        wide = mg.jit(lambda x, first=first: functions(x)[first : first + 2]).jacobian(x)
        close(wide, tall[:, first : first + 2], 1e-12, 1e-14)


def test_derivatives_of_homogeneous_functions_obey_eulers_theorem():
    x = np.random.default_rng(4).uniform(0.5, 2, size=(9, 3))
    f = mg.jit(lambda x: x[0] ** 3 / x[1] + x[2] ** 2 * (x[0] * x[1]).sqrt().relu() / x[2])  # of degree 2
    gradient, hessian = f.gradient(x), f.hessian(x)
    close((gradient * x).sum(1), 2 * f(x))
    close(np.einsum("nij,nj->ni", hessian, x), gradient, 1e-11, 1e-11)


@pytest.mark.slow
def test_derivatives_are_those_of_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", True)
    x, y, u, v, c = np.random.default_rng(5).normal(size=(5, 6, 4))
    y, v, c = y[:, 0], v[:, 0], c[:, 0]

    def ours(x, y):
        return [(x[0] * y).sin() * x[1].exp() / (1 + x[2] * x[2]), mg.where(x[3] > y, (x[3] - y).sqrt(), x[0] * y)]

    def theirs(x, y):
        root = jnp.where(x[3] > y, jnp.sqrt(jnp.where(x[3] > y, x[3] - y, 1.0)), x[0] * y)
        return jnp.stack([jnp.sin(x[0] * y) * jnp.exp(x[1]) / (1 + x[2] * x[2]), root])

    f, each = mg.jit(ours), lambda g: jax.jit(jax.vmap(g))
    for ours_, theirs_ in zip(f.jacobian(x, y, argnums=(0, 1)), each(jax.jacrev(theirs, (0, 1)))(x, y)):
        close(ours_, theirs_, 1e-10, 1e-13)
    value, tangent = each(lambda *a: jax.jvp(theirs, a[:2], a[2:]))(x, y, u, v)
    for mine, other in zip(f.jvp((x, y), (u, v)), (value, tangent)):
        close(np.transpose(mine), other, 1e-10, 1e-13)
    pulled = each(lambda x, y, c: jax.vjp(theirs, x, y)[1](jnp.stack([c, 2 * c])))(x, y, c)
    for mine, other in zip(f.vjp((x, y), [c, 2 * c])[1], pulled):
        close(mine, other, 1e-10, 1e-13)
    for i in range(2):
        mine = mg.jit(lambda x, y, i=i: ours(x, y)[i]).hessian(x, y, argnums=(0, 1))
        other = each(jax.hessian(lambda x, y, i=i: theirs(x, y)[i], (0, 1)))(x, y)
        for a, b in itertools.product(range(2), repeat=2):
            close(mine[a][b], other[a][b], 1e-9, 1e-12)


# ---- choices and kinks -------------------------------------------------------------------------------------------


def test_nothing_goes_through_the_branch_that_was_not_taken_at_any_order():
    """Each branch is infinite or nan where it is not taken, and so are its derivatives."""
    f = mg.jit(lambda x: mg.where(x > 0, x.sqrt() * x.log(), mg.where(x < 0, (-x).log(), x * 3)))
    program, x = f.program(np.zeros(3)), np.array([-2.0, 0.0, 2.0])
    a = Arguments(f, "f", (x,), {})
    mpmath = pytest.importorskip("mpmath")
    for order in range(4):
        left = mpmath.diff(lambda t: mpmath.log(-t), -2, order)
        right = mpmath.diff(lambda t: mpmath.sqrt(t) * mpmath.log(t), 2, order)
        close(program.matrix(a)[0], [float(left.real), 3.0 if order == 1 else 0.0, float(right.real)], 1e-8)
        program = program.derived(lib.MG_JACOBIAN, (0,))
    close(f.hvp((x,), (np.ones(3),)), f.hessian(x))
    assert np.isfinite(f.jvp((x,), (np.ones(3),))[1]).all()


def test_a_branch_of_one_output_is_no_branch_of_another():
    """Gradients of one output reach log(x) everywhere, those of the other one where x is positive."""
    f = mg.jit(lambda x: (x.log(), mg.where(x > 0, x.log(), x)))
    close(f.jacobian(np.array([0.0, 2.0])), [[math.inf, 1.0], [0.5, 0.5]])


@pytest.mark.parametrize("f, at, first", KINKS)
def test_at_a_kink_higher_derivatives_are_0(f, at, first):
    assert derivatives_of(f, at, 3)[1:] == [first, 0.0, 0.0]


def test_powers_have_derivatives_at_0():
    assert derivatives_of(lambda x: x**3, 0.0, 4) == [0.0, 0.0, 0.0, 6.0, 0.0]
    f = mg.jit(lambda x, y: x**y)
    close(f.hessian(0.0, 3.0, argnums=(0, 1)), np.zeros((2, 2)))


# ---- nodes made by hand ------------------------------------------------------------------------------------------


def test_local_derivatives_given_by_hand_are_derived_again():
    def cube(x):
        return Value(x * x * x, (x,), (3 * x * x,))

    f, g = mg.jit(lambda x, y: cube(x * y) * y), mg.jit(lambda x, y: (x * y) ** 3 * y)
    close(f.hessian(1.5, 0.5, argnums=(0, 1)), g.hessian(1.5, 0.5, argnums=(0, 1)))
    x = np.array([0.5, -2.0])
    close(f.hvp((x, 0.5), (x, 1.0))[0], g.hvp((x, 0.5), (x, 1.0))[0])


def test_what_is_detached_stays_a_number_at_all_orders():
    f = mg.jit(lambda x, y: mg.dot([x.detach(), y], [x * x, (y * x).detach()]) + x.detach() * x * y)
    close(f.gradient(2.0, 3.0), [2 * 2 * 2 + 2 * 3, 3 * 2 + 2 * 2])
    close(f.hessian(2.0, 3.0, argnums=(0, 1)), [[2 * 2, 2], [2, 0]])
    close(f.hvp((2.0, 3.0), (1.0, 1.0)), [6, 2])
    g = mg.jit(lambda x: Value(x**3, (x,), ((3 * x * x).detach(),)))
    assert (g.gradient(2.0), g.hessian(2.0)) == (12.0, 0.0)


# ---- parameters --------------------------------------------------------------------------------------------------


def network():
    random.seed(1)
    model = mg.MLP(3, [4, 3, 1], activation="tanh")
    return model, mg.jit(lambda x, y: (model(x) - y) ** 2)


def test_products_with_the_hessian_of_parameters_are_difference_quotients():
    _, f = network()
    rng = np.random.default_rng(2)
    x, y, w = rng.normal(size=(17, 3)), rng.normal(size=17), rng.uniform(size=17)
    parameters = f.program(x, y).parameters
    v, start = rng.normal(size=len(parameters)), [p.data for p in parameters]

    def gradient_at(step, **options):
        for p, data, direction in zip(parameters, start, v):
            p.data = data + step * direction
            p.grad = 0.0
        f.backward(x, y, **options)
        return np.array([p.grad for p in parameters])

    for options in ({}, {"reduce": "mean"}, {"weights": w}):
        quotient = (gradient_at(1e-5, **options) - gradient_at(-1e-5, **options)) / 2e-5
        before = gradient_at(0.0)
        close(f.hvp((x, y), v, wrt="parameters", **options), quotient, 1e-6, 1e-7)
        assert [p.grad for p in parameters] == before.tolist()
    one = mg.jit(lambda: (parameters[0] * parameters[1]).exp())
    a, b = (p.data for p in one.program().parameters)
    close(one.hvp((), (1.0, 0.0), wrt="parameters"), [b * b * math.exp(a * b), (1 + a * b) * math.exp(a * b)])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sqrt() * 0.0 + x,
        lambda x: x.sqrt().floor() + x,
        lambda x: mg.where(x > 0, x.sqrt(), 0.0),
        lambda x: mg.where(x.sqrt(), x * 2, -x),
        lambda x: x.maximum(0.0) + abs(x) ** 0.5,
        lambda x: mg.logsumexp([x, x * x, 0.0]).relu() - x.sqrt() * x,
        lambda x: 3.0 - x * 0.0 - x,
        lambda x: x - x,
        lambda x: Value(2.0),
    ],
)
@pytest.mark.usefixtures("lanes")
def test_a_gradient_is_what_backward_finds_also_where_that_is_0_or_none(f):
    """To the sign of zero; one of numbers and one of batches, alone and beside the value."""
    points = [0.0, 1.0, 0.25, *[2.0] * 300, -0.0]
    wanted = []
    for point in points:
        x = Value(point)
        f(x).backward()
        wanted.append(x.grad)
    program, wanted = mg.jit(f), np.array(wanted)
    numbers = [program.gradient(p) for p in points]
    for found in (numbers, program.gradient(points), program.value_and_gradient(points)[1]):
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        some = ~np.isnan(wanted)
        np.testing.assert_allclose(np.array(found)[some], wanted[some], 1e-15)
        np.testing.assert_array_equal(np.signbit(found)[some], np.signbit(wanted)[some])


def test_gradients_per_sample_add_up_to_the_gradient():
    f = mg.jit(lambda x, y, a, b: (x[0] * a - y).tanh() * b + x[1])
    x, y = np.random.default_rng(6).normal(size=(5, 2)), np.arange(5.0)
    each, together = f.gradient(x, y, 0.5, 2.0, per_sample=True), f.gradient(x, y, 0.5, 2.0)
    assert [g.shape for g in each] == [(5, 2), (5,), (5,), (5,)]
    close(each[0], together[0])
    close(each[1], together[1])
    close([each[2].sum(), each[3].sum()], together[2:])
    close(each[3], f(x, y, 0.5, 2.0) / 2 - x[:, 1] / 2, 1e-12, 1e-15)
    assert mg.jit(lambda x: x * x).gradient(3.0, per_sample=True) == 6.0


@pytest.mark.usefixtures("lanes")
def test_results_are_the_same_for_any_number_of_threads():
    _, f = network()
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(3000, 3)), rng.normal(size=3000)
    v = rng.normal(size=len(f.program(x, y).parameters))

    def results():
        product = f.hvp((x, y), v, wrt="parameters")
        return b"".join(r.tobytes() for r in (f.hessian(x, y), product, *f.jvp((x, y), (x, y))))

    try:
        mg.set_threads(1)
        alone = results()
        mg.set_threads(3)
        assert results() == alone
    finally:
        mg.set_threads(2)


# ---- shapes ------------------------------------------------------------------------------------------------------


def test_axes_stand_for_samples_outputs_and_items():
    one, two = mg.jit(lambda x, y, a: x[0] * x[1] * y * a), mg.jit(lambda x, y, a: {"p": x[0] * y, "q": [x[1] * a]})
    x, y = np.ones((5, 2)), np.ones(5)
    assert [j.shape for j in one.jacobian(x, y, 2.0, argnums=(0, 1, 2))] == [(5, 2), (5,), (5,)]
    assert [j.shape for j in two.jacobian(x, y, 2.0, argnums=(0, 1, 2))] == [(5, 2, 2), (5, 2), (5, 2)]
    assert one.jacobian(x, y, 2.0).shape == (5, 2)
    blocks = one.hessian(x, y, 2.0, argnums=(0, -1, 1))
    assert [[b.shape for b in row] for row in blocks] == [
        [(5, 2, 2), (5, 2), (5, 2)],
        [(5, 2), (5,), (5,)],
        [(5, 2), (5,), (5,)],
    ]
    assert one.hessian(x[:0], y[:0], 2.0).shape == (0, 2, 2)
    value, tangent = two.jvp((x, y, 2.0), (x, y, 1.0))
    assert value["p"].shape == (5,) and tangent["q"][0].tolist() == [3.0] * 5
    value, gradients = two.vjp((x, y, 2.0), {"p": y, "q": [y]})
    assert [np.shape(g) for g in gradients] == [(5, 2), (5,), ()] and gradients[2] == 5.0


@pytest.mark.parametrize("n, m", [(3, 0), (0, 2), (0, 0), (1, 0), (40, 0)])
def test_batches_without_samples_and_without_columns_have_derivatives_of_their_shapes(n, m):
    """vjp of samples without a column was a RuntimeError."""
    w, x, seed = Value(0.5), np.ones((n, m)), np.arange(float(n))
    f = mg.jit(lambda xs: mg.sum([a * w for a in xs]) + w)
    value = np.full(n, m * 0.5 + 0.5)
    assert f.jacobian(x).shape == (n, m) and f.hessian(x).shape == (n, m, m)
    assert f.hvp((x,), (x,)).shape == f.gradient(x).shape == (n, m)
    values, tangents = f.jvp((x,), (x,))
    assert values.tolist() == value.tolist() and tangents.tolist() == (value - 0.5).tolist()
    values, (gradient,) = f.vjp((x,), seed)
    assert values.tolist() == value.tolist() and gradient.tolist() == np.outer(seed, [0.5] * m).tolist()
    assert f.backward(x) == value.sum() and w.grad == n * (m + 1)
    g = mg.jit(lambda xs, c, v: [f(xs) * c * c, v[0] * v[1] * c], in_axes=(0, None, None))
    values, (by_x, by_c, by_v) = g.vjp((x, 2.0, [3.0, 5.0]), [seed, seed])
    assert values[0].tolist() == (4 * value).tolist() and values[1].tolist() == [30.0] * n
    assert by_x.tolist() == np.outer(seed, [2.0] * m).tolist() and by_v.tolist() == [
        10 * seed.sum(),
        6 * seed.sum(),
    ]
    assert by_c == (4 * value * seed + 15 * seed).sum()
    nothing = mg.jit(lambda xs: [])  # neither an input nor an output where m is 0
    (gradient,) = nothing.vjp((x,), [])[1]
    assert gradient.tolist() == np.zeros((n, m)).tolist() and nothing.jvp((x,), (x,)) == ([], [])


def test_a_function_without_arguments_and_without_results_has_a_vector_product():
    assert mg.jit(lambda: ()).vjp((), ()) == ((), ())


def test_without_a_batch_results_are_numbers():
    f = mg.jit(lambda x, y: x * x * y)
    assert f.jacobian(2.0, 3.0) == 12.0 and type(f.jacobian(2.0, 3.0)) is float
    assert f.jacobian(2.0, y=3.0, argnums=(0, 1)) == (12.0, 4.0)
    assert f.hessian(2.0, 3.0, argnums=[0, 1]) == ((6.0, 4.0), (4.0, 0.0))
    assert f.jvp((2.0, 3.0), (1.0, 1.0)) == (12.0, 16.0)
    assert f.vjp((2.0, 3.0), 2.0) == (12.0, (24.0, 8.0))
    assert f.hvp((2.0, 3.0), (1.0, 0.0)) == (6.0, 4.0)
    assert mg.jit(lambda x: 1.0).jacobian(2.0) == 0.0


def test_derived_programs_are_made_once_and_live_as_long_as_their_parameters():
    a = Value(3.0)
    f = mg.jit(lambda x: a * x * x)
    program = f.program(1.0)
    assert f.hessian(1.0) == 6.0
    derived = program.derived(lib.MG_JACOBIAN, (0,))
    assert derived is program.derived(lib.MG_JACOBIAN, (0,))
    a.data = 4.0
    assert f.hessian(1.0) == 8.0
    del f, program
    assert derived.parameters[0].data == 4.0


# ---- in_axes, sparse matrices ------------------------------------------------------------------------------------


def test_scipys_minimizers_run_through_us():
    optimize = pytest.importorskip("scipy.optimize")
    f, start = mg.jit(rosenbrock, in_axes=None), np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    options = {"gtol": 1e-10}
    exact = optimize.minimize(f, start, jac=f.gradient, hess=f.hessian, method="trust-exact", options=options)
    newton = optimize.minimize(
        f, start, jac=f.gradient, hessp=lambda x, v: f.hvp((x,), (v,)), method="Newton-CG", tol=1e-10
    )
    close(exact.x, np.ones(5), 1e-8)
    close(newton.x, np.ones(5), 1e-6)


def test_what_is_no_batch_keeps_its_shape():
    rng = np.random.default_rng(8)
    w, x = rng.normal(size=3), rng.normal(size=(3, 5))
    f = mg.jit(lambda w, x: mg.dot(w, x).tanh(), in_axes=(None, 1))
    rows = mg.jit(lambda a, b, c, x: (a * x[0] + b * x[1] + c * x[2]).tanh())
    close(f(w, x), np.tanh(w @ x))
    by_w, by_x = f.gradient(w, x)
    close(by_w, rows.gradient(*w, x.T)[:3])
    close(by_x, rows.gradient(*w, x.T)[3].T)
    for mine, other in zip(f.vjp((w, x), np.ones(5))[1], (by_w, by_x)):
        close(mine, other)
    close(f.jvp((w, x), (w, 0 * x))[1], f.jacobian(w, x) @ w)
    close(f.gradient(w, x, per_sample=True)[0], f.jacobian(w, x))
    assert [g.shape for g in f.hvp((w, x), (w, x))] == [(3,), (3, 5)]
    assert [[b.shape for b in row] for row in f.hessian(w, x, argnums=(0, 1))] == [[(5, 3, 3)] * 2] * 2


def test_sparse_matrices_are_the_users_own():
    """What is changed in one is in no other, not that of a later call either."""
    pytest.importorskip("scipy.sparse")
    f, x = mg.jit(rosenbrock, in_axes=None), np.linspace(-1, 1, 5)
    expected, first = f.hessian(x), f.hessian(x, sparse=True)
    x.flags.writeable = False
    second = f.hessian(x, sparse=True)
    for a in (first.data, first.indices, first.indptr):
        a[:] = 0
    first.resize((2, 2))
    close(second.toarray(), expected)
    second.setdiag(7.0)
    second.eliminate_zeros()
    close(f.hessian(x, sparse=True).toarray(), expected)
    g = mg.jit(rosenbrock)
    one, two = g.hessian(np.stack((x, x)), sparse=True)
    one.data[:] = one.indices[:] = one.indptr[:] = 0
    close(two.toarray(), expected)


def test_a_vector_may_lie_in_memory_in_any_way():
    f, x = mg.jit(rosenbrock, in_axes=None), np.linspace(-1, 1, 6)
    unaligned = np.frombuffer(b"-" + x.tobytes(), np.uint8)[1:].view(float)
    for same in (x, np.repeat(x, 2)[::2], x[::-1].copy()[::-1], unaligned, x.astype(">f8"), x.tolist()):
        assert f(same) == f(x)
        close(f.gradient(same), f.gradient(x), 0)
    assert f.gradient(x.astype("f")).shape == (6,)
    assert mg.jit(lambda x, a: mg.sum(x) * a, in_axes=None)(x, 2.0) == 2 * x.sum()


def test_the_bytes_of_a_program_are_those_of_its_graph_too():
    def f(x, y):
        for _ in range(1000):
            x = x.tanh() * 1.5
        return x

    nothing = mg.jit(f).program(1.0, 2.0).derived(0, (1,))  # no instruction, but the graph to derive again
    assert nothing.instructions == 0
    assert nothing.bytes > 2000 * 30


def test_the_hessian_of_a_chain_takes_few_operations():
    """Less than ten for each term and its two entries."""
    program = mg.jit(rosenbrock, in_axes=None).program(np.zeros(50))
    hessian = program.derived(0, range(50)).derived(1, range(50))
    assert hessian.outputs == 99
    assert hessian.instructions < 50 * 10


def test_sparse_matrices_are_the_dense_ones():
    pytest.importorskip("scipy.sparse")
    x = np.random.default_rng(9).normal(size=(4, 8))
    f, g = mg.jit(rosenbrock, in_axes=None), mg.jit(lambda x: [a * b * a for a, b in zip(x, x[1:])])
    hessian = f.hessian(x[0], sparse=True)
    assert hessian.shape == (8, 8) and hessian.nnz == 22 and hessian.has_sorted_indices
    close(hessian.toarray(), f.hessian(x[0]))
    close(f.hessian(x[1], sparse=True).toarray(), f.hessian(x[1]))  # by the pattern that is kept
    for _ in range(2):
        close([m.toarray() for m in g.jacobian(x, sparse=True)], g.jacobian(x))
    assert f.jacobian(x[0], sparse=True).shape == (1, 8)


def test_the_hessian_of_a_chain_grows_with_its_length_alone():
    def instructions(n):
        f = mg.jit(rosenbrock, in_axes=None)
        program = f.program(np.ones(n))
        hessian = program.derived(lib.MG_JACOBIAN, tuple(range(n))).derived(lib.MG_SYMMETRIC, tuple(range(n)))
        assert hessian.outputs == 2 * n - 1
        return hessian.instructions

    assert instructions(80) <= 2.2 * instructions(40)


def test_a_row_of_a_hessian_is_derived_in_the_time_of_what_it_reads():
    """So all rows of a chain's take a few times as long as the gradient, and not its length times as long."""
    n = 3000
    chain = mg.jit(
        lambda x: mg.sum([mg.where(a > 0, (a - b).sin() ** 2, a * b) for a, b in zip(x, x[1:])]), in_axes=None
    )
    times = []
    program = chain.program(np.ones(n))
    for way in (lib.MG_JACOBIAN, lib.MG_SYMMETRIC):
        times.append(time.process_time())
        program = program.derived(way, tuple(range(n)))
    times.append(time.process_time())
    assert times[2] - times[1] <= 20 * (times[1] - times[0])


# ---- mistakes ----------------------------------------------------------------------------------------------------


def test_errors_name_the_argument_and_the_shape_that_was_expected():
    f = mg.jit(lambda x, y: x[0] * y)
    pair = mg.jit(lambda x: (x, x * x))
    x, y = np.ones((5, 2)), np.ones(5)
    for call, error, words in [
        (lambda: f.jvp((x, y), (x, x)), ValueError, r"tangent of y is of shape \(5, 2\), expected of shape \(5,\)"),
        (
            lambda: f.jvp((x, y), (x[:4], y[:4])),
            ValueError,
            r"tangent of x is of shape \(4, 2\), expected of shape",
        ),
        (lambda: f.jvp((x, y), (x, 1.0)), ValueError, r"tangent of y is a number, expected of shape \(5,\)"),
        (lambda: f.jvp((x, y), x), TypeError, "tangents must be a tuple of 2, one for each argument"),
        (lambda: f.jvp(x, (x,)), TypeError, "args must be a tuple of arguments, not ndarray"),
        (lambda: f.hvp((x, y), (x,)), TypeError, "tangents must be a tuple of 2"),
        (lambda: f.vjp((x, y), 1.0), ValueError, r"cotangent is a number, expected of shape \(5,\) as the value"),
        (lambda: f.vjp((x, y), y[:3]), ValueError, r"cotangent is of shape \(3,\), expected of shape \(5,\)"),
        (lambda: pair.vjp((y,), y), TypeError, "expected the structure of the value, a tuple of 2"),
        (lambda: pair.vjp((y,), {"a": y, "b": y}), TypeError, "expected the structure of the value, a tuple of 2"),
        (lambda: pair.hessian(y), TypeError, "hessian needs a function that returns one Value"),
        (lambda: pair.hvp((y,), (y,)), TypeError, "hvp needs a function that returns one Value"),
        (lambda: pair.gradient(y, per_sample=True), TypeError, "gradient needs a function that returns one Value"),
        (lambda: f.jacobian(x, y, argnums=2), ValueError, "argnums=2, expected numbers of arguments from 0 to 1"),
        (lambda: f.jacobian(x, y, argnums=1.0), ValueError, "argnums=1.0, expected"),
        (lambda: f.hessian(x, y, argnums=(0, 0)), ValueError, r"argnums=\(0, 0\) names an argument twice"),
        (lambda: f.hvp((x, y), (x, y), wrt="x"), ValueError, "wrt must be 'arguments' or 'parameters', not 'x'"),
        (lambda: f.hvp((x, y), [1.0], wrt="parameters"), ValueError, r"have shape \(1,\), expected \(0,\)"),
        (lambda: mg.jit(lambda x: f.hessian(x, x))(1.0), mg.TracingError, r"hessian\(\) is called while another"),
    ]:
        with pytest.raises(error, match=words):
            call()


@pytest.mark.parametrize(
    "wrong", [[1 + 2j], np.ma.array([1.0], mask=[True]), ["1.0"], [None], [mg.Value(1.0)]], ids=str
)
def test_a_vector_of_parameters_is_made_of_real_numbers_as_all_vectors_are(wrong):
    w = mg.Value(2.0)
    f = mg.jit(lambda x: w * w * x)
    for vector in ([1], np.array([1.0], ">f4"), np.array([1.0], object)):
        assert f.hvp((3.0,), vector, wrt="parameters").tolist() == [6.0]
    with pytest.raises(TypeError, match="argument tangents must be a number or an array of real numbers"):
        f.hvp((3.0,), wrong, wrt="parameters")
    with pytest.raises(ValueError, match=r"tangents have shape \(1, 1\), expected \(1,\)"):
        f.hvp((3.0,), [[1.0]], wrt="parameters")


def test_errors_of_axes_name_the_argument():
    f = mg.jit(lambda w, x: mg.dot(w, x), in_axes=(None, 1))
    w, x = np.ones(3), np.ones((3, 5))
    for call, error, words in [
        (lambda: f(w), ValueError, r"in_axes=\(None, 1\) names 2 arguments; 1 are given"),
        (
            lambda: f(x, x),
            ValueError,
            r"argument w has shape \(3, 5\); what is no batch is a number or has shape \(k,\)",
        ),
        (lambda: f(w, 2.0), ValueError, "argument x is a number; with in_axes=1 it must be a batch"),
        (lambda: f(w, w), ValueError, r"argument x has shape \(3,\), which has no axis 1 of in_axes"),
        (
            lambda: f.jvp((w, x), (w[:2], x)),
            ValueError,
            r"tangent of w is of shape \(2,\), expected of shape \(3,\)",
        ),
        (
            lambda: mg.jit(lambda x: x, in_axes="a"),
            TypeError,
            "in_axes must be an int, None or a tuple of them, not 'a'",
        ),
        (lambda: mg.jit(lambda x: x, in_axes=(0, 1.0)), TypeError, "in_axes must be an int, None"),
        (
            lambda: f.hessian(w, x, argnums=(0, 1), sparse=True),
            TypeError,
            "with sparse=True it must be a single number",
        ),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_the_examples_of_the_chapter_run():
    pytest.importorskip("scipy.optimize")
    page = Path(__file__).parent.parent.joinpath("docs", "derivatives.md")
    if not page.exists():
        pytest.skip("the tests of an sdist")
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    exec("".join(blocks).replace("\nminimize(", "\nfound = minimize("), names := {})
    close(names["found"].x, np.ones(3), 1e-6)
