"""mg.grad and mg.value_and_grad: derivatives that can be differentiated again, in Python and inside of jit."""

import asyncio
import collections
import contextvars
import copy
import functools
import math
import operator
import random
import signal
import threading

import pytest
from graphs import KINKS, random_graph
from support import close, collect, live_nodes, nothing_left_behind
from test_ops import method_of

import micrograd_c as mg
from micrograd_c import Value, grad
from micrograd_c._core import NAMES, OPS

SCALARS = [op for op in range(len(NAMES)) if OPS[op].method and OPS[op].arity in (1, 2)]


def cloudpickled(f):
    cloudpickle = pytest.importorskip("cloudpickle")
    return cloudpickle.loads(cloudpickle.dumps(f))


def same(ours, theirs, rel=1e-12):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert close(a.data if isinstance(a, Value) else a, b, rel), (ours, theirs)


def derivatives_of(f, t, order):
    """Return value and derivatives of a function of one number, by grad of grad."""
    out = []
    for _ in range(order + 1):
        y = f(Value(t))
        out.append(y.data)
        f = grad(f)
    return out


# ---- functions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-0.7, 1.1])
def test_derivatives_to_order_6_are_those_of_mpmath(t):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        taylor = mpmath.taylor(lambda x: mpmath.tanh(x * x) * mpmath.exp(x), mpmath.mpf(t), 6)
        exact = [float(c * mpmath.factorial(i)) for i, c in enumerate(taylor)]
    f = lambda x: (x * x).tanh() * x.exp()  # noqa: E731
    same(derivatives_of(f, t, 6), exact, 1e-10)
    for order in range(1, 7):
        f = grad(f)
        y = f(t)
        assert close(y, exact[order], 1e-10) and type(y) is float
        assert close(mg.jit(f)(t), exact[order], 1e-10)


@pytest.mark.parametrize("op", SCALARS, ids=[NAMES[op] for op in SCALARS])
def test_every_op_has_the_derivatives_of_its_program(op):
    pytest.importorskip("numpy")
    import test_program_derivatives as programs

    start, slope = programs.LINES.get(NAMES[op], (0.7, -1.3))
    k = (2.5 if NAMES[op] == "POW" else 0.1,) if OPS[op].takes_k else ()

    def along(t):
        return method_of(op)(*(start + slope * t, 0.9 - 0.4 * t)[: OPS[op].arity], *k) * t.sin()

    same(derivatives_of(along, 0.3, 3), programs.derivatives_of(along, 0.3, 3), 1e-11)


def test_the_derivative_has_the_structure_of_its_argument():
    def f(x, y, deep, *, factor=1.0):
        return factor * x[0] * x[1] ** 2 * y + deep["a"] * deep["b"][0][1] * y

    given = [2.0, 3.0], 0.5, {"a": 2.0, "b": [(1.0, 4)]}
    assert grad(f)(*given) == [4.5, 6.0]
    assert grad(f, -2)(*given, factor=2) == 2 * 18.0 + 8.0
    assert grad(f, (1, 2))(*given) == (26.0, {"a": 2.0, "b": [(0.0, 1.0)]})
    assert grad(f, [0])((2.0, 3.0), *given[1:]) == ((4.5, 6.0),)
    value, slope = mg.value_and_grad(f)(*given)
    assert (value, slope) == (13.0, [4.5, 6.0])
    assert grad(lambda x: 3.0)(2.0) == 0.0
    assert grad(lambda: 3.0, ())() == ()


class Named(dict):
    w, b, c, y = (property(operator.itemgetter(name)) for name in "wbcy")


def test_a_dict_of_ones_own_class_stays_one_for_the_function_and_in_what_returns():
    p = Named(w=2.0, b=Named(c=3.0))
    slopes = grad(lambda p: p.w * p.w * p.b.c)(p)
    assert (slopes.w, slopes.b.c) == (12.0, 4.0)
    ordered = collections.OrderedDict(b=1.0, a=2.0)
    slopes = grad(lambda p: p.pop("b") * p.popitem()[1])(ordered)
    assert type(slopes) is collections.OrderedDict and [*slopes.items()] == [("b", 2.0), ("a", 1.0)]
    assert grad(lambda p: p["a"] * 3.0)(collections.defaultdict(float, a=1.0)) == {"a": 3.0}
    out = mg.jit(lambda x: Named(y=x * 2.0))(3.0)
    assert out.y == 6.0


