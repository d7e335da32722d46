"""The autograd engine: `Value`, a scalar that remembers how it was computed.

>>> from micrograd_c.engine import Value
>>> a, b = Value(2.0), Value(-3.0)
>>> c = a * b + b
>>> c.backward()
>>> a.grad, b.grad
(-3.0, 3.0)
"""

from __future__ import annotations

import math
import sys
from _thread import _local
from collections.abc import Callable, Iterable, Iterator

from ._core import LABELS, NAMES, OPS, as_number, check, core, ffi, from_numpy, lib, to_float, warn
from ._core.docs import operators
from ._core.errors import OrderError

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

    _Values = list[Any]
    _Figures = dict[str, Any]
else:
    _Values, _Figures = list, dict

# Exactly what micrograd's module brings by `import *`: `sum` would hide Python's.
__all__ = ["Value"]

_CUSTOM, _GIVEN, _SUM, _DOT = (NAMES.index(name) for name in ("CUSTOM", "GIVEN", "SUM", "DOT"))

# What __init__ of micrograd's Value sets on the instance, past all that a class body says.
_SET_BY_INIT = ("data", "grad", "_prev", "_op", "_backward", "_children", "_local_grads")


@core.complete
class Value(core.Node):
    """A scalar and its gradient; a node of the graph of all that it was computed from.

    Parameters
    ----------
    data : float
        Anything that is a number: int, float, bool, numpy's scalars and arrays of one element.
    _children : iterable of Value, optional
        Operands of a node made by hand; give it a closure as `_backward` too, or local derivatives.
    _op : str, or sequence of float or Value, optional
        Label of the op that made this node. What is no text are its local derivatives.
    name, label : str, optional
        The same text under two names, for people and pictures.
    children, local_grads : optional
        The operands, and the derivative of this node with respect to each: numbers, or Values whose data are
        read when backward comes. No closure is needed then.

    Raises
    ------
    TypeError
        Where `data` is no number, a child no Value, or the third argument neither a text nor a sequence.
    ValueError
        Where there are not as many local derivatives as children; or where __init__ is called again, with children,
        on a Value that another one was computed from.

    Notes
    -----
    The API is that of micrograd (A. Karpathy, 2020). `math.exp(v)` and its friends take a Value, as a float,
    and return a float without a gradient: they warn, and `v.exp()` is the node.
    """

    __slots__ = ()

    name: str = ""

    if TYPE_CHECKING:  # the methods come from csrc/ops.def, and users may set any attribute

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...
        def __add__(self, other: Any) -> Value: ...
        def __radd__(self, other: Any) -> Value: ...
        def __sub__(self, other: Any) -> Value: ...
        def __rsub__(self, other: Any) -> Value: ...
        def __mul__(self, other: Any) -> Value: ...
        def __rmul__(self, other: Any) -> Value: ...
        def __truediv__(self, other: Any) -> Value: ...
        def __rtruediv__(self, other: Any) -> Value: ...
        def __pow__(self, other: Any) -> Value: ...
        def __rpow__(self, other: Any) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...

    def __init__(
        self,
        data: Any,
        _children: Iterable[Value] = (),
        _op: Any = "",
        name: str = "",
        label: str = "",
        *,
        children: Iterable[Value] = (),
        local_grads: Iterable[Any] | None = None,
    ) -> None:
        numpy = False
        if type(data) is not float:
            data, numpy = to_float(data, "data"), from_numpy(data)
        if children:
            if _children:
                raise TypeError("children and _children are two names of one argument: give one of them")
            _children = children
        plain = type(_children) is tuple and {*map(type, _children)} <= {Value}
        operands: Any = _children if plain else _values_in(_children, "_children")
        slopes = None if local_grads is None else _slopes(local_grads, _children, len(operands))
        if not isinstance(_op, str):
            if slopes is not None:
                raise TypeError(f"_op must be a text beside local_grads, not {type(_op).__name__}: {_op!r}")
            slopes = _slopes(_op, _children, len(operands))
            _op = ""
        _make_by_hand(self, data, operands, slopes, numpy)
        if _op:
            core.put(self, "_op", _op)
        if name or label:
            self.name = name or label

    def __init_subclass__(cls, **options: Any) -> None:
        super(Value, cls).__init_subclass__(**options)  # noqa: UP008 - the native core has another class
        body = cls.__dict__
        for name in _SET_BY_INIT:
            if name in body and (not hasattr(type(body[name]), "__set__") or name in body.get("__slots__", ())):
                delattr(cls, name)

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    @property
    def label(self) -> str:
        """The name of this node."""
        return self.name

    @label.setter
    def label(self, label: str) -> None:
        self.name = label

    @property
    def _prev(self) -> set[Value]:
        """The operands of this node; may be assigned where no op made it."""
        return set(_operands(self))

    @_prev.setter
    def _prev(self, operands: Iterable[Value]) -> None:
        op = _describe(self).op
        if op != _CUSTOM and OPS[op].arity:
            what = "its local derivatives belong to them" if op == _GIVEN else f"{self._op!r} computed it from them"
            raise AttributeError(f"_prev of {self!r} can't be assigned: {what}; make a node by hand, Value(data)")
        _take_operands(self, self.data, _values_in(operands, "_prev"), None, core.operands(self)[1] is ...)

    @property
    def _children(self) -> tuple[Value, ...]:
        """The operands of this node, in their order."""
        return tuple(_operands(self))

    @property
    def _local_grads(self) -> tuple[Any, ...]:
        """The derivatives of this node with respect to its operands, at their current data."""
        if core.peek(self, "_backward") is not None:
            raise AttributeError(f"_local_grads of {self!r} are known to its closure alone, which is its _backward")
        given = core.operands(self)[1]
        return tuple(given if type(given) is list else _numbers_given(self))

    @property
    def _op(self) -> str:
        """The label of the op that made this node; may be assigned."""
        label: str | None = core.peek(self, "_op")
        if label is not None:
            return label
        node = _describe(self)
        if node.activation >= 0:
            return f"{LABELS[node.activation]}({LABELS[node.op]})"
        return str(LABELS[node.op]).format(core.operands(self)[1])

    @_op.setter
    def _op(self, label: str) -> None:
        core.put(self, "_op", label)

    # ---- numbers -------------------------------------------------------------------------------------------------

    def __float__(self) -> float:
        warn(
            "a Value was turned into a float, and no gradient flows through it: write v.exp() instead of "
            "math.exp(v), and v.data where you mean the number"
        )
        return self.data

    # What follows gives texts and whole numbers, where nobody expects a gradient: no warning.

    def __int__(self) -> int:
        return int(self.data)

    def __trunc__(self) -> int:
        return math.trunc(self.data)

    def __floor__(self) -> int:
        return math.floor(self.data)

    def __ceil__(self) -> int:
        return math.ceil(self.data)

    def __round__(self, ndigits: int | None = None) -> float:
        return round(self.data, ndigits)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else str(self)

    def __pos__(self) -> Value:
        return self

    def __lt__(self, other: Any) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data < number

    def __le__(self, other: Any) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data <= number

    def __gt__(self, other: Any) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data > number

    def __ge__(self, other: Any) -> bool:
        number = _comparable(other)
        return NotImplemented if number is None else self.data >= number

    # ---- backward ------------------------------------------------------------------------------------------------

    def backward(self, seed: float = 1.0) -> None:
        """Set `self.grad` to `seed` and add its share to every node below, by the chain rule.

        Parameters
        ----------
        seed : float
            The derivative of the final result with respect to this node.

        Raises
        ------
        Exception
            Whatever a `_backward` closure raises; gradients added before it stay.

        Notes
        -----
        A second call adds a second time, to leaves and to nodes in between: call `zero_grad` before it.
        """
        core.sweep(self, seed if type(seed) is float else to_float(seed, "seed"))

    def zero_grad(self) -> None:
        """Set the gradient of this node and of every Value below it to 0."""
        zero_grad(self)

    @property
    def _backward(self) -> Callable[[], None]:
        """Adds this node's share to its operands; may be assigned."""
        closure: Callable[[], None] | None = core.peek(self, "_backward")
        return self._apply_local_derivatives if closure is None else closure

    @_backward.setter
    def _backward(self, closure: Callable[[], None]) -> None:
        if not callable(closure):
            raise TypeError(f"_backward must be a function without arguments, not {type(closure).__name__}")
        core.put(self, "_backward", closure)

    def _apply_local_derivatives(self) -> None:
        check(lib.mg_backward_node(core.handle_of(self)))

    # ---- copies --------------------------------------------------------------------------------------------------

    def __copy__(self) -> Value:
        out = _copy_of(self, lambda operand: operand)
        _set_state(out, _state(self, "copy"))
        return out

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from copy import deepcopy

        for value in _in_order(self, _references):
            if id(value) not in memo:
                state = _state(value, "deepcopy")
                memo[id(value)] = out = _copy_of(value, lambda operand: memo[id(operand)])
                _set_state(out, deepcopy(state, memo))
        copied: Value = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        node = _describe(self)
        a, b = core.operands(self)
        arguments = (type(self), NAMES[node.op], a, b, NAMES[node.activation] if node.activation >= 0 else None)
        given = _numbers_given(self) if node.op == _GIVEN and type(b) is not list else None
        return _unpickle, (_below(self), *arguments, node.data, node.grad, given), _state(self, "pickle")

    def __setstate__(self, state: Any) -> None:
        _set_state(self, state)


