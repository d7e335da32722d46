"""Plots of slopes and gradients: their numbers against mathematics. Their pictures are in build/screenshots."""

import math
from pathlib import Path

import pytest
from support import nothing_left_behind

from micrograd_c import Value

matplotlib = pytest.importorskip("matplotlib")
np = pytest.importorskip("numpy")
matplotlib.use("Agg")

from micrograd_c import plot  # noqa: E402

SHOTS = Path(__file__).parent.parent / "build" / "screenshots"


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def bowl(x, y):
    return x * x + y * y


def bowl_at_0(x):
    return bowl(x, 0.0)


def shoot(axes, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    axes.figure.savefig(SHOTS / f"{name}.png", dpi=90)


def test_secant_and_tangent_have_the_slopes_of_the_article():
    axes = plot.secant(lambda x: x * x, 3.0, 1.0)
    assert legend(axes) == ["f", "secant: slope 7", "tangent: slope 6"]
    assert axes.get_title() == "(f(4) - f(3)) / 1 = 7"
    curve, _, secant, tangent, ends = axes.lines
    assert np.allclose(curve.get_ydata(), np.square(curve.get_xdata()))
    for line, slope in ((secant, 7), (tangent, 6)):
        assert np.allclose(line.get_ydata(), 9 + slope * (np.array(line.get_xdata()) - 3))
    assert list(zip(*ends.get_data())) == [(3.0, 9.0), (4.0, 16.0)]
    shoot(axes, "plot-secant")


@pytest.mark.parametrize("h", [0.5, -0.5, 1e-3])
@pytest.mark.parametrize(
    ("f", "slope", "x"),
    [(math.exp, math.exp, 0.3), (lambda v: v.tanh(), lambda x: 1 - math.tanh(x) ** 2, -0.7)],
    ids=["floats", "values"],
)
def test_functions_of_floats_and_of_values_are_taken(f, slope, x, h):
    def number(at):
        y = f(Value(at)) if f is not math.exp else f(at)
        return getattr(y, "data", y)

    for at in (x, Value(x)) if f is not math.exp else (x,):
        secant, tangent = [float(text.split()[-1]) for text in legend(plot.secant(f, at, h))[1:]]
        assert secant == pytest.approx((number(x + h) - number(x)) / h, rel=1e-5)
        assert tangent == pytest.approx(slope(x), rel=1e-5)


def test_a_curve_has_gaps_where_it_is_not_defined():
    axes = plot.secant(math.log, 1.0, 0.5, between=(-1, 3))
    x, y = axes.lines[0].get_data()
    assert list(np.isnan(y)) == list(np.array(x) <= 0)
    axes = plot.secant(lambda x: 1 / x, 1.0, 1.0, between=(-1, 1), points=3)
    assert list(np.isnan(axes.lines[0].get_ydata())) == [False, True, False]


@pytest.mark.parametrize("f, pole", [(lambda x: 1 / x, 0.0), (math.tan, math.pi / 2), (lambda x: 1 / x**3, 0.0)])
def test_a_curve_is_cut_at_a_pole_and_the_secant_across_it_is_seen(f, pole):
    """No line joins the two sides, and the two points are not pressed flat by what stands near the pole."""
    for x, h in ((pole - 0.8, 1.5), (pole + 0.9, -1.6)):
        axes = plot.secant(f, x, h, points=101)
        at, y = axes.lines[0].get_data()
        joined = [(a, b) for a, b, one, two in zip(at, at[1:], y, y[1:]) if a <= pole <= b and one * two < 0]
        assert joined == []
        bottom, top = axes.get_ylim()
        ends = [f(x), f(x + h)]
        assert abs(ends[0] - ends[1]) > (top - bottom) / 12 and bottom <= min(ends) < max(ends) <= top
    whole = plot.secant(lambda x: x**3 - x, -2.0, 4.0, points=101).lines[0].get_ydata()
    assert not np.isnan(whole).any()  # a curve that crosses 0 has no pole


def test_surface_shows_the_gradient_and_the_descent():
    axes = plot.surface(bowl, (1.0, 2.0), lr=0.1, steps=5)
    path, start = axes.lines[0], axes.lines[-1]
    factors = 0.8 ** np.arange(6)  # x - 0.1 * 2x
    assert np.allclose(path.get_xydata(), np.outer(factors, [1, 2]), atol=1e-9)
    assert start.get_xydata().tolist() == [[1.0, 2.0]]
    arrow = np.array(axes.texts[0].xy) - [1.0, 2.0]
    share = arrow[0] / 2
    assert np.allclose(arrow, [2 * share, 4 * share]) and 0 < share < 1
    assert legend(axes) == [
        f"5 steps, lr = 0.1: f from 5 to {5 * 0.64**5:.4g}",
        f"gradient (2, 4), drawn at {share:.2g} of its length",
    ]
    shoot(axes, "plot-surface")


def test_surface_holds_a_path_that_runs_away_and_one_that_ends():
    axes = plot.surface(bowl, (1.0, 2.0), lr=40.0, steps=400)
    assert abs(axes.lines[0].get_xdata()[1] + 79) < 1e-6 and axes.get_xlim()[1] < 10
    assert len(axes.lines[0].get_xdata()) < 400  # ends before inf
    axes = plot.surface(lambda x, y: x.log() + y * y, (0.5, 0.5), lr=1.0)
    assert len(axes.lines[0].get_xdata()) == 2  # at x < 0 there is no log
    axes = plot.surface(lambda x, y: 3.0, (0.0, 0.0), steps=0)
    assert legend(axes) == ["gradient (0, 0)"]


def test_plots_of_functions_leave_no_node_and_no_gradient():
    w = Value(0.5)
    (w * w).backward()
    with nothing_left_behind():
        plot.secant(lambda x: (x * w).tanh(), Value(1.0), 0.1, points=5)
        plot.surface(lambda x, y: x * w + y.tanh(), (0.0, 1.0), steps=2, points=5)
    assert (w.data, w.grad) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.secant(3.0, 1.0, 1.0), TypeError, "secant takes a function first, not float"),
        (lambda: plot.secant(abs, 1.0, 0.0), ValueError, "h = 0.0 does not move x = 1.0"),
        (lambda: plot.secant(abs, 1.0, 1e-17), ValueError, "h = 1e-17 does not move x = 1.0"),
        (lambda: plot.secant(abs, 1.0, math.inf), ValueError, "h = inf"),
        (lambda: plot.secant(abs, "1", 1.0), TypeError, r"the point must be a number.*float\('1'\)"),
        (lambda: plot.secant(abs, math.nan, 1.0), ValueError, "the point must be finite"),
        (lambda: plot.secant(abs, 1.0, 1.0, between=(2, 1)), ValueError, "the smaller one first"),
        (lambda: plot.secant(abs, 1.0, 1.0, between=3), ValueError, "the smaller one first"),
        (
            lambda: plot.secant(abs, 1.0, 1.0, points=1),
            ValueError,
            "points must be a whole number, at least 2, not 1",
        ),
        (lambda: plot.secant(abs, 1.0, 1.0, points=2.5), ValueError, "points must be a whole number"),
        (
            lambda: plot.secant(abs, 1.0, 1.0, between=(-1e308, 1e308)),
            ValueError,
            "between must be two finite numbers",
        ),
        (lambda: plot.secant(bowl_at_0, 3.0, 1e155), ValueError, r"f\(3\) = 9 and f\(1e\+155\) = inf"),
        (lambda: plot.secant(lambda x: math.nan, 3.0, 1.0), ValueError, "= nan and .* = nan: take other x and h"),
        (lambda: plot.secant(lambda x: [x], 1.0, 1.0), TypeError, "what f returns must be a number"),
        (lambda: plot.secant(math.log, 0.0, 1.0), ValueError, "math domain|positive"),
        (lambda: plot.secant(lambda x: 1 / x, -1.0, 1.0), ValueError, r"secant: f\(0\) has no value: .*zero"),
        (lambda: plot.secant(Value.log, 1.0, -2.0), ValueError, r"secant: f\(-1\) has no value: log"),
        (lambda: plot.surface(lambda x, y: x / y, (1.0, 0.0)), ValueError, r"surface: f\(1, 0\) has no value"),
        (lambda: plot.secant(lambda x: x.spam, 1.0, 1.0), AttributeError, "spam"),
        (lambda: plot.surface(bowl, 1.0), ValueError, r"at must be two numbers, as \(1.0, 2.0\), not 1.0"),
        (lambda: plot.surface(bowl, "ab"), ValueError, "at must be two numbers"),
        (lambda: plot.surface(bowl, (1.0, 2.0, 3.0)), ValueError, "at must be two numbers"),
        (lambda: plot.surface(bowl, (1.0, 2.0), lr=0.0), ValueError, "lr must be above 0"),
        (lambda: plot.surface(bowl, (1.0, 2.0), lr=math.inf), ValueError, "lr must be above 0 and finite"),
        (lambda: plot.surface(bowl, (1.0, 2.0), steps=-1), ValueError, "steps must be a whole number, at least 0"),
        (lambda: plot.surface(bowl, (1.0, 2.0), steps=2.5), ValueError, "steps must be a whole number"),
        (
            lambda: plot.surface(bowl, (1.0, 2.0), points=0),
            ValueError,
            "points must be a whole number, at least 2, not 0",
        ),
        (lambda: plot.surface(lambda x, y: math.nan, (1.0, 2.0)), ValueError, "nowhere finite"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("f", [math.sqrt, Value.sqrt, lambda x: x.sqrt().data], ids=["float", "Value", "data"])
def test_where_a_function_ends_there_is_a_secant_and_no_tangent(f):
    axes = plot.secant(f, 0.0, 1.0)
    assert legend(axes) == ["f", "secant: slope 1", "tangent: none"]
    assert axes.get_ylim()[0] <= 0 and np.isnan(axes.lines[3].get_ydata()).all()
    axes = plot.surface(lambda x, y: f(x) + y * y, (0.0, 1.0), points=5)
    assert legend(axes) == ["gradient: none"]


@pytest.mark.parametrize("size", [1e16, 1e-320, 1e299, 1e308])
def test_numbers_of_any_size_are_drawn(size, recwarn):
    shoot(
        plot.surface(lambda x, y: size + x + y, (0.0, 1.0), points=5)
        if size < 1e300
        else plot.surface(lambda x, y: size * x, (0.0, 1.0), points=5),
        "plot-size",
    )
    shoot(plot.secant(lambda x: min(size, 1e299) * x, 0.0, 1.0), "plot-size")
    assert not recwarn.list
