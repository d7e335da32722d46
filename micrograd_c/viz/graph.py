"""A graph of Values as plain records: what is drawn, explained and written into the page.

Reading it changes nothing: no gradient, no Value, no name.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from .. import nn
from .._core import NAMES, OPS, core, ffi
from .._core.walk import describe, operands
from ..engine import Value, topological_order
from .expression import Expression, expression

__all__ = [
    "Graph",
    "Node",
    "Op",
    "callers_names",
    "clean",
    "cut",
    "fill",
    "number",
    "read",
    "unfold",
    "variables",
    "width",
]


# ---- the op table ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """A row of the op table, for people: how the node is written, and its expressions."""

    name: str
    formula: str  # "{0} * {1}", the operands in their places
    value: Expression | None  # over x, y, k
    derivatives: tuple[Expression, ...]  # dz/dx, dz/dy, over x, y, z, k


def _op(code: int) -> Op:
    row, name = OPS[code], NAMES[code]
    label = ffi.string(row.label).decode().removesuffix("{}")
    value, dx, dy = (ffi.string(text).decode() for text in (row.value, row.dx, row.dy))
    if name == "NEG":
        formula = "-{0}"
    elif name == "ABS":
        formula = "|{0}|"
    elif row.takes_k:
        formula = f"{{0}}{label}{{k}}" if label == "**" else f"{name.lower()}({{0}}, {{k}})"
    elif row.arity == 2 and not label.isidentifier():
        formula = "{0}**{1}" if label == "**" else f"{{0}} {label} {{1}}"
    else:
        formula = f"{name.lower()}({', '.join(f'{{{i}}}' for i in range(max(row.arity, 0)))})"
    try:
        derivatives = tuple(expression(text) for text in (dx, dy) if text)
        return Op(name, formula, expression(value) if value else None, derivatives)
    except ValueError:  # a C function that expression.py does not know: the engine's own backward is asked then
        return Op(name, formula, None, ())


OP = {name: _op(code) for code, name in enumerate(NAMES)}


# ---- numbers and text --------------------------------------------------------------------------------------------


def number(x: float, digits: int = 8) -> str:
    """Return `x` in at most so many significant digits, as short as it goes: 3, 9.030301, 1.5e-7.

    The page's script writes numbers by the same rule.
    """
    if x != x or x in (float("inf"), float("-inf")):
        return str(x)
    if x == 0:
        return "0"
    text = f"{x:.{digits}g}"
    if "e" not in text and 1e-4 <= abs(x) < 10.0**digits:
        return text
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


_PLACE = re.compile(r"\{(\w+)\}")


def fill(formula: str, operands: Sequence[str], k: str = "") -> str:
    """Put operands into their places; a negative number gets its brackets where it needs them."""

    def put(match: re.Match[str]) -> str:
        text = k if match[1] == "k" else operands[int(match[1])]
        before, after = formula[: match.start()], formula[match.end() :]
        alone = before.endswith(("(", ", ", "|")) and after.startswith((")", ",", "|"))
        if text.startswith("-") and not alone and (before or after.startswith("**")):
            return f"({text})"
        return text

    return _PLACE.sub(put, formula)


# What XML has no place for, and what would turn the direction of the text around it.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text that any file can hold, on one line."""
    return " ".join(_UNFIT.sub("\ufffd", text).split())