if Value.__doc__:  # python -OO has none
    Value.__doc__ += (
        f"\n    The operators and their derivatives; `x ** y` with a Value y is `power`:\n\n{operators()}\n"
    )


def _comparable(other: Any) -> float | None:
    return other.data if isinstance(other, Value) else as_number(other)


def _describe(value: Value) -> Any:
    node = ffi.new("mg_node *")
    check(lib.mg_describe(core.handle_of(value), node))
    return node


def _operands(value: Value) -> list[Value]:
    """Return the operands in their order, one that is used twice twice."""
    out: list[Value] = []
    for part in core.operands(value):
        if isinstance(part, tuple):
            out += part
        elif isinstance(part, Value):
            out.append(part)
    return out


def _references(value: Value) -> list[Value]:
    """Return the operands, and the Values that were given as local derivatives."""
    given = core.operands(value)[1]
    return _operands(value) + (given if type(given) is list else [])


def _numbers_given(value: Value) -> list[float]:
    n = len(_operands(value))
    numbers = ffi.new("double[]", n)
    check(lib.mg_local_derivatives(core.handle_of(value), numbers))
    return list(ffi.unpack(numbers, n))


def _values_in(items: Any, what: str) -> tuple[Value, ...]:
    """Return operands as a tuple; TypeError where one is no Value."""
    try:
        values = tuple(items)
    except TypeError:
        hint = f": write ({what},) for one" if isinstance(items, Value) else ""
        raise TypeError(f"{what} must be a tuple of Values, not {type(items).__name__}{hint}") from None
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(f"{what} must be Values, not {type(value).__name__}: {value!r}")
    _refuse_traced(values)
    return values


