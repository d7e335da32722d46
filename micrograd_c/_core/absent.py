"""Attributes that are not there: what is said of them, and names of modules that are imported when asked for."""

from __future__ import annotations

import os
import sys
from _thread import get_ident, interrupt_main, start_new_thread
from time import monotonic, sleep

from .hints import Any, Callable

_ITS_NUMBER = "its number is v.data, a float"
_ONE_NUMBER = "a Value is one number; keep several in a list, and add them by mg.sum(values)"
_ITS_OP = "v._op is the op that made it, v._prev has its operands"
_IN_PLACE = "write v.data += number, which no gradient sees"

# What users of other libraries look for.
HABITS = {
    **dict.fromkeys(("item", "numpy", "tolist", "cpu", "cuda", "to", "float", "int", "value", "val"), _ITS_NUMBER),
    "retain_grad": "every Value keeps its gradient, v.grad",
    "requires_grad_": "every Value has a gradient; compute with v.detach() where none may flow",
    **dict.fromkeys(("shape", "dtype", "ndim", "dim", "size", "reshape", "view", "squeeze"), _ONE_NUMBER),
    **dict.fromkeys(("sum", "mean", "argmax", "T"), _ONE_NUMBER),
    **dict.fromkeys(("grad_fn", "is_leaf", "op", "prev", "children"), _ITS_OP),
    **dict.fromkeys(("add_", "sub_", "mul_", "div_"), _IN_PLACE),
    "zero_": "write v.grad = 0.0, or v.zero_grad() for all below too",
    "clone": "use v itself, which no op changes; no gradient goes from copy.copy(v) to v",
    "reciprocal": "write 1 / v",
    "abs": "write abs(v)",
    "add": "write v + other",
    "sub": "write v - other",
    "mul": "write v * other",
    "div": "write v / other",
    "neg": "write -v",
    "ln": "write v.log()",
    **{name: f"write mg.{name}(values), of a list" for name in ("softmax", "log_softmax", "logsumexp")},
    **{name: f"write mg.{name}(v)" for name in ("draw", "explain", "topological_order")},
    "where": "write mg.where(condition, a, b)",
    **dict.fromkeys(("matmul", "dot"), "write mg.dot(ws, xs)"),
    "max": "write v.maximum(other)",
    "min": "write v.minimum(other)",
    "clamp": "write v.clip(low, high)",
}

# Of networks. Few of them: completion at Python's own prompt lists what a class has, and so these too.
HABITS_OF_MODULES = {
    **dict.fromkeys(("forward", "predict"), "call the model itself, model(x)"),
    **dict.fromkeys(("train", "eval"), "leave it out: a model has no modes"),
    **dict.fromkeys(("to", "cuda"), "leave it out: all is computed on the processor"),
    **dict.fromkeys(("params", "weights"), "its weights and biases are model.parameters()"),
    "fit": "write the loop of opt.zero_grad(), loss.backward() and opt.step(); opt = optim.SGD(model.parameters())",
}

