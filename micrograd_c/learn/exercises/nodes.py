"""Probes of a class Value: nodes, their order, and backward."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from ...engine import Value, topological_order
from .graphs import Graph, build, code, graphs, names
from .probe import Case, Names, Probe, Seen

__all__ = ["Backward", "ByHand", "History", "Leaves", "Node", "Nodes", "Order", "Steps"]


def _prev(node: Any, nodes: list[Any], graph: Graph) -> str:
    """Return the names of a node's operands; a constant is shown by its number, what is no Value by what it is."""
    of = {id(each): name for name, each in zip(names(graph), nodes)}
    shown = (of.get(id(child)) or _operand(child) for child in node._prev)
    return ", ".join(sorted(shown)) or "nothing"


def _operand(x: Any) -> str:
    return f"a plain {x:g}" if isinstance(x, (int, float)) else _kind(getattr(x, "data", x))


def _kind(x: Any) -> str:
    return f"{x:g}" if isinstance(x, (int, float)) else f"a {type(x).__name__}"


class Node(Probe):
    """A node made by hand."""

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield nodes with none, one and two operands, and with one that is used twice."""
        yield {"data": 3.0, "children": "", "op": "", "leaves": []}
        yield {"data": -2.5, "children": "a", "op": "-", "leaves": [2.5]}
        yield {"data": 6.0, "children": "ab", "op": "*", "leaves": [2.0, 3.0]}
        yield {"data": 9.0, "children": "aa", "op": "*", "leaves": [3.0]}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield the attributes that it has, which a Value that is made later leaves as they are."""
        names = sorted(set(case["children"]))
        nodes = [of["Value"](x) for x in case["leaves"]]
        children = tuple(nodes[names.index(name)] for name in case["children"])
        d = of["Value"](case["data"], children, case["op"]) if nodes else of["Value"](case["data"])
        of["Value"](7.0)
        absent = None
        for name in ("data", "_op", "_prev"):
            try:
                x = getattr(d, name)
            except AttributeError as error:
                absent = absent or error
                continue
            yield f"d.{name}", _prev(d, nodes, {"leaves": nodes, "steps": []}) if name == "_prev" else x
        if absent:
            raise absent

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name what a Value does not have, be it one thing or two."""
        return "" if all(hasattr(of["Value"](3.0), name) for name in ("data", "_prev", "_op")) else "no-self"

    def code(self, case: Case) -> list[str]:
        """Return the lines."""
        leaves = code({"leaves": case["leaves"], "steps": []})
        operands = ", ".join(case["children"]) + "," * (len(case["children"]) == 1)
        return [*leaves, f"d = Value({case['data']}" + f', ({operands}), "{case["op"]}"' * bool(leaves) + ")"]


class History(Probe):
    """Data and operands of each node, and the sign of its operator."""

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield them step by step."""
        nodes = build(case, of["Value"])
        for i, (op, *_) in enumerate(case["steps"], len(case["leaves"])):
            node, name = nodes[i], names(case)[i]
            yield f"{name}.data", node.data
            yield f"{name}._prev", _prev(node, nodes, case)
            yield f"{name}._op", node._op if "+" in op or "*" in op else ""

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name results that are an operand, and signs that are words."""
        for case in cases:
            nodes, n = build(case, of["Value"]), len(case["leaves"])
            if len(set(map(id, nodes))) < len(nodes):
                return "changes-an-operand"
            signs = [node._op for node, (op, *_) in zip(nodes[n:], case["steps"]) if "+" in op or "*" in op]
            if any(re.search("[a-z ]", sign) for sign in signs):
                return "sign-in-words"
        return ""


class Leaves(Probe):
    """Data of each node, and the leaves that the last one was computed from, over any nodes in between."""

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield them."""
        nodes = build(case, of["Value"])
        for name, node in zip(names(case), nodes):
            yield f"{name}.data", node.data
        seen, todo = set(), [nodes[-1]]
        while todo:
            node = todo.pop()
            if id(node) not in seen:
                seen.add(id(node))
                todo.extend(node._prev)
        used = [name for name, leaf in zip(names(case), nodes[: len(case["leaves"])]) if id(leaf) in seen]
        yield f"leaves below {names(case)[-1]}", ", ".join(used)


