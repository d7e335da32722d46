"""Checks of the arguments of networks, and their messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from math import inf, isfinite, sqrt
from operator import index, mul

from ._core import NAMES, OPS, Any, as_number, brief, core, to_float, warn
from ._core.absent import close_to
from ._core.numbers import class_of, is_array
from ._operands import ONE_SAMPLE, is_tracing
from .engine import Value

# Rows of the op table that say they are activations, and none.
ACTIVATIONS = {name.lower(): op for op, name in enumerate(NAMES) if OPS[op].activation} | {"linear": -1}


def size(name: str, n: Any) -> int:
    """Return a number of inputs, neurons or weights as an int; an error where no machine could hold so many."""
    try:
        count = index(n)
    except TypeError:  # an array has an __index__, but seldom one that works
        raise TypeError(f"{name} must be a whole number, not {brief(n)} ({type(n).__name__})") from None
    if count < 1:
        raise ValueError(f"{name} must be 1 or more, not {brief(n)}")
    if count >= 2**31:
        raise OverflowError(f"{name} must be below 2**31, as many nodes as there can be, not {brief(n)}")
    return count


def flag(value: Any, name: str) -> bool:
    """Return True or False, for which 1 and 0 may stand; by its truth 'no' would be True."""
    if value is True or value is False:
        return value
    if as_number(value) not in (0, 1):
        raise TypeError(f"{name} must be True or False, not {brief(value)}")
    return bool(value)


def number(value: Any, name: str, least: float, below: float = inf, kind: str = "finite") -> float:
    """Return a number as a float, least <= value < below; of the kind "a float" inf and nan too."""
    if type(value) is float and least <= value < below and isfinite(value):
        return value
    try:
        x = to_float(value, name)
        right = isfinite(x) or kind != "finite"
    except OverflowError:  # an int that no float can hold
        x, right = inf, False
    if not right or x < least or x >= below < inf:
        limits = [f"{least} or more"] * (least > -inf) + [f"less than {below}"] * (below < inf)
        raise ValueError(f"{name} must be {', '.join([kind, *limits])}, not {brief(value)}")
    return x


def option(value: Any, name: str, default: Any) -> Any:
    """Return the value of an option of an optimiser, whose default tells what it may be."""
    if isinstance(default, bool):
        return flag(value, name)
    if name == "lr" and callable(value):
        return value
    if not isinstance(default, tuple):
        return number(value, name, 0.0)
    try:
        one, two = value
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be two numbers, not {brief(value)}") from None
    return number(one, f"{name[:-1]}1", 0.0, 1.0), number(two, f"{name[:-1]}2", 0.0, 1.0)


def whole(value: Any, name: str, least: int = 0) -> int:
    """Return a count of steps, points and the like as an int: least <= value < 2**62."""
    try:
        count = int(value) if value == int(value) else least - 1
    except (TypeError, ValueError, OverflowError):
        count = least - 1
    if not least <= count < 2**62:
        limits = f"at least {least}" + " and below 2**62" * (count >= 2**62)
        raise ValueError(f"{name} must be a whole number, {limits}, not {brief(value)}")
    return count


def weight_limit(init: Any, nin: int, nout: int = 1) -> float:
    """Return a, where the weights of a layer are drawn from -a to a."""
    limits = {"uniform": 1.0, "xavier": sqrt(6 / (nin + nout)), "he": sqrt(6 / nin)}
    if isinstance(init, str) and init not in limits:
        raise ValueError(_unknown("init", init, limits))
    return limits[init] if isinstance(init, str) else number(init, "init", 0.0)


def layer_sizes(nin: int, nouts: Any) -> list[int]:
    """Return the number of inputs of an MLP, then those of the neurons of its layers."""
    try:
        if isinstance(nouts, (set, frozenset, dict)):
            raise TypeError  # they have no order
        nouts = list(nouts)
    except TypeError:
        last = brief(nouts) if isinstance(nouts, int) else "16, 1"
        raise TypeError(
            f"nouts must be a list of the sizes of the layers, not {brief(nouts)}: MLP({brief(nin)}, [{last}])"
        ) from None
    if not nouts:
        raise ValueError(
            f"MLP({brief(nin)}, []) has no layers: name the size of one at least, MLP({brief(nin)}, [1])"
        )
    sizes = [size("nin", nin), *(size(f"nouts[{i}]", n) for i, n in enumerate(nouts))]
    size("the number of weights", sum(map(mul, sizes, sizes[1:])))
    return sizes


def check_activation(activation: Any) -> None:
    """Raise an error if there is no such activation."""
    if not isinstance(activation, str):
        given = getattr(activation, "__name__", None) or brief(activation)
        raise TypeError(f"activation must be a name in quotes, not {given}; there are {', '.join(ACTIVATIONS)}")
    if activation not in ACTIVATIONS:
        raise ValueError(_unknown("activation", activation, ACTIVATIONS))


def check_arguments(owner: str, given: Iterable[str], there: Iterable[str]) -> None:
    """Raise an error if a keyword is given that the `owner` does not have."""
    for name in given:
        if name not in there:
            raise TypeError(_unknown(f"{owner}: argument", name, there))


# Arguments of layers and of other libraries that are close in letters to what they do not mean.
_INSTEAD = {
    "nonlin": "write activation='linear' for layers without relu",
    "seed": "weights are drawn by Python's random: write random.seed(1) first",
}


def _unknown(what: str, name: str, there: Iterable[str]) -> str:
    remedy = _INSTEAD.get(name) or close_to(name, {x: x for x in there})
    return f"{what} {name!r} is unknown; there are {', '.join(there)}{remedy and '; '}{remedy}"


def parameter(p: Any, i: int) -> Value:
    """Return parameter number i of those that an optimiser or a function is given; an error if it is no Value."""
    if not isinstance(p, Value):
        remedy = "pass model.parameters() or Values"
        if isinstance(p, (list, tuple)) and str not in map(type, p):  # else they have their names
            remedy = "[p for ps in params for p in ps] joins the lists"
        elif isinstance(p, str):  # a key
            remedy = "pass model.parameters(), or groups in a list, [{'params': [v, ...]}]"
        raise TypeError(f"parameter {i} must be a Value, not {class_of(p)}: {remedy}")
    return p


def not_nested(params: Iterable[Any]) -> tuple[Any, ...]:
    """Return the parameters of a module of the user's; an error if one is a list of them."""
    found = tuple(params)
    if any(issubclass(t, (list, tuple)) for t in {*map(type, found)}):
        return tuple(parameter(p, i) for i, p in enumerate(found))
    return found


