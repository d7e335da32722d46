"""Handwritten digits: a classifier for 8 x 8 pictures, trained scalar by scalar.

The data are the 1,797 digits that come with scikit-learn, one in five held out.
The network is MLP(64, [32, 10]), its loss the softmax cross-entropy, written out in
exp, log and a sum over ten Values.

    python examples/digits.py --epochs 20
"""

import argparse
import random
import time

from sklearn.datasets import load_digits
from tqdm import tqdm

import micrograd_c
from micrograd_c.engine import Value
from micrograd_c.nn import MLP


def load(seed: int) -> tuple[list, list]:
    """Read the digits and shuffle them.

    Parameters
    ----------
    seed : int
        Decides which digits are held out.

    Returns
    -------
    train, held_out : list of (list of float, int)
        Four fifths and one fifth of the digits: 64 pixels in [0, 1], and the label.
    """
    digits = load_digits()
    pixels = (digits.data / 16.0).tolist()
    pairs = list(zip(pixels, digits.target.tolist(), strict=True))
    random.Random(seed).shuffle(pairs)
    cut = len(pairs) * 4 // 5
    return pairs[:cut], pairs[cut:]


def shrink_weights(model: MLP) -> None:
    """Divide each weight by the square root of its neuron's inputs.

    A weight starts in [-1, 1] whatever the width of its neuron. With 64 inputs the
    scores would start so far apart that softmax saturates and hardly any gradient flows.
    """
    for layer in model.layers:
        for neuron in layer.neurons:
            for w in neuron.w:
                w.data /= len(neuron.w) ** 0.5


def cross_entropy(scores: list[Value], label: int) -> Value:
    """Softmax cross-entropy, -log(exp(scores[label]) / sum(exp(scores))).

    The largest score is taken off every score first: the quotient stays as it is, and
    no exp can overflow. The log of the quotient is written as a difference, so that it
    is finite where the quotient itself would underflow to zero.
    """
    largest = max(score.data for score in scores)
    shifted = [score - largest for score in scores]
    return micrograd_c.sum([s.exp() for s in shifted]).log() - shifted[label]


def predict(model: MLP, pixels: list[float]) -> int:
    """Return the digit with the highest score."""
    scores = [score.data for score in model(pixels)]
    return scores.index(max(scores))


def accuracy(model: MLP, pairs: list) -> float:
    """Return the share of digits that the model names correctly."""
    return sum(predict(model, pixels) == label for pixels, label in pairs) / len(pairs)


def main() -> None:
    """Train, and report the accuracy after every epoch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the data (default: 20)")
    parser.add_argument("--batch", type=int, default=16, help="digits per update (default: 16)")
    parser.add_argument("--rate", type=float, default=0.5, help="learning rate at the start (default: 0.5)")
    parser.add_argument("--seed", type=int, default=1337, help="for weights and split (default: 1337)")
    parser.add_argument("--out", help="save the loss of every update as a picture, such as digits.png")
    options = parser.parse_args()

    random.seed(options.seed)
    train, held_out = load(options.seed)
    model = MLP(64, [32, 10])
    shrink_weights(model)
    parameters = model.parameters()
    updates = options.epochs * -(-len(train) // options.batch)
    print(f"{len(train)} digits to train on, {len(held_out)} held out, {len(parameters)} parameters")

    history: list[float] = []
    start = time.perf_counter()
    with tqdm(total=updates, unit="batch", disable=None) as progress:  # None: only on a terminal
        for epoch in range(options.epochs):
            random.shuffle(train)
            epoch_loss = 0.0
            for first in range(0, len(train), options.batch):
                batch = train[first : first + options.batch]

                # forward
                losses = [cross_entropy(model(pixels), label) for pixels, label in batch]
                loss = micrograd_c.sum(losses) / len(batch)

                # backward
                model.zero_grad()
                loss.backward()

                # update: the rate falls in a straight line to a tenth
                rate = options.rate * (1.0 - 0.9 * len(history) / updates)
                for p in parameters:
                    p.data -= rate * p.grad

                history.append(loss.data)
                epoch_loss += loss.data * len(batch)
                progress.update()
            mean_loss, right = epoch_loss / len(train), accuracy(model, held_out)
            progress.write(f"epoch {epoch + 1:2d}  loss {mean_loss:.4f}  held out {right:.2%}")
    print(f"held-out accuracy {accuracy(model, held_out):.2%} after {time.perf_counter() - start:.1f} s")
    if options.out:
        from micrograd_c.plot import loss_curve

        loss_curve(history, smooth=len(history) // 20).figure.savefig(options.out)
        print("loss curve saved to", options.out)


if __name__ == "__main__":
    main()
