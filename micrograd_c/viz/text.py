"""Numbers and text as people read them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context

__all__ = ["clean", "cut", "factor", "fill", "number", "width"]


_HALVES_UP = [Context(prec=max(digits, 1), rounding=ROUND_HALF_UP) for digits in range(18)]


def number(x: float, digits: int = 8) -> str:
    """Return `x` in at most so many significant digits, as short as it goes: 3, 9.030301, 1.5e-7.

    The page's script writes numbers by the same rule.
    """
    if x != x or x in (float("inf"), float("-inf")):
        return str(x)
    if x == 0:
        return "0"
    x = float(_HALVES_UP[digits].create_decimal_from_float(x))  # as JavaScript does; Python rounds halves to even
    text = f"{x:.{digits}g}"
    if "e" not in text and 1e-4 <= abs(x) < 10.0**digits:
        return text
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def factor(x: float) -> str:
    """Return a number as it stands in a product: a negative one in brackets."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text


_SLOT = re.compile(r"\{(\w+)\}")


def fill(formula: str, operands: Sequence[str], k: str = "") -> str:
    """Put operands into their slots; a negative number gets its brackets where it needs them."""

    def put(match: re.Match[str]) -> str:
        text = k if match[1] == "k" else operands[int(match[1])]
        before, after = formula[: match.start()], formula[match.end() :]
        alone = before.endswith(("(", ", ", "|")) and after.startswith((")", ",", "|"))
        if text.startswith("-") and not alone and (before or after.startswith("**")):
            return f"({text})"
        return text

    return _SLOT.sub(put, formula)


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
    kept, room = [], cells - 1
    for c in text:
        room -= width(c)
        if room < 0:
            break
        kept.append(c)
    return "".join(kept).rstrip() + "…"
