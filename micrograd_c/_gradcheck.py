"""Difference quotients, and gradients against them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from ._core import Any, as_number, brief, to_float, warn
from ._core.numbers import is_array
from .engine import Value, topological_order, zero_grad
from .program.function import Function
from .program.static import is_static


class GradientError(AssertionError):
    """A gradient that differs from the difference quotient."""


def numerical_gradient(f: Callable[..., Any], *at: Any, h: float | None = None) -> Any:
    """Return the slopes of `f` by central differences, (f(x + h) - f(x - h)) / (2 h).

    Parameters
    ----------
    f : callable
        Takes as many numbers as there are in `at`, returns a number or a Value. It is called twice for each, and
        before that at the point itself.
    *at : float or Value
        The point. Where a number stands `f` gets a float, where a Value stands a new Value. Static arguments of a
        function made by `jit` stay as they are, and have no slope.
    h : float, optional
        How far to go to either side. By default 6e-6 * max(1, abs(x)): with less the rounding of `f` shows,
        with more the curve.

    Returns
    -------
    float or tuple of float
        One for each number; of a single one its slope alone.

    Raises
    ------
    ValueError
        `h` is not above 0, or so small that x + h or x - h is x.
    Exception
        What `f` raises at the point, or beside it: `1 / x` at 0 raises ZeroDivisionError.

    Warns
    -----
    RuntimeWarning
        A pole lies at the point: there `f` is a million times what it is at either side, as `tan` is at pi / 2.

    Notes
    -----
    At a corner, as of `abs` or relu at 0, the quotient is the mean of the slopes of both sides. At a jump, or where
    a pole is nearer than h but not at the point, it is a number that says nothing, and no warning is given.

    Examples
    --------
    >>> round(numerical_gradient(lambda x: x * x, 3.0), 6)
    6.0
    """
    if not callable(f):
        raise TypeError(
            f"numerical_gradient takes a function and its point, numerical_gradient(f, 1.0), not {type(f).__name__}"
        )
    if not _places(f, at):
        raise TypeError("numerical_gradient(f, x): no point is given, one number for each argument of f")
    points = _numbers(f, at)
    if h is not None and not 0 < (h := to_float(h, "h")) < math.inf:
        raise ValueError(f"numerical_gradient: h must be greater than 0{' and finite' * (h > 0)}, not {h!r}")

    def number(*xs: Any) -> float:
        out = f(*(Value(x) if isinstance(given, Value) and x is not given else x for x, given in zip(xs, at)))
        return out.data if isinstance(out, Value) else to_float(out, "what f returns")

    step = sys.float_info.epsilon ** (1 / 3)
    steps = {i: h or step * max(1.0, abs(points[i])) for i in _places(f, at)}
    for i, far in steps.items():
        _ends(points[i], i, far)
    here = number(*points)  # what is not defined at the point itself raises here
    slopes = tuple(_quotient(number, points, i, far, here) for i, far in steps.items())
    return slopes[0] if len(slopes) == 1 else slopes


def _places(f: Any, at: tuple[Any, ...]) -> list[int]:
    """Return the places of the arguments that are not static: these have derivatives."""
    if not isinstance(f, Function):
        return [*range(len(at))]
    return [i for i, x in enumerate(at) if i not in f._static[0] and not is_static(x)]


def _numbers(f: Any, at: tuple[Any, ...]) -> list[Any]:
    """Return the point, with floats where f has derivatives."""
    points = [*at]
    for i in _places(f, at):
        x = at[i]
        if isinstance(x, (list, tuple)) or is_array(x):
            write = "mg.jit({})" if isinstance(f, Function) else "{}"
            whole, part = write.format("lambda *x: f(x)"), write.format("lambda a, b, y: f([a, b], y)")
            remedy = f"pass those of a point one by one, (f, *point), or ({whole}, *point) where f takes a list"
            if len(at) > 1:
                remedy = f"write a function of numbers, as in ({part}, *x, y)"
            raise TypeError(f"operand {i} must be a number, not {type(x).__name__}: {remedy}")
        points[i] = to_float(x.data if isinstance(x, Value) else x, f"operand {i}")
    return points


def _ends(x: float, i: int, h: float) -> tuple[float, float]:
    if math.isinf(x):
        raise ValueError(f"operand {i} is {x!r}, where no difference can be taken: take a finite point")
    if x + h == x or x - h == x:
        raise ValueError(f"operand {i} is {x!r}, which h = {h!r} does not change: take a larger one")
    return x + h, x - h


def _quotient(f: Callable[..., float], points: list[Any], i: int, h: float, here: float = 0.0) -> float:
    """Return the slope of `f`, which is `here` at the points, over the step that the rounded operands are apart."""
    x: float = points[i]
    high, low = [f(*points[:i], at, *points[i + 1 :]) for at in _ends(x, i, h)]
    if abs(here) > 1e6 * max(1.0, abs(high), abs(low)):
        warn(
            f"the difference quotient cannot be trusted at operand {i} = {x!r}: a pole lies there, "
            f"f is {here:.3g}, and {low:.3g} and {high:.3g} at a distance of {h:.3g}",
            RuntimeWarning,
        )
    return (high - low) / ((x + h) - (x - h))


def gradcheck(
    f: Callable[..., Any], *values: Any, eps: float = 1e-6, rtol: float = 1e-4, atol: float = 1e-6
) -> bool:
    """Compare the gradients of `f` with central differences.

    Parameters
    ----------
    f : callable
        Takes as many Values as there are `values`, returns one Value; or a function made by `jit`, whose static
        arguments stay as they are.
    *values : Value or float
        The point. They are not changed, and neither is the gradient of any other Value that `f` reads.
    eps : float
        Half the step of the difference quotient (f(x + eps) - f(x - eps)) / (2 eps), relative to max(1, abs(x)).
    rtol, atol : float
        A gradient g agrees with the quotient q if abs(g - q) <= atol + rtol * max(abs(g), abs(q)).

    Returns
    -------
    bool
        True.

    Raises
    ------
    TypeError
        There is no point, and so nothing to compare.
    GradientError
        It names each operand whose gradient does not agree, and both numbers.

    See Also
    --------
    numerical_gradient : The quotients alone.

    Examples
    --------
    >>> gradcheck(lambda x, y: (x * y).tanh(), 0.5, 2.0)
    True
    """
    if not callable(f):
        raise TypeError(f"gradcheck takes a function and its point, gradcheck(f, 1.0), not {type(f).__name__}")
    if not (places := _places(f, values)):
        raise TypeError("gradcheck(f, x): no point is given, one number for each argument of f")
    eps, rtol, atol = [to_float(x, name) for x, name in ((eps, "eps"), (rtol, "rtol"), (atol, "atol"))]
    if not 0 < eps < math.inf:
        raise ValueError(f"gradcheck: eps must be greater than 0{' and finite' * (eps > 0)}, not {eps!r}")
    for name, x in (("rtol", rtol), ("atol", atol)):
        if not x >= 0:
            raise ValueError(f"gradcheck: {name} must be 0 or more, not {x!r}")
    points = _numbers(f, values)

    def at(*xs: float) -> tuple[Value, list[Value]]:
        leaves = list(map(Value, xs))
        out = f(*leaves)
        if not isinstance(out, Value):
            remedy = "one Value alone has a gradient"
            if out is None or as_number(out) is not None:
                remedy = "is its `return` missing?" if out is None else "return the Value itself, not its .data"
            raise TypeError(f"gradcheck: f must return a Value, not {type(out).__name__}, {brief(out)}: {remedy}")
        return out, leaves

    data = f if isinstance(f, Function) else lambda *xs: at(*xs)[0].data
    if isinstance(f, Function):
        gradients = f.gradient(*points) if len(places) != 1 else [f.gradient(*points)]
    else:
        out, leaves = at(*points)
        order = topological_order(out)
        before = [v.grad for v in order]
        try:
            zero_grad(out)
            out.backward()
            gradients = [leaf.grad for leaf in leaves]
        finally:
            for v, g in zip(order, before):
                v.grad = g

    wrong = []
    for i, g in zip(places, gradients):
        x = points[i]
        quotient = _quotient(data, points, i, eps * max(1.0, abs(x)))
        if not abs(g - quotient) <= atol + rtol * max(abs(g), abs(quotient)):
            name = values[i].name if isinstance(values[i], Value) else ""
            wrong.append(
                f"operand {i}{f' ({name})' if name else ''} = {x!r}: gradient {g!r}, "
                f"central difference {quotient!r}, off by {abs(g - quotient):.3g}"
            )
    if wrong:
        raise GradientError("gradcheck: " + "; ".join(wrong))
    return True
