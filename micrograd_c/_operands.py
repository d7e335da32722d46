"""Operands as Values, nodes over any number of them, and nodes made by hand: Value(data, children, local_grads)."""

from __future__ import annotations

import sys
from operator import add, mul

from ._core import NAMES, NARY, OPS, TYPE_CHECKING, Any, brief, check, core, ffi, from_numpy, lib, to_float
from ._core.docs import doc
from ._core.errors import NoNodeError, OrderError, error
from ._core.hints import Callable, Collection, Iterable
from ._core.numbers import class_of
from ._core.walk import operands

if TYPE_CHECKING:
    from .engine import Value

INSTEAD = NAMES.index("INSTEAD")  # the value of x with the gradient of y
_CUSTOM, _GIVEN = NAMES.index("CUSTOM"), NAMES.index("GIVEN")
BY_OPS = {op for op, row in enumerate(OPS) if row.arity != 0} - {_CUSTOM, _GIVEN}  # computed from operands


# ---- operators of a user's class ---------------------------------------------------------------------------------


def _reflected(name: str, operator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the method for an operand on the left, whose operator comes first if it was not asked yet."""

    def method(self: Any, other: Any) -> Any:
        inherited = getattr(type(self), f"__r{name}__", None) is method  # no __radd__ of the user's called this one
        if inherited and isinstance(other, core.Node) and isinstance(self, type(other)):
            return getattr(other, f"__{name}__")(self)
        return operator(self, other)

    return method


class MicrogradOperators:
    """What stands in the class of the left operand for micrograd: a base of each class that overrides operators."""

    __slots__ = ()
    __array_priority__ = -1000000.0  # numpy's arrays go on item by item, as beside micrograd's Value
    __radd__ = _reflected("add", add)
    __rmul__ = _reflected("mul", mul)


# By these a class does not ask to come before a Value on its left.
COMES_SECOND = (MicrogradOperators.__radd__, MicrogradOperators.__rmul__)
# The operators of the left and of the right operand that micrograd makes an op of, and how.
_MADE: dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[[Any, Any], Any]]] = {
    "NEG": (("__mul__",), (), lambda x, _: x * -1),
    "ADD": ((), ("__add__",), lambda x, y: y + x),  # a number and a Value, as MUL is
    "MUL": ((), ("__mul__",), lambda x, y: y * x),
    "SUB": (("__add__",), ("__neg__", "__mul__"), lambda x, y: x + (-y)),
    "TRUEDIV": (("__mul__",), ("__pow__",), lambda x, y: x * y**-1),
}
_PARTS = {"__add__", "__mul__", "__pow__", "__neg__", "__radd__", "__rsub__", "__rmul__", "__rtruediv__"}
# A Value with these. They come just before Value, behind all that other bases say.
MicrogradValue: Any = None
# The methods of ops, and ==, that Value has at first, by name: a script may assign others early.
AT_FIRST: dict[str, Any] = globals().get("AT_FIRST", {})  # those from before a reload
# False while Value stands in for a class of the script's own, which says what its operators are made of.
as_micrograd = [True]
stops_short = [False]  # in that class a node may have more or fewer local derivatives than operands, as zip() takes


def made_of_others(op: int, x: Any, y: Any = None) -> Any:
    """Return what micrograd makes of operators that a class of the user's overrides; NotImplemented: of none."""
    left, right, make = _MADE[NAMES[op]]
    return make(x, y) if as_micrograd[0] and (_overrides(x, left) or _overrides(y, right)) else NotImplemented


def _overrides(x: Any, names: tuple[str, ...]) -> bool:
    cls: Any = type(x)
    if not issubclass(cls, core.Node) or hasattr(cls, "_reflected"):  # jit traces it
        return False
    made = any(getattr(cls, name) is not getattr(MicrogradValue, name) for name in names)
    if made and not issubclass(cls, MicrogradOperators):  # it got them after its first instance
        make_operators(cls, MicrogradValue.__bases__[-1])
    return made


def make_operators(cls: type, base: type) -> None:
    """Let what a class says of operators hold for a number, an array or a Value on its left too, by super() too."""
    below, bases = cls.__mro__[: cls.__mro__.index(base)], [*cls.__bases__]
    made = below[-1] is MicrogradOperators or {MicrogradOperators, MicrogradValue} & {*bases} or not as_micrograd[0]
    if made or all(_PARTS.isdisjoint(vars(c)) for c in below):
        return
    last = max(i for i, c in enumerate(bases) if c is base or c in below)  # mixins behind may stand before Value
    bases.insert(*((last, MicrogradOperators) if bases[last] is base else (last + 1, MicrogradValue)))
    try:
        type.__dict__["__bases__"].__set__(cls, tuple(bases))  # whatever a metaclass says
    except TypeError:  # it has classes below it already, and one of them had no order then
        for name in ("__array_priority__", "__radd__", "__rmul__"):
            if all(name not in vars(c) for c in below):
                type.__setattr__(cls, name, vars(MicrogradOperators)[name])


def know(base: type) -> None:
    """Take the class of Values."""
    global MicrogradValue
    for name in map(str.lower, NAMES):
        forms = (name, f"__{name}__", f"__r{name}__")
        AT_FIRST.update({x: getattr(base, x) for x in forms if x not in AT_FIRST and hasattr(base, x)})
    AT_FIRST.setdefault("__eq__", base.__eq__)
    body = {"__slots__": (), "__module__": __name__, "__doc__": "A Value with the operators of micrograd."}
    MicrogradValue = type("MicrogradValue", (MicrogradOperators, base), body)
    type.__setattr__(base, "_mg_settled", base)


if "engine" in vars(sys.modules[__package__]):  # this module is loaded again, and perhaps the engine is not
    know(sys.modules[__package__].engine.Value)


# ---- traces ------------------------------------------------------------------------------------------------------

# Traces that are going on, in any thread. One that an interrupt has left in here costs time until it dies, no more.
open_traces: set[Any] = globals().get("open_traces", set())  # those from before a reload
# Functions that tell whether this thread traces a function; jit adds its own.
tracers: list[Callable[[], bool]] = globals().get("tracers", [])


def is_tracing() -> bool:
    """Tell whether this thread traces a function for jit."""
    return bool(open_traces) and any(traces() for traces in tracers)


# ---- operands ----------------------------------------------------------------------------------------------------


def as_values(items: Iterable[Any], what: str = "values") -> tuple[Value, ...]:
    """Return the items as Values; numbers become leaves, in one step."""
    values = listed(items, what)
    if not [t for t in {*map(type, values)} if not issubclass(t, core.Node)]:
        return values
    places = [i for i, x in enumerate(values) if not isinstance(x, core.Node)]
    of = f" of {what}" * (what != "values")
    return with_leaves(values, places, [to_float(values[i], f"item {i}{of}") for i in places])


def with_leaves(values: tuple[Any, ...], places: list[int], numbers: list[float]) -> tuple[Value, ...]:
    """Return the values with new leaves in some places, of the numbers that stand there."""
    out = list(values)
    for i, leaf in zip(places, core.leaves(numbers, [values[i] for i in places], True)):
        out[i] = leaf
    return tuple(out)


def pass_parameters(model: Any) -> str:
    """Return the remedy for a model, or its class, in the place of Values."""
    return "pass the parameters() of a model" if isinstance(model, type) else "pass its parameters()"


ONE_SAMPLE = "to jit a list is a batch: pass one sample as [[...]]"


def listed(items: Any, what: str) -> tuple[Any, ...]:
    """Return the items of an iterable; an error that shows how to make one where it is none."""
    try:  # tuple() of a list that a collection shortens meanwhile is a crash of CPython 3.11
        return (*items,) if type(items) is list else tuple(items)
    except TypeError:
        if hasattr(type(items), "__iter__") and getattr(items, "ndim", None) != 0:
            raise
        remedy = "write [v, ...]"
        if hasattr(type(items), "_reflected"):  # jit traces it
            remedy += "; of a batch the function gets one sample, and f.backward(X, reduce='mean') is the mean"
            if core.operands(items._node)[0] is None:  # it is an argument
                remedy = f"{ONE_SAMPLE}, or {remedy}"
        elif hasattr(items, "parameters"):
            remedy = pass_parameters(items)
        elif callable(items):
            remedy = "pass what it returns" + ", or the parameters() of the model" * hasattr(items, "retrace")
        raise TypeError(f"{what} must be a list of Values, not {type(items).__name__}: {remedy}") from None


def traced_among(values: Collection[Any]) -> Any:
    """Return one of the Values that jit traces, or None."""
    for t in {*map(type, values)}:
        if hasattr(t, "_reflected"):
            return next(x for x in values if type(x) is t)
    return None


def instead(x: Value, y: Value) -> Value:
    """Return a node of the value of x whose gradient goes to y."""
    if (traced := traced_among((x, y))) is not None:
        return traced._trace.record(INSTEAD, x, y)  # type: ignore[no-any-return]
    node: Value = core.own(core.new(), x, y, lib.mg_binary, INSTEAD, *core.handles((x, y)))
    return node


def detached(x: Value) -> Value:
    """Return a node of the value of x, through which no gradient flows: a program computes it anew at each run."""
    return instead(x, as_values((0.0,))[0])


# ---- any number of them ------------------------------------------------------------------------------------------


def node_over(op: int, values: Iterable[Any], what: str = "values") -> Any:
    """Return the node of an n-ary op over Values and numbers."""
    if (direct := core.nary(op, values)) is not None:
        return direct
    items = as_values(values, what)
    if not items:
        return as_values((lib.mg_value(op, 0.0, 0.0, 0.0),))[0]
    if (traced := traced_among(items)) is not None:
        return traced._trace.record(op, items)
    return core.own(core.new(), items, None, lib.mg_nary, op, core.handles(items), len(items))


def _function_of(op: int) -> Callable[[Iterable[Any]], Value]:
    """Return the function of an n-ary op."""

    def function(values: Iterable[Any], /) -> Any:
        return node_over(op, values)

    function.__name__ = function.__qualname__ = NAMES[op].lower()
    function.__module__, function.__doc__ = f"{__package__}.engine", doc(op)  # where a pickle finds it
    return function


FUNCTIONS = {NAMES[op].lower(): _function_of(op) for op in NARY}


# ---- made by hand ------------------------------------------------------------------------------------------------

NOTHING: Any = ()  # as children are where none are given


def give_name(value: Any, name: str, label: str) -> None:
    """Give a Value that begins the first of these two texts that is there."""
    value._mg_settle(type(value))  # or an attribute of the class of that name would take it
    if name:
        value.name = name
    else:
        value.label = label


def given_by_hand(
    _children: Any, _op: Any, children: Any, local_grads: Any
) -> tuple[tuple[Value, ...], list[Any] | None, str]:
    """Return operands, local derivatives if there are any, and label among the arguments of Value."""
    name = "_children"
    if type(children) is not tuple or children:
        if type(_children) is not tuple or _children:
            raise TypeError("children and _children are two names of one argument: give one of them")
        _children, name = children, "children"
    operands = _values_in(_children, name)
    if not isinstance(_op, str):
        if local_grads is not None:
            raise TypeError(f"_op must be a text beside local_grads, not {type(_op).__name__}: {brief(_op)}")
        what = "the third argument must be a label, or"
        return operands, _slopes_in(_op, _children, len(operands), what), ""
    n, what = len(operands), "local_grads must be"
    return operands, None if local_grads is None else _slopes_in(local_grads, _children, n, what), _op


def _values_in(items: Any, what: str) -> tuple[Value, ...]:
    """Return operands as a tuple; an error if one is not a Value."""
    values = listed(items, what)
    for value in values:
        if not isinstance(value, core.Node):
            label = f"label={brief(items)} gives a name" * (what != "_prev" and isinstance(items, str))
            raise TypeError(f"{what} must be Values, not {class_of(value)}: {label or brief(value)}")
    return values


def _slopes_in(given: Any, children: Any, n: int, what: str) -> list[Any]:
    """Return local derivatives for n children, as they are given."""
    is_list = hasattr(given, "__iter__") and getattr(given, "ndim", 1) != 0
    if not is_list or isinstance(given, (str, bytes, bytearray, dict, set, frozenset)):
        wrong = f"{type(given).__name__}: {brief(given)}"
        raise TypeError(f"{what} the local derivatives as a tuple, one for each child, not {wrong}")
    slopes = list(given)
    if len(slopes) != n and not stops_short[0]:
        raise ValueError(f"{len(slopes)} local derivatives for {n} children: there must be one for each child")
    if n > 1 and isinstance(children, (set, frozenset, dict)):
        raise TypeError("children must be a tuple or a list beside local derivatives: a set has no order")
    return [*slopes, *[0.0] * n][:n]


def slopes_of(value: Value) -> list[float]:
    """Return the local derivatives of a node, at the current data of its operands."""
    n, room = len(operands(value)), -1
    while n > room:  # again if another thread has called __init__, and there are more of them now
        room = n
        numbers = ffi.new("double[]", room)
        n = check(lib.mg_local_derivatives(core.handle_of(value), numbers, room))
    return list(ffi.unpack(numbers, n))


def local_grads_of(value: Value) -> tuple[Any, ...]:
    """Return the derivatives of this node with respect to its operands, as given or at their current data."""
    if core.peek(value, "_backward") is not None:
        raise AttributeError(f"_local_grads of {brief(value)} are known to its closure alone, its _backward")
    given = core.operands(value)[1]
    return tuple(given[: len(operands(value))] if type(given) is list else slopes_of(value))


def by_hand(
    out: Any, before: int, data: float, operands: tuple[Any, ...], slopes: list[Any] | None, numpy: bool
) -> None:
    """Let `out` own a node made by hand; a node that it owns becomes that.

    Parameters
    ----------
    before : int
        The handle of that node, -1: there is none.
    operands : tuple of Value
        A leaf has none.
    slopes : list of float or of Value, or None
        Local derivatives.
    numpy : bool
        `data` came from there.
    """
    n = len(operands)
    a: Any
    b: Any
    given = n > 0 and slopes is not None and isinstance(slopes[0], core.Node)
    if n > 2 or (n and (given or numpy)):
        a, b = operands, [*(slopes or ()), *[...] * numpy] if given else ... if numpy else None
    else:
        a, b = operands[0] if n else None, operands[1] if n == 2 else ... if numpy else None
    numbers = ffi.NULL if slopes is None or given else slopes
    nodes = core.handles(slopes or ()) if given else ffi.NULL
    if before >= 0:
        core.flush()  # readers that have died read nothing
    try:
        core.own(out, a, b, lib.mg_by_hand, before, core.handles(operands), n, numbers, nodes, data)
    except OrderError:
        raise ValueError(
            f"{brief(out)} can't get these operands: one of them is younger, or this Value itself, and there would "
            "be a cycle, as another Value was computed from it already. Assign operands before the Value is used"
        ) from None


def make(
    out: Value, data: float, operands: tuple[Value, ...], slopes: list[Any] | None, label: str, numpy: bool
) -> None:
    """Do it in __init__, which may be called again: what it was before is gone then."""
    if slopes and any(isinstance(x, core.Node) for x in slopes):
        slopes = list(as_values(_untraced(slopes)))
    elif slopes:
        slopes = [x if type(x) is float else to_float(x, f"local derivative {i}") for i, x in enumerate(slopes)]
    _untraced(operands)
    before = getattr(out, "_mg_h", -1)
    if before >= 0 and operands:
        core.flush()  # readers that have died read nothing
        if check(lib.mg_is_read(core.handle_of(out))):
            raise ValueError(
                f"__init__ of {brief(out)} is called again with children, but another Value was computed from it: "
                "make a new Value"
            )
    by_hand(out, before, data, operands, slopes, numpy)
    if before >= 0:
        out.grad = 0.0
    core.forget_made(out)
    if label:
        core.put(out, "_op", label)


def assigned_first(self: Any, name: str, number: Any) -> None:
    """Take data or grad of a Value without a node: __init__ of a user's class may set what micrograd's sets.

    A node over operands comes here too where its data is numpy's now.
    """
    if getattr(self, "_mg_h", -1) >= 0:
        a, b = core.operands(self)
        if op_of(self) not in BY_OPS and b is not ...:
            parts = a if isinstance(a, tuple) else (a,) if b is None else (a, b)
            core.own(self, parts, [*b[: len(parts)], ...] if type(b) is list else ..., int, core.handle_of(self))
        return
    if (cls := type(self)) is type(core.new()) or hasattr(cls, "_reflected"):
        raise error(lib.MG_EHANDLE)
    is_data = name == "data"
    if is_data or number != 0:  # a gradient of 0 will be in its node
        closure = core.peek(self, "_backward")  # the engine hears of it once there is a node
        by_hand(self, -1, to_float(number, name) if is_data else 0.0, (), None, is_data and from_numpy(number))
        if closure is not None:
            core.put(self, "_backward", closure)
        if not is_data:  # its data come later
            self.grad = number


def _untraced(values: Any) -> Any:
    """Return the Values; an error if jit traces one."""
    if (x := traced_among(values)) is not None:
        x._put_into_node()
    return values


def _changing(kind: Any, *names: str) -> Any:
    """Return a class of sets or lists of operands: what these methods change is changed in their `node` too."""

    def changing(name: str) -> Callable[..., Any]:
        always = kind is list or name in ("__ixor__", "symmetric_difference_update")  # at the same length too

        def method(self: Any, *given: Any) -> Any:
            n = len(self)
            out = getattr(kind, name)(self, *given)
            if (always or len(self) != n) and (node := getattr(self, "node", None)) is not None:
                assign_operands(node, self)
            return out

        return method

    body: dict[str, Any] = {name: changing(name) for name in names}
    body["__repr__"] = lambda self: repr(kind(self))
    body["__reduce__"] = lambda self: (kind, ([*self],))  # copies are nobody's
    return type(kind.__name__, (kind,), {"__slots__": ("node",), "__module__": "builtins", **body})


_CHANGING = {
    set: _changing(
        set,
        *("add", "update", "discard", "remove", "pop", "clear", "difference_update", "intersection_update"),
        *("symmetric_difference_update", "__ior__", "__isub__", "__iand__", "__ixor__"),
    ),
    list: _changing(
        list, *("append", "extend", "insert", "remove", "pop", "clear", "__setitem__", "__delitem__", "__iadd__")
    ),
}


def operands_in(kind: Any, node: Value, values: Collection[Value]) -> Any:
    """Return operands of a node in a container of this type; those of a node made by hand change with it."""
    if kind not in _CHANGING or (values and op_of(node) in BY_OPS):
        return kind(values)
    out = _CHANGING[kind](values)
    out.node = node
    return out


def op_of(node: Any) -> int:
    return check(lib.mg_op_of(core.handle_of(node)))


def assign_operands(out: Value, operands: Iterable[Any]) -> None:
    """Let a leaf, or a node made by hand, have other operands."""
    try:
        op = op_of(out)
    except NoNodeError:
        assigned_first(out, "data", 0.0)  # its data come later
        op = op_of(out)
    if op == _GIVEN or op in BY_OPS:
        what = "its local derivatives belong to them" if op == _GIVEN else f"{out._op!r} computed it from them"
        raise AttributeError(f"_prev of {brief(out)} can't be assigned: {what}; make a node by hand, Value(data)")
    values = _untraced(_values_in(operands, "_prev"))
    by_hand(out, core.handle_of(out), out.data, values, None, core.operands(out)[1] is ...)
