"""gradcheck accepts right gradients and names wrong ones; difference quotients are slopes."""

import math
import re

import pytest
from support import nothing_left_behind

import micrograd_c as mg
from micrograd_c import GradientError, Value, gradcheck, numerical_gradient, stats


def test_gradcheck_accepts_right_gradients_and_changes_no_values():
    outer = Value(2.0)
    outer.grad = 5.0
    a = Value(0.3)
    a.grad = 7.0
    with nothing_left_behind():
        assert gradcheck(lambda x, y: (x * y).tanh() + outer * x, a, -1.2) is True
    assert (a.data, a.grad, outer.data, outer.grad) == (0.3, 7.0, 2.0, 5.0)


def wrong_square(x):
    out = Value(x.data**2, (x,), "square")

    def _backward():
        x.grad += 3 * x.data * out.grad

    out._backward = _backward
    return out


def test_gradcheck_finds_a_wrong_closure_and_names_the_operand_and_by_how_much():
    assert issubclass(GradientError, AssertionError)
    with pytest.raises(GradientError, match=r"operand 1 \(bad\) = 2\.0: gradient 6\.0\d*, .* off by 2") as caught:
        gradcheck(lambda good, bad: good * good + wrong_square(bad), 1.0, Value(2.0, name="bad"))
    assert "operand 0" not in str(caught.value)
    assert stats().open_sweeps == 0


def test_gradcheck_says_what_f_returned_instead_of_a_value():
    with pytest.raises(TypeError, match="f must return a Value, not float"):
        gradcheck(lambda x: x.data, 1.0)


def test_gradcheck_fails_where_a_gradient_is_nan():
    def f(x):
        out = Value(x.data, (x,))

        def _backward():
            x.grad += float("nan")

        out._backward = _backward
        return out

    with pytest.raises(GradientError, match="nan"):
        gradcheck(f, 1.0)


