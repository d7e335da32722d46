"""An exception may arrive anywhere, as that of a signal handler does: the graph and the engine outlive it."""

import _thread
import ast
import copy
import gc
import random
import signal
import sys
import threading
import types
from pathlib import Path

import pytest
from interrupting import in_package, stopped_at
from public_calls import CALLS, Watched
from support import PYPY, collect, live_nodes

import micrograd_c as mg
from micrograd_c import MLP, Value, dot, nn, stats, zero_grad
from micrograd_c import sum as mg_sum
from micrograd_c._core.interrupts import guarded

ENTRY_IS_GUARDED = sys.implementation.name == "cpython" and (3, 11) <= sys.version_info < (3, 14)


@pytest.mark.slow
@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_nothing_but_the_nodes_under_way_is_lost_by_an_exception_at_any_opcode_of(call, monkeypatch, rng):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # what is raised in __del__
    watched = Watched(call)
    opcodes = stopped_at(call, 0)
    assert opcodes or call.__name__ == "functions"  # the native core runs no Python there
    step = 1 + opcodes // 1000  # of long calls some, others at each run
    for n in range(rng.randrange(1, step + 1), opcodes + 1, step):
        stopped_at(call, n)
        try:
            watched.check(lost=stats().core == "cffi")
        except BaseException as error:
            raise AssertionError(f"after an exception at opcode {n}") from error


class Two:
    """Something like a number, for which a core asks its Python half."""

    def __float__(self):
        return 2.0

    def __rmatmul__(self, value):
        return 3.0


