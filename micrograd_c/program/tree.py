"""What a function returns: a Value, or tuples, lists and dicts of Values, as a list of them and a structure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._core import as_number
from ..engine import Value


def flatten(result: Any, outputs: list[Value], name: str) -> Any:
    """Add the Values of a result to `outputs`; return its structure, None for a single one."""
    if isinstance(result, Value):
        outputs.append(result)
        return None
    if isinstance(result, (list, tuple)):
        return type(result), [flatten(item, outputs, name) for item in result]
    if isinstance(result, dict):
        return dict, [flatten(item, outputs, name) for item in result.values()], list(result)
    number = as_number(result)
    if number is None:
        raise TypeError(
            f"{name} must return Values, or tuples, lists and dicts of them, not {type(result).__name__}"
        )
    outputs.append(Value(number))
    return None


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """Return the structure with the next values in the places of the Values."""
    if tree is None:
        return next(values)
    cls, items = tree[0], [rebuild(item, values) for item in tree[1]]
    if cls is dict:
        return dict(zip(tree[2], items))
    return cls(*items) if hasattr(cls, "_fields") else cls(items)
