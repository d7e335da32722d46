"""With cffi alone: all that is public works, or says which extra to install."""

import textwrap
from pathlib import Path

import pytest
from support import run_python

OPTIONAL = ("numpy", "scipy", "matplotlib", "PIL", "cairosvg", "graphviz", "IPython", "sklearn", "tqdm")
BARE = f"import os, sys; os.environ['PATH'] = ''; sys.modules.update(dict.fromkeys({OPTIONAL}))\n"
CODE = """
import micrograd_c as mg
from micrograd_c import plot, viz
from public_calls import CALLS

x, model = mg.Value(0.5), mg.MLP(2, [2, 1])
y = x.tanh() * x
f = mg.jit(lambda x: x * x)
picture, page = mg.draw(y), mg.explain(y)
works = {
    **{call.__name__: call for call in CALLS},
    **{
        name: lambda name=name: getattr(mg, name)([x, y])
        for name in ("mean", "logsumexp", "softmax", "log_softmax")
    },
    "cross_entropy": lambda: mg.cross_entropy([x, y], 1),
    "mse": lambda: mg.mse([x, y], [1.0, 2.0]),
    "grad": lambda: mg.grad(lambda x: x[0] * x[1])([1.0, x]),
    "value_and_grad": lambda: mg.value_and_grad(f)(1.0),
    "jit": lambda: (f(1.0), f.gradient(1.0), f.value_and_gradient(1.0), f.backward(1.0), repr(f), f.program(1.0)),
    "set_threads": lambda: mg.set_threads(1),
    "draw": lambda: (picture.svg(), picture.html(), picture.dot(), picture._repr_html_()),
    "draw_dot": lambda: viz.draw_dot(y),
    "explain": lambda: (str(page), page.json(), page.html(), page._repr_html_()),
    "lesson": lambda: mg.lesson().html("lesson.html"),
    "a table of layers": lambda: (repr(model), model._repr_html_()),
    **{
        name: lambda name=name: getattr(mg.optim, name)(model.parameters()).step()
        for name in ("SGD", "Adam", "AdamW", "RMSprop")
    },
    "clip_grad_norm": lambda: mg.optim.clip_grad_norm(model.parameters(), 1.0),
}
needs = {
    "[numpy]": {
        "a batch": lambda: f([1.0, 2.0]),
        "a network of a batch": lambda: mg.jit(model)([[1.0, 2.0]]),
        "hessian": lambda: f.hessian(1.0),
        "jvp": lambda: f.jvp((1.0,), (1.0,)),
    },
    "[png]": {"png": picture.png, "save": lambda: picture.save("picture.png")},
    "[viz]": {
        "decision_boundary": lambda: plot.decision_boundary(model, [[1.0, 2.0], [2.0, 1.0]], [0, 1]),
        "gradient_histogram": lambda: plot.gradient_histogram(model),
        "loss_curve": lambda: plot.loss_curve([2.0, 1.0]),
        "secant": lambda: plot.secant(lambda x: x * x, 1.0, 0.5),
        "surface": lambda: plot.surface(lambda x, y: x * x + y * y, (1.0, 2.0)),
        "training": lambda: plot.training(model, [[1.0, 2.0], [2.0, 1.0]], [1, -1]),
    },
}
assert sorted(needs["[viz]"]) == sorted({*plot.__all__} - {"Training"})
called = {*works, *needs}
unseen = {"MLP", "Layer", "Module", "Neuron", "Value", "GradientError", "Stats", "TracingError"}  # called by CALLS
unseen |= {"dot", "gradcheck", "numerical_gradient", "stats", "topological_order", "where", "zero_grad"}
assert {*mg.__all__} - called - unseen == {"engine", "nn", "optim"}, {*mg.__all__} - called
for name, call in works.items():
    call()
for extra, calls in needs.items():
    for name, call in calls.items():
        try:
            call()
        except (ImportError, RuntimeError) as error:
            assert "pip install " in str(error) and "micrograd-c" + extra in str(error), (name, error)
        else:
            raise AssertionError(f"{name} works without its extra")
print(len(works))
"""


def test_all_that_is_public_works_without_extras_or_names_the_one_it_needs(tmp_path):
    path = f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    done = run_python("-W", "error", "-c", BARE + path + CODE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40 and done.stderr == ""


def test_a_sparse_hessian_without_scipy_says_what_to_install():
    pytest.importorskip("numpy")
    code = """
        import sys
        sys.modules["scipy"] = None
        import micrograd_c as mg
        f = mg.jit(lambda x: x[0] * x[1], in_axes=None)
        print(f.hessian([1.0, 2.0]).tolist())
        f.hessian([1.0, 2.0], sparse=True)
    """
    done = run_python("-c", textwrap.dedent(code))
    assert done.stdout == "[[0.0, 1.0], [1.0, 0.0]]\n"
    assert done.stderr.splitlines()[-1].endswith("csr_array: pip install scipy")


@pytest.mark.parametrize(
    "command", [("explain", "c = a*b", "a=1", "b=2"), ("lesson",), ("exercises", "--help"), ()]
)
def test_the_command_line_needs_no_extra(command, tmp_path):
    code = BARE + f"import runpy; sys.argv[1:] = {command!r}; runpy.run_module('micrograd_c', run_name='__main__')"
    done = run_python("-c", code, cwd=tmp_path)
    assert "ImportError" not in done.stderr and "No module" not in done.stderr, done.stderr
    assert done.returncode in (0, 2) and (done.stdout or done.stderr)
