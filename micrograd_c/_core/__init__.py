"""The core of Value: what has to be fast. Everything above it is ordinary Python and knows no core.

There are two: the native core is a C type, for CPython; the cffi core is Python and runs everywhere. Both have the
functions of protocol.py, and cffi_core.py tells what each of them does. MICROGRAD_C_CORE=native or =cffi in the
environment chooses one.
"""

from __future__ import annotations

import _thread
import os
import sys

from .hints import TYPE_CHECKING, Any, Iterable

# Interpreters with a GIL of their own have no daemon threads. Python would refuse the C code there, and may die of
# the attempt (3.12.1, by cffi's own module).
if not getattr(_thread, "daemon_threads_allowed", lambda: True)():
    raise ImportError(
        "micrograd-c cannot be imported in an interpreter with a GIL of its own, since its graph is one for the "
        "whole process: make one that shares the GIL, interpreters.create('legacy')"
    )
try:
    from ._cffi import ffi, lib
except ModuleNotFoundError as _error:
    if _error.name != f"{__name__}._cffi":
        raise
    _package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    _remedy = (
        f"run `python -m pip install -e .` in {os.path.dirname(_package)}, or, if micrograd-c is installed, start "
        "Python in another folder"
    )
    if not os.path.isdir(_package):  # in a zip
        _remedy = "Python imports compiled modules from folders alone: unpack the archive, or install micrograd-c"
    raise ImportError(f"the C code of {_package} is not compiled for this Python: {_remedy}") from None
from .errors import DOMAINS, LABELS, MESSAGES, NAMES, NARY, OPS, brief, check, warn
from .numbers import as_number, from_numpy, to_float

if TYPE_CHECKING:
    from . import cffi_core, native_core
    from .operators import Node as Node
    from .protocol import Core

    _cores: tuple[Core, ...] = cffi_core, native_core  # mypy compares them


def _choose() -> Core:
    wanted = os.environ.get("MICROGRAD_C_CORE", "")
    if wanted not in ("", "native", "cffi"):
        raise ImportError(f"MICROGRAD_C_CORE={wanted}: there is no such core; leave it out, or set native or cffi")
    if wanted != "cffi":
        try:
            from . import native_core

            if native_core.SOURCES == lib.MG_SOURCES:
                return native_core
        except ImportError as error:
            if wanted == "native":
                why = "PyPy runs the cffi core only" if sys.implementation.name == "pypy" else str(error)
                raise ImportError(f"MICROGRAD_C_CORE=native: the native core is not there: {why}") from error
        else:
            raise ImportError("micrograd-c's two compiled modules come from different C code: compile both again")
    from . import cffi_core

    return cffi_core


core = _choose()
if not TYPE_CHECKING:
    Node = core.Node


class Held:
    """Values and their handles, for C: the handles stay valid, since nobody can take the Values away."""

    __slots__ = ("_consecutive", "handles", "values")

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = tuple(values)
        self.handles = ffi.new("int32_t[]", core.handles(self.values))
        self._consecutive = ffi.new("int8_t *")  # noted by C

    def zero_grad(self) -> None:
        """Set all gradients to 0."""
        status = lib.mg_set_grads(self.handles, len(self.values), 0.0, self._consecutive)
        if status < 0:
            check(status)
