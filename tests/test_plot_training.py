"""Training runs as animated pictures: the steps against micrograd's, and what is in the files."""

import io
import math
import random
from pathlib import Path

import pytest
from support import nothing_left_behind

from micrograd_c import MLP, Value

matplotlib = pytest.importorskip("matplotlib")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
matplotlib.use("Agg")

import micrograd_c as mg  # noqa: E402
from micrograd_c import plot  # noqa: E402

SHOTS = Path(__file__).parent.parent / "build" / "screenshots"
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([-1, 1, 1, -1])
QUICK = {"grid": 6, "frames": 4}


def network(engine=mg):
    random.seed(3)
    return engine.MLP(2, [6, 1])


def loss_of(model):
    return lambda: sum((1 + -int(y) * model([*map(float, x)])).relu() for x, y in zip(X, Y)) * 0.25


def rate(k):
    return 0.5 - 0.04 * k


def test_training_makes_the_steps_of_micrograd():
    nn = pytest.importorskip("micrograd.nn")
    theirs = network(nn)
    expected, loss = [], loss_of(theirs)
    for k in range(9):
        total = loss()
        theirs.zero_grad()
        total.backward()
        for p in theirs.parameters():
            p.data -= rate(k) * p.grad
        expected.append(total.data)
    ours = network()
    run = plot.training(ours, X, Y, loss_of(ours), 9, lr=rate, **QUICK)
    assert run.losses == pytest.approx(expected, rel=1e-12)
    for parameter, other in zip(ours.parameters(), theirs.parameters()):
        assert (parameter.data, parameter.grad) == pytest.approx((other.data, other.grad), rel=1e-12, abs=1e-15)


def test_a_step_of_ones_own_is_called_with_its_index():
    model, asked = network(), []
    sgd = mg.optim.SGD(model.parameters(), lr=0.1)
    loss = loss_of(model)

    def step(k):
        asked.append(k)
        sgd.zero_grad()
        total = loss()
        total.backward()
        sgd.step()
        return total, 0.5  # as micrograd's demo does

    run = plot.training(model, X, Y, steps=5, step=step, **QUICK)
    other = network()
    assert asked == [0, 1, 2, 3, 4]
    assert run.losses == pytest.approx(plot.training(other, X, Y, loss_of(other), 5, **QUICK).losses)


@pytest.fixture(scope="module")
def run():
    model = network()
    return plot.training(model, X, Y, loss_of(model), 9, lr=0.3, **QUICK)


def frames(data):
    image = Image.open(io.BytesIO(data))
    for i in range(image.n_frames):
        image.seek(i)
        yield np.asarray(image.convert("RGB"))


def test_the_animated_png_moves_and_its_still_is_the_last_state(run):
    still, *moving = frames(run._repr_png_())
    assert len(moving) == 4
    assert (still == moving[-1]).all()
    assert all((a != b).any() for a, b in zip(moving, moving[1:]))
    assert all((picture[:4] == 255).all() for picture in moving)  # white paper
    assert len(run._repr_png_()) < 200_000
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / "plot-training.png").write_bytes(run._repr_png_())


def test_the_pictures_keep_their_places(run):
    """All but what moves is the same in each: the frames of the axes do not jump."""
    _, first, *others = frames(run._repr_png_())
    dark = (first < 60).all(-1)
    rows, columns = np.flatnonzero(dark.mean(1) > 0.5), np.flatnonzero(dark.mean(0) > 0.5)
    assert len(rows) and len(columns)
    for other in others:
        assert (other[rows] < 60).all(-1).mean() > 0.5 and (other[:, columns] < 60).all(-1).mean() > 0.5


@pytest.mark.parametrize("ending", ["png", "gif", "svg", "pdf"])
def test_save_writes_what_the_ending_says(run, ending, tmp_path):
    run.save(tmp_path / f"run.{ending}")
    data = (tmp_path / f"run.{ending}").read_bytes()
    assert data.startswith({"png": b"\x89PNG", "gif": b"GIF89a", "svg": b"<?xml", "pdf": b"%PDF"}[ending])
    if ending == "gif":
        assert len([*frames(data)]) == 4


