"""What a traced function sees, and that nothing else notices that something is traced."""

import contextlib
import functools
import gc
import inspect
import math
import operator
import os
import signal
import sys
import threading
import types
import warnings
import weakref

import pytest
from interrupting import stopped_at
from support import PYPY, collect, live_nodes, nothing_left_behind

import micrograd_c as mg
from micrograd_c import TracingError, Value
from micrograd_c.program import arguments, function, program, trace, traced

np = pytest.importorskip("numpy")


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
    sources = {*(m.__file__ for m in (arguments, function, program, trace, traced)), __file__}
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
    assert not trace._open


def test_a_jit_function_in_a_finalizer_or_a_signal_handler_gives_a_number():
    got = []
    p = Value(2.0)
    other = mg.jit(lambda x: p * x)

    class Dying:
        def __del__(self):
            got.append(other(3.0))
            got.append(other.gradient(3.0))
            other.backward([1.0, 2.0])

    def handler(number, frame):
        got.append(other(4.0))

    def f(x):
        Dying()
        collect()
        finalizer = Dying.__new__(type("Plain", (), {}))
        weakref.finalize(finalizer, lambda: got.append(other(5.0)))
        del finalizer
        collect()
        before = signal.signal(signal.SIGTERM, handler)
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: got.append(other(7.0)))
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        return x * other(1.0)

    g = mg.jit(f)
    assert g(3.0) == 6.0
    assert got == [6.0, 2.0, 10.0, 8.0, 14.0]
    assert p.grad == 3.0
    p.data = 5.0
    assert g(3.0) == 15.0  # the call by the traced function itself was recorded


def by_the_collector(call):
    def told(phase, info):
        call()

    gc.callbacks.append(told)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(told)


def by_the_end_of_a_generator(call):
    def numbers():
        try:
            yield 1.0
        finally:
            call()

    for _ in numbers():
        break
    collect()


def by_a_closed_generator_that_handles_an_error(call):
    def numbers():
        try:
            yield 1.0
        finally:
            try:
                {}["none"]
            except KeyError:
                call()

    closed = numbers()
    next(closed)
    closed.close()


def by_the_end_of_a_coroutine(call):
    @types.coroutine
    def pause():
        yield

    async def work():
        try:
            await pause()
        finally:
            call()

    work().send(None)
    collect()


def by_a_finalizer_that_forgets_itself(call):
    class Dying:
        def __del__(self):
            del self
            call()

    Dying()
    collect()


def by_a_finalizer_of_a_wrapper(call):
    class Dying:
        def finalize(*arguments, by_name=None):
            call()

        __del__ = finalize

    Dying()
    collect()


def by_the_end_of_a_class(call):
    class Meta(type):
        def __del__(cls):
            call()

    Meta("Class", (), {})
    collect()
    collect()


def by_a_weak_reference_with_a_keyword(call):
    watched = type("Plain", (), {})()
    reference = weakref.ref(watched, lambda *_, by_name=None: call())
    del watched
    collect()
    assert reference() is None


def by_a_weak_proxy(call):
    watched = type("Plain", (), {})()
    proxy = weakref.proxy(watched, lambda _: call())
    del watched
    collect()
    with pytest.raises(ReferenceError):
        bool(proxy)


def by_a_method_that_handles_signals(call):
    class Handler:
        def __call__(self, *arguments):
            call()

    for handler in (Handler(), Handler().__call__):
        before = signal.signal(signal.SIGTERM, handler)
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


def by_a_partial_of_a_signal_handler(call):
    before = signal.signal(signal.SIGTERM, functools.partial(lambda a, *_, by_name=None: call(), 1.0))
    signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)


BETWEEN_TWO_INSTRUCTIONS = [f for name, f in globals().items() if name.startswith("by_")]
if PYPY:  # they run inside of gc.collect(), which might as well have been an ordinary call
    for f in (by_a_finalizer_of_a_wrapper, by_a_weak_reference_with_a_keyword, by_a_weak_proxy):
        BETWEEN_TWO_INSTRUCTIONS.remove(f)


@pytest.mark.parametrize("meanwhile", BETWEEN_TWO_INSTRUCTIONS, ids=lambda f: f.__name__)
def test_what_python_calls_between_two_instructions_is_no_part_of_a_trace(meanwhile):
    got = []
    p = Value(2.0)
    other = mg.jit(lambda x: p * x)

    def f(x):
        meanwhile(lambda: got.append(other(3.0)))
        return x * other(1.0)

    g = mg.jit(f)
    assert g(3.0) == 6.0
    assert got and set(map(type, got)) == {float} and set(got) == {6.0}
    p.data = 5.0
    assert g(3.0) == 15.0


class Refusing:
    __class__ = property(lambda self: 1 / 0)


