"""copy, deepcopy and pickle of Values, graphs and models."""

import collections
import contextvars
import copy
import functools
import io
import itertools
import pickle
import sys
import threading
import types
import weakref

import pytest
from support import GOLDEN, golden_script, nothing_left_behind

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value, _copying, _operands, dot, topological_order
from micrograd_c._copying import restore
from micrograd_c._core import NAMES, OPS

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def by_pickle(thing, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(thing, protocol))


COPIES = [copy.deepcopy, by_pickle]
copies = pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle"])


class Parameter(Value):
    __slots__ = ("__secret", "_hidden", "tag")

    def __init__(self, data, tag):
        super().__init__(data)
        self.tag = tag
        self._hidden = [tag]
        self.__secret = tag
        self.momentum = 0.9

    @property
    def secret(self):
        return self.__secret


def double_closure():
    """A closure that closes over nothing can go along."""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_leaf_comes_back_from_pickle_with_data_grad_and_name(protocol):
    v = Value(2.5, name="v")
    v.grad, v.m = -1.5, [1, 2]
    w = by_pickle(v, protocol)
    assert w is not v and type(w) is Value
    assert (w.data, w.grad, w.name, w.label, w.m, w._prev, w._op) == (2.5, -1.5, "v", "v", [1, 2], set(), "")
    w.data = 9.0
    assert v.data == 2.5


def test_copy_shares_operands_and_deepcopy_shares_nothing():
    a = Value(2.0, name="a")
    b = a * 3
    b.name, b.grad, b.list = "b", 5.0, [1]
    shallow, deep = copy.copy(b), copy.deepcopy(b)
    assert a in shallow._prev and shallow is not b and shallow.list is b.list
    assert a not in deep._prev and deep.list == [1] and deep.list is not b.list
    for c in (shallow, deep):
        assert (c.data, c.grad, c.name, c._op) == (6.0, 5.0, "b", "*")
        c.backward()
    assert a.grad == 3.0  # by the shallow copy alone
    (twin,) = (v for v in deep._prev if v.name == "a")
    assert twin.grad == 3.0


@copies
def test_every_op_of_the_table_comes_back_as_it_was(copied):
    a, b = Value(0.5, name="a"), Value(0.25, name="b")
    nodes = [Value(2.0, (a, b), "mine"), Value(2.0, (a, b), (3.0, -1.0)), Value(2.0, (a, b, a), (b, 5.0, a))]
    nodes += [mg.sum([a, b, a]), dot([a, b], [b, 2.0], a), dot([a], [b])]
    for op, row in enumerate(OPS):
        name = NAMES[op].lower()
        method = getattr(Value, name, None) or getattr(Value, f"__{name}__", None)
        if row.takes_k:
            nodes.append(method(a, 0.3))
        elif row.method:
            nodes.append(method(a) if row.arity == 1 else method(a, b))
    nodes.append(restore(Value.__new__(Value), NAMES.index("INSTEAD"), a, b, -1, 4.0, 0.0))
    nodes += [Neuron(2, activation=kind)([a, b]) for kind in ("relu", "gelu", "leaky_relu", "linear")]
    for node in nodes:
        node.backward()
        node.grad = 7.0
        twin = copied(node)
        order, twins = topological_order(node), topological_order(twin)
        assert [(v.data, v.grad, v._op, v.name) for v in order] == [(v.data, v.grad, v._op, v.name) for v in twins]
        assert not set(order) & set(twins)
        for v, w in zip(order, twins):
            assert {order.index(x) for x in v._prev} == {twins.index(x) for x in w._prev}
        node.backward()
        twin.backward()
        assert [v.grad for v in order] == [w.grad for w in twins]


@copies
def test_shared_structure_stays_shared(copied):
    a = Value(2.0)
    b = a * a
    loss, other, again, params = copied((b + a, b * 3, b, {"a": a, "list": [a, b]}))
    assert params["list"][0] is params["a"] and params["list"][1] is again
    assert again in loss._prev and again in other._prev and params["a"] in loss._prev
    loss.backward()
    assert params["a"].grad == 5.0 and a.grad == 0.0


