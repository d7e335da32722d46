"""How weights begin: uniform, Xavier's and He's limits, and neurons without a bias."""

import copy
import math
import pickle
import random

import pytest

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value

LIMITS = {
    "uniform": lambda nin, nout: 1.0,
    "xavier": lambda nin, nout: math.sqrt(6 / (nin + nout)),
    "he": lambda nin, nout: math.sqrt(6 / nin),
    0.25: lambda nin, nout: 0.25,
}


@pytest.mark.parametrize("init", LIMITS)
def test_weights_are_drawn_between_the_limits_of_the_formula(init):
    random.seed(7)
    model = MLP(20, [30, 10], init=init)
    random.seed(7)
    for layer, (nin, nout) in zip(model.layers, [(20, 30), (30, 10)]):
        a = LIMITS[init](nin, nout)
        for n in layer.neurons:
            assert [w.data for w in n.w] == [random.uniform(-a, a) for _ in range(nin)]
            assert n.b.data == 0.0


def test_a_variance_is_that_of_glorot_and_he():
    random.seed(1)
    for init, variance in [("xavier", 2 / (100 + 60)), ("he", 2 / 100)]:
        ws = [w.data for n in Layer(100, 60, init=init).neurons for w in n.w]
        assert sum(w * w for w in ws) / len(ws) == pytest.approx(variance, rel=0.05)
    assert abs(Neuron(2, init="xavier").w[0].data) <= math.sqrt(2)


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: MLP(2, [1], init="xaver"), ValueError, "'xaver' is unknown; .* close to it is xavier"),
        (lambda: Layer(2, 1, init="glorot"), ValueError, "there are uniform, xavier, he"),
        (lambda: Neuron(2, init=None), TypeError, "init must be a number"),
        (lambda: Layer(0, 1, init="he"), ValueError, "nin"),
        (lambda: MLP(2, [1], init=math.nan), ValueError, "init must be finite"),
        (lambda: Layer(2, 1, init=math.inf), ValueError, "init must be finite"),
        (lambda: Neuron(2, init=-0.5), ValueError, "init must be finite, 0.0 or more"),
        (lambda: Neuron(2, init=10**400), ValueError, "init must be finite"),
    ],
)
def test_a_wrong_init_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---- without a bias ----------------------------------------------------------------------------------------------


def gradients(model, out):
    model.zero_grad()
    out.backward()
    return [p.grad for p in model.parameters()]


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "linear"])
def test_a_network_without_biases_is_the_same_fused_and_as_scalars(activation):
    random.seed(3)
    model, x = MLP(3, [4, 5, 1], activation=activation, bias=False), [0.5, -1.0, 2.0]
    assert len(model.parameters()) == 3 * 4 + 4 * 5 + 5 and all(n.b is None for n in model.layers[0].neurons)
    fused = model(x)
    assert len(mg.topological_order(fused)) == 10 + 37 + 3 and type(fused) is Value
    found = [(fused.data, gradients(model, fused))]
    for layer in model.layers:
        for n in layer.neurons:
            n.fused = False
    scalar = model(x)
    assert len(mg.topological_order(scalar)) > 90
    found.append((scalar.data, gradients(model, scalar)))
    f = mg.jit(model)
    model.zero_grad()
    found.append((f.backward([x]), [p.grad for p in model.parameters()]))
    with_zeros = MLP(3, [4, 5, 1], activation=activation)
    for a, b in zip(with_zeros.layers, model.layers):
        for n, m in zip(a.neurons, b.neurons):
            for w, v in zip(n.w, m.w):
                w.data = v.data
    assert found[0][0] == found[1][0] == with_zeros(x).data
    assert found[0][1] == found[1][1]
    assert found[2][0] == pytest.approx(found[0][0], rel=1e-14)
    assert found[2][1] == pytest.approx(found[0][1], rel=1e-12)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_network_without_biases_is_copied_and_loaded(copied):
    model = MLP(2, [3, 1], bias=False)
    y = model([1.0, -2.0])
    twin = copied(model)
    assert twin([1.0, -2.0]).data == y.data and len(twin.state_dict()) == 9
    other = MLP(2, [3, 1], bias=False)
    other.load_state_dict(model.state_dict())
    assert other([1.0, -2.0]).data == y.data


def test_a_bias_may_be_taken_away_and_given_back():
    n = Neuron(2, nonlin=False)
    n.b.data = 10.0
    before = n([1.0, 1.0]).data
    b, n.b = n.b, None
    assert n([1.0, 1.0]).data == pytest.approx(before - 10.0) and len(n.parameters()) == 2
    n.b = b
    assert n([1.0, 1.0]).data == before and len(n.parameters()) == 3


@pytest.mark.parametrize("bias", [True, False])
def test_a_class_may_compute_its_weights_from_what_it_is_given(bias):
    class Halved(Neuron):
        w = property(lambda self: [v * 0.5 for v in self.raw], lambda self, w: setattr(self, "raw", w))

        def parameters(self):
            return self.raw

    n = Halved(3, bias=bias)
    assert len(n.raw) == len(n.w) == 3 and (n.b is not None) == bias
    assert n([1.0, 1.0, 1.0]).data == max(0.0, sum(v.data for v in n.raw) / 2)
