"""A trace: one run of a function that builds an ordinary graph over leaves that stand for its arguments."""

from __future__ import annotations

import gc
import math
import sys
from _signal import NSIG, getsignal  # type: ignore[import-not-found]
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from opcode import opmap
from types import FunctionType, MethodType
from typing import Any
from weakref import finalize, ref

from .._copying import restore
from .._core import core, lib, numbers
from .._core.walk import below
from .._operands import ONE_SAMPLE, as_values, tracers
from .._operands import open_traces as _open
from ..engine import Value
from .traced import TracedValue, follow_value, outside, refusal

_restore = lib.mg_restore
ROW = "of a batch of shape (N, k) the function gets lists of k Values: x[0] is one, X[:, 0] a batch of shape (N,)"
_OF_A_LIST = "'{}'", " concatenate {} ", " not {}."  # as Python says it
# What is written instead of operators that Values do not have.
_OPERATORS = {
    "&": "a * b of conditions",
    "|": "a.maximum(b) of conditions",
    "~": "1 - a of a condition",
    "//": "(x / y).floor()",
    "%": "x - y * (x / y).floor()",
}
_GENERATOR = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR  # of co_flags
_FINALIZE = finalize.__call__.__code__
_DROP = "POP_TOP POP_EXCEPT END_FOR RETURN_VALUE RETURN_CONST STORE_GLOBAL DELETE_GLOBAL STORE_DEREF DELETE_DEREF"
_FAST = "STORE_FAST DELETE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST"
_OTHER = "RESUME JUMP_ABSOLUTE JUMP_BACKWARD JUMP_FORWARD BUILD_LIST BUILD_TUPLE MAKE_FUNCTION"
# Instructions where only objects end, a collection begins or a signal is handled.
_CALLS_NOTHING = {opmap[name] for name in f"{_DROP} {_FAST} {_OTHER}".split() if name in opmap}


