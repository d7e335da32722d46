"""What a function sees while it is traced: Values without a number, whose every operation is recorded.

A `TracedValue` depends on an argument. It has no node of its own, so nothing can take a number from it, and knows
its trace: no thread, and no other Value, knows that something is traced. Values that depend on parameters alone are
ordinary ones.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

from .._core import NAMES, OPS, as_number, core
from .._core.errors import users_frame
from .._core.methods import install
from .._core.numbers import is_array
from .._operands import AT_FIRST, COMES_SECOND, INSTEAD, given_by_hand, made_of_others
from ..engine import Value, dot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .trace import Trace

_CHOOSE = (
    "Use relu, maximum or minimum, or mg.where(condition, a, b), instead of a choice in Python. "
    "Of conditions a * b stands for `a and b`, a.maximum(b) for `a or b`, and 1 - a for `not a`."
)
_NUMBER = (
    "Compute with the Value itself: v.exp() instead of math.exp(v), mg.where(condition, a, b) instead of `if`."
)
_STATIC = (
    "Where an argument chooses what is computed, as n in range(n), write mg.jit(f, static_argnames='n'); "
    "x.floor() is a whole number."
)
_OPS = (
    "Arguments are Values already: take x itself instead of Value(x). "
    "Write the node with ops of Value (+, *, exp, maximum, mg.where, ...), which know their derivatives at each "
    "sample: what is made by hand would stay what it was in one run. Or call the function without jit. "
    "Value(data, (a, b), (da, db)) is recorded, but not of a subclass, if data depends on an argument, and all "
    "derivatives are Values."
)
_GRADIENT = "Gradients come from f.backward(...) and f.gradient(...)."
_GRAPH = "The graph of a traced function is its program: print(f.program(...))."


class TracingError(RuntimeError):
    """What a traced function does cannot be recorded."""


def here() -> str:
    """Return file, line and text of the user's code that is running."""
    frame, _ = users_frame()
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


def _method(what: str, remedy: str) -> Any:
    """Return a method that raises TracingError."""

    def refused(self: TracedValue, *_: Any, **__: Any) -> Any:
        raise self._refused(what, remedy)

    return refused


def _attribute(what: str, remedy: str, instead: str = "") -> Any:
    """Return a property that raises TracingError; `instead`: the remedy where a closure is assigned."""
    assigned = ("A Python closure is assigned as _backward", instead) if instead else (f"{what} assigned", remedy)
    return property(_method(f"{what} read", remedy), _method(*assigned))