def width(text: str) -> int:
    """Return how many cells of a monospaced font a text takes, at most."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0x2E7F else 1
        for c in text
    )


def cut(text: str, cells: int) -> str:
    """Return the beginning of a text, with an ellipsis where that is not all."""
    if len(text) <= cells and width(text) <= cells:
        return text
    kept, room = [], cells - 1
    for c in text:
        room -= width(c)
        if room < 0:
            break
        kept.append(c)
    return "".join(kept).rstrip() + "…"


# ---- nodes -------------------------------------------------------------------------------------------------------


_LEAVES = ("LEAF", "CONSTANT")


@dataclass
class Node:
    """One node, or one box that stands for several."""

    id: int  # ascending ids are a topological order: operands before what reads them
    op: str  # name in the op table: LEAF, MUL, DOT, CUSTOM ...; FOLD: several nodes in one box
    label: str  # what `_op` shows
    operands: list[int]  # ids, in their order, one that is used twice twice
    data: float
    grad: float
    title: str = ""  # the name that the user gave, whole
    name: str = ""  # a name that no other node has, short enough for a formula
    kind: str = "operation"  # constant, input, parameter, operation, result
    k: float | None = None  # of the op, or of the activation
    activation: str = ""  # of a DOT
    pairs: int = 0  # products in a DOT: operands are inputs, then weights, then the bias if there is one
    value: Any = None  # the Value; None where there is no node of the engine behind it
    closure: bool = False  # its backward is a Python function
    note: str = ""  # what a box that stands for several stands for
    count: int = 1  # nodes of the engine that it stands for
    part_of: int = -1  # id of the fused neuron that it was unfolded from


@dataclass
class Graph:
    """Nodes by id, in topological order, the root last."""

    nodes: dict[int, Node]
    root: int
    computed: bool  # has backward run?
    total: int  # nodes below the root, all
    notes: list[str] = field(default_factory=list)  # what is not shown as it is, and how to see it

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


def weights_of(value: Value) -> tuple[tuple[Value, ...], tuple[Value, ...], Value | None]:
    """Return inputs, weights and bias of a fused node."""
    inputs, params = core.operands(value)
    weights, bias = (params[:-1], params[-1]) if describe(value).bias else (params, None)
    return tuple(inputs[: len(weights)]), tuple(weights), bias


def operands_of(value: Value) -> tuple[list[Value], int]:
    """Return the operands that take part, in order, and how many products a fused node has."""
    if NAMES[describe(value).op] == "DOT":
        inputs, weights, bias = weights_of(value)
        return [*inputs, *weights, *([] if bias is None else [bias])], len(weights)
    return operands(value), 0


def _has_rule(op: str, operands: int) -> bool:
    """Tell whether it is known what an op gives to each of its operands."""
    return op in (*_LEAVES, "GIVEN", "SUM", "DOT") or 0 < len(OP[op].derivatives) == operands


def _k_of(activation: int) -> float | None:
    """Return the number that a neuron passes on to its activation."""
    return float(OPS[activation].k) if activation >= 0 and OPS[activation].takes_k else None


def weighted_sum(node: Node, data: Sequence[float]) -> float:
    """Return what the activation of a DOT is taken of, from the data of its operands."""
    n = node.pairs
    total = data[2 * n] if len(data) > 2 * n else 0.0
    for x, w in zip(data[:n], data[n : 2 * n]):
        total += w * x
    return total


def slope_of_activation(node: Node, data: Sequence[float], z: float) -> float:
    """Return f' of a DOT, from the data of its operands and its own."""
    k = {} if node.k is None else {"k": node.k}
    return OP[node.activation].derivatives[0].evaluate(x=weighted_sum(node, data), z=z, **k)


def parameters_in(model: Any) -> dict[int, str]:
    """Return the names of the parameters of a module, of a dict by name, or of an iterable, by their id()."""
    if model is None:
        return {}
    if isinstance(model, nn.Module):
        return {id(p): name for name, p in model.named_parameters()}
    if isinstance(model, dict):
        return {id(p): str(name) for name, p in model.items()}
    return dict.fromkeys(map(id, model), "")


def variables(*scopes: Mapping[str, Any]) -> dict[str, Value]:
    """Return the Values that variables hold, by their names; those in lists and tuples too: 'w[0]', 'w[1][2]'.

    An inner scope comes before an outer one. Names that begin with an underscore belong to nobody.
    """
    visible: dict[str, Any] = {}
    for scope in scopes:
        for name, item in list(scope.items()):
            if type(name) is str and not name.startswith("_"):
                visible.setdefault(name, item)
    out: dict[str, Value] = {}
    level = list(visible.items())
    for depth in range(3):
        inside: list[tuple[str, Any]] = []
        for name, item in level:
            if issubclass(type(item), Value):
                out[name] = item
            elif type(item) in (list, tuple) and len(item) <= LONGEST_LIST and depth < 2:
                inside += [(f"{name}[{i}]", part) for i, part in enumerate(item)]
        level = inside
    return out


def callers_names(frame: FrameType | None) -> dict[str, Value]:
    """Return the Values that are seen from a frame, by the names of their variables."""
    return {} if frame is None else variables(frame.f_locals, frame.f_globals)


