"""Values beside numpy's scalars and arrays."""

import copy
import math
import operator
import pickle
import random
import textwrap
import warnings

import pytest
from support import close, nothing_left_behind, run_python

import micrograd_c as mg
from micrograd_c import Value

np = pytest.importorskip("numpy")

SCALARS = [np.int64(2), np.int8(2), np.uint16(2), np.float64(2), np.float32(2), np.float16(2), np.longdouble(2)]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("scalar", [*SCALARS, np.bool_(True)], ids=lambda x: type(x).__name__)
def test_numpy_scalars_are_numbers(scalar):
    v = Value(scalar)
    assert type(v.data) is float and v.data == float(scalar)
    v.data = v.grad = scalar
    assert type(v.data) is float and v.grad == float(scalar)


@pytest.mark.parametrize("array", [np.array(2.5), np.array([2.5]), np.array([[2.5]]), np.array([3])], ids=repr)
def test_arrays_of_one_element_are_numbers(array):
    v = Value(array)
    assert type(v.data) is float and v.data == array.item()
    v.grad = array
    assert v.grad == array.item()


@pytest.mark.parametrize("array", [np.array([1.0, 2.0]), np.zeros((0,)), np.eye(2), np.array(["1", "2"])], ids=repr)
def test_other_arrays_are_type_errors_that_name_the_type_and_a_remedy(array):
    with nothing_left_behind(), pytest.raises(TypeError, match=r"not ndarray: pass its elements one by one"):
        Value(array)


def test_complex_and_text_scalars_are_type_errors():
    for scalar in (
        np.complex128(1),
        np.clongdouble(1),
        np.str_("1"),
        np.array([1j]),
        np.array("1"),
        np.array(["1"]),
    ):
        with pytest.raises(TypeError, match="must be a number"):
            Value(scalar)


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda x: type(x).__name__)
def test_the_label_of_a_power_shows_the_number_of_a_scalar(scalar):
    assert [(Value(3.0) ** x)._op for x in (scalar, np.array(scalar), 2)] == ["**2.0", "**2.0", "**2"]


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
def test_numpy_scalars_stand_on_either_side(op, scalar):
    v = Value(3.0)
    right, left = op(v, scalar), op(scalar, v)
    assert type(right) is Value and type(left) is Value
    assert right.data == pytest.approx(op(3.0, 2.0)) and left.data == pytest.approx(op(2.0, 3.0))
    left.backward()
    assert v.grad != 0.0


def test_the_published_demo_multiplies_an_int64_by_a_value():
    v = Value(3.0)
    out = (1 + -np.int64(1) * v).relu()
    assert type(out) is Value and out.data == 0.0
    assert (np.float64(2) ** v).data == 8.0


def test_zero_dimensional_arrays_are_operands_like_scalars():
    v, x = Value(3.0), np.array(2.0)
    for out, data in [(v * x, 6.0), (x * v, 6.0), (x - v, -1.0), (v**x, 9.0)]:
        out = out.item() if isinstance(out, np.ndarray) else out
        assert type(out) is Value and out.data == data


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 2)], ids=str)
def test_float_arrays_beside_a_value_are_taken_elementwise(op, shape):
    v = Value(2.0)
    xs = np.arange(2.0, 2.0 + np.prod(shape)).reshape(shape)
    for out, expected in [(op(v, xs), op(2.0, xs)), (op(xs, v), op(xs, 2.0))]:
        assert isinstance(out, np.ndarray) and out.dtype == object and out.shape == shape
        for node, number in zip(out.flat, expected.flat):
            assert type(node) is Value and node.data == pytest.approx(number)
    op(xs, v).sum().backward()
    assert v.grad != 0.0


