"""backward: its meaning, its helpers, and nodes made by hand."""

import gc
import random

import pytest
from support import close, collect, live_nodes, nothing_left_behind

import micrograd_c
from micrograd_c import Value, dot, stats, topological_order, zero_grad


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


# ---- meaning -----------------------------------------------------------------------------------------------------


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


def test_a_loop_of_the_users_own_over_prev_gives_the_same_gradients():
    by_sweep, by_hand = expression(Value), expression(Value)
    by_sweep["g"].backward()
    by_hand["g"].grad = 1.0
    for node in reversed(build_topo(by_hand["g"])):
        node._backward()
    for name, v in by_sweep.items():
        assert close(v.grad, by_hand[name].grad, rel=1e-14)


# ---- zero_grad, topological_order, sum, dot ----------------------------------------------------------------------


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


# ---- depth -------------------------------------------------------------------------------------------------------


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
