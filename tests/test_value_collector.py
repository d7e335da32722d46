"""Values die at any time, in any thread, and what runs then is anybody's code."""

import copy
import functools
import gc
import os
import pickle
import random
import re
import sys
import threading
import types
import weakref

import pytest
from support import collect, hooks_of_cpython, needs_reference_counts, nothing_left_behind, run_python

import micrograd_c
from micrograd_c import MLP, Value, dot, stats
from micrograd_c import sum as value_sum
from micrograd_c._core import core


class Calling(Value):
    """A Value that calls something when it dies."""

    def __del__(self):
        self.call()


class Call:
    """Any object that calls something when it dies."""

    def __init__(self, call):
        self.call = call

    def __del__(self):
        self.call()


def under_a_calling_value(call, over):
    operand = Calling(1.0)
    operand.call = call
    return over(operand)


def with_attribute(call):
    v = Value(1.0)
    v.note = Call(call)
    return v * 2.0 + 1.0


def watched(call):
    v = Value(1.0)
    watches.append(weakref.ref(v, lambda _: call()))
    return v * 2.0 + 1.0


watches = []

# Graphs that call something when they die.
CALLING = {
    "operand": lambda call: under_a_calling_value(call, lambda v: v * 2.0 + 1.0),
    "sum": lambda call: under_a_calling_value(call, lambda v: value_sum([v, 1.0, 2.0])),
    "dot": lambda call: under_a_calling_value(call, lambda v: dot([v, 1.0], [2.0, 3.0])),
    "attribute": with_attribute,
    "weak reference": watched,
}


@needs_reference_counts
@pytest.mark.parametrize("first", CALLING)
@pytest.mark.parametrize("second", CALLING)
def test_freeing_goes_on_when_two_threads_run_finalizers_at_the_same_time(first, second):
    in_first, in_second, first_done = (threading.Event() for _ in range(3))

    def call_first():
        in_first.set()
        assert in_second.wait(30)

    def call_second():
        in_second.set()
        assert first_done.wait(30)

    def run_first():
        graphs_first.clear()
        first_done.set()

    with nothing_left_behind():
        graphs_first = [CALLING[first](call_first)]
        graphs_second = [CALLING[second](call_second)]
        threads = [threading.Thread(target=run_first), threading.Thread(target=graphs_second.clear)]
        threads[0].start()
        assert in_first.wait(30)
        threads[1].start()
        for thread in threads:
            thread.join()
        before = stats().live_nodes
        gone = Value(1.0) * 2.0
        del gone
        assert stats().live_nodes == before
        watches.clear()


@pytest.mark.parametrize("kind", CALLING)
def test_finalizers_may_build_graphs_drop_others_and_raise(kind, monkeypatch):
    def call():
        calls.append(1)
        kept.clear()
        build()
        raise RuntimeError("raised by a finalizer")

    def build():
        root = (Value(2.0) * 3.0 + 1.0).tanh()
        root.backward()
        root.note = Call(lambda: calls.append(2))

    calls = []
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # that of pytest keeps the dying object
    with nothing_left_behind():
        kept = [Value(1.0) * float(i) for i in range(20)]
        graph = CALLING[kind](call)
        del graph
        collect()
        assert calls == [1, 2] and not kept
        watches.clear()


MODEL = MLP(1, [1, 1])

LAYERS = {
    "plain": lambda v: v + 1.0,
    "number": lambda v: v**2,
    "sum": lambda v: value_sum([v, v, v]),
    "dot": lambda v: dot([v], [v]),
    "subclass": lambda v: Sub(0.5, (v,)),
    "derivative": lambda v: Value(0.5, (MODEL.parameters()[0],), (v,)),
    "neuron": lambda v: network_of(v)([1.0]),
    "label": lambda v: v + 1.0,
    "weak reference": lambda v: v * 1.0,
    "list": lambda v: v * 1.0,
    "network": lambda v: MODEL([v]),
}


def network_of(v):
    model = MLP(1, [1, 1])
    model.layers[0].neurons[0].b = v
    return model


