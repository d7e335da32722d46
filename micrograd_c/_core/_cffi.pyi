"""Types of the compiled module, as far as mypy has to know them: its functions are those of csrc/engine.h."""

from typing import Any

ffi: Any
lib: Any
