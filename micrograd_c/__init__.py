"""micrograd-c: micrograd, with its graph in C.

The same `Value`, `Neuron`, `Layer` and `MLP`; scripts written for micrograd run unchanged. `jit` turns a
function of scalars into a program that runs over whole batches; `draw` and `explain` show what happens.

`from micrograd_c import *` brings all public names but `sum`, which would hide Python's.
"""

from __future__ import annotations

from . import engine, nn
from ._version import __version__ as __version__
from .engine import Value, dot, topological_order, where, zero_grad
from .engine import sum as sum
from .nn import MLP, Layer, Module, Neuron

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

    from . import optim as optim
    from ._core.stats import Stats as Stats
    from ._core.stats import stats as stats
    from ._gradcheck import GradientError as GradientError
    from ._gradcheck import gradcheck as gradcheck
    from .jit import TracingError as TracingError
    from .jit import jit as jit
    from .jit import set_threads as set_threads
    from .viz import draw as draw
    from .viz import explain as explain

__all__ = [
    "MLP",
    "GradientError",
    "Layer",
    "Module",
    "Neuron",
    "Stats",
    "TracingError",
    "Value",
    "dot",
    "draw",
    "engine",
    "explain",
    "gradcheck",
    "jit",
    "nn",
    "optim",
    "set_threads",
    "stats",
    "topological_order",
    "where",
    "zero_grad",
]

# What scripts written for micrograd have no use for is imported when it is first asked for.
_LATER = {
    "GradientError": "_gradcheck",
    "Stats": "_core.stats",
    "TracingError": "jit",
    "draw": "viz",
    "explain": "viz",
    "gradcheck": "_gradcheck",
    "jit": "jit",
    "optim": "optim",
    "set_threads": "jit",
    "stats": "_core.stats",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f".{_LATER[name]}", __name__)
    # The submodule jit has the name of its function: mg.jit is the function.
    found = globals()[name] = getattr(module, name, module)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
