"""Which methods of a script's class can be called without anybody noticing, and the class built again of these.

A method is *pure* if its text names nothing but arithmetic, its own class and its own variables. Calling it prints
nothing, draws nothing and counts nothing; leaving it out changes nothing but numbers. It is built again over a
namespace that has nothing but arithmetic in it, so the script's own class and globals are never touched.
"""

from __future__ import annotations

import _ast as ast  # ast itself takes as long to import as half of this package
import builtins
import collections
import math
import sys
from operator import attrgetter
from types import CodeType, FunctionType

from ._core.hints import Any, Callable

_ARITHMETIC = {
    name: getattr(builtins, name)
    for name in {
        *str.split("""
    abs bool float int str tuple list set frozenset dict len range enumerate zip map filter reversed sorted sum
    min max any all iter next slice isinstance getattr hasattr setattr round pow divmod callable id hash type object
    property format Exception ValueError TypeError AssertionError ZeroDivisionError OverflowError ArithmeticError
    NotImplementedError AttributeError RuntimeError NotImplemented
""")
    }
}
_NUMPY = {
    *str.split("""
    exp log log1p expm1 log2 log10 tanh sinh cosh sin cos tan arctan arcsin arccos arctanh sqrt square abs
    absolute maximum minimum clip sign power where isscalar float64 float32 floating integer number pi e inf nan
    isnan isinf isfinite
""")
}
# What Python itself and the class statement put into a class.
_OF_CLASSES = {
    *str.split("""
    __module__ __dict__ __weakref__ __doc__ __slots__ __qualname__ __annotations__ __firstlineno__
    __static_attributes__ __annotate__ __annotate_func__ __annotations_cache__
""")
}
_IMPURE = {
    *(ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.Await, ast.With, ast.ClassDef, ast.AsyncFunctionDef)
}
# Fields that are not walked: annotations, which a call does not evaluate, and what is no node.
_LEFT_OUT = {
    *str.split("""
    annotation returns ctx op ops id attr arg kind type_comment type_ignores name names asname module level is_async
    conversion simple kwd_attrs rest str
""")
}
_MODULES = {"math": math, "collections": collections}
DATA = "data", "value", "val"  # what classes call the number of a node
_BINDING = {"ExceptHandler": "name", "MatchAs": "name", "MatchStar": "name", "MatchMapping": "rest"}
_missing = object()
Kinds = collections.defaultdict[type, list[Any]]


def parsed(text: bytes | str, path: str = "<class>") -> Any:
    """Return the syntax tree of a text."""
    return compile(text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)


class _Parts(dict[type, list[str]]):
    """The fields of each kind of node that may have nodes in them."""

    def __missing__(self, kind: Any) -> list[str]:
        names = self[kind] = [name for name in getattr(kind, "_fields", ()) if name not in _LEFT_OUT]
        return names


_parts = _Parts({ast.Constant: []})


def nodes_below(*trees: Any) -> list[Any]:
    """Return the nodes of trees, and None where a list of nodes has it."""
    found = [*trees]
    for node in found:  # which grows
        for name in _parts[type(node)]:
            part = getattr(node, name, None)
            if type(part) is list:
                found += part
            elif part is not None:
                found.append(part)
    return found


def by_kind(tree: ast.AST) -> Kinds:
    """Return the nodes of a tree by their types."""
    kinds: Kinds = collections.defaultdict(list)
    for node in nodes_below(tree):
        kinds[type(node)].append(node)
    return kinds


def put_at(place: Any, tree: ast.AST) -> None:
    """Let all nodes of a tree stand where a node begins."""
    for node in nodes_below(tree):
        node.lineno = node.end_lineno = place.lineno
        node.col_offset = node.end_col_offset = place.col_offset


def within(tree: Any, nodes: list[Any]) -> list[Any]:
    """Return those of a module's nodes that stand in a statement of several lines."""
    return [x for x in nodes if tree.lineno <= x.lineno <= tree.end_lineno]


