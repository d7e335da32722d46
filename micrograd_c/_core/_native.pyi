"""Types of the native core: most of its functions are those of the other one."""

from collections.abc import Callable
from typing import Any

from .cffi_core import Node as Node
from .cffi_core import attributes as attributes
from .cffi_core import closure_at as closure_at
from .cffi_core import dot as dot
from .cffi_core import forget_made as forget_made
from .cffi_core import handle_of as handle_of
from .cffi_core import handles as handles
from .cffi_core import layers as layers
from .cffi_core import leaves as leaves
from .cffi_core import nary as nary
from .cffi_core import new as new
from .cffi_core import operands as operands
from .cffi_core import own as own
from .cffi_core import peek as peek
from .cffi_core import put as put
from .cffi_core import sweep as sweep

SOURCES: int

class NoUfunc: ...

def attach(
    address: int,
    absent: Callable[[Any, str], AttributeError | None],
    as_number: Callable[[Any], float | None],
    to_float: Callable[[Any, str], float],
    from_numpy: Callable[[Any], bool],
    failure: Callable[..., Any],
    no_number: Callable[[int, Any, Any, str], Any],
    init: Callable[..., None],
    late: Callable[[], None],
) -> None: ...
def add_scalar(scalar: type) -> None: ...
def before_collection(phase: str, info: dict[str, Any]) -> None: ...
def expect_main() -> None: ...
def set_docs(docs: dict[str, str]) -> None: ...
