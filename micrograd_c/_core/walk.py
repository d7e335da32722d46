"""The way down a graph: the operands of a Value, and all Values that it was computed from."""

from __future__ import annotations

from . import Any, check, core, ffi, lib
from .errors import no_node
from .hints import Callable, Iterable
from .numbers import class_of


def describe(value: Any) -> Any:
    """Return the mg_node of a Value: op, activation, number, data and gradient."""
    node = ffi.new("mg_node *")
    check(lib.mg_describe(core.handle_of(value), node))
    return node


def operands(value: Any) -> list[Any]:
    """Return the operands in their order; one that is used twice stands there twice.

    Those of a dot product are the inputs, then as many weights, then the bias if there is one.
    """
    a, b = core.operands(value)
    if type(a) is tuple:
        return flat(a, b)
    return [] if a is None else [a, b] if isinstance(b, core.Node) else [a]


def flat(*parts: Any) -> list[Any]:
    """Return the operands among the two parts of a Value."""
    out: list[Any] = []
    for part in parts:
        if isinstance(part, tuple):
            out += part
        elif isinstance(part, core.Node):
            out.append(part)
    return out


def references(value: Any) -> list[Any]:
    """Return the operands, and the Values that were given as local derivatives."""
    given, found = core.operands(value)[1], operands(value)
    return found + (given[: len(found)] if type(given) is list else [])


def below(roots: Iterable[Any], children: Callable[[Any], list[Any]] = operands) -> dict[int, Any]:
    """Return the Values that lead to the roots, and those, by id: a class may have an __eq__ of its own."""
    found = {id(root): root for root in roots}
    todo = list(found.values())
    while todo:
        for child in children(todo.pop()):
            if id(child) not in found:
                found[id(child)] = child
                todo.append(child)
    return found


def handle_of(root: Any) -> int:
    """Return the handle of a Value; an error for what is none: the class itself has slots of the same names."""
    if not isinstance(root, core.Node):
        if hasattr(type(root), "_mg_h"):
            raise TypeError(f"a Value is needed here, not a {class_of(root)}: compute it anew")
        raise no_node(root)
    if "_reflected" in type(root).__dict__:  # jit traces it
        root._below()
    return core.handle_of(root)


def in_order(root: Any, children: Callable[[Any], list[Any]] = operands) -> list[Any]:
    """Return the Values below `root`, and it, in the order in which they were made."""
    handle_of(root)
    if not children(root):
        return [root]
    values = list(below((root,), children).values())
    rows = ffi.new("int32_t[]", len(values))
    check(lib.mg_rows(core.handles(values), len(values), rows))
    order = sorted(zip(ffi.unpack(rows, len(values)), values), key=lambda pair: pair[0])
    return [value for _, value in order]
