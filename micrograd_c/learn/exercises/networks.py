"""Probes of neurons, layers, networks, their loss and their training."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

from ...engine import Value, zero_grad
from ...nn import MLP as OurMLP
from ...nn import Layer as OurLayer
from ...nn import Neuron as OurNeuron
from ...optim import SGD
from .probe import Case, Names, Probe, Seen

__all__ = ["MLP", "Layer", "Loss", "Network", "Training"]


def _neurons(model: Any) -> list[Any]:
    """Return the neurons of a network, of a layer, or the neuron itself."""
    inner = getattr(model, "layers", None) or getattr(model, "neurons", None)
    return [neuron for each in inner for neuron in _neurons(each)] if inner else [model]


def _weights(model: Any) -> None:
    """Give a network the same weights whoever wrote it."""
    rng = random.Random(1)
    for neuron in _neurons(model):
        for p in [*neuron.w, neuron.b]:
            p.data = round(rng.uniform(-1, 1), 2)


def _tanh_network(nin: int, nouts: list[int]) -> Any:
    model = OurMLP(nin, nouts, activation="tanh")
    for neuron in model.layers[-1].neurons:
        neuron.activation = "tanh"
    return model


_X = (0.5, -1.5, 2.0)


class Network(Probe):
    """Outputs, parameters and gradients of a neuron, a layer or an MLP."""

    needs: tuple[str, ...] = ("Neuron",)
    engine: ClassVar[Names] = {
        "Neuron": lambda nin: OurNeuron(nin, activation="tanh"),
        "Layer": lambda nin, nout: OurLayer(nin, nout, activation="tanh"),
        "MLP": _tanh_network,
    }
    shapes: tuple[Any, ...] = ([1], [2], [3])

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield the arguments of the class."""
        yield from ({"shape": shape} for shape in self.shapes)

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield what it computes and what it is made of."""
        model = of[self.needs[-1]](*case["shape"])
        _weights(model)
        out = model(_X[: case["shape"][0]])
        outs = out if isinstance(out, list) else [out]
        yield "outputs", [each.data for each in outs] if isinstance(out, list) else out.data
        parameters = model.parameters()
        yield "parameters()", [p.data for p in parameters]
        total = outs[0]
        for each in outs[1:]:
            total = total + each
        total.backward()
        yield "their gradients", [p.grad for p in parameters]

    def code(self, case: Case) -> list[str]:
        """Return the lines."""
        arguments = ", ".join(map(str, case["shape"]))
        return [f"model = {self.needs[-1]}({arguments})", f"model({list(_X[: case['shape'][0]])})"]

    def root(self, case: Case) -> tuple[Value, dict[str, Value]]:
        """Return the first output."""
        model = self.engine[self.needs[-1]](*case["shape"])
        _weights(model)
        out = model(_X[: case["shape"][0]])
        return (out[0] if isinstance(out, list) else out), {}


class Layer(Network):
    """A layer."""

    needs: tuple[str, ...] = ("Neuron", "Layer")
    shapes: tuple[Any, ...] = ([1, 1], [2, 2], [3, 4])


class MLP(Network):
    """An MLP."""

    needs: tuple[str, ...] = ("Neuron", "Layer", "MLP")
    shapes: tuple[Any, ...] = ([1, [1]], [2, [2, 1]], [3, [2, 3, 2]])


_XS, _YS = [[2.0, 3.0], [3.0, -1.0], [0.5, 1.0]], [1.0, -1.0, 0.5]


def _loss(model: Any, xs: Any, ys: Any) -> Any:
    loss = Value(0.0)
    for x, y in zip(xs, ys):
        loss = loss + (model(x) - y) ** 2
    return loss


def _train(model: Any, xs: Any, ys: Any, steps: int, rate: float) -> None:
    descent = SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        descent.zero_grad()
        _loss(model, xs, ys).backward()
        descent.step()


class Loss(Probe):
    """The loss of a network on some samples, and the gradients that come of it."""

    needs: tuple[str, ...] = ("loss_of",)
    engine: ClassVar[Names] = {"loss_of": _loss}

    def cases(self, ops: list[str]) -> Iterator[Case]:
        """Yield how many samples."""
        yield from ({"n": n} for n in (1, 2, 3))

    def _model(self) -> Any:
        model = _tanh_network(2, [1])
        _weights(model)
        return model

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield them."""
        model = self._model()
        loss = of["loss_of"](model, _XS[: case["n"]], _YS[: case["n"]])
        yield "loss", loss.data if isinstance(loss, Value) else loss
        loss.backward()
        yield "gradients", [p.grad for p in model.parameters()]

    def code(self, case: Case) -> list[str]:
        """Return the call."""
        return [f"xs = {_XS[: case['n']]}", f"ys = {_YS[: case['n']]}", "loss_of(model, xs, ys).backward()"]

    def root(self, case: Case) -> tuple[Value, dict[str, Value]]:
        """Return the loss."""
        return _loss(self._model(), _XS[: case["n"]], _YS[: case["n"]]), {}


class Training(Loss):
    """The parameters after some steps of training."""

    needs: tuple[str, ...] = ("train",)
    engine: ClassVar[Names] = {"train": _train}

    def observe(self, of: Names, case: Case) -> Seen:
        """Yield them."""
        model = self._model()
        of["train"](model, _XS, _YS, case["n"], 0.1)
        yield "parameters", [p.data for p in model.parameters()]

    def named(self, of: Names, cases: list[Case]) -> str:
        """Name why nothing is learned: what was computed and thrown away."""
        model = self._model()
        calls: list[int] = []

        def heard(x: Any) -> Value:
            out = model(x)
            copy = Value(out.data, (out,), "copy")

            def backward() -> None:
                calls.append(1)
                out.grad += copy.grad

            copy._backward = backward
            return copy

        heard.parameters, heard.zero_grad = model.parameters, model.zero_grad  # type: ignore[attr-defined]
        before = [p.data for p in model.parameters()]
        of["train"](heard, _XS, _YS, 1, 0.1)
        after = [(p.data, p.grad) for p in model.parameters()]
        if before != [data for data, _ in after]:
            return ""
        zero_grad(_loss(model, _XS, _YS))
        _loss(model, _XS, _YS).backward()
        if not calls:
            return "no-backward"
        if not any(grad for _, grad in after):
            return "zero-after-backward"
        same = all(abs(grad - p.grad) < 1e-9 for (_, grad), p in zip(after, model.parameters()))
        return "rebinding" if same else "changes-the-gradient"

    def code(self, case: Case) -> list[str]:
        """Return the call."""
        return [f"xs = {_XS}", f"ys = {_YS}", f"train(model, xs, ys, {case['n']}, 0.1)"]

    def root(self, case: Case) -> tuple[Value, dict[str, Value]]:
        """Return the loss of the first step."""
        return super().root({"n": 3})
