"""Programs: what they compute is what the eager engine computes, and what they cannot record they refuse."""

import copy
import functools
import inspect
import math
import operator
import pickle
import re
import runpy
import sys
import weakref
from pathlib import Path

import pytest
from programs import close
from support import PYPY, live_nodes, needs_reference_counts, run_python

import micrograd_c as mg
from micrograd_c import MLP, Module, Value, nn

np = pytest.importorskip("numpy")


# ---- parameters --------------------------------------------------------------------------------------------------


def test_parameters_are_read_at_each_run_and_gradients_add_up():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    assert f(3.0) == 6.0
    p.data = 5.0
    assert f(3.0) == 15.0
    f.backward(3.0)
    f.backward([1.0, 2.0])
    assert p.grad == 6.0


def test_values_computed_before_the_trace_lead_to_their_leaves():
    p = Value(2.0)
    square = p * p
    f = mg.jit(lambda x: square * x)
    assert f.backward(3.0) == 12.0
    assert p.grad == 12.0
    assert square.grad == 0.0
    assert f.program(3.0).parameters == (p,)


def test_leaves_made_by_the_function_are_constants():
    f = mg.jit(lambda x: Value(3.0) * x + 1.5)
    assert f(2.0) == 7.5
    assert f.program(2.0).parameters == ()


def test_a_function_without_arguments_reads_parameters_alone():
    parameters = [Value(float(i)) for i in range(5)]
    f = mg.jit(lambda: 0.5 * mg.sum(p * p for p in parameters))
    assert f() == 15.0
    assert f.backward() == 15.0
    assert [p.grad for p in parameters] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_parameters_live_as_long_as_the_program():
    f = (lambda p: mg.jit(lambda x: p * x))(Value(2.0))
    f(1.0)
    f._function = None
    junk = [Value(i) for i in range(10)]
    assert f.backward(4.0) == 8.0
    assert all(v.grad == 0.0 for v in junk)


def test_retrace_sees_what_has_changed():
    layers = [2.0]
    f = mg.jit(lambda x: x * layers[0])
    assert f(1.0) == 2.0
    layers[0] = 3.0
    assert f(1.0) == 2.0
    f.retrace()
    assert f(1.0) == 3.0


def test_programs_leave_no_node_behind():
    before = live_nodes()

    def use_a_program():
        p = Value(1.0)
        f = mg.jit(lambda x: (p * x).tanh() + 3.0)
        f([1.0, 2.0])
        assert live_nodes() <= before + 1

    use_a_program()
    assert live_nodes() <= before


def test_a_function_is_traced_once_for_each_signature():
    traces = []
    f = mg.jit(lambda x, y: (traces.append(1), x + y)[1] if not isinstance(x, list) else x[0] + y)
    for _ in range(3):
        f(1.0, 2.0)
        f(1, np.float64(2))
        f([1.0], 2.0)
        f(np.ones(5), 2.0)
        f([1.0], [2.0])
    assert len(traces) == 3
    assert repr(f).count("nodes") == 3


def test_programs_inside_programs_are_recorded():
    p = Value(3.0)
    square = mg.jit(lambda x: p * x * x)
    f = mg.jit(lambda x: square(x) + 1)
    assert f(2.0) == 13.0
    f.backward(2.0)
    assert p.grad == 4.0


# ---- what is a function ------------------------------------------------------------------------------------------


def test_module_and_function_of_the_name_jit_are_both_called():
    import micrograd_c.jit as imported

    assert imported(lambda x: x * 2)(1.0) == sys.modules["micrograd_c.jit"](lambda x: x * 2)(1.0) == 2.0


def test_models_and_bound_methods_are_functions_too():
    class Line:
        def __init__(self):
            self.w = Value(2.0)

        def at(self, x):
            return self.w * x

    line = Line()
    f = mg.jit(line.at)
    assert f(3.0) == 6.0
    assert f.backward([1.0, 2.0]) == 6.0
    assert line.w.grad == 3.0
    model = nn.MLP(2, [3, 2])
    first, second = mg.jit(model)([[1.0, 2.0]])
    want = model([1.0, 2.0])
    close([first[0], second[0]], [v.data for v in want])


