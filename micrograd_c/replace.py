"""Lets a script that has a scalar class of its own run on Value: `python -m micrograd_c --replace-value script.py`.

The class statement is run as it stands, with all that it prints and counts. Its syntax tree gets a decorator, which
compares the class with Value (_likeness.py) and gives back Value itself, with what only the script's class has set
on it: operators of the native core return Value, not a subclass. Tracebacks name files and lines of the script.
"""

from __future__ import annotations

import _ast as ast
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import PathFinder, SourceFileLoader

from . import engine
from ._core import Any
from ._core.numbers import arrays_are_data
from ._likeness import OPERATORS, REFUSED, differences
from ._operands import as_micrograd
from ._own_nodes import UnlikeError
from ._pure import nodes_below, parsed, put_at

_Reads = Callable[[str], bool]
_statements: list[tuple[ast.ClassDef, ast.Module, _Reads]] = []  # class statements that were decorated
_before: dict[str, Any] = {}  # what Value had before a class was replaced
_taken: list[tuple[str, str]] = []  # module and name of the class that Value stands in for
_finders: list[Any] = []  # of a notebook
_NAMES = "__name__", "__qualname__", "__module__", "__doc__"
_MAKERS = {"array", "asarray", "zeros", "ones", "full", "eye", "randn", "rand", "complex", "tensor"}
_MAKE_NAMES = {b"importlib", b"__import__", b"exec", b"runpy"}  # by these a file comes in whose name is made
_BETWEEN_WORDS = bytes(x if chr(x).isalnum() or x > 127 else b"_ "[x != 95] for x in range(256))
_SPECIAL = sorted(name for name in OPERATORS if name.startswith("__"))
silent = False  # said by -q


def say(line: str) -> None:
    """Write a line to stderr."""
    if not silent:
        print(f"micrograd_c: {line}", file=sys.stderr, flush=True)


# ---- the class statement, before it is run -----------------------------------------------------------------------


@lru_cache(maxsize=4)
def classes_in(tree: ast.Module, name: str) -> list[ast.ClassDef]:
    """Return the statements outside of functions that make a class so named with data, grad, backward, + and *."""
    found, todo = [], [*tree.body]
    for node in todo:
        if isinstance(node, ast.ClassDef) and node.name == name:
            methods = {x.name for x in node.body if isinstance(x, ast.FunctionDef)}
            stores = (x for x in nodes_below(node) if type(x) is ast.Attribute and type(x.ctx) is ast.Store)
            kept = {x.attr for x in stores if getattr(x.value, "id", "") == "self"}
            if {"__init__", "backward", "__add__", "__mul__"} <= methods and {"data", "grad"} <= kept:
                found.append(node)
        elif not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            for part in ("body", "handlers", "orelse", "finalbody"):  # of if, try, with and loops
                todo += getattr(node, part, [])
    return found


def parse(path: str, name: str) -> ast.Module | None:
    """Return the syntax tree of a file that has such a class."""
    with open(path, "rb") as file:
        text = file.read()
    if b"class " + name.encode() not in text:
        return None
    try:
        tree: ast.Module = parsed(text, path)
    except (SyntaxError, ValueError):  # whoever runs it says so
        return None
    return tree if classes_in(tree, name) else None


def decorate(tree: ast.Module, name: str, is_read: _Reads) -> None:
    """Let the class statements of a module be followed by the comparison."""
    for node in classes_in(tree, name):
        call = f"__import__({__name__!r}, None, None, ('x',)).stand_in({len(_statements)})"
        decorator = parsed(call).body[0].value
        put_at(node, decorator)
        _statements.append((node, tree, is_read))
        node.decorator_list.append(decorator)


def found_any() -> bool:
    """Tell whether a class statement was found."""
    return bool(_statements)


def replace_in_main(path: str, tree: ast.Module, name: str) -> None:
    """Let a script have Value for its class."""
    decorate(tree, name, _reader_of(tree, path, name, path))


def _reader_of(tree: ast.Module, path: str, name: str, main: str) -> _Reads:
    """Return a function that tells whether another line of the program has such an attribute or method."""
    texts: list[bytes] = []

    def is_read(word: str) -> bool:
        if not texts:
            texts.extend(_program(tree, path, name, main))
        if word == "__dict__":  # that of self in a class that is another one is of no matter
            others = (x if _extends(x, name.encode()) else x.replace(b"self.__dict__", b"") for x in texts)
            return any(b".__dict__" in x or b"'__dict__" in x or b'"__dict__' in x for x in others)
        return any(mark + word.encode() in text for text in texts for mark in (b".", b"'", b'"', b"def "))

    return is_read


