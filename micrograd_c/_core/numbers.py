"""What counts as a number, and what numpy's arrays do beside a Value."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable

from .errors import NAMES

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

_REFUSED = (str, bytes, bytearray, complex)


def is_array(x: Any) -> bool:
    """Tell whether `x` is an array of one dimension or more, numpy's or one like it."""
    return getattr(x, "ndim", 0) > 0 and hasattr(x, "__array__")


def is_object(x: Any) -> bool:
    """Tell whether `x` is an array of Python objects."""
    return getattr(getattr(x, "dtype", None), "kind", "") == "O"


# Classes of numpy's scalars met so far: to know one again is much cheaper than to ask it all the questions below.
_scalars: set[type] = set()
_listeners: list[Callable[[type], None]] = []


def on_scalar(listener: Callable[[type], None]) -> None:
    """Let `listener` hear of each class of numpy's scalars that is met."""
    _listeners.append(listener)


def _remember(scalar: type) -> None:
    _scalars.add(scalar)
    for listener in _listeners:
        listener(scalar)


def from_numpy(x: Any) -> bool:
    """Tell whether a number, or an array of one, is numpy's."""
    if type(x) in _scalars:
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, (numpy.generic, numpy.ndarray))


def as_number(x: Any) -> float | None:
    """Return `x` as a float (or int) if it is a plain number or a 0-d array of one, else None."""
    t = type(x)
    if t is float or t is int or t is bool:
        return x  # type: ignore[no-any-return]
    if t in _scalars:
        return x.item()  # type: ignore[no-any-return]
    if isinstance(x, (float, int)):
        if t.__module__ == "numpy":  # float64
            _remember(t)
        return float(x)
    if not hasattr(t, "__float__") or isinstance(x, _REFUSED) or hasattr(t, "_h"):
        return None
    if hasattr(t, "item"):  # numpy's scalars and arrays, and what follows their interface
        if is_array(x) or is_object(x):
            return None
        try:
            number = x.item()
        except (ValueError, RuntimeError):
            return None
        if isinstance(number, (float, int)):
            if t.__module__ == "numpy" and not hasattr(t, "__array_finalize__"):
                _remember(t)
            return number
        if getattr(getattr(x, "dtype", None), "kind", "") != "f":
            return None  # a text, a complex number, a date; longdouble goes on: its item is a longdouble again
    try:
        return float(x)
    except (TypeError, ValueError):
        return None


def to_float(x: Any, what: str) -> float:
    """Return the double that `x` stands for; TypeError, naming type and remedy, where it is no number."""
    number = as_number(x)
    if number is not None:
        return float(number)
    if is_array(x) and getattr(x, "size", 0) == 1 and not is_object(x):
        return to_float(x.item(), what)
    t = type(x)
    if hasattr(t, "_h"):
        raise TypeError(f"{what} must be a number, not a Value: pass value.data, which is a float")
    remedy = "pass a float or an int"
    if isinstance(x, (str, bytes, bytearray)):
        remedy = f"convert it first, float({x if len(x) < 40 else x[:40]!r})"
    elif is_array(x) or isinstance(x, (list, tuple, dict, set, frozenset, range)):
        remedy = "make one Value of each element, [Value(x) for x in ...]"
    elif isinstance(x, complex) or "complex" in t.__name__:
        remedy = "pass its .real or abs() of it"
    elif x is None:
        remedy = "pass 0.0 to clear it" if what == "grad" else "pass a float or an int"
    raise TypeError(f"{what} must be a number, not {t.__name__}: {remedy}")


def over_array(op: int, other: Any, node: Any) -> Any:
    """Return `other <op> node` elementwise, as numpy does it for objects; NotImplemented for no array."""
    if not is_array(other):
        return NotImplemented
    numpy = sys.modules["numpy"]
    box = numpy.empty((), dtype=object)
    box[()] = node
    name = NAMES[op].lower()
    return getattr(operator, "__pow__" if name == "power" else f"__{name}__")(other, box)
