"""nn: micrograd's classes, fused, and whatever is done to them honoured."""

import copy
import inspect
import itertools
import pickle
import random
import sys
import warnings
from unittest import mock

import pytest
from networks import ACTIVATIONS, X, listed, scalar
from support import close, nothing_left_behind, run_python

import micrograd_c
from micrograd_c import MLP, Layer, Module, Neuron, Value, nn, zero_grad

# ---- as in micrograd ---------------------------------------------------------------------------------------------


def test_signatures_are_micrograds_with_more_behind():
    theirs = pytest.importorskip("micrograd.nn")
    for name in ("Neuron", "Layer", "MLP"):
        ours = inspect.signature(getattr(nn, name)).parameters.values()
        expected = inspect.signature(getattr(theirs, name)).parameters.values()
        for p, q in zip(ours, expected):
            assert (p.name, p.kind, p.default) == (q.name, q.kind, q.default)
    assert issubclass(MLP, Module) and issubclass(Layer, Module) and issubclass(Neuron, Module)
    assert Module().parameters() == [] and Module().zero_grad() is None


def test_weights_are_drawn_from_what_a_script_assigns_to_random_of_the_module(monkeypatch):
    monkeypatch.setattr(nn, "random", random.Random(42))
    source = random.Random(42)
    assert [w.data for w in Neuron(3).w] == [source.uniform(-1, 1) for _ in range(3)]
    monkeypatch.undo()
    with mock.patch("micrograd_c.nn.random") as drawn:
        drawn.uniform.return_value = 0.25
        assert [p.data for p in MLP(2, [1]).parameters()] == [0.25, 0.25, 0.0]
        assert drawn.uniform.call_args_list == [mock.call(-1, 1)] * 2
    assert nn.random is random


PATCHED = """
import micrograd_c.engine as engine
class Halving(engine.Value):
    made = 0
    def __init__(self, data, _children=(), _op=''):
        super().__init__(data, _children, _op)
        Halving.made += 1
    def __mul__(self, other):
        return super().__mul__(other) + self.data / 2
plain = engine.Value
{assignment}
model = nn.MLP(2, [2, 1])
(n,), x = model.layers[1].neurons, [plain(3.0), plain(-2.0)]
assert Halving.made == 9 and {{type(p) for p in model.parameters()}} == {{Halving}}
n.w[0].data, n.w[1].data, n.b.data = 2.0, 4.0, 1.0
y = n(x)
y.backward()
print(y.data, x[0].grad, n.w[0].grad, n.b.grad)
model.zero_grad()
print(n.w[0].grad)
"""


@pytest.mark.parametrize(
    "assignment",
    [
        "from micrograd_c import nn; nn.Value = Halving",
        "engine.Value = Halving; from micrograd_c import nn",
    ],
)
def test_weights_are_of_the_class_that_a_script_assigns_to_value_of_the_module(assignment):
    done = run_python("-c", PATCHED.format(assignment=assignment))
    assert (done.stdout, done.stderr) == ("2.0 2.0 3.0 1.0\n0.0\n", "")


@pytest.mark.parametrize("name", ["_plan", "_text", "_activation", "_kind", "_weights", "_parameters", "_held"])
def test_no_name_that_a_script_may_use_is_the_networks(name):
    for other in (5.0, "mine", "tanh", None, [1]):
        model = MLP(2, [2, 1])
        modules = model, *model.layers, *(n for layer in model.layers for n in layer.neurons)
        wanted, shown = model(X).data, repr(model)
        if (name, other) == ("_activation", "tanh"):
            continue  # pickles of earlier versions say it so
        for m in modules:
            setattr(m, name, other)
        y = model(X)
        y.backward()
        model.zero_grad()
        assert (y.data, repr(model), str(model)) == (wanted, shown, shown)
        assert all(getattr(m, name) is other for m in modules)
        assert [p.grad for p in model.parameters()] == [0.0] * 9


def test_a_neuron_has_the_attributes_of_micrograds_and_no_others():
    assert [list(vars(m)) for m in (Neuron(2), Layer(2, 1), MLP(2, [1]))] == [
        ["w", "b", "nonlin"],
        ["neurons"],
        ["layers"],
    ]
    assert Neuron(2).fused is True and Neuron(2, fused=False).fused is False


