"""Reading a graph of Values. It changes nothing: no gradient, no Value, no name."""

from __future__ import annotations

import dis
import re
import string
import sys
from collections import Counter, deque
from collections.abc import Mapping
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType
from typing import Any

from .._checks import parameter, whole
from .._core import NAMES, OPS, brief, core
from .._core.walk import describe, operands
from .._operands import listed
from ..engine import Value, topological_order
from .graph import LEAVES, Graph, Node
from .rules import OP
from .text import clean, cut

__all__ = ["callers_names", "given_names", "limit_of", "read", "variables"]


def _has_rule(row: str, operands: int) -> bool:
    """Tell whether it is known what an op gives to each of its operands."""
    return row in (*LEAVES, "GIVEN", "DOT") or bool(OP[row].fold) or 0 < len(OP[row].derivatives) == operands


def parameters_in(model: Any) -> dict[int, str]:
    """Return the names of the parameters of a module, of a dict by name, or of an iterable, by their id()."""
    if model is None:
        return {}
    if hasattr(type(model), "named_parameters"):  # a Module, one of before nn was reloaded too
        return {id(p): name for name, p in model.named_parameters()}
    if isinstance(model, str):
        raise TypeError(
            f"model must be a Module or a list of Values, not {brief(model)}: "
            "files are written by draw(root).save(path) and explain(root).html(path)"
        )
    if isinstance(model, dict):
        return {id(parameter(p, i)): str(name) for i, (name, p) in enumerate(model.items())}
    return {id(parameter(p, i)): "" for i, p in enumerate(listed(model, "model"))}