def deep(kind, n):
    """Return the top of n nodes, one below the other, of which each is of that kind."""
    top = Value(1.0)
    for i in range(n):
        top = LAYERS[kind](top)
        if kind == "label":
            top.label = f"node {i}"
        elif kind == "list":
            top.note = [i]
        elif kind == "weak reference":
            watches.append(weakref.ref(top))
    return top


class Sub(Value):
    pass


@pytest.mark.parametrize("kind", LAYERS)
def test_a_deep_graph_dies_without_recursion(kind):
    with nothing_left_behind():
        kept = [deep(kind, 2_000 if kind == "neuron" else 20_000 if sys.version_info < (3, 13) else 60_000)]
        on_a_small_stack(kept.clear)
        watches.clear()


def on_a_small_stack(call):
    # 26 bytes for each node, 262 for each network. CPython 3.13 itself opens the ends of 10,000 objects, one in
    # the other, however small the stack is.
    stack = threading.stack_size((512 if sys.version_info < (3, 13) else 6144) * 1024)
    try:
        thread = threading.Thread(target=call)
        thread.start()
    finally:
        threading.stack_size(stack)
    thread.join()


# Ways in which a Value refers to another one, of which the graph knows nothing.
LINKS = {
    "label": lambda w, v: setattr(w, "_op", v),
    "cell as label": lambda w, v: setattr(w, "_op", types.CellType(v)),
    "backward": lambda w, v: setattr(w, "_backward", v.backward),
    "partial": lambda w, v: setattr(w, "_backward", functools.partial(print, v)),
    "closure": lambda w, v: setattr(w, "_backward", lambda: v),
    "method": lambda w, v: setattr(w, "note", types.MethodType(print, v)),
    "list": lambda w, v: setattr(w, "note", [v]),
    "dict": lambda w, v: setattr(w, "note", {0: v}),
    "attribute": lambda w, v: setattr(w, "note", v),
    "callback": lambda w, v: watches.append(weakref.ref(w, types.MethodType(lambda *_: None, v))),
}


def end_chains(*links):
    """Let 100,000 Values that are linked in these ways end: half of them at once, half as a part of a cycle."""

    def end():
        kept.clear()
        gc.collect()

    rng = random.Random(5)
    with nothing_left_behind():
        kept = []
        for cyclic in (False, True):
            top = Value(1.0)
            for _ in range(50_000):
                below, top = top, Value(1.0)
                if len(links) > 1 and rng.random() < 0.3:
                    top = Calling(1.0)
                    top.call = int
                LINKS[rng.choice(links)](top, below)
            if cyclic:
                top.itself = top
            kept.append(top)
        del top, below
        on_a_small_stack(end)
        watches.clear()


@pytest.mark.parametrize(
    "links", [*([name] for name in LINKS), [*LINKS]], ids=lambda links: links[0] if len(links) == 1 else "all"
)
def test_a_long_chain_of_attributes_dies_without_recursion(links):
    code = f"import test_value_collector as t; t.end_chains(*{links})"
    done = run_python("-c", code, env={"PYTHONPATH": os.pathsep.join(sys.path)})  # it would take this process along
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [int, float])
def test_an_exponent_of_a_users_class_does_not_keep_its_node(number):
    class Exponent(number):
        pass

    with nothing_left_behind():
        k = Exponent(2)
        k.node = Value(3.0) ** k
        assert k.node.data == 9.0
        del k