@copies
def test_a_loss_goes_along_with_its_parameters(copied):
    model = MLP(3, [4, 2], activation="tanh")  # relu could be dead in all of them
    loss = sum(y * y for y in model([0.1, 0.2, 0.3]))
    loss.backward()
    loss2, params = copied((loss, model.parameters()))
    model.zero_grad()
    assert loss2.data == loss.data and loss2.grad == 1.0
    assert any(p.grad for p in params)
    for p in params:
        p.grad = 0.0
    loss2.backward(seed=2.0)
    assert set(params) < set(topological_order(loss2))
    assert any(p.grad for p in params) and not any(p.grad for p in model.parameters())


@copies
def test_chains_of_any_depth_are_copied_without_recursion(copied):
    with nothing_left_behind():
        a = Value(1.0, name="a")
        root = a
        for _ in range(30_000):
            root = -root
        b, twin = copied((a, root))
        twin.backward()
        assert twin.data == root.data and b.grad == 1.0 and a.grad == 0.0
        assert len(topological_order(twin)) == 30_001
        del a, root, b, twin


@copies
def test_a_list_of_nodes_of_one_deep_graph_is_copied_without_recursion(copied):
    a = Value(1.0)
    nodes = [a]
    for _ in range(20_000):
        nodes.append(nodes[-1] + a)
    twins = copied(list(reversed(nodes)))[::-1]
    assert all(w in v._prev for v, w in zip(twins[1:], twins))
    twins[-1].backward()
    assert twins[0].grad == 20_001.0


@copies
def test_values_in_attributes_come_along(copied):
    a, b = Value(1.0), Value(2.0)
    a.friend, b.friend = b, a  # a cycle
    twin = copied(a)
    assert twin.friend.data == 2.0 and twin.friend.friend is twin


@copies
def test_subclasses_come_back_with_attributes_and_slots(copied):
    p = Parameter(2.0, "t")
    p.grad = 4.0
    node = p * 3
    q, twin = copied((p, node))
    assert type(q) is Parameter and q in twin._prev
    assert (q.data, q.grad, q.tag, q.secret, q._hidden, q.momentum) == (2.0, 4.0, "t", "t", ["t"], 0.9)
    assert copy.copy(p).tag == "t" and copy.copy(p)._hidden is p._hidden


@copies
@pytest.mark.parametrize(
    "make", [lambda **kw: Neuron(3, **kw), lambda **kw: Layer(3, 2, **kw), lambda **kw: MLP(3, [4, 4, 1], **kw)]
)
def test_models_come_back_with_their_parameters_and_go_on_learning(copied, make):
    model = make(activation="tanh")
    x = [0.5, -1.0, 2.0]
    out = model(x)
    outs = out if isinstance(out, list) else [out]
    sum(outs).backward()
    twin = copied(model)
    assert type(twin) is type(model) and repr(twin) == repr(model)
    assert twin.state_dict() == model.state_dict()
    assert [p.grad for p in twin.parameters()] == [p.grad for p in model.parameters()]
    assert not set(twin.parameters()) & set(model.parameters())
    before = [p.data for p in model.parameters()]
    for p in twin.parameters():
        p.data += 1.0
    again = twin(x)
    again = again if isinstance(again, list) else [again]
    assert [p.data for p in model.parameters()] == before
    assert [y.data for y in again] != [y.data for y in outs]
    twin.zero_grad()
    sum(again).backward()
    assert any(p.grad for p in twin.parameters())


class Slotted(Neuron):
    __slots__ = ("__secret", "note")

    def __init__(self):
        super().__init__(2)
        self.note, self.__secret = "n", "s"

    def slots(self):
        return self.note, self.__secret


class Restored(Neuron):
    def __setstate__(self, state):
        self.__dict__.update(state)


@pytest.mark.parametrize("copied", [*COPIES, copy.copy], ids=["deepcopy", "pickle", "copy"])
def test_attributes_of_a_module_in_slots_come_along_and_its_plan_does_not(copied):
    neuron, plain = Slotted(), Restored(2)
    for module in neuron, plain:
        module([1.0, 2.0])
    assert copied(neuron).slots() == ("n", "s")
    for module in neuron, plain:
        twin = copied(module)
        assert "note" not in vars(twin) and twin.state_dict() == module.state_dict()
        twin.b = Value(100.0)
        assert twin([1.0, 2.0]).data > 90 > module([1.0, 2.0]).data


