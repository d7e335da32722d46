"""Attributes of Value that a class over it has, annotates or assigns too."""

from __future__ import annotations

from _weakref import ref

from ._core import Any, brief, core, warn
from ._core.hints import Callable
from ._operands import as_micrograd, make_operators

# What __init__ of micrograd's Value sets on the instance, past all that a class body says.
SET_BY_INIT = ("data", "grad", "_prev", "_op", "_backward")
# Not in micrograd's Value: where a class has one of its own, Python answers a > b by b < a.
COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__")


# All classes over Value, by their ids.
classes: dict[int, ref[Any]] = globals().get("classes", {})  # those from before a reload


def honour(cls: type, base: type) -> None:
    """Let the engine do what a class over Value says."""
    key = id(cls)
    classes[key] = ref(cls, lambda _: classes.pop(key, None))
    _leave_to_init(cls, base)
    _leave_to_python(cls, base)
    make_operators(cls, base)


def settle(cls: type) -> Any:
    """Do it once more with the first instance; return a weak reference to the class.

    Decorators, metaclasses and an __init_subclass__ of others have changed it since, or nobody told of it before.
    """
    if vars(cls).get("_mg_settled") is not cls:
        if not hasattr(cls, "_reflected"):
            honour(cls, type(core.new()))
        type.__setattr__(cls, "_mg_settled", cls)
    return ref(cls)


def _leave_to_init(cls: type, base: type) -> None:
    """Take off a class what __init__ of micrograd hides on each instance; warn of what it hides from the engine.

    A class that is not over Value may serve others: it stays as it is, and `cls` gets the attribute of Value.
    """
    below = cls.__mro__[: cls.__mro__.index(base)]
    told = [c for b in cls.__bases__ if base in b.__mro__ for c in b.__mro__]
    for name in SET_BY_INIT:
        for c in below:
            body = vars(c)
            is_slot = name in body.get("__slots__", ())
            annotated = c is cls and not is_slot and name in body.get("__annotations__", ())
            if name not in body and not annotated:
                continue
            found = body.get(name)
            if hasattr(type(found), "__set__") and not is_slot:
                ours = getattr(base, name)
                own = getattr(found, "fget", found) is not getattr(ours, "fget", ours) and c not in told
                engines = type(found) is _Annotated or hasattr(cls, "_reflected")
                if own and not engines and name in ("data", "grad"):
                    _tell_of(cls, name, found)
                break
            if annotated:
                type.__setattr__(cls, name, _Annotated(cls, name))
                break
            if base not in c.__mro__:
                type.__setattr__(cls, name, getattr(base, name))
                break
            from contextlib import suppress

            with suppress(AttributeError):  # another thread was here first
                type.__delattr__(c, name)


def _leave_to_python(cls: type, base: type) -> None:
    """Let a class that has comparisons of its own, or of a mixin, have these alone."""
    others = [vars(c) for c in cls.__mro__ if c not in base.__mro__]
    own = {name: body[name] for body in reversed(others) for name in COMPARISONS if name in body}
    if not own or hasattr(cls, "_reflected"):
        return
    for name in COMPARISONS:
        x = own.get(name, getattr(object, name))
        if next(vars(c)[name] for c in cls.__mro__ if name in vars(c)) is not x:
            type.__setattr__(cls, name, x)


def _tell_of(cls: type, name: str, attribute: Any) -> None:
    """Warn, once, that the engine does not ask an attribute of a class."""
    told = vars(cls).get("_mg_told", ())
    if attribute in told:
        return
    type.__setattr__(cls, "_mg_told", (*told, attribute))
    warn(
        f"operators and backward() do not ask the {name} of {cls.__name__}: they read and write the number "
        f"that the Value has in C. Give this one another name, or let it read Value.{name}.__get__(self) "
        f"and write Value.{name}.__set__(self, x) as they are"
    )


class _Annotated:
    """An attribute of Value that a class annotates: of instances it is Value's, of the class what its body says.

    @dataclass asks the class for the default of a field. An instance comes later: then this goes, since Value's own
    attribute is many times as fast.
    """

    def __init__(self, cls: type, name: str) -> None:
        self._cls = cls
        self._body = {name: vars(cls)[name]} if name in vars(cls) else {}
        self._name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is not None:
            return self._of_values().__get__(instance, owner)
        from dataclasses import MISSING, Field

        said: Any = self._body.get(self._name, MISSING)
        if isinstance(said, Field) and said.name is not None:  # @dataclass has read it, and puts its default here
            said = said.default
        if said is MISSING:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self._name!r}")
        return said

    def _of_values(self) -> Any:
        """Return Value's own attribute, alone from now on. It is not kept: that of the cffi core has no pickles."""
        above = [vars(c)[self._name] for c in self._cls.__mro__[1:] if self._name in vars(c)]
        of_values = next(x for x in above if hasattr(type(x), "__set__"))
        if vars(self._cls).get(self._name) is self:
            from contextlib import suppress

            if above[0] is not of_values:  # one that a class beside Value has would hide it
                type.__setattr__(self._cls, self._name, of_values)
                return of_values
            with suppress(AttributeError):  # another thread was here first
                type.__delattr__(self._cls, self._name)
        return of_values

    def __set__(self, instance: Any, x: Any) -> None:
        self._of_values().__set__(instance, x)

    def __delete__(self, instance: Any) -> None:
        self._of_values().__delete__(instance)


def also_assigned(name: str, get: Callable[[Any], Any], doc: str) -> property:
    """Return a property of what micrograd's Value does not have: a script may assign it for its own use."""

    def assigned_or_made(self: Any) -> Any:
        own = core.peek(self, name, assign)
        return get(self) if own is assign else own

    def assign(self: Any, x: Any) -> None:
        if not as_micrograd[0]:
            raise AttributeError(f"{name} of {brief(self)} can't be assigned: it stands for that of a class")
        core.put(self, name, x)

    def forget(self: Any) -> None:
        if name not in core.attributes(self):
            raise AttributeError(name)
        del vars(self)[name]

    return property(assigned_or_made, assign, forget, doc)