class Nodes(Probe):
    """All nodes of a graph."""

    needs: tuple[str, ...] = ("Value", "all_nodes")
    engine: ClassVar[Names] = {"Value": Value, "all_nodes": topological_order}

    def cases(self, ops: list[str]) -> Iterable[Case]:
        """Give the graphs, and one of 61 nodes with 3**20 paths, which nobody walks to their ends."""
        return [*graphs(ops), {"leaves": [1.0], "steps": [["x + (x + (x + y))", i, 0] for i in range(20)]}]

    def found(self, of: Names, case: Case) -> list[str]:
        """Return their names, as the function lists them."""
        nodes = build(case, of["Value"])
        of_node = {id(node): name for name, node in zip(names(case), nodes)}
        return [of_node.get(id(node)) or _kind(node) for node in of[self.needs[-1]](nodes[-1])]

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield their names."""
        yield self.code(case)[-1], ", ".join(sorted(self.found(of, case)))

    def code(self, case: Case) -> list[str]:
        """Return the graph and the call."""
        return [*code(case), f"{self.needs[-1]}({names(case)[-1]})"]


class Order(Nodes):
    """A topological order: there are several that are right."""

    needs: tuple[str, ...] = ("Value", "topological_order")
    engine: ClassVar[Names] = {"Value": Value, "topological_order": topological_order}

    def cases(self, ops: list[str]) -> Iterable[Case]:
        """Give the graphs."""
        return graphs(ops)

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield what makes an order right."""
        order = self.found(of, case)
        yield "nodes in it", ", ".join(sorted(order))
        if not set(names(case)) <= set(order):  # there is no place of what is not in it
            return
        n, wrong = len(case["leaves"]), []
        for i, (_, *operands) in enumerate(case["steps"], n):
            name = names(case)
            wrong += [
                f"{name[i]} before {name[j]}" for j in operands if order.index(name[i]) < order.index(name[j])
            ]
        yield "before an operand", ", ".join(dict.fromkeys(wrong)) or "none"
        yield "the last", order[-1]

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name wrong orders, which differ from run to run: sets have no order of their own."""
        backwards = True  # in all cases it would be right the other way round
        forwards = True  # the root is always the last
        for case in cases:
            nodes = build(case, of["Value"])
            order = [id(node) for node in of["topological_order"](nodes[-1])]
            if len(order) > len(set(order)):
                return "visited-twice"
            if set(order) != set(map(id, nodes)):
                return ""
            backwards = backwards and _is_order(order[::-1], nodes, case)
            forwards = forwards and order[-1] == id(nodes[-1])
        return "results-first" if backwards else "order-of-visits" if forwards else "appended-too-early"

    def root(self, case: Case) -> tuple[Value, dict[str, Value]] | None:
        """Return the last node."""
        return _named(case)


def _named(case: Case) -> tuple[Value, dict[str, Value]]:
    nodes = build(case, Value)
    return nodes[-1], dict(zip(names(case), nodes))


def _is_order(order: list[int], nodes: list[Any], graph: Graph) -> bool:
    """Tell whether all operands stand before what was computed from them; nodes by their id()."""
    at = {node: i for i, node in enumerate(order)}
    n = len(graph["leaves"])
    return all(
        at[id(nodes[j])] < at[id(nodes[i])] for i, (_, *operands) in enumerate(graph["steps"], n) for j in operands
    )


class Backward(Probe):
    """The gradients after backward, from the root down."""

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield the data of the root, and the gradients."""
        nodes = build(case, of["Value"])
        yield f"{names(case)[-1]}.data", nodes[-1].data
        self.run(nodes, case)
        for name, node in zip(reversed(names(case)), reversed(nodes)):
            yield f"{name}.grad", node.grad

    def run(self, nodes: list[Any], case: Case) -> None:
        """Run backward."""
        nodes[-1].backward()

    def root(self, case: Case) -> tuple[Value, dict[str, Value]] | None:
        """Return the last node."""
        return _named(case)

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name wrong orders by the order in which the nodes pass on, but for those that an operator adds."""
        leaves_first = True
        wrong = ""
        for case in cases:
            nodes = build(case, of["Value"])
            n = len(case["leaves"])
            calls: list[int] = []
            for node in nodes[n:]:
                _listen(node, calls)
            self.run(nodes, case)
            if len(calls) > len(set(calls)):
                return "self-in-the-loop" if set(calls) == {id(nodes[-1])} else "recursion-on-shared-node"
            if not calls:
                continue
            if id(nodes[-1]) not in calls:
                return "no-root"
            if set(calls) != set(map(id, nodes[n:])):
                return ""
            order = [*map(id, nodes[:n]), *calls[::-1]]
            wrong = wrong or ("" if _is_order(order, nodes, case) else "order-of-visits")
            leaves_first = leaves_first and _is_order([*order[:n], *calls], nodes, case)
        if len(cases[0].get("steps", [])) == 1:  # what is shown has one node that passes on: another mistake
            return ""
        return "not-reversed" if wrong and leaves_first else wrong

    def code(self, case: Case) -> list[str]:
        """Return the graph and the call."""
        return [*code(case), f"{names(case)[-1]}.backward()"]


def _listen(node: Any, calls: list[int]) -> None:
    """Write down each call of a node's _backward."""
    own = node._backward

    def heard() -> None:
        calls.append(id(node))
        own()

    node._backward = heard


