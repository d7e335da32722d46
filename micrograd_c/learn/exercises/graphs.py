"""Small graphs: all of them, random ones, and the smallest on which something goes wrong.

A graph is plain data: `{"leaves": [3.0, -2.0], "steps": [["x * y", 0, 1], ["x.tanh()", 2]]}`. A step is an
expression over x and y, and which nodes these are: leaves come first, then the steps.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from string import ascii_lowercase
from typing import Any

__all__ = ["Graph", "build", "code", "graphs", "names", "shrink"]

Graph = dict[str, Any]

_AT_RANDOM = 120
# Chosen so that sums, products, squares and doubles of them differ; the second are for functions that saturate.
_LEAVES = ((3.0, -2.0, 5.0), (0.5, -1.5, 0.75))


@cache
def _function(op: str) -> Callable[..., Any]:
    return eval(f"lambda {'x, y' if _arity(op) == 2 else 'x'}: {op}")  # type: ignore[no-any-return]


@cache
def _arity(op: str) -> int:
    return len(set(re.findall(r"\b[xy]\b", op)))


def names(graph: Graph) -> list[str]:
    """Return the names of the nodes: a, b, c and so on."""
    return list(ascii_lowercase[: len(graph["leaves"]) + len(graph["steps"])])


def build(graph: Graph, value: Callable[[float], Any]) -> list[Any]:
    """Return all nodes, made by the class `value`."""
    nodes = [value(x) for x in graph["leaves"]]
    for op, *operands in graph["steps"]:
        nodes.append(_function(op)(*(nodes[i] for i in operands)))
    return nodes


def code(graph: Graph) -> list[str]:
    """Return the lines of Python that build it."""
    name = names(graph)
    lines = [f"{name[i]} = Value({x})" for i, x in enumerate(graph["leaves"])]
    for i, (op, *operands) in enumerate(graph["steps"], len(lines)):
        of = dict(zip("xy", operands))
        lines.append(f"{name[i]} = " + re.sub(r"\b[xy]\b", lambda m, of=of: name[of[m[0]]], op))  # type: ignore[misc]
    return lines


def _pruned(leaves: list[float], steps: list[list[Any]]) -> Graph:
    """Return the graph of what the last step is computed from."""
    n = len(leaves)
    used = {n + len(steps) - 1}
    for i in range(len(steps) - 1, -1, -1):
        if n + i in used:
            used.update(steps[i][1:])
    new = {old: i for i, old in enumerate(sorted(used))}
    kept = [[op, *(new[j] for j in operands)] for i, (op, *operands) in enumerate(steps, n) if i in used]
    return {"leaves": [x for i, x in enumerate(leaves) if i in used], "steps": kept}


def graphs(ops: list[str]) -> list[Graph]:
    """Return all graphs of one and two steps, then random ones of three to nine: the same each time."""
    return _graphs(tuple(ops))


@cache
def _graphs(ops: tuple[str, ...]) -> list[Graph]:
    return [*_all_small(ops), *_some_large(ops)]


def _all_small(ops: tuple[str, ...]) -> Iterator[Graph]:
    seen = set()
    for size, leaves in itertools.product((1, 2), _LEAVES):
        for chosen in itertools.product(ops, repeat=size):
            places = [range(len(leaves) + i) for i, op in enumerate(chosen) for _ in range(_arity(op))]
            for operands in itertools.product(*places):
                rest = iter(operands)
                steps = [[op, *itertools.islice(rest, _arity(op))] for op in chosen]
                graph = _pruned(list(leaves), steps)
                if len(graph["steps"]) == size and str(graph) not in seen:
                    seen.add(str(graph))
                    # The others differ in names only, but for one leaf below 0: relu is another one there.
                    if graph["leaves"] in (list(leaves[: len(graph["leaves"])]), [leaves[1]]):
                        yield graph


def _some_large(ops: tuple[str, ...]) -> Iterator[Graph]:
    rng = random.Random(0)
    for i in range(_AT_RANDOM):
        leaves = _LEAVES[i % 2]
        steps = []
        for n in range(len(leaves), len(leaves) + 3 + i * 7 // _AT_RANDOM):
            op = rng.choice(ops)
            steps.append(
                [op, *(rng.randrange(n if rng.random() < 0.5 else len(leaves)) for _ in range(_arity(op)))]
            )
            steps[-1][1] = n - 1 if rng.random() < 0.6 else steps[-1][1]
        yield _pruned(list(leaves), steps)


def _smaller(graph: Graph) -> Iterator[Graph]:
    """Yield graphs with fewer steps: without the last one, and with an operand or a leaf in the place of a step."""
    leaves, steps = graph["leaves"], graph["steps"]
    n = len(leaves)
    if len(steps) > 1:
        yield _pruned(leaves, steps[:-1])
    for i in range(len(steps) - 1):
        for other in dict.fromkeys([*steps[i][1:], -1]):
            grown = [*leaves, 2.0]  # a new leaf, which stands at n

            def moved(j: int, i: int = i, other: int = other) -> int:
                j = other if j == n + i else j
                return n if j < 0 else j if j < n else j + 1 - (j > n + i)

            rest = [[op, *map(moved, operands)] for k, (op, *operands) in enumerate(steps) if k != i]
            yield _pruned(grown, rest)


def shrink(graph: Graph, fails: Callable[[Graph], bool]) -> Graph:
    """Return a graph on which it still fails, while none that is smaller by one change does."""
    while True:
        smaller = (each for each in _smaller(graph) if len(each["steps"]) < len(graph["steps"]) and fails(each))
        found = next(smaller, None)
        if found is None:
            return graph
        graph = found
