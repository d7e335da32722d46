"""Graphs for the tests of pictures and explanations, and what is read from a picture."""

import random
import xml.etree.ElementTree as ET

import micrograd_c as mg
from micrograd_c import MLP, Value

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


def boxes(picture):
    root = ET.fromstring(picture.svg())
    return {int(g.get("data-i")): g for g in root.iter(f"{SVG}g") if g.get("data-i")}


def edges(picture):
    root = ET.fromstring(picture.svg())
    return [tuple(map(int, p.get("data-e").split())) for p in root.iter(f"{SVG}path") if p.get("data-e")]


def texts(g):
    return [t.text for t in g.iter(f"{SVG}text")]
