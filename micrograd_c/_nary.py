"""The functions of n-ary ops: one node over any number of operands."""

from __future__ import annotations

from ._core import NAMES, NARY, core, lib
from ._core.docs import doc
from ._handmade import as_values

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .engine import Value


def trace_of(values: tuple[Value, ...]) -> Any:
    """Return the trace that one of the Values belongs to (see program/trace.py), or None."""
    for t in {*map(type, values)}:
        if hasattr(t, "_reflected"):
            return next(x._trace for x in values if type(x) is t)
    return None


def node(op: int, values: Iterable[Any]) -> Any:
    """Return the node of an n-ary op over Values and numbers."""
    if (direct := core.nary(op, values)) is not None:
        return direct
    items = as_values(values)
    if not items:
        return as_values((lib.mg_value(op, 0.0, 0.0, 0.0),))[0]
    if (trace := trace_of(items)) is not None:
        return trace.record(op, items)
    return core.own(core.new(), items, None, lib.mg_nary, op, core.handles(items), len(items))


def _function_of(op: int) -> Callable[[Iterable[Any]], Value]:
    """Return the function of an n-ary op."""

    def function(values: Iterable[Any], /) -> Any:
        return node(op, values)

    function.__name__ = function.__qualname__ = NAMES[op].lower()
    function.__doc__ = doc(op)
    return function


FUNCTIONS = {NAMES[op].lower(): _function_of(op) for op in NARY}
