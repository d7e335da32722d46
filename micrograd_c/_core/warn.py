"""Warnings that name the line of the user's code."""

from __future__ import annotations

import sys

_PACKAGES = (__name__.partition(".")[0], "numpy")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn about the innermost line that belongs neither to this package nor to numpy."""
    import warnings  # here, since most programs are never warned

    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
