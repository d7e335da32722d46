"""Plots of models and training runs, on matplotlib: `pip install 'micrograd-c[viz]'`.

Every function draws into axes that it is given, or into new ones, and returns them. A notebook shows the figure of
new axes; nothing else is shown or saved.

>>> from micrograd_c import plot                        # doctest: +SKIP
>>> plot.loss_curve(losses).figure.savefig("loss.png")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from .engine import Value

__all__ = ["decision_boundary", "gradient_histogram", "loss_curve"]


def __dir__() -> list[str]:
    return __all__


_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#59636e"  # Okabe and Ito
_COLOURS = (_BLUE, _ORANGE, "#009e73", "#cc79a7", _GREY)


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("micrograd_c.plot draws with matplotlib: pip install 'micrograd-c[viz]'") from error
    import sys

    ipython = sys.modules.get("IPython")
    in_notebook = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    if in_notebook or "matplotlib.pyplot" in sys.modules:  # pyplot shows the figure
        from matplotlib import pyplot

        return pyplot.subplots(layout="constrained")[1]
    return Figure(layout="constrained").subplots()


def decision_boundary(model: Any, X: Any, y: Any, *, ax: Any = None, steps: int = 60, margin: float = 0.5) -> Any:
    """Draw where the score of a model for two features is positive, with the samples on it.

    Parameters
    ----------
    model : callable
        Takes a list of two floats, returns a Value or a number.
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
        Where X is not of shape (n, 2), or y not of n labels of two classes.
    """
    import numpy as np

    points = np.asarray(X, dtype=float)
    labels = np.asarray(y).ravel()
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"decision_boundary: X must have the shape (n, 2), n > 0, not {points.shape}")
    classes = np.unique(labels)
    if len(labels) != len(points) or len(classes) > 2:
        raise ValueError(
            f"decision_boundary: y must have {len(points)} labels of 2 classes, not {len(labels)} of {len(classes)}"
        )
    ax = _axes(ax)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    x0, x1 = (np.linspace(low[i], high[i], steps) for i in (0, 1))
    scores = np.array([[_number(model([float(a), float(b)])) for a in x0] for b in x1])
    most = float(np.nanmax(np.abs(scores))) or 1.0
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("scores", ["#e8965c", "#fbeee6", "#ffffff", "#e6f1f8", "#6aaed6"])
    ax.contourf(x0, x1, scores, levels=np.linspace(-most, most, 21), cmap=colours)
    if scores.min() < 0 < scores.max():
        ax.contour(x0, x1, scores, levels=[0.0], colors=_GREY, linewidths=1.5)
    for label, colour, marker in zip(classes, (_ORANGE, _BLUE) if len(classes) == 2 else (_BLUE,), "os"):
        chosen = points[labels == label]
        look = {"c": colour, "marker": marker, "s": 26, "edgecolors": "white", "linewidths": 0.7}
        ax.scatter(chosen[:, 0], chosen[:, 1], label=f"{label}", **look)
    ax.legend(title="class", loc="best")
    ax.set(xlabel="x[0]", ylabel="x[1]", title="Decision boundary")
    return ax


def _number(score: Any) -> float:
    return score.data if isinstance(score, Value) else float(score)


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
        Where there is no step.
    """
    lines: Mapping[str, Sequence[Any]] = history if isinstance(history, Mapping) else {"": history}
    numbers = {name: [_number(loss) for loss in losses] for name, losses in lines.items()}
    if not any(numbers.values()):
        raise ValueError("loss_curve: the history is empty")
    ax = _axes(ax)
    for (name, losses), colour in zip(numbers.items(), cycle(_COLOURS)):
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
        After a backward; layers are told by `model.layers` where there are any.
    ax : matplotlib Axes, optional
    bins : int
        Of the histogram, on a scale of powers of ten. Gradients of exactly 0 are counted in the legend.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        Where there is no parameter.
    """
    import numpy as np

    groups = {f"layer {i}": layer.parameters() for i, layer in enumerate(getattr(model, "layers", ()))}
    if not groups:
        groups["parameters"] = model.parameters() if hasattr(model, "parameters") else model
    sizes = {name: np.array([abs(p.grad) for p in parameters]) for name, parameters in groups.items()}
    every = np.concatenate([*sizes.values()])
    if not len(every):
        raise ValueError("gradient_histogram: there is no parameter")
    ax = _axes(ax)
    shown = every[(every > 0) & np.isfinite(every)]
    low, high = np.log10([shown.min(), shown.max()]) if len(shown) else (-1.0, 0.0)
    edges = np.logspace(low - 0.1, high + 0.1, bins + 1)
    ax.set_xscale("log")
    for (name, size), colour in zip(sizes.items(), cycle(_COLOURS)):
        zeros = int((size == 0).sum())
        label = f"{name}: {len(size)}" + (f", {zeros} of them 0" if zeros else "")
        ax.hist(size[size > 0], bins=edges, histtype="step", linewidth=1.8, color=colour, label=label)
    ax.legend()
    ax.grid(alpha=0.3)
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="|gradient|", ylabel="parameters", title="Gradients of the parameters")
    return ax