def _refuse_traced(values: Iterable[Any]) -> None:
    for x in values:
        if hasattr(type(x), "_reflected"):  # see _tracing.py
            x._put_into_node()


def _slopes(given: Any, children: Any, n: int) -> list[Any]:
    """Return local derivatives for n children, numbers or, where one is a Value, Values alone."""
    if isinstance(given, (str, bytes, bytearray, dict, set, frozenset)) or not hasattr(given, "__iter__"):
        raise TypeError(
            "the third argument must be a label, or the local derivatives as a tuple, one for each child, "
            f"not {type(given).__name__}: {given!r}"
        )
    slopes = list(given)
    if len(slopes) != n:
        raise ValueError(f"{len(slopes)} local derivatives for {n} children: there must be one for each child")
    if n > 1 and isinstance(children, (set, frozenset, dict)):
        raise TypeError("children must be a tuple or a list beside local derivatives: a set has no order")
    if any(isinstance(x, Value) for x in slopes):
        _refuse_traced(slopes)
        return list(_as_values(slopes))
    return [to_float(x, f"local derivative {i}") for i, x in enumerate(slopes)]


def _make_by_hand(
    out: Value, data: float, children: tuple[Value, ...], slopes: list[Any] | None, numpy: bool
) -> None:
    """Let `out` own a node made by hand; its own becomes that where it has one."""
    if core.has_node(out):
        if children and _is_read(out):
            raise ValueError(
                f"__init__ of {out!r} is called again with children, but another Value was computed from it: "
                "make a new Value"
            )
        _take_operands(out, data, children, slopes, numpy)
        out.grad = 0.0
    else:
        core.by_hand(out, data, children, slopes, numpy)
        if type(out) is Value:
            return
    core.forget_made(out)


def _is_read(value: Value) -> bool:
    core.flush()  # readers that have died read nothing
    return bool(check(lib.mg_is_read(core.handle_of(value))))


def _take_operands(
    out: Value, data: float, operands: tuple[Value, ...], slopes: list[Any] | None, numpy: bool
) -> None:
    """Let the node of `out` become one made by hand."""
    core.flush()
    try:
        core.by_hand(out, data, operands, slopes, numpy)
    except OrderError:
        raise ValueError(
            f"{out!r} can't get these operands: one of them is younger, or this Value itself, and there would be a "
            "cycle, as another Value was computed from it already. Assign operands before the Value is used"
        ) from None


