"""Fused neurons: the same numbers as the scalar form, and whatever is done to a model honoured."""

import inspect
import math
import random
import sys
import sysconfig
import warnings

import pytest
from networks import ACTIVATIONS, X, listed, scalar
from support import PYPY, close, collect, nothing_left_behind, run_python

from micrograd_c import MLP, Layer, Neuron, Value, _fused, nn, stats
from micrograd_c._core import lib

# ---- fused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(1, [1]), (3, [4, 4, 1]), (2, [9, 5, 3]), (20, [6, 2]), (4, [4])], ids=str)
def test_forward_is_bit_equal_to_the_scalar_form_and_gradients_agree(activation, shape, rng):
    fused = MLP(*shape, activation=activation)
    plain = MLP(*shape, activation=activation, fused=False)
    plain.load_state_dict(fused.state_dict())
    for _ in range(5):
        numbers = [rng.uniform(-3, 3) for _ in range(shape[0])]
        x, y = [Value(i) for i in numbers], [Value(i) for i in numbers]
        outs, expected = listed(fused(x)), listed(plain(y))
        assert [o.data.hex() for o in outs] == [o.data.hex() for o in expected]
        assert [o.data for o in listed(fused(numbers))] == [o.data for o in outs]
        for model, results in ((fused, outs), (plain, expected)):
            model.zero_grad()
            sum(o * (i + 1.5) for i, o in enumerate(results)).backward()
        scale = max(abs(p.grad) for p in plain.parameters())
        for p, q in zip([*fused.parameters(), *x], [*plain.parameters(), *y]):
            assert close(p.grad, q.grad, rel=1e-12, absolute=1e-14 * (1 + scale))


def test_a_neuron_is_one_node():
    a, b = Value(1.0), Value(2.0)
    n = Neuron(2)
    before = stats().live_nodes
    out = n([a, b])
    assert stats().live_nodes == before + 1
    assert out._prev == {a, b, *n.w, n.b}
    model = MLP(2, [3, 2])
    before = stats().live_nodes
    outs = model([a, b])
    assert stats().live_nodes == before + 5
    hidden = outs[0]._prev - {*model.parameters()}
    assert len(hidden) == 3 and all(a in h._prev for h in hidden)
    assert "ReLU" in next(iter(hidden))._op


@pytest.mark.parametrize("make", [lambda: MLP(2, [3, 2]), lambda: Layer(2, 2)], ids=["MLP", "Layer"])
def test_inputs_that_are_numbers_are_leaves_of_the_graph_and_end_with_it(make):
    model, x = make(), [0.5, -2.0]
    values = [Value(number) for number in x]
    sum(model(values)).backward()
    with nothing_left_behind():
        outs = model(x)
        leaves, todo = [], [outs[0]]
        while todo:
            todo += (operands := todo.pop()._prev - {*model.parameters()} - {*leaves})
            leaves += [operand for operand in operands if not operand._prev]
        assert sorted(leaf.data for leaf in leaves) == sorted(x)
        assert all(outs[i]._prev == outs[i]._prev for i in (0, 1))  # the same ones each time
        sum(outs).backward()
        assert {leaf.data: leaf.grad for leaf in leaves} == {value.data: value.grad for value in values}
        del outs, operands
        assert leaves[0].data in x  # a leaf outlives what was computed from it
        del leaves


@pytest.mark.skipif(PYPY, reason="there the inner neurons of one call live together")
@pytest.mark.parametrize("x", [[0.5, -2.0], [Value(0.5), Value(-2.0)]], ids=["numbers", "Values"])
def test_an_inner_neuron_that_is_kept_keeps_nothing_that_reads_it(x):
    model = MLP(2, [2, 3, 3, 1])
    collect()
    before = stats().live_nodes
    kept = [model(x)._children[0]._children[i] for i in (0, 1)]
    collect()
    below = 0 if type(x[0]) is Value else 2 * 2  # of two calls: what a neuron was computed from lives with it
    assert stats().live_nodes == before + len(kept) * 3 + below
    child = Value(3.0)
    for p in (*model.layers[2].parameters(), *model.layers[3].parameters()):  # nobody reads these now
        p.__init__(1.0, (child,))
    for neuron in kept:
        for below in neuron._children:
            with pytest.raises(ValueError, match="another Value was computed from it"):
                below.__init__(1.0, (child,))


def calls_into_c(model, x):
    """Return the names of the functions of the engine, and of methods of Values, that a call of a model calls."""
    called = []

    def hear(frame, event, function):
        if event == "c_call":
            owner = getattr(function, "__self__", None)
            if owner is lib or isinstance(owner, Value) or getattr(owner, "__name__", "").endswith("._native"):
                called.append(function.__name__)

    model(x)
    sys.setprofile(hear)
    try:
        model(x)
    finally:
        sys.setprofile(None)
    return called


