"""What a function sees while it is traced: Values without a number, whose every operation is recorded.

A trace builds an ordinary graph in the arena, over leaves that stand for the arguments. A `TracedValue` depends on
an argument; whatever asks for its number raises `TracingError`. Values that depend on parameters alone are ordinary
ones.
"""

from __future__ import annotations

import linecache
import math
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from . import engine
from ._core import NAMES, OPS, as_number, check, core, ffi, lib
from .engine import Value

_PACKAGE = __name__.partition(".")[0]
_SUM, _DOT = NAMES.index("SUM"), NAMES.index("DOT")


class TracingError(RuntimeError):
    """What a traced function does cannot be recorded."""


class Trace:
    """One run of a function on TracedValues, inside of `with`."""

    _depth = 0  # traces that are going on, in all threads
    _depth_lock = threading.Lock()

    def __init__(self) -> None:
        self.marker = Value(0.0)  # leaves made after it are constants
        self.plain: dict[int, Value] = {}  # ordinary Values that a TracedValue was computed from, by id
        self.constants: dict[float, Value] = {}
        self.outer: Trace | None = None

    def inputs(self, n: int) -> list[TracedValue]:
        """Return new leaves that stand for arguments."""
        handles = ffi.new("int32_t[]", n)
        check(lib.mg_leaves([math.nan] * n, n, handles))
        return [_traced(self, handle, None, None) for handle in ffi.unpack(handles, n)]

    def constant(self, number: float) -> Value:
        """Return the leaf of a number."""
        leaf = self.constants.get(number)
        if leaf is None or number == 0.0:  # 0.0 == -0.0
            leaf = self.constants[number] = Value(number)
        return leaf

    def __enter__(self) -> Trace:
        self.outer = threads.trace
        threads.trace = self
        with Trace._depth_lock:
            Trace._depth += 1
            if Trace._depth == 1:
                _watch()
        return self

    def __exit__(self, *_: object) -> None:
        threads.trace = self.outer
        with Trace._depth_lock:
            Trace._depth -= 1
            if Trace._depth == 0:
                _unwatch()


class _Threads(threading.local):
    trace: Trace | None = None


threads = _Threads()  # .trace: the one that this thread is at


def place(frame: Any = None) -> str:
    """Return file, line and text of the user's code that is running."""
    frame = sys._getframe(1) if frame is None else frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}" + (f": {text}" if text else "")


def refusal(what: str, remedy: str) -> TracingError:
    """Return the error for something in the user's code that asks for a number."""
    return TracingError(
        f"{place()}\n{what} while jit traces the function. A traced Value has no number: the function runs once, "
        f"for all samples, and a program records the one path that it took. {remedy}"
    )


_CHOOSE = "Use relu, maximum or minimum, or mg.where(condition, a, b), instead of a choice in Python."
_NUMBER = (
    "Compute with the Value itself: v.exp() instead of math.exp(v), mg.where(condition, a, b) instead of `if`."
)


class TracedValue(Value):
    """A Value that depends on an argument of the function that is traced."""

    __slots__ = ("_trace",)

    _trace: Trace

    def __repr__(self) -> str:
        return f"TracedValue({self._op or 'argument'!r})"

    @property
    def data(self) -> float:
        """Raise TracingError."""
        raise refusal("The .data of a Value is read", _NUMBER)

    @data.setter
    def data(self, _: Any) -> None:
        raise refusal("The .data of a Value is assigned", _NUMBER)

    @property
    def grad(self) -> float:
        """Raise TracingError."""
        raise refusal("The .grad of a Value is read", "Gradients come from f.backward(...) and f.gradient(...).")

    @grad.setter
    def grad(self, _: Any) -> None:
        raise refusal(
            "The .grad of a Value is assigned", "Gradients come from f.backward(...) and f.gradient(...)."
        )

    def backward(self, seed: float = 1.0) -> None:
        """Raise TracingError."""
        raise refusal("backward() is called", "Return the Value, and call f.backward(...).")

    @property
    def _backward(self) -> Callable[[], None]:
        raise refusal(
            "The _backward of a Value is read", "Gradients come from f.backward(...) and f.gradient(...)."
        )

    @_backward.setter
    def _backward(self, _: Callable[[], None]) -> None:
        raise refusal(
            "A Python closure is assigned as _backward", "A program runs without Python: use ops of Value."
        )

    def __float__(self) -> float:
        raise refusal("A Value is turned into a float", _NUMBER)

    def __int__(self) -> int:
        raise refusal("A Value is turned into an int", _NUMBER)

    def __index__(self) -> int:
        raise refusal("A Value is used as an index", _NUMBER)

    def __bool__(self) -> bool:
        raise refusal("A Value is asked whether it is true", _CHOOSE)

    def __lt__(self, other: Any) -> Any:
        return self.less(other)

    def __le__(self, other: Any) -> Any:
        return self.less_equal(other)

    def __gt__(self, other: Any) -> Any:
        return self.greater(other)

    def __ge__(self, other: Any) -> Any:
        return self.greater_equal(other)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise refusal("A Value is copied or pickled", "Use the Value itself.")

    __copy__ = __deepcopy__ = __reduce_ex__  # type: ignore[assignment]