def test_copy_of_a_model_shares_its_parameters():
    model = MLP(2, [2, 1])
    model([1.0, 2.0])
    twin = copy.copy(model)
    assert twin.parameters() == model.parameters()
    twin.layers = twin.layers[:1]
    assert len(twin([1.0, 2.0])) == 2 and isinstance(model([1.0, 2.0]), Value)


def copied_and_swept(x):
    copy.deepcopy(x).backward()


# A deep copy of a node with a closure may be kept, and not used; what else copies it says no at once.
REFUSING = pytest.mark.parametrize(
    "copied", [copied_and_swept, COPIES[1], copy.copy], ids=["deepcopy", "pickle", "copy"]
)


@REFUSING
def test_closures_are_refused_with_a_clear_error(copied):
    a = Value(2.0)
    out = Value(4.0, (a,), "square")

    def square_backward():
        a.grad += 2 * a.data * out.grad

    out._backward = square_backward
    for thing in (out, out + 1) if copied is not copy.copy else (out,):
        with nothing_left_behind(), pytest.raises(TypeError, match=r"cannot .* Value.*'square'.*square_backward"):
            copied(thing)
        assert a.grad == 0.0


@pytest.mark.parametrize("again", [lambda x: x, *COPIES], ids=["once", "deepcopy", "pickle"])
def test_a_network_that_keeps_a_node_with_a_closure_is_copied_and_the_copy_trains(again):
    neuron = Neuron(1, nonlin=False)
    neuron.kept = out = Value(1.0, (neuron([2.0]),), "kept")

    def backward():
        neuron.w[0].grad += out.grad

    out._backward = backward
    twin = again(copy.deepcopy(neuron))
    assert twin.kept is not out and twin.kept.data == 1.0 and twin.kept._op == "kept"
    assert twin.w[0] in twin.kept._children[0]._children
    twin([3.0]).backward()
    assert twin.w[0].grad == 3.0 and neuron.w[0].grad == 0.0
    for sweep in (twin.kept.backward, twin.kept._backward):
        with pytest.raises(TypeError, match=r"cannot go backward through a copy of Value.*'kept'"):
            sweep()
    assert twin.w[0].grad == 3.0 and neuron.w[0].grad == 0.0


def square(out, a):
    a.grad += 2 * a.data * out.grad


class Tied(Value):
    """Keeps its backward in a method, which knows the Value by itself."""

    def square(self):
        square(self, self._children[0])


class Squaring:
    """Keeps the Values of its backward in attributes."""

    def __init__(self, *values):
        self.values = values

    def __call__(self):
        square(*self.values)


