"""What users read: docstrings, signatures and errors, the same on both cores."""

import inspect
import math
import os
import re
import sys
import threading
import warnings

import pytest
from support import PYPY, run_python

import micrograd_c
from micrograd_c import Value, nn
from micrograd_c._core import DOMAINS, NAMES, OPS, ffi
from micrograd_c._core.absent import HABITS, HABITS_OF_MODULES
from micrograd_c._core.docs import is_operator

ROWS = [op for op in range(len(OPS)) if OPS[op].method]
OPERATORS = [op for op in ROWS if is_operator(op) and not OPS[op].takes_k]
METHODS = [op for op in ROWS if op not in OPERATORS]


WIDE = [s * x for x in (0.0, 0.5, 1.0, 2.0, 8.0, 1e3, 1e200, 1.7e308, math.inf) for s in (1, -1)] + [math.nan]


def walk(ops):
    return pytest.mark.parametrize("op", ops, ids=[NAMES[op].lower() for op in ops])


# ---- docstrings and signatures -----------------------------------------------------------------------------------


@walk(METHODS)
def test_the_docstring_of_an_op_tells_formula_derivative_and_domain(op):
    method = getattr(Value, NAMES[op].lower())
    doc = inspect.getdoc(method)
    assert doc.startswith("Return z = ") and "dz/dx = " in doc and ("dz/dy = " in doc) == (OPS[op].arity == 2)
    assert "Defined" in doc or "Raises" in doc
    if DOMAINS[op] != "1":
        assert f"Defined where {DOMAINS[op].replace('&&', 'and')}" in doc
    assert not any(word in doc for word in ("?", "&&", "||", "fabs", "M_", "logistic"))  # C


@walk(METHODS)
def test_the_docstring_of_an_op_names_each_error_that_it_raises(op):
    doc = inspect.getdoc(getattr(Value, NAMES[op].lower()))
    raised = set()
    for x in WIDE:
        for y in WIDE if OPS[op].arity == 2 or OPS[op].takes_k else [None]:
            operands = [y] if y is not None else []
            try:
                getattr(Value(x), NAMES[op].lower())(*operands)
            except (ArithmeticError, ValueError) as error:
                raised.add(type(error).__name__)
    assert raised == set(re.findall(r"\w+Error", doc))


@walk(METHODS)
def test_the_formula_in_a_docstring_is_what_the_op_computes(op):
    words = {name: getattr(math, name) for name in dir(math)} | {"abs": abs, "pow": pow}
    words["sigmoid"] = lambda x: 1 / (1 + math.exp(-x))
    doc = inspect.getdoc(getattr(Value, NAMES[op].lower()))
    lines = dict(line.split(" = ", 1) for line in doc.splitlines() if line.startswith("dz/"))
    lines["z"] = doc.removeprefix("Return z = ").partition(" as a node;")[0]
    for x, y in [(0.5, 0.25), (0.25, 0.75), (0.5, 0.5), (0.9, 2.0)]:
        leaves = [Value(x), Value(y)][: OPS[op].arity]
        out = getattr(leaves[0], NAMES[op].lower())(*(leaves[1:] or ([y] if OPS[op].takes_k else [])))
        out.backward()
        numbers = {"x": x, "y": y, "k": y, "z": out.data}
        if any(name not in words for name in re.findall(r"[a-z]\w+(?=\()", " ".join(lines.values()))):
            pytest.skip("Python's math does not have a function of this formula")
        assert eval(lines["z"], words, numbers) == pytest.approx(out.data, rel=1e-12)
        for leaf, name in zip(leaves, ("dz/dx", "dz/dy")):
            assert eval(lines[name], words, numbers) == pytest.approx(leaf.grad, rel=1e-12)


@walk(OPERATORS)
def test_the_docstring_of_value_tells_the_derivatives_of_operators(op):
    row = next(
        line
        for line in Value.__doc__.splitlines()
        if line.strip().startswith(f"z = {ffi.string(OPS[op].value).decode().replace('fabs', 'abs')},")
    )
    assert f"dz/dx = {ffi.string(OPS[op].dx).decode()}" in row


def test_signatures_of_all_methods_can_be_read():
    for name in dir(Value):
        method = getattr(Value, name, None)
        if callable(method) and not hasattr(object, name) and not name.startswith("_mg_"):
            assert "self" in inspect.signature(method).parameters, name
    assert "data" in inspect.signature(Value).parameters
    assert str(inspect.signature(Value.tanh)) == "(self, /)"
    assert str(inspect.signature(Value.leaky_relu)) == "(self, /, k=0.01)"
    assert str(inspect.signature(Value.pow)) == "(self, /, k)"
    assert str(inspect.signature(Value(1.0).maximum)) == "(other, /)"