def test_an_array_has_an_array():
    np = pytest.importorskip("numpy")
    f = grad(lambda x: x[0] * x[1])
    found = f(np.array([2, 3]))
    assert isinstance(found, np.ndarray) and found.tolist() == [3.0, 2.0]
    assert grad(lambda x: x[0][1] * 2)(np.ones((1, 2))).tolist() == [[0.0, 2.0]]
    assert grad(lambda x: x * x)(np.float32(3)) == 6.0
    assert f(np.array([Value(2.0), Value(3.0)]))[0].data == 3.0


def test_an_array_inside_of_a_structure_has_an_array():
    np = pytest.importorskip("numpy")
    f = lambda p: p["w"][0][1] * p["b"][1][0] * p["s"]  # noqa: E731
    given = {"w": np.array([[1.0, 2.0]]), "b": (0.5, [np.array([3])[0]]), "s": np.array(4.0)}
    value, slope = mg.value_and_grad(f)(given)
    assert value == 24.0 and slope["w"].tolist() == [[0.0, 12.0]]
    assert slope["b"] == (0.0, [8.0]) and slope["s"] == 6.0
    seconds = grad(lambda p: mg.sum(grad(f)(p)["w"][0]))(given)  # of Values: lists
    assert isinstance(seconds["w"], np.ndarray) and seconds["b"] == (0.0, [4.0]) and seconds["s"] == 3.0
    assert grad(lambda x, p: x * p[0][1])(2.0, [np.array([1.0, 5.0])]) == 5.0
    slopes = grad(lambda p, x: p[0][1] * x)([np.array([1.0, 5.0])], Value(2.0))
    assert [x.data for x in slopes[0]] == [0.0, 2.0]


@pytest.mark.parametrize("place", ["scalar", "0-d", "array", "rows", "list", "dict"])
def test_what_numpy_feeds_a_derivative_follows_numpy(place):
    np = pytest.importorskip("numpy")
    zero = np.array([0.0])
    given, read = {
        "scalar": (zero[0], lambda x: x),
        "0-d": (np.array(0.0), lambda x: x),
        "array": (zero, lambda x: x[0]),
        "rows": (zero.reshape(1, 1), lambda x: x[0][0]),
        "list": ([[zero[0]]], lambda x: x[0][0]),
        "dict": ({"a": zero}, lambda x: x["a"][0]),
    }[place]
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        value, slope = mg.value_and_grad(lambda x: read(x).log())(given)
    assert value == -math.inf and read(slope) == math.inf
    with pytest.raises(ValueError, match="not defined"):
        grad(lambda x: x[0].log())([0.0])


def test_where_an_argument_is_a_value_derivatives_are_values():
    x, y = Value(2.0), Value(3.0)
    f = lambda x, y: x**3 * y  # noqa: E731
    first = grad(f)(x, 3.0)
    assert first.data == 36.0 and mg.grad(first, x).data == 36.0
    assert mg.grad(grad(f)(2.0, y), y).data == 12.0  # the one that f is not derived by
    value, _ = mg.value_and_grad(f)(x, y)
    value.backward()
    assert (x.grad, y.grad) == (36.0, 8.0)


def test_a_function_is_derived_by_its_argument_alone():
    """It may read the same Value in another way: perturbations are not confused."""
    x = Value(2.0)
    assert grad(lambda t: t * x)(x).data == 2.0
    assert grad(lambda x: x * grad(lambda y: x * y)(x))(3.0) == 6.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0  # a number inside of another grad
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert grad(lambda v: v[0] * v[1])([x, x])[0].data == 2.0
    twice = grad(lambda x: grad(lambda y: grad(lambda z: x * y * z * z)(y))(x))
    assert twice(2.0) == 4 * 2 * 2  # d/dx (2 x y, at y = x, derived by y: 4 x, times x)


def test_derivatives_by_what_a_function_reads():
    w = Value(3.0)
    slope = grad(lambda x: w * x * x)(Value(2.0))
    assert mg.grad(slope, w).data == 4.0
    f = mg.jit(grad(lambda x: w * x * x))
    assert f.backward(2.0) == 12.0 and w.grad == 4.0
    assert f.program(2.0).parameters == (w,)


# ---- inside of jit -----------------------------------------------------------------------------------------------


