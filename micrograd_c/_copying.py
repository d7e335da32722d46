"""Copies and pickles of Values; a graph of any depth is copied without recursion."""

from __future__ import annotations

from _thread import get_ident

from ._core import NAMES, OPS, TYPE_CHECKING, Any, brief, core, ffi, lib
from ._core.hints import Callable, Collection, Iterable, Iterator
from ._core.numbers import from_numpy, is_object
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
        by_hand(out, -1, data, children, b if given is None else given, b is ...)
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
        counts = {len(flat(a, b)), lib.mg_local_derivatives(core.handle_of(value), ffi.NULL, 0)}
        if given is not None:
            counts.add(len(given))
        if len(counts) == 1 and describe(value).op == node.op:
            break
    return node.op, a, b, node.activation, node.data, node.grad, given


# ---- copies: methods of Value ------------------------------------------------------------------------------------


def shallow(self: Any) -> Any:
    """Return a copy over the same operands."""
    out = _copy_of(self, lambda operand: operand)
    if (state := _state(self, "copy")) is not None:
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
            state = _state(v, "deepcopy")
            memo[id(v)] = out = _copy_of(v, copied)
            if state is not None:
                out.__setstate__(deepcopy(state, memo))
    return memo[id(self)]


def _copy_of(value: Value, renamed: Callable[[Any], Any]) -> Any:
    """Return a node like `value` over its operands, each renamed."""

    def rename(part: Any) -> Any:
        if isinstance(part, (tuple, list)):
            return type(part)(map(renamed, part))
        return renamed(part) if isinstance(part, core.Node) else part

    op, a, b, *numbers = _record(value)
    cls: Any = type(value)
    return restore(cls.__new__(cls), op, rename(a), rename(b), *numbers)


def _state(value: Any, verb: str) -> Any:
    """Return the state of a Value; an error where it has a closure and its class no __getstate__ of its own.

    A deep copy has this error as its `_backward`: a network may keep such a node, and its copy may do without.
    """
    if type(value).__getstate__ is not get_state:
        return value.__getstate__()
    state = get_state(value)
    closure = core.peek(value, "_backward")
    if closure is not None and _is_tied(closure, verb == "copy"):
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


def _refuse(message: str) -> None:
    raise TypeError(message)


def _is_tied(closure: Any, shallow: bool) -> bool:
    """Tell whether a `_backward` goes on with the Values that it knows when its node is copied.

    A deep copy of a method or of another object has copies of these; one of a function is the function itself.
    """
    from functools import partial
    from types import MethodType

    if isinstance(closure, (partial, MethodType)):
        return shallow or _is_tied(closure.func if isinstance(closure, partial) else closure.__func__, False)
    code = getattr(closure, "__code__", None)
    if code is None:
        call: Any = type(closure).__call__
        tied = shallow and not hasattr(closure, "__text_signature__")  # a function of C knows no Values
        return tied or (hasattr(call, "__code__") and _is_tied(call, False))
    cells = {*code.co_freevars} - {"__class__"}  # that of super() is a class
    return bool(cells) or _leads_to_values(closure)


def _names_in(code: Any) -> Iterator[str]:
    """Yield the global names that a function reads, and those of functions in it; co_names has attributes too."""
    from dis import get_instructions

    yield from (x.argval for x in get_instructions(code) if x.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names_in(constant)


_PLAIN = frozenset((float, int, bool, str, bytes, type(None)))  # of which a script may know millions


def _leads_to_values(function: Any) -> bool:
    """Tell whether a function knows Values: by collections, functions and objects of the same script too."""
    from contextlib import suppress

    todo, seen = [function], set()
    while todo:
        x = todo.pop()
        if issubclass(type(x), core.Node):
            return True
        if type(x) in _PLAIN or id(x) in seen:
            continue
        seen.add(id(x))
        with suppress(Exception):  # of a user's class whose attributes and items are not there, or not yet
            todo += _held_by(x, function)
    return False


def _held_by(x: Any, function: Any) -> Iterable[Any]:
    """Return what an object leads to where a function of a script knows it."""
    from functools import partial
    from types import CellType, FunctionType, MethodType

    if isinstance(x, FunctionType):
        if x.__globals__ is not function.__globals__:
            return ()
        cells = (cell.cell_contents for cell in x.__closure__ or () if cell != CellType())
        read = map(x.__globals__.get, _names_in(x.__code__))
        return (*read, *cells, *(x.__defaults__ or ()), *(x.__kwdefaults__ or {}).values())
    if isinstance(x, dict):
        return x.values()
    if isinstance(x, (list, tuple, set, frozenset)):
        return x
    if from_numpy(x):
        return x.ravel().tolist() if is_object(x) else ()
    if isinstance(x, MethodType):
        return x.__self__, x.__func__
    if isinstance(x, partial):
        return x.func, x.args, x.keywords
    if type(x).__module__ in (function.__module__, f"{__package__}.nn"):
        return (*getattr(x, "__dict__", {}).values(), *in_slots(x).values())
    return ()


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
    return unpickle, (_below(self), type(self), *names, *numbers), _state(self, "pickle")


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
        thread = get_ident()
        try:
            for value in self:
                _expected.add((thread, id(value)))
                yield value
        finally:
            _expected.difference_update((thread, id(value)) for value in self)


# Values that a list has handed to the pickler of a thread, and that it has not pickled yet, by thread and id.
_expected: set[tuple[int, int]] = set()


def _below(value: Value) -> _Below | None:
    """Return what has to be pickled before `value`; None if a list has just handed it out."""
    if core.operands(value)[0] is None:
        return None
    key = get_ident(), id(value)
    if key in _expected:
        _expected.discard(key)
        return None
    return _Below(in_order(value, references)[:-1])