def _extends(text: bytes, name: bytes) -> bool:
    """Tell whether a text may have a subclass of the class, or give it a method."""
    return any(
        name in line
        and (
            line.lstrip().startswith((b"class ", name + b"."))
            or b"setattr" in line
            or name + b" as " in line
            or line.partition(b"#")[0].rstrip().endswith(b"= " + name)
        )
        for line in text.splitlines()
    )


def _program(tree: ast.Module, path: str, name: str, main: str) -> Iterator[bytes]:
    """Yield the text around the class, that of the script, and of what these name: files beside them and below."""
    read, path = set[str](), os.path.realpath(path)
    named = set[bytes]() if os.path.isfile(main) else {*_MAKE_NAMES}
    todo = {path, os.path.realpath(main)}
    while todo:
        read |= todo
        for file in filter(os.path.isfile, todo):
            with suppress(OSError), open(file, "rb") as opened:
                lines = opened.read().splitlines()
                for node in classes_in(tree, name) if file == path else ():
                    lines[node.lineno - 1 : node.end_lineno] = [b""] * ((node.end_lineno or 0) - node.lineno + 1)
                text = b"\n".join(
                    x if b"'" in x or b'"' in x else x.partition(b"#")[0] for x in lines
                )  # no comments
                named.update(text.translate(_BETWEEN_WORDS).split())
                yield text
        todo = set()
        for folder in {os.path.dirname(file) for file in read}:
            with suppress(OSError):
                todo |= {os.path.realpath(x) for entry in os.scandir(folder) if (x := _to_read(entry, named))}
        todo -= read


def _to_read(entry: os.DirEntry[str], named: set[bytes]) -> str:
    """Return a file that a program may import, or one of a folder, if it is named or names are made; else ''."""
    module, extension = os.path.splitext(entry.name)
    if module != "__init__" and module.encode() not in named and (entry.is_dir() or named.isdisjoint(_MAKE_NAMES)):
        return ""
    return os.path.join(entry.path, "__init__.py") if entry.is_dir() else entry.path if extension == ".py" else ""


def _expect_scalars(nodes: list[Any], name: str) -> None:
    """Let pass a module, all of its nodes, that gives the class real numbers, and no None for a gradient."""
    for node in nodes:
        kind = type(node)
        if kind in (ast.Import, ast.ImportFrom):
            modules = [alias.name for alias in node.names] if kind is ast.Import else [node.module or ""]
            if any(module.partition(".")[0] == "micrograd" for module in modules):
                raise UnlikeError("stands beside that of micrograd")
        if kind is ast.Constant and type(node.value) is complex:
            raise UnlikeError("may hold complex numbers")
        if kind is ast.Call and getattr(node.func, "id", "") == "vars":
            raise UnlikeError("has its attributes listed by vars()")
        assigned = kind is ast.Attribute and type(node.ctx) is ast.Store and getattr(node.value, "id", "") == name
        if assigned and node.attr in REFUSED | {"__init__"}:
            raise UnlikeError(f"is given another {node.attr} later")
        none = kind is ast.Assign and getattr(node.value, "value", node) is None
        if none and any(getattr(target, "attr", "") == "grad" for target in node.targets):
            raise UnlikeError("has gradients that are None")
        if kind is ast.Call and getattr(node.func, "id", "") == name and node.args:
            given = node.args[0]
            called = getattr(given, "func", None)
            made = getattr(called, "attr", getattr(called, "id", None))
            if isinstance(given, (ast.List, ast.ListComp, ast.Tuple)) or (made in _MAKERS and given.args):
                raise UnlikeError("may hold arrays")


def _changes_operators(nodes: list[Any], name: str) -> bool:
    """Tell whether a module assigns an operator of the class, or a subclass in it has one of its own."""
    made: list[Any] = []
    for node in nodes:
        if type(node) is ast.Attribute and type(node.ctx) is ast.Store and getattr(node.value, "id", "") == name:
            made.append(node.attr)
        if type(node) is ast.ClassDef and any(getattr(base, "id", "") == name for base in node.bases):
            made += [getattr(x, "name", "") for x in node.body]
    return bool(OPERATORS.intersection(made))


# ---- the class, when it has been made ----------------------------------------------------------------------------


def stand_in(number: int) -> Callable[[type], type]:
    """Return the decorator of a class statement."""

    def decorator(theirs: type) -> type:
        node, tree, is_read = _statements[number]
        key = theirs.__module__, theirs.__name__
        try:
            if _taken and _taken[0] != key:
                raise UnlikeError("is the second one here")
            _put_back()  # this statement ran before, or the class is made in steps
            nodes = [*nodes_below(tree)]
            _expect_scalars(nodes, node.name)
            changed = _changes_operators(nodes, node.name) or any(map(is_read, _SPECIAL))
            found = differences(theirs, node, tree, changed, is_read)
        except UnlikeError as why:
            say(f"the class {theirs.__name__} stays as it is: it {why}")
            return theirs
        except Exception as error:  # whatever a class does, its script runs
            say(f"the class {theirs.__name__} stays as it is: comparing it fails: {type(error).__name__}: {error}")
            return theirs
        _taken[:] = [key]
        for name in _NAMES:
            found[name] = getattr(theirs, name)
        found.update(
            (name, vars(theirs)[name]) for name in ("__slots__", "__annotations__") if name in vars(theirs)
        )
        _let_super_be_ours(theirs)
        _before.update(vars(engine.Value), **{name: getattr(engine.Value, name) for name in _NAMES})
        for name, x in found.items():
            setattr(engine.Value, name, x)
        engine.unequal[1] |= "__eq__" in found
        as_micrograd[0] = False
        return engine.Value

    return decorator


