"""Attributes of Values: set, deleted, and asked for through a core."""

import abc
import copy
import dataclasses
import functools
import gc
import itertools
import math
import operator
import pickle
import sys
import typing
import weakref

import micrograd.engine
import micrograd.nn
import pytest
from support import PYPY, collect, live_nodes, nothing_left_behind

from micrograd_c import Value, nn
from micrograd_c._core import core


class Sub(Value):
    pass


class Slotted(Value):
    __slots__ = ("place",)


@pytest.mark.parametrize("cls", [Value, Sub, Slotted])
def test_an_attribute_can_be_deleted_once(cls):
    v = cls(1.0)
    for attributes in (False, True):  # has it any?
        if attributes:
            v.note = 1
            del v.note
        for name in ("note", "absent", "relu"):
            with pytest.raises(AttributeError, match=name):
                delattr(v, name)
    assert not hasattr(v, "note") and v.relu().data == 1.0


@pytest.mark.parametrize("name", ["note", "absent", "data", "_op"])
def test_deleting_says_the_same_of_a_value_as_of_a_subclass(name):
    told = []
    for cls in (Value, Slotted):
        with pytest.raises(AttributeError) as raised:
            delattr(cls(1.0), name)
        told.append(str(raised.value).replace(cls.__name__, "Value"))
    assert told[0] == told[1] and (name in told[0] or PYPY)  # which does not name it


def test_the_core_reads_and_sets_attributes_past_all_properties():
    v = Value(1.0)
    v.note = 5
    core.put(v, "other", 6)
    assert (core.peek(v, "note"), core.peek(v, "other"), core.peek(v, "absent")) == (5, 6, None)
    assert core.attributes(v) == {"note": 5, "other": 6}


def test_label_and_closure_of_a_node_are_no_attributes_of_the_user():
    a = Value(1.0)
    out, late = Value(2.0, (a,), "twice"), a * 2.0
    out._backward = late._backward = put = lambda: None
    late._op = "late"
    for v, label in (out, "twice"), (late, "late"):
        assert vars(v) == {}
        assert core.attributes(v) == {"_op": label, "_backward": put}
        assert (v._op, v._backward) == (label, put)


class Doubling(Value):
    __slots__ = ()

    def twice(self):
        return self * 2.0


def test_a_value_becomes_one_of_a_subclass_without_attributes_of_its_own_and_back():
    v = Value(3.0)
    out = v + 1.0
    v.__class__ = Doubling
    assert type(v) is Doubling and vars(v) == {} and v.twice().data == 6.0
    out.backward()
    assert v.grad == 1.0
    v.__class__ = Value
    assert type(v) is Value and not hasattr(v, "twice") and v.data == 3.0


def test_a_class_that_holds_a_reader_of_a_value_that_has_become_one_of_it_is_freed():
    class Holding(Value):
        __slots__ = ()

    v, gone = Value(1.0), []
    Holding.reader = v * 2.0
    weakref.finalize(Holding, gone.append, True)
    v.__class__ = Holding
    del v, Holding
    gc.collect()
    assert gone == [True]


@pytest.mark.parametrize("wrong", [int, 3, Ellipsis])
def test_what_is_no_class_of_values_is_refused_as_python_does(wrong):
    v = Value(1.0)
    with pytest.raises(TypeError, match="__class__"):
        v.__class__ = wrong
    with pytest.raises(TypeError, match="__class__"):
        del v.__class__
    assert type(v) is Value and vars(v) == {}


def test_a_class_with_more_memory_is_set_by_the_core_in_python_and_refused_by_the_other():
    v = Value(1.0)
    if core.NAME == "native":
        with pytest.raises(TypeError, match=r"Sub.* differs; .* __slots__ = \(\)"):
            v.__class__ = Sub
    else:
        v.__class__ = Sub
    assert isinstance(v, Sub) == (core.NAME != "native") and vars(v) == {} and v.data == 1.0


@pytest.mark.parametrize("cls", [Value, Sub, Doubling])
def test_the_dict_of_attributes_may_be_replaced(cls):
    v = cls(1.0)
    v.note = 1
    v.__dict__ = new = {"other": 2}
    assert v.other == 2 and not hasattr(v, "note") and vars(v) == new
    v.third = 3
    assert new == {"other": 2, "third": 3}
    with pytest.raises(TypeError, match="__dict__ must be set to a dictionary"):
        v.__dict__ = 5
    del v.__dict__
    assert vars(v) == {} and v.data == 1.0


