"""Plots of functions: slopes of one number, gradients of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._checks import whole
from .._core import brief, to_float
from .._gradcheck import numerical_gradient
from ..engine import Value
from .axes import BLUE, GREEN, GREY, ORANGE, needed, new_axes, number

_UNDEFINED = (ArithmeticError, ValueError)  # what log(-1) and 1 / 0 raise
_LARGEST = 1e300  # matplotlib takes differences of what it draws


class _Function:
    """A function of numbers: its values and slopes as floats."""

    def __init__(self, caller: str, f: Callable[..., Any], at: tuple[Any, ...], points: int) -> None:
        if not callable(f):
            raise TypeError(f"{caller} takes a function first, not {type(f).__name__}")
        self.points = whole(points, f"{caller}: points", 2)
        self.f = f
        self.caller = caller
        self.at = tuple(number(x, "the point") for x in at)
        if not all(map(math.isfinite, self.at)):
            raise ValueError(f"{caller}: the point must be finite, not {self.at}")
        self.kind: Any = Value if any(isinstance(x, Value) for x in at) else float
        try:
            self.start = self.there(*self.at)
        except (AttributeError, TypeError):  # f asks a float for its tanh, or is Value.tanh: it takes Values alone
            if self.kind is Value:
                raise
            self.kind = Value
            self.start = self.there(*self.at)

    def __call__(self, *xs: float) -> float:
        return number(self.f(*map(self.kind, xs)), "what f returns")

    def there(self, *xs: float) -> float:
        """Return f at a point that the picture needs; where f has no value the error names the point."""
        try:
            return self(*xs)
        except _UNDEFINED as error:
            point = ", ".join(f"{x:.6g}" for x in xs)
            raise ValueError(f"{self.caller}: f({point}) has no value: {error}") from error

    def jumps(self, low: float, high: float) -> bool:
        """Tell whether f changes its sign between two points without a way through 0: at a pole or a jump."""
        ends = {x: self.or_nan(x) for x in (low, high)}
        if not ends[low] * ends[high] < 0:
            return False
        most = max(map(abs, ends.values()))
        for _ in range(10):  # towards the change of sign: what goes through 0 becomes small
            middle = (low + high) / 2
            ends[middle] = self.or_nan(middle)
            low, high = (middle, high) if ends[middle] * ends[high] <= 0 else (low, middle)
        return not max(abs(ends[low]), abs(ends[high])) < most / 2

    def or_nan(self, *xs: float) -> float:
        """Return f there, and nan where it is not defined or not finite."""
        try:
            y = self(*xs)
        except _UNDEFINED:
            return math.nan
        return y if abs(y) <= _LARGEST else math.nan

    def slopes(self, *xs: float) -> Any:
        """Return central differences, nan where f ends: a float for one number, a tuple for several."""
        try:
            return numerical_gradient(self.f, *map(self.kind, xs))
        except _UNDEFINED:
            return math.nan if len(xs) == 1 else (math.nan,) * len(xs)


def _window(caller: str, between: Any, low: float, high: float) -> tuple[float, float]:
    if between is None:
        return low, high
    try:
        low, high = [to_float(x, "between") for x in between]
    except (TypeError, ValueError):
        low = high = math.nan
    if not -_LARGEST < low < high < _LARGEST:
        raise ValueError(
            f"{caller}: between must be two finite numbers, the smaller one first, not {brief(between)}"
        )
    return low, high


def secant(
    f: Callable[[Any], Any], x: Any, h: float, *, ax: Any = None, between: Any = None, points: int = 200
) -> Any:
    """Draw a curve, the secant through it at x and x + h, and its tangent at x.

    The legend has both slopes: (f(x + h) - f(x)) / h of the secant, and the central difference of
    `numerical_gradient` of the tangent. Make h smaller, and the secant turns into the tangent.

    Parameters
    ----------
    f : callable
        Takes a number, returns a number or a Value. It is given Values where x is one, or where it asks a float
        for what Values alone have, as `lambda x: x.tanh()` does.
    x : float or Value
        Where the tangent touches the curve.
    h : float
        How far it is to the second point, in the units of x. It may be negative.
    ax : matplotlib Axes, optional
    between : pair of float, optional
        The x at the left and at the right end of the plot.
    points : int
        Of the curve. Where f is not defined, and at a pole, the curve has a gap.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where h is 0, or so small that x + h is x, or f has no finite value at x or at x + h. Where f ends at x,
        as sqrt does at 0, there is no tangent, and the legend says so.

    Examples
    --------
    >>> ax = secant(lambda x: x * x, 3.0, 1.0)
    """
    curve, h = _Function("secant", f, (x,), points), to_float(h, "h")
    (x,) = curve.at
    if not math.isfinite(h) or x + h == x:
        raise ValueError(f"secant: h = {h!r} does not move x = {x!r} to another number: take another one")
    y, end = curve.start, curve.there(x + h)
    if not abs(x + h) + abs(y) + abs(end) <= _LARGEST:
        raise ValueError(f"secant: f({x:.6g}) = {y:.6g} and f({x + h:.6g}) = {end:.6g}: take other x and h")
    slope, tangent = (end - y) / h, curve.slopes(x)
    around = max(abs(h), 1.0)
    low, high = _window("secant", between, min(x, x + h) - around, max(x, x + h) + around)
    xs = [low + (high - low) * i / (curve.points - 1) for i in range(curve.points)]
    cuts = [(a + b) / 2 for a, b in zip(xs, xs[1:]) if curve.jumps(a, b)]
    xs = sorted(xs + cuts)
    ys = [math.nan if at in cuts else curve.or_nan(at) for at in xs]

    ax = new_axes(ax)
    ax.plot(xs, ys, color=BLUE, linewidth=2.2, label="f")
    ax.plot([x, x + h, x + h], [y, y, end], color=GREY, linewidth=1.2, linestyle=":")
    bottom, top = ax.get_ylim()
    if cuts:  # near the pole there is no end of it: what the secant shows counts
        room = 3 * max(abs(end - y), abs(y))
        bottom, top = max(bottom, min(y, end) - room), min(top, max(y, end) + room)
    for name, steep, colour, style in (("secant", slope, ORANGE, "-"), ("tangent", tangent, GREEN, "--")):
        line = [y + steep * (at - x) for at in (low, high)]
        told = "none" if math.isnan(steep) else f"slope {steep:.6g}"
        ax.plot([low, high], line, color=colour, linewidth=1.6, linestyle=style, label=f"{name}: {told}")
    ax.plot([x, x + h], [y, end], "o", color=BLUE, markersize=7, markeredgecolor="white", zorder=5)
    ax.set(xlim=(low, high), ylim=(bottom, top), xlabel="x", ylabel="f(x)")
    ax.set_title(f"(f({x + h:.6g}) - f({x:.6g})) / {h:g} = {slope:.6g}")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def surface(
    f: Callable[[Any, Any], Any],
    at: Any,
    *,
    lr: float = 0.1,
    steps: int = 10,
    ax: Any = None,
    between: Any = None,
    points: int = 60,
) -> Any:
    """Draw a function of two numbers from above, its gradient at a point, and steps of descent from there.

    The deeper the blue, the higher. Lines join points of the same height, more of them where it is low. The arrow
    shows where it goes uphill. Each step goes against the gradient: x -= lr * df/dx and y -= lr * df/dy.

    Parameters
    ----------
    f : callable
        Takes two numbers, returns a number or a Value. It is given Values where `at` has one, or where it asks a
        float for what Values alone have.
    at : pair of float or Value
        Where the arrow stands and the descent starts.
    lr : float
        The learning rate, above 0.
    steps : int
        How many steps are drawn; they end early where f is not defined. 0 draws the arrow alone.
    ax : matplotlib Axes, optional
    between : pair of float, optional
        Where both axes begin and end. By default they hold the path, unless it runs far away.
    points : int
        Of the grid along each axis.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where `at` is not two finite numbers, `lr` not above 0, or f nowhere finite, or not defined at `at`. Where
        f ends there, there is no arrow and no step.

    Examples
    --------
    >>> ax = surface(lambda x, y: x * x + y * y, (1.0, 2.0))
    """
    np = needed("numpy")
    if isinstance(at, (str, Value)) or not hasattr(at, "__len__") or len(at) != 2:
        raise ValueError(f"surface: at must be two numbers, as (1.0, 2.0), not {brief(at)}")
    if not 0 < (lr := to_float(lr, "lr")) < math.inf:
        raise ValueError(f"surface: lr must be above 0 and finite, not {lr!r}")
    steps = whole(steps, "surface: steps", 0)
    height = _Function("surface", f, tuple(at), points)
    gradient = height.slopes(*height.at)
    path = _descent(height, lr, steps)
    far = 3 * max(1.0, *map(abs, height.at))
    near = np.array([p for p in path if math.dist(p, height.at) <= far])
    middle = (near.min(axis=0) + near.max(axis=0)) / 2
    half = max(1.0, 1.25 * float(np.ptp(near, axis=0).max()))
    x0, x1 = (np.linspace(*_window("surface", between, m - half, m + half), height.points) for m in middle.tolist())
    z = np.ma.masked_invalid([[height.or_nan(a, b) for a in x0.tolist()] for b in x1.tolist()])
    if z.mask.all():
        raise ValueError("surface: f is nowhere finite there")

    ax = new_axes(ax)
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import MaxNLocator

    low, high = float(z.min()), float(z.max())
    size = max(abs(low), abs(high))
    high = high if high - low > 1e-12 * size else low + (size or 1.0)  # it is flat, up to rounding
    levels = low + (high - low) * np.linspace(0.0, 1.0, 17) ** 2  # of a bowl: rings at equal distances
    filled = ax.contourf(x0, x1, z, levels=levels, cmap=_blues(), norm=PowerNorm(0.5, low, high))
    ax.contour(x0, x1, z, levels=levels, colors="white", linewidths=0.6)
    ax.figure.colorbar(filled, ax=ax, label="f(x, y)", spacing="proportional", ticks=MaxNLocator(6))
    if len(path) > 1:
        last = height.or_nan(*path[-1])
        label = f"{len(path) - 1} steps, lr = {lr:g}: f from {height.start:.4g} to {last:.4g}"
        look = {"color": "#1f2328", "linewidth": 1.4, "markersize": 5.5, "markeredgecolor": "white"}
        ax.plot(*zip(*path), "o-", label=label, **look)
    _arrow(ax, height.at, gradient, 0.6 * half)
    ax.plot(*height.at, "o", color=ORANGE, markersize=9, markeredgecolor="white", zorder=6)
    ax.set(xlim=(x0[0], x0[-1]), ylim=(x1[0], x1[-1]), aspect="equal", xlabel="x", ylabel="y")
    ax.set_title(f"f({height.at[0]:.4g}, {height.at[1]:.4g}) = {height.start:.4g}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)
    return ax


def _descent(height: _Function, lr: float, steps: int) -> list[tuple[float, ...]]:
    path = [height.at]
    for _ in range(steps):
        there = tuple(x - lr * slope for x, slope in zip(path[-1], height.slopes(*path[-1])))
        if not all(map(math.isfinite, there)):
            break
        path.append(there)
    return path


def _arrow(ax: Any, at: tuple[float, ...], gradient: tuple[float, float], longest: float) -> None:
    """Draw the gradient at `at`, no longer than `longest`; the legend has its numbers, and how it was shortened."""
    length = math.hypot(*gradient)
    label = "gradient: none" if math.isnan(length) else f"gradient ({gradient[0]:.4g}, {gradient[1]:.4g})"
    if 0 < length < math.inf:
        share = min(1.0, longest / length)
        look = {
            "arrowstyle": "-|>",
            "color": ORANGE,
            "linewidth": 2.6,
            "mutation_scale": 20,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        tip = [x + share * slope for x, slope in zip(at, gradient)]
        ax.annotate("", xy=tip, xytext=at, arrowprops=look, zorder=5)
        label += f", drawn at {share:.2g} of its length" if share < 1 else ""
    ax.plot([], [], color=ORANGE, linewidth=2.6, label=label)


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("heights", ["#f4f9fd", "#b9d9ef", "#6aaed6", "#2a7fb8", "#0b4f80"])
