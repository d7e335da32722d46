"""Probes of functions of numbers and parameters: slopes, local derivatives, zero_grad."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from math import isclose
from typing import Any, ClassVar

from ...engine import Value, zero_grad
from .probe import Case, Names, Probe, Seen

__all__ = ["Gradient", "Local", "Slope", "ZeroGrad"]


class Slope(Probe):
    """The difference quotient."""

    needs: tuple[str, ...] = ("slope",)
    engine: ClassVar[Names] = {"slope": lambda f, x, h: _slope(f, x, h)}

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield functions and places; h is large where the quotient itself is to be seen."""
        for f, x, h in itertools.product(("x * x", "3 * x + 4", "x**3 - x"), (3.0, -2.0, 5.0), (1e-5, 0.5)):
            yield {"f": f, "x": x, "h": h}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield the slope in three digits: a quotient is no better."""
        f = eval(f"lambda x: {case['f']}")
        yield "slope", _rounded(of["slope"](f, case["x"], case["h"]))

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name what looks at no function: it gives the same for each one."""
        given: dict[str, set[str]] = {}
        for case in cases:
            at = str([case[k] for k in case if k != "f"])
            given.setdefault(at, set()).add(str(dict(self.observe(of, case))))
        alike = max(map(len, given.values())) == 1 and not any("None" in each for each in given.popitem()[1])
        return "one-function" if alike else ""

    def code(self, case: Case) -> list[str]:
        """Return the call."""
        return [f"f = lambda x: {case['f']}", f"slope(f, {case['x']}, {_written(case['h'])})"]


def _written(h: float) -> str:
    return f"{h:.5f}".rstrip("0")  # beginners do not read 1e-05


def _rounded(x: Any) -> Any:
    return float(f"{x:.3g}") if isinstance(x, float) else x


def _slope(f: Callable[[Any], Any], x: float, h: float) -> float:
    if h > 0.1:
        return float((f(x + h) - f(x)) / h)
    at = Value(x)
    f(at).backward()
    return at.grad


class Gradient(Slope):
    """A slope in each direction."""

    needs: tuple[str, ...] = ("gradient",)
    engine: ClassVar[Names] = {
        "gradient": lambda f, x, y, h: (_slope(lambda t: f(t, y), x, h), _slope(lambda t: f(x, t), y, h))
    }

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield functions of two numbers, and places; h is large where it is to be seen what has moved."""
        for f, x, h in itertools.product(("x * x + y * y", "x * y", "3 * x - y**3"), (3.0, -2.0, 5.0), (1e-5, 0.5)):
            yield {"f": f, "x": x, "y": x + 1, "h": h}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield both slopes."""
        pair = of["gradient"](eval(f"lambda x, y: {case['f']}"), case["x"], case["y"], case["h"])
        yield "gradient", [_rounded(slope) for slope in pair] if isinstance(pair, (list, tuple)) else _rounded(pair)

    def code(self, case: Case) -> list[str]:
        """Return the call."""
        return [f"f = lambda x, y: {case['f']}", f"gradient(f, {case['x']}, {case['y']}, {_written(case['h'])})"]


class Local(Gradient):
    """The local derivatives of an operator."""

    needs: tuple[str, ...] = ("local_derivatives",)
    engine: ClassVar[Names] = {"local_derivatives": lambda op, x, y: _local(op, x, y)}

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield each operator at some places."""
        for op, x, y in itertools.product("+*-/", (3.0, -2.0), (5.0, -4.0)):
            yield {"f": f"x {op} y", "op": op, "x": x, "y": y}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield the pair."""
        pair = of["local_derivatives"](case["op"], case["x"], case["y"])
        yield "local_derivatives", list(pair) if isinstance(pair, tuple) else pair

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name what comes near to each number: a nudge."""
        near = (
            isclose(float(mine), rule, rel_tol=1e-2, abs_tol=1e-2)
            for case in cases
            for mine, rule in zip(of["local_derivatives"](case["op"], case["x"], case["y"]), _local(**case))
        )
        return "nudged" if all(near) else ""

    def code(self, case: Case) -> list[str]:
        """Return the call."""
        return [f'local_derivatives("{case["op"]}", {case["x"]}, {case["y"]})']


def _local(op: str, x: float, y: float, **rest: str) -> list[float]:
    leaves = {"x": Value(x), "y": Value(y)}
    eval(f"x {op} y", dict(leaves)).backward()
    return [leaf.grad for leaf in leaves.values()]


class ZeroGrad(Probe):
    """Gradients put to zero, data left as they are."""

    needs: tuple[str, ...] = ("zero_grad",)
    engine: ClassVar[Names] = {"zero_grad": lambda parameters: _zero(parameters)}

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield the number of parameters."""
        yield from ({"n": n} for n in (1, 2, 3))

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield data and gradients."""
        parameters = [Value(float(i + 2)) for i in range(case["n"])]
        for p in parameters:
            (p * p).backward()
        of["zero_grad"](parameters)
        for i, p in enumerate(parameters):
            yield f"parameters[{i}].data", p.data
            yield f"parameters[{i}].grad", p.grad

    def code(self, case: Case) -> list[str]:
        """Return the lines."""
        return [
            f"parameters = [Value(float(i + 2)) for i in range({case['n']})]",
            "for p in parameters: (p * p).backward()",
            "zero_grad(parameters)",
        ]


def _zero(parameters: list[Value]) -> None:
    for p in parameters:
        zero_grad(p)
