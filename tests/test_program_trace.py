"""What a traced function sees, and that nothing else notices that something is traced."""

import copy
import os
import signal
import sys
import threading
import weakref

import pytest
from interrupting import stopped_at
from support import PYPY, close, collect, needs_reference_counts, nothing_left_behind, run_python

import micrograd_c as mg
from micrograd_c import MLP, Layer, Module, Neuron, TracingError, Value, _tracing
from micrograd_c._core import NAMES, OPS
from micrograd_c._tracing import TracedValue

np = pytest.importorskip("numpy")


class Weight(Value):
    """A class of a user."""


class Doubled(Value):
    """A class whose operators are its own."""

    def __mul__(self, other):
        return super().__mul__(other) * 2

    def maximum(self, other):
        return super().maximum(other) + 1


def keep():
    """Return a traced Value of a trace that is over."""
    kept = []
    mg.jit(lambda x: (kept.append(x), x * 2)[1])(1.0)
    return kept[0]


# ---- operands ----------------------------------------------------------------------------------------------------

PAIRS = [
    (name, f"__{name}__" if hasattr(float, f"__{name}__") else name)
    for name, op in ((NAMES[i].lower(), OPS[i]) for i in range(len(OPS)))
    if op.method and op.arity == 2
]


@pytest.mark.parametrize("method", [m for _, m in PAIRS], ids=[n for n, _ in PAIRS])
@pytest.mark.parametrize("cls", [Value, Weight])
def test_ops_of_an_ordinary_value_and_a_traced_one_are_recorded_in_both_orders(method, cls):
    p = cls(1.5)
    seen = []

    def left(x):
        seen.append(getattr(p, method)(x) if method in NAMES_OF_METHODS else operator_of(method)(p, x))
        return seen[-1]

    def right(x):
        seen.append(getattr(x, method)(p) if method in NAMES_OF_METHODS else operator_of(method)(x, p))
        return seen[-1]

    for f in (left, right):
        x = Value(2.5)
        p.grad = 0.0
        out = f(x)
        out.backward()
        value, slope, slope_of_p = out.data, x.grad, p.grad
        p.grad = 0.0
        g = mg.jit(f)
        assert close(g(2.5), value) and close(g.gradient(2.5), slope)
        assert type(seen[-1]) is TracedValue
        g.backward([2.5])
        assert close(p.grad, slope_of_p)


NAMES_OF_METHODS = {m for _, m in PAIRS if not m.startswith("__")}


def operator_of(method):
    import operator

    return operator.pow if method == "__power__" else getattr(operator, method)


@pytest.mark.parametrize("cls", [Value, Weight])
def test_sums_and_products_with_values_of_any_class_are_recorded(cls):
    p = cls(1.5)
    functions = (
        lambda x: mg.sum([p, x, 2]),
        lambda x: mg.sum((v for v in (x, p)), start=p),
        lambda x: mg.dot([p, 2.0], [x, x], bias=p),
        lambda x: mg.dot([x, p], [p, 3.0], bias=x),
        lambda x: mg.where(p.greater(x), x, p * x),
        lambda x: mg.where(x > p, p, p * x),
        lambda x: p**x + x**p + 2**x + x**2,
        lambda x: Neuron(1, nonlin=False)([x]) * 0.0 + p * np.float64(2.0) * x + np.float32(1.0) * x * p,
    )
    for f in functions:
        x = Value(0.5)
        p.grad = 0.0
        out = f(x)
        out.backward()
        wanted = out.data, x.grad, p.grad
        p.grad = 0.0
        seen = []
        g = mg.jit(lambda x, f=f, seen=seen: (seen.append(f(x)), seen[0])[1])
        g.backward(0.5)
        assert type(seen[0]) is TracedValue
        assert all(map(close, wanted, (g(0.5), g.gradient(0.5), p.grad)))


def test_operators_of_a_class_of_the_users_are_recorded():
    p = Doubled(3.0)
    f = mg.jit(lambda x: p * x + p.maximum(x))
    assert f(2.0) == 12.0 + 4.0
    assert f.gradient(2.0) == 6.0
    assert f.backward([2.0]) == 16.0 and p.grad == 5.0


def test_constants_beside_arrays_are_computed_elementwise():
    f = mg.jit(lambda x: list(np.array([1.0, 2.0]) * x) + list(x - np.array([1.0, 2.0])))
    assert f(3.0) == [3.0, 6.0, 2.0, 1.0]