@pytest.mark.skipif(PYPY, reason="PyPy tells no calls of C")
def test_a_network_of_any_size_crosses_into_c_a_constant_number_of_times():
    shapes = [(2, [2, 1]), (10, [30, 30, 1])]
    small, large = (calls_into_c(MLP(n, nouts), [0.5] * n) for n, nouts in shapes)
    assert small == large and 1 <= len(small) <= 4, (small, large)
    small, large = (calls_into_c(MLP(n, nouts, fused=False), [0.5] * n) for n, nouts in shapes)
    assert len(small) < len(large)  # they are counted


def test_fused_false_gives_the_graph_of_micrograd():
    n = Neuron(2, fused=False)
    out = n([1.0, 2.0])
    assert out._op == "ReLU"
    (total,) = out._prev
    assert total._op == "+" and {v._op for v in total._prev} == {"+", "*"}
    for model in (Layer(2, 3, fused=False), MLP(2, [3], fused=False)):
        assert all(o._op in ("ReLU", "+") for o in model([1.0, 2.0]))
    n.fused = True
    assert len(n([1.0, 2.0])._prev) == 5


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_can_be_chosen_on_all_three_and_changed(activation):
    x = [0.5, -1.5]
    n, layer, model = (
        Neuron(2, activation=activation),
        Layer(2, 3, activation=activation),
        MLP(2, [3, 2], activation=activation),
    )
    assert n.activation == activation and n.nonlin is (activation != "linear")
    assert n(x).data == scalar(n, x).data
    assert [o.data for o in layer(x)] == [scalar(m, x).data for m in layer.neurons]
    assert [m.activation for m in model.layers[0].neurons] == [activation] * 3
    assert [m.activation for m in model.layers[1].neurons] == ["linear"] * 2
    for other in ACTIVATIONS:
        n.activation = other
        assert n(x).data == scalar(n, x).data and n.activation == other


def test_an_unknown_activation_is_an_error_that_lists_them():
    with (
        nothing_left_behind(),
        pytest.raises(ValueError, match=rf"'swish' is unknown; there are {', '.join(ACTIVATIONS)}"),
    ):
        Neuron(2, activation="swish")


def test_nonlin_false_is_linear():
    assert Neuron(2, False).activation == Neuron(2, nonlin=False).activation == "linear"
    assert Layer(2, 1, nonlin=False).neurons[0].activation == "linear"


# ---- mutations ---------------------------------------------------------------------------------------------------


def model_and_check():
    """Return a model that has been called (so that its plan is made) and what it must compute, neuron by neuron."""
    model = MLP(2, [3, 2])
    model(X)
    model.layers[0](X)
    model.layers[0].neurons[1](X)

    def expected():
        x = X
        for layer in model.layers:
            x = [scalar(n, x) for n in layer.neurons]
        return [v.data for v in x]

    return model, expected


def set_weight(m):
    m.layers[0].neurons[1].w[0] = Value(7.0)


def set_bias(m):
    m.layers[0].neurons[1].b = Value(7.0)


def pop_weight(m):
    m.layers[0].neurons[1].w.pop()


def append_weight(m):
    m.layers[1].neurons[0].w.append(Value(1.0))


def clear_weights(m):
    m.layers[0].neurons[1].w.clear()


def new_list_of_weights(m):
    m.layers[0].neurons[1].w = [Value(1.0), Value(2.0)]


def tuple_of_weights(m):
    m.layers[0].neurons[1].w = (Value(1.0), Value(2.0))


def reverse_weights(m):
    m.layers[0].neurons[1].w.reverse()


def share_weights(m):
    m.layers[0].neurons[1].w = m.layers[0].neurons[0].w


def share_a_weight(m):
    m.layers[0].neurons[1].w[0] = m.layers[0].neurons[0].w[0]


def new_neurons(m):
    m.layers[0].neurons = [Neuron(2), Neuron(2, nonlin=False), Neuron(2, activation="tanh")]


def append_neuron(m):
    m.layers[0].neurons.append(Neuron(2))


def pop_neuron(m):
    m.layers[0].neurons.pop()


def swap_neurons(m):
    m.layers[0].neurons[0], m.layers[0].neurons[1] = m.layers[0].neurons[1], m.layers[0].neurons[0]


def same_neuron_twice(m):
    m.layers[0].neurons[0] = m.layers[0].neurons[1]


def insert_layer(m):
    m.layers.insert(1, Layer(3, 3))


def pop_layer(m):
    m.layers.pop()


def new_layers(m):
    m.layers = [Layer(2, 4), Layer(4, 2)]


