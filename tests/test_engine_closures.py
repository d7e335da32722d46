"""Closures of nodes made by hand or assigned: when they run, what they may do."""

import math
import weakref

import pytest
from support import close, collect, needs_reference_counts, nothing_left_behind

import micrograd_c
from micrograd_c import Value, dot, stats, topological_order, zero_grad


def tanh(x):
    """A node made by hand, with a closure."""
    t = math.tanh(x.data)
    out = Value(t, (x,), "tanh")

    def _backward():
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def test_calling_backward_of_one_node_applies_its_local_derivatives_once():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    c.grad = 10.0
    c._backward()
    assert (a.grad, b.grad) == (30.0, 20.0)
    c._backward()
    assert (a.grad, b.grad) == (60.0, 40.0)
    a._backward()  # of a leaf: nothing
    assert (a.grad, b.grad) == (60.0, 40.0)


def test_node_by_node_backpropagation_works_on_sums_dots_and_custom_nodes():
    a, b = Value(0.5), Value(-0.25)
    out = tanh(dot([a, b], [b, a], a) + micrograd_c.sum([a, b]))
    out.grad = 1.0
    for node in reversed(topological_order(out)):
        node._backward()
    by_hand = a.grad, b.grad
    zero_grad(out)
    out.backward()
    assert (a.grad, b.grad) == by_hand


def test_nodes_made_by_hand_take_part_in_a_native_graph():
    def native(a, b):
        return ((a * b).tanh() * a + (b + a).tanh()) * b

    def by_hand(a, b):
        return (tanh(a * b) * a + tanh(b + a)) * b

    grads = []
    for f in (native, by_hand):
        a, b = Value(0.7), Value(-1.3)
        out = f(a, b)
        out.backward()
        grads.append((out.data, a.grad, b.grad))
    assert close(grads[0][0], grads[1][0])
    assert grads[0] == pytest.approx(grads[1], rel=1e-13)


def test_a_node_made_by_hand_without_a_closure_stops_gradients():
    a = Value(2.0)
    out = Value(5.0, (a * 3,), "stop") * 7
    out.backward()
    assert a.grad == 0.0


def test_closures_run_after_all_that_reads_their_node_and_before_its_operands():
    ran = []

    def spy(x, name):
        out = Value(x.data, (x,), name)

        def _backward():
            ran.append((name, out.grad))
            x.grad += out.grad

        out._backward = _backward
        return out

    a = Value(1.0)
    p = spy(a, "p")
    q = spy(p * 2, "q")
    root = spy(q + p * 10 + q, "root")
    root.backward()
    assert ran == [("root", 1.0), ("q", 2.0), ("p", 14.0)]
    assert a.grad == 14.0


def test_closures_on_native_nodes_replace_their_derivatives():
    a = Value(2.0)
    b = a * 3
    b._backward = lambda: setattr(a, "grad", a.grad + 100 * b.grad)
    root = b + 1
    root.backward()
    assert a.grad == 100.0
    assert callable(b._backward)


def test_closures_on_leaves_run_as_in_micrograd():
    for cls in (Value, pytest.importorskip("micrograd.engine").Value):
        ran = []
        a, b = cls(2.0), cls(3.0)
        a._backward = lambda a=a, ran=ran: ran.append(a.grad)
        (a * b + a).backward()
        assert ran == [4.0]
        a.backward()  # as a root of its own
        assert ran == [4.0, 1.0]


def test_backward_that_was_read_can_be_wrapped_and_put_back():
    a = Value(2.0)
    b = a * 3
    native, ran = b._backward, []

    def hook():
        ran.append(b.grad)
        native()

    b._backward = hook
    (b * 5).backward()
    assert ran == [5.0] and a.grad == 15.0
    b._backward = native
    zero_grad(b)
    b.backward()
    assert ran == [5.0] and a.grad == 3.0


def test_what_is_not_callable_is_refused_as_backward():
    with pytest.raises(TypeError, match="_backward must be a function"):
        Value(1.0)._backward = 3


def test_a_closure_is_kept_as_long_as_its_node_is_reached():
    a = Value(0.5)
    root = a
    for _ in range(50):
        root = tanh(root) + 0.1
    collect()
    root.backward()
    expected, x = 1.0, 0.5
    for _ in range(50):
        t = math.tanh(x)
        expected *= 1 - t * t
        x = t + 0.1
    assert close(a.grad, expected, rel=1e-10)


def test_closures_in_a_deep_native_graph_run_in_the_right_order(rng):
    a = Value(1.0)
    root, made, shares = a, 0, 1.0
    for i in range(100_000):
        if i % 1000 == 500:
            root = identity(root)
            made += 1
        elif rng.random() < 0.01:
            root = root + a
            shares += 1.0
        else:
            root = -root * -1.0
    root.backward()
    assert made == 100 and a.grad == shares


