"""Bound methods that jit has made, and copies and pickles of functions."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any
from weakref import ref

from .._core.interrupts import raised_later


class Bound(ref):  # type: ignore[type-arg]
    """A weak reference to an instance, with the programs that its method has recorded."""

    __slots__ = ("key", "programs", "table")

    def __new__(cls, instance: Any, table: dict[int, Any]) -> Any:
        """Return a reference to `instance`, which `table` has by its id."""
        try:
            return ref.__new__(cls, instance, _forget)
        except TypeError:
            raise TypeError(
                f"a method made by jit needs instances that can be referred to weakly: "
                f"give {type(instance).__name__} the slot '__weakref__'"
            ) from None

    def __init__(self, instance: Any, table: dict[int, Any]) -> None:
        self.key, self.table = id(instance), table
        self.programs: list[dict[Any, Any]] = [{}]


@raised_later
def _forget(bound: Bound) -> None:
    if bound.table.get(bound.key) is bound:
        del bound.table[bound.key]


def deep_copy(function: Any, memo: dict[int, Any]) -> Any:
    """Return a deep copy; that of a Python function reads copies of the variables in its closure."""
    from copy import deepcopy

    if isinstance(function, types.ModuleType):
        return function
    if type(function) is not types.FunctionType:
        return deepcopy(function, memo)
    if id(function) in memo:
        return memo[id(function)]
    cells = function.__closure__ or ()
    closure = [memo.setdefault(id(cell), types.CellType()) for cell in cells]
    out = types.FunctionType(function.__code__, function.__globals__, function.__name__, None, tuple(closure))
    memo[id(function)] = functools.update_wrapper(out, function)
    del out.__wrapped__  # type: ignore[attr-defined]
    out.__defaults__ = deepcopy(function.__defaults__, memo)
    out.__kwdefaults__ = deepcopy(function.__kwdefaults__, memo)
    for cell, copy in zip(cells, closure):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        copy.cell_contents = deep_copy(content, memo)
    return out


def by_value() -> bool:
    """Tell whether cloudpickle, by itself or inside of joblib and others, is at work: it copies __main__."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "pickle":
        frame = frame.f_back
    return frame is not None and "cloudpickle" in frame.f_globals.get("__name__", "")