def flip_nonlin(m):
    m.layers[0].neurons[1].nonlin = False
    m.layers[1].neurons[1].nonlin = True


def change_activation(m):
    m.layers[0].neurons[1].activation = "sigmoid"


def unfuse(m):
    m.layers[0].neurons[1].fused = False


def write_data(m):
    m.layers[0].neurons[1].w[0].data = 5.0
    m.layers[1].neurons[1].b.data = -3.0


def plain_number_as_weight(m):
    m.layers[0].neurons[1].w[0] = 2.0


def plain_number_as_bias(m):
    m.layers[0].neurons[1].b = 2.0


def computed_weight(m):
    n = m.layers[0].neurons[1]
    n.w[0] = n.w[0] * 2 + n.b


def exchange_dicts(m):
    m.layers[0].neurons[1].__dict__ = m.layers[0].neurons[0].__dict__


def new_dict(m):
    m.layers[0].neurons[1].__dict__ = {**vars(m.layers[0].neurons[1]), "w": [Value(1.0), Value(2.0)]}


def new_dict_of_a_layer(m):
    m.layers[0].__dict__ = {"neurons": [Neuron(2) for _ in range(3)]}


def tuple_of_layers(m):
    m.layers = tuple(m.layers)


def tuple_of_neurons(m):
    m.layers[0].neurons = tuple(m.layers[0].neurons)


def initialise_a_weight_again(m):
    m.layers[0].neurons[1].w[0].__init__(4.0)
    m.layers[0].neurons[1].b.__init__(4.0)


def initialise_a_neuron_again(m):
    m.layers[0].neurons[1].__init__(2, activation="tanh")


def initialise_the_model_again(m):
    m.__init__(2, [4, 2])


def write_dict(m):
    m.layers[0].neurons[1].__dict__["b"] = Value(9.0)


MUTATIONS = [
    f for f in list(globals().values()) if inspect.isfunction(f) and list(inspect.signature(f).parameters) == ["m"]
]


@pytest.fixture(params=["C", "Python"])
def reader(request, monkeypatch):
    """Let Python compare lists, or C, which can in CPython with a GIL."""
    assert _fused._c_reads_lists == (not PYPY and not sysconfig.get_config_var("Py_GIL_DISABLED"))
    if request.param == "Python":
        monkeypatch.setattr(_fused, "_c_reads_lists", False)


@pytest.mark.filterwarnings("ignore:a neuron of")
@pytest.mark.parametrize("mutate", [f for f in MUTATIONS if f is not write_dict], ids=lambda f: f.__name__)
def test_whatever_is_changed_is_honoured_at_the_next_call(mutate, reader):
    model, expected = model_and_check()
    before = [o.data for o in listed(model(X))]
    mutate(model)
    out = listed(model(X))
    assert [getattr(o, "data", o) for o in out] == expected()
    again = listed(model(X))
    assert [getattr(o, "data", o) for o in again] == expected()
    layer = model.layers[0]
    assert [o.data for o in listed(layer(X))] == [scalar(n, X).data for n in layer.neurons]
    for n in layer.neurons:
        assert n(X).data == scalar(n, X).data
    assert len(before) == 2
    # Gradients reach what is there now.
    if mutate not in (plain_number_as_weight, plain_number_as_bias, tuple_of_weights):
        model.zero_grad()
        sum(listed(model(X))).backward()
        grads = [p.grad for p in model.parameters()]
        model.zero_grad()
        x = X
        for layer in model.layers:
            x = [scalar(n, x) for n in layer.neurons]
        sum(x).backward()
        for g, p in zip(grads, model.parameters()):
            assert close(g, p.grad, rel=1e-12)


@pytest.mark.filterwarnings("ignore:a neuron of")
@pytest.mark.parametrize("first", MUTATIONS[:12], ids=lambda f: f.__name__)
def test_two_changes_in_a_row_are_honoured(first):
    for second in MUTATIONS[:12]:
        model, expected = model_and_check()
        for mutate in (first, second):
            try:
                mutate(model)
            except (IndexError, AttributeError, TypeError):  # nothing left to pop, a tuple
                continue
            assert [getattr(o, "data", o) for o in listed(model(X))] == expected(), second


def test_what_is_deleted_is_missed():
    model, _ = model_and_check()
    del model.layers[0].neurons[1].b
    with pytest.raises(AttributeError):
        model(X)