def identity(x):
    out = Value(x.data, (x,), "id")

    def _backward():
        x.grad += out.grad

    out._backward = _backward
    return out


def test_an_exception_in_a_closure_reaches_the_caller_and_the_engine_goes_on():
    class Trouble(Exception):
        pass

    a = Value(2.0)
    b = a * 3
    out = Value(1.0, (b,), "trouble")

    def _backward():
        raise Trouble("here")

    out._backward = _backward
    root = out + a
    for _ in range(50):
        with pytest.raises(Trouble, match="here"):
            root.backward()
        assert stats().open_sweeps == 0
    assert b.grad == 0.0
    zero_grad(root)
    c = a * a
    c.backward()
    assert a.grad == 4.0
    # Nothing of the sweep that was given up is left: the next one visits what is below its root alone.
    b.grad = 5.0
    c.backward()
    assert b.grad == 5.0 and a.grad == 8.0


def test_gradients_added_before_an_exception_stay():
    a, b = Value(2.0), Value(3.0)
    bad = Value(1.0, (a,), "bad")
    bad._backward = lambda: 1 / 0
    root = bad + b * 4
    with pytest.raises(ZeroDivisionError):
        root.backward()
    assert bad.grad == 1.0 and a.grad == 0.0


def test_a_closure_may_run_backward_of_another_graph_and_of_its_own():
    a, other = Value(2.0), Value(3.0)
    side = identity(other * other)
    out = Value(1.0, (a,), "nested")

    def _backward():
        side.backward()
        a.grad += out.grad * other.grad

    out._backward = _backward
    (out * 2).backward()
    assert other.grad == 6.0 and a.grad == 12.0

    x = Value(2.0)
    below = identity(x * x)
    node = Value(below.data, (below,), "again")

    def again():
        below.backward()  # leaves 1 in below.grad and in that of x * x, and adds 4 to x
        below.grad += node.grad

    node._backward = again
    node.backward()
    assert below.grad == 2.0 and x.grad == 4.0 + (1.0 + 2.0) * 4.0


def test_nested_sweeps_go_as_deep_as_closures_nest():
    def nest(depth, x):
        out = Value(x.data, (x,), "nest")

        def _backward():
            if depth:
                nest(depth - 1, x).backward()
            x.grad += out.grad

        out._backward = _backward
        return out * 1

    a = Value(1.0)
    nest(20, a).backward()
    assert a.grad == 21.0
    assert stats().open_sweeps == 0


def test_a_closure_may_make_and_drop_any_number_of_nodes():
    a = Value(2.0)
    b = a * 3
    out = Value(b.data, (b,), "busy")

    def _backward():
        for _ in range(5):
            junk = [Value(float(i)) * 2 for i in range(20_000)]
            del junk
            collect()
        b.grad += out.grad

    out._backward = _backward
    root = out * 7
    root.backward()
    assert (a.grad, b.grad) == (21.0, 7.0)


def test_a_closure_may_assign_closures_and_data_below_it():
    a = Value(2.0)
    b = a * 3
    out = Value(b.data, (b,), "changes")

    def _backward():
        a.data = 50.0
        b._backward = lambda: setattr(a, "grad", a.grad + 1000 * b.grad)
        b.grad += out.grad

    out._backward = _backward
    out.backward()
    assert a.grad == 1000.0


def test_a_closure_may_drop_the_last_names_of_the_graph_it_stands_in():
    a = Value(2.0)
    holder = {}

    def make():
        b = a * 3
        out = Value(b.data, (b,), "drops")

        def _backward():
            holder.clear()
            collect()
            b.grad += out.grad

        out._backward = _backward
        holder["root"] = out + 1

    make()
    holder["root"].backward()
    assert a.grad == 3.0


def test_cycles_through_closures_are_freed_by_pythons_collector():
    with nothing_left_behind():
        a = Value(0.5)
        out = tanh(a * 2)
        weak = weakref.ref(out)
        out.backward()
        del out, a
        collect()
        assert weak() is None


def test_a_closure_of_a_node_that_died_is_never_run_for_the_next_owner_of_its_handle():
    ran = []
    for i in range(2000):
        v = Value(1.0) * 1.0
        v._backward = lambda i=i: ran.append(i)
        del v
        w = Value(2.0) * 3.0
        w.backward()
    assert ran == []


def test_a_deep_chain_of_closures_is_swept_and_dropped():
    with nothing_left_behind():
        a = Value(1.0)
        root = a
        for _ in range(20_000):
            root = identity(root)
        root.backward()
        assert a.grad == 1.0
        del root, a