def test_a_value_that_its_new_attributes_refer_to_is_freed():
    v = Value(1.0)
    gone = weakref.ref(v)
    v.__dict__ = {"reader": v * 2.0}
    del v
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(core.NAME != "native", reason="the other core leaves that to Python")
@pytest.mark.parametrize(
    "call",
    [
        core.handle_of,
        core.operands,
        core.attributes,
        core.forget_made,
        lambda x: core.handles([Value(1.0), x]),
        lambda x: core.peek(x, "note"),
        lambda x: core.put(x, "note", 1),
        lambda x: core.own(x, None, None, int),
        lambda x: core.sweep(x, 1.0),
    ],
)
def test_what_is_no_value_is_refused_by_the_native_core(call):
    with pytest.raises(TypeError, match="Value"):
        call(1)


def test_a_property_of_a_subclass_comes_before_its_dict_as_python_has_it():
    class Noted(Value):
        @property
        def note(self):
            return "property"

        @note.setter
        def note(self, text):
            raise AssertionError("nobody assigns it")

    v = Noted(1.0)
    vars(v)["note"] = "dict"
    assert v.note == "property"


class Ending(Value):
    """A class with a finalizer of its own."""

    __slots__ = ()

    def __del__(self):
        self.gone.append(self.data)


@pytest.mark.parametrize("before", ["nothing", "closure", "there and back"])
def test_a_value_that_becomes_one_of_a_class_with_a_finalizer_gives_its_node_back(before):
    gone, a = [], Value(5.0)
    with nothing_left_behind():
        v = Value(2.0, (a,))
        if before == "closure":
            v._backward = lambda: setattr(a, "grad", 4.0)
        v.gone = gone
        v.__class__ = Ending
        if before == "there and back":
            v.__class__ = Value
            v.__class__ = Ending
        (v * 3.0).backward()
        assert (
            v.grad == 3.0 and type(v) is v.__class__ is Ending and a.grad == (4.0 if before == "closure" else 0.0)
        )
        del v
        collect()
        assert gone == [2.0]


class Replacing:
    """A key of attributes: whoever compares it with a name finds that the Value has others by now."""

    def __init__(self, value, name):
        self.value, self.name = value, name

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, name):
        self.value.__dict__ = {}
        self.junk = [dict.fromkeys("abc") for _ in range(50)]  # where the others were
        return False


USES = {
    "read": lambda v: hasattr(v, "note"),
    "delete": lambda v: "note" in vars(v) and delattr(v, "note"),
    "the core": lambda v: core.peek(v, "note"),
}
if core.NAME == "native":  # in the classes of others Python itself dies of it, up to 3.11
    USES["set"] = lambda v: setattr(v, "note", 1)


@pytest.mark.parametrize("use", USES)
def test_attributes_may_be_replaced_while_one_is_looked_for(use):
    for _ in range(100):
        v = Value(1.0)
        v.__dict__ = {Replacing(v, "note"): [], "other": []}
        USES[use](v)
        assert "other" not in vars(v)


class Removing:
    """A key by which all attributes go, as soon as it is told to."""

    value = None

    def __hash__(self):
        return hash("note")

    def __eq__(self, name):
        if self.value is not None:
            del self.value.__dict__
        return False


USES_OF_NOTE = {
    "delete": lambda v: delattr(v, "note"),
    "set": lambda v: setattr(v, "note", 1),
    "the core": core.attributes,
}


@pytest.mark.parametrize("use", USES_OF_NOTE)
@pytest.mark.parametrize("cls", [Value, Sub, Slotted])
def test_attributes_may_be_gone_while_one_of_them_is_used(cls, use):
    v = cls(1.0)
    keys = [Removing(), Removing()]
    vars(v).update({key: [] for key in [*keys, "note"]})
    for key in keys:
        key.value = v
    USES_OF_NOTE[use](v)
    for key in keys:
        key.value = None
    v.note = 3
    assert v.note == 3 and v.data == 1.0


@pytest.mark.parametrize("name", ["label", "name", "_children", "_local_grads", "note", "exp", "_topo"])
def test_what_a_script_may_assign_it_may_assign_as_anything_and_delete(name):
    v = Value(2.0)
    node, made = v * v, getattr(v * 3, name, None)
    for x in (0, "text", [1], "last"):
        setattr(node, name, x)
        assert getattr(node, name) is x
    delattr(node, name)
    assert type(getattr(node, name, None)) is type(made)
    if name != "exp":
        with pytest.raises(AttributeError):
            delattr(node, name)
    node.backward()
    assert v.grad == 4.0


OTHER = Value(7.0)


class Answering(Value):
    """A class that has an answer for each name that it does not know."""

    answer = None

    def __getattr__(self, name):
        return type(self).answer(name)


class Overruling(Answering):
    """And one that has it for private names that it knows."""

    def __getattribute__(self, name):
        hidden = name.startswith("_") and not name.endswith("__") and not hasattr(type(self), name)
        return type(self).answer(name) if hidden else object.__getattribute__(self, name)