def hostile_arguments():
    """Return arguments that a callback of Python may have too, and some that cannot be asked for their class."""
    plain = type("Plain", (), {})
    watched = plain()
    proxy, reference = weakref.proxy(watched), weakref.ref(watched)
    del watched
    collect()
    figures = {"generation": 0, "collected": 0, "uncollectable": 0}
    return [reference, proxy, figures, sys._getframe(1), Refusing(), signal.SIGTERM, GeneratorExit(), None]


def in_a_generator(f, *args):
    return next(f(*args) for _ in [0])


def while_an_exit_is_handled(f, *args):
    try:
        raise GeneratorExit
    except GeneratorExit:
        return f(*args)


def by_an_operator(f, *args):
    return type("Sum", (), {"__add__": lambda self, other: f(*args)})() + 0


def by_a_property(f, *args):
    return type("Has", (), {"value": property(lambda self: f(*args))})().value


def by_a_method_that_is_its_finalizer(f, *args):
    class Closing:
        done = False

        def close(self, *_):
            if not self.done:
                self.done = True
                return f(*args)

        __del__ = close

    return Closing().close()


def by_an_explicit_finalizer(f, *args):
    class Closing:
        def __del__(self):
            return None if "done" in vars(self) else (setattr(self, "done", True), f(*args))[1]

    return Closing().__del__()


ORDINARY_CALLS = [
    lambda f, *args: f(*args),
    lambda f, a, b: f(a, b),
    lambda f, a, b: f(b=b, a=a),
    lambda f, *args: functools.partial(f, *args)(),
    lambda f, a, b: next(map(f, [a], [b])),
    lambda f, a, b: [f(x, b) for x in [a]].pop(),
    lambda f, a, b: functools.reduce(f, [a, b]),
    lambda f, a, b: types.MethodType(f, [a])(b),
    lambda f, *args: (lambda *arguments: f(*arguments))(*args),
    lambda f, *args: max([0], key=lambda _: 0) or f(*args),
    by_a_property,
    in_a_generator,
    while_an_exit_is_handled,
    by_an_operator,
    by_a_method_that_is_its_finalizer,
    by_an_explicit_finalizer,
]


@pytest.mark.parametrize("call", ORDINARY_CALLS)
def test_no_argument_of_an_ordinary_function_hides_a_trace(call):
    w = Value(2.0)
    square = mg.jit(lambda: w * w)

    def both(a, b):
        return square() + w.detach()

    for a in hostile_arguments():
        for given in ((a, None), (None, a), ((a,), [a])):
            w.data, w.grad = 2.0, 0.0
            f = mg.jit(lambda x, given=given: x + call(both, *given))
            f.backward(1.0)
            assert w.grad == 4.0
            w.data = 5.0
            assert f(1.0) == 31.0

    def product(t):
        return t * call(lambda a, b: mg.grad(lambda u: u * u * t)(3.0), hostile_arguments()[0], None)

    assert mg.grad(product)(2.0) == 24.0


@contextlib.contextmanager
def another_thread_that_traces():
    entered, go_on = threading.Event(), threading.Event()

    def wait(x):
        entered.set()
        go_on.wait(60)
        return x

    worker = threading.Thread(target=mg.jit(wait), args=(1.0,))
    worker.start()
    assert entered.wait(60)
    try:
        yield
    finally:
        go_on.set()
        worker.join(60)


def test_a_trace_of_another_thread_keeps_no_graph_of_this_one_alive():
    w = Value(2.0)
    double = mg.jit(lambda x: w * x)

    def ask(*arguments):
        before = live_nodes()
        graph = w
        for _ in range(100):
            graph = graph + w
        assert graph > 1 and graph.detach() > 1 and double(3.0) == 6.0 and graph.greater(1)
        del graph
        collect()
        return live_nodes() - before

    with another_thread_that_traces():
        assert ask(*hostile_arguments()) == 0


def test_a_trace_that_a_generator_begins_while_it_is_closed_is_recorded_whole():
    got = []
    p = Value(2.0)
    other = mg.jit(lambda x: p * x)
    g = mg.jit(lambda x: x * mg.sum(other(w) for w in (1.0, 2.0)))

    def numbers():
        try:
            yield
        finally:
            got.append(g(1.0))

    next(numbers())
    collect()
    assert got == [6.0]
    p.data = 3.0
    assert g(1.0) == 9.0


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
    assert not trace._open


# ---- tracing is honest -------------------------------------------------------------------------------------------

