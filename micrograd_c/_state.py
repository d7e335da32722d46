"""The parameters of a module by name: saved, and loaded again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ._checks import misfits, refuse_state
from ._core import core, to_float
from ._fused import Watched

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

    from .engine import Value
    from .nn import Module


def named_parameters(module: Module) -> Iterator[tuple[str, Value]]:
    """Yield the name and the Value of each parameter."""
    names = _names(module)
    for i, p in enumerate(module.parameters()):
        yield names.get(id(p), f"parameters.{i}"), p


def _names(root: Module) -> dict[int, str]:
    """Return the name of each Value that attributes and lists lead to, by its id."""
    names: dict[int, str] = {}
    seen = {id(root)}
    todo: list[tuple[str, Any]] = [("", root)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, Watched):
            inside: Iterable[tuple[Any, Any]] = vars(item).items()
        elif isinstance(item, (list, tuple)):
            inside = enumerate(item)
        elif isinstance(item, dict):
            inside = item.items()
        else:
            continue
        for key, child in inside:
            name = f"{path}.{key}" if path else str(key)
            if isinstance(child, core.Node):
                names.setdefault(id(child), name)
            elif id(child) not in seen and isinstance(child, (Watched, list, tuple, dict)):
                seen.add(id(child))
                todo.append((name, child))
    return names


def load_state_dict(module: Module, state: Any) -> None:
    """Set the data of each parameter to what `state` holds under its name."""
    parameters = dict(module.named_parameters())
    wrong = misfits(state, parameters, module)
    numbers = {}
    for name in parameters:
        try:
            numbers[name] = to_float(state[name], name) if name in state else 0.0
        except (TypeError, OverflowError) as error:
            wrong.append(str(error))
    refuse_state(module, wrong)
    for name, p in parameters.items():
        p.data = numbers[name]
