"""Which part of a large graph is shown."""

from __future__ import annotations

from .graph import Graph, Node

__all__ = ["LINES", "shorten", "upper_part"]

LINES = 4  # lines for each value, at most


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
        node = Node(**vars(graph.nodes[i]))
        if i not in kept and node.operands:
            node.row, node.operands, node.role, node.closure, node.pairs = "LEAF", [], "input", False, 0
            node.op, node.activation = "…", ""
        nodes[i] = node
    return Graph(nodes, graph.root, graph.computed, graph.total, graph.notes)


def shorten(graph: Graph, limit: int, drawn: bool = False) -> None:
    """Let a root with more operands than there is room for keep the first ones; one box stands for the others.

    In an explanation it is a leaf with their sum, and half of the room is left for what lies below. In a picture
    (`drawn`) it has no number.
    """
    nodes, root = graph.nodes, graph.nodes[graph.root]
    room = max(limit - 1 if drawn else limit // 2, 2)
    if len(root.operands) <= room or not (drawn or (root.row in ("SUM", "DOT") and not root.closure)):
        return
    n = root.pairs
    rest = 0.0
    if root.row == "DOT":
        short = max((room - 1) // 2, 1)
        inputs, weights, bias = root.operands[:n], root.operands[n : 2 * n], root.operands[2 * n :]
        kept = [*inputs[:short], *weights[:short]]
        rest = sum(nodes[w].data * nodes[x].data for w, x in zip(weights[short:], inputs[short:]))
        rest += sum(nodes[i].data for i in bias)
        what = f"{n - short} products" + (" and the bias" if bias else "")
        root.pairs = short
    else:
        kept, others = root.operands[: room - 1], root.operands[room - 1 :]
        rest, what = sum(nodes[i].data for i in others), f"{len(others)} operands"
    name = "rest"
    while any(node.name == name for node in nodes.values()):
        name += "'"
    row, note = ("FOLD", f"{what}\nnot drawn") if drawn else ("LEAF", "")
    leaf = Node(-1, row, "…", [], rest, 0.0, label=what, name=name, role="input", note=note)
    root.operands = [*kept, leaf.id]
    below = {graph.root, leaf.id}
    for i in reversed(list(nodes)):
        if i in below:
            below.update(nodes[i].operands)
    graph.nodes = {-1: leaf, **{i: node for i, node in nodes.items() if i in below}}
    if not drawn:
        graph.notes.append(f"{what} of {root.name} are not shown one by one; the leaf {name} stands for their sum.")
