"""What is said of an attribute that a Value does not have."""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

_ITS_NUMBER = "its number is v.data, a float"
_ONE_NUMBER = "a Value is one number; keep several in a list, and add them by mg.sum(values)"
_GRADIENT = "every Value has a gradient, v.grad, and v.backward() adds to those below it"

# What users of other libraries look for.
HABITS = {
    **dict.fromkeys(("item", "numpy", "tolist", "detach", "cpu", "value", "val"), _ITS_NUMBER),
    **dict.fromkeys(("requires_grad", "requires_grad_", "retain_grad"), _GRADIENT),
    **dict.fromkeys(("shape", "dtype", "ndim", "size", "reshape", "view", "sum", "mean"), _ONE_NUMBER),
    "grad_fn": "v._op is the op that made it, v._prev has its operands",
    "zero_": "write v.grad = 0.0, or v.zero_grad() for all below too",
    "clone": "write copy.copy(v)",
    "square": "write v ** 2",
    "reciprocal": "write 1 / v",
    "abs": "write abs(v)",
    "add": "write v + other",
    "sub": "write v - other",
    "mul": "write v * other",
    "div": "write v / other",
    "matmul": "write mg.dot(ws, xs)",
    "max": "write v.maximum(other)",
    "min": "write v.minimum(other)",
    "clamp": "write v.maximum(low).minimum(high)",
    "clip": "write v.maximum(low).minimum(high)",
    "log2": "write v.log() / math.log(2)",
    "log10": "write v.log() / math.log(10)",
}

_remedies: dict[str, str] = {}  # of names that were asked for, since hasattr() asks again and again


def absent(node: Any, name: str) -> AttributeError | None:
    """Return the error for an attribute that is not there; None where the class has one that raised."""
    if hasattr(type(node), name):
        return None
    remedy = _remedies.get(name)
    if remedy is None:
        remedy = HABITS.get(name) or _close_names(type(node), name)
        if len(_remedies) < 1000:
            _remedies[name] = remedy
    return AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}{remedy and ': '}{remedy}")


def _close_names(cls: type, name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [x for x in dir(cls) if x[0] != "_"])
    return f"close to it {'is' if len(close) == 1 else 'are'} {', '.join(close)}" if close else ""


class Absent:
    """Says what to write instead of an attribute: a __getattr__ would make every attribute slower."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, node: Any, cls: Any = None) -> Any:
        raise (node is not None and absent(node, self._name)) or AttributeError(
            f"type object 'Value' has no attribute {self._name!r}"
        )
