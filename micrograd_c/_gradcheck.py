"""Gradients against difference quotients."""

from __future__ import annotations

from collections.abc import Callable

from ._core import Any, to_float
from .engine import Value, topological_order, zero_grad


class GradientError(AssertionError):
    """A gradient that differs from the difference quotient."""


def gradcheck(
    f: Callable[..., Any], *values: Any, eps: float = 1e-6, rtol: float = 1e-4, atol: float = 1e-6
) -> bool:
    """Compare the gradients of `f` with central differences.

    Parameters
    ----------
    f : callable
        Takes as many Values as there are `values`, returns one Value; or a function made by `jit`.
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
    GradientError
        It names each operand whose gradient does not agree, and both numbers.
    """
    if not callable(f):
        raise TypeError(f"gradcheck takes a function and its point, gradcheck(f, 1.0), not {type(f).__name__}")
    eps, rtol, atol = [to_float(x, name) for x, name in ((eps, "eps"), (rtol, "rtol"), (atol, "atol"))]
    if not eps > 0:
        raise ValueError(f"gradcheck: eps must be greater than 0, not {eps!r}")
    points = [to_float(v.data if isinstance(v, Value) else v, f"operand {i}") for i, v in enumerate(values)]

    def at(*xs: float) -> tuple[Value, list[Value]]:
        leaves = list(map(Value, xs))
        out = f(*leaves)
        if not isinstance(out, Value):
            raise TypeError(f"gradcheck: f must return a Value, not {type(out).__name__}: {out!r}")
        return out, leaves

    gradient = getattr(f, "gradient", None)  # of what jit made
    data = f if gradient else lambda *xs: at(*xs)[0].data
    if gradient:
        gradients = gradient(*points) if len(points) != 1 else [gradient(*points)]
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
    for i, (x, g) in enumerate(zip(points, gradients)):
        h = eps * max(1.0, abs(x))
        high, low = (data(*points[:i], x + d, *points[i + 1 :]) for d in (h, -h))
        quotient = (high - low) / (2 * h)
        if not abs(g - quotient) <= atol + rtol * max(abs(g), abs(quotient)):
            name = values[i].name if isinstance(values[i], Value) else ""
            wrong.append(
                f"operand {i}{f' ({name})' if name else ''} = {x!r}: gradient {g!r}, "
                f"central difference {quotient!r}, off by {abs(g - quotient):.3g}"
            )
    if wrong:
        raise GradientError("gradcheck: " + "; ".join(wrong))
    return True
