"""Runs of programs: threads, forks, memory and Ctrl-C."""

import random
import signal
import subprocess
import sys
import threading

import pytest
from programs import close

import micrograd_c as mg
from micrograd_c import Value, nn

np = pytest.importorskip("numpy")


def test_results_do_not_depend_on_the_number_of_threads(threads):
    random.seed(5)
    model = nn.MLP(3, [20, 20, 1], activation="tanh")
    f = mg.jit(lambda x: model(x) ** 2)
    x = np.random.default_rng(0).normal(size=(5000, 3))
    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        model.zero_grad()
        value = f.backward(x, reduce="mean")
        results.append((value, [p.grad for p in model.parameters()], f(x).tolist(), f.gradient(x).tolist()))
    assert all(result == results[0] for result in results)


def test_a_gradient_with_more_columns_than_the_cache_holds_is_that_of_one_sample_at_a_time(threads):
    """600 values at once: a chunk then has more lanes than its share of the second-level cache."""

    @mg.jit
    def f(x, w):
        v = [(x * (i / 600) + w).tanh() for i in range(600)]
        return mg.sum(a * b for a, b in zip(v[:300], reversed(v[300:])))

    x, w = np.linspace(-1, 1, 300), 0.25
    v = np.tanh(np.outer(x, np.arange(600) / 600) + w)
    slopes = (1 - v * v) * v[:, ::-1]
    for n in (1, 2):
        threads(n)
        by_x, by_w = f.gradient(x, w)
        close(by_x, slopes @ (np.arange(600) / 600), 1e-12)
        close(by_w, slopes.sum(), 1e-12)


def test_a_program_runs_in_several_threads_at_once(threads):
    threads(2)
    p = Value(1.5)
    f = mg.jit(lambda x: (p * x).tanh())
    x = np.linspace(-1, 1, 4001)
    want, gradient, wrong = f(x), f.gradient(x), []

    def work():
        for _ in range(20):
            if not (f(x) == want).all() or not (f.gradient(x) == gradient).all():
                wrong.append(1)
            f.backward(x)

    workers = [threading.Thread(target=work) for _ in range(4)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    assert not wrong
    total = p.grad
    p.grad = 0.0
    f.backward(x)
    close(total, 80 * p.grad)


def test_other_threads_work_eagerly_while_one_traces():
    started, done, wrong = threading.Event(), threading.Event(), []

    def eager_work():
        started.wait()
        while not done.is_set():
            a, b = Value(2.0), Value(3.0)
            c = mg.sum([a, b]) * a.maximum(b)
            if type(c) is not Value or c.data != 15.0:
                wrong.append(c)

    worker = threading.Thread(target=eager_work)
    worker.start()

    def f(x):
        started.set()
        for _ in range(2000):
            x = x.maximum(0.5) * 1.0001
        return x

    mg.jit(f)([1.0])
    done.set()
    worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(sys, "getswitchinterval") or sys.platform == "win32", reason="needs fork")
def test_programs_run_after_a_fork(threads):
    import os

    threads(2)
    f = mg.jit(lambda x: x.exp() * x)
    x = np.linspace(-1, 1, 100_000)
    want = f(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if (f(x) == want).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (f(x) == want).all()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_ctrl_c_stops_a_long_run_and_touches_no_gradient():
    p = Value(1.0)

    def long(x):
        for _ in range(300):
            x = (x * p).sin()
        return x

    f = mg.jit(long)
    x = np.ones(2_000_000)
    f(x[:1])
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            f.backward(x)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert p.grad == 0.0
    assert f.backward(x[:3]) == pytest.approx(3 * f(1.0))


def test_set_threads_checks_its_argument():
    for n, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error):
            mg.set_threads(n)


def test_a_run_makes_no_python_objects_for_its_samples():
    tracemalloc = pytest.importorskip("tracemalloc")
    f = mg.jit(lambda x: x * x)
    x = np.ones(100_000)
    f(x)
    tracemalloc.start()
    f.backward(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


PEAK = """
import random, resource, sys
import numpy as np
import micrograd_c as mg

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

mg.set_threads(4)
model = mg.MLP(2, [16, 16, 1])
f = mg.jit(lambda x, y: (1 - y * model(x)).relu())
n = 1_000_000
X, y = np.ones((n, 2)), np.ones(n)
f.backward(X[:10], y[:10]); f(X[:10], y[:10]); f.gradient(X[:10], y[:10])
before = peak()
f.backward(X, y)
middle = peak()
values, gradient = f.value_and_gradient(X, y)
print(middle - before, peak() - before - values.nbytes - gradient[0].nbytes - gradient[1].nbytes)
"""


@pytest.mark.memory
def test_memory_above_inputs_and_outputs_stays_small():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    for peak in map(int, done.stdout.split()):
        assert peak < 16 << 20
