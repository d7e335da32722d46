"""Two moons: a network learns to tell two half circles apart that reach into each other.

A script for micrograd, and for any engine with its names::

    python -m micrograd_c examples/moons.py    # on micrograd-c
    python examples/moons.py                   # on micrograd

The network, the points, the loss and the learning rates are those of micrograd's demo, drawn from the same seeds:
whatever runs this prints the losses that micrograd prints.
"""

import argparse
import random
import statistics
import time

import matplotlib

matplotlib.use("Agg")  # writes files, needs no screen
import matplotlib.pyplot as plt
import numpy
from micrograd.engine import Value
from micrograd.nn import MLP
from sklearn.datasets import make_moons
from tqdm import tqdm

SEED = 1337
DECAY = 1e-4  # how much a squared parameter adds to the loss


def two_moons():
    """Return 100 points in a plane, and the moon of each: 1 or -1."""
    numpy.random.seed(SEED)
    points, moons = make_moons(n_samples=100, noise=0.1)
    return points, numpy.where(moons == 1, 1, -1)


def network(**options):
    """Return the network with the weights that it starts from."""
    random.seed(SEED)
    return MLP(2, [16, 16, 1], **options)


def objective(model, points, moons):
    """Return the loss as a graph, and the share of the points that are on the right side.

    A point costs nothing if its score has the sign of its moon and is at least 1 away from 0.
    """
    scores = [model([Value(x), Value(y)]) for x, y in points]
    misses = [(1 + -moon * score).relu() for moon, score in zip(moons, scores)]
    mean_miss = sum(misses) * (1.0 / len(misses))
    right = sum((score.data > 0) == (moon > 0) for moon, score in zip(moons, scores))
    return mean_miss + DECAY * sum(w * w for w in model.parameters()), right / len(scores)


def descend(model, rate):
    """Move each parameter against its gradient."""
    for w in model.parameters():
        w.data -= rate * w.grad


def rate_of(step):
    """Return the learning rate: from 1 down to 0.1 within a hundred steps."""
    return 1.0 - 0.9 * step / 100


def draw(model, points, moons, file):
    """Draw the points over the two regions into which the network divides the plane."""
    (left, low), (right, high) = points.min(axis=0) - 1, points.max(axis=0) + 1
    across, up = numpy.arange(left, right, 0.25), numpy.arange(low, high, 0.25)
    positive = [[model([Value(x), Value(y)]).data > 0 for x in across] for y in up]

    figure, axes = plt.subplots()
    axes.contourf(across, up, positive, levels=1, cmap="coolwarm", alpha=0.5)
    axes.scatter(*points.T, c=moons, cmap="coolwarm", edgecolors="black")
    axes.set(title="two moons", xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    figure.savefig(file)


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: 100)")
    parser.add_argument("--out", default="moons.png", help="the picture; '' for none (default: moons.png)")
    options = parser.parse_args()

    points, moons = two_moons()
    model = network()
    seconds = []
    bar = tqdm(range(options.steps), unit="step", disable=None)  # None: only on a terminal
    for step in bar:
        start = time.perf_counter()
        loss, accuracy = objective(model, points, moons)
        model.zero_grad()
        loss.backward()
        descend(model, rate_of(step))
        seconds.append(time.perf_counter() - start)
        bar.write(f"step {step}: loss {loss.data}, accuracy {accuracy:.0%}")

    print(f"{1e3 * statistics.median(seconds):.3f} ms a step (median of {len(seconds)})")
    if options.out:
        draw(model, points, moons, options.out)
        print("picture:", options.out)


if __name__ == "__main__":
    main()
