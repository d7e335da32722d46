"""The rules of the engine: how a node is computed, and its derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core import NAMES, OPS, ffi
from ..engine import Value
from .expression import Expression, expression
from .graph import Node
from .text import clean, cut

__all__ = ["GIVEN", "OP", "Op", "evaluate", "formula_of", "local_derivatives", "slope_of_activation"]

GIVEN = "given"  # stands for the formula of a local derivative that came as a number


@dataclass(frozen=True)
class Op:
    """A row of the op table, for people: how the node is written, and its expressions."""

    name: str
    formula: str  # "{0} * {1}", the operands in their places
    value: Expression | None  # over x, y, k
    derivatives: tuple[Expression, ...]  # dz/dx, dz/dy, over x, y, z, k


def _op(code: int) -> Op:
    row, name = OPS[code], NAMES[code]
    label = ffi.string(row.label).decode().removesuffix("{}")
    value, dx, dy = (ffi.string(text).decode() for text in (row.value, row.dx, row.dy))
    if name == "NEG":
        formula = "-{0}"
    elif name == "ABS":
        formula = "|{0}|"
    elif row.takes_k:
        formula = f"{{0}}{label}{{k}}" if label == "**" else f"{name.lower()}({{0}}, {{k}})"
    elif row.arity == 2 and not label.isidentifier():
        formula = "{0}**{1}" if label == "**" else f"{{0}} {label} {{1}}"
    else:
        formula = f"{name.lower()}({', '.join(f'{{{i}}}' for i in range(max(row.arity, 0)))})"
    try:
        derivatives = tuple(expression(text) for text in (dx, dy) if text)
        return Op(name, formula, expression(value) if value else None, derivatives)
    except ValueError:  # a C function that expression.py does not know: the engine's own backward is asked then
        return Op(name, formula, None, ())


OP = {name: _op(code) for code, name in enumerate(NAMES)}


def formula_of(node: Node) -> str:
    """Return how a node is computed, with a place for each operand: '{0} * {1}'."""
    n = node.pairs
    if node.row == "DOT":
        terms = [f"{{{n + i}}}*{{{i}}}" for i in range(n)]
        if len(node.operands) > 2 * n:
            terms.insert(0, f"{{{2 * n}}}")
    elif node.row == "SUM":
        terms = [f"{{{i}}}" for i in range(len(node.operands))]
    elif node.row in ("CUSTOM", "GIVEN"):
        label = cut(clean(node.op).translate({ord("{"): None, ord("}"): None}), 16) or "custom"
        places = [f"{{{i}}}" for i in range(len(node.operands))]
        return f"{label}({', '.join(places if len(places) < 7 else [*places[:2], '…', places[-1]])})"
    else:
        return OP[node.row].formula
    if len(terms) > 5:
        terms = [*terms[:3], "…", terms[-1]]
    text = " + ".join(terms) if terms else "0"
    return OP[node.activation].formula.format(text, k="{k}") if node.activation else text


def weighted_sum(node: Node, data: Sequence[float]) -> float:
    """Return what the activation of a DOT is taken of, from the data of its operands."""
    n = node.pairs
    total = data[2 * n] if len(data) > 2 * n else 0.0
    for x, w in zip(data[:n], data[n : 2 * n]):
        total += w * x
    return total


def slope_of_activation(node: Node, data: Sequence[float], z: float) -> float:
    """Return f' of a DOT, from the data of its operands and its own."""
    k = {} if node.k is None else {"k": node.k}
    return OP[node.activation].derivatives[0].evaluate(x=weighted_sum(node, data), z=z, **k)


def evaluate(node: Node, data: dict[int, float]) -> float | None:
    """Return the value of a node from those of its operands; None where no formula gives it."""
    xs = [data[i] for i in node.operands]
    if node.row == "SUM":
        return sum(xs, 0.0)
    if node.row == "DOT":
        if not node.activation:
            return weighted_sum(node, xs)
        xs = [weighted_sum(node, xs)]
    value = OP[node.activation or node.row].value
    if value is None or len(xs) > 2:
        return None
    numbers = dict(zip(("x", "y"), xs))
    if node.k is not None:
        numbers["k"] = node.k
    return value.evaluate(**numbers)


def local_derivatives(
    node: Node, nodes: dict[int, Node], values: Mapping[int, float] | None = None
) -> Iterator[tuple[int, str, float]]:
    """Yield for each operand its place, d node / d operand as a formula, and as a number; with other data too."""
    if not node.operands:
        return
    names = [nodes[i].name for i in node.operands]
    data = [nodes[i].data if values is None else values[i] for i in node.operands]
    z = node.data if values is None else values[node.id]
    if node.row == "GIVEN":
        for slot, slope in enumerate(node.value._local_grads):
            local = slope.data if isinstance(slope, Value) else slope
            yield slot, GIVEN, local
        return
    if node.row == "SUM":
        for slot in range(len(names)):
            yield slot, "1", 1.0
        return
    if node.row == "DOT":
        n = node.pairs
        slope, factor = "", 1.0
        if node.activation:
            slope = OP[node.activation].derivatives[0].readable(k=node.k, x="sum", z=node.name)
            factor = slope_of_activation(node, data, z)
            if any(c in slope for c in "+- ") and not slope.startswith("("):
                slope = f"({slope})"
        if len(names) > 2 * n:
            yield 2 * n, slope or "1", factor
        for i in range(n):
            for slot, other in ((n + i, i), (i, n + i)):
                yield slot, f"{slope} * {names[other]}" if slope else names[other], factor * data[other]
        return
    x, y = [*names, "", ""][:2]
    numbers = dict(zip(("x", "y"), data), z=z)
    if node.k is not None:
        numbers["k"] = node.k
    for slot, derivative in enumerate(OP[node.row].derivatives):
        yield slot, derivative.readable(k=node.k, x=x, y=y, z=node.name), derivative.evaluate(**numbers)
