"""What the two cores of Value are to the rest of the package; only the type checker reads this file.

`engine.py` and all above it call `core.f(...)`, where `core` is one of two modules, `native_core` and `cffi_core`.
mypy checks that each of them is a `Core`.

What a Value was computed from, its parts `a` and `b`, is on both cores:

======================  ==================  ===================
op                      a                   b
======================  ==================  ===================
leaf                    None                ... where its number came from numpy, else None
f(x)                    x                   None
f(x; k)                 x                   k, a plain number
f(x, y)                 x                   y
n-ary, such as sum      tuple of operands   None
made by hand            x                   None, or y
... over more           tuple of operands   None
... of data of numpy's  tuple of operands   ...
... with Values as      tuple of operands   list of them
local derivatives
dot, neuron             tuple of inputs     tuple of weights, then the bias if there is one
neuron after neurons    Hidden              likewise
======================  ==================  ===================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol


class Node:
    """One node of the arena: what a core gives to engine.Value."""

    data: float
    grad: float
    _h: int


class Core(Protocol):
    """The functions of a core. `node` is a Value, and an error says so where it has no node."""

    NAME: str
    Node: type[Any]
    Hidden: type[Any]  # the inner layers of an MLP call, as the part `a` of the neurons after them

    # ---- the class and its nodes

    def complete(self, cls: type) -> Any:
        """Return the class of Values: what operators return, with all that `cls` adds to Node."""

    def new(self) -> Any:
        """Return a Value that has no node yet."""

    def own(self, node: Any, a: Any, b: Any, function: Callable[..., int], *arguments: Any) -> Any:
        """Let `node`, which has none yet, own the node that `function` returns the handle of."""

    def leaves(self, numbers: list[float], given: Sequence[Any], constant: bool = False) -> list[Any]:
        """Return new leaves in consecutive rows.

        The numbers were `given` as these objects. `constant`: they were given as operands.
        """

    def by_hand(
        self, node: Any, data: float, operands: tuple[Any, ...], slopes: list[Any] | None, numpy: bool = False
    ) -> None:
        """Let `node` own a node made by hand; a node that it owns becomes that.

        Parameters
        ----------
        operands : tuple of Value
            A leaf has none.
        slopes : list of float or of Value, or None
            Local derivatives.
        numpy : bool
            `data` came from there.
        """

    def by_hand_at_once(self, node: Any, data: Any, operands: Any, label: Any) -> bool:
        """Do the same for what lectures give to Value(data, (a, b), label). False: `by_hand` has to look closer."""

    def layers(
        self,
        address: int,
        n: int,
        outputs: int,
        inner: int,
        inner_params: Any,
        params: list[Any],
        inputs: tuple[Any, ...],
    ) -> list[Any] | None:
        """Run `n` layers.

        Parameters
        ----------
        address : int
            Of an mg_layer[n].
        outputs, inner : int
            Neurons of all layers, and of all but the last.
        inner_params, params : list
            Weights, then bias, of each neuron of each inner layer, and of the last layer.
        inputs : tuple of Value
            Of the first layer.

        Returns
        -------
        list of Value or None
            The outputs of the last layer; None where an input is no Value, or one of a subclass.
        """

    def nary(self, op: int, values: Any) -> Any:
        """Return the node of an n-ary op over plain Values, None where the core has no shorter way to it."""

    def dot(self, ws: Any, xs: Any, bias: Any) -> Any:
        """Return engine.dot of plain Values, None where the core has no shorter way to it."""

    # ---- what a Value knows

    def has_node(self, node: Any) -> bool:
        """Tell whether a Value owns a node."""

    def handle_of(self, node: Any) -> int:
        """Return the handle of a node."""

    def handles(self, nodes: Iterable[Any]) -> list[int]:
        """Return the handles of nodes."""

    def parts(self, node: Any) -> tuple[Any, Any]:
        """Return `a` and `b`, a Hidden as it is."""

    def operands(self, node: Any) -> tuple[Any, Any]:
        """Return `a` and `b`, and the last neurons of a Hidden instead of it."""

    # ---- attributes

    def attributes(self, node: Any) -> dict[str, Any]:
        """Return a copy of all attributes."""

    def peek(self, node: Any, name: str) -> Any:
        """Return an attribute past all properties, None where there is none."""

    def put(self, node: Any, name: str, attribute: Any) -> None:
        """Set an attribute past all properties; from its `_backward` on a sweep pauses at the node."""

    def forget_made(self, node: Any) -> None:
        """Drop the label and the closure of a node."""

    # ---- backward, and the end of nodes

    def closure_at(self, handle: int) -> Any:
        """Return the Value with a closure whose node has this handle, or None."""

    def sweep(self, node: Any, seed: float) -> None:
        """Run backward from a node, and the closures on its way."""

    def flush(self) -> None:
        """Give the handles of all Values that have died back to the arena."""