@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.parametrize(
    "ask",
    [
        lambda v, n: hasattr(v, f"tahn{n:04}"),
        lambda v, n: getattr(v, f"is_leaf{n:04}", None),
        lambda v, n: v * Two(),
        lambda v, n: v ** Two(),
        lambda v, n: Value(Two(), (v,)),
        lambda v, n: setattr(v, "data", Two()),
        lambda v, n: v @ Two(),
    ],
    ids=["hasattr", "getattr", "operand", "exponent", "data", "assigned data", "operator of the other"],
)
def test_an_exception_at_any_opcode_is_raised_where_a_core_asks_its_python_half(ask):
    v, ended = Value(1.0), []
    opcodes = stopped_at(lambda: ended.append(ask(v, 0)), -1)
    ended.clear()  # the end of a Value is not counted: what is raised in a finalizer is lost
    for n in range(1, opcodes + 1, 1 + opcodes // 200):
        stopped_at(lambda n=n: ended.append(ask(v, n)), n)
        assert not ended, f"the exception at opcode {n} of {opcodes} was lost"


@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.parametrize("make", ["leaves", "one layer", "two layers"])
def test_a_call_that_makes_many_nodes_loses_one_of_them_at_most(make, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # what is raised in __del__
    model = nn.Layer(2, 50) if make == "one layer" else MLP(2, [50, 50])
    inputs = [Value(1.0), Value(2.0)]
    numbers = [float(i) for i in range(50)]

    def call():
        mg_sum(numbers) if make == "leaves" else model(inputs)

    call()
    before = live_nodes()
    for stop_at in range(1, stopped_at(call, -1) + 1, 47):
        stopped_at(call, stop_at)
        now = live_nodes()
        assert now <= before + 1
        before = now


@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
def test_operands_are_those_of_c_after_an_exception_in_a_second_init(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    for stop_at in range(1, 10_000):
        a, b, c = (Value(x) for x in (2.0, 3.0, 4.0))
        out = Value(1.0, (a, b), (5.0, 6.0))
        n = stopped_at(lambda out=out, c=c: out.__init__(1.0, (c,), (7.0,)), stop_at)
        out.backward()
        assert (a.grad, b.grad, c.grad) == ((5.0, 6.0, 0.0) if out._prev == {a, b} else (0.0, 0.0, 7.0))
        assert out._prev in ({a, b}, {c})
        if n < stop_at:
            break
    assert out._prev == {c}


@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
def test_operands_are_those_of_c_where_another_init_comes_between():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    expected = {(a,): [2.0, 0.0, 0.0], (b, c): [0.0, 3.0, 4.0]}
    seen, n, count = set(), 0, 1

    def trace(frame, event, _):
        nonlocal count
        if not in_package(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = True
        count += event == "opcode"
        if event == "opcode" and count == n:  # as a finalizer or another thread would
            v.__init__(1.0, (b, c), (3.0, 4.0))
        return trace

    while n <= count:
        n, count, v = n + 1, 0, Value(1.0, (c,), (1.0,))
        before = sys.gettrace()
        sys._getframe().f_trace_opcodes = True
        sys.settrace(trace)
        v.__init__(1.0, (a,), (2.0,))
        sys.settrace(before)
        zero_grad(mg_sum([a, b, c]))
        v.backward()
        assert [x.grad for x in (a, b, c)] == expected[v._children], f"at opcode {n} of {count}"
        assert copy.deepcopy(v).data == 1.0
        seen.add(v._children)
    assert len(seen) == 2


def test_no_while_stands_in_a_block_that_has_to_be_left_in_order():
    """CPython 3.12 and 3.13 look at signals where a loop jumps back, and do not guard that jump of a `while`."""
    found = []
    for path in Path(mg.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.With) or (isinstance(node, ast.Try) and node.finalbody):
                inside = [n for statement in node.body for n in ast.walk(statement) if isinstance(n, ast.While)]
                found += [f"{path.name}:{n.lineno}" for n in inside]
    assert not found


# ---- Ctrl-C ------------------------------------------------------------------------------------------------------


def custom(x):
    out = Value(x.data, (x,), "id")

    def _backward():
        x.grad += out.grad

    out._backward = _backward
    return out


def check_engine():
    """Check that nothing is left open, and that gradients are right."""
    assert stats().open_sweeps == 0
    a, b = Value(2.0), Value(3.0)
    root = custom(a * b) + dot([a, b], [b, 2.0]) + a**2
    root.backward()
    assert (root.data, a.grad, b.grad) == (6.0 + 12.0 + 4.0, 3.0 + 3.0 + 4.0, 2.0 + 2.0 + 2.0)
    model = MLP(2, [3, 1])
    out = model([a, b])
    zero_grad(out)
    out.backward()
    assert model.layers[1].neurons[0].b.grad == 1.0


@pytest.fixture
def interruptible():
    """Ctrl-C raises KeyboardInterrupt here, whatever ran before."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals arrive in the main thread")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # Python forgets what is raised in a callback of the collector, and hypothesis has one. PyPy has none.
    callbacks = getattr(gc, "callbacks", [])
    others = [x for x in callbacks if isinstance(x, types.FunctionType)]
    callbacks[:] = [x for x in callbacks if x not in others]
    yield
    callbacks[:0] = others
    signal.signal(signal.SIGINT, before)


def interrupted(work):
    """Run work() until a Ctrl-C comes from another thread, after it has got going."""
    going, sent = [], []  # no Event: an interrupt within its set() would leave its lock locked

    def interrupt():
        while not going:
            pass
        for _ in range(random.randrange(20_000)):
            pass
        _thread.interrupt_main()
        sent.append(True)

    def loop():
        left = 20_000  # runs after the interrupt: in vain only where it was swallowed
        while left:
            work()
            going.append(True)
            left -= len(sent)

    helper = threading.Thread(target=interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            helper.start()
            loop()
    finally:
        going.append(True)
        helper.join()


def step():
    a = Value(0.5)
    root = a
    for _ in range(30):
        root = (root * 0.9 + a).tanh()
    custom(root).backward()


def test_ctrl_c_in_a_long_loop_leaves_a_usable_engine(interruptible, seed):
    random.seed(seed)
    for _ in range(30):
        interrupted(step)
        check_engine()


def test_ctrl_c_in_a_loop_of_neurons_leaves_a_usable_model(interruptible, seed):
    random.seed(seed)
    model = MLP(3, [4, 4, 1])

    def train():
        loss = (model([0.1, 0.2, 0.3]) - 1.0) ** 2
        model.zero_grad()
        loss.backward()

    for _ in range(20):
        interrupted(train)
        check_engine()
    twin = MLP(3, [4, 4, 1], fused=False)
    twin.load_state_dict(model.state_dict())
    assert twin([0.1, 0.2, 0.3]).data == model([0.1, 0.2, 0.3]).data


def test_ctrl_c_in_a_closure_reaches_the_caller_and_closes_the_sweep(interruptible):
    a = Value(2.0)
    out = Value(4.0, (a * 1.0,), "interrupted")
    out._backward = lambda: signal.raise_signal(signal.SIGINT)
    root = out + custom(a)
    for _ in range(20):
        with pytest.raises(KeyboardInterrupt):
            root.backward()
        check_engine()


def test_ctrl_c_during_a_sweep_in_c_is_raised_after_it(interruptible):
    a = Value(1.0)
    root = a
    for _ in range(200_000):
        root = -root
    interrupted(root.backward)
    zero_grad(root)
    root.backward()
    assert a.grad == 1.0
    check_engine()


@pytest.mark.skipif(PYPY, reason="tracing opcodes is CPython's")
@pytest.mark.slow
def test_ctrl_c_at_every_single_opcode_leaves_a_usable_engine(interruptible):
    """An interrupt is delivered at the n-th opcode within the package, for each n."""

    def work():
        a, b = Value(0.5), Value(2.0)
        root = custom(a * b + 1.0) ** 2 + dot([a, b], [b, 1.0])
        root.backward()
        zero_grad(root)
        model.layers = list(model.layers)  # so that the layers are planned anew
        model([a, 3.0]).backward()
        return root.data

    def run(stop_at):
        count = 0

        def trace(frame, event, _):
            nonlocal count
            code = frame.f_code
            if code.co_filename not in sources or code.co_name in ("give_back", "__del__", "flush"):
                return None  # what is raised in __del__ is raised later, see below
            frame.f_trace_opcodes = True
            if event == "opcode":
                count += 1
                if count == stop_at:
                    signal.raise_signal(signal.SIGINT)
            return trace

        before = sys.gettrace()
        gc.disable()  # what is raised in a callback of the collector is raised later too
        sys._getframe().f_trace_opcodes = True  # see interrupting.py
        sys.settrace(trace)
        try:
            result = work()
        finally:
            sys.settrace(before)
            gc.enable()
        return result, count

    sources = {getattr(m, "__file__", "") for name, m in sys.modules.items() if name.startswith("micrograd_c.")}
    model = MLP(2, [2, 1])
    expected, opcodes = run(0)
    assert opcodes > 300
    survived = 0
    for n in range(1, opcodes + 1):
        try:
            run(n)
        except KeyboardInterrupt:
            survived += 1
        assert stats().open_sweeps == 0, n
        if n % 50 == 0:
            check_engine()
    check_engine()
    assert survived > 0.9 * opcodes
    assert work() == expected
    collect()


@pytest.mark.skipif(PYPY, reason="__del__ runs at a collection")
def test_ctrl_c_while_values_die_is_raised_after_it(interruptible):
    def drop():
        kept = [Value(1.0) for _ in range(300)]
        kept.clear()

    for _ in range(8):
        before = live_nodes()
        interrupted(drop)
        check_engine()
        assert live_nodes() <= before + 301


class Press:
    """Ctrl-C comes as this dies, and no instruction of Python stands between it and what dies next."""

    __del__ = _thread.interrupt_main


class WithMethod:
    @mg.jit
    def twice(self, x):
        return 2 * x


def dying(what):
    if what == "Value":
        return Value(1.0)
    out = WithMethod()
    assert out.twice(1.0) == 2.0  # a weak reference to it, with a callback, is made
    return out


@pytest.mark.parametrize(
    ("name", "version", "known"),
    [
        ("cpython", (3, 10), False),
        ("cpython", (3, 14), False),
        ("cpython", (4, 0), False),
        ("pypy", (3, 11), False),
        (sys.implementation.name, sys.version_info, ENTRY_IS_GUARDED),
    ],
)
def test_a_finalizer_stays_as_it_is_on_a_python_whose_tables_are_not_known(name, version, known, monkeypatch):
    def finalizer(x):
        try:
            x.append(1)
        except KeyboardInterrupt:
            x.append(2)

    before = finalizer.__code__
    monkeypatch.setattr(sys, "implementation", types.SimpleNamespace(name=name))
    monkeypatch.setattr(sys, "version_info", version)
    assert guarded(finalizer) is finalizer
    monkeypatch.undo()
    assert (finalizer.__code__ is not before) == known
    calls = []
    finalizer(calls)
    assert calls == [1]


@pytest.mark.skipif(PYPY, reason="__del__ runs at a collection")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="its exception tables are not known to guarded()")
@pytest.mark.parametrize("what", ["Value", "instance with a method of jit"])
def test_ctrl_c_at_the_entry_of_a_finalizer_is_raised_after_it(what, interruptible, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # it comes to nobody there
    for _ in range(20):
        kept = [dying(what), Press()]  # the last one dies first
        with pytest.raises(KeyboardInterrupt):
            kept.clear()
            for _ in range(20_000_000):
                pass
        assert not WithMethod.twice._bound
