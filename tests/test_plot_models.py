"""Plots: what is drawn, not how it looks. Look at build/screenshots/plots.png for that."""

import random
from pathlib import Path

import pytest
from support import nothing_left_behind, run_python

import micrograd_c as mg
from micrograd_c import MLP, Value, nn

matplotlib = pytest.importorskip("matplotlib")
np = pytest.importorskip("numpy")
matplotlib.use("Agg")

from micrograd_c import plot  # noqa: E402

SHOTS = Path(__file__).parent.parent / "build" / "screenshots"


def trained():
    random.seed(1)
    model = MLP(2, [8, 1], activation="tanh")
    X = [[random.uniform(-1, 1), random.uniform(-1, 1)] for _ in range(60)]
    y = [1 if x[0] * x[0] + x[1] > 0.2 else -1 for x in X]
    losses = []
    for _ in range(40):
        loss = mg.sum((1 + -yi * model(xi)).relu() for xi, yi in zip(X, y)) / len(X)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.5 * p.grad
        losses.append(loss.data)
    return model, X, y, losses


def test_plots_show_a_training_run():
    from matplotlib.figure import Figure

    model, X, y, losses = trained()
    figure = Figure(figsize=(13, 4), layout="constrained")
    a, b, c = figure.subplots(1, 3)
    assert plot.decision_boundary(model, X, y, ax=a) is a
    assert [t.get_text() for t in a.get_legend().get_texts()] == ["-1", "1"]
    assert sum(len(s.get_offsets()) for s in a.collections if len(s.get_offsets()) > 1) == len(X)
    plot.loss_curve({"train": losses, "smooth": [2 * x for x in losses]}, ax=b, smooth=5)
    assert len(b.lines) == 4
    plot.gradient_histogram(model, ax=c)
    assert [t.get_text().split(":")[0] for t in c.get_legend().get_texts()] == ["layer 0", "layer 1"]
    SHOTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(SHOTS / "plots.png", dpi=90)


def test_loss_curve_takes_values_and_numbers():
    axes = plot.loss_curve([Value(1.0), 0.5, 0.001])
    assert list(axes.lines[0].get_ydata()) == [1.0, 0.5, 0.001]
    assert axes.get_yscale() == "log"


def test_gradients_of_zero_are_counted():
    axes = plot.gradient_histogram([Value(1.0), Value(2.0)])
    assert axes.get_legend().get_texts()[0].get_text() == "parameters: 2, 2 of them 0"


def test_every_parameter_of_a_model_is_in_its_histogram():
    class Scaled(nn.Module):
        def __init__(self):
            self.layers = [nn.Layer(2, 3), abs, nn.Layer(3, 1)]
            self.scale = Value(1.0)

        def parameters(self):
            return [self.scale, *self.layers[0].parameters(), *self.layers[2].parameters()]

    model = Scaled()
    for p in model.parameters():
        p.grad = 1.0
    model.scale.grad = 1000.0
    axes = plot.gradient_histogram(model)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["layer 0: 9", "layer 2: 4", "others: 1"]
    assert axes.get_xlim()[1] > 1000.0
    model.parameters = lambda: iter([model.scale])  # of layers that have no parameters of their own
    model.layers = [abs]
    assert plot.gradient_histogram(model).get_legend().get_texts()[0].get_text() == "parameters: 1"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_scores_that_are_no_finite_numbers_stay_blank(bad, recwarn):
    X, y = [[-1.0, 0.0], [1.0, 0.0]], [-1, 1]
    axes = plot.decision_boundary(lambda x: bad, X, y, steps=5)
    axes.figure.canvas.draw()
    axes = plot.decision_boundary(lambda x: bad if x[1] > 0 else x[0], X, y, steps=6)
    axes.figure.canvas.draw()
    (border,) = [c for c in axes.collections if list(getattr(c, "levels", ())) == [0.0]]
    assert all(abs(x) < 1e-9 and y <= 0 for path in border.get_paths() for x, y in path.vertices)
    assert not recwarn.list


