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
import operator

from . import _copying, _operands, _value_attributes
from ._copying import unpickle as _unpickle  # noqa: F401 - so old pickles name it
from ._core import LABELS, NAMES, TYPE_CHECKING, Any, Node, as_number, check, core, from_numpy, lib, to_float, warn
from ._core.docs import operators
from ._core.hints import Callable, Iterable
from ._core.numbers import branch, by_items, is_array
from ._core.walk import describe, handle_of, in_order, operands
from ._operands import NOTHING, is_tracing

if TYPE_CHECKING:
    from ._core.operators import Number

# Exactly what micrograd's module brings by `import *`: `sum` would hide Python's.
__all__ = ["Value"]

_SUM, _DOT = NAMES.index("SUM"), NAMES.index("DOT")


def __dir__() -> list[str]:
    return ["Value", "dot", "topological_order", "where", "zero_grad", *nary]


# How often a Value was compared with another object by ==.
unequal: list[int] = [0]


def _is_text(cls: Any) -> bool:
    return isinstance(getattr(cls, "name", ""), str)


@core.complete
class Value(Node):
    """A scalar and its gradient; a node of the graph of all that it was computed from.

    Its operators and functions are made from the rows of csrc/ops.def, each an op and its derivatives.

    Parameters
    ----------
    data : float
        Anything that is a number: int, float, bool, numpy's scalars and arrays of one element.
    _children : iterable of Value, optional
        Operands of a node made by hand; give it a closure as `_backward` too, or local derivatives.
    _op : str, or sequence of float or Value, optional
        Label of the op that made this node. If it is not a text, it is the local derivatives.
    name, label : str, optional
        The same text under two names, for people and pictures.
    children, local_grads : optional
        The operands, and the derivative of this node with respect to each: numbers, or Values, whose data
        backward() reads. No closure is needed then.

    Attributes
    ----------
    data, grad : float
        The number, and the derivative of what went backward with respect to it; both may be assigned.

    Raises
    ------
    TypeError
        `data` is not a number, a child is not a Value, or the third argument is neither a text nor a sequence.
    ValueError
        There are not as many local derivatives as children; or __init__ is called again, with children, on a Value
        that another one was computed from.

    Notes
    -----
    The API is that of micrograd (A. Karpathy, 2020). `math.exp(v)` and its friends take a Value, as a float,
    and return a float without a gradient: they warn, and `v.exp()` is the node.
    """

    __slots__ = ()

    name: str = ""

    def __init__(
        self,
        data: Number,
        _children: Iterable[Value] = (),
        _op: str | Iterable[Number] = "",
        name: str = "",
        label: str = "",
        *,
        children: Iterable[Value] = (),
        local_grads: Iterable[Number] | None = None,
    ) -> None:
        if name or label:
            _operands.give_name(self, name, label)
        if local_grads is None and children is NOTHING and core.by_hand_at_once(self, data, _children, _op):
            return
        numpy = from_numpy(data)
        if type(data) is not float:
            if hasattr(type(data), "_reflected"):  # jit traces it
                data._begin(  # type: ignore[union-attr]
                    self, _children, _op, name, label, children=children, local_grads=local_grads
                )
                return
            data = to_float(data, "data")
        _operands.make(self, data, *_operands.given_by_hand(_children, _op, children, local_grads), numpy)

    def __init_subclass__(cls, **options: Any) -> None:
        super(Value, cls).__init_subclass__(**options)  # noqa: UP008 - the native core has another class
        _value_attributes.honour(cls, Value)

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"

    @property
    def label(self) -> str:
        """The name of this node: one text with `name`, where a class has no other use for that, as a property."""
        return self.name if _is_text(type(self)) else core.peek(self, "label", "")

    @label.setter
    def label(self, label: str) -> None:
        if _is_text(type(self)):
            self.name = label
        else:
            core.put(self, "label", label)

    @label.deleter
    def label(self) -> None:
        del self.name

    @property
    def _prev(self) -> set[Value]:
        """The operands of this node; may be assigned and changed if no op made it."""
        return _operands.operands_in(set, self, operands(self))  # type: ignore[no-any-return]

    @_prev.setter
    def _prev(self, operands: Iterable[Value]) -> None:
        _operands.assign_operands(self, operands)

    _children: Any = _value_attributes.also_assigned(
        "_children", lambda self: tuple(operands(self)), "The operands of this node, in their order."
    )
    _local_grads: Any = _value_attributes.also_assigned(
        "_local_grads",
        _operands.local_grads_of,
        "The derivatives of this node with respect to its operands, as given or at their current data.",
    )

    @property
    def _op(self) -> str:
        """The label of the op that made this node; may be assigned."""
        label: str | None = core.peek(self, "_op")
        if label is not None:
            return label
        op = _operands.op_of(self)
        if op == _DOT and (activation := describe(self).activation) >= 0:
            return f"{LABELS[activation]}({LABELS[op]})"
        return LABELS[op].format(core.operands(self)[1])

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

    # Nobody expects a gradient of the text or the whole number that these return, so they do not warn.
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

    if not TYPE_CHECKING:  # checkers read of these in operators.pyi and in object

        def __eq__(self, other: object) -> Any:
            if self is other:
                return True
            unequal[0] += 1
            if isinstance(other, Node) or not is_array(other):
                return NotImplemented
            return by_items(operator.eq, other, self)

        def __ne__(self, other: object) -> Any:
            if not isinstance(other, Node) and is_array(other):
                return by_items(operator.ne, other, self)
            equal = type(self).__eq__(self, other)
            return equal if equal is NotImplemented else not equal

        __hash__ = object.__hash__

        __lt__, __le__, __gt__, __ge__ = _value_attributes.COMPARISONS.values()

        _assigned_first = _operands.assigned_first
        _mg_made, _mg_settle = map(staticmethod, (_operands.made_of_others, _value_attributes.settle))
        __bool__ = _value_attributes.truth
        __copy__, __deepcopy__ = _copying.shallow, _copying.deep
        __getstate__, __setstate__ = _copying.get_state, _copying.set_state
        __reduce__ = _copying.reduced

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
            What a `_backward` closure raises. Gradients that were added before it stay.

        Notes
        -----
        A second call adds a second time, to leaves and to nodes in between: call `zero_grad` before it.
        """
        core.sweep(self, seed if type(seed) is float else to_float(seed, "seed"))

    def zero_grad(self) -> None:
        """Set the gradient of this node and of every Value below it to 0."""
        zero_grad(self)

    def clip(self, low: Number, high: Number) -> Value:
        """Return `minimum(maximum(x, low), high)`, which gives half of a gradient to a bound that x is equal to."""
        return self.maximum(low).minimum(high)

    def detach(self) -> Value:
        """Return a leaf with the same data, through which no gradient flows; in a traced function, a constant.

        Its data is a Python float: what is computed from it raises as those do, wherever the data came from.
        """
        return _operands.detached(self) if is_tracing() else Value(self.data)

    @property
    def requires_grad(self) -> bool:
        """True, since every Value has a gradient; what else is assigned is for your own use."""
        return core.peek(self, "requires_grad") is not False

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if flag and self.requires_grad:
            return
        advice = "requires_grad = False freezes no Value: leave it out of the optimiser, or compute with v.detach()"
        if hasattr(type(self), "_reflected"):
            raise AttributeError(advice)
        if type(self) is Value and not flag:
            warn(advice)
        core.put(self, "requires_grad", bool(flag))

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


_operands.know(Value)

if Value.__doc__:  # python -OO has none
    Value.__doc__ += (
        f"\n    The operators and their derivatives; `x ** y` with a Value y is `power`::\n\n{operators()}\n"
    )


# ---- free functions ----------------------------------------------------------------------------------------------


def sum(values: Iterable[Number], start: Number = 0) -> Value:
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
        An item is not a number.

    See Also
    --------
    mean : The sum, divided by how many there are.
    dot : The sum of products.
    """
    given = values if type(start) is int and start == 0 else (start, *_operands.listed(values, "values"))
    return _operands.node_over(_SUM, given, "values" if given is values else "start and values")  # type: ignore[no-any-return]


