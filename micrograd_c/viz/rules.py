"""The rules of the engine: how a node is computed, and its derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core import NAMES, NARY, OPS, ffi
from ..engine import Value
from .expression import Expression, expression
from .graph import Node
from .text import clean, cut

__all__ = ["GIVEN", "OP", "Op", "derivatives", "evaluate", "formula_of", "local_derivatives", "slope_of_activation"]

GIVEN = "given"  # stands for the formula of a local derivative that came as a number


@dataclass(frozen=True)
class Op:
    """A row of the op table, for people: how the node is written, and its expressions."""

    name: str
    formula: str  # "{0} * {1}", the operands in their slots
    value: Expression | None  # over x, y, k
    derivatives: tuple[Expression | None, ...]  # dz/dx, dz/dy, over x, y, z, k; None: x gets no share
    fold: tuple[Expression, ...] = ()  # of an n-ary op: y at first; y after each operand, over x and y


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
        fold = tuple(expression(ffi.string(text).decode()) for text in (row.start, row.step) if code in NARY)
        derivatives = tuple(
            expression(text) if text else None for text in (dx, dy)[: 1 if fold else max(row.arity, 0)]
        )
        return Op(name, formula, expression(value) if value else None, derivatives, fold)
    except ValueError:  # a C function that expression.py does not know: the engine's own backward is asked then
        return Op(name, formula, None, ())


OP = {name: _op(code) for code, name in enumerate(NAMES)}


def formula_of(node: Node) -> str:
    """Return how a node is computed, with a slot for each operand: '{0} * {1}'."""
    n = node.pairs
    if node.row == "DOT":
        terms = [f"{{{n + i}}}*{{{i}}}" for i in range(n)]
        if len(node.operands) > 2 * n:
            terms.insert(0, f"{{{2 * n}}}")
    elif node.row == "SUM":
        terms = [f"{{{i}}}" for i in range(len(node.operands))]
    elif node.row in ("CUSTOM", "GIVEN") or NAMES.index(node.row) in NARY:
        label = cut(clean(node.op).translate({ord("{"): None, ord("}"): None}), 16) or "custom"
        slots = [f"{{{i}}}" for i in range(len(node.operands))]
        return f"{label}({', '.join(slots if len(slots) < 7 else [*slots[:2], '…', slots[-1]])})"
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
    if not node.activation:
        return 1.0
    k = {} if node.k is None else {"k": node.k}
    (derivative,) = OP[node.activation].derivatives
    assert derivative is not None
    return derivative.evaluate(x=weighted_sum(node, data), z=z, **k)


def evaluate(node: Node, data: Mapping[int, float]) -> float | None:
    """Return the value of a node from those of its operands; None where no formula gives it."""
    xs = [data[i] for i in node.operands]
    value = OP[node.activation or node.row].value
    if value and (fold := OP[node.row].fold):
        y = fold[0].evaluate()
        for x in xs:
            y = fold[1].evaluate(x=x, y=y)
        return value.evaluate(y=y, k=len(xs))
    if node.row == "DOT":
        if not node.activation:
            return weighted_sum(node, xs)
        xs = [weighted_sum(node, xs)]
    if value is None or len(xs) > 2:
        return None
    numbers = dict(zip(("x", "y"), xs))
    if node.k is not None:
        numbers["k"] = node.k
    return value.evaluate(**numbers)


def derivatives(node: Node, nodes: Mapping[int, Node]) -> Iterator[tuple[int, str]]:
    """Yield the slot of each operand that may get a share, in the engine's order, and its derivative as text."""
    names = [nodes[i].name for i in node.operands]
    n = node.pairs
    if node.row == "GIVEN":
        yield from ((slot, GIVEN) for slot in range(len(names)))
    elif OP[node.row].fold:
        for derivative in OP[node.row].derivatives:
            assert derivative is not None
            for slot, name in enumerate(names):
                yield slot, derivative.readable(k=float(len(names)), x=name, z=node.name)
    elif node.row == "DOT":
        slope = ""
        for derivative in OP[node.activation].derivatives if node.activation else ():
            assert derivative is not None
            slope = derivative.readable(k=node.k, x="sum", z=node.name)
            if any(c in slope for c in "+- ") and not slope.startswith("("):
                slope = f"({slope})"
        if len(names) > 2 * n:
            yield 2 * n, slope or "1"
        for i in range(n):
            for slot, other in ((n + i, i), (i, n + i)):
                yield slot, f"{slope} * {names[other]}" if slope else names[other]
    else:
        x, y = [*names, "", ""][:2]
        for slot, derivative in enumerate(OP[node.row].derivatives):
            if derivative is not None:
                yield slot, derivative.readable(k=node.k, x=x, y=y, z=node.name)


def local_derivatives(node: Node, data: Mapping[int, float]) -> tuple[float, list[float | None]]:
    """Return f and, for each operand, g: its local derivative is f * g, and its share (upstream * f) * g.

    None: the operand gets no share at all, as the branch that a `where` did not take.
    """
    xs = [data[i] for i in node.operands]
    if node.row == "GIVEN":
        return 1.0, [d.data if isinstance(d, Value) else d for d in node.value._local_grads]
    if OP[node.row].fold:
        derivative, z, k = OP[node.row].derivatives[0], data[node.id], float(len(xs))
        return 1.0, [None if derivative is None else derivative.evaluate(x=x, z=z, k=k) for x in xs]
    if node.row == "DOT":
        n = node.pairs
        return slope_of_activation(node, xs, data[node.id]), [*xs[n : 2 * n], *xs[:n], *[1.0] * (len(xs) - 2 * n)]
    numbers = dict(zip(("x", "y"), xs), z=data[node.id])
    if node.k is not None:
        numbers["k"] = node.k
    out = [None if d is None else d.evaluate(**numbers) for d in OP[node.row].derivatives]
    return 1.0, [None, out[1] or None] if out[:1] == [None] else out
