"""backward: its meaning, its helpers, and nodes made by hand."""

import gc
import math
import random
import weakref

import pytest
from support import close, collect, live_nodes, nothing_left_behind

import micrograd_c
from micrograd_c import GradientError, Value, dot, gradcheck, stats, topological_order, zero_grad


def build_topo(root):
    """Return the order that micrograd's own backward finds, by recursion over _prev."""
    topo, visited = [], set()

    def visit(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                visit(child)
            topo.append(v)

    visit(root)
    return topo


def tanh(x):
    """A node made by hand, with a closure."""
    t = math.tanh(x.data)
    out = Value(t, (x,), "tanh")

    def _backward():
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def expression(cls):
    """Every operation that micrograd has, in one expression; its nodes by name."""
    a, b = cls(1.5), cls(-0.75)
    p = a * b - 2
    q = (a - b) ** 3 / 4 + 1
    p += (-p).relu() * 0.5
    r = 3 / q - a.relu() * (b * 2).relu()
    q *= 1 - r
    g = (p + q) ** 2 / (r + 5) + p / 2.5
    return {"a": a, "b": b, "p": p, "q": q, "r": r, "g": g}


# ---- meaning ---------------------------------------------------------------------------------------------------


def test_an_expression_of_every_operation_has_the_gradients_of_differences():
    assert micrograd_c.gradcheck(lambda a, b: expression(lambda data: a if data > 0 else b)["g"], 1.5, -0.75)


def test_every_named_node_of_that_expression_agrees_with_micrograd():
    theirs = expression(pytest.importorskip("micrograd.engine").Value)
    ours = expression(Value)
    theirs["g"].backward()
    ours["g"].backward()
    for name, v in ours.items():
        assert close(v.data, theirs[name].data, rel=1e-15)
        assert close(v.grad, theirs[name].grad, rel=1e-14), name


def polynomial(cls):
    """A graph of + * ** and relu alone: its nodes are the same in micrograd."""
    a, b = cls(2.0), cls(-3.0)
    c = a * b
    d = c + a
    e = (d * d).relu()
    f = e + c * e
    return [a, b, c, d, e, f, f**2]


def test_backward_twice_does_what_micrograd_does_bug_for_bug():
    theirs = polynomial(pytest.importorskip("micrograd.engine").Value)
    ours = polynomial(Value)
    for calls in range(1, 4):
        ours[-1].backward()
        theirs[-1].backward()
        assert [v.grad for v in ours] == [v.grad for v in theirs], calls
    # Another root over nodes that hold gradients already.
    ours[4].backward()
    theirs[4].backward()
    assert [v.grad for v in ours] == [v.grad for v in theirs]


def test_backward_accumulates_over_calls_in_nodes_between_too():
    a = Value(3.0)
    b = a * 2
    c = b * 5
    c.backward()
    assert (a.grad, b.grad, c.grad) == (10.0, 5.0, 1.0)
    c.backward()
    assert (a.grad, b.grad, c.grad) == (30.0, 10.0, 1.0)


def test_gradients_of_several_roots_add_up():
    a = Value(3.0)
    b, c = a * 2, a * a
    b.backward()
    c.backward()
    assert a.grad == 2.0 + 6.0


def test_backward_of_a_leaf_sets_its_grad_alone():
    a = Value(3.0)
    a.grad = 7.0
    a.backward()
    assert a.grad == 1.0


@pytest.mark.parametrize("seed", [2.0, -0.5, 0, True, 0.0])
def test_the_seed_is_the_grad_of_the_root(seed):
    a = Value(3.0)
    b = a * a
    b.grad = 100.0
    b.backward(seed=seed)
    assert (b.grad, a.grad) == (seed, 6.0 * seed)
    b.backward(seed)
    assert b.grad == seed


def test_backward_leaves_alone_what_is_not_below_the_root():
    a = Value(2.0)
    b = a * 3
    above = b * 4
    beside = a * 5
    b.backward()
    assert (a.grad, b.grad, above.grad, beside.grad) == (3.0, 1.0, 0.0, 0.0)


def test_a_node_that_is_used_many_times_gets_every_share():
    a = Value(2.0)
    total = a
    for _ in range(9):
        total = total + a
    total.backward()
    assert a.grad == 10.0
    x = Value(1.5)
    y = x
    for _ in range(30):  # 2**30 paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**30


def test_inf_and_nan_flow_as_floats_do():
    a, b = Value(1e308), Value(10.0)
    c = a * b
    assert c.data == float("inf")
    d = c - c
    d.backward()
    assert d.data != d.data and a.grad == 0.0


def test_random_graphs_agree_with_micrograd(rng):
    theirs = pytest.importorskip("micrograd.engine").Value
    for _ in range(30):
        pairs = [(Value(x), theirs(x)) for x in (rng.uniform(0.5, 2.0) for _ in range(4))]
        leaves = len(pairs)
        for _ in range(120):
            (a, b), (c, d) = rng.choice(pairs[-12:]), rng.choice(pairs)
            kind = rng.randrange(4)
            if kind == 0:
                pairs.append((a * 0.5 + c, b * 0.5 + d))
            elif kind == 1:
                pairs.append((a * c * 0.25, b * d * 0.25))
            elif kind == 2:
                pairs.append((a.relu() + 0.1, b.relu() + 0.1))
            else:
                pairs.append(((a + 1) ** -1 + c, (b + 1) ** -1 + d))
        ours, other = pairs[-1]
        ours.backward()
        other.backward()
        scale = max(abs(v.grad) for _, v in pairs)
        for i, (v, expected) in enumerate(pairs):
            assert close(v.data, expected.data), i
            assert close(v.grad, expected.grad, rel=1e-11, absolute=1e-13 * scale), (i, i < leaves)


# ---- zero_grad, topological_order, sum, dot --------------------------------------------------------------------


def test_zero_grad_clears_the_root_and_all_below_it_and_nothing_else():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    root = c + a
    above, beside = root * 2, b * 5
    for v in (a, b, c, root, above, beside):
        v.grad = 9.0
    zero_grad(root)
    assert [v.grad for v in (a, b, c, root)] == [0.0] * 4
    assert (above.grad, beside.grad) == (9.0, 9.0)
    zero_grad(above)
    assert above.grad == 0.0
    beside.grad = 3.0
    leaf = Value(1.0)
    leaf.grad = 2.0
    zero_grad(leaf)
    assert leaf.grad == 0.0


def test_zero_grad_between_makes_backward_calls_independent():
    nodes = polynomial(Value)
    nodes[-1].backward()
    first = [v.grad for v in nodes]
    zero_grad(nodes[-1])
    nodes[-1].backward()
    assert [v.grad for v in nodes] == first


def test_topological_order_has_operands_first_each_once_and_the_root_last():
    nodes = expression(Value)
    order = topological_order(nodes["g"])
    position = {v: i for i, v in enumerate(order)}
    assert len(position) == len(order) and order[-1] is nodes["g"]
    assert set(order) == set(build_topo(nodes["g"]))
    for v in order:
        assert all(position[operand] < position[v] for operand in v._prev)
    a = Value(1.0)
    assert topological_order(a) == [a]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_sum_is_one_node_with_the_value_of_pythons_sum(n, rng):
    numbers = [rng.uniform(-1, 1) for _ in range(n)]
    values = [Value(x) for x in numbers]
    with nothing_left_behind():
        total = micrograd_c.sum(values)
        assert total.data == left_to_right(numbers)
        assert total._prev == set(values)
        total.backward(seed=2.0)
        assert [v.grad for v in values] == [2.0] * n
        del total


def left_to_right(numbers, start=0.0):
    for x in numbers:
        start += x
    return start


def test_sum_adds_from_left_to_right_bit_for_bit(rng):
    numbers = [rng.uniform(-1, 1) * 10.0 ** rng.randrange(-8, 9) for _ in range(500)]
    assert micrograd_c.sum(map(Value, numbers)).data == left_to_right(numbers)
    assert micrograd_c.sum(numbers, start=Value(3.0)).data == left_to_right(numbers, 3.0)
    assert micrograd_c.sum(numbers, 3.0).data == left_to_right(numbers, 3.0)


def test_sum_takes_numbers_repetitions_and_a_start():
    a, start = Value(2.0), Value(10.0)
    total = micrograd_c.sum([a, 1, a, 0.5], start)
    total.backward()
    assert (total.data, a.grad, start.grad) == (15.5, 2.0, 1.0)
    assert micrograd_c.sum([]).data == 0.0 and micrograd_c.sum([], 2.5).data == 2.5
    with nothing_left_behind(), pytest.raises(TypeError, match="item 1 must be a number, not str"):
        micrograd_c.sum([a, "x"])


def test_dot_is_one_node_with_bias_plus_products_from_left_to_right(rng):
    ws = [Value(rng.uniform(-1, 1)) for _ in range(50)]
    xs = [Value(rng.uniform(-1, 1)) for _ in range(50)]
    bias = Value(rng.uniform(-1, 1))
    out = dot(ws, xs, bias)
    assert out.data == left_to_right([w.data * x.data for w, x in zip(ws, xs)], bias.data)
    assert out._prev == {*ws, *xs, bias}
    out.backward(seed=-2.0)
    assert [w.grad for w in ws] == [-2.0 * x.data for x in xs]
    assert [x.grad for x in xs] == [-2.0 * w.data for w in ws]
    assert bias.grad == -2.0


def test_dot_takes_numbers_repetitions_and_checks_lengths():
    a, b = Value(2.0), Value(3.0)
    out = dot([a, a, 4.0], [b, a, 1], 0.5)
    out.backward()
    assert (out.data, a.grad, b.grad) == (6.0 + 4.0 + 4.0 + 0.5, 3.0 + 4.0, 2.0)
    assert dot([], []).data == 0.0 and dot([], [], a).data == 2.0
    assert dot([a], [b])._op == "dot"
    with nothing_left_behind():
        with pytest.raises(ValueError, match="ws has 2 items and xs has 1"):
            dot([a, b], [a])
        with pytest.raises(TypeError, match="must be a number"):
            dot([a], ["x"])


def test_dot_and_sum_use_current_data_at_backward():
    a, b = Value(2.0), Value(3.0)
    out = dot([a], [b])
    a.data, b.data = 20.0, 30.0
    out.backward()
    assert (a.grad, b.grad) == (30.0, 20.0)


# ---- gradcheck -------------------------------------------------------------------------------------------------


def test_gradcheck_accepts_right_gradients_and_changes_no_values():
    outer = Value(2.0)
    outer.grad = 5.0
    a = Value(0.3)
    a.grad = 7.0
    with nothing_left_behind():
        assert gradcheck(lambda x, y: (x * y).tanh() + outer * x, a, -1.2) is True
    assert (a.data, a.grad, outer.data, outer.grad) == (0.3, 7.0, 2.0, 5.0)


def wrong_square(x):
    out = Value(x.data**2, (x,), "square")

    def _backward():
        x.grad += 3 * x.data * out.grad

    out._backward = _backward
    return out


def test_gradcheck_finds_a_wrong_closure_and_names_the_operand_and_by_how_much():
    assert issubclass(GradientError, AssertionError)
    with pytest.raises(GradientError, match=r"operand 1 \(bad\) = 2\.0: gradient 6\.0\d*, .* off by 2") as caught:
        gradcheck(lambda good, bad: good * good + wrong_square(bad), 1.0, Value(2.0, name="bad"))
    assert "operand 0" not in str(caught.value)
    assert stats().open_sweeps == 0


def test_gradcheck_says_what_f_returned_instead_of_a_value():
    with pytest.raises(TypeError, match="f must return a Value, not float"):
        gradcheck(lambda x: x.data, 1.0)


def test_gradcheck_fails_where_a_gradient_is_nan():
    def f(x):
        out = Value(x.data, (x,))

        def _backward():
            x.grad += float("nan")

        out._backward = _backward
        return out

    with pytest.raises(GradientError, match="nan"):
        gradcheck(f, 1.0)


# ---- _backward -------------------------------------------------------------------------------------------------


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


def test_a_loop_of_the_users_own_over_prev_gives_the_same_gradients():
    by_sweep, by_hand = expression(Value), expression(Value)
    by_sweep["g"].backward()
    by_hand["g"].grad = 1.0
    for node in reversed(build_topo(by_hand["g"])):
        node._backward()
    for name, v in by_sweep.items():
        assert close(v.grad, by_hand[name].grad, rel=1e-14)


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


# ---- depth -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_chain_of_five_million_nodes_is_built_swept_and_dropped():
    with nothing_left_behind():
        a = Value(1.0)
        root = a
        gc_was_on = gc.isenabled()
        gc.disable()
        try:
            for _ in range(5_000_000):
                root = -root
        finally:
            if gc_was_on:
                gc.enable()
        assert root.data == 1.0
        root.backward()
        assert a.grad == 1.0
        zero_grad(root)
        assert a.grad == 0.0
        del root
        collect()
        assert a.data == 1.0
        del a


def test_a_deep_chain_is_found_by_the_free_functions_without_recursion():
    a = Value(1.0)
    root = a
    for _ in range(100_000):
        root = root + a
    assert len(topological_order(root)) == 100_001
    root.backward()
    assert a.grad == 100_001.0
    zero_grad(root)
    assert a.grad == 0.0


def test_a_deep_chain_of_closures_is_swept_and_dropped():
    with nothing_left_behind():
        a = Value(1.0)
        root = a
        for _ in range(20_000):
            root = identity(root)
        root.backward()
        assert a.grad == 1.0
        del root, a


def test_a_wide_graph_is_swept_and_dropped():
    with nothing_left_behind():
        leaves = [Value(float(i)) for i in range(50_000)]
        root = micrograd_c.sum(v * v for v in leaves)
        root.backward()
        assert all(v.grad == 2.0 * v.data for v in leaves)
        del root, leaves


def test_sweeps_stay_right_while_the_arena_is_squeezed(seed):
    rng = random.Random(seed)
    kept, junk = [], []
    for _ in range(300):
        a = Value(rng.uniform(-1, 1))
        kept.append((a, dot([a, a, 2.0], [a, 3.0, a], 1.0) + a**3 + a.leaky_relu(0.5)))
        junk += [Value(1.0) * 2.0 for _ in range(rng.randrange(400))]
        rng.shuffle(junk)
        del junk[len(junk) // 4 :]
    squeezes = stats().squeezes
    for _ in range(4):
        junk = [Value(1.0) for _ in range(100_000)]
        on_top = Value(1.0)  # without it the dead rows would simply be taken off the top
        del junk
        collect()
        [Value(1.0) for _ in range(200_000)]
    assert stats().squeezes > squeezes and on_top.data == 1.0
    for a, out in kept:
        x = a.data
        assert close(out.data, x * x + 3 * x + 2 * x + 1 + x**3 + (x if x > 0 else 0.5 * x))
        out.backward()
        assert close(a.grad, 2 * x + 5 + 3 * x * x + (1 if x > 0 else 0.5))


def test_live_nodes_count_the_nodes_that_can_be_reached():
    before = live_nodes()
    a = Value(1.0)
    b = a * 2 + 1  # two more leaves, two results
    assert live_nodes() == before + 5
    del a
    assert live_nodes() == before + 5
    del b
    assert live_nodes() == before
