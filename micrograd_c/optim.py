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

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ._core import as_number, check, core, ffi, lib
from .engine import Value

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]


class Optimizer:
    """What all optimisers have in common."""

    _columns: int  # of state, one number for each parameter in each

    def __init__(self, params: Iterable[Value], lr: float) -> None:
        self.params: list[Value] = list(params)
        if not self.params:
            raise ValueError("an optimizer needs at least one parameter")
        seen: set[int] = set()
        for i, p in enumerate(self.params):
            if not isinstance(p, Value):
                raise TypeError(f"parameter {i} must be a Value, not {type(p).__name__}")
            if core.operands(p)[0] is not None:
                raise ValueError(f"parameter {i} was computed from other Values; only leaves can be optimised")
            if id(p) in seen:
                raise ValueError(f"parameter {i} is there twice")
            seen.add(id(p))
        self._n = len(self.params)
        self._handles = ffi.new("int32_t[]", core.handles(self.params))
        self._state = ffi.new("double[]", self._columns * self._n)
        self._steps = 0
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate; may be assigned."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = _number("lr", lr, 0.0)

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        status = lib.mg_set_grads(self._handles, self._n, 0.0)
        if status < 0:
            check(status)

    def step(self) -> None:
        """Change every parameter by its gradient."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on from here: numbers and lists of numbers."""
        return {**self._options(), "steps": self._steps, "state": ffi.unpack(self._state, len(self._state))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises
        ------
        ValueError
            Where it is of another optimiser, or for another number of parameters; nothing is changed then.
        """
        wanted = {*self._options(), "steps", "state"}
        if set(state) != wanted:
            raise ValueError(
                f"load_state_dict: the state has {sorted(state)}, and {type(self).__name__} has {sorted(wanted)}"
            )
        numbers = [float(x) for x in state["state"]]
        if len(numbers) != len(self._state):
            raise ValueError(
                f"load_state_dict: the state has {len(numbers)} numbers, "
                f"and {self._n} parameters have {len(self._state)}"
            )
        steps = int(state["steps"])
        self._set_options({name: state[name] for name in self._options()})
        self._state[0 : len(numbers)] = numbers
        self._steps = steps

    def _options(self) -> dict[str, Any]:
        raise NotImplementedError

    def _set_options(self, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self._options().items())
        return f"{type(self).__name__}({self._n} parameters, {options})"


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

    _columns = 1

    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = 0,
        nesterov: bool = False,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr)
        self._set_options({"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay})

    def step(self) -> None:
        """Change every parameter by its gradient."""
        state = self._state if self.momentum else ffi.NULL
        status = lib.mg_sgd(
            self._handles,
            self._n,
            state,
            self._steps == 0,
            self._lr,
            self.momentum,
            self.nesterov,
            self.weight_decay,
        )
        if status < 0:
            check(status)
        self._steps += 1

    def _options(self) -> dict[str, Any]:
        return {
            "lr": self._lr,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.weight_decay,
        }

    def _set_options(self, options: dict[str, Any]) -> None:
        lr, momentum = _number("lr", options["lr"], 0.0), _number("momentum", options["momentum"], 0.0)
        weight_decay = _number("weight_decay", options["weight_decay"], 0.0)
        if options["nesterov"] and momentum == 0:
            raise ValueError("nesterov needs a momentum greater than 0")
        self._lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.nesterov = bool(options["nesterov"])


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

    _columns = 2
    _decoupled = False

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr)
        self._set_options({"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def step(self) -> None:
        """Change every parameter by its gradient."""
        status = lib.mg_adam(
            self._handles,
            self._n,
            self._state,
            self._steps + 1,
            self._lr,
            *self.betas,
            self.eps,
            self.weight_decay,
            self._decoupled,
        )
        if status < 0:
            check(status)
        self._steps += 1

    def _options(self) -> dict[str, Any]:
        return {"lr": self._lr, "betas": self.betas, "eps": self.eps, "weight_decay": self.weight_decay}

    def _set_options(self, options: dict[str, Any]) -> None:
        beta1, beta2 = options["betas"]
        betas = _number("beta1", beta1, 0.0, 1.0), _number("beta2", beta2, 0.0, 1.0)
        lr, eps = _number("lr", options["lr"], 0.0), _number("eps", options["eps"], 0.0)
        weight_decay = _number("weight_decay", options["weight_decay"], 0.0)
        self._lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay


class AdamW(Adam):
    """Adam with weight decay that does not pass through the means (Loshchilov and Hutter, 2019).

    p -= lr * weight_decay * p, before the step of Adam.

    Parameters
    ----------
    params : iterable of Value
        Leaves, each once.
    lr : float
    betas : tuple of two floats
    eps : float
    weight_decay : float
    """

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


def _number(name: str, value: Any, least: float, below: float = math.inf) -> float:
    """Return an option as a float, least <= value < below."""
    number = as_number(value)
    if number is None:
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not least <= number < below:
        raise ValueError(
            f"{name} must be {least} or more{f' and less than {below}' if below < math.inf else ''}, not {value}"
        )
    return float(number)
