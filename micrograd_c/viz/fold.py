"""Several nodes in one box, the calls of neurons and of layers; and a fused neuron in its parts.

A fused neuron says by itself what belongs to it. In a scalar graph (`fused=False`) the names of the parameters do:
products with a weight, the sums of these with each other and the bias, and the activation above the last sum.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from .._core import LABELS, NAMES, OPS, core
from .graph import Graph, Node
from .rules import slope_of_activation

__all__ = ["fold_graph", "unfold"]

_PARAMETER = re.compile(
    r"(?P<layer>(?:.*\.)?layers\.\d+|(?:.*?))\.?neurons\.(?P<neuron>\d+)\.(?:w\.\d+|b)$|^(?:w\.\d+|b)$"
)
_ACTIVATIONS = {name for name, row in zip(NAMES, OPS) if row.activation}


def fold_graph(graph: Graph, level: str) -> Graph:
    """Return the graph with one box for each call of a neuron, or of a layer; itself where there is none."""
    groups = _neurons(graph)
    if level == "layer":
        groups = _layers(graph, groups)
    if not groups:
        return graph
    return _quotient(graph, groups, level)


class _Group:
    """Nodes that are to become one box."""

    def __init__(self, key: Any, layer: Any, members: list[int]) -> None:
        self.key = key  # what neuron, as far as is known
        self.layer = layer  # neurons of one layer's call have the same
        self.members = members
        self.neurons = 1


def _neurons(graph: Graph) -> list[_Group]:
    groups = [
        _Group(None, ("fused", id(core.operands(node.value)[0])), [i])
        for i, node in graph.nodes.items()
        if node.row == "DOT" and node.value is not None
    ]
    return groups + _scalar_neurons(graph)


def _scalar_neurons(graph: Graph) -> list[_Group]:
    nodes = graph.nodes
    owner: dict[int, tuple[str, str]] = {}
    for i, node in nodes.items():
        match = _PARAMETER.match(node.label) if node.role == "parameter" else None
        if match:
            owner[i] = (match["layer"] or "", match["neuron"] or "0")
    if not owner:
        return []
    readers = graph.readers()
    group_of: dict[int, int] = {}
    parent: list[int] = []
    keys: list[tuple[str, str]] = []

    def find(g: int) -> int:
        while parent[g] != g:
            parent[g] = parent[parent[g]]
            g = parent[g]
        return g

    for i, node in nodes.items():  # operands come before what reads them
        if node.row == "MUL":
            key = next((owner[j] for j in node.operands if j in owner), None)
            if key is not None:
                group_of[i] = len(parent)
                parent.append(len(parent))
                keys.append(key)
        elif node.row in ("ADD", "SUM"):
            inside = [find(group_of[j]) for j in node.operands if j in group_of]
            rest = [j for j in node.operands if j not in group_of]
            if inside and len({keys[g] for g in inside}) == 1:
                key = keys[inside[0]]
                if all(owner.get(j) == key or nodes[j].role == "constant" for j in rest):
                    for g in inside[1:]:
                        parent[g] = inside[0]
                    group_of[i] = inside[0]
        elif node.row in _ACTIVATIONS and node.operands[0] in group_of and len(readers[node.operands[0]]) == 1:
            group_of[i] = group_of[node.operands[0]]
    members: dict[int, list[int]] = defaultdict(list)
    for i, g in group_of.items():
        members[find(g)].append(i)
    groups = []
    for g, inside in members.items():
        own = set(inside)
        inputs = frozenset(
            nodes[j].data
            if nodes[j].role == "constant"
            else (j,)  # numbers as inputs are new leaves for each weight
            for i in inside
            for j in nodes[i].operands
            if j not in own and owner.get(j) != keys[g]
        )
        ends = [i for i in inside if any(r not in own for r in readers[i]) or i == graph.root]
        if len(ends) == 1:  # only its output is seen from outside
            groups.append(_Group(keys[g], ("scalar", keys[g][0], inputs), inside))
    return groups


def _layers(graph: Graph, neurons: list[_Group]) -> list[_Group]:
    by_layer: dict[Any, list[_Group]] = defaultdict(list)
    for group in neurons:
        by_layer[group.layer].append(group)
    out = []
    for layer, groups in by_layer.items():
        group = _Group(None, layer, [i for g in groups for i in g.members])
        group.neurons = len(groups)
        out.append(group)
    return out


def _quotient(graph: Graph, groups: list[_Group], level: str) -> Graph:
    """Return the graph of the groups; parameters that nobody else reads vanish into them."""
    nodes = graph.nodes
    box_of = {i: group for group in groups for i in group.members}
    readers = graph.readers()
    hidden = {
        i
        for i, node in nodes.items()
        if node.role == "parameter" and not node.operands and readers[i] and all(r in box_of for r in readers[i])
    }
    # A number that is an input became a leaf for each weight: in a box one of them is enough.
    for group in groups:
        own, numbers = set(group.members), set()
        for j in dict.fromkeys(j for m in group.members for j in nodes[m].operands):
            if nodes[j].role == "constant" and not nodes[j].operands and own.issuperset(readers[j]):
                if nodes[j].data in numbers:
                    hidden.add(j)
                numbers.add(nodes[j].data)
    last = {id(group): max(group.members) for group in groups}
    # A box stands where its last member stood; that this is a topological order has to be seen.
    out: dict[int, Node] = {}
    for i, node in nodes.items():
        if i in hidden:
            continue
        box = box_of.get(i)
        if box is None:
            out[i] = Node(**vars(node))
        elif last[id(box)] == i:
            own = set(box.members)
            inputs = [j for m in box.members for j in nodes[m].operands if j not in own]
            out[i] = _box(
                graph,
                box,
                i,
                list(dict.fromkeys(j for j in inputs if j not in hidden)),
                len({j for j in inputs if nodes[j].role == "parameter"}),
            )
    moved = {m: last[id(group)] for group in groups for m in group.members}
    for node in out.values():
        node.operands = (
            list(dict.fromkeys(moved.get(j, j) for j in node.operands))
            if node.row == "FOLD"
            else [moved.get(j, j) for j in node.operands]
        )
        if any(j >= node.id for j in node.operands):
            return graph
    boxes = f"{len(groups)} call{'s' if len(groups) > 1 else ''} of {'a layer' if level == 'layer' else 'a neuron'}"
    note = f"Folded: {boxes}, one box each"
    inside = sum(nodes[i].role == "parameter" for i in hidden)
    if inside:
        note += f", with {inside} parameter{'s' if inside > 1 else ''} inside"
    finer = "fold='neuron' or fold='none'" if level == "layer" else "fold='none'"
    notes = [n for n in graph.notes if not n.startswith("Folded:")]
    notes.append(f"{note}. To see what is inside: {finer}.")
    return Graph(out, graph.root, graph.computed, graph.total, notes)


def _box(graph: Graph, group: _Group, i: int, operands: list[int], parameters: int) -> Node:
    node = graph.nodes[i]
    activations = {graph.nodes[m].op.split("(")[0] for m in group.members if graph.nodes[m].row == "DOT"}
    activations |= {graph.nodes[m].op for m in group.members if graph.nodes[m].row in _ACTIVATIONS}
    activations.discard("dot")
    activation = f"{min(activations)} " if len(activations) == 1 else ""
    if group.neurons > 1:
        labels = [graph.nodes[j].label for m in group.members for j in graph.nodes[m].operands]
        places = {match[1] for label in labels if (match := re.search(r"layers\.(\d+)\.neurons", label))}
        name = f"layer {places.pop()}, {node.name}" if len(places) == 1 else f"layer {node.name}"
        note = f"{group.neurons} {activation}neurons\n{parameters} parameters"
        label = ""
    else:
        name, label = node.name, node.label
        note = f"{activation}neuron\n{parameters} parameters\ndata {node.data:.6g}"
        if graph.computed or node.grad:
            note += f"\ngrad {node.grad:.6g}"
    return Node(
        id=i,
        row="FOLD",
        op=activation.strip(),
        operands=operands,
        data=node.data,
        grad=node.grad,
        label=label,
        name=name,
        role="result" if node.role == "result" else "operation",
        note=note,
        count=len(group.members),
        value=node.value,
    )


# ---- unfolding ---------------------------------------------------------------------------------------------------


def unfold(graph: Graph, which: Iterable[int] | None = None) -> Graph:
    """Return the graph with fused neurons as the `*` and `+` that they stand for.

    The parts are records of the picture; the engine builds no node for them.
    """
    chosen = set(graph.nodes) if which is None else set(which)
    nodes: dict[int, Node] = {}
    renamed: dict[int, int] = {}
    taken = {node.name for node in graph.nodes.values()}
    done = 0

    def add(node: Node) -> int:
        node.id = len(nodes)
        nodes[node.id] = node
        return node.id

    for i, old in graph.nodes.items():
        node = Node(**{**vars(old), "operands": [renamed[j] for j in old.operands]})
        if old.row == "DOT" and i in chosen:
            done += 1
            _add_parts(node, nodes, add, taken)
        renamed[i] = add(node)
        for part in nodes.values():
            if part.part_of == -2:
                part.part_of = node.id
    if done:
        plural = "s are" if done > 1 else " is"
        graph.notes.append(f"{done} fused neuron{plural} shown as their * and +; in the engine each is one node.")
    return Graph(nodes, renamed[graph.root], graph.computed, graph.total, graph.notes)


def _add_parts(node: Node, nodes: dict[int, Node], add: Any, taken: set[str]) -> None:
    """Let `node` be the last part of the neuron: its activation, or else the last sum."""
    n = node.pairs
    inputs, weights, bias = node.operands[:n], node.operands[n : 2 * n], node.operands[2 * n :]
    upstream = node.grad
    if node.activation:
        upstream *= slope_of_activation(node, [nodes[i].data for i in node.operands], node.data)
    steps = 2 * n - (0 if bias or not n else 1)
    parts = 0

    def part(row: str, op: str, operands: list[int], data: float) -> int:
        nonlocal parts
        parts += 1
        if parts == steps and not node.activation:  # the last sum is the neuron itself
            node.row, node.op, node.operands, node.pairs = row, op, operands, 0
            return -1
        name = f"{node.name}.{parts}"
        while name in taken:
            name += "'"
        return int(add(Node(-1, row, op, operands, data, upstream, name=name, part_of=-2)))

    total = bias[0] if bias else -1
    for w, x in zip(weights, inputs):
        product = part("MUL", "*", [w, x], nodes[w].data * nodes[x].data)
        if total < 0:
            total = product
        else:
            sum_data = nodes[total].data + (nodes[product].data if product >= 0 else 0.0)
            total = part("ADD", "+", [total, product], sum_data)
    if node.activation:
        node.row, node.op, node.operands = node.activation, LABELS[NAMES.index(node.activation)], [total]
        node.activation, node.pairs = "", 0
