"""Neurons, layers and multi-layer perceptrons over `Value`.

>>> from micrograd_c.nn import MLP
>>> model = MLP(3, [4, 4, 1])
>>> len(model.parameters())
41
>>> y = model([0.5, -1.0, 2.0])
>>> y.backward()

A neuron is one node of the graph, and a call of a layer or an MLP one call of C. Assign to `n.w[0]`, `n.b`,
`layer.neurons` and the rest as you like: the next call honours it.
"""

from __future__ import annotations

import sys
from builtins import sum as _sum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter, index

from ._core import LABELS, NAMES, OPS, Held, as_number, check, core, ffi, lib, to_float, warn
from ._core.numbers import is_array
from .engine import Value

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    import random as random
    from typing import Any, Literal

# Exactly what micrograd's module brings by `import *`.
__all__ = ["MLP", "Layer", "Module", "Neuron", "Value", "random"]

# Rows of the op table that say they are activations, and none.
_ACTIVATIONS = {name.lower(): op for op, name in enumerate(NAMES) if OPS[op].activation} | {"linear": -1}

# Counts the assignments to these attributes, of any module: a plan made before the last one is made anew.
_ATTRIBUTES = ("w", "b", "nonlin", "fused", "_activation", "neurons", "layers")
_WATCHED = frozenset((*_ATTRIBUTES, "parameters", "__class__", "__dict__"))
_assignments = 0


def __getattr__(name: str) -> Any:
    if name != "random":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import random  # here, since scripts that make no neuron need none

    return random


