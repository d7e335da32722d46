"""Docstrings of the ops, made from their rows of the op table."""

from __future__ import annotations

import math
import operator

from ._cffi import ffi, lib
from .errors import DOMAINS, NAMES, NARY, OPS

_NAMES = {
    "&&": "and",
    "||": "or",
    "fabs(": "abs(",
    "M_2_SQRTPI": "2/sqrt(pi)",
    "M_SQRT1_2": "sqrt(1/2)",
    "logistic(": "sigmoid(",
    "INFINITY": "inf",
}

_ERRORS = {
    "TOTAL": "Defined everywhere.",
    "QUOTIENT": "Defined where y != 0; elsewhere it is a ZeroDivisionError.",
    "POWER": "Raises ZeroDivisionError of 0 ** -1, ValueError of (-8) ** 0.5, and OverflowError.",
}


def _readable(c: str) -> str:
    """Return lines of C in the words of Python: `a ? b : c` is `b if a else c`."""
    for name, ours in _NAMES.items():
        c = c.replace(name, ours)
    return "\n".join([_choice(line) if "?" in line else line for line in c.split("\n")])


def _choice(c: str) -> str:
    if c.count("?") != 1:
        return c
    inner, end, rest = c[1:].partition(")") if c[0] == "(" else (c, "", "")
    condition, _, choices = inner.partition(" ? ")
    yes, _, no = choices.partition(" : ")
    return f"{'(' if end else ''}{yes} if {condition} else {no}{end}{rest}"


# z, dz/dx and dz/dy of each op, read in one go.
_FORMULAS = _readable(
    "\n".join([ffi.string(c).decode() or "0" for row in OPS for c in (row.value, row.dx, row.dy)])
)
_LINES = _FORMULAS.split("\n")


def signature(op: int) -> str:
    """Return the parameters of the method of an op."""
    row = OPS[op]
    if row.takes_k:
        return "$self, k" if math.isnan(row.k) else f"$self, k={row.k}"
    return "$self, other, /" if row.arity == 2 else "$self, /"


def formulas(op: int) -> list[str]:
    """Return z and its derivatives."""
    z, dx, dy = _LINES[3 * op : 3 * op + 3]
    return [f"z = {z}", f"dz/dx = {dx}", f"dz/dy = {dy}"][: 1 + abs(OPS[op].arity)]


def _fold(op: int) -> str:
    """Return how an n-ary op comes to its y."""
    start, step = (_readable(ffi.string(text).decode()) for text in (OPS[op].start, OPS[op].step))
    return f"y = {start} at first, then y = {step} for each x from left to right; k of them"


def doc(op: int) -> str:
    """Return the docstring of the method of an op: formula, derivatives, domain."""
    row = OPS[op]
    z, *derivatives = formulas(op)
    if op in NARY:
        return "\n".join([f"Return {z} as one node over Values and numbers x.", "", _fold(op), *derivatives])
    more = ", k a plain number" if row.takes_k else ", y is `other`" if row.arity == 2 else ""
    if DOMAINS[op] == "1":
        domain = _ERRORS[ffi.string(row.errors).decode()]
        if abs(row.arity) == 1 and any(math.isinf(lib.mg_value(op, x, 0.0, 0.0)) for x in (1e308, -1e308)):
            domain = "Defined everywhere; where z is too large for a float it is an OverflowError."
    else:
        domain = f"Defined where {_readable(DOMAINS[op])}; elsewhere it is a ValueError."
    return "\n".join([f"Return {z} as a node; x is this Value{more}.", "", *derivatives, domain])


def operators() -> str:
    """Return what the docstring of Value says of its operators, which Python documents."""
    rows = [formulas(op) for op in range(len(OPS)) if is_operator(op)]
    return "\n".join(f"        {', '.join(row)}" for row in rows)


def is_operator(op: int) -> bool:
    """Tell whether an op is one of Python's operators; `floor` is none, though floats have a __floor__."""
    return f"__{NAMES[op].lower()}__" in vars(operator)  # hasattr() makes an error, and forgets it