# The functions are taken from the derivatives that everybody knows, not from the op table.
@pytest.mark.parametrize("x", [-3.0, -0.4, 0.0, 0.7, 2.5])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: 3 * x**2 - 4 * x + 5, lambda x: 6 * x - 4),
        (math.sin, math.cos),
        (math.exp, math.exp),
        (math.atan, lambda x: 1 / (1 + x * x)),
    ],
)
def test_quotients_are_the_slopes_of_functions_of_floats(f, slope, x):
    assert numerical_gradient(f, x) == pytest.approx(slope(x), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("x", [1e-300, 1e-9, 1e9, 1e150])
def test_the_step_goes_with_the_size_of_the_operand(x):
    assert numerical_gradient(lambda x: 3.0 * x, x) == pytest.approx(3.0, rel=1e-9)


def test_f_gets_floats_for_numbers_and_values_for_values_and_nothing_is_changed():
    kinds = []

    def f(x, y, z):
        kinds.append((type(x), type(y), type(z)))
        return (y * y).tanh() * x * z

    y = Value(0.5)
    y.grad = 7.0
    with nothing_left_behind():
        slopes = numerical_gradient(f, 2, y, 3.0)
    assert slopes == pytest.approx([3 * math.tanh(0.25), 6 * (1 - math.tanh(0.25) ** 2), 2 * math.tanh(0.25)])
    assert set(kinds) == {(float, Value, float)} and len(kinds) == 7
    assert (y.data, y.grad) == (0.5, 7.0)


def test_h_is_the_step_that_the_article_takes_smaller():
    forward_and_back = [numerical_gradient(lambda x: x**3, 2.0, h=h) for h in (1.0, 0.1, 1e-3)]
    assert forward_and_back == pytest.approx([13.0, 12.01, 12.000001])


def test_quotients_of_programs_and_of_networks():
    model = mg.MLP(2, [3, 1])
    x = [Value(0.3), Value(-0.7)]
    model(x).backward()
    assert numerical_gradient(lambda a, b: model([a, b]), *x) == pytest.approx([v.grad for v in x], abs=1e-8)
    assert numerical_gradient(mg.jit(lambda a: a * a * a), 2.0) == pytest.approx(12.0)


class Curve:
    """One with a method of the name of one of jit's, which is not what it seems."""

    def gradient(self, *_):
        return 7.0

    def __call__(self, a, b):
        return a * b


@pytest.mark.parametrize(
    ("f", "point", "slopes"),
    [
        (mg.jit(lambda n, a, b: a * b**n, static_argnames="n"), (2, 3.0, 5.0), (25.0, 30.0)),
        (mg.jit(lambda a, n: mg.sum([a * i for i in range(n)]), static_argnames="n"), (1.0, 4), 6.0),
        (mg.jit(lambda v, a, w: v * a * w[1], static_argnames=("v", "w")), (Value(3.0), 2.0, (1.0, 2.0)), 6.0),
        (mg.jit(lambda way, a, flag: a * 2.0 if way == "twice" and not flag else a), ("twice", 2.0, False), 2.0),
        (Curve(), (2.0, 3.0), (3.0, 2.0)),
    ],
)
def test_static_arguments_stay_as_they_are_and_have_no_slope(f, point, slopes):
    assert gradcheck(f, *point) is True
    assert numerical_gradient(f, *point) == pytest.approx(slopes)


@pytest.mark.parametrize("check", [gradcheck, numerical_gradient])
def test_a_function_of_a_list_is_told_how_to_be_one_of_numbers(check):
    model, point = mg.MLP(2, [1]), [1.0, 2.0]
    traced = mg.jit(model)
    for f, whole, part in (
        (model, "lambda *x: f(x)", "lambda a, b, y: f([a, b], y)"),
        (traced, "mg.jit(lambda *x: f(x))", "mg.jit(lambda a, b, y: f([a, b], y))"),
    ):
        for at in (point, tuple(point), [point], (1.0, [2.0])):
            with pytest.raises(TypeError, match=rf"{re.escape(whole)}, \*point\) where f takes a list"):
                check(f, at)
        with pytest.raises(TypeError, match=re.escape(f"as in ({part}, *x, y)")):
            check(f, point, 3.0)
        with pytest.raises(TypeError, match=r"lambda \*x: model\(x\)"):
            check(f, *point)
        check(eval(whole, {"f": f, "mg": mg}), *point)
        check(eval(part, {"f": lambda x, y, f=f: f(x) * y, "mg": mg}), *point, 3.0)


@pytest.mark.parametrize("f", [lambda x: 1 / x, lambda x: x**-2.0])
@pytest.mark.parametrize("x", [0.0, Value(0.0)])
def test_at_a_pole_python_says_what_it_says_of_f_there(f, x):
    """Beside it the quotient of 1/x is 3e10, and that of 1/x**2 is 0, as if it were level."""
    with nothing_left_behind(), pytest.raises(ZeroDivisionError):
        numerical_gradient(f, x)


@pytest.mark.parametrize("size", [1e-3, 1.0, -1e3])
@pytest.mark.parametrize("x", [math.pi / 2, -math.pi / 2, 11 * math.pi / 2])
def test_a_pole_that_rounding_misses_is_warned_of(x, size):
    with pytest.warns(RuntimeWarning, match="operand 1 = .* a pole lies there") as told:
        numerical_gradient(lambda a, b: a + size * math.tan(b), 1.0, x)
    assert len(told) == 1 and told[0].filename == __file__


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-300, 1e-9, 1.0, 1e9, 1e200])
@pytest.mark.parametrize("x", [0.0, 0.1, 0.5, 1.0, 3.0, -2.0, math.pi, 1e-9, 1e6])
def test_no_other_function_is_taken_for_one_with_a_pole(x, size):
    """Corners, zeros, noise of rounding and steep curves among them."""
    ordinary = [
        abs,
        lambda x: max(x, 0.0),
        lambda x: x > 0,
        lambda x: (x + 0.1) - x - 0.1,
        lambda x: x * x,
        math.cos,
    ]
    ordinary += [math.floor, lambda x: 1e-16, lambda x: x**3 - x, lambda x: math.tanh(1e3 * x), math.tan, math.sin]
    ordinary += [lambda x: math.exp(-1e6 * x * x), lambda x: math.atan2(0.0, -x), lambda x: 1 / (x * x + 1e-6)]
    for f in ordinary:
        numerical_gradient(lambda x, f=f: size * f(x), x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: numerical_gradient(3.0, 1.0), TypeError, "takes a function and its point"),
        (lambda: numerical_gradient(math.sin), TypeError, "no point is given"),
        (lambda: mg.gradcheck(lambda *xs: mg.sum(xs)), TypeError, "no point is given"),
        (lambda: mg.gradcheck(mg.jit(lambda x: Value(1.0)), True), TypeError, "no point is given"),
        (lambda: numerical_gradient(math.sin, "1"), TypeError, "operand 0"),
        (lambda: numerical_gradient(lambda x: None, 1.0), TypeError, "what f returns .* None"),
        (lambda: numerical_gradient(math.sin, 1.0, h=0), ValueError, "h must be greater than 0, not 0"),
        (lambda: numerical_gradient(math.sin, 1.0, h=math.nan), ValueError, "h must be greater than 0, not nan"),
        (lambda: numerical_gradient(math.sin, 1.0, h=1e-17), ValueError, "operand 0 is 1.0, which h = 1e-17 does"),
        (lambda: numerical_gradient(math.sin, math.inf), ValueError, "operand 0 is inf"),
        (lambda: numerical_gradient(math.log, 0.0), ValueError, "math domain|expected a positive"),
    ],
)
def test_quotients_that_cannot_be_say_why(call, error, message):
    with nothing_left_behind(), pytest.raises(error, match=message):
        call()
