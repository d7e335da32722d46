"""Writes moons.json: 100 steps of micrograd's two-moons demo, loss by loss, run on micrograd itself.

    python tests/golden/make_moons.py

takes about a minute, and needs micrograd 0.1.0 and scikit-learn. The points are kept beside the losses, so that the
test depends on no other random numbers than Python's own.
"""

import json
import random
from pathlib import Path

STEPS = 100
SEED = 1337


def points():
    """Return the two moons of the demo as lists: points, and labels -1 or 1."""
    import numpy as np
    from sklearn.datasets import make_moons

    np.random.seed(SEED)
    x, y = make_moons(n_samples=100, noise=0.1)
    return x.tolist(), [int(label) for label in y * 2 - 1]


def train(value, mlp, x, y, steps=STEPS):
    """Yield the loss and the accuracy of each step; the arithmetic is that of the demo, the classes are given."""
    random.seed(SEED)
    model = mlp(2, [16, 16, 1])
    for step in range(steps):
        scores = [model([value(number) for number in point]) for point in x]
        misses = [(1 + -moon * score).relu() for moon, score in zip(y, scores)]
        loss = sum(misses) * (1.0 / len(misses)) + 1e-4 * sum(w * w for w in model.parameters())
        right = sum((score.data > 0) == (moon > 0) for moon, score in zip(y, scores))

        model.zero_grad()
        loss.backward()
        for w in model.parameters():
            w.data -= (1.0 - 0.9 * step / STEPS) * w.grad
        yield loss.data, right / len(y)


def main():
    from micrograd.engine import Value
    from micrograd.nn import MLP

    x, y = points()
    steps = list(train(Value, MLP, x, y))
    golden = {
        "made_by": "tests/golden/make_moons.py on micrograd 0.1.0",
        "x": x,
        "y": y,
        "losses": [loss for loss, _ in steps],
        "accuracies": [accuracy for _, accuracy in steps],
    }
    Path(__file__).with_name("moons.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
