"""Axes to draw into, the colours, and numbers."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from .._core import brief, to_float
from ..engine import Value

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#007a5a", "#59636e"  # Okabe and Ito, the green darker
COLOURS = (BLUE, ORANGE, "#009e73", "#cc79a7", GREY)


def needed(module: str) -> Any:
    """Return numpy or a module of matplotlib's; where it is not installed the error says what to do."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError("micrograd_c.plot draws with matplotlib: pip install 'micrograd-c[viz]'") from error


def new_axes(ax: Any) -> Any:
    """Return `ax`, or new axes where it is None."""
    if ax is not None:
        if not hasattr(ax, "set_xlabel"):
            raise TypeError(f"ax must be axes of matplotlib's, as in fig, ax = plt.subplots(), not {brief(ax)}")
        return ax
    figure = needed("matplotlib.figure").Figure
    ipython = sys.modules.get("IPython")
    in_notebook = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    if in_notebook or "matplotlib.pyplot" in sys.modules:  # pyplot shows the figure
        from matplotlib import pyplot

        return pyplot.subplots(layout="constrained")[1]
    return figure(layout="constrained").subplots()


def number(x: Any, what: str) -> float:
    """Return the data of a Value, or a number as a float; `what` names it in the error."""
    return x.data if isinstance(x, Value) else to_float(x, what)
