"""What a class over Value, or over Module, has, annotates or assigns too."""

from __future__ import annotations

import operator
from _weakref import ref

from ._core import NAMES, Any, as_number, brief, core, lib, warn
from ._core.hints import Callable
from ._operands import MicrogradOperators, as_micrograd, is_tracing, make_operators, open_traces

_LESS, _NOT_EQUAL = NAMES.index("LESS"), NAMES.index("NOT_EQUAL")  # and all between are comparisons
# What __init__ of micrograd's Value sets on the instance, past all that a class body says.
SET_BY_INIT = ("data", "grad", "_prev", "_op", "_backward")
# What micrograd's classes have as well. Any other attribute of ours gives way to one that stands behind it.
_OPERATORS = "__add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __truediv__ __rtruediv__ __pow__ __neg__"
_OF_MICROGRAD = {
    "Value": {"__init__", "__repr__", "relu", "backward", *_OPERATORS.split(), *SET_BY_INIT},
    "Module": {"zero_grad", "parameters"},
    "Neuron": {"__init__", "__call__", "__repr__", "w", "b", "nonlin"},
    "Layer": {"__init__", "__call__", "__repr__", "neurons"},
    "MLP": {"__init__", "__call__", "__repr__", "layers"},
}
# What a class of the script's own has, while Value stands in for it.
_of_script: set[str] = globals().get("_of_script", set())  # those from before a reload
# These belong to a class itself, or are asked along all of its bases.
_OF_CLASSES = {
    *("__module__", "__doc__", "__dict__", "__weakref__", "__slots__", "__annotations__", "__firstlineno__"),
    *("__static_attributes__", "__class__", "__new__", "__init_subclass__"),
}


# All classes over Value, by their ids.
classes: dict[int, ref[Any]] = globals().get("classes", {})  # those from before a reload


_Value: Any = None


def honour(cls: type, base: type) -> None:
    """Let the engine do what a class over Value says."""
    global _Value
    _Value = base
    key = id(cls)
    classes[key] = ref(cls, lambda _: classes.pop(key, None))
    give_way(cls, base)
    _leave_to_python(cls, base)
    _leave_to_init(cls, base)
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


def give_way(cls: type, base: type) -> None:
    """Let what a class has behind one of ours come before what micrograd's does not have."""
    behind = [c for c in cls.__mro__[cls.__mro__.index(base) :] if c not in base.__mro__]
    if behind:
        names = {name for c in base.__mro__[:-1] for name in vars(c)} - _OF_CLASSES
        names.difference_update(*(_OF_MICROGRAD.get(c.__name__, ()) for c in base.__mro__))
        if issubclass(cls, core.Node):
            names -= _of_script
        _put_first(cls, base, {x: vars(c)[x] for c in reversed(behind) for x in names & vars(c).keys()})


def _put_first(cls: type, base: type, found: dict[str, Any]) -> None:
    """Put it into a base before our classes, behind what stands before them; what lies between them goes on."""
    if not found:
        return
    bases, root, before = [*cls.__bases__], base.__mro__[-2], cls.__mro__[: cls.__mro__.index(base)]
    place = next(i for i, b in enumerate(bases) if root in b.__mro__ or b.__module__ == make_operators.__module__)
    between = {c for b in bases[place:] if root in b.__mro__ for c in b.__mro__ if c in before}
    taken = {x for c in between if "_mg_first" not in vars(c) for x in vars(c)}
    some = [(name, x) for name, x in found.items() if name not in taken and not _is_no_attribute(name, x)]
    first: Any = next((b for b in bases if "_mg_first" in vars(b)), None)
    if some and first is None:
        slots = {"__slots__": ()} if issubclass(cls, core.Node) else {}  # of the layout of Value, or of Module
        first = type("First", (), {"__module__": __name__, "_mg_first": True, **slots})
        bases.insert(place, first)
        type.__dict__["__bases__"].__set__(cls, tuple(bases))  # whatever a metaclass says
    for name, x in some:
        setattr(first, name, x)


def _is_no_attribute(name: str, x: Any) -> bool:
    return (name == "__hash__" and x is None) or getattr(x, "__isabstractmethod__", False)


