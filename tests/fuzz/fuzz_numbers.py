"""Operators of Values with operands of every kind on either side, against plain floats and numpy."""

import decimal
import fractions
import math
import operator
import warnings

from micrograd_c import Value

try:
    import numpy as np
except ImportError:
    np = None

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e200, -1e-300, 5e-324, math.inf, -math.inf, math.nan]


class Loud(float):
    """A float whose own operator must not be used where a Value stands on the left."""

    def __rmul__(self, other):
        raise AssertionError("the operator of a subclass of float was used")


class Measured:
    """Whatever has __float__ is a number."""

    def __init__(self, number):
        self.number = number

    def __float__(self):
        return self.number


class Own:
    """Not a number, with operators of its own."""

    def _answer(self, other):
        return "own"

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = _answer
    __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = _answer


NOT_NUMBERS = ["3", b"3", None, 1j, [1.0], (1.0,), {}, set(), object(), print, Value, ...]


def operand(rng):
    """Return an object, the float that it stands for or None, and whether it is numpy's."""
    x = rng.choice([*EDGES, rng.uniform(-3, 3), 10.0 ** rng.randint(-320, 308)])
    kind = rng.randrange(11 if np is not None else 8)
    if kind == 0:
        n = rng.choice([0, 1, -2, 3, 10**15, -(2**62), 2**1000, 10**308])
        return n, float(n), False
    if kind == 1:
        b = rng.random() < 0.5
        return b, float(b), False
    if kind == 2 and math.isfinite(x):
        f = rng.choice([fractions.Fraction, decimal.Decimal])(x)
        return f, float(f), False
    if kind == 3:
        return Loud(x), x, False
    if kind == 4:
        return Measured(x), x, False
    if kind == 5:
        return rng.choice(NOT_NUMBERS), None, False
    if kind == 6:
        return Own(), "own", False
    if kind in (8, 9):
        with np.errstate(all="ignore"):
            scalar = rng.choice([np.float64, np.float64, np.float32, np.float16, np.longdouble])(x)
        return scalar, float(scalar), True
    if kind == 10:
        scalar = rng.choice([np.int64(-3), np.uint8(0), np.bool_(True), np.int32(7), np.array(x), np.array(2)])
        return scalar, float(scalar), True
    return x, x, False


def plain(f, x, y):
    """Return what Python's floats give, or the class of their error; a complex power is none of theirs."""
    if f is operator.pow and -math.inf < x < 0 and math.isfinite(y) and y != int(y):
        return ValueError
    try:
        z = f(x, y)
    except (ArithmeticError, ValueError) as error:
        return type(error)
    return z


def ieee(f, x, y):
    """Return what numpy's floats give."""
    with np.errstate(all="ignore"):
        return float(f(np.float64(x), np.float64(y)))


def same(a, b):
    """Tell whether two floats are the same, a nan and the sign of 0 included."""
    return (
        (a != a and b != b)
        or (a == b and math.copysign(1, a) == math.copysign(1, b))
        or math.isclose(a, b, rel_tol=1e-14)
    )


def case(rng):
    """Apply an operator to a Value and anything."""
    f = rng.choice(OPERATORS)
    x = rng.choice([*EDGES, rng.uniform(-3, 3)])
    other, number, from_numpy = operand(rng)
    v, fed = Value(x), False
    if np is not None and rng.random() < 0.3:
        v, fed = Value(np.float64(x)), True
    left = rng.random() < 0.5
    where = f"{f.__name__}, {'left' if left else 'right'}: {other!r} beside {v!r}, fed by numpy: {fed}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            out = f(other, v) if left else f(v, other)
        except (TypeError, ArithmeticError, ValueError) as error:
            out = error
    if number == "own":
        assert out == "own", (where, out)
        return
    if number is None:
        assert isinstance(out, TypeError) and "operand of" in str(out) and type(other).__name__ in str(out), (
            where,
            out,
        )
        return
    if isinstance(out, np.ndarray if np is not None else ()):
        out = out.item()
    expected = plain(f, number, x) if left else plain(f, x, number)
    if f is operator.pow and not left and not isinstance(other, float):
        from_numpy = False  # an exponent is no leaf, and micrograd takes int and float alone
    if isinstance(expected, type) and (fed or from_numpy):
        expected = ieee(f, number, x) if left else ieee(f, x, number)
    if isinstance(expected, type):
        assert type(out) is expected, (where, out, expected)
        return
    assert type(out) is Value and type(out.data) is float, (where, out)
    assert same(out.data, expected), (where, out, expected)
    out.backward()
    assert out.grad == 1.0
