"""Copies and pickles of Values; a graph of any depth is copied without recursion."""

from __future__ import annotations

from _thread import get_ident

from ._core import NAMES, OPS, TYPE_CHECKING, Any, brief, core, lib
from ._core.absent import importing
from ._core.hints import Callable, Collection, Iterator
from ._core.walk import describe, flat, in_order, references
from ._operands import by_hand, slopes_of
from ._value_attributes import SET_BY_INIT

if TYPE_CHECKING:
    from .engine import Value

_GIVEN = NAMES.index("GIVEN")

# Slots that are no attributes of a user's class.
_NOT_COPIED = frozenset(("_mg_a", "_mg_b", "_mg_closure", "_mg_h", "_mg_label", "_mg_owned", *SET_BY_INIT))


def restore(
    out: Any, op: int, a: Any, b: Any, activation: int, data: float, grad: float, given: list[float] | None = None
) -> Any:
    """Let `out` own a node of `op` over the parts `a` and `b`; nothing is computed."""
    if op == _GIVEN:
        children = a if type(a) is tuple else (a,) if b is None else (a, b)
        n = len(children)
        numpy = b is ... or (given is None and len(b) > n)
        by_hand(out, -1, data, children, b[:n] if given is None else given, numpy)
        out.grad = grad
        return out
    handles, k = core.handles(flat(a, b)), b if OPS[op].takes_k else 0.0
    return core.own(out, a, b, lib.mg_restore, op, handles, len(handles), k, activation, data, grad)


def _record(value: Value) -> tuple[Any, ...]:
    """Return the arguments of `restore`; the last are local derivatives, if they are numbers of the node's own.

    Another thread may call __init__ of the Value: it is read again until its parts belong together.
    """
    for _ in range(100_000):  # longer than a thread waits for its turn
        node = describe(value)
        a, b = core.operands(value)
        given = slopes_of(value) if node.op == _GIVEN and type(b) is not list else None
        if node.operands == len(flat(a, b)) == len(flat(a, b) if given is None else given):
            break
    return node.op, a, b, node.activation, node.data, node.grad, given


# ---- copies: methods of Value ------------------------------------------------------------------------------------


def shallow(self: Any) -> Any:
    """Return a copy over the same operands."""
    out = _copy_of(self, lambda operand: operand)
    if (state := _state(self, "copy", {})) is not None:
        out.__setstate__(state)
    return out


def deep(self: Any, memo: dict[int, Any]) -> Any:
    """Return a copy over copies of all that it was computed from."""
    from copy import deepcopy  # here, since few programs copy a Value

    def copied(operand: Any) -> Any:
        # One that is missing is there since another thread has called __init__.
        return memo[id(operand)] if id(operand) in memo else deep(operand, memo)

    for v in in_order(self, references):
        if id(v) not in memo:
            state = _state(v, "deepcopy", memo)
            memo[id(v)] = out = _copy_of(v, copied)
            if state is not None:
                out.__setstate__(deepcopy(state, memo))
    return memo[id(self)]


def _copy_of(value: Value, renamed: Callable[[Any], Any]) -> Any:
    """Return a node like `value` over its operands, each renamed."""

    def rename(part: Any) -> Any:
        if isinstance(part, (tuple, list)):
            return type(part)(map(rename, part))
        return renamed(part) if isinstance(part, core.Node) else part

    op, a, b, *numbers = _record(value)
    cls: Any = type(value)
    return restore(cls.__new__(cls), op, rename(a), rename(b), *numbers)


