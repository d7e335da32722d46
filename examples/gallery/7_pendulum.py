"""A network that finds the law of a pendulum.

The network is an energy, H(angle, speed), and the motion is what Hamilton's equations make of its derivatives. It
is shown motions and no energies: the loss holds derivatives of the network, and backward goes through them.
"""

import random

import numpy as np
from matplotlib.figure import Figure

import micrograd_c as mg
from micrograd_c import MLP, optim

random.seed(7)
rng = np.random.default_rng(7)
energy = MLP(2, [16, 16, 1], activation="tanh", init="xavier")
slope = mg.grad(lambda state: energy(state))


@mg.jit
def loss(state, turning, pull):
    d_angle, d_speed = slope(state)
    return (d_speed - turning) ** 2 + (-d_angle - pull) ** 2


states = rng.uniform(-1, 1, size=(200, 2)) * (np.pi, 2.5)
turning, pull = states[:, 1], -np.sin(states[:, 0])
steps = 400
adam = optim.Adam(energy.parameters(), lr=optim.cosine(0.02, steps))
for _ in range(steps):
    adam.zero_grad()
    error = loss.backward(states, turning, pull, reduce="mean")
    adam.step()

axes = Figure(figsize=(6.4, 4.2), layout="constrained").subplots()
angle, speed = np.meshgrid(np.linspace(-np.pi, np.pi, 70), np.linspace(-2.5, 2.5, 60))
grid = np.stack([angle.ravel(), speed.ravel()], axis=1)
found = mg.jit(energy)(grid).reshape(angle.shape)
truth = speed**2 / 2 - np.cos(angle)
levels = np.linspace(-0.8, 3, 9)
found += truth.min() - found.min()
axes.contour(angle, speed, found, levels, linewidths=1.6)
axes.contour(angle, speed, truth, levels, colors="grey", linewidths=0.7, linestyles="--")
axes.set(xlabel="angle", ylabel="speed")
axes.set(title="Energy of a pendulum: learned, and the truth (dashed)")
axes.figure.savefig("pendulum.svg")
