"""Ctrl-C is never lost, wherever it arrives.

Python prints and forgets what a finalizer raises. So all of its code stands in a `try`, and a KeyboardInterrupt
that arrives there is sent once more by a thread, which gets the GIL when the finalizer is over. On CPython
from 3.11 on it may arrive at the entry of a function too, ahead of every `try`.
"""

from __future__ import annotations

import sys

from .hints import Any


def guarded(finalizer: Any) -> Any:
    """Decorate a finalizer: its first `try` begins at its entry; as it is where Python may have other tables."""
    if sys.implementation.name == "cpython" and (3, 11) <= sys.version_info < (3, 14):  # what the tests have run on
        code = finalizer.__code__
        table = iter(code.co_exceptiontable)  # each `try` is a start, a length and more, in digits of 6 bits
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