def test_a_half_made_value_is_refused_wherever_it_is_used():
    def assign(name):
        setattr(half, name, 1.0)

    half, v, biased = Value.__new__(Value), Value(2.0), micrograd_c.nn.Neuron(1)
    biased.b = Sub.__new__(Sub)
    uses = {
        "left operand": lambda: half + v,
        "right operand": lambda: v + half,
        "beside a number": lambda: half * 2.0,
        "power": lambda: half**2,
        "behind a number": lambda: 2.0 * half,
        "exponent of a number": lambda: 2**half,
        "operands": lambda: half._prev,
        "operands in order": lambda: half._children,
        "local derivative": lambda: Value(1.0, (v,), (half,)),
        "function": lambda: half.tanh(),
        "data": lambda: half.data,
        "grad": lambda: half.grad,
        "assigned data": lambda: assign("data"),
        "assigned grad": lambda: assign("grad"),
        "sum": lambda: value_sum([half, v]),
        "sum with a number": lambda: value_sum([half, 1.0]),
        "weight": lambda: dot([half], [v]),
        "input": lambda: dot([v], [half]),
        "bias": lambda: dot([v], [v], half),
        "bias beside numbers": lambda: dot([1.0], [v], half),
        "network": lambda: MODEL([half]),
        "child": lambda: Value(1.0, (half,)),
        "children": lambda: Value(1.0, (v, half, v)),
        "backward": lambda: half.backward(),
        "order": lambda: micrograd_c.topological_order(half),
        "zero_grad": lambda: micrograd_c.zero_grad(half),
        "copy": lambda: copy.copy(half),
        "deepcopy": lambda: copy.deepcopy(half),
        "pickle": lambda: pickle.dumps(half),
        "explain": lambda: micrograd_c.explain(half),
        "draw": lambda: micrograd_c.draw(half),
        "optimiser": lambda: micrograd_c.optim.SGD([half], lr=0.1).step(),
        "chosen": lambda: micrograd_c.where(True, half, 2.0),
        "not chosen": lambda: micrograd_c.where(True, 2.0, half),
        "chosen by a comparison": lambda: micrograd_c.where(v > 1, half, 2.0),
        "chosen by a Value": lambda: micrograd_c.where(v.greater(1), half, 2.0),
        "parameter": lambda: biased.zero_grad(),
    }
    for name, use in uses.items():
        with pytest.raises(RuntimeError, match="this Value has no node"):
            pytest.fail(f"{name}: {use()!r}")


@pytest.mark.parametrize(
    "graph",
    [lambda v: (v * 3.0 + 1.0).tanh(), lambda v: MLP(2, [3, 1])([v, v]), lambda v: value_sum([v, v * 2.0, v])],
    ids=["operations", "layers", "sum"],
)
def test_a_cycle_through_readers_older_than_the_attribute_is_freed_and_not_too_early(graph):
    with nothing_left_behind():
        v = Value(2.0)
        out = graph(v)
        reader, data = weakref.ref(out), out.data
        v.readers = [out]
        del out
        collect()
        assert reader().data == data
        v.readers.append(v * reader())  # younger than the collection that looked for old readers
        w = Value(1.0)
        above = graph(w)
        w.readers = [above, v]  # a second late attribute
        v.readers.append(above)
        del w, above, v
        collect()
        assert reader() is None


@pytest.mark.skipif(stats().core != "native", reason="the other core has no hook in the collector")
def test_a_late_attribute_runs_no_python_in_collections_and_asks_for_no_object(monkeypatch):
    asked, called = [], []
    for name in ("get_objects", "get_referents", "get_referrers"):
        monkeypatch.setattr(gc, name, lambda *objects, name=name: asked.append(name) or [])
    with nothing_left_behind():
        v = Value(2.0)
        v.readers = [v * 3.0]
        del v
        others, gc.callbacks[:] = gc.callbacks[:], []  # hypothesis has one
        sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
        try:
            gc.collect()
        finally:
            sys.setprofile(None)
            gc.callbacks[:] = others
    assert asked == called == []


LONG = 30  # Python keeps the memory of shorter tuples, and makes them without a collection
SHRINKING = {
    "sum": value_sum,
    "dot": lambda xs: dot(xs, [1.0] * LONG),
    "dot, both": lambda xs: dot(xs, xs),
    "by hand": lambda xs: Value(1.0, xs, "op"),
    "by hand, derivatives": lambda xs: Value(1.0, xs, [0.5] * LONG),
}