def test_object_arrays_of_values_compute_as_arrays_do():
    vs = np.array([Value(1.0), Value(2.0), Value(3.0)])
    assert vs.dtype == object and all(type(v) is Value for v in vs)
    loss = (vs * vs).sum()
    loss.backward()
    assert loss.data == 14.0 and [v.grad for v in vs] == [2.0, 4.0, 6.0]
    assert (vs + 1)[0].data == 2.0 and (2 * vs)[2].data == 6.0 and (-vs)[1].data == -2.0
    assert (vs / 2)[1].data == 1.0 and (vs**2)[2].data == 9.0
    assert vs.mean().data == 2.0


def test_an_object_array_beside_a_value_is_taken_elementwise():
    v = Value(2.0)
    vs = np.array([Value(1.0), Value(2.0)])
    for out in (vs * v, v * vs):
        assert [x.data for x in out] == [2.0, 4.0]
        assert all(v in x._prev for x in out)


def test_dot_and_matmul_of_object_arrays():
    vs = np.array([Value(1.0), Value(2.0), Value(3.0)])
    xs = np.array([4.0, 5.0, 6.0])
    for out in (np.dot(vs, xs), vs @ xs, np.dot(xs, vs), vs.dot(vs)):
        assert type(out) is Value
    np.dot(vs, xs).backward()
    assert [v.grad for v in vs] == [4.0, 5.0, 6.0]
    matrix = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    assert [v.data for v in matrix @ np.array([1.0, 1.0])] == [3.0, 7.0]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sin", "cos"])
def test_ufuncs_call_the_method_of_each_element(name):
    vs = np.array([Value(0.5), Value(2.0)])
    out = getattr(np, name)(vs)
    assert [v._op for v in out] == [name, name]
    assert [v.data for v in out] == pytest.approx(list(getattr(np, name)(np.array([0.5, 2.0]))))


def test_comparisons_with_numpy_scalars_and_sorting_of_arrays():
    v = Value(2.0)
    assert v > np.float64(1.0) and np.float64(1.0) < v and not (np.int64(3) <= v)
    vs = np.array([Value(3.0), Value(1.0), Value(2.0)])
    assert [x.data for x in np.sort(vs)] == [1.0, 2.0, 3.0]
    assert np.argmax(vs) == 0 and np.max(vs).data == 3.0


def test_an_array_of_floats_is_made_of_values_by_their_data():
    with pytest.warns(UserWarning, match="turned into a float"):
        assert np.array([Value(1.5), Value(2.0)]).astype(float).tolist() == [1.5, 2.0]


# ---- numpy's rules for what Python raises ------------------------------------------------------------------------

RAISING = {
    "v / 0": (lambda v: v / (v * 0), 3.0, math.inf, "divide"),
    "0 / 0": (lambda v: v / v, 0.0, math.nan, "invalid"),
    "5 / v": (lambda v: 5 / v, 0.0, math.inf, "divide"),
    "v**-1": (lambda v: v**-1, -0.0, -math.inf, "divide"),
    "v**0.5": (lambda v: v**0.5, -2.0, math.nan, "invalid"),
    "v**1000": (lambda v: v**1000, 10.0, math.inf, "over"),
    "v**v": (lambda v: v**v, 1000.0, math.inf, "over"),
    "2**v": (lambda v: 2**v, 1e6, math.inf, "over"),
    "exp": (lambda v: v.exp(), 1000.0, math.inf, "over"),
    "log": (lambda v: v.log(), 0.0, -math.inf, "divide"),
    "sqrt": (lambda v: v.sqrt(), -1.0, math.nan, "invalid"),
    "sin": (lambda v: v.sin(), math.inf, math.nan, "invalid"),
    "atanh's kin": (lambda v: v.log1p(), -1.0, -math.inf, "divide"),
}
WORDS = {"divide": "divide by zero", "over": "overflow", "invalid": "invalid value"}


def same(a, b, rel=1e-12):
    return close(a, b, rel=rel, absolute=0.0) or a == b


def layer(x):
    neuron = mg.Neuron(1, nonlin=False)
    neuron.w[0].data = 1.0
    return neuron([x])


