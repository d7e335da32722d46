"""What counts as a number, and what numpy's arrays do beside a Value."""

from __future__ import annotations

import operator
import sys

from .errors import LABELS, NAMES, OPS
from .hints import Any, Callable

NODES: list[type] = []  # the class of Values, as soon as it exists
_REFUSED = (str, bytes, bytearray, complex)
# What is written instead of a method whose k is a plain number where k is a Value.
_OF_VALUES = {"pow": "x ** k, or x.power(k)", "leaky_relu": "mg.where(x.greater(0), x, k * x)"}


def is_array(x: Any) -> bool:
    """Tell whether `x` is an array of one dimension or more, numpy's or one like it."""
    return getattr(x, "ndim", 0) > 0 and hasattr(x, "__array__")


def is_object(x: Any) -> bool:
    """Tell whether `x` is an array of Python objects."""
    return _dtype_kind(x) == "O"


def numpys(name: str, module: str = "numpy") -> Any:
    """Return what numpy has under a name; None where nobody has loaded it, or another thread is just at it."""
    return getattr(sys.modules.get(module), name, None)


def is_masked(t: type) -> bool:
    """Tell whether a class is that of numpy's masked arrays: the numbers that they hide mean nothing."""
    masked = numpys("MaskedArray", "numpy.ma")
    return masked is not None and issubclass(t, masked)


def _dtype_kind(x: Any) -> str:
    """Return numpy's letter for the kind of numbers in `x`; '' if it has no dtype."""
    kind: str = getattr(getattr(x, "dtype", None), "kind", "")
    return kind


# Classes of numpy's scalars met so far: to know one again is much cheaper than to ask it all the questions below.
scalars: set[type] = set()
on_scalar: list[Callable[[type], Any]] = [scalars.add]  # called with each of them


def _remember(scalar: type) -> None:
    for function in on_scalar:
        function(scalar)


def from_numpy(x: Any) -> bool:
    """Tell whether a number, or an array of one, is numpy's."""
    if type(x) in scalars:
        return True
    array = numpys("ndarray")
    return array is not None and isinstance(x, (numpys("generic"), array))


def as_number(x: Any) -> float | None:
    """Return `x` as a float (or int) if it is a plain number or a 0-d array of one, else None."""
    t = type(x)
    if t is float or t is int or t is bool:
        return x  # type: ignore[no-any-return]
    if t in scalars:
        return x.item()  # type: ignore[no-any-return]
    if isinstance(x, (float, int)):
        if t.__module__ == "numpy":  # float64
            _remember(t)
        return float(x)
    if not hasattr(t, "__float__") or isinstance(x, _REFUSED) or hasattr(t, "_mg_h"):
        return None
    if hasattr(t, "item"):  # numpy's scalars and arrays, and what follows their interface
        if is_array(x) or is_object(x) or is_masked(t) or _dtype_kind(x) in ("m", "M"):
            return None  # the item of a date may be an int
        try:
            number = x.item()
        except (ValueError, RuntimeError):
            return None
        if isinstance(number, (float, int)):
            if t.__module__ == "numpy" and not hasattr(t, "__array_finalize__"):
                _remember(t)
            return number
        if _dtype_kind(x) != "f":
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
    if is_array(x) and getattr(x, "size", 0) == 1 and not is_object(x) and not is_masked(type(x)):
        return to_float(x.item(), what)
    raise _refusal(x, what, "a number")


def branch(name: str, x: Any, taken: Any) -> Any:
    """Return a branch of `where`, a Value or a number; what a function returns if it is taken, else 0.0."""
    if callable(x):
        x = x() if taken else 0.0
    if not hasattr(type(x), "_mg_h"):
        to_float(x, f"{name} of where")  # an error if it is none
    return x


