"""Ops of any number of operands, each a row OPN of the table: eager, in programs, and what numpy says of them."""

import math

import pytest

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.engine import nary
from micrograd_c.viz.read import read
from micrograd_c.viz.rules import evaluate, local_derivatives

np = pytest.importorskip("numpy")

NUMPY = {"sum": np.sum, "logsumexp": np.logaddexp.reduce}  # what numpy has under another name, or in other words
NUMBERS = [0.5, -1.25, 3.0, 2.0, -0.75, 1.5, 0.25, 4.0]
P = Value(0.375)


def reference_of(name):
    return (
        NUMPY.get(name) or getattr(np, name, None) or pytest.skip(f"numpy has no {name}: say in NUMPY what it is")
    )


def quotient(f, xs, i, h=1e-6):
    high, low = list(xs), list(xs)
    high[i] += h
    low[i] -= h
    return (f(high) - f(low)) / (2 * h)


@pytest.mark.parametrize("name", sorted(nary))
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_values_and_derivatives_are_those_of_numpy(name, n):
    xs, reference = [Value(x) for x in NUMBERS[:n]], reference_of(name)
    out = nary[name](xs)
    out.backward()
    assert out.data == pytest.approx(reference(NUMBERS[:n]), rel=1e-15)
    slopes = [quotient(reference, NUMBERS[:n], i) for i in range(n)]
    assert [x.grad for x in xs] == pytest.approx(slopes, rel=1e-8, abs=1e-9)
    assert list(out._local_grads) == [x.grad for x in xs]
    graph = read(out)
    node, data = graph.nodes[graph.root], {i: node.data for i, node in graph.nodes.items()}
    assert evaluate(node, data) == out.data
    assert local_derivatives(node, data) == (1.0, [x.grad for x in xs])


@pytest.mark.parametrize("name", sorted(nary))
def test_a_program_gives_what_eager_code_gives(name):
    """Columns, numbers, parameters and constants as operands, one of them twice, and more than a listing shows."""

    def f(x, y):
        return nary[name]([x, P, y * x, 2.0, x, *[y] * 4, P * 2]) * x

    program = mg.jit(f)
    batch = [0.5, -2.0, 1.75] * 7
    for y in (1.5, batch[::-1]):
        P.grad = 0.0
        value = program.backward(batch, y, reduce="mean")
        grad, P.grad, total = P.grad, 0.0, 0.0
        values, (gx, gy) = program.value_and_gradient(batch, y)
        sum_gy = 0.0
        for i, x in enumerate(batch):
            a, b = Value(x), Value(y if isinstance(y, float) else y[i])
            out = f(a, b)
            out.backward()
            total += out.data
            sum_gy += b.grad
            assert (values[i], gx[i]) == pytest.approx((out.data, a.grad), rel=1e-12)
        assert (value, grad) == pytest.approx((total / len(batch), P.grad / len(batch)), rel=1e-12)
        assert np.sum(gy) == pytest.approx(sum_gy, rel=1e-12)
    alone = mg.jit(lambda: nary[name]([P, P * 3]))
    P.grad = 0.0
    assert alone.backward() == nary[name]([P, P * 3]).data
    grad, P.grad = P.grad, 0.0
    nary[name]([P, P * 3]).backward()
    assert grad == P.grad
    assert name == "sum" or f"{name}(x0, p0, " in program.program(batch, batch).listing


def test_nothing_reaches_a_mean_in_the_branch_that_is_not_taken():
    f = mg.jit(lambda x: mg.where(x.greater(0), mg.mean([x.log(), x]), x))
    assert f.gradient([-1.0, 0.0, 2.0]).tolist() == [1.0, 1.0, 0.75]


def test_an_n_ary_op_of_nothing_is_what_its_row_begins_with():
    assert mg.sum([]).data == 0.0 and math.isnan(mg.mean([]).data) and mg.logsumexp([]).data == -math.inf
