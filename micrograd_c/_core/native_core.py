"""The native core: the hot part of Value as a CPython type, written in C. What is rare stands here, in Python.

Why it exists
    An op of the cffi core is ten steps of Python and one call into C; here it is one call. `a * b` takes a tenth of
    the time, and what a script does with its Values one by one is most of its time.

What it owns
    A Value is the C struct of csrc/value/. It has the handle of its node, and references to the Values that
    the node was computed from (protocol.py tells which). Python's references alone keep these alive, as on the cffi
    core. The nodes are those of the one arena, in the other compiled module: `attach` hands its address over.

Its rules
    1. Names, signatures, docstrings, messages and numbers are those of the cffi core, to the last bit.
    2. C asks the Python functions that `attach` has been given for what is rare: objects that are no plain numbers,
       errors, missing attributes, the slow half of __init__.
    3. Both compiled modules come from the same C code: SOURCES tells, and other pairs are refused.
    4. The type and its tables belong to the main interpreter; others have the cffi core.
    5. Python's collector sees what can stand on a cycle, and nothing else: csrc/value/collector.c proves it.
"""

from __future__ import annotations

import gc
import sys

from ._cffi import ffi, lib
from ._native import *  # noqa: F403 - most functions of the core are in C
from ._native import Node, NoUfunc, add_scalar, attach, before_collection, expect_main, set_docs
from .absent import absent, listing
from .docs import doc, signature
from .errors import NAMES, OPS, check
from .hints import Any
from .ieee import failure
from .numbers import NODES, as_number, from_numpy, no_number, on_scalar, to_float

NAME = "native"
TAKES_FLOATS = False
_THIS = sys.modules[__name__]  # it works on after it was deleted there

expect_main()
check(lib.mg_init())
on_scalar.append(add_scalar)
NODES.append(Node)
names = {op: NAMES[op].lower() for op in range(len(OPS)) if OPS[op].method}
set_docs({name: f"{name}({signature(op)})\n--\n\n{doc(op)}" for op, name in names.items()})


def flush() -> None:
    """Give all dead handles back; here they always are."""


def by_hand_at_once(*_: Any) -> bool:
    """Return False: C has done what can be done at once."""
    return False


def complete(cls: type) -> Any:
    """Return the C type with all that `cls` adds to it."""
    Node.__name__ = cls.__name__  # without its module, as messages have names of classes written in Python
    Node.__array_priority__ = 1000.0  # numpy's scalars and arrays step aside for our operators
    Node.__array_ufunc__ = NoUfunc()  # type: ignore[attr-defined]
    Node.__dir__ = listing({"__array_ufunc__"})  # type: ignore[assignment]
    for name, attribute in vars(cls).items():
        if name not in ("__slots__", "__module__", "__qualname__", "__init__", "__annotations__"):
            setattr(Node, name, attribute)
    engine = int(ffi.cast("uintptr_t", lib.mg_engine_of()))
    init = vars(cls)["__init__"]
    attach(engine, absent, as_number, to_float, from_numpy, _failure, no_number, init, _late)
    return Node


def _failure(status: int, op: int, *operands: Any) -> Any:
    return failure(_THIS, status, op, *operands)


def _late() -> None:
    """Hear that a Value got an attribute when it may have had readers already."""
    if before_collection not in gc.callbacks:
        gc.callbacks.append(before_collection)
