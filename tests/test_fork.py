"""After os.fork both sides go on."""

import os
import signal
import threading
import traceback

import pytest
from support import PYPY, collect, live_nodes, run_python

from micrograd_c import MLP, Value, stats

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def in_child(work):
    """Run work() in a forked child; raise AssertionError with its traceback where it fails, or hangs."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            signal.alarm(60)
            work()
            code = 0
        except BaseException:
            os.write(write, traceback.format_exc().encode()[-60_000:])
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as pipe:
        report = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    assert status == 0, report or f"the child ended with status {status}"


def check_engine():
    a = Value(2.0)
    root = a
    for _ in range(100):
        root = root + a * 3.0
    root.backward()
    assert root.data == 602.0 and a.grad == 301.0
    assert stats().open_sweeps == 0
    model = MLP(2, [3, 1])
    model([1.0, 2.0]).backward()
    assert live_nodes() > 0


def test_both_sides_go_on_with_their_own_copy_of_the_graph():
    a = Value(2.0)
    b = a * 3

    def child():
        assert b.data == 6.0
        b.backward()
        assert a.grad == 3.0
        a.data = 50.0
        check_engine()

    in_child(child)
    assert (a.data, a.grad) == (2.0, 0.0)
    b.backward()
    assert a.grad == 3.0
    check_engine()


def test_a_child_of_a_child_goes_on():
    in_child(lambda: in_child(check_engine))


def test_a_fork_inside_of_a_closure_lets_both_sides_finish_the_sweep():
    a = Value(2.0)
    out = Value(2.0, (a * 1.0,), "fork")
    (below,) = out._prev
    pids = []

    def _backward():
        pids.append(os.fork())
        below.grad += out.grad

    out._backward = _backward
    code = 1
    try:
        (out * 7).backward()
        if a.grad == 7.0 and stats().open_sweeps == 0:
            code = 0
            if pids[-1] == 0:
                check_engine()
    except BaseException:
        code = 2
    finally:
        if pids[-1] == 0:
            os._exit(code)
    _, status = os.waitpid(pids[-1], 0)
    assert status == 0 and code == 0


@pytest.mark.skipif(PYPY, reason="a collection in a forked child of PyPy may never end beside threads")
def test_a_child_goes_on_whatever_other_threads_were_doing():
    stop = threading.Event()
    errors = []

    def busy():
        try:
            while not stop.is_set():
                a = Value(1.0)
                out = Value(1.0, (a,), "id")

                def _backward(a=a, out=out):
                    a.grad += out.grad

                out._backward = _backward
                root = out
                for _ in range(50):
                    root = root * 1.0 + 0.0
                root.backward()
                assert a.grad == 1.0
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for _ in range(20):
            in_child(check_engine)
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert not errors
    del threads
    collect()
    check_engine()


def test_multiprocessing_returns_values_from_its_children():
    import multiprocessing

    context = multiprocessing.get_context("fork")
    model = MLP(2, [2, 1])
    with context.Pool(2) as pool:
        outs = pool.map(model, [[1.0, 2.0], [3.0, 4.0]])
    assert [out.data for out in outs] == [model([1.0, 2.0]).data, model([3.0, 4.0]).data]
    outs[0].backward()


FORK_DURING_IMPORT = """
import os, signal, sys, threading
from importlib.machinery import PathFinder
import micrograd_c as mg

class Slow:
    def find_spec(self, name, path, target=None):
        if name.startswith(sys.argv[1]) and not importing.is_set():
            spec = PathFinder.find_spec(name, path)
            run = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (importing.set(), forking.wait(), run(module))
            return spec

importing, forking = threading.Event(), threading.Event()
os.register_at_fork(before=forking.set)
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=lambda: eval(sys.argv[2]))
thread.start()
importing.wait()
child = os.fork()
if child == 0:
    signal.alarm(30)
    eval(sys.argv[2])
    os._exit(0)
thread.join()
print("status", os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize(
    "module, code",
    [
        ("micrograd_c.viz", "mg.draw"),
        ("micrograd_c.program", "mg.jit"),
        ("difflib", "hasattr(mg, 'drow')"),
        ("micrograd_c.optim", "hasattr(mg, 'drow')"),
        ("random", "mg.MLP(2, [1])"),
        ("numpy", "mg.jit(abs)([1.0, 2.0])"),
    ],
)
def test_a_fork_waits_for_a_module_that_another_thread_imports_late(module, code):
    done = run_python("-c", FORK_DURING_IMPORT, module, code)
    assert done.stdout == "status 0\n", done.stderr


@pytest.mark.slow
def test_a_fork_does_not_wait_for_ever_for_an_import_that_waits_for_it():
    text = FORK_DURING_IMPORT.replace("os.register_at_fork(before=forking.set)\n", "")
    text = text.replace("    eval(sys.argv[2])\n    os._exit", "    os._exit").replace(
        "thread.join()", "forking.set()"
    )
    done = run_python("-c", text, "micrograd_c.viz", "mg.draw")
    assert done.stdout == "status 0\n", done.stderr


def test_an_interrupt_while_a_fork_waits_is_not_lost():
    text = FORK_DURING_IMPORT.replace("thread = ", HANDLER + "thread = ").replace("forking.wait(),", "interrupt(),")
    text = text[: text.index("child = ")] + FORK_AND_WAIT
    done = run_python("-c", text, "micrograd_c.viz", "mg.draw")
    assert done.stdout == "interrupted\n", done.stderr


# What is raised in a hook is forgotten, and so is what the warning of fork raises, from Python 3.12 on.
FORK_AND_WAIT = """
os.register_at_fork(after_in_parent=lambda: threading.Event().wait(0.2))
try:
    os.fork() or os._exit(0)
    threading.Event().wait(20)
except KeyboardInterrupt:
    print("interrupted")
"""
HANDLER = """
seen, hits = threading.Event(), []

def handler(_, frame):
    if seen.is_set():
        raise KeyboardInterrupt
    if frame.f_code.co_name == "_wait":
        hits.append(1)
        if len(hits) == 3:  # the first one may arrive before its try
            seen.set()
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, handler)

def interrupt():
    forking.wait()
    while not seen.is_set():
        os.kill(os.getpid(), signal.SIGINT)
        seen.wait(0.01)

"""


def test_a_module_that_is_half_imported_is_not_taken_for_what_it_will_have():
    done = run_python(
        "-c",
        """
import sys
import micrograd_c as mg

class Looks:  # as a finalizer or a handler of signals may in the middle of an import
    def find_spec(self, name, *_):
        if name == "micrograd_c._state":
            print(hasattr(mg, "MLP"), mg.nn.__name__)

sys.meta_path.insert(0, Looks())
from micrograd_c.nn import MLP
print(mg.MLP is MLP)
""",
    )
    assert done.stdout == "False micrograd_c.nn\nTrue\n", done.stderr
