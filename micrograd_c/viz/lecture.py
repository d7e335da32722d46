"""`draw_dot` and `trace` as the lecture has them."""

from __future__ import annotations

from typing import Any

from .._core.walk import below, operands
from ..engine import Value
from .picture import draw
from .read import read
from .text import clean

__all__ = ["draw_dot", "trace"]


def trace(root: Value) -> tuple[set[Value], set[tuple[Value, Value]]]:
    """Return the nodes below `root`, it included, and the edges, each from an operand to what reads it."""
    nodes = below((root,)).values()
    return set(nodes), {(operand, value) for value in nodes for operand in operands(value)}


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> Any:
    """Draw a graph as the lecture does: a box for each value, a circle for each op.

    Parameters
    ----------
    root : Value
    format : str
        What Graphviz renders.
    rankdir : {'LR', 'TB'}

    Returns
    -------
    graphviz.Digraph
        Where the package `graphviz` is installed; rendering it needs Graphviz's `dot` too. Else a `Picture`.
    """
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"draw_dot: rankdir must be LR or TB, not {rankdir!r}")
    try:
        import graphviz
    except ImportError:
        return draw(root, direction=rankdir, names={})
    graph = read(root)
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    for node in graph.nodes.values():
        name, i = _record(clean(node.label)), str(node.id)
        dot.node(name=i, label=f"{{ {name} | data {node.data:.4f} | grad {node.grad:.4f} }}", shape="record")
        if node.operands:
            dot.node(name=f"{i}op", label=_plain(clean(node.op)))
            dot.edge(f"{i}op", i)
    for a, b in dict.fromkeys((a, b) for a, b, _ in graph.edges):
        dot.edge(str(a), f"{b}op")
    return dot


def _record(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\{}|<> " else c for c in text)


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\")