# ---- recording ---------------------------------------------------------------------------------------------------


def _traced(trace: Trace, handle: int, a: Any, b: Any) -> TracedValue:
    out: TracedValue = core.make(TracedValue.__new__(TracedValue), handle, a, b)
    out._trace = trace
    return out


def _record(op: int, operands: Sequence[Any], a: Any, b: Any, k: float = 0.0) -> TracedValue:
    """Return the node of `op`; nothing is computed, so nothing raises what Python's floats raise."""
    trace = threads.trace
    for x in operands:
        if type(x) is not TracedValue:
            if trace is not None:
                trace.plain[id(x)] = x
        elif x._trace is not trace:
            raise TracingError(
                f"{place()}\nA Value of a traced function is used outside of that trace. It stands for an argument "
                "and has no number: return it from the function instead of keeping it."
            )
    if trace is None:
        raise RuntimeError("nothing is traced")
    handle = lib.mg_restore(op, core.handles(operands), len(operands), k, -1, math.nan, 0.0)
    return _traced(trace, check(handle), a, b)


def _other(self: TracedValue, other: Any) -> Any:
    """Return an operand as a Value, None where it is nothing of the kind."""
    if isinstance(other, Value):
        return other
    number = as_number(other)
    return None if number is None else self._trace.constant(float(number))


def _unary_method(op: int) -> Callable[..., Any]:
    return lambda self: _record(op, (self,), self, None)


def _unary_k_method(op: int, default: float | None) -> Callable[..., Any]:
    def method(self: TracedValue, k: Any = default) -> Any:
        number = as_number(k)
        if number is None:
            raise TypeError(f"{NAMES[op].lower()}(k): k must be a plain number, not {k!r}")
        return _record(op, (self,), self, number, number)

    return method


def _binary_method(op: int, swap: bool = False) -> Callable[..., Any]:
    def method(self: TracedValue, other: Any) -> Any:
        y = _other(self, other)
        if y is None:
            original = getattr(Value, method.__name__)
            return original(self, other)  # arrays of objects, or the error
        a, b = (y, self) if swap else (self, y)
        return _record(op, (a, b), a, b)

    return method


def _install(name: str, method: Callable[..., Any]) -> None:
    method.__name__ = name
    method.__doc__ = "Record the op."
    setattr(TracedValue, name, method)


_named: list[tuple[str, int]] = []  # methods of two operands, the second of which may be traced alone

for _op in range(len(OPS)):
    _name = NAMES[_op].lower()
    _dunder = f"__{_name}__"
    _operator = hasattr(float, _dunder)
    if OPS[_op].takes_k:
        _install(_name, _unary_k_method(_op, None if math.isnan(OPS[_op].k) else OPS[_op].k))
    elif OPS[_op].arity == 1:
        _install(_dunder if _operator else _name, _unary_method(_op))
    elif OPS[_op].arity == 2 and _operator:
        _install(_dunder, _binary_method(_op))
        _install(f"__r{_name}__", _binary_method(_op, swap=True))
    elif OPS[_op].arity == 2:
        _install(_name, _binary_method(_op))
        _named.append((_name, _op))

_POWER = NAMES.index("POWER")


def _pow(self: TracedValue, other: Any) -> Any:
    number = None if isinstance(other, Value) else as_number(other)
    return self.power(other) if number is None else self.pow(number)


_install("__pow__", _pow)
_install("__rpow__", _binary_method(_POWER, swap=True))


# ---- ordinary Values beside traced ones --------------------------------------------------------------------------
# Python gives an operator to the subclass first. Methods such as plain.maximum(traced), and sum and dot, learn of
# traced operands here, for as long as anything is traced.


def _record_list(op: int, a: tuple[Value, ...], b: tuple[Value, ...]) -> Value | None:
    """Return the node of mg.sum or mg.dot, None where no operand is traced."""
    if TracedValue not in {*map(type, a), *map(type, b)}:
        return None
    n = len(a)
    operands = a if op == _SUM else (*b[:n], *a, *b[n:])
    return _record(op, operands, a, b if op == _DOT else None)


def _watching(op: int, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Value, other: Any) -> Any:
        return _record(op, (self, other), self, other) if type(other) is TracedValue else original(self, other)

    return method


_unwatched: dict[str, Any] = {}  # methods of Value itself that _watch has replaced


def _watch() -> None:
    engine._record = _record_list
    for name, op in _named:
        if name in vars(Value):
            _unwatched[name] = vars(Value)[name]
        setattr(Value, name, _watching(op, getattr(Value, name)))


def _unwatch() -> None:
    engine._record = None
    for name, _ in _named:
        if name in _unwatched:
            setattr(Value, name, _unwatched[name])
        else:
            delattr(Value, name)


# ---- after the run -----------------------------------------------------------------------------------------------


def leaves_below(values: Sequence[Value]) -> dict[int, Value]:
    """Return all leaves that ordinary Values were computed from, by handle."""
    seen = set(map(id, values))
    todo = list(values)
    leaves = {}
    while todo:
        value = todo.pop()
        operands = engine._operands(value)
        if not operands:
            leaves[core.handle_of(value)] = value
        for operand in operands:
            if id(operand) not in seen:
                seen.add(id(operand))
                todo.append(operand)
    return leaves


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