def _let_super_be_ours(theirs: type) -> None:
    """Let super() in the methods of a class find the class that stands in for it."""
    for x in vars(theirs).values():
        for f in (x, *(getattr(x, name, None) for name in ("__func__", "fget", "fset", "fdel"))):
            names = getattr(getattr(f, "__code__", None), "co_freevars", ())
            if "__class__" in names:
                f.__closure__[names.index("__class__")].cell_contents = engine.Value
                return  # all methods have this cell


def _put_back() -> None:
    """Let Value be as it was."""
    if _before:
        for name in vars(engine.Value).keys() - _before.keys():
            delattr(engine.Value, name)
        for name, x in _before.items():
            if name in _NAMES or vars(engine.Value).get(name, _before) is not x:
                setattr(engine.Value, name, x)
    _before.clear()
    _taken.clear()
    arrays_are_data[0], as_micrograd[0] = False, True


# ---- modules of the script's own folder --------------------------------------------------------------------------


class _Loader(SourceFileLoader):
    """Loads a module that has the class; no bytecode of it is kept."""

    tree: ast.Module

    def get_code(self, fullname: str) -> Any:
        """Return the code of the module."""
        return compile(self.tree, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds modules, those that have the class for our loader; works from when it is made.

    Parameters
    ----------
    folder : str
        Where they may stand, and below.
    name : str
        Of the class.
    main : str, optional
        The script; it may read graphs too.
    """

    def __init__(self, folder: str, name: str, main: str | None = None) -> None:
        self._folder, self._name, self._main = os.path.abspath(folder), name, main
        sys.meta_path.insert(sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a module that is found in the search path, with our loader if it has the class."""
        spec: Any = PathFinder.find_spec(fullname, path, target)
        if type(getattr(spec, "loader", None)) is not SourceFileLoader or not self._is_own(spec.origin):
            return spec
        tree = parse(spec.origin, self._name)
        if tree is None:
            return spec
        main = self._main or os.path.join(self._folder, "__main__.py")
        decorate(tree, self._name, _reader_of(tree, spec.origin, self._name, main))
        spec.loader = _Loader(spec.loader.name, spec.origin)
        spec.loader.tree = tree
        return spec

    def tell(self, data: dict[str, Any]) -> str:
        """Let a process that multiprocessing starts find the class as here: the script as a module of its folder.

        Parameters
        ----------
        data : dict
            What multiprocessing tells the process; it may be changed.

        Returns
        -------
        str
            What else the process has to run first.
        """
        path = data.get("init_main_from_path")
        if path and parse(path, self._name):
            module = os.path.splitext(os.path.basename(path))[0]
            spec = None if module in sys.modules else PathFinder.find_spec(module, [os.path.dirname(path)])
            if spec is not None and spec.origin == path:
                data["init_main_from_name"] = module
                del data["init_main_from_path"]
        made = f"Finder({self._folder!r}, {self._name!r}, {self._main!r})"
        return f"import {__name__} as module; module.silent = True; module.{made}; del module"

    def _is_own(self, file: str) -> bool:
        below = os.path.relpath(os.path.abspath(file), self._folder).split(os.sep)
        return not {os.pardir, "site-packages"} & {*below}


# ---- notebooks ---------------------------------------------------------------------------------------------------


class _Cells:
    """What IPython lets change the syntax tree of a cell. Another cell may read the graph."""

    @staticmethod
    def visit(tree: Any) -> Any:
        """Return the tree of a cell."""
        if isinstance(tree, ast.Module):
            decorate(tree, "Value", lambda word: not word.startswith("__"))
        return tree


_cells = _Cells()


def load_ipython_extension(shell: Any) -> None:
    """Let classes named Value of later cells, and of modules in this folder, be replaced."""
    shell.ast_transformers.append(_cells)
    _finders.append(Finder(os.getcwd(), "Value"))


def unload_ipython_extension(shell: Any) -> None:
    """Let classes of later cells, and of modules imported later, be as they are."""
    shell.ast_transformers.remove(_cells)
    sys.meta_path.remove(_finders.pop())