@pytest.mark.parametrize("name", ["leaky_relu", "pow"])
def test_what_the_name_of_an_argument_raises_is_raised(name):
    class Name(str):
        asked = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Name.asked += 1
            if Name.asked == 1:  # and no second time
                raise KeyboardInterrupt("while names are compared")
            return str.__eq__(self, other)

    with pytest.raises(KeyboardInterrupt, match="while names are compared"):
        getattr(Value(1.0), name)(**{Name("k"): 2.0})


# ---- operands and attributes -------------------------------------------------------------------------------------


def test_an_operand_with_operators_of_its_own_is_asked():
    class Matrix:
        def __rmul__(self, other):
            return "mine"

        def __rpow__(self, other):
            return "mine"

    class Text(str):
        __slots__ = ()

        def __rmul__(self, other):
            return "mine"

    x = Value(2.0)
    assert x * Matrix() == x ** Matrix() == x * Text("a") == "mine"
    with pytest.raises(TypeError, match="right operand of -"):
        x - Matrix()
    with pytest.raises(TypeError, match=r"power\(other\)"):
        x.power(Matrix())


OWNERS = {
    Value: (HABITS, lambda: Value(2.0)),
    nn.MLP: (HABITS_OF_MODULES, lambda: nn.MLP(1, [1])),
    nn.Neuron: (HABITS_OF_MODULES, lambda: nn.Neuron(1)),
}


@pytest.mark.parametrize(("cls", "name"), [(cls, name) for cls, (habits, _) in OWNERS.items() for name in habits])
def test_a_habit_of_other_libraries_is_no_attribute_until_it_is_set(cls, name):
    habits, make = OWNERS[cls]
    one = make()
    assert not hasattr(one, name) and not hasattr(cls, name) and name not in dir(one)
    with pytest.raises(AttributeError) as raised:
        getattr(one, name)
    assert str(raised.value) == f"{cls.__name__!r} object has no attribute {name!r}: {habits[name]}"
    setattr(one, name, 3)
    assert getattr(one, name) == 3 and name in dir(one)


@pytest.mark.parametrize("cls", OWNERS)
def test_an_instance_has_every_attribute_that_it_lists(cls):
    one = OWNERS[cls][1]()
    assert [name for name in dir(one) if not hasattr(one, name)] == []


def test_a_habit_of_other_libraries_may_be_a_method_of_a_class_of_the_users():
    class Net(nn.Module):
        def forward(self, x):
            return 2.0 * x

    assert Net().forward(3.0) == 6.0 and "forward" in dir(Net())


@pytest.mark.parametrize(
    ("ours", "name"), [*((Value, name) for name in HABITS), *((nn.Module, name) for name in HABITS_OF_MODULES)]
)
def test_a_habit_of_other_libraries_may_stand_in_a_base_behind_ours(ours, name):
    class Behind:
        pass

    for attribute in (lambda self: self, property(lambda self: self), 3):
        setattr(Behind, name, attribute)
        both = type("Both", (ours, Behind), {})(*[2.0] * (ours is Value))
        found = getattr(both, name)
        assert (found() if callable(attribute) else found) is (3 if attribute == 3 else both)
        assert getattr(type(both), name) is attribute and name in dir(both)


@pytest.mark.skipif(PYPY, reason="CPython's traceback suggests names")
def test_a_name_that_is_spelled_wrongly_is_answered_with_close_ones():
    for name, meant in [("tahn", "tan"), ("backwards", "backward"), ("logg", "log"), ("sigmod", "sigmoid")]:
        run = run_python("-c", f"from micrograd_c import Value; Value(1.0).{name}")
        assert f"no attribute '{name}'" in run.stderr and f"{meant}" in run.stderr.replace(name, "")


def test_an_attribute_error_of_the_users_own_stays_theirs():
    class Own(Value):
        @property
        def item(self):
            raise AttributeError("not today")

    class Any(Value):
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return name

    with pytest.raises(AttributeError, match="not today"):
        Own(1.0).item  # noqa: B018
    assert Any(1.0).item == "item" and Any(1.0).tahn == "tahn" and Any(1.0).data == 1.0


