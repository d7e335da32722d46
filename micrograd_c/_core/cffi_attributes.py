"""What is read of a Value of the cffi core, and what is assigned to it: columns of its node, label and closure.

A label and a closure have slots of their own: `_op` and `_backward` are properties of engine.Value, and a __dict__
would take as long to make as the node.
"""

from __future__ import annotations

from _weakref import ref

from ._cffi import lib
from .cffi_handles import closures
from .errors import error
from .hints import Any
from .numbers import to_float

_set_python = lib.mg_set_python
_SLOTS = {"_op": "_label", "_backward": "_closure"}


def column(name: str, doc: str, no_deletion: str) -> Any:
    """Return the property for a column of the arena."""
    read, write = getattr(lib, f"mg_{name}"), getattr(lib, f"mg_set_{name}")

    def get(self: Any) -> float:
        try:
            number: float = read(self._h)
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None
        if number != number and self._h < 0:
            raise error(lib.MG_EHANDLE)
        return number

    def set(self: Any, number: Any) -> None:
        if type(number) is not float:
            number = to_float(number, name)
        try:
            if not write(self._h, number):
                return
        except AttributeError:
            pass
        raise error(lib.MG_EHANDLE)

    def delete(self: Any) -> None:
        raise AttributeError(no_deletion)

    return property(get, set, delete, doc)


def peek(node: Any, name: str) -> Any:
    """Return an attribute past all properties, None where there is none."""
    slot = _SLOTS.get(name)
    return node.__dict__.get(name) if slot is None else getattr(node, slot, None)


def put(node: Any, name: str, attribute: Any) -> None:
    """Set an attribute past all properties; the sweep pauses at the node from its `_backward` on."""
    if name != "_backward":
        if name == "_op":
            node._label = attribute
        else:
            node.__dict__[name] = attribute
        return
    node._closure = attribute
    try:
        handle = node._h
    except AttributeError:
        return
    if type(handle) is not int:  # a lent one would keep the node alive
        handle = int(handle)
    closures[handle] = ref(node)
    _set_python(handle, 1)


def forget_made(node: Any) -> None:
    """Drop the label and the closure of a node."""
    node._label = node._closure = None
    if closures.pop(node._h, None) is not None:
        _set_python(node._h, 0)


def closure_at(handle: int) -> Any:
    """Return the node with a closure at a handle, or None."""
    reference = closures.get(handle)
    return None if reference is None else reference()


def attributes(node: Any) -> dict[str, Any]:
    """Return a copy of all attributes."""
    made = {name: peek(node, name) for name in _SLOTS}
    return {**node.__dict__, **{name: attribute for name, attribute in made.items() if attribute is not None}}
