"""Names of parameters, states, and loading them."""

import pytest
from networks import X

from micrograd_c import MLP, Module, Neuron, Value


def test_named_parameters_are_the_parameters_with_the_way_to_them():
    model = MLP(2, [2, 1])
    named = list(model.named_parameters())
    assert [p for _, p in named] == model.parameters()
    assert [name for name, _ in named][:4] == [
        "layers.0.neurons.0.w.0",
        "layers.0.neurons.0.w.1",
        "layers.0.neurons.0.b",
        "layers.0.neurons.1.w.0",
    ]
    assert len({name for name, _ in named}) == len(named)


def test_a_module_of_the_users_has_names_too():
    class Mine(Module):
        def __init__(self):
            self.scale = Value(2.0)
            self.parts = {"first": Neuron(2), "second": [Neuron(1)]}
            self.hidden = Value(3.0)

        def parameters(self):
            return [self.scale, *self.parts["first"].parameters(), *self.parts["second"][0].parameters()]

    model = Mine()
    assert list(model.state_dict()) == [
        "scale",
        "parts.first.w.0",
        "parts.first.w.1",
        "parts.first.b",
        "parts.second.0.w.0",
        "parts.second.0.b",
    ]
    model.zero_grad()


@pytest.mark.parametrize("number", [0.0, 0, "numpy"])
def test_a_plain_number_among_parameters_is_named(number):
    if number == "numpy":  # which has a .data too
        number = pytest.importorskip("numpy").float64(0.0)
    model = MLP(2, [2, 1])
    state = model.state_dict()
    model.seed = number  # the same object, in another place
    for name in ("0.w.0", "1.w.1", "1.b"):
        neuron = model.layers[0].neurons[int(name[0])]
        kept = vars(neuron).copy()
        if name[2] == "b":
            neuron.b = number
        else:
            neuron.w = [number if str(i) == name[-1] else w for i, w in enumerate(neuron.w)]
        for f in (model.state_dict, lambda: model.load_state_dict(state)):
            with pytest.raises(TypeError, match=rf"^layers.0.neurons.{name} of this MLP is .*, not a Value: write"):
                f()
        assert len([*model.named_parameters()]) == 9  # as draw() asks for them
        neuron.w, neuron.b = kept["w"], kept["b"]
    assert model.state_dict() == state


def test_a_module_that_says_of_no_value_that_it_is_a_parameter_has_no_state():
    class Net(Module):
        def __init__(self):
            self.hidden, self.out = Neuron(2), [Neuron(1)]

    for f in (Net().state_dict, lambda: Net().load_state_dict({})):
        with pytest.raises(TypeError, match=r"Net says of no Value, such as its out.0.., .* parameters\(\)"):
            f()
    assert list(Net().named_parameters()) == [] and Module().state_dict() == {}  # nothing to lose
    frozen = type("Frozen", (Net,), {"parameters": lambda self: []})()
    assert frozen.state_dict() == {}


@pytest.mark.parametrize("parts", [{1: Value(2.0), "1": Value(3.0)}, {"a.b": Value(2.0), "a": {"b": Value(3.0)}}])
def test_two_ways_that_read_the_same_give_two_names(parts):
    class Mine(Module):
        def __init__(self):
            self.parts = parts

        def parameters(self):
            return [x if isinstance(x, Value) else x["b"] for x in self.parts.values()]

    model = Mine()
    state = model.state_dict()
    assert sorted(state.values()) == [2.0, 3.0]
    for p in model.parameters():
        p.data = 0.0
    model.load_state_dict(state)
    assert [p.data for p in model.parameters()] == [2.0, 3.0]


def test_state_dict_makes_the_round_trip():
    a, b = MLP(2, [3, 1]), MLP(2, [3, 1])
    state = a.state_dict()
    assert all(type(x) is float for x in state.values())
    parameters = b.parameters()
    b.load_state_dict(state)
    assert b.parameters() == parameters  # the same Values
    assert b.state_dict() == state and a(X).data == b(X).data
    import json

    b.load_state_dict(json.loads(json.dumps(state)))
    assert b.state_dict() == state


def test_load_state_dict_tells_every_mismatch_and_changes_nothing():
    model = MLP(2, [2, 1])
    before = model.state_dict()
    state = dict(before)
    state["layers.0.neurons.0.w.0"] = 5.0
    del state["layers.0.neurons.0.w.1"], state["layers.1.neurons.0.b"]
    state["layers.0.neurons.0.b"] = "text"
    state["extra"] = 1.0
    with pytest.raises(ValueError) as caught:
        model.load_state_dict(state)
    message = str(caught.value)
    for word in ("missing: layers.0.neurons.0.w.1, layers.1.neurons.0.b", "not in MLP: extra", "MLP"):
        assert word in message
    assert "layers.0.neurons.0.b must be a number, not str" in message
    assert model.state_dict() == before


def test_what_is_no_state_is_refused():
    for state in (None, 1.0, [1.0] * 9):
        with pytest.raises(TypeError, match=r"what state_dict\(\) returned, not "):
            MLP(2, [2, 1]).load_state_dict(state)


def test_a_state_of_another_shape_names_all_that_differs():
    with pytest.raises(ValueError) as caught:
        MLP(2, [2, 1]).load_state_dict(MLP(3, [2, 1]).state_dict())
    assert "not in MLP: layers.0.neurons.0.w.2, layers.0.neurons.1.w.2" in str(caught.value)