def test_a_subclass_that_overrides_call_is_called():
    class Doubled(Neuron):
        def __call__(self, x):
            return super().__call__(x) * 2

    class Negated(Layer):
        def __call__(self, x):
            return [-v for v in listed(super().__call__(x))]

    class Shifted(MLP):
        def __call__(self, x):
            return [v + 1 for v in listed(super().__call__(x))]

    model, _ = model_and_check()
    n = model.layers[0].neurons[1]
    before = n(X).data
    n.__class__ = Doubled
    assert n(X).data == 2 * before
    assert model.layers[0](X)[1].data == 2 * before
    hidden = [m(X) for m in model.layers[0].neurons]
    assert [o.data for o in model(X)] == [scalar(m, hidden).data for m in model.layers[1].neurons]
    model.layers[0].neurons[1] = Doubled(2)
    hidden = [m(X) for m in model.layers[0].neurons]
    assert [o.data for o in model(X)] == [scalar(m, hidden).data for m in model.layers[1].neurons]
    model.layers[1] = Negated(3, 2)
    out = model(X)
    assert [o.data for o in out] == [-scalar(m, hidden).data for m in model.layers[1].neurons]
    shifted = Shifted(2, [2])
    assert [o.data for o in shifted(X)] == [scalar(m, X).data + 1 for m in shifted.layers[0].neurons]


def gaussian(nn):
    def init(self, nin, nonlin=True):
        self.w = [nn.Value(random.gauss(0, 1)) for _ in range(nin)]
        self.b, self.nonlin = nn.Value(0.1), nonlin

    return nn.Neuron, "__init__", init


def noted(nn):
    original = nn.Layer.__init__

    def init(self, nin, nout, **kwargs):
        original(self, nin, nout, **kwargs)
        self.seen = nin, nout, kwargs["nonlin"]

    return nn.Layer, "__init__", init


def another_neuron(nn):
    class Mine(nn.Neuron):
        def __init__(self, nin, nonlin):
            super().__init__(nin, nonlin)
            self.b = nn.Value(1.0)

    return nn, "Neuron", Mine


def another_layer(nn):
    class Mine(nn.Layer):
        def __init__(self, nin, nout, nonlin=False):
            super().__init__(nin, nout, nonlin=nonlin)
            self.scale = nn.Value(2.0)

        def __call__(self, x):
            out = super().__call__(x)
            return [v * self.scale for v in out] if isinstance(out, list) else out * self.scale

        def parameters(self):
            return [*super().parameters(), self.scale]

    return nn, "Layer", Mine


@pytest.mark.parametrize("shape", [(1, [1]), (2, [3, 1]), (2, [2, 3, 2])])
@pytest.mark.parametrize("change", [gaussian, noted, another_neuron, another_layer])
def test_what_takes_the_arguments_of_micrograds_can_stand_in_for_a_neuron_or_a_layer(change, shape, monkeypatch):
    found = []
    for module in (pytest.importorskip("micrograd.nn"), nn):
        monkeypatch.setattr(*change(module))
        random.seed(4)
        model = module.MLP(*shape)
        outs = listed(model(X[: shape[0]]))
        sum(outs).backward()
        numbers = [*outs, *model.parameters()]
        seen = [getattr(layer, "seen", None) for layer in model.layers]
        found.append(([v.data for v in numbers], [v.grad for v in numbers], seen))
    (data, grads, seen), ours = found
    assert all(map(close, ours[0], data)) and all(map(close, ours[1], grads)) and ours[2] == seen


def test_neurons_that_a_script_puts_into_nn_get_the_options_that_were_given(monkeypatch):
    given = []

    class Another:
        def __init__(self, nin, **options):
            given.append(options)

    class Derived(Neuron):
        def __init__(self, nin, nonlin=True, init="uniform"):
            given.append(init)
            super().__init__(nin, nonlin, init=init)

    monkeypatch.setattr(nn, "Neuron", Another)
    Layer(3, 1, init="xavier", activation="swish")
    MLP(3, [1, 1], init="orthogonal", activation="swish", bias=None)
    options = {"init": "orthogonal", "bias": None}
    hidden = {"nonlin": True, **options, "activation": "swish"}
    assert given == [{"init": "xavier", "activation": "swish"}, hidden, {"nonlin": False, **options}]
    monkeypatch.setattr(nn, "Neuron", Derived)
    for init in ("he", "xavier"):
        Layer(3, 2, init=init)
    assert given[3:] == ["he"] * 2 + [math.sqrt(6 / 5)] * 2  # no neuron knows how many there are
    with pytest.raises(ValueError, match="init 'orthogonal' is unknown"):
        Layer(3, 2, init="orthogonal")


def test_a_subclass_with_an_init_of_its_own_is_fused_too():
    class Mine(Neuron):
        def __init__(self, nin):
            super().__init__(nin, activation="tanh")
            self.extra = Value(0.0)

        def parameters(self):
            return [*super().parameters(), self.extra]

    layer = Layer(2, 2)
    layer.neurons = [Mine(2), Mine(2)]
    assert [o.data for o in layer(X)] == [scalar(n, X).data for n in layer.neurons]
    assert len(layer.parameters()) == 8