class Module:
    """Base class of whatever has parameters."""

    __slots__ = ("__dict__", "__weakref__", "_plan")

    _plan: _Plan | None

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        held = _held_parameters(self)
        if held is None:
            parameters = list(self.parameters())
            if not {*map(type, parameters)} <= {Value}:
                for p in parameters:
                    p.grad = 0.0
                return
            held = Held(parameters)
        check(lib.mg_set_grads(held.handles, len(held.values), 0.0))

    def parameters(self) -> Iterable[Value]:
        """Return the parameters; a class of your own may return any iterable of them here."""
        return []

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Yield the name and the Value of each parameter, in the order of `parameters()`.

        A name is the way to it through attributes and lists, such as 'layers.0.neurons.3.w.1'.
        """
        names = _names(self)
        for i, p in enumerate(self.parameters()):
            yield names.get(id(p), f"parameters.{i}"), p

    def state_dict(self) -> dict[str, float]:
        """Return the data of each parameter by its name."""
        return {name: p.data for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the data of each parameter to what `state` holds under its name.

        Parameters
        ----------
        state : mapping of str to float
            What `state_dict()` of a module of the same shape returned.

        Raises
        ------
        TypeError
            Where `state` is no mapping.
        ValueError
            Where names are missing or unknown or a value is no number; it tells all of them, and no parameter
            is changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict takes what state_dict() returned, not {type(state).__name__}")
        parameters = dict(self.named_parameters())
        wrong = []
        if missing := [name for name in parameters if name not in state]:
            wrong.append(f"missing: {', '.join(missing)}")
        if unknown := [str(name) for name in state if name not in parameters]:
            wrong.append(f"not in this module: {', '.join(unknown)}")
        numbers = {}
        for name in parameters:
            try:
                numbers[name] = to_float(state[name], name) if name in state else 0.0
            except (TypeError, OverflowError) as error:
                wrong.append(str(error))
        if wrong:
            raise ValueError(f"load_state_dict: the state does not fit {type(self).__name__}. " + "; ".join(wrong))
        for name, p in parameters.items():
            p.data = numbers[name]

    def __setattr__(self, name: str, value: Any) -> None:
        global _assignments
        object.__setattr__(self, name, value)
        if name in _WATCHED:
            _assignments += 1

    def __delattr__(self, name: str) -> None:
        global _assignments
        object.__delattr__(self, name)
        if name in _WATCHED:
            _assignments += 1

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        global _assignments
        self.__dict__.update(state)
        _assignments += 1


class Neuron(Module):
    """activation(b + w[0]*x[0] + w[1]*x[1] + ...), as one node.

    Parameters
    ----------
    nin : int
        Number of inputs. The weights are drawn by `random.uniform(-1, 1)`, in order; the bias is 0.
    nonlin : bool
        False: no activation.
    activation : {'relu', 'leaky_relu', 'tanh', 'sigmoid', 'softplus', 'silu', 'gelu', 'linear'}, optional
        Instead of `nonlin`. The slope of 'leaky_relu' below 0 is 0.01.
    fused : bool
        False: the scalar graph, a node for each `*` and `+`.

    Attributes
    ----------
    w : list of Value
    b : Value
    nonlin : bool
    """

    nonlin: bool = True
    fused: bool = True
    _activation: str = "relu"

    def __init__(self, nin: int, nonlin: bool = True, activation: str | None = None, fused: bool = True) -> None:
        import random

        nin = _size("nin", nin)
        _check_nonlin(nonlin)
        if activation is not None:
            _check_activation(activation)
        numbers = [*(random.uniform(-1, 1) for _ in range(nin)), 0.0]
        *self.w, self.b = core.leaves(numbers, numbers)
        self.nonlin = nonlin
        self.fused = fused
        if activation is not None:
            self.activation = activation

    @property
    def activation(self) -> str:
        """The name of the activation; may be assigned."""
        return self._activation if self.nonlin else "linear"

    @activation.setter
    def activation(self, activation: str) -> None:
        _check_activation(activation)
        self.nonlin = activation != "linear"
        if self.nonlin:
            self._activation = activation

    def __call__(self, x: Any) -> Any:
        """Return the node of this neuron.

        Parameters
        ----------
        x : iterable of Value or float
            The inputs, one for each weight. Surplus inputs or weights are ignored, as in micrograd, with a warning.

        Raises
        ------
        TypeError
            Where `x` is no list of numbers, or has lists or arrays in it.
        """
        if type(x) is not list and isinstance(x, Iterator):
            x = list(islice(x, len(self.w)))
        out = _fused(self, None, x)
        if out is not None:
            return out[0]
        x = _fitting(self.w, x)
        total = _sum((wi * xi for wi, xi in zip(self.w, x)), self.b)
        return getattr(total, self.activation)() if self.nonlin else total

    def parameters(self) -> list[Value]:
        """Return the weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        op = _ACTIVATIONS.get(self.activation, -1)
        kind = LABELS[op] if op >= 0 else self.activation
        kind = kind if kind != kind.lower() else kind.capitalize()
        return f"{kind}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons that read the same inputs.

    Parameters
    ----------
    nin, nout : int
        Number of inputs and of neurons.
    **kwargs
        For each `Neuron`: nonlin, activation, fused.

    Attributes
    ----------
    neurons : list of Neuron
    """

    neurons: list[Any]

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(_size("nout", nout))]

    def __call__(self, x: Any) -> Any:
        """Return the outputs in a list; a single one as it is.

        Parameters
        ----------
        x : iterable of Value or float
        """
        if type(x) is not list and isinstance(x, Iterator):
            x = list(x)
        out = _fused(self, None, x)
        if out is None:
            out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        """Return the parameters of the neurons, one after the other."""
        return [p for n in self.neurons for p in n.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(n) for n in self.neurons)}]"


class MLP(Module):
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

    Attributes
    ----------
    layers : list of Layer
    """

    layers: list[Any]

    def __init__(self, nin: int, nouts: Sequence[int], activation: str = "relu", fused: bool = True) -> None:
        try:
            nouts = list(nouts)
        except TypeError:
            raise TypeError(
                f"nouts must be a list of the sizes of the layers, not {nouts!r}: MLP({nin!r}, [{nouts!r}])"
            ) from None
        if not nouts:
            raise ValueError(f"MLP({nin!r}, []) has no layers: name the size of one at least, MLP({nin!r}, [1])")
        sizes = [_size("nin", nin), *(_size(f"nouts[{i}]", n) for i, n in enumerate(nouts))]
        _check_activation(activation)
        last = len(nouts) - 1
        self.layers = [
            Layer(sizes[i], sizes[i + 1], activation="linear" if i == last else activation, fused=fused)
            for i in range(len(nouts))
        ]

    def __call__(self, x: Any) -> Any:
        """Return the outputs of the last layer in a list; a single one as it is.

        Parameters
        ----------
        x : iterable of Value or float
        """
        if type(x) is not list and isinstance(x, Iterator):
            x = list(x)
        out = _fused(self, self.layers, x)
        if out is not None:
            return out[0] if len(out) == 1 else out
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        """Return the parameters of the layers, one after the other."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"


def _size(name: str, n: Any) -> int:
    """Return a number of inputs or neurons as an int."""
    try:
        size = index(n)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {n!r} ({type(n).__name__})") from None
    if size < 1:
        raise ValueError(f"{name} must be 1 or more, not {size}")
    return size


def _check_nonlin(nonlin: Any) -> None:
    if isinstance(nonlin, str):
        raise TypeError(f"nonlin must be True or False, not {nonlin!r}: pass activation={nonlin!r}")


def _check_activation(activation: Any) -> None:
    """Raise the error for an activation that there is none of."""
    if isinstance(activation, str) and activation in _ACTIVATIONS:
        return
    there_are = f"there are {', '.join(_ACTIVATIONS)}"
    if not isinstance(activation, str):
        raise TypeError(f"activation must be a name, not {activation!r}; {there_are}")
    from difflib import get_close_matches

    close = get_close_matches(activation.lower(), _ACTIVATIONS, 1)
    hint = f". Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"activation {activation!r} is unknown; {there_are}{hint}")


def _fitting(w: Any, x: Any) -> Any:
    """Return the inputs of a neuron for its scalar form; tell where they do not fit its weights."""
    n = len(w)
    if type(x) is list and len(x) == n and _are_scalars(x):
        return x
    wanted = f"a list of {n} numbers or Values"
    tracing = sys.modules.get(f"{__package__}.program.trace")
    traced = tracing is not None and tracing.is_inside()
    if isinstance(x, Value):
        if n == 1:
            return (x,)
        remedy = "to jit a list is a batch: pass one sample as [[...]], or call the model without jit"
        raise TypeError(
            f"the inputs must be {wanted}, not a single Value: {remedy if traced else 'pass a list of them'}"
        )
    try:
        x = x if hasattr(x, "__len__") else list(islice(x, n))
        got = len(x)
    except TypeError:
        remedy = f"[{x!r}]" if n == 1 and as_number(x) is not None else "a list of them"
        raise TypeError(
            f"the inputs must be {wanted}, not {_short(x)} ({type(x).__name__}): pass {remedy}"
        ) from None
    if not _are_scalars(x):
        for i, item in enumerate(x):
            if item is None or isinstance(item, _NO_INPUTS) or is_array(item):
                plain = item is None or isinstance(item, (str, bytes, bytearray))
                raise TypeError(
                    f"the inputs must be {wanted}, but number {i} is {_short(item)} ({type(item).__name__}): "
                    + (
                        "convert it first"
                        if plain
                        else "call the model for one sample at a time, [model(row) for row in "
                        "rows], or use micrograd_c.jit(model)(rows) for a batch"
                    )
                )
    if got != n:
        message = f"a neuron of {n} weight{'s' * (n != 1)} got {got} input{'s' * (got != 1)}: "
        if traced:
            raise ValueError(f"{message}pass {n}, or make the network for {got}")
        surplus = f"{got - n} of the inputs" if got > n else f"{n - got} of the weights"
        warn(
            f"{message}{surplus} {'is' if abs(got - n) == 1 else 'are'} not used, as in micrograd. "
            f"Pass {n} inputs, or make the network for {got}."
        )
    return x


def _are_scalars(items: Iterable[Any]) -> bool:
    return all(issubclass(t, (Value, float, int)) for t in {*map(type, items)})


_NO_INPUTS = (str, bytes, bytearray, list, tuple, dict, set, frozenset)


def _short(x: Any) -> str:
    text = " ".join(repr(x).split())
    return text if len(text) <= 40 else text[:37] + "..."


def _names(root: Module) -> dict[int, str]:
    """Return the name of each Value that attributes and lists lead to, by its id."""
    names: dict[int, str] = {}
    seen = {id(root)}
    todo: list[tuple[str, Any]] = [("", root)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, Module):
            inside: Iterable[tuple[Any, Any]] = vars(item).items()
        elif isinstance(item, (list, tuple)):
            inside = enumerate(item)
        elif isinstance(item, dict):
            inside = item.items()
        else:
            continue
        for key, child in inside:
            name = f"{path}.{key}" if path else str(key)
            if isinstance(child, Value):
                names.setdefault(id(child), name)
            elif id(child) not in seen and isinstance(child, (Module, list, tuple, dict)):
                seen.add(id(child))
                todo.append((name, child))
    return names


# ---- fused calls -------------------------------------------------------------------------------------------------


class _Plan:
    """What one call of C has to know about layers in a row, as long as nothing of it is changed."""

    __slots__ = ("assignments", "call", "copies", "held", "keep", "layers", "lists", "types", "width")

    assignments: int  # _assignments at the time it was made
    layers: Any  # the layers of an MLP; None: the owner itself is the layer
    lists: list[Any]  # the layers' lists of neurons, the neurons' lists of weights: the very objects ...
    copies: list[Any]  # ... and what they held
    types: tuple[Any, ...] | None  # classes of layers and neurons; None: changes of some can't be seen
    width: int | None  # inputs
    call: tuple[int, int, int, int, list[Any], list[Any]] | None  # of core.layers; None: these can't be fused
    keep: list[Any]  # memory of the C layers
    held: Held | Literal[False] | None  # the parameters; None: not known yet, False: ask for them each time

    def __reduce__(self) -> Any:
        return type(None), ()


_layer_call, _neuron_call = Layer.__call__, Neuron.__call__
_parameters = (Neuron.parameters, Layer.parameters, MLP.parameters)


# A script that puts a relu of its own into Value wants it to be used.
_scalar_operators = attrgetter("__add__", "__mul__", *(name for name, op in _ACTIVATIONS.items() if op >= 0))
_OPERATORS = _scalar_operators(Value)


def _plan_of(owner: Module, layers: Any, width: int | None) -> _Plan:
    """Return the plan of `layers`, or of `owner` alone, for so many inputs; None: for any number."""
    try:
        plan: _Plan | None = owner._plan
    except AttributeError:
        plan = None
    if (
        plan is None
        or plan.assignments != _assignments
        or (plan.width != width and width is not None)
        or plan.layers is not layers
        or plan.lists != plan.copies
    ):
        plan = _make_plan(owner, layers, width)
        object.__setattr__(owner, "_plan", plan)
    return plan


def _fused(owner: Module, layers: Any, x: Any) -> list[Any] | None:
    """Return the outputs of the last layer, or None where only the scalar form does what the user asks for."""
    try:
        width = len(x)
    except TypeError:
        if not isinstance(x, Value):  # what a layer of one neuron gave
            return None
        x, width = (x,), 1
    plan = _plan_of(owner, layers, width)
    if plan.call is None or _scalar_operators(Value) != _OPERATORS:
        return None
    for t in plan.types or ():
        if t.__call__ is not _neuron_call and t.__call__ is not _layer_call:
            return None
    inputs = x if type(x) is tuple else tuple(x)
    outs = core.layers(*plan.call, inputs)
    if outs is None and (converted := _input_values(inputs)) is not None:
        outs = core.layers(*plan.call, converted)
    return outs


def _held_parameters(owner: Module) -> Held | None:
    """Return the parameters of a Neuron, Layer or MLP, None where they have to be asked for anew."""
    owns: Any = type(owner).parameters
    if owns not in _parameters:
        return None
    plan = _plan_of(owner, owner.layers if owns is _parameters[2] else None, None)  # type: ignore[attr-defined]
    if plan.types is None or any(t.parameters not in _parameters for t in plan.types):
        return None
    if plan.held is None:
        modules = [
            owner,
            *(m for items in plan.lists for m in items if isinstance(m, Module)),
            *(plan.layers or ()),
        ]
        values = owner.parameters()
        # Who says fused=False has everything read at each call.
        seen = all("parameters" not in vars(m) and getattr(m, "fused", True) for m in modules)
        plan.held = Held(values) if seen and {*map(type, values)} <= {Value} else False
    return plan.held or None


def _input_values(inputs: tuple[Any, ...]) -> tuple[Value, ...] | None:
    """Return inputs as Values; None where one is of a class of the user's, whose operators are to be honoured."""
    out: list[Any] = list(inputs)
    places = [i for i, x in enumerate(inputs) if type(x) is not Value]
    given = [inputs[i] for i in places]
    numbers = [*map(as_number, given)]
    if None in numbers:
        return None
    for i, leaf in zip(places, core.leaves([float(x) for x in numbers if x is not None], given, True)):
        out[i] = leaf
    return tuple(out)


