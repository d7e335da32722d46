"""Expressions of the op table, read, and evaluated as the engine evaluates them; numbers written short."""

import json
import math
import shutil
import subprocess

import pytest

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS
from micrograd_c.viz.expression import _FUNCTIONS, checked, readable
from micrograd_c.viz.graph import Node
from micrograd_c.viz.page import javascript_ops
from micrograd_c.viz.rules import OP, evaluate, local_derivatives
from micrograd_c.viz.text import number

ROWS = [
    op for op in OP.values() if op.value and not op.fold and op.name != "INSTEAD"
]  # which is no method of Value
ORDINARY = [0.25, -0.75, 2.5, -3.5]
EXTREMES = [0.0, -0.0, 1.0, -1.0, 710.0, -710.0, 1e308, -1e308, math.inf, -math.inf, math.nan, 5e-324]


def points(op):
    """Every pair of numbers for an op of two operands, else every number."""
    numbers = ORDINARY + EXTREMES
    return [(x, y) for x in numbers for y in (numbers if len(op.derivatives) == 2 else [0.0])]


def engines_answers(op):
    """What the engine says at each point: the value, and each local derivative."""
    method = op.name.lower()
    method = method if hasattr(Value, method) else f"__{method}__"
    k = (2.0,) if OPS[NAMES.index(op.name)].takes_k else ()
    one, two = (lambda x: getattr(x, method)(*k)), (lambda x, y: getattr(x, method)(y))
    binary = len(op.derivatives) == 2
    f = mg.jit(two if binary else one)
    answers = []
    for point in points(op):
        value, slopes = f.value_and_gradient(*point[: 1 + binary])
        answers.append([value, *(slopes if binary else [slopes])])
    return answers


def assert_agree(op, told):
    for point, engines, mine in zip(points(op), engines_answers(op), told):
        assert mine == pytest.approx(engines, rel=1e-12, abs=1e-15, nan_ok=True), point


def test_every_row_of_the_table_can_be_read():
    rows = [op.name for op in OP.values() if not op.value]
    assert rows == ["LEAF", "CONSTANT", "CUSTOM", "GIVEN", "DOT"], "a C function is missing in viz/expression.py"


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_numbers_of_an_explanation_are_those_of_a_program_at_the_poles_too(op):
    told = []
    for x, y in points(op):
        node = Node(2, op.name, "", [0, 1][: len(op.derivatives)], 0.0, 0.0, k=2.0)
        data = {0: x, 1: y}
        data[2] = evaluate(node, data)
        told.append([data[2], *(slope or 0.0 for slope in local_derivatives(node, data)[1])])
    assert_agree(op, told)


@pytest.fixture(scope="module")
def pages_answers():
    """What the page's own functions say at each point, by op: from one run of node."""
    node = shutil.which("node") or pytest.skip("no node")
    script = (
        javascript_ops(OP)
        + """
        const real = x => typeof x === "string" ? ({nan: NaN, inf: Infinity, "-inf": -Infinity})[x] : x;
        const told = x => isFinite(x) ? Number(x) : String(x).replace("Infinity", "inf");
        const answers = {};
        for (const [name, points] of Object.entries(JSON.parse(require("fs").readFileSync(0))))
          answers[name] = points.map(p => {
            const [x, y] = p.map(real), z = Number(OPS[name].value(x, y, 2));
            return [z, ...OPS[name].local.map(f => f ? f(x, y, z, 2) : 0)].map(told);
          });
        console.log(JSON.stringify(answers));"""
    )
    asked = {op.name: [[x if math.isfinite(x) else str(x) for x in p] for p in points(op)] for op in ROWS}
    run = subprocess.run([node, "-e", script], input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {name: [[float(x) for x in row] for row in rows] for name, rows in json.loads(run.stdout).items()}


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_functions_of_the_page_agree_with_the_engine(op, pages_answers):
    assert_agree(op, pages_answers[op.name])


def test_every_function_that_an_expression_may_call_is_declared_in_the_page():
    node = shutil.which("node") or pytest.skip("no node")
    names = ",".join(_FUNCTIONS)
    script = javascript_ops([]).replace("return {}", f"return {{{names}}}")
    run = subprocess.run(
        [node, "-e", f"{script}; console.log(Object.values(OPS).every(f => typeof f === 'function'))"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == "true", run.stderr


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
        (12345678.5, "12345679"),  # JavaScript's toPrecision rounds halves away from zero
        (-1234567.25, "-1234567.3"),
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
    assert readable(source, k=3.0, x="a", y="b", z="c") == text


@pytest.mark.parametrize("source", ["x +", "system(x)", "q", "x[0]", "x; y", "(x", "x y", "x = 1", "'x'"])
def test_other_c_is_refused(source):
    with pytest.raises(ValueError):
        checked(source)
