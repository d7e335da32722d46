"""Lets a script that has a scalar class of its own run on Value: `python -m micrograd_c --replace-value script.py`.

The class statement is run as it stands, with all that it prints and counts. Its syntax tree gets a decorator, which
compares the class with Value (_likeness.py) and gives back Value itself, with what only the script's class has set
on it: operators of the native core return Value, not a subclass. Tracebacks name files and lines of the script.
"""

from __future__ import annotations

import _ast as ast
import gc
import os
import sys
import warnings
from _weakref import ref
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import PathFinder, SourceFileLoader

from . import engine
from ._core.hints import TYPE_CHECKING, Any, Callable, Iterator
from ._core.numbers import arrays_are_data
from ._likeness import OPERATORS, REFUSED, differences
from ._operands import stops_short
from ._own_nodes import ABSENT, UnlikeError
from ._pure import DATA, Kinds, by_kind, nodes_below, parsed, put_at
from ._value_attributes import COMPARISONS, stand_for

if TYPE_CHECKING:
    _Reads = Callable[..., bool]
statements: list[tuple[ast.ClassDef, ast.Module, _Reads, bytes, list[Any]]] = []  # that were decorated
_before: dict[str, Any] = {}  # what Value had before a class was replaced
_taken: list[tuple[str, str, Any]] = []  # module, name and tree of the class that Value stands in for
_finders: list[Any] = []  # of a notebook
_NAMES = "__name__", "__qualname__", "__module__", "__doc__"
_MAKERS = {"array", "asarray", "zeros", "ones", "full", "eye", "randn", "rand", "complex", "tensor"}
_TELLING = [f" {name} ".encode() for name in ("vars", *_MAKERS)]  # words for which a whole module is looked at
_ASSIGNED = tuple(x.encode() for x in ({"__init__"} | OPERATORS | REFUSED))  # attributes of the class
_GOING_ON = b"\\", b"=", b"(", b"[", b"{"  # ends of lines whose statement may assign None below
_CLASS = b"class ", b"class\t", b"class\\"
_DIGITS_AS_0 = bytes.maketrans(b"123456789J", b"000000000j")
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
            if {"__init__", "backward", "__add__", "__mul__"} <= methods and _keeps_numbers(node.body):
                found.append(node)
        elif not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            for part in ("body", "handlers", "orelse", "finalbody"):  # of if, try, with and loops
                todo += getattr(node, part, [])
    return found


def _keeps_numbers(body: list[Any]) -> bool:
    """Tell whether the statements of a class set grad, and data or another name of that, of self."""
    names = set[str]()
    for part in body:
        stores = [x for x in nodes_below(part) if type(x) is ast.Attribute and type(x.ctx) is ast.Store]
        names.update(x.attr for x in stores if getattr(x.value, "id", "") == "self")
        if "grad" in names and not names.isdisjoint(DATA):
            return True
    return False


def parse(path: str, name: str) -> tuple[ast.Module, bytes] | None:
    """Return the syntax tree of a file that has such a class, or of the class alone and the text of the file."""
    with open(path, "rb") as file:
        text = file.read()
    if b"class " + name.encode() not in text:
        return None
    for alone in (True, False):
        with suppress(SyntaxError, ValueError):  # whoever runs it says so
            tree = _alone(text, name.encode()) if alone else parsed(text, path)
            if tree and classes_in(tree, name):
                return tree, text if alone else b""
    return None


def _alone(text: bytes, name: bytes) -> ast.Module | None:
    """Return the tree of the class alone, at its lines; None if the comparison has to see more: that takes longer.

    The class has to stand at the left margin, below a line that can have a decorator instead.
    """
    lines, head = text.split(b"\n"), b"class " + name
    start = next((i for i, line in enumerate(lines) if line.startswith(head)), 0)
    if not start or text.count(head) > 1 or text.count(b"\r") != text.count(b"\r\n") or b"\f" in text:
        return None
    above = lines[start - 1].strip()
    if above[:1] not in (b"", b"#") or (above and start < 3) or b"coding" in b"".join(lines[:2]):
        return None
    if not (text.isascii() or __import__("unicodedata").is_normalized("NFKC", text.decode())):  # as names are
        return None
    end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip() not in (b"", b"#")), len(lines))
    own, rest = b"\n".join([*lines[start:end], b""]), lines[:start] + lines[end:]
    if _matters(rest, name, own.replace(b"f'", b"'").replace(b'f"', b'"').translate(_BETWEEN_WORDS)):  # no f''
        return None
    with warnings.catch_warnings():  # those of the text come when the file is compiled
        warnings.simplefilter("ignore")
        parsed(b"\n".join(lines[: start - 1]))  # fails where the class stands in a string or has a decorator
        return parsed(b"\n" * start + own)  # type: ignore[no-any-return]