@needs_reference_counts
@pytest.mark.parametrize("shrink", [list.clear, lambda xs: xs[1:] and xs.pop()], ids=["to nothing", "by one"])
@pytest.mark.parametrize("made", SHRINKING)
def test_a_collection_may_shorten_the_list_that_a_node_is_made_of(made, shrink):
    xs = []
    threshold = gc.get_threshold()
    gc.callbacks.append(lambda *_: shrink(xs))
    try:
        for _ in range(50):  # before Python 3.12 a collection can begin with any tuple
            xs[:] = [Value(1.0) for _ in range(LONG)]
            gc.set_threshold(1)
            try:
                SHRINKING[made](xs)
            except ValueError as error:
                assert re.search("need the same length|30 local derivatives", str(error))
            finally:
                gc.set_threshold(*threshold)
    finally:
        gc.callbacks.pop()
    xs[:] = [Value(1.0) for _ in range(LONG)]
    assert SHRINKING[made](xs).data in (1.0, 30.0)


@needs_reference_counts
def test_a_collection_may_make_a_leaf_of_a_node_while_its_operands_are_asked_for():
    model = MLP(2, [5, 1])
    threshold = gc.get_threshold()
    try:
        for n in range(1, 60):
            y = model([1.0, 2.0])
            gc.callbacks.append(lambda *_, y=y: y.__init__(3.0))
            gc.set_threshold(n)
            try:
                prev = y._prev
            finally:
                gc.set_threshold(*threshold)
                gc.callbacks.pop()
            assert len(prev) in (0, 11)
    finally:
        gc.set_threshold(*threshold)


@pytest.mark.parametrize("init", [False, True])
def test_a_cycle_that_is_older_than_the_node_of_its_value_is_collected(init):
    v = Value.__new__(Value)
    v.note = [v]
    if init:
        v.__init__(1.0)
    reference = weakref.ref(v)
    del v
    collect()
    assert reference() is None


@pytest.mark.skipif(stats().core != "native", reason="the other core leaves memory to Python")
@pytest.mark.parametrize("kind", [Value, Call], ids=["untracked", "tracked, or of another class at the end"])
def test_no_two_values_share_memory_whatever_order_they_die_in(kind):
    class Renamed(Value):
        __slots__ = ()

    rng = random.Random(8)
    alive = [Value(float(i)) for i in range(70_000)]  # more than there are places for
    numbers = [v.data for v in alive]
    for _ in range(2):
        for i in rng.sample(range(len(alive)), 30_000):
            if kind is Call and i % 3 == 0:
                alive[i].note = [] if i % 2 else {}
            elif kind is Call and i % 3 == 1:
                vars(object)["__class__"].__set__(alive[i], Renamed)
            alive[i] = alive[i - 1]
            numbers[i] = numbers[i - 1]
        gc.collect()
        for i in rng.sample(range(len(alive)), 20_000):
            numbers[i] = rng.random()
            alive[i] = Value(numbers[i])
            assert type(alive[i]) is Value
    assert [v.data for v in alive] == numbers
    assert len({*map(id, alive)}) == len({v._mg_h for v in alive})


@needs_reference_counts
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python itself dies of failing allocations")
def test_no_memory_for_inner_neurons_that_a_collection_has_asked_for_meanwhile():
    testcapi, model = hooks_of_cpython(), MLP(2, [5, 1])
    threshold = gc.get_threshold()
    y, asked, fails_at, lengths = None, [], [0], []

    def ask(phase, _):
        if phase == "start" and not asked:
            asked.append(core.operands(y))
            testcapi.set_nomemory(fails_at[0], 0)

    for fails_at[0] in range(40):
        for first in (1, 5, 9, 13):
            y = model([1.0, 2.0])
            asked.clear()
            gc.collect()
            gc.callbacks.append(ask)
            gc.set_threshold(first)
            try:
                core.operands(y)
            except MemoryError:  # for a tuple of the answer
                pass
            finally:
                testcapi.remove_mem_hooks()
                gc.set_threshold(*threshold)
                gc.callbacks.remove(ask)
            if asked:
                lengths.append(len(core.operands(y)[0]))
    assert {*lengths} == {5}
