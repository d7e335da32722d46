"""A function and its derivatives.

`mg.grad` of a function is a function, so it can be applied again; `mg.jit` runs each one over 400 points at once.
"""

import numpy as np
from matplotlib.figure import Figure

import micrograd_c as mg


def bump(x):
    return (-x * x).exp() * (2 * x).sin()


axes = Figure(figsize=(6.4, 3.8), layout="constrained").subplots()
x = np.linspace(-3, 3, 400)
f = bump
for name in ("f", "f'", "f''", "f'''"):
    y = mg.jit(f)(x)
    axes.plot(x, y / abs(y).max(), label=f"{name}, largest {abs(y).max():.1f}")
    f = mg.grad(f)
axes.set(title="exp(-x²) sin(2x) and three derivatives, each scaled to 1", xlabel="x")
axes.legend(fontsize="small")
axes.figure.savefig("derivatives.svg")