class Text:
    """What the text of a method says.

    Attributes
    ----------
    tree : ast.FunctionDef or ast.Lambda
    nodes : list
        Those of its body.
    names : set of str
        Names that it reads and that are no variables of its own.
    variables : set of str
        Those that are; and of these the ones that it reads, `used`.
    reads, assigns : set of str
        Attributes.
    changed : set of str
        The names of what has these assigned.
    of : dict
        The attributes that it reads of a name.
    numbers : set of float
        Its constants.
    loops : bool
        It may take long for large numbers.
    overwrites : bool
        A function in it assigns a gradient, where it should add to it.
    raises : bool
        It has an error with words of its own.
    pure : bool
        As far as the text alone tells.
    """

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.names: set[str] = set()
        self.variables = {x.arg for x in nodes_below(tree.args) if isinstance(x, ast.arg)}
        self.reads: set[str] = set()
        self.assigns: set[str] = set()
        self.changed: set[str] = set()
        self.of: dict[str, set[str]] = {}
        self.numbers: set[float] = set()
        self.loops = self.overwrites = self.raises = False
        self._setters = 0  # names of setattr that may be called
        self._parts: list[Any] = []  # functions and handlers of errors in it
        self._assigns_grad = False
        decorators = {getattr(x, "id", "") for x in getattr(tree, "decorator_list", ())}
        self.pure = decorators <= {"property", "staticmethod"}
        self.nodes = nodes_below(*(tree.body if isinstance(tree.body, list) else [tree.body]))
        for node in self.nodes:
            if read := _readers.get(type(node)):
                read(self, node)
        if self._assigns_grad:
            called = {getattr(getattr(x, "func", None), "id", "") for x in self.nodes}
            for part in self._parts:
                self.overwrites |= any(_overwrites(x, part.name in called) for x in nodes_below(part))
        self.pure &= self.changed <= self.variables and self._setters == 0
        self.used = self.names & self.variables
        self.names -= self.variables

    def add(self, other: Text) -> None:
        """Let this text have another one in it."""
        for ours, theirs in ((self.names, other.names), (self.reads, other.reads), (self.assigns, other.assigns)):
            ours |= theirs
        self.numbers |= other.numbers
        for name, read in other.of.items():
            self.of.setdefault(name, set()).update(read)
        self.pure &= other.pure
        self.loops |= other.loops
        self.overwrites |= other.overwrites
        self.raises |= other.raises

    def _read_name(self, node: Any) -> None:
        (self.names if type(node.ctx) is ast.Load else self.variables).add(node.id)
        self._setters -= node.id == "setattr"

    def _read_attribute(self, node: Any) -> None:
        if type(node.value) is ast.Name:
            self.of.setdefault(node.value.id, set()).add(node.attr)
        if type(node.ctx) is ast.Load:
            self.reads.add(node.attr)
            self.pure &= node.attr not in ("__class__", "__dict__", "__globals__", "__subclasses__")
        else:
            self.assigns.add(node.attr)
            self.changed.add(getattr(node.value, "id", ""))
            self._assigns_grad |= node.attr == "grad"

    def _read_constant(self, node: Any) -> None:
        if type(node.value) in (int, float):
            self.numbers.add(float(node.value))

    def _read_import(self, node: Any) -> None:
        module = node.module if type(node) is ast.ImportFrom else None
        self.pure &= all((module or alias.name) in _MODULES for alias in node.names)
        self.variables.update(alias.asname or alias.name for alias in node.names)

    def _read_subscript(self, node: Any) -> None:
        self.pure &= type(node.ctx) is ast.Load or type(node.value) is ast.Name

    def _read_call(self, node: Any) -> None:
        if type(node.func) is ast.Call:
            self.pure &= getattr(node.func.func, "id", "") != "type"  # type(self)(...) may make one of a subclass
        elif (name := getattr(node.func, "id", "")) in ("getattr", "hasattr"):
            self.pure &= len(node.args) > 1 and type(node.args[1]) is ast.Constant
            self.reads.update(str(x.value) for x in node.args[1:2] if type(x) is ast.Constant)
        elif name == "setattr":
            self._read_setattr(node)

    def _read_part(self, node: Any) -> None:
        self.variables.add(str(node.name))
        self._parts.append(node)

    def _read_argument(self, node: Any) -> None:
        self.variables.add(node.arg)

    def _read_pattern(self, node: Any) -> None:
        self.reads.update(node.kwd_attrs, ["__match_args__"] if node.patterns else ())

    def _read_jump(self, node: Any) -> None:
        self.raises |= type(node) is ast.Raise
        self.loops |= type(node) is not ast.Raise

    def _read_impure(self, node: Any) -> None:
        self.pure = False

    def _read_setattr(self, call: Any) -> None:
        """Read setattr(v, "name", x) as v.name = x."""
        v, name, *rest = call.args if len(call.args) == 3 else (None, None)
        if type(v) is ast.Name and type(name) is ast.Constant and type(name.value) is str:
            self.assigns.add(name.value)
            self.changed.add(v.id)
            self.overwrites |= name.value == "grad" and not _adds(v, *rest)
            self._setters += 1
        else:
            self.pure = False


