"""All probes by name, as the head of an exercise names them."""

from __future__ import annotations

from .functions import Gradient, Local, Slope, ZeroGrad
from .networks import MLP, Layer, Loss, Network, Training
from .nodes import Backward, ByHand, History, Leaves, Node, Nodes, Order, Steps
from .probe import Probe

__all__ = ["PROBES"]

PROBES: dict[str, Probe] = {
    kind.__name__: kind()
    for kind in (
        *(Slope, Gradient, Local, Node, History, Leaves, Nodes, Order, Backward, Steps, ByHand, ZeroGrad),
        *(Network, Layer, MLP, Loss, Training),
    )
}