_OTHER_MODULES = {
    **dict.fromkeys(("tensor", "Tensor", "Variable", "Parameter"), "write Value(number)"),
    **dict.fromkeys(("array", "zeros", "ones", "stack", "randn"), "keep Values in a list, [Value(x) for x in ...]"),
    **dict.fromkeys(("mse_loss", "MSELoss", "mean_squared_error"), "write mg.mse(predictions, targets)"),
    **dict.fromkeys(
        ("CrossEntropyLoss", "cross_entropy_loss", "NLLLoss", "nll_loss"), "write mg.cross_entropy(logits, index)"
    ),
    **dict.fromkeys(
        ("BCELoss", "BCEWithLogitsLoss", "binary_cross_entropy"),
        "write x.softplus() - y * x, of the logit x and the label y, 0 or 1",
    ),
    **dict.fromkeys(("manual_seed", "seed"), "weights are drawn by Python's random: write random.seed(1)"),
    **dict.fromkeys(("functional", "F"), "functions of one Value are its methods, as v.relu()"),
    **dict.fromkeys(("jacobian", "hessian"), "write mg.jit(f).jacobian(x), or .hessian(x)"),
    **dict.fromkeys(("jacrev", "jacfwd"), "write mg.jit(f).jacobian(x)"),
    "vmap": "write mg.jit(f)(X), which takes a batch",
    "vjp": "write mg.jit(f).vjp((x,), cotangent)",
    **dict.fromkeys(("jvp", "hvp"), "write mg.jit(f).jvp((x,), (tangent,)), or .hvp(...)"),
    "stop_gradient": "write v.detach()",
    **{name: HABITS[name] for name in ("matmul", "max", "min", "abs")},
    **dict.fromkeys(("Linear", "Dense"), "write Layer(inputs, outputs, activation='linear')"),
    "Sequential": "write MLP(inputs, [outputs of each layer])",
    "no_grad": "compute with v.data, or with v.detach(), where no gradient may flow",
    **dict.fromkeys(
        ("lr_scheduler", "StepLR", "CosineAnnealingLR"),
        "pass a function of the step as lr, such as optim.cosine(0.1, 1000)",
    ),
}

# Of optimisers.
HABITS_OF_OPTIMIZERS = {
    "param_groups": "write opt.lr = 0.1, or of one group opt.groups[0].lr = 0.1",
    "add_param_group": "make another optimizer with all groups, [{'params': [v, ...]}, ...]",
    "backward": "call it of the loss, loss.backward()",
}

_remedies: dict[str, str] = {}  # of names that Values were asked for, since hasattr() asks again and again


def absent(node: Any, name: str, remedy: str | None = None) -> AttributeError | None:
    """Return the error for an attribute that is not there; None where the class has one that raised."""
    if hasattr(type(node), name):
        return None
    kept = _remedies if type(node).__module__ == f"{__package__.rpartition('.')[0]}.engine" else {}
    remedy = remedy or kept.get(name)
    if remedy is None:
        remedy = HABITS.get(name) or close_to(name, {x: x for x in dir(type(node)) if x != name})
        if len(kept) < 1000:
            kept[name] = remedy
    if remedy is _ITS_NUMBER and hasattr(type(node), "_reflected"):  # jit traces it
        remedy = "while jit traces it has no number: compute with the Value itself"
    return AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}{remedy and ': '}{remedy}")


def lacking(module: dict[str, Any], name: str) -> AttributeError:
    """Return the error for a name that a module does not have, but maybe a Value or optim: `tanh` is v.tanh."""
    there = {x: f"v.{x}" for x in dir(module.get("Value")) if x not in HABITS and "Optimizer" not in module}
    if name[0] != "_" and "optim" in module:
        with importing:
            from importlib import import_module

            there |= {x: f"optim.{x}" for x in dir(import_module(f"{module['__package__']}.optim"))}
    there |= {x: x for x in module["__dir__"]()}
    remedy = _OTHER_MODULES.get(name) or close_to(name, there)
    return AttributeError(f"module {module['__name__']!r} has no attribute {name!r}{remedy and ': '}{remedy}")