def test_programs_of_derivatives_run_over_batches():
    np = pytest.importorskip("numpy")
    w = Value(0.5)

    def f(x, y):
        return (x[0] * x[1]).sin() * w + mg.where(x[0] > y, abs(x[0] - y).sqrt(), x[1] ** 3)

    x, y = np.random.default_rng(0).normal(size=(2, 9, 2))
    y = y[:, 0]
    program, reference = mg.jit(grad(f, (0, 1))), mg.jit(f)
    slopes = program(x, y)
    np.testing.assert_allclose(np.stack(slopes[0], 1), reference.gradient(x, y)[0], 1e-12, 1e-14)
    np.testing.assert_allclose(slopes[1], reference.gradient(x, y)[1], 1e-12, 1e-14)
    mixed = mg.jit(grad(lambda x, y: grad(f)(x, y)[0]))(x, y)
    np.testing.assert_allclose(np.stack(mixed, 1), reference.hessian(x, y)[:, 0], 1e-11, 1e-13)
    one = [grad(f)(list(map(float, row)), float(b)) for row, b in zip(x, y)]
    np.testing.assert_allclose(one, reference.gradient(x, y)[0], 1e-12, 1e-14)
    value, slope = mg.jit(mg.value_and_grad(lambda x: x**3))(np.array([1.0, 2.0]))
    assert (value.tolist(), slope.tolist()) == ([1.0, 8.0], [3.0, 12.0])


def test_a_program_of_a_derivative_is_no_longer_than_one_written_by_hand():
    for ours, by_hand in (
        (grad(lambda x: x.sin() * x), lambda x: x.cos() * x + x.sin()),
        (grad(grad(lambda x: x.exp())), lambda x: x.exp()),
        (grad(lambda x, y: x * y * y), lambda x, y: y * y),
    ):
        numbers = (2.0, 3.0)[: by_hand.__code__.co_argcount]
        assert mg.jit(ours).program(*numbers).nodes <= mg.jit(by_hand).program(*numbers).nodes + 1


def one_by_one(f, order):
    """Return the derivatives of f, each made of the one before as of any other function."""
    for _ in range(order):
        f = grad(lambda x, f=f: f(x))
        yield f


def nested(f, order):
    for _ in range(order):
        yield (f := grad(f))


@pytest.mark.parametrize("op", SCALARS, ids=[NAMES[op] for op in SCALARS])
def test_nested_grads_are_derivatives_of_derivatives(op):
    """They are found all at once; see csrc/program/series.c."""
    for k in (-1.0, 0.5, 3.0) if OPS[op].takes_k else (None,):

        def f(x, k=k):
            y = x * 0.3 + 0.55
            z = method_of(op)(y, *((k,) if k else (x * y,) * (OPS[op].arity - 1)))
            return mg.where(x > 0.1, z * x, z)

        for a, b in zip(nested(f, 4), one_by_one(f, 4)):
            both = mg.jit(lambda x, a=a, b=b: (a(x), b(x)))
            for t in (0.1, 0.7):
                found, expected = both(t)
                assert close(found, expected, 1e-10, 1e-11), (k, t)


@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "dot"])
def test_nested_grads_of_lists_are_those_of_mpmath(name):
    mpmath = pytest.importorskip("mpmath")
    exact = {
        "sum": lambda xs: sum(xs),
        "mean": lambda xs: sum(xs) / len(xs),
        "logsumexp": lambda xs: mpmath.log(sum(map(mpmath.exp, xs))),
        "dot": lambda xs: sum(x * y for x, y in zip(xs, reversed(xs))) + xs[0],
    }[name]
    list_of = lambda x: [x, x * x, 2 - x, x * x * x]  # noqa: E731

    def f(x):
        xs = list_of(x)
        return mg.dot(xs, xs[::-1], x) if name == "dot" else getattr(mg, name)(xs)

    for order, g in enumerate(nested(f, 4), start=1):
        for t in (-0.4, 0.7):
            with mpmath.workdps(40):
                wanted = float(mpmath.diff(lambda x: exact(list_of(x)), mpmath.mpf(t), order))
            assert close(g(t), wanted, 1e-11, 1e-12), (order, t)


def test_orders_end_where_their_binomial_coefficients_do():
    f = lambda x: x * x  # noqa: E731
    for _ in range(1000):
        f = grad(f)
    assert f(3.0) == 0.0
    with pytest.raises(ValueError, match="of order 1,001"):
        grad(f)
    with pytest.raises(ValueError, match="of order 1,001"):
        mg.value_and_grad(f)


