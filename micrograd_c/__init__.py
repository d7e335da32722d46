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
    "draw",
    "explain",
]

_LATER = {"draw": "viz", "explain": "viz"}  # pictures: imported when they are asked for


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
