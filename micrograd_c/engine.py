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
from _thread import _local
from _weakref import ref
from collections.abc import Callable, Iterable

from ._core import LABELS, NAMES, OPS, as_number, check, core, ffi, from_numpy, lib, to_float, warn

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

    _Values = list[Any]
    _Figures = dict[str, Any]
else:
    _Values, _Figures = list, dict

# Exactly what micrograd's module brings by `import *`: `sum` would hide Python's.
__all__ = ["Value"]

# While a function is traced (see jit.py): returns the node of a sum or a dot product that depends on its arguments.
_record: Callable[[int, tuple[Value, ...], tuple[Value, ...]], Value | None] | None = None

_CUSTOM, _SUM, _DOT = (NAMES.index(name) for name in ("CUSTOM", "SUM", "DOT"))

# Values whose `_backward` is a Python closure, by handle; the arena holds no reference. An entry is overwritten
# when its handle is used again: a callback that removes it would be a place where Python swallows a Ctrl-C.
_python_nodes: dict[int, ref[Value]] = {}


@core.complete
class Value(core.Node):
    """A scalar and its gradient; a node of the graph of all that it was computed from.

    Parameters
    ----------
    data : float
        Anything that is a number: int, float, bool, numpy's scalars and arrays of one element.
    _children : iterable of Value, optional
        Operands of a node made by hand; give it a closure as `_backward` too.
    _op : str, optional
        Label of the op that made this node.
    name, label : str, optional
        The same text under two names, for people and pictures.

    Raises
    ------
    TypeError
        Where `data` is no number or a child no Value.

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
        _op: str = "",
        name: str = "",
        label: str = "",
    ) -> None:
        numpy = False
        if type(data) is not float:
            data, numpy = to_float(data, "data"), from_numpy(data)
        children = _children if type(_children) is tuple else tuple(_children)
        if children:
            for child in children:
                if not isinstance(child, Value):
                    raise TypeError(f"_children must be Values, not {type(child).__name__}: {child!r}")
            _restore(self, _CUSTOM, children, ... if numpy else None, None, -1, data, 0.0)
        else:
            core.leaf(self, data, numpy)
        if _op:
            core.put(self, "_op", _op)
        if name or label:
            self.name = name or label

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
        """The operands of this node."""
        return set(_operands(self))

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
        if type(seed) is not float:
            seed = to_float(seed, "seed")
        pause = ffi.new("mg_pause *")
        try:
            status = lib.mg_backward(core.handle_of(self), seed, pause)
            while status > 0:
                node: Any = _python_nodes[pause.node]()
                node._backward()
                status = lib.mg_sweep_resume(pause)
            check(status)
        finally:
            if pause.sweep:
                lib.mg_sweep_close(pause)

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
        handle = core.handle_of(self)
        core.put(self, "_backward", closure)
        _python_nodes[handle] = ref(self)
        check(lib.mg_set_python(handle, 1))

    def _apply_local_derivatives(self) -> None:
        check(lib.mg_backward_node(core.handle_of(self)))

    # ---- copies --------------------------------------------------------------------------------------------------

    def __copy__(self) -> Value:
        out = _copy_of(self, lambda operand: operand)
        _set_state(out, _state(self, "copy"))
        return out

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        from copy import deepcopy

        for value in topological_order(self):
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
        return _unpickle, (_below(self), *arguments, node.data, node.grad), _state(self, "pickle")

    def __setstate__(self, state: Any) -> None:
        _set_state(self, state)


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


def _restore(out: Any, op: int, a: Any, b: Any, k: float | None, activation: int, data: float, grad: float) -> Any:
    """Let `out` own a node of `op` over the operands `a` and `b` (see core.Node); nothing is computed."""
    if op == _DOT:
        n = len(a)
        operands = [*b[:n], *a, *b[n:]]
    else:
        operands = [
            *(a if isinstance(a, tuple) else () if a is None else (a,)),
            *(() if not isinstance(b, Value) else (b,)),
        ]
    handles = core.handles(operands)
    handle = lib.mg_restore(op, handles, len(handles), 0.0 if k is None else k, activation, data, grad)
    return core.make(out, check(handle), a, b)


# ---- copy and pickle ---------------------------------------------------------------------------------------------


def _copy_of(value: Value, renamed: Callable[[Value], Value]) -> Value:
    """Return a node like `value` over its operands, each renamed."""
    node = _describe(value)

    def rename(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(map(renamed, part))
        return renamed(part) if isinstance(part, Value) else part

    a, b = map(rename, core.operands(value))
    cls = type(value)
    out: Value = _restore(cls.__new__(cls), node.op, a, b, node.k, node.activation, node.data, node.grad)
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
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    slots[name] = getattr(value, name)
    return core.attributes(value), slots


def _set_state(value: Value, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    for name, attribute in {**attributes, **slots}.items():
        setattr(value, name, attribute)


class _Below(_Values):
    """All Values below one, operands first: pickled in this order none of them needs recursion."""

    __slots__ = ("__weakref__", "ids")
    ids: set[int]

    def __reduce__(self) -> Any:
        return list, (), None, iter(self)


class _Pickling(_local):
    """The lists that a pickler of this thread is at work on; its memo keeps them alive, nobody else does."""

    lists: list[ref[_Below]]

    def __init__(self) -> None:
        self.lists = []


_pickling = _Pickling()


def _below(value: Value) -> _Below | None:
    """Return what has to be pickled before `value`; None where a list that is being pickled has it already."""
    if core.operands(value)[0] is None:
        return None
    alive = [(weak, found) for weak in _pickling.lists if (found := weak()) is not None]
    _pickling.lists = [weak for weak, _ in alive]
    if any(id(value) in found.ids for _, found in alive):
        return None
    below = _Below(topological_order(value)[:-1])
    below.ids = set(map(id, below))
    _pickling.lists.append(ref(below))
    return below


def _unpickle(
    below: Any, cls: type[Value], op: str, a: Any, b: Any, activation: str | None, data: float, grad: float
) -> Value:
    code = NAMES.index(op)
    k = b if OPS[code].takes_k else None
    act = -1 if activation is None else NAMES.index(activation)
    out: Value = _restore(cls.__new__(cls), code, a, b, k, act, data, grad)
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
    if _record is not None and (recorded := _record(_SUM, items, ())) is not None:
        return recorded
    handle = lib.mg_sum(core.handles(items), len(items))
    out: Value = core.make(Value.__new__(Value), check(handle), items, None)
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
        raise ValueError(f"dot: ws has {n} items and xs has {len(inputs)}; they must be as many")
    inputs, params = _as_values(inputs), _as_values(weights if bias is None else [*weights, bias])
    if _record is not None and (recorded := _record(_DOT, inputs, params)) is not None:
        return recorded
    handles = core.handles(params)
    handle = lib.mg_dot(handles, core.handles(inputs), n, -1 if bias is None else handles[n], -1)
    out: Value = core.make(Value.__new__(Value), check(handle), inputs, params)
    return out


def where(condition: Any, a: Any, b: Any) -> Value:
    """Return `a` where the condition holds, else `b`.

    Parameters
    ----------
    condition : Value, float or bool
        A Value holds where its data is not 0, as those of `x.less(y)` do; it gets no gradient.
    a, b : Value or float
        Both are computed, and both must be finite: the gradient of what is not chosen is 0 times its derivative.

    Returns
    -------
    Value
        A node that chooses by the data of the condition; of a plain condition what it says, itself.
    """
    if isinstance(condition, Value):
        chosen: Value = condition.when(a) + condition.unless(b)
        return chosen
    chosen = a if condition else b
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
    found = {root}
    todo = [root]
    while todo:
        for operand in _operands(todo.pop()):
            if operand not in found:
                found.add(operand)
                todo.append(operand)
    order = list(found)
    rows = ffi.new("int32_t[]", len(order))
    check(lib.mg_rows(core.handles(order), len(order), rows))
    position = dict(zip(order, ffi.unpack(rows, len(order))))
    order.sort(key=position.__getitem__)
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
    f: Callable[..., Value], *values: Any, eps: float = 1e-6, rtol: float = 1e-4, atol: float = 1e-6
) -> bool:
    """Compare the gradients of `f` with central differences.

    Parameters
    ----------
    f : callable
        Takes as many Values as there are `values`, returns one Value.
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
        high, low = (at(*points[:i], x + d, *points[i + 1 :])[0].data for d in (h, -h))
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
