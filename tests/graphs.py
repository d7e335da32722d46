"""Graphs for the tests of pictures and explanations, and what is read from a picture."""

import contextlib
import math
import random
import xml.etree.ElementTree as ET

import micrograd_c as mg
from micrograd_c import MLP, Value

# Functions with a kink, where it is, and their first derivative there; all higher ones are 0.
KINKS = [
    (lambda x: x.relu(), 0.0, 0.0),
    (lambda x: abs(x), 0.0, 0.0),
    (lambda x: x.leaky_relu(0.1), 0.0, 0.1),
    (lambda x: x.maximum(1.0), 1.0, 0.5),
    (lambda x: x.minimum(1.0), 1.0, 0.5),
    (lambda x: x**0, 0.0, 0.0),
    (lambda x: x**1, 0.0, 1.0),
]

SVG = "{http://www.w3.org/2000/svg}"


def article():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    e = a * b
    c = e + b
    e.label, c.label = "e", "c"
    return c


def named(root):
    return {v.name: v for v in mg.topological_order(root) if v.name}


def mlp(fused=True):
    random.seed(5)
    model = MLP(2, [4, 3, 1], fused=fused)
    return (model([1.0, -2.0]) - 1.0) ** 2, model


def random_graph(rng, nodes=40):
    values = [Value(rng.uniform(0.5, 2), label=f"x{i}") for i in range(4)]
    for _ in range(nodes):
        a, b = rng.choice(values), rng.choice(values)
        values.append(
            rng.choice(
                [
                    lambda a=a, b=b: a + b,
                    lambda a=a, b=b: a * b,
                    lambda a=a, b=b: a - b,
                    lambda a=a, b=b: a / (b * b + 1),
                    lambda a=a: a.tanh(),
                    lambda a=a: a.relu(),
                    lambda a=a: (-a).sigmoid(),
                    lambda a=a: a.leaky_relu(0.1),
                    lambda a=a: (a.tanh() + 1.5) ** 3,
                    lambda a=a, b=b: mg.sum([a, b, a]) * 0.1,
                    lambda a=a, b=b: mg.dot([a, b], [b, a], a) * 0.1,
                    lambda a=a, b=b: a.maximum(b),
                ]
            )()
        )
        values[-1] = values[-1].tanh()
    return mg.sum(values[-6:])


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 12345678.5, 1e-300, 1e300, math.inf, -math.inf, math.nan]


def wild_graph(rng, numbers=SPECIAL, nodes=12):
    """A graph of many ops over leaves with infinite, nan and other numbers, with branches that are not taken."""
    leaves = [Value(rng.choice([*numbers, rng.uniform(-2, 2)]), label=f"x{i}") for i in range(4)]
    values = list(leaves)
    while len(values) < nodes + 4:
        a, b = rng.choice(values), rng.choice(values)
        make = rng.choice(
            [
                lambda a=a, b=b: a * b,
                lambda a=a, b=b: a - b,
                lambda a=a, b=b: a / b,
                lambda a=a: a.sqrt(),
                lambda a=a: a.log(),
                lambda a=a: a.exp(),
                lambda a=a: a.relu(),
                lambda a=a: a.tanh(),
                lambda a=a: a**-1,
                lambda a=a, b=b: a.maximum(b),
                lambda a=a, b=b: mg.where(a.greater(0), b, a),
                lambda a=a, b=b: mg.where(b.less(a), a.relu(), b * 2.0),
                lambda a=a, b=b: a.when(b),
                lambda a=a, b=b: mg.sum([a, b, a]),
                lambda a=a, b=b: mg.dot([a, b], [b, a], a),
                lambda a=a: mg.Neuron(1, activation="gelu")([a]),
            ]
        )
        with contextlib.suppress(ArithmeticError, ValueError):
            values.append(make())
    return mg.sum(values[-4:]), leaves


def check_gradients(root, explanation, seed=1.0):
    """Compare all gradients of an explanation with the engine's.

    Both add up in topological orders, but not in the same one. So a sum may differ by its rounding errors, and what
    lies below by those times the local derivatives; after an infinite one, or an overflow, nothing is compared.
    """
    shares = {i: [] for i in explanation._graph.nodes}
    for step in explanation.steps:
        if "contribution" in step:
            shares[step["operand"]].append(step)
    mg.zero_grad(root)
    root.backward(seed)
    error = dict.fromkeys(shares, 0.0)  # how far the gradients may be apart
    for i, node in reversed(explanation._graph.nodes.items()):
        mine, engines, sizes = (
            explanation._stream.grad[i],
            node.value.grad,
            [abs(s["contribution"]) for s in shares[i]],
        )
        if mine == engines or (mine != mine and engines != engines):
            continue
        passed = [error[s["node"]] * abs(s.get("local", math.inf)) for s in shares[i] if error[s["node"]]]
        error[i] = sum(passed) + 1e-12 * sum(sizes) + 1e-300
        if not error[i] < math.inf or any(1e100 < size < math.inf for size in sizes):
            assert passed or any(1e100 < size < math.inf for size in sizes), (i, node, mine, engines)
            error[i] = math.inf
        else:
            assert abs(mine - engines) <= error[i], (i, node, mine, engines)


def boxes(picture):
    root = ET.fromstring(picture.svg())
    return {int(g.get("data-i")): g for g in root.iter(f"{SVG}g") if g.get("data-i")}


def edges(picture):
    root = ET.fromstring(picture.svg())
    return [tuple(map(int, p.get("data-e").split())) for p in root.iter(f"{SVG}path") if p.get("data-e")]


def texts(g):
    return [t.text for t in g.iter(f"{SVG}text")]