def _restore(
    out: Any,
    op: int,
    a: Any,
    b: Any,
    k: float | None,
    activation: int,
    data: float,
    grad: float,
    given: list[float] | None = None,
) -> Any:
    """Let `out` own a node of `op` over the operands `a` and `b` (see core.Node); nothing is computed."""
    if op == _GIVEN:
        children = a if type(a) is tuple else (a,) if b is None else (a, b)
        core.by_hand(out, data, children, b if given is None else given, b is ...)
        out.grad = grad
        return out
    if op == _DOT:
        n = len(a)
        operands = [*b[:n], *a, *b[n:]]
    else:
        operands = [
            *(a if isinstance(a, tuple) else () if a is None else (a,)),
            *(() if not isinstance(b, Value) else (b,)),
        ]
    handles = core.handles(operands)
    k = 0.0 if k is None else k
    return core.own(out, a, b, lib.mg_restore, op, handles, len(handles), k, activation, data, grad)


# ---- copy and pickle ---------------------------------------------------------------------------------------------


def _copy_of(value: Value, renamed: Callable[[Value], Value]) -> Value:
    """Return a node like `value` over its operands, each renamed."""
    node = _describe(value)

    def rename(part: Any) -> Any:
        if isinstance(part, (tuple, list)):
            return type(part)(map(renamed, part))
        return renamed(part) if isinstance(part, Value) else part

    a, b = map(rename, core.operands(value))
    cls = type(value)
    given = _numbers_given(value) if node.op == _GIVEN and type(b) is not list else None
    out: Value = _restore(cls.__new__(cls), node.op, a, b, node.k, node.activation, node.data, node.grad, given)
    return out