def test_a_patch_of_a_class_is_honoured(monkeypatch):
    model, _ = model_and_check()
    plain = [o.data for o in model.layers[0](X)]
    with monkeypatch.context() as patch:
        original = Neuron.__call__
        patch.setattr(Neuron, "__call__", lambda self, x: original(self, x) * 10)
        assert [o.data for o in model.layers[0](X)] == [10 * y for y in plain]
    assert [o.data for o in model.layers[0](X)] == plain
    with monkeypatch.context() as patch:
        patch.setattr(Layer, "__call__", lambda self, x: [Value(1.0)] * 3)
        assert [o.data for o in model(X)] == [1.0] * 3


class Method(Neuron):
    def activation(self, z):
        return z * 3.0


class Private(Neuron):
    def __init__(self, nin):
        super().__init__(nin)
        self._activation = thrice


class Named(Neuron):
    activation = "tanh"


class Passing(Neuron):
    @property
    def activation(self):
        return super().activation


class Assigned(Neuron):
    def __init__(self, nin, activation):
        super().__init__(nin, nonlin=False)
        self.activation = activation


class Calling(Neuron):
    def __call__(self, x):
        z = super().__call__(x)
        return self.activation(z) if callable(self.activation) else getattr(z, self.activation)()


class CallingMethod(Calling, Method):
    pass


class CallingNamed(Calling, Named):
    pass


class CallingAssigned(Calling, Assigned):
    pass


def thrice(z):
    return z * 3.0


@pytest.mark.parametrize(
    ("make", "inner", "outer"),
    [
        (lambda: Method(2), "relu", ""),  # micrograd does not ask for it
        (lambda: Private(2), "relu", ""),
        (lambda: Named(2), "tanh", ""),
        (lambda: Named(2, nonlin=False), "", ""),
        (lambda: Passing(2), "relu", ""),
        (lambda: Assigned(2, thrice), "", ""),
        (lambda: Assigned(2, "tanh"), "tanh", ""),
        (lambda: CallingMethod(2), "relu", thrice),
        (lambda: CallingNamed(2, nonlin=False), "", "tanh"),
        (lambda: CallingNamed(2, activation="sigmoid"), "sigmoid", "tanh"),
        *((lambda s=s: CallingAssigned(2, s), "", s) for s in ("tanh", "exp", "linear", thrice)),
    ],
)
def test_activation_of_a_class_is_its_own_where_it_says_what_a_call_does(make, inner, outer, monkeypatch):
    monkeypatch.setattr(Value, "linear", lambda self: self * 1.0, raising=False)
    n = make()
    n.b = Value(0.5)
    wanted = sum((w * x for w, x in zip(n.w, X)), n.b)
    for name in filter(None, (inner, outer)):
        wanted = name(wanted) if callable(name) else getattr(wanted, name)()
    for _ in range(2):
        assert n(X).data == pytest.approx(wanted.data, rel=1e-15)
    layer = Layer(2, 2)
    layer.neurons[1] = n
    assert layer(X)[1].data == pytest.approx(wanted.data, rel=1e-15)
    assert repr(n) == repr(Neuron(2, activation=inner or "linear"))
    assert "Layer" in layer._repr_html_()


class OtherWeights(Neuron):
    def __init__(self, nin):
        self.weights = [Value(0.5) for _ in range(nin)]

    def __call__(self, x):
        return sum(w * xi for w, xi in zip(self.weights, x))

    def parameters(self):
        return self.weights


class WithoutBias(OtherWeights):
    def __init__(self, nin):
        Neuron.__init__(self, nin)
        self.weights = self.w
        del self.b


class OtherNeurons(Layer):
    def __init__(self, nin, nout):
        self.units = [OtherWeights(nin) for _ in range(nout)]

    def __call__(self, x):
        return [unit(x) for unit in self.units]

    def parameters(self):
        return [p for unit in self.units for p in unit.parameters()]


def layer_of(neuron):
    layer = Layer(2, 3)
    layer.neurons = [neuron(2) for _ in range(3)]
    return layer


@pytest.mark.parametrize(
    "make", [lambda: layer_of(OtherWeights), lambda: layer_of(WithoutBias), lambda: OtherNeurons(2, 3)]
)
def test_a_class_may_have_its_weights_bias_and_neurons_under_other_names(make):
    model = MLP(2, [3, 1])
    model.layers[0] = first = make()
    model.zero_grad()
    out = model(X)
    out.backward()
    assert out.data == model.layers[1](first(X)).data
    assert any(p.grad for p in first.parameters())
    for module in (model, first):
        module.zero_grad()
        assert not any(p.grad for p in first.parameters())


class Answering:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.answer(name)