class TracedValue(Value):
    """A Value that depends on an argument of the function that is traced.

    It owns no node of the arena: what does not know it finds a Value without one, and refuses it.
    """

    __slots__ = ("_node", "_trace") if core.NAME == "native" else ()  # see _begin

    _mg_h, _mg_a, _mg_b = -1, None, None
    _trace: Trace
    _node: Value  # records how it was computed; its data mean nothing

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return a Value: type(x)(3.0) is a constant."""
        return Value(*args, **kwargs) if args or kwargs else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        if self._trace.new is self:  # by Value(...)
            self._trace.new = None
            return
        raise self._refused("__init__ of a Value is called again", "Make a new Value.")

    def _refused(self, what: str, remedy: str) -> TracingError:
        return outside() if self._trace.over else refusal(what, remedy)

    def _by_hand(self, args: Any, kwargs: Any) -> TracedValue:
        """Record Value(*args, **kwargs), whose data is self: the native core asks for it."""
        kwargs = {**(kwargs or {})}
        if not args:
            del kwargs["data"]
        return self._made_by_hand(*args[1:], **kwargs)

    def _made_by_hand(
        self,
        _children: Any = (),
        _op: Any = "",
        name: str = "",
        label: str = "",
        *,
        children: Any = (),
        local_grads: Any = None,
    ) -> TracedValue:
        """Record Value(self, children, local_grads): the value of self with these local derivatives."""
        operands, slopes, _ = given_by_hand(_children, _op, children, local_grads)
        if not operands or slopes is None or not all(isinstance(x, Value) for x in slopes):
            self._put_into_node()
        trace = self._trace
        # Numbers to the first order. By -0.0 derive.c tells them from detach(): they are derived again.
        detached = [trace.record(INSTEAD, x, trace.constant(-0.0)) for x in slopes or ()]
        out = trace.record(INSTEAD, self, dot(detached, operands))
        if name or label:
            out.name = name or label
        trace.new = out
        return out

    def _begin(self, value: Any, *args: Any, **kwargs: Any) -> None:
        """Let a new Value, whose __init__ runs, become the record of a node made by hand.

        On the native core its __new__ has called _by_hand before.
        """
        if core.NAME == "native" or type(value) is not Value or getattr(value, "_mg_h", -1) >= 0:
            self._put_into_node()
        out = self._made_by_hand(*args, **kwargs)
        self._trace.new = None  # its __init__ runs already
        value.__class__ = TracedValue
        value.__dict__.update(out.__dict__)

    def detach(self) -> Value:
        """Record the value of self, without a gradient."""
        return self._trace.record(INSTEAD, self, self._trace.constant(0.0))

    def _put_into_node(self) -> None:
        """Raise TracingError."""
        raise self._refused(
            "A Value is given to Value(data), or to a node made by hand, Value(data, (a, b), (da, db)),",
            _OPS,
        )

    def __repr__(self) -> str:
        return f"TracedValue({self._own_label() or 'argument'!r})"

    data = _attribute("The .data of a Value is", _NUMBER)
    grad = _attribute("The .grad of a Value is", _GRADIENT)
    _prev = _attribute("The _prev of a Value is", _GRAPH)
    _children = _attribute("The _children of a Value are", _GRAPH)
    _local_grads = _attribute("The _local_grads of a Value are", _GRAPH)
    _backward = _attribute(
        "The _backward of a Value is", _GRADIENT, "A program runs without Python: use ops of Value."
    )

    def _own_label(self) -> str:
        return core.peek(self, "_op") or self._node._op

    @property
    def _op(self) -> str:
        if self._trace.over:
            raise outside()
        return self._own_label()

    @_op.setter
    def _op(self, label: str) -> None:
        core.put(self, "_op", label)

    _below: Any = _method("The graph below a Value is asked for", _GRAPH)
    backward: Any = _method("backward() is called", "Return the Value, and call f.backward(...).")
    __float__: Any = _method("A Value is turned into a float", _NUMBER)
    __int__: Any = _method("A Value is turned into an int", _STATIC)
    __index__: Any = _method("A Value is used as an index, or counted with,", _STATIC)
    __floor__: Any = _method("math.floor() of a Value is taken", "Write x.floor().")
    __ceil__: Any = _method("math.ceil() of a Value is taken", "Write x.ceil().")
    __trunc__: Any = _method("math.trunc() of a Value is taken", "Write mg.where(x.less(0), x.ceil(), x.floor()).")
    __round__: Any = _method(
        "A Value is rounded", "Write (x + 0.5).floor(), or (x * 100 + 0.5).floor() / 100 for two digits."
    )
    __bool__: Any = _method("A Value is asked whether it is true", _CHOOSE)

    def __copy__(self, *_: Any) -> TracedValue:
        """Return itself where its trace is over: a network that keeps one can be copied."""
        if not self._trace.over:
            raise self._refused("A Value is copied or pickled", "Use the Value itself.")
        return self

    __deepcopy__ = __copy__

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._trace.ended, (self.__copy__()._own_label(),)

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._refused("The number of a Value is written into a text", "Print what the program returns.")
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Value) or as_number(other) is not None or is_array(other):
            raise self._refused(
                "A Value is compared by == or !=",
                "Use x.equal(0) or x.not_equal(0), Values that are 1 or 0, and mg.where(x.equal(0), a, b) instead "
                "of `if`. `is` tells whether two names stand for the same Value.",
            )
        return NotImplemented

    __hash__: Any = Value.__hash__

    def _reflected(self, op: int, operands: tuple[Any, ...]) -> TracedValue:
        """Record an op of an ordinary Value, one of whose operands is this: a core has found no node there."""
        if OPS[op].takes_k:
            x, k = operands
            return self._trace.record(op, x, k, k)
        parts: list[Any] = [x if isinstance(x, Value) else self._trace.constant(float(x)) for x in operands]
        return self._trace.record(op, *parts)


# ---- recording ---------------------------------------------------------------------------------------------------


def _apply(op: int, otherwise: Any) -> Callable[..., Any]:
    """Return the function that records an op, see _core/methods.py."""
    reflected = "__rpow__" if NAMES[op] == "POWER" else f"__r{NAMES[op].lower()}__"

    def unary(self: TracedValue, /) -> TracedValue:
        return self._trace.record(op, self)

    def unary_k(self: TracedValue, k: float) -> TracedValue:
        return self._trace.record(op, self, k, k)

    def binary(self: Any, value: Any, /) -> Any:
        if not isinstance(value, Value):
            return otherwise(self, value)
        comes_second = (*COMES_SECOND, getattr(Value, reflected, None))
        if getattr(type(value), reflected, None) not in comes_second and not hasattr(type(value), "_reflected"):
            return NotImplemented  # a user's class: its own operator comes first, as beside an ordinary Value
        if NAMES[op] in ("SUB", "TRUEDIV") and (out := made_of_others(op, self, value)) is not NotImplemented:
            return out
        return (self if isinstance(self, TracedValue) else value)._trace.record(op, self, value)  # type: ignore[attr-defined]

    return unary_k if OPS[op].takes_k else unary if OPS[op].arity == 1 else binary


def _apply_number(op: int, self: TracedValue, given: Any, number: float, left: bool) -> TracedValue:
    """Record an op of which one operand is a number."""
    constant = self._trace.constant(float(number))
    return self._trace.record(op, constant, self) if left else self._trace.record(op, self, constant)


_before = {*vars(TracedValue)}
install(TracedValue, Value, _apply, _apply_number)
_RECORDING = {name: method for name, method in vars(TracedValue).items() if name not in _before}


def follow_value() -> None:
    """Let traced Values have the operators and methods that a script has put into Value, while they are there."""
    here, own = vars(Value), vars(TracedValue)
    put = {name: x for name, first in AT_FIRST.items() if (x := here.get(name, first)) != first}
    for name, recording in _RECORDING.items():
        method = put.get(name, recording)
        forward = f"__{name[3:]}" if name.startswith("__r") else ""
        if forward in _RECORDING and (forward in put or name in put):
            method = _after(put.get(forward, _RECORDING[forward]), method)
        if own[name] is not method:
            setattr(TracedValue, name, method)


def _after(forward: Callable[[Any, Any], Any], reflected: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the operator of an operand on the right, which Python asks first: a Value on the left comes first."""
    return lambda self, value: forward(value, self) if isinstance(value, Value) else reflected(self, value)


for _operator, _op in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(TracedValue, f"__{_operator}__", getattr(TracedValue, _op))
