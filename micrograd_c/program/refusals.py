"""What a trace cannot record, and the errors that say so."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from typing import Any

from .._core import core

_PACKAGE = __name__.partition(".")[0]


class TracingError(RuntimeError):
    """What a traced function does cannot be recorded."""


def here() -> str:
    """Return file, line and text of the user's code that is running."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}" + (f": {text}" if text else "")


def refusal(what: str, remedy: str) -> TracingError:
    """Return the error for something in the user's code that cannot be recorded."""
    return TracingError(
        f"{here()}\n{what} while jit traces the function. A traced Value has no number: the function runs once, "
        f"for all samples, and a program records the one path that it took. {remedy}"
    )


def outside() -> TracingError:
    """Return the error for a TracedValue where its trace is over, or another one is going on."""
    return TracingError(
        f"{here()}\nA Value of a traced function is used outside of that trace. It stands for an argument "
        "and has no number: return it from the function instead of keeping it."
    )


def closure_error(handle: int, function: Callable[..., Any], name: str) -> TracingError:
    """Return the error for a node whose backward is not the engine's own; it names a line."""
    value = core.closure_at(handle)
    closure = None if value is None else core.peek(value, "_backward")
    code = getattr(closure, "__code__", None) or getattr(function, "__code__", None)
    where = f"{code.co_filename}:{code.co_firstlineno}" if code else name
    label = f" {value._op!r}" if value is not None and value._op else ""
    return TracingError(
        f"{where}\n{name} reads a node{label} made by hand, Value(data, (a, b), ...), or one with a Python "
        "closure as _backward. A program runs without Python and records ops of Value alone: write the node with "
        "those (+, *, exp, maximum, mg.where, ...), or call the function without jit."
    )