class Steps(Backward):
    """The same where there is no `backward` yet: each `_backward` is called by the probe, from the root down."""

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name nothing: the order is the probe's own."""
        return ""

    def run(self, nodes: list[Any], case: Case) -> None:
        """Call them; the engine has a backward of its own."""
        if isinstance(nodes[-1], Value):
            nodes[-1].backward()
            return
        nodes[-1].grad = 1.0
        for node in nodes[: len(case["leaves"]) - 1 : -1]:
            node._backward()

    def code(self, case: Case) -> list[str]:
        """Return the graph and the calls."""
        steps = names(case)[: len(case["leaves"]) - 1 : -1]
        return [*code(case), f"{steps[0]}.grad = 1.0", *(f"{name}._backward()" for name in steps)]


class ByHand(Steps):
    """Backward written down for one graph, c = a*b + b."""

    needs: tuple[str, ...] = ("Value", "backward_by_hand")
    engine: ClassVar[Names] = {"Value": Value, "backward_by_hand": lambda a, b, e, c: c.backward()}

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield the graph with other leaves."""
        for a, b in ((3.0, -2.0), (2.0, 5.0), (-4.0, 0.5)):
            yield {"leaves": [a, b], "steps": [["x * y", 0, 1], ["x + y", 2, 1]]}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield the gradients; the letters of the probe are a, b, c = a*b, d = c + b."""
        nodes = build(case, of["Value"])
        of["backward_by_hand"](*nodes)
        for name, node in zip("ceba", reversed(nodes)):
            yield f"{name}.grad", node.grad

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name wrong and missing calls: some of them come to the same gradients."""
        nodes = build(cases[0], of["Value"])
        calls: list[int] = []
        for node in nodes[2:]:
            _listen(node, calls)
        of["backward_by_hand"](*nodes)
        inner, root = map(id, nodes[2:])
        known = {(root,): "stops-at-root", (inner,): "inner-forgotten", (inner, root): "wrong-order"}
        return known.get(tuple(calls), "")

    def code(self, case: Case) -> list[str]:
        """Return the graph with the letters of the article."""
        a, b = case["leaves"]
        return [f"a = Value({a})", f"b = Value({b})", "e = a * b", "c = e + b", "backward_by_hand(a, b, e, c)"]

    def root(self, case: Case) -> tuple[Value, dict[str, Value]]:
        """Return c."""
        nodes = build(case, Value)
        return nodes[-1], dict(zip("abec", nodes))