def _state(value: Value, verb: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the attributes of a Value, and those that stand in slots of its class."""
    closure = core.peek(value, "_backward")
    if getattr(closure, "__closure__", None):
        raise TypeError(
            f"cannot {verb} {value!r}, made by {value._op!r}: its _backward is the Python closure "
            f"{closure.__qualname__}, tied to the original Values. Copy the leaves and compute it anew."
        )
    slots = {}
    for cls in type(value).__mro__:
        if issubclass(cls, Value) and cls is not Value:
            names = cls.__dict__.get("__slots__", ())
            for name in (names,) if isinstance(names, str) else names:
                if name not in ("__dict__", "__weakref__", *_SET_BY_INIT) and hasattr(value, name):
                    slots[name] = getattr(value, name)
    return core.attributes(value), slots


def _set_state(value: Value, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    for name, attribute in {**attributes, **slots}.items():
        setattr(value, name, attribute)


class _Below(_Values):
    """All Values below one, operands first: pickled in this order none of them needs recursion."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return list, (), None, self._handed_out()

    def _handed_out(self) -> Iterator[Value]:
        try:
            for value in self:
                _pickling.expected.add(id(value))
                yield value
        finally:
            _pickling.expected.difference_update(map(id, self))


class _Pickling(_local):
    """Values that a list has handed to a pickler of this thread, and that it has not pickled yet, by id."""

    expected: set[int]

    def __init__(self) -> None:
        self.expected = set()


_pickling = _Pickling()


def _below(value: Value) -> _Below | None:
    """Return what has to be pickled before `value`; None where a list has just handed it out."""
    if core.operands(value)[0] is None:
        return None
    if id(value) in _pickling.expected:
        _pickling.expected.discard(id(value))
        return None
    return _Below(_in_order(value, _references)[:-1])


def _unpickle(
    below: Any,
    cls: type[Value],
    op: str,
    a: Any,
    b: Any,
    activation: str | None,
    data: float,
    grad: float,
    given: list[float] | None = None,
) -> Value:
    code = NAMES.index(op)
    k = b if OPS[code].takes_k else None
    act = -1 if activation is None else NAMES.index(activation)
    out: Value = _restore(cls.__new__(cls), code, a, b, k, act, data, grad, given)
    return out


# ---- free functions ----------------------------------------------------------------------------------------------


def _as_values(items: Iterable[Any]) -> tuple[Value, ...]:
    """Return the items as Values; numbers become leaves, in one step."""
    values = tuple(items)
    if {*map(type, values)} <= {Value}:
        return values
    places = [i for i, x in enumerate(values) if not isinstance(x, Value)]
    numbers = [to_float(values[i], f"item {i}") for i in places]
    out: list[Any] = list(values)
    for i, leaf in zip(places, core.leaves(numbers, [values[i] for i in places], True)):
        out[i] = leaf
    return tuple(out)


def _trace_of(values: tuple[Value, ...]) -> Any:
    """Return the trace that one of the Values belongs to (see jit.py), or None."""
    for t in {*map(type, values)}:
        if hasattr(t, "_reflected"):
            return next(x._trace for x in values if type(x) is t)
    return None


def sum(values: Iterable[Any], start: Any = 0) -> Value:
    """Return the sum of Values and numbers as one node.

    Parameters
    ----------
    values : iterable of Value or float
    start : Value or float
        Added before the others, as by Python's sum().

    Returns
    -------
    Value
        start + values[0] + values[1] + ..., added from left to right.

    Raises
    ------
    TypeError
        Where an item is no number.
    """
    if type(start) is int and start == 0 and (direct := core.sum(values)) is not None:
        return direct  # type: ignore[no-any-return]
    items = _as_values(values if type(start) is int and start == 0 else (start, *values))
    if not items:
        return Value(0.0)
    if (trace := _trace_of(items)) is not None:
        return trace.record(_SUM, items)  # type: ignore[no-any-return]
    out: Value = core.own(Value.__new__(Value), items, None, lib.mg_sum, core.handles(items), len(items))
    return out


def dot(ws: Iterable[Any], xs: Iterable[Any], bias: Any = None) -> Value:
    """Return the dot product of two sequences as one node.

    Parameters
    ----------
    ws, xs : iterable of Value or float
        Of the same length.
    bias : Value or float, optional
        Added before the products.

    Returns
    -------
    Value
        bias + ws[0]*xs[0] + ws[1]*xs[1] + ..., added from left to right.

    Raises
    ------
    ValueError
        Where the lengths differ.
    TypeError
        Where an item is no number.
    """
    if (direct := core.dot(ws, xs, bias)) is not None:
        return direct  # type: ignore[no-any-return]
    weights, inputs = list(ws), tuple(xs)
    n = len(weights)
    if n != len(inputs):
        raise ValueError(f"dot: ws has {n} items and xs has {len(inputs)}; both need the same length")
    inputs, params = _as_values(inputs), _as_values(weights if bias is None else [*weights, bias])
    if (trace := _trace_of((*inputs, *params))) is not None:
        return trace.record(_DOT, inputs, params)  # type: ignore[no-any-return]
    handles = core.handles(params)
    arguments = handles, core.handles(inputs), n, -1 if bias is None else handles[n], -1
    out: Value = core.own(Value.__new__(Value), inputs, params, lib.mg_dot, *arguments)
    return out


def _is_tracing() -> bool:
    """Tell whether this thread traces a function (see jit.py)."""
    tracing = sys.modules.get(f"{__package__}._tracing")
    return tracing is not None and tracing.is_inside()


def where(condition: Any, a: Any, b: Any) -> Value:
    """Return `a` where the condition holds, else `b`.

    Parameters
    ----------
    condition : Value, float or bool
        A Value holds where its data is not 0, as those of `x.less(y)` do; it gets no gradient.
    a, b : Value or float, or a function without arguments that returns one
        Values are both there already, and the node chooses between them. Of two functions only the one that is
        chosen is called. While `jit` traces, and the condition is a Value, both are.

    Returns
    -------
    Value
        A node that chooses by the data of the condition: backward goes into the branch that is taken, and nothing
        goes into the other one, not even 0 times an infinite derivative. Of a plain condition, and of functions,
        the chosen Value itself.

    Examples
    --------
    >>> x = Value(-1.0)
    >>> where(x.greater(0), lambda: x.sqrt(), 0.0).data  # math domain error without the lambda
    0.0
    """
    if isinstance(condition, Value):
        if not (callable(a) or callable(b)) or _is_tracing():
            a, b = (x() if callable(x) else x for x in (a, b))
            node: Value = condition.when(a) + condition.unless(b)
            return node
        condition = condition.data
    chosen = a if condition else b
    chosen = chosen() if callable(chosen) else chosen
    return chosen if isinstance(chosen, Value) else Value(chosen)


def topological_order(root: Value) -> list[Value]:
    """Return all Values that `root` was computed from, and it: operands before what reads them.

    Parameters
    ----------
    root : Value

    Returns
    -------
    list of Value
        In the order in which they were made, each once; `root` is the last.
    """
    return _in_order(root, _operands)


def _in_order(root: Value, operands_of: Callable[[Value], list[Value]]) -> list[Value]:
    found = {id(root): root}  # by identity: a class may have an __eq__ of its own
    todo = [root]
    while todo:
        for operand in operands_of(todo.pop()):
            if id(operand) not in found:
                found[id(operand)] = operand
                todo.append(operand)
    order = list(found.values())
    rows = ffi.new("int32_t[]", len(order))
    check(lib.mg_rows(core.handles(order), len(order), rows))
    position = dict(zip(found, ffi.unpack(rows, len(order))))
    order.sort(key=lambda value: position[id(value)])
    return order


def zero_grad(root: Value) -> None:
    """Set the gradient of `root` and of every Value below it to 0.

    Parameters
    ----------
    root : Value
    """
    check(lib.mg_zero_grad(core.handle_of(root)))


class GradientError(AssertionError):
    """A gradient that differs from the difference quotient."""


def gradcheck(
    f: Callable[..., Any], *values: Any, eps: float = 1e-6, rtol: float = 1e-4, atol: float = 1e-6
) -> bool:
    """Compare the gradients of `f` with central differences.

    Parameters
    ----------
    f : callable
        Takes as many Values as there are `values`, returns one Value; or a function made by `jit`.
    *values : Value or float
        Where to look. They are not changed, and neither is a gradient of any other Value that `f` reads.
    eps : float
        Half the step of the difference quotient (f(x + eps) - f(x - eps)) / (2 eps), relative to max(1, abs(x)).
    rtol, atol : float
        A gradient g passes against the quotient q where abs(g - q) <= atol + rtol * max(abs(g), abs(q)).

    Returns
    -------
    bool
        True.

    Raises
    ------
    GradientError
        Tells each operand that is off, and by how much.
    """
    points = [to_float(v.data if isinstance(v, Value) else v, f"operand {i}") for i, v in enumerate(values)]

    def at(*xs: float) -> tuple[Value, list[Value]]:
        leaves = list(map(Value, xs))
        out = f(*leaves)
        if not isinstance(out, Value):
            raise TypeError(f"gradcheck: f must return a Value, not {type(out).__name__}: {out!r}")
        return out, leaves

    def data(*xs: float) -> float:
        return at(*xs)[0].data

    gradient = getattr(f, "gradient", None)
    if gradient is not None:  # made by jit
        data = f
        gradients = gradient(*points) if len(points) != 1 else [gradient(*points)]
    else:
        out, leaves = at(*points)
        order = topological_order(out)
        before = [v.grad for v in order]
        try:
            zero_grad(out)
            out.backward()
            gradients = [leaf.grad for leaf in leaves]
        finally:
            for v, g in zip(order, before):
                v.grad = g

    wrong = []
    for i, (x, g) in enumerate(zip(points, gradients)):
        h = eps * max(1.0, abs(x))
        high, low = (data(*points[:i], x + d, *points[i + 1 :]) for d in (h, -h))
        quotient = (high - low) / (2 * h)
        if not abs(g - quotient) <= atol + rtol * max(abs(g), abs(quotient)):
            name = values[i].name if isinstance(values[i], Value) else ""
            wrong.append(
                f"operand {i}{f' ({name})' if name else ''} = {x!r}: gradient {g!r}, "
                f"central difference {quotient!r}, off by {abs(g - quotient):.3g}"
            )
    if wrong:
        raise GradientError("gradcheck: " + "; ".join(wrong))
    return True


class Stats(_Figures):
    """Figures of the arena, as items and as attributes.

    live_nodes : Values alive. rows : rows in use, those of the dead too. capacity : rows there is memory for.
    bytes_in_use : memory of the arena. squeezes : times that dead rows were squeezed out so far.
    open_sweeps : backward() calls that wait for a Python closure. core : the core of Value.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no figure {name!r}; there are {', '.join(self)}") from None


def stats() -> Stats:
    """Return the figures of the arena.

    Returns
    -------
    Stats
        `live_nodes`, `rows`, `capacity` in nodes, `bytes_in_use` in bytes, `squeezes`, `open_sweeps`, `core`.
    """
    core.flush()
    figures = ffi.new("mg_figures *")
    lib.mg_stats(figures)
    return Stats(
        live_nodes=figures.live_nodes,
        rows=figures.rows,
        capacity=figures.capacity,
        bytes_in_use=figures.bytes,
        squeezes=figures.squeezes,
        open_sweeps=figures.open_sweeps,
        core=core.NAME,
    )