@needs_reference_counts
def test_the_closure_of_a_node_that_a_closure_above_lets_die_does_not_run():
    ran, made, x = [], [], Value(1.0)
    upper, lower = Value(1.0, (x,), "upper"), [Value(1.0, (x,), "lower")]
    upper, lower = lower.pop(), [upper]  # the sweep comes to the younger one first
    root = Value(1.0, (upper, lower[0]), "root")

    def drop():
        ran.append("upper")
        root._prev = (upper,)
        lower.clear()
        for _ in range(5):  # one of them may get its handle
            made.append(Value(1.0, (x,), "new"))
            made[-1]._backward = lambda: ran.append("new")

    lower[0]._backward = lambda: ran.append("lower")
    upper._backward = drop
    root.backward()
    root.backward()
    assert ran == ["upper", "upper"]
    assert stats().open_sweeps == 0


def test_closures_that_run_one_after_the_other_see_what_those_before_them_did():
    ran, x = [], Value(2.0)
    nodes = [Value(3.0, (x,), f"n{i}") for i in range(200)]

    def closure_of(i):
        def closure():
            ran.append(i)
            if i == 150:
                nodes[149]._backward = lambda: ran.append("another")
                nodes[148].__init__(5.0)  # a leaf from now on

        return closure

    for i, node in enumerate(nodes):
        node._backward = closure_of(i)
    root = micrograd_c.sum(nodes)
    root.backward()
    assert ran == [*range(199, 149, -1), "another", *range(147, -1, -1)]
    assert stats().open_sweeps == 0


@pytest.mark.parametrize("at", [0, 1, 62, 63, 64, 65, 198, 199])
def test_closures_above_the_one_that_raises_have_run_once_and_those_below_have_not(at):
    ran, x = [], Value(2.0)

    def node(i):
        def closure():
            ran.append(i)
            if i == at:
                raise ZeroDivisionError

        out = Value(3.0, (x,), f"n{i}")
        out._backward = closure
        return out

    root = micrograd_c.sum([node(i) for i in range(200)])
    with pytest.raises(ZeroDivisionError):
        root.backward()
    assert ran == list(range(199, at - 1, -1)) and stats().open_sweeps == 0


def test_operands_that_a_closure_assigns_below_it_count_in_the_same_sweep(rng):
    for _ in range(30):
        ran, operands, added = [], [], {}
        leaves = [Value(1.0) for _ in range(3)]
        nodes = [*leaves, *(leaf * 3 for leaf in leaves)]
        first = len(nodes)
        for i in range(first, first + rng.randrange(2, 150)):
            operands.append(rng.sample(range(i), rng.randrange(1, 3)))
            nodes.append(Value(1.0, tuple(nodes[j] for j in operands[-1]), f"n{i}"))
        top = len(nodes) - 1
        for _ in range(rng.randrange(1, 6)):
            upper = rng.randrange(first, top + 1)
            lower = rng.randrange(first, upper + 1)
            added[upper] = lower, rng.randrange(lower)

        def closure_of(i, ran=ran, nodes=nodes, added=added):
            def closure():
                ran.append(i)
                for x in nodes[i]._prev:
                    x.grad += nodes[i].grad
                if i in added and added[i][0] != i:
                    lower, x = added[i]
                    nodes[lower]._prev = (*nodes[lower]._children, nodes[x])

            return closure

        for i in range(first, top + 1):
            nodes[i]._backward = closure_of(i)
        nodes[top].backward()

        expected, reached, grads = [], {top}, [0.0] * top + [1.0]  # rows from the root down, as they are then
        for i in range(top, first - 1, -1):
            if i in reached:
                expected.append(i)
                reached |= {*operands[i - first]}
                for x in dict.fromkeys(operands[i - first]):
                    grads[x] += grads[i]
                if i in added and added[i][0] != i:
                    operands[added[i][0] - first].append(added[i][1])
        for i in range(3):
            grads[i] += 3 * grads[3 + i] * (3 + i in reached)
        assert ran == expected
        assert [v.grad for v in nodes] == pytest.approx(grads, rel=1e-12)
        assert stats().open_sweeps == 0


@pytest.mark.parametrize("between", [0, 1, 70])
def test_a_closure_that_a_closure_above_gives_a_leaf_runs_as_in_micrograd(between):
    for cls in (Value, pytest.importorskip("micrograd.engine").Value):
        ran = []
        x = cls(2.0)
        lower = cls(1.0, (x,), "lower")
        rest = [cls(0.0) for _ in range(between)]
        upper = cls(1.0, (lower,), "upper")
        lower._backward = lambda x=x, lower=lower: setattr(x, "grad", x.grad + 5 * lower.grad)

        def closure(x=x, lower=lower, upper=upper, ran=ran):
            lower.grad += upper.grad
            x._backward = lambda: ran.append(x.grad)

        upper._backward = closure
        (upper * 3.0).backward()
        assert ran == [15.0], (cls, rest)