def _make_plan(owner: Module, layers: Any, width: int | None) -> _Plan:
    plan = _Plan()
    plan.assignments = _assignments
    plan.width = width
    plan.layers = layers
    plan.lists = [layers] if type(layers) is list else []
    plan.call = plan.held = plan.types = None
    row: Any = [owner] if layers is None else layers if type(layers) in (list, tuple) else [None]
    rows: list[list[Any]] = []
    types: set[Any] = set()
    for layer in row:
        types.add(type(layer))
        if isinstance(layer, Neuron):  # a single one is a layer of one
            neurons: Any = [layer]
        else:
            neurons = layer.neurons if isinstance(layer, Layer) else None
            if type(neurons) is not list:
                break
            plan.lists.append(neurons)
        rows.append(neurons)
        types.update(map(type, neurons))
        if not all(isinstance(n, Neuron) and type(n.w) is list for n in neurons):
            break
        plan.lists += [n.w for n in neurons]
    else:
        if all(map(_shows_changes, types)):
            plan.types = tuple(types)
    plan.copies = [list(items) for items in plan.lists]
    if plan.types is not None and rows and all(rows):
        _compile(plan, rows)
    return plan


def _shows_changes(t: Any) -> bool:
    """Tell whether a class of neurons or layers leaves all attributes that a plan depends on to Module."""
    return (
        t.__setattr__ is Module.__setattr__
        and t.__delattr__ is Module.__delattr__
        and t.__getattribute__ is object.__getattribute__
        and not hasattr(t, "__getattr__")
        and getattr(t, "activation", Neuron.activation) is Neuron.activation
        and not any(hasattr(getattr(t, name, None), "__get__") for name in _ATTRIBUTES)
    )


