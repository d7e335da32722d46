"""A curve fitted with exact derivatives.

scipy's `curve_fit` takes the Jacobian of a function of `mg.jit` and needs no differences. The band is two standard
deviations of the fit.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import curve_fit

import micrograd_c as mg


@mg.jit
def wave(t, height, rate, pitch):
    return height * (-rate * t).exp() * (pitch * t).cos()


def slopes(t, *p):
    return np.stack(wave.gradient(t, *p, per_sample=True)[1:], axis=1)


rng = np.random.default_rng(5)
t = np.sort(rng.uniform(0, 6, 70))
y = 2 * np.exp(-0.4 * t) * np.cos(3 * t) + rng.normal(scale=0.15, size=70)
p, covariance = curve_fit(wave, t, y, p0=(1.0, 0.2, 2.8), jac=slopes)

line = np.linspace(0, 6, 300)
by_each = slopes(line, *p)
spread = 2 * np.sqrt(np.einsum("ni,ij,nj->n", by_each, covariance, by_each))
axes = Figure(figsize=(6.4, 3.8), layout="constrained").subplots()
axes.fill_between(line, wave(line, *p) - spread, wave(line, *p) + spread, alpha=0.25)
axes.plot(line, wave(line, *p))
axes.plot(t, y, ".", color="grey")
axes.set(title=f"height {p[0]:.2f}, rate {p[1]:.2f}, pitch {p[2]:.2f}", xlabel="t")
axes.figure.savefig("fit.svg")
