"""The native core when the Python half that it asks raises, and when there is no memory for its own tables."""

import contextlib
import gc
import subprocess
import sys
from fractions import Fraction

import pytest
from support import hooks_of_cpython, live_nodes

from micrograd_c import Value, stats

_native = pytest.importorskip("micrograd_c._core._native")
native_core = pytest.importorskip("micrograd_c._core.native_core")
pytestmark = pytest.mark.skipif(stats().core != "native", reason="the other core is Python's own code")

NAMES = ("address", "absent", "number", "to_float", "from_numpy", "failure", "no_number", "init", "late")
# The arguments of `attach`, found before the collector is told to look past what is old.
ATTACHED = next((x for x in gc.get_referrers(native_core._late) if type(x) is tuple and len(x) == len(NAMES)), ())
HALF = Fraction(1, 2)  # no plain number: C asks


class Unclear:
    """An answer that is neither true nor false."""

    def __bool__(self):
        raise ZeroDivisionError("mine")


def raising(*_, **__):
    raise ZeroDivisionError("mine")


def unclear(*_):
    return Unclear()


@contextlib.contextmanager
def asked(**functions):
    """Let C ask these functions for a while."""
    _native.attach(*(dict(zip(NAMES, ATTACHED, strict=True)) | functions).values())
    try:
        yield
    finally:
        _native.attach(*ATTACHED)


CALLS = {
    "label": ("late", lambda v: _native.put(v, "_op", [v])),
    "closure": ("late", lambda v: setattr(v, "_backward", lambda: None)),
    "attribute": ("late", lambda v: setattr(v, "note", [v])),
    "__dict__": ("late", lambda v: v.__dict__),
    "leaf": ("from_numpy", lambda v: Value(HALF)),
    "by hand": ("from_numpy", lambda v: Value(HALF, (v,), "op")),
    "operator": ("from_numpy", lambda v: v * HALF),
    "reflected": ("from_numpy", lambda v: HALF - v),
    "power": ("from_numpy", lambda v: v**HALF),
    "op with k": ("from_numpy", lambda v: v.leaky_relu(HALF)),
    "leaves": ("from_numpy", lambda v: _native.leaves([0.5], [HALF])),
    "number": ("number", lambda v: v * HALF),
    "k": ("number", lambda v: v.leaky_relu(HALF)),
    "data": ("to_float", lambda v: Value(HALF)),
    "data by hand": ("to_float", lambda v: Value(HALF, (v,), "op")),
    "assigned": ("to_float", lambda v: setattr(v, "data", HALF)),
    "error": ("failure", lambda v: (v - v).log()),
    "no number": ("no_number", lambda v: v * "3"),
    "__init__": ("init", lambda v: Value(1.0, label="a")),
}


UNCLEAR = [name for name, (function, _) in CALLS.items() if function == "from_numpy"]  # C asks for the truth of it


@pytest.mark.parametrize(
    ("name", "answer"), [*((name, raising) for name in CALLS), *((name, unclear) for name in UNCLEAR)]
)
def test_what_the_python_half_raises_comes_through_and_changes_nothing(name, answer):
    function, call = CALLS[name]
    v = Value(1.0)
    reader = v * 2.0
    before = live_nodes()
    with asked(**{function: answer}), pytest.raises(ZeroDivisionError):
        call(v)
    gc.collect()
    assert live_nodes() == before
    assert (v._op, v.data) == ("", 1.0) and _native.peek(v, "_backward") is None and not hasattr(v, "note")
    reader.backward()
    assert v.grad == 2.0
    if name not in ("label", "error", "no number"):
        call(v)  # it was the function alone


def test_an_error_on_the_way_to_a_remedy_leaves_pythons_own_words():
    for absent in (raising, lambda *_: None):
        with asked(absent=absent), pytest.raises(AttributeError, match=r"has no attribute 'tahn'$"):
            Value(1.0).tahn()


def test_attach_without_an_engine_is_a_memory_error():
    with pytest.raises(MemoryError):
        _native.attach(0, *ATTACHED[1:])
    assert (Value(2.0) * 3.0).data == 6.0


def test_a_node_that_became_another_is_whole_though_the_python_half_raises():
    a = Value(1.0)
    v = Value(4.0, (a,), (2.0,))
    v.note = [v]
    later = Value(0.0)  # it might be a reader
    with asked(late=raising), pytest.raises(ZeroDivisionError):
        v.__init__(5.0, (a,), (3.0,))
    (v * 2.0 + later).backward()
    assert (v.data, v.grad, a.grad) == (5.0, 2.0, 6.0)


def test_a_collection_without_memory_leaves_its_work_to_the_next_one():
    testcapi = hooks_of_cpython()
    gc.collect()
    before = live_nodes()
    a = Value(1.0)
    out = a * 2.0
    a.note = [out]
    info = {"generation": 2}
    for n in range(5):
        testcapi.set_nomemory(n, n + 1)
        try:
            _native.before_collection("start", info)
        except MemoryError:
            pass
        finally:
            testcapi.remove_mem_hooks()
    del a, out
    gc.collect()
    assert live_nodes() == before


# Python 3.10 forgets to set the MemoryError of a frame now and then, with objects of plain classes too.
FRESH = """
import sys
from _testcapi import remove_mem_hooks, set_nomemory
from micrograd_c import Value, stats
no_memory = MemoryError if sys.version_info >= (3, 11) else (MemoryError, SystemError)
def without(n, call):
    set_nomemory(n, n + 1)
    try:
        call()
        return 0
    except no_memory:
        return 1
    finally:
        remove_mem_hooks()
"""

# The first table is asked for, then a larger one each time that it is full: neither is to be had.
CLOSURES = """
calls = []
values = [Value(0.0) for _ in range(300)]
root = sum(values)
def closure():
    calls.append(0)
def put():
    values[0]._backward = closure
failed = 0
while without(failed, put):
    failed += 1
assert failed, failed
for v in values[1:]:
    def put():
        v._backward = closure
    without(1, put) and put()
root.backward()
assert len(calls) == 300, len(calls)
assert [v.grad for v in values] == [1.0] * 300
"""

VALUES = """
kept, failed = [], 0
append, room = kept.append, [None] * 5000
def more():
    room[len(kept)] = Value(2.0)
while len(kept) < 5000:
    if without(1, more):
        failed += 1
        more()
    append(0)
assert failed and stats().live_nodes == 5000, (failed, stats())
assert sum(v.data for v in room) == 10000.0
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself dies of it, in generators")
@pytest.mark.parametrize("code", [CLOSURES, VALUES], ids=["closures", "values"])
def test_the_tables_of_the_core_grow_later_where_there_is_no_memory(code):
    hooks_of_cpython()
    done = subprocess.run([sys.executable, "-c", FRESH + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
