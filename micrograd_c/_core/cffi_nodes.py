"""What the nodes of the cffi core are made of: handles, columns, label and closure.

Who owns a handle, and how those of dead Values go back to the arena:

A call into C costs more than all else that __del__ has to do, so handles go back by the hundred. There is no lock,
and a Ctrl-C may come between any two steps:

1. `_dead` gives each handle to one thread only, and straight into a list of C, see `owned_list`.
2. Such a list frees its handles when it dies, in C, where no Ctrl-C arrives. So it frees them once, and surely.

Finalizers still run when the interpreter has cleared this module, so what they need stands in their defaults.

A label and a closure have slots of their own: `_op` and `_backward` are properties of Value, and a __dict__
would take as long to make as the node.
"""

from __future__ import annotations

from _thread import interrupt_main, start_new_thread
from _weakref import ref
from collections import deque
from collections.abc import Callable
from itertools import chain, repeat, starmap

from ._cffi import ffi, lib
from .errors import error
from .hints import Any
from .interrupts import guarded
from .numbers import from_numpy, to_float

_set_python, _closures_of = lib.mg_set_python, lib.mg_sweep_closures
_SLOTS = {"_op": "_mg_label", "_backward": "_mg_closure"}

# Values whose `_backward` is a Python closure, by handle.
closures: dict[int, ref[Any]] = globals().get("closures", {})  # those from before a reload
# [a new object whenever a node changed that a sweep may have handed out, or whose readers it may have]
changes = [object()]


def owned_list(
    n: int,
    new: Callable[[int], Any] = lib.mg_new_list,
    gc: Callable[..., Any] = ffi.gc,
    free: Callable[..., None] = lib.mg_free_list,
) -> Any:
    """Return an mg_list for n handles, which go back to the arena when it dies."""
    made = new(n)
    if not made:
        raise error(lib.MG_ENOMEM)
    return gc(made, free)


class _Dead(list[int]):
    """Handles of Values that have died; as many as `full` go back together."""

    __slots__ = ("full",)  # a slot is read faster than an attribute of a class

    def __init__(self) -> None:
        self.full = 256

    def flush(
        self,
        owned_list: Callable[[int], Any] = owned_list,
        times: Callable[..., Any] = repeat,
        release: Callable[..., None] = ffi.release,
    ) -> None:
        """Give all of them back to the arena."""
        n = len(self)
        batch = owned_list(n)
        try:  # noqa: SIM105 - contextlib may be gone at exit
            batch.handles[0:n] = map(self.pop, times(-1, n))
        except IndexError:  # another thread took the rest
            pass
        release(batch)

    def __del__(self) -> None:
        """Give back what is left when the interpreter ends, and from now on each handle at once."""
        self.full = 1
        self.flush()


_dead: _Dead = globals().get("_dead", _Dead())
flush = _dead.flush


@guarded
def give_back(
    self: Any,
    dead: _Dead = _dead,
    closures: dict[int, Any] = closures,
    plain: Any = int,
    interrupt: Callable[[], None] = interrupt_main,
    in_a_thread: Callable[..., Any] = start_new_thread,
) -> None:
    """Be the __del__ of what has a handle, `_mg_h`."""
    try:
        try:
            handle = self._mg_h
        except AttributeError:  # __init__ raised before there was a node
            return
        if closures:
            closures.pop(handle, None)
        if type(handle) is plain:
            if handle < 0:  # of a traced Value, which has none
                return
            dead.append(handle)
        del self._mg_h
        if len(dead) >= dead.full:
            dead.flush()
    except KeyboardInterrupt:
        in_a_thread(interrupt, ())


class Owned:
    """A node by its handle; it is given back when this object dies.

    For PyPy: it finalizes an object after all that refer to it, one of them a collection, and a chain of Values
    with __del__ would take as many collections as it is long. These refer to nothing, so all of them go at once.
    """

    __slots__ = ("_mg_h",)

    def __init__(self, handle: int) -> None:
        self._mg_h = handle

    __del__ = give_back


class _Lent(int):
    """A handle whose node belongs to another object, and which keeps that alive."""

    owner: Any

    @property
    def _mg_h(self) -> int:
        return self


def lend(handle: int, owner: Any) -> int:
    """Return a handle that keeps the owner of its node alive."""
    lent = _Lent(handle)
    lent.owner = owner
    return lent


def keep_lent(nodes: list[Any], owned: Any) -> None:
    """Let nodes own what all of them were lent from an owned list, so that each dies by itself.

    It is one step, and neither a Ctrl-C nor another thread comes in between: two that own a handle would both give
    it back.
    """
    own = zip(nodes, repeat("_mg_h"), [int(node._mg_h) for node in nodes])
    deque(starmap(setattr, chain([(owned, "n", 0)], own)), 0)