class Answering(Squaring):
    """Has every attribute, as a mock has."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Answering(self)


class SquaringAll:
    """Its Values have a global name."""

    def __call__(self):
        square(*NODES)


def by_global():
    square(*NODES)


def by_function_in_function():
    return (lambda: square(*NODES))()


def square_them():
    square(*NODES)


def by_function_it_calls():
    square_them()


def by_columns():
    square(*COLUMNS["nodes"][0])


def by_object():
    HOLDER()


class InSlots:
    __slots__ = ("values",)

    def square(self):
        square(*self.values)


def by_slots():
    SLOTS.square()


def by_global_method():
    METHODS[0]()


def by_global_partial():
    METHODS[1]()


def by_array():
    square(*ARRAY[0])


def by_array_of(out, a):
    ARRAY[:] = [pytest.importorskip("numpy").array([out, a], object)]
    return by_array


class OfClass:
    """Its Values are in the class, of which there is one."""

    nodes = ()

    def square(self):
        square(*self.both())

    def both(self):
        return type(self).nodes


class Single(Squaring):
    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return "SINGLE"


SINGLE = Single()


def by_model():
    square(MODEL.out, MODEL.w[0])


NODES = []
COLUMNS = {"nodes": [NODES]}
HOLDER = Squaring()
SLOTS = InSlots()
METHODS = [SLOTS.square, functools.partial(lambda nodes: square(*nodes), NODES)]
ARRAY = []
MODEL = Neuron(1)


def by_defaults(out, a):
    return lambda out=out, a=a: square(out, a)


def by_list_as_default(out, a):
    return lambda *, both=(out, a): square(*both)


# What a _backward knows its Values by, beside cells, and whether deep copies take these along.
KNOWN = {
    "defaults": (by_defaults, False),
    "a list as default": (by_list_as_default, False),
    "a global name": (lambda out, a: by_global, False),
    "a global name in a function": (lambda out, a: by_function_in_function, False),
    "a global name in a function that it calls": (lambda out, a: by_function_it_calls, False),
    "a list in a dict": (lambda out, a: by_columns, False),
    "slots": (lambda out, a: by_slots, False),
    "a method with a global name": (lambda out, a: by_global_method, False),
    "a partial with a global name": (lambda out, a: by_global_partial, False),
    "an object": (lambda out, a: by_object, False),
    "a global name in an object's call": (lambda out, a: SquaringAll(), False),
    "an array": (by_array_of, False),
    "a model": (lambda out, a: by_model, False),
    "a method": (lambda out, a: out.square, True),
    "attributes": (Squaring, True),
    "partial": (lambda out, a: functools.partial(square, out, a), True),
    "an object with every attribute": (lambda out, a: Answering(out, a), True),
    "partial of a function that knows them": (lambda out, a: functools.partial(by_defaults(out, a)), False),
    "a method that reads its class": (lambda out, a: OfClass().square, False),
    "an object that is its own copy": (lambda out, a: SINGLE, False),
}


@pytest.mark.parametrize("known", KNOWN)
@REFUSING
def test_a_copy_has_the_gradients_of_its_node_or_is_refused(copied, known):
    backward_of, goes_along = KNOWN[known]
    a = Value(3.0)
    out = Tied(9.0, (a,), "square")
    NODES[:] = HOLDER.values = SLOTS.values = SINGLE.values = OfClass.nodes = out, a
    MODEL.out, MODEL.w[:] = out, [a]
    out._backward = backward_of(out, a)
    if copied is copy.copy or not goes_along:
        with pytest.raises(TypeError, match=r"cannot .* Value.*'square'.*tied to the original Values"):
            copied(out)
    else:
        twin = copy.deepcopy(out) if copied is copied_and_swept else copied(out)
        twin.backward()
        assert twin._children[0].grad == 6.0 and twin._children[0] is not a
    assert a.grad == out.grad == 0.0
    NODES.clear()
    ARRAY.clear()
    HOLDER.values = SLOTS.values = SINGLE.values = OfClass.nodes = ()
    MODEL.out, MODEL.w[:] = None, []


def set_in(x, nodes):
    x.nodes = nodes
    return x


def annotated(nodes):
    def f(): ...

    f.__annotations__["nodes"] = nodes
    return f


def class_of(nodes, **more):
    return type("C", (), {"__module__": __name__, "nodes": nodes, **more})


def installed(nodes):
    space = {"__name__": "package", "__file__": "site-packages/package.py", "nodes": nodes}
    exec("def read(): return nodes", space)
    return space["read"]


# What keeps Values under a global name, and how a function reads them.
KEEPERS = {
    "a namespace": (lambda nodes: types.SimpleNamespace(nodes=nodes), lambda x: x.nodes),
    "a deque": (collections.deque, tuple),
    "keys of a dict": (dict.fromkeys, tuple),
    "an attribute of a dict": (lambda nodes: set_in(collections.UserDict(), nodes), lambda x: x.nodes),
    "an iterator": (itertools.repeat, next),
    "a generator": (lambda nodes: (nodes for _ in range(1)), next),
    "a cached function": (lambda nodes: functools.lru_cache(lambda: nodes), lambda x: x()),
    "weak references": (lambda nodes: [*map(weakref.ref, nodes)], lambda x: [r() for r in x]),
    "proxies": (lambda nodes: [*map(weakref.proxy, nodes)], lambda x: x),
    "a context variable": (lambda nodes: contextvars.ContextVar("v", default=nodes), lambda x: x.get()),
    "a thread": (lambda nodes: set_in(threading.local(), nodes), lambda x: x.nodes),
    "a class": (class_of, lambda x: x.nodes),
    "a property": (lambda nodes: class_of((), both=property(lambda x: nodes))(), lambda x: x.both),
    "a module": (lambda nodes: set_in(types.ModuleType("state"), nodes), lambda x: x.nodes),
    "a module by a name": (
        lambda nodes: set_in(types.ModuleType("state"), nodes),
        lambda x: getattr(x, "no" + "des"),
    ),
    "an attribute of a function": (lambda nodes: set_in(lambda: None, nodes), lambda x: x.nodes),
    "a function of an installed package": (installed, lambda x: x()),
    "annotations": (annotated, lambda x: x.__annotations__["nodes"]),
    "a text file of one's own": (lambda nodes: set_in(type("T", (io.StringIO,), {})(), nodes), lambda x: x.nodes),
    "globals": (list, lambda x: globals()["KEEPER"]),
    "the module itself": (list, lambda x: sys.modules[__name__].KEEPER),
}
KEEPER = READ = None


def by_keeper():
    square(*READ(KEEPER))


def by_name_alone():
    square(*READ(None))


@pytest.mark.parametrize("name", KEEPERS)
@REFUSING
def test_no_copy_of_a_node_writes_to_old_values_wherever_its_function_finds_them(copied, name, monkeypatch):
    make, read = KEEPERS[name]
    a = Value(3.0)
    out = Value(9.0, (a,), "square")
    for attribute, x in (("KEEPER", make((out, a))), ("READ", read)):
        monkeypatch.setitem(globals(), attribute, x)
    out._backward = by_name_alone if make is list else by_keeper
    with pytest.raises(TypeError, match=r"cannot .* Value.*'square'.*tied to the original Values"):
        copied(out)
    assert a.grad == out.grad == 0.0


class Options:
    """Answers as a dict does, and says so in a dict's way."""

    def __getattr__(self, name):
        return {}[name]