@pytest.mark.parametrize("f, at, first", KINKS)
def test_nested_grads_have_the_kinks_of_derivatives_of_derivatives(f, at, first):
    for i, g in enumerate(one_by_one(f, 4)):
        assert g(at) == (first if i == 0 else 0.0)
    assert [g(at) for g in nested(f, 4)] == [first, 0.0, 0.0, 0.0]


def test_nested_grads_of_polynomials_are_exact():
    assert [g(3.0) for g in nested(lambda x: x**7 - 5 * x * x, 8)] == [
        5073.0, 10196.0, 17010.0, 22680.0, 22680.0, 15120.0, 5040.0, 0.0,
    ]  # fmt: skip
    f = grad(grad(grad(lambda x: x**3)))
    assert (f(2.0), mg.value_and_grad(f)(2.0), grad(f)(Value(2.0)).data) == (6.0, (6.0, 0.0), 0.0)


def test_nested_grads_take_few_operations():
    """Each order adds some; derivatives of derivatives have more at each, 424 nodes for these six."""
    *_, f = nested(lambda x: (x * x).tanh(), 6)
    program = mg.jit(f).program(0.5)
    assert program.nodes_recorded < 100
    assert program.instructions < 50


def test_nested_grads_are_told_from_what_wraps_them():
    def f(x, y=1.0):
        return x**3 * y**2

    @functools.wraps(grad(f))
    def twice(x, y=1.0):
        return 2 * grad(f)(x, y)

    assert grad(twice)(2.0) == 24.0
    assert grad(grad(f, 0), 1)(2.0, 5.0) == grad(grad(f, 1), 0)(2.0, 5.0) == 120.0
    assert grad(grad(f, (0,)), 0)  # a function; called it says what is wrong
    with pytest.raises(TypeError, match="returns one Value"):
        grad(grad(f, (0,)), 0)(2.0)
    with pytest.raises(TypeError, match="returns one Value"):
        grad(grad(mg.sum))([1.0, 2.0])
    assert grad(mg.jit(grad(f)))(2.0) == 12.0
    x = Value(2.0)
    y = grad(grad(f))(x)
    assert (y.data, grad(y, x, create_graph=True).data, grad(lambda t: grad(grad(f))(t * 2.0))(1.0)) == (
        12,
        6,
        12,
    )
    assert [g(1.0) for g in nested(lambda x: 5.0, 2)] == [0.0, 0.0]


@pytest.mark.parametrize("jit", [lambda f: f, mg.jit])
def test_nested_grads_derive_local_derivatives_that_are_values(jit):
    def cube(x):
        return Value(x * x * x if jit is mg.jit else x.data**3, (x,), (3 * x * x,))

    f = lambda x: cube(x * x) * x + x.detach() * x  # noqa: E731, to the seventh
    assert [jit(g)(2.0) for g in nested(f, 3)] == [450.0, 1344.0, 3360.0]


def test_inside_of_jit_nothing_stays_the_number_that_it_was_in_the_trace():
    a, x = Value(3.0), Value(2.0)
    plain, eager = mg.jit(lambda x: x * grad(lambda t: a * t * t)(2.0)), mg.jit(lambda: mg.grad(a * a * a, a))
    live = mg.jit(lambda x: mg.grad(x * x * a, [a, x])[0])
    assert (plain(1.0), eager(), live(2.0)) == (12.0, 27.0, 4.0)
    a.data = 4.0
    assert (plain(1.0), eager(), live(3.0)) == (16.0, 48.0, 9.0)
    assert live.gradient(3.0) == 0.0  # without create_graph it has no history
    history = mg.jit(lambda x: mg.grad(x * x * a, x, create_graph=True))
    assert (history(3.0), history.gradient(3.0)) == (24.0, 8.0)
    assert mg.jit(lambda y: mg.grad(x * x, y))(1.0) == 0.0


def test_what_jit_made_is_derived_as_the_function_that_it_was_given():
    f = mg.jit(lambda x: x**3)
    assert grad(f)(2.0) == 12.0 and mg.jit(grad(grad(f)))(2.0) == 12.0


def test_the_derivative_of_a_copy_reads_the_copied_parameters():
    def cubic():
        w = Value(2.0)
        return w, mg.jit(grad(lambda x: w * x**3))

    w, slope = cubic()
    twin = copy.deepcopy(slope)
    w.data = 5.0
    for f, factor in ((slope, 5.0), (twin, 2.0)):
        assert (f(1.0), grad(f)(1.0), grad(grad(f))(1.0)) == (3 * factor, 6 * factor, 6 * factor)