def _matters(lines: list[bytes], name: bytes, own: bytes) -> bool:
    """Tell whether lines around a class, with these words, may have what the comparison looks for in a tree."""
    bare = [line.partition(b"#")[0].rstrip() for line in lines]
    text, words = b"\n".join(lines), b" ".join([b"", *lines, b""]).translate(_BETWEEN_WORDS)
    # Comments may stand between, and marks of comments in texts.
    dense = b"\n".join([text, b";", *bare]).translate(None, b" \t\n\r\v\f\\)")
    if (
        any(map(words.count, _TELLING))
        or any(map(dense.count, (name + b"([", name + b"((")))
        or any(part.startswith(_ASSIGNED) for part in dense.split(name + b".")[1:])
        or any(part.lstrip(b"(").startswith(b"None") for part in dense.split(b"grad=")[1:])
        or text.translate(_DIGITS_AS_0, b".").count(b"0j")
        or (words.count(b" micrograd ") and any(line.rstrip()[-1:] == b"\\" for line in lines))
    ):
        return True
    for line, code in zip(lines, bare):
        if code and (
            (code.lstrip().startswith(_CLASS) and (name in code or not code.endswith((b":", b": pass"))))
            or (line[:3] == b"def" and own.count(b" " + line[3:].partition(b"(")[0].strip() + b" "))
            or (line.count(b"grad") and (b"None" in line or line.endswith(_GOING_ON) or code.endswith(_GOING_ON)))
            or (line.count(b"micrograd") and b"import" in line)
        ):
            return True
    return False


def decorate(tree: ast.Module, name: str, is_read: _Reads, text: bytes = b"") -> Any:
    """Let the class statements of a module be followed by the comparison; return what is to be compiled."""
    earlier: list[Any] = []
    for node in classes_in(tree, name):
        call = f"__import__({__name__!r}, None, None, ('x',)).stand_in({len(statements)})"
        statements.append((node, tree, is_read, text, earlier))
        if text:
            lines = text.split(b"\n")
            lines[node.lineno - 2] = b"@" + call.encode()
            return b"\n".join(lines)
        decorator = parsed(call).body[0].value
        put_at(node, decorator)
        node.decorator_list.append(decorator)
    return tree


def replace_in_main(path: str, tree: ast.Module, text: bytes, name: str) -> Any:
    """Let a script have Value for its class; return what is to be compiled."""
    return decorate(tree, name, _reader_of(tree, path, name, path), text)


def _reader_of(tree: ast.Module, path: str, name: str, main: str) -> _Reads:
    """Return a function that tells whether another line of the program has such an attribute, or makes it anew."""
    texts: list[bytes] = []
    words: set[bytes] = set()

    def is_read(word: str, anew: bool = False) -> bool:
        if not texts:
            texts.extend(_program(tree, path, name, main, words))
        if word.encode() not in words:
            return False
        if anew:
            return any(_makes(text, word.encode()) for text in texts)
        if word == "__dict__":  # that of self in a class that is another one is of no matter
            others = (x if _extends(x, name.encode()) else x.replace(b"self.__dict__", b"") for x in texts)
            return any(b".__dict__" in x or b"'__dict__" in x or b'"__dict__' in x for x in others)
        marks = [b""] if {b"match", b"case"} <= words else [b".", b"'", b'"', b"def "]  # patterns have keywords
        return any(mark + word.encode() in text for text in texts for mark in marks)

    return is_read


def _makes(text: bytes, word: bytes) -> bool:
    """Tell whether a text may give the class or a node a method; subclasses are looked at when they are made."""
    parts = text.split(word)
    by_name = any(map(text.count, (b"setattr", b"patch")))
    for before, after in zip(parts, parts[1:]):
        if (before[-1:] + after[:1]).translate(_BETWEEN_WORDS).strip():
            continue  # another word
        before, after = before.rstrip()[-1:], after.lstrip()[:2]
        assigned = after[:1] in (b"=", b",", b":") and after != b"=="
        if assigned if before == b"." else by_name and before in (b"'", b'"'):
            return True
    return False