@pytest.mark.parametrize("cls", [Answering, Overruling])
@pytest.mark.parametrize(
    "answer", [lambda name: 0, lambda name: None, lambda name: {}[name], OTHER.__getattribute__]
)
def test_a_class_that_answers_for_every_name_has_nodes_of_its_own(cls, answer, monkeypatch):
    monkeypatch.setattr(Answering, "answer", staticmethod(answer))
    before = live_nodes()
    v = cls(2.0)
    root = v * cls(3.0, (v,), (1.0,))
    root.backward()
    assert (v.data, v.grad, root.data, v._op) == (2.0, 5.0, 6.0, "")
    assert copy.copy(v).data == copy.deepcopy(v).data == pickle.loads(pickle.dumps(v)).data == 2.0
    cls.__new__(cls)  # dies without a node, and takes none along
    del v, root
    assert live_nodes() == before and OTHER.data == 7.0


class Registry(type):
    def __getattr__(cls, name):
        return f"{name} of {cls.__name__}"


def test_a_getattr_of_a_metaclass_is_asked_for_the_class_alone():
    class Registered(Value, metaclass=Registry):
        pass

    v = Registered(2.0)
    (v * v).backward()
    assert (v.data, v.grad, Registered.absent, hasattr(v, "absent")) == (2.0, 4.0, "absent of Registered", False)


class Allowing(Value):
    """A class that takes only the attributes that it knows, as guards of user's classes do."""

    def __setattr__(self, name, attribute):
        if name not in ("data", "grad", "name"):
            raise AttributeError(f"no {name}")
        super().__setattr__(name, attribute)

    def __delattr__(self, name):
        raise AttributeError(f"{name} stays")


class Keeping(Value):
    """One that writes into the dictionary, past all descriptors."""

    def __setattr__(self, name, attribute):
        self.__dict__[name] = attribute


@pytest.mark.parametrize("cls", [Allowing, Keeping])
def test_a_class_with_a_setattr_of_its_own_has_nodes_of_its_own(cls):
    before = live_nodes()
    v = cls(2.0)
    root = v * cls(3.0, (v,), (1.0,))
    root.backward()
    assert (v.data, v.grad, root.data) == (2.0, 5.0, 6.0)
    if cls is Allowing:
        with pytest.raises(AttributeError, match="no note"):
            v.note = 1
        with pytest.raises(AttributeError, match="name stays"):
            del v.name
    del v, root
    assert live_nodes() == before


# ---- __init__ of a user's class that sets what micrograd's sets -------------------------------------------------


def as_micrograd(self, data, _children=(), _op=""):
    self.data = data
    self.grad = 0
    self._backward = lambda: None
    self._prev = set(_children)
    self._op = _op


def in_another_order(self, data, _children=(), _op=""):
    self.grad = 0.0
    self._op = _op
    self._backward = lambda: None
    self.data = data
    self._prev = set(_children)


def data_alone(self, data, _children=(), _op=""):
    self.data = data
    self._prev = _children
    if _op:
        self._op = _op


def before_super(self, data, _children=(), _op=""):
    self.data = data
    self.grad = 0
    Value.__init__(self, data, _children, _op)


@pytest.mark.parametrize("given", ["float", "numpy"])
@pytest.mark.parametrize("init", [as_micrograd, in_another_order, data_alone, before_super])
def test_an_init_may_set_what_that_of_micrograd_sets_and_call_no_other(init, given):
    number = float if given == "float" else pytest.importorskip("numpy").float64
    cls = type("Mine", (Value,), {"__init__": init})
    before = live_nodes()
    a, b = cls(number(2.0)), cls(number(-3.0))
    out = cls(number(10.0), (a, b), "mine")

    def backward():
        a.grad += 5 * out.grad
        b.grad += 7 * out.grad

    out._backward = backward
    root = (out * a + b.tanh()) * 2.0
    root.backward()
    assert (root.data, out._op, out._prev) == (2.0 * (20.0 + math.tanh(-3.0)), "mine", {a, b})
    assert (out.grad, a.grad) == (4.0, 40.0) and b.grad == pytest.approx(28.0 + 2.0 - 2.0 * math.tanh(-3.0) ** 2)
    a.data = 4.0
    assert (type(a), (a + 1).data, a.grad) == (cls, 5.0, 40.0)
    if number is float:
        with pytest.raises(ZeroDivisionError):
            _ = 1.0 / cls(0.0)
    else:
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            assert (1.0 / cls(number(0.0))).data == math.inf
    a = b = out = root = backward = None
    assert live_nodes() == before


@pytest.mark.parametrize("first", ["data", "grad", "_backward", "_prev", "_op"])
@pytest.mark.parametrize("then_super", [False, True])
@pytest.mark.parametrize("grad", [0, 7.0])
def test_an_init_may_set_them_in_any_order(first, then_super, grad):
    rest = {"data", "grad", "_backward", "_prev", "_op"} - {first}
    for order in itertools.permutations(sorted(rest)):
        set_in_order((first, *order), then_super, grad)


