"""The steps of backward as one stream of events: what explanations, pages and JSON are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .graph import Graph, Node
from .rules import evaluate, formula_of, local_derivatives
from .text import clean, factor, fill, number
from .words import PHRASES

__all__ = ["Event", "Stream"]

Event = dict[str, Any]


class Stream:
    """What backward does to a graph, event after event, and what it comes to.

    Attributes
    ----------
    steps : list of dict
        The events.
    topo : list of int
        The ids of the nodes in the order in which they are appended.
    grad : dict of int to float
        The gradients at the end, by id.
    """

    def __init__(self, graph: Graph, seed: float, outer: str) -> None:
        self.graph = graph
        self.seed = seed
        self.outer = outer  # what the seed is, where the root is not the user's
        self.names = {i: node.name for i, node in graph.nodes.items()}
        self.formulas = {i: formula_of(node) for i, node in graph.nodes.items()}
        self.grad = dict.fromkeys(graph.nodes, 0.0)
        self.topo: list[int] = []
        self.steps: list[Event] = []
        with _GradientsKept(graph):
            for event in self._events():
                self.steps.append({"index": len(self.steps), **event})

    def _event(self, phase: int, kind: str, node: Node, **more: Any) -> Event:
        words = {"z": node.name, **more.pop("words", {})}
        return {"phase": phase, "kind": kind, "node": node.id, **more, "text": PHRASES[kind].format(**words)}

    def _events(self) -> Iterator[Event]:
        nodes = self.graph.nodes
        root = nodes[self.graph.root]
        for node in nodes.values():
            yield self._forward(node)
        for node in reversed(list(nodes.values())):
            kind = "children" if node.operands else "no-children"
            words = {
                "operands": self._list(dict.fromkeys(node.operands)),
                "op": clean(node.op) or node.row.lower(),
            }
            yield self._event(2, kind, node, operands=node.operands, words=words)
        yield from self._visit(root)
        order = self.topo[::-1]
        yield self._event(4, "order", root, order=order, words={"topo": self._list(order)})
        yield self._event(5, "zero", root)
        self.grad[root.id] = self.seed
        yield self._event(5, "seed", root, after=self.seed, words={"seed": number(self.seed) + self.outer})
        touched: set[int] = set()
        for i in order:
            yield from self._backward(nodes[i], touched)
        for i in self.topo:
            words = {"root": root.name, "gradient": number(self.grad[i])}
            yield self._event(7, "gradient", nodes[i], gradient=self.grad[i], words=words)

    def _list(self, ids: Any) -> str:
        ids = ids if isinstance(ids, list) else list(ids)
        if len(ids) <= 12:
            return ", ".join(self.names[i] for i in ids)
        return ", ".join([*(self.names[i] for i in ids[:2]), "…", *(self.names[i] for i in ids[-8:])])

    def _forward(self, node: Node) -> Event:
        value = number(node.data)
        if not node.operands:
            return self._event(1, "leaf", node, value=node.data, words={"value": value})
        formula, numbers = (self._fill(node, which) for which in ("name", "data"))
        words = {"formula": formula, "numbers": numbers, "value": value}
        expected = evaluate(node, {i: self.graph.nodes[i].data for i in node.operands})
        if expected is None:
            return self._event(1, "opaque", node, value=node.data, words=words)
        if abs(expected - node.data) > 1e-9 * max(abs(expected), abs(node.data), 1e-300):
            words["expected"] = number(expected)
            return self._event(1, "stale", node, value=node.data, expected=expected, words=words)
        return self._event(1, "operation", node, value=node.data, words=words)

    def _fill(self, node: Node, which: str) -> str:
        nodes = [self.graph.nodes[i] for i in node.operands]
        parts = [n.name if which == "name" else number(n.data) for n in nodes]
        return fill(self.formulas[node.id], parts, "" if node.k is None else number(node.k))

    def _visit(self, root: Node) -> Iterator[Event]:
        """Yield what build_topo does, with a stack of our own: no graph is too deep."""
        nodes = self.graph.nodes
        visited = {root.id}
        yield self._event(3, "enter", root, depth=0)
        stack = [(root, iter(dict.fromkeys(root.operands)))]
        while stack:
            node, children = stack[-1]
            for i in children:
                child = nodes[i]
                if i in visited:
                    yield self._event(3, "skip", child, depth=len(stack))
                    continue
                visited.add(i)
                yield self._event(3, "enter", child, depth=len(stack))
                stack.append((child, iter(dict.fromkeys(child.operands))))
                break
            else:
                stack.pop()
                self.topo.append(node.id)
                words = {"topo": self._list(self.topo)}
                yield self._event(3, "append", node, depth=len(stack), position=len(self.topo) - 1, words=words)

    def _backward(self, node: Node, touched: set[int]) -> Iterator[Event]:
        upstream = self.grad[node.id]
        if not node.operands:
            yield self._event(6, "leaf-node", node)
            return
        words = {"upstream": number(upstream), "operands": self._list(dict.fromkeys(node.operands))}
        yield self._event(6, "node", node, upstream=upstream, words=words)
        if node.closure:
            yield from self._closure(node, upstream)
            return
        for slot, formula, local in local_derivatives(node, self.graph.nodes):
            x = self.graph.nodes[node.operands[slot]]
            before = self.grad[x.id]
            contribution = upstream * local
            after = self.grad[x.id] = before + contribution
            kind = "more" if x.id in touched else "first"
            touched.add(x.id)
            numbers = {
                "before": before,
                "upstream": upstream,
                "local": local,
                "contribution": contribution,
                "after": after,
            }
            words = {"x": x.name, **{key: factor(value) for key, value in numbers.items()}}
            words["after"], words["contribution"] = number(after), number(contribution)
            words["before"] = number(before)
            yield self._event(6, kind, node, operand=x.id, slot=slot, formula=formula, **numbers, words=words)

    def _closure(self, node: Node, upstream: float) -> Iterator[Event]:
        """Let a Python function do its share, and tell what it added."""
        distinct = [self.graph.nodes[i] for i in dict.fromkeys(node.operands)]
        node.value.grad = upstream
        for x in distinct:
            x.value.grad = self.grad[x.id]
        node.value._backward()
        for x in distinct:
            before, after = self.grad[x.id], x.value.grad
            self.grad[x.id] = after
            numbers = {"before": before, "contribution": after - before, "after": after}
            words = {"x": x.name, **{key: number(value) for key, value in numbers.items()}}
            yield self._event(
                6,
                "closure",
                node,
                operand=x.id,
                slot=node.operands.index(x.id),
                upstream=upstream,
                **numbers,
                words=words,
            )


class _GradientsKept:
    """Puts every gradient back at the end: the closures of hand-made nodes write into them."""

    def __init__(self, graph: Graph) -> None:
        self._values = [n.value for n in graph.nodes.values() if n.value is not None]
        self._needed = any(n.closure for n in graph.nodes.values())

    def __enter__(self) -> None:
        self._grads = [value.grad for value in self._values] if self._needed else []

    def __exit__(self, *_: Any) -> None:
        for value, grad in zip(self._values, self._grads):
            value.grad = grad