# What Python keeps in slots, and no class of a user's may answer for.
SLOTS = frozenset(("_mg_a", "_mg_b", "_mg_closure", "_mg_h", "_mg_label", "_mg_owned"))


def keep_slots(cls: Any) -> None:
    """Let a class with a __getattr__, a __setattr__ ... of its own not be asked for the slots of a node."""
    for name in ("__getattr__", "__getattribute__", "__setattr__", "__delattr__"):
        pythons = getattr(object, name, object.__getattribute__)
        own = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), pythons)  # no metaclass's
        if own is not pythons and not hasattr(own, "_keeps_slots"):
            setattr(cls, name, _without_slots(own, pythons))


def _without_slots(own: Any, pythons: Any) -> Any:
    def method(self: Any, name: str, *given: Any) -> Any:
        return (pythons if name in SLOTS else own)(self, name, *given)

    method._keeps_slots = True  # type: ignore[attr-defined]
    method.__name__, method.__qualname__, method.__doc__ = own.__name__, own.__qualname__, own.__doc__
    return method


# ---- what is read and assigned -----------------------------------------------------------------------------------


def column(name: str, doc: str, no_deletion: str) -> Any:
    """Return the property for a column of the arena."""
    read, write = getattr(lib, f"mg_{name}"), getattr(lib, f"mg_set_{name}")

    def get(self: Any) -> float:
        try:
            return read(self._mg_h)  # type: ignore[no-any-return]
        except AttributeError:
            raise error(lib.MG_EHANDLE) from None

    def set(self: Any, number: Any) -> None:
        x = number if type(number) is float else to_float(number, name)
        try:
            failed = write(self._mg_h, x)
        except AttributeError:
            self._assigned_first(name, number)
            return
        if failed:
            raise error(lib.MG_EHANDLE)
        if x is not number and name == "data" and from_numpy(number):
            if self._mg_a is None:
                self._mg_b = ...  # as of a leaf that is made of it
            else:
                self._assigned_first(name, number)

    def delete(self: Any) -> None:
        raise AttributeError(no_deletion)

    for accessor, of in (get, "fget"), (set, "fset"), (delete, "fdel"):  # so pickles of classes name them
        accessor.__module__, accessor.__qualname__ = f"{__package__[:-6]}.engine", f"Value.{name}.{of}"
    return property(get, set, delete, doc)


def peek(node: Any, name: str, otherwise: Any = None, /) -> Any:
    """Return an attribute past all properties, None or what is given where there is none."""
    slot = _SLOTS.get(name)
    return node.__dict__.get(name, otherwise) if slot is None else getattr(node, slot, otherwise)


def put(node: Any, name: str, attribute: Any) -> None:
    """Set an attribute past all properties; the sweep pauses at the node from its `_backward` on."""
    if name != "_backward":
        if name == "_op":
            node._mg_label = attribute
        else:
            node.__dict__[name] = attribute
        return
    node._mg_closure = attribute
    try:
        handle = node._mg_h
    except AttributeError:
        return
    if type(handle) is not int:  # a lent one would keep the node alive
        handle = int(handle)
    closures[handle] = ref(node)
    if _set_python(handle, 1):
        changes[0] = object()


def forget_made(node: Any) -> None:
    """Drop the label and the closure of a node."""
    node._mg_label = node._mg_closure = None
    if closures.pop(node._mg_h, None) is not None:
        _set_python(node._mg_h, 0)


def closure_at(handle: int) -> Any:
    """Return the node with a closure at a handle, or None."""
    reference = closures.get(handle)
    return None if reference is None else reference()


def attributes(node: Any) -> dict[str, Any]:
    """Return a copy of all attributes."""
    made = {name: peek(node, name) for name in _SLOTS}
    return {**node.__dict__, **{name: attribute for name, attribute in made.items() if attribute is not None}}


def run_closures(pause: Any) -> int:
    """Go on with a sweep to its end. No `try` has such a loop: from 3.12 on it does not guard the jump back."""
    change = changes
    while (n := _closures_of(pause)) > 0:
        known = change[0]
        # A closure may let a node below die, and its handle become that of another: ask for references before.
        references = (closures.get(pause.node),) if n == 1 else [*map(closures.get, ffi.unpack(pause.nodes, n))]
        for reference in (rest := iter(references)):
            node = reference() if reference else None
            if node is not None and (closure := node._mg_closure) is not None:
                closure()
                if change[0] is not known:  # those that are left may read others now
                    pause.left = len([*rest])
    return int(n)
