"""What the `_backward` of a node made by hand leads to: a copy of the node must not write to the old Values."""

from __future__ import annotations

import gc
import os
import sys
from _thread import _local
from contextlib import suppress
from dis import get_instructions
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import resolve_name
from inspect import currentframe
from io import IOBase
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from weakref import CallableProxyType, ProxyType, ref

from ._core import Any, core
from ._core.hints import Iterator
from ._core.numbers import numpys

_PLAIN = frozenset((float, int, bool, str, bytes, type(None)))  # of which a script may know millions
_METHODS = (partial, MethodType)
_UNKNOWN = (GeneratorType, CoroutineType, AsyncGeneratorType)  # may lead to anything
_CLOSED = (CodeType, FrameType, TracebackType)  # not looked into
_PROXIES = (ProxyType, CallableProxyType)
_SHARED = (
    BuiltinFunctionType,
    property,
    ref,
    _local,
    *_PROXIES,
)  # a deep copy is the same object, or cannot be made

_CODE = (FunctionType, BuiltinFunctionType, type, ModuleType)

# Who reads one of these objects or attributes may read all that there is ...
_EVERYTHING = (eval, exec, globals, __import__, import_module, currentframe, gc.get_objects, gc.get_referrers)
_OPEN = frozenset(("__globals__", "__subclasses__", "f_globals", "f_locals"))
# ... and who reads one of these names attributes of any name.
_ANY_NAME = frozenset(
    ("__dict__", "__getattribute__", "attrgetter", "getattr", "getmembers", "methodcaller", "vars")
)

_PYTHONS = os.path.join(os.path.dirname(os.__file__), "")  # where Python has its own modules
_NOWHERE = ModuleType("nowhere")


class Reach:
    """What functions lead to: by names, cells, items, attributes, and by other functions of the script.

    It is made for one copy, of however many nodes: the script may change all of it later. `deep`: objects that a
    node holds are copied with it, and the Values in them too. Functions, classes and modules never are.
    """

    def __init__(self, deep: bool) -> None:
        self._deep = deep
        self._everything = {*map(id, (*_EVERYTHING, sys.modules, sys._getframe))}
        self._tied: dict[int, Any] = {}
        self._free: dict[tuple[int, bool], Any] = {}  # what was looked through, and leads to no Value
        self._names = {"_member_map_", "run"}  # that functions read; Enums and threads read these
        self._places: list[Any] = []  # classes and modules, where these names are looked up

    def ties(self, closure: Any) -> bool:
        """Tell whether a `_backward` goes on with the Values that it knows when its node is copied."""
        if id(closure) in self._tied:
            return True
        places, names, found = len(self._places), {*self._names}, {}  # type: ignore[var-annotated]
        with suppress(Exception):  # of a user's metaclass, say: then it cannot be known
            if self._is_free(closure, found):
                self._free.update(found)
                return False
        del self._places[places:]
        self._names = names
        self._tied[id(closure)] = closure
        return True

    def _is_free(self, closure: Any, found: dict[tuple[int, bool], Any]) -> bool:
        function = closure
        while issubclass(type(function), _METHODS):
            function = function.func if issubclass(type(function), partial) else function.__func__
        if not issubclass(type(function), FunctionType):
            function = type(function).__call__
        code = getattr(function, "__code__", None)
        if {*getattr(code, "co_freevars", ())} - {"__class__"}:  # that of super() is a class
            return False
        self._home = str(getattr(function, "__module__", None)).partition(".")[0]
        todo, names, places = [(closure, self._deep)], len(self._names), len(self._places)
        while todo:
            for x, deep in todo:  # which grows
                kind, key = type(x), (id(x), deep)
                if kind in _PLAIN or key in found or key in self._free:
                    continue
                found[key] = x
                if (issubclass(kind, core.Node) and not deep) or issubclass(kind, _UNKNOWN):
                    return False
                if id(x) in self._everything:
                    return False
                todo.append((kind, False))
                if issubclass(kind, (type, ModuleType)):
                    self._places.append(x)
                elif issubclass(kind, core.Node):
                    todo += [(y, deep) for name, y in core.attributes(x).items() if name != "_backward"]
                elif issubclass(kind, FunctionType):
                    todo += [(y, False) for y in self._known_to(x)]
                else:
                    along = deep and _goes_along(kind)
                    todo += [(y, along) for y in _held_by(x) if type(y) not in _PLAIN]
            if not self._names.isdisjoint(_OPEN):
                return False
            looked_up = places if len(self._names) == names else 0
            names, places = len(self._names), len(self._places)
            todo = [(y, False) for place in self._places[looked_up:] for y in self._named(place)]
        return True

    def _known_to(self, function: Any) -> list[Any]:
        """Return what a function has of its own, and what its code reads: all of it where that is the script's."""
        space = function.__globals__
        known = [function.__closure__, function.__defaults__, function.__kwdefaults__, function.__annotations__]
        known.append(function.__dict__)
        if _is_ours(space):
            return known
        names, read, imported = _names_in(function.__code__)
        if self._is_library(space):
            return known + [x for x in map(space.get, read) if not issubclass(type(x), _CODE)]
        self._names |= names
        builtins = space.get("__builtins__", {})
        builtins = builtins if type(builtins) is dict else vars(builtins)
        known += [space.get(name, builtins.get(name)) for name in read]
        for name in imported:
            module = resolve_name(name, space.get("__package__"))
            known += [sys.modules.get(module), sys.modules.get(module.partition(".")[0])]
        return known

    def _named(self, place: Any) -> Iterator[Any]:
        """Yield what a class or a module has under names that functions read, or that Python itself looks up."""
        any_name = not self._names.isdisjoint(_ANY_NAME)
        if issubclass(type(place), ModuleType):
            own = not self._is_library(vars(place))
            spaces: Any = [(vars(place), own and any_name, "__getattr__" if own else ())]
        else:
            begin = () if issubclass(place, core.Node) else "__"
            spaces = [(vars(c), any_name, begin) for c in place.__mro__ if not self._is_library(_home_of(c))]
            spaces += [(vars(c), False, ()) for c in place.__mro__ if _is_ours(_home_of(c))]
        for space, every, begin in spaces:
            for name, x in [*space.items()]:
                if every or name in self._names or name.startswith(begin):
                    yield x

    def _is_library(self, space: dict[str, Any]) -> bool:
        """Tell whether a module, by its globals, is none of the script's own: of Python, installed, or of us."""
        path, origin = str(space.get("__file__")), getattr(space.get("__spec__"), "origin", None)
        if str(space.get("__name__")).partition(".")[0] == self._home or _is_ours(space):
            return _is_ours(space)
        installed = "site-packages" in path or "dist-packages" in path
        return installed or path.startswith(_PYTHONS) or origin in ("built-in", "frozen")


