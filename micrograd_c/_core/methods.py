"""One method for each row of the op table, in Python: those of the cffi core, and of the traced Values of jit.

The native core has the same methods in C. Names, signatures, docstrings and messages are equal in all three.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .docs import doc, is_operator
from .errors import NAMES, OPS
from .hints import Any
from .numbers import as_number, from_numpy, no_number

Method = Callable[..., Any]
_POW, _POWER = NAMES.index("POW"), NAMES.index("POWER")
_PACKAGE = __package__.rpartition(".")[0]

# The first operators of the class that `know` took.
_ADD: Any
_MUL: Any
_NEG: Any
_TO_POWER: Any
# Does the class of the left, or of the right operand override what micrograd makes an op of? `1 + v` is `v + 1`.
LEFT: Any = {
    NAMES.index("NEG"): lambda cls: cls.__mul__ is not _MUL,
    NAMES.index("SUB"): lambda cls: cls.__add__ is not _ADD,
    NAMES.index("TRUEDIV"): lambda cls: cls.__mul__ is not _MUL,
}
RIGHT: Any = {
    NAMES.index("ADD"): LEFT[NAMES.index("SUB")],
    NAMES.index("MUL"): LEFT[NAMES.index("NEG")],
    NAMES.index("SUB"): lambda cls: cls.__neg__ is not _NEG or cls.__mul__ is not _MUL,
    NAMES.index("TRUEDIV"): lambda cls: cls.__pow__ is not _TO_POWER,
}


def know(cls: Any) -> None:
    """Take the class that `install` has given the methods of all ops."""
    global _ADD, _MUL, _NEG, _TO_POWER
    _ADD, _MUL, _NEG, _TO_POWER = cls.__add__, cls.__mul__, cls.__neg__, cls.__pow__


def install(
    cls: type, values: type, apply: Callable[[int, Method | None], Method], apply_number: Callable[..., Any]
) -> None:
    """Give a class the methods of all ops.

    Parameters
    ----------
    cls, values : type
        The class, and the class of all Values that may be operands.
    apply : callable
        apply(op, otherwise) returns a function f(x), f(x, k) with a number k, or f(x, y). Where y is no Value,
        f returns otherwise(x, y).
    apply_number : callable
        apply_number(op, x, given, number, left) returns op(x, number), or op(number, x) if `left`. `given` is the
        object that the user gave as this number.
    """

    def put(name: str, method: Method, text: str | None = None) -> None:
        method.__name__ = name
        method.__qualname__, method.__module__ = f"Value.{name}", f"{_PACKAGE}.engine"  # where a pickle finds it
        method.__doc__ = getattr(float, name).__doc__ if text is None else text
        method.__annotations__ = {}
        setattr(cls, name, method)

    def reflected(op: int, method: Method) -> Method:
        def reflected(self: Any, value: Any, /) -> Any:
            if isinstance(value, values):
                return method(value, self)
            number = as_number(value)
            return (
                no_number(op, value, self, "left") if number is None else apply_number(op, self, value, number, 1)
            )

        return reflected

    for op, row in enumerate(OPS):
        if not row.method:
            continue
        name = NAMES[op].lower()
        operator = is_operator(op)
        if row.takes_k:
            put(name, _with_k(op, apply(op, None)), doc(op))
        elif row.arity == 1:
            put(f"__{name}__" if operator else name, apply(op, None), None if operator else doc(op))
        else:
            method = apply(op, _otherwise(op, apply_number))
            if operator:
                put(f"__{name}__", method)
                put(f"__r{name}__", reflected(op, method))
            else:
                put(name, _named(op, method), doc(op))

    power, to_number = apply(_POWER, None), _with_k(_POW, apply(_POW, None), "right")
    reflected_power = reflected(_POWER, power)

    def pow(self: Any, value: Any, mod: Any = None, /) -> Any:
        if mod is not None:
            return NotImplemented
        return power(self, value) if isinstance(value, values) else to_number(self, value)

    def rpow(self: Any, value: Any, mod: Any = None, /) -> Any:
        return reflected_power(self, value) if mod is None else NotImplemented

    put("__pow__", pow)
    put("__rpow__", rpow)


def _with_k(op: int, function: Method, side: str = "") -> Method:
    """Return the method of an op whose parameter k is a plain number."""

    def method(self: Any, /, k: Any = OPS[op].k) -> Any:
        number = as_number(k)
        if number is None:
            return no_number(op, k, self, side)
        plain = number is k or (isinstance(k, float) and from_numpy(k))
        return function(self, k if plain else float(number))  # the label shows it

    if math.isnan(OPS[op].k):
        method.__defaults__ = None
    return method


def _otherwise(op: int, apply_number: Callable[..., Any]) -> Method:
    """Return what an op does where its second operand is no Value."""

    def otherwise(self: Any, other: Any) -> Any:
        number = other if type(other) is float else as_number(other)
        return no_number(op, other, self, "right") if number is None else apply_number(op, self, other, number, 0)

    return otherwise


def _named(op: int, operator: Method) -> Method:
    """Return a binary operator as a method: Python asks no other operand after it."""

    def method(self: Any, other: Any, /) -> Any:
        out = operator(self, other)
        return no_number(op, other, self, "") if out is NotImplemented else out

    return method
