"""At which numbers a method of a script's class is tried: few for a formula, many for what looks at numbers."""

from __future__ import annotations

import _ast as ast
import math

from ._core.hints import Any, Callable
from ._pure import Body, Text, nodes_below

# Positive numbers first, then negative ones, then zero: an early difference ends the comparison.
_SAMPLES = 0.7, 2.5, 1.0, 1e-4, 31.0, 745.5, 2e-12, 1e200, -1.3, -1.0, -1e-4, -31.0, -746.5, -1e-9, 0.0, 0.0
# Ordinary ones, where a limit that is computed shows, some with digits for whatever rounds, and tiny ones.
_ORDINARY = 1.6180339887498949, -0.4, 4.0, -2.2, 7.0, -4.4, 12.0, -8.5, 20.0, 50.0, 100.0, -17.0
_TINY = 2.123456e-11, 3.3e-30, -2.7e-14
_GRADIENTS = 1e30, -1e30, -1e-30  # of what is computed: beyond all limits
_OTHERS = 2.0, -1.5, 1.0, 0.5, 0.0, 3.0, -1.0  # beside the samples: 1.0 with itself, and with -1.0
_COUNTS = 2, -1, 1, 3, 0, -2
_AT = 0.7, 1.6180339887498949, -1.3, -0.4  # what the other operand decides has to be seen where all guards hold
# Where ours is theirs, the widest first.
GUARDS: dict[str, Callable[[float], bool]] = {
    "everywhere": lambda x: True,
    "but at 0": lambda x: x != 0.0,
    "of medium size": lambda x: 1e-4 <= x <= 31.0 or -31.0 <= x <= -1e-4,
    "above 0": lambda x: x > 0.0,
}


