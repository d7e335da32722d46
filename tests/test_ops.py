"""The op table, walked: a row is checked here without a line of its own where mpmath knows its name."""

import itertools
import math
import operator
import sys

import pytest
from support import PYPY, close, nothing_left_behind

import micrograd_c as mg
from micrograd_c import Value, gradcheck
from micrograd_c._core import DOMAINS, LABELS, NAMES, OPS

ROWS = [op for op in range(len(OPS)) if OPS[op].method]
UNARY = [op for op in ROWS if OPS[op].arity == 1 and not OPS[op].takes_k]
UNARY_K = [op for op in ROWS if OPS[op].takes_k]
BINARY = [op for op in ROWS if OPS[op].arity == 2]
COMPARING = (
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "when",
    "unless",
)  # 0 beside nan
EXPONENTS = [-2, -1, -0.5, 0, 0.01, 0.5, 1, 2, 3, 2.5]


def name_of(op):
    return NAMES[op].lower()


def method_of(op):
    """Return the op as a function of Values, and numbers for k."""
    name = name_of(op)
    return getattr(Value, name, None) or getattr(Value, f"__{name}__")


def is_defined(op, x):
    return eval(DOMAINS[op].replace("&&", " and "), {"x": x, "isfinite": math.isfinite})


def walk(ops):
    return pytest.mark.parametrize("op", ops, ids=[name_of(op) for op in ops])


def points(op, rng, many=20):
    """Return operands inside of the domain, small, large and of both signs, and not where anything has a kink."""
    found = []
    while len(found) < many:
        x = rng.choice([-1, 1]) * rng.choice(
            [rng.uniform(0.05, 0.95), rng.uniform(0.05, 4), 10 ** rng.uniform(-6, 1.3)]
        )
        y = rng.choice([-1, 1]) * rng.uniform(0.1, 3)
        if name_of(op) == "power":
            x = abs(x)
        if OPS[op].takes_k:
            k = rng.choice([k for k in EXPONENTS if k == int(k) or x > 0])
            found.append((x, k))
        elif OPS[op].arity == 2:
            found.append((x, y))
        elif is_defined(op, x):
            found.append((x,))
    return found


def apply(op, numbers):
    """Return op(*numbers) as a Value, and its leaves."""
    leaves = [Value(x) for x in numbers[: OPS[op].arity]]
    return method_of(op)(*leaves, *numbers[OPS[op].arity :]), leaves


def test_the_table_has_the_ops_that_are_promised():
    promised = {
        "relu",
        "tanh",
        "exp",
        "log",
        "sigmoid",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
    }
    promised |= {"cosh", "softplus", "gelu", "silu", "leaky_relu", "log1p", "expm1", "erf", "minimum", "maximum"}
    promised |= {"atan2", "hypot", "sign", "log10", "log2", "square", "floor", "ceil"}
    promised |= {"pow", "add", "sub", "mul", "truediv", "neg", "abs", *COMPARING}
    assert promised <= {name_of(op) for op in ROWS}


@walk(ROWS)
def test_each_row_is_a_method_with_a_docstring(op):
    method = method_of(op)
    assert callable(method) and (method.__doc__ or PYPY)  # whose operators of floats have none


# ---- derivatives -----------------------------------------------------------------------------------------------


@walk(ROWS)
def test_gradients_pass_gradcheck(op, rng):
    for numbers in points(op, rng):
        k = numbers[OPS[op].arity :]
        if max(map(abs, numbers)) < 1e-3 or min(map(abs, numbers[: OPS[op].arity])) < 1e-3:
            continue  # the difference quotient would step over a kink or out of the domain
        assert gradcheck(lambda *xs, k=k: method_of(op)(*xs, *k), *numbers[: OPS[op].arity], eps=1e-7, rtol=1e-3)


