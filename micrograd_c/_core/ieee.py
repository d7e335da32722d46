"""Errors of numbers: Python's, or those of numpy where a number of numpy's is below.

Python raises where 1.0 / 0.0 or exp(1000.0) is computed; numpy's floats give inf or nan, and a RuntimeWarning. An
operation that would raise looks at all that it is computed from. Where one of those numbers came from numpy, it
does what numpy does.
"""

from __future__ import annotations

import math
import sys

from ._cffi import lib
from .errors import LABELS, OPS, error, no_node, warn
from .hints import Any
from .numbers import from_numpy

_FLAGS = {"divide": 1, "over": 2, "invalid": 8}  # as numpy.seterrcall() has them


def failure(core: Any, status: int, op: int, *operands: Any) -> Any:
    """Return the exception that `status` stands for, or the Value that there is instead of it.

    That is what a trace records, or the node that numpy's rules give.

    Parameters
    ----------
    core : module
        The core of Value.
    operands : Value or float
        What `op` was applied to: x; x and k; or x and y, of which one may be a number.
    """
    if status == lib.MG_EHANDLE and OPS[op].method:
        for x in operands:
            if hasattr(type(x), "_reflected"):  # jit traces `x`, which records the op
                return x._reflected(op, operands)
    if status == lib.MG_EHANDLE and operands and not any(isinstance(x, core.Node) for x in operands):
        return no_node(operands[0])
    numbers = [x.data if isinstance(x, core.Node) else float(x) for x in operands]
    exception = error(status, op, *numbers)
    if status not in (lib.MG_EZERODIV, lib.MG_EDOMAIN, lib.MG_EOVERFLOW) or not _reads_numpy(core, operands):
        return exception
    x, y = (*numbers, 0.0)[:2]
    k = y if OPS[op].takes_k else 0.0
    z = lib.mg_value(op, x, y, k)
    _warn(status, op, numbers, z)
    parts = [
        x if isinstance(x, core.Node) or (OPS[op].takes_k and i) else core.leaves([numbers[i]], [x], True)[0]
        for i, x in enumerate(operands)
    ]
    handles = core.handles(parts[: OPS[op].arity])
    a, b = (*parts, None)[:2]
    return core.own(core.new(), a, b, lib.mg_restore, op, handles, len(handles), k, -1, z, 0.0)


def _reads_numpy(core: Any, operands: Any) -> bool:
    """Tell whether one of the operands, or a number that they were computed from, is numpy's."""
    if "numpy" not in sys.modules:
        return False
    todo = list(operands)
    seen = set()
    while todo:
        x = todo.pop()
        if not isinstance(x, core.Node):
            if x is ... or from_numpy(x):
                return True
        elif id(x) not in seen:
            seen.add(id(x))
            for part in core.operands(x):
                todo += part if isinstance(part, (list, tuple)) else (part,)
    return False


def _warn(status: int, op: int, numbers: list[float], z: float) -> None:
    """Do what numpy.errstate says."""
    if z != z:
        kind, words = "invalid", "invalid value"
        exact = any(x != x for x in numbers)
    else:
        kind, words = ("over", "overflow") if status == lib.MG_EOVERFLOW else ("divide", "divide by zero")
        exact = not all(map(math.isfinite, numbers))
    numpy = sys.modules["numpy"]
    todo = numpy.geterr()[kind]
    if exact or todo == "ignore":
        return
    message = f"{words} encountered in {LABELS[op].removesuffix('{}')}"
    if todo == "raise":
        raise FloatingPointError(message)
    if todo == "call":
        numpy.geterrcall()(words, _FLAGS[kind])
    else:
        warn(message, RuntimeWarning)
