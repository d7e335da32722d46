"""What is timed. A workload is set up once in its worker, and then run round by round.

``run()`` returns the seconds of each phase of one round. ``result`` holds a few numbers of the
last round that every engine must agree on, so that nobody is fast by computing something else.
"""

import gc
import random
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter

sys.path.append(str(Path(__file__).resolve().parent.parent / "examples"))


class Workload:
    """What all have in common."""

    uses_this_process = True  # and waits for no other
    runs_a_round = 1  # the last one counts


class Training(Workload):
    """Work that stands in a loop, where it finds the caches as the step before has left them.

    A step alone, after seconds in which the other engines had the machine, is a cold one: that hides
    in a step of a second and doubles one of a millisecond.
    """

    runs_a_round = 2


class EagerOp(Workload):
    """`n` times ``a * b``: every result dropped at once, or all kept and then dropped."""

    def __init__(self, engine, n):
        self.engine, self.n = engine, n

    def run(self):
        a, b = self.engine.leaves([2.0, -3.0])
        times = range(self.n)

        start = perf_counter()
        for _ in times:
            a * b
        dropped = perf_counter() - start
        self.engine.between_rounds()

        a, b = self.engine.leaves([2.0, -3.0])
        start = perf_counter()
        kept = [a * b for _ in times]
        build = perf_counter() - start
        start = perf_counter()
        del kept
        drop = perf_counter() - start

        self.result = []
        return {"dropped": dropped, "kept": build, "kept and then dropped": build + drop}


class Read(Workload):
    """`n` times ``v.data``, and ``v.grad``."""

    def __init__(self, engine, n):
        (self.v,) = engine.leaves([2.0])
        self.times = range(n)

    def run(self):
        v, times = self.v, self.times
        start = perf_counter()
        for _ in times:
            v.data  # noqa: B018
        data = perf_counter() - start
        start = perf_counter()
        for _ in times:
            v.grad  # noqa: B018
        grad = perf_counter() - start
        self.result = [v.data]
        return {"data": data, "grad": grad}


class OwnClass(Workload):
    """`n` Values of a class that a script derives from Value, and as many products of two of them."""

    def __init__(self, engine, n):
        self.n, self.Own = n, type("Own", (engine.Value,), {})

    def run(self):
        Own, times = self.Own, range(self.n)
        a, b = Own(2.0), Own(-3.0)
        start = perf_counter()
        for _ in times:
            Own(2.0)
        leaf = perf_counter() - start
        start = perf_counter()
        for _ in times:
            a * b
        product = perf_counter() - start
        self.result = [a.data]
        return {"leaf": leaf, "product": product}


class Graph(Workload):
    """A graph of about `n` nodes: built, swept, dropped."""

    def __init__(self, engine, n):
        self.engine, self.n = engine, n
        if n > sys.getrecursionlimit() // 2:
            sys.setrecursionlimit(10 * n)  # micrograd recurses over the depth of a graph

    def run(self):
        leaves = self.engine.leaves(self.leaf_data())

        start = perf_counter()
        root = self.build(leaves)
        build = perf_counter() - start

        start = perf_counter()
        self.engine.backward(root)
        backward = perf_counter() - start
        self.result = self.engine.gradients(leaves[:2])

        start = perf_counter()
        del root
        self.engine.drop()
        drop = perf_counter() - start
        return {"build": build, "backward": backward, "drop": drop}


