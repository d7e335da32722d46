"""Handwritten digits as a program: MLP(64, [128, 128, 10]), its softmax cross-entropy written for one digit.

python examples/digits_jit.py --epochs 20
"""

import argparse
import random
import time

import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

import micrograd_c as mg
from micrograd_c import nn, optim


def main() -> None:
    """Train, and report the accuracy on held-out digits after every epoch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the data (default: 20)")
    parser.add_argument("--batch", type=int, default=32, help="digits per update (default: 32)")
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate at the start (default: 0.003)")
    parser.add_argument("--seed", type=int, default=1337, help="for weights and split (default: 1337)")
    options = parser.parse_args()

    random.seed(options.seed)
    rng = np.random.default_rng(options.seed)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    X, labels = digits.data[order] / 16.0, digits.target[order]
    Y = np.eye(10)[labels]
    cut = len(X) * 4 // 5

    start = time.perf_counter()
    model = nn.MLP(64, [128, 128, 10])
    for layer in model.layers:  # a weight starts in [-1, 1], however wide its neuron
        for neuron in layer.neurons:
            for w in neuron.w:
                w.data *= (2.0 / len(neuron.w)) ** 0.5

    @mg.jit
    def cross_entropy(x, target):
        """Return -log(exp(score of the target) / sum of exp(scores)) of one digit; the target is one-hot."""
        scores = model(x)
        largest = scores[0]
        for s in scores[1:]:
            largest = largest.maximum(s)
        shifted = [s - largest for s in scores]
        return mg.sum(s.exp() for s in shifted).log() - mg.dot(target, shifted)

    scores = mg.jit(model)

    def accuracy():
        return np.mean(np.argmax(scores(X[cut:]), axis=0) == labels[cut:])

    adam = optim.Adam(model.parameters(), lr=options.rate)
    updates = options.epochs * -(-cut // options.batch)
    print(f"{cut} digits to train on, {len(X) - cut} held out, {len(adam.params)} parameters")

    update = 0
    with tqdm(total=updates, unit="batch", disable=None) as progress:  # None: only on a terminal
        for epoch in range(options.epochs):
            order = rng.permutation(cut)
            losses = []
            for first in range(0, cut, options.batch):
                batch = order[first : first + options.batch]
                adam.zero_grad()
                losses.append(cross_entropy.backward(X[batch], Y[batch], reduce="mean"))
                adam.lr = options.rate * (1.0 - 0.9 * update / updates)
                adam.step()
                update += 1
                progress.update()
            progress.write(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.4f}  held out {accuracy():.2%}")
    print(f"held-out accuracy {accuracy():.2%} after {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
