"""The functions of the native core, called with what they do not take: an error each time, and nothing changes."""

import collections
import gc
import pathlib
import re
import sys

import pytest
from support import live_nodes

from micrograd_c import Value, stats
from micrograd_c._core.errors import NoNodeError

_native = pytest.importorskip("micrograd_c._core._native")
pytestmark = pytest.mark.skipif(stats().core != "native", reason="the other core has functions of its own")

V = Value(1.0)


def raising():
    raise ZeroDivisionError("mine")


def broken_items():
    yield V
    raising()


class Broken(str):
    """A name that cannot be looked up."""

    __slots__ = ()

    def __hash__(self):
        raise ZeroDivisionError("mine")


REFUSED = [
    (_native.attach, (), TypeError),
    (_native.attach, ("x", *[None] * 8), TypeError),
    (_native.attributes, (1.0,), TypeError),
    (_native.before_collection, ("start",), TypeError),
    (_native.before_collection, ("start", []), TypeError),
    (_native.closure_at, ("x",), TypeError),
    (_native.closure_at, (10**30,), OverflowError),
    (_native.dot, ([V],), TypeError),
    (_native.forget_made, (1.0,), TypeError),
    (_native.handle_of, ("x",), TypeError),
    (_native.handle_of, (_native.new(),), NoNodeError),
    (_native.handles, (5,), TypeError),
    (_native.handles, ([V, "x"],), TypeError),
    (_native.handles, (broken_items(),), ZeroDivisionError),
    (_native.layers, (), TypeError),
    (_native.layers, (0, 0, 0, 0, [], [], []), TypeError),  # inputs are a tuple
    (_native.leaves, (), TypeError),
    (_native.leaves, (5, []), TypeError),
    (_native.leaves, ([1.0], []), IndexError),
    (_native.leaves, ([1.0, 10**400], [1.0, 1.0]), OverflowError),
    (_native.nary, ("x", []), TypeError),
    (_native.operands, (1.0,), TypeError),
    (_native.own, (), TypeError),
    (_native.own, (V, None, None), TypeError),
    (_native.own, (1.0, None, None, int), TypeError),
    (_native.own, (V, None, None, raising), ZeroDivisionError),
    (_native.own, (V, None, None, str), TypeError),  # it returns no handle
    (_native.own, (V, None, None, int, -1), MemoryError),  # a status
    (_native.peek, (V,), TypeError),
    (_native.peek, (1.0, "note"), TypeError),
    (_native.put, (V, 1, 2), TypeError),
    (_native.put, (1.0, "note", 2), TypeError),
    (_native.set_docs, (5,), TypeError),
    (_native.set_docs, ({},), KeyError),
    (_native.set_docs, (collections.defaultdict(int),), TypeError),
    (_native.sweep, (V,), TypeError),
    (_native.sweep, (V, "x"), TypeError),
    (_native.sweep, (1.0, 1.0), TypeError),
]


@pytest.mark.parametrize(("function", "arguments", "error"), REFUSED, ids=lambda x: getattr(x, "__name__", ""))
def test_a_function_refuses_what_it_does_not_take(function, arguments, error):
    gc.collect()
    before, doc = live_nodes(), Value.tanh.__doc__
    with pytest.raises(error):
        function(*arguments)
    assert live_nodes() == before and Value.tanh.__doc__ == doc
    root = V * 3.0
    V.grad = 0.0
    root.backward()
    assert (root.data, V.grad) == (3.0, 3.0)


def test_what_is_not_there_is_none():
    assert _native.closure_at(-1) is None
    assert _native.closure_at(2**31 - 1) is None
    assert _native.dot([V], [2.0], None) is None  # engine.dot has to look closer
    assert _native.before_collection("start", {}) is None  # nothing to do
    assert _native.add_scalar("no type") is None
    with pytest.raises(TypeError):
        V * "no type"


def test_a_collection_without_a_generation_or_whose_generation_is_no_number_is_an_error():
    a = Value(1.0)
    out = a * 2.0
    a.note = [out]  # from now on the next collection looks for readers of a
    gc.disable()
    try:
        for info, error in (({"generation": "x"}, TypeError), ({}, KeyError)):
            with pytest.raises(error):
                _native.before_collection("start", info)
        assert _native.before_collection("stop", {"generation": 2}) is None
        assert _native.before_collection("start", {"generation": 1}) is None
    finally:
        gc.enable()
    del a, out
    gc.collect()


@pytest.mark.parametrize("cls", [Value, type("Sub", (Value,), {})])
def test_a_name_that_cannot_be_looked_up_raises_its_own_error(cls):
    v = cls(1.0)
    _native.put(v, "other", 5)
    for use in (getattr, lambda v, name: setattr(v, name, 1), delattr):
        with pytest.raises(ZeroDivisionError):
            use(v, Broken("note"))
    with pytest.raises(ZeroDivisionError):
        _native.peek(v, Broken("note"))
    assert _native.peek(v, "other") == 5
    assert _native.peek(v, "note") is None


def test_a_class_that_cannot_be_asked_for_an_attribute_raises_its_own_error():
    class Meta(type):
        def __getattribute__(cls, name):
            if name == "note":
                raise ZeroDivisionError("mine")
            return super().__getattribute__(name)

    class Sub(Value, metaclass=Meta):
        pass

    v = Sub(1.0)
    _native.put(v, "note", 5)
    with pytest.raises(ZeroDivisionError):
        v.note  # noqa: B018
    with pytest.raises(ZeroDivisionError):
        v.note = 6
    assert _native.peek(v, "note") == 5


def test_names_are_compared_by_what_they_say():
    v = Value(1.0) * 2.0
    for name, attribute in (("_op", "mine"), ("_backward", raising)):
        copy = "".join(list(name))  # another object
        _native.put(v, copy, attribute)
        assert _native.peek(v, copy) == _native.peek(v, name) == attribute
    assert v._op == "mine" and _native.attributes(v) == {"_op": "mine", "_backward": raising}
    with pytest.raises(ZeroDivisionError):
        v.backward()
    assert _native.peek(v, "note") is None  # it has a label, and no attribute


def test_an_empty_name_and_a_private_one_are_absent_in_pythons_words():
    for name in ("", "_absent"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(Value(1.0), name)


def test_k_is_a_number_and_the_one_argument():
    for arguments in ((1.0, 2.0), ("x",)):
        with pytest.raises(TypeError):
            V.leaky_relu(*arguments)
    with pytest.raises(TypeError):
        V.leaky_relu(slope=2.0)
    assert Value(-2.0).leaky_relu(k=0.5).data == -1.0


def test_what_is_returned_for_nothing_has_a_reference_of_its_own():
    """From 3.12 on Python's headers take none, and the same binary serves 3.10, where such an object can die."""
    folder = pathlib.Path(__file__).parents[1] / "csrc" / "value"
    used = {name for path in folder.glob("*.c") for name in re.findall(r"\bPy_RETURN_\w+", path.read_text())}
    owned = re.findall(r"#define (\w+) return Py_NewRef\(", (folder / "value.h").read_text())
    assert used and used <= {*owned}

    before = sys.getrefcount(NotImplemented)
    assert all(V.__pow__(2.0, 5) is NotImplemented for _ in range(1000))
    assert abs(sys.getrefcount(NotImplemented) - before) < 100
