"""Attributes that are not there: what is said of them, and names of modules that are imported when asked for."""

from __future__ import annotations

import os
from _thread import RLock
from collections.abc import Callable

from .hints import Any

_ITS_NUMBER = "its number is v.data, a float"
_ONE_NUMBER = "a Value is one number; keep several in a list, and add them by mg.sum(values)"

# What users of other libraries look for.
HABITS = {
    **dict.fromkeys(("item", "numpy", "tolist", "cpu", "value", "val"), _ITS_NUMBER),
    "retain_grad": "every Value keeps its gradient, v.grad",
    "requires_grad_": "every Value has a gradient; compute with v.detach() where none may flow",
    **dict.fromkeys(("shape", "dtype", "ndim", "size", "reshape", "view", "sum", "mean"), _ONE_NUMBER),
    "grad_fn": "v._op is the op that made it, v._prev has its operands",
    "zero_": "write v.grad = 0.0, or v.zero_grad() for all below too",
    "clone": "write copy.copy(v)",
    "reciprocal": "write 1 / v",
    "abs": "write abs(v)",
    "add": "write v + other",
    "sub": "write v - other",
    "mul": "write v * other",
    "div": "write v / other",
    "matmul": "write mg.dot(ws, xs)",
    "max": "write v.maximum(other)",
    "min": "write v.minimum(other)",
    "clamp": "write v.clip(low, high)",
}

_OTHER_MODULES = {
    **dict.fromkeys(("tensor", "Tensor", "Variable"), "write Value(number)"),
    "Linear": "write Layer(inputs, outputs, activation='linear')",
    "Sequential": "write MLP(inputs, [outputs of each layer])",
}

_remedies: dict[str, str] = {}  # of names that were asked for, since hasattr() asks again and again


def absent(node: Any, name: str) -> AttributeError | None:
    """Return the error for an attribute that is not there; None where the class has one that raised."""
    if hasattr(type(node), name):
        return None
    remedy = _remedies.get(name)
    if remedy is None:
        remedy = HABITS.get(name) or close_to(name, {x: x for x in dir(type(node))})
        if len(_remedies) < 1000:
            _remedies[name] = remedy
    return AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}{remedy and ': '}{remedy}")


def lacking(module: dict[str, Any], name: str) -> AttributeError:
    """Return the error for a name that a module does not have, but maybe a Value: `tanh` is v.tanh."""
    there = {**{x: f"v.{x}" for x in dir(module["Value"]) if x not in HABITS}, **{x: x for x in module}}
    remedy = _OTHER_MODULES.get(name) or close_to(name, there)
    return AttributeError(f"module {module['__name__']!r} has no attribute {name!r}{remedy and ': '}{remedy}")


# Held by a thread that imports a module late, and by a fork: no child has a module that nobody goes on importing.
_importing = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release
    )


def import_later(module: dict[str, Any], names: dict[str, str]) -> Callable[[str], Any]:
    """Return the __getattr__ of a module, given its globals and, for other modules, the names that stand there."""
    homes = {name: home for home, there in names.items() for name in there.split()}

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise lacking({**module, **homes}, name)
        from importlib import import_module

        with _importing:
            home = import_module(f".{homes[name]}", module["__package__"])
        # The import puts a submodule in the place of a function of its name: mg.jit is the function.
        found = module[name] = getattr(home, name, home)
        return found

    return __getattr__


def close_to(name: str, there: dict[str, str]) -> str:
    """Return in words which of the names there are, shown as these texts, are close to one."""
    if name.startswith("_"):
        return ""
    from difflib import get_close_matches

    lower = {x.lower(): shown for x, shown in there.items() if x[0] != "_"}
    close = [lower[x] for x in get_close_matches(name.lower(), lower)]
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