class Samples:
    """Numbers at which a method is tried, those next to the constants of its text among them.

    Without the body of the class a method is taken for a formula. `numbers` are the constants; `cases` says that
    some are of operators that it uses, which are not ours for all numbers.

    Attributes
    ----------
    looks : bool
        A number may be a case apart in it: it is no formula.
    alone : list of float
        For a method without another operand.
    gradients : list of (float, float)
        Numbers, and gradients of what the method makes of them.
    """

    def __init__(self, text: Text, body: Body | None, numbers: set[float], cases: bool = False) -> None:
        self.looks = body is not None and (cases or not is_formula(text, body, smooth=True))
        self._limits, more = (sorted(numbers - {0.0}), (*_ORDINARY, *_TINY)) if self.looks else ([], ())
        self._near = [c * x for c in self._limits for x in (1.01, 0.99, 1.0, 0.5)]
        self.alone = [*_SAMPLES, *more, *self._near, *(-x for x in self._near)]
        self.gradients = [(0.7, 0.0), *((x, y) for y in _GRADIENTS for x in _AT[:3:2])] if self.looks else []

    def pairs(self, few: int) -> list[tuple[float, float]]:
        """Return each `few`-th of the numbers with a float beside it; (0, 0) is there."""
        pairs = [(x, _OTHERS[i % len(_OTHERS)]) for i, x in enumerate(self.alone)]
        pairs.insert(len(_SAMPLES), (0.0, 0.0))
        pairs = pairs[::few] + pairs[7:8]
        if self.looks:
            others = *_OTHERS, *_ORDINARY, *_TINY, *self._near
            pairs += (31.0, 1e307), (_AT[0], _TINY[0] - _AT[0])  # overflow and cancellation, where all guards hold
            pairs += [(x, sign * y) for y in others for x in _AT[:2] for sign in (1, -1)]
            pairs += [(x, -1.0) for x in _AT[2:]]
        return pairs

    def counted(self, few: int) -> list[tuple[float, int]]:
        """Return each `few`-th of the numbers with an int beside it."""
        counted = [*[(x, _COUNTS[i // 2 % 6]) for i, x in enumerate(self.alone)][::few], (0.0, 0), (0.0, 1)]
        if self.looks:
            counts = {int(c) + i for c in self._limits if c < 1e15 for i in (-1, 0, 1)}
            counts |= {*_COUNTS, *map(int, _ORDINARY)}
            counted += [(x, y) for y in counts | {-y for y in counts} for x in _AT[:3]]
            counted += [(_AT[3], y) for y in _COUNTS]
            counted += [(sign * x, -1) for x in self._near[::2] for sign in (1, -1)]  # as divisions have it
            counted += (2.0, 2), (2.0, -2)
        return counted

    def inverses(self) -> list[tuple[float, int]]:
        """Return all numbers with -1 beside them."""
        return [(x, -1) for x in (*self.alone, *_OTHERS)]


def is_minus_one(x: Any) -> bool:
    """Tell whether an expression is -1."""
    return type(x) is ast.UnaryOp and type(x.op) is ast.USub and getattr(x.operand, "value", None) in (1,)


SIGNS: dict[Any, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.Pow: "pow"}
_SIDES = "left", "right", "operand", "target", "value"
_OF_FORMULAS = {
    *(ast.FunctionDef, ast.Lambda, ast.Return, ast.Expr, ast.Assign, ast.AugAssign, ast.If, ast.IfExp, ast.Call),
    *(ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.Set, ast.JoinedStr, ast.FormattedValue, ast.keyword),
    *(ast.BinOp, ast.UnaryOp, ast.arguments, ast.arg, ast.Assert),
}
_OF_TYPES = ast.If, ast.IfExp, ast.Assert
_OF_NUMBERS = {ast.Attribute, ast.Constant, ast.BinOp, ast.UnaryOp}
_WITH_SIGN = {ast.BinOp, ast.UnaryOp, ast.AugAssign}
_OF_POLYNOMIALS = {ast.Add, ast.Sub, ast.Mult, ast.USub}
_SMOOTH = {*str.split("exp expm1 log log1p log2 log10 sqrt pow tanh sinh cosh sin cos tan atan")}


def is_formula(text: Text, body: Body, smooth: bool = False) -> bool:
    """Tell whether a method adds, subtracts and multiplies, asks types alone for more, and calls no other method.

    What it computes with are attributes and constants: a name may be a node, whose operators are methods too. With
    `smooth` it may divide as well, take powers, call smooth functions and give names to numbers.
    """
    if (text.reads - text.of.get("math", set())) & body.texts.keys():
        return False
    signs = _OF_POLYNOMIALS | {ast.Div, ast.Pow} if smooth else _OF_POLYNOMIALS
    numbers: list[Any] = []
    named: list[tuple[str, bool]] = [(x.arg, True) for x in text.tree.args.args[1:]]
    for node in nodes_below(text.tree.args) + text.nodes:
        kind = type(node)
        if kind not in _OF_FORMULAS or (kind in _OF_TYPES and not _asks_type(node.test)):
            return False
        if kind is ast.Call and not (smooth and _is_smooth(node)):
            if getattr(node.func, "id", "") not in (body.name, "isinstance", "float"):
                return False
            numbers += node.args if node.func.id == "float" else ()
        elif kind is ast.Assign:
            named += [(getattr(x, "id", ""), _is_number(node.value, smooth)) for x in node.targets]
        elif kind in _WITH_SIGN and not _asks_type(node):
            if type(node.op) not in signs:
                return False
            numbers += _sides(node)
    known = {x for x, is_number in named if is_number} - {x for x, is_number in named if not is_number}
    return all(_is_number(x, smooth) or (smooth and getattr(x, "id", "") in known) for x in numbers)


def operators_in(text: Text, known: set[str]) -> set[str]:
    """Return those of known methods of operators that a method uses where one side may be a node."""
    found = set[str]()
    for node in text.nodes:
        if type(node) in _WITH_SIGN:
            sign = SIGNS.get(type(node.op), "neg")
            used = known.intersection((f"__{sign}__", f"__r{sign}__"))
            if used and not all(_is_number(x, True) for x in _sides(node)):
                found |= used
    return found


def _sides(node: Any) -> list[Any]:
    return [getattr(node, x) for x in _SIDES if hasattr(node, x)]


def _is_number(x: Any, smooth: bool) -> bool:
    """Tell whether an expression is no node, whose operators are methods."""
    of_float = type(x) is ast.Call and getattr(x.func, "id", "") == "float"
    return type(x) in _OF_NUMBERS or of_float or (smooth and _is_smooth(x))


def _is_smooth(x: Any) -> bool:
    """Tell whether an expression is a call of a smooth function of a module."""
    f = getattr(x, "func", None)
    return type(f) is ast.Attribute and type(f.value) is ast.Name and f.value.id == "math" and f.attr in _SMOOTH


def _asks_type(x: Any) -> bool:
    """Tell whether an expression is isinstance(...), or that it is not."""
    x = x.operand if type(x) is ast.UnaryOp and type(x.op) is ast.Not else x
    return type(x) is ast.Call and getattr(x.func, "id", "") == "isinstance"


def agree(x: Any, y: Any) -> bool:
    """Tell whether two outcomes are the same, numbers to rounding."""
    if type(x) is type(y) is float:
        return x == y or math.isclose(x, y, rel_tol=1e-11) or (x != x and y != y)
    if isinstance(x, list) and isinstance(y, list):
        return len(x) == len(y) and all(map(agree, x, y))
    if isinstance(x, (int, float)) and isinstance(y, (int, float)) and bool not in (type(x), type(y)):
        try:
            return math.isclose(x, y, rel_tol=1e-11) or (x != x and y != y)
        except OverflowError:  # an int too large for a float
            return False
    return type(x) is type(y) and bool(x == y)


_EDGES = 0.5, -2.0, 7.0, 1e200, 0.0, math.inf, math.nan


def _at_edges(cls: Any, backward: Any, seed: tuple[float, ...]) -> list[float]:
    """Return gradients of leaves that have these numbers as data and gradient, and of nodes that get such ones."""
    leaves = [cls(x) for x in _EDGES]
    for v, x in zip(leaves, _EDGES):
        v.grad = x
        backward(v, *seed)
    a, b, c, infinite = [cls(0.5) for _ in "abc"] + leaves[5:6]
    backward(a * infinite * leaves[4] + b * leaves[6], *seed)
    backward((c + c) * infinite, *seed)
    return [v.grad for v in (a, b, c, *leaves)]


def gradients(
    cls: Any, backward: Any, seed: tuple[float, ...], looks: bool, by_hand: Any, leaf_has_closure: bool
) -> tuple[str, Any]:
    """Return what backward returns, and the gradients of a small graph after one backward and after another.

    With `looks` it may look at numbers, and is tried at odd ones too.
    """
    numbers: dict[int, int] = {}
    if scattered := "__hash__" not in vars(cls):  # sets have operands in any order
        cls.__hash__ = lambda v: numbers.setdefault(id(v), len(numbers)) * 0x9E3779B1 >> 9
    try:
        a, b, c, leaf, one = cls(0.5), cls(-1.25), cls(0.5), cls(0.5), cls(1.0)
        d = a * b
        e = d + b
        f = e * e + d * one * c  # a node has the data of another one
        nodes = [a, b, c, d, e, leaf, one]
        for i in range(8):  # a node beside a product of it
            nodes.append(f)
            f = f + f * c if i % 2 else f * c + f
        nodes.append(f)
        a.grad, d.grad, f.grad = 0.25, 0.5, -2.0
        returned = backward(f, *seed)
        gradients = [[v.grad for v in nodes]]
        backward(f, *seed)
        backward(leaf, *seed)
        backward(e, *seed)  # a node of this graph, which has a gradient
        gradients.append([v.grad for v in nodes])
        gradients += [_at_edges(cls, backward, seed)] if looks else []
        if by_hand:
            c = by_hand(cls, (), (2.0,), (leaf,)) if leaf_has_closure else c
            d = by_hand(cls, (a, b, c), (2.0, 3.0, -1.5))
            backward(d * d + by_hand(cls, (d,), (0.5,)), *seed)
            gradients.append([v.grad for v in (a, b, c, d, leaf)])
        kinds = ("nothing", returned is None), ("itself", returned is f), ("gradient", agree(returned, f.grad))
        return next((kind for kind, holds in kinds if holds), "something"), gradients
    except Exception as error:
        return "nothing", type(error)
    finally:
        if scattered:
            del cls.__hash__


def called(cls: Any, method: Any, v: Any, y: Any, kind: Any) -> tuple[Any, ...]:
    """Return what a method returns, and the other operand if that is a node; for `y` None this is `v`."""
    if kind is None:
        return (method(v),)
    if kind in (int, float, object):
        return (method(v, y),)
    other = v if y is None else cls(y)
    return method(v, other), other


def number_of(x: Any) -> float:
    return float(x) if isinstance(x, (int, float)) and type(x) is not bool else math.nan


def is_empty(x: Any) -> bool:
    """Tell whether an expression is None or an empty container."""
    if type(x) is ast.Call:
        return not x.args and getattr(x.func, "id", "") in ("set", "frozenset", "tuple", "list")
    return getattr(x, "elts", ()) == [] or (type(x) is ast.Constant and x.value is None)
