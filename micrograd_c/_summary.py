"""What a network shows of itself: a text, and a table in notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from ._core import Any
from ._fused import Watched

_LONG = 1000  # letters


def short(text: str) -> str:
    """Return the text of a network; where it is long, equal neurons are counted."""
    if len(text) <= _LONG:
        return text
    return re.sub(r"\b(\w+\(\d+\))(, \1)+", lambda m: f"{m[0].count(m[1])} x {m[1]}", text)


def table(module: Any) -> str:
    """Return HTML with a row for each layer of a module: its name, its inputs and outputs, its parameters."""
    rows = [(f"{path}: {_kind(part)}", _shape(part), part.count_parameters()) for path, part in _parts(module)]
    rows = rows or [(_kind(module), _shape(module), module.count_parameters())]
    rows.append(("all", "", module.count_parameters()))
    body = "".join(f"<tr><td>{escape(kind)}</td><td>{shape}</td><td>{n:,}</td></tr>" for kind, shape, n in rows)
    return f"<table><tr><th>layer</th><th>shape</th><th>parameters</th></tr>{body}</table>"


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules in the attributes of one, and their names; of a layer none."""
    for name, value in vars(module).items():
        if isinstance(value, Watched):
            yield name, value
        elif name != "neurons" and isinstance(value, (list, tuple, dict)):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            yield from ((f"{name}.{key}", item) for key, item in items if isinstance(item, Watched))


def _kind(module: Any) -> str:
    neurons = _neurons(module)
    activations = dict.fromkeys(n._mg_activation() for n in neurons if hasattr(n, "_mg_activation"))
    return f"{type(module).__name__} {', '.join(activations)}".strip()


def _shape(module: Any) -> str:
    neurons = _neurons(module)
    weights = getattr(neurons[0], "w", None) if neurons else None
    return f"{len(weights)} → {len(neurons)}" if isinstance(weights, (list, tuple)) else ""


def _neurons(module: Any) -> Any:
    """Return the neurons of a layer, or the module itself: one of the user's may call anything `neurons`."""
    neurons = getattr(module, "neurons", None)
    return neurons if isinstance(neurons, (list, tuple)) else [module]
