"""Attributes of Value that a class over it has, annotates or assigns too."""

from __future__ import annotations

from ._core import Any, brief, core, warn
from ._core.hints import Callable
from ._operands import as_micrograd

# What __init__ of micrograd's Value sets on the instance, past all that a class body says.
SET_BY_INIT = ("data", "grad", "_prev", "_op", "_backward")


def leave_to_init(cls: type) -> None:
    """Take off a class what __init__ of micrograd hides on each instance; warn of what it hides from the engine."""
    body = cls.__dict__
    annotated = body.get("__annotations__", ())
    for name in SET_BY_INIT:
        if name in annotated and not hasattr(type(body.get(name)), "__set__"):
            setattr(cls, name, _Annotated(cls, name))
        elif name in body and (not hasattr(type(body[name]), "__set__") or name in body.get("__slots__", ())):
            delattr(cls, name)
        elif name in body and name in ("data", "grad") and not hasattr(cls, "_reflected"):
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
        if vars(self._cls).get(self._name) is self:
            from contextlib import suppress

            with suppress(AttributeError):  # another thread was here first
                delattr(self._cls, self._name)
        return next(vars(c)[self._name] for c in self._cls.__mro__[1:] if self._name in vars(c))

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