@pytest.mark.parametrize(
    "script, words",
    [
        ("moons_jit.py", r"accuracy (100|99)"),
        pytest.param("digits_jit.py", r"held-out accuracy 9[789]", marks=pytest.mark.slow),
        ("newton.py", r"a = 3.032, b = 1.221"),
    ],
)
def test_the_examples_reach_their_accuracy(script, words, monkeypatch, capsys):
    for package in ("sklearn", "tqdm"):
        pytest.importorskip(package)
    path = Path(__file__).parent.parent / "examples" / script
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert re.search(words, capsys.readouterr().out)


def test_the_example_of_the_chapter_runs(capsys):
    text = Path(__file__).parent.parent.joinpath("docs", "programs.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(block, names)
    assert names["scores"].shape == (100,)
    assert names["loss"] < 0.5


# ---- methods -----------------------------------------------------------------------------------------------------


class Line(Module):
    def __init__(self, w):
        self.w = Value(w)

    @mg.jit
    def at(self, x):
        """The line."""
        return self.w * x

    def __eq__(self, other):  # without a hash
        return True


def test_a_method_binds_and_each_instance_has_its_parameters():
    a, b = Line(2.0), Line(5.0)
    assert [a.at(3.0), b.at(3.0), a.at(3.0)] == [6.0, 15.0, 6.0]
    assert b.at([1.0, 2.0]).tolist() == [5.0, 10.0]
    b.at.backward([1.0, 2.0])
    assert (a.w.grad, b.w.grad) == (0.0, 3.0)
    assert a.at.program(1.0).parameters == (a.w,)
    assert a.at.program(1.0) is a.at.program(1.0)
    assert Line.at.__doc__ == a.at.__doc__ == "The line."
    assert "Line.at(x: number)" in repr(a.at)
    with pytest.raises(TypeError, match="argument x"):
        a.at(b"text")


# Functions with an argument that has the name of an option.
NAMED = {
    "weights": (lambda x, weights=3.0: x * weights, lambda x, *, weights=3.0: x * weights, np.array([1.0, 10.0])),
    "reduce": (lambda x, reduce="sum": x * len(reduce), lambda x, *, reduce="sum": x * len(reduce), "mean"),
    "per_sample": (lambda x, per_sample=3.0: x * per_sample, lambda x, *, per_sample=3.0: x * per_sample, True),
    "argnums": (lambda x, argnums=3.0: x * argnums, lambda x, *, argnums=3.0: x * argnums, (0,)),
    "sparse": (lambda x, sparse=3.0: x * sparse, lambda x, *, sparse=3.0: x * sparse, True),
}


class Named:
    """The same as methods."""

    weights = mg.jit(lambda self, x, weights=3.0: x * weights)
    reduce = mg.jit(lambda self, x, reduce="sum": x * len(reduce))
    per_sample = mg.jit(lambda self, x, per_sample=3.0: x * per_sample)
    argnums = mg.jit(lambda self, x, argnums=3.0: x * argnums)
    sparse = mg.jit(lambda self, x, sparse=3.0: x * sparse)


METHODS = [("weights", "backward"), ("reduce", "backward"), ("per_sample", "gradient")]
METHODS += [(option, method) for option in ("argnums", "sparse") for method in ("jacobian", "hessian")]


@pytest.mark.parametrize(("option", "method"), METHODS)
def test_an_option_that_may_be_meant_for_an_argument_of_its_name_is_refused(option, method):
    X, (by_place, by_name, given) = np.array([2.0, 3.0]), NAMED[option]
    named = Named()
    bound = getattr(named, option)
    for f, remedy in ((mg.jit(by_place), "by place"), (mg.jit(by_name), "another name"), (bound, "by place")):
        with pytest.raises(TypeError, match=rf"{method}\({option}=...\): {method} has an option.*{remedy}"):
            getattr(f, method)(X, **{option: given})
    for f in (mg.jit(by_place), bound):
        getattr(f, method)(X)
        if option != "sparse":  # which needs scipy
            getattr(f, method)(X, "abc" if option == "reduce" else 3.0, **{option: given})  # the argument is there
    g = mg.jit(lambda x, y, weights: x * y * weights)
    assert g.backward(X, X, 1.0, weights=[1, 2]) == 22.0


def test_retrace_of_a_method_is_that_of_one_instance():
    a, b = Line(2.0), Line(5.0)
    before = a.at.program(1.0), b.at.program(1.0)
    a.at.retrace()
    assert a.at.program(1.0) is not before[0]
    assert b.at.program(1.0) is before[1]


def test_overridden_methods_call_those_of_the_base():
    class Twice(Line):
        @mg.jit
        def at(self, x):
            return super().at(x) * 2

    twice = Twice(2.0)
    assert twice.at(3.0) == 12.0
    assert twice.at.gradient(3.0) == 4.0


@needs_reference_counts
def test_programs_of_a_method_die_with_the_instance():
    line = Line(2.0)
    line.at(1.0)
    watched = weakref.ref(line), weakref.ref(line.w)
    del line
    assert [w() for w in watched] == [None, None]
    assert not vars(Line)["at"]._bound


@pytest.mark.skipif(PYPY, reason="PyPy watches every instance")
def test_an_instance_that_cannot_be_watched_is_refused():
    class Narrow:
        __slots__ = ("w",)

        @mg.jit
        def at(self, x):
            return self.w * x

    with pytest.raises(TypeError, match="__weakref__"):
        Narrow().at(1.0)


def test_what_does_not_bind_is_found_as_it_is():
    model = MLP(1, [1])
    bound = Line(3.0).at

    class Holder:
        network = mg.jit(model)
        line = bound
        square = staticmethod(mg.jit(lambda x: x * x))

    holder = Holder()
    assert holder.network([[1.0]])[0] == model([1.0]).data
    assert holder.line(2.0) == 6.0
    assert holder.square(3.0) == 9.0
    assert mg.jit(bound) is bound


class Scaled:
    k = 2.0

    @mg.jit(static_argnames="n")
    @classmethod
    def of_class(cls, x, n=2):
        """Scale a power."""
        return cls.k * x**n

    @mg.jit
    @staticmethod
    def square(x):
        return x * x


class Wider(Scaled):
    k = 5.0


def test_methods_of_a_class_bind_it():
    for scaled, k in ((Scaled, 2.0), (Wider, 5.0), (Scaled(), 2.0), (Wider(), 5.0)):
        assert scaled.of_class(3.0) == 9 * k and scaled.of_class(2.0, n=3) == 8 * k
        assert scaled.of_class.gradient(3.0) == 6 * k
        assert scaled.of_class(np.array([1.0, 2.0])).tolist() == [k, 4 * k]
        assert scaled.square(3.0) == 9.0 and scaled.square.gradient(3.0) == 6.0
        assert pickle.loads(pickle.dumps(scaled.of_class))(3.0) == 9 * k
        assert copy.deepcopy(scaled.of_class)(3.0) == 9 * k
    assert Scaled.of_class.__doc__ == "Scale a power."
    assert str(inspect.signature(Scaled.of_class)) == "(x, n=2)"
    again = mg.jit(vars(Scaled)["of_class"], in_axes=0)
    assert again.__get__(None, Wider)(np.ones(1), 3) == 5.0  # as a class body would
    with pytest.raises(TypeError, match="jit takes a function, not property"):
        mg.jit(property(len))


class Empty(Module, list):
    """A function that is false, as an empty list is."""

    def __init__(self):
        self.p = Value(2.0)

    def __call__(self, x):
        return self.p * x


def test_a_copy_of_a_function_that_is_false_has_parameters_of_its_own():
    f = mg.jit(Empty())
    for other in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        other.backward(3.0)
        assert other._function.p.grad == 3.0 and f._function.p.grad == 0.0


def test_a_class_as_an_argument_is_refused_with_a_remedy():
    with pytest.raises(TypeError, match=r"argument cls must be .*, not type.*write @mg.jit above @classmethod"):
        mg.jit(lambda cls, x: cls.k * x)(Scaled, 1.0)


# ---- the parameters of a program ---------------------------------------------------------------------------------


def test_nobody_can_take_the_parameters_from_a_program():
    f = (lambda p: mg.jit(lambda x: p * x))(Value(2.0))
    program = f.program(1.0)
    assert type(program.parameters) is tuple
    with pytest.raises(AttributeError):
        program.parameters = ()
    with pytest.raises(TypeError, match="copy the function"):
        copy.deepcopy(program)


def test_gradcheck_takes_functions_made_by_jit():
    p = Value(1.5)
    assert mg.gradcheck(mg.jit(lambda x, y: (p * x).tanh() * y), 0.3, Value(0.7))
    assert mg.gradcheck(mg.jit(lambda x: x * x * x), 2.0)
    assert p.grad == 0.0
    wrong = mg.jit(lambda x: x * x)
    wrong.gradient = lambda x: 3.0
    with pytest.raises(mg.GradientError, match=r"operand 0 = 2\.0: gradient 3\.0"):
        mg.gradcheck(wrong, 2.0)


# ---- copies ------------------------------------------------------------------------------------------------------


class Holder(Module):
    """A model that holds functions made by jit in several ways."""

    def __init__(self):
        self.w = Value(2.0)
        self.by_method = mg.jit(self.forward)
        self.by_closure = mg.jit(lambda x: self.w * x)
        helper = lambda x: self.w * x  # noqa: E731
        self.by_helper = mg.jit(lambda x, k=3.0: helper(x) * (k / 3.0))
        self.by_default = mg.jit(lambda x, me=self: me.w * x)
        self.by_partial = mg.jit(functools.partial(lambda k, x: self.w * x * k, 1.0))
        self.by_partials = mg.jit(functools.partial(lambda f, x, k: f(x) * k(), lambda x: self.w * x, k=lambda: 1))

    def forward(self, x):
        return self.w * x

    @mg.jit
    def method(self, x):
        return self.w * x

    def parameters(self):
        return [self.w]

    functions = ("by_method", "by_closure", "by_helper", "by_default", "by_partial", "by_partials", "method")


def check_copy(original, twin):
    twin.w.data = 7.0
    for name in Holder.functions:
        if hasattr(twin, name):
            f = getattr(twin, name)
            assert f(2.0) == 14.0, name
            assert f.program(2.0).parameters == (twin.w,), name
            twin.w.grad = 0.0
            f.backward([1.0, 2.0])
            assert (twin.w.grad, original.w.grad) == (3.0, 0.0), name
            assert getattr(original, name)(2.0) == 4.0, name


def test_a_partial_function_that_has_the_name_of_another_runs_and_keeps_it_in_copies():
    def scale(k, x):
        """Multiply."""
        return k * x

    partial = functools.update_wrapper(functools.partial(scale, Value(3.0)), scale)
    f = mg.jit(partial)
    twin = copy.deepcopy(f)
    assert [(g(2.0), g.__name__, g.__doc__) for g in (f, twin)] == [(6.0, "scale", "Multiply.")] * 2
    with pytest.raises(TypeError, match=r"scale\(x\): too many"):
        twin(1.0, 2.0)


@pytest.mark.parametrize("traced", [False, True])
def test_a_deep_copy_of_a_model_reads_its_own_parameters(traced):
    model = Holder()
    if traced:
        for name in Holder.functions:
            getattr(model, name)(1.0)
    check_copy(model, copy.deepcopy(model))
    twin, f = copy.deepcopy((model, model.by_closure))
    assert f is twin.by_closure and f(2.0) == 4.0


def test_a_deep_copy_keeps_shared_variables_recursion_and_modules():
    def make():

        w = Value(2.0)
        count = 0

        def add():
            nonlocal count
            count += 1
            return count

        def power(x, n):
            return x if n == 0 else w * power(x, n - 1) * math.pi

        return mg.jit(lambda x: power(x, 2) * add()), mg.jit(lambda: w * count)

    first, second = make()
    first.note = [1]
    one, two = copy.deepcopy((first, second))
    assert one.note == [1] and one.note is not first.note
    close(one(1.0), 4 * np.pi**2)
    assert two() == 2.0
    assert one.program(1.0).parameters == two.program().parameters
    assert one.program(1.0).parameters != first.program(1.0).parameters


def test_a_deep_copy_of_a_function_that_reads_what_is_not_assigned_yet():
    f = mg.jit(lambda x: x * later)
    twin = copy.deepcopy(f)
    later = 3.0
    assert f(2.0) == 6.0
    with pytest.raises(NameError, match="later"):
        twin(2.0)


def test_global_functions_are_copied_and_pickled_by_their_name():
    import pickle

    assert copy.deepcopy(scale) is scale and copy.copy(scale) is scale
    assert pickle.loads(pickle.dumps(scale)) is scale
    assert pickle.loads(pickle.dumps(Holder.method)) is Holder.method
    line = Line(2.0)
    twin = pickle.loads(pickle.dumps(line.at))
    assert twin(3.0) == 6.0
    assert twin.program(3.0).parameters != (line.w,)


@mg.jit
def scale(x):
    return x * 2.0


def test_a_pickled_model_reads_its_own_parameters():
    import pickle

    model = Holder()
    for name in ("closure", "helper", "default", "partial", "partials"):  # lambdas, which pickle refuses
        delattr(model, f"by_{name}")
    model.by_method(1.0)
    check_copy(model, pickle.loads(pickle.dumps(model)))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(mg.jit(lambda x: x))


def test_cloudpickle_takes_functions_and_models():
    cloudpickle = pytest.importorskip("cloudpickle")
    model = Holder()
    check_copy(model, cloudpickle.loads(cloudpickle.dumps(model)))
    namespace = {"__name__": "__main__", "mg": mg, "w": Value(3.0)}
    exec("def f(x): return mg.jit(lambda y: w * y)(x)", namespace)
    assert cloudpickle.loads(cloudpickle.dumps(namespace["f"]))(2.0) == 6.0
    assert cloudpickle.loads(cloudpickle.dumps(sys.modules["micrograd_c.jit"])) is sys.modules["micrograd_c.jit"]


PROCESSES = """
import multiprocessing, sys
import micrograd_c as mg
import micrograd_c.jit
from micrograd_c import Value

w = Value(3.0)

@mg.jit
def decorated(x):
    return w * x

assigned = mg.jit(lambda x: w * x)

def plain(x):
    return mg.jit(lambda y: w * y)(x)

if __name__ == "__main__":
    w.data = 4.0
    if sys.argv[1] == "joblib":
        from joblib import Parallel, delayed
        for f in (decorated, assigned, plain):
            print(Parallel(n_jobs=2)(delayed(f)(x) for x in (1.0, 2.0)))
    elif sys.argv[1] == "dask":
        import dask
        for f in (decorated, assigned, plain):
            print([*dask.compute(*(dask.delayed(f)(x) for x in (1.0, 2.0)), scheduler="processes", num_workers=2)])
    else:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(decorated, [1.0, 2.0]))
            print(pool.map(plain, [1.0, 2.0]))
"""


@pytest.mark.parametrize("way, factor", [("joblib", 4.0), ("dask", 4.0), ("spawn", 3.0)])
def test_functions_of_the_main_script_go_to_other_processes(way, factor, tmp_path):
    if way != "spawn":
        pytest.importorskip(way)
    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    done = run_python(script, way)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {str([factor, 2 * factor])}


def test_in_axes_go_with_copies_pickles_and_methods():
    f = mg.jit(operator.itemgetter(0), in_axes=None)
    for copied in (copy.deepcopy(f), pickle.loads(pickle.dumps(f)), mg.jit(f)):
        assert copied([3.0, 4.0]) == 3.0
    assert mg.jit(f, in_axes=0)(np.ones((2, 1))).shape == (2,)

    class Model:
        @mg.jit(in_axes=None)
        def first(self, x):
            return x[0]

    assert Model().first([5.0, 6.0]) == 5.0


def test_vectors_and_numbers_are_traced_apart():
    f = mg.jit(lambda x: x[0] if isinstance(x, list) else x * 2, in_axes=None)
    for _ in range(2):
        assert [f([1.0, 2.0]), f(3.0), f([5.0])] == [1.0, 6.0, 5.0]
