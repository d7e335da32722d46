"""The hot part of Value as a CPython type, from csrc/value/; its rarer half stands here."""

from __future__ import annotations

import gc
import sys

from ._cffi import ffi, lib
from ._native import (
    Hidden,
    Node,
    add_scalar,
    attach,
    attributes,
    before_collection,
    closure_at,
    dot,
    expect_main,
    forget_made,
    handle_of,
    handles,
    layers,
    leaves,
    new,
    operands,
    own,
    parts,
    peek,
    put,
    set_docs,
    sum,
    sweep,
)
from .absent import absent
from .docs import doc, signature
from .errors import NAMES, OPS, check
from .ieee import failure
from .numbers import as_number, from_numpy, no_number, on_scalar, to_float

TYPE_CHECKING = False  # typing takes longer to import than all of this package
if TYPE_CHECKING:
    from typing import Any

NAME = "native"

# What a core is.
__all__ = [
    "NAME",
    "Hidden",
    "Node",
    "attributes",
    "by_hand",
    "closure_at",
    "complete",
    "dot",
    "flush",
    "forget_made",
    "handle_of",
    "handles",
    "has_node",
    "layers",
    "leaves",
    "new",
    "operands",
    "own",
    "parts",
    "peek",
    "put",
    "sum",
    "sweep",
]

expect_main()
check(lib.mg_init())
on_scalar(add_scalar)
set_docs(f"{NAMES[op].lower()}({signature(op)})\n--\n\n{doc(op)}" for op in range(len(OPS)) if OPS[op].method)


def flush() -> None:
    """Give all dead handles back; here they always are."""


def has_node(node: Node) -> bool:
    """Tell whether `node` owns one."""
    return node._h >= 0


def by_hand(
    node: Any, data: float, operands: tuple[Any, ...], slopes: list[Any] | None, numpy: bool = False
) -> None:
    """Let `node` own a node made by hand; one that it owns becomes it. See cffi_core."""
    n = len(operands)
    a: Any
    b: Any
    given = n > 0 and slopes is not None and isinstance(slopes[0], Node)
    numbers = ffi.NULL if slopes is None or given else slopes
    nodes = handles(slopes) if given else ffi.NULL  # type: ignore[arg-type]
    if n > 2 or (n and (given or numpy)):
        a, b = operands, slopes if given else ... if numpy else None
    else:
        a, b = operands[0] if n else None, operands[1] if n == 2 else ... if numpy else None
    own(node, a, b, lib.mg_by_hand, node._h, handles(operands), n, numbers, nodes, data)


def complete(cls: type) -> Any:
    """Return the C type with all that `cls` adds to it."""
    for name, attribute in vars(cls).items():
        if name not in ("__slots__", "__module__", "__qualname__", "__init__", "__annotations__"):
            setattr(Node, name, attribute)
    attach(
        int(ffi.cast("uintptr_t", lib.mg_engine_of())),
        absent,
        as_number,
        to_float,
        from_numpy,
        _failure,
        no_number,
        vars(cls)["__init__"],
        _late,
    )
    return Node


def _failure(status: int, op: int, *operands: Any) -> Any:
    return failure(sys.modules[__name__], status, op, *operands)


def _late() -> None:
    """Hear that a Value got an attribute when it may have had readers already."""
    if before_collection not in gc.callbacks:
        gc.callbacks.append(before_collection)
