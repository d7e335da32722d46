"""Handwritten digits, and how sure the network is.

1,300 digits of 8 by 8 pixels, a layer of 24 neurons, cross-entropy. The pictures are digits that the network has
not seen, with its answers, and orange where it is wrong.
"""

import random

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import micrograd_c as mg
from micrograd_c import MLP, optim

random.seed(8)
X, labels = load_digits(return_X_y=True)
X = X / 16
model = MLP(64, [24, 10], init="he")


@mg.jit
def loss(x, label):
    return mg.cross_entropy(model(x), label)


adam = optim.Adam(model.parameters(), lr=0.02)
for _ in range(60):
    adam.zero_grad()
    loss.backward(X[:1300], labels[:1300], reduce="mean")
    adam.step()

chances = np.transpose(mg.jit(lambda x: mg.softmax(model(x)))(X[1300:]))
answers = chances.argmax(axis=1)
right = (answers == labels[1300:]).mean()
figure = Figure(figsize=(6.4, 3.2), layout="constrained")
for i, axes in enumerate(figure.subplots(3, 8).flat):
    axes.imshow(X[1300 + i].reshape(8, 8), cmap="Greys", interpolation="nearest")
    colour = {} if answers[i] == labels[1300 + i] else {"color": "#d55e00"}
    axes.set_title(f"{answers[i]}: {chances[i].max():.0%}", fontsize=9, **colour)
    axes.axis("off")
figure.suptitle(f"{right:.1%} of {len(answers)} right")
figure.savefig("digits.svg")
