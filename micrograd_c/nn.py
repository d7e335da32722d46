"""Neurons, layers and multi-layer perceptrons over `Value`.

A neuron is one node of the graph, and a call of a layer or an MLP one call of C. Assign to `n.w[0]`, `n.b`,
`layer.neurons` and the rest as you like: the next call honours it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from . import _fused
from ._checks import (
    ACTIVATIONS,
    check_activation,
    check_arguments,
    fitting,
    flag,
    layer_sizes,
    not_nested,
    several_inputs,
    size,
    weight_limit,
)
from ._core import LABELS, TYPE_CHECKING, Any, core
from ._core.absent import HABITS_OF_MODULES, importing, lacking, say_of
from ._state import Stateful
from .engine import Value

if TYPE_CHECKING:
    import random as random
    from typing import NoReturn

    from typing_extensions import Unpack

    from ._core.operators import Activation, Init, NeuronOptions, Number

# Exactly what micrograd's module brings by `import *`.
__all__ = ["MLP", "Layer", "Module", "Neuron", "Value", "random"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name != "random":
            raise lacking(globals(), name)
        return _random()


def __dir__() -> list[str]:
    return __all__


def _random() -> Any:
    """Return the module, which scripts that make no neuron do not need."""
    with importing:
        import random

    globals().setdefault("random", random)
    return random


class Module(Stateful):
    """Base class of all that has parameters."""

    __slots__ = ()

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        _fused.zero_grad(self)

    def parameters(self) -> Iterable[Value]:
        """Return the parameters; a class of your own may return any iterable of them here."""
        return []

    def count_parameters(self) -> int:
        """Return the number of parameters, each counted once."""
        return len({*map(id, not_nested(self.parameters()))})

    def _repr_html_(self) -> str:
        with importing:
            from ._summary import table  # here and below, since it needs re, and few ask for it

        return table(self)


say_of(Module, HABITS_OF_MODULES)


def _is_ours(there: Any, cls: type) -> bool:
    """Tell whether what stands in this module is our class or one over it; a script may assign nn.Neuron."""
    return isinstance(there, type) and issubclass(there, cls)


class _Planned(Module):
    """A module that is computed by one call of C."""

    __slots__ = ("_mg_plan",)


class Neuron(_Planned):
    """activation(b + w[0]*x[0] + w[1]*x[1] + ...), as one node.

    Parameters
    ----------
    nin : int
        Number of inputs. The weights are drawn by `random.uniform(-a, a)`, in order; the bias is 0.
    nonlin : bool
        False: no activation.
    activation : {'relu', 'leaky_relu', 'tanh', 'sigmoid', 'softplus', 'silu', 'gelu', 'linear'}, optional
        Instead of `nonlin`. The slope of 'leaky_relu' below 0 is 0.01.
    fused : bool
        False: the scalar graph, a node for each `*` and `+`.
    init : {'uniform', 'xavier', 'he'} or float
        The number a: 1; sqrt(6 / (nin + nout)), nout the neurons of the layer, for tanh (Glorot and Bengio, 2010);
        sqrt(6 / nin), for relu (He et al., 2015); any other, 0 or more.
    bias : bool
        False: there is none.

    Attributes
    ----------
    w : list of Value
    b : Value
        None where there is no bias.
    nonlin : bool
    """

    w: list[Value]
    b: Value
    nonlin: bool = True
    fused: bool = True
    _activation: str = "relu"

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        activation: Activation | None = None,
        fused: bool = True,
        init: Init = "uniform",
        bias: bool = True,
        **unknown: NoReturn,
    ) -> None:
        check_arguments("Neuron", unknown, ("nin", "nonlin", "activation", "fused", "init", "bias"))
        nin = size("nin", nin)
        if isinstance(nonlin, str):  # type: ignore[unreachable]
            raise TypeError(
                f"nonlin must be True or False, not {nonlin!r}"
                + f": pass activation={nonlin!r}" * (nonlin in ACTIVATIONS)
            )
        bias = flag(bias, "bias")
        if not flag(fused, "fused"):
            self.fused = False
        if activation is not None:
            self._mg_activate(activation)
        a = weight_limit(init, nin)
        source: Any = globals().get("random") or _random()  # a script may assign nn.random and nn.Value
        numbers = [*(source.uniform(-a, a) for _ in range(nin)), *([0.0] if bias else [])]
        leaves = core.leaves(numbers, numbers) if Value is _fused.Value else [*map(Value, numbers)]
        b: Any = leaves.pop() if bias else None
        self.w, self.b = leaves, b
        if activation is None:
            self.nonlin = nonlin  # by its truth, and the last of vars(), as in micrograd

    @property
    def activation(self) -> str:
        """The name of the activation; may be assigned. A class with its own `__call__` uses it freely."""
        plain = self._activation if self.nonlin else "linear"
        return vars(self).get("activation", plain)  # type: ignore[no-any-return]

    @activation.setter
    def activation(self, activation: str) -> None:
        cls = type(self)
        if cls.__call__ is __class__.__call__ and (cls is __class__ or isinstance(activation, str)):  # type: ignore[name-defined]
            self._mg_activate(activation)
        else:
            vars(self)["activation"] = activation

    def _mg_activate(self, activation: str) -> None:
        check_activation(activation)
        self.nonlin = activation != "linear"
        if self.nonlin:
            self._activation = activation

    def _mg_activation(self) -> str:
        """Return the name of the activation that `Neuron.__call__` computes."""
        if not self.nonlin:
            return "linear"
        cls: Any = type(self)
        if cls.__call__ is __class__.__call__ and cls.activation is not __class__.activation:  # type: ignore[name-defined]
            said = self.activation
            if isinstance(said, str) and said in ACTIVATIONS:
                return said
        name: Any = self._activation  # a class of the user's may have another use for it
        return name if isinstance(name, str) and name in ACTIVATIONS else "relu"

    def __call__(self, x: Iterable[Number], *more: NoReturn) -> Value:
        """Return the node of this neuron.

        Parameters
        ----------
        x : iterable of Value or float
            The inputs, one for each weight. Surplus inputs or weights are ignored, as in micrograd, with a warning.
            Of an iterator no more are taken than there are weights, and nobody looks for more.

        Raises
        ------
        TypeError
            Where `x` is no list of numbers, or has lists or arrays in it.
        """
        if more:
            raise several_inputs((x, *more))
        if type(x) is not list and isinstance(x, Iterator):
            x = list(islice(x, len(self.w)))
        if self.fused and (out := _fused.outputs(self, None, x)) is not None:
            return out[0]  # type: ignore[no-any-return]
        w, b = self.w, self.b  # once: they may be properties that draw random numbers
        total = sum((wi * xi for wi, xi in zip(w, fitting(w, x))), 0.0 if b is None else b)
        return getattr(total, self._mg_activation())() if self.nonlin else total

    def parameters(self) -> list[Value]:
        """Return the weights, then the bias."""
        w, b = self.w, self.b
        return [*w] if b is None else [*w, b]

    def __repr__(self) -> str:
        name = self._mg_activation()
        op = ACTIVATIONS[name]
        name = LABELS[op] if op >= 0 else name  # 'ReLU' and 'Linear', as micrograd has them
        return f"{name if name != name.lower() else name.capitalize()}Neuron({len(self.w)})"


class _Listing(_Planned):
    """A module whose text lists its parts, as in micrograd."""

    __slots__ = ()

    def _mg_text(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        with importing:
            from ._summary import short

        return short(self._mg_text())

    def __str__(self) -> str:  # whole; a class of the user's may have a __repr__ of its own
        return self._mg_text() if type(self).__repr__ is _Listing.__repr__ else repr(self)


class Layer(_Listing):
    """Neurons that read the same inputs.

    Parameters
    ----------
    nin, nout : int
        Number of inputs and of neurons.
    **kwargs
        For each `Neuron`: nonlin, activation, fused, init, bias.

    Attributes
    ----------
    neurons : list of Neuron
    """

    neurons: list[Neuron]

    def __init__(self, nin: int, nout: int, **kwargs: Unpack[NeuronOptions]) -> None:
        nin, nout = size("nin", nin), size("nout", nout)
        size("the number of weights", nin * nout)
        if "init" in kwargs and _is_ours(Neuron, _fused._Neuron):
            a = weight_limit(kwargs["init"], nin, nout)
            if kwargs["init"] == "xavier":  # no neuron knows nout
                kwargs["init"] = a
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Iterable[Number], *more: NoReturn) -> Any:
        """Return the outputs in a list; a single one as it is. `x`: as of a Neuron."""
        if more:
            raise several_inputs((x, *more))
        if type(x) is not list and isinstance(x, Iterator):
            x = list(x)
        out = _fused.outputs(self, None, x)
        if out is None:
            out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """Return the parameters of the neurons, one after the other."""
        return [p for n in self.neurons for p in n.parameters()]

    def _mg_text(self) -> str:
        return f"Layer of [{', '.join(map(str, self.neurons))}]"


class MLP(_Listing):
    """A multi-layer perceptron: layers in a row, the last one linear.

    Parameters
    ----------
    nin : int
        Number of inputs.
    nouts : list of int
        Number of neurons in each layer.
    activation : str
        As of `Neuron`. Of all layers but the last.
    fused : bool
        False: the scalar graph, a node for each `*` and `+`.
    init, bias
        As of `Neuron`.

    Attributes
    ----------
    layers : list of Layer

    Examples
    --------
    >>> model = MLP(3, [4, 4, 1], activation="tanh")
    >>> model.count_parameters()
    41
    >>> model([0.5, -1.0, 2.0]).backward()  # of several outputs it returns a list
    """

    layers: list[Layer]

    def __init__(
        self,
        nin: int,
        nouts: Iterable[int],
        activation: Activation = "relu",
        fused: bool = True,
        init: Init = "uniform",
        bias: bool = True,
        **unknown: NoReturn,
    ) -> None:
        check_arguments("MLP", unknown, ("nin", "nouts", "activation", "fused", "init", "bias"))
        sizes = layer_sizes(nin, nouts)
        if _is_ours(Layer, _fused._Layer) and _is_ours(Neuron, _fused._Neuron):
            check_activation(activation)
        # What is not asked for is not passed on: a user's Layer or Neuron may take what micrograd's take alone.
        given = (("fused", fused, True), ("init", init, "uniform"), ("bias", bias, True))
        options: Any = {name: x for name, x, plain in given if type(x) is not type(plain) or x != plain}
        hidden = options if activation == "relu" else {**options, "activation": activation}
        last = len(sizes) - 2
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i < last, **(hidden if i < last else options))
            for i in range(last + 1)
        ]

    def __call__(self, x: Iterable[Number], *more: NoReturn) -> Any:
        """Return the outputs of the last layer in a list; a single one as it is. `x`: as of a Neuron."""
        if more:
            raise several_inputs((x, *more))
        layers = self.layers
        out = _fused.outputs(self, layers, x)
        if out is None:
            for layer in layers:
                x = layer(x)
            return x
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """Return the parameters of the layers, one after the other."""
        return [p for layer in self.layers for p in layer.parameters()]

    def _mg_text(self) -> str:
        return f"MLP of [{', '.join(map(str, self.layers))}]"


_fused.know(Neuron, Layer, MLP)
