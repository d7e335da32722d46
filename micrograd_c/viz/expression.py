"""The C expressions of the op table: written for people, and handed to the page.

`csrc/ops.def` says what an op computes and what its local derivatives are, in C. The explanation of a step needs
the same three times over: as a number, which the engine gives, as text with the names of the operands, and as code
for the page. All come from that one text, so a new op explains itself. JavaScript reads the text as it stands.
Python's parser does so too, once each `a ? b : c` is written as `b if a else c`.

>>> readable("-x / y / y", x="a", y="b")
'-a / b / b'
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from functools import lru_cache

from .text import fill

__all__ = ["checked", "javascript_functions", "readable"]

_VARIABLES = ("x", "y", "z", "k")
# Each constant of C in JavaScript, and how a person writes it.
_CONSTANTS = {
    "M_2_SQRTPI": ("2/Math.sqrt(Math.PI)", "2/√π"),
    "M_SQRT1_2": ("Math.SQRT1_2", "√½"),
    "NAN": ("NaN", "nan"),
    "INFINITY": ("Infinity", "inf"),
}

# Functions that C and JavaScript's Math have by the same name.
_SHARED = """exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    atan2 hypot floor ceil"""

# Each function of C that an expression may call, in JavaScript. A new one is a line.
_FUNCTIONS = {name: f"Math.{name}" for name in _SHARED.split()} | {
    "erf": "erf",  # ops.js has those that JavaScript lacks
    "erfc": "erfc",
    "logistic": "logistic",
    "logaddexp": "logaddexp",
    "pow": "(x,y)=>x===1||x===-1&&!Number.isFinite(y)&&y===y?1:Math.pow(x,y)",
    "fmod": "(x,y)=>x%y",
    "fabs": "Math.abs",
    "isfinite": "Number.isFinite",
    "isnan": "Number.isNaN",
    "fmin": "(x,y)=>x!==x||y<x?y:x",
    "fmax": "(x,y)=>x!==x||y>x?y:x",
}


def javascript_functions() -> str:
    """Return JavaScript that declares what an expression may name, as it is called in C."""
    own = [f"{name}={text}" for name, text in _FUNCTIONS.items() if name != text]
    own += [f"{name}={number}" for name, (number, _) in _CONSTANTS.items()]
    return f"const {','.join(own)};"


# ---- from C to Python --------------------------------------------------------------------------------------------


def _in_python(tokens: Iterator[str], end: str = "") -> str:
    """Return the tokens up to `end`, each `a ? b : c` of C as `(b) if a else c`."""
    text = last = ""  # what is whole, and what may be the condition of a choice
    for token in tokens:
        if token == end:
            return text + last
        if token == "?":
            text, last = f"{text}({_in_python(tokens, ':')}) if {last} else ", ""
        elif token == ",":
            text, last = f"{text}{last},", ""
        else:
            last += f"({_in_python(tokens, ')')})" if token == "(" else token
    if end:
        raise SyntaxError(f"{end!r} is missing")
    return text + last


_FORMS = (
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd, ast.Load),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.Gt, ast.LtE, ast.GtE, ast.BoolOp, ast.And, ast.Or, ast.IfExp),
)


def _parsed(source: str) -> ast.expr:
    """Return the tree of an expression of C, or raise SyntaxError."""
    text = source.replace("&&", " and ").replace("||", " or ")
    tree = ast.parse(_in_python(iter(re.findall(r"[?:(),]|[^?:(),]+", text))).strip(), mode="eval").body
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            if node.func.id not in _FUNCTIONS:
                raise SyntaxError(
                    f"the function {node.func.id!r} is unknown; viz/expression.py lists those it knows"
                )
            todo += node.args
        elif isinstance(node, ast.Name):
            if node.id not in _VARIABLES and node.id not in _CONSTANTS:
                raise SyntaxError(f"the name {node.id!r} is unknown")
        elif isinstance(node, ast.Compare) and len(node.ops) > 1:
            raise SyntaxError(f"{ast.unparse(node)!r} means another thing in C: it needs brackets")
        elif isinstance(node, _FORMS):
            todo += ast.iter_child_nodes(node)
        elif not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
            raise SyntaxError(f"{ast.unparse(node)!r} is no expression of C that this reads")
    return tree


# ---- as people write it ------------------------------------------------------------------------------------------


_NO_NAMES = {"__builtins__": {}, "inf": math.inf, "nan": math.nan}  # but of two numbers


def _word(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def _number(node: ast.AST) -> float | None:
    try:
        return float(node.id) if isinstance(node, ast.Name) else None
    except ValueError:
        return None


class _Writer(ast.NodeTransformer):
    """Writes with a number for k, and works out what can be: `k * pow(x, k - 1)` becomes 3 * {(x)}**2."""

    def __init__(self, k: float | None) -> None:
        self._words = {"k": "k" if k is None else f"{k:.8g}"} | {
            name: text for name, (_, text) in _CONSTANTS.items()
        }

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return _word(str(node.value))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _word(self._words.get(node.id) or f"{{({node.id})}}")

    def visit_BinOp(self, node: ast.expr) -> ast.expr:
        self.generic_visit(node)
        if any(_number(part) is None for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)):
            return node
        try:
            return _word(f"{float(eval(ast.unparse(node), _NO_NAMES)):.8g}")
        except ZeroDivisionError:
            return node

    visit_Compare = visit_BinOp

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        test = _number(node.test)
        return node if test is None else node.body if test else node.orelse

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name, arguments = ast.unparse(node.func), [self.visit(argument) for argument in node.args]
        if name == "fabs":
            return _word(f"|{ast.unparse(arguments[0])}|")
        if name != "pow":
            return ast.Call(_word("sigmoid" if name == "logistic" else name), arguments, [])
        base, exponent = (_word(f"({x.id})") if (_number(x) or 0) < 0 else x for x in arguments)
        return base if _number(exponent) == 1 else ast.BinOp(base, ast.Pow(), exponent)


@lru_cache(1000)
def _written(source: str, k: float | None) -> str:
    """Return the expression as a person writes it, with slots for x, y and z."""
    source = re.sub(r"\|\| (\w) != \1 ", "", source)  # what becomes of nan is not for those who read it
    tree = _Writer(k).visit(_parsed(source))
    text = ast.unparse(tree).replace(" ** ", "**")
    return f"({text})" if isinstance(tree, (ast.IfExp, ast.Compare, ast.BoolOp)) else text


def checked(source: str) -> str:
    """Return an expression of C over x, y, z and k, as it stands in the op table, if it can be read.

    Raises
    ------
    ValueError
        Where it holds anything but numbers, names, calls, `+ - * /`, comparisons, `&& ||` and `?:`; it tells what.
    """
    try:
        _parsed(source)
    except SyntaxError as error:
        raise ValueError(f"{source!r}: {error.msg}") from None
    return source


def readable(source: str, k: float | None = None, **names: str) -> str:
    """Return an expression with other names for `x`, `y` and `z` and the number `k`, as a person writes it."""
    return fill(_written(source, k), {name: name for name in _VARIABLES} | names)
