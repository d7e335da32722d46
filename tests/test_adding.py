"""What CONTRIBUTING says of adding: one of each is added to a copy of the tree, which is built and run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import PYPY

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not (ROOT / "micrograd_c").is_dir(), reason="there is no tree to copy: it was installed"),
    pytest.mark.skipif(PYPY, reason="what is added is built for the native core"),
]

ROWS = """
OP2(SQDIFF,      "sqdiff",   TOTAL, EITHER(NAN), (x - y) * (x - y), 2 * (x - y), 2 * (y - x))
OP1(EXP2,        "exp2",     1,                  exp2(x),           0.6931471805599453 * z)
OP1(CBRT,        "cbrt",     1,                  cbrt(x),           1 / (3 * z * z))
OPN(NORM, "norm", 0, hypot(x, y), y, x / z)
ACTIVATION(SOFTSIGN, "softsign", X, x / (1 + fabs(x)), 1 / ((1 + fabs(x)) * (1 + fabs(x))))
ACTIVATIONK(ELU, "ELU", X, 1, NAN, x < 0 ? k * expm1(x) : x, x > 0 ? 1 : k * exp(x))
"""

# Rows whose derivatives read nothing.
LEAST = """
OP1(LEAST1, "a", 1, x, 0)
OP1K(LEAST1K, "b", TOTAL, 1, NAN, x * k, 0)
OP2(LEAST2, "c", TOTAL, NONE, x * y, 0, 0)
OPN(LEASTN, "d", 0, y + x, y, 0)
ACTIVATION(LEASTA, "e", Z, x, 0)
ACTIVATIONK(LEASTAK, "f", X, 1, NAN, x * k, 0)
CHOICE(LEASTC, "g", x * y, 1)
"""

# exp2 and cbrt are C functions that the explainer does not know.
VIEWER = """
_FUNCTIONS["exp2"] = "x=>2**x"
_FUNCTIONS["cbrt"] = "Math.cbrt"
"""

# mpmath's cube root of a negative number is complex.
REFERENCE = """
        "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
"""

USE = """
import copy
import math
import pickle

import micrograd_c as mg
import micrograd_c.jit
from micrograd_c import Neuron, Value

# ops: eager, backward, programs, which simplify them, explanations
a, b = Value(3.0, label="a"), Value(-8.0, label="b")
out = a.sqdiff(b) + a.exp2()
out.backward()
assert out.data == 129.0 and b.grad == -22.0 and abs(a.grad - 22.0 - 8 * 0.6931471805599453) < 1e-12
f = mg.jit(lambda x, y: x.sqdiff(y) + y.sqdiff(x) + x.exp2())
assert f(3.0, -8.0) == 250.0 and f([3.0, 3.0], [-8.0, -8.0])[1] == 250.0
assert str(f.program([1.0], [1.0])).count("sqdiff(") == 1, f.program([1.0], [1.0])
text = mg.explain(out).text()
assert "exp2(a)" in text and "0.6931471805599453 * " in text, text

# an op of any number of operands: eager, backward, programs with a gradient, explanations
exact = math.sqrt(3.0**2 + 8.0**2 + 2.0**2)
out = mg.norm([a, b, 2.0])
a.grad = 0.0
out.backward()
assert abs(out.data - exact) < 1e-14 and abs(a.grad - 3.0 / exact) < 1e-14
g = mg.jit(lambda x: mg.norm([x, b, 2.0]))
values, slopes = g.value_and_gradient([3.0, 3.0])
assert abs(g(3.0) - exact) < 1e-14 and abs(values[1] - exact) < 1e-13
assert abs(slopes[1] - 3.0 / exact) < 1e-13
assert "norm(x0, p0, 2)" in g.program([1.0]).listing, g.program([1.0])
assert "norm(a, b" in mg.explain(out).text()

# an activation: fused, as a scalar graph, in a program, in an explanation
n = Neuron(2, activation="softsign")
found = []
for n.fused in (True, False):
    n.zero_grad()
    y = n([0.5, -1.5])
    y.backward()
    found.append([y.data, *(p.grad for p in n.parameters())])
assert found[0] == found[1] and repr(n) == "SoftsignNeuron(2)"
n.fused = True
assert abs(mg.jit(lambda x, y: n([x, y]))(0.5, -1.5) - found[0][0]) < 1e-15
assert "softsign(" in mg.explain(n([0.5, -1.5]), n).text()