# ---- what runs while a function is derived ---------------------------------------------------------------------

NUMBER = contextvars.ContextVar("number", default=0)


def inner():
    return mg.value_and_grad(lambda t: t**3)(2.0)


def finalized(keep):
    class Ending:
        def __del__(self):
            keep.append(inner())

    Ending()
    collect()


def signalled(keep):
    before = signal.signal(signal.SIGUSR1, lambda *_: keep.append(inner()))
    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


def in_a_thread(keep):
    thread = threading.Thread(target=lambda: keep.append(inner()))
    thread.start()
    thread.join()


@pytest.mark.parametrize("meanwhile", [finalized, signalled, in_a_thread])
def test_what_is_not_part_of_a_derived_function_gets_floats(meanwhile):
    keep = []

    def f(x):
        meanwhile(keep)
        return x * x

    assert grad(f)(3.0) == 6.0
    assert keep == [(8.0, 12.0)] and type(keep[0][1]) is float


def test_what_was_begun_inside_of_a_derived_function_is_outside_after_it():
    async def later():
        await asyncio.sleep(0)
        return inner()

    async def run():
        left = []

        def f(x):
            left.append(asyncio.ensure_future(later()))
            asyncio.get_running_loop().call_soon(lambda: left.append(inner()))
            left.append(contextvars.copy_context())
            return x * x

        assert grad(f)(3.0) == 6.0
        return await left[0], left[1].run(inner), left[2]

    assert [tuple(map(type, pair)) for pair in asyncio.run(run())] == [(float, float)] * 3


def test_a_derived_function_may_set_context_variables():
    def f(x):
        NUMBER.set(NUMBER.get() + 1)
        return x * x

    before = NUMBER.get()
    assert grad(grad(f))(3.0) == 2.0 and NUMBER.get() == before + 1
    np = pytest.importorskip("numpy")
    rules = np.geterr()
    grad(lambda x: (np.seterr(over="raise"), x)[1])(1.0)
    assert np.seterr(**rules)["over"] == "raise"


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, GeneratorExit])
def test_an_exception_leaves_nothing_of_a_derived_function(error):
    def f(x):
        raise error

    for _ in range(3):
        f = grad(f)
        with pytest.raises(error):
            f(1.0)
        assert type(grad(lambda x: x * x)(2.0)) is float and not mg._grad._running


# ---- Values ------------------------------------------------------------------------------------------------------


def test_derivatives_of_values_are_those_of_backward_and_touch_no_grad(rng):
    for _ in range(60):
        y = random_graph(rng)
        wanted = rng.sample(mg.topological_order(y), 5)
        before = [v.grad for v in mg.topological_order(y)]
        found = mg.grad(y, wanted, create_graph=rng.random() < 0.5)
        assert [v.grad for v in mg.topological_order(y)] == before
        mg.zero_grad(y)
        y.backward()
        same(found, [v.grad for v in wanted], 1e-9)


def test_nodes_in_between_are_taken_themselves_and_not_their_equals():
    x = Value(2.0)
    a, b = x * x, x * x
    y = a * b + x**3
    first = mg.grad(y, [a, b, x, y], create_graph=True)
    same(first, [4.0, 4.0, 4 * 8 + 12, 1.0])
    same(mg.grad(first[0], [a, b, x]), [0.0, 1.0, 4.0])
    same(mg.grad(first[2], [a, x]), [4.0 + 0.0, 12 * 4 + 12.0])  # x**3 has x*x in its derivative, which is not a
    assert mg.grad(x * 2 + 1, [Value(1.0)])[0].data == 0.0
    same(mg.grad(y, [x, x]), [44.0, 44.0])


def test_without_create_graph_derivatives_have_no_history():
    x = Value(2.0)
    y = x**3
    assert [v._children for v in mg.grad(y, [x])] == [()]
    assert mg.grad(mg.grad(y, x), x).data == 0.0
    assert mg.grad(mg.grad(y, x, create_graph=True), x).data == 12.0


def test_networks_have_the_products_of_their_program():
    np = pytest.importorskip("numpy")
    random.seed(1)
    for activation, fused in (("tanh", True), ("gelu", True), ("softplus", False)):
        model = mg.MLP(3, [4, 3, 1], activation=activation, fused=fused)
        f = mg.jit(lambda x, model=model: (model(x) - 0.5) ** 2)
        x = [0.3, -1.2, 0.7]
        parameters = f.program(np.array([x])).parameters
        v = np.random.default_rng(0).normal(size=len(parameters))
        y = (model(list(map(Value, x))) - 0.5) ** 2
        first = mg.grad(y, parameters, create_graph=True)
        along = mg.dot(v.tolist(), first)
        product = f.hvp((np.array([x]),), v, wrt="parameters")
        same(mg.grad(along, parameters), product.tolist(), 1e-9)