# The functions of n-ary ops, by name.
nary: dict[str, Callable[..., Value]] = _operands.FUNCTIONS | {"sum": sum}
globals().update(nary)


def dot(ws: Iterable[Number], xs: Iterable[Number], bias: Number | None = None) -> Value:
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
        The lengths differ.
    TypeError
        An item is not a number.

    See Also
    --------
    sum : Without weights.
    micrograd_c.nn.Neuron : With an activation, still one node.
    """
    if (direct := core.dot(ws, xs, bias)) is not None:
        return direct  # type: ignore[no-any-return]
    weights, inputs = _operands.listed(ws, "ws"), _operands.listed(xs, "xs")
    if (n := len(weights)) != len(inputs):
        raise ValueError(f"dot: ws has {n} items and xs has {len(inputs)}; both need the same length")
    weights, what = (weights, "ws") if bias is None else ((*weights, bias), "ws and bias")
    inputs, params = _operands.as_values(inputs, "xs"), _operands.as_values(weights, what)
    if (traced := _operands.traced_among((*inputs, *params))) is not None:
        return traced._trace.record(_DOT, inputs, params)  # type: ignore[no-any-return]
    handles = core.handles(params)
    arguments = handles, core.handles(inputs), n, -1 if bias is None else handles[n], -1
    out: Value = core.own(Value.__new__(Value), inputs, params, lib.mg_dot, *arguments)
    return out


def where(condition: Number, a: Number | Callable[[], Number], b: Number | Callable[[], Number]) -> Value:
    """Return `a` where the condition holds, else `b`.

    Parameters
    ----------
    condition : Value, float or bool
        A Value holds if its data is not 0, as with `x.less(y)`; it gets no gradient.
    a, b : Value or float, or a function without arguments that returns one
        Of two functions only the one that is chosen is called; both are called if the condition is a Value and
        `jit` traces.

    Returns
    -------
    Value
        If the condition is a plain number, or `a` or `b` a function: the chosen Value. Else a node. Its gradient
        goes into the branch that is taken, and nothing goes into the other one, not even 0 times infinity.

    See Also
    --------
    Value.maximum, Value.minimum, Value.clip : Choices between numbers, by their size.

    Examples
    --------
    >>> x = Value(-1.0)
    >>> where(x.greater(0), lambda: x.sqrt(), 0.0).data  # without lambda an error
    0.0
    """
    if isinstance(condition, Value):
        if not (callable(a) or callable(b)) or is_tracing():
            taken, other = branch("a", a, True), branch("b", b, True)
            return condition.when(taken) + condition.unless(other)
        condition = condition.data
    elif as_number(condition) is None:
        raise TypeError(
            f"the condition of where must be a Value, a number or a bool, not "
            f"{type(condition).__name__}: write x.less(y), or x.data < y.data"
        )
    a, b = branch("a", a, condition), branch("b", b, not condition)
    if not is_tracing():
        core.handles([x for x in (a, b) if isinstance(x, Value)])  # no half-made one
    x: Any = a if condition else b
    return x if isinstance(x, Value) else Value(x)


def topological_order(root: Value) -> list[Value]:
    """Return `root` and all Values that it was computed from: each operand before the nodes that read it.

    Parameters
    ----------
    root : Value

    Returns
    -------
    list of Value
        In the order in which they were made, each once; `root` is the last.
    """
    return in_order(root)


def zero_grad(root: Value) -> None:
    """Set the gradient of `root` and of every Value below it to 0.

    Parameters
    ----------
    root : Value
    """
    check(lib.mg_zero_grad(handle_of(root)))
