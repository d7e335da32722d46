"""micrograd-c: micrograd, with its graph in C.

The same `Value`, `Neuron`, `Layer` and `MLP`; scripts written for micrograd run unchanged. `jit` turns a
function of scalars into a program that runs over whole batches.
"""

from typing import TYPE_CHECKING, Any

from . import engine, nn
from ._version import __version__
from .engine import GradientError, Stats, Value, dot, gradcheck, stats, sum, topological_order, where, zero_grad
from .nn import MLP, Layer, Module, Neuron

if TYPE_CHECKING:
    from . import optim
    from .jit import TracingError, jit, set_threads

__all__ = [
    "MLP",
    "GradientError",
    "Layer",
    "Module",
    "Neuron",
    "Stats",
    "TracingError",
    "Value",
    "__version__",
    "dot",
    "engine",
    "gradcheck",
    "jit",
    "nn",
    "optim",
    "set_threads",
    "stats",
    "sum",
    "topological_order",
    "where",
    "zero_grad",
]


def __getattr__(name: str) -> Any:
    """Import what scripts written for micrograd have no use for when it is asked for."""
    from importlib import import_module

    if name == "optim":
        return import_module(".optim", __name__)
    if name in ("jit", "set_threads", "TracingError"):
        module = import_module(".jit", __name__)
        # The module's own name is that of its function: whoever says mg.jit means the function.
        globals().update(jit=module.jit, set_threads=module.set_threads, TracingError=module.TracingError)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
