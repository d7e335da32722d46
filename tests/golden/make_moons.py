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
    """Yield the loss and the accuracy of each step, as the demo computes them, with the classes given."""
    random.seed(SEED)
    model = mlp(2, [16, 16, 1])
    for k in range(steps):
        scores = [model(list(map(value, row))) for row in x]
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = sum((yi > 0) == (score.data > 0) for yi, score in zip(y, scores)) / len(y)

        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        yield total_loss.data, accuracy


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