class Stack(Module):
    """A module that takes a method of ours, which keeps what it knows for the next call."""

    parameters = MLP.parameters

    def __init__(self):
        self.layers = [Layer(2, 3), Layer(3, 1)]


class Told(Stack):
    def __getstate__(self):
        return dict(vars(self))


@pytest.mark.parametrize("cls", [Stack, Told])
def test_a_module_with_parameters_of_ours_is_copied_after_it_was_used(cls):
    stack = cls()
    stack.zero_grad()
    for other in (copy.deepcopy(stack), pickle.loads(pickle.dumps(stack)), copy.copy(stack)):
        assert [p.data for p in other.parameters()] == [p.data for p in stack.parameters()]
        other.parameters()[0].grad = 2.0
        other.layers = other.layers[1:]
        other.zero_grad()
        assert len(other.parameters()) == 4 and len(stack.parameters()) == 13


@pytest.mark.parametrize("collection", [list, dict, tuple])
@pytest.mark.parametrize("first", [True, False])
def test_a_module_may_be_a_collection_too(collection, first):
    bases = (Module, collection) if first else (collection, Module)
    chain = type("Chain", bases, {"parameters": lambda self: [p for m in self.parts for p in m.parameters()]})
    parts = [Layer(2, 3), Layer(3, 1)]
    made = chain(enumerate(parts) if collection is dict else parts)
    made.parts = [*made.values()] if collection is dict else [*made]
    assert made.parts == parts and made.parameters() == [*parts[0].parameters(), *parts[1].parameters()]
    parts[1](parts[0]([1.0, 2.0])).backward()
    made.zero_grad()
    assert not any(p.grad for p in made.parameters())
    twin = copy.deepcopy(made)
    assert [p.data for p in twin.parameters()] == [p.data for p in made.parameters()]


@pytest.mark.parametrize("shape", [(1, [1]), (2, [16, 16, 1]), (3, [4, 4, 2]), (5, [1, 3])], ids=str)
def test_the_same_seed_gives_micrograds_weights_names_and_order(shape, seed):
    theirs = pytest.importorskip("micrograd.nn")
    random.seed(seed)
    expected = theirs.MLP(*shape)
    state = random.getstate()
    random.seed(seed)
    ours = MLP(*shape)
    assert random.getstate() == state
    assert [p.data for p in ours.parameters()] == [p.data for p in expected.parameters()]
    assert repr(ours) == repr(expected)
    for a, b in zip(ours.layers, expected.layers):
        assert repr(a) == repr(b)
        for m, n in zip(a.neurons, b.neurons):
            assert (repr(m), m.nonlin, [w.data for w in m.w], m.b.data) == (
                repr(n),
                n.nonlin,
                [w.data for w in n.w],
                n.b.data,
            )


def test_parameters_are_weights_then_bias_neuron_by_neuron_layer_by_layer():
    model = MLP(2, [3, 1])
    expected = [p for layer in model.layers for n in layer.neurons for p in (*n.w, n.b)]
    assert model.parameters() == expected and len(expected) == 13
    assert model.layers[0].neurons[1].parameters() == [*model.layers[0].neurons[1].w, model.layers[0].neurons[1].b]
    assert all(type(p) is Value for p in expected)


def test_reprs():
    assert repr(Neuron(3)) == "ReLUNeuron(3)" and repr(Neuron(2, nonlin=False)) == "LinearNeuron(2)"
    assert repr(Neuron(3, activation="tanh")) == "TanhNeuron(3)"
    assert repr(Layer(2, 2)) == "Layer of [ReLUNeuron(2), ReLUNeuron(2)]"
    assert repr(MLP(2, [1, 1])) == "MLP of [Layer of [ReLUNeuron(2)], Layer of [LinearNeuron(1)]]"


def test_one_output_is_unwrapped():
    x = [1.0, 2.0]
    assert isinstance(Layer(2, 1)(x), Value) and isinstance(MLP(2, [3, 1])(x), Value)
    assert isinstance(Layer(2, 2)(x), list) and isinstance(MLP(2, [3, 2])(x), list)
    assert isinstance(MLP(2, [3, 2])(x)[0], Value)


@pytest.mark.parametrize("fused", [True, False])
def test_a_hidden_layer_of_width_one_works(fused):
    model = MLP(2, [1, 1, 3], fused=fused)
    out = model([1.0, -2.0])
    h = scalar(model.layers[0].neurons[0], [1.0, -2.0])
    h = scalar(model.layers[1].neurons[0], [h])
    assert [y.data for y in out] == [scalar(n, [h]).data for n in model.layers[2].neurons]