def test_a_trace_changes_no_method_of_value():
    before = dict(vars(Value))
    seen = []
    mg.jit(lambda x: (seen.append(dict(vars(Value))), Value(1.0).maximum(x))[1])(2.0)
    assert seen == [before]
    assert vars(Value) == before


# ---- an op whose value and gradient go different ways ------------------------------------------------------------

INSTEAD = NAMES.index("INSTEAD")


@pytest.mark.parametrize("value", ["x.sqrt()", "x.log()", "x * 0 / x", "(x + p).sqrt()", "p + 2.0", "Value(2.0)"])
def test_the_value_of_one_node_goes_with_the_gradient_of_another(value):
    p, w = Value(0.0), Value(3.0)

    @mg.jit
    def f(x):
        node = eval(value, {"x": x, "p": p, "Value": Value})
        return x._trace.record(INSTEAD, node, (x + 2.0) * w) * 5.0

    for x in ([0.0, 4.0, -1.0], 0.0, 4.0, -1.0):
        p.grad = w.grad = 0.0
        f.backward(x)
        assert p.grad == 0.0  # not nan where the value has an infinite slope
        assert w.grad == sum(5.0 * (xi + 2.0) for xi in (x if type(x) is list else [x]))
        gradient = f.gradient(x)
        assert list(gradient) == [15.0] * 3 if type(x) is list else gradient == 15.0
    assert f(4.0) == 5.0 * {"x.log()": np.log(4.0), "x * 0 / x": 0.0}.get(value, 2.0)
    assert "instead(" in str(f.program(1.0))


def test_an_op_whose_value_is_x_is_no_method_of_value():
    assert not OPS[INSTEAD].method
    assert not hasattr(Value, "instead")


# ---- what has no number ------------------------------------------------------------------------------------------

CHOICES = {
    "equal": lambda x: x * 2 if x == 0 else x * 3,
    "not equal": lambda x: x * 2 if x != 0.0 else x * 3,
    "number on the left": lambda x: x * 2 if x == 0 else x * 3,
    "numpy": lambda x: x * 2 if x == np.float32(0) else x * 3,
    "in": lambda x: x * 2 if x in (0.0, 1.0) else x * 3,
    "not in": lambda x: x * 2 if x not in [0.0] else x * 3,
    "index": lambda x: [0.0, 1.0].index(x),
    "two": lambda x: x * 2 if x == x * 1 else x * 3,
    "ordinary": lambda x: x * 2 if Value(1.0) == x else x * 3,
    "array": lambda x: x * 2 if (x == np.array([1.0])).any() else x * 3,
}


@pytest.mark.parametrize("f", CHOICES.values(), ids=CHOICES)
def test_equality_of_traced_values_is_refused_and_the_remedy_named(f):
    with pytest.raises(TracingError, match=r"x\.equal\(0\)"):
        mg.jit(f)(0.0)


def test_identity_and_hashes_of_traced_values_go_on():
    def f(x, y):
        assert x is x and x in [x] and x in (y, x)[1:] and [x, y].index(x) == 0
        assert {x: 1, y: 2}[y] == 2 and len({x, y, x}) == 2
        assert x != None and x != "x" and x != []  # noqa: E711
        return x + y

    assert mg.jit(f)(1.0, 2.0) == 3.0