_readers: dict[type, Callable[[Text, Any], None]] = {
    **dict.fromkeys(_IMPURE, Text._read_impure),
    ast.Name: Text._read_name,
    ast.Attribute: Text._read_attribute,
    ast.Constant: Text._read_constant,
    **dict.fromkeys((ast.Import, ast.ImportFrom), Text._read_import),
    ast.Subscript: Text._read_subscript,
    ast.Call: Text._read_call,
    **dict.fromkeys((ast.FunctionDef, ast.ExceptHandler), Text._read_part),
    ast.arg: Text._read_argument,
    **dict.fromkeys((ast.While, ast.For, ast.comprehension, ast.Raise), Text._read_jump),
    getattr(ast, "MatchClass", Text): Text._read_pattern,  # Python 3.9 has none
}


def _overwrites(x: Any, is_called: bool) -> bool:
    """Tell whether a statement assigns what is no sum with the gradient, or 0 in a function that is not called."""
    if type(x) is ast.AugAssign and type(x.op) not in (ast.Add, ast.Sub):
        return getattr(x.target, "attr", "") == "grad" and not is_called
    if type(x) is not ast.Assign or (is_called and getattr(x.value, "value", None) == 0):
        return False
    stored = [y for y in nodes_below(*x.targets) if type(y) is ast.Attribute and type(y.ctx) is ast.Store]
    return not all(_adds(y.value, x.value) for y in stored if y.attr == "grad")


def _adds(v: Any, given: Any) -> bool:
    """Tell whether v.grad is among the terms of a sum that are added."""
    if type(given) is ast.BinOp and type(given.op) in (ast.Add, ast.Sub):
        return _adds(v, given.left) or (type(given.op) is ast.Add and _adds(v, given.right))
    return getattr(given, "attr", "") == "grad" and getattr(given.value, "id", "") == getattr(v, "id", None)


def is_constant(x: Any) -> bool:
    """Tell whether nobody can change x, or x is an empty list, dict or set."""
    if type(x) in (int, float, str, bool, type(None)):
        return True
    return (type(x) in (tuple, frozenset) and all(map(is_constant, x))) or (type(x) in (list, dict, set) and not x)


def _import(name: str, *_: Any) -> Any:
    """Import what has nothing but functions and containers."""
    return _MODULES[name]


def _functions(attribute: Any) -> list[FunctionType]:
    """Return the function of a method, a static method or a property that can only be read; else nothing."""
    if isinstance(attribute, property):
        attribute = attribute.fget if (attribute.fset or attribute.fdel) is None else None
    elif isinstance(attribute, staticmethod):
        attribute = attribute.__func__
    return [attribute] if isinstance(attribute, FunctionType) else []