def hidden(x):
    model = mg.MLP(1, [1, 1], activation="linear")
    for weight, bias in (layer.parameters() for layer in model.layers):
        weight.data, bias.data = 1.0, 0.0
    return model([x])


class Mine(Value):
    pass


def assigned(x, v=None):
    v = Value(1.0) if v is None else v
    v.data = x
    return v


def stepped(x):
    v = Value(x)
    v.data -= np.float64(0.0) * v.grad  # as by a learning rate of np.linspace
    return v


def by_hand(x):
    return Value(np.float64(x.data), (Value(1.0),), "mine")


FED = {
    "Value(x)": lambda x: Value(np.float64(x)),
    "Value(float32)": lambda x: Value(np.float32(x)),
    "Value(array)": lambda x: Value(np.array([x])),
    "Value(0-d array)": lambda x: Value(np.array(x)),
    "Value(data=x)": lambda x: Value(data=np.float64(x), name="x"),
    "v * np.float64": lambda x: Value(x) * np.float64(1.0),
    "np.int64 * v": lambda x: np.int64(1) * Value(x),
    "v ** np.float64": lambda x: Value(x) ** np.float64(1.0),
    "np.float64 + v": lambda x: np.float64(-0.0) + Value(x),
    "an item of mg.sum": lambda x: mg.sum([Value(x), np.float64(0.0)]) if x else Value(np.float64(x)),
    "an item of mg.dot": lambda x: mg.dot([Value(1.0)], np.array([x])) if x else Value(np.float64(x)),
    "an input of a layer": lambda x: layer(np.float64(x)) if x else Value(np.float64(x)),
    "below a layer": lambda x: layer(Value(np.float64(x))) if x else Value(np.float64(x)),
    "below hidden layers": lambda x: hidden(np.float64(x)) if x else Value(np.float64(x)),
    "assigned": lambda x: assigned(np.float64(x)),
    "assigned as float32": lambda x: assigned(np.float32(x)),
    "assigned as an array": lambda x: assigned(np.array(x)),
    "assigned to a class of one's own": lambda x: assigned(np.float64(x), Mine(1.0)),
    "below what was assigned": lambda x: assigned(np.float64(x)) * 1.0,
    "a step": stepped,
    "made by hand": lambda x: by_hand(Value(x)),
    "assigned to a node by hand": lambda x: assigned(np.float64(x), Value(1.0, (Value(1.0),), "mine")),
    "of two operands": lambda x: assigned(np.float64(x), Value(1.0, (Value(1.0), Value(2.0)), "mine")),
    "of three": lambda x: assigned(np.float64(x), Value(1.0, [Value(float(i)) for i in range(3)], "mine")),
    "of local derivatives": lambda x: assigned(np.float64(x), Value(1.0, [Value(1.0)] * 2, [3.0, 4.0])),
    "of Values as local derivatives": lambda x: Value(np.float64(x), [Value(1.0)] * 2, [Value(3.0), 4.0]),
    "assigned to one of these": lambda x: assigned(np.float64(x), Value(1.0, [Value(1.0)] * 2, [Value(3.0)] * 2)),
    "a copy of it": lambda x: copy.deepcopy(copy.copy(Value(np.float64(x), (Value(1.0),), (Value(3.0),)))),
    "a pickle of it": lambda x: pickle.loads(pickle.dumps(Value(np.float64(x), (Value(1.0),), (Value(3.0),)))),
    "made by hand over numpy": lambda x: Value(x, (Value(np.float64(1.0)),), "mine"),
    "a copy": lambda x: copy.copy(Value(np.float64(x))),
    "a deep copy": lambda x: copy.deepcopy(Value(np.float64(x)).maximum(-math.inf)),
    "a pickle": lambda x: pickle.loads(pickle.dumps(Value(np.float64(x)).maximum(-math.inf))),
    "a pickle of **k": lambda x: pickle.loads(pickle.dumps(Value(x) ** np.float64(1.0))),
    "far above": lambda x: mg.sum([Value(np.float64(x)), *[Value(-0.0)] * 1000]) if x else Value(np.float64(x)),
}