def _extends(text: bytes, name: bytes) -> bool:
    """Tell whether a text may have a subclass of the class, or give it a method."""
    return any(
        (name in line or line.rstrip().endswith((b"(", b",", b"\\")))
        and (
            line.lstrip().startswith((b"class ", name + b"."))
            or b"setattr" in line
            or name + b" as " in line
            or line.partition(b"#")[0].rstrip().endswith(b"= " + name)
        )
        for line in text.splitlines()
    )


def _program(tree: ast.Module, path: str, name: str, main: str, words: set[bytes]) -> Iterator[bytes]:
    """Yield the text around the class, that of the script, and of what these name: files beside them and below.

    The words of all of them are put into `words`.
    """
    read, path = set[str](), os.path.realpath(path)
    named = words if os.path.isfile(main) else {*_MAKE_NAMES}
    todo = {path, os.path.realpath(main)}
    while todo:
        read |= todo
        for file in filter(os.path.isfile, todo):
            with suppress(OSError), open(file, "rb") as opened:
                lines = opened.read().splitlines()
                for node in classes_in(tree, name) if file == path else ():
                    lines[node.lineno - 1 : node.end_lineno] = [b""] * ((node.end_lineno or 0) - node.lineno + 1)
                text = b"\n".join(
                    [x if x.count(b"'") or x.count(b'"') else x.partition(b"#")[0] for x in lines]
                )  # no comments
                found = text.translate(_BETWEEN_WORDS).split()
                words.update(found)
                named.update(found)
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


def _expect_scalars(nodes: Kinds, name: str) -> None:
    """Let pass a module, all of its nodes, that gives the class real numbers, and no None for a gradient."""
    modules = [node.module or "" for node in nodes[ast.ImportFrom]]
    modules += [alias.name for node in nodes[ast.Import] for alias in node.names]
    if any(module.partition(".")[0] == "micrograd" for module in modules):
        raise UnlikeError("stands beside that of micrograd")
    if any(type(node.value) is complex for node in nodes[ast.Constant]):
        raise UnlikeError("may hold complex numbers")
    for node in _assigned(nodes, name):
        if node.attr in REFUSED or node.attr == "__init__":
            raise UnlikeError(f"is given another {node.attr} later")
    for node in nodes[ast.Assign]:
        none = getattr(node.value, "value", node) is None
        if none and any(getattr(target, "attr", "") == "grad" for target in node.targets):
            raise UnlikeError("may have gradients that are None")
    for node in nodes[ast.Call]:
        function = getattr(node.func, "id", "")
        if function == "vars":
            raise UnlikeError("has its attributes listed by vars()")
        if function == name and node.args:
            given = node.args[0]
            called = getattr(given, "func", None)
            made = getattr(called, "attr", getattr(called, "id", None))
            if isinstance(given, (ast.List, ast.ListComp, ast.Tuple)) or (made in _MAKERS and given.args):
                raise UnlikeError("may hold arrays")


def _assigned(nodes: Kinds, name: str) -> list[Any]:
    """Return the attributes of a class that a module assigns."""
    stored = [node for node in nodes[ast.Attribute] if type(node.ctx) is ast.Store]
    return [node for node in stored if getattr(node.value, "id", "") == name]


def _made_anew(nodes: Kinds, name: str) -> set[str]:
    """Return what a module assigns to the class, and what subclasses in it have of their own."""
    made = {node.attr for node in _assigned(nodes, name)}
    for node in nodes[ast.ClassDef]:
        if any(getattr(base, "id", "") == name for base in node.bases):
            made.update(getattr(x, "name", "") for x in node.body)
            made.update(getattr(y, "id", "") for x in node.body for y in getattr(x, "targets", ()))
    return made


# ---- the class, when it has been made ----------------------------------------------------------------------------