def test_the_figure_is_the_last_state(run):
    left, right = run.figure.axes
    assert left.get_title().startswith("After 9 of 9 steps: ")
    assert list(right.lines[0].get_ydata()) == run.losses
    assert right.get_title() == f"Loss: {run.losses[-1]:.4g}"
    assert repr(run).startswith(f"<Training: 9 steps, loss {run.losses[0]:.4g} to {run.losses[-1]:.4g}, ")
    assert sum(len(s.get_offsets()) for s in left.collections if len(s.get_offsets()) > 1) == len(X)


def test_the_samples_on_the_right_side_are_counted():
    run = plot.training(lambda x: x[0] - 0.5, X, Y, steps=1, step=lambda k: 1.0, **QUICK)
    assert "2 of 4 right" in repr(run)
    run = plot.training(
        lambda x: (x[0] - 0.5) * (0.5 - x[1]), X, [0, 1, 1, 0], steps=1, step=lambda k: 1.0, **QUICK
    )
    assert "4 of 4 right" in repr(run)


def test_a_run_that_diverges_is_drawn_to_its_end():
    run = plot.training(
        lambda x: float("nan"), X, Y, steps=3, step=[1.0, float("inf"), float("nan")].__getitem__, **QUICK
    )
    assert run.losses[0] == 1.0 and run._repr_png_()


def test_training_leaves_no_node_behind():
    model = network()
    with nothing_left_behind():
        run = plot.training(model, X, Y, loss_of(model), 3, **QUICK)
    assert len(run.losses) == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, TypeError, "training takes loss, .* or step"),
        ({"loss": lambda: Value(1.0), "step": lambda k: 1.0}, TypeError, "training takes loss, .* or step"),
        ({"step": lambda k: None}, TypeError, "step must return the loss, .* not None"),
        ({"loss": lambda: None}, TypeError, "loss must return a Value, .* not None"),
        ({"loss": lambda: 1.5}, TypeError, "loss must return a Value, .* not 1.5"),
        ({"loss": lambda: Value(1.0), "lr": "fast"}, TypeError, "lr must be a number"),
        ({"step": lambda k: 1.0, "steps": 0}, ValueError, "steps must be a whole number, at least 1"),
        ({"step": lambda k: 1.0, "frames": 1}, ValueError, "frames must be a whole number, at least 2"),
        ({"step": lambda k: 1.0, "steps": 2.5}, ValueError, "steps must be a whole number"),
        *(
            ({"step": lambda k: 1.0, "grid": n}, ValueError, "grid must be a whole number, at least 2")
            for n in (-3, 1, 2.5)
        ),
        ({"loss": Value(1.0)}, TypeError, r"functions, not Value: pass loss, and not loss\(\)"),
        ({"step": 3}, TypeError, "functions, not int"),
        ({"loss": lambda: Value(1.0), "model": sum}, TypeError, "loss trains a Module, not builtin.*: give step"),
        ({"step": lambda k: 1.0, "X": [[math.nan, 1.0]], "y": [1]}, ValueError, "the features .* must be finite"),
        ({"step": lambda k: 1.0, "X": [["a", "b"]], "y": [1]}, TypeError, "a feature must be a number, not str"),
        ({"step": lambda k: 1.0, "X": [[1, 2], [1]], "y": [1, 2]}, ValueError, "not rows of unequal length"),
        ({"step": lambda k: 1.0, "margin": math.inf}, ValueError, "the margin must be finite"),
        ({"step": lambda k: 1.0, "X": [[1.0]]}, ValueError, r"training: X must have the shape \(n, 2\)"),
        ({"step": lambda k: 1.0, "y": [1]}, ValueError, "training: y must have 4 labels"),
        (
            {"step": lambda k: 1.0, "model": lambda x: [0.5]},
            TypeError,
            "the score of the model, its one output, must be a number, not list: pass one number",
        ),
    ],
)
def test_wrong_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        plot.training(**{"model": MLP(2, [1]), "X": X, "y": Y, "grid": 2, **options})
