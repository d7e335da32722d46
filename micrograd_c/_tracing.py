"""What a function sees while it is traced: Values without a number, whose every operation is recorded.

A trace builds an ordinary graph in the arena, over leaves that stand for the arguments. A `TracedValue` depends on
an argument. It has no node of its own, so nothing can take a number from it, and knows its trace: no thread, and no
other Value, knows that something is traced. Values that depend on parameters alone are ordinary ones.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import ref

from ._copying import restore
from ._core import OPS, as_number, core
from ._core.methods import install
from ._core.numbers import is_array
from ._core.walk import below, operands
from .engine import Value

_PACKAGE = __name__.partition(".")[0]


class TracingError(RuntimeError):
    """What a traced function does cannot be recorded."""


class Trace:
    """One run of a function on TracedValues."""

    def __init__(self) -> None:
        self.marker = Value(0.0)  # leaves made after it are constants
        self.plain: dict[int, Value] = {}  # ordinary Values that a TracedValue was computed from, by id
        self.constants: dict[float, Value] = {}
        self.over = False
        _open.add(ref(self, _open.discard))

    def inputs(self, n: int) -> list[TracedValue]:
        """Return new leaves that stand for arguments."""
        numbers = [math.nan] * n
        return [_traced(self, leaf) for leaf in core.leaves(numbers, numbers)]

    def constant(self, number: float) -> Value:
        """Return the leaf of a number."""
        leaf = self.constants.get(number)
        if leaf is None or number == 0.0:  # 0.0 == -0.0
            leaf = self.constants[number] = Value(number)
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
        """Return the node of `op` over a and b (see core.Node); nothing is computed, so nothing overflows."""
        a, b = (tuple(map(self.node_of, x)) if type(x) is tuple else self.node_of(x) for x in (a, b))
        return _traced(self, restore(Value.__new__(Value), op, a, b, k, -1, math.nan, 0.0))

    def run(self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function; is_inside() knows a trace by this frame."""
        return function(*args, **kwargs)

    def close(self) -> None:
        """Let nothing more be recorded."""
        self.over = True
        _open.discard(ref(self))


# Traces that are going on, in any thread. One that an interrupt has left in here costs time until it dies, no more.
_open: set[ref[Trace]] = set()


def is_inside(args: Iterable[Any] = ()) -> bool:
    """Tell whether a call is part of a trace: an argument is traced, or a function that is traced made the call.

    The stack tells. A finalizer or a signal handler that happens to run meanwhile is not part of it.
    """
    if not _open:
        return False
    if any(type(x) is TracedValue or (type(x) in (list, tuple) and TracedValue in map(type, x)) for x in args):
        return True
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code is not Trace.run.__code__:
        if _interrupts(frame):
            return False
        frame = frame.f_back
    return frame is not None


def _interrupts(frame: Any) -> bool:
    """Tell whether Python called this function between two instructions of another one.

    __del__ is known by the class of its first argument, a callback of a weak reference by the dead reference that
    it is given, a signal handler by the frame that it has interrupted.
    """
    code = frame.f_code
    given = frame.f_locals
    for name in code.co_varnames[: code.co_argcount + 1]:
        argument = given.get(name)
        for x in argument if type(argument) is tuple else (argument,):
            finalizer = getattr(getattr(type(x), "__del__", None), "__code__", None)
            if finalizer is code or x is frame.f_back or (isinstance(x, ref) and x() is None):
                return True
    return False


def place(frame: Any = None) -> str:
    """Return file, line and text of the user's code that is running."""
    frame = sys._getframe(1) if frame is None else frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}" + (f": {text}" if text else "")


def refusal(what: str, remedy: str) -> TracingError:
    """Return the error for something in the user's code that cannot be recorded."""
    return TracingError(
        f"{place()}\n{what} while jit traces the function. A traced Value has no number: the function runs once, "
        f"for all samples, and a program records the one path that it took. {remedy}"
    )


def outside() -> TracingError:
    """Return the error for a TracedValue where its trace is over, or another one is going on."""
    return TracingError(
        f"{place()}\nA Value of a traced function is used outside of that trace. It stands for an argument "
        "and has no number: return it from the function instead of keeping it."
    )


_CHOOSE = "Use relu, maximum or minimum, or mg.where(condition, a, b), instead of a choice in Python."
_NUMBER = (
    "Compute with the Value itself: v.exp() instead of math.exp(v), mg.where(condition, a, b) instead of `if`."
)
_OPS = (
    "Write the node with ops of Value (+, *, exp, maximum, mg.where, ...), which know their derivatives at each "
    "sample: what is made by hand would stay what it was in one run. Or call the function without jit."
)
_GRADIENT = "Gradients come from f.backward(...) and f.gradient(...)."
_GRAPH = "The graph of a traced function is its program: print(f.program(...))."