def distinct_leaves(params: tuple[Any, ...], grouped: bool) -> tuple[Value, ...]:
    """Return the parameters of an optimiser, maybe of all its groups: leaves, each once."""
    if not params:
        raise ValueError(
            "an optimizer needs at least one parameter; a class of your own has those that its parameters() returns"
        )
    seen: set[int] = set()
    for i, p in enumerate(params):
        if core.operands(parameter(p, i))[0] is not None:
            raise ValueError(
                f"parameter {i} was computed from other Values; only leaves can be optimised: make one, "
                "Value(p.data), and compute with that"
            )
        if id(p) in seen:
            remedy = "leave it out of one group" if grouped else "pass dict.fromkeys(params) where layers share it"
            raise ValueError(f"parameter {i} is there twice: {remedy}")
        seen.add(id(p))
    return params


def read_state(owner: Any, state: Any, readers: Mapping[str, Callable[[Any, str], Any]]) -> dict[str, Any]:
    """Return what a state of its owner holds, each item read by its reader; an error tells all that is wrong."""
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict takes what state_dict() returned, not {type(state).__name__}")
    missing = [name for name in readers if name not in state]
    unknown = [name if type(name) is str else brief(name) for name in state if name not in readers]
    lists = {"missing": missing, f"not in {type(owner).__name__}": unknown}
    wrong = [f"{words}: {first_of(names, ', ')}" for words, names in lists.items() if names]
    found = {}
    for name, reader in readers.items():
        try:
            found[name] = reader(state[name], name) if name in state else None
        except (TypeError, ValueError, OverflowError) as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError(f"load_state_dict: the state does not fit {type(owner).__name__}. {first_of(wrong, '; ')}")
    return found


