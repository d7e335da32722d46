"""Nodes that users make by hand: local derivatives, closures, operands and __init__ that come later."""

import contextlib
import copy
import gc
import pickle
import textwrap
import weakref

import pytest
from support import PYPY, collect, live_nodes, nothing_left_behind, run_python

import micrograd_c as mg
from micrograd_c import Value

# ---- local derivatives as the third argument ----


def product(a, b):
    return Value(a.data * b.data, (a, b), (b.data, a.data))


def test_local_derivatives_are_what_the_sweep_multiplies_with():
    a, b = Value(2.0), Value(3.0)
    square = Value(a.data**2, (a,), (2 * a.data,))
    (product(square, b) + square).backward()
    assert (a.grad, b.grad) == (4.0 * 3.0 + 4.0, 4.0)


@pytest.mark.parametrize("given", [(4.0, 5), [4.0, 5], range(4, 6), iter([4.0, 5])])
def test_any_ordered_iterable_will_do(given):
    a, b = Value(1.0), Value(1.0)
    Value(0.0, [a, b], given).backward()
    assert (a.grad, b.grad) == (4.0, 5.0)


def test_a_child_that_stands_twice_gets_both_shares():
    a = Value(3.0)
    square = Value(9.0, (a, a), (a.data, a.data))
    square.backward()
    assert a.grad == 6.0
    assert square._children == (a, a)
    assert square._prev == {a}


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
def test_children_and_local_grads_read_as_they_were_given(n):
    xs = [Value(i) for i in range(n)]
    out = Value(1.0, tuple(xs), tuple(0.5 * i for i in range(n)))
    assert out._children == tuple(xs)
    assert out._local_grads == tuple(0.5 * i for i in range(n))
    out.backward(2.0)
    assert [x.grad for x in xs] == list(map(float, range(n)))


def test_children_and_local_grads_can_be_read_of_every_node():
    a, b, c = Value(2.0), Value(-3.0), Value(0.5)
    assert (a._children, a._local_grads) == ((), ())
    for node, children, slopes in [
        (a * b, (a, b), (-3.0, 2.0)),
        (a**3, (a,), (12.0,)),
        (mg.sum([a, b, a]), (a, b, a), (1.0, 1.0, 1.0)),
        (mg.dot([a, b], [c, a], b), (c, a, a, b, b), (2.0, -3.0, 0.5, 2.0, 1.0)),
        (Value(1.0, (a, b)), (a, b), (0.0, 0.0)),
    ]:
        assert (node._children, node._local_grads) == (children, slopes)
    node = a * b
    a.data = 7.0
    assert node._local_grads == (-3.0, 7.0)


def test_a_node_with_a_closure_does_not_tell_its_local_derivatives():
    a = Value(2.0)
    out = Value(4.0, (a,), "square")
    out._backward = lambda: None
    with pytest.raises(AttributeError, match="closure"):
        out._local_grads  # noqa: B018


def test_values_as_local_derivatives_are_read_when_backward_comes():
    a, slope = Value(2.0), Value(3.0)
    out = Value(6.0, (a, a), (slope, 1))
    slope.data = 10.0
    out.backward()
    assert (a.grad, slope.grad) == (11.0, 0.0)
    given = out._local_grads
    assert given[0] is slope and given[1].data == 1.0
    assert mg.topological_order(out) == [a, out]


def test_values_as_local_derivatives_live_as_long_as_their_node():
    with nothing_left_behind():
        a = Value(2.0)
        out = Value(6.0, (a,), (Value(3.0) * 2,))
        collect()
        out.backward()
        assert a.grad == 6.0
        del a, out


