"""Two moons as a program: the training run of examples/moons.py, its loss written for one sample and run over all.

python examples/moons_jit.py --steps 100
"""

import argparse
import random
import time

import numpy as np
from sklearn.datasets import make_moons
from tqdm import tqdm

import micrograd_c as mg
from micrograd_c import nn, optim


def main() -> None:
    """Train, and report loss, accuracy and the time of a step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: 100)")
    parser.add_argument("--samples", type=int, default=100, help="points on the moons (default: 100)")
    options = parser.parse_args()

    np.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=options.samples, noise=0.1)
    y = y * 2 - 1
    model = nn.MLP(2, [16, 16, 1])

    @mg.jit
    def hinge(x, y):
        """Return by how much the score of one sample misses a margin of 1."""
        return (1 - y * model(x)).relu()

    @mg.jit
    def penalty():
        """Return the price of large parameters."""
        return 1e-4 * mg.sum(p * p for p in model.parameters())

    scores = mg.jit(model)
    sgd = optim.SGD(model.parameters(), lr=1.0)
    start = time.perf_counter()
    print(hinge.program(X, y))
    print(f"traced in {1e3 * (time.perf_counter() - start):.1f} ms\n")

    seconds = 0.0
    progress = tqdm(range(options.steps), unit="step", disable=None)  # None: only on a terminal
    for k in progress:
        start = time.perf_counter()
        sgd.zero_grad()
        loss = hinge.backward(X, y, reduce="mean") + penalty.backward()
        sgd.lr = 1.0 - 0.9 * k / options.steps
        sgd.step()
        seconds += time.perf_counter() - start
        if k % 10 == 9:
            accuracy = np.mean((scores(X) > 0) == (y > 0))
            progress.write(f"step {k} loss {loss}, accuracy {accuracy:.1%}")

    accuracy = np.mean((scores(X) > 0) == (y > 0))
    print(f"accuracy {accuracy:.1%}; {1e6 * seconds / max(1, options.steps):.1f} microseconds a step")


if __name__ == "__main__":
    main()
