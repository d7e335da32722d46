"""Numbers and text as people read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context
from itertools import accumulate
from math import isfinite
from typing import Any

__all__ = ["clean", "cut", "fill", "number", "width"]

_HALVES_UP = [Context(prec=max(digits, 1), rounding=ROUND_HALF_UP) for digits in range(18)]


def number(x: float, digits: int = 8) -> str:
    """Return `x` in at most so many significant digits, as short as it goes: 3, 9.030301, 1.5e-7.

    The page's script writes numbers by the same rule.
    """
    if not isfinite(x) or x == 0:
        return str(x) if x else "0"
    x = float(_HALVES_UP[digits].create_decimal_from_float(x))  # as JavaScript does; Python rounds halves to even
    if 1e-4 <= abs(x) < 10.0**digits:
        return f"{x:.{digits}g}"
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


_SLOT = re.compile(r"\{(\(?)(\w+)\)?\}")


def fill(template: str, words: Mapping[str, Any]) -> str:
    """Put names and numbers into slots; what is negative gets brackets in {(x)}. The page does it likewise."""

    def put(match: re.Match[str]) -> str:
        word = words[match[2]]
        text = word if isinstance(word, str) else number(word)
        return f"({text})" if match[1] and text.startswith("-") else text

    return _SLOT.sub(put, template)


# What XML has no place for, and what would turn the direction of the text around it.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text that any file can hold, on one line."""
    return " ".join(_UNFIT.sub("\ufffd", text).split())


def width(text: str) -> int:
    """Return how many cells of a monospaced font a text takes, at most."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0x2E7F else 1
        for c in text
    )


def cut(text: str, cells: int) -> str:
    """Return the beginning of a text, with an ellipsis where that is not all."""
    if len(text) <= cells and width(text) <= cells:
        return text
    return text[: sum(taken < cells for taken in accumulate(map(width, text)))].rstrip() + "…"
