"""Derivatives beside jax and CasADi, whichever is installed: seconds a call, one thread, the best of several.

    python benchmarks/derivatives.py

What is made once, by tracing, deriving and compiling, is shown apart from what a call takes.
"""

import os
import random
import time

for name in ("OMP_NUM_THREADS", "MICROGRAD_C_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np  # noqa: E402
from tqdm import tqdm  # noqa: E402

import micrograd_c as mg  # noqa: E402

try:
    import jax

    jax.config.update("jax_enable_x64", True)
except ImportError:
    jax = None
try:
    import casadi
except ImportError:
    casadi = None


def best(call, seconds=1.0):
    """Return the shortest time of a call, and what it returned."""
    shortest, end, result = float("inf"), time.perf_counter() + seconds, None
    while shortest == float("inf") or time.perf_counter() < end:
        begin = time.perf_counter()
        result = call()
        shortest = min(shortest, time.perf_counter() - begin)
    return shortest, result


def timed(make):
    """Return the time of a first call, and what it returned."""
    begin = time.perf_counter()
    result = make()
    return time.perf_counter() - begin, result


def show(what, once, call, beside=None):
    ratio = "" if beside is None else f"{call / beside:8.2f} times ours"
    tqdm.write(f"{what:54} {once * 1e3:9.1f} ms once {call * 1e6:11.1f} us a call {ratio}")


def rosenbrock(x):
    """Return Rosenbrock's function of a list of Values."""
    return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:])])


def hessians():
    """Measure the Hessian of Rosenbrock's function."""
    ours = {}
    for n in (100, 1000):
        x = np.random.default_rng(0).normal(size=n)
        f = mg.jit(rosenbrock, in_axes=None)
        once, sparse = timed(lambda f=f, x=x: f.hessian(x, sparse=True))
        ours[n], _ = best(lambda f=f, x=x: f.hessian(x, sparse=True))
        show(f"sparse Hessian of Rosenbrock, n = {n}", once, ours[n])
        if casadi:

            def make(n=n):
                v = casadi.SX.sym("x", n)
                y = casadi.sum1(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)
                return casadi.Function("h", [v], [casadi.hessian(y, v)[0]])

            once, h = timed(make)
            call, other = best(lambda h=h, x=x: h(x).sparse())
            assert abs(other - sparse).max() < 1e-8
            show("    CasADi, to scipy's matrix", once, call, ours[n])
            point = casadi.DM(x)
            show("    CasADi, its own matrix", once, best(lambda h=h, p=point: h(p))[0], ours[n])
    if jax:
        jnp, n = jax.numpy, 100
        x = jnp.asarray(np.random.default_rng(0).normal(size=n))
        h = jax.jit(jax.hessian(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)))
        once, _ = timed(lambda: h(x).block_until_ready())
        show("    jax, dense, n = 100", once, best(lambda: h(x).block_until_ready())[0], ours[n])


def gradients():
    """Measure the gradient of random operations beside their values."""
    for count in (100, 1600):
        rng = random.Random(1)
        steps = [(rng.choice("+-*"), rng.random(), rng.random()) for _ in range(count)]

        def f(x, steps=steps):
            values, unread = list(x), {}
            for op, i, j in steps:
                a, b = (values[int(k * len(values))] for k in (i, j))
                values.append(a + b if op == "+" else a - b if op == "-" else a * b)
                unread.pop(a, None), unread.pop(b, None)
                unread[values[-1]] = None
            return mg.sum(unread)

        program, x = mg.jit(f), np.random.default_rng(0).uniform(-0.5, 0.5, (20_000, 6))
        value, _ = best(lambda program=program, x=x: program(x))
        call, _ = best(lambda program=program, x=x: program.gradient(x))
        ratio = call / value
        tqdm.write(f"{count} operations, 20,000 samples: gradient {call * 1e3:.2f} ms, {ratio:.2f} times the value")


def products():
    """Measure the Hessian of a network's loss times a vector beside its gradient."""
    model = mg.MLP(64, [32, 10], activation="tanh")

    def loss(x, y):
        scores = model(x)
        largest = scores[0]
        for s in scores[1:]:
            largest = largest.maximum(s)
        return mg.sum([(s - largest).exp() for s in scores]).log() - mg.dot(y, [s - largest for s in scores])

    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(128, 64)), np.eye(10)[rng.integers(0, 10, 128)]
    f = mg.jit(loss)
    once, _ = timed(lambda: f.backward(x, y, reduce="mean"))
    gradient, _ = best(lambda: f.backward(x, y, reduce="mean"))
    show("gradient of the digits network, a batch of 128", once, gradient)
    v = rng.normal(size=len(f.program(x, y).parameters))
    once, _ = timed(lambda: f.hvp((x, y), v, wrt="parameters", reduce="mean"))
    call, _ = best(lambda: f.hvp((x, y), v, wrt="parameters", reduce="mean"))
    show("    its Hessian times a vector", once, call, gradient)


def sixth():
    """Measure the sixth derivative of tanh(x*x) at a million points."""
    x = np.linspace(-1, 1, 1_000_000)
    ours, theirs = lambda x: (x * x).tanh(), lambda x: jax.numpy.tanh(x * x)
    for _ in range(6):
        ours = mg.grad(ours)
        theirs = jax.grad(theirs) if jax else None
    f = mg.jit(ours)
    once, expected = timed(lambda: f(x))
    call, _ = best(lambda: f(x))
    show("sixth derivative of tanh(x*x), 1e6 points", once, call)
    if jax:
        g, x = jax.jit(jax.vmap(theirs)), jax.numpy.asarray(x)
        once, found = timed(lambda: g(x).block_until_ready())
        np.testing.assert_allclose(found, expected, 1e-6, 1e-6)
        show("    jax.jit", once, best(lambda: g(x).block_until_ready())[0], call)


def deriving():
    """Measure tracing and deriving a function of 10,000 operations, in programs and with Values."""

    def chain(x):
        for _ in range(2500):
            x = (x * 1.0001 + 0.5).tanh() * x
        return x

    begin = time.perf_counter()
    program = mg.jit(chain).program(0.5)
    traced = time.perf_counter()
    slope = program.derived(0, (0,))
    first = time.perf_counter()
    slope.derived(0, (0,))
    second = time.perf_counter()
    tqdm.write(
        f"10,000 operations: trace {1e3 * (traced - begin):.1f} ms, derive {1e3 * (first - traced):.1f} ms, "
        f"derive that {1e3 * (second - first):.1f} ms"
    )
    x = mg.Value(0.5)
    y = chain(x)
    for graph in (False, True):
        call, _ = best(lambda graph=graph: mg.grad(y, [x], create_graph=graph))
        tqdm.write(f"    mg.grad(y, [x], create_graph={graph}): {1e3 * call:.1f} ms")


if __name__ == "__main__":
    for measure in tqdm((hessians, gradients, products, sixth, deriving), leave=False, disable=None):
        measure()
