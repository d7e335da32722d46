"""The engines that are compared, each behind the same few verbs.

leaves(data)        new leaves
relu(x), value(x)   what is no operator
backward(root)      gradients of root
gradients(leaves)   as floats
drop()              whatever it takes until the memory of a dropped graph is back
between_rounds()    not timed

The operators are each engine's own: a workload writes ``a * b`` and ``a + b``.
Each class is built in a process of its own (see worker.py), and imports its engine there.
"""

import gc
import os


class Micrograd:
    """micrograd as published: Python's collector is on, with its default thresholds."""

    def __init__(self):
        from micrograd.engine import Value

        self.Value = Value

    def leaves(self, data):
        return [self.Value(x) for x in data]

    def backward(self, root):
        root.backward()

    def gradients(self, leaves):
        return [float(leaf.grad) for leaf in leaves]

    def drop(self):
        gc.collect()  # a node and its closure are a cycle: only the collector frees it

    def between_rounds(self):
        """Nothing to do: the collector runs when Python thinks fit."""


class MicrogradCollectorOff(Micrograd):
    """micrograd after ``gc.disable()``: nothing is given back while the clock runs."""

    def __init__(self):
        super().__init__()
        gc.disable()

    def between_rounds(self):
        gc.collect()


class MicrogradC(Micrograd):
    """micrograd-c in micrograd's place; the collector is on, as Python comes."""

    def __init__(self):
        import micrograd_c.as_micrograd  # noqa: F401

        super().__init__()

    def drop(self):
        """Reference counts have freed everything."""


class MicrogradCOverCffi(MicrogradC):
    """The same with the core that runs on any Python; on CPython the default is the native one."""

    def __init__(self):
        os.environ["MICROGRAD_C_CORE"] = "cffi"
        super().__init__()


class Xad:
    """xad: a C++ tape."""

    def __init__(self):
        from xad.adj_1st import Real, Tape

        self.Real = Real
        self.tape = Tape()
        self.tape.activate()

    def leaves(self, data):
        self.tape.clearAll()
        leaves = [self.Real(x) for x in data]
        self.tape.registerInputs(leaves)
        self.tape.newRecording()
        return leaves

    def relu(self, x):
        return x if x > 0.0 else 0.0  # a branch is free on a tape

    def value(self, x):
        return x.value

    def backward(self, root):
        self.tape.registerOutput(root)
        root.setDerivative(1.0)
        self.tape.computeAdjoints()

    def gradients(self, leaves):
        return [leaf.derivative for leaf in leaves]

    def drop(self):
        self.tape.clearAll()

    def between_rounds(self):
        """Nothing to do: leaves() starts a new tape."""


class Autograd:
    """autograd (HIPS) on scalars: one trace that stays open, leaves indexed out of one array."""

    def __init__(self):
        import numpy
        from autograd.core import VJPNode, backward_pass
        from autograd.tracer import new_box, trace_stack

        self.array = numpy.array
        self.new_root = VJPNode.new_root
        self.new_box = new_box
        self.backward_pass = backward_pass
        self.open_trace = trace_stack.new_trace()
        self.trace = self.open_trace.__enter__()

    def leaves(self, data):
        box = self.new_box(self.array(data), self.trace, self.new_root())
        return [box[i] for i in range(len(data))]

    def relu(self, x):
        return x if x > 0.0 else 0.0

    def value(self, x):
        return float(x._value)

    def backward(self, root):
        self.of_leaves = self.backward_pass(1.0, root._node)

    def gradients(self, leaves):
        return self.of_leaves.tolist()

    def drop(self):
        """Reference counts have freed everything."""

    def between_rounds(self):
        """Nothing to do."""


class Torch:
    """torch with 0-d float64 tensors, on one thread."""

    def __init__(self):
        import torch

        torch.set_num_threads(1)
        self.torch = torch

    def leaves(self, data):
        return [self.torch.tensor(x, dtype=self.torch.float64, requires_grad=True) for x in data]

    def relu(self, x):
        return self.torch.relu(x)

    def value(self, x):
        return x.item()

    def backward(self, root):
        root.backward()

    def gradients(self, leaves):
        return [leaf.grad.item() for leaf in leaves]

    def drop(self):
        """Reference counts have freed everything."""

    def between_rounds(self):
        """Nothing to do."""


class NoEngine:
    """Python alone."""

    def between_rounds(self):
        """Nothing to do."""


class NoEngineCollectorOff(NoEngine):
    """Python alone, after ``gc.disable()``."""

    def __init__(self):
        gc.disable()

    def between_rounds(self):
        gc.collect()


# name in tables -> class, and the distribution that has to be installed
ENGINES = {
    "micrograd-c": (MicrogradC, "micrograd-c"),
    "micrograd-c, cffi core": (MicrogradCOverCffi, "micrograd-c"),
    "micrograd": (Micrograd, "micrograd"),
    "micrograd, collector off": (MicrogradCollectorOff, "micrograd"),
    "xad": (Xad, "xad"),
    "autograd": (Autograd, "autograd"),
    "torch": (Torch, "torch"),
    "python": (NoEngine, None),
    # Values in pure Python, those of examples/microgpt.py
    "pure Python": (NoEngine, None),
    "pure Python, collector off": (NoEngineCollectorOff, None),
    # what programs are compared with; "C by hand" and "gcc -O2" need gcc
    "C by hand": (NoEngine, None),
    "gcc -O2": (NoEngine, None),
    "numpy": (NoEngine, "numpy"),
    "jax": (NoEngine, "jax"),
    # second lanes of an engine
    "micrograd-c, 2 threads": (MicrogradC, "micrograd-c"),
    "micrograd-c, dot": (MicrogradC, "micrograd-c"),
    "micrograd-c, optim": (MicrogradC, "micrograd-c"),
    "micrograd-c, programs": (MicrogradC, "micrograd-c"),
    "micrograd-c, crowded": (MicrogradC, "micrograd-c"),
    "torch, dense": (Torch, "torch"),
}
