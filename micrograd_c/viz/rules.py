"""The rules of the engine: how a node is computed, and its derivatives."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._core import NAMES, NARY, OPS, ffi, lib
from ..engine import Value, nary
from .expression import checked, readable
from .graph import Graph, Node, unused
from .text import clean, cut

__all__ = [
    *("GIVEN", "OP", "Op", "derivatives", "evaluate", "formula_of", "local_derivatives", "refuse"),
    "slope_of_activation",
]

GIVEN = "given"  # stands for the formula of a local derivative that came as a number


@dataclass(frozen=True)
class Op:
    """A row of the op table, for people: how the node is written, and its expressions."""

    name: str
    formula: str  # "{0} * {(1)}", the operands in their slots, see `fill` in text.py
    value: str  # over x, y, k; empty: unknown
    derivatives: tuple[str, ...]  # dz/dx, dz/dy, over x, y, z, k; empty: x gets no share
    fold: tuple[str, ...] = ()  # of an n-ary op: y at first; y after each operand, over x and y


def _op(code: int) -> Op:
    row, name = OPS[code], NAMES[code]
    label = ffi.string(row.label).decode().removesuffix("{}")
    value, dx, dy = (ffi.string(text).decode() for text in (row.value, row.dx, row.dy))
    slots = [f"{{{i}}}" for i in range(max(row.arity, 0))] + ["{k}"] * row.takes_k
    formula = {"NEG": "-{(0)}", "ABS": "|{0}|", "POW": "{(0)}**{(k)}", "POWER": "{(0)}**{(1)}"}.get(name, "")
    if row.arity == 2 and not label.isidentifier():
        formula = formula or f"{{0}} {label} {{(1)}}"
    formula = formula or f"{name.lower()}({', '.join(slots)})"
    try:
        fold = tuple(checked(ffi.string(text).decode()) for text in (row.start, row.step) if code in NARY)
        derivatives = tuple(text and checked(text) for text in (dx, dy)[: 1 if fold else max(row.arity, 0)])
        return Op(name, formula, value and checked(value), derivatives, fold)
    except ValueError:  # a C function that expression.py does not know: the engine's own backward is asked then
        return Op(name, formula, "", ())


OP = {name: _op(code) for code, name in enumerate(NAMES)}
_RAISING = {"TRUEDIV": operator.truediv, "POWER": operator.pow, "POW": operator.pow}  # among operators
LINEAR = Op("", "{0}", "x", ("1",))  # the activation of a DOT that has none


def formula_of(node: Node) -> str:
    """Return how a node is computed, with a slot for each operand: '{0} * {(1)}'."""
    n = node.pairs
    if node.row == "DOT":
        terms = [f"{{({n + i})}}*{{({i})}}" for i in range(n)]
        if len(node.operands) > 2 * n:
            terms.insert(0, f"{{({2 * n})}}")
    elif node.row == "SUM":
        terms = [f"{{({i})}}" for i in range(len(node.operands))]
    elif node.row in ("CUSTOM", "GIVEN") or NAMES.index(node.row) in NARY:
        label = cut(clean(node.op).translate({ord("{"): None, ord("}"): None}), 16) or "custom"
        slots = [f"{{{i}}}" for i in range(len(node.operands))]
        return f"{label}({', '.join(slots if len(slots) < 7 else [*slots[:2], '…', slots[-1]])})"
    else:
        return OP[node.row].formula
    if len(terms) > 5:
        terms = [*terms[:3], "…", terms[-1]]
    text = " + ".join(terms).replace("(", "", 1).replace(")", "", 1) or "0"  # the first slot needs no brackets
    return activation_of(node).formula.format(text, k="{k}")


def activation_of(node: Node) -> Op:
    """Return what a DOT passes its weighted sum through."""
    return OP[node.activation] if node.activation else LINEAR


def weighted_sum(node: Node, data: Sequence[float]) -> float:
    """Return what the activation of a DOT is taken of, from the data of its operands."""
    inputs, weights, bias = node.parted(data)
    total = sum(bias)
    for x, w in zip(inputs, weights):
        total += w * x
    return total


def slopes(op: Op, xs: Sequence[float], z: float, k: float | None) -> list[float | None]:
    """Return what the engine gives for dz/dx and dz/dy; None for an operand that gets no share."""
    if op is LINEAR:
        return [1.0]
    out = ffi.new("double[2]")
    lib.mg_slopes(NAMES.index(op.name), *(*xs, 0.0)[:2], z, k or 0.0, out)
    return [slope if known else None for slope, known in zip(out, op.derivatives)]


def slope_of_activation(node: Node, data: Sequence[float], z: float) -> float:
    """Return f' of a DOT, from the data of its operands and its own."""
    (slope,) = slopes(activation_of(node), [weighted_sum(node, data)], z, node.k)
    assert slope is not None
    return slope


