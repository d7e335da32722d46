"""Values beside what Python calls numbers: float() of a Value, and what stands beside an operator."""

import inspect
import math
import statistics
import warnings

import pytest
from support import PYPY

import micrograd_c as mg
from micrograd_c import Value

# ---- a Value as a float ------------------------------------------------------------------------------------------

TURNED_INTO_A_FLOAT = {
    "float(v)": (float, 2.5),
    "math.exp(v)": (math.exp, math.exp(2.5)),
    "math.sqrt(v)": (math.sqrt, math.sqrt(2.5)),
    "'%.2f' % v": (lambda v: "%.2f" % v, "2.50"),  # noqa: UP031
    "complex(v)": (complex, 2.5 + 0j),
    "statistics.fmean([v])": (lambda v: statistics.fmean([v]), 2.5),
}

TEXTS_AND_WHOLE_NUMBERS = {
    "f'{v:.4f}'": (lambda v: f"{v:.4f}", "2.6180"),
    "f'{v:>12.1e}'": (lambda v: f"{v:>12.1e}", "     2.6e+00"),
    "format(v, '')": (lambda v: format(v, ""), "Value(data=2.618, grad=0.0)"),
    "f'{v}'": (lambda v: f"{v}", "Value(data=2.618, grad=0.0)"),
    "'{:.3f}'.format(v)": ("{:.3f}".format, "2.618"),
    "'%d' % v": (lambda v: "%d" % v, "2"),  # noqa: UP031
    "round(v, 2)": (lambda v: round(v, 2), 2.62),
    "round(v)": (round, 3),
    "int(v)": (int, 2),
    "math.trunc(v)": (math.trunc, 2),
    "math.floor(v)": (math.floor, 2),
    "math.ceil(v)": (math.ceil, 3),
}


def table(rows):
    return pytest.mark.parametrize(("f", "expected"), rows.values(), ids=rows)


@table(TURNED_INTO_A_FLOAT)
def test_what_turns_a_value_into_a_float_warns_and_names_the_ways_out(f, expected):
    with pytest.warns(UserWarning) as caught:
        assert f(Value(2.5)) == expected
    (warning,) = caught
    assert "v.exp()" in str(warning.message) and "v.data" in str(warning.message)


def test_the_warning_stands_at_the_line_of_the_user():
    np = pytest.importorskip("numpy")
    v = Value(2.5)
    with pytest.warns(UserWarning) as caught:
        lines = [inspect.currentframe().f_lineno + 1]
        math.exp(v)
        lines.append(inspect.currentframe().f_lineno + 1)
        np.array([v], float)
        lines.append(inspect.currentframe().f_lineno + 1)
        np.full(3, fill_value=v, dtype=float)
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, line) for line in lines]


def test_the_warning_comes_once_a_place():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(10):
            math.exp(Value(1.0))
    assert len(caught) == 1


@table(TEXTS_AND_WHOLE_NUMBERS)
def test_texts_and_whole_numbers_of_a_value_come_without_a_warning(f, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = f(Value(2.618))
    assert out == expected and type(out) is type(expected)


def test_a_subclass_has_its_own_text():
    class Named(Value):
        def __str__(self):
            return "mine"

    assert f"{Named(1.0)}" == "mine" and f"{Named(1.0):.1f}" == "1.0"


@table(
    {
        k: v
        for k, v in {**TURNED_INTO_A_FLOAT, **TEXTS_AND_WHOLE_NUMBERS}.items()
        if k not in ("f'{v}'", "format(v, '')") and not (PYPY and "%d" in k)  # there any error becomes a TypeError
    }
)
def test_in_a_trace_all_of_them_raise(f, expected):
    with pytest.raises(mg.TracingError):
        mg.jit(lambda x: x * (f(x) and 1.0))(2.0)


def test_nothing_of_ours_turns_a_value_into_a_float():
    np = pytest.importorskip("numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = mg.MLP(2, [3, 1])
        x = [Value(1.0), 2.0]
        loss = (model(x) - 1) ** 2 + mg.sum([x[0], np.float64(2.0)]) + mg.dot([x[0]], [3])
        loss.backward()
        optimiser = mg.optim.SGD(model.parameters(), lr=0.1)
        optimiser.step()
        mg.draw(loss)
        mg.explain(loss)
        mg.gradcheck(lambda a: a.exp(), x[0])
        mg.where(x[0], x[0], 1.0)
        assert x[0] < Value(2.0) and not x[0] > 3


HIDDEN = {
    "data": lambda np, hidden: Value(hidden),
    "an assignment": lambda np, hidden: setattr(Value(1.0), "grad", hidden),
    "on the right": lambda np, hidden: Value(2.0) * hidden,
    "on the left": lambda np, hidden: hidden * Value(2.0),
    "an exponent": lambda np, hidden: Value(2.0) ** hidden,
    "a method": lambda np, hidden: Value(2.0).maximum(hidden),
    "a sum": lambda np, hidden: mg.sum([Value(2.0), hidden]),
    "a dot product": lambda np, hidden: mg.dot([hidden], [Value(2.0)]),
    "a local derivative": lambda np, hidden: Value(2.0, (Value(1.0),), (hidden,)),
    "one of a sample": lambda np, hidden: mg.MLP(2, [1])(np.ma.array([1.0, 2.0], mask=[True, False])),
    "an array of one": lambda np, hidden: Value(np.ma.array([3.0], mask=[True])),
    "an option": lambda np, hidden: mg.optim.SGD([Value(1.0)], lr=hidden),
    "a seed": lambda np, hidden: Value(1.0).backward(hidden),
}


@pytest.mark.parametrize("use", HIDDEN.values(), ids=HIDDEN)
def test_what_numpy_has_masked_is_no_number(use):
    np = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match=r"not Masked.*filled"):
        use(np, np.ma.masked)


def test_arrays_with_masked_parts_compute_beside_a_value():
    np = pytest.importorskip("numpy")
    array = np.ma.array([1.0, 2.0], mask=[True, False])
    for out in (array * Value(3.0), Value(3.0) * array):
        assert out.mask.tolist() == [True, False] and out[1].data == 6.0
