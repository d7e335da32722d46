"""What is shown of a graph: calls of neurons and layers as one box, fused neurons in their parts, the upper part.

A fused neuron says by itself what belongs to it. In a scalar graph (`fused=False`) the names of the parameters do:
products with a weight, the sums of these with each other and the bias, and the activation above the last sum.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .._core import LABELS, NAMES, OPS, brief, core
from ..engine import Value
from .graph import CUT, Graph, Node, unused
from .rules import slope_of_activation

__all__ = ["LINES", "boxes", "fold_graph", "shorten", "unfold", "upper_part"]

_PARAMETER = re.compile(
    r"(?P<layer>(?:.*\.)?layers\.\d+|(?:.*?))\.?neurons\.(?P<neuron>\d+)\.(?:w\.\d+|b)$|^(?:w\.\d+|b)$"
)
LINES = 4  # lines for each value, at most
_ACTIVATIONS = {name for name, row in zip(NAMES, OPS) if row.activation}


def fold_graph(graph: Graph, level: str) -> Graph:
    """Return the graph with one box for each call of a neuron, or of a layer; itself where there is none."""
    groups = _neurons(graph)
    if level == "layer":
        groups = _layers(graph, groups)
    if not groups:
        return graph
    return _quotient(graph, groups, level)


def boxes(graph: Graph) -> tuple[list[tuple[str, str, list[int], int | None]], list[tuple[str, str]]]:
    """Return what the page folds.

    Of each neuron its name, what it is, the ids of its nodes, the output last, and the place of its layer among the
    layers, None where it is alone; of each layer its name and what it is.
    """
    neurons: list[tuple[str, str, list[int], int | None]] = []
    layers: list[tuple[str, str]] = []
    whole = (
        group for group in _neurons(graph) if len(group.members) > 1 or graph.nodes[group.members[0]].row == "DOT"
    )
    groups = sorted(whole, key=lambda group: max(group.members))
    by_layer: dict[Any, list[_Group]] = defaultdict(list)
    for group in groups:
        by_layer[group.layer].append(group)
    place = {layer: i for i, layer in enumerate(layer for layer, calls in by_layer.items() if len(calls) > 1)}
    for layer in place:
        layers.append(
            (_layer_name(graph, by_layer[layer], f"layer {len(layers) + 1}"), f"{len(by_layer[layer])} neurons")
        )
    for group in groups:
        out = graph.nodes[max(group.members)]
        terms = out.pairs if out.row == "DOT" else sum(graph.nodes[i].row == "MUL" for i in group.members)
        neurons.append((out.name, f"{terms} terms", sorted(group.members), place.get(group.layer)))
    return neurons, layers


def _layer_name(graph: Graph, groups: Iterable[_Group], otherwise: str) -> str:
    """Return the name of a layer that its parameters tell."""
    labels = [graph.nodes[j].label for group in groups for m in group.members for j in graph.nodes[m].operands]
    places = {match[1] for label in labels if (match := re.search(r"layers\.(\d+)\.neurons", label))}
    return f"layer {places.pop()}" if len(places) == 1 else otherwise


@dataclass
class _Group:
    """Nodes that are to become one box."""

    key: Any  # what neuron, as far as is known
    layer: Any  # neurons of one layer's call have the same
    members: list[int]
    neurons: int = 1


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
    group_of: dict[int, _Group] = {}
    for i, node in nodes.items():  # operands come before what reads them
        group = None
        if node.row == "MUL":
            key = next((owner[j] for j in node.operands if j in owner), None)
            group = key and _Group(key, None, [])
        elif node.row in ("ADD", "SUM"):
            inside = [group_of[j] for j in node.operands if j in group_of]
            keys = {group.key for group in inside}
            keys |= {owner.get(j) for j in node.operands if j not in group_of and nodes[j].role != "constant"}
            if inside and len(keys) == 1:
                group = inside[0]
                for other in inside[1:]:
                    if other is not group:
                        group.members += other.members
                        group_of.update(dict.fromkeys(other.members, group))
        elif node.row in _ACTIVATIONS and len(readers[node.operands[0]]) == 1:
            group = group_of.get(node.operands[0])
        if group:
            group.members.append(i)
            group_of[i] = group
    groups = []
    for group in {id(group): group for group in group_of.values()}.values():
        own = set(group.members)
        group.members.sort()
        inputs = frozenset(  # numbers as inputs are new leaves for each weight
            nodes[j].data if nodes[j].role == "constant" else (j,)
            for i in group.members
            for j in nodes[i].operands
            if j not in own and owner.get(j) != group.key
        )
        ends = [i for i in group.members if any(r not in own for r in readers[i]) or i == graph.root]
        if len(ends) == 1:  # only its output is seen from outside
            group.layer = ("scalar", group.key[0], inputs)
            groups.append(group)
    return groups


def _layers(graph: Graph, neurons: list[_Group]) -> list[_Group]:
    by_layer: dict[Any, list[_Group]] = defaultdict(list)
    for group in neurons:
        by_layer[group.layer].append(group)
    return [
        _Group(None, layer, [i for group in groups for i in group.members], len(groups))
        for layer, groups in by_layer.items()
    ]


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
            out[i] = replace(node)
        elif last[id(box)] == i:
            own = set(box.members)
            inputs = [j for m in box.members for j in nodes[m].operands if j not in own]
            operands = list(dict.fromkeys(j for j in inputs if j not in hidden))
            out[i] = _box(graph, box, i, operands, len({j for j in inputs if nodes[j].role == "parameter"}))
    moved = {m: last[id(group)] for group in groups for m in group.members}
    for node in out.values():
        node.operands = [moved.get(j, j) for j in node.operands]
        if node.row == "FOLD":
            node.operands = list(dict.fromkeys(node.operands))
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
    return replace(graph, nodes=out, notes=notes)


def _box(graph: Graph, group: _Group, i: int, operands: list[int], parameters: int) -> Node:
    node = graph.nodes[i]
    activations = {graph.nodes[m].op.split("(")[0] for m in group.members if graph.nodes[m].row == "DOT"}
    activations |= {graph.nodes[m].op for m in group.members if graph.nodes[m].row in _ACTIVATIONS}
    activations.discard("dot")
    activation = f"{min(activations)} " if len(activations) == 1 else ""
    if group.neurons > 1:
        known = _layer_name(graph, [group], "")
        name = f"{known}, {node.name}" if known else f"layer {node.name}"
        note = f"{group.neurons} {activation}neurons\n{parameters} parameters"
        label = ""
    else:
        name, label = node.name, node.label
        note = f"{activation}neuron\n{parameters} parameters\ndata {node.data:.6g}\ngrad {node.grad:.6g}"
    return replace(node, row="FOLD", op=activation.strip(), operands=operands, label=label, name=name, note=note)


# ---- unfolding ---------------------------------------------------------------------------------------------------


def unfold(graph: Graph, which: bool | Iterable[Value]) -> Graph:
    """Return the graph with fused neurons, all or these, as the `*` and `+` that they stand for.

    The parts are records of the picture; the engine builds no node for them.
    """
    if not hasattr(type(which), "__iter__") and not isinstance(which, bool):
        raise TypeError(f"unfold_neurons must be True, or a list of what neurons returned, not {brief(which)}")
    values = () if isinstance(which, bool) else tuple(which)
    for i, value in enumerate(values):
        if not isinstance(value, Value):
            raise TypeError(f"unfold_neurons[{i}] must be a Value that a neuron returned, not {brief(value)}")
    chosen = None if isinstance(which, bool) else set(map(id, values))
    nodes: dict[int, Node] = {}
    renamed: dict[int, int] = {}
    done = 0

    def add(node: Node) -> int:
        node.id = len(nodes)
        nodes[node.id] = node
        return node.id

    for i, old in graph.nodes.items():
        node = replace(old, operands=[renamed[j] for j in old.operands])
        if old.row == "DOT" and (chosen is None or id(old.value) in chosen):
            done += 1
            _add_parts(node, nodes, add, graph.taken)
        renamed[i] = add(node)
    if done:
        plural = "s are" if done > 1 else " is"
        graph.notes.append(f"{done} fused neuron{plural} shown as their * and +; in the engine each is one node.")
    return replace(graph, nodes=nodes, root=renamed[graph.root])


def _add_parts(node: Node, nodes: dict[int, Node], add: Any, taken: set[str]) -> None:
    """Let `node` be the last part of the neuron: its activation, or else the last sum."""
    inputs, weights, bias = node.parted(node.operands)
    upstream = node.grad * slope_of_activation(node, [nodes[i].data for i in node.operands], node.data)
    steps = 2 * node.pairs - (0 if bias or not node.pairs else 1)
    parts = 0

    def part(row: str, op: str, operands: list[int], data: float) -> int:
        nonlocal parts
        parts += 1
        if parts == steps and not node.activation:  # the last sum is the neuron itself
            node.row, node.op, node.operands, node.pairs = row, op, operands, 0
            return -1
        name = unused(f"{node.name}.{parts}", taken)
        return int(add(Node(-1, row, op, operands, data, upstream, name=name)))

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


# ---- the upper part ----------------------------------------------------------------------------------------------


def upper_part(graph: Graph, limit: int) -> Graph:
    """Return the nodes nearest to the root, with every reader of each; what they read below becomes a leaf."""
    depth = dict.fromkeys(graph.nodes, 0)
    for i in reversed(graph.nodes):
        for j in graph.nodes[i].operands:
            depth[j] = max(depth[j], depth[i] + 1)
    readers = graph.readers()
    lines = 0
    kept: set[int] = set()
    shown = {graph.root}
    for i in sorted(graph.nodes, key=lambda i: (depth[i], -i)):
        if len(shown) >= limit or lines >= LINES * limit:
            break
        operands = graph.nodes[i].operands
        new = set(operands) - shown
        too_many = len(shown) + len(new) > limit or lines + len(operands) > LINES * limit
        if not kept.issuperset(readers[i]) or (too_many and kept):
            continue  # it stays a leaf: a gradient is whole only where all readers are there
        kept.add(i)
        shown |= new
        lines += len(operands)
    nodes = {}
    for i in sorted(shown):
        nodes[i] = node = replace(graph.nodes[i], part=graph.nodes[i].part or not kept.issuperset(readers[i]))
        if i not in kept and node.operands:
            cut = Node(i, "LEAF", CUT, [], node.data, node.grad, node.label, node.name, value=node.value)
            nodes[i] = replace(cut, part=node.part)
    return replace(graph, nodes=nodes)


def shorten(graph: Graph, limit: int, drawn: bool = False) -> None:
    """Let a root with more operands than there is room for keep the first ones; one box stands for the others.

    In an explanation it is a leaf with their sum, and half of the room is left for what lies below. In a picture
    (`drawn`) it has no number.
    """
    nodes, root = graph.nodes, graph.nodes[graph.root]
    room = max(limit - 1 if drawn else limit // 2, 2)
    if len(root.operands) <= room or not (drawn or (root.row in ("SUM", "DOT") and not root.closure)):
        return
    if root.row == "DOT":
        short = max((room - 1) // 2, 1)
        inputs, weights, bias = root.parted(root.operands)
        kept, others = [*inputs[:short], *weights[:short]], [*inputs[short:], *weights[short:], *bias]
        rest = sum(nodes[w].data * nodes[x].data for w, x in zip(weights[short:], inputs[short:]))
        rest += sum(nodes[i].data for i in bias)
        what = f"{len(inputs) - short} products" + (" and the bias" if bias else "")
        root.pairs = short
    else:
        kept, others = root.operands[: room - 1], root.operands[room - 1 :]
        rest, what = sum(nodes[i].data for i in others), f"{len(others)} operands"
    name = unused("rest", graph.taken)
    row, note = ("FOLD", f"{what}\nnot drawn") if drawn else ("LEAF", "")
    leaf = Node(-1, row, CUT, [], rest, 0.0, label=what, name=name, note=note)
    root.operands = [*kept, leaf.id]
    below = {graph.root, leaf.id}
    for i in reversed(list(nodes)):
        if i in below:
            below.update(nodes[i].operands)
    hidden = {*others, *(j for i, node in nodes.items() if i not in below for j in node.operands)}
    for i in reversed(list(nodes)):
        if i in hidden and i in below:
            nodes[i].part = True
            hidden.update(nodes[i].operands)
    graph.nodes = {-1: leaf, **{i: node for i, node in nodes.items() if i in below}}
    if not drawn:
        graph.notes.append(f"{what} of {root.name} are not shown one by one; the leaf {name} stands for their sum.")
