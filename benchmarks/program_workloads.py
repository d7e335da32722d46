"""Programs (`mg.jit`) and what they are compared with: C by hand, numpy, jax, a compiler.

Steps of microseconds are run by the hundred in a round, all engines from the same start.
"""

import functools
import os
import random
import struct
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import unrolled
from workloads import MoonsStep, MoonsStepDense, Workload, moons_demo

HERE = Path(__file__).parent
STEPS = 100  # the length of the training in examples/moons.py


def one_thread():
    """Let numpy's BLAS, jax and programs use one thread."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def timed(f, times):
    """Return seconds of one of so many calls."""
    start = perf_counter()
    for _ in range(times):
        f()
    return (perf_counter() - start) / times


def compiled(source, *flags):
    """Compile C text and return the path of the program."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    (folder / "program.c").write_text(source)
    subprocess.run(["gcc", *flags, str(folder / "program.c"), "-o", str(folder / "program"), "-lm"], check=True)
    return str(folder / "program")


# ---- moons -------------------------------------------------------------------------------------------------------


class Moons(Workload):
    """The points of examples/moons.py, and the weights that its network starts with."""

    def __init__(self, engine):
        one_thread()
        self.engine = engine
        self.X, self.y, self.layers = moons_demo()

    def flat(self):
        """Return the weights in micrograd's order."""
        return [x for layer in self.layers for w, b in layer for x in (*w, b)]


def rate(k):
    return 1.0 - 0.9 * k / STEPS


class MoonsProgram(Moons):
    """The step as a user writes it."""

    def __init__(self, engine):
        super().__init__(engine)
        import micrograd_c as mg

        mg.set_threads(1)
        model = self.model = mg.MLP(2, [16, 16, 1])
        self.hinge = mg.jit(lambda x, y: (1 - y * model(x)).relu())
        self.penalty = mg.jit(lambda: 1e-4 * mg.sum(p * p for p in model.parameters()))
        self.sgd = mg.optim.SGD(model.parameters(), lr=1.0)

    def run(self):
        for p, x in zip(self.model.parameters(), self.flat()):
            p.data = x
        X, y, hinge, penalty, sgd = self.X, self.y, self.hinge, self.penalty, self.sgd
        start = perf_counter()
        for k in range(STEPS):
            sgd.zero_grad()
            loss = hinge.backward(X, y, reduce="mean") + penalty.backward()
            sgd.lr = rate(k)
            sgd.step()
        seconds = (perf_counter() - start) / STEPS
        self.result = [loss]
        return {"step": seconds}


class MoonsByHand(Moons):
    """benchmarks/c/moons.c, compiled for this machine."""

    uses_this_process = False

    def __init__(self, engine):
        super().__init__(engine)
        self.program = compiled((HERE / "c" / "moons.c").read_text(), "-O3", "-march=native")

    def run(self):
        samples = "\n".join(f"{a!r} {b!r} {y!r}" for (a, b), y in zip(self.X.tolist(), self.y.tolist()))
        text = f"{STEPS} 100\n{samples}\n" + "\n".join(map(repr, self.flat()))
        answer = subprocess.run(
            [self.program], input=text, capture_output=True, text=True, check=True
        ).stdout.split()
        self.result = [float(answer[0])]
        return {"step": float(answer[1]) / STEPS}


class MoonsJax(Moons):
    """The step on matrices under jax.jit, one call a step, in double precision."""

    def __init__(self, engine):
        super().__init__(engine)
        import jax
        import jax.numpy as jnp
        import numpy

        jax.config.update("jax_enable_x64", True)
        self.start = [
            (jnp.array(numpy.array([w for w, _ in layer]).T), jnp.zeros(len(layer))) for layer in self.layers
        ]
        X, y = jnp.array(self.X), jnp.array(self.y)

        def loss(layers):
            x = X
            for w, b in layers[:-1]:
                x = jax.nn.relu(x @ w + b)
            w, b = layers[-1]
            squares = sum((p * p).sum() for layer in layers for p in layer)
            return jax.nn.relu(1 - y * (x @ w + b)[:, 0]).mean() + 1e-4 * squares

        def step(layers, lr):
            value, gradients = jax.value_and_grad(loss)(layers)
            return value, jax.tree.map(lambda p, g: p - lr * g, layers, gradients)

        self.step = jax.jit(step)
        self.step(self.start, 1.0)

    def run(self):
        layers, step = self.start, self.step
        start = perf_counter()
        for k in range(STEPS):
            loss, layers = step(layers, rate(k))
        loss = float(loss)
        seconds = (perf_counter() - start) / STEPS
        self.result = [loss]
        return {"step": seconds}


