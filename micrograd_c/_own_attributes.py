"""Attributes that stand, on Value, for those of a script's class."""

from __future__ import annotations

import _ast as ast
from _weakref import ref
from types import CodeType, FunctionType

from ._core import core
from ._core.hints import Any, Callable
from ._operands import BY_OPS, op_of, operands_in
from ._pure import parsed, put_at
from ._samples import GUARDS
from .engine import Value

# As they are before anything of a script is set on Value.
_NAMES = "_prev", "_children", "_op", "_backward", "_local_grads", "_mg_settle"
PROPERTIES: Any = {name: vars(Value)[name] for name in _NAMES}


# ---- of nodes ----------------------------------------------------------------------------------------------------


def or_given(get: Callable[[Value], Any], slot: str, key: str, x: Any) -> Callable[[Value], Any]:
    """Return the getter of what is not empty or was assigned, or else of what was given, or x."""

    def found(self: Value) -> Any:
        found = get(self)
        return found if found or (slot and core.peek(self, slot) is not None) else core.peek(self, key, x)

    return found


def closure_or(x: Any) -> Callable[[Value], Any]:
    """Return the getter of the closure of a node, x where there is none."""

    def closure(self: Value) -> Any:
        own = core.peek(self, "_backward") is not None or op_of(self) in BY_OPS
        return PROPERTIES["_backward"].fget(self) if own else x

    return closure


def in_container(kind: Any, once: bool, key: str = "") -> Callable[[Value], Any]:
    """Return the getter of operands in a container of this type, or that kept as `key`, equal ones once or not."""
    get = PROPERTIES["_children"].fget
    if once and kind in (tuple, list):
        return lambda self: operands_in(kind, self, {id(v): v for v in get(self)}.values())
    if key:
        return lambda self: operands_in(core.peek(self, key, kind), self, get(self))
    return lambda self: operands_in(kind, self, get(self))


def slopes_in(kind: Any, key: str) -> Callable[[Value], Any]:
    """Return the getter of local derivatives, in a container of this type or that kept as `key`, or as assigned."""
    get = PROPERTIES["_local_grads"].fget

    def slopes(self: Value) -> Any:
        own = core.peek(self, "_local_grads", slopes)
        return core.peek(self, key, kind)(get(self)) if own is slopes else own

    return slopes


class Both(property):
    """An attribute that each node has, and that the class has as something else."""

    of_class: Any

    def __get__(self, v: Any, cls: Any = None) -> Any:
        return self.of_class if v is None else super().__get__(v, cls)


def both(name: str, of_nodes: Any, of_class: Any) -> Both:
    """Return it: `of_nodes` is an attribute that Value computes, or what a node has at first."""
    if hasattr(type(of_nodes), "__set__"):
        found = Both(of_nodes.__get__, of_nodes.__set__, of_nodes.__delete__)
    else:
        found = Both(lambda v: core.peek(v, name, of_nodes), lambda v, x: core.put(v, name, x))
    found.of_class = of_class
    return found


def assign_slopes(self: Value, given: Any) -> None:
    """Let a node pass on by these, whatever made it; backward() reads them."""
    node = ref(self)

    def push() -> None:
        v: Any = node()
        for operand, slope in zip(PROPERTIES["_children"].fget(v), core.peek(v, "_local_grads")):
            operand.grad += slope * v.grad

    core.put(self, "_local_grads", given)
    core.put(self, "_backward", push)


# ---- methods ----------------------------------------------------------------------------------------------------


def _never(x: float) -> bool:
    return False


def guarded(ours: Any, theirs: Any, guards: dict[Any, str], tree: Any, cls: str) -> Any:
    """Return a method that is ours for these types of the other operand, where the guard holds, else theirs.

    It is theirs with a statement before it: no frame of ours stands in a traceback, and errors are theirs. What the
    statement calls is put among the constants, and no namespace of the script has it.
    """
    code = theirs.__code__
    v, other = (*code.co_varnames[: code.co_argcount], "")[:2]
    used = {
        "\0ours": ours,
        "\0type": type,
        "\0always": frozenset(kind for kind, guard in guards.items() if guard == "everywhere"),
        "\0holds": {kind: GUARDS[guard] for kind, guard in guards.items()}.get,
        "\0never": _never,
        "\0Exception": Exception,
    }
    if None in guards:
        condition, text = rf"'\0holds'(None)({v}.data)", rf"return '\0ours'({v})"
    else:
        condition = rf"'\0type'({other}) in '\0always'"
        if {*guards.values()} != {"everywhere"}:
            condition += rf" or '\0holds'('\0type'({other}), '\0never')({v}.data)"
        text = rf"return '\0ours'({v}, {other})"
    text = "\n   ".join([f"if {condition}:", f"try: {text}", r"except '\0Exception': pass"])
    module = parsed(f"class {cls}:\n def f():\n  {text}")
    f = module.body[0].body[0]
    put_at(tree, f)
    f.name, f.args = code.co_name, ast.arguments(**{**vars(tree.args), "defaults": [], "kw_defaults": []})
    f.args.kw_defaults = [None for _ in f.args.kwonlyargs]
    is_lambda = not isinstance(tree.body, list)
    f.body += [ast.Return(tree.body, lineno=tree.lineno, col_offset=tree.col_offset)] if is_lambda else tree.body
    made = compile(module, code.co_filename, "exec", dont_inherit=True)
    for expected in (cls, code.co_name):
        made = next(x for x in made.co_consts if isinstance(x, CodeType) and x.co_name == expected)
    constants = [used.get(x, x) if type(x) is str else x for x in made.co_consts]
    method = FunctionType(
        made.replace(co_consts=tuple(constants)), theirs.__globals__, theirs.__name__, theirs.__defaults__
    )
    method.__doc__, method.__qualname__ = theirs.__doc__, theirs.__qualname__  # doctest finds it
    method.__kwdefaults__ = theirs.__kwdefaults__
    return method


def with_subclasses(callers: dict[str, tuple[Any, Any, set[str]]], of_nodes: set[str]) -> Any:
    """Return what looks at a class before its first instance.

    If that makes anew what a method of theirs may call, this one is given back instead of what stands for it. An
    attribute of the class is not read on its nodes where their __init__ gives each node one of that name.
    """
    settle = PROPERTIES["_mg_settle"].__func__

    def settled(cls: Any) -> Any:
        if vars(cls).get("_mg_settled") is cls or hasattr(cls, "_reflected"):  # jit traces this
            return settle(cls)
        for name, (theirs, ours, called) in callers.items():
            anew = any(getattr(cls, x, None) is not getattr(Value, x, None) for x in called)
            if anew and getattr(Value, name) is ours:
                setattr(Value, name, theirs)
        found = settle(cls)
        others = [c for c in reversed(cls.__mro__) if c not in Value.__mro__]
        for name, first in {name: c for c in others for name in of_nodes & vars(c).keys()}.items():
            if not hasattr(type(vars(first)[name]), "__set__"):
                of_value = next(vars(c)[name] for c in Value.__mro__ if name in vars(c))
                type.__setattr__(cls, name, both(name, of_value, getattr(first, name)))
        return found

    return staticmethod(settled)