def test_data_and_grad_cannot_be_deleted():
    v = Value(1.0)
    with pytest.raises(AttributeError, match=r"data of a Value cannot be deleted$"):
        del v.data
    with pytest.raises(AttributeError, match=r"grad of a Value cannot be deleted: assign 0.0"):
        del v.grad
    assert (v.data, v.grad) == (1.0, 0.0)


# ---- both cores --------------------------------------------------------------------------------------------------

PROGRAM = """
import inspect
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS

WRONG = ["3", None, [1.0], 1j, object, b"1", {}]

def answer(f, *arguments):
    try:
        return repr(f(*arguments))
    except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"

for op in range(len(OPS)):
    name = NAMES[op].lower()
    for name in (name, f"__{name}__", f"__r{name}__"):
        method = getattr(Value, name, None)
        if method is None or not OPS[op].method:
            continue
        print(name, inspect.signature(method), inspect.getdoc(method))
        for x in (0.0, -1.0, 2.0, 1e200, float("inf")):
            if OPS[op].arity == 1 and not OPS[op].takes_k:
                print(answer(method, Value(x)))
            else:
                for other in [*WRONG, 0, -0.5, 400, Value(0.0)]:
                    print(answer(method, Value(x), other))
print(answer(Value.pow, Value(1.0)))
for name in ("data", "grad", "item", "requires_grad_"):
    print(answer(delattr if name in ("data", "grad") else getattr, Value(1.0), name))
print(Value.__doc__)
"""


@pytest.mark.skipif(micrograd_c.stats().core != "native", reason="compares it with the other")
def test_both_cores_say_the_same():
    ours, other = (run_python("-c", PROGRAM, env={"MICROGRAD_C_CORE": core}) for core in ("native", "cffi"))
    assert ours.returncode == other.returncode == 0, ours.stderr + other.stderr
    assert len(ours.stdout.splitlines()) > 500
    assert ours.stdout == other.stdout


# ---- the line that is told of ----


@pytest.mark.parametrize(
    "line",
    [
        "statistics.fmean([v, v])",
        "axes.plot([v, v])",
        "[fmean([v]) for fmean in [statistics.fmean]]",
        "mg.jit(lambda x: copy.copy(x))(1.0)",
        "mg.jit(lambda x: statistics.fmean([x, x]))(1.0)",
    ],
)
def test_a_warning_and_a_tracing_error_name_the_users_line_and_none_of_a_library(line, tmp_path):
    pytest.importorskip("matplotlib")
    script = tmp_path / "script.py"
    head = "import copy, statistics\nimport matplotlib.figure\nimport micrograd_c as mg\nv = mg.Value(2.0)\n"
    script.write_text(f"{head}axes = matplotlib.figure.Figure().subplots()\n{line}\n")
    told = run_python(str(script), cwd=tmp_path).stderr
    assert f"{script}:6: " in told
    assert "cbook.py:" not in told and "statistics.py:" not in told and "copy.py:" not in told


def warned_in_a_thread(function, *arguments):
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, category, file, line, *_: lines.append((file, str(message)))
        thread = threading.Thread(target=function, args=arguments)
        thread.start()
        thread.join()
    ((file, message),) = lines
    assert "turned into a float" in message
    return file


def test_a_warning_where_all_frames_are_of_libraries_is_told_all_the_same():
    assert warned_in_a_thread(float, Value(2.0)) == threading.__file__


@pytest.mark.parametrize("starts", [os.path.join(os.path.dirname(sys.executable), "tool"), "<frozen runpy>"])
def test_a_warning_of_a_program_that_is_installed_names_its_line_and_not_what_starts_it(starts):
    line = os.path.join("lib", "site-packages", "tool.py")
    names = {"main": compile("float(v)", line, "exec"), "v": Value(2.0)}
    assert warned_in_a_thread(exec, compile("exec(main)", starts, "exec"), names) == line


@pytest.mark.parametrize("line", ["import tool", "importlib.import_module('tool')"])
def test_a_warning_of_an_import_names_the_line_that_imports(line, tmp_path):
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "tool.py").write_text("import micrograd_c as mg\nfloat(mg.Value(2.0))\n")
    script = tmp_path / "script.py"
    begin = f"import importlib, sys\nsys.path.insert(0, {str(tmp_path / 'site-packages')!r})\ndef main():\n"
    script.write_text(f"{begin}    {line}\n(lambda: main())()\n")
    assert f"{script}:4: " in run_python(str(script), cwd=tmp_path).stderr
