"""Arithmetic as people type it, as a graph of Values.

The text is parsed by Python's own parser and then walked; nothing of it is ever run. What is not arithmetic over
the given names is refused, by name and position.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any

from .._core import NAMES, OPS, core
from .._core.absent import close_to
from ..engine import Value, nary, topological_order

__all__ = ["Refused", "parse"]

LONGEST = 20_000

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_SIGNS = {
    ast.FloorDiv: "//", ast.Mod: "%", ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.LShift: "<<", ast.RShift: ">>", ast.Not: "not", ast.Invert: "~",
}  # fmt: skip

# name: least and most operands, most plain numbers after them
_FUNCTIONS = {
    name.lower(): (row.arity, row.arity, 1 if row.takes_k else 0)
    for name, row in zip(NAMES, OPS)
    if row.method and name not in ("ADD", "SUB", "MUL", "TRUEDIV", "POWER", "NEG")
}
_FUNCTIONS |= {**dict.fromkeys(nary, (1, 1000, 0)), "max": (2, 1000, 0), "min": (2, 1000, 0)}
_FUNCTIONS["pow"] = (2, 2, 0)  # of two Values too, as **
_FUNCTIONS["clip"] = (3, 3, 0)
_CALLED_HERE = {"ln": "log", "clamp": "clip"}
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}  # of math
_MODULES = ("math", "np", "numpy", "torch")

_WHAT = {
    "Lambda": "a lambda", "Attribute": "an attribute", "Subscript": "an index", "Compare": "a comparison",
    "BoolOp": "'and' or 'or'", "IfExp": "a condition", "NamedExpr": "':='", "Await": "await", "Yield": "yield",
    "ListComp": "a comprehension", "SetComp": "a comprehension", "DictComp": "a comprehension",
    "GeneratorExp": "a comprehension", "List": "a list", "Tuple": "a tuple", "Dict": "a dict", "Set": "a set",
    "JoinedStr": "a string", "Starred": "a star", "Import": "an import", "ImportFrom": "an import",
    "FunctionDef": "a function", "ClassDef": "a class", "For": "a loop", "While": "a loop", "If": "a condition",
    "Delete": "del", "With": "with", "Try": "try", "Raise": "raise", "Global": "global", "Assert": "assert",
    "Return": "return", "Pass": "pass", "AnnAssign": "an annotation", "Slice": "a slice",
}  # fmt: skip


_COMPARISONS = {
    ast.Eq: "equal", ast.NotEq: "not_equal", ast.Lt: "less", ast.LtE: "less_equal",
    ast.Gt: "greater", ast.GtE: "greater_equal",
}  # fmt: skip


class Refused(ValueError):
    """What is not arithmetic, and where it stands.

    Attributes
    ----------
    line, column : int
        From 1, in characters.
    """

    def __init__(self, source: str, line: int, column: int, why: str) -> None:
        lines = source.splitlines() or [""]
        text = lines[min(line, len(lines)) - 1]
        start = max(0, column - 60)
        shown = text[start : start + 100]
        super().__init__(f"line {line}, column {column}: {why}\n    {shown}\n    {' ' * (column - 1 - start)}^")
        self.line = line
        self.column = column


def parse(source: str, data: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
    """Return the last value of `source`, and all that have a name.

    Parameters
    ----------
    source : str
        Such as 'e = a*b; c = e + b': assignments and expressions, separated by `;` or lines. There are numbers,
        names, `+ - * / **`, brackets, and the functions and methods of `Value`, such as `tanh(x)`, `x.tanh()`,
        `math.tanh(x)`, `np.tanh(x)` and `max(x, y)`.
    data : mapping of str to float
        The leaves.

    Raises
    ------
    Refused
        Where `source` holds anything else.
    ZeroDivisionError, ValueError, OverflowError
        What the engine raises.
    """
    return _Builder(source, data).build()


class _Builder:
    def __init__(self, source: str, data: Mapping[str, float]) -> None:
        self.source = source.strip("; \t\n\f\r")
        self.names: dict[str, Value] = {}
        for name, x in data.items():
            if not name.isidentifier():
                raise ValueError(f"{name!r} is no name")
            self.names[name] = Value(float(x), label=name)
        self.given = dict(self.names)

    def refuse(self, node: Any, why: str) -> Refused:
        line = getattr(node, "lineno", 1)
        text = self.source.splitlines()[line - 1]
        column = len(text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")) + 1
        return Refused(self.source, line, column, why)

    def build(self) -> tuple[Value, dict[str, Value]]:
        if len(self.source) > LONGEST:
            raise Refused(self.source[:80], 1, 1, f"the text has {len(self.source)} characters; {LONGEST} are read")
        try:
            tree = ast.parse(self.source, mode="exec")
        except SyntaxError as error:
            raise Refused(self.source, error.lineno or 1, error.offset or 1, self.in_our_words(error.msg)) from None
        except (RecursionError, MemoryError):
            raise Refused(self.source, 1, 1, "it is nested too deep, or too long; split it by ;") from None
        except ValueError as error:  # a null character
            raise Refused(self.source, 1, 1, str(error)) from None
        if not tree.body:
            raise Refused(self.source, 1, 1, "there is nothing to compute")
        for statement in tree.body:
            last = self.statement(statement)
        used = {id(value) for value in topological_order(last)}
        unused = [name for name, leaf in self.given.items() if id(leaf) not in used]
        if unused:
            where = f"the last line of {self.source!r}" if len(tree.body) > 1 else repr(self.source)
            raise ValueError(f"{', '.join(unused)}: given, but not used in {where}")
        return last, self.names

    def in_our_words(self, message: str) -> str:
        """Return what Python says of a text that it cannot read, with what people meant by it most often."""
        if message.startswith("cannot assign to"):
            return "only a name can be assigned to, and it stands first, as in c = a*b"
        invalid = message.startswith("invalid syntax")
        named = re.findall(r"\w+" if invalid else r"(?:^|[;\n])\s*(\w+)\s*=(?!=)", self.source)
        words = [name for name in named if iskeyword(name)]
        if words:
            return f"{words[0]!r} is a word of Python: take another name"
        remedy = "write 2*a for 2a" if "decimal literal" in message else ""
        remedy = "the operators are + - * / **" if message.startswith("invalid character") else remedy
        return f"{message}{remedy and ': '}{remedy}"

    def statement(self, statement: ast.stmt) -> Value:
        if isinstance(statement, ast.Expr):
            return self.expression(statement.value)
        target: Any
        what: ast.expr
        if isinstance(statement, ast.AugAssign):  # as an assignment of an operation
            target = statement.target
            what = ast.copy_location(ast.BinOp(target, statement.op, statement.value), statement)
            self.operands(what)
        elif isinstance(statement, ast.Assign):
            target, what = statement.targets[0], statement.value
            if len(statement.targets) != 1:
                raise self.refuse(statement.targets[1], "one name at a time is assigned to")
        else:
            raise self.unknown(statement)
        if not isinstance(target, ast.Name):
            raise self.refuse(target, "only a name can be assigned to")
        value = self.expression(what)
        if target.id not in self.given:  # a = a*2: the name is that of the leaf
            value.name = value.name or target.id
        self.names[target.id] = value
        return value

    def unknown(self, node: ast.AST) -> Refused:
        name = type(node).__name__
        return self.refuse(node, f"{_WHAT.get(name, name)} is no arithmetic")

    @staticmethod
    def as_operand(x: Any) -> Value:
        """Return a number as the constant that an operator of Value makes of it."""
        value: Value = x if isinstance(x, Value) else core.leaves([x], [x], True)[0]
        return value

    def of_math(self, node: ast.AST) -> bool:
        """Tell whether it is `math.something`, or that of a module with the same functions."""
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in _MODULES
            and node.value.id not in self.names
        )

    # ---- expressions: a walk with a stack of its own, since a+a+a+... is as deep as it is long ----------------

    def expression(self, root: ast.expr) -> Value:
        todo: list[tuple[bool, Any]] = [(False, root)]
        values: list[Any] = []
        while todo:
            ready, node = todo.pop()
            if not ready:
                parts = self.operands(node)
                todo.append((True, node))
                todo.extend((False, part) for part in reversed(parts))
            elif isinstance(node, ast.Constant):
                values.append(float(node.value))  # type: ignore[arg-type]
            elif isinstance(node, ast.Attribute):
                values.append(_CONSTANTS[node.attr])
            elif isinstance(node, ast.Name):
                values.append(self.names[node.id])
            else:
                n = len(values) - len(self.operands(node))
                operands = values[n:]
                del values[n:]
                if isinstance(node, ast.UnaryOp):
                    values.append(-operands[0] if isinstance(node.op, ast.USub) else operands[0])
                elif isinstance(node, ast.BinOp):
                    values.append(self.apply(node.op, *operands))
                else:
                    values.append(self.call(node, operands))
        return values[0] if isinstance(values[0], Value) else Value(values[0])

    def operands(self, node: Any) -> list[Any]:
        """Return the operands of an expression, or refuse it."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, (bool, complex)) or not isinstance(node.value, (int, float)):
                what = {str: "a string", bytes: "bytes", bool: "a truth value", complex: "a complex number"}
                raise self.refuse(node, f"{what.get(type(node.value), repr(node.value))} is no number")
            try:
                finite = math.isfinite(float(node.value))
            except OverflowError:
                finite = False
            if not finite:
                raise self.refuse(node, "the number is too large for a float, whose largest is 1.8e308")
            return []
        self.check_known(node)
        if isinstance(node, ast.Name) or (self.of_math(node) and node.attr in _CONSTANTS):
            return []
        if isinstance(node, ast.UnaryOp):
            if not isinstance(node.op, (ast.USub, ast.UAdd)):
                raise self.refuse(node, f"the operator {_SIGNS[type(node.op)]!r} is no arithmetic")
            return [node.operand]
        if isinstance(node, ast.BinOp):
            if type(node.op) not in _BINARY:
                power = "; a power is written a**2, and e**x is exp(x)" * isinstance(node.op, ast.BitXor)
                raise self.refuse(node, f"the operator {_SIGNS[type(node.op)]!r} is not one of + - * / **{power}")
            return [node.left, node.right]
        if isinstance(node, ast.Call):
            return self.arguments(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            method = _COMPARISONS[type(node.ops[0])]
            raise self.refuse(
                node, f"a comparison is no arithmetic; a.{method}(b) is 1 where it holds and 0 elsewhere"
            )
        raise self.unknown(node)

    def check_known(self, node: Any) -> None:
        if isinstance(node, ast.Name) and node.id not in self.names:
            known = f"; known are {', '.join(self.names)}" if self.names else ""
            remedy = f"add {node.id}=... at the end{known}"
            if "·" in node.id:
                remedy = f"a product is written {node.id.replace('·', '*')}"
            elif node.id in _CONSTANTS:
                power = ", and e**x is exp(x)" * (node.id == "e")
                remedy = f"the number is math.{node.id}{power}; or {remedy}"
            raise self.refuse(node, f"{node.id!r} has no value: {remedy}")

    def function(self, node: ast.Call) -> tuple[str, list[Any]]:
        """Return the name of the function, and its arguments, of a method the object first."""
        if isinstance(node.func, ast.Name):
            return node.func.id, list(node.args)
        if isinstance(node.func, ast.Attribute) and self.of_math(node.func):
            return node.func.attr, list(node.args)
        if isinstance(node.func, ast.Attribute):
            module: ast.expr = node.func.value
            while isinstance(module, ast.Attribute):
                module = module.value
            name, least = node.func.attr, _FUNCTIONS.get(node.func.attr, (1000,))[0]
            if isinstance(module, ast.Name) and module.id not in self.names and len(node.args) >= least:
                raise self.refuse(
                    node, f"{module.id!r} has no value: write {name}(...) for {ast.unparse(node.func)}(...)"
                )
            self.check_known(node.func.value)
            return node.func.attr, [node.func.value, *node.args]
        raise self.refuse(node, "only a function can be called; a product is written 2*(a + b)")

    def arguments(self, node: ast.Call) -> list[Any]:
        name, arguments = self.function(node)
        if name not in _FUNCTIONS and isinstance(node.func, ast.Name) and name in self.names:
            raise self.refuse(node, f"{name!r} is no function; a product is written {name}*(...)")
        if name not in _FUNCTIONS:
            close = close_to(name, {x: x for x in _FUNCTIONS})
            close = f"it is called {_CALLED_HERE[name]} here" if name in _CALLED_HERE else close
            there = f"{close}{close and '; '}there are {', '.join(sorted(_FUNCTIONS))}"
            raise self.refuse(node, f"there is no function {name!r}; {there}")
        for keyword in node.keywords:
            raise self.refuse(keyword.value, f"{name} takes no argument by name")
        least, most, numbers = _FUNCTIONS[name]
        if not least <= len(arguments) <= most + numbers:
            many = f"{least}" if least == most + numbers else f"{least} to {most + numbers}"
            raise self.refuse(
                node, f"{name} takes {many} argument{'s' if many != '1' else ''}, not {len(arguments)}"
            )
        return arguments

    def call(self, node: ast.Call, operands: list[Any]) -> Any:
        name, _ = self.function(node)
        if name in nary:
            return nary[name](operands)
        if name == "pow":
            return self.apply(ast.Pow(), *operands)
        first = self.as_operand(operands[0])
        if name in ("max", "min"):
            for other in operands[1:]:
                first = first.maximum(other) if name == "max" else first.minimum(other)
            return first
        if _FUNCTIONS[name][2] and len(operands) > 1 and isinstance(operands[1], Value):
            raise self.refuse(node, f"the second argument of {name} is a plain number")
        if name == "abs":
            return abs(first)
        if name == "clip":
            return first.maximum(operands[1]).minimum(operands[2])
        return getattr(first, name)(*operands[1:])

    def apply(self, op: ast.operator, x: Any, y: Any) -> Any:
        if not isinstance(x, Value) and not isinstance(y, Value):
            x = self.as_operand(x)
        return _BINARY[type(op)](x, y)