class Asked(types.ModuleType):
    """Has what it is asked for brought from far away."""

    def __getattr__(self, name):
        raise RuntimeError(name)


class Unmade:
    @property
    def __dict__(self):
        raise RuntimeError("not made yet")


METHODS_OF_NONE = types.MethodType(functools.partial(print), 1.0), functools.lru_cache(len), [].append
OTHERS = Options(), Asked("asked"), Unmade(), *METHODS_OF_NONE, contextvars.ContextVar("unset"), sys.stdout


def by_others():
    return OTHERS, mg.sum([Value(1.0), mg.Neuron(1)([1.0])]), itertools.count, pickle.dumps, copy


@pytest.mark.parametrize("copied", [*COPIES, copy.copy], ids=["deepcopy", "pickle", "copy"])
def test_objects_that_a_backward_knows_raise_nothing_of_theirs_where_its_node_is_copied(copied):
    out = Value(4.0, (Value(2.0),), "square")
    out._backward = by_others
    assert copied(out)._backward is by_others


METHOD_OF_SCRIPT = SquaringAll().__call__


def by_method_of_script():
    METHOD_OF_SCRIPT()


def test_a_method_that_a_backward_calls_is_looked_through(monkeypatch):
    a = Value(3.0)
    out = Value(9.0, (a,), "square")
    out._backward = by_method_of_script
    monkeypatch.setitem(globals(), "NODES", [out, a])
    with pytest.raises(TypeError, match="tied to the original Values"):
        copied_and_swept(out)


class Cubing(Tied):
    def cube(self):
        self._prev.copy().pop().grad += 3 * self.first.data**2 * self.grad


class CubingBySuper(Cubing):
    def cube(self):
        super().cube()


@copies
def test_super_ties_no_method(copied):
    a = Value(2.0)
    out = CubingBySuper(8.0, (a,), "cube")
    out.first, out._backward = a, out.cube
    twin = copied(out)
    twin.backward()
    assert (twin.first.grad, a.grad) == (12.0, 0.0)


@copies
def test_a_global_of_the_name_of_an_attribute_ties_no_method(copied, monkeypatch):
    a = Value(2.0)
    out = Cubing(8.0, (a,), "cube")
    out.first, out._backward = a, out.cube
    for name in ("first", "grad"):
        monkeypatch.setitem(globals(), name, a)
    twin = copied(out)
    twin.backward()
    assert (twin.first.grad, a.grad) == (12.0, 0.0)


@copies
def test_a_function_without_closure_is_copied_with_its_node(copied):
    a = Value(2.0)
    out = Value(4.0, (a,), "stop")
    out._backward = double_closure
    twin = copied(out)
    assert twin._backward is double_closure
    (twin * 2).backward()
    assert [v.grad for v in twin._prev] == [0.0]


