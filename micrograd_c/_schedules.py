"""Learning rates as functions of the number of steps taken so far: `lr=cosine(0.1, 1000)`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from ._checks import number

Rate = Callable[[int], float]


def _check(lr: float, steps: float, **others: float) -> None:
    """Raise an error where a rate is negative or no number, or falls in less than one step."""
    number(lr, "lr", 0.0)
    number(steps, "the number of steps", 1.0)
    for name, value in others.items():
        number(value, name, 0.0)


def cosine(lr: float, steps: int, least: float = 0.0) -> Rate:
    """Return a rate that falls from `lr` to `least` in so many steps along a cosine, and stays there.

    rate(t) = least + (lr - least) * (1 + cos(pi * t / steps)) / 2, as PyTorch's CosineAnnealingLR.

    Examples
    --------
    >>> rate = cosine(0.1, 1000)
    >>> rate(0), rate(500), rate(1000)
    (0.1, 0.05, 0.0)
    """
    _check(lr, steps, least=least)
    return partial(_cosine, lr, steps, least)


def _cosine(lr: float, steps: int, least: float, t: int) -> float:
    return least + (lr - least) * (1 + math.cos(math.pi * min(t / steps, 1.0))) / 2


def step_decay(lr: float, every: int, factor: float = 0.1) -> Rate:
    """Return a rate that is multiplied by `factor` after so many steps each: lr * factor ** (t // every).

    As PyTorch's StepLR.

    Examples
    --------
    >>> rate = step_decay(1.0, every=100, factor=0.5)
    >>> rate(99), rate(100), rate(200)
    (1.0, 0.5, 0.25)
    """
    _check(lr, every, factor=factor)
    return partial(_step_decay, lr, every, factor)


def _step_decay(lr: float, every: int, factor: float, t: int) -> float:
    return lr * factor ** (t // every)


def warm_up(lr: float | Rate, steps: int, start: float = 0.0) -> Rate:
    """Return a rate that rises to `lr` on a line in so many steps, and begins at `start * lr`.

    As PyTorch's LinearLR. Where `lr` is a function, such as `cosine(0.1, 1000)`, its step 0 is the end of the rise.

    Examples
    --------
    >>> rate = warm_up(cosine(0.1, 1000), 10)
    >>> rate(0), rate(5), rate(10)
    (0.0, 0.05, 0.1)
    """
    _check(0.0 if callable(lr) else lr, steps, start=start)
    return partial(_warm_up, lr, steps, start)


def _warm_up(lr: float | Rate, steps: int, start: float, t: int) -> float:
    full = lr(max(t - steps, 0)) if callable(lr) else lr
    return full * (start + (1 - start) * min(t / steps, 1.0))