def test_scores_and_gradients_are_micrograds(seed):
    theirs = pytest.importorskip("micrograd.nn")
    for nin, nouts in [(2, [16, 16, 1]), (3, [4, 4, 2]), (4, [7])]:
        random.seed(seed)
        expected = theirs.MLP(nin, nouts)
        random.seed(seed)
        ours = MLP(nin, nouts)
        xs = [[random.uniform(-2, 2) for _ in range(nin)] for _ in range(5)]
        a = sum(y * y for x in xs for y in listed(ours(x)))
        b = sum(y * y for x in xs for y in listed(expected(x)))
        assert a.data == b.data
        a.backward()
        b.backward()
        for p, q in zip(ours.parameters(), expected.parameters()):
            assert close(p.grad, q.grad, rel=1e-12, absolute=1e-13)


def reversed_list(x):
    return reversed([*x])


def test_parameters_of_a_module_of_the_users_may_be_any_iterable():
    class Net(Module):
        def __init__(self, kind):
            self.kind, self.parts = kind, [Neuron(2), Layer(2, 2)]

        def parameters(self):
            return self.kind(itertools.chain.from_iterable(m.parameters() for m in self.parts))

    class Part(Neuron):
        def parameters(self):
            yield from super().parameters()

    for kind in (iter, tuple, set, dict.fromkeys, lambda x: (p for p in x), reversed_list):
        net = Net(kind)
        ps = [p for m in net.parts for p in m.parameters()]
        for p in ps:
            p.grad = 1.0
        net.zero_grad()
        assert not any(p.grad for p in ps)
        assert {p for _, p in net.named_parameters()} == set(ps)
        net.load_state_dict(net.state_dict())
    layer = Layer(2, 2)
    layer.neurons[0] = Part(2)
    sum(layer([1.0, 2.0])).backward()
    layer.zero_grad()
    assert len(layer.parameters()) == 6 and not any(p.grad for p in layer.parameters())


class Frozen(Neuron):
    def parameters(self):
        return [self.b]


FREEZES = {
    "an attribute of the model": lambda m: setattr(m, "parameters", lambda: [m.layers[0].neurons[0].b]),
    "an attribute of a layer": lambda m: setattr(m.layers[0], "parameters", list),
    "an attribute of a neuron": lambda m: setattr(m.layers[1].neurons[0], "parameters", list),
    "a class of a neuron": lambda m: setattr(m.layers[0].neurons[1], "__class__", Frozen),
    "a neuron of a class": lambda m: m.layers[0].neurons.__setitem__(0, Frozen(2)),
    "a weight less": lambda m: m.layers[0].neurons[0].w.pop(),
    "another weight": lambda m: m.layers[0].neurons[0].w.__setitem__(0, Value(1.0)),
    "another bias": lambda m: setattr(m.layers[0].neurons[0], "b", Value(1.0)),
    "a shared bias": lambda m: setattr(m.layers[0].neurons[0], "b", m.layers[0].neurons[1].b),
    "a layer less": lambda m: m.layers.pop(),
    "a tuple of layers": lambda m: setattr(m, "layers", tuple(m.layers[:1])),
    "a tuple of weights": lambda m: setattr(m.layers[0].neurons[0], "w", (Value(1.0), Value(1.0))),
    "all attributes": lambda m: setattr(m.layers[0].neurons[0], "__dict__", m.layers[0].neurons[1].__dict__),
}


@pytest.mark.parametrize("change", FREEZES)
@pytest.mark.parametrize("first", ["zero_grad", "a call", "both"])
def test_zero_grad_clears_what_parameters_returns_at_that_moment(change, first):
    model = MLP(2, [2, 1])
    if first != "zero_grad":
        model([1.0, 2.0])
    if first != "a call":
        model.zero_grad()
    everything = [*model.parameters()]
    FREEZES[change](model)
    now = [*model.parameters()] if change != "a tuple of weights" else None
    if now is None:  # micrograd's own parameters() raises: w + [b]
        now = [p for layer in model.layers for n in layer.neurons for p in (*n.w, n.b)]
    everything += now
    for p in everything:
        p.grad = 1.0
    model.zero_grad()
    assert [p.grad for p in everything] == [0.0 if any(p is q for q in now) else 1.0 for p in everything]


