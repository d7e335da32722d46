"""python -m micrograd_c explain and draw."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from graphs import random_graph
from support import run_python

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.viz.command import main
from micrograd_c.viz.rules import evaluate

GOLDEN = Path(__file__).parent / "golden" / "explain_c.txt"


def explain(*arguments, **more):
    return run_python("-m", "micrograd_c", "explain", *arguments, **more)


@pytest.fixture
def told(capsys):
    """Return what `explain` returns of the same arguments, without a process of its own."""

    def explain_here(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=status, stdout=out, stderr=err)

    return explain_here


def test_command_prints_the_golden_text():
    done = explain("c = a*b + b", "a=2", "b=3", "--what-if", "a=2.0001,b=3.01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == GOLDEN.read_text("utf-8")


def test_command_writes_page_picture_and_json(tmp_path, told):
    page, picture = tmp_path / "page.html", tmp_path / "c.svg"
    assert explain("c = a*b + b", "a=2", "b=3", "--html", page).returncode == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert told("c = a*b + b", "a=2", "b=3", "--draw", picture).returncode == 0
    assert "grad 3" in picture.read_text("utf-8")
    data = json.loads(told("c = a*b + b", "--json", "a=2", "b=3").stdout)
    assert data["title"] == "c = a*b + b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["c = a.b", "a=2"], "line 1, column 5: an attribute"),
        (["c = a/0", "a=2"], "division by zero"),
        (["c = a", "a=two"], "'two' is no number"),
        (["c = a", "a=1", "a"], "not of the form name=number"),
        (["c = a", "a"], "Put the expression into quotes, and the leaves behind it"),
        (["c = a", "a=1", "a=2"], "a is given twice\n"),
        (["c = a*b", "a=1", "b=2", "--what-if", "a=1", "b=2"], "are one text, as a=1,b=2"),
        (["c = F.relu(a)", "a=1"], "'F' has no value: write relu(...)"),
        (["c = a", "a=1", "--draw", "c"], "save: a name without an ending is no format"),
        (["c = a", "a=1", "b=2"], "b: given, but not used"),
        (["c = a", "a=1", "c=2"], "c: given, but not used"),
        (["x = 3; y = x*x", "x=4"], "x: given, but not used"),
        (["c = a", "a=b/2"], "'b/2' is no number"),
        (["c = a", "a=1", "--what-if", "a=1;7"], "'1;7' is no number"),
        (["c = a", "a=1", "--what-if", "a=k=7"], "'k=7' is no number"),
        (["c = a", "a=1\n7"], "is no number"),
        (["c = a", "a=1/0"], "division by zero"),
        (["c", "=", "a", "+", "a=1"], "Put the expression into quotes"),
        (["c = a", "a=1", "--what-if", "a=2", "--json"], "leave out --json"),
        (["c = a", "a=1", "--draw", "not/there/c.svg"], "make it first (mkdir -p not/there)"),
        (["c = a", "a=1", "--draw", "not here/c.svg"], "(mkdir -p 'not here')"),
        (["c = a", "a=1", "--html", f"{__file__}/sub/c.html"], "test_viz_command.py' is a file, no folder"),
        (["c = a", "a=1", "--html", ""], "the name of the file to write is empty"),
        (["c = a", "a=1", "--what-if", "q=2"], "there is no leaf 'q'"),
        (["c = a", "a=1", "--html", "/nowhere/at/all.html"], "there is no folder '/nowhere/at'; make it first"),
    ],
)
def test_command_says_what_is_wrong(arguments, message, told):
    done = told(*arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (["math.tanh(a)", "a=0"], "de/de = e.grad = 1"),
        (["c = max(a, b)", "a=1/2", "b=0.25"], "dc/dc = c.grad = 1"),
        (["c = min(a, b, 3) + pow(a, b)*math.pi", "a=2**0.5", "b=-1/3"], "dc/dc = c.grad = 1"),
        (["c", "=", "a*b", "+", "b", "a=2", "b=3"], "dc/dc = c.grad = 1"),
        (["a=2", "b=3", "c = a*b"], "dc/dc = c.grad = 1"),
        (["c = a*b", "a=2", "b=3", "--what-if", "a=1/2"], "   gradients there: dc/da = 3, dc/db = 0.5"),
        (["c = a*b", "a=2,b=3", "--what-if", "a=1/2, b=max(1,2),"], "   gradients there: dc/da = 2, dc/db = 0.5"),
        (
            ["c = a*b", "a=2", "b=3", "--what-if", "a=1/2", "--what-if", "b=2"],
            "   gradients there: dc/da = 2, dc/db = 0.5",
        ),
        (["c = a*b", "a=2; b=3", "--what-if", "a=1/2; b=2;"], "   gradients there: dc/da = 2, dc/db = 0.5"),
        (["a = a*3", "a=2", "--what-if", "a=1"], "   gradients there: de/da = 3, de/dk1 = 1"),
        (["c = np.tanh(a) + torch.relu(a)*numpy.pi", "a=0"], "dc/dc = c.grad = 1"),
        (["-a", "a=1"], "de/de = e.grad = 1"),
        (["-h*h", "h=1"], "df/df = f.grad = 1"),
        (["a=2", "-(a)"], "de/de = e.grad = 1"),
        (["c = \u00b5*2", "\u00b5=3"], "dc/dc = c.grad = 1"),  # Python's parser makes the Greek letter of it
    ],
)
def test_command_reads_what_people_type(arguments, last, told):
    done = told(*arguments)
    assert done.returncode == 0 and done.stdout.splitlines()[-1].strip() == last.strip(), done.stderr


def test_command_tells_what_if_beside_a_file(tmp_path, told):
    page = str(tmp_path / "page.html")
    done = told("c = a*b", "a=2", "b=3", "--html", page, "--what-if", "a=4")
    assert done.returncode == 0 and "computed anew: c = 12" in done.stdout


def test_what_if_gives_the_gradients_of_a_fresh_graph(rng):
    for _ in range(20):
        root = random_graph(rng)
        explanation = mg.explain(root, names={}, limit=10**6)
        nodes = explanation._graph.nodes
        leaves = [node for node in nodes.values() if not node.operands]
        assert explanation.what_if() == pytest.approx(root.data, rel=1e-12, nan_ok=True)
        data = {node.name: node.data * rng.uniform(0.99, 1.01) for node in leaves if rng.random() < 0.5}
        told = explanation.what_if(**data)
        fresh = copy.deepcopy(root)
        order = mg.topological_order(fresh)
        for i, node in nodes.items():
            order[i].data = data.get(node.name, node.data)
        for i, node in nodes.items():
            if node.operands:
                order[i].data = evaluate(node, {j: order[j].data for j in node.operands})
        mg.zero_grad(fresh)
        fresh.backward()
        assert told == fresh.data
        for i, node in nodes.items():
            assert told.gradients[node.name] == pytest.approx(order[i].grad, rel=1e-12, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    ("expression", "bad", "f"),
    [
        ("c = 3 / a", "0", lambda a: 3 / a),
        ("c = a**0.5", "-1", lambda a: a**0.5),
        ("c = a**b", "-1", lambda a: a ** Value(0.5)),
        ("c = log(a) * 2", "0", lambda a: a.log()),
        ("c = asin(a)", "1.5", lambda a: a.asin()),
        ("c = exp(a)", "1000", lambda a: a.exp()),
    ],
)
def test_what_if_refuses_what_the_engine_refuses(expression, bad, f, told):
    done = told(expression, "a=0.5", *["b=0.5"] * ("b" in expression), "--what-if", f"a={bad}")
    with pytest.raises((ArithmeticError, ValueError)) as error:
        f(Value(float(bad)))
    assert (done.returncode, done.stderr, done.stdout) == (2, f"micrograd_c: {error.value}\n", "")


@pytest.mark.parametrize("seed", [0.0, 1.0, -2.5])
def test_what_if_is_told_for_every_seed(seed):
    a, b = Value(2.0), Value(3.0)
    told = mg.explain(a * b, names={"a": a, "b": b}, seed=seed).text({"a": 2.5})
    assert "by the gradients: e = 6 + 3 * 0.5 = 7.5" in told and f"de/da = {3 * seed:g}, " in told


def test_what_if_is_told_around_a_value_whose_gradient_is_zero():
    a = Value(2.0)
    inner = a * 3.0
    told = mg.explain((-inner).relu(), around=inner, names={"a": a}).text({"a": 3.0})
    assert "by the gradients: e = 6 + 3 * 1 = 9" in told


@pytest.mark.parametrize("name", ["self", "data", "explanation"])
def test_what_if_takes_a_leaf_of_any_name(name):
    assert mg.explain(Value(1.0, label=name) * 2.0).what_if(**{name: 4.0}) == 8.0


def test_what_if_of_a_fused_neuron_gives_new_gradients():
    def graph(x):
        inputs, (w, b) = [Value(x)], (Value(2.0), Value(0.5))
        return inputs[0], w, mg.dot([w], inputs, b).tanh()

    x, w, out = graph(0.3)
    told = mg.explain(out, names={"x": x, "w": w, "out": out}).what_if(x=-0.1)
    x, w, out = graph(-0.1)
    out.backward()
    assert told == out.data and told.gradients["x"] == x.grad and told.gradients["w"] == w.grad


def test_command_help_and_other_commands_are_there():
    assert "arithmetic" not in explain("--help").stderr
    assert "--what-if" in explain("--help").stdout
    assert "explain" in run_python("-m", "micrograd_c", "--help").stdout


def test_script_named_explain_runs_by_its_path(tmp_path):
    (tmp_path / "explain").write_text("print('a script')")
    assert run_python("-m", "micrograd_c", "./explain", cwd=tmp_path).stdout == "a script\n"


def test_pictures_cost_nothing_at_import():
    code = """
import sys
import micrograd_c.nn
from micrograd_c.engine import *
print([m for m in sys.modules if m.startswith("micrograd_c.viz") or m in ("ast", "html", "json")])"""
    assert run_python("-c", code).stdout.strip() == "[]"


def test_draw_and_explain_are_public_names_of_the_package():
    code = """
import micrograd_c as mg
print(mg.viz.draw_dot.__module__)
print({"draw", "explain"} <= set(dir(mg)), mg.draw.__module__, mg.explain.__module__)"""
    assert run_python("-c", code).stdout.split() == [
        "micrograd_c.viz.picture",
        "True",
        "micrograd_c.viz.picture",
        "micrograd_c.viz.explanation",
    ]
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        _ = mg.paint
