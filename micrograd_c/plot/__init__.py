"""Plots of functions, models and training runs, on matplotlib: `pip install 'micrograd-c[viz]'`.

Every function draws into axes that it is given, or into new ones, and returns them. A notebook shows the figure of
new axes; nothing else is shown or saved. `training` returns a `Training`, which a notebook shows as an animation.

>>> from micrograd_c import plot
>>> plot.loss_curve([1.0, 0.4, 0.2]).figure.savefig("loss.png")
"""

from __future__ import annotations

from .._core import TYPE_CHECKING
from .._core.absent import import_later
from .functions import secant, surface
from .models import decision_boundary, gradient_histogram, loss_curve
from .training import Training, training

__all__ = ["Training", "decision_boundary", "gradient_histogram", "loss_curve", "secant", "surface", "training"]


if not TYPE_CHECKING:
    __getattr__ = import_later(globals(), {})  # says what is close to a name that is not there


def __dir__() -> list[str]:
    return __all__