def set_in_order(order, then_super, grad):
    class Mine(Value):
        def __init__(self, data, _children=(), _op=""):
            attributes = {"data": data, "grad": grad, "_prev": set(_children), "_op": _op}
            attributes["_backward"] = lambda: None
            for name in order:
                setattr(self, name, attributes[name])
            if then_super:
                super().__init__(data, _children, _op)

    before = live_nodes()
    a, b = Mine(2.0), Mine(3.0)
    out = Mine(6.0, (a, b), "mine")

    def backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = backward
    root = out * a
    root.backward()
    g = 0.0 if then_super else grad  # each has had it
    assert (root.data, out._op, out._prev) == (12.0, "mine", {a, b})
    assert (out.grad, a.grad, b.grad) == (g + 2.0, g + 6.0 + 3.0 * (g + 2.0), g + 2.0 * (g + 2.0))
    a = b = out = root = backward = None
    assert live_nodes() == before


def by_decorator(bases, name, attribute):
    cls = type("Weight", bases, {})
    setattr(cls, name, attribute)
    return cls


def by_subclass(bases, name, attribute):
    cls = type("Weight", bases, {})
    below = type("Below", (cls,), {})
    setattr(cls, name, attribute)
    return below


def by_metaclass(bases, name, attribute):
    class Meta(type):
        def __new__(meta, *given):
            return by_decorator(given[1], name, attribute)

    return Meta("Weight", bases, {})


def by_init_subclass(before, after):
    def made(bases, name, attribute):
        class Mixin:
            def __init_subclass__(cls):
                if after:
                    super().__init_subclass__()
                setattr(cls, name, attribute)
                if before:
                    super().__init_subclass__()

        return type("Weight", (Mixin, *bases), {})

    return made


MIXED = {
    "body": lambda bases, name, x: type("Weight", bases, {name: x}),
    "mixin": lambda bases, name, x: type("Weight", (type("Mixin", (), {name: x}), *bases), {}),
    "mixin of a base": lambda bases, name, x: type("Weight", (MIXED["mixin"](bases, name, x),), {}),
    "mixin, annotated": lambda bases, name, x: type(
        "Weight", (type("Mixin", (), {name: x}), *bases), {"__annotations__": {name: object}}
    ),
    "decorator": by_decorator,
    "assigned to a base": by_subclass,
    "metaclass": by_metaclass,
    "early __init_subclass__": by_init_subclass(True, False),
    "late __init_subclass__": by_init_subclass(False, True),
    "lone __init_subclass__": by_init_subclass(False, False),
}


@pytest.mark.parametrize("made", MIXED)
@pytest.mark.parametrize(
    "name, attribute", [("data", 7.0), ("grad", 0), ("_op", "x"), ("_prev", ()), ("_backward", 1)]
)
@pytest.mark.parametrize("bases", [(Value,), (Sub,)])
def test_a_class_attribute_hides_nothing_that_an_instance_has(made, name, attribute, bases):
    cls = MIXED[made](bases, name, attribute)
    v = cls(2.0)
    out = cls(5.0, (v,), "mine")
    out._backward = lambda: setattr(v, "grad", v.grad + 4.0 * out.grad)
    (out * 3.0 + v).backward()
    assert (v.data, v.grad, v._op, v._prev, out._op, out._prev) == (2.0, 13.0, "", set(), "mine", {v})
    v.grad, v.data = 0.0, 6.0
    assert (v.grad, (v * 2).data, v._backward()) == (0.0, 12.0, None)
    mixins = [c for c in cls.__mro__ if c.__name__ == "Mixin"]
    assert all(getattr(c, name, attribute) is attribute for c in mixins)


@pytest.mark.parametrize("first", ["read", "assign"])
def test_an_annotated_attribute_is_that_of_value_once_there_is_an_instance(first):
    class Typed(Value):
        data: float
        grad: float = 0.0

    class Narrower(Typed):
        data: float

    assert not hasattr(Narrower, "data") and Typed.grad == 0.0
    for v in Narrower(1.0), Typed(1.0):
        for name in ("data", "grad"):
            if first == "assign":
                setattr(v, name, 2.0)
            getattr(v, name)
    for name in ("data", "grad"):
        assert getattr(Value, name) is getattr(Typed, name) is getattr(Narrower, name)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("bases", ["Value", "Mixin, Value"])
