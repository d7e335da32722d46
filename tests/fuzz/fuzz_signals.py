"""Signals at random times, in random calls of all that is public: no node is lost but those under way, no sweep
stays open, freeing goes on, and each call gives afterwards what it gave before.
"""

import gc
import sys
import time

from interrupting import stopped_after
from public_calls import CALLS, Watched

from micrograd_c import stats

WATCHED = {}
sys.unraisablehook = lambda _: None  # a signal that arrives in a finalizer


def interrupted(watched, rng):
    """Run the call a few times, until a signal has stopped it, or was swallowed."""
    before = time.perf_counter()
    watched.call()
    seconds = time.perf_counter() - before

    def calls():
        if rng.random() < 0.3:  # what is raised in the collector is swallowed
            gc.enable()
        for _ in range(4):
            watched.call()

    stopped_after(calls, rng.uniform(0.0, 3 * seconds))


def case(rng):
    call = rng.choice(CALLS)
    watched = WATCHED[call] = WATCHED.get(call) or Watched(call)
    watched.settle()
    interrupted(watched, rng)
    watched.check(lost=stats().core == "cffi")
