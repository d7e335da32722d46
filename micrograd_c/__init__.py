"""micrograd-c: micrograd, with its graph in C.

The same `Value`, `Neuron`, `Layer` and `MLP`; scripts written for micrograd run unchanged.
"""

from typing import Any

from . import engine, nn
from ._version import __version__
from .engine import GradientError, Stats, Value, dot, gradcheck, stats, sum, topological_order, zero_grad
from .nn import MLP, Layer, Module, Neuron

__all__ = [
    "MLP",
    "GradientError",
    "Layer",
    "Module",
    "Neuron",
    "Stats",
    "Value",
    "__version__",
    "dot",
    "engine",
    "gradcheck",
    "nn",
    "stats",
    "sum",
    "topological_order",
    "zero_grad",
]

# Public too, but imported when they are first asked for; not in __all__, since `import *` would ask for them.
_LATER = ("draw", "explain")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from . import viz

        globals().update({later: getattr(viz, later) for later in _LATER})
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
