"""The package may be loaded more than once: by reload, by a second import, by another interpreter."""

import sys
import textwrap

import pytest
from support import PYPY, run_python

PACKAGE = "micrograd_c"
CORE = "micrograd_c._core"

# Uses old and new Values in all ways; a graph and a program from before go on.
USE = """
import copy, gc, importlib, pickle, sys
import micrograd_c as mg

def custom(cls, a):
    out = cls(3 * a.data, (a,), "*3")
    def backward():
        a.grad += 3 * out.grad
    out._backward = backward
    return out

def use(mg, Value, is_current=True):
    a = Value(2.0)
    root = custom(Value, a) * 2.0 + Value(1.0, (a,), (5.0,))
    root.backward()
    assert (root.data, a.grad, type(root)) == (13.0, 11.0, Value)
    mlp = mg.MLP(2, [3, 1])
    y = mlp([1.0, a])
    y.backward()
    mg.optim.SGD(mlp.parameters(), lr=0.1).step()
    assert mg.draw(y, mlp).svg() and mg.explain(y, mlp).steps
    twin = copy.deepcopy(y)
    if is_current:  # pickle takes no class that its module has no more
        twin = pickle.loads(pickle.dumps(twin))
    assert (type(twin), twin.data) == (Value, y.data)
    assert mg.jit(lambda x: x * x).gradient(3.0) == 6.0
    assert mg.sum([a, 1.0, mg.dot([a], [2.0])]).data == 7.0
    assert mg.gradcheck(lambda x: x.tanh(), 0.5)

before, Value = mg, mg.Value
p = Value(2.0)
old, program, optimiser = custom(Value, p) * 2.0, mg.jit(lambda x: p * x), mg.optim.SGD([p], lr=0.0)
use(mg, Value)

def check(now):
    use(before, Value, Value is now.Value)
    use(now, now.Value)
    p.grad = 0.0
    old.backward()
    assert p.grad == 6.0
    assert program.backward(4.0) == 8.0 and p.grad == 10.0
    optimiser.step()
"""

END = """
del old, program, optimiser
gc.collect()
assert before.stats().live_nodes == 1, before.stats()
assert mg.stats().open_sweeps == 0
"""


def run(script, end=""):
    done = run_python("-c", USE + textwrap.dedent(script) + end)
    assert (done.returncode, done.stderr) == (0, "")


MODULES = (
    "_operands",
    "engine",
    "nn",
    "optim",
    "jit",
    "program.function",
    "program.trace",
    "program.traced",
    "_core",
    "_core.errors",
    "_core.numbers",
    "_core.interrupts",
)


def run_for_each_module(script, end=""):
    """Run a script that tells of `module`, each time in a process of its own, as one start of Python left it."""
    run(
        f"""
        import os, traceback
        for module in {[PACKAGE, *(f"{PACKAGE}.{name}" for name in MODULES)]}:
            if not (child := os.fork()):
                break
            assert os.waitpid(child, 0)[1] == 0, module
        else:
            sys.exit()
        try:
            exec({textwrap.dedent(script + end)!r})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    """
    )


def test_old_and_new_values_go_on_together_after_the_reload_of_each_module():
    run_for_each_module(
        """
        importlib.reload(importlib.import_module(module))
        assert mg.Value is mg.engine.Value is Value
        check(mg)
        assert ((p + mg.Value(1.0)) * custom(Value, p)).data == 18.0
        """,
        textwrap.indent(END, " " * 8),
    )


def test_old_and_new_values_go_on_after_a_second_import_of_each_module():
    run_for_each_module(
        """
        del sys.modules[module]
        now = importlib.import_module(module)
        import micrograd_c
        check(micrograd_c)
        """,
        textwrap.indent(END, " " * 8),
    )


def test_values_go_on_after_a_reload_of_all_modules_in_turn():
    run("""
        files = [x for _, x in sorted(sys.modules.items()) if "micrograd_c" in (getattr(x, "__file__", 0) or "")]
        for module in files * 2:
            try:
                importlib.reload(module)
            except ImportError as error:
                assert "cannot be reloaded" in str(error)
            old.backward()
            assert p.grad == 6.0, module
            old.zero_grad()
        check(mg)
    """)


@pytest.mark.parametrize(
    "forgotten", [["nn", "_fused", "_operands"], ["nn", "_fused", "_operands", "engine"]], ids=str
)
def test_networks_go_on_where_a_second_import_leaves_some_modules_as_they_were(forgotten):
    run(f"""
        for name in {forgotten}:
            del sys.modules[f"micrograd_c.{{name}}"]
        import micrograd_c._operands, micrograd_c.nn

        class Own(Value):
            def __add__(self, other):
                return Own(7.0)

        assert (Own(1.0) - 1.0).data == 7.0
        micrograd_c.nn.MLP(2, [3, 1])([1.0, p]).backward()
        check(mg)
    """)