def stand_in(number: int) -> Callable[[type], type]:
    """Return the decorator of a class statement."""

    def decorator(theirs: type) -> type:
        node, tree, is_read, text, earlier = statements[number]
        key = theirs.__module__, theirs.__name__
        if text and hasattr(theirs, "__firstlineno__"):  # the decorator stands in the line above
            theirs.__firstlineno__ = node.lineno
        collects = gc.isenabled()
        gc.disable()  # trees are many objects, and none of them is garbage
        try:
            if node.lineno < max(x.lineno for x in classes_in(tree, node.name)):
                earlier.append(ref(theirs))
                raise UnlikeError("is followed by another one")
            if _taken and (_taken[0][:2] != key or _taken[0][2] is tree):
                raise UnlikeError("is the second one here")
            if earlier:  # nodes that it left make their results by this name, and backward() goes through both
                sys._getframe(1).f_locals[node.name] = theirs  # lets go of the earlier one
                gc.collect()
                if any(made() for made in earlier):
                    raise UnlikeError("stands below another one that is in use")
            _put_back()  # this cell or another one, or this module, ran before
            nodes = by_kind(tree)
            nodes[bytes] = [text]
            _expect_scalars(nodes, node.name)
            made = _made_anew(nodes, node.name)
            changed = not made.isdisjoint(OPERATORS) or any(map(is_read, _SPECIAL))
            found = differences(theirs, node, nodes, changed, is_read, lambda x: x in made or is_read(x, anew=True))
            if not found.keys().isdisjoint(COMPARISONS):  # Python may answer one of them by another
                found = {**{x: getattr(theirs, x) for x in COMPARISONS}, **found}
        except Exception as why:  # whatever a class does, its script runs
            it = "it" if isinstance(why, UnlikeError) else f"comparing it fails: {type(why).__name__}:"
            say(f"the class {theirs.__name__} stays as it is: {it} {why}")
            return theirs
        finally:
            if collects:
                gc.enable()
        _taken[:] = [(*key, tree)]
        for name in _NAMES:
            found[name] = getattr(theirs, name)
        kept = "__slots__", "__annotations__", "__firstlineno__"  # the last one is Python's from 3.13 on
        found.update((x, vars(theirs)[x]) for x in kept if x in vars(theirs))
        _let_super_be_ours(theirs)
        _before.update(vars(engine.Value), **{name: getattr(engine.Value, name) for name in _NAMES})
        for name, x in found.items():
            setattr(engine.Value, name, x) if x is not ABSENT else delattr(engine.Value, name)
        stand_for(theirs)
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
    stand_for(None)
    _taken.clear()
    arrays_are_data[0] = stops_short[0] = False


# ---- modules of the script's own folder --------------------------------------------------------------------------


class _Loader(SourceFileLoader):
    """Loads a module that has the class; no bytecode of it is kept."""

    text: Any

    def get_code(self, fullname: str) -> Any:
        """Return the code of the module."""
        return compile(self.text, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds modules of a folder, and below, that have the class; the script, `main`, may read graphs too."""

    def __init__(self, folder: str, name: str, main: str | None = None) -> None:
        self._folder, self._name, self._main = os.path.abspath(folder), name, main
        sys.meta_path.insert(sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a module that is found in the search path, with our loader if it has the class."""
        spec: Any = PathFinder.find_spec(fullname, path, target)
        if type(getattr(spec, "loader", None)) is not SourceFileLoader or not self._is_own(spec.origin):
            return spec
        found = parse(spec.origin, self._name)
        if found is None:
            return spec
        tree, text = found
        main = self._main or os.path.join(self._folder, "__main__.py")
        spec.loader = _Loader(spec.loader.name, spec.origin)
        spec.loader.text = decorate(tree, self._name, _reader_of(tree, spec.origin, self._name, main), text)
        return spec

    def tell(self, data: dict[str, Any]) -> str:
        """Let multiprocessing tell a process to find the script in its folder; return what it has to run first."""
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
            decorate(tree, "Value", lambda word, anew=False: not (anew or word.startswith("__")))
        return tree


def load_ipython_extension(shell: Any) -> None:
    """Let classes named Value of later cells, and of modules in this folder, be replaced."""
    shell.ast_transformers.append(_Cells)
    _finders.append(Finder(os.getcwd(), "Value"))


def unload_ipython_extension(shell: Any) -> None:
    """Let classes of later cells, and of modules imported later, be as they are."""
    shell.ast_transformers.remove(_Cells)
    sys.meta_path.remove(_finders.pop())
