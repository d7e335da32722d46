"""The C expressions of the op table: evaluated, written for people, and written as JavaScript.

`csrc/ops.def` says what an op computes and what its local derivatives are, in C. The explanation of a step needs
the same three times over: as a number, as text with the names of the operands, and as code for the page. All
three come from that one text, so a new op explains itself.

>>> e = Expression("-x / y / y")
>>> e.evaluate(x=6.0, y=2.0)
-1.5
>>> e.readable(x="a", y="b")
'-a / b / b'
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

__all__ = ["Expression", "expression", "javascript_functions"]

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?)|(\w+)|(\|\||&&|[<>=!]=|[-+*/<>?:(),!]))")
_BINARY = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6}
_UNARY = 7
_TERNARY = 0

_CONSTANTS = {"M_2_SQRTPI": 2 / math.sqrt(math.pi), "M_SQRT1_2": math.sqrt(0.5), "NAN": math.nan}
_CONSTANT_NAMES = {"M_2_SQRTPI": "2/√π", "M_SQRT1_2": "√½", "NAN": "nan"}


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
    "erf": (math.erf, "erf"),  # page.html has those that JavaScript lacks
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

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": _divide,
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    ">": lambda x, y: x > y,
    "<=": lambda x, y: x <= y,
    ">=": lambda x, y: x >= y,
    "&&": lambda x, y: bool(x and y),
    "||": lambda x, y: bool(x or y),
}

_Tree = tuple[Any, ...]  # ("number", text), ("name", text), ("unary", op, tree), ("call", name, trees), ...


class Expression:
    """An expression of C over x, y, z and k.

    Parameters
    ----------
    source : str
        As it stands in the op table: numbers, names, calls, `+ - * /`, comparisons, `&& ||` and `?:`.

    Raises
    ------
    ValueError
        Where it holds anything else; it tells where.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._tokens: list[str] = []
        at = 0
        while at < len(source.rstrip()):
            match = _TOKEN.match(source, at)
            if match is None:
                raise ValueError(f"{source!r}: no expression of C that this reads, at {source[at:]!r}")
            self._tokens.append(match[0].strip())
            at = match.end()
        self._at = 0
        self._tree = self._parse(_TERNARY)
        if self._at != len(self._tokens):
            raise ValueError(f"{source!r}: {self._tokens[self._at]!r} is not expected there")

    def evaluate(self, **numbers: float) -> float:
        """Return the number that the expression gives for `x`, `y`, `z` and `k`, by C's rules."""
        return float(_evaluate(self._tree, numbers))

    def readable(self, k: float | None = None, **names: str) -> str:
        """Return the expression with other names for `x`, `y` and `z` and the number `k`, as a person writes it."""
        tree = self._tree if k is None else _with_number(self._tree, k)
        text = _readable(tree, names, _TERNARY)
        whole = tree[0] != "choice" and (tree[0] != "binary" or _BINARY[tree[1]] > _BINARY["<="])
        return text if whole else f"({text})"

    def javascript(self) -> str:
        """Return the expression in JavaScript; the functions have the names that they have in C."""
        return _javascript(self._tree)

    # ---- parsing: precedence climbing --------------------------------------------------------------------------

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise ValueError(f"{self.source!r}: expected {expected or 'an operand'}, found {token or 'its end'}")
        self._at += 1
        return token

    def _parse(self, level: int) -> _Tree:
        left = self._operand()
        while True:
            op = self._peek()
            if op == "?" and level <= _TERNARY:
                self._take()
                yes = self._parse(_TERNARY)
                self._take(":")
                left = ("choice", left, yes, self._parse(_TERNARY))
            elif op in _BINARY and _BINARY[op] > level:
                self._take()
                left = ("binary", op, left, self._parse(_BINARY[op]))
            else:
                return left

    def _operand(self) -> _Tree:
        token = self._take()
        if token in ("-", "+", "!"):
            return ("unary", token, self._parse(_UNARY))
        if token == "(":
            tree = self._parse(_TERNARY)
            self._take(")")
            return tree
        if token[0].isdigit():
            return ("number", token)
        if not token[0].isalpha() and token[0] != "_":
            raise ValueError(f"{self.source!r}: {token!r} is no operand")
        if self._peek() != "(":
            if token not in _CONSTANTS and token not in ("x", "y", "z", "k"):
                raise ValueError(f"{self.source!r}: the name {token!r} is unknown")
            return ("name", token)
        if token not in _FUNCTIONS:
            raise ValueError(
                f"{self.source!r}: the function {token!r} is unknown; viz/expression.py lists those it knows"
            )
        self._take("(")
        arguments = [self._parse(_TERNARY)]
        while self._peek() == ",":
            self._take()
            arguments.append(self._parse(_TERNARY))
        self._take(")")
        return ("call", token, arguments)