def test_a_reload_comes_before_the_first_network():
    done = run_python(
        "-c", f"import {PACKAGE}, importlib; importlib.reload({PACKAGE}._operands); {PACKAGE}.MLP(2, [1])"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_core_refuses_a_reload_or_is_the_same_after_it():
    run("""
        core = importlib.import_module(f"micrograd_c._core.{mg.stats().core}_core")
        try:
            importlib.reload(core)
        except ImportError as error:
            assert "cannot be reloaded" in str(error)
        check(mg)
    """)


def test_a_package_that_is_imported_anew_leaves_the_first_one_as_it_was():
    run("""
        for name in [name for name in sys.modules if name.startswith("micrograd_c")]:
            del sys.modules[name]
        import micrograd_c
        check(micrograd_c)
    """)


def test_values_of_two_imports_work_together_or_the_error_says_that_there_are_two():
    run("""
        one = mg.Value(2.0)
        for name in [name for name in sys.modules if name.startswith("micrograd_c")]:
            del sys.modules[name]
        import micrograd_c as new
        other = new.Value(3.0)
        together = {
            "one * other": (lambda: (one * other).data, 6.0),
            "other - one": (lambda: (other - one).data, 1.0),
            "sum": (lambda: new.sum([other, one]).data, 5.0),
            "dot": (lambda: mg.dot([one], [other]).data, 6.0),
            "by hand": (lambda: new.Value(1.0, (one,), "mine").data, 1.0),
            "method": (lambda: one.maximum(other).data, 3.0),
            "optimiser": (lambda: len(new.optim.SGD([one], lr=0.1).params), 1),
            "order": (lambda: len(new.topological_order(one)), 1),
        }
        for what, (call, expected) in together.items():
            try:
                assert call() == expected, what
            except TypeError as error:
                assert mg.stats().core == "cffi" and "of another import" in str(error), (what, error)
    """)


def test_an_error_is_raised_as_before_when_the_module_of_the_core_is_forgotten():
    run("""
        del sys.modules[f"micrograd_c._core.{mg.stats().core}_core"]
        try:
            mg.Value(-1.0).log()
        except ValueError as error:
            assert "log(-1.0) is not defined" in str(error)
    """)


INTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

def create(isolated):  # one with a GIL of its own, since Python 3.12
    if sys.version_info >= (3, 13):
        return interpreters.create("isolated" if isolated else "legacy")
    return interpreters.create(**({"isolated": isolated} if sys.version_info >= (3, 12) else {}))

def inside(script, isolated=False):
    number = create(isolated)
    failed = interpreters.run_string(number, f"import sys; sys.path[:] = {sys.path!r}" + chr(10) + script)
    assert not failed, failed
    interpreters.destroy(number)
"""

IN_ANOTHER = """
try:
    import micrograd_c
except ImportError as error:  # the native core was asked for
    assert "main interpreter only" in str(error), error
else:
    assert micrograd_c.stats().core == "cffi"
    a = micrograd_c.Value(2.0)
    out = micrograd_c.Value(6.0, (a,))
    def backward():
        a.grad += 3 * out.grad
    out._backward = backward
    (out * micrograd_c.MLP(1, [1])([a])).backward()
"""


@pytest.mark.skipif(PYPY, reason="PyPy has no other interpreters")
@pytest.mark.parametrize("order", ["first", "later", "both"])
@pytest.mark.parametrize("chosen", ["as here", "by default"])
def test_the_main_interpreter_works_on_when_another_one_that_imported_the_package_has_ended(order, chosen):
    one = f"inside({IN_ANOTHER!r})\n"
    parts = [INTERPRETER, one if order != "later" else "", USE, one * 2 if order != "first" else "", "check(mg)"]
    done = run_python("-c", "\n".join(parts), env={"MICROGRAD_C_CORE": ""} if chosen == "by default" else {})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(PYPY, reason="PyPy has no other interpreters")
def test_an_interpreter_that_ends_gives_all_its_nodes_back():
    other = """
try:
    import micrograd_c as mg
except ImportError:
    pass
else:
    kept = [mg.Value(i) for i in range(100)]
    out = mg.sum(kept)
    out._backward = lambda: None
    layer = mg.MLP(2, [3, 3])(kept[:2])
    sum(map(mg.Value, range(100)))
"""
    count = "print(micrograd_c.stats().live_nodes)"
    done = run_python(
        "-c",
        "\n".join([INTERPRETER, "import micrograd_c", f"inside({other!r})", count]),
        env={"MICROGRAD_C_CORE": ""},
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "0\n")


@pytest.mark.skipif(PYPY or sys.version_info < (3, 12), reason="has no interpreters with a GIL of their own")
def test_an_interpreter_with_its_own_gil_is_told_that_it_cannot_import_the_package():
    told = """
try:
    import micrograd_c
except ImportError as error:
    assert "GIL of its own" in str(error), error
else:
    raise AssertionError
"""
    done = run_python("-c", "\n".join([INTERPRETER, f"inside({told!r}, True)", USE, "check(mg)"]))
    assert (done.returncode, done.stderr) == (0, "")


def test_compiled_modules_of_different_c_code_are_refused():
    module = "types.ModuleType('micrograd_c._core._native'); native.__getattr__ = lambda name: object"
    module += "; native.SOURCES = 0; native.__all__ = ['SOURCES']"
    code = f"import sys, types; native = {module}; native.expect_main = native.set_docs = lambda *_: None\n"
    code += "sys.modules[native.__name__] = native; import micrograd_c"
    done = run_python("-c", code, env={"MICROGRAD_C_CORE": ""})
    assert done.returncode and "ImportError: micrograd-c's two compiled modules" in done.stderr
