"""Signals at random times, in random calls of all that is public: no node is lost but those under way, no sweep
stays open, freeing goes on, and each call gives afterwards what it gave before.
"""

import gc
import signal
import sys
import time

from public_calls import CALLS, Stop, Watched

from micrograd_c import stats

WATCHED = {}
sys.unraisablehook = lambda _: None  # a signal that arrives in a finalizer


def stop(*_):
    raise Stop


signal.signal(signal.SIGALRM, stop)


def interrupted(watched, rng):
    """Run the call until a signal has stopped it, or was swallowed."""
    collects = rng.random() < 0.3  # what is raised in the collector is swallowed
    if not collects:
        gc.disable()
    before = time.perf_counter()
    watched.call()
    seconds = time.perf_counter() - before
    try:
        signal.setitimer(signal.ITIMER_REAL, max(1e-6, rng.uniform(0.0, 3 * seconds)))
        for _ in range(4):
            watched.call()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Stop:  # the timer fires once
        pass
    gc.enable()


def case(rng):
    call = rng.choice(CALLS)
    watched = WATCHED[call] = WATCHED.get(call) or Watched(call)
    watched.settle()
    interrupted(watched, rng)
    watched.check(lost=stats().core == "cffi")