class MoonsDense(MoonsStepDense):
    """torch on matrices; it takes one step a round, so there is no result to compare."""

    def run(self):
        seconds = [super(MoonsDense, self).run()["step"] for _ in range(STEPS)]
        self.result = []
        return {"step": sum(seconds) / STEPS}


class MoonsNotebook(MoonsStep):
    """examples/moons.py, one step a round."""

    def run(self):
        seconds = super().run()
        self.result = []
        return seconds


# ---- networks ----------------------------------------------------------------------------------------------------


class Network(Workload):
    """A model with fixed weights, and a batch."""

    def __init__(self, engine, sizes, batch, threads=1):
        one_thread()
        import numpy

        import micrograd_c as mg

        random.seed(1337)
        rng = numpy.random.default_rng(1337)
        mg.set_threads(threads)
        self.uses_this_process = threads == 1  # or its share of a processor means nothing
        self.mg, self.numpy = mg, numpy
        self.model = mg.MLP(sizes[0], sizes[1:])
        for layer in self.model.layers:
            for neuron in layer.neurons:
                for w in neuron.w:
                    w.data *= len(neuron.w) ** -0.5
        self.X = rng.uniform(size=(batch, sizes[0]))
        self.Y = numpy.eye(sizes[-1])[rng.integers(0, sizes[-1], batch)]
        self.weights = [
            (
                numpy.array([[w.data for w in n.w] for n in layer.neurons]).T.copy(),
                numpy.array([n.b.data for n in layer.neurons]),
            )
            for layer in self.model.layers
        ]


def cross_entropy(mg, model):
    """Return the softmax cross-entropy in scalar code; the target is one-hot."""

    def loss(x, target):
        scores = model(x)
        largest = functools.reduce(lambda a, b: a.maximum(b), scores)
        shifted = [s - largest for s in scores]
        return mg.sum(s.exp() for s in shifted).log() - mg.dot(target, shifted)

    return loss


class DigitsProgram(Network):
    """A step without the update: the loss of a batch, and the gradients of all parameters."""

    def __init__(self, engine, threads=1):
        super().__init__(engine, [64, 128, 128, 10], 128, threads)
        self.loss = self.mg.jit(cross_entropy(self.mg, self.model))
        self.loss.program(self.X, self.Y)

    def run(self):
        timed(
            lambda: self.loss.backward(self.X, self.Y, reduce="mean"), 50
        )  # the scheduler spreads threads in time
        seconds = timed(lambda: self.loss.backward(self.X, self.Y, reduce="mean"), 50)
        self.model.zero_grad()
        value = self.loss.backward(self.X, self.Y, reduce="mean")
        self.result = [value, self.model.layers[0].neurons[0].b.grad]
        return {"step": seconds}


class DigitsNumpy(Network):
    """The same in numpy, by hand."""

    def __init__(self, engine):
        super().__init__(engine, [64, 128, 128, 10], 128)
        self.gradients = [(self.numpy.empty_like(w), self.numpy.empty_like(b)) for w, b in self.weights]

    def step(self):
        np, X, Y, weights = self.numpy, self.X, self.Y, self.weights
        values = [X]
        for w, b in weights[:-1]:
            values.append(np.maximum(values[-1] @ w + b, 0))
        w, b = weights[-1]
        scores = values[-1] @ w + b
        scores -= scores.max(1, keepdims=True)
        e = np.exp(scores)
        total = e.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - (scores * Y).sum(1)).mean()
        d = (e / total - Y) / len(X)
        for i in reversed(range(len(weights))):
            gw, gb = self.gradients[i]
            np.matmul(values[i].T, d, out=gw)
            np.sum(d, 0, out=gb)
            if i:
                d = (d @ weights[i][0].T) * (values[i] > 0)
        return loss

    def run(self):
        timed(self.step, 50)
        seconds = timed(self.step, 50)
        loss = self.step()
        self.result = [float(loss), float(self.gradients[0][1][0])]
        return {"step": seconds}


