"""Four optimisers in one valley.

Each walks down Rosenbrock's curved valley from the same point. x and y are two Values, and a path is what their
data were at each step. The minimum is the cross.
"""

import numpy as np
from matplotlib.figure import Figure

from micrograd_c import Value, optim


def valley(x, y):
    return (1 - x) ** 2 + 20 * (y - x * x) ** 2


makers = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.004),
    "momentum": lambda ps: optim.SGD(ps, lr=0.002, momentum=0.9),
    "RMSprop": lambda ps: optim.RMSprop(ps, lr=0.03),
    "Adam": lambda ps: optim.Adam(ps, lr=0.1),
}
axes = Figure(figsize=(6.4, 4.4), layout="constrained").subplots()
a, b = np.meshgrid(np.linspace(-1.6, 1.6, 90), np.linspace(-0.7, 2.1, 90))
axes.contour(a, b, np.log(valley(a, b) + 0.02), 14, colors="grey", linewidths=0.4)
for name, make in makers.items():
    x, y = Value(-1.2), Value(1.8)
    optimiser = make([x, y])
    path = [(x.data, y.data)]
    for _ in range(200):
        loss = valley(x, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        path.append((x.data, y.data))
    axes.plot(*zip(*path), linewidth=1.5, label=name)
axes.plot(1, 1, "x", color="crimson", markersize=9)
axes.set(title="200 steps down a curved valley", xlabel="x", ylabel="y")
axes.legend()
axes.figure.savefig("optimisers.svg")