def _evaluate(tree: _Tree, numbers: dict[str, float]) -> Any:
    form = tree[0]
    if form == "number":
        return float(tree[1])
    if form == "name":
        return _CONSTANTS[tree[1]] if tree[1] in _CONSTANTS else numbers[tree[1]]
    if form == "unary":
        value = _evaluate(tree[2], numbers)
        return -value if tree[1] == "-" else not value if tree[1] == "!" else value
    if form == "call":
        return _FUNCTIONS[tree[1]][0](*(_evaluate(argument, numbers) for argument in tree[2]))
    if form == "choice":
        return _evaluate(tree[2] if _evaluate(tree[1], numbers) else tree[3], numbers)
    return _OPERATORS[tree[1]](_evaluate(tree[2], numbers), _evaluate(tree[3], numbers))


def _with_number(tree: _Tree, k: float) -> _Tree:
    """Return the tree with k in its place, less what can be worked out then: k * x**(k - 1) becomes 3 * x**2."""
    form = tree[0]
    if tree == ("name", "k"):
        return ("number", f"{k:.8g}")
    if form == "unary":
        return ("unary", tree[1], _with_number(tree[2], k))
    if form == "call":
        return ("call", tree[1], [_with_number(argument, k) for argument in tree[2]])
    if form == "choice":
        condition, yes, no = (_with_number(part, k) for part in tree[1:])
        if condition[0] == "number":
            return yes if float(condition[1]) else no
        return ("choice", condition, yes, no)
    if form == "binary":
        left, right = _with_number(tree[2], k), _with_number(tree[3], k)
        if left[0] == right[0] == "number":
            return ("number", f"{float(_OPERATORS[tree[1]](float(left[1]), float(right[1]))):.8g}")
        return ("binary", tree[1], left, right)
    return tree


_READABLE_OPERATORS = {"&&": "and", "||": "or"}


def _power(base: _Tree, exponent: _Tree, names: dict[str, str]) -> str:
    if exponent == ("number", "1"):
        return _readable(base, names, _UNARY + 1)
    return f"{_readable(base, names, _UNARY + 1)}**{_readable(exponent, names, _UNARY + 1)}"


def _readable(tree: _Tree, names: dict[str, str], level: int) -> str:
    form = tree[0]
    if form == "number":
        return f"({tree[1]})" if level > _UNARY and tree[1].startswith("-") else str(tree[1])
    if form == "name":
        name = names.get(tree[1]) or _CONSTANT_NAMES.get(tree[1], str(tree[1]))
        return f"({name})" if level >= _UNARY and name.startswith("-") else name
    if form == "call":
        if tree[1] == "pow":
            base, exponent = tree[2]
            return _power(base, exponent, names)
        arguments = ", ".join(_readable(argument, names, _TERNARY) for argument in tree[2])
        return (
            f"|{arguments}|"
            if tree[1] == "fabs"
            else f"{'sigmoid' if tree[1] == 'logistic' else tree[1]}({arguments})"
        )
    if form == "unary":
        own, text = _UNARY, f"{'not ' if tree[1] == '!' else tree[1]}{_readable(tree[2], names, _UNARY)}"
    elif form == "choice":
        if tree[1] == ("binary", "||", *tree[1][2:]) and _is_nan_test(tree[1][3]):
            tree = (form, tree[1][2], *tree[2:])  # `x < y || x != x`: what becomes of nan is not for this page
        condition, yes, no = (_readable(part, names, _TERNARY + 1) for part in tree[1:])
        own, text = _TERNARY, f"{yes} if {condition} else {no}"
    else:
        own = _BINARY[tree[1]]
        left, right = _readable(tree[2], names, own - 1), _readable(tree[3], names, own)
        text = f"{left} {_READABLE_OPERATORS.get(tree[1], tree[1])} {right}"
    return f"({text})" if own < level or (own == level and form != "unary" and level) else text


def _is_nan_test(tree: _Tree) -> bool:
    return bool(tree[0] == "binary" and tree[1] == "!=" and tree[2] == tree[3])


def _javascript(tree: _Tree) -> str:
    form = tree[0]
    if form == "number":
        return str(tree[1])
    if form == "name":
        return repr(_CONSTANTS[tree[1]]) if tree[1] in _CONSTANTS else str(tree[1])
    if form == "unary":
        return f"({tree[1]}{_javascript(tree[2])})"
    if form == "call":
        return f"{tree[1]}({','.join(map(_javascript, tree[2]))})"
    if form == "choice":
        return f"({_javascript(tree[1])}?{_javascript(tree[2])}:{_javascript(tree[3])})"
    return f"({_javascript(tree[2])}{tree[1]}{_javascript(tree[3])})"


def javascript_functions() -> str:
    """Return JavaScript that declares the functions which an expression may call, under their names in C."""
    own = (f"{name}={text}" for name, (_, text) in _FUNCTIONS.items() if name != text)
    return f"const {','.join(own)};"


@cache
def expression(source: str) -> Expression:
    """Return the expression of a text of the op table, parsed once."""
    return Expression(source)
