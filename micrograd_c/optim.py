"""Optimisers: one call of C for a step of all parameters. Formulas and defaults are PyTorch's."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from copy import copy
from functools import partial
from inspect import Parameter, Signature
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from ._checks import check_arguments, distinct_leaves, number, option, parameter, read_state, whole
from ._copying import in_slots
from ._core import Held, brief, check, ffi, lib
from ._core.absent import HABITS_OF_OPTIMIZERS, import_later, say_of
from ._core.numbers import class_of
from ._operands import listed, open_traces
from ._schedules import Rate, cosine, step_decay, warm_up
from .engine import Value

if TYPE_CHECKING:  # the options of a class are read as the fields of a dataclass
    from typing_extensions import Self, dataclass_transform

    class _Parameters:
        def __get__(self, optimizer: Any, owner: Any = None) -> tuple[Value, ...]: ...
        def __set__(self, optimizer: Any, values: Iterable[Value | Mapping[str, Any]]) -> None: ...

    class _Rate:
        def __get__(self, optimizer: Any, owner: Any = None) -> float: ...
        def __set__(self, optimizer: Any, rate: float | Rate) -> None: ...

    @dataclass_transform()
    class _Declared: ...
else:
    _Declared, _Rate = object, float
    __getattr__ = import_later(globals(), {})  # says what is close to a name that is not there

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm", "cosine", "step_decay", "warm_up"]


def __dir__() -> list[str]:
    return __all__


_REQUIRED = Parameter.empty
_annotations = getattr(inspect, "get_annotations", lambda cls: vars(cls).get("__annotations__", {}))  # 3.9 has none


class _Option:
    """An attribute of an optimiser that is checked whenever it is assigned."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is None:
            return self
        found = self.of_each(optimizer)
        if found.count(found[0]) < len(found):
            raise AttributeError(
                f"{self.name} is not the same in all groups, {brief(found)}: read and change group.{self.name}, "
                "for group in optimizer.groups"
            )
        return found[0]

    def of_each(self, optimizer: Any) -> list[Any]:
        """Return the values in the groups, or the one of an optimiser that has none."""
        found = []
        for one in optimizer._without_groups or (optimizer,):
            value = one._options[self.name]
            found.append(number(value(one._steps[0]), self.name, 0.0) if callable(value) else value)
        return found

    def __set__(self, optimizer: Any, value: Any) -> None:
        every = optimizer._without_groups or (optimizer,)
        _set_at_once([(x, _attributes(x._checked_options({self.name: value}, x._options))) for x in every])