@pytest.mark.parametrize("bias", [True, False])
def test_neurons_inside_of_a_network_have_no_value_and_are_derived(bias):
    """A fused network's inner neurons are nodes that no Value owns."""
    random.seed(2)
    fused = mg.MLP(2, [3, 2, 1], activation="tanh", bias=bias)
    random.seed(2)
    plain = mg.MLP(2, [3, 2, 1], activation="tanh", bias=bias, fused=False)
    for order in (1, 2, 3):
        for at in (-0.3, 0.8):
            ours, theirs = ([*nested(lambda x, m=m: m([x, x * x]), order)][-1] for m in (fused, plain))
            assert close(ours(at), theirs(at), 1e-12)
            x, y = Value(at), Value(at)
            for model, v in ((fused, x), (plain, y)):
                slope = model([v, v * v])
                for _ in range(order):
                    (slope,) = mg.grad(slope, [v], create_graph=True)
                slope.backward()
            assert close(x.grad, y.grad, 1e-12)


def test_infinite_derivatives_are_no_errors_as_in_backward():
    x = Value(0.0)
    assert mg.grad(x.sqrt(), x, create_graph=True).data == math.inf
    assert grad(lambda x: mg.where(x > 0, x.sqrt(), 0.0))(0.0) == 0.0
    assert grad(grad(lambda x: mg.where(x.greater(0), x.sqrt() * x, x * 0.5)))(0.0) == 0.0


@pytest.mark.parametrize("f, at, first", KINKS)
def test_at_kinks_derivatives_are_those_of_programs(f, at, first):
    assert derivatives_of(f, at, 3)[1:] == [first, 0.0, 0.0]


@pytest.mark.parametrize("f", [lambda x: x.sqrt() * 0.0 + x, lambda x: x.sqrt().floor() + x])
def test_what_is_known_to_be_0_is_left_out_also_where_backward_multiplies_it_by_infinity(f):
    x = Value(0.0)
    y = f(x)
    y.backward()
    assert math.isnan(x.grad) and math.isnan(mg.jit(f).gradient(0.0))
    assert grad(y, x).data == grad(f)(0.0) == mg.jit(grad(f))(0.0) == 1.0


def test_huge_graphs_need_no_recursion():
    x = y = Value(1.0)
    for _ in range(30_000):
        y = y * 1.00001 + 0.0
    with nothing_left_behind():
        (slope,) = mg.grad(y, [x], create_graph=True)
        assert close(slope.data, 1.00001**30_000, 1e-9)
        del slope


# ---- nodes made by hand ------------------------------------------------------------------------------------------


def test_nodes_with_local_derivatives_take_part():
    def cube(x):
        return Value(x.data**3, (x,), (3 * x * x,))

    same(derivatives_of(lambda x: cube(x * x) * x, 1.5, 3), [1.5**7, 7 * 1.5**6, 42 * 1.5**5, 210 * 1.5**4])
    x, y = Value(2.0), Value(5.0)
    numbers = Value(7.0, (x, y), (3.0, 4.0))
    first = mg.grad(numbers * numbers, [x, y], create_graph=True)
    same(first, [42.0, 56.0])
    same(mg.grad(first[0], [x, y]), [18.0, 24.0])
    wide = Value(1.0, (x, y, x), (y, x, 1.0))
    same(mg.grad(wide, [x, y]), [6.0, 2.0])
    assert mg.grad(mg.where(x > 1, wide, y), x).data == 6.0
    product = mg.dot([numbers, x], [x, y], 1.0)  # 7 * x + x * y
    assert [v.data for v in mg.grad(product, [x, y])] == [3.0 * 2 + 7.0 + 5.0, 4.0 * 2 + 2.0]
    same(
        derivatives_of(lambda x: mg.dot([cube(x), x], [x, x]), 1.5, 2),
        [1.5**4 + 1.5**2, 4 * 1.5**3 + 3, 12 * 1.5**2 + 2],
    )


