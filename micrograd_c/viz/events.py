"""The steps of backward as one stream of events: what explanations, pages and JSON are made of.

`plan` tells what happens, without a number; `Stream` puts the numbers in. The page has the same plan and puts in
numbers of its own: those of other data, and of engines that are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isclose
from typing import Any

from ..engine import Value
from .graph import CUT, Graph, Node
from .rules import derivatives, evaluate, formula_of, local_derivatives
from .text import clean, fill, number
from .words import CUT_PHRASES, PHRASES

__all__ = ["Event", "Stream", "gradients_kept", "op_of", "plan"]

Event = dict[str, Any]
Step = tuple[Any, ...]  # what happens, the id of a node; of a share the slot of its operand and a formula too


def plan(graph: Graph) -> Iterator[Step]:
    """Yield the steps, as far as they do not depend on data."""
    nodes, root, topo = graph.nodes, graph.root, []
    for i in nodes:
        yield "value", i
    for i in reversed(nodes):
        yield "children", i
    for step in _visit(graph):
        if step[0] == "append":
            topo.append(step[1])
        yield step
    yield from (("order", root), ("zero", root), ("seed", root))
    for i in reversed(topo):
        node = nodes[i]
        yield "turn", i
        if node.closure:
            yield from (("closure", i, node.operands.index(x)) for x in dict.fromkeys(node.operands))
        else:
            yield from (("share", i, slot, formula) for slot, formula in derivatives(node, graph))
    for i in topo:
        yield "gradient", i


def _visit(graph: Graph) -> Iterator[Step]:
    """Yield what build_topo does, with a stack of our own: no graph is too deep."""
    visited = {graph.root}
    yield "enter", graph.root, 0
    stack = [(graph.root, iter(dict.fromkeys(graph.nodes[graph.root].operands)))]
    while stack:
        i, children = stack[-1]
        for child in children:
            if child in visited:
                yield "skip", child, len(stack)
                continue
            visited.add(child)
            yield "enter", child, len(stack)
            stack.append((child, iter(dict.fromkeys(graph.nodes[child].operands))))
            break
        else:
            stack.pop()
            yield "append", i, len(stack)


@contextmanager
def gradients_kept(values: Iterable[Value]) -> Iterator[None]:
    """Put every gradient back at the end."""
    kept = [(value, value.grad) for value in values]
    try:
        yield
    finally:
        for value, grad in kept:
            value.grad = grad


def op_of(node: Node) -> str:
    """Return what a node was computed by, as a sentence says it; without a label that is `by hand`."""
    return clean(node.op) or "hand"


class Stream:
    """What backward does to a graph, event after event, and what it comes to.

    Parameters
    ----------
    graph : Graph
    seed : float
    outer : str
        What the seed is, where the root is not the user's: "dloss/de".
    steps : iterable of tuple, optional
        A part of the plan, for its gradients alone; else all of it.
    data : mapping of int to float, optional
        Other data than those of the nodes, by id.

    Attributes
    ----------
    plan : list of tuple
        The steps without their numbers.
    steps : list of dict
        The events.
    times : str
        By what the gradients are more than derivatives of the root: "2 * ", "dloss/de * "; "" for a seed of 1.
    topo : list of int
        The ids of the nodes in the order in which they are appended.
    grad : dict of int to float
        The gradients at the end, by id.
    """

    def __init__(
        self,
        graph: Graph,
        seed: float,
        outer: str = "",
        steps: Iterable[Step] | None = None,
        data: Mapping[int, float] | None = None,
    ) -> None:
        self.graph = graph
        self.seed = seed
        self.outer = outer
        self.times: str = f"{outer or number(seed)} * " if outer or seed != 1 else ""
        self.names: dict[int, str] = {i: node.name for i, node in graph.nodes.items()}
        self.formulas: dict[int, str] = {i: formula_of(node) for i, node in graph.nodes.items()}
        self.data: Mapping[int, float] = {i: n.data for i, n in graph.nodes.items()} if data is None else data
        self.grad: dict[int, float] = dict.fromkeys(graph.nodes, 0.0)
        self.topo: list[int] = []
        self.steps: list[Event] = []
        self.plan: list[Step] = list(plan(graph) if steps is None else steps)
        self._silent = steps is not None
        self._reached = {graph.root}
        self._shared: set[int] = set()  # has got a share
        self._passing: Any = None  # what the node whose turn it is passes on: f and each g, see local_derivatives
        by_hand = any(node.closure for node in graph.nodes.values())
        with gradients_kept(node.value for node in graph.nodes.values() if by_hand and node.value is not None):
            for what, i, *more in self.plan:
                if handler := getattr(self, f"_{what}", None):
                    handler(graph.nodes[i], *more)
                else:
                    self._add(what, graph.nodes[i], **dict(zip(("depth",), more)))

    def _add(self, kind: str, node: Node, words: Mapping[str, Any] | None = None, **fields: Any) -> None:
        if self._silent:
            return
        cut = node.part if kind == "gradient" else node.op == CUT
        phrase = CUT_PHRASES.get(kind, "") if cut else ""
        text = fill(phrase or PHRASES[kind][2], {"z": node.name, **fields, **(words or {})})
        head = {"index": len(self.steps), "phase": PHRASES[kind][0], "kind": kind, "node": node.id}
        self.steps.append({**head, **fields, "text": text})

    def _list(self, ids: Iterable[int]) -> str:
        ids = ids if isinstance(ids, list) else list(ids)
        ends = (ids,) if len(ids) <= 12 else (ids[:2], ids[-8:])
        return ", …, ".join(", ".join(self.names[i] for i in end) for end in ends)

    def _value(self, node: Node) -> None:
        value = self.data[node.id]
        if not node.operands:
            self._add("leaf", node, value=value)
            return
        words = {
            word: fill(self.formulas[node.id], {str(j): of[i] for j, i in enumerate(node.operands)} | {"k": node.k})
            for word, of in (("formula", self.names), ("numbers", self.data))
        }
        expected = evaluate(node, self.data)
        if expected is None:
            self._add("opaque", node, words, value=value)
        elif isclose(expected, value, rel_tol=1e-9, abs_tol=1e-309) or (expected != expected and value != value):
            self._add("operation", node, words, value=value)
        else:
            self._add("stale", node, words, value=value, expected=expected)

    def _children(self, node: Node) -> None:
        words = {"xs": self._list(dict.fromkeys(node.operands)), "op": op_of(node)}
        self._add("children" if node.operands else "no-children", node, words, operands=node.operands)

    def _append(self, node: Node, depth: int) -> None:
        self.topo.append(node.id)
        self._add("append", node, {"topo": self._list(self.topo)}, depth=depth, position=len(self.topo) - 1)

    def _order(self, root: Node) -> None:
        order = self.topo[::-1]
        self._add("order", root, {"topo": self._list(order)}, order=order)

    def _seed(self, root: Node) -> None:
        self.grad[root.id] = self.seed
        self._add("seed", root, {"outer": self.outer and f" ({self.outer})"}, after=self.seed)

    def _turn(self, node: Node) -> None:
        """Begin a node's turn: it passes something on, or else its shares do not happen."""
        self._passing = None
        if not node.operands:
            self._add("leaf-node", node)
        elif node.id not in self._reached:
            self._add("unreached", node)
        else:
            f, gs = (1.0, [0.0] * len(node.operands)) if node.closure else local_derivatives(node, self.data)
            taken = dict.fromkeys(i for i, g in zip(node.operands, gs) if g is not None)
            if not taken:
                self._add("not-taken", node, {"xs": self.names[node.operands[-1]]})
                return
            self._reached.update(taken)
            upstream = self.grad[node.id]
            self._passing = self._run(node) if node.closure else (f, gs)
            self._add("node", node, {"xs": self._list(taken)}, upstream=upstream)

    def _share(self, node: Node, slot: int, formula: str) -> None:
        if self._passing is None:
            return
        f, gs = self._passing
        kind = "more" if node.operands[slot] in self._shared else "first"
        contribution = self.grad[node.id] * f * gs[slot]
        after = self.grad[node.operands[slot]] + contribution
        self._arrive(kind, node, slot, contribution, after, formula=formula, local=f * gs[slot])

    def _closure(self, node: Node, slot: int) -> None:
        if self._passing is not None:
            i = node.operands[slot]
            after, before = self._passing[i], self.grad[i]
            self._arrive("closure", node, slot, 0.0 if after == before else after - before, after)

    def _arrive(self, kind: str, node: Node, slot: int, contribution: float, after: float, **more: Any) -> None:
        x = self.graph.nodes[node.operands[slot]]
        numbers = {"before": self.grad[x.id], "upstream": self.grad[node.id], "contribution": contribution}
        self.grad[x.id] = after
        self._shared.add(x.id)
        self._add(kind, node, {"x": x.name}, operand=x.id, slot=slot, **more, **numbers, after=after)

    def _run(self, node: Node) -> dict[int, float]:
        """Let a Python function do its share, and return the gradients after it."""
        operands = {i: self.graph.nodes[i].value for i in node.operands}
        node.value.grad = self.grad[node.id]
        for i, value in operands.items():
            value.grad = self.grad[i]
        node.value._backward()
        return {i: value.grad for i, value in operands.items()}

    def _gradient(self, node: Node) -> None:
        words = {"root": self.names[self.graph.root], "times": self.times}
        self._add("gradient", node, words, gradient=self.grad[node.id])