def references():
    """Return what mathematics says of the rows that mpmath does not know by their name."""
    mp = pytest.importorskip("mpmath").mp

    def larger(x, y):
        return x if x > y else y

    return {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "truediv": operator.truediv,
        "neg": operator.neg,
        "abs": abs,
        "pow": mp.power,
        "power": mp.power,
        "maximum": larger,
        "minimum": lambda x, y: -larger(-x, -y),
        "relu": lambda x: larger(x, mp.mpf(0)),
        "leaky_relu": lambda x, k: x if x > 0 else k * x,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
        "softplus": lambda x: mp.log1p(mp.exp(x)),
        "silu": lambda x: x / (1 + mp.exp(-x)),
        "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
        "square": lambda x: x * x,
        "less": lambda x, y: mp.mpf(x < y),
        "less_equal": lambda x, y: mp.mpf(x <= y),
        "greater": lambda x, y: mp.mpf(x > y),
        "greater_equal": lambda x, y: mp.mpf(x >= y),
        "equal": lambda x, y: mp.mpf(x == y),
        "not_equal": lambda x, y: mp.mpf(x != y),
        "when": lambda x, y: y if x else mp.mpf(0),
        "unless": lambda x, y: mp.mpf(0) if x else y,
    }


def reference_of(op):
    mpmath = pytest.importorskip("mpmath")
    name = name_of(op)
    reference = references().get(name) or getattr(mpmath.mp, name, None)
    if reference is None:  # the other tests judge it all the same
        pytest.skip(f"mpmath has no {name}: say in references() what it is, to compare with high precision")
    return reference


@walk(ROWS)
def test_values_and_derivatives_agree_with_high_precision(op, rng):
    mpmath = pytest.importorskip("mpmath")
    f = reference_of(op)
    with mpmath.workdps(60):
        for numbers in points(op, rng, many=40):
            out, leaves = apply(op, numbers)
            out.backward()
            exact = [mpmath.mpf(x) for x in numbers]
            # Half a unit in the last place of the operands counts too: the condition of gelu(x) is x**2.
            slack = 4e-16 * sum(abs(leaf.data * leaf.grad) for leaf in leaves)
            assert close(out.data, f(*exact), rel=2e-15, absolute=1e-300 + slack), numbers
            for i, leaf in enumerate(leaves):
                orders = tuple(int(i == j) for j in range(len(exact)))
                derivative = mpmath.diff(f, exact[0]) if len(exact) == 1 else mpmath.diff(f, tuple(exact), orders)
                assert close(leaf.grad, mpmath.re(derivative), rel=1e-13, absolute=4e-16), (i, numbers)