def _home_of(cls: type) -> dict[str, Any]:
    """Return the globals of the module of a class."""
    return vars(sys.modules.get(str(cls.__module__), _NOWHERE))


def _is_ours(space: dict[str, Any]) -> bool:
    return f"{space.get('__name__')}.".startswith(f"{__package__}.")


def _held_by(x: Any) -> list[Any]:
    """Return what is in an object that is no function, class or module."""
    kind = type(x)
    if issubclass(kind, _CLOSED) or (issubclass(kind, IOBase) and kind.__module__ == "_io"):
        return []
    if issubclass(kind, BuiltinFunctionType):
        owner = getattr(x, "__self__", None)
        return [] if issubclass(type(owner), ModuleType) else [owner]
    if issubclass(kind, _PROXIES):
        return [x.__init__.__self__]
    held = gc.get_referents(x)
    if issubclass(kind, ref):
        held.append(x())
    elif issubclass(kind, _local):
        held.append(vars(x))
    elif issubclass(kind, numpys("ContextVar", "contextvars") or ()):
        held.append(x.get(None))
    elif issubclass(kind, numpys("ndarray") or ()) and x.dtype.hasobject:
        held.append(x.tolist())
    return held


def _goes_along(kind: type) -> bool:
    """Tell whether a deep copy of an object of this class has copies of what is in it, as far as can be known."""
    if issubclass(kind, numpys("ndarray") or ()) or _is_ours(_home_of(kind)):
        return True
    own = any(hasattr(getattr(kind, name, None), "__code__") for name in ("__reduce__", "__reduce_ex__"))
    return not (own or hasattr(kind, "__deepcopy__") or issubclass(kind, _SHARED))


@lru_cache(1000)
def _names_in(code: Any) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return all names in the code of a function and of those in it, the global ones, and modules it imports."""
    names, read, imported = {*code.co_names}, set(), set()
    steps = [x for x in get_instructions(code) if x.opname != "EXTENDED_ARG"]
    for i, x in enumerate(steps):
        if x.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            read.add(x.argval)
        elif x.opname == "IMPORT_NAME":
            imported.add("." * steps[i - 2].argval + x.argval)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            for found, more in zip((names, read, imported), _names_in(constant)):
                found |= more
    return frozenset(names), frozenset(read), frozenset(imported)