def test_a_node_with_a_closure_is_named():
    x = Value(2.0)
    node = Value(8.0, (x,), "cube", name="my node")

    def closure():
        x.grad += 12 * node.grad

    for ready in (False, True):
        if ready:
            node._backward = closure
        with nothing_left_behind(), pytest.raises(RuntimeError, match=r"'my node'.*'cube'.*is not known"):
            mg.grad(node * 2, [x])
        # Where nothing has to go through it, it may stand anywhere.
        assert mg.grad(node * node, node, create_graph=True).data == 16.0
        assert mg.grad(mg.where(node, x, 1.0) * 8, x).data == 8.0
    assert (x.grad, node.grad) == (0.0, 0.0)
    product = x * x
    product._backward = closure
    with pytest.raises(RuntimeError, match=r"test_grad\.py"):
        mg.grad(product, x)


# ---- errors ------------------------------------------------------------------------------------------------------


def kept(f):
    def inner(x):
        inner.kept = x
        return f(x)

    return inner


def test_derivatives_by_hand_that_are_numbers_are_constants_of_the_next_order():
    a, b = Value(2.0), Value(3.0)
    y = Value(6.0, (a, b), (3.0, 2.0))
    first = mg.grad(y * y, [a, b], create_graph=True)
    assert [x.data for x in first] == [36.0, 24.0]
    assert [x.data for x in mg.grad(first[0], [a, b])] == [18.0, 12.0]


def test_errors_name_what_is_wrong_and_leave_nothing():
    def f(x, y):
        return x[0] * y

    def broken(x):
        return x * [][0]

    x = Value(1.0)
    for call, error, words in (
        (lambda: grad(3.0), TypeError, "a function, or a Value"),
        (lambda: grad(f, "x"), TypeError, r"grad of .*f: argnums='x', expected an int"),
        (lambda: grad(f, True), TypeError, "argnums=True"),
        (lambda: grad(f, 2)([1.0], 2.0), ValueError, r"grad of .*f: argnums=2, but 2 arguments"),
        (lambda: grad(f, (0, 1, 0))([1.0], 2.0), ValueError, r"argnums=\(0, 1, 0\) names an argument twice"),
        (lambda: mg.value_and_grad(f, (1, -1))([1.0], 2.0), ValueError, r"argnums=\(1, -1\) names"),
        (lambda: grad(f)(["1"], 2.0), TypeError, "argument 0 must be .* not str"),
        (lambda: grad(f)([1.0], None), TypeError, "None"),
        (lambda: grad(lambda x: [x])(1.0), TypeError, "one Value; .*<lambda> returns list"),
        (lambda: grad(broken)(1.0), IndexError, "out of range"),
        (lambda: grad(f, create_graph=True), TypeError, "create_graph"),
        (lambda: mg.grad(x, [1.0]), TypeError, "item 0 .* not float"),
        (lambda: mg.grad(x, 0), TypeError, "the Values to derive by"),
        (lambda: mg.grad(Value.__new__(Value), [x]), RuntimeError, "no node"),
    ):
        with nothing_left_behind(), pytest.raises(error, match=words):
            call()
    assert grad(lambda x: x * x)(3.0) == 6.0  # not taken for an inner one
    leak = kept(lambda x: x)
    mg.jit(leak)(1.0)
    with pytest.raises(mg.TracingError, match="outside of that trace"):
        mg.grad(leak.kept, leak.kept)


def test_functions_keep_their_name_and_signature():
    def loss(x, scale=2.0):
        """A loss."""
        return x * scale

    assert grad(loss).__name__ == "loss" and mg.value_and_grad(loss).__doc__ == "A loss."
    assert grad(functools.partial(loss, scale=3.0))(1.0) == 3.0
    with pytest.raises(TypeError, match="missing"):
        mg.jit(grad(loss))()


def test_nothing_stays_alive():
    before = live_nodes()
    for _ in range(3):
        grad(grad(lambda x: x.tanh() * x))(0.5)
        y = mg.grad(Value(2.0) * 3, [], create_graph=True)
    assert y == [] and live_nodes() == before


# ---- others ------------------------------------------------------------------------------------------------------


def test_scipys_minimizers_run_through_us():
    optimize = pytest.importorskip("scipy.optimize")

    def rosenbrock(x):
        return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:])])

    found = optimize.minimize(mg.value_and_grad(rosenbrock), [1.3, 0.7, 0.8], jac=True, method="BFGS")
    assert found.success and all(close(x, 1.0, 1e-4, 1e-4) for x in found.x)


