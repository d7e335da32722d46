"""Plots of models: what they have learned, how the loss fell, how large the gradients are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

from .._checks import parameter, whole
from .._core import brief
from .._operands import listed
from ..engine import Value
from ..program.function import Function
from .axes import BLUE, COLOURS, GREY, ORANGE, needed, new_axes, number


class Plane:
    """Samples of two features and of one or two classes, and a grid of points around them."""

    def __init__(self, caller: str, model: Any, X: Any, y: Any, steps: int, margin: float) -> None:
        np = needed("numpy")
        if not callable(model):
            raise TypeError(f"{caller} takes a model first, or a function of two features, not {brief(model)}")
        margin = number(margin, f"{caller}: margin")
        try:
            points = np.asarray(X)
        except ValueError as error:
            raise ValueError(f"{caller}: X must have the shape (n, 2), and not rows of unequal length") from error
        if points.dtype.kind not in "biuf":
            points = np.vectorize(lambda x: number(x, f"{caller}: a feature"), otypes=[float])(points)
        points = points.astype(float)
        labels = np.array([label.data if isinstance(label, Value) else label for label in np.asarray(y).ravel()])
        if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
            raise ValueError(f"{caller}: X must have the shape (n, 2), n > 0, not {points.shape}")
        if not np.isfinite(points).all() or not np.isfinite(margin):
            raise ValueError(f"{caller}: the features and the margin must be finite")
        classes = np.unique(labels)
        if len(labels) != len(points) or len(classes) > 2:
            raise ValueError(
                f"{caller}: y must have {len(points)} labels of 2 classes, not {len(labels)} of {len(classes)}"
            )
        steps = whole(steps, f"{caller}: points of the grid", 2)
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        self.points: Any = points
        self.labels: Any = labels
        self.classes: Any = classes
        self.x0: Any = np.linspace(low[0], high[0], steps)
        self.x1: Any = np.linspace(low[1], high[1], steps)

    def scores(self, model: Any) -> Any:
        """Return the scores on the grid, of shape (steps, steps), a row for each x[1]."""
        import numpy as np

        grid = np.stack(np.meshgrid(self.x0, self.x1), axis=-1)
        return np.array(_scores(model, grid.reshape(-1, 2))).reshape(grid.shape[:2])

    def right(self, model: Any) -> int:
        """Return how many samples have a score of the sign of their class."""
        scores = zip(_scores(model, self.points), self.labels)
        return sum((score > 0) == (label == self.classes[-1]) for score, label in scores)

    def shade(self, ax: Any, scores: Any, most: float) -> tuple[Any, ...]:
        """Draw the scores as colours, the strongest at -most and most, and the border between the classes."""
        import numpy as np
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list(
            "scores", ["#e8965c", "#fbeee6", "#ffffff", "#e6f1f8", "#6aaed6"]
        )
        look = {"levels": np.linspace(-most, most, 21), "cmap": colours, "extend": "both", "zorder": 0}
        z = np.ma.masked_invalid(scores)
        filled = ax.contourf(self.x0, self.x1, z, **look)
        if z.mask.all() or not z.min() < 0 < z.max():
            return (filled,)
        return filled, ax.contour(self.x0, self.x1, z, levels=[0.0], colors=GREY, linewidths=1.5, zorder=0.5)

    def mark(self, ax: Any) -> None:
        """Draw the samples, and all around them."""
        for label, colour, marker in zip(self.classes, (ORANGE, BLUE) if len(self.classes) == 2 else (BLUE,), "os"):
            chosen = self.points[self.labels == label]
            look = {"c": colour, "marker": marker, "s": 26, "edgecolors": "white", "linewidths": 0.7}
            ax.scatter(chosen[:, 0], chosen[:, 1], label=f"{label}", **look)
        ax.legend(title="class", loc="best")
        limits = {"xlim": (self.x0[0], self.x0[-1]), "ylim": (self.x1[0], self.x1[-1])}
        ax.set(xlabel="x[0]", ylabel="x[1]", title="Decision boundary", **limits)


def _scores(model: Any, points: Any) -> list[float]:
    """Return the score at each of the points, of shape (n, 2); a function of `mg.jit` takes all at once."""
    outs = model(points) if isinstance(model, Function) else map(model, points.tolist())
    return [number(out, "the score of the model, its one output,") for out in outs]


def largest(scores: Any) -> float:
    """Return the largest size of a finite score, or 1 where there is none but 0."""
    import numpy as np

    finite = np.abs(scores[np.isfinite(scores)])
    return float(finite.max(initial=0.0)) or 1.0


def decision_boundary(model: Any, X: Any, y: Any, *, ax: Any = None, steps: int = 60, margin: float = 0.5) -> Any:
    """Draw where the score of a model for two features is positive, with the samples on it.

    Parameters
    ----------
    model : callable
        Takes a list of two floats, returns a Value or a number; a function of `mg.jit` does.
    X : array_like, shape (n, 2)
    y : array_like, shape (n,)
        Labels of two classes; the larger one is expected where the score is positive.
    ax : matplotlib Axes, optional
    steps : int
        Points of the grid along each axis.
    margin : float
        Space around the samples, in their units.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where X is not finite and of shape (n, 2), or y not of n labels of two classes.

    Examples
    --------
    >>> ax = decision_boundary(lambda x: x[0] - x[1], X=[(0, 1), (1, 0)], y=[-1, 1])
    """
    plane = Plane("decision_boundary", model, X, y, steps, margin)
    ax = new_axes(ax)
    scores = plane.scores(model)
    plane.shade(ax, scores, largest(scores))
    plane.mark(ax)
    return ax


def loss_curve(history: Any, *, ax: Any = None, smooth: int = 0) -> Any:
    """Draw how the loss fell.

    Parameters
    ----------
    history : sequence of float or Value, or mapping of str to such
        The loss of each step; a mapping draws a line for each name, such as 'train' and 'held out'.
    ax : matplotlib Axes, optional
    smooth : int
        Draw the mean of so many steps over the faint single steps.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where there is no step, or `smooth` is no whole number of 0 or more.

    Examples
    --------
    >>> ax = loss_curve({"train": [1.0, 0.4, 0.2], "held out": [1.1, 0.6, 0.5]})
    """
    if not isinstance(history, Iterable) or isinstance(history, str):
        raise TypeError(f"loss_curve takes a list of losses, or a dict of lists, not {type(history).__name__}")
    lines: Mapping[str, Iterable[Any]] = history if isinstance(history, Mapping) else {"": history}
    for name, losses in lines.items():
        if not isinstance(losses, Iterable):
            raise TypeError(f"loss_curve: {name!r} must be a list of losses, not {type(losses).__name__}")
    numbers = {name: [number(loss, "a loss") for loss in losses] for name, losses in lines.items()}
    if not any(numbers.values()):
        raise ValueError("loss_curve: the history is empty")
    smooth = whole(smooth, "loss_curve: smooth")
    ax = new_axes(ax)
    for (name, losses), colour in zip(numbers.items(), cycle(COLOURS)):
        steps = range(1, len(losses) + 1)
        if smooth > 1 and len(losses) >= smooth:
            ax.plot(steps, losses, color=colour, alpha=0.25, linewidth=1)
            losses = [sum(losses[max(0, i - smooth) : i]) / min(i, smooth) for i in steps]
        ax.plot(steps, losses, color=colour, label=name)
    every = [loss for losses in numbers.values() for loss in losses]
    if min(every) > 0 and max(every) > 50 * min(every):
        ax.set_yscale("log")
    if len(numbers) > 1:
        ax.legend()
    ax.grid(alpha=0.3)
    ax.set(xlabel="step", ylabel="loss", title="Loss")
    return ax


def gradient_histogram(model: Any, *, ax: Any = None, bins: int = 24) -> Any:
    """Draw how large the gradients of the parameters are, layer by layer: vanishing and exploding ones stand out.

    Parameters
    ----------
    model : Module or iterable of Value
        After a backward; layers are told by `model.layers` where there are any, and from other parameters.
    ax : matplotlib Axes, optional
    bins : int
        Of the histogram, on a scale of powers of ten. Gradients of exactly 0 are counted in the legend.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where there is no parameter, or `bins` is no whole number of 1 or more.

    Examples
    --------
    >>> from micrograd_c import MLP
    >>> model = MLP(2, [4, 1])
    >>> model([0.5, -1.0]).backward()
    >>> ax = gradient_histogram(model)
    """
    np = needed("numpy")
    bins = whole(bins, "gradient_histogram: bins", 1)
    layers = {i: layer for i, layer in enumerate(getattr(model, "layers", ())) if hasattr(layer, "parameters")}
    groups = {f"layer {i}": [*layer.parameters()] for i, layer in layers.items()}
    shown = {id(p) for parameters in groups.values() for p in parameters}
    given: Any = model.parameters() if hasattr(model, "parameters") else () if groups else model
    others = [parameter(p, i) for i, p in enumerate(listed(given, "parameters")) if id(p) not in shown]
    if others or not groups:
        groups["others" if groups else "parameters"] = others
    sizes = {name: np.array([abs(p.grad) for p in parameters]) for name, parameters in groups.items()}
    every = np.concatenate([*sizes.values()])
    if not len(every):
        raise ValueError("gradient_histogram: there is no parameter")
    ax = new_axes(ax)
    usual = every[(every > 0) & np.isfinite(every)]
    low, high = np.log10([usual.min(), usual.max()]) if len(usual) else (-1.0, 0.0)
    edges = np.logspace(low - 0.1, high + 0.1, bins + 1)
    ax.set_xscale("log")
    for (name, size), colour in zip(sizes.items(), cycle(COLOURS)):
        zeros = int((size == 0).sum())
        label = f"{name}: {len(size)}" + (f", {zeros} of them 0" if zeros else "")
        ax.hist(size[size > 0], bins=edges, histtype="step", linewidth=1.8, color=colour, label=label)
    ax.legend()
    ax.grid(alpha=0.3)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="|gradient|", ylabel="parameters", title="Gradients of the parameters")
    return ax