@pytest.mark.parametrize("feed", FED.values(), ids=FED)
@pytest.mark.parametrize(("f", "x", "expected", "kind"), RAISING.values(), ids=RAISING)
def test_what_numpy_feeds_gives_inf_or_nan_and_numpys_warning(f, x, expected, kind, feed):
    v = feed(x)
    assert v.data == x and math.copysign(1, v.data) == math.copysign(1, x)
    with pytest.warns(RuntimeWarning, match=f"{WORDS[kind]} encountered in") as caught:
        out = f(v)
    assert type(out) is Value and type(out.data) is float and same(out.data, expected)
    assert caught[0].filename == __file__
    out.backward()  # it is a node like any other
    assert out.grad == 1.0 and v in mg.topological_order(out)


@pytest.mark.parametrize(("f", "x", "expected", "kind"), RAISING.values(), ids=RAISING)
def test_what_python_feeds_raises_as_python_does(f, x, expected, kind):
    with nothing_left_behind():
        v = Value(np.float64(x).item())
        v.data = x
        v.grad = np.float64(1.0)
        with pytest.raises((ArithmeticError, ValueError)):
            f(v)
        del v


@pytest.mark.parametrize(("f", "x", "expected", "kind"), RAISING.values(), ids=RAISING)
def test_errstate_says_what_happens(f, x, expected, kind):
    v, calls = Value(np.float64(x)), []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(**{kind: "ignore"}):
            assert same(f(v).data, expected)
        with np.errstate(**{kind: "call"}, call=lambda *arguments: calls.append(arguments)):
            assert same(f(v).data, expected)
        with nothing_left_behind(), np.errstate(**{kind: "raise"}), pytest.raises(FloatingPointError):
            f(v)
        with nothing_left_behind(), pytest.raises(RuntimeWarning):
            f(v)
    assert [words for words, _ in calls] == [WORDS[kind]]


def test_nan_and_inf_go_through_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan((Value(np.float64(math.nan)) / 0).data)
        assert (Value(np.float64(math.inf)) / 0).data == math.inf
        assert math.isnan((Value(np.float64(math.nan)).log()).data)


def test_the_number_of_nodes_that_numpy_feeds_is_right():
    with nothing_left_behind(), np.errstate(all="ignore"):
        v = Value(np.float64(0.0))
        outs = [v / 0, 1 / v, v**-1, v.log(), 2 ** (v + 1e6), v / v]
        assert [len(mg.topological_order(out)) for out in outs] == [3, 3, 2, 2, 5, 2]
        del outs, v


def test_a_search_below_a_deep_graph_does_not_recurse():
    v = Value(1.0)
    for _ in range(20_000):
        v = v + 1
    with pytest.raises(ZeroDivisionError):
        v / 0
    with np.errstate(all="ignore"):
        assert (v * np.float64(1.0) / 0).data == math.inf


@pytest.mark.parametrize("n", (1, 2, 3))
def test_numpy_assigned_to_a_node_by_hand_leaves_its_operands(n):
    def run():
        operands, slopes = ([Value(1.0 + i) for i in range(n)] for _ in range(2))
        one, other = Value(1.0, operands, "mine"), Value(1.0, operands, range(n))
        third = Value(1.0, operands, slopes)
        one._backward = lambda: [setattr(x, "grad", x.grad + one.grad) for x in operands]
        for node in (one, other, third, one, third):
            node.data = np.float64(2.0)
        (one + other + third).backward()
        assert [x.grad for x in operands] == [2.0 + 2 * i for i in range(n)]
        assert one._children == tuple(operands) and one._op == "mine"
        assert other._local_grads == tuple(range(n)) and third._local_grads == tuple(slopes)

    with nothing_left_behind():
        run()


