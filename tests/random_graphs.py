"""Random graphs for the tests of pictures and explanations."""

import micrograd_c as mg
from micrograd_c import Value


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