class Body:
    """The body of a class.

    Attributes
    ----------
    name, data : str
        Of the class, and of the attribute that has the number of a node.
    attributes : dict
        All that the class statement put into it.
    texts : dict
        The `Text` of each method.
    pure, called : set of str, dict
        The pure methods, and the functions of the script that methods call.
    """

    def __init__(self, theirs: type, tree: ast.ClassDef, nodes: Kinds) -> None:
        self.attributes = {
            name: x
            for name, x in vars(theirs).items()
            if name not in _OF_CLASSES and type(x).__name__ != "member_descriptor"
        }
        self.name = tree.name
        init: Any = self.attributes.get("__init__")
        self._scope: dict[str, Any] = getattr(init, "__globals__", {})
        self._file = getattr(getattr(init, "__code__", None), "co_filename", "")
        self._flags = getattr(getattr(init, "__code__", None), "co_flags", 0)
        self._nodes = nodes
        self._defined = {x.name: x for x in nodes[ast.Module][0].body if isinstance(x, ast.FunctionDef)}
        self.called: dict[str, FunctionType] = {}
        self.texts = self._read(tree)
        sets = self.texts["__init__"].assigns if "__init__" in self.texts else ()
        self.data = next((name for name in DATA if name in sets), "data")
        self.keep({name for name in self.texts if self._is_calm(name)})

    def _read(self, tree: ast.ClassDef) -> dict[str, Text]:
        at: dict[int, Any] = {}
        for node in within(tree, self._nodes[ast.FunctionDef] + self._nodes[ast.Lambda]):
            line = min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))])
            at[line] = None if line in at else node  # two of one line cannot be told apart
        texts = {}
        for name, attribute in self.attributes.items():
            for function in _functions(attribute):
                node = at.get(getattr(function.__code__, "co_firstlineno", 0))  # some of PyPy's own have no line
                if node is not None and function.__code__.co_filename == self._file:
                    texts[name] = self._with_called(Text(node), set())
        return texts

    def _with_called(self, text: Text, known: set[str]) -> Text:
        """Add what the functions of the script say that a method calls."""
        for name in text.names & self._defined.keys() - known:
            node = self._defined[name]
            f = self._scope[name] if name in self._scope else self._made_below(node)
            line = getattr(getattr(f, "__code__", None), "co_firstlineno", 0)
            own = line == node.lineno and name not in self._bound_again(node)
            if own and isinstance(f, FunctionType) and not f.__closure__:
                known.add(name)
                self.called[name] = f
                text.add(self._with_called(Text(node), known))
        return text

    def _bound_again(self, node: Any) -> set[str]:
        """Return names that other statements than this one of a function may bind in the module.

        Those of functions and classes are looked at in part: they bind names of their own, but by `global`.
        """
        kinds = self._nodes
        found = {x.id for x in kinds[ast.Name] if type(x.ctx) is not ast.Load}
        found.update(*(x.names for x in kinds[ast.Global]))
        for kind, what in _BINDING.items():  # Python 3.9 has no `match`
            found.update(str(getattr(x, what)) for x in kinds[getattr(ast, kind, type(None))])
        todo = [*kinds[ast.Module][0].body]
        for x in todo:  # which grows
            if x is not node and type(x) in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
                found.add(x.name)
            elif type(x) in (ast.Import, ast.ImportFrom):
                names = {alias.asname or alias.name.partition(".")[0] for alias in x.names}
                found |= {node.name} if "*" in names and x.lineno > node.lineno else names
            else:
                for part in ("body", "handlers", "orelse", "finalbody", "cases"):
                    todo += getattr(x, part, [])
        if any(x.id in ("globals", "setattr") for x in kinds[ast.Name]):
            found.update(str(x.value) for x in kinds[ast.Constant])
        return found

    def _made_below(self, node: Any) -> FunctionType | None:
        """Return what a function statement will make that stands below the class, if its defaults are constants."""
        given = node.args.defaults
        if node.decorator_list or node.args.kwonlyargs or not all(type(x) is ast.Constant for x in given):
            return None
        future = self._flags & 0x1000000  # annotations that are not evaluated
        code = compile(ast.Module([node], []), self._file, "exec", future, dont_inherit=True)
        found = [
            x for x in code.co_consts if isinstance(x, CodeType) and x.co_name == node.name
        ]  # none of `def f[T]`
        return FunctionType(found[0], self._scope, node.name, tuple(x.value for x in given)) if found else None

    def _is_calm(self, name: str) -> bool:
        """Tell whether a method is pure if all others are."""
        text, (f,) = self.texts[name], _functions(self.attributes[name])
        functions = [f, *(self.called[x] for x in text.names & self.called.keys())]
        defaults = [x for f in functions for x in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values())]
        return (
            text.pure
            and not f.__closure__
            and all(map(is_constant, defaults))
            and all(self._is_arithmetic(name, text) for name in text.names)
        )

    def _is_arithmetic(self, name: str, text: Text) -> bool:
        x = self._scope.get(name, _missing)
        if x is _missing or name == self.name or name in self.called:
            return name in {self.name, *self.called, *_ARITHMETIC}
        if x is sys.modules.get("numpy", _missing):
            return text.of.get(name, {name}) <= _NUMPY
        if getattr(x, "__module__", "") in ("math", "numbers") or x is sys.modules.get("numbers", _missing):
            return True
        known = *_MODULES.values(), collections.deque, *_ARITHMETIC.values()
        return x is not setattr and any(x is y for y in known)

    def keep(self, pure: set[str]) -> None:
        """Let these be the pure methods, but for those that read an attribute of the class that is not pure."""
        self.pure = pure
        others = self.attributes.keys() - pure
        calm = {name for name in pure if not self.texts[name].reads & others}
        if calm != pure:
            self.keep(calm)

    def build(self) -> Any:
        """Return a class of the pure methods that knows nothing but arithmetic."""
        scope: dict[str, Any] = {"__builtins__": {**_ARITHMETIC, "__import__": _import}, "__name__": __name__}
        body: dict[str, Any] = {}
        for name in self.pure:
            scope.update((x, self._scope[x]) for x in self.texts[name].names if x in self._scope)
            attribute, (f,) = self.attributes[name], _functions(self.attributes[name])
            body[name] = _again(f, scope) if attribute is f else type(attribute)(_again(f, scope))
        scope.update((name, _again(f, scope)) for name, f in self.called.items())
        if self.attributes.get("__hash__", _missing) in (None, object.__hash__):
            body["__hash__"] = self.attributes["__hash__"]
        if self.data != "data":
            body["data"] = property(attrgetter(self.data), lambda v, x: setattr(v, self.data, x))
        scope[self.name] = built = type(self.name, (), body)
        return built


def _again(f: FunctionType, scope: dict[str, Any]) -> FunctionType:
    again = FunctionType(f.__code__, scope, f.__name__, tuple(map(_copied, f.__defaults__ or ())))
    again.__kwdefaults__ = {k: _copied(x) for k, x in (f.__kwdefaults__ or {}).items()}
    return again


def _copied(x: Any) -> Any:
    return type(x)() if type(x) in (list, dict, set) else x