def read(root: Value, model: Any = None, names: Mapping[str, Value] | None = None) -> Graph:
    """Return the graph below `root`.

    Parameters
    ----------
    root : Value
    model : Module, mapping of str to Value, or iterable of Value, optional
        Whose parameters these are: they are drawn as such, by name.
    names : mapping of str to Value, optional
        Names of Values that have none of their own, the better one first. No other node gets one of them.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"a picture starts at a Value, not at {type(root).__name__}: pass the result, such as the loss"
        )
    order = topological_order(root)
    ids = {id(value): i for i, value in enumerate(order)}  # by identity: a class may have an __eq__ of its own
    named = parameters_in(model)
    parameters = set(named)
    names = names or {}
    titles = {id(value): str(value.name or named.get(id(value), "")) for value in order}
    own = {title for title in titles.values() if title}
    for name, value in names.items():
        if name not in own and not titles.get(id(value), name):
            titles[id(value)] = name
    nodes: dict[int, Node] = {}
    for i, value in enumerate(order):
        described = describe(value)
        operands, pairs = operands_of(value)
        if pairs:
            parameters.update(id(v) for v in operands[pairs:] if core.operands(v)[0] is None)
        op = NAMES[described.op]
        nodes[i] = Node(
            id=i,
            op=op,
            label=value._op,
            operands=[ids[id(v)] for v in operands],
            data=value.data,
            grad=value.grad,
            title=titles[id(value)],
            k=described.k if OPS[described.op].takes_k else _k_of(described.activation),
            activation=NAMES[described.activation] if described.activation >= 0 else "",
            pairs=pairs,
            value=value,
            closure=not _has_rule(op, len(operands)) or core.peek(value, "_backward") is not None,
        )
        if op in _LEAVES:
            nodes[i].kind = "input" if op == "LEAF" or nodes[i].title else "constant"
    for key in parameters:
        if key in ids and nodes[ids[key]].op in _LEAVES:
            nodes[ids[key]].kind = "parameter"
    last = len(order) - 1
    if nodes[last].op not in _LEAVES:
        nodes[last].kind = "result"
    computed = nodes[last].grad != 0 or nodes[last].grad != nodes[last].grad
    graph = Graph(nodes, last, computed, len(order))
    give_names(graph, names)
    return graph


# ---- names -------------------------------------------------------------------------------------------------------

# Names for intermediate results that have none, as the article has them: e = a * b.
_LETTERS = [c for c in string.ascii_lowercase[4:] if c not in "lo"] + ["d"]
NAME_CELLS = 24
LONGEST_LIST = 1000  # of what is in longer lists nothing gets a name


_PATH = re.compile(r"layers\.(\d+)\.neurons\.(\d+)\.(?:w\.(\d+)|(b))")


def _short(title: str) -> str:
    """'layers.0.neurons.3.w.1' is a name for a file, 'L0.N3.w1' one for a formula."""
    return _PATH.sub(lambda m: f"L{m[1]}.N{m[2]}." + (f"w{m[3]}" if m[3] else "b"), title)


def give_names(graph: Graph, used: Iterable[str] = ()) -> None:
    """Give each node a name of its own: the user's, cut and numbered where others have it too, or a new one.

    No new one is among those that are `used` for other Values.
    """
    titles = {i: cut(_short(clean(node.title)), NAME_CELLS) for i, node in graph.nodes.items() if node.title}
    titles = {i: title for i, title in titles.items() if title}
    count = Counter(titles.values())
    taken = {name for name, n in count.items() if n == 1} | set(used)
    seen: Counter[str] = Counter()

    def unique(base: str) -> str:
        while True:
            seen[base] += 1
            name = f"{base}{'_' if base[-1:].isdigit() or len(base) > 1 else ''}{seen[base]}"
            if name not in taken:
                taken.add(name)
                return name

    for i, name in titles.items():
        graph.nodes[i].name = name if count[name] == 1 else unique(name)

    rest = [node for i, node in graph.nodes.items() if i not in titles]
    for node in rest:
        if node.kind not in ("operation", "result"):
            node.name = unique({"constant": "k", "parameter": "p"}.get(node.kind, "x"))
    results = [node for node in rest if not node.name]
    letters = [c for c in _LETTERS if c not in taken]
    for j, node in enumerate(results):
        node.name = letters[j] if len(results) <= min(len(letters), 12) else unique("v")


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
        if old.op == "DOT" and i in chosen:
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

    def part(op: str, label: str, operands: list[int], data: float) -> int:
        nonlocal parts
        parts += 1
        if parts == steps and not node.activation:  # the last sum is the neuron itself
            node.op, node.label, node.operands, node.pairs = op, label, operands, 0
            return -1
        name = f"{node.name}.{parts}"
        while name in taken:
            name += "'"
        return int(add(Node(-1, op, label, operands, data, upstream, name=name, part_of=-2)))

    total = bias[0] if bias else -1
    for w, x in zip(weights, inputs):
        product = part("MUL", "*", [w, x], nodes[w].data * nodes[x].data)
        if total < 0:
            total = product
        else:
            sum_data = nodes[total].data + (nodes[product].data if product >= 0 else 0.0)
            total = part("ADD", "+", [total, product], sum_data)
    if node.activation:
        node.op, node.label, node.operands = node.activation, OPS_LABEL[node.activation], [total]
        node.activation, node.pairs = "", 0


OPS_LABEL = {name: ffi.string(row.label).decode() for name, row in zip(NAMES, OPS)}
