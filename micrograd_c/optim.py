"""Optimisers: one call of C for a step of all parameters. Formulas and defaults are PyTorch's.

>>> import micrograd_c as mg
>>> p = mg.Value(2.0)
>>> sgd = mg.optim.SGD([p], lr=0.5)
>>> (p * p).backward()
>>> sgd.step()
>>> p.data
0.0
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from functools import partial
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, ClassVar

from ._checks import check_arguments, read_state
from ._copying import in_slots
from ._core import Held, check, core, ffi, lib, to_float
from ._core.numbers import class_of
from ._operands import listed
from .engine import Value

if TYPE_CHECKING:  # the options of a class are read as the fields of a dataclass
    from typing_extensions import dataclass_transform

    class _Parameters:
        def __get__(self, optimizer: Any, owner: Any = None) -> tuple[Value, ...]: ...
        def __set__(self, optimizer: Any, values: Iterable[Value]) -> None: ...

    @dataclass_transform()
    class _Declared: ...
else:
    _Declared = object

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]


def __dir__() -> list[str]:
    return __all__


_REQUIRED = Parameter.empty
_annotations = getattr(inspect, "get_annotations", lambda cls: vars(cls).get("__annotations__", {}))  # 3.9 has none


def _flat(option: Any) -> tuple[Any, ...]:
    """Return the numbers of an option."""
    return option if type(option) is tuple else (option,)


class _Option:
    """An attribute of an optimiser that is checked whenever it is assigned."""

    def __init__(self, name: str, default: Any, at: int) -> None:
        self.name, self.default, self.at = name, default, at  # its first number is the one at `at`

    def __get__(self, optimizer: Any, owner: type) -> Any:
        return self if optimizer is None else optimizer._options[self.name]

    def __set__(self, optimizer: Any, value: Any) -> None:
        options = {**optimizer._options, self.name: _option(value, self.name, self.default)}
        optimizer._check_together(options)
        optimizer._options = options
        for i, number in enumerate(_flat(options[self.name])):
            optimizer._numbers[self.at + i] = number


class Optimizer(_Declared):
    """What all optimisers have in common; each one adds its formula, its columns of state and its options.

    An option is an annotation of the class, as in a dataclass: `momentum: float = 0.0`. C reads the options in this
    order, those of base classes first. A default tells what an option may be: a number of 0 or more, True or False,
    or two numbers from 0 to below 1.
    """

    # The least number in each column of state; a column has one number for each parameter, 0 at first.
    _columns: ClassVar[tuple[float, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}  # of all options; _REQUIRED: there is none
    _signature: ClassVar[Signature]  # of __init__ with these options
    # What inspect.signature returns of the class; None: it looks at __init__.
    __signature__: ClassVar[Signature | None]

    if TYPE_CHECKING:
        params: _Parameters
    lr: float

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        options = {name: vars(cls).get(name, _REQUIRED) for name in _annotations(cls) if name[0] != "_"}
        cls._defaults = {**cls._defaults, **options}
        kind = Parameter.POSITIONAL_OR_KEYWORD
        parameters = {"params": _REQUIRED, **cls._defaults}.items()
        cls._signature = Signature([Parameter(name, kind, default=default) for name, default in parameters])
        own = cls.__init__ is not Optimizer.__init__  # of a user's class
        cls.__signature__ = None if own else cls._signature
        at = 0
        for name, default in cls._defaults.items():
            setattr(cls, name, _Option(name, default, at))
            at += len(_flat(default))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name, there = type(self).__name__, self._signature.parameters
        check_arguments(name, kwargs, there)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            example = "".join(f", {x}=0.1" for x in self._defaults if there[x].default is _REQUIRED)
            message = f"{name}{self._signature}: {error}, as in {name}(model.parameters(){example})"
            raise TypeError(message) from None
        bound.apply_defaults()
        params = bound.arguments.pop("params")
        self._set_options(bound.arguments)
        self._held = Held(_checked(params))
        self._n = len(self._held.values)
        self._state = ffi.new("double[]", len(self._columns) * self._n)
        self._steps = ffi.new("int64_t *")

    def _formula(self, *_: Any) -> int:
        """Take a step: a function of csrc/optim.c."""
        raise NotImplementedError(
            f"{type(self).__name__} has no formula: define step(self), or _formula, a function of C, with _columns "
            "and options, as optim.SGD does"
        )

    if not TYPE_CHECKING:

        @property
        def params(self) -> tuple[Value, ...]:
            """The parameters; for others make another optimiser."""
            return self._held.values

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        status = lib.mg_set_grads(self._held.handles, self._n, 0.0)
        if status < 0:
            check(status)

    def step(self) -> None:
        """Change every parameter by its gradient."""
        check(self._formula(self._held.handles, self._n, self._state, self._steps, self._numbers))

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on from here: numbers and lists of numbers."""
        return {**self._options, "steps": self._steps[0], "state": ffi.unpack(self._state, len(self._state))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            It is of another optimiser, or for another number of parameters, or holds what no optimiser has. Then
            nothing is changed.
        """
        readers: dict[str, Any] = {name: partial(_option, default=self._defaults[name]) for name in self._options}
        found = read_state(self, state, {**readers, "steps": _whole, "state": self._numbers_of_state})
        numbers, steps = found.pop("state"), found.pop("steps")
        self._set_options(found)
        self._state[0 : len(numbers)] = numbers
        self._steps[0] = steps

    def _numbers_of_state(self, state: Any, name: str) -> list[float]:
        """Return the numbers of a loaded state, checked."""
        if not isinstance(state, Iterable):
            raise TypeError(f"{name} must be a list of numbers, not {type(state).__name__}")
        numbers, n = list(state), len(self._state)
        if len(numbers) != n:
            raise ValueError(f"{name} has {len(numbers)} numbers, and {self._n} parameters have {n}")
        return [_number(x, f"number {i} of {name}", self._columns[i // self._n]) for i, x in enumerate(numbers)]

    def _set_options(self, options: dict[str, Any]) -> None:
        """Check all options, then take them over."""
        options = {name: _option(value, name, self._defaults[name]) for name, value in options.items()}
        self._check_together(options)
        self._options = options
        self._numbers = ffi.new("double[]", [x for value in options.values() for x in _flat(value)])

    def _check_together(self, options: dict[str, Any]) -> None:
        """Raise ValueError where options, each of them right, do not go together."""

    # Copies and pickles hold the Values and numbers, no memory of C.

    def __getstate__(self) -> dict[str, Any]:
        numbers = ffi.unpack(self._state, len(self._state))
        held = {"_held": self._held.values, "_state": numbers, "_steps": self._steps[0], "_numbers": None}
        return {**self.__dict__, **in_slots(self), **held}

    def __setstate__(self, state: dict[str, Any]) -> None:
        held = Held(state["_held"])
        memory = {"_state": ffi.new("double[]", state["_state"]), "_steps": ffi.new("int64_t *", state["_steps"])}
        for name, attribute in {**state, **memory, "_held": held}.items():
            setattr(self, name, attribute)
        self._set_options(self._options)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self._options.items())
        return f"{type(self).__name__}({self._n} parameters, {options})"


Optimizer.__init_subclass__()


class SGD(Optimizer):
    """Stochastic gradient descent.

    g += weight_decay * p;  m = momentum * m + g;  p -= lr * m; Nesterov's: p -= lr * (g + momentum * m).

    Parameters
    ----------
    params : iterable of Value
        Leaves, each once.
    lr : float
    momentum : float
    nesterov : bool
        Needs a momentum.
    weight_decay : float
    """

    _formula = lib.mg_sgd
    _columns = (-math.inf,)
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def _check_together(self, options: dict[str, Any]) -> None:
        if options["nesterov"] and options["momentum"] == 0:
            raise ValueError("nesterov needs a momentum greater than 0")


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015).

    m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g**2;
    p -= lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps), t the number of the step.

    Parameters
    ----------
    params : iterable of Value
        Leaves, each once.
    lr : float
    betas : tuple of two floats
    eps : float
    weight_decay : float
        Times p is added to the gradient.
    """

    _formula = lib.mg_adam
    _columns = (-math.inf, 0.0)
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


class AdamW(Adam):
    """Adam with weight decay that does not pass through the means (Loshchilov and Hutter, 2019).

    p -= lr * weight_decay * p, before the step of Adam. The parameters are those of Adam.
    """

    _formula = lib.mg_adamw
    weight_decay: float = 1e-2


def _checked(params: Any) -> tuple[Value, ...]:
    """Return the parameters: leaves, each once."""
    values = listed(params, "params")
    if not values:
        raise ValueError("an optimizer needs at least one parameter")
    seen: set[int] = set()
    for i, p in enumerate(values):
        if not isinstance(p, Value):
            raise TypeError(f"parameter {i} must be a Value, not {class_of(p)}: pass model.parameters() or Values")
        if core.operands(p)[0] is not None:
            raise ValueError(f"parameter {i} was computed from other Values; only leaves can be optimised")
        if id(p) in seen:
            raise ValueError(f"parameter {i} is there twice")
        seen.add(id(p))
    return values


def _option(value: Any, name: str, default: Any) -> Any:
    """Return the value of an option, checked."""
    if isinstance(default, bool):
        return bool(value)
    if not isinstance(default, tuple):
        return _number(value, name, 0.0)
    try:
        one, two = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be two numbers, not {value!r}") from None
    return _number(one, f"{name[:-1]}1", 0.0, 1.0), _number(two, f"{name[:-1]}2", 0.0, 1.0)


def _whole(value: Any, name: str) -> int:
    """Return a number of steps, checked."""
    number = _number(value, name, 0.0, 2.0**62)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def _number(value: Any, name: str, least: float, below: float = math.inf) -> float:
    """Return a finite number as a float, least <= value < below."""
    if type(value) is float and least <= value < below and math.isfinite(value):
        return value
    try:
        number = to_float(value, name)
    except OverflowError:
        number = math.inf
    if not (least <= number < below and math.isfinite(number)):
        limits = [f"{least} or more"] * (least > -math.inf) + [f"less than {below}"] * (below < math.inf)
        raise ValueError(f"{name} must be {', '.join(['finite', *limits])}, not {value!r:.40}")
    return number