def _refusal(x: Any, what: str, expected: str, each: str = "") -> TypeError:
    """Return the error for what is no number: it names type and remedy; `each`: the call with q, an item of it."""
    t = type(x)
    if hasattr(t, "_reflected"):  # jit traces x
        x._put_into_node() if what == "data" else float(x)  # raises TracingError
    if hasattr(t, "_mg_h"):  # the handle of a Value
        without = ", without its gradient, or take the Value itself" if what == "data" else ", which is a float"
        return TypeError(f"{what} must be {expected}, not a {class_of(x)}: pass value.data{without}")
    remedy = "pass a float or an int"
    if isinstance(x, (str, bytes, bytearray)):
        if _says_number(x):
            remedy = f"convert it first, float({x if len(x) < 40 else x[:40]!r})"
    elif is_masked(t):
        remedy = "pass a.filled(number), or a.compressed()"
    elif hasattr(t, "__iter__") and getattr(x, "ndim", None) != 0:
        remedy = "pass one number"
        if what == "data":
            remedy = "pass its elements one by one, as in [Value(x) for x in ...]"
        elif each:
            remedy = f"compute with its elements one by one, as in [{each} for q in ...]"
        remedy += "; a class of yours that keeps arrays runs without --replace-value" * arrays_are_data[0]
    elif callable(x):
        remedy = "call it, and pass what it returns"
    elif isinstance(x, complex) or "complex" in t.__name__:
        remedy = "pass its .real or abs() of it"
    elif x is None:
        remedy = "pass 0.0 to clear it" if what == "grad" else "pass a float or an int"
    return TypeError(f"{what} must be {expected}, not {t.__name__}: {remedy}")


def _says_number(text: Any) -> bool:
    try:
        return float(text) is not None
    except ValueError:
        return False


def class_of(x: Any) -> str:
    """Return the name of the class of what is refused."""
    t = type(x)
    if not hasattr(t, "_mg_h"):
        return t.__name__
    return "Value" if issubclass(t, tuple(NODES)) else "Value of another import of micrograd_c"


# Whether Value stands in for a class that keeps an array as data: no operator makes an array of Values of it then.
arrays_are_data = [False]


def no_number(op: int, other: Any, node: Any, side: str) -> Any:
    """Answer for an operand that is neither a Value nor a number.

    Parameters
    ----------
    op : int
    other, node : object, Value
    side : {'left', 'right', ''}
        Where `other` stands; '': it is the argument of a method.

    Returns
    -------
    object
        What numpy makes of an array elementwise; NotImplemented where `other` has an operator of its own.

    Raises
    ------
    TypeError
        It names the type and the remedy.
    """
    name = NAMES[op].lower()
    operator_name = "pow" if name == "power" else name
    if side == "left" and is_array(other):
        return by_items(getattr(operator, f"__{operator_name}__"), other, node)
    # numpy's own operator fails beside a Value
    is_hidden = arrays_are_data[0] if is_array(other) else is_masked(type(other))
    if side == "right" and not is_hidden and _has_own(type(other), f"__r{operator_name}__"):
        return NotImplemented
    if side and hasattr(operator, f"__{operator_name}__"):
        sign = LABELS[op].removesuffix("{}")
        each = f"q {sign} x" if side == "left" else f"x {sign} q"
        raise _refusal(other, f"the {side} operand of {sign}", "a Value or a number", each)
    if OPS[op].takes_k:
        if hasattr(type(other), "_mg_h") and class_of(other) == "Value" and name in _OF_VALUES:
            constant = "" if hasattr(type(other), "_reflected") else "; k.data gets no gradient"  # jit traces it
            raise TypeError(f"{name}(k): k must be a plain number, not a Value: write {_OF_VALUES[name]}{constant}")
        raise _refusal(other, f"{name}(k): k", "a plain number")
    raise _refusal(other, f"{name}(other): other", "a Value or a number", f"x.{name}(q)")


def by_items(operate: Callable[[Any, Any], Any], array: Any, node: Any) -> Any:
    """Return what an operator of numpy's gives for each item of an array and a Value."""
    box = sys.modules["numpy"].empty((), dtype=object)
    box[()] = node
    return operate(array, box)


def _has_own(t: type, name: str) -> bool:
    """Tell whether a class has a method that is not one of Python's own types: a text repeats by __rmul__."""
    return next((cls.__module__ != "builtins" for cls in t.__mro__ if name in vars(cls)), False)
