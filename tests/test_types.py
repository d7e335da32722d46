"""What editors, type checkers and prompts see. The checkers themselves read tests/types in `make lint`."""

import ast
import inspect
import operator
import runpy
from pathlib import Path
from typing import get_type_hints

import pytest

import micrograd_c as mg
from micrograd_c import Value, nn, optim, plot
from micrograd_c._checks import ACTIVATIONS
from micrograd_c._core import NAMES, NARY, OPS

ROOT = Path(mg.__file__).parent
TYPES = Path(__file__).parent / "types"
MARK = "# ---- each line is wrong\n"


@pytest.fixture(scope="module")
def stub():
    """The classes, functions and names of the stub that the build has written."""
    found = {}
    for node in ast.parse((ROOT / "_core" / "operators.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node.value
    return found


def parameters(function):
    """Return the kind, name and default of each parameter of a function of the stub."""
    space = {}
    function.decorator_list, function.returns = [], None
    for argument in ast.walk(function):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    exec(compile(ast.Module([function], []), "stub", "exec"), space)
    return [(p.kind, p.name, p.default) for p in inspect.signature(space[function.name]).parameters.values()]


def test_the_stub_has_a_method_for_each_row_of_the_op_table_and_no_other(stub):
    methods = {x.name for x in stub["Node"].body if isinstance(x, ast.FunctionDef)} - {"data", "grad"}
    rows = [NAMES[op].lower() for op in range(len(OPS)) if OPS[op].method]
    operators = [name for name in [*rows, "pow"] if hasattr(operator, f"__{name}__")]
    expected = {name for name in rows if name not in operators or name == "pow"}
    expected |= {f"__{name}__" for name in operators}
    expected |= {f"__r{name}__" for name in operators if hasattr(float, f"__r{name}__")}
    assert methods - {"__setattr__", "__lt__", "__le__", "__gt__", "__ge__"} == expected
    assert {NAMES[op].lower() for op in NARY} - {"sum"} == {x for x in stub if isinstance(stub[x], ast.FunctionDef)}


def test_the_methods_of_the_stub_have_the_parameters_of_those_of_values(stub):
    for function in stub["Node"].body:
        if (
            isinstance(function, ast.FunctionDef)
            and not function.name.startswith("_")
            and not function.decorator_list
        ):
            method = inspect.signature(getattr(Value, function.name)).parameters.values()
            ours = [(p.name, p.default) for p in method][1:]
            assert [(name, default) for _, name, default in parameters(function)][1:] == ours, function.name


def test_the_stub_has_the_activations_of_neurons_and_their_options(stub):
    assert {x.value for x in stub["Activation"].slice.elts} == ACTIVATIONS.keys()
    options = [x.target.id for x in stub["NeuronOptions"].body]
    assert options == list(inspect.signature(nn.Neuron).parameters)[1:-1]


def test_all_that_is_declared_of_stats_is_there():
    assert get_type_hints(mg.Stats) == {name: type(x) for name, x in mg.stats().items()}


def test_the_types_of_jit_have_the_names_of_the_module():
    jit = __import__("importlib").import_module("micrograd_c.jit")
    tree = ast.parse((ROOT / "jit.pyi").read_text(encoding="utf-8"))
    (function,) = (x for x in tree.body if isinstance(x, ast.ClassDef) and x.name == "Function")
    assert [ast.unparse(base) for base in function.bases][:-1] == [x.__name__ for x in jit.Function.__bases__]
    typed = {}
    for method in function.body:
        typed.setdefault(method.name, set()).update(x.arg for x in method.args.kwonlyargs)
    own = {k: method for k, method in vars(jit.Function).items() if k[0] != "_" and hasattr(jit.Function, k)}
    assert typed.keys() - {"__call__", "__get__"} == own.keys()
    for name, method in own.items():
        parameters_of = inspect.signature(method).parameters.values()
        assert typed[name] == {p.name for p in parameters_of if p.kind == p.KEYWORD_ONLY}, name
    functions = [x.name for x in tree.body if isinstance(x, ast.FunctionDef)]
    assert {*functions, "Function", "Program", "TracingError"} == {*jit.__all__}
    typed = {x.arg for f in tree.body if getattr(f, "name", "") == "jit" for x in f.args.kwonlyargs}
    assert [*inspect.signature(jit.jit).parameters] == ["function", *sorted(typed)]


# ---- the lines that the checkers read ----------------------------------------------------------------------------


def test_right_uses_run(capsys):
    pytest.importorskip("numpy")
    threads = runpy.run_path(str(TYPES / "right.py"))
    assert threads["total"].data == 4.0


def wrong_lines():
    head, mark, lines = (TYPES / "wrong.py").read_text(encoding="utf-8").partition(MARK)
    assert mark
    return head, lines.splitlines()


@pytest.mark.parametrize("line", wrong_lines()[1], ids=lambda line: line.partition("  #")[0])
def test_a_line_that_the_checkers_report_is_an_error_when_it_runs(line):
    space = {}
    exec(wrong_lines()[0], space)
    with pytest.raises((TypeError, ValueError, AttributeError)):
        exec(line, space)
    assert "# type: ignore[" in line and "# pyright: ignore[" in line


# ---- names at a prompt -------------------------------------------------------------------------------------------


def test_completion_shows_public_names_and_all_of_them():
    assert {*dir(mg)} == {*mg.__all__, "sum", "plot", "__version__"}
    for module in (nn, optim, plot):
        assert {*dir(module)} == {*module.__all__}
    assert {*mg.stats()} <= {*dir(mg.stats())} and not [x for x in dir(mg.stats()) if x[0] == "_"]
    for place in (mg, nn, optim, plot, mg.stats()):
        assert all(hasattr(place, name) for name in dir(place))