@pytest.mark.filterwarnings("error")
def test_a_class_that_has_attributes_of_value_goes_to_other_processes(made, bases):
    cloudpickle = pytest.importorskip("cloudpickle")
    namespace = {"Value": Value, "__name__": "__main__"}
    names = ("data", "grad", "_prev", "_op", "_backward")
    hiding, annotated = ("; ".join(f"{name} {sign} None" for name in names) for sign in "=:")
    body = annotated if bases == "Value" else "pass"
    exec(f"class Mixin: {hiding}\nclass Typed({bases}): {body}; note = 1", namespace)
    Typed = namespace["Typed"]
    v = Typed(3.0) if made else None
    twin, of_values = cloudpickle.loads(cloudpickle.dumps((v, Typed)))
    assert twin is None or twin.data == 3.0
    assert (of_values(2.0) * of_values(4.0)).data == 8.0 and of_values.note == 1


def test_a_dataclass_may_have_data_as_a_field():
    @dataclasses.dataclass(eq=False)
    class Measured(Value):
        data: float
        unit: str = "m"

        def __post_init__(self):
            super().__init__(self.data)

    a, b = Measured(2.0), Measured(3.0, unit="s")
    (a * b + a).backward()
    assert (a.data, a.grad, b.grad, b.unit) == (2.0, 4.0, 2.0, "s")


@pytest.mark.parametrize("slots", [False, True] if sys.version_info >= (3, 10) else [False])
def test_a_dataclass_has_the_defaults_of_its_fields_whatever_they_are_called(slots):
    @dataclasses.dataclass(eq=False, **({"slots": True} if slots else {}))
    class Node(Value):
        data: float
        unit: str
        grad: float = 0.0
        _prev: set = dataclasses.field(default_factory=set)
        _op: str = dataclasses.field(default="")
        _backward: object = dataclasses.field(default=lambda: None)

        def times(self, other):
            out = Node(self.data * other.data, self.unit, _prev={self, other}, _op="times")

            def backward():
                self.grad += other.data * out.grad
                other.grad += self.data * out.grad

            out._backward = backward
            return out

    fields = [(f.name, f.default) for f in dataclasses.fields(Node)]
    missing = dataclasses.MISSING
    assert fields[:5] == [("data", missing), ("unit", missing), ("grad", 0.0), ("_prev", missing), ("_op", "")]
    assert Node.grad == 0.0 or slots
    a, b = Node(2.0, "m"), Node(3.0, "s")
    c = a.times(b)
    (c * c + a).backward()
    assert (c._op, c._prev, c.unit, a._op, a._prev) == ("times", {a, b}, "m", "", set())
    assert (a.grad, b.grad, c.grad) == (37.0, 24.0, 12.0)
    a.data, a.grad = 5.0, 0
    assert (a * 2).data == 10.0 and a.grad == 0.0


def test_what_micrograds_value_does_not_have_may_be_assigned():
    class Labelled(Value):
        def __init__(self, data, _children=(), _op=""):
            super().__init__(data, _children, _op)
            self._children = list(_children)
            self._local_grads = [1.0 for _ in _children]

    for cls in (Value, Labelled):
        a, b = cls(2.0), cls(3.0)
        c = cls(5.0, (a, b), "mine")
        c._children, c._local_grads = [a, b], "given later"
        c._backward = lambda a=a, b=b: [setattr(v, "grad", v.grad + 7.0) for v in (a, b)]
        d = a * b
        assert (d._children, d._local_grads) == ((a, b), (3.0, 2.0))
        d._children = "mine"
        c.backward()
        assert (c._children, c._local_grads, d._children, a.grad) == ([a, b], "given later", "mine", 7.0)
        assert (d._prev, c._prev) == ({a, b}, {a, b})
        copied = copy.deepcopy(d)
        c._children = c._local_grads = None
        assert (c._children, c._local_grads) == (None, None)
        assert copied._children == "mine" and [v.data for v in Labelled(1.0, [d])._children] == [6.0]


def test_a_value_has_no_number_before_it_is_given_one():
    half = Sub.__new__(Sub)
    half.grad = 0.0
    with pytest.raises(TypeError, match="data must be a number, not str"):
        half.data = "2"
    with pytest.raises(RuntimeError, match="this Value has no node"):
        _ = half.data
    half.data = 2
    assert (half.data, half.grad) == (2.0, 0.0)


MINE = ("_a", "_b", "_h", "_label", "_closure", "_owned", "_node", "_handle", "_children", "_local_grads", "_name")


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize("cls", [Value, Sub])
def test_no_name_that_a_script_may_use_is_the_engines(cls, name):
    for other in (5.0, "mine", None, Value(9.0), (), [1]):
        a, b = cls(2.0), cls(3.0)
        by_op, by_hand = a * b, cls(4.0, (a,), "hand")
        by_hand._backward = lambda a=a, n=by_hand: setattr(a, "grad", a.grad + 7.0 * n.grad)
        root = by_op + by_hand
        for v in (a, b, by_op, by_hand, root):
            setattr(v, name, other)
        nothing = name.startswith(("_children", "_local")) and other is None  # read as if it had not been assigned
        assert nothing or all(getattr(v, name) is other for v in (a, by_op, by_hand, root))
        del by_op, v
        collect()
        root.backward()
        assert (a.grad, b.grad, root._op, by_hand._op, by_hand._prev, a._op) == (10.0, 2.0, "+", "hand", {a}, "")
        assert (root.data, (a * b).data, len(root._prev)) == (10.0, 6.0, 2)


