"""Neurons and layers fold into boxes, and unfold into their parts."""

import random

import pytest
from graphs import boxes, mlp, texts

import micrograd_c as mg
from micrograd_c import MLP, Value


def test_unfolded_neurons_are_their_products_and_sums():
    loss, model = mlp()
    loss.backward()
    folded, unfolded = mg.draw(loss, model), mg.draw(loss, model, unfold_neurons=True)
    ops = [texts(g)[0] for g in boxes(unfolded).values()]
    weights = 2 * 4 + 4 * 3 + 3
    assert ops.count("*") == ops.count("+") == weights
    assert ops.count("ReLU") == 7
    scalar, _ = mlp(fused=False)
    assert {w for w in ops if w in "*+"} == {"*", "+"}
    assert len(folded._graph.nodes) == len(mg.topological_order(loss))
    assert len([n for n in unfolded._graph.nodes.values() if n.operands]) == len(
        [v for v in mg.topological_order(scalar) if v._prev]
    )
    assert "in the engine each is one node" in unfolded.notes[0]


def test_parts_of_a_neuron_have_the_gradients_of_the_scalar_graph():
    random.seed(1)
    model = MLP(3, [1], activation="tanh")
    xs = [Value(0.5), Value(-1.0), Value(2.0)]
    root = model(xs).tanh()
    root.backward()
    graph = mg.draw(root, unfold_neurons=True)._graph
    ws, b = model.layers[0].neurons[0].w, model.layers[0].neurons[0].b
    total = sum((w * x for w, x in zip(ws, xs)), b)
    scalar = total.tanh()
    mg.zero_grad(scalar)
    scalar.backward()
    sums = [n for n in graph.nodes.values() if n.row == "ADD"]
    assert sums[-1].data == total.data
    assert sums[-1].grad == pytest.approx(total.grad)


def test_only_the_neurons_asked_for_are_unfolded():
    loss, model = mlp()
    last = next(v for v in reversed(mg.topological_order(loss)) if "dot" in v._op)
    ops = [texts(g)[0] for g in boxes(mg.draw(loss, model, unfold_neurons=[last])).values()]
    assert ops.count("*") == 3 and ops.count("ReLU(dot)") == 7


@pytest.mark.parametrize("fused", [True, False])
def test_neurons_and_layers_fold_into_boxes(fused):
    loss, model = mlp(fused)
    neurons, layers = mg.draw(loss, model, fold="neuron"), mg.draw(loss, model, fold="layer")
    assert sum("neuron" in " ".join(texts(g)) for g in boxes(neurons).values()) == 8
    folded = [" ".join(texts(g)) for g in boxes(layers).values()]
    assert any("4 ReLU neurons 12 parameters" in text for text in folded)
    assert any("3 ReLU neurons 15 parameters" in text for text in folded)
    assert layers.notes == [
        "Folded: 3 calls of a layer, one box each, with 31 parameters inside. To see what is inside: "
        "fold='neuron' or fold='none'."
    ]
    assert "fold='none'" in layers.svg()


def test_scalar_graph_without_its_model_is_not_folded():
    loss, _ = mlp(fused=False)
    assert mg.draw(loss, fold="layer").notes == []


def test_large_graphs_fold_by_themselves_and_say_so():
    random.seed(0)
    model = MLP(2, [16, 16, 1])
    loss = mg.sum((model([random.random(), 1.0]) - 1) ** 2 for _ in range(4))
    picture = mg.draw(loss)
    assert len(picture._graph.nodes) < 120 < len(mg.topological_order(loss))
    assert "Folded" in picture.notes[0]


def test_past_the_limit_it_says_what_is_missing():
    x = Value(1.0, label="x")
    for _ in range(300):
        x = x * 1.001
    picture = mg.draw(x, limit=50)
    assert len(picture._graph.nodes) <= 50
    assert f"{len(picture._graph.nodes)} of 601 boxes are drawn" in picture.notes[-1]
    assert "raise limit" in picture.svg()
    assert len(mg.draw(x, limit=None)._graph.nodes) == 601


@pytest.mark.parametrize("fold", ["auto", "none"])
@pytest.mark.parametrize("wide", ["sum", "dot", "layer", "custom"])
def test_one_box_stands_for_the_operands_of_a_root_that_are_too_many_to_draw(wide, fold):
    xs = [Value(i) for i in range(300)]
    if wide == "sum":
        root = mg.sum(xs)
    elif wide == "dot":
        root = mg.dot(xs[:150], xs[150:])
    elif wide == "layer":
        root = mg.Layer(300, 1)(xs)
    else:
        root = Value(1.0, tuple(xs), "f")
    picture = mg.draw(root, limit=50, fold=fold)
    boxes = picture._graph.nodes
    assert len(boxes) <= 50
    assert "boxes are drawn" in picture.notes[-1]
    (rest,) = (box for box in boxes.values() if box.id < 0)
    assert rest.note.endswith("\nnot drawn") and "not drawn" in picture.svg()
    assert "  n_1 -> n" in picture.dot() and "n-1" not in picture.dot()
