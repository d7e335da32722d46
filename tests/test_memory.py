"""No memory: where an allocation fails there is a MemoryError, nothing is lost, and the engine goes on."""

import contextlib
import ctypes
import pickle
import sys

import pytest
from public_calls import CALLS, Watched
from support import hooks_of_cpython

import micrograd_c as mg
from micrograd_c import Value, stats
from micrograd_c._core import _cffi

testcapi = hooks_of_cpython()
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # what is raised in __del__

ENOUGH = 30  # calls in a row that succeed: they have no more allocations that could fail
# CPython loses some of these errors: a call of a function says that none is set, pickle that it could not import.
NO_MEMORY = (MemoryError, SystemError, pickle.PicklingError)


def program():
    """Record a program, run it and list it."""
    w = Value(0.5)
    f = mg.jit(lambda x, y: (w * x + y).tanh() * mg.dot([x, w], [y, 2.0]).maximum(0.0) + 1.0)
    f.backward([0.5, 1.0], [2.0, 3.0])
    f.value_and_gradient(0.5, 2.0)
    return [w, Value(float(len(str(f.program(1.0, 2.0)))))]


calls = pytest.mark.parametrize("call", [*CALLS, program], ids=lambda call: call.__name__)


@contextlib.contextmanager
def python_fails(n):
    """Let one allocation of CPython fail: the n-th from here.

    A pair is never it: CPython 3.11 dies where dict.items() gets none for its results (dictiter_new).
    """
    pairs = [(n, n) for _ in range(1000)]
    del pairs  # to the free list of tuples
    testcapi.set_nomemory(n, n + 1)
    try:
        yield
    finally:
        testcapi.remove_mem_hooks()


@contextlib.contextmanager
def engine_fails(n):
    """Let the allocations of the C engine fail from the n-th on, where it was built so that they can."""
    try:
        fail_at, count = (
            ctypes.c_int64.in_dll(ctypes.CDLL(_cffi.__file__), name)
            for name in ("mg_test_fail_at", "mg_test_allocations")
        )
    except ValueError:
        pytest.skip(
            "the engine was built without -DMG_TEST_ALLOC; `make coverage` and `make asan` build it with that"
        )
    fail_at.value, count.value = n, 0
    try:
        yield
    finally:
        fail_at.value = -1


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself dies of it, with plain classes too")
@calls
def test_nothing_is_lost_where_an_allocation_of_python_fails_in(call, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    watched = Watched(call)
    succeeded, n = 0, 0
    while succeeded < ENOUGH:
        try:
            with python_fails(n):
                call()
            succeeded += 1
        except NO_MEMORY:
            succeeded = 0
        n += 1
        if n % 20 == 0:
            watched.check(lost=20)
    watched.check(lost=20)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself dies of it, with plain classes too")
@pytest.mark.parametrize("make", [mg.sum, mg.mean, lambda xs: mg.dot(xs, xs)], ids=["sum", "mean", "dot"])
def test_no_memory_for_a_long_list_of_operands_is_a_memory_error(make):
    xs = [Value(1.0) for _ in range(1000)]  # more than cffi has room for on the stack
    raised = set()
    succeeded, n = 0, 0
    while succeeded < ENOUGH:
        try:
            with python_fails(n):
                make(xs)
            succeeded += 1
        except (MemoryError, SystemError) as error:
            raised.add(type(error))
            succeeded = 0
        n += 1
    assert raised == {MemoryError}


@calls
def test_nothing_is_lost_where_the_arena_cannot_grow_in(call, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    failures = 0
    for left in (0, 1, 4, 9):
        watched = Watched(call)
        rows = stats().capacity - stats().rows - left
        filling = [Value(0.0) for _ in range(rows)]
        watched.settle()
        for n in range(ENOUGH):
            try:
                with engine_fails(n):
                    call()
                break
            except MemoryError:
                failures += 1
        watched.check(lost=n)
        del filling
    assert failures or call.__name__ in ("cleared", "checked")