LATER = {
    "sum": lambda v: mg.sum([v, 1.0]),
    "long sum": lambda v: mg.sum([Value(1.0)] * 1000 + [v]),
    "start": lambda v: mg.sum([1.0], start=v),
    "dot": lambda v: mg.dot([v], [1.0]),
    "inputs": lambda v: mg.dot([Value(1.0)], [v]),
    "bias": lambda v: mg.dot([Value(1.0)], [Value(2.0)], bias=v),
    "maximum": lambda v: Value(1.0).maximum(v),
    "maximum of it": lambda v: v.maximum(1.0),
    "when": lambda v: Value(1.0).when(v),
    "data": lambda v: v.data,
    "set data": lambda v: setattr(v, "data", 1.0),
    "grad": lambda v: v.grad,
    "set grad": lambda v: setattr(v, "grad", 1.0),
    "backward": lambda v: v.backward(),
    "closure": lambda v: setattr(v, "_backward", lambda: None),
    "_prev": lambda v: v._prev,
    "float": float,
    "int": int,
    "bool": bool,
    "round": round,
    "format": lambda v: f"{v:.3f}",
    "equal": lambda v: v == 0,
    "less": lambda v: v < 0,
    "plus": lambda v: v + 1,
    "reflected": lambda v: 1 - v,
    "ordinary plus it": lambda v: Value(1.0) + v,
    "weight plus it": lambda v: Weight(1.0) + v,
    "power": lambda v: v**2,
    "of power": lambda v: 2**v,
    "ordinary power": lambda v: Value(2.0) ** v,
    "tanh": lambda v: v.tanh(),
    "negative": lambda v: -v,
    "leaky": lambda v: v.leaky_relu(0.1),
    "where": lambda v: mg.where(v, 1.0, 2.0),
    "chosen": lambda v: mg.where(Value(1.0), v, 2.0),
    "neuron": lambda v: Neuron(1)([v]),
    "layer": lambda v: Layer(2, 2)([v, 1.0]),
    "network": lambda v: MLP(1, [2, 1])([v]),
    "order": mg.topological_order,
    "zero_grad": mg.zero_grad,
    "draw": lambda v: mg.draw(v),
    "explain": lambda v: mg.explain(v),
    "optimiser": lambda v: mg.optim.SGD([v], lr=0.1),
    "argument": lambda v: mg.jit(lambda x: x)(v),
    "row": lambda v: mg.jit(lambda x: x)([[1.0, v]]),
    "result": lambda v: mg.jit(lambda x: v)(1.0),
    "results": lambda v: mg.jit(lambda x: [x, v])(1.0),
    "another trace": lambda v: mg.jit(lambda x: x * v)(1.0),
    "summed in another trace": lambda v: mg.jit(lambda x: mg.sum([x, v]))(1.0),
    "child": lambda v: Value(1.0, (v,)),
    "first child": lambda v: Value(1.0, (v, Value(2.0)), "f"),
    "second child": lambda v: Value(1.0, (Value(2.0), v), "f"),
    "third child": lambda v: Value(1.0, (Value(2.0), Value(2.0), v), "f"),
    "child with a derivative": lambda v: Value(1.0, (Value(2.0), v), (2.0, 3.0)),
    "leaf of it": lambda v: Value(v),
    "data of a node": lambda v: Value(v, (Value(2.0),), (1.0,)),
    "data of a parameter": lambda v: setattr(Value(1.0), "data", v),
    "derivative": lambda v: Value(1.0, (Value(2.0),), (v,)),
    "operands": lambda v: setattr(Value(1.0), "_prev", (v,)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "gradcheck": lambda v: mg.gradcheck(lambda a: a * v, 1.0),
    "array": lambda v: np.array([1.0, 2.0]) * v,
    "float array": lambda v: np.array([v], dtype=float),
}


@pytest.mark.parametrize("use", LATER.values(), ids=LATER)
def test_a_traced_value_that_was_kept_is_refused(use):
    value = keep()
    with pytest.raises(TracingError, match="outside"), nothing_left_behind():
        use(value)
    assert (Value(1.0) + 1).data == 2.0


def test_a_traced_value_that_was_kept_may_be_looked_at():
    value = keep()
    assert "Traced" in repr(value) and "Traced" in f"{value}"
    assert hash(value) == hash(value) and value in [value]
    value.name = "kept"
    assert value.name == "kept"


def test_the_class_of_a_traced_value_makes_ordinary_ones():
    f = mg.jit(lambda x: type(x)(3.0) * x)
    assert f(2.0) == 6.0


# ---- arguments ---------------------------------------------------------------------------------------------------

NO_NUMBERS = {
    "None": (lambda: None, "NoneType"),
    "Value": (lambda: Value(1.0), "data"),
    "masked": (lambda: np.ma.array([1.0, 2.0], mask=[0, 1]), "filled"),
    "unmasked": (lambda: np.ma.array([1.0, 2.0]), "filled"),
    "masked constant": (lambda: np.ma.masked, "filled"),
    "list with a masked constant": (lambda: [np.ma.masked, 1.0], "filled"),
    "list of masked arrays": (lambda: [np.ma.array([1.0], mask=[1])], "filled"),
    "second Value": (lambda: [1.0, Value(2.0)], "Value.*data"),
    "Value in a row": (lambda: [[1.0, 2.0], [1.0, Value(2.0)]], "Value.*data"),
    "tuple with a Weight": (lambda: (1.0, Weight(2.0)), "Weight.*data"),
    "objects with a Value": (lambda: np.array([1.0, Value(2.0)], dtype=object), "Value.*data"),
    "None in a list": (lambda: [1.0, None], "NoneType"),
    "None in a row": (lambda: [[1.0, None]], "NoneType"),
    "objects with None": (lambda: np.array([1.0, None]), "NoneType"),
    "texts": (lambda: ["1.5", "2"], "str"),
    "objects with a text": (lambda: np.array(["1.5", 2.0], dtype=object), "str"),
    "array of texts": (lambda: np.array(["1.5"]), "U"),
    "complex": (lambda: [1j], "complex"),
    "dates": (lambda: np.array(["2026-01-01"], dtype="M8[D]"), "datetime64"),
    "date": (lambda: np.datetime64(5, "ns"), "datetime64"),
    "span of time": (lambda: np.timedelta64(5, "ns"), "timedelta64"),
    "spans of time": (lambda: np.array([1], dtype="m8[s]"), "timedelta64"),
    "generator": (lambda: (x for x in [1.0]), "generator"),
    "set": (lambda: {1.0}, "set"),
    "dict": (lambda: {"a": 1.0}, "dict"),
    "records": (lambda: np.zeros(2, dtype=[("a", float)]), "'a'"),
    "object": (lambda: object(), "object"),
    "objects": (lambda: np.array([object()]), "object"),
}


@pytest.mark.parametrize("argument, words", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_arguments_that_hold_no_numbers_are_refused(argument, words):
    f = mg.jit(lambda x: x[0] * 2.0 if isinstance(x, list) else x * 2.0)
    for call in (f, f.gradient, f.backward):
        with pytest.raises(TypeError, match=f"argument x.*{words}"):
            call(argument())


def test_arrays_of_objects_that_are_numbers_are_taken():
    from decimal import Decimal
    from fractions import Fraction

    f = mg.jit(lambda x: x * 2.0)
    values = [1, 2.5, True, np.float32(0.5), Decimal("0.25"), Fraction(1, 8), np.int64(3)]
    assert f(np.array(values, dtype=object)).tolist() == [2, 5, 2, 1, 0.5, 0.25, 6]
    assert f([1, Fraction(1, 2)]).tolist() == [2.0, 1.0]


def test_one_sample_as_a_list_and_wrong_sizes_are_refused_in_a_trace():
    model = MLP(2, [4, 1])
    with pytest.raises(TypeError, match=r"2 numbers.*\[\[\.\.\.\]\], or call the model without jit"):
        mg.jit(model)([1.0, 2.0])
    for x in (np.ones((4, 3)), np.ones((4, 1))):
        with pytest.raises(ValueError, match="2 weights got"):
            mg.jit(model)(x)
        with pytest.raises(ValueError, match="2 weights got"):
            mg.jit(lambda x: model([1.0] * len(x)) * x[0])(x)
    assert close(mg.jit(model)([[1.0, 2.0]])[0], model([1.0, 2.0]).data)


# ---- no state of its own -----------------------------------------------------------------------------------------


def sums_right():
    """Check that this thread works eagerly, and that f can be traced and run."""
    p = Value(3.0)
    assert (Value(2.0) * p).data == 6.0
    assert Value(1.0).maximum(2.0).data == 2.0
    assert mg.sum([p, 1.0]).data == 4.0
    f = mg.jit(lambda x: p * x + p.maximum(x))
    assert f(2.0) == 9.0
    f.backward([2.0, 4.0])
    assert p.grad == 7.0


@pytest.mark.slow
@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.parametrize("call", ["__call__", "backward", "gradient"])
def test_an_interrupt_at_any_opcode_of_a_jit_call_leaves_a_thread_that_works(call):
    sources = {sys.modules["micrograd_c.jit"].__file__, _tracing.__file__, __file__}
    p = Value(3.0)

    def model(x):
        return mg.sum([x, p]) * p.maximum(x)

    def run(stop_at):
        f = mg.jit(model)
        return f, stopped_at(lambda: getattr(f, call)(2.0), stop_at, sources.__contains__, KeyboardInterrupt)

    opcodes = run(0)[1]
    assert opcodes > 300
    for n in range(1, opcodes + 1):
        f = run(n)[0]
        others = [f(2.0)]
        worker = threading.Thread(target=lambda f=f, others=others: others.append(f([2.0])[0]))
        worker.start()
        worker.join(60)
        assert others == [15.0, 15.0], n
        if n % 20 == 0:
            sums_right()
    p.grad = 0.0
    collect()
    assert not _tracing._open


def test_a_jit_function_in_a_finalizer_or_a_signal_handler_gives_a_number():
    got = []
    p = Value(2.0)
    other = mg.jit(lambda x: p * x)

    class Dying:
        def __del__(self):
            got.append(other(3.0))
            got.append(other.gradient(3.0))
            other.backward([1.0, 2.0])

    class Closing:
        def close(self):
            got.append(other(3.0))

        __del__ = close

    def handler(number, frame):
        got.append(other(4.0))

    def f(x):
        Dying()
        collect()
        Closing()
        collect()
        finalizer = Dying.__new__(type("Plain", (), {}))
        weakref.finalize(finalizer, lambda: got.append(other(5.0)))
        del finalizer
        collect()
        watched = type("Plain", (), {})()
        reference = weakref.ref(watched, lambda _: got.append(other(6.0)))
        del watched
        collect()
        before = signal.signal(signal.SIGTERM, handler)
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: got.append(other(7.0)))
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        assert reference() is None
        return x * other(1.0)

    g = mg.jit(f)
    assert g(3.0) == 6.0
    assert got == [6.0, 2.0, 6.0, 10.0, 12.0, 8.0, 14.0]
    assert p.grad == 3.0
    p.data = 5.0
    assert g(3.0) == 15.0  # the call by the traced function itself was recorded


def test_a_function_without_traced_arguments_is_recorded_inside_another():
    p = Value(2.0)
    penalty = mg.jit(lambda: p * p)
    constant = mg.jit(lambda a, b: a * b)

    def f(x):
        with pytest.raises(TracingError, match="while another"):
            penalty.backward()
        with pytest.raises(TracingError, match="while another"):
            constant.gradient(x, 1.0)
        return x + penalty() + constant(1.0, p) + constant(x, b=p) + mg.sum(map(constant, [1.0], [p]))

    assert penalty() == 4.0
    g = mg.jit(f)
    assert g(1.0) == 1 + 4 + 2 + 2 + 2
    p.data = 3.0
    assert g(1.0) == 1 + 9 + 3 + 3 + 3
    assert g.gradient(1.0) == 4.0


def test_two_threads_that_trace_one_function_get_the_same_program():
    both = threading.Barrier(2, timeout=60)
    p = Value(2.0)

    def f(x):
        both.wait()
        return p * x

    g = mg.jit(f)
    programs = []
    workers = [threading.Thread(target=lambda: programs.append(g.program(3.0))) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert len(programs) == 2 and programs[0] is programs[1]
    assert g(3.0) == 6.0


def test_a_trace_that_began_before_retrace_is_forgotten():
    factor = [2.0]

    def f(x):
        out = x * factor[0]
        if factor[0] == 2.0:
            factor[0] = 3.0
            g.retrace()
        return out

    g = mg.jit(f)
    assert g(1.0) == 2.0
    assert g(1.0) == 3.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_works_that_was_forked_while_another_thread_traced():
    entered, go_on = threading.Event(), threading.Event()
    p = Value(2.0)

    def f(x):
        entered.set()
        go_on.wait(60)
        return p * x

    g = mg.jit(f)
    results = []
    worker = threading.Thread(target=lambda: results.append(g(3.0)))
    worker.start()
    assert entered.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            go_on.set()
            os._exit(0 if g(3.0) == 6.0 and mg.jit(lambda x: p.maximum(x))(1.0) == 2.0 else 1)
        finally:
            os._exit(2)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    worker.join(60)
    assert status == 0
    assert results == [6.0]


def test_an_error_in_the_function_leaves_no_node_and_no_trace():
    p = Value(2.0)

    def f(x):
        y = p.maximum(x) + mg.sum([x, p])
        raise KeyError(y)

    with nothing_left_behind():
        for _ in range(3):
            with pytest.raises(KeyError):
                mg.jit(f)([[1.0, 2.0][0]])
    assert not _tracing._open


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
        a.at("text")


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


# ---- programs ----------------------------------------------------------------------------------------------------


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

    def forward(self, x):
        return self.w * x

    @mg.jit
    def method(self, x):
        return self.w * x

    def parameters(self):
        return [self.w]

    functions = ("by_method", "by_closure", "by_helper", "by_default", "method")


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
        import math

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
    assert close(one(1.0), 4 * np.pi**2) and two() == 2.0
    assert one.program(1.0).parameters == two.program().parameters
    assert one.program(1.0).parameters != first.program(1.0).parameters


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
    del model.by_closure, model.by_helper, model.by_default  # lambdas, which pickle refuses
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
    else:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.map(decorated, [1.0, 2.0]))
            print(pool.map(plain, [1.0, 2.0]))
"""


@pytest.mark.parametrize("way, factor", [("joblib", 4.0), ("spawn", 3.0)])
def test_functions_of_the_main_script_go_to_other_processes(way, factor, tmp_path):
    if way == "joblib":
        pytest.importorskip("joblib")
    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    done = run_python(script, way)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == {str([factor, 2 * factor])}