def _compile(plan: _Plan, rows: list[list[Any]]) -> None:
    """Fill in what C needs, where every neuron can be fused."""
    c_layers = ffi.new("mg_layer[]", len(rows))
    plan.keep = [c_layers]
    all_params = []
    outputs, width = 0, plan.width
    for c_layer, neurons in zip(c_layers, rows):
        params = []
        for n in neurons:
            weights, bias = n.w, n.b
            # Where the inputs are not as many as the weights, or none, the scalar form says what micrograd does.
            if len(weights) != width or not weights or not n.fused or n.activation not in _ACTIVATIONS:
                return
            if type(bias) is not Value or not {*map(type, weights)} <= {Value}:
                return
            params.append((*weights, bias))
        arrays = {
            "counts": [len(p) - 1 for p in params],
            "weights": core.handles([w for p in params for w in p[:-1]]),
            "biases": core.handles([p[-1] for p in params]),
            "activations": [_ACTIVATIONS[n.activation] for n in neurons],
        }
        c_layer.neurons = len(neurons)
        for name, numbers in arrays.items():
            plan.keep.append(ffi.new("int32_t[]", numbers))
            setattr(c_layer, name, plan.keep[-1])
        plan.keep.append(ffi.new("int8_t[]", len(neurons)))
        c_layer.runs = plan.keep[-1]
        all_params.append(params)
        outputs += len(neurons)
        width = len(neurons)
    *inner_params, last = all_params
    address = int(ffi.cast("uintptr_t", c_layers))
    plan.call = (address, len(rows), outputs, outputs - len(last), inner_params, last)
