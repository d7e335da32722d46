"""A trace: one run of a function that builds an ordinary graph over leaves that stand for its arguments."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import ref

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
_VARARGS = 0x04  # of co_flags


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
                error.args = (f"{text}: {ONE_SAMPLE}",)
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

    The stack tells. A finalizer or a signal handler that happens to run meanwhile is not part of it, nor is what a
    generator does while it is closed.
    """
    error = sys.exc_info()[1]
    closing = error.__traceback__ if isinstance(error, GeneratorExit) else None
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code is not code:
        if _interrupts(frame) or (closing is not None and frame is closing.tb_frame):
            return False
        frame = frame.f_back
    return frame is not None


tracers.append(is_inside)


def _interrupts(frame: Any) -> bool:
    """Tell whether Python called this function between two instructions of another one.

    __del__ is known by its name, or by the class of its argument; a callback of a weak reference by the dead
    reference that it is given, one of the collector by the figures, a signal handler by the frame that it has
    interrupted.
    """
    code = frame.f_code
    given = frame.f_locals
    n = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & _VARARGS)
    for name in code.co_varnames[:n]:
        argument = given.get(name)
        for x in argument if type(argument) is tuple else (argument,):
            finalizer = getattr(getattr(type(x), "__del__", None), "__code__", None)
            if finalizer is code or x is frame.f_back or (isinstance(x, ref) and x() is None):
                return True
            if type(x) is dict and "uncollectable" in x:
                return True
    return bool(code.co_name == "__del__")