def test_zero_grad_of_a_network_that_has_not_changed_asks_none_of_its_parts():
    counts = []
    for shape in [(2, [2, 1]), (5, [20, 20, 1])]:
        model = MLP(*shape)
        model([1.0] * shape[0])
        model.zero_grad()
        calls = []
        sys.setprofile(
            lambda frame, event, arg, calls=calls: event == "call" and calls.append(frame.f_code.co_name)
        )
        try:
            model.zero_grad()
        finally:
            sys.setprofile(None)
        counts.append(len(calls))
        assert "parameters" not in calls
    assert counts[0] == counts[1]


def test_zero_grad_of_values_of_a_subclass_asks_their_class():
    asked = []
    with pytest.warns(UserWarning, match="do not ask the grad of Sticky"):

        class Sticky(Value):
            grad = property(lambda self: 5.0, lambda self, grad: asked.append(grad))

    model = MLP(2, [2, 1])
    model([1.0, 2.0])
    model.zero_grad()
    model.layers[0].neurons[0].w[0] = Sticky(1.0)
    model.zero_grad()
    model.zero_grad()
    assert asked == [0.0, 0.0]


def test_a_form_that_is_not_fused_has_everything_read_at_each_call():
    model = MLP(2, [2, 1], fused=False)
    model(X)
    model.zero_grad()
    n = model.layers[0].neurons[0]
    vars(n)["w"] = [Value(3.0), Value(4.0)]
    vars(n)["b"] = Value(5.0)
    hidden = [scalar(m, X) for m in model.layers[0].neurons]
    assert model(X).data == scalar(model.layers[1].neurons[0], hidden).data
    for p in model.parameters():
        p.grad = 1.0
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


def test_zero_grad_of_a_value_is_the_function():
    a, b = Value(2.0), Value(3.0)
    c = a * b + a
    c.backward()
    assert (a.grad, b.grad, c.grad) == (4.0, 2.0, 1.0)
    c.zero_grad()
    assert (a.grad, b.grad, c.grad) == (0.0, 0.0, 0.0)


def test_zero_grad_clears_every_parameter_and_nothing_else():
    model = MLP(2, [3, 1])
    x = Value(1.0)
    out = model([x, 2.0])
    out.backward()
    assert any(p.grad for p in model.parameters()) and out.grad == 1.0
    x.grad = 5.0
    model.zero_grad()
    assert not any(p.grad for p in model.parameters()) and (x.grad, out.grad) == (5.0, 1.0)


# ---- inputs ------------------------------------------------------------------------------------------------------


def kinds_of_inputs():
    yield "floats", lambda x: list(x)
    yield "values", lambda x: [Value(i) for i in x]
    yield "mixed", lambda x: [Value(x[0]), *x[1:]]
    yield "a tuple", tuple
    yield "an iterator", iter
    yield "a generator", lambda x: (i for i in x)
    yield "a map", lambda x: map(Value, x)
    yield "ints and bools", lambda x: [1, True, -2]


@pytest.mark.parametrize("module", ["micrograd_c", "micrograd"])
def test_a_neuron_takes_as_many_items_of_an_iterator_as_it_has_weights(module):
    rest = itertools.count(1.0)
    pytest.importorskip(f"{module}.nn").Neuron(2)(rest)
    assert next(rest) == 3.0


@pytest.mark.parametrize("kind", dict(kinds_of_inputs()), ids=str)
@pytest.mark.parametrize("fused", [True, False])
def test_inputs_of_every_kind_are_taken(kind, fused):
    make = dict(kinds_of_inputs())[kind]
    x = [1.0, 1.0, -2.0] if kind == "ints and bools" else [0.5, -1.25, 2.0]
    for model in (Neuron(3, fused=fused), Layer(3, 2, fused=fused), MLP(3, [2, 2], fused=fused)):
        neurons = model.layers[0].neurons if isinstance(model, MLP) else getattr(model, "neurons", [model])
        expected = [scalar(n, x) for n in neurons]
        if isinstance(model, MLP):
            expected = [scalar(n, expected) for n in model.layers[1].neurons]
        assert [o.data for o in listed(model(make(x)))] == [o.data for o in expected]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("make", [Neuron, lambda *a, **k: Layer(3, 2, **k), lambda *a, **k: MLP(3, [2, 1], **k)])
