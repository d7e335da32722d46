"""Static arguments: the function gets them as they are, and each value of theirs has a trace of its own."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from .._core import brief
from .._core.numbers import numpys

Static = tuple[frozenset[int], frozenset[str]]  # places and names of the arguments that are static
NONE: Static = frozenset(), frozenset()


def static_arguments(function: Callable[..., Any], given: Any, title: str) -> Static:
    """Return the places and names of the parameters in `static_argnames`; ValueError for one that is not there."""
    names = (given,) if isinstance(given, str) else tuple(given) if hasattr(type(given), "__iter__") else (given,)
    if not all(isinstance(x, str) for x in names):
        raise TypeError(f"static_argnames must be a name or a sequence of names, not {brief(given)}")
    if not names:
        return NONE
    parameters = parameters_of(function)
    is_open = parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters)  # any name may be right
    known = [p.name for p in parameters or () if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    for name in names:
        if name not in known and not is_open:
            arguments = ", ".join(known) or "none"
            raise ValueError(
                f"static_argnames={brief(given)}: {title} has no argument {brief(name)}; it has: {arguments}"
            )
    return frozenset(i for i, x in enumerate(by_place(parameters)) if x in names), frozenset(names)


def without_first(function: Callable[..., Any], static: Static) -> Static:
    """Return what is static in a function whose first argument is bound."""
    places, names = static
    bound = by_place(parameters_of(function))[:1] if 0 in places else ()
    return frozenset(i - 1 for i in places if i), names.difference(bound)


# Options of methods of what jit makes: they come by name, and so may arguments of the function.
_OPTIONS = ("reduce", "weights", "per_sample", "argnums", "sparse")


def options_in(function: Callable[..., Any]) -> dict[str, float]:
    """Return the arguments of a function that have the name of an option, with their places; inf: by name alone."""
    parameters = parameters_of(function)
    places = {name: i for i, name in enumerate(by_place(parameters))}
    names = [p.name for p in parameters or () if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {name: places.get(name, math.inf) for name in names if name in _OPTIONS}


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function, None for one that does not tell them."""
    try:
        return [*signature_of(function).parameters.values()]
    except (TypeError, ValueError):
        return None


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function; that of a partial one, also where update_wrapper has named it."""
    return inspect.signature(function, follow_wrapped=not isinstance(function, functools.partial))


def by_place(parameters: list[inspect.Parameter] | None) -> list[str]:
    """Return the names of those that can be given by place."""
    return [p.name for p in parameters or () if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def is_static(x: Any) -> bool:
    """Tell whether an argument is static though nobody has named it."""
    if isinstance(x, (bool, str)) or x is None:
        return True
    return type(x) is numpys("bool_")


def key_of(x: Any) -> Any:
    """Return what is equal for equal static arguments of one type: 1, 1.0, 0.0 and -0.0 differ, nan is nan."""
    hash(x)  # TypeError
    t, generic = type(x), numpys("generic")
    same: Any = object.__eq__
    parts: Any = x
    if generic is not None and isinstance(x, generic):
        return t, repr(x)
    for number in (float, complex):
        if isinstance(x, number):
            same, parts = number.__eq__, number.__repr__(x)
    for collection in (tuple, frozenset):
        if isinstance(x, collection):
            same, parts = collection.__eq__, collection(map(key_of, x))
    return (t, parts) if t.__eq__ is same else (t, parts, x)  # a class of a user's may tell more apart
