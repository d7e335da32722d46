"""The ends of things: interpreter exit is silent, and Ctrl-C leaves a usable engine."""

import textwrap

import pytest
from support import run_python

ENDINGS = {
    "values in globals": """
        a = Value(2.0)
        b = a * 3 + a
        b.backward()
        kept = [Value(float(i)) * 2 for i in range(1000)]
    """,
    "a model in globals": """
        model = MLP(3, [4, 4, 1])
        loss = model([1.0, 2.0, 3.0])
        loss.backward()
    """,
    "values in cycles": """
        a = Value(2.0)
        out = Value(4.0, (a,))
        out._backward = lambda: setattr(a, 'grad', 2 * out.grad)
        out.myself, a.out = out, out
        class Cyclic: pass
        c = Cyclic(); c.c = c; c.v = out * 2
        del a, out, c
    """,
    "values in modules that are cleared early": """
        import sys, types
        module = types.ModuleType('late')
        module.v = Value(1.0) * 2
        sys.modules['late'] = module
        sys.last_value = Value(5.0)
        import builtins
        builtins.kept = Value(3.0) + 1
    """,
    "values in threads that go on": """
        import threading
        started = threading.Event()
        def run():
            while True:
                v = Value(1.0)
                for _ in range(100):
                    v = v * 1.0 + 0.0
                v.backward()
                started.set()
        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        started.wait()
    """,
    "values in thread locals": """
        import threading
        local = threading.local()
        def run():
            local.v = Value(1.0) * 3
            local.v.backward()
        t = threading.Thread(target=run); t.start(); t.join()
        local.v = Value(2.0) + 1
    """,
    "values used in atexit and in __del__": """
        import atexit
        v = Value(2.0)
        @atexit.register
        def last():
            w = v * v
            w.backward()
            assert v.grad == 4.0
        class Late:
            def __init__(self):
                self.v = Value(2.0)
            def __del__(self):
                if self.v.data != 2.0:
                    raise RuntimeError('wrong')
        late = Late()
    """,
    "a generator that holds a sweep open": """
        a = Value(1.0)
        out = Value(1.0, (a,))
        def _backward():
            raise SystemExit(0)
        out._backward = _backward
        (out * 2).backward()
    """,
    "a deep chain": """
        v = Value(1.0)
        for _ in range(200_000):
            v = -v
    """,
}


@pytest.mark.parametrize("script", ENDINGS.values(), ids=ENDINGS)
def test_interpreter_exit_is_silent_with(script):
    head = "from micrograd_c import MLP, Value\n"
    done = run_python("-W", "error::ResourceWarning", "-c", head + textwrap.dedent(script))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
