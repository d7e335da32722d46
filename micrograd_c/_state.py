"""The parameters of a module by name: saved, and loaded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ._checks import not_nested, read_state
from ._core import Any, brief, to_float
from ._fused import Watched
from .engine import Value

_NETWORKS = f"{__package__}.nn"


class Stateful(Watched):
    """What has parameters with names."""

    __slots__ = ()

    def named_parameters(self: Any) -> Iterator[tuple[str, Value]]:
        """Yield the name and the Value of each parameter, in the order of `parameters()`.

        A name is the way to it through attributes and lists, such as 'layers.0.neurons.3.w.1'.
        """
        names = _names(self)
        for i, p in enumerate(not_nested(self.parameters())):
            yield names.get(id(p), f"parameters.{i}"), p

    def state_dict(self) -> dict[str, float]:
        """Return the data of each parameter by its name; a TypeError if one is a plain number.

        Of a class of yours these are what its `parameters()` returns; a TypeError if it has none and holds Values.
        """
        return {name: p.data for name, p in _named(self).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the data of each parameter to what `state` holds under its name.

        Parameters
        ----------
        state : mapping of str to float
            What `state_dict()` of a module of the same shape returned.

        Raises
        ------
        TypeError
            `state` is not a mapping, or as of `state_dict()`.
        ValueError
            Names are missing or unknown, or a value is not a number. It tells all of them, and no parameter
            is changed.
        """
        parameters = _named(self)
        numbers = read_state(self, state, dict.fromkeys(parameters, to_float))
        for name, p in parameters.items():
            p.data = numbers[name]


def _named(module: Any) -> dict[str, Any]:
    """Return the parameters of a module by name; an error if one is no Value, nor like one."""
    found = dict(module.named_parameters())
    names = [*found]
    if not names and not any("parameters" in vars(c) for c in type(module).__mro__ if c.__module__ != _NETWORKS):
        for name in [name for name, x in _paths(module) if isinstance(x, Value)][:1]:
            raise TypeError(
                f"{type(module).__name__} says of no Value, such as its {name}, that it is a parameter: "
                "give the class a method parameters() that returns those of all its parts"
            )
    for i, p in enumerate(found.values()):
        if not isinstance(p, Value) and not hasattr(p, "grad"):
            # A number may stand in several places: the one that is closest to the parameter before, or behind.
            beside = "".join(names[i - 1 : i] or names[1:2]).split(".")
            ways = [way for way, x in _paths(module) if x is p]
            name = max(ways, key=lambda way: sum(map(str.__eq__, way.split("."), beside)), default=names[i])
            raise TypeError(
                f"{name} of this {type(module).__name__} is {brief(p)}, not a Value: write Value(number), "
                "or bias=False for a layer or neuron without one"
            )
    return found


def _names(root: Stateful) -> dict[int, str]:
    """Return the name of each Value that attributes and lists lead to, by its id."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for name, x in _paths(root):
        if isinstance(x, Value) and id(x) not in names and name not in taken:  # 1 and "1" are two keys of a dict
            names[id(x)] = name
            taken.add(name)
    return names


def _paths(root: Stateful) -> Iterator[tuple[str, Any]]:
    """Yield what attributes and lists lead to, and the way to it first."""
    seen = {id(root)}
    todo: list[tuple[str, Any]] = [("", root)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, Watched):
            item = vars(item)
        if not isinstance(item, (list, tuple, dict)):
            continue
        for key, child in item.items() if isinstance(item, dict) else enumerate(item):
            name = f"{path}.{key}" if path else str(key)
            yield name, child
            if id(child) not in seen and not isinstance(child, Value):
                seen.add(id(child))
                todo.append((name, child))