# ---- comparisons -------------------------------------------------------------------------------------------------


def _comparison(holds: Callable[[Any, Any], bool], other_way: str) -> Callable[[Any, Any], bool]:
    """Return the method that compares the data of a Value with those of another, or with a number."""
    name = f"__{holds.__name__}__"

    def method(self: Any, other: Any) -> Any:
        cls, theirs = type(self), type(other)
        if cls is _Value:  # quickly: that b < a is no other one, which Python asks instead of a > b
            has_own = getattr(cls, other_way) is not COMPARISONS[other_way]
        else:
            has_own = _has_own(cls) or (theirs is not cls and issubclass(theirs, node) and _has_own(theirs))
        if has_own and as_micrograd[0] and getattr(cls, name) is method:
            return NotImplemented
        number = other.data if issubclass(theirs, node) else as_number(other)
        if number is None:
            return NotImplemented
        return _kept(holds(self.data, number)) if open_traces else holds(self.data, number)

    node = core.Node
    method.__name__, method.__qualname__ = name, f"Value.{name}"
    return method


def _has_own(cls: Any) -> bool:
    return cls.__lt__ is not _LT or cls.__gt__ is not _GT or cls.__le__ is not _LE or cls.__ge__ is not _GE


# Those that Value has at first, by name.
COMPARISONS: dict[str, Any] = globals().get("COMPARISONS") or {  # those from before a reload
    "__lt__": _comparison(operator.lt, "__gt__"),
    "__le__": _comparison(operator.le, "__ge__"),
    "__gt__": _comparison(operator.gt, "__lt__"),
    "__ge__": _comparison(operator.ge, "__le__"),
}
_LT, _LE, _GT, _GE = COMPARISONS.values()


def truth(self: Any) -> bool:
    """Tell whether a comparison, such as a.less(b), holds. Every other Value is true, as objects are in Python."""
    cls = type(self)
    if hasattr(cls, "__len__") and any("__len__" in vars(c) for c in cls.__mro__):  # no metaclass's
        return len(self) > 0
    compared = _LESS <= lib.mg_op_of(getattr(self, "_mg_h", -1)) <= _NOT_EQUAL
    return not compared or _kept(self.data != 0)


def _kept(answer: bool) -> bool:
    """Return what a comparison of data gave; a trace does not see it, so that is told."""
    if is_tracing():
        warn(
            "Values that no argument goes into are compared while jit traces the function, and the program "
            "keeps the answer: write a.less(b), a.greater(b) and their like, which mg.where takes"
        )
    return answer


def _leave_to_python(cls: Any, base: Any) -> None:
    """Let a comparison, == or __reduce__ of a class be the only one that functools, numpy and copy find."""
    if hasattr(cls, "_reflected") or not as_micrograd[0]:  # jit traces it; the script's class has its own others
        return
    found: dict[str, Any] = {}
    if any(getattr(cls, x) is not getattr(base, x) for x in COMPARISONS):
        found = {x: getattr(object, x) for x, ours in COMPARISONS.items() if getattr(cls, x) is ours}
        if any(x in vars(cls) for x in COMPARISONS):  # super() goes on to Value's, which compare data
            for name, x in found.items():
                type.__setattr__(cls, name, x)
            found = {}
    if cls.__eq__ is not base.__eq__:
        found["__array_priority__"] = MicrogradOperators.__array_priority__
    if cls.__reduce__ is not base.__reduce__ or cls.__reduce_ex__ is not base.__reduce_ex__:  # copies ask it then
        found.update((x, None) for x in ("__copy__", "__deepcopy__") if getattr(cls, x) is getattr(base, x))
    _put_first(cls, base, found)


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


def stand_for(theirs: Any) -> None:
    """Let Value stand in for a class of the script's own, None: for micrograd's."""
    as_micrograd[0] = theirs is None
    _of_script.clear()
    if theirs is not None:  # the first ones may be set by its __init__
        _of_script.update(("name", "label", "_children", "_local_grads"), *map(vars, theirs.__mro__[:-1]))


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
