"""The core of Value: what has to be fast. Everything above it is ordinary Python and knows no core."""

from . import cffi_core as core
from ._cffi import ffi, lib
from .errors import DOMAINS, LABELS, NAMES, OPS, check, error
from .numbers import as_number, to_float

__all__ = ["DOMAINS", "LABELS", "NAMES", "OPS", "as_number", "check", "core", "error", "ffi", "lib", "to_float"]