def test_a_class_may_have_methods_and_slots_of_names_that_micrograds_value_does_not_have():
    class Methods(Value):
        def _children(self):
            return "mine"

        _local_grads = 3

    class Slots(Value):
        __slots__ = ("_children", "_local_grads")

    m, s = Methods(2.0), Slots(3.0)
    s._children = s._local_grads = "slot"
    root = m * s
    root.backward()
    assert (m._children(), m._local_grads, s._children, s._local_grads) == ("mine", 3, "slot", "slot")
    assert (m.grad, s.grad, copy.copy(s)._children, copy.deepcopy(root)._prev != root._prev) == (
        3.0,
        2.0,
        "slot",
        True,
    )


# ---- comparisons -------------------------------------------------------------------------------------------------


class Uncompared:
    """Has no comparisons, as micrograd's Value."""

    def __init__(self, data):
        self.data, self.grad = data, 0.0


def smaller(self, other):
    return abs(self.data) < abs(other.data)


def not_smaller(self, other):
    return self.grad >= other.grad


def by_mixin(base, body):
    return type("P", (type("Ordered", (), body), base), {})


def by_mixin_behind(base, body):
    return type("P", (base, type("Ordered", (), body)), {})


def by_setattr(base, body):
    cls = type("P", (base,), {})
    for name, x in body.items():
        setattr(cls, name, x)
    return cls


def by_setattr_late(base, body):
    cls = type("P", (base,), {})
    cls(2.0)
    for name, x in body.items():
        setattr(cls, name, x)
    return cls


def by_mixin_late(base, body):
    mixin = type("Ordered", (), {})
    cls = type("P", (mixin, base), {})
    cls(2.0)
    for name, x in body.items():
        setattr(mixin, name, x)
    return cls


def by_total_ordering(base, body):
    return functools.total_ordering(type("P", (base,), body))


def by_total_ordering_of_a_mixin(base, body):
    return functools.total_ordering(by_mixin_behind(base, body))


def by_dataclass(base, body):
    cls = by_mixin(base, body)
    return dataclasses.dataclass(init=False, eq=True, order=True, unsafe_hash=True)(cls)


def by_a_class_above(base, body):
    return type("Q", (type("P", (base,), body),), {"__ge__": not_smaller})


WAYS = [lambda base, body: type("P", (base,), body), by_mixin, by_mixin_behind, by_setattr, by_setattr_late]
WAYS += [by_mixin_late, by_total_ordering, by_total_ordering_of_a_mixin, by_dataclass]


@pytest.mark.parametrize("body", [{"__lt__": smaller}, {"__gt__": not_smaller}, {"__le__": smaller}], ids=list)
@pytest.mark.parametrize("way", [*WAYS, by_a_class_above])
def test_a_class_that_has_one_comparison_has_that_alone(way, body):
    def answers(base):
        values = [*map(way(base, body), (1.0, -5.0, 3.0))]
        values[1].grad = 2.0
        for compare in (operator.lt, operator.le, operator.gt, operator.ge):
            for x, y in itertools.product(values, values):
                try:
                    yield compare(x, y)
                except TypeError:
                    yield TypeError
        if "__le__" not in body:
            yield max(values).data, min(values).data, [v.data for v in sorted(values)]

    assert [*answers(Value)] == [*answers(Uncompared)]


@pytest.mark.parametrize("names", [["__lt__"], ["__gt__"], ["__lt__", "__le__", "__gt__", "__ge__"]], ids=len)
def test_a_comparison_that_value_itself_gets_is_the_one_that_counts(names, monkeypatch):
    for name in names:
        monkeypatch.setattr(Value, name, not_smaller if "g" in name else smaller)
    cls = type("Plain", (Uncompared,), {name: getattr(Value, name) for name in names})
    made, expected = ([*map(c, (1.0, -5.0, 3.0))] for c in (Value, cls))
    assert [max(made).data, min(made).data] == [max(expected).data, min(expected).data]
    below = type("P", (Value,), {"__lt__": lambda self, other: "mine"})
    others = [getattr(vars(below).get(x, getattr(below, x)), "__name__", "") for x in names[1:]]
    assert others == [getattr(Value, x).__name__ for x in names[1:]]
    assert (below(1.0) < below(2.0)) == "mine"


