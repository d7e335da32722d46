"""A status of the engine becomes an exception, here and nowhere else. Warnings name the line of the user's code."""

from __future__ import annotations

import os
import sys

from ._cffi import ffi, lib
from .hints import Any

OPS: list[Any] = []
while row := lib.mg_op_row(len(OPS)):
    OPS.append(row)

NAMES: list[str] = [ffi.string(row.name).decode() for row in OPS]
# Ops of any number of operands whose row says how they are computed.
NARY: list[int] = [op for op, row in enumerate(OPS) if ffi.string(row.step)]
LABELS: list[str] = [ffi.string(row.label).decode() for row in OPS]
DOMAINS: list[str] = [ffi.string(row.domain).decode() for row in OPS]
# What an exception says, here and in the page: {call} is the operation with its numbers, {domain} where it holds.
MESSAGES = {
    "zero": "{call}: division by zero",
    "power": "{call} is not a real number: a negative base takes whole exponents only",
    "domain": "{call} is not defined: the argument x must satisfy {domain}",
    "overflow": "{call} is too large for a float, whose largest is 1.8e308",
    "text": "could not convert string to float: {text}",  # Python's own
}
_PACKAGES = (__name__.partition(".")[0], "numpy")
_INSTALLED = (
    os.path.dirname(getattr(os, "__file__", "?/os.py")) + os.sep,  # a frozen one may have none
    f"{os.sep}site-packages{os.sep}",
    f"{os.sep}dist-packages{os.sep}",
    os.path.join(os.path.dirname(sys.executable or "?/"), ""),  # scripts that call an installed main()
    "<frozen ",  # runpy and the import system
)


class OrderError(ValueError):
    """An operand would not stand below what reads it."""


class NoNodeError(RuntimeError, AttributeError):
    """A Value is used that has no node."""


def error(status: int, op: int = 0, *operands: float) -> Exception:
    """Return the exception for a status; `operands` are the numbers that `op` was applied to."""
    if status == lib.MG_ENOMEM:
        return MemoryError("no memory for more nodes; micrograd_c.stats() tells how many are alive")
    if status == lib.MG_EHANDLE:
        return NoNodeError(
            "this Value has no node: Value.__init__ was not called for it, or the garbage collector "
            "has finalized it and a __del__ method brought it back"
        )
    if status == lib.MG_EORDER:
        return OrderError("an operand is younger than its reader")
    if status == lib.MG_EARGUMENT:
        return RuntimeError(f"the engine has no op {op} for {len(operands)} operands")

    call = _call(op, operands)
    if status == lib.MG_EZERODIV:
        return ZeroDivisionError(MESSAGES["zero"].format(call=call))
    if status == lib.MG_EDOMAIN:
        message = MESSAGES["power" if len(operands) > 1 else "domain"]
        return ValueError(message.format(call=call, domain=DOMAINS[op].replace("&&", "and")))
    if status == lib.MG_EOVERFLOW:
        return OverflowError(MESSAGES["overflow"].format(call=call))
    return RuntimeError(f"the engine reports status {status}")


def no_node(x: Any) -> Exception:
    """Return the error for what is no Value, or is one without a node."""
    t = type(x)
    if hasattr(t, "_mg_h"):  # as all Values have: their handle
        return error(lib.MG_EHANDLE)
    remedy = "pass what was computed, such as the loss"
    if getattr(getattr(x, "dtype", None), "kind", "O") != "O" or isinstance(x, (float, int)):
        remedy += ": the Value itself, and not its data. Numbers that a function of mg.jit returned have no graph"
    elif hasattr(t, "parameters"):
        remedy = "pass what a call of it returned; its zero_grad() is for its parameters"
    elif hasattr(t, "__iter__") and t is not str:
        remedy = "pass one of its Values, or mg.sum(values) for all of them"
    return TypeError(f"a Value is needed here, not {t.__name__}: {remedy}")


def _call(op: int, operands: tuple[float, ...]) -> str:
    label = LABELS[op].removesuffix("{}")
    if len(operands) == 2 and not label.isidentifier():
        return f" {label} ".join(f"({x!r})" if x < 0 else repr(x) for x in operands)
    return f"{label}({', '.join(map(repr, operands))})"


def brief(x: Any, most: int = 60) -> str:
    """Return a value as a message shows it: on one line, cut, and whatever its own repr does."""
    size = int.bit_length(x) if issubclass(type(x), int) else 0
    try:
        # Python needs long for the digits of a huge int, and from 3.10.7 on refuses to print it.
        text = " ".join(repr(x).split()) if size < 2000 else f"<{type(x).__name__} of {size} bits>"
    except Exception:  # a class may be half-made
        text = f"<{type(x).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def check(status: int) -> int:
    """Return `status`, or raise what it stands for where it is negative."""
    if status < 0:
        raise error(status)
    return status


def _is_installed(file: str) -> bool:
    for place in _INSTALLED:  # noqa: SIM110  this is fast: a loss may turn a thousand Values into floats
        if place in file:
            return True
    return False


def users_frame() -> tuple[Any, int]:
    """Return the innermost frame of the user's code, and its level for a warning.

    It belongs neither to this package nor to numpy, nor to Python or a package that is installed, unless all do.
    So matplotlib, which turns Values into floats, is not blamed for it, but the line that plots them.
    """
    frame: Any = sys._getframe(1)
    level, found = 1, None
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _PACKAGES:
            if not _is_installed(frame.f_code.co_filename):
                return frame, level
            found = found or (frame, level)
        frame = frame.f_back
        level += frame is not None and "importlib._bootstrap" not in frame.f_code.co_filename  # as warnings count
    return found or (sys._getframe(1), 1)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn about the line of the user's code that is running."""
    import warnings  # here, since most programs are never warned

    warnings.warn(message, category, stacklevel=users_frame()[1])