@pytest.mark.parametrize("slopes", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_another_number_of_local_derivatives_is_a_value_error(slopes):
    with pytest.raises(ValueError, match="2 children"):
        Value(1.0, (Value(1.0), Value(2.0)), slopes)


@pytest.mark.parametrize("third", [None, 5, 2.0, b"+", {1.0, 2.0}, {1.0: 2.0}, object(), Value(1.0)])
def test_any_other_third_argument_is_a_type_error(third):
    with pytest.raises(TypeError, match="third argument"):
        Value(1.0, (Value(1.0), Value(2.0)), third)


def test_local_derivatives_that_are_no_numbers_are_a_type_error():
    with pytest.raises(TypeError, match="local derivative 1"):
        Value(1.0, (Value(1.0), Value(2.0)), (1.0, "2"))
    with pytest.raises(TypeError, match="order"):
        Value(1.0, {Value(1.0), Value(2.0)}, (1.0, 2.0))


def test_a_local_derivative_that_no_float_can_hold_leaves_nothing_behind():
    a = Value(2.0)
    before = live_nodes()
    for slopes in ((10**400, 1.0), (1.0, 10**400)):
        with pytest.raises(OverflowError, match="too large"):
            Value(1.0, (a, a), slopes)
    assert live_nodes() == before


class Given:
    """A number that makes and drops Values while it is read."""

    def __float__(self):
        return sum((Value(1.0) + k for k in range(5)), Value(0.0)).data


THIRD = [
    "",
    "op",
    (),
    (1,),
    [0.5],
    (2, 3.0),
    [True, 1.5],
    (10**400, 1.0),
    (1.0, 2.0, -3),
    (1, "x"),
    (1, 2, 3, 4),
    7,
]


@pytest.mark.parametrize("data", [1.5, 2, True, -1, 10**400, "x", None, Given()])
def test_a_call_of_the_class_is_type_call(data):
    two = Value(2.0), Value(3.0)

    def outcome(call, given):
        try:
            out = call(*given)
            out.backward()
        except Exception as error:
            return type(error), str(error)
        by_label = len(given) < 3 or isinstance(given[2], str)
        slopes = None if by_label else out._local_grads
        grads = [v.grad for v in two]
        for v in two:
            v.grad = 0.0
        return type(out), out.data, out._children, out._op, slopes, grads, not PYPY and gc.is_tracked(out)

    for places in ((), (0,), (1,), (0, 1), (0, 1, 0), (0, 1, 1, 0)):
        for children in (tuple(two[i] for i in places), [two[i] for i in places]):
            for given in ((data,), (data, children), *((data, children, third) for third in THIRD)):
                assert outcome(Value, given) == outcome(lambda *given: type.__call__(Value, *given), given), given


def test_a_call_asks_the_new_and_the_init_that_the_class_has_by_then():
    code = """
        from micrograd_c import Value
        seen, init = [], Value.__init__
        def ours(self, *given, **named):
            seen.append(len(given) + 10 * len(named))
            init(self, *given, **named)
        a = Value(2.0)
        Value.__init__ = ours
        Value(3.0), Value(4.0, (a,), (4.0,)), Value(4.0, (a,), name="b"), Value(data=1.0)
        Value.__init__ = init
        Value(3.0)
        Value.__new__ = lambda cls, *given: "made by hand"
        print(seen, Value(3.0), Value(4.0, (a,), (4.0,)))
    """
    done = run_python("-c", textwrap.dedent(code))
    assert done.stdout == "[1, 3, 12, 10] made by hand made by hand\n", done.stderr


def test_children_and_local_grads_are_keywords_too():
    a = Value(2.0)
    out = Value(4.0, children=(a,), local_grads=(4.0,))
    assert (out._children, out._local_grads, out._op) == ((a,), (4.0,), "")
    out = Value(4.0, (a,), "square", local_grads=[4.0])
    assert (out._local_grads, out._op) == ((4.0,), "square")
    with pytest.raises(TypeError, match="two names"):
        Value(4.0, (a,), children=(a,))


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_local_derivatives_of_their_own(twin_of):
    a, slope = Value(2.0, name="a"), Value(3.0)
    out = Value(1.0, (a,), (slope * 2,)) + product(a, a) + Value(1.0, (a, a, a), (1.0, 2.0, 3.0))
    twin = twin_of(out)
    slope.data = a.data = 100.0
    twin.backward()
    (leaf,) = (v for v in mg.topological_order(twin) if v.name == "a")
    assert (leaf.grad, a.grad) == (6.0 + 4.0 + 6.0, 0.0)
    shallow = copy.copy(product(a, a))
    assert shallow._children == (a, a) and shallow._local_grads == (100.0, 100.0)


def test_gradcheck_explain_and_draw_take_local_derivatives():
    assert mg.gradcheck(lambda x: Value(x.data**2, (x,), (2 * x.data,)) * x, 3.0)
    a = Value(2.0, name="a")
    out = product(a, a) * a
    explanation = mg.explain(out)
    assert explanation.gradients["a"] == 12.0
    locals_ = [(step["local"], step["formula"]) for step in explanation.steps if step["kind"] in ("first", "more")]
    assert locals_ == [(2.0, "a"), (4.0, "e"), (2.0, "given"), (2.0, "given")]
    text = explanation.text()
    assert text.count("* 2 = 8   (de/da = 2, given)") == 1 and text.count("(de/da = 2, given)") == 2
    assert '"given":[2.0,2.0]' in explanation.html()
    with pytest.raises(ValueError, match="e was made by hand, so its data can't be computed anew"):
        explanation.what_if(a=3.0)
    assert "a" in mg.draw(out).svg()


def test_a_program_refuses_local_derivatives_by_name():
    a = Value(2.0)
    reader = a * 2.0  # a trace is told of first
    with pytest.raises(mg.TracingError, match="made by hand"):
        mg.jit(lambda x: x * Value(4.0, (a,), (4.0,)))(1.0)
    for make in [
        lambda x: Value(4.0, (x,), (4.0,)),
        lambda x: Value(4.0, (x,), "+"),
        lambda x: Value(4.0, (x,)),
        lambda x: Value(4.0, (a, x)),
        lambda x: Value(4.0, (a, a, x)),
        lambda x: Value(4.0, (a,), (x,)),
        lambda x: Value(4.0, (a, a), (1.0, x)),
        lambda x: Value(4.0, children=(x, a)),
        lambda x: Value(4.0, children=(v for v in (x, a)), local_grads=(1.0, 2.0)),
        lambda x: Value(x, (a,), (4.0,)),
        lambda x: Value(x * a, (x, a), (3.0, x)),
        lambda x: Value(x * a, (x, a), "*"),
        lambda x: type(x)(4.0, (x,), (4.0,)),
        lambda x: type("Mine", (Value,), {})(x * x, (x,), (2.0,)),
        lambda x: a.__init__(4.0, (x,), (4.0,)),
        lambda x: setattr(a, "_prev", (x,)),
        lambda x: setattr(a, "data", x),
    ]:
        with pytest.raises(mg.TracingError, match=r"(?s)made by hand, .* while jit.* with ops of Value"):
            mg.jit(lambda x, make=make: x * make(x))(1.0)
        assert (a.data, a._prev, a.grad, reader.data) == (2.0, set(), 0.0, 4.0)
    with pytest.raises(mg.TracingError, match="__init__"):
        mg.jit(lambda x: x.__init__(2.0) or x)(1.0)


# ---- __init__ again, and attributes before it ----


def test_init_again_gives_new_data_and_the_same_node():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    c.backward()
    a.__init__(5.0)
    assert (a.data, a.grad) == (5.0, 0.0)
    c.backward()
    assert (a.grad, b.grad) == (3.0, 7.0)


def test_init_again_turns_an_operation_into_a_leaf_below_its_readers():
    a = Value(2.0)
    b = a * a
    c = b * 3.0
    b.__init__(7.0)
    assert (b._prev, b._op) == (set(), "")
    c.backward()
    assert (b.grad, a.grad) == (3.0, 0.0)


def test_init_again_forgets_label_and_closure_as_in_micrograd():
    a = Value(2.0)
    out = Value(4.0, (a,), "square")
    out._backward = lambda: pytest.fail("the closure of a former life")
    out.__init__(1.0, (a,), (10.0,))
    out.backward()
    assert (out._op, a.grad) == ("", 10.0)


def test_init_again_with_children_below_readers_is_a_value_error():
    a, child = Value(2.0), Value(3.0)
    b = a * a
    for children in [(child,), (b,), (a,)]:
        with pytest.raises(ValueError, match=r"a[n ]"):
            a.__init__(5.0, children)
    b.backward()
    assert (a.data, a.grad, a._prev) == (2.0, 4.0, set())
    del b
    collect()
    a.__init__(5.0, (child,), (2.0,))
    (a * 3).backward()
    assert child.grad == 6.0


@pytest.mark.parametrize("operands", [(), (1,), (1, 2), (1, 2, 3)], ids=len)
def test_a_closure_that_ends_may_call_init_of_a_node_that_is_just_made(operands):
    class Closure:
        def __del__(self):
            made[-1].__init__(5.0, tuple(operands))

        def __call__(self):
            pass

    operands, made = [Value(float(x)) for x in operands], []
    with nothing_left_behind():
        for _ in range(10):
            made.append(v := Value.__new__(Value))
            v._backward = Closure()
            v.__init__(4.0, tuple(operands))
            assert v.data in (4.0, 5.0) and set(v._children) == set(operands)
            (v * 2.0).backward()
            assert v.grad == 2.0
        made.clear()
        del v


def test_init_again_leaks_nothing():
    def again():
        a = Value(2.0)
        for i in range(50):
            b = a * a
            b.__init__(float(i))
            b.__init__(1.0, (a, a, a), "three")
            b._backward = lambda b=b: None
            b.__init__(1.0, (a,), (1.0,))
            b.__init__(1.0, [a, a, a], (1.0, a, a))

    with nothing_left_behind():
        again()
        collect()


def begin_with_numbers(v, operands):
    v.__init__(1.0, operands, (1.0, 2.0, 3.0))


def begin_with_values(v, operands):
    v.__init__(1.0, operands, operands)


def begin_in_turns(v, operands):
    v.__init__(1.0)
    v.__init__(1.0, operands)


def assign(v, operands):
    v._prev = {*operands}


@pytest.mark.parametrize("above", [False, True], ids=["on top", "below another"])
@pytest.mark.parametrize("begin", [begin_with_numbers, begin_with_values, begin_in_turns, assign])
def test_a_node_may_become_another_for_ever_in_the_same_memory(begin, above):
    operands = tuple(Value(float(i)) for i in range(20)) if begin is not begin_with_numbers else [Value(1.0)] * 3
    v = mg.sum(operands[:3]) if begin is not assign else Value(1.0)
    last = Value(1.0) if above else None
    begin(v, operands)
    before = mg.stats().bytes_in_use
    for _ in range(16000):
        begin(v, operands)
    assert mg.stats().bytes_in_use <= before + (1 << 19)
    v.backward()
    assert last is None or last.grad == 0.0


@pytest.mark.skipif(PYPY, reason="reference counts")
def test_a_value_that_ends_reads_nothing_in_the_callbacks_of_its_end():
    class Heard:
        def __del__(self):
            begin_again()

    def begin_again(_=None):
        counts.append(live_nodes())
        x.__init__(1.0, (child,))
        x.__init__(1.0)

    x, child, counts = Value(2.0), Value(3.0), []
    for attribute in (None, Heard()):
        out = x * 2
        reference = weakref.ref(out, begin_again if attribute is None else None)
        out.heard = attribute
        del attribute
        before = live_nodes()
        del out
        assert reference() is None
        assert counts[-1] == before - 1
    assert len(counts) == 2


def test_optimisers_programs_and_layers_go_on_with_a_parameter_that_begins_anew():
    model = mg.MLP(2, [3, 1])
    (weight, *_) = model.parameters()
    optimiser = mg.optim.SGD(model.parameters(), lr=1.0)
    program = mg.jit(lambda x: model([x, x]))
    program(1.0)
    weight.__init__(0.25)
    out = model([1.0, 1.0])
    assert program(1.0) == pytest.approx(out.data)
    out.backward()
    before = weight.data, weight.grad
    optimiser.step()
    assert weight.data == before[0] - before[1]


def test_a_weight_that_moves_in_the_arena_is_still_read_by_its_layer():
    layer = mg.nn.Layer(4, 2, activation="linear")
    x = [1.0, 2.0, 3.0, 4.0]
    layer(x)
    collect()
    moved = layer.neurons[0].w[1]
    base = Value(5.0)
    moved.__init__(10.0, (base,), (1.0,))
    layer(x)[0].backward()
    expected = sum(w.data * v for w, v in zip(layer.neurons[0].w, x)) + layer.neurons[0].b.data
    assert layer(x)[0].data == pytest.approx(expected)
    assert base.grad == 2.0


def test_a_subclass_may_set_attributes_before_init():
    class Note(Value):
        def __init__(self, data, children=(), op=""):
            self._op = "before"
            self.note = "kept"
            self._backward = lambda: None
            super().__init__(data, children, op)

    with nothing_left_behind():
        a = Note(2.0)
        b = Note(4.0, (a,), "mine")
        c = Note(4.0, (a, a, a), (1.0, 1.0, 1.0))
        assert (a._op, b._op, a.note, b.note) == ("", "mine", "kept", "kept")  # __init__ sets _op, as micrograd's
        (b * c).backward()
        assert a.grad == 12.0
        del a, b, c
        collect()


@pytest.mark.parametrize("attribute", [None, (), 0.0, lambda self: None])
def test_what_a_class_body_says_of_what_init_sets_is_overruled_as_in_micrograd(attribute):
    Bare = type("Bare", (Value,), dict.fromkeys(["_backward", "_prev", "_op", "data", "grad"], attribute))
    a = Bare(2.0)
    out = Bare(4.0, (a,), "square")

    def backward():
        a.grad += 4.0 * out.grad

    out._backward = backward
    (out * 1.0).backward()
    assert (out.data, out._op, out._prev, a.grad) == (4.0, "square", {a}, 4.0)


def test_slots_of_a_subclass_do_not_hide_data_and_grad():
    class Slotted(Value):
        __slots__ = ("_local_grads", "data", "grad", "own")

    a = Slotted(2.0)
    a.own = 1
    (a * a).backward()
    assert (a.data, a.grad, a.own) == (2.0, 4.0, 1)
    assert copy.deepcopy(a).own == 1


# ---- operands that come later ----


def test_prev_may_be_assigned_and_works_as_if_made_so():
    a, b = Value(2.0), Value(3.0)
    out = Value(6.0)
    out._prev = {a, b}

    def backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = backward
    (out * out).backward()
    assert (a.grad, b.grad) == (36.0, 24.0)
    assert out._prev == {a, b} and set(mg.topological_order(out)) == {a, b, out}


@pytest.mark.parametrize("n", [1, 2, 3, 9])
@pytest.mark.parametrize("hand_made", [False, True])
@pytest.mark.parametrize(
    "give",
    [
        lambda node, xs: [node._prev.add(x) for x in xs],
        lambda node, xs: node._prev.update(xs),
        lambda node, xs: node._prev.update(*[[x] for x in xs]),
        lambda node, xs: (lambda kept: [kept.add(x) for x in xs])(node._prev),
        lambda node, xs: setattr(node, "_prev", node._prev | {*xs}),
        lambda node, xs: setattr(node, "_prev", node._prev.__ior__({*xs})),
    ],
)
def test_operands_that_are_added_to_prev_are_operands(give, hand_made, n):
    a = Value(2.0)
    xs = [a * i for i in range(n)]  # gradients go on from them
    loss = Value(6.0, (a,) * hand_made)
    loss._backward = lambda: [setattr(x, "grad", x.grad + loss.grad) for x in xs]
    give(loss, xs)
    assert loss._prev == {*xs, *[a] * hand_made}
    (loss * 3).backward()
    assert a.grad == 3 * sum(range(n))


@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize(
    "take",
    [
        lambda prev, x: prev.discard(x),
        lambda prev, x: prev.remove(x),
        lambda prev, x: prev.difference_update([x]),
        lambda prev, x: prev.intersection_update({*prev} - {x}),
        lambda prev, x: prev.symmetric_difference_update({x}),
        lambda prev, x: prev.__isub__({x}),
        lambda prev, x: prev.__iand__({*prev} - {x}),
        lambda prev, x: prev.__ixor__({x}),
        lambda prev, x: (lambda kept: prev.__isub__(kept).__ixor__({x, *kept}))({*prev} - {x}),
        lambda prev, x: (lambda both: prev.update(both - {x}))({prev.pop(), prev.pop()}),
        lambda prev, x: (lambda both: prev.clear() or prev.add(*both - {x}))({*prev}),
    ],
)
def test_operands_that_are_taken_from_prev_are_none_any_more(take, is_read):
    a = Value(2.0)
    kept, x = a * 3, a * 5
    out = Value(1.0, (kept, x), "pair")
    out._backward = lambda: [setattr(v, "grad", v.grad + out.grad) for v in (kept, x)]
    end = out * 1 if is_read else out
    take(out._prev, x)
    assert out._prev == {kept} and out._op == "pair"
    end.backward()
    assert (a.grad, kept.grad, x.grad) == (3.0, 1.0, 1.0)  # out reaches x, backward() does not go on from it


def test_the_operands_of_an_operator_may_collect_what_lies_below_it():
    def collected(v):
        found = v._prev
        for child in [*found]:
            found.update(collected(child))
        return found

    a, b = Value(2.0), Value(3.0)
    c = a * b
    root = (c + a).relu()
    found = collected(root)
    found.add(root)
    assert len(found) == 5
    todo, seen = root._prev, 0
    while todo:
        todo.update(todo.pop()._prev)
        seen += 1
    assert seen >= 4 and len(root._prev) == 1
    type(Value(1.0)._prev)([a]).add(b)  # of no node
    root._prev.add(Value(1.0))  # it is no operand, and micrograd's root gives it nothing either
    root.backward()
    assert (a.grad, b.grad) == (4.0, 2.0)


def test_prev_is_a_set_whose_copies_are_their_owners():
    a, b = Value(2.0), Value(3.0)
    out = Value(6.0, (a,))
    out._prev.add(a)
    for kept in (out._prev.copy(), set(out._prev), out._prev | {b}, copy.copy(out._prev)):
        kept.add(b)
    assert len(pickle.loads(pickle.dumps(out._prev))) == len(copy.deepcopy(out._prev)) == 1
    assert out._prev == {a} and repr(out._prev) == repr({a}) and isinstance(out._prev, set)
    product = a * b
    product._prev.clear()  # as scripts do to free a graph
    product._prev.add(a)
    product.backward()
    assert (a.grad, b.grad) == (3.0, 2.0)
    with pytest.raises(AttributeError, match="derivatives"):
        Value(1.0, (a,), (1.0,))._prev.add(out)
    with pytest.raises(TypeError, match="_prev"):
        Value(1.0)._prev.add(1.0)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_a_younger_operand_is_fine_while_nobody_has_read_the_node(n):
    out = Value(6.0)
    xs = [Value(i) for i in range(n)]
    out._prev = xs
    assert out._children == tuple(xs)
    out._backward = lambda: [setattr(x, "grad", x.grad + out.grad) for x in xs]
    (out + xs[0] ** 2).backward()
    assert [x.grad for x in xs] == [1.0] * n


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_older_operands_are_fine_after_a_node_was_read(n):
    xs = [Value(i) for i in range(n)]
    out = Value(6.0)
    noise = [out**2, out.tanh(), mg.sum([out, out, xs[0]]), Value(1.0, (out,), (2.0,)), mg.MLP(1, [2])([out])[0]]
    out._prev = tuple(xs)
    out._backward = lambda: [setattr(x, "grad", x.grad + out.grad) for x in xs]
    (noise[0] + noise[3]).backward()
    assert [x.grad for x in xs] == [14.0] * n
    mg.sum(noise).backward()


def test_a_younger_operand_of_a_node_that_was_read_is_a_value_error_and_so_is_a_cycle():
    a = Value(1.0)
    out = Value(6.0, (a,))
    reader = out * 2
    young = Value(3.0)
    for operands in [(young,), (reader,), (out,), {a, reader}, (out, young)]:
        with pytest.raises(ValueError, match="younger"):
            out._prev = operands
    assert out._children == (a,)
    lonely = Value(1.0)
    with pytest.raises(ValueError):
        lonely._prev = {lonely}
    del reader, operands
    collect()
    out._prev = (young,)


def test_prev_of_a_node_that_an_operation_made_is_an_attribute_error_that_says_why():
    a = Value(2.0)
    for node, why in [(a * a, r"'\*' computed it"), (Value(1.0, (a,), (1.0,)), "derivatives")]:
        with pytest.raises(AttributeError, match=why):
            node._prev = {a}
    with pytest.raises(TypeError, match="_prev"):
        Value(1.0)._prev = {1.0}


def test_operands_that_came_late_are_kept_alive_and_freed():
    with nothing_left_behind():
        later, out = Value(0.0), Value(1.0)
        reader = out * 2
        out._prev = ()
        later._prev = {Value(5.0), Value(6.0)}
        collect()
        assert sorted(v.data for v in later._prev) == [5.0, 6.0]
        later._backward = lambda node=later: node
        del out, later, reader
        collect()


# ---- closures ----


def test_the_table_of_closures_is_as_small_as_what_lives():
    from micrograd_c._core import core

    kept = [Value(1.0) for _ in range(1000)]
    for v in kept:
        v._backward = lambda: None
    handles = [core.handle_of(v) for v in kept]
    assert all(core.closure_at(h) is v for h, v in zip(handles, kept))
    del v
    kept[:] = kept[:10]
    collect()
    live_nodes()  # the cffi core frees by the hundred
    assert [core.closure_at(h) for h in handles[10:]] == [None] * 990
    assert all(core.closure_at(h) is v for h, v in zip(handles, kept))


def test_a_closure_cycle_that_younger_readers_close_is_collected():
    def cycle():
        a = Value(1.0)
        out = Value(1.0, (a,), "mine")
        reader = out * 2
        out._backward = lambda: reader
        a.reader = reader

    with nothing_left_behind():
        for _ in range(20):
            cycle()
        collect()


@pytest.mark.skipif(PYPY, reason="reference counts")
def test_closures_set_right_after_construction_cost_no_walk_over_the_heap():
    callbacks = list(gc.callbacks)
    a = Value(1.0)
    outs = []
    for _ in range(10):
        out = Value(2.0, (a,), "x2")
        Value(1.0)
        reader = out * 2
        out._backward = lambda out=out: None
        outs.append((out, reader))
    assert gc.callbacks == callbacks


@pytest.mark.parametrize("n", range(6))
def test_an_operand_without_a_node_is_refused_by_name_in_any_place(n):
    for i in range(n):
        operands = [Value(1.0) for _ in range(n)]
        operands[i] = Value.__new__(Value)
        with nothing_left_behind(), pytest.raises(RuntimeError, match="this Value has no node"):
            Value(1.0, tuple(operands), "op")
    operands = [Value(float(i)) for i in range(n)]
    assert Value(1.0, tuple(operands), "op")._children == tuple(operands)


@pytest.mark.parametrize("third", [None, frozenset([1.0]), (), "+", (1.0,), [1.0]], ids=repr)
@pytest.mark.parametrize("children", [tuple, list, set, iter])
def test_the_number_of_a_node_made_by_hand_is_asked_for_once(children, third):
    class Number:
        asked = 0

        def __float__(self):
            self.asked += 1
            return 2.0

    number = Number()
    with contextlib.suppress(TypeError, ValueError):  # of shapes that do not fit
        Value(number, children([Value(1.0)]), third)
    assert number.asked <= 1
