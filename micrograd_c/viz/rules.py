"""The rules of the engine: how a node is computed, and its derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..engine import Value
from .graph import OP, Node, clean, cut, slope_of_activation, weighted_sum

__all__ = ["GIVEN", "evaluate", "formula_of", "local_derivatives"]

GIVEN = "given"  # stands for the formula of a local derivative that came as a number


def formula_of(node: Node) -> str:
    """Return how a node is computed, with a place for each operand: '{0} * {1}'."""
    n = node.pairs
    if node.op == "DOT":
        terms = [f"{{{n + i}}}*{{{i}}}" for i in range(n)]
        if len(node.operands) > 2 * n:
            terms.insert(0, f"{{{2 * n}}}")
    elif node.op == "SUM":
        terms = [f"{{{i}}}" for i in range(len(node.operands))]
    elif node.op in ("CUSTOM", "GIVEN"):
        label = cut(clean(node.label).translate({ord("{"): None, ord("}"): None}), 16) or "custom"
        places = [f"{{{i}}}" for i in range(len(node.operands))]
        return f"{label}({', '.join(places if len(places) < 7 else [*places[:2], '…', places[-1]])})"
    else:
        return OP[node.op].formula
    if len(terms) > 5:
        terms = [*terms[:3], "…", terms[-1]]
    text = " + ".join(terms) if terms else "0"
    return OP[node.activation].formula.format(text, k="{k}") if node.activation else text


def evaluate(node: Node, data: dict[int, float]) -> float | None:
    """Return the value of a node from those of its operands; None where no formula gives it."""
    xs = [data[i] for i in node.operands]
    if node.op == "SUM":
        return sum(xs, 0.0)
    if node.op == "DOT":
        if not node.activation:
            return weighted_sum(node, xs)
        xs = [weighted_sum(node, xs)]
    value = OP[node.activation or node.op].value
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
    if node.op == "GIVEN":
        for slot, slope in enumerate(node.value._local_grads):
            local = slope.data if isinstance(slope, Value) else slope
            yield slot, GIVEN, local
        return
    if node.op == "SUM":
        for slot in range(len(names)):
            yield slot, "1", 1.0
        return
    if node.op == "DOT":
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
    for slot, derivative in enumerate(OP[node.op].derivatives):
        yield slot, derivative.readable(k=node.k, x=x, y=y, z=node.name), derivative.evaluate(**numbers)
