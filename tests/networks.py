"""What the tests of networks share."""

from micrograd_c._core import NAMES, OPS

ACTIVATIONS = [*(name.lower() for name, row in zip(NAMES, OPS) if row.activation), "linear"]
X = [0.5, -1.25]


def scalar(neuron, x):
    """What a neuron computes, node by node."""
    act = sum((wi * xi for wi, xi in zip(neuron.w, x)), neuron.b)
    kind = neuron.activation
    return act if kind == "linear" else getattr(act, kind)()


def listed(out):
    return out if isinstance(out, list) else [out]