class AnsweringNeuron(Answering, Neuron):
    pass


class AnsweringLayer(Answering, Layer):
    pass


class AnsweringMLP(MLP):
    def __getattr__(self, name):
        return vars(self)["answer"](name)


@pytest.mark.parametrize(
    ("made", "base", "size"),
    [(AnsweringNeuron, Neuron, (2,)), (AnsweringLayer, Layer, (2, 2)), (AnsweringMLP, MLP, (2, [3, 2]))],
)
def test_a_getattr_that_knows_all_names_or_those_of_another_module_changes_no_number(made, base, size):
    other, twin = base(*size), base(*size)
    for p in (*other.parameters(), *twin.parameters()):
        p.data = abs(p.data) + 0.1
    for answer in (lambda name: "mine", lambda name: None, lambda name: getattr(other, name)):
        m = made.__new__(made)
        m.__dict__.update(vars(twin), answer=answer)
        other([1.0, 2.0])
        other.zero_grad()
        outs = listed(m([1.0, 2.0]))
        assert [v.data for v in outs] == [v.data for v in listed(twin([1.0, 2.0]))]
        sum(outs, Value(0.0)).backward()
        assert all(p.grad for p in m.parameters()) and not any(p.grad for p in other.parameters())
        m.zero_grad()
        assert not any(p.grad for p in m.parameters())


class Registered(type):
    def __getattr__(cls, name):
        if name == "registry":
            return []
        raise AttributeError(name)


def test_a_getattr_of_a_metaclass_answers_for_the_class_alone():
    class Listed(MLP, metaclass=Registered):
        pass

    m = Listed(2, [2, 1])
    assert Listed.registry == [] and not hasattr(m, "registry") and isinstance(m([1.0, 2.0]), Value)


class Halved(Neuron):
    """Its weights are a property."""

    w = property(lambda self: [Value(p.data / 2) for p in self.raw], lambda self, w: setattr(self, "raw", w))


class Scheduled(Neuron):
    """Its activation depends on something else."""

    kind = "relu"
    activation = property(lambda self: Scheduled.kind)
    nonlin = property(lambda self: Scheduled.kind != "linear", lambda self, nonlin: None)


class Quiet(Neuron):
    """Nobody hears of its changes."""

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


class Delegating(Neuron):
    """Its bias is somewhere else."""

    def __getattr__(self, name):
        if name == "b":
            return Value(len(self.tag))
        raise AttributeError(name)


class Slotted(Neuron):
    __slots__ = ("w",)


class Common(Neuron):
    """Its class says whether it is linear."""

    nonlin = True

    def __init__(self, nin):
        self.w, self.b = [Value(1.0), Value(2.0)], Value(0.5)


class Computed(Layer):
    """Its neurons are a property."""

    neurons = property(lambda self: self.all[-2:], lambda self, neurons: setattr(self, "all", neurons))


class Growing(MLP):
    """Its layers are a property, in a tuple."""

    layers = property(lambda self: tuple(self.all[: self.depth]), lambda self, layers: setattr(self, "all", layers))
    depth = 1


def test_weights_and_bias_that_a_subclass_computes_are_read_once_a_call():
    reads = []

    class Noisy(Neuron):
        """Reading it may draw random numbers."""

        w = property(lambda self: reads.append("w") or self.raw, lambda self, w: setattr(self, "raw", w))
        b = property(lambda self: reads.append("b") or self.raw[0], lambda self, b: None)

    class Scaled(Noisy):
        def __call__(self, x):
            return 2.0 * super().__call__(x)

    for kind in (Noisy, Scaled):
        model = MLP(2, [2, 1])
        layer, n = model.layers[0], kind(2)
        layer.neurons[0] = n
        for module in (n, layer, model, model):
            for use, *given in ((module, X), (module.parameters,), (module.zero_grad,)):
                reads.clear()
                use(*given)
                assert reads == ["w", "b"]


def test_layers_that_a_subclass_computes_are_read_once_a_call():
    reads = []

    class Shortened(MLP):
        layers = property(
            lambda self: reads.append(1) or self.all[:1], lambda self, layers: setattr(self, "all", layers)
        )

    for fused in (True, False):
        model = Shortened(2, [2, 1], fused=fused)
        reads.clear()
        assert len(model(X)) == 2 and reads == [1]


