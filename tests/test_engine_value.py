"""Value: construction, attributes, operators, identity."""

import copy
import functools
import gc
import math
import operator
import weakref
from decimal import Decimal
from fractions import Fraction

import pytest
from support import collect, nothing_left_behind

import micrograd_c as mg
from micrograd_c import Value, engine, nn, stats
from micrograd_c._core import LABELS, NAMES, NARY, OPS

# ---- construction ----------------------------------------------------------------------------------------------


class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees

    def __repr__(self):  # in the names of tests; workers of xdist have to agree on them
        return f"Celsius({self.degrees})"

    def __float__(self):
        return float(self.degrees)


NUMBERS = [3, -2.5, True, False, 0.0, 2**60, Fraction(1, 4), Decimal("0.25"), Celsius(21.5)]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_data_is_stored_as_a_double(number):
    v = Value(number)
    assert type(v.data) is float
    assert v.data == float(number)
    v.data = v.grad = 7.0
    v.data, v.grad = number, number
    assert type(v.data) is float and type(v.grad) is float
    assert v.data == v.grad == float(number)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7976931348623157e308])
def test_every_double_is_kept_bit_for_bit(number):
    v = Value(number)
    v.grad = number
    assert v.data.hex() == v.grad.hex() == number.hex()
    assert math.copysign(1, v.data) == math.copysign(1, number)


NO_NUMBERS = ["3.0", b"3", bytearray(b"3"), None, [1.0], (1.0,), {1: 2.0}, {1.0}, range(3), 1 + 2j, ..., print]