# an optimiser: three steps of the formula, the last one by copies
p, q = Value(1.0), Value(-2.0)
adagrad = mg.optim.Adagrad([p, q], eps=0.5)
want, v = [1.0, -2.0], [0.0, 0.0]
for step in range(3):
    if step == 2:
        assert adagrad.state_dict() == {"lr": 0.01, "eps": 0.5, "steps": 2, "state": v}
        loaded = mg.optim.Adagrad([Value(p.data), Value(q.data)], 5.0)
        loaded.load_state_dict(adagrad.state_dict())
        copies = [adagrad, copy.deepcopy(adagrad), pickle.loads(pickle.dumps(adagrad)), loaded]
    else:
        copies = [adagrad]
    for i, g in enumerate([step + 0.5, -4.0]):
        v[i] += g * g
        want[i] -= 0.01 * g / (math.sqrt(v[i]) + 0.5)
        for c in copies:
            c.params[i].grad = g
    for c in copies:
        c.step()
        assert [x.data for x in c.params] == want, (c, want)
for wrong in ({"state": [1.0, -1.0]}, {"eps": -1.0}):
    try:
        adagrad.load_state_dict({**adagrad.state_dict(), **wrong})
    except ValueError as error:
        assert "eps" in str(error) or "number 1 of state" in str(error), error
    else:
        raise AssertionError(wrong)
"""


def put(path, text, before):
    """Write `text` into a file before the only line that begins with `before`."""
    head, mark, tail = path.read_text().partition("\n" + before)
    assert mark and "\n" + before not in tail, (path, before)
    path.write_text(head + "\n" + text.strip("\n") + "\n\n" + before + tail)


def optimiser_of_contributing():
    """Return the three pieces of code that CONTRIBUTING.md shows of an optimiser."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## To add an optimiser\n")[2].partition("\n## ")[0]
    return re.findall(r"```(?:c|python)\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with one of each added to it."""
    copy = tmp_path_factory.mktemp("copy") / "tree"
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.so", "__pycache__", "benchmarks", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    put(copy / "csrc/ops.def", ROWS, before="#undef OP1\n")
    loop, declaration, optimizer = optimiser_of_contributing()
    put(copy / "csrc/engine.h", declaration, before="int32_t mg_sgd(")
    (copy / "csrc/optim.c").write_text((copy / "csrc/optim.c").read_text() + "\n" + loop)
    put(copy / "micrograd_c/optim.py", optimizer + '\n\n__all__.append("Adagrad")', before="def clip_grad_norm(")
    put(copy / "micrograd_c/viz/expression.py", VIEWER, before="def javascript_functions(")
    put(copy / "tests/test_ops.py", REFERENCE.rstrip(), before='        "less": ')
    built = run(copy, "setup.py", "-q", "build_ext", "--inplace")
    assert built.returncode == 0, built.stderr
    return copy


def run(tree, *arguments, core="native"):
    environment = {**os.environ, "PYTHONPATH": str(tree), "MICROGRAD_C_CORE": core}
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=900
    )


@pytest.mark.parametrize("core", ["native", "cffi"])
def test_what_a_newcomer_adds_works_by_its_row_alone(tree, core):
    done = run(tree, "-c", USE, core=core)
    assert done.returncode == 0, done.stderr


def test_the_tests_of_the_tree_pass_with_the_new_rows(tree):
    """Those of the table skip what nobody has told them."""
    files = [f"tests/test_{name}.py" for name in ("ops", "nary", "nn_activations", "viz_expression", "optim")]
    done = run(tree, "-m", "pytest", "-q", *files, "-p", "no:cacheprovider", "-m", "not slow")
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout
    fuzzed = run(tree, "tests/fuzz", "--seconds", "2", "graphs", "explain", "tracing")
    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr


def test_the_compiler_warns_of_no_row_whose_derivatives_read_nothing(tmp_path):
    shutil.copytree(ROOT / "csrc", tmp_path / "csrc")
    put(tmp_path / "csrc/ops.def", LEAST, before="#undef OP1\n")
    c = [str(path) for path in sorted(tmp_path.glob("csrc/**/*.c"))]
    python = ["-DPy_LIMITED_API=0x030A0000", "-DMG_SOURCES=0", "-isystem", sysconfig.get_path("include")]
    flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{tmp_path}/csrc", *python, "-fsyntax-only"]
    done = subprocess.run([*shlex.split(os.environ.get("CC", "cc")), *flags, *c], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
