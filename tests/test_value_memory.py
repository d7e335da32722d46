"""The native core when Python has no memory left: each allocation of a call fails in turn.

Calls that fail in Python code are not here: CPython itself may lose a reference there.
"""

import gc
import sys

import pytest
from support import hooks_of_cpython, live_nodes

from micrograd_c import MLP, Value, dot, stats
from micrograd_c import sum as value_sum
from micrograd_c._core import core

_testcapi = hooks_of_cpython()
pytestmark = [
    pytest.mark.skipif(stats().core != "native", reason="the other core is Python's own code"),
    pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself dies of it, in generators"),
]


class Sub(Value):
    pass


def attribute(v):
    v.note = [v]


def label(v):
    v._op = "sin"


def closure(v):
    v._backward = lambda: None
    (v * 2.0).backward()


def operands(v):
    return core.operands(MODEL([v, v]))


MODEL = MLP(2, [3, 1])
CALLS = {
    "leaf": lambda v: Value(1.5),
    "op": lambda v: v * v,
    "op and number": lambda v: 2.0 - v,
    "op with k": lambda v: v.leaky_relu(0.2),
    "power": lambda v: v**3,
    "sum": lambda v: value_sum([v, v, v]),
    "dot": lambda v: dot([v, v], [v, v]),
    "network": lambda v: MODEL([v, v]),
    "inner layers": operands,
    "by hand": lambda v: Value(1.0, [v, v, v], "op"),
    "by hand, derivatives": lambda v: Value(1.0, (v,), (2.0,)),
    "subclass": lambda v: Sub(1.0, (v,)),
    "attribute": attribute,
    "label": label,
    "closure": closure,
    "__dict__": lambda v: v.__dict__,
    "backward": lambda v: (v * v + v).backward(),
}


@pytest.mark.parametrize("name", CALLS)
def test_where_memory_ends_a_call_is_a_memory_error_and_leaves_no_node(name):
    call = CALLS[name]
    kept = [Value(-1.0) for _ in range(70_000)]  # takes what waits for the next Values
    failed, last = 0, 10  # none of the last ten fails: there is none left that could
    for start in range(60):
        if start > last + 10:
            break
        v = Value(-2.0)
        gc.collect(0)
        before = live_nodes()
        try:
            _testcapi.set_nomemory(start, start + 1)
            try:
                call(v)
            finally:
                _testcapi.remove_mem_hooks()
        except MemoryError:
            failed, last = failed + 1, start
        del v
        gc.collect()
        assert live_nodes() == before - 1
    assert failed and len(kept) == 70_000
    root = Value(3.0) * 2.0
    root.backward()
    assert root.data == 6.0
