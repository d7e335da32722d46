"""An exception may arrive anywhere, as that of a signal handler does: the graph and the engine outlive it."""

import sys

import pytest
from interrupting import stopped_at
from public_calls import CALLS, Watched
from support import PYPY

from micrograd_c import stats


@pytest.mark.slow
@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_nothing_but_the_nodes_under_way_is_lost_by_an_exception_at_any_opcode_of(call, monkeypatch, rng):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # what is raised in __del__
    watched = Watched(call)
    opcodes = stopped_at(call, 0)
    step = 1 + opcodes // 1000  # of long calls some, others at each run
    for n in range(rng.randrange(1, step + 1), opcodes + 1, step):
        stopped_at(call, n)
        try:
            watched.check(lost=stats().core == "cffi")
        except BaseException as error:
            raise AssertionError(f"after an exception at opcode {n}") from error