@pytest.mark.slow
def test_functions_nest_as_in_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)

    def programs(grad, sin, exp):
        def f(x, y):
            return sin(x * y) * exp(x) + y**3 * x

        yield lambda x, y: grad(grad(grad(f)))(x, y)
        yield lambda x, y: grad(grad(f, 1), 0)(x, y)
        yield lambda x, y: grad(lambda x: x * grad(lambda y: f(x, y) * y)(x))(x)
        yield lambda x, y: grad(lambda a: grad(lambda b: f(a * b, b) * a)(a) ** 2)(y)
        yield lambda x, y: sum(grad(f, (0, 1))(x, y))
        yield lambda x, y: grad(lambda p: f(p["x"], p["y"][0]))({"x": x, "y": [y]})["y"][0]

    ours = programs(grad, Value.sin, Value.exp)
    for mine, other in zip(ours, programs(jax.grad, jax.numpy.sin, jax.numpy.exp)):
        for x, y in ((0.3, -0.7), (1.5, 0.2)):
            expected = float(other(x, y))
            assert close(mine(x, y), expected, 1e-11)
            assert close(mg.jit(mine)(x, y), expected, 1e-11)


@pytest.mark.parametrize(
    "f",
    [
        grad(lambda x: x**3),
        grad(grad(lambda x: (x * x).tanh())),
        grad(lambda x, y: x * y, (0, 1)),
        mg.value_and_grad(lambda x: x.exp()),
        mg.jit(grad(lambda x: x**3)),
        grad(mg.jit(lambda x: x**3)),
    ],
    ids=["grad", "grad of grad", "argnums", "value_and_grad", "jit of grad", "grad of jit"],
)
def test_cloudpickle_takes_derivatives(f):
    args = (0.5, 2.0) if f.__wrapped__.__code__.co_argcount == 2 else (0.5,)
    copy = cloudpickled(f)
    assert copy is not f and copy(*args) == f(*args)


def test_a_copied_derivative_is_still_derived_in_one_step():
    """One run computes all orders at once: nested runs of another order would round in another way."""
    f = grad(grad(lambda x: (x * x).tanh()))
    fifth, copied = grad(grad(grad(f))), grad(grad(grad(cloudpickled(f))))
    assert [copied(x / 7) for x in range(1, 9)] == [fifth(x / 7) for x in range(1, 9)]
    assert mg._grad._below(copied, 0)[1] == mg._grad._below(fifth, 0)[1] == 5


SAID = r"a number and no Value: its derivative is 0, although it changes with the arguments"


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x * x).data,
        lambda x: 2 * x.data,
        lambda x: (lambda y: y.data)(x.tanh()),
        functools.partial(lambda w, x: (w * x).data, Value(2.0)),
    ],
)
def test_a_number_that_changes_with_the_argument_is_told(f):
    for derivative in (grad(f), mg.value_and_grad(f), grad(grad(f))):
        with pytest.warns(UserWarning, match=SAID) as told:
            derivative(3.0)
        assert told[0].filename == __file__
    with pytest.warns(UserWarning, match=SAID):
        assert grad(f)(Value(3.0)).data == 0.0


def test_a_number_that_changes_with_one_of_several_arguments_is_told():
    for at in ([1.0, 2.0], {"a": 1.0, "b": (2.0,)}):
        with pytest.warns(UserWarning, match=SAID):
            grad(lambda x, y: y.data, argnums=(0, 1))(at, 3.0)
    with pytest.warns(UserWarning, match=SAID):
        assert grad(lambda x: (x[0] - x[1]).data)([1.0, 1.0]) == [0.0, 0.0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 2.0,
        lambda x: 0.0 if x > 0 else x,
        lambda x: 0.0 if x * x >= 1.0 else 1 - x * x,  # 1.0 is its corner
        lambda x: math.pi / 2,
        lambda x: math.floor(x),
        lambda x: float("nan"),
        lambda x: 0.0 if x.data == 1.0 else {}["not there"],
    ],
)
def test_a_constant_has_the_derivative_0_without_a_word(f):
    assert grad(f)(1.0) == 0.0 and mg.value_and_grad(f)(Value(1.0))[1].data == 0.0


def test_a_constant_is_computed_twice_and_a_value_once():
    calls = []
    grad(lambda x: calls.append(x.data) or 0.5)(1.0)
    assert len(calls) == 2 and calls[0] == 1.0 and abs(calls[1] - 1.0) < 1e-5
    grad(lambda x: calls.append(x.data) or x)(1.0)
    assert len(calls) == 3