class _Importing:
    """Says that the thread imports a module late, `with importing:`. A fork waits for those of other threads.

    So no child has a half-made module that nobody goes on importing. The threads do not wait, and a fork not for
    ever: such an import may itself wait for a lock of another module's that is held where the fork is.
    """

    def __init__(self) -> None:
        self._threads: list[int] = []
        self._interrupted = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._wait, after_in_parent=self._send_again, after_in_child=self._in_child)

    def __enter__(self) -> None:
        self._threads.append(get_ident())

    def __exit__(self, *_: object) -> None:
        try:  # noqa: SIM105 - contextlib would take a millisecond of each start
            self._threads.remove(get_ident())
        except ValueError:  # a fork that waited in vain has forgotten it
            pass

    def _wait(self) -> None:
        end = monotonic() + 5.0
        while True:
            try:
                while {*self._threads} - {get_ident()} and monotonic() < end:
                    sleep(0.001)
                if monotonic() >= end:
                    self._keep_own()
                return
            except KeyboardInterrupt:  # Python forgets what is raised here
                self._interrupted = True

    def _send_again(self) -> None:
        if self._interrupted:
            self._interrupted = False
            start_new_thread(self._send, (sys._getframe(1),))

    @staticmethod
    def _send(forks: Any) -> None:
        """Interrupt when os.fork() has returned to this frame: Python forgets what hooks or its warning raise."""
        at, end = forks.f_lasti, monotonic() + 1.0
        while forks.f_lasti == at and monotonic() < end:  # an error of fork may leave it there
            sleep(0.001)
        interrupt_main()

    def _in_child(self) -> None:
        self._interrupted = False
        self._keep_own()

    def _keep_own(self) -> None:
        self._threads[:] = [thread for thread in self._threads if thread == get_ident()]


importing = _Importing()


def import_later(module: dict[str, Any], names: dict[str, str]) -> Callable[[str], Any]:
    """Return the __getattr__ of a module, given its globals and, for other modules, the names that stand there."""
    homes = {name: home for home, there in names.items() for name in there.split()}

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise lacking({**module, **homes}, name)
        with importing:
            from importlib import import_module

            home = import_module(f".{homes[name]}", module["__package__"])
        # The import puts a submodule in the place of a function of its name: mg.jit is the function.
        found = vars(home).get(name, home)
        if not getattr(home.__spec__, "_initializing", False):  # a signal or a finalizer comes in the middle of it
            module[name] = found
        elif found is home and name != homes[name]:
            raise AttributeError(f"{home.__name__} is being imported, and has no {name} yet")
        return found

    return __getattr__


def close_to(name: str, there: dict[str, str]) -> str:
    """Return in words which of the names there are, shown as these texts, are close to one."""
    if name.startswith("_"):
        return ""
    with importing:
        from difflib import get_close_matches

    lower: dict[str, list[str]] = {}  # Stats and stats are one here
    for x, shown in there.items():
        if x[0] != "_":
            lower.setdefault(x.lower(), []).append(shown)
    close = [shown for x in get_close_matches(name.lower(), lower) for shown in lower[x]]
    return f"close to it {'is' if len(close) == 1 else 'are'} {', '.join(close)}" if close else ""


class Absent:
    """Says what to write instead of an attribute: a __getattr__ would make every attribute slower.

    It stands in the class `home`. A base that a user's class has behind that one may have the attribute.
    """

    __slots__ = ("_home", "_name", "_remedy")

    def __init__(self, home: Any, name: str, remedy: str) -> None:
        self._home, self._name, self._remedy = home, name, remedy

    def __get__(self, node: Any, cls: Any = None) -> Any:
        found = getattr(super(self._home, cls if node is None else node), self._name, self)
        if found is not self:
            return found
        raise (node is not None and absent(node, self._name, self._remedy)) or AttributeError(
            f"type object {cls.__name__!r} has no attribute {self._name!r}"
        )

    def __repr__(self) -> str:  # help(cls) shows it
        return f"not there: {self._remedy}"


def say_of(cls: Any, habits: dict[str, str]) -> None:
    """Let instances of a class say what to write instead of these attributes, which they do not list."""
    for name, remedy in habits.items():
        setattr(cls, name, Absent(cls, name, remedy))
    cls.__dir__ = listing({*habits, "_mg_plan"})


def listing(some: set[str]) -> Callable[[Any], list[str]]:
    """Return the __dir__ of a class whose instances list these names only where they have them."""

    def __dir__(self: Any) -> list[str]:
        return [name for name in object.__dir__(self) if name not in some or hasattr(self, name)]

    return __dir__