def _attributes(options: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Return the attributes that keep these options, and others."""
    lr, *rest = options.values()
    flat = [0.0 if callable(lr) else lr, *(x for y in rest for x in (y if type(y) is tuple else (y,)))]
    return {**others, "_options": options, "_scheduled": callable(lr), "_numbers": ffi.new("double[]", flat)}


def _set_at_once(changes: list[tuple[Optimizer, dict[str, Any]]]) -> None:
    """Give optimisers these attributes, in one step: a Ctrl-C leaves all of them or none."""
    list(map(dict.update, [vars(x) for x, _ in changes], [attributes for _, attributes in changes]))


def _refuse_inside(name: str) -> None:
    from .program.trace import refuse_inside

    refuse_inside(f"{name} of an optimizer")


class Optimizer(_Declared):
    """What all optimisers have in common; each one adds its formula, its columns of state and its options.

    An option is an annotation of the class, as in a dataclass: `momentum: float = 0.0`. C reads the options in this
    order, those of base classes first. A default tells what an option may be: a number of 0 or more, True or False,
    or two numbers from 0 to below 1.

    `lr` may be a function of the number of steps taken so far, such as `cosine(0.1, 1000)`. It is asked before each
    step, and stays where a state is loaded.

    `params` may be groups with options of their own, `[{"params": a}, {"params": b, "lr": 0.01}]`. Each is an
    optimiser in the tuple `groups`. What is assigned to an option of the whole is assigned to all of them; one that
    is not the same in all of them is read there.

    Examples
    --------
    >>> a, b = Value(1.0), Value(2.0)
    >>> adam = Adam([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=cosine(0.1, 1000))
    >>> [group.lr for group in adam.groups]
    [0.1, 0.5]
    """

    # The least number in each column of state; a column has one number for each parameter, 0 at first.
    _columns: ClassVar[tuple[float, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}  # of all options; _REQUIRED: there is none
    _signature: ClassVar[Signature]  # of __init__ with these options
    __signature__: ClassVar[Signature | None]  # what inspect.signature returns; None: it looks at __init__

    if TYPE_CHECKING:
        params: _Parameters
    lr: _Rate

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        options = {name: vars(cls).get(name, _REQUIRED) for name in _annotations(cls) if name[0] != "_"}
        cls._defaults = {**cls._defaults, **options}
        kind = Parameter.POSITIONAL_OR_KEYWORD
        parameters = {"params": _REQUIRED, **cls._defaults}.items()
        cls._signature = Signature([Parameter(name, kind, default=default) for name, default in parameters])
        own = cls.__init__ is not Optimizer.__init__  # of a user's class
        cls.__signature__ = None if own else cls._signature
        for name in cls._defaults:
            setattr(cls, name, _Option(name))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name, there = type(self).__name__, self._signature.parameters
        check_arguments(name, kwargs, there)
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            example = "".join(f", {x}=0.1" for x in self._defaults if there[x].default is _REQUIRED)
            raise TypeError(
                f"{name}{self._signature}: {error}, as in {name}(model.parameters(){example})"
            ) from None
        bound.apply_defaults()
        params = listed(bound.arguments.pop("params"), "params")
        self._options: dict[str, Any]
        self._scheduled: bool
        self._numbers: Any
        vars(self).update(_attributes(self._checked_options(bound.arguments)))
        self._set_groups(())
        if params and isinstance(params[0], Mapping):
            self._set_groups(tuple(self._group(bound.arguments, group) for group in params))
            params = tuple(p for group in self._groups for p in group.params)
        self._held = Held(distinct_leaves(params, bool(self._groups)))
        self._n = len(self._held.values)
        self._state = ffi.new("double[]", 0 if self._groups else len(self._columns) * self._n)
        self._steps = ffi.new("int64_t *")

    def _group(self, options: dict[str, Any], group: Mapping[str, Any]) -> Self:
        """Return the optimiser of a group, whose options come before those that are given for all."""
        if type(self).step is not Optimizer.step:
            raise TypeError(f"{type(self).__name__} has a step of its own: make one optimizer for each group")
        if not isinstance(group, Mapping):
            raise TypeError(f"a group must be a dict, not {class_of(group)}: write {{'params': [v, ...]}}")
        one = type(self).__new__(type(self))
        Optimizer.__init__(one, **{**options, **group})
        return one

    def _set_groups(self, groups: tuple[Any, ...]) -> None:
        """Take the optimisers of the groups; keep those in them, at any depth, that have none themselves."""
        self._groups = groups
        self._without_groups = tuple(one for group in groups for one in group._without_groups or (group,))

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

    @property
    def groups(self) -> tuple[Self, ...]:
        """The optimisers of the groups; empty where there are none."""
        return self._groups

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        if open_traces:
            _refuse_inside("zero_grad()")
        self._held.zero_grad()

    def step(self) -> None:
        """Change every parameter by its gradient."""
        if open_traces:
            _refuse_inside("step()")
        if self._groups:
            for one in self._without_groups:  # a rate that is refused comes before any change
                if one._scheduled:
                    one._numbers[0] = one.lr
            for one in self._without_groups:
                check(one._formula(one._held.handles, one._n, one._state, one._steps, one._numbers))
            return
        if self._scheduled:
            self._numbers[0] = self.lr
        status = self._formula(self._held.handles, self._n, self._state, self._steps, self._numbers)
        if status < 0:
            check(status)

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on from here: numbers and lists of numbers."""
        if self._groups:
            return {"groups": [group.state_dict() for group in self._groups]}
        options = {name: getattr(self, name) for name in self._options}
        return {**options, "steps": self._steps[0], "state": ffi.unpack(self._state, len(self._state))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            It is of another optimiser, or of other parameters, or holds what none has. Nothing is changed then.
        """
        _set_at_once(self._changes(self._read_state(state)))

    def _read_state(self, state: Any) -> dict[str, Any]:
        """Return what a state holds, checked."""
        if self._groups:
            return read_state(self, state, {"groups": self._states_of_groups})
        readers: dict[str, Any] = {name: partial(option, default=self._defaults[name]) for name in self._options}
        found = read_state(self, state, {**readers, "steps": whole, "state": self._numbers_of_state})
        kept = {name: value for name, value in self._options.items() if callable(value)}
        options = self._checked_options({name: kept.get(name, found[name]) for name in readers})
        return {"options": options, "steps": found["steps"], "state": found["state"]}

    def _changes(self, found: dict[str, Any]) -> list[tuple[Optimizer, dict[str, Any]]]:
        """Return whom a state that was read gives which attributes."""
        if self._groups:
            return [x for group, own in zip(self._groups, found["groups"]) for x in group._changes(own)]
        state, steps = ffi.new("double[]", found["state"]), ffi.new("int64_t *", found["steps"])
        return [(self, _attributes(found["options"], _state=state, _steps=steps))]

    def _states_of_groups(self, states: Any, name: str) -> list[dict[str, Any]]:
        """Return what the states of all groups hold, checked."""
        if not isinstance(states, (list, tuple)) or len(states) != len(self._groups):
            raise ValueError(f"{name} must be a list of {len(self._groups)} states")
        return [group._read_state(state) for group, state in zip(self._groups, states)]

    def _numbers_of_state(self, state: Any, name: str) -> list[float]:
        """Return the numbers of a loaded state, checked."""
        if not isinstance(state, Iterable) or isinstance(state, (Mapping, set, frozenset)):
            raise TypeError(f"{name} must be a list of numbers, not {type(state).__name__}")
        numbers, n = list(state), len(self._state)
        if len(numbers) != n:
            raise ValueError(f"{name} has {len(numbers)} numbers, and {self._n} parameters have {n}")
        limits = [least for least in self._columns for _ in range(self._n)]
        return [number(x, f"number {i} of {name}", limits[i], kind="a float") for i, x in enumerate(numbers)]

    def _checked_options(self, given: Mapping[str, Any], options: Mapping[str, Any] = {}) -> dict[str, Any]:
        """Return all options: those that are given, checked, and others that are there already."""
        options = {**options}
        for name, value in given.items():
            options[name] = option(value, name, self._defaults[name])
        if callable(options["lr"]) and type(self).step is not Optimizer.step:
            raise TypeError(
                f"lr must be a number: {type(self).__name__} has a step of its own, which may change it"
            )
        self._check_together(options)
        return options

    def _check_together(self, options: dict[str, Any]) -> None:
        """Raise ValueError where options, each of them right, do not go together."""

    # Copies and pickles hold the Values and numbers, no memory of C. Old pickles have no groups.

    def __getstate__(self) -> dict[str, Any]:
        numbers = ffi.unpack(self._state, len(self._state))
        held = {"_held": self._held.values, "_state": numbers, "_steps": self._steps[0], "_numbers": None}
        return {**self.__dict__, **in_slots(self), **held}

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        twin._set_groups(tuple(map(copy, self._groups)))
        return twin

    def __setstate__(self, state: dict[str, Any]) -> None:
        memory = {"_state": ffi.new("double[]", state["_state"]), "_steps": ffi.new("int64_t *", state["_steps"])}
        for name, attribute in {"_groups": (), **state, **memory, "_held": Held(state["_held"])}.items():
            setattr(self, name, attribute)
        self._set_groups(self._groups)
        vars(self).update(_attributes(self._options))

    def __repr__(self) -> str:
        each = {name: getattr(type(self), name).of_each(self) for name in self._options}
        options = ", ".join(f"{name}={x[0] if x.count(x[0]) == len(x) else tuple(x)}" for name, x in each.items())
        groups = f" in {len(self._groups)} groups" if self._groups else ""
        return f"{type(self).__name__}({self._n} parameters{groups}, {options})"


Optimizer.__init_subclass__()
say_of(Optimizer, HABITS_OF_OPTIMIZERS)


class SGD(Optimizer):
    """Stochastic gradient descent.

    g += weight_decay * p;  m = momentum * m + g;  p -= lr * m; Nesterov's: p -= lr * (g + momentum * m).

    Parameters
    ----------
    params : iterable of Value
        Leaves, each once.
    lr : float, or a function of the number of steps so far
    momentum : float
    nesterov : bool
        Needs a momentum.
    weight_decay : float

    Examples
    --------
    >>> p = Value(2.0)
    >>> sgd = SGD([p], lr=0.25)
    >>> for step in range(2):
    ...     sgd.zero_grad()
    ...     (p * p).backward()
    ...     sgd.step()
    >>> p.data
    0.5
    """

    _formula = lib.mg_sgd
    _columns = (-math.inf,)
    lr: _Rate = 1e-3  # type: ignore[assignment]
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
    lr : float, or a function of the number of steps so far
    betas : tuple of two floats
    eps : float
    weight_decay : float
        Times p is added to the gradient.
    """

    _formula = lib.mg_adam
    _columns = (-math.inf, 0.0)
    lr: _Rate = 1e-3  # type: ignore[assignment]
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


class AdamW(Adam):
    """Adam with weight decay that does not pass through the means (Loshchilov and Hutter, 2019).

    p -= lr * weight_decay * p, before the step of Adam. The parameters are those of Adam.
    """

    _formula = lib.mg_adamw
    weight_decay: float = 1e-2


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients (Tieleman and Hinton, 2012).

    v = alpha * v + (1 - alpha) * g**2;  p -= lr * g / (sqrt(v) + eps), centered: sqrt(v - mean**2), mean that of g.

    Parameters
    ----------
    params : iterable of Value
        Leaves, each once.
    lr : float, or a function of the number of steps so far
    alpha : float
    eps : float
    weight_decay : float
        Times p is added to the gradient.
    momentum : float
        As of SGD, of what is divided already.
    centered : bool
    """

    _formula = lib.mg_rmsprop
    _columns = (0.0, -math.inf, -math.inf)
    lr: _Rate = 1e-2  # type: ignore[assignment]
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False


def clip_grad_norm(params: Iterable[Value], max_norm: float) -> float:
    """Multiply all gradients by one number, so that their norm is at most `max_norm`; return the norm they had.

    The factor is max_norm / (norm + 1e-6) where that is less than 1, as in PyTorch's `clip_grad_norm_`.

    Parameters
    ----------
    params : iterable of Value
        Each counts once, however often it is there.
    max_norm : float
        0 or more; inf changes nothing.

    Examples
    --------
    >>> p = Value(3.0)
    >>> (p * p).backward()
    >>> clip_grad_norm([p], 1.0), round(p.grad, 6)
    (6.0, 1.0)
    """
    values = {id(p): parameter(p, i) for i, p in enumerate(listed(params, "params"))}.values()
    norm = math.hypot(*(p.grad for p in values)) if all(p.grad == p.grad for p in values) else math.nan
    no_limit = isinstance(max_norm, (float, Real)) and max_norm == math.inf
    scale = 1.0 if no_limit else number(max_norm, "max_norm", 0.0) / (norm + 1e-6)
    if not scale >= 1:  # of nan too
        for p in values:
            p.grad *= scale
    return norm
