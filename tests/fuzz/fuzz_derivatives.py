"""Derivatives of random functions of all ops to order 3, by every way there is: they must agree.

Reverse over reverse, forward over reverse and forward alone in programs; grad of grad in Python, with and without
jit; Values derived with create_graph. The matrices of mixed derivatives must be symmetric. Grads that are nested to
order 6, which are found all at once, agree with Values that are derived order by order.
All of these derive graphs in one place, so difference quotients of what backward() finds are the second opinion.
"""

import itertools
import math

import numpy as np
from test_program_derivatives import random_function

import micrograd_c as mg
from micrograd_c import Value, nn
from micrograd_c._core import NAMES, NARY, lib
from micrograd_c.program.arguments import Arguments


def by_hand(x, y):
    """Return x*x*y as a node made by hand."""
    return Value(
        x * x * y if hasattr(x, "_trace") or hasattr(y, "_trace") else x.data**2 * y.data,
        (x, y),
        (2 * x * y, x * x),
    )


def make(rng, inputs):
    """Return a random function of a list of Values, of the ops that random_function has and of all others."""
    inner = [random_function(rng, inputs, rng.randrange(1, 7)) for _ in range(rng.randrange(1, 4))]
    outer = random_function(rng, len(inner) + 2, rng.randrange(1, 6))
    nary = NAMES[rng.choice(NARY)].lower()
    neuron = nn.Neuron(2, activation=rng.choice(["tanh", "gelu", "softplus", "silu", "sigmoid", "linear"]))
    kind, chosen = rng.randrange(6), rng.random()

    def f(x):
        a = [g(x) for g in inner]
        if kind == 0:
            last = mg.dot(a, [*x, *x, *x][: len(a)], a[0])
        elif kind == 1:
            last = getattr(mg, nary)([*a, x[0], *x]).tanh()
        elif kind == 2:
            last = by_hand(a[0], x[-1])
        elif kind == 3:
            last = neuron([a[0], x[0]])
        elif kind == 4:
            last = a[0].detach() * x[0]
        else:
            above = a[0] - (chosen - 0.5)  # the branch that is not taken is nan in programs
            last = mg.where(
                above > 0, lambda: above.sqrt() * x[0], lambda: (-above).log1p() * a[0] + (-above).sqrt()
            )
        return outer([*a, last, x[0] * x[-1]]) + (0.0 if kind == 4 else last * x[0])

    f.detaches = kind == 4
    return f


def agree(found, expected, what):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    same = (np.abs(found - expected) <= 1e-8 * size) | (found == expected) | (np.isnan(found) & np.isnan(expected))
    assert same.all(), f"{what}: {found.tolist()}, expected {expected.tolist()}"


def chain(f, x, v, ways):
    """Return the derivative of t -> f(x + t*v) at 0 by some ways, each on what the last one made."""
    along = mg.jit(lambda t: f([a + t * b for a, b in zip(x, v)]))
    program, numbers = along.program(0.0), (0.0,)
    for way in ways:
        program = program.derived(way, (0,))
        numbers += (1.0,) * (way == lib.MG_ALONG)
        if not program.outputs:
            return 0.0
    return program.matrix(Arguments(lambda *t: None, "f", numbers, {}))[0, 0]


def eager(f, x):
    """Return gradient, Hessian and third derivatives of Values."""
    leaves = [Value(a) for a in x]
    before = mg.stats().live_nodes
    first = mg.grad(f(leaves), leaves, create_graph=True)
    second = [mg.grad(g, leaves, create_graph=True) for g in first]
    third = [[mg.grad(g, leaves) for g in row] for row in second]
    out = [
        np.array([v.data for v in np.ravel(part)]).reshape((len(x),) * (i + 1))
        for i, part in enumerate((first, second, third))
    ]
    assert [leaf.grad for leaf in leaves] == [0.0] * len(x)
    del first, second, third
    assert mg.stats().live_nodes == before, "nodes are left"
    return out


def gradient_by_backward(f, x):
    leaves = [Value(float(a)) for a in x]
    f(leaves).backward()
    return np.array([leaf.grad for leaf in leaves])


def check_quotients(f, x, v, hessian, third):
    """Compare with difference quotients of what backward() finds, which does without derived graphs.

    Where the quotients of two steps differ a kink or rounding is near: they decide nothing.
    """
    x, v = np.array(x), np.array(v)

    def quotients(h):
        high, at, low = (gradient_by_backward(f, x + d * v) for d in (h, 0.0, -h))
        return (high - low) / (2 * h), (high - 2 * at + low) / h**2

    for i, (exact, step, error) in enumerate(((hessian @ v, 1e-5, 1e-5), (v @ (third @ v), 1e-3, 1e-3))):
        try:
            one, other = quotients(step)[i], quotients(step / 2)[i]
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        size = 1.0 + np.abs(exact).max()
        if np.abs(one - other).max() < error * size:
            assert np.abs(one - exact).max() < 10 * error * size, f"quotient {i}: {one}, expected {exact}"


def check_nested(rng, along):
    """Compare grads nested over one argument, a product between two of them, with Values derived one by one."""
    orders = rng.randrange(2, 7)
    product = rng.choice((None, *range(orders)))
    t, nested = Value(0.0), along
    single = along(t)
    for order in range(orders):
        nested = mg.grad(nested)
        single = mg.grad(single, t, create_graph=True)
        if order == product:
            nested, single = (lambda u, g=nested: g(u) * (u + 0.5)), single * (t + 0.5)
        if not math.isfinite(single.data) or abs(single.data) > 1e6:
            return
    for found in (nested(0.0), nested(t).data, mg.jit(nested)(0.0)):
        agree(found, single.data, f"{orders} nested grads, a product after {product}")


def case(rng):
    inputs = rng.randrange(1, 4)
    f = make(rng, inputs)
    x = [rng.uniform(-1.5, 1.5) for _ in range(inputs)]
    v = [rng.uniform(-1, 1) for _ in range(inputs)]
    gradient, hessian, third = eager(f, x)
    if not all(math.isfinite(a) and abs(a) < 1e6 for a in third.flat):
        return
    for order, axes in itertools.chain(
        ((2, a) for a in itertools.permutations(range(2))), ((3, a) for a in itertools.permutations(range(3)))
    ):
        if not f.detaches:
            agree(
                (hessian, third)[order - 2].transpose(axes),
                (hessian, third)[order - 2],
                f"symmetry of order {order}",
            )
    if not f.detaches:
        check_quotients(f, x, v, hessian, third)
    program, row = mg.jit(f), np.array([x])
    agree(program.gradient(row)[0], gradient, "gradient of the program")
    agree(mg.grad(f)(x), gradient, "mg.grad")
    agree(
        program.hvp((row,), (np.array([v]),))[0], v @ hessian if f.detaches else hessian @ v, "forward over reverse"
    )
    if not f.detaches:
        agree(program.hessian(row)[0], hessian, "reverse over reverse")
    expected = [gradient @ v, v @ hessian @ v, v @ (third @ v) @ v]
    for order in range(1, 4):
        for ways in itertools.product((lib.MG_JACOBIAN, lib.MG_ALONG), repeat=order):
            agree(chain(f, x, v, ways), expected[order - 1], f"along {v} by {ways}")
    g = lambda t: f([a + t * b for a, b in zip(x, v)])  # noqa: E731
    check_nested(rng, g)
    for order in range(3):
        g = mg.grad(g)
        agree(g(0.0), expected[order], f"grad, {order + 1} times")
        agree(mg.jit(g)(0.0), expected[order], f"grad inside of jit, {order + 1} times")