def is_steep(op, x):
    """Tell whether mathematics has no finite slope at x, as of a cube root at 0."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(1000):
        return abs(mpmath.diff(reference_of(op), x)) > 1e100


@walk([op for op in UNARY if DOMAINS[op] == "1"])
@pytest.mark.parametrize("x", [-1000.0, -710.0, -38.0, -1e-300, 0.0, 1e-300, 38.0, 710.0, 1000.0])
def test_ops_that_are_defined_everywhere_hold_at_both_ends(op, x):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(1000):
        exact = reference_of(op)(mpmath.mpf(x))
        if abs(exact) > sys.float_info.max:
            with nothing_left_behind(), pytest.raises(OverflowError):
                apply(op, (x,))
            return
    out, (leaf,) = apply(op, (x,))
    out.backward()
    assert close(out.data, exact, rel=1e-13, absolute=1e-307)
    assert math.isfinite(leaf.grad) or is_steep(op, x)


def test_the_ends_of_the_activations():
    def at(name, x):
        leaf = Value(x)
        out = getattr(leaf, name)()
        out.backward()
        return out.data, leaf.grad

    assert at("sigmoid", 1000) == (1.0, 0.0) and at("sigmoid", -1000) == (0.0, 0.0)
    assert at("tanh", 1000) == (1.0, 0.0) and at("tanh", -1000) == (-1.0, 0.0)
    assert at("softplus", 1000) == (1000.0, 1.0) and at("softplus", -1000) == (0.0, 0.0)
    assert at("gelu", 1000) == (1000.0, 1.0) and at("gelu", -1000) == (0.0, 0.0)
    assert at("silu", 1000) == (1000.0, 1.0) and at("silu", -1000) == (0.0, 0.0)
    assert at("relu", 1e308) == (1e308, 1.0) and at("relu", -1e308) == (0.0, 0.0)


def test_kinks_and_ties():
    def gradients(f, *numbers):
        leaves = [Value(x) for x in numbers]
        f(*leaves).backward()
        return [leaf.grad for leaf in leaves]

    assert gradients(Value.relu, 0.0) == gradients(Value.relu, -0.0) == [0.0]
    assert gradients(abs, 0.0) == [0.0]
    assert gradients(Value.leaky_relu, 0.0) == [0.01]
    for f in (Value.minimum, Value.maximum):
        assert gradients(f, 2.0, 2.0) == [0.5, 0.5]
        x = Value(2.0)
        f(x, x).backward()
        assert x.grad == 1.0


def test_clip_is_a_minimum_of_a_maximum():
    for x, value, slope in [(-2.0, -1.0, 0.0), (0.25, 0.25, 1.0), (5.0, 0.5, 0.0)]:
        leaf, high = Value(x), Value(0.5)
        out = leaf.clip(-1, high)
        out.backward()
        assert (out.data, leaf.grad, high.grad) == (value, slope, float(x > 0.5))
    assert math.isnan(Value(math.nan).clip(0, 1).data)
    f = pytest.importorskip("numpy") and mg.jit(lambda x: x.clip(-1, 0.5))
    assert [list(z) for z in f.value_and_gradient([-2.0, 0.25, 5.0])] == [[-1.0, 0.25, 0.5], [0.0, 1.0, 0.0]]


def test_floor_and_ceil_are_methods_beside_the_whole_numbers_of_python():
    v = Value(-2.5)
    assert (v.floor().data, v.ceil().data, type(v.floor())) == (-3.0, -2.0, Value)
    assert (math.floor(v), math.ceil(v), type(math.floor(v))) == (-3, -2, int)


@pytest.mark.parametrize("name", ["atan2", "hypot"])
def test_slopes_of_angles_and_lengths_hold_at_both_ends_of_floats(name):
    mp = pytest.importorskip("mpmath").mp
    for x, y in itertools.product([3e-300, -2e-160, 0.7, -5e150, 4e300], repeat=2):
        a, b = Value(x), Value(y)
        getattr(a, name)(b).backward()
        x, y = mp.mpf(x), mp.mpf(y)
        r = mp.hypot(x, y)
        exact = (y / r / r, -x / r / r) if name == "atan2" else (x / r, y / r)
        for got, want in zip((a.grad, b.grad), exact):
            assert got == pytest.approx(float(want), rel=1e-14, abs=1e-307), (x, y)


def test_powers_at_zero_have_the_derivatives_of_polynomials():
    for k, derivative in [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)]:
        x = Value(0.0)
        (x**k).backward()
        assert x.grad == derivative
        x, y = Value(0.0), Value(float(k))
        (x**y).backward()
        assert x.grad == derivative and y.grad == 0.0


def test_named_binary_ops_take_numbers_and_refuse_the_rest():
    x = Value(2.0)
    assert x.maximum(3).data == 3.0 and x.minimum(3.5).data == 2.0
    with (
        nothing_left_behind(),
        pytest.raises(TypeError, match=r"maximum\(other\): other must be a Value or a number"),
    ):
        x.maximum("3")


def test_leaky_relu_takes_its_slope():
    x = Value(-2.0)
    out = x.leaky_relu(0.25)
    out.backward()
    assert (out.data, x.grad, out._op) == (-0.5, 0.25, "LeakyReLU")
    assert Value(-2.0).leaky_relu().data == -0.02
    assert Value(-2.0).leaky_relu(k=0.5).data == -1.0


# ---- micrograd -------------------------------------------------------------------------------------------------

MICROGRAD = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "neg": operator.neg,
    "pow": operator.pow,
    "relu": operator.methodcaller("relu"),
}


@walk([op for op in ROWS if name_of(op) in MICROGRAD])
def test_ops_that_micrograd_has_agree_with_it(op, rng):
    theirs = pytest.importorskip("micrograd.engine").Value
    f = MICROGRAD[name_of(op)]
    for numbers in points(op, rng, many=50):
        arity = OPS[op].arity
        ours, others = ([cls(x) for x in numbers[:arity]] for cls in (Value, theirs))
        k = numbers[arity:]
        out, expected = f(*ours, *k), f(*others, *k)
        assert close(out.data, expected.data, rel=1e-15)
        out.backward()
        expected.backward()
        for leaf, other in zip(ours, others):
            assert close(leaf.grad, other.grad, rel=1e-15)


# ---- Python's float rules --------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 1e-308, 5e-324, 1e200, -1e200, 1000.0, -1000.0]
SPECIAL += [math.inf, -math.inf, math.nan, 1.7976931348623157e308]


def python_of(op):
    """Return what Python itself has for a row, None."""
    name = name_of(op)
    if name in ("pow", "power"):

        def power(x, y):
            z = float(x) ** y
            if isinstance(z, complex):
                raise ValueError("math domain error")
            if PYPY and math.isinf(z) and math.isfinite(x) and math.isfinite(y):  # it computes x**2.0 as x*x
                raise OverflowError
            return z

        return power
    if name == "square":
        return lambda x: x**2
    if name in ("floor", "ceil"):  # not math's, which gives an int or raises
        return getattr(pytest.importorskip("numpy"), name)
    return getattr(operator, name, None) or getattr(math, name, None)


def outcome(f, *numbers):
    try:
        return "value", f(*numbers)
    except ArithmeticError as error:
        return "error", type(error)
    except ValueError:
        return "error", ValueError


PYTHON_HAS = [op for op in ROWS if python_of(op)]


@walk(PYTHON_HAS)
def test_special_values_give_what_python_gives(op):
    f, arity = python_of(op), OPS[op].arity + OPS[op].takes_k
    with nothing_left_behind():
        for numbers in itertools.product(SPECIAL, repeat=arity):
            kind, expected = outcome(f, *numbers)
            got_kind, got = outcome(lambda *xs: apply(op, xs)[0].data, *numbers)
            assert kind == got_kind, (numbers, expected, got)
            if kind == "error":
                assert got is expected, numbers
            else:
                assert close(got, expected, rel=1e-15, absolute=0.0), (numbers, expected, got)
                assert math.copysign(1, got) == math.copysign(1, expected) or got != got, (numbers, expected, got)


@walk([op for op in BINARY if python_of(op)])
def test_special_values_beside_a_plain_number_give_what_python_gives(op):
    name = "pow" if name_of(op) == "power" else name_of(op)
    ways = [lambda a, b: (getattr(Value, f"__{name}__", None) or getattr(Value, name))(Value(a), b).data]
    if hasattr(Value, f"__r{name}__"):  # an operator; a method has no Value on its right alone
        ways.append(lambda a, b: getattr(Value, f"__r{name}__")(Value(b), a).data)
    with nothing_left_behind():
        for x, y in itertools.product(SPECIAL, repeat=2):
            kind, expected = outcome(python_of(op), x, y)
            for got_kind, got in [outcome(way, x, y) for way in ways]:
                assert got_kind == kind, (x, y, expected, got)
                assert got is expected or close(got, expected, rel=1e-15, absolute=0.0), (x, y, expected, got)


@walk([op for op in ROWS if not python_of(op)])
def test_ops_that_python_lacks_raise_nothing_but_overflow(op):
    for numbers in itertools.product(SPECIAL, repeat=OPS[op].arity):
        try:
            out, leaves = apply(op, numbers)
        except OverflowError:
            assert all(map(math.isfinite, numbers)) and not OPS[op].activation
            continue
        assert not math.isnan(out.data) or any(not math.isfinite(x) for x in numbers)
        out.backward()
        if all(abs(x) <= 1000 for x in numbers):
            finite = all(math.isfinite(leaf.grad) for leaf in leaves)
            assert finite or (op in UNARY and is_steep(op, *numbers)), numbers


@walk(BINARY + UNARY_K)
def test_what_the_table_leaves_out_in_programs_changes_no_bit(op):
    """Its columns `neutral` and `same`: x + -0.0 is x, and x + 0.0 is not where x is -0.0."""
    operator_of = getattr(operator, name_of(op), None) if OPS[op].arity == 2 else None
    for c in SPECIAL if OPS[op].arity == 2 else (1.0, 2.0, -1.0, 0.5, 0.0):
        functions = [lambda a, c=c: method_of(op)(a, c)]
        functions += [lambda a, c=c: operator_of(c, a)] if operator_of and name_of(op) not in COMPARING else []
        for f in functions:
            program = mg.jit(f)
            for x in SPECIAL:
                kind, expected = outcome(lambda a, f=f: f(Value(a)).data, x)
                got = program(x) if kind == "value" else None
                assert kind == "error" or repr(got) == repr(expected), (x, c)


@walk([op for op in ROWS if name_of(op) not in COMPARING])
def test_a_nan_goes_through(op):
    if OPS[op].arity == 1 and not OPS[op].takes_k:
        assert math.isnan(apply(op, (math.nan,))[0].data)
    else:
        assert math.isnan(apply(op, (math.nan, 2.0))[0].data)
        if OPS[op].arity == 2 and name_of(op) not in ("minimum", "maximum"):
            assert math.isnan(apply(op, (2.0, math.nan))[0].data)


RAISING = [
    (lambda v: v / 0, 3.0, ZeroDivisionError, ["/", "3.0", "0.0"]),
    (lambda v: 5 / v, 0.0, ZeroDivisionError, ["/", "5.0", "0.0"]),
    (lambda v: v**-1, 0.0, ZeroDivisionError, ["**", "0.0", "-1"]),
    (lambda v: v**0.5, -2.0, ValueError, ["**", "-2.0", "0.5", "negative base"]),
    (lambda v: (-2) ** v, 0.5, ValueError, ["**", "-2.0", "0.5"]),
    (lambda v: v.log(), -1.0, ValueError, ["log", "-1.0", "x > 0"]),
    (lambda v: v.log(), 0.0, ValueError, ["log", "0.0"]),
    (lambda v: v.sqrt(), -1.0, ValueError, ["sqrt", "-1.0", "x >= 0"]),
    (lambda v: v.asin(), 1.5, ValueError, ["asin", "1.5", "x >= -1 and x <= 1"]),
    (lambda v: v.exp(), 1000.0, OverflowError, ["exp", "1000.0"]),
    (lambda v: v**1000, 10.0, OverflowError, ["**", "10.0", "1000"]),
    (lambda v: 10**v, 1000.0, OverflowError, ["**", "10.0", "1000.0"]),
]


@pytest.mark.parametrize(("f", "x", "kind", "words"), RAISING, ids=[f"{r[3][0]}-{r[1]}" for r in RAISING])
def test_errors_name_op_and_operands_and_leave_nothing_behind(f, x, kind, words):
    v = Value(x)
    with nothing_left_behind():
        for _ in range(100):
            with pytest.raises(kind) as caught:
                f(v)
        for word in words:
            assert word in str(caught.value)
        del caught
    assert (v + 1).data == x + 1


@walk([op for op in UNARY if DOMAINS[op] != "1"])
def test_outside_of_its_domain_each_op_raises_a_value_error_with_its_name(op):
    outside = [x for x in SPECIAL if not is_defined(op, x) and x == x]
    assert outside
    for x in outside:
        with nothing_left_behind(), pytest.raises(ValueError, match=LABELS[op]):
            apply(op, (x,))
