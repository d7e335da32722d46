"""What several test files share."""

import contextlib
import gc
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import micrograd_c
from micrograd_c._core import ffi, lib

GOLDEN = Path(__file__).with_name("golden")
PYPY = sys.implementation.name == "pypy"
is_tracked = getattr(gc, "is_tracked", bool)  # PyPy has none
needs_reference_counts = pytest.mark.skipif(PYPY, reason="objects die at once only where they are counted")

# Instruction sets of this machine for which programs have kernels.
LANES = [x for x in ("baseline", "neon", "avx2", "avx512") if ffi.string(lib.mg_lanes(x.encode())).decode() == x]


def slow_once(test):
    """Mark a test as slow, and as one that comes out the same on both cores of Value."""
    return pytest.mark.slow(pytest.mark.once(test))


def collect():
    """Let everything die that nobody refers to; PyPy needs several rounds for what has finalizers."""
    for _ in range(4 if PYPY else 2):
        gc.collect()


def live_nodes():
    """Return the number of live nodes, after a collection."""
    collect()
    return micrograd_c.stats().live_nodes


@contextlib.contextmanager
def nothing_left_behind():
    """Check that the graph holds as many nodes after the block as before."""
    before = live_nodes()
    yield
    assert live_nodes() == before


def environment(env):
    """Return this one's variables but those that pytest tells its own workers by, and others."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}, **(env or {})}


def run_python(*arguments, cwd=None, env=None, stdin=None):
    """Run this Python in a process of its own; return what subprocess.run does, with texts."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )


def run_on_a_terminal(*arguments, cwd=None, env=None):
    """Run this Python with a terminal of 100 columns as its output; return its status and what was seen."""
    pty, struct, termios, fcntl = map(pytest.importorskip, ("pty", "struct", "termios", "fcntl"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 100, 0, 0))
    command = [sys.executable, *map(str, arguments)]
    env = environment({"TERM": "xterm", **(env or {})})
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = []
        with contextlib.suppress(OSError):  # Linux's end of a file
            while part := os.read(ours, 4096):
                seen.append(part)
        os.close(ours)
    return process.returncode, b"".join(seen).decode()


def hooks_of_cpython():
    """Return the module of CPython for its own tests; without it, and on PyPy, which compiles it, tests skip."""
    if PYPY:
        pytest.skip("this Python cannot be told to run out of memory", allow_module_level=True)
    return pytest.importorskip("_testcapi", reason="this Python cannot be told to run out of memory")


def golden_script(name):
    """Return a script of the golden folder as a module."""
    spec = importlib.util.spec_from_file_location(name, GOLDEN / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def close(a, b, rel=1e-12, absolute=1e-12):
    """Are two numbers the same but for rounding? A nan is like a nan."""
    a, b = float(a), float(b)
    return a == b or (a != a and b != b) or abs(a - b) <= absolute + rel * max(abs(a), abs(b))