def test_comparisons_by_super_compare_data():
    calls = []

    class Logged(Value):
        def __lt__(self, other):
            calls.append("<")
            return super().__lt__(other)

        def __gt__(self, other):
            calls.append(">")
            return super().__gt__(other)

    a, b = Logged(1.0), Logged(2.0)
    assert (a < b, a > b, a < 3, calls) == (True, False, True, ["<", ">", "<"])


class Falling(Value):
    def __gt__(self, other):
        return not super().__lt__(other)


class Highest(Value):
    def __lt__(self, other):
        return super().__gt__(other)


def test_another_comparison_by_super_compares_data():
    a, b = Highest(1.0), Highest(2.0)
    assert (a < b, b < a, sorted([a, b]) == [b, a]) == (False, True, True)
    assert (Falling(1.0) > Falling(2.0), Falling(1.0) < Falling(2.0)) == (False, True)


def test_a_class_beside_it_with_comparisons_is_asked():
    def answers(base):
        price = type("Price", (base,), {"__lt__": not_smaller, "__gt__": smaller})
        other = type("Other", (base,), {})
        a, b = other(1.0), price(-2.0)
        return a < b, b < a, a > b, b > a, max(a, b).data, max(b, a).data, sorted([a, b])[0].data

    assert answers(Value) == answers(Uncompared)


# ---- what stands behind ------------------------------------------------------------------------------------------


NO_ATTRIBUTES = ("__class__", "__new__", "__init_subclass__", "__slots__", "__dict__", "__weakref__", "__doc__")


def only_ours(ours, theirs):
    """Return what our class has, and micrograd's neither has nor sets on its instances."""
    of_object = {name for name in dir(object) if getattr(ours, name, None) is getattr(object, name)}
    own = {name for cls in theirs.__mro__[:-1] for name in vars(cls)}
    set_by_init = {"data", "grad", "_prev", "_op", "_backward", "w", "b", "nonlin", "neurons", "layers"}
    names = {name for name in dir(ours) if not name.startswith("_mg_")}
    return names - of_object - own - set_by_init - {*NO_ATTRIBUTES, "__module__", "__annotations__"}


PAIRS = [(Value, micrograd.engine.Value)]
PAIRS += [(getattr(nn, name), getattr(micrograd.nn, name)) for name in ("Module", "Neuron", "Layer", "MLP")]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda cls: cls.__name__)
def test_what_stands_behind_a_class_comes_before_what_only_ours_has(ours, theirs):
    names = only_ours(ours, theirs)
    assert names >= ({"log", "clip", "__bool__"} if ours is Value else {"state_dict", "__getstate__"})
    for name in names:

        class Behind:
            pass

        mark = lambda self, *_: "behind"  # noqa: E731
        setattr(Behind, name, mark)

        def by_super(self, *given, name=name):
            return getattr(super(type(self), self), name)(*given)

        for body in ({}, {name: by_super}):
            cls = type("Both", (ours, Behind), body)
            expected = type("Both", (theirs, Behind), body)
            assert getattr(cls, name) is (by_super if body else mark) is getattr(expected, name), name
            if not name.startswith("__"):  # Python asks an object that is no more than made
                assert getattr(super(cls, cls), name) is mark, name
            lower = type("Lower", (type("Low", (cls,), {}),), {})
            assert getattr(lower, name) is (by_super if body else mark), name
        below = type("Below", (type("Above", (ours,), {}), type("Nearer", (Behind,), {name: by_super})), {})
        assert getattr(below, name) is by_super, name
        above = type("Below", (type("Above", (ours,), {name: by_super}), Behind), {})
        assert getattr(above, name) is by_super, name
        if ours in (nn.Layer, nn.MLP):  # a mixin may be a module itself
            assert getattr(type("Both", (ours, type("Other", (nn.Module,), {name: mark})), {}), name) is mark, name


def test_what_stands_behind_may_be_none_but_hash():
    behind = type("Behind", (), {"name": None, "label": None, "greater": None, "__hash__": None})
    v = type("Both", (Value, behind), {})(1.0)
    assert (v.name, v.label, v.greater, {v: 1}[v]) == (None, None, None, 1)


def test_bases_behind_that_say_nothing_leave_the_class_as_it_is():
    class Says(abc.ABC, typing.Generic[typing.TypeVar("T")]):
        @abc.abstractmethod
        def __float__(self):
            """Say what a class has to have."""

        __hash__ = None

    class Both(Value, Says):
        pass

    v = Both(2.0)
    with pytest.warns(UserWarning, match="turned into a float"):
        assert (float(v), v.log().data, {v: 1}[v], Both.__bases__) == (2.0, math.log(2.0), 1, (Value, Says))


# ---- arrays ------------------------------------------------------------------------------------------------------


class ByData:
    def __eq__(self, other):
        return self.data == getattr(other, "data", None)

    __hash__ = object.__hash__


