"""gradcheck accepts right gradients and names wrong ones."""

import pytest
from support import nothing_left_behind

from micrograd_c import GradientError, Value, gradcheck, stats


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
