"""Ctrl-C is never lost, wherever it arrives.

Python prints and forgets what a finalizer raises. So all of its code stands in a `try`, and a KeyboardInterrupt
that arrives there is sent once more by a thread, which gets the GIL when the finalizer is over. From Python 3.11 on
a Ctrl-C may arrive at the entry of a function too, ahead of every `try`.
"""

from __future__ import annotations

import sys

from .hints import Any


def guarded(finalizer: Any) -> Any:
    """Decorate a finalizer: its first `try` begins at its entry."""
    if (3, 11) <= sys.version_info < (3, 15):  # each `try` is a start, a length and more in digits of 6 bits
        code = finalizer.__code__
        table = iter(code.co_exceptiontable)
        end = _number(table) + _number(table)
        first = bytes((0x80, 0x40 | end >> 6, end & 0x3F))  # start 0, length `end`
        finalizer.__code__ = code.replace(co_exceptiontable=first + bytes(table))
    return finalizer


def _number(table: Any) -> int:
    number = 0
    for byte in table:
        number = number << 6 | byte & 0x3F
        if not byte & 0x40:
            break
    return number