def _state(value: Any, verb: str, memo: dict[int, Any]) -> Any:
    """Return the state of a Value; an error where it has a closure and its class no __getstate__ of its own.

    A deep copy has this error as its `_backward`: a network may keep such a node, and its copy may do without.
    `memo` keeps for the other nodes what this one's closure leads to.
    """
    if type(value).__getstate__ is not get_state:
        return value.__getstate__()
    state = get_state(value)
    closure = core.peek(value, "_backward")
    if closure is not None and _reach(verb != "copy", memo).ties(closure):
        why = (
            f"{brief(value)}, made by {value._op!r}: its _backward is the Python closure "
            f"{getattr(closure, '__qualname__', brief(closure))}, tied to the original Values. "
            "Copy the leaves and compute it anew."
        )
        if verb != "deepcopy":
            raise TypeError(f"cannot {verb} {why}")
        from functools import partial

        attributes = state[0] if type(state) is tuple else state
        attributes["_backward"] = partial(_refuse, f"cannot go backward through a copy of {why}")
    return state


def _reach(deep: bool, memo: dict[int, Any]) -> Any:
    with importing:
        from ._reach import Reach  # here, since few nodes have closures

    if id(Reach) not in memo:
        memo[id(Reach)] = Reach(deep)
    return memo[id(Reach)]


def _refuse(message: str) -> None:
    raise TypeError(message)


def get_state(self: Any) -> Any:
    """Return the attributes of a Value, and those in slots of its class where there are any, as Python's does."""
    attributes, slots = core.attributes(self), in_slots(self, _NOT_COPIED)
    return (attributes, slots) if slots else attributes


def in_slots(x: Any, others: Collection[str] = ()) -> dict[str, Any]:
    """Return the attributes of an object that stand in slots of its class, but no others."""
    from copyreg import _slotnames  # type: ignore[attr-defined]

    own = [name for name in _slotnames(type(x)) if name not in others]
    own = [name for name in own if not isinstance(getattr(type(x), name, None), property)]
    return {name: getattr(x, name) for name in own if hasattr(x, name)}


def set_state(self: Value, state: Any) -> None:
    """Set the attributes that `get_state` returned."""
    attributes, slots = state if type(state) is tuple else (state, None)
    for name, attribute in {**(attributes or {}), **(slots or {})}.items():
        setattr(self, name, attribute)


# ---- pickles -----------------------------------------------------------------------------------------------------


def reduced(self: Value) -> tuple[Any, ...]:
    """Return `unpickle`, its arguments, and the state."""
    op, a, b, activation, *numbers = _record(self)
    names = NAMES[op], a, b, NAMES[activation] if activation >= 0 else None
    below, memo = _below(self)
    return unpickle, (below, type(self), *names, *numbers), _state(self, "pickle", memo)


def unpickle(below: Any, cls: Any, op: str, a: Any, b: Any, activation: str | None, *numbers: Any) -> Any:
    """Return the Value that `reduced` got; `below` was unpickled before it."""
    act = -1 if activation is None else NAMES.index(activation)
    return restore(cls.__new__(cls), NAMES.index(op), a, b, act, *numbers)


class _Below(list[Any]):
    """All Values below one, operands first: pickled in this order none of them needs recursion."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return list, (), None, self._handed_out()

    def _handed_out(self) -> Iterator[Value]:
        thread, memo, rest = get_ident(), dict[int, Any](), iter(self)
        try:
            for value in self:
                _expected[thread, id(value)] = rest, memo
                yield value
        finally:
            for value in self:
                _expected.pop((thread, id(value)), None)


# Values that a list has handed to the pickler of a thread, and that it has not pickled yet, by thread and id; each
# with the rest of the list, and with what all of it share.
_expected: dict[tuple[int, int], tuple[Iterator[Value], dict[int, Any]]] = {}


def _below(value: Value) -> tuple[_Below | None, dict[int, Any]]:
    """Return what has to be pickled before `value`, None if a list has just handed it out; and what that shares."""
    thread = get_ident()
    if (thread, id(value)) not in _expected:
        return None if core.operands(value)[0] is None else _Below(in_order(value, references)[:-1]), {}
    rest, memo = _expected[thread, id(value)]
    for v in rest:  # those before it are in this pickle already, and not in one that an attribute makes now
        _expected.pop((thread, id(v)), None)
        if v is value:
            break
    return None, memo
