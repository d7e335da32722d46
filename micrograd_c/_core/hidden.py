"""The inner layers of one MLP call: nodes of the arena that nobody has asked to see."""

from __future__ import annotations

import os
from _thread import RLock
from collections.abc import Callable, Sequence

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

_lock = RLock()


def _reset_lock() -> None:
    """Start a forked child with a free lock: the thread that held it does not exist there."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)


class Hidden:
    """All layers of an MLP call but the last; their Values are made when one is asked for.

    Most never are, and a Value costs more than the node that it stands for. From the moment that they are made the
    Values own the nodes, and this object only keeps the Values.

    Parameters
    ----------
    owner : object
        Owns the nodes, layer after layer; has `handles()` and `disown()`.
    inputs : tuple of Value
        What the first layer reads.
    params : sequence of list of tuple of Value
        For each inner layer and each of its neurons the weights, then the bias.
    """

    __slots__ = ("_inputs", "_owner", "_params", "_values")

    def __init__(self, owner: Any, inputs: Any, params: Sequence[Any]) -> None:
        self._owner = owner
        self._inputs = inputs
        self._params = params
        self._values: tuple[Any, ...] | None = None

    def owned(self) -> list[Any]:
        """Return the Values that this object refers to."""
        if self._values is not None:
            return list(self._values)
        return [*self._inputs, *(p for layer in self._params for neuron in layer for p in neuron)]

    def values(self, make_all: Callable[..., list[Any]], disown: Callable[[list[Any]], None]) -> tuple[Any, ...]:
        """Return the Values of the last of these layers; the same ones each time."""
        with _lock:
            if self._values is None:
                nodes: list[Any] = []
                inputs = self._inputs
                try:
                    handles = iter(self._owner.handles())
                    for params in self._params:
                        first = len(nodes)
                        make_all(handles, inputs, params, nodes)
                        inputs = tuple(nodes[first:])
                    if self._values is None:
                        self._values = inputs
                        self._owner.disown()
                    else:  # the collector ran in between, and somebody's __del__ came here before us
                        disown(nodes)  # type: ignore[unreachable]
                except BaseException:  # no memory, or Ctrl-C
                    if self._values is inputs:
                        self._owner.disown()
                    else:
                        disown(nodes)
                    raise
        return self._values