def evaluate(node: Node, data: Mapping[int, float]) -> float | None:
    """Return the value of a node from those of its operands; None where no formula gives it."""
    xs = [data[i] for i in node.operands]
    op = OP[node.row]
    if node.row == "DOT":
        op, xs = activation_of(node), [weighted_sum(node, xs)]
    if op.fold:
        return nary[node.row.lower()](xs).data
    if not op.value or len(xs) > 2:
        return None
    return xs[0] if op is LINEAR else lib.mg_value(NAMES.index(op.name), *(*xs, 0.0)[:2], node.k or 0.0)


def refuse(node: Node, data: Mapping[int, float]) -> None:
    """Raise what the engine raises where it would not compute a node from such operands."""
    xs = [data[i] for i in node.operands]
    function = _RAISING.get(node.row) or getattr(Value, node.row.lower(), None)
    if function and not math.isfinite(data[node.id]) and all(map(math.isfinite, [node.data, *xs])):
        function(*map(Value, xs), *(() if node.k is None else (node.k,)))


def derivatives(node: Node, graph: Graph) -> Iterator[tuple[int, str]]:
    """Yield the slot of each operand that may get a share, in the engine's order, and its derivative as text."""
    names = [graph.nodes[i].name for i in node.operands]
    n = node.pairs
    if node.row == "GIVEN":
        yield from ((slot, GIVEN) for slot in range(len(names)))
    elif node.row == "DOT":
        (derivative,) = activation_of(node).derivatives
        slope = readable(derivative, k=node.k, x=unused("sum", graph.taken), z=node.name) if node.activation else ""
        if any(c in slope for c in "+- ") and not slope.startswith("("):
            slope = f"({slope})"
        if len(names) > 2 * n:
            yield 2 * n, slope or "1"
        for i in range(n):
            for slot, other in ((n + i, i), (i, n + i)):
                yield slot, f"{slope} * {names[other]}" if slope else names[other]
    else:
        op, words = OP[node.row], dict(zip("xy", names))
        for slot, name in enumerate(names):
            if op.fold:
                words["x"] = name
            each = op.derivatives[0 if op.fold else slot]
            if each:
                yield slot, readable(each, k=float(len(names)) if op.fold else node.k, z=node.name, **words)


def local_derivatives(node: Node, data: Mapping[int, float]) -> tuple[float, list[float | None]]:
    """Return f and, for each operand, g: its local derivative is f * g, and its share (upstream * f) * g.

    None: the operand gets no share at all, as the branch that a `where` did not take.
    """
    op, xs, z = OP[node.row], [data[i] for i in node.operands], data[node.id]
    if node.row == "GIVEN":
        return 1.0, [d.data if isinstance(d, Value) else d for d in node.value._local_grads]
    if node.row == "DOT":
        inputs, weights, bias = node.parted(xs)
        return slope_of_activation(node, xs, z), [*weights, *inputs, *(1.0 for _ in bias)]
    if op.fold:
        return 1.0, [slope for x in xs for slope in slopes(op, [x], z, float(len(xs)))]
    out = slopes(op, xs, z, node.k)
    return 1.0, [None, out[1] or None] if out[:1] == [None] else out