class TracedValue(Value):
    """A Value that depends on an argument of the function that is traced.

    It owns no node of the arena: what does not know it finds a Value without one, and refuses it.
    """

    __slots__ = ("_node", "_trace")

    _h, _a, _b = -1, None, None
    _trace: Trace
    _node: Value  # records how it was computed; its data mean nothing

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a Value: type(x)(3.0) is a constant."""
        return Value(*args, **kwargs) if args or kwargs else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        raise self._refused("__init__ of a Value is called again", "Make a new Value.")

    def _refused(self, what: str, remedy: str) -> TracingError:
        return outside() if self._trace.over else refusal(what, remedy)

    def _put_into_node(self) -> None:
        """Raise TracingError."""
        raise self._refused(
            "A Value is data, operand or local derivative of a node made by hand, Value(data, (a, b), (da, db)),",
            _OPS,
        )

    def __repr__(self) -> str:
        return f"TracedValue({self._op or 'argument'!r})"

    @property
    def data(self) -> float:
        """Raise TracingError."""
        raise self._refused("The .data of a Value is read", _NUMBER)

    @data.setter
    def data(self, _: Any) -> None:
        raise self._refused("The .data of a Value is assigned", _NUMBER)

    @property
    def grad(self) -> float:
        """Raise TracingError."""
        raise self._refused("The .grad of a Value is read", _GRADIENT)

    @grad.setter
    def grad(self, _: Any) -> None:
        raise self._refused("The .grad of a Value is assigned", _GRADIENT)

    def backward(self, seed: float = 1.0) -> None:
        """Raise TracingError."""
        raise self._refused("backward() is called", "Return the Value, and call f.backward(...).")

    @property
    def _backward(self) -> Callable[[], None]:
        raise self._refused("The _backward of a Value is read", _GRADIENT)

    @_backward.setter
    def _backward(self, _: Callable[[], None]) -> None:
        raise self._refused(
            "A Python closure is assigned as _backward", "A program runs without Python: use ops of Value."
        )

    @property
    def _prev(self) -> set[Value]:
        raise self._refused("The _prev of a Value is read", _GRAPH)

    @_prev.setter
    def _prev(self, _: Any) -> None:
        raise self._refused("The _prev of a Value is assigned", _GRAPH)

    @property
    def _children(self) -> tuple[Value, ...]:
        raise self._refused("The _children of a Value are read", _GRAPH)

    @property
    def _local_grads(self) -> tuple[Any, ...]:
        raise self._refused("The _local_grads of a Value are read", _GRAPH)

    @property
    def _op(self) -> str:
        return core.peek(self, "_op") or self._node._op

    @_op.setter
    def _op(self, label: str) -> None:
        core.put(self, "_op", label)

    def __float__(self) -> float:
        raise self._refused("A Value is turned into a float", _NUMBER)

    def __int__(self) -> int:
        raise self._refused("A Value is turned into an int", _NUMBER)

    def __index__(self) -> int:
        raise self._refused("A Value is used as an index", _NUMBER)

    def __round__(self, ndigits: int | None = None) -> Any:
        raise self._refused("A Value is rounded", _NUMBER)

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._refused("The number of a Value is written into a text", "Print what the program returns.")
        return repr(self)

    def __bool__(self) -> bool:
        raise self._refused("A Value is asked whether it is true", _CHOOSE)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Value) or as_number(other) is not None or is_array(other):
            raise self._refused(
                "A Value is compared by == or !=",
                "Use x.equal(0) or x.not_equal(0), Values that are 1 or 0, and mg.where(x.equal(0), a, b) instead "
                "of `if`. `is` tells whether two names stand for the same Value.",
            )
        return NotImplemented

    __hash__ = Value.__hash__

    def __lt__(self, other: Any) -> Any:
        return self.less(other)

    def __le__(self, other: Any) -> Any:
        return self.less_equal(other)

    def __gt__(self, other: Any) -> Any:
        return self.greater(other)

    def __ge__(self, other: Any) -> Any:
        return self.greater_equal(other)

    def __reduce_ex__(self, protocol: Any = None) -> Any:
        raise self._refused("A Value is copied or pickled", "Use the Value itself.")

    __copy__ = __deepcopy__ = __reduce_ex__  # type: ignore[assignment]

    def _reflected(self, op: int, other: Any) -> TracedValue:
        """Record op(other, self): a core asks for it where `other` is an ordinary Value."""
        return self._trace.record(op, other, self)


# ---- recording ---------------------------------------------------------------------------------------------------


def _traced(trace: Trace, node: Value) -> TracedValue:
    out: TracedValue = TracedValue.__new__(TracedValue)
    out._trace = trace
    out._node = node
    return out


def _apply(op: int, otherwise: Any) -> Callable[..., Any]:
    """Return the function that records an op, see _core/methods.py."""

    def unary(self: TracedValue, /) -> TracedValue:
        return self._trace.record(op, self)

    def unary_k(self: TracedValue, k: float) -> TracedValue:
        return self._trace.record(op, self, k, k)

    def binary(self: Any, value: Any, /) -> Any:
        if not isinstance(value, Value):
            return otherwise(self, value)
        return (self if isinstance(self, TracedValue) else value)._trace.record(op, self, value)

    return unary_k if OPS[op].takes_k else unary if OPS[op].arity == 1 else binary


def _apply_number(op: int, self: TracedValue, given: Any, number: float, left: bool) -> TracedValue:
    """Record an op of which one operand is a number."""
    constant = self._trace.constant(float(number))
    return self._trace.record(op, constant, self) if left else self._trace.record(op, self, constant)


install(TracedValue, Value, _apply, _apply_number)


# ---- after the run -----------------------------------------------------------------------------------------------


def leaves_below(values: Sequence[Value]) -> dict[int, Value]:
    """Return all leaves that ordinary Values were computed from, by handle."""
    return {core.handle_of(value): value for value in below(values).values() if not operands(value)}


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
