"""Ctrl-C is never lost, wherever it arrives."""

from __future__ import annotations

import _thread
import sys

from .hints import Any

_finalizers: set[Any] = globals().get("_finalizers") or set()  # those from before a reload


def raised_later(finalizer: Any) -> Any:
    """Decorate a __del__ method: Python swallows what it raises, but a Ctrl-C that arrives in it comes after it."""
    _finalizers.add(finalizer)
    return finalizer


def _install(previous: Any) -> Any:
    def hook(unraisable: Any) -> None:
        if unraisable.exc_type is KeyboardInterrupt and unraisable.object in _finalizers:
            _thread.start_new_thread(_thread.interrupt_main, ())  # from here it would be swallowed once more
        else:
            previous(unraisable)

    return hook


if hasattr(sys, "unraisablehook"):
    sys.unraisablehook = _install(sys.unraisablehook)
