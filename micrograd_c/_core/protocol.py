"""What a core of Value is to the rest of the package, for the type checker alone: mypy compares both cores with it.

`node` is a Value; an error says so where it has no node. It has what it was computed from as two parts, a and b:

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
... with Values as      tuple of operands   list of them, then ... where its data are numpy's
local derivatives
dot, neuron             tuple of inputs     tuple of weights, then the bias if there is one
neuron after neurons    tuple of neurons    likewise
======================  ==================  ===================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

Nodes = Iterable[Any]
C = TypeVar("C")


class Core(Protocol):
    """A module with these functions."""

    NAME: str
    TAKES_FLOATS: bool  # whether `layers` takes inputs that are floats
    Node: type[Any]  # the class that Value inherits from

    # the class and its nodes
    def complete(self, cls: type[C]) -> type[C]: ...
    def new(self) -> Any: ...
    def own(self, node: Any, a: Any, b: Any, function: Callable[..., int], *arguments: Any) -> Any: ...
    def leaves(self, numbers: list[float], given: Sequence[Any], constant: bool = False) -> list[Any]: ...
    def by_hand_at_once(self, node: Any, data: Any, operands: Any, label: Any) -> bool: ...
    def layers(
        self, address: int, n: int, outputs: int, inner: int, inner_params: Any, params: list[Any], inputs: Any
    ) -> list[Any] | None: ...
    def nary(self, op: int, values: Any, /) -> Any: ...
    def dot(self, ws: Any, xs: Any, bias: Any) -> Any: ...

    # what a Value knows
    def handle_of(self, node: Any) -> int: ...
    def handles(self, nodes: Nodes) -> list[int]: ...
    def operands(self, node: Any) -> tuple[Any, Any]: ...

    # attributes
    def attributes(self, node: Any) -> dict[str, Any]: ...
    def peek(self, node: Any, name: str, otherwise: Any = ..., /) -> Any: ...
    def put(self, node: Any, name: str, attribute: Any) -> None: ...
    def forget_made(self, node: Any) -> None: ...

    # backward, and the end of nodes
    def closure_at(self, handle: int) -> Any: ...
    def sweep(self, node: Any, seed: float) -> None: ...
    def flush(self) -> None: ...
