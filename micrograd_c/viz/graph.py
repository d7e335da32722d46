"""A graph of Values as plain records: what is drawn, explained and written into the page."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["CUT", "LEAVES", "Graph", "Node", "unused"]

LEAVES = ("LEAF", "CONSTANT")
CUT = "…"  # the op of a node whose operands are not shown
T = TypeVar("T")


def unused(name: str, taken: Container[str]) -> str:
    """Return a name, with as many ' behind it as it needs to be none of those that are taken."""
    while name in taken:
        name += "'"
    return name


@dataclass
class Node:
    """One node, or one box that stands for several."""

    id: int  # ascending ids are a topological order: operands before what reads them
    row: str  # of the op table: LEAF, MUL, DOT, CUSTOM ...; FOLD: several nodes in one box
    op: str  # what `_op` shows
    operands: list[int]  # ids, in their order, one that is used twice twice
    data: float
    grad: float
    label: str = ""  # the name that the user gave, whole
    name: str = ""  # a name that no other node has, short enough for a formula
    role: str = "operation"  # constant, input, parameter, operation, result; "kind" in the JSON
    k: float | None = None  # of the op, or of the activation
    activation: str = ""  # of a DOT
    pairs: int = 0  # products in a DOT: operands are inputs, then weights, then the bias if there is one
    value: Any = None  # the Value; None where there is no node of the engine behind it
    closure: bool = False  # its backward is a Python function
    part: bool = False  # not all ways from it to the root are shown
    note: str = ""  # what a box that stands for several stands for

    def parted(self, items: Sequence[T]) -> tuple[Sequence[T], Sequence[T], Sequence[T]]:
        """Part items for the operands of a DOT: those of the inputs, of the weights, and of the bias if any."""
        n = self.pairs
        return items[:n], items[n : 2 * n], items[2 * n :]


@dataclass
class Graph:
    """Nodes by id, in topological order, the root last."""

    nodes: dict[int, Node]
    root: int
    total: int  # nodes below the root, all
    notes: list[str] = field(default_factory=list)  # what is not shown as it is, and how to see it
    taken: set[str] = field(default_factory=set)  # names of nodes, and of other Values of the user

    @property
    def edges(self) -> list[tuple[int, int, int]]:
        """Operand, reader, and which operand of the reader it is."""
        return [
            (operand, node.id, slot)
            for node in self.nodes.values()
            for slot, operand in enumerate(node.operands)
            if operand in self.nodes
        ]

    def readers(self) -> dict[int, list[int]]:
        """For each id the ids of the nodes that read it, in order."""
        out: dict[int, list[int]] = {i: [] for i in self.nodes}
        for operand, reader, _ in self.edges:
            out[operand].append(reader)
        return out