class InferenceProgram(Network):
    """MLP(784, [128, 10]) on 1000 samples."""

    def __init__(self, engine):
        super().__init__(engine, [784, 128, 10], 1000)
        self.scores = self.mg.jit(self.model)
        self.scores.program(self.X)

    def run(self):
        seconds = timed(lambda: self.scores(self.X), 5)
        scores = self.scores(self.X)
        self.result = [float(scores[0][0]), float(scores[9][999])]
        return {"inference": seconds}


class InferenceNumpy(Network):
    """The same in numpy."""

    def __init__(self, engine):
        super().__init__(engine, [784, 128, 10], 1000)

    def scores(self):
        (w1, b1), (w2, b2) = self.weights
        return self.numpy.maximum(self.X @ w1 + b1, 0) @ w2 + b2

    def run(self):
        seconds = timed(self.scores, 5)
        scores = self.scores()
        self.result = [float(scores[0, 0]), float(scores[999, 9])]
        return {"inference": seconds}


# ---- no structure ------------------------------------------------------------------------------------------------


class Unrolled(Workload):
    """400 random ops on 100,000 samples: values, and gradients of all inputs."""

    n = 100_000

    def __init__(self, engine):
        one_thread()
        import numpy

        self.steps = unrolled.random_ops()
        self.X = numpy.random.default_rng(1337).uniform(-1, 1, (self.n, unrolled.INPUTS))


class UnrolledProgram(Unrolled):
    """As a program."""

    def __init__(self, engine):
        super().__init__(engine)
        import micrograd_c as mg

        mg.set_threads(1)
        self.f = mg.jit(unrolled.python_function(self.steps))
        self.f.program(self.X)

    def run(self):
        start = perf_counter()
        value, gradient = self.f.value_and_gradient(self.X)
        seconds = perf_counter() - start
        self.result = [float(value[-1]), float(gradient[-1, 0])]
        return {"value and gradient": seconds}


class UnrolledC(Unrolled):
    """What the compiler makes of its unrolled source."""

    uses_this_process = False

    def __init__(self, engine):
        super().__init__(engine)
        self.program = compiled(unrolled.c_source(self.steps), "-O2")

    def run(self):
        data = struct.pack("q", self.n) + self.X.tobytes()
        answer = subprocess.run([self.program], input=data, capture_output=True, check=True).stdout.split()
        self.result = [float(answer[1]), float(answer[2])]
        return {"value and gradient": float(answer[0])}


# ---- traces, calls, sizes ----------------------------------------------------------------------------------------


class Tracing(Workload):
    """Time from the first call on, less that of a second one: trace, optimise, plan."""

    def __init__(self, engine, what):
        one_thread()
        import numpy

        import micrograd_c as mg

        mg.set_threads(1)
        self.result = []
        if what == "moons":
            model = mg.MLP(2, [16, 16, 1])
            self.f, self.args = mg.jit(lambda x, y: (1 - y * model(x)).relu()), (numpy.ones((4, 2)), numpy.ones(4))
        else:
            model = mg.MLP(64, [128, 128, 10])
            self.f, self.args = mg.jit(cross_entropy(mg, model)), (numpy.ones((4, 64)), numpy.ones((4, 10)))

    def run(self):
        self.f.retrace()
        start = perf_counter()
        self.f.program(*self.args)
        return {"trace": perf_counter() - start}


class Calls(Workload):
    """A function of ten nodes on plain numbers."""

    def __init__(self, engine):
        import micrograd_c as mg

        self.f = mg.jit(lambda x, y: ((x * y + x).tanh() - y * y) / (x * x + 1) + x)
        self.f(0.5, 0.25)
        self.result = []

    def run(self):
        f = self.f
        return {
            "call": timed(lambda: f(0.5, 0.25), 2000),
            "backward": timed(lambda: f.backward(0.5, 0.25), 2000),
        }


class Size(Workload):
    """The moons loss and its gradients on `n` samples; its memory is held by a test."""

    def __init__(self, engine, n):
        one_thread()
        import numpy

        import micrograd_c as mg

        mg.set_threads(1)
        rng = numpy.random.default_rng(1337)
        self.X, self.y = rng.normal(size=(n, 2)), rng.choice([-1.0, 1.0], n)
        model = mg.MLP(2, [16, 16, 1])
        self.f = mg.jit(lambda x, y: (1 - y * model(x)).relu())
        self.f.program(self.X[:4], self.y[:4])
        self.times = max(1, 10_000 // n)
        self.result = []

    def run(self):
        return {"backward": timed(lambda: self.f.backward(self.X, self.y), self.times)}