DISHONEST = {
    "data": lambda x: x * x.data,
    "set data": lambda x: setattr(x, "data", 1.0),
    "grad": lambda x: x.grad,
    "float": lambda x: float(x),
    "int": lambda x: int(x),
    "math": lambda x: math.exp(x),
    "if": lambda x: x if x > 0 else -x,
    "if reflected": lambda x: x if x > 0 else -x,
    "bool": lambda x: bool(x),
    "not": lambda x: not x,
    "max": lambda x: max(x, x * 2),
    "sorted": lambda x: sorted([x, x * 2])[0],
    "range": lambda x: range(x),
    "closure": lambda x: setattr(x * 2, "_backward", lambda: None),
    "backward": lambda x: (x * 2).backward(),
    "through a plain method": lambda x: x.maximum(1.0).data,
    "plain method of traced": lambda x: Value(1.0).maximum(x).data,
    "sum": lambda x: mg.sum([x, 1.0]).data,
    "dot": lambda x: mg.dot([x, 1.0], [2.0, 3.0]).data,
    "where": lambda x: mg.where(x > 0, 1.0, 2.0).data,
    "power": lambda x: (2.0**x).data,
    "numpy": lambda x: float(np.array([x, x]).sum()),
    "made by hand": lambda x: Value(x.data, (x,), "f"),
}


@pytest.mark.parametrize("f", DISHONEST.values(), ids=DISHONEST)
def test_asking_for_a_number_is_refused_and_the_line_is_named(f):
    for argument in (1.0, [1.0, 2.0]):
        with pytest.raises(TracingError) as caught:
            mg.jit(f)(argument)
        assert f"{__file__}:{inspect.getsourcelines(f)[1]}" in str(caught.value)
    assert Value(2.0).maximum(3.0).data == 3.0  # and afterwards all is as it was


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge"])
def test_a_comparison_of_parameters_alone_whose_answer_a_program_keeps_is_told(name):
    compare = getattr(operator, name)
    p, q = Value(1.0), Value(2.0)
    choices = [
        lambda x: mg.where(compare(p, 0.0), x, -x),
        lambda x: x if compare(p * p, q) else -x,
        lambda x: mg.where(compare(1, p), x, -x),
    ]
    for f in choices:
        with pytest.warns(UserWarning, match=r"compared while jit traces.*write a.less\(b\)") as told:
            program = mg.jit(f)
            program(1.0)
        assert [w.filename for w in told] == [__file__]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            program(2.0)
            f(Value(1.0))
            mg.jit(lambda x: mg.where(compare(p, x), x, -x))(1.0)  # an argument goes into it
    method = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}[name]
    f = mg.jit(lambda x: mg.where(getattr(p, method)(0.0), x, -x))
    for p.data in (1.0, -1.0):
        assert f(3.0) == mg.where(compare(p, 0.0), 3.0, -3.0).data


def test_nodes_with_python_closures_are_refused():
    a = Value(2.0)
    node = Value(a.data * 2, (a,), "twice")

    def back():
        a.grad += 2 * node.grad

    node._backward = back
    with pytest.raises(TracingError, match=f"{back.__code__.co_firstlineno}"):
        mg.jit(lambda x: x * node)(1.0)
    by_hand = lambda x: x * Value(3.0, (a,), "f")  # noqa: E731
    with pytest.raises(TracingError, match=f"{by_hand.__code__.co_firstlineno}\n.*made by hand"):
        mg.jit(by_hand)(1.0)


def test_a_traced_value_is_of_no_use_after_its_trace():
    kept = []
    f = mg.jit(lambda x: (kept.append(x), x * 2)[1])
    f(1.0)
    with pytest.raises(TracingError, match="outside"):
        kept[0] * 2
    with pytest.raises(TracingError, match="outside"):
        mg.jit(lambda x: x * kept[0])(1.0)


def test_an_error_in_the_function_leaves_everything_as_it_was():
    before = live_nodes()

    def f(x):
        x * 2
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mg.jit(f)(1.0)
    assert live_nodes() <= before
    assert Value(1.0).minimum(0.5).data == 0.5


# ---- Values that another thread makes anew meanwhile -------------------------------------------------------------


class Between:
    """C's functions; of mg_program_new what another thread may do just before and after it."""

    def __init__(self, lib, before, after):
        self.lib, self.before, self.after = lib, before, after

    def __getattr__(self, name):
        return getattr(self.lib, name)

    def mg_program_new(self, *args):
        self.before()
        made = self.lib.mg_program_new(*args)
        self.after()
        return made


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_program_has_the_leaves_that_it_recorded_whoever_makes_them_anew(where, monkeypatch):
    for begins_as_leaf in (True, False):
        w = Value(2.0)
        v = Value(6.0) if begins_as_leaf else w * 3.0
        del w
        happens = {"before": int, "after": int, where: functools.partial(v.__init__, 5.0)}
        monkeypatch.setattr(program, "lib", Between(trace.lib, **happens))
        f = mg.jit(lambda x, v=v: x * v)
        assert f(2.0) == (12.0 if where == "after" and not begins_as_leaf else 10.0)
        monkeypatch.undo()
        junk = [Value(1e9) for _ in range(50)]  # at handles that are free
        f.backward(2.0)
        assert {p.grad for p in junk} == {0.0}