@pytest.mark.parametrize("thing", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize("place", ["constructor", "data", "grad", "seed"])
def test_what_is_no_number_is_a_type_error_that_names_type_and_remedy(thing, place):
    v = Value(1.0)
    with nothing_left_behind(), pytest.raises(TypeError) as caught:
        if place == "constructor":
            Value(thing)
        elif place == "seed":
            v.backward(seed=thing)
        else:
            setattr(v, place, thing)
    message = str(caught.value)
    assert f"not {type(thing).__name__}: " in message
    assert message.split(": ", 1)[1].startswith(("pass ", "convert ", "make ", "call "))
    assert (v.data, v.grad) == (1.0, 0.0)


@pytest.mark.parametrize("place", ["constructor", "data", "grad", "seed"])
def test_a_value_as_data_is_a_type_error_that_says_data(place):
    v, other = Value(1.0), Value(2.0)
    with pytest.raises(TypeError, match=r"a Value: pass value\.data"):
        if place == "constructor":
            Value(other)
        elif place == "seed":
            v.backward(seed=other)
        else:
            setattr(v, place, other)


def test_an_int_that_no_double_can_hold_is_an_overflow_error():
    with nothing_left_behind(), pytest.raises(OverflowError):
        Value(10**400)


def test_the_signature_is_that_of_micrograd_plus_name_and_label():
    a = Value(1.0)
    v = Value(2.0, (a,), "op", "n")
    assert (v.data, v._prev, v._op, v.name, v.label) == (2.0, {a}, "op", "n", "n")
    v = Value(data=2.0, _children=[a], _op="op", label="l")
    assert (v.data, v._prev, v._op, v.name, v.label) == (2.0, {a}, "op", "l", "l")


def test_children_that_are_no_values_are_a_type_error():
    with nothing_left_behind(), pytest.raises(TypeError, match="_children must be Values, not int"):
        Value(1.0, (3,))


def test_name_and_label_are_one_text_that_can_be_assigned():
    v = Value(1.0)
    assert v.name == v.label == ""
    v.name = "a"
    assert v.label == "a"
    v.label = "b"
    assert v.name == "b"
    assert (v + 1).name == ""


# ---- data and grad ---------------------------------------------------------------------------------------------


def test_grad_starts_at_zero_as_a_float():
    a = Value(2)
    for v in (a, a * a, a.relu(), -a):
        assert v.grad == 0.0 and type(v.grad) is float


def test_data_and_grad_of_every_node_can_be_written_before_and_after_backward():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    d = c + a
    for _ in range(2):
        for i, v in enumerate((a, b, c, d)):
            v.data, v.grad = 10.0 + i, 20.0 + i
        assert [v.data for v in (a, b, c, d)] == [10.0, 11.0, 12.0, 13.0]
        assert [v.grad for v in (a, b, c, d)] == [20.0, 21.0, 22.0, 23.0]
        d.backward()
    a.data -= 0.5 * a.grad
    assert a.data == 10.0 - 0.5 * a.grad


def test_writing_data_recomputes_nothing():
    a = Value(2.0)
    b = a * 3
    c = b + 1
    a.data = 100.0
    b.data = 50.0
    assert (b.data, c.data) == (50.0, 7.0)


def test_backward_uses_the_data_of_its_own_time():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    a.data, b.data = 10.0, 20.0
    c.backward()
    assert (a.grad, b.grad) == (20.0, 10.0)

    x = Value(1.0)
    y = x**3
    x.data = 2.0
    y.backward()
    assert x.grad == 12.0


def test_backward_uses_the_data_of_a_node_that_was_overwritten():
    x = Value(5.0)
    y = x.relu()
    y.data = -1.0
    y.backward()
    assert x.grad == 0.0
    y = x.exp()
    y.data = 4.0
    x.grad = 0.0
    y.backward()
    assert x.grad == 4.0


def test_a_grad_that_was_set_by_hand_is_added_to():
    a = Value(2.0)
    b = a * 3.0
    a.grad = 100.0
    b.grad = 55.0
    b.backward()
    assert (a.grad, b.grad) == (103.0, 1.0)


# ---- repr, _prev, _op ------------------------------------------------------------------------------------------


def test_repr_shows_data_and_grad():
    v = Value(3)
    assert repr(v) == "Value(data=3.0, grad=0.0)"
    v.grad = -1.5
    assert repr(v) == str(v) == "Value(data=3.0, grad=-1.5)"
    assert repr(Value(math.nan) + 1) == "Value(data=nan, grad=0.0)"


def test_prev_is_a_set_of_the_very_operands():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert type(c._prev) is set
    assert c._prev == {a, b}
    assert a in c._prev and Value(2.0) not in c._prev
    assert next(iter((a + a)._prev)) is a and len((a + a)._prev) == 1
    assert a._prev == set()
    assert (a**2)._prev == {a} and a.tanh()._prev == {a}


def test_a_number_beside_a_value_becomes_a_leaf_in_prev():
    a = Value(2.0)
    for node, number in [(a + 5, 5.0), (5 - a, 5.0), (a / 4, 4.0), (4**a, 4.0)]:
        (leaf,) = node._prev - {a}
        assert type(leaf) is Value and leaf.data == number and leaf._prev == set()
        assert leaf in node._prev
        node.backward()
        assert leaf.grad != 0.0


def test_operands_outlive_the_names_that_users_gave_them():
    def build():
        a, b = Value(2.0), Value(3.0)
        return (a * b).tanh()

    out = build()
    collect()
    (product,) = out._prev
    assert product.data == 6.0
    assert sorted(v.data for v in product._prev) == [2.0, 3.0]


@pytest.mark.parametrize("op", [op for op in range(len(OPS)) if NAMES[op] != "INSTEAD"], ids=lambda op: NAMES[op])
def test_op_is_the_label_of_the_table(op):
    a, b = Value(0.5), Value(0.25)
    name = NAMES[op].lower()
    method = getattr(a, name, None) or getattr(a, f"__{name}__", None)
    if name in ("leaf", "constant"):
        assert a._op == ""
    elif op in NARY:
        assert engine.nary[name]([a, b])._op == LABELS[op]
    elif name in ("custom", "given", "dot"):
        import micrograd_c

        node = {
            "custom": lambda: Value(1.0, (a,)),
            "given": lambda: Value(1.0, (a,), (2.0,)),
            "dot": lambda: micrograd_c.dot([a], [b]),
        }[name]()
        assert node._op == LABELS[op]
    elif OPS[op].takes_k:
        assert method(3)._op == LABELS[op].format(3)
    elif OPS[op].arity == 1:
        assert method()._op == LABELS[op]
    else:
        assert method(b)._op == LABELS[op]


def test_labels_are_those_that_scripts_look_for():
    a, b = Value(2.0), Value(3.0)
    nodes = [
        a + b,
        a * b,
        a - b,
        a / b,
        a**3,
        a**0.5,
        a**b,
        2**a,
        -a,
        a.relu(),
        a.tanh(),
        a.exp(),
        2 - a,
        a - 2,
        2 / a,
    ]
    labels = ["+", "*", "-", "/", "**3", "**0.5", "**", "**", "neg", "ReLU", "tanh", "exp", "-", "-", "/"]
    assert [node._op for node in nodes] == labels


def test_op_can_be_assigned():
    v = Value(1.0) + 1
    v._op = "mine"
    assert v._op == "mine"


# ---- identity, attributes, subclasses --------------------------------------------------------------------------


def test_equality_and_hash_are_identity():
    a, b = Value(1.0), Value(1.0)
    assert operator.eq(a, a) and operator.ne(a, b) and not operator.eq(a, b)
    assert len({a, b}) == 2 and {a: 1, b: 2}[b] == 2
    assert [b, a].index(a) == 1
    before = hash(a)
    a.data = 5.0
    assert hash(a) == before
    calls = []
    cached = functools.lru_cache(maxsize=None)(lambda v: calls.append(v))
    for v in (a, b, a, b):
        cached(v)
    assert calls == [a, b]


def test_a_value_is_true_whatever_its_data():
    assert bool(Value(0.0)) is True


def test_any_attribute_can_be_set_and_comes_back_through_prev():
    p = Value(2.0)
    p.m, p._vis_color = 0, "red"
    q = p * 3
    q.momentum = [1, 2]
    root = q + 1
    ids = {id(p): p.m}
    del p, q
    collect()
    (q,) = (v for v in root._prev if v._op == "*")
    assert q.momentum == [1, 2]
    (p,) = (v for v in q._prev if hasattr(v, "m"))
    assert (p.m, p._vis_color) == (0, "red") and id(p) in ids
    del p.m
    assert not hasattr(p, "m")
    with pytest.raises(AttributeError):
        _ = p.unknown


def test_weak_references_work():
    a = Value(1.0)
    b = a * 2
    died = []
    weak = weakref.ref(b, died.append)
    held = weakref.WeakKeyDictionary({a: 1})
    assert weak() is b and held[a] == 1
    del b
    collect()
    assert weak() is None and died == [weak]
    assert a in held


class Parameter(Value):
    def __init__(self, data, momentum):
        super().__init__(data)
        self.momentum = momentum


class Slotted(Value):
    __slots__ = ("tag",)


def test_subclasses_take_part_and_their_operators_give_plain_values():
    p, s = Parameter(2.0, 0.9), Slotted(3.0)
    s.tag = "s"
    for node in (p * s, p + 1, 1 + p, s**2, 2**s, -p, abs(s), p.relu(), p / s, 1 / s, p.maximum(s)):
        assert type(node) is Value
    node = p * s
    node.backward()
    assert (p.momentum, s.tag, p.grad, s.grad) == (0.9, "s", 3.0, 2.0)
    assert node._prev == {p, s}


def test_a_subclass_may_override_operators_and_methods():
    class Loud(Value):
        def __add__(self, other):
            return "sum"

        def __radd__(self, other):
            return "mus"

        def relu(self):
            return "rectified"

    v = Loud(1.0)
    assert (v + 1, 1 + v, Value(1.0) + v, v.relu()) == ("sum", "mus", "mus", "rectified")
    assert (v * 2).data == 2.0


def test_a_method_put_into_the_class_is_found_on_every_value():
    Value.cube = lambda self: self**3
    try:
        x = Value(2.0)
        (x + 0).cube().backward()
        assert x.grad == 12.0
    finally:
        del Value.cube


# ---- operators -------------------------------------------------------------------------------------------------

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
PARTIAL = {  # the derivative by the left and by the right operand
    operator.add: (lambda x, y: 1.0, lambda x, y: 1.0),
    operator.sub: (lambda x, y: 1.0, lambda x, y: -1.0),
    operator.mul: (lambda x, y: y, lambda x, y: x),
    operator.truediv: (lambda x, y: 1 / y, lambda x, y: -x / y**2),
    operator.pow: (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * math.log(x)),
}


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize("number", [2, 2.5, True, Fraction(1, 2), Decimal("1.5"), Celsius(3.0)], ids=repr)
def test_operators_take_values_and_numbers_on_either_side(op, number):
    x, y = 3.0, float(number)
    for left, right in [(Value(x), Value(y)), (Value(x), number), (Celsius and number, Value(x))]:
        a, b = (x, y) if isinstance(left, Value) else (y, x)
        out = op(left, right)
        assert type(out) is Value
        assert out.data == pytest.approx(op(a, b), rel=1e-15)
        out.backward()
        for operand, partial in zip((left, right), PARTIAL[op]):
            if isinstance(operand, Value):
                assert operand.grad == pytest.approx(partial(a, b), rel=1e-14)


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_both_operands_may_be_the_same_value(op):
    x = Value(3.0)
    out = op(x, x)
    out.backward()
    assert out.data == op(3.0, 3.0)
    assert x.grad == pytest.approx(PARTIAL[op][0](3.0, 3.0) + PARTIAL[op][1](3.0, 3.0), abs=1e-15)


@pytest.mark.parametrize("op", [*BINARY, operator.lt], ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", ["2", None, [1.0], 1j, ..., {}], ids=repr)
def test_an_operand_that_is_no_number_is_a_type_error(op, other):
    v = Value(1.0)
    with nothing_left_behind():
        with pytest.raises(TypeError):
            op(v, other)
        with pytest.raises(TypeError):
            op(other, v)


def test_an_unknown_operand_gets_its_turn():
    class Other:
        def __radd__(self, left):
            return "other"

        def __add__(self, right):
            return "other"

    assert Value(1.0) + Other() == Other() + Value(1.0) == "other"


@pytest.mark.parametrize("op", [operator.mod, operator.floordiv, operator.matmul, operator.and_, divmod])
def test_operators_without_a_row_in_the_table_are_a_type_error(op):
    with pytest.raises(TypeError):
        op(Value(1.0), Value(2.0))
    with pytest.raises(TypeError):
        op(Value(1.0), 2)


def test_unary_operators():
    x = Value(-3.0)
    for out, data, grad in [(-x, 3.0, -1.0), (abs(x), 3.0, -1.0), (+x * 1, -3.0, 1.0)]:
        x.grad = 0.0
        out.backward()
        assert (out.data, x.grad) == (data, grad)
    assert (+x).data == -3.0 and isinstance(+x, Value)


@pytest.mark.parametrize("op", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
def test_in_place_forms_rebind(op):
    a = Value(3.0)
    before = a
    a = op(a, 2.0)
    assert a is not before and before in a._prev
    assert (before.data, a.data) == (3.0, op(3.0, 2.0))


def test_pow_of_three_arguments_is_a_type_error():
    assert pow(Value(3.0), 2).data == 9.0 and pow(2, Value(3.0)).data == 8.0
    with pytest.raises(TypeError):
        pow(Value(3.0), 2, 5)


def test_a_plain_exponent_is_no_node():
    x = Value(3.0)
    assert (x**2)._prev == x.pow(2)._prev == {x}
    with pytest.raises(TypeError, match="plain number"):
        x.pow(Value(2.0))


def test_sum_of_python_adds_with_and_without_start():
    values = [Value(float(i)) for i in range(5)]
    start = Value(100.0)
    for total, expected in [(sum(values), 10.0), (sum(values, start), 110.0), (sum(values, 0.5), 10.5)]:
        assert type(total) is Value and total.data == expected
    sum(values, start).backward()
    assert [v.grad for v in (*values, start)] == [1.0] * 6


@pytest.mark.filterwarnings("ignore:a Value was turned into a float")
def test_float_and_int_read_data():
    assert float(Value(2.75)) == 2.75 and type(float(Value(2))) is float
    assert int(Value(2.75)) == 2 and int(Value(-2.75)) == -2
    with pytest.raises(ValueError):
        int(Value(math.nan))
    with pytest.raises(OverflowError):
        int(Value(math.inf))


@pytest.mark.parametrize("op", [operator.lt, operator.le, operator.gt, operator.ge], ids=lambda op: op.__name__)
def test_comparisons_compare_data(op):
    for x, y in [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (math.nan, 1.0), (math.inf, 1.0)]:
        for left, right in [(Value(x), Value(y)), (Value(x), y), (x, Value(y))]:
            assert op(left, right) is op(x, y)
    assert op(Value(1.0), 1) is op(1.0, 1)


def test_max_min_and_sorted_order_values_by_data():
    a, b, c = Value(2.0), Value(-1.0), Value(7.0)
    assert max(a, b, c) is c and min([a, b, c]) is b
    assert sorted([a, b, c]) == [b, a, c]


@pytest.mark.filterwarnings("ignore:a Value was turned into a float")
def test_functions_of_math_give_plain_floats():
    v = Value(0.5)
    nodes = stats().live_nodes
    for f in (math.exp, math.log, math.sin, math.sqrt, math.tanh, math.isfinite, math.floor):
        assert type(f(v)) is type(f(0.5)) and f(v) == f(0.5)
    assert stats().live_nodes == nodes


def test_a_node_that_failed_to_be_made_dies_in_silence():
    class Broken(Value):
        def __init__(self):
            raise RuntimeError("before there is a node")

    with nothing_left_behind(), pytest.raises(RuntimeError):
        Broken()


def test_a_value_without_init_does_not_crash():
    v = Value.__new__(Value)
    with pytest.raises((AttributeError, RuntimeError)):
        _ = v.data
    with pytest.raises((AttributeError, RuntimeError)):
        v + 1
    del v
    gc.collect()


class Initialising:
    """A number that calls __init__ of a Value while it is read."""

    def __float__(self):
        self.value.__init__(*self.arguments)
        return 2.0


@pytest.mark.parametrize("operands", [0, 1])
@pytest.mark.parametrize("third", [None, "sum", (1.0, 1.0, 1.0)])
def test_init_may_be_called_by_the_number_that_it_is_given_and_no_node_is_lost(operands, third):
    a = Value(1.0)
    with nothing_left_behind():
        for cls in (Value, type("Sub", (Value,), {})):
            v, number = cls.__new__(cls), Initialising()
            number.value, number.arguments = v, (5.0, (a, a, a), third) if third else (5.0,)
            v.__init__(number, (a,) * operands)
            assert v.data == 2.0 and v._prev == {*(a,) * operands}
            v.note = [v * 2.0]  # now a collection looks for the Value of each node
            collect()
            del v, number
            collect()


def test_a_nodes_place_in_isinstance_is_value_for_neurons_too():
    out = nn.Neuron(2)([1.0, 2.0])
    assert type(out) is Value and out._prev


# ---- what stands still -------------------------------------------------------------------------------------------


def test_a_detached_value_is_a_leaf_with_the_same_data_and_passes_nothing_on():
    x = Value(3.0, label="x")
    y = 2 * x
    z = y.detach() * y
    z.backward()
    assert y.detach().data == 6.0 and y.detach()._prev == set()
    assert (z.data, y.grad, x.grad) == (36.0, 6.0, 12.0)


def test_requires_grad_is_what_a_script_says_and_warns_that_it_freezes_nothing():
    x, y = Value(3.0), Value(2.0)
    x.requires_grad = True  # does not open the way for what follows
    with pytest.warns(UserWarning, match=r"leave it out of the optimiser, or compute with v\.detach\(\)"):
        x.requires_grad = False
    with pytest.warns(UserWarning, match="freezes no Value"):
        copied = copy.copy(x)
    assert (x.requires_grad, y.requires_grad, copied.requires_grad) == (False, True, False)
    x.requires_grad = True
    assert x.requires_grad is True
    (x * y).backward()
    assert (x.grad, y.grad) == (2.0, 3.0)


def test_a_class_of_the_users_may_have_a_requires_grad_of_its_own():
    class Tensor(Value):
        def __init__(self, data, requires_grad=True):
            super().__init__(data)
            self.requires_grad = requires_grad

    x = Tensor(2.0, requires_grad=False)
    assert x.requires_grad is False and copy.copy(x).requires_grad is False and Tensor(2.0).requires_grad is True


class Stored:
    """A descriptor that keeps what it is given."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance.__dict__.get("_" + self.name, 0.0)

    def __set__(self, instance, number):
        instance.__dict__["_" + self.name] = number


@pytest.mark.parametrize("name", ["data", "grad"])
@pytest.mark.parametrize(
    "descriptor",
    [Stored, lambda: property(lambda self: 0.0), lambda: property(lambda self: 0.0, lambda self, x: None)],
)
def test_a_class_is_told_that_operators_do_not_ask_its_own_data_and_grad(name, descriptor):
    mixin, later = type("Mixin", (), {name: descriptor()}), type("Own", (Value,), {})
    with pytest.warns(UserWarning, match=f"do not ask the {name} of Own.*Value.{name}.__set__") as told:
        own = type(Value)("Own", (Value,), {name: descriptor()})
        mixed = type("Own", (mixin, Value), {})
        setattr(later, name, descriptor())
        for cls in (own, mixed, later, type("Below", (mixed,), {})):
            cls(1.0), cls(2.0)
    assert [w.filename for w in told] == [__file__] * 3


@pytest.mark.parametrize("name", ["data", "grad"])
@pytest.mark.parametrize(
    "body", [{}, {"data": 3.0, "grad": 2.0}, {"__slots__": ("data", "grad")}, {"_op": Stored()}]
)
def test_a_class_that_leaves_data_and_grad_to_the_engine_is_told_nothing(name, body):
    own = type(Value)("Own", (Value,), dict(body))
    v = own(2.0)
    (v * 4.0).backward()
    assert (v.data, v.grad) == (2.0, 4.0)


def test_a_comparison_is_true_where_it_holds_and_any_other_value_is():
    a, b = Value(1.0), Value(2.0)
    held = [bool(f(a, b)) for f in (Value.less, Value.less_equal, Value.greater, Value.greater_equal)]
    assert held == [True, True, False, False]
    assert a.equal(1) and not a.equal(b) and a.not_equal(b) and not a.not_equal(a) and not a.less(math.nan)
    assert all([Value(0.0), a * 0, a.floor() * 0, Value.__new__(Value), Value(0.0, (a,), "<"), a - a])

    class Sized(Value):
        def __len__(self):
            return int(self.data)

    assert not Sized(0.0) and Sized(1.0)


def test_the_truth_of_a_comparison_that_a_program_keeps_is_told():
    p = Value(1.0)
    f = mg.jit(lambda x: x * p if p.less(2) else x)
    with pytest.warns(UserWarning, match="keeps the answer") as told:
        assert f(3.0) == 3.0
    assert told[0].filename == __file__