@pytest.mark.parametrize("mixins", [(), (ByData,)], ids=len)
@pytest.mark.parametrize("makes", ["itself", "below"])
def test_an_array_is_compared_item_by_item(makes, mixins):
    np = pytest.importorskip("numpy")

    def answers(base):
        cls = base if makes == "itself" and not mixins else type("Below", (*mixins, base), {})
        a, b, c = map(cls, (1.0, 2.0, 1.0))
        array = np.array([[a, b], [c, a]], dtype=object)
        yield (array == a).tolist(), (array != a).tolist(), b in array, cls(5.0) in array, len(array[array != b])
        yield a != b, a != a, a != None, a == None, a == "a"  # noqa: E711
        if not mixins:
            yield (a == array).tolist(), (a != array).tolist(), (np.array([1.0, 2.0]) == a).tolist()

    assert [*answers(Value)] == [*answers(micrograd.engine.Value)]


# ---- classes of all kinds ----------------------------------------------------------------------------------------


def test_a_label_is_its_own_text_where_the_class_has_a_property_name():
    class Named(Value):
        @property
        def name(self):
            return f"<{self.label}>"

    a, b = Named(1.0), Named(2.0, label="b")
    a.label = "a"
    assert (a.name, b.name, a.label, Named(3.0).name, copy.copy(a).name) == ("<a>", "<b>", "a", "<>", "<a>")


def test_a_length_of_a_metaclass_is_none_of_its_values():
    registry = type("Registry", (type,), {"__len__": lambda cls: 0, "__bool__": lambda cls: False})
    assert bool(registry("V", (Value,), {})(0.0)) is True
    assert bool(type("V", (Value,), {"__len__": lambda self: 0})(1.0)) is False


@pytest.mark.parametrize("body", [{"__lt__": smaller}, vars(ByData)], ids=["<", "=="])
def test_a_class_with_slots_and_comparisons_has_attributes_and_copies(body):
    own = {x: y for x, y in body.items() if x in ("__lt__", "__eq__", "__hash__")}
    v = type("V", (Value,), {"__slots__": ("tag",), **own})(2.0)
    v.note, v.tag = 1, 3
    twin = copy.deepcopy(v)
    assert (vars(v), twin.note, twin.tag, copy.copy(v).data) == ({"note": 1}, 1, 3, 2.0)


def test_operators_that_leave_a_class_below_without_an_order_are_used():
    plain, above = type("Plain", (Value,), {}), type("Above", (Value,), {})
    middle = type("Middle", (above, plain), {})
    below = type("Below", (middle, plain), {})
    _ = above(1.0), below(1.0)
    below.__mul__ = lambda self, other: Value.__mul__(self, other)
    _ = 1.0 / below(2.0)
    above.__pow__ = lambda self, k: Value(7.0)
    assert [(2.0 / cls(4.0)).data for cls in (above, below)] == [14.0, 14.0]


def test_a_class_may_get_operators_while_one_below_it_has_mixins():
    mixin = type("Mixin", (), {})
    above = type("Above", (mixin, Value), {})
    cls = type("P", (above,), {})
    first = cls.__add__
    cls.__add__ = lambda self, other: first(self, other)
    below = type("Below", (cls, mixin), {})
    assert [(c(1.0) + 1).data for c in (cls, below)] + [(1 + c(1.0)).data for c in (cls, below)] == [2.0] * 4


class Reduced(Value):
    def __reduce__(self):
        return type(self), (self.data + 3.0,)


class ReducedEx(Value):
    def __reduce_ex__(self, protocol):
        return type(self), (self.data + 3.0,)


class Reducing:
    def __reduce__(self):
        return type(self), (self.data + 3.0,)


class ReducedByMixin(Reducing, Value):
    pass


class ReducedFromBehind(Value, Reducing):
    pass


class ReducedBySuper(Value):
    def __reduce__(self):
        return super().__reduce__()


@pytest.mark.parametrize("cls", [Reduced, ReducedEx, ReducedByMixin, ReducedFromBehind])
def test_copies_ask_the_reduce_of_a_class(cls):
    twins = copy.copy(cls(1.0)), copy.deepcopy([cls(1.0)])[0], pickle.loads(pickle.dumps(cls(1.0)))
    assert [(type(v), v.data) for v in twins] == [(cls, 4.0)] * 3


def test_a_reduce_that_calls_that_of_value_copies_the_graph():
    a = ReducedBySuper(2.0)
    a.note = []
    root = a * 3.0 + a
    twin = copy.deepcopy(root)
    twin.backward()
    shallow, deep = copy.copy(a), copy.deepcopy(a)
    assert (twin.data, a.grad, shallow.data, shallow.note is a.note, deep.note is a.note) == (
        8.0,
        0.0,
        2.0,
        True,
        False,
    )
