"""The methods of the op table: equal on the native core, on the cffi core and on traced Values."""

import abc
import importlib
import itertools
import operator
import random
from pathlib import Path

import pytest
from support import run_python

from micrograd_c import Value, stats
from micrograd_c._core import NAMES, OPS

PROGRAM = """
import inspect
import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS
from micrograd_c._core.docs import is_operator

class Own:
    __radd__ = __rmul__ = __rpow__ = lambda self, other: "Own's"
    def __repr__(self):
        return "Own()"

OTHERS = "a", b"a", None, 1j, [1.0], (), {}, Own(), 10**400, Value, float("nan"), True, 2

def told(function, *arguments):
    try:
        out = function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return out._op if isinstance(out, Value) else out

def walk(x, cls):
    for op, row in enumerate(OPS):
        name = NAMES[op].lower()
        names = [f"__{name}__", f"__r{name}__"] if is_operator(op) else [name]
        for name in names if row.method else ():
            if (method := getattr(cls, name, None)) is None:
                continue  # -x has no reflected operator
            print(name, inspect.signature(method), method.__qualname__, repr(method.__doc__))
            if row.takes_k or row.arity == 2:
                for other in OTHERS:
                    print(name, repr(other), told(getattr(x, name), other))
    for name in "__pow__", "__rpow__":
        print(name, inspect.signature(getattr(cls, name)), repr(getattr(cls, name).__doc__))
        for other in OTHERS:
            print(name, repr(other), told(getattr(x, name), other), told(getattr(x, name), other, 3))
    print(told(Value.pow, x, Value(1.0)), told(Value.pow, x), told(x.leaky_relu), told(pow, x, x))
"""

EAGER = PROGRAM + "walk(Value(0.5), Value)"
TRACED = PROGRAM + "mg.jit(lambda x: [walk(x, type(x)), x][1])(0.5)"


def lines(program, core):
    run = run_python("-c", program, env={"MICROGRAD_C_CORE": core})
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.fixture(scope="module")
def eager():
    return lines(EAGER, "cffi")


def test_every_row_has_its_method(eager):
    methods = {line.split(" ")[0] for line in eager}
    for row, name in zip(OPS, NAMES):
        if row.method:
            assert methods & {name.lower(), f"__{name.lower()}__"}


def test_docs_signatures_and_messages_of_traced_values_are_those_of_values(eager):
    assert lines(TRACED, stats().core) == eager


@pytest.mark.skipif(stats().core != "native", reason="compares the native core with the other one")
def test_docs_signatures_and_messages_are_equal_on_both_cores(eager):
    assert lines(EAGER, "native") == eager


# ---- operators of a class of the user's --------------------------------------------------------------------------

EXPRESSIONS = ["-v", "v**-2", "sum([v, w])", "v - v", "-(p - v)", "1 / (p * v)", "(v.relu() - w) / 2"]
EXPRESSIONS += [f"v {sign} {x}" for sign in "+-*/" for x in ("w", "3", "p")]
EXPRESSIONS += [f"{x} {sign} v" for sign in "+-*/" for x in ("3.5", "p")]
EXPRESSIONS += ["numpy.int64(2) - v", "numpy.float64(0.5) * v", "sum(numpy.array([1, 2]) * v)"]


def classes(base, overridden, by_super):
    """Return a class that tells of its operators, and some below it: as it is, with one more, with two bases."""
    calls, kinds = [], []

    def told(name, place):
        def method(self, *others):
            calls.append((name, place, others and type(others[0]) is int))
            if by_super:
                return getattr(super(kinds[place], self), name)(*others)
            return kinds[0](2 * self.data + 3 * sum(getattr(x, "data", x) for x in others))

        return method

    cls = type("Own", (base,), {name: told(name, 0) for name in overridden})
    other = "__neg__" if "__add__" in overridden else "__add__"
    beside = type("Beside", (base,), {"__sub__": lambda self, x: cls(5.0), "__neg__": lambda self: cls(7.0)})
    kinds += [cls, type("Below", (cls,), {}), type("Other", (cls,), {other: told(other, 2)})]
    kinds += [type("Both", (cls, beside), {})]
    return calls, kinds


@pytest.mark.parametrize("by_super", [False, True])
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_what_a_class_says_of_operators_holds_for_those_that_micrograd_makes_of_them(text, by_super):
    theirs = pytest.importorskip("micrograd.engine").Value
    numpy = pytest.importorskip("numpy")
    names = "__add__", "__mul__", "__pow__", "__neg__", "__radd__", "__sub__", "__rmul__", "__truediv__"
    some = [chosen for n in range(3) for chosen in itertools.combinations(names, n)]
    for overridden in some:
        if by_super and {*overridden} <= {"__sub__", "__truediv__"}:
            overridden += ("__mul__",)  # these alone are nodes of their own
        answers = []
        for base in (Value, theirs):
            calls, kinds = classes(base, overridden, by_super)
            for kind in kinds:
                calls.append(kind.__name__)
                out = eval(text, {"v": kind(1.5), "w": kind(-0.75), "p": base(4.0), "numpy": numpy})
                calls.append((type(out).__name__, round(out.data, 12)))
            answers.append(calls)
        assert answers[0] == answers[1], overridden


def test_it_holds_whichever_way_and_whenever_a_class_of_a_hierarchy_got_them(monkeypatch):
    pytest.importorskip("micrograd.engine")
    monkeypatch.syspath_prepend(Path(__file__).parent / "fuzz")
    for seed in range(150):
        importlib.import_module("fuzz_classes").case(random.Random(seed))


@pytest.mark.parametrize("late", [False, True])
def test_the_operators_of_values_beside_each_other_are_asked_as_in_micrograd(late):
    theirs = pytest.importorskip("micrograd.engine").Value
    answers = []
    for base in (Value, theirs):
        A, B, C = (type(name, (base,), {}) for name in "ABC")
        D = type("D", (A,), {})
        put = {(A, "__sub__"): 1.0, (D, "__add__"): 2.0, (B, "__neg__"): 3.0, (C, "__mul__"): 4.0}
        cases = [(A, D), (D, A), (A, B), (C, B), (B, C), (base, C), (base, D)]
        if late:
            _ = [x(1.0) - y(1.0) for x, y in cases]
        for (cls, name), number in put.items():
            setattr(cls, name, lambda *_, base=base, number=number: base(number))
        answers.append([op(x(5.0), y(7.0)).data for op in (operator.sub, operator.truediv) for x, y in cases])
    assert answers[0] == pytest.approx(answers[1])


def test_operators_are_those_of_micrograd_whatever_a_metaclass_says():
    class Frozen(type):
        def __setattr__(cls, name, value):
            raise TypeError(f"{name} can't be set")

    class Own(Value, metaclass=Frozen):
        __slots__ = ()

        def __mul__(self, other):
            return Own(7.0)

    assert (-Own(1.0)).data == (Own(1.0) / 2).data == 7.0
    assert Own.__base__ is Value and Own in Value.__subclasses__()


def test_an_abstract_class_of_values_makes_none():
    class Named(Value, abc.ABC):
        @abc.abstractmethod
        def title(self): ...

    class Weight(Named):
        def title(self):
            return "w"

    with pytest.raises(TypeError, match="title"):
        Named(1.0)
    assert (2 * Weight(3.0)).data == 6.0