@pytest.mark.parametrize(
    ("kind", "words"),
    [(set, "a set"), (frozenset, "a set"), (dict.fromkeys, "keys of a dict")],
    ids=lambda x: x.__name__ if callable(x) else x,
)
def test_inputs_whose_order_is_unsure_are_taken_with_a_warning(kind, words, make, fused):
    model = make(3, fused=fused)
    x = kind([0.5, -1.25, 2.0])
    with pytest.warns(UserWarning, match=words) as told:
        out = listed(model(x))
    assert {w.filename for w in told} == {__file__}
    assert [o.data for o in out] == [o.data for o in listed(model(list(x)))]


def test_numpy_rows_are_inputs():
    np = pytest.importorskip("numpy")
    model = MLP(3, [4, 2])
    rows = np.array([[0.5, -1.25, 2.0], [1.0, 2.0, 3.0]])
    for row in rows:
        assert [o.data for o in model(row)] == [o.data for o in model(row.tolist())]
    assert [o.data for o in model(np.float32([1, 2, 3]))] == [o.data for o in model([1.0, 2.0, 3.0])]
    assert [o.data for o in model(np.array([Value(1.0), Value(2.0), Value(3.0)]))] == [
        o.data for o in model([1.0, 2.0, 3.0])
    ]
    assert [o.data for o in model(np.array([1, 2, 3]))] == [o.data for o in model([1.0, 2.0, 3.0])]


def test_one_input_may_be_given_to_several_places_and_the_same_value_twice():
    n = Neuron(3, nonlin=False)
    a = Value(2.0)
    n([a, a, a]).backward()
    assert close(a.grad, sum(w.data for w in n.w))
    w = n.w[0]
    n.w = [w, w, w]
    zero_grad(w)
    n([a, 1.0, 3.0]).backward()
    assert w.grad == 6.0
    x = Value(3.0)
    n.w = [x]
    x.grad = 0.0
    n([x]).backward()  # weight and input are one Value
    assert x.grad == 6.0


def test_inputs_that_are_no_numbers_are_a_type_error_that_leaves_nothing():
    model = MLP(2, [3, 1])
    for x in (["a", 1.0], [None, 1.0], [1.0, 2j]):
        with nothing_left_behind(), pytest.raises(TypeError):
            model(x)


@pytest.mark.parametrize("fused", [True, False])
def test_too_few_or_too_many_inputs_are_zipped_as_in_micrograd_with_a_warning(fused):
    model = pytest.importorskip("micrograd.nn").Neuron(3)
    n = Neuron(3, fused=fused)
    for w, v in zip((*n.w, n.b), (*model.w, model.b)):
        w.data = v.data
    for x, unused in (
        ([], "3 of the weights are"),
        ([1.0], "2 of the weights are"),
        ((1.0, 2.0), "1 of the weights is"),
        ([1.0, 2.0, 3.0, 4.0], "1 of the inputs is"),
    ):
        with pytest.warns(UserWarning, match=f"of 3 weights got {len(x)} inputs?: {unused} not used") as caught:
            assert n(x).data == getattr(model(x), "data", model.b.data)
        assert [w.filename for w in caught] == [__file__]


@pytest.mark.parametrize("make", [lambda: MLP(2, [3, 1]), lambda: MLP(2, [3, 1], fused=False), lambda: Layer(2, 3)])
def test_a_wrong_number_of_inputs_is_told_once_for_each_line_of_the_caller(make):
    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(5):
            model([1.0, 2.0, 3.0])
        model([1.0])
    assert len(caught) == 2 and {w.filename for w in caught} == {__file__}
    assert caught[0].lineno != caught[1].lineno and {w.category for w in caught} == {UserWarning}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model([1.0, 2.0])
        with nothing_left_behind(), pytest.raises(UserWarning, match="2 weights got 3 inputs"):
            model([1.0, 2.0, 3.0])


ROWS = [[1.0, 2.0], [3.0, 4.0]]