def micrograds_answer(program, seed, cls):
    """Run a random program of micrograd's ops; return the data of its nodes, None where one is complex."""
    rng = random.Random(seed)
    leaves = [
        cls(np.float64(rng.choice([0.0, -0.0, 1.0, rng.uniform(-3, 3), 10.0 ** rng.randint(-150, 150)])))
        for _ in range(4)
    ]
    pool, forward = list(leaves), []
    for _ in range(program):
        a, b = rng.choice(pool), rng.choice(pool)
        number = rng.choice([2, -0.5, np.float64(1e200), np.float64(0.0)])
        k = rng.choice([-1, 2, 3, 0.5, -2, -0.5])
        what = rng.choice(["*", "+", "/", "**", "number*", "relu", "number-"])
        if what == "*":
            out = a * b
        elif what == "+":
            out = a + b
        elif what == "/":
            out = a * b**-1  # as micrograd does it
        elif what == "**":
            out = a**k
        elif what == "number*":
            out = number * a
        elif what == "relu":
            out = a.relu()
        else:
            out = number - a
        if isinstance(out.data, complex):  # (-2) ** 0.5 is one after a relu, whose 0 is Python's
            return None
        pool.append(out)
        forward.append(out.data)
    pool[-1].backward()  # raises nothing
    return forward


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_programs_over_numpy_give_what_micrograd_gives(rng):
    theirs = pytest.importorskip("micrograd.engine").Value
    special = compared = 0
    for _ in range(300):
        seed = rng.randrange(2**31)
        ours = micrograds_answer(12, seed, Value)
        try:
            expected = micrograds_answer(12, seed, theirs)
        except (ZeroDivisionError, OverflowError):  # its relu gives the Python int 0
            continue
        if expected is None:
            continue
        compared += 1
        special += not all(map(math.isfinite, expected))
        for got, want in zip(ours, expected):
            assert same(got, want), seed
    assert compared > 100 and special > 30


def diverging_losses(value, mlp, steps=12):
    rng = np.random.default_rng(1)
    xs = rng.normal(size=(20, 2))
    ys = np.sign(xs[:, 0])
    random.seed(1)
    model, losses = mlp(2, [4, 1]), []
    for _ in range(steps):
        scores = [model(list(map(value, x))) for x in xs]
        loss = sum((score - y) ** 2 for score, y in zip(scores, ys)) / len(ys) + 1e-4 * sum(
            p * p for p in model.parameters()
        )
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 10.0 * p.grad
        losses.append(loss.data)
    return losses


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_diverging_training_goes_on_to_its_end_as_in_micrograd():
    theirs = pytest.importorskip("micrograd.nn")
    expected = diverging_losses(theirs.Value, theirs.MLP)
    losses = diverging_losses(Value, mg.MLP)
    assert math.isnan(losses[-1]) and max(x for x in losses if x < math.inf) > 1e100
    for got, want in zip(losses, expected):
        assert same(got, want, rel=1e-6)


def test_all_works_while_another_thread_imports_numpy():
    done = run_python(
        "-c",
        textwrap.dedent("""
        import fractions, sys, threading, types
        import micrograd_c as mg

        sys.modules["numpy"] = sys.modules["numpy.ma"] = types.ModuleType("numpy")  # so it begins
        half = fractions.Fraction(1, 2)
        x = mg.Value(half)
        assert (x * half + True).data == 1.25
        assert mg.jit(lambda x, power: x**power, static_argnames="power")(half, 2) == 0.25
        assert mg.jit(lambda x, twice: 2 * x if twice else x)(half, True) == 1.0
        del sys.modules["numpy"], sys.modules["numpy.ma"]

        f, done = mg.jit(lambda x: x * half), []
        started = threading.Barrier(4)

        def run():
            started.wait()
            for _ in range(20):
                done.append(f([1.0, 2.0]).tolist() == [0.5, 1.0])

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [True] * 80
        """),
    )
    assert (done.returncode, done.stderr) == (0, "")
