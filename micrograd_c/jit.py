"""Programs: a function of scalars, traced once, runs natively over whole batches.

>>> import micrograd_c as mg
>>> a = mg.Value(3.0)
>>> @mg.jit
... def f(x):
...     return a * x * x
>>> f(2.0)
12.0
>>> f.gradient(2.0)
12.0
>>> f.backward(2.0), a.grad
(12.0, 4.0)
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from collections.abc import Callable
from functools import partial
from inspect import signature
from operator import index
from typing import Any

from ._core import brief, check, lib
from .program.arguments import GUESS
from .program.function import Function
from .program.program import Program
from .program.traced import TracingError

__all__ = ["Function", "Program", "TracingError", "jit", "set_threads"]


def jit(function: Callable[..., Any] | None = None, *, in_axes: Any = GUESS, static_argnames: Any = None) -> Any:
    """Let a function of scalars be traced once and then run natively.

    Parameters
    ----------
    function : callable
        Plain scalar code for one sample. It is called with a Value for each number and each batch of shape (N,),
        and with a list of k Values for each batch of shape (N, k). It returns a Value, or tuples, lists and dicts
        of Values. Methods are bound, those of a class too: write `@mg.jit` above `@classmethod`. Without it
        `jit` returns a decorator: `@mg.jit(in_axes=None)`.
    in_axes : int, None, or a tuple of them, one for each argument; optional
        As in jax.vmap: the axis along which the samples of an argument stand, or None for what is the same for all
        samples, a number or an array of shape (k,), for which the function gets a list of k Values. Without it, or
        for arguments given by name beside a tuple, the shape tells: an array is a batch. Of a static argument it is
        not read.
    static_argnames : str or sequence of str, optional
        Arguments that are no data but choose what is computed, by their names in the signature of `function`. The
        function gets them as they are, so Python may branch on them. For each new value it is traced again;
        they must be hashable, and have no derivative. Arguments that are a bool, a str or None always are static.

    Returns
    -------
    Function
        Called like `function`, with numbers and batches.

    Raises
    ------
    TypeError
        What is to be traced cannot be called, or an option has a wrong type.
    ValueError
        `function` has no argument of a name in `static_argnames`.
    """
    if function is None:
        return partial(jit, in_axes=in_axes, static_argnames=static_argnames)
    if isinstance(function, Function):
        if in_axes == GUESS and static_argnames is None:
            return function
        in_axes = function._in_axes if in_axes == GUESS else in_axes
        static_argnames = function._static[1] if static_argnames is None else static_argnames
        function = function._given()
    return Function(function, in_axes, () if static_argnames is None else static_argnames)


def set_threads(n: int) -> None:
    """Let programs use so many threads, the caller's included.

    Parameters
    ----------
    n : int
        1 or more. At first it is MICROGRAD_C_THREADS, or else the number of cores that the process may use. Results
        are the same for any number.
    """
    try:
        count = index(None if isinstance(n, bool) else n)
    except TypeError:
        raise TypeError(f"set_threads(n): n must be an int, not {type(n).__name__}") from None
    if count < 1:
        raise ValueError(f"set_threads({brief(n)}): n must be 1 or more")
    check(lib.mg_set_threads(min(count, 1 << 16)))


def _default_threads() -> int:
    if text := os.environ.get("MICROGRAD_C_THREADS"):
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"MICROGRAD_C_THREADS={text}: it must be a whole number, 1 or more")
        return int(text)
    on_linux = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if on_linux else os.cpu_count() or 1


set_threads(_default_threads())


class _Module(types.ModuleType):
    """Whichever way `micrograd_c.jit` is imported, function or module, it can be called."""

    __call__ = staticmethod(jit)
    __signature__ = signature(jit)

    def __reduce__(self) -> Any:
        return importlib.import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Module