def shapes_that_are_no_sample():
    yield 1.0, r"a list of 2 numbers or Values, not 1.0 \(float\): pass a list"
    yield None, "not None"
    yield Value(1.0), r"2 numbers or Values, not Value\(data=1.0, grad=0.0\) \(Value\): pass a list"
    yield ROWS, r"number 0 is \[1.0, 2.0\] \(list\): .*model\(row\) for row in rows.*jit\(model\)\(rows\)"
    yield [ROWS[0]], r"number 0 is \[1.0, 2.0\]"
    yield ROWS * 3, r"number 0 is \[1.0, 2.0\]"
    yield [1.0, (2.0,)], r"number 1 is \(2.0,\) \(tuple\)"
    yield iter(ROWS), r"number 0 is \[1.0, 2.0\]"
    yield "ab", r"number 0 is 'a' \(str\): convert it first"
    yield [1.0, None], r"number 1 is None \(NoneType\): convert it first"
    np = sys.modules.get("numpy")
    if np is not None:
        yield np.array(ROWS), r"number 0 is array\(\[1., 2.\]\) \(ndarray\)"
        yield np.ones((5, 2)), r"number 0 is array"
        yield np.ones((2, 1)), r"number 0 is array"
        yield np.array([[Value(1.0), Value(2.0)]] * 2), r"number 0 is array"


@pytest.mark.parametrize("fused", [True, False])
def test_what_is_no_sample_is_refused_with_the_remedy_and_leaves_nothing(fused):
    pytest.importorskip("numpy")
    for model in (Neuron(2, fused=fused), Neuron(2, False, fused=fused), Layer(2, 2, fused=fused), MLP(2, [2, 1])):
        for x, words in shapes_that_are_no_sample():
            with nothing_left_behind(), pytest.raises(TypeError, match=words):
                model(x)


def test_a_single_value_is_the_input_of_a_neuron_of_one_weight():
    for fused in (True, False):
        for model in (
            Neuron(1, False, fused=fused),
            Layer(1, 1, nonlin=False, fused=fused),
            MLP(1, [1], fused=fused),
        ):
            assert model(Value(2.0)).data == model([2.0]).data
            with pytest.raises(TypeError, match=r"1 numbers? or Values?, not 2.0 \(float\): pass \[2.0\]"):
                model(2.0)


def test_a_wrong_number_of_inputs_is_an_error_while_a_function_is_traced():
    np = pytest.importorskip("numpy")
    for fused in (True, False):
        model = micrograd_c.jit(MLP(2, [3, 1], fused=fused))
        with pytest.raises(ValueError, match="2 weights got 3 inputs: pass 2"):
            model(np.ones((4, 3)))
        with pytest.raises((TypeError, ValueError), match=r"\[\[\.\.\.\]\]|\[\["):
            model([1.0, 2.0])
        assert model(np.ones((4, 2))).shape == (4,)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: MLP(2, 3), TypeError, r"not 3: MLP\(2, \[3\]\)"),
        (lambda: MLP(2, []), ValueError, r"MLP\(2, \[\]\) has no layers"),
        (lambda: MLP(-2, [1]), ValueError, "nin must be 1 or more, not -2"),
        (lambda: MLP(2, [4, 0]), ValueError, r"nouts\[1\] must be 1 or more, not 0"),
        (lambda: MLP(2, [4, -1]), ValueError, r"nouts\[1\] must be 1 or more, not -1"),
        (lambda: MLP(2.0, [1]), TypeError, r"nin must be a whole number, not 2.0 \(float\)"),
        (lambda: MLP("2", [1]), TypeError, r"nin must be a whole number, not '2' \(str\)"),
        (lambda: MLP(2, "41"), TypeError, r"nouts\[0\] must be a whole number, not '4'"),
        (lambda: MLP(2, [[4], 1]), TypeError, r"nouts\[0\] must be a whole number"),
        (lambda: MLP(2, [1], activation="tahn"), ValueError, "tahn.*close to it is tanh"),
        (lambda: MLP(2, [1], activation=max), TypeError, "activation must be a name in quotes, not max"),
        (lambda: Layer(2, 0), ValueError, "nout must be 1 or more, not 0"),
        (lambda: Layer(0, 2), ValueError, "nin must be 1 or more, not 0"),
        (lambda: Layer(2, None), TypeError, "nout must be a whole number, not None"),
        (lambda: Neuron(0), ValueError, "nin must be 1 or more, not 0"),
        (lambda: Neuron(10**5000), OverflowError, r"nin must be below 2\*\*31, .* <int of 16610 bits>"),
        (lambda: Layer(10**12, 1, init="he"), OverflowError, r"nin must be below 2\*\*31, .* not 1000000000000"),
        (lambda: Layer(1, 10**5000), OverflowError, r"nout must be below 2\*\*31, .* <int of 16610 bits>"),
        (lambda: Layer(2**30, 2), OverflowError, "number of weights must be below .* not 2147483648"),
        (lambda: MLP(10**12, [1]), OverflowError, "nin must be below"),
        (lambda: MLP(1, [2, 2**31]), OverflowError, r"nouts\[1\] must be below"),
        (lambda: MLP(10, [10**6, 10**6]), OverflowError, "number of weights must be below .* not 1000010000000"),
        (lambda: Neuron([2]), TypeError, r"nin must be a whole number, not \[2\]"),
        (lambda: Neuron(2, activation="Sigmoid"), ValueError, "close to it is sigmoid"),
        (lambda: Neuron(2, activation=["relu"]), TypeError, "activation must be a name"),
        (lambda: Neuron(2, "tanh"), TypeError, "not 'tanh': pass activation='tanh'"),
        (lambda: setattr(Neuron(2), "activation", "rleu"), ValueError, "close to it is relu"),
    ],
)
def test_a_network_that_cannot_be_made_is_refused_with_the_remedy(make, error, words):
    state = random.getstate()
    with nothing_left_behind(), pytest.raises(error, match=words):
        make()
    if "setattr" not in make.__code__.co_names:
        assert random.getstate() == state