def test_attributes_that_a_subclass_computes_are_read_at_each_call(monkeypatch):
    def same(model, x=X):
        expected = x
        for layer in model.layers:
            expected = [scalar(n, expected) for n in layer.neurons]
        return [o.data for o in listed(model(x))] == [o.data for o in expected]

    for kind in (Halved, Scheduled, Quiet, Delegating, Slotted, Common):
        model = MLP(2, [3, 2])
        model(X)
        n = model.layers[0].neurons[1] = kind(2)
        n.tag = ""
        assert same(model) and same(model)
        if kind is Halved:
            n.raw = [Value(8.0), Value(9.0)]
        elif kind is Scheduled:
            monkeypatch.setattr(Scheduled, "kind", "linear")
        elif kind is Common:
            monkeypatch.setattr(Common, "nonlin", False)
        elif kind is Delegating:
            del n.b
            n.tag = "four"
        else:
            n.w = [Value(8.0), Value(9.0)]
        assert same(model)
    model = MLP(2, [3, 2])
    model.layers[0] = Computed(2, 5)
    model.layers[1] = Layer(2, 1)
    assert same(model)
    model.layers[0].all.append(Neuron(2))
    assert same(model)
    model = Growing(2, [3, 2])
    assert same(model) and len(model(X)) == 3
    model.depth = 2
    assert same(model) and len(model(X)) == 2


@pytest.mark.parametrize("name", ["relu", "__mul__", "__add__"])
def test_a_patch_of_value_is_honoured(name, monkeypatch):
    model = MLP(2, [3, 2])
    model(X)
    calls = []
    original = getattr(Value, name)

    def patched(self, *args):
        calls.append(name)
        return original(self, *args)

    monkeypatch.setattr(Value, name, patched)
    out = model(X)
    assert calls
    monkeypatch.undo()
    calls.clear()
    assert [o.data for o in model(X)] == [o.data for o in out] and not calls


@pytest.mark.parametrize("name", ["relu", "__mul__", "__add__"])
def test_a_patch_of_value_that_came_before_the_import_of_nn_is_honoured(name):
    done = run_python(
        "-c",
        f"""
from micrograd_c.engine import Value
original = Value.{name}
Value.{name} = lambda *operands: original(*operands) - 0.25
from micrograd_c.nn import MLP
model = MLP(2, [3, 1])
fused = model([0.5, -1.5]).data
for layer in model.layers:
    for n in layer.neurons:
        n.fused = False
print(fused - model([0.5, -1.5]).data)
""",
    )
    assert done.stdout == "0.0\n", done.stderr


def test_any_attribute_can_be_set_on_modules():
    n = Neuron(2)
    n.tag = "t"
    n(X)
    assert n.tag == "t" and "tag" in vars(n)
    assert {"w", "b", "nonlin"} <= set(vars(n))


def test_weights_that_were_dropped_and_made_anew_are_told_apart():
    model = MLP(2, [2, 1])
    for i in range(200):
        n = model.layers[0].neurons[i % 2]
        n.w = [Value(random.random()), Value(random.random())]
        hidden = [scalar(m, X) for m in model.layers[0].neurons]
        assert model(X).data == scalar(model.layers[1].neurons[0], hidden).data


def test_models_survive_squeezes_of_the_arena():
    junk = [Value(1.0) for _ in range(100_000)]
    model = MLP(2, [5, 5, 1])
    weights = [w for _ in range(3) for w in [Value(0.5), Value(1.0)]]
    model.layers[0].neurons[0].w = weights[1:3]
    expected = model(X).data
    squeezes = stats().squeezes
    del junk[::2]
    more = []
    for _ in range(4):
        more = [Value(1.0) for _ in range(100_000)]
        del junk[::2]
        more.append(Value(2.0))
        assert model(X).data == expected
    del junk
    more = [Value(1.0) for _ in range(300_000)]
    assert model(X).data == expected
    if not PYPY:
        assert stats().squeezes > squeezes
    del more


class Agreeing:
    """Says that it equals everything."""

    data = 5.0

    def __eq__(self, other):
        return True

    def __rmul__(self, other):
        return 5.0 * other

    __mul__ = __rmul__


class AgreeingValue(Value):
    def __eq__(self, other):
        return True

    __hash__ = Value.__hash__


class RaisingValue(Value):
    def __eq__(self, other):
        raise RuntimeError("compared")

    __hash__ = None


class Late(Value):
    pass


def late():
    """Return an instance of a class that says only afterwards that it equals everything."""
    v = Late(5.0)
    Late.__eq__, Late.__hash__ = AgreeingValue.__eq__, Value.__hash__
    return v


Mixed = type("Mixed", (type("Mixin", (), {"__eq__": AgreeingValue.__eq__, "__hash__": Value.__hash__}), Value), {})
EQUAL = [Agreeing, lambda: AgreeingValue(5.0), lambda: RaisingValue(5.0), lambda: Mixed(5.0), late]


