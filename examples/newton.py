"""A curve fitted by Newton's method, beside gradient descent: y = a * exp(-b * x), least squares.

python examples/newton.py --steps 8 --output newton.png
"""

import argparse

import numpy as np

import micrograd_c as mg


def curve(p, x):
    """Return the height of the curve at x."""
    a, b = p
    return a * (-b * x).exp()


@mg.jit(in_axes=(None, 0, 0))  # p is one vector, x and y are batches
def error(p, x, y):
    """Return the squared error of one point."""
    return (curve(p, x) - y) ** 2


def newton(p, x, y):
    """Return the next point: the minimum of the parabola that has the gradient and the Hessian at p."""
    gradient, hessian = error.gradient(p, x, y)[0], error.hessian(p, x, y).sum(0)
    curvature, axes = np.linalg.eigh(hessian)  # where it is negative the step would go uphill
    return p - axes @ (axes.T @ gradient / np.maximum(abs(curvature), 1e-6))


def descent(p, x, y):
    """Return the next point: a step down the slope."""
    return p - 0.02 * error.gradient(p, x, y)[0]


def draw(paths, x, y, file):
    """Draw the paths over the contours of the error."""
    from matplotlib.figure import Figure

    total = mg.jit(lambda p: mg.sum([(curve(p, float(u)) - float(v)) ** 2 for u, v in zip(x, y)]))
    a, b = np.meshgrid(np.linspace(0, 4, 80), np.linspace(-0.2, 2, 80))
    heights = total(np.stack([a.ravel(), b.ravel()], 1)).reshape(a.shape)
    axes = Figure(layout="constrained").subplots()
    axes.contour(a, b, np.log(heights), 30, colors="lightgrey", linewidths=0.7)
    for name, path in paths.items():
        axes.plot(*np.transpose(path), "o-", markersize=3, label=name)
    axes.set(xlabel="a", ylabel="b", title="y = a * exp(-b * x)")
    axes.legend()
    axes.figure.savefig(file, dpi=150)


def main() -> None:
    """Fit by both, report the error of each step, and draw the way that they took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=8, help="steps of either (default: 8)")
    parser.add_argument("--output", help="file for the picture")
    options = parser.parse_args()

    rng = np.random.default_rng(1)
    x = rng.uniform(0, 3, size=40)
    y = 3 * np.exp(-1.2 * x) + rng.normal(scale=0.05, size=40)
    paths = {}
    for step in (newton, descent):
        path = paths[step.__name__] = [np.array([1.0, 0.3])]
        for _ in range(options.steps):
            path.append(step(path[-1], x, y))
    print("step  error by Newton  by gradient descent")
    for i, points in enumerate(zip(*paths.values())):
        print(f"{i:4}  " + "  ".join(f"{error(p, x, y).sum():15.9f}" for p in points))
    a, b = paths["newton"][-1]
    print(f"a = {a:.3f}, b = {b:.3f}")
    if options.output:
        draw(paths, x, y, options.output)


if __name__ == "__main__":
    main()