def variables(*scopes: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the Values that variables hold, by their names; those in lists and tuples too: 'w[0]', 'w[1][2]'.

    An inner scope comes before an outer one. Names that begin with an underscore belong to nobody. Variables that
    hold something else have None: no Value may be called so.
    """
    visible: dict[str, Any] = {}
    for scope in scopes:
        for name, item in list(scope.items()):
            if type(name) is str and not name.startswith(("_", "@")):  # "@": pytest's own
                visible.setdefault(name, item)
    out: dict[str, Value | None] = dict.fromkeys(visible)
    items = deque((name, item, 0) for name, item in visible.items())  # those in lists after all others
    while items:
        name, item, depth = items.popleft()
        if issubclass(type(item), Value):
            out[name] = item
        elif type(item) in (list, tuple) and len(item) <= LONGEST_LIST and depth < 2:
            items += [(f"{name}[{i}]", part, depth + 1) for i, part in enumerate(item)]
    return out


def given_names(names: Any) -> dict[str, Value | None]:
    """Return the Values of the argument `names` by their names."""
    if not isinstance(names, Mapping) or any(isinstance(name, Value) for name in names):
        raise TypeError(f"names must be a dict of names and Values, as in {{'a': a}}, not {brief(names)}")
    return variables(names)


def limit_of(limit: Any) -> int | None:
    """Return the argument `limit`, a count; None: there is none."""
    return None if limit is None else whole(limit, "limit", 1)


def callers_names(frame: FrameType | None) -> dict[str, Value | None]:
    """Return the Values that are seen from a frame, by the names of their variables.

    Its callers in the same module are looked at too: the function around a lambda or a list in brackets is one.
    Of functions that call `locals()` only the names are known: before Python 3.13 a look at their variables renews
    the dict which that returned, and a loop may be going over it.
    """
    scopes: list[Mapping[str, Any]] = []
    module = frame.f_globals if frame else {}
    while frame and frame.f_globals is module and len(scopes) < MOST_FRAMES:
        code = frame.f_code
        hidden = sys.version_info < (3, 13) and code.co_flags & CO_OPTIMIZED and _calls_locals(code)
        own = code.co_varnames + code.co_cellvars + code.co_freevars  # some have no object yet
        scopes.append({**dict.fromkeys(own), **({} if hidden else frame.f_locals)})
        frame = frame.f_back
    return variables(*scopes, module)


def _calls_locals(code: CodeType) -> bool:
    """Tell whether a function may hold the dict of its variables: of `locals()`, or of `vars()`."""
    if {"locals", "vars"}.isdisjoint(code.co_names):
        return False
    steps = [*dis.get_instructions(code)]
    return any(
        step.opname == "LOAD_GLOBAL"
        and (step.argval == "locals" or (step.argval == "vars" and "CALL" in then.opname and not then.arg))
        for step, then in zip(steps, steps[1:])
    )


def read(root: Value, model: Any = None, names: Mapping[str, Value | None] | None = None) -> Graph:
    """Return the graph below `root`.

    Parameters
    ----------
    root : Value
    model : Module, mapping of str to Value, or iterable of Value, optional
        Whose parameters these are: they are drawn as such, by name.
    names : mapping of str to Value or None, optional
        Names of Values that have none of their own, the better one first. No other node gets one of them, nor one
        that stands for None.
    """
    order = topological_order(root)
    ids = {id(value): i for i, value in enumerate(order)}  # by identity: a class may have an __eq__ of its own
    named = parameters_in(model)
    parameters = set(named)
    names = names or {}
    labels = {id(value): _name_of(value) or str(named.get(id(value), "")) for value in order}
    own = Counter(label for label in labels.values() if label)
    for name, value in names.items():
        label = labels.get(id(value), name)
        # w1 and w2 tell two that are both called w apart
        better = not label or (own[label] > 1 and re.fullmatch(rf"{re.escape(label)}_?\d+", name))
        if better and name not in own:
            labels[id(value)] = name
    nodes: dict[int, Node] = {}
    for i, value in enumerate(order):
        described = describe(value)
        row = NAMES[described.op]
        op = described.op if described.activation < 0 else described.activation  # whose k it is
        below = operands(value)
        pairs = len(below) // 2 if row == "DOT" else 0
        if pairs:
            parameters.update(id(v) for v in below[pairs:] if core.operands(v)[0] is None)
        nodes[i] = Node(
            id=i,
            row=row,
            op=str(value._op),
            operands=[ids[id(v)] for v in below],
            data=value.data,
            grad=value.grad,
            label=labels[id(value)],
            k=(described.k if op == described.op else float(OPS[op].k)) if OPS[op].takes_k else None,
            activation=NAMES[described.activation] if described.activation >= 0 else "",
            pairs=pairs,
            value=value,
            closure=not _has_rule(row, len(below)) or core.peek(value, "_backward") is not None,
        )
        if row in LEAVES:
            nodes[i].role = "input" if row == "LEAF" or nodes[i].label else "constant"
    for key in parameters:
        if key in ids and nodes[ids[key]].row in LEAVES:
            nodes[ids[key]].role = "parameter"
    last = len(order) - 1
    if nodes[last].row not in LEAVES:
        nodes[last].role = "result"
    taken = {*names, *(name.partition("[")[0] for name in names)}
    taken |= {_name_of(value) for value in names.values() if value is not None}
    graph = Graph(nodes, last, len(order), taken=taken)
    give_names(graph)
    return graph


# ---- names -------------------------------------------------------------------------------------------------------

# Names for intermediate results that have none, as the article has them: e = a * b.
_LETTERS = [c for c in string.ascii_lowercase[4:] if c not in "lo"] + ["d"]
NAME_CELLS = 24
MOST_FRAMES = 20  # of callers whose variables are looked at
LONGEST_LIST = 1000  # of what is in longer lists nothing gets a name


_PATH = re.compile(r"layers\.(\d+)\.neurons\.(\d+)\.(?:w\.(\d+)|(b))")


def _name_of(value: Any) -> str:
    """Return the name of a Value; where Value stands in for a class of a script's, that has either or none."""
    return str(getattr(value, "name", getattr(value, "label", "")) or "")


def _short(label: str) -> str:
    """'layers.0.neurons.3.w.1' is a name for a file, 'L0.N3.w1' one for a formula."""
    return _PATH.sub(lambda m: f"L{m[1]}.N{m[2]}." + (f"w{m[3]}" if m[3] else "b"), label)


def _word(node: Node) -> str:
    """Return what names a node that has no name, where letters do not suffice: its op."""
    row = node.activation or node.row
    return {"TRUEDIV": "div", "POWER": "pow"}.get(row, row.lower())


def give_names(graph: Graph) -> None:
    """Give each node a name of its own: the user's, cut and numbered where others have it too, or a new one."""
    labels = {i: cut(_short(clean(node.label)), NAME_CELLS) for i, node in graph.nodes.items() if node.label}
    labels = {i: label for i, label in labels.items() if label}
    count = Counter(labels.values())
    taken = graph.taken
    taken |= {name for name, n in count.items() if n == 1}
    seen: Counter[str] = Counter()

    def unique(base: str) -> str:
        while True:
            seen[base] += 1
            name = f"{base}{'_' if base[-1:].isdigit() or len(base) > 1 else ''}{seen[base]}"
            if name not in taken:
                taken.add(name)
                return name

    for i, name in labels.items():
        graph.nodes[i].name = name if count[name] == 1 else unique(name)

    rest = [node for i, node in graph.nodes.items() if i not in labels]
    for node in rest:
        if node.role not in ("operation", "result"):
            node.name = unique({"constant": "k", "parameter": "p"}.get(node.role, "x"))
    results = [node for node in rest if not node.name]
    letters = [c for c in _LETTERS if c not in taken]
    for j, node in enumerate(results):
        node.name = letters[j] if len(results) <= min(len(letters), 12) else unique(_word(node))
        taken.add(node.name)
