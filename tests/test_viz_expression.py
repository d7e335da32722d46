"""Expressions of the op table, read and evaluated as the engine evaluates them; numbers written short."""

import math
import re
from pathlib import Path

import pytest

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.viz.expression import Expression
from micrograd_c.viz.rules import OP
from micrograd_c.viz.text import number

# ---- the stream --------------------------------------------------------------------------------------------------


def test_every_row_of_the_table_can_be_read():
    rows = [op.name for op in OP.values() if op.value is None]
    assert rows == ["LEAF", "CONSTANT", "CUSTOM", "GIVEN", "SUM", "DOT"], (
        "a C function is missing in viz/expression.py and page.html"
    )


@pytest.mark.parametrize("op", [op for op in OP.values() if op.value], ids=lambda op: op.name)
def test_expressions_of_the_table_survive_extreme_numbers(op):
    for x in (0.0, -0.0, 1e308, -1e308, math.inf, -math.inf, math.nan, 5e-324, -1.5):
        for e in (op.value, *op.derivatives):
            assert isinstance(e.evaluate(x=x, y=x, z=x, k=2.0), float)


# ---- json --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [op for op in OP.values() if op.value], ids=lambda op: op.name)
def test_expressions_have_the_poles_of_the_engine(op):
    extremes = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -1.5,
        710.0,
        -710.0,
        1e308,
        -1e308,
        math.inf,
        -math.inf,
        math.nan,
        5e-324,
    ]
    method = op.name.lower()
    method = f"__{method}__" if hasattr(Value, f"__{method}__") else method
    if len(op.derivatives) == 2:
        f, pairs = (lambda x, y: getattr(x, method)(y)), [(x, y) for x in extremes for y in extremes]
    elif method in ("__pow__", "leaky_relu"):
        f, pairs = (lambda x, y: getattr(x, method)(2) + 0 * y), [(x, 0.0) for x in extremes]
    else:
        f, pairs = (lambda x, y: getattr(x, method)() + 0 * y), [(x, 0.0) for x in extremes]
    computed = mg.jit(f)
    for x, y in pairs:
        told = op.value.evaluate(x=x, y=y, k=2.0)
        assert told == pytest.approx(computed(x, y), rel=1e-12, abs=0.0, nan_ok=True), (x, y)


def test_page_has_every_function_that_an_expression_may_call():
    from micrograd_c.viz.expression import _FUNCTIONS

    page = Path(mg.__file__).with_name("viz").joinpath("page.html").read_text("utf-8")
    assert [
        name for name in _FUNCTIONS if not re.search(rf"(const|function|,|{{)\s+?{name}\b|[{{ ]{name}[,}} ]", page)
    ] == []


# ---- numbers and expressions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (3.0, "3"),
        (-0.0, "0"),
        (9.030301, "9.030301"),
        (2 / 3, "0.66666667"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (123456789.0, "1.2345679e8"),
        (99999999.9, "1e8"),
        (1e300, "1e300"),
        (100.0, "100"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_are_short(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("-x / y / y", "-a / b / b"),
        ("x - (y - z)", "a - (b - c)"),
        ("x / (y * z)", "a / (b * c)"),
        ("-(x + y) * z", "-(a + b) * c"),
        ("pow(x + y, 2)", "(a + b)**2"),
        ("k == 0 ? 0 : k * pow(x, k - 1)", "3 * a**2"),
        ("z > 0", "(c > 0)"),
        ("x < 0 ? k * x : x", "(3 * a if a < 0 else a)"),
        ("(1 - x) * (1 + x)", "(1 - a) * (1 + a)"),
    ],
)
def test_expressions_are_written_as_people_write_them(source, text):
    assert Expression(source).readable(k=3.0, x="a", y="b", z="c") == text


@pytest.mark.parametrize("source", ["x +", "system(x)", "q", "x[0]", "x; y", "(x", "x y", "x = 1", "'x'"])
def test_other_c_is_refused(source):
    with pytest.raises(ValueError):
        Expression(source)
