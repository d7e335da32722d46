"""The C expressions of the op table: evaluated, written for people, and handed to the page.

`csrc/ops.def` says what an op computes and what its local derivatives are, in C. The explanation of a step needs
the same three times over: as a number, as text with the names of the operands, and as code for the page. All
three come from that one text, so a new op explains itself. JavaScript reads the text as it stands. Python does so
too, once each `a ? b : c` is written as `b if a else c`.

>>> e = Expression("-x / y / y")
>>> e.evaluate(x=6.0, y=2.0)
-1.5
>>> e.readable(x="a", y="b")
'-a / b / b'
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

from .text import fill

__all__ = ["Expression", "expression", "javascript_functions"]

_VARIABLES = ("x", "y", "z", "k")
# Each constant of C: its number, and how a person writes it.
_CONSTANTS = {
    "M_2_SQRTPI": (2 / math.sqrt(math.pi), "2/√π"),
    "M_SQRT1_2": (math.sqrt(0.5), "√½"),
    "NAN": (math.nan, "nan"),
}


def _logistic(x: float) -> float:
    e = math.exp(-abs(x))
    return (e if x < 0 else 1.0) / (1.0 + e)


def _divide(x: float, y: float) -> float:
    """C's x / y: infinite or nan where Python raises."""
    if y:
        return x / y
    return math.copysign(math.inf, x) * math.copysign(1.0, y) if x and x == x else math.nan


def _pow(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        return math.nan if x else math.copysign(math.inf, x) if y % 2 == 1 else math.inf


def _c(name: str, poles: dict[float, float] | None = None) -> tuple[Callable[..., float], str]:
    """Return C's form of a function of `math`, infinite or nan where Python raises, and its name in JavaScript."""
    f = getattr(math, name)

    def total(*args: float) -> float:
        try:
            return float(f(*args))
        except OverflowError:
            return math.copysign(math.inf, f(max(-700.0, min(args[0], 700.0))))
        except ValueError:
            return (poles or {}).get(args[0], math.nan)

    return total, f"Math.{name}"


# Functions that C, Python's math and JavaScript's Math have by the same name.
_SHARED = "exp expm1 sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atan2 hypot floor ceil"

# Each function of C that an expression may call: how it is computed here, and in JavaScript. A new one is a line.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {name: _c(name) for name in _SHARED.split()} | {
    "log": _c("log", {0.0: -math.inf}),
    "log1p": _c("log1p", {-1.0: -math.inf}),
    "atanh": _c("atanh", {-1.0: -math.inf, 1.0: math.inf}),
    "erf": (math.erf, "erf"),  # ops.js has those that JavaScript lacks
    "erfc": (math.erfc, "erfc"),
    "logistic": (_logistic, "logistic"),
    "pow": (_pow, "(x,y)=>x===1||x===-1&&!Number.isFinite(y)&&y===y?1:Math.pow(x,y)"),
    "fmod": (_c("fmod")[0], "(x,y)=>x%y"),
    "fabs": (abs, "Math.abs"),
    "isfinite": (math.isfinite, "Number.isFinite"),
    "isnan": (math.isnan, "Number.isNaN"),
    "fmin": (lambda x, y: y if x != x or y < x else x, "(x,y)=>x!==x||y<x?y:x"),
    "fmax": (lambda x, y: y if x != x or y > x else x, "(x,y)=>x!==x||y>x?y:x"),
}
_SCOPE: dict[str, Any] = {
    "__builtins__": {},
    "_divide": _divide,
    "inf": math.inf,
    "nan": math.nan,
    **{name: number for name, (number, _) in _CONSTANTS.items()},
    **{name: function for name, (function, _) in _FUNCTIONS.items()},
}


def javascript_functions() -> str:
    """Return JavaScript that declares what an expression may name, as it is called in C."""
    own = [f"{name}={text}" for name, (_, text) in _FUNCTIONS.items() if name != text]
    own += [f"{name}={'NaN' if number != number else number}" for name, (number, _) in _CONSTANTS.items()]
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


class _Dividing(ast.NodeTransformer):
    """Makes each division that of C."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return ast.Call(ast.Name("_divide", ast.Load()), [node.left, node.right], [])


def _compiled(tree: ast.expr) -> Any:
    whole = ast.fix_missing_locations(ast.Expression(_Dividing().visit(tree)))
    return compile(whole, "ops.def", "eval")


# ---- as people write it ------------------------------------------------------------------------------------------


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
        return _word(f"{float(eval(_compiled(ast.parse(ast.unparse(node), mode='eval').body), _SCOPE)):.8g}")

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


class Expression:
    """An expression of C over x, y, z and k.

    Parameters
    ----------
    source : str
        As it stands in the op table: numbers, names, calls, `+ - * /`, comparisons, `&& ||` and `?:`.

    Raises
    ------
    ValueError
        Where it holds anything else; it tells what.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._code = _compiled(_parsed(source))
        except SyntaxError as error:
            raise ValueError(f"{source!r}: {error.msg}") from None

    def evaluate(self, **numbers: float | None) -> float:
        """Return the number that the expression gives for `x`, `y`, `z` and `k`, by C's rules."""
        return float(eval(self._code, _SCOPE, numbers))

    def readable(self, k: float | None = None, **names: str) -> str:
        """Return the expression with other names for `x`, `y` and `z` and the number `k`, as a person writes it."""
        return fill(_written(self.source, k), {name: name for name in _VARIABLES} | names)


@cache
def expression(source: str) -> Expression:
    """Return the expression of a text of the op table, parsed once."""
    return Expression(source)
