"""Losses over lists of Values. The largest logit is taken from all of them first, so no sum of exp() overflows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import TYPE_CHECKING

from ._core import Any, to_float
from ._core.absent import lacking
from ._operands import as_values, is_tracing
from .engine import Value, nary, sum, where

if TYPE_CHECKING:
    from ._core.operators import Number


__all__ = ["cross_entropy", "log_softmax", "logsumexp", "mse", "softmax"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise lacking(globals(), name)


def __dir__() -> list[str]:
    return __all__


def logsumexp(values: Iterable[Number]) -> Value:
    """Return log(exp(x_1) + ... + exp(x_n)); its derivatives are `softmax(values)`.

    Parameters
    ----------
    values : iterable of Value or float
        Any number of them.

    Returns
    -------
    Value
        -inf where there are none.

    Examples
    --------
    >>> logsumexp([1000.0, 1000.0]).data  # log(2) above 1000
    1000.6931471805599
    """
    xs, plain = as_values(values), nary["logsumexp"]
    # Far from 0 the sum x + log(n) has no digits left for log(n), and exp(x - sum) is no slope.
    if not xs or (not is_tracing() and abs(max(x.data for x in xs)) <= 100):
        return plain(xs)
    largest = _largest(xs)
    largest = where((largest * 0.0).equal(0.0), largest, 0.0)  # 0 for an infinite one
    return plain(x - largest for x in xs) + largest


def softmax(logits: Iterable[Number]) -> list[Value]:
    """Return exp(x) / (exp(x_1) + ... + exp(x_n)) for each logit x: probabilities, whose sum is 1.

    Parameters
    ----------
    logits : iterable of Value or float
        One or more; -inf is a probability of 0.

    Returns
    -------
    list of Value
        As many as there are logits.

    See Also
    --------
    log_softmax, cross_entropy : Exact where a probability is too small for a float.

    Examples
    --------
    >>> [round(p.data, 3) for p in softmax([1.0, 2.0, 3.0])]
    [0.09, 0.245, 0.665]
    """
    powers = [x.exp() for x in _below_largest(logits)]
    total = sum(powers)
    return [x / total for x in powers]


def log_softmax(logits: Iterable[Number]) -> list[Value]:
    """Return the logarithms of `softmax(logits)`, also of those that are too small for a float.

    Parameters
    ----------
    logits : iterable of Value or float
        One or more.

    Returns
    -------
    list of Value
        As many as there are logits.
    """
    xs = _below_largest(logits)
    total = nary["logsumexp"](xs)
    return [x - total for x in xs]


def cross_entropy(logits: Iterable[Number], index: Number) -> Value:
    """Return -log_softmax(logits)[index], the loss of a classifier for one sample.

    Parameters
    ----------
    logits : iterable of Value or float
        One for each class.
    index : int
        The class, from 0. It may be an argument of a function for `jit`: a column of labels. The result is nan then
        for a label that is no class.

    Returns
    -------
    Value
        0 or more.

    Raises
    ------
    ValueError
        There is no such class.

    Examples
    --------
    >>> round(cross_entropy([1.0, 2.0, 3.0], 2).data, 3)
    0.408
    """
    xs = _below_largest(logits)
    if hasattr(type(index), "_reflected"):  # jit traces it
        hits = [index.equal(i) for i in range(len(xs))]  # type: ignore[union-attr]
        chosen = sum(hit.when(x) for hit, x in zip(hits, xs)) / sum(hits)
    else:
        try:
            number = to_float(index.data if isinstance(index, Value) else index, "index")
        except OverflowError:
            number = inf
        if number not in range(len(xs)):
            raise ValueError(f"index must be a whole number from 0 to {len(xs) - 1}, a class, not {number:.17g}")
        chosen = xs[int(number)]
    return nary["logsumexp"](xs) - chosen


def mse(predictions: Iterable[Number], targets: Iterable[Number]) -> Value:
    """Return the mean of (prediction - target)**2.

    Parameters
    ----------
    predictions, targets : iterable of Value or float
        Of the same length.

    Returns
    -------
    Value
        0 or more.
    """
    xs, ys = as_values(predictions, "predictions"), as_values(targets, "targets")
    if len(xs) != len(ys):
        raise ValueError(f"mse: {len(xs)} predictions and {len(ys)} targets; both need the same length")
    return nary["mean"]((x - y).square() for x, y in zip(xs, ys))


def _below_largest(logits: Iterable[Number]) -> list[Value]:
    """Return the logits less the largest of them, which is a constant to their derivatives."""
    xs = as_values(logits, "logits")
    if not xs:
        raise ValueError("logits must be a list of one Value or more; it is empty")
    largest = _largest(xs)
    return [x - largest for x in xs]


def _largest(xs: Sequence[Value]) -> Value:
    largest = xs[0]
    for x in xs[1:]:
        largest = largest.maximum(x)
    return largest.detach()