def first_of(texts: list[str], between: str) -> str:
    """Return texts as one, of which a model may have a hundred thousand."""
    return between.join(texts[:20]) + f"{between}... ({len(texts)} in all)" * (len(texts) > 20)


def ordered(x: Any) -> Any:
    """Return inputs; a warning where they come in another order, or are others, than people think."""
    if isinstance(x, (set, frozenset)):
        warn("the inputs are a set, and come in no certain order, as in micrograd: pass a list")
    elif isinstance(x, dict):
        warn("the inputs are the keys of a dict, as in micrograd: pass [*x.values()] if you mean its values")
    return x


def several_inputs(x: tuple[Any, ...]) -> TypeError:
    """Return the error for inputs that are no list, or for several samples."""
    if is_tracing():
        remedy = (
            "jit a function of all that you have, as in def loss(x, y): return (model(x) - y)**2; reduce= is given "
            "by name, and one sample is f([[1.0, 2.0]]); of numbers it is mg.jit(lambda *x: model(x))"
        )
    elif any(isinstance(item, _ROWS) or is_array(item) for item in x):
        remedy = "call the model for one sample at a time, [model(row) for row in rows]"
    else:
        remedy = "pass them in a list, as in model([1.0, 2.0]); a function of numbers is lambda *x: model(x)"
    return TypeError(f"the inputs must be one list, not {len(x)} arguments: {remedy}")


def fitting(w: Any, x: Any) -> Any:
    """Return the inputs of a neuron for its scalar form; an error or a warning if they do not fit its weights."""
    try:
        n = len(w)
    except TypeError:
        raise TypeError(f"the weights w must be a list of Values, not {type(w).__name__}: {brief(w)}") from None
    if type(x) is list and len(x) == n and _SCALARS.issuperset(map(type, x)):
        return x
    ordered(x)
    wanted = f"a list of {n} numbers or Values"
    traced = is_tracing()
    if isinstance(x, Value) and n == 1:
        return (x,)
    try:
        x = x if hasattr(x, "__len__") else list(islice(x, n))
        got = len(x)
    except TypeError:
        remedy = f"pass [{brief(x)}]" if n == 1 and as_number(x) is not None else "pass a list of them"
        if traced and isinstance(x, Value):
            remedy = (
                f"{ONE_SAMPLE}, or call the model without jit; of a batch the function gets one sample, and "
                "f.backward(X, reduce='mean') is the mean"
            )
        raise TypeError(f"the inputs must be {wanted}, not {brief(x)} ({type(x).__name__}): {remedy}") from None
    for i, item in enumerate(x):
        if isinstance(item, _NO_NUMBERS):
            remedy = "convert it first"
        elif isinstance(item, _ROWS) or is_array(item):
            remedy = (
                "call the model for one sample at a time, [model(row) for row in rows], or use "
                "micrograd_c.jit(model)(rows) for a batch"
            )
        else:
            continue
        raise TypeError(
            f"the inputs must be {wanted}, but number {i} is {brief(item)} ({type(item).__name__}): {remedy}"
        )
    if got != n:
        message = f"a neuron of {n} weight{'s' * (n != 1)} got {got} input{'s' * (got != 1)}: "
        if traced:
            raise ValueError(f"{message}pass {n}" + f", or make the network for {got}" * (got > 0))
        surplus = f"{got - n} of the inputs" if got > n else f"{n - got} of the weights"
        warn(
            f"{message}{surplus} {'is' if abs(got - n) == 1 else 'are'} not used, as in micrograd. "
            f"Pass {n} input{'s' * (n != 1)}" + f", or make the network for {got}" * (got > 0) + "."
        )
    return x


_SCALARS = {Value, float, int}
_NO_NUMBERS = (type(None), str, bytes, bytearray)
_ROWS = (list, tuple, dict, set, frozenset)