class Trace:
    """One run of a function on TracedValues."""

    def __init__(self) -> None:
        self.marker: Value = Value(0.0)  # leaves made after it are constants
        self.plain: dict[int, Value] = {}  # ordinary Values that a TracedValue was computed from, by id
        self.constants: dict[float, Value] = {}
        self.new: TracedValue | None = None  # what a call of Value has made, until its __init__ runs
        self.over: bool = False
        follow_value()
        _open.add(ref(self, _open.discard))

    def inputs(self, n: int) -> list[TracedValue]:
        """Return new leaves that stand for arguments."""
        numbers = [math.nan] * n
        return [self.traced(leaf) for leaf in core.leaves(numbers, numbers)]

    def traced(self, node: Value) -> TracedValue:
        """Return the TracedValue that `node` records."""
        out: TracedValue = Value.__new__(TracedValue)
        out._trace = self
        out._node = node
        return out

    def constant(self, number: float) -> Value:
        """Return the leaf of a number."""
        leaf = self.constants.get(number)
        if leaf is None or number == 0.0:  # 0.0 == -0.0
            leaf = self.constants[number] = as_values((number,))[0]
        return leaf

    def node_of(self, x: Any) -> Any:
        """Return the ordinary Value that stands for an operand; numbers and None are returned as they are."""
        if type(x) is TracedValue:
            if x._trace is not self or self.over:
                raise outside()
            return x._node
        if isinstance(x, Value):
            self.plain[id(x)] = x
        return x

    def record(self, op: int, a: Any, b: Any = None, k: float | None = None) -> TracedValue:
        """Return the node of `op` over the parts a and b; nothing is computed, so nothing overflows."""
        node_of, new = self.node_of, core.new()
        if type(a) is tuple:
            a, b = tuple(map(node_of, a)), tuple(map(node_of, b)) if type(b) is tuple else node_of(b)
            return self.traced(restore(new, op, a, b, -1, math.nan, 0.0))
        a = node_of(a)
        operands: tuple[Any, ...] = (a,)
        if b is not None and k is None:
            b = node_of(b)
            operands = (a, b)
        core.own(new, a, b, _restore, op, core.handles(operands), len(operands), k or 0.0, -1, math.nan, 0.0)
        return self.traced(new)

    def run(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function; is_inside() knows a trace by this frame."""
        try:
            return function(*args, **kwargs)
        except (TypeError, AttributeError) as error:
            text = str(error) if type(error) in (TypeError, AttributeError) else ""  # else one of the user's
            if "TracedValue" in text and any(word in text for word in ("iterable", "subscriptable", "len()")):
                error.args = (f"{text}: {ONE_SAMPLE}; of a batch, f.backward(X, reduce='mean') is the mean",)
            elif "'TracedValue'" in text and (x := next((x for x in _OPERATORS if f" {x}: " in text), "")):
                error.args = (f"{text}: write {_OPERATORS[x]}",)
            elif text := meets_a_list(error, [x for x in (*args, *kwargs.values()) if type(x) is list]):
                error.args = (f"{text}: {ROW}",)
            raise

    def values_below(self) -> dict[int, Value]:
        """Return all ordinary Values that TracedValues were computed from, by handle."""
        return {core.handle_of(value): value for value in below(list(self.plain.values())).values()}

    def close(self) -> None:
        """Let nothing more be recorded."""
        self.over = True
        _open.discard(ref(self))

    @staticmethod
    def ended(label: str) -> TracedValue:
        """Return a TracedValue whose trace is over: that of a pickle."""
        trace = Trace()
        (out,) = trace.inputs(1)
        core.put(out, "_op", label)
        trace.close()
        return out


def is_inside(args: Iterable[Any] = ()) -> bool:
    """Tell whether a call is part of a trace: an argument is traced, or a function that is traced made the call."""
    if not _open:
        return False
    if any(type(x) is TracedValue or (type(x) in (list, tuple) and TracedValue in map(type, x)) for x in args):
        return True
    return runs(Trace.run.__code__)


def meets_a_list(error: Exception, args: Iterable[Any]) -> str:
    """Return what Python, or an operator of ours, says of a list that is one of these arguments; '': of none."""
    text = str(error) if type(error) in (TypeError, AttributeError) else ""  # else one of the user's
    lists = [x for x in args if isinstance(x, (list, tuple))]
    at: Any = error.__traceback__
    while at.tb_next is not None:
        at = at.tb_next
    if at.tb_frame.f_globals is vars(numbers):
        known = at.tb_frame.f_locals.values()
        return text.rpartition(": ")[0] if any(x is y for x in known for y in lists) else ""
    names = {type(x).__name__ for x in lists}
    return text if any(x.format(name) in f"{text}." for name in names for x in _OF_A_LIST) else ""


def refuse_inside(what: str) -> None:
    """Raise TracingError for a call that is part of a trace and no program would repeat."""
    if is_inside():
        remedy = f"No program repeats {what}: call it outside of the function, where you call f.backward(...)."
        raise refusal(f"{what} is called", remedy)


def runs(code: Any) -> bool:
    """Tell whether a call comes from a function of this code, or from what that called.

    The stack tells. What Python calls by itself meanwhile, as a finalizer or a signal handler, is not part of it.
    """
    frame: Any = sys._getframe(1)
    between = []
    while frame is not None and frame.f_code is not code:
        between.append(frame)
        frame = frame.f_back
    if frame is None:
        return False
    closed, registered = _closed_generators(), _registered()
    return not any(f in closed or _interrupts(f, registered) for f in between)


tracers.append(is_inside)


def _interrupts(frame: Any, registered: set[Any]) -> bool:
    """Tell whether Python called this function between two instructions of another one.

    1. An instruction that calls nothing was interrupted, whatever function runs then.
    2. Any other one may make an ordinary call. Known there is what only Python calls: __del__ where the caller does
       not name it; and finalizers of weakref, signal handlers and callbacks of the collector, by what Python gives
       them. No other function's arguments matter, and its f_locals are not read: that would keep them alive.
    3. All else is an ordinary call, also where nobody can know: hidden from a trace it would give wrong gradients.
    """
    code, caller = frame.f_code, frame.f_back
    at = caller.f_lasti
    if at < 0 or caller.f_code.co_code[at] in _CALLS_NOTHING:
        return True
    if code.co_name == "__del__":
        return "__del__" not in caller.f_code.co_names
    if code is _FINALIZE:
        return frame.f_locals["_"] is not None  # the dead reference
    if code not in registered:
        return False
    given = [x for y in frame.f_locals.values() for x in (y if type(y) is tuple else (y,))]
    return any(x is caller or (type(x) is dict and "uncollectable" in x) for x in given)


def _registered() -> set[Any]:
    """Return the codes of the signal handlers and of the callbacks of the collector."""
    functions = [*getattr(gc, "callbacks", ()), *map(getsignal, range(1, NSIG))]  # PyPy has none
    return {_code_of(f) for f in functions if callable(f)}


def _code_of(function: Any) -> Any:
    while type(function) is partial:
        function = function.func
    if type(function) is not FunctionType and type(function) is not MethodType:
        function = type(function).__call__
    return getattr(function, "__code__", None)


def _closed_generators() -> list[Any]:
    """Return the frames of the generators that are being closed: GeneratorExit was raised where they yield."""
    error, frames, seen = sys.exc_info()[1], [], set()
    while error is not None and id(error) not in seen:  # a user may have made it its own context
        seen.add(id(error))
        tb = error.__traceback__
        if type(error) is GeneratorExit and tb is not None and tb.tb_next is None:
            code = tb.tb_frame.f_code
            if code.co_flags & _GENERATOR and code.co_code[tb.tb_lasti] != opmap["RAISE_VARARGS"]:
                frames.append(tb.tb_frame)
        error = error.__context__
    return frames
