"""Activations of neurons: the rows of the op table that say so."""

import pickle

import pytest
from networks import ACTIVATIONS
from support import close

import micrograd_c
import micrograd_c.jit
from micrograd_c import Neuron, Value


def test_the_activations_are_those_that_are_promised():
    promised = {"relu", "leaky_relu", "tanh", "sigmoid", "softplus", "silu", "gelu", "linear"}
    assert promised <= set(ACTIVATIONS)
    assert repr(Neuron(2, activation="leaky_relu")) == "LeakyReLUNeuron(2)"
    assert repr(Neuron(2, activation="gelu")) == "GeluNeuron(2)"


@pytest.mark.parametrize("bias", [0.3, -0.7, 20.0, -20.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_neuron_of_each_activation_has_the_value_and_gradients_of_the_scalar_graph_and_of_torch(activation, bias):
    n = Neuron(3, activation=activation)
    n.b.data = bias
    found = []
    for fused in (True, False):
        n.fused = fused
        x = [Value(0.5), Value(-1.25), Value(2.0)]
        n.zero_grad()
        out = n(x)
        out.backward()
        found.append([out.data, *(v.grad for v in (*x, *n.parameters()))])
    assert found[0] == found[1]
    reloaded = Neuron(3, activation=activation)
    reloaded.load_state_dict(n.state_dict())
    assert reloaded(x).data == found[0][0]
    assert pickle.loads(pickle.dumps(n))(x).data == found[0][0]
    torch = pytest.importorskip("torch")
    functions = {"linear": lambda t: t, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
    w, b, xs = (
        torch.tensor(v, dtype=torch.float64, requires_grad=True)
        for v in ([p.data for p in n.w], bias, [v.data for v in x])
    )
    f = functions.get(activation) or getattr(torch.nn.functional, activation, None)
    expected = (f or pytest.skip(f"torch has no {activation}"))((w * xs).sum() + b)
    expected.backward()
    theirs = [float(expected.detach()), *xs.grad.tolist(), *w.grad.tolist(), float(b.grad)]
    # torch's softplus is x from 20 on
    assert all(close(a, b, rel=1e-8, absolute=1e-12) for a, b in zip(found[0], theirs)), (found[0], theirs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_pictures_explanations_and_programs_know_each_activation(activation):
    n = Neuron(2, activation=activation)
    n.b.data = 0.25
    out = n([Value(0.5), Value(-1.25)]) * 2.0
    out.backward()
    grads = [p.grad for p in n.parameters()]
    text = micrograd_c.explain(out, n).text()
    assert "nan" not in text and (activation in text or activation == "linear")
    n.zero_grad()
    f = micrograd_c.jit(lambda x, y: n([x, y]) * 2.0)
    assert close(f(0.5, -1.25), out.data, rel=1e-14)
    f.backward(0.5, -1.25)
    assert all(close(p.grad, g, rel=1e-12) for p, g in zip(n.parameters(), grads))
