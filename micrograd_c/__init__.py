"""micrograd-c: micrograd, with its graph in C.

The same `Value`, `Neuron`, `Layer` and `MLP`; scripts written for micrograd run unchanged.
"""

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
