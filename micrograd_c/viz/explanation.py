"""Backpropagation step by step, on the user's own graph.

`explain(root)` makes one stream of events. Its text, its data, its JSON and its page are all made of that stream.

>>> from micrograd_c import Value, explain
>>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
>>> e = a * b
>>> c = e + b
>>> e.label, c.label = "e", "c"
>>> for step in explain(c).steps[-8:-4]:
...     print(step["text"])
a.grad += e.grad * de/da = 1 * 3 = 3
b.grad += e.grad * de/db = 1 + 1 * 2 = 3
b is a leaf: it has nothing to pass on
a is a leaf: it has nothing to pass on
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from .._checks import first_of, flag
from .._core import brief, to_float
from .._core.absent import close_to, say_of
from ..engine import Value, topological_order, zero_grad
from .events import Event, Stream, gradients_kept
from .fold import LINES, shorten, unfold, upper_part
from .graph import CUT, Graph, Node
from .page import as_json, frame, page
from .read import callers_names, given_names, limit_of, read
from .rules import GIVEN, evaluate, refuse
from .text import fill, number
from .words import PHASES, SEEDED

__all__ = ["LIMIT", "Explanation", "explain"]

LIMIT = 300  # values
SCHEMA = "micrograd-c/explanation/1"


class Explanation:
    """A stream of events, and what is made of it.

    Attributes
    ----------
    steps : list of dict
        The events in order. Each has `index`, `phase` (1 to 7), `kind`, `text`, the id of its `node`, and what else
        belongs to its kind: `docs/seeing.md` has the table, `explanation.schema.json` the schema.
    gradients : dict of str to float
        The gradient of each value by its name; where not all is shown, by what is.
    engine : dict of int to float
        What the engine's own backward gives, by the node's id, as far as it can be compared: not for parts of fused
        neurons, for values whose other readers are not shown, and for graphs with hand-made nodes.
    notes : list of str
        What is not shown as it is in the engine, and how to see it.
    """

    engine: dict[int, float]

    def __init__(self, graph: Graph, seed: float = 1.0, title: str = "", outer: str = "") -> None:
        self._graph = graph
        self._seed = seed
        self.engine = {}
        self.notes: list[str] = list(graph.notes)
        root = graph.nodes[graph.root]
        self.title: str = title or f"{root.name} and what it was computed from"
        self._stream = Stream(graph, seed, outer)
        self._phases = PHASES | SEEDED if self._stream.times else PHASES
        self.steps: list[Event] = self._stream.steps
        self.gradients: dict[str, float] = {n.name: self._stream.grad[i] for i, n in graph.nodes.items()}

    def __repr__(self) -> str:
        return f"<Explanation of {self.title!r}: {len(self._graph.nodes)} values, {len(self.steps)} steps>"

    def text(self, what_if: Mapping[str, float] | None = None) -> str:
        """Return the explanation as a person reads it in a terminal.

        Parameters
        ----------
        what_if : mapping of str to float, optional
            Other data for some leaves; a last part tells what they would change.
        """
        lines = [self.title, "=" * min(len(self.title), 78)]
        for note in self.notes:
            lines += ["", f"Note: {note}"]
        names, phase = self._stream.names, 0
        for event in self.steps:
            if event["phase"] != phase:
                phase = event["phase"]
                name, what = self._phases[phase]
                lines += ["", f"{phase}. {name}: {what}"]
            indent = 3 + 2 * event.get("depth", 0)
            text = event["text"]
            if event["kind"] in ("first", "more", "closure"):
                indent = 5
            if event["kind"] in ("first", "more"):
                x = names[event["operand"]]
                local = number(event["local"])
                if event["formula"] != local:
                    formula = f"{local}, given" if event["formula"] == GIVEN else f"{event['formula']} = {local}"
                    text += f"   (d{names[event['node']]}/d{x} = {formula})"
            lines.append(" " * min(indent, 43) + text)
        if what_if is not None and (last := self.what_if_text(what_if)):
            lines += ["", last[:-1]]
        return "\n".join(lines) + "\n"

    def what_if_text(self, what_if: Mapping[str, float]) -> str:
        """Return the last part of the text alone: what other data in some leaves would change; '' without any."""
        if not isinstance(what_if, Mapping) or not all(isinstance(name, str) for name in what_if):
            raise TypeError(f"what_if must be a dict of numbers by name, as in {{'a': 2.0}}, not {brief(what_if)}")
        if not what_if:
            return ""
        root = self._graph.nodes[self._graph.root]
        result = self.what_if(**what_if)
        leaves = self._leaves()
        given = ", ".join(f"{name} = {number(x)}" for name, x in what_if.items())
        base, data = root.data, {node.id: node.data for node in self._graph.nodes.values()}
        if any(
            step["kind"] == "stale" for step in self.steps
        ):  # the gradients are those of other data than the root's
            data = self._computed({})
            base = data[root.id]
        here = self._backward(1.0, data)
        changes = {name: (here[name], x - leaves[name].data) for name, x in what_if.items()}
        terms = [fill("{(slope)} * {(by)}", {"slope": slope, "by": by}) for slope, by in changes.values()]
        estimate = base + sum(slope * by for slope, by in changes.values())
        times = f"{number(self._seed)} * " if self._seed != 1 else ""
        gradients = [f"{times}d{root.name}/d{name} = {number(result.gradients[name])}" for name in leaves]
        lines = [
            f"8. What if {given}",
            f"   computed anew: {root.name} = {number(result)}",
            f"   by the gradients: {root.name} = {' + '.join([number(base), *terms])} = {number(estimate)}",
            f"   gradients there: {', '.join(gradients)}",
        ]
        return "\n".join(lines) + "\n"

    def _leaves(self) -> dict[str, Node]:
        return {node.name: node for node in self._graph.nodes.values() if not node.operands}

    def what_if(self, /, *more: NoReturn, **data: float) -> WhatIf:
        """Return what the result and the gradients would be with other data in the leaves.

        Parameters
        ----------
        **data : float
            By name, as in `what_if(a=2.0001, b=3.01)`. The Values are not changed.

        Returns
        -------
        WhatIf
            The result, a float; its `gradients` are those of all values, by name.

        Raises
        ------
        ValueError
            Where there is no leaf of that name, or a node was made by hand: nothing tells how to compute its data.
        ValueError, ZeroDivisionError, OverflowError
            As where the engine computes from such data.
        """
        if more:
            raise TypeError("what_if takes data by name: what_if(a=2.0), or **{'w[0]': 2.0} for such a name")
        values = self._computed(data)
        return WhatIf(values[self._graph.root], self._backward(self._seed, values))

    def _computed(self, data: Mapping[str, float]) -> dict[int, float]:
        """Return the data of all nodes, by id, as they are with other data in the leaves."""
        nodes = self._graph.nodes
        leaves = self._leaves()
        values: dict[int, float] = {}
        for name, x in data.items():
            if name not in leaves:
                close = close_to(name, {x: x for x in leaves})
                there = f"{close}{close and '; '}there are {first_of([*leaves], ', ')}"
                raise ValueError(f"what_if: there is no leaf {name!r}; {there}")
            if leaves[name].part:
                raise ValueError(f"what_if: some ways from {name} to the result are not shown; raise limit=")
            values[leaves[name].id] = to_float(x, f"what_if: {name}")
        for node in nodes.values():
            if node.id in values:
                continue
            value = node.data if not node.operands else None if node.closure else evaluate(node, values)
            if value is None:
                raise ValueError(
                    f"what_if: {node.name} was made by hand, so its data can't be computed anew: make it of ops"
                )
            values[node.id] = value
            if node.operands:
                refuse(node, values)
        return values

    def _backward(self, seed: float, data: Mapping[int, float]) -> dict[str, float]:
        """Return the gradients for other data, or for another seed, by name."""
        steps = (step for step in self._stream.plan if step[0] in ("seed", "turn", "share"))
        grad = Stream(self._graph, seed, steps=steps, data=data).grad
        return {node.name: grad[i] for i, node in self._graph.nodes.items()}

    def data(self) -> dict[str, Any]:
        """Return all of it as plain data: the object that `json()` writes."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "root": self._graph.root,
            "seed": self._seed,
            "notes": self.notes,
            "values_in_graph": self._graph.total,
            "phases": [{"phase": i, "name": name, "about": about} for i, (name, about) in self._phases.items()],
            "nodes": [
                {
                    "id": node.id,
                    "name": node.name,
                    "label": node.label,
                    "kind": node.role,
                    "op": node.op,
                    "operands": node.operands,
                    "data": node.data,
                    "grad": self._stream.grad[node.id],
                }
                for node in self._graph.nodes.values()
            ],
            "steps": self.steps,
        }

    def json(self, indent: int | None = 2) -> str:
        """Return the explanation as JSON, by the schema in `micrograd_c/viz/explanation.schema.json`.

        Numbers that JSON has no word for are the strings "nan", "inf" and "-inf".
        """
        return as_json(self.data(), indent=indent)

    def html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the page, and write it to `path` where one is given.

        One file: no server, no network, nothing beside it.
        """
        text = page(self)
        if path is not None:
            with open(os.fspath(path), "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        return text

    def _repr_html_(self) -> str:
        return frame(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self.text()}


say_of(Explanation, dict.fromkeys(("save", "show", "open"), "write html('page.html'), and open that file"))


class WhatIf(float):
    """The result with other data in its leaves.

    Attributes
    ----------
    gradients : dict of str to float
        The gradient of each value there, by its name.
    """

    gradients: dict[str, float]

    def __new__(cls, result: float, gradients: dict[str, float]) -> WhatIf:
        """Keep the gradients beside the result."""
        self = super().__new__(cls, result)
        self.gradients = gradients
        return self

    def __getnewargs__(self) -> tuple[float, dict[str, float]]:  # type: ignore[override]
        return float(self), self.gradients


def _engine_gradients(root: Value, seed: float) -> dict[int, float]:
    """Return what backward gives to each Value, by id(), and leave everything as it was."""
    order = topological_order(root)
    with gradients_kept(order):
        zero_grad(root)
        root.backward(seed)
        return {id(value): value.grad for value in order}


def explain(
    root: Value,
    model: Any = None,
    *,
    around: Value | None = None,
    unfold_neurons: bool = False,
    limit: int | None = LIMIT,
    seed: float = 1.0,
    title: str = "",
    names: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain, step by step, what `root.backward()` does.

    Parameters
    ----------
    root : Value
        The result. It and everything below it keep their data and their gradients.
    model : Module, mapping of str to Value, or iterable of Value, optional
        Whose parameters these are; they are shown as such, and by name.
    around : Value, optional
        Explain only what flows through this Value: it takes the place of the root, and its gradient is the seed.
    unfold_neurons : bool
        Show fused neurons as the `*` and `+` that they stand for.
    limit : int or None
        At most so many values are explained: those nearest to the root. The explanation says so. None: all.
    seed : float
        As for `backward`.
    title : str, optional
        The heading.
    names : mapping of str to Value, optional
        Names of Values without a `label`: by default those of the caller's variables. `{}` gives none.

    Returns
    -------
    Explanation
        Its `text()`, `steps`, `json()` and `html(path)` are made of one stream of events.

    Notes
    -----
    The values are visited in micrograd's order, depth first. The engine takes them in the order in which they were
    made, which is a topological order as well; where it adds up the same shares in another order the last digit may
    differ.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> page = explain(a * a).html("page.html")
    """
    seed = to_float(seed, "seed")
    if not isinstance(title, str):
        raise TypeError(f"title must be a text, not {brief(title)}")
    named = callers_names(sys._getframe().f_back) if names is None else given_names(names)
    outer = ""
    notes = []
    if around is not None:
        if not isinstance(around, Value):
            raise TypeError(f"around must be a Value, not {type(around).__name__}")
        whole = read(root, model, named)
        inner = next((node for node in whole.nodes.values() if node.value is around), None)
        if inner is None:
            raise ValueError("around: the root was not computed from this Value, so no gradient flows through it")
        outer = f"d{whole.nodes[whole.root].name}/d{inner.name}"
        outer = outer if seed == 1 else f"{number(seed)} * {outer}"
        seed = _engine_gradients(root, seed)[id(around)]
        notes.append(
            f"This is the part of {whole.nodes[whole.root].name} around {inner.name}: what it was computed from, "
            f"and the share of each gradient that flows through {inner.name}."
        )
        root = around
    graph = read(root, model, named)
    if around is not None:  # the names that they have in an explanation of the whole
        called = {id(node.value): node.name for node in whole.nodes.values()}
        graph.taken |= whole.taken
        for node in graph.nodes.values():
            node.name = called[id(node.value)]
    if flag(unfold_neurons, "unfold_neurons"):
        graph = unfold(graph, True)
    limit = limit_of(limit) or sys.maxsize
    if len(graph.nodes) > limit:
        shorten(graph, limit)
    if len(graph.nodes) > limit or len(graph.edges) > LINES * limit:
        total = len(graph.nodes)
        graph = upper_part(graph, limit)
        notes.append(
            f"{len(graph.nodes)} of {total} values are explained, those nearest to {graph.nodes[graph.root].name}; "
            "one that is marked … was itself computed from others. To see those, explain the graph around one "
            "Value, explain(root, around=value), or raise limit."
        )
    graph.notes[:0] = notes
    explanation = Explanation(graph, seed, title, outer)
    if not any(node.closure for node in graph.nodes.values()):  # a closure has run once, and once is enough
        gradients = _engine_gradients(root, seed)
        explanation.engine = {
            i: gradients[id(node.value)]
            for i, node in graph.nodes.items()
            if node.value is not None and node.op != CUT and not node.part
        }
    return explanation