@pytest.mark.parametrize("make", EQUAL)
def test_a_weight_counts_whatever_it_says_of_being_equal_to_the_one_that_it_replaces(make, monkeypatch, reader):
    if make is not Agreeing:  # no other class has told it before
        classes = {key: r for key, r in _fused.classes.items() if r() is type(make())}
        monkeypatch.setattr(_fused, "classes", classes)
    model = MLP(2, [2, 1])
    x = [Value(1.0), Value(2.0)]
    model(x)
    n = model.layers[0].neurons[0]
    n.w[1] = make()
    model(x)
    n.w[1] = make()
    hidden = [(m.w[0] * x[0] + m.w[1] * x[1] + m.b).relu() for m in model.layers[0].neurons]
    last = model.layers[1].neurons[0]
    wanted = (last.w[0] * hidden[0] + last.w[1] * hidden[1] + last.b).data
    assert abs(model(x).data - wanted) < 1e-12


def test_a_weight_counts_where_values_got_another_equality(monkeypatch, reader):
    monkeypatch.setattr(_fused, "classes", {})  # as if no class had an == of its own
    monkeypatch.setattr(Value, "__eq__", lambda self, other: isinstance(other, Value))
    model, expected = model_and_check()
    for n in (model.layers[0].neurons[1], model.layers[1].neurons[0]):
        n.w[0] = Value(7.0)
        assert [o.data for o in model(X)] == expected()


@pytest.mark.skipif(not _fused._c_reads_lists, reason="== of neurons is asked there, as the README says")
def test_a_neuron_counts_that_says_it_is_equal_to_the_one_that_it_replaces(monkeypatch):
    class AgreeingNeuron(Neuron):
        __eq__, __hash__ = Agreeing.__eq__, Neuron.__hash__

    monkeypatch.setattr(_fused, "unequal", [0, 0])  # as if no class had an == of its own
    agreeing = AgreeingNeuron(2)
    agreeing.b.data = 9.0
    model, expected = model_and_check()
    model.layers[0].neurons[1] = agreeing
    assert [o.data for o in model(X)] == expected()


@pytest.mark.skipif(not _fused._c_reads_lists, reason="Python compares lists there")
def test_c_tells_of_lists_what_a_comparison_by_identity_tells(rng):
    for _ in range(300):
        before = [[float(i) for i in range(rng.randrange(6))] for _ in range(rng.randrange(4))]
        lists, flat = [list(items) for items in before], [x for items in before for x in items]
        known = _fused._for_c(flat, lists, before)
        edited = rng.choice(lists) if lists else []
        for edit in rng.sample(["equal", "append", "remove", "swap", "clear"], rng.randrange(3)):
            if edit == "append":
                edited.append(7.0)
            elif edit == "clear":
                edited.clear()
            elif edited and edit == "remove":
                del edited[rng.randrange(len(edited))]
            elif edited and edit == "equal":  # another object, which is equal
                edited[-1] = float(repr(edited[-1]))
            elif edited:
                edited.insert(0, edited.pop())
        noted, now = ([[*map(id, items)] for items in x] for x in (before, lists))
        assert _fused._same_items(known) == (now == noted)


class Changing:
    """A truth that changes a list when it is asked for, as another thread may at that moment."""

    def __init__(self, items):
        self.items = items

    def __bool__(self):
        if len(self.items) > 1:
            self.items.pop()
        return True


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("change", [lambda layer: layer.neurons[0].w, lambda layer: layer.neurons])
def test_a_list_that_changes_while_a_layer_is_looked_at_counts_as_it_was_or_is(change, bias):
    layer = Layer(3, 2, nonlin=False, bias=bias)
    for n in layer.neurons:
        for w, x in zip(n.w, (1.0, 10.0, 100.0)):
            w.data = x
    layer.neurons[0].fused = Changing(change(layer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(4):
            out = layer([1.0, 1.0, 1.0])
            assert {v.data for v in (out if type(out) is list else [out])} <= {111.0, 11.0, 1.0}


class Sized:
    """Inputs whose __len__ is another number than there are."""

    def __init__(self, items, n):
        self.items, self.n = items, n

    def __len__(self):
        return self.n

    def __iter__(self):
        return iter(self.items)


@pytest.mark.parametrize("n", [0, 1, 3, 9])
@pytest.mark.parametrize("of", [float, Value])
def test_inputs_of_another_length_than_they_say_are_taken_as_in_micrograd(n, of):
    theirs = pytest.importorskip("micrograd.nn")
    for make in (lambda nn: nn.Neuron(2), lambda nn: nn.Layer(2, 3), lambda nn: nn.MLP(2, [3, 1])):
        found = []
        for module, number in ((nn, of), (theirs, float)):
            random.seed(4)
            out = make(module)(Sized([number(i + 1) for i in range(n)], 2))
            found.append([float(v.data) for v in (out if type(out) is list else [out])])
        assert found[0] == found[1]
