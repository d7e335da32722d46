"""micrograd-c: micrograd, with its graph in C.

The same `Value`, `Neuron`, `Layer` and `MLP`; scripts written for micrograd run unchanged. `jit` turns a
function of scalars into a program that runs over whole batches; `draw` and `explain` show what happens.

`sum(values)` is one node for a sum of many; `plot` has pictures of functions, models and training.
`from micrograd_c import *` brings all public names but these two: `sum` would hide Python's.
"""

from __future__ import annotations

from . import engine
from ._core import TYPE_CHECKING
from ._core.absent import import_later as _import_later
from ._version import __version__ as __version__
from .engine import Value, dot, topological_order, where, zero_grad
from .engine import nary as _functions
from .engine import sum as sum

if TYPE_CHECKING:
    from . import nn, optim
    from . import plot as plot
    from . import viz as viz
    from ._core.operators import *  # noqa: F403
    from ._core.stats import Stats, stats
    from ._grad import grad, value_and_grad
    from ._gradcheck import GradientError, gradcheck, numerical_gradient
    from .jit import TracingError, jit, set_threads
    from .learn.page import lesson
    from .losses import cross_entropy, log_softmax, mse, softmax
    from .nn import MLP, Layer, Module, Neuron
    from .viz import draw, explain

__all__ = [
    "MLP",
    "GradientError",
    "Layer",
    "Module",
    "Neuron",
    "Stats",
    "TracingError",
    "Value",
    "cross_entropy",
    "dot",
    "draw",
    "engine",
    "explain",
    "grad",
    "gradcheck",
    "jit",
    "lesson",
    "log_softmax",
    "mse",
    "nn",
    "numerical_gradient",
    "optim",
    "set_threads",
    "softmax",
    "stats",
    "topological_order",
    "value_and_grad",
    "where",
    "zero_grad",
]
if TYPE_CHECKING:  # pyright takes no name out of an installed package that __all__ does not have
    from ._core import operators as _operators

    __all__ += _operators.__all__
else:
    __all__ += [name for name in _functions if name != "sum"]
globals().update(_functions)
globals().pop("logsumexp")  # that of losses takes any number

# What not all scripts use is imported when it is first asked for.
_LATER = {
    "_core.stats": "Stats stats",
    "_grad": "grad value_and_grad",
    "_gradcheck": "GradientError gradcheck numerical_gradient",
    "jit": "TracingError jit set_threads",
    "learn.page": "lesson",
    "losses": "cross_entropy log_softmax logsumexp mse softmax",
    "nn": "MLP Layer Module Neuron nn",
    "optim": "optim",
    "plot": "plot",
    "replace": "load_ipython_extension unload_ipython_extension",
    "viz": "draw explain viz",
}
# Old pickles say that these stand in the engine.
_MOVED = {"_core.stats": "Stats stats", "_gradcheck": "GradientError gradcheck"}
if not TYPE_CHECKING:
    __getattr__ = _import_later(globals(), _LATER)
    engine.__getattr__ = _import_later(vars(engine), _MOVED)


def __dir__() -> list[str]:
    return sorted({*__all__, "sum", "plot", "__version__"})