class Stateful(Value):
    """What users of micrograd write so that their Values can be pickled: its closures cannot."""

    def __init__(self, data, _children=(), _op=""):
        super().__init__(data, _children, _op)
        self._backward = lambda: None
        self.lock = lambda: None

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k not in ("_backward", "lock")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._backward = self.lock = lambda: None


class Numbers(Stateful):
    def __getstate__(self):
        return {"data": self.data, "grad": self.grad, "note": self.note}

    def __setstate__(self, state):
        self.__init__(state["data"])
        self.grad, self.note = state["grad"], state["note"]


class Untied(Stateful):
    """What its own __getstate__ returns is set by Value's __setstate__: without a lock."""

    __setstate__ = Value.__setstate__
    lock = "of the class"


class Reduced(Stateful):
    def __reduce__(self):
        return type(self).again, (self.data, self.grad, self.note)

    @classmethod
    def again(cls, data, grad, note):
        out = cls(data)
        out.grad, out.note = grad, note
        return out


class Asking(Value):
    """Takes what Python would keep, and leaves out one attribute of it."""

    lock = staticmethod(repr)

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("lock", None)
        return state


class AskingReduce(Value):
    lock = staticmethod(repr)

    def __reduce__(self):
        return super().__reduce__()


class Setting(Value):
    """Restores the attributes as Python's documentation does, and has no __getstate__."""

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.lock = repr


class Stateless(Numbers):
    """Has nothing to restore but the number; __setstate__ is not called then."""

    note = ["n"]  # noqa: RUF012
    lock = staticmethod(repr)

    def __getstate__(self):
        return None


@pytest.mark.parametrize("copied", [*COPIES, copy.copy], ids=["deepcopy", "pickle", "copy"])
@pytest.mark.parametrize("cls", [Stateful, Numbers, Untied, Reduced, Asking, AskingReduce, Setting, Stateless])
def test_a_class_that_says_how_it_is_pickled_is_asked(copied, cls):
    v = cls(2.0)
    v.grad, v.note = -1.5, ["n"]
    with nothing_left_behind():
        twin = copied(v)
        assert (type(twin), twin.data, twin.grad, twin.note, callable(twin.lock)) == (
            *(cls, 2.0, -1.5, ["n"]),
            cls is not Untied,
        )
        if copied is not copy.copy and cls is not Reduced:
            root, part = copied((v * 3.0 + 1.0, v))
            root.backward()
            assert (root.data, part.grad, v.grad) == (7.0, 1.5, -1.5)
            del root, part
        del twin


def test_copies_are_nodes_of_their_own_and_die_on_their_own():
    a = Value(2.0)
    with nothing_left_behind():
        for copied in (*COPIES, copy.copy):
            twin = copied(a * 3 + 1)
            twin.backward()
            del twin


def test_methods_of_ops_are_pickled_by_their_names():
    """A network may keep one of them as its activation."""
    named = {f"{r}{name.lower()}" for name, row in zip(NAMES, OPS) if row.method for r in ("", "__", "__r")}
    names = [name + "__" * name.startswith("__") for name in named]
    methods = [getattr(Value, name) for name in names if hasattr(Value, name)]
    assert Value.tanh in methods and Value.__radd__ in methods
    assert by_pickle(methods) == methods
    assert by_pickle(Value(0.5).tanh)().data == Value(0.5).tanh().data


def test_a_second_pickler_starts_afresh():
    a = Value(2.0)
    b = a * 3
    first, second = pickle.dumps(b + 1), pickle.dumps(b + 1)
    assert len(first) == len(second)
    assert pickle.loads(first).data == pickle.loads(second).data == 7.0
    assert pickle.loads(pickle.dumps(b)).data == 6.0


def test_a_pickling_that_failed_does_not_harm_the_next():
    a = Value(2.0)
    b = a * 3
    b.bad = lambda: None  # cannot be pickled
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps((b + 1, b))
    del b.bad
    root, b2 = pickle.loads(pickle.dumps((b + 1, b)))
    assert b2 in root._prev and len(topological_order(root)) == 5