class Wide(Graph):
    """n/2 products of 64 + 64 shared leaves under a balanced tree of additions."""

    def leaf_data(self):
        return [0.5 + i / 128 for i in range(128)]

    def build(self, leaves):
        a, b = leaves[:64], leaves[64:]
        level = [a[i & 63] * b[i >> 6 & 63] for i in range(self.n // 2)]
        while len(level) > 1:
            pairs = [x + y for x, y in zip(level[::2], level[1::2])]
            level = pairs + level[len(pairs) * 2 :]
        return level[0]


class Chain(Graph):
    """x = x * w + b, n/2 times over: as deep as it is long."""

    def leaf_data(self):
        return [0.999, 0.001, 1.0]

    def build(self, leaves):
        w, b, x = leaves
        for _ in range(self.n // 2):
            x = x * w + b
        return x


class ByHand(Graph):
    """`n` nodes that a script makes by hand, Value and a closure, of one or of two operands; all are kept."""

    def __init__(self, engine, n, operands):
        super().__init__(engine, n)
        self.operands = operands
        Value = engine.Value

        def half(a):
            out = Value(0.5 * a.data, (a,), "half")

            def backward():
                a.grad += 0.5 * out.grad

            out._backward = backward
            return out

        def times(a, b):
            out = Value(a.data * b.data, (a, b), "times")

            def backward():
                a.grad += b.data * out.grad
                b.grad += a.data * out.grad

            out._backward = backward
            return out

        def plus(a, b):
            out = Value(a.data + b.data, (a, b), "plus")

            def backward():
                a.grad += out.grad
                b.grad += out.grad

            out._backward = backward
            return out

        self.half, self.times, self.plus = half, times, plus

    def leaf_data(self):
        return [0.5 + i / 128 for i in range(128)]

    def build(self, leaves):
        if self.operands == 2:
            a, b = leaves[:64], leaves[64:]
            ends = [self.times(a[i & 63], b[i >> 6 & 63]) for i in range(self.n // 2)]
        else:
            ends = leaves
            for _ in range(self.n // len(leaves)):
                ends = [self.half(x) for x in ends]
        while len(ends) > 1:
            pairs = [self.plus(x, y) for x, y in zip(ends[::2], ends[1::2])]
            ends = pairs + ends[len(pairs) * 2 :]
        return ends[0]

    def run(self):
        seconds = super().run()
        start = perf_counter()
        gc.collect()  # a node and its closure are a cycle, whoever made the class
        seconds["drop"] += perf_counter() - start
        return seconds


def moons_demo():
    """Return the points of examples/moons.py, their labels, and the weights and bias of each neuron, by layers."""
    import numpy
    from sklearn.datasets import make_moons

    numpy.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1)
    layers = [
        [([random.uniform(-1, 1) for _ in range(nin)], 0.0) for _ in range(nout)]
        for nin, nout in ((2, 16), (16, 16), (16, 1))
    ]
    return X, y * 2.0 - 1.0, layers


class MoonsStep(Training):
    """One step of examples/moons.py, on its own code."""

    def __init__(self, engine):
        import moons

        self.engine, self.moons = engine, moons
        self.points, self.model = moons.two_moons(), moons.network()
        self.step = 0
        self.total_loss = None

    def run(self):
        moons, model = self.moons, self.model
        t0 = perf_counter()
        self.total_loss, _ = moons.objective(model, *self.points)  # the graph of the step before dies here
        t1 = perf_counter()
        model.zero_grad()
        t2 = perf_counter()
        self.total_loss.backward()
        t3 = perf_counter()
        moons.descend(model, moons.rate_of(self.step))
        t4 = perf_counter()

        self.step += 1
        self.result = [self.total_loss.data]
        return {
            "step": t4 - t0,
            "loss()": t1 - t0,
            "zero_grad()": t2 - t1,
            "backward()": t3 - t2,
            "update": t4 - t3,
        }


class MoonsStepPort(Training):
    """The same step for engines that cannot run the script: expression for expression."""

    def __init__(self, engine):
        self.engine = engine
        X, y, layers = moons_demo()
        self.X, self.y = X.tolist(), y.tolist()
        self.widths = [2, 16, 16, 1]
        self.parameters = [x for layer in layers for w, b in layer for x in (*w, b)]
        self.step = 0
        self.total_loss = None

    def score(self, parameters, x):
        p = iter(parameters)
        for nin, nout in zip(self.widths, self.widths[1:]):
            out = []
            for _ in range(nout):
                w = [next(p) for _ in range(nin)]
                act = sum((wi * xi for wi, xi in zip(w, x)), next(p))
                out.append(act if nout == 1 else self.engine.relu(act))
            x = out
        return x[0]

    def run(self):
        start = perf_counter()
        parameters = self.engine.leaves(self.parameters)
        scores = [self.score(parameters, x) for x in self.X]
        misses = [self.engine.relu(1 + -moon * score) for moon, score in zip(self.y, scores)]
        self.total_loss = sum(misses) * (1.0 / len(misses)) + 1e-4 * sum(p * p for p in parameters)
        self.engine.backward(self.total_loss)
        learning_rate = 1.0 - 0.9 * self.step / 100
        gradients = self.engine.gradients(parameters)
        self.parameters = [p - learning_rate * g for p, g in zip(self.parameters, gradients)]
        seconds = perf_counter() - start

        self.step += 1
        self.result = [self.engine.value(self.total_loss)]
        return {"step": seconds}


class MoonsStepDense(Training):
    """The same step on matrices, in torch: what it costs those who give up scalars."""

    def __init__(self, engine):
        torch = self.torch = engine.torch
        X, y, layers = moons_demo()
        self.X, self.y = torch.tensor(X), torch.tensor(y)
        self.layers = []
        for neurons in layers:
            w = torch.tensor([w for w, _ in neurons], dtype=torch.float64)
            self.layers.append((w.T.contiguous(), torch.zeros(len(neurons)).double()))
        self.parameters = [p.requires_grad_() for layer in self.layers for p in layer]
        self.step = 0

    def run(self):
        torch = self.torch
        start = perf_counter()
        x = self.X
        for w, b in self.layers[:-1]:
            x = torch.relu(torch.addmm(b, x, w))
        w, b = self.layers[-1]
        scores = torch.addmm(b, x, w).squeeze(1)
        data_loss = torch.relu(1 - self.y * scores).mean()
        total_loss = data_loss + 1e-4 * sum((p * p).sum() for p in self.parameters)
        for p in self.parameters:
            p.grad = None
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * self.step / 100
        with torch.no_grad():
            for p in self.parameters:
                p -= learning_rate * p.grad
        seconds = perf_counter() - start

        self.step += 1
        self.result = [total_loss.item()]
        return {"step": seconds}


class ScalarBuild(Workload):
    """The loss of examples/moons.py as 65,818 scalar nodes: micrograd-c is told not to fuse its neurons."""

    def __init__(self, engine, **options):
        import moons

        self.engine, self.moons = engine, moons
        self.points, self.model = moons.two_moons(), moons.network(**options)

    def run(self):
        start = perf_counter()
        total_loss, _ = self.moons.objective(self.model, *self.points)
        build = perf_counter() - start
        self.result = [total_loss.data]

        start = perf_counter()
        total_loss.backward()
        backward = perf_counter() - start

        start = perf_counter()
        del total_loss
        self.engine.drop()
        drop = perf_counter() - start
        return {"build": build, "backward": backward, "drop": drop}


class MlpSample(Training):
    """MLP(64, [128, 128, 10]) on one sample: forward, then backward from the sum of squares."""

    def __init__(self, engine):
        from micrograd.nn import MLP

        random.seed(1337)
        self.engine = engine
        self.model = MLP(64, [128, 128, 10])
        self.x = [random.random() for _ in range(64)]

    def run(self):
        start = perf_counter()
        self.model.zero_grad()
        zero_grad = perf_counter() - start
        start = perf_counter()
        loss = sum(score * score for score in self.model(self.x))
        forward = perf_counter() - start
        start = perf_counter()
        loss.backward()
        backward = perf_counter() - start
        self.result = [loss.data, float(self.model.layers[0].neurons[0].b.grad)]

        start = perf_counter()
        del loss
        self.engine.drop()
        drop = perf_counter() - start
        return {
            "forward + backward": forward + backward,
            "zero_grad()": zero_grad,
            "forward": forward,
            "backward": backward,
            "drop": drop,
        }


class GptStep(Training):
    """One training step of examples/microgpt.py, Adam included, on a name of six letters."""

    def __init__(self, engine, use="", replaced=False):
        examples = str(Path(__file__).parent.parent / "examples")
        sys.path.append(examples)
        if replaced:
            from micrograd_c.replace import Finder

            Finder(examples, "Value")
        from microgpt import Training as Microgpt

        self.training = Microgpt(use)
        self.number = next(i for i, name in enumerate(self.training.text.names) if len(name) == 6)

    def run(self):
        start = perf_counter()
        loss = self.training.step(self.number)
        seconds = perf_counter() - start
        self.result = [loss]
        return {"step": seconds}


class Crowd(Workload):
    """Backward of 100 nodes while `crowd` other nodes are alive between its leaves and the rest."""

    repeats = 500

    def __init__(self, engine, crowd):
        self.engine = engine
        a, b = engine.leaves([0.5, -0.25])
        self.crowd = [a * b for _ in range(crowd)]
        level = [a * b for _ in range(50)]
        while len(level) > 1:
            pairs = [x + y for x, y in zip(level[::2], level[1::2])]
            level = pairs + level[len(pairs) * 2 :]
        self.root = level[0]
        self.result = [self.root.data]

    def run(self):
        backward = self.engine.backward
        start = perf_counter()
        for _ in range(self.repeats):
            backward(self.root)
        return {"backward": (perf_counter() - start) / self.repeats}


class Update(Workload):
    """The update loop of plain gradient descent over `n` parameters."""

    def __init__(self, engine, n):
        self.parameters = engine.leaves([0.5] * n)
        for p in self.parameters:
            p.grad = 0.5

    def run(self):
        lr = 1e-3
        start = perf_counter()
        for p in self.parameters:
            p.data -= lr * p.grad
        seconds = perf_counter() - start
        self.result = [self.parameters[0].data]
        return {"update": seconds}


class Memory(Workload):
    """Resident memory of `n` kept nodes, the list that keeps them included. One round a process."""

    def __init__(self, engine, n):
        self.engine, self.n = engine, n
        self.leaves = engine.leaves([2.0, -3.0])
        self.result = []

    def run(self):
        a, b = self.leaves
        before = resident_bytes()
        start = perf_counter()
        kept = [a * b for _ in range(self.n)]
        build = perf_counter() - start
        return {"build": build, "bytes": (resident_bytes() - before) / len(kept)}


class Import(Workload):
    """A fresh Python that imports `module` and ends; -I, so that the current folder is not searched."""

    uses_this_process = False

    def __init__(self, engine, module):
        self.command = [sys.executable, "-I", "-c", f"import {module}"]
        self.result = []

    def run(self):
        start = perf_counter()
        subprocess.run(self.command, check=True)
        return {"import": perf_counter() - start}


def resident_bytes():
    """Return the resident memory of this process (Linux)."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return pages * resource.getpagesize()