def test_plots_build_no_lasting_node():
    model, X, y, _ = trained()
    with nothing_left_behind():
        plot.decision_boundary(model, X, y, steps=10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.decision_boundary(len, [[1.0, 2.0, 3.0]], [1]), r"shape \(n, 2\)"),
        (lambda: plot.decision_boundary(len, [[1.0, 2.0]], [1, 2]), "1 labels of 2 classes"),
        (lambda: plot.decision_boundary(len, [[1.0, 2.0]] * 3, [1, 2, 3]), "2 classes, not 3 of 3"),
        (lambda: plot.loss_curve([]), "history is empty"),
        (lambda: plot.loss_curve([1.0], smooth=-1), "smooth must be a whole number, at least 0, not -1"),
        (lambda: plot.loss_curve([1.0], smooth=2.5), "smooth must be a whole number"),
        (lambda: plot.gradient_histogram([Value(1.0)], bins=0), "bins must be a whole number, at least 1, not 0"),
        (lambda: plot.gradient_histogram([Value(1.0)], bins="a"), "bins must be a whole number"),
        (lambda: plot.gradient_histogram([]), "no parameter"),
    ],
)
def test_wrong_data_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_module_is_an_attribute_of_the_package():
    assert "loss_curve" in run_python("-c", "import micrograd_c as mg; print(mg.plot.loss_curve)").stdout


def test_without_matplotlib_it_says_what_to_install():
    code = "import sys; sys.modules['matplotlib'] = sys.modules['matplotlib.figure'] = None\n"
    code += "import micrograd_c.plot as p\np.loss_curve([1.0])"
    assert "pip install 'micrograd-c[viz]'" in run_python("-c", code).stderr


def test_a_function_of_jit_is_asked_for_all_points_at_once():
    model, X, y = trained()[:3]
    plain, program = (plot.decision_boundary(m, X, y, steps=9) for m in (model, mg.jit(model)))
    levels = [[path.vertices for path in axes.collections[0].get_paths()] for axes in (plain, program)]
    assert all(np.allclose(a, b) for a, b in zip(*levels)) and len(levels[0]) > 5


def test_samples_and_labels_may_be_values_and_whole_numbers(recwarn):
    X, y = [[0, 1], [1, 0], [1, 1]], [-1, 1, 1]
    for features, labels in ((X, y), ([[Value(x) for x in row] for row in X], [Value(label) for label in y])):
        axes = plot.decision_boundary(lambda x: x[0] - 0.5, features, labels, steps=3)
        assert axes.get_legend().get_texts()[0].get_text().startswith("-1")
    assert not recwarn.list


@pytest.mark.parametrize("history", [1.0, None, Value(1.0), "abc"])
def test_the_losses_of_a_curve_are_a_list(history):
    with pytest.raises(TypeError, match="takes a list of losses, or a dict of lists, not"):
        plot.loss_curve(history)


@pytest.mark.parametrize("wrong", [None, True, "0.5", [], [1.0], (), np.ones((2, 3)), Value(2.0).relu])
@pytest.mark.parametrize("given", ["model", "margin", "ax", "lr", "loss"])
def test_what_is_no_argument_is_refused_by_its_name_and_nothing_is_trained(given, wrong):
    model = MLP(2, [1])
    X, y = [[0.0, 1.0], [1.0, 0.0]], [1.0, -1.0]
    calls = {
        "model": lambda x: plot.decision_boundary(x, X, y, steps=3),
        "margin": lambda x: plot.training(model, X, y, step=lambda k: 1.0, steps=1, frames=2, grid=3, margin=x),
        "ax": lambda x: plot.loss_curve([1.0], ax=x),
        "lr": lambda x: plot.training(model, X, y, lambda: model(X[0]), steps=1, frames=2, grid=3, lr=x),
        "loss": lambda x: plot.training(model, X, y, x, steps=1, frames=2, grid=3),
    }
    right = {"model": "method", "margin": "bool", "ax": "NoneType", "lr": "bool method", "loss": "method"}
    if type(wrong).__name__.rpartition("_")[2] in right[given].split():
        return
    with pytest.raises(TypeError, match=rf"\b{given}\b"):
        calls[given](wrong)
    assert all(p.grad == 0 for p in model.parameters())