class ByData(Value):
    def __eq__(self, other):
        return isinstance(other, Value) and self.data == other.data

    def __hash__(self):
        return hash(self.data)


def test_values_that_compare_by_data_are_ordered_and_copied_by_identity():
    a, b = ByData(2.0), ByData(2.0)
    root = a * b
    assert list(map(id, topological_order(root))) == [id(a), id(b), id(root)]
    for twin in copy.deepcopy(root), pickle.loads(pickle.dumps(root)):
        first, second, _ = topological_order(twin)
        twin.backward()
        assert first is not second and first.grad == second.grad == 2.0


def test_a_pickler_that_is_kept_alive_changes_no_later_pickle():
    inner = Value(1.0)
    for _ in range(5000):
        inner = -inner
    root = inner * 2.0
    before = pickle.dumps(inner)
    for pickler in (pickle.Pickler(io.BytesIO()), pickle._Pickler(io.BytesIO())):
        pickler.dump(root)
        assert pickle.dumps(inner) == before


class Blob:
    """Pickles what it holds by itself."""

    def __init__(self, value):
        self.value = value

    def __getstate__(self):
        return pickle.dumps(self.value)

    def __setstate__(self, state):
        self.value = pickle.loads(state)


def test_a_pickle_made_while_another_is_made_needs_no_recursion():
    x = Value(1.0)
    for _ in range(5000):
        x = -x
    leaf, z = Value(2.0), x * 1.0
    leaf.blob = z.blob = Blob(x)
    _, q = pickle.loads(pickle.dumps((x, z * leaf)))
    for v in q._children:
        assert v.blob.value.data == 1.0 and len(topological_order(v.blob.value)) == 5001


def test_pickles_of_earlier_versions_load():
    pickled, numbers = pickle.loads((GOLDEN / "pickled.bin").read_bytes())
    assert golden_script("make_pickle").numbers(pickle.loads(pickled)) == numbers


def test_pickles_load_that_name_modules_in_which_things_stood_earlier():
    module = golden_script("make_moved")
    pickled, figures = pickle.loads((GOLDEN / "moved.bin").read_bytes())
    names, errors, stats = pickle.loads(pickled)
    now = module.named()
    jits = names.pop("jit"), now.pop("jit")  # the function or the module of this name
    assert names == now and all(map(callable, jits))
    assert [(type(e), e.args) for e in errors] == [(type(e), e.args) for e in module.ERRORS]
    assert type(stats) is mg.Stats and stats == figures and stats.rows == figures["rows"]
    from micrograd_c.engine import GradientError, Stats, gradcheck, stats

    assert (GradientError, Stats, gradcheck, stats) == (mg.GradientError, mg.Stats, mg.gradcheck, mg.stats)


def test_public_functions_and_classes_are_pickled_by_their_name():
    for module in (mg, mg.nn, mg.optim):
        for name in (*module.__all__, *(("sum",) if module is mg else ())):
            found = getattr(module, name)
            if callable(found):
                assert pickle.loads(pickle.dumps(found)) is found, name


def test_a_value_whose_init_another_thread_calls_is_copied_with_parts_that_belong_together(monkeypatch):
    def disturbing(f):
        def disturbed(*args):
            out = f(*args)
            if todo and args[0] is y:  # what another thread may do between any two steps
                y.__init__(*todo.pop())
            return out

        return disturbed

    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    leaf, custom, given = (1.0,), (2.0, (a, b)), (3.0, (a, b, c), (1.0, 2.0, 3.0))
    kinds = leaf, custom, given, (4.0, (a,), (b,)), (5.0, (c,), (7.0,))
    monkeypatch.setattr(_copying, "describe", disturbing(_copying.describe))
    monkeypatch.setattr(_copying, "slopes_of", disturbing(_copying.slopes_of))
    monkeypatch.setattr(_operands, "operands", disturbing(_operands.operands))
    monkeypatch.setattr(_copying.core, "operands", disturbing(_copying.core.operands))
    for first, second, third in itertools.product(kinds, repeat=3):
        for copied in (copy.copy, *COPIES):
            y, todo = Value(*first), [third, second]
            z = copied(y)
            assert not todo
            assert (len(z._children), z.data) in [(len(k[1:] and k[1]), k[0]) for k in (first, second, third)]
            z.backward()