def test_sizes_may_come_from_any_iterable_and_as_numpys_ints():
    np = pytest.importorskip("numpy")
    for nouts in ((3, 1), iter([3, 1]), np.array([3, 1]), [np.int64(3), True]):
        assert len(MLP(np.int32(2), nouts).parameters()) == 13


def test_inputs_of_a_class_of_the_users_keep_its_operators():
    class Input(Value):
        def __rmul__(self, other):  # comes first, as the class of the right operand is the narrower one
            return other * self.data * 10

    class Weight(Value):
        def __mul__(self, other):
            return Value.__mul__(self, other) * 2

    n = Neuron(1, nonlin=False)
    n.w[0] = Weight(3.0)
    assert n([Value(5.0)]).data == 30.0
    layer = Layer(1, 1, nonlin=False)
    w = layer.neurons[0].w[0].data
    assert layer([Input(1.0)]).data == layer.neurons[0]([Input(1.0)]).data == 10 * w


# ---- training ----------------------------------------------------------------------------------------------------


def test_a_small_network_learns_exclusive_or():
    random.seed(3)
    model = MLP(2, [8, 1], activation="tanh")
    data = [((0, 0), -1), ((0, 1), 1), ((1, 0), 1), ((1, 1), -1)]
    first = last = None
    for _ in range(150):
        loss = sum((model(x) - y) ** 2 for x, y in data)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
        first = loss.data if first is None else first
        last = loss.data
    assert last < 0.1 < first


def test_gradients_of_neurons_pass_gradcheck():
    for activation, n in itertools.product(ACTIVATIONS, (1, 2, 5)):
        neuron = Neuron(n, activation=activation)
        assert micrograd_c.gradcheck(lambda *x, neuron=neuron: neuron(x) * 2, *[0.3 * i - 0.5 for i in range(n)])


def test_a_zero_times_infinity_is_a_nan_in_the_fused_form_as_in_the_scalar_one():
    for fused in (True, False):
        n = Neuron(2, nonlin=False, fused=fused)
        n.w = [Value(0.0), Value(1.0)]
        assert n([float("inf"), 1.0]).data != n([float("inf"), 1.0]).data


def test_a_model_at_exit_is_silent():
    done = run_python("-c", "from micrograd_c import MLP\nm = MLP(2, [2, 1])\nout = m([1.0, 2.0])\nm.out = out")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("fused", [True, False])
def test_a_bad_input_is_told_once_and_alone(fused):
    with pytest.raises(TypeError, match="number 0 is 'a'") as told:
        Neuron(2, fused=fused)(["a", 1.0])
    assert told.value.__context__ is None or told.value.__suppress_context__
    neuron = Neuron(2, fused=fused)
    neuron.w[0] = "a"
    with warnings.catch_warnings(record=True) as warned, pytest.raises(TypeError):
        warnings.simplefilter("always")
        neuron([1.0, 2.0, 3.0])
    assert len(warned) == 1
