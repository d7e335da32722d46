"""Memory comes back: nodes are counted, and so are the pages of the process."""

import gc
import random
from pathlib import Path

import pytest
from support import PYPY, close, collect, live_nodes, needs_reference_counts, nothing_left_behind

import micrograd_c
from micrograd_c import MLP, Stats, Value, stats


def resident_bytes():
    """Return the resident memory of this process."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("the system has no /proc/self/statm")
    import resource

    return int(statm.read_text().split()[1]) * resource.getpagesize()


pypy_collects_later = pytest.mark.skipif(PYPY, reason="PyPy collects by the size of its heap")


def growth(work, rounds, warm_up):
    """Return by how many bytes the process grows over `rounds` of work, after some to warm up."""
    for _ in range(warm_up):
        work()
    collect()
    before = resident_bytes()
    for _ in range(rounds):
        work()
    collect()
    return resident_bytes() - before


def test_stats_tell_the_figures_of_the_arena():
    kept = [Value(float(i)) for i in range(5000)]
    figures = stats()
    assert isinstance(figures, Stats)
    assert figures.live_nodes >= 5000
    assert figures["live_nodes"] == figures.live_nodes <= figures.rows <= figures.capacity
    assert figures.bytes_in_use >= 33 * figures.capacity
    assert figures.squeezes >= 0 and figures.open_sweeps == 0
    assert figures.core in ("cffi", "native")
    with pytest.raises(AttributeError, match="live_nodes"):
        _ = figures.unknown
    del kept


def test_after_dropping_everything_no_node_is_left():
    with nothing_left_behind():
        model = MLP(3, [4, 4, 1])
        for _ in range(10):
            loss = sum(model([random.random(), 1.0, Value(2.0)]) for _ in range(5))
            model.zero_grad()
            loss.backward()
        del model, loss


@needs_reference_counts
def test_values_die_as_soon_as_nobody_refers_to_them():
    gc.disable()
    try:
        before = stats().live_nodes
        a = Value(2.0)
        for _ in range(100):
            (a * 3 + 1).tanh().backward()
        assert stats().live_nodes == before + 1
        model = MLP(2, [3, 1])
        model([1.0, 2.0]).backward()
        assert stats().live_nodes == before + 1 + 13
        del a, model
        assert stats().live_nodes == before
    finally:
        gc.enable()


def test_a_node_keeps_what_it_was_computed_from_alive_and_no_more():
    before = live_nodes()
    a = Value(1.0)
    b = a + 1
    c = b * 2
    d = b * 3
    del b, c
    assert live_nodes() == before + 5  # a, 1, b, 3, d
    del d
    assert live_nodes() == before + 1


def test_capacity_is_given_back_when_most_of_it_falls_empty():
    with nothing_left_behind():
        kept = [Value(1.0) for _ in range(400_000)]
        assert stats().capacity >= 400_000
        on_top = Value(1.0)
        del kept
        collect()
        more = [Value(1.0) for _ in range(500_000)]  # squeezes
        del more, on_top
        collect()
        for _ in range(3):
            more = [Value(1.0) for _ in range(1000)]
        del more
    assert stats().bytes_in_use < 64e6


def test_bytes_in_use_follow_the_nodes():
    kept = [Value(1.0) for _ in range(200_000)]
    figures = stats()
    assert 33 * figures.rows <= figures.bytes_in_use <= 200 * figures.capacity
    del kept


def test_cycles_through_closures_and_attributes_are_collected():
    def cycles():
        a = Value(2.0)
        out = Value(4.0, (a,), "square")

        def _backward():
            a.grad += 2 * a.data * out.grad

        out._backward = _backward
        a.result = out * 3
        a.result.backward()
        assert a.grad == 12.0

    with nothing_left_behind():
        for _ in range(200):
            cycles()


@pypy_collects_later
def test_an_automatic_collection_frees_closure_cycles_too():
    def cycle():
        out = Value(1.0, (Value(2.0),))
        out._backward = lambda: out.grad

    before, most = live_nodes(), 0
    for _ in range(30_000):
        cycle()
        if _ % 1000 == 0:
            most = max(most, stats().live_nodes - before)
    assert most < 2 * 30_000 - 2000
    assert live_nodes() == before


@pypy_collects_later
def test_a_squeeze_keeps_every_live_node_as_it_was(rng):
    kept = {}
    before = stats().squeezes
    for i in range(40_000):
        a = Value(float(i))
        b = micrograd_c.dot([a, 2.0], [3.0, a], a) + a.leaky_relu(0.1)
        if rng.random() < 0.1:
            a.grad, b.grad, b.tag = i + 0.5, i + 0.25, i
            kept[i] = a, b
    assert stats().squeezes > before
    for i, (a, b) in kept.items():
        assert (a.data, a.grad, b.grad, b.tag) == (i, i + 0.5, i + 0.25, i)
        assert b.data == 7.0 * i and len(b._prev) == 2
    for i, (a, b) in kept.items():
        b.backward()
        assert close(a.grad, i + 0.5 + 6.0 + (1.0 if i else 0.1))


@pytest.mark.memory
@pypy_collects_later
def test_a_training_loop_stays_flat_in_memory():
    model = MLP(4, [8, 8, 1])

    def step():
        loss = sum((model([random.random()] * 4) - 1) ** 2 for _ in range(10))
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.01 * p.grad

    assert growth(step, rounds=2000, warm_up=400) < 2e6


@pytest.mark.memory
@pypy_collects_later
def test_a_scalar_training_loop_stays_flat_in_memory():
    ws = [Value(random.random()) for _ in range(20)]

    def step():
        out = Value(0.0)
        for w in ws:
            out += (w * random.random()).tanh() ** 2
        for w in ws:
            w.grad = 0.0
        out.backward()
        for w in ws:
            w.data -= 0.01 * w.grad

    assert growth(step, rounds=3000, warm_up=600) < 2e6


@pytest.mark.memory
def test_a_loop_with_closures_and_errors_stays_flat_in_memory():
    a = Value(2.0)

    def step():
        out = Value(1.0, (a * 2,))
        out._backward = lambda: out.data / (out.grad - 1.0)
        root = out + a
        with pytest.raises(ZeroDivisionError):
            root.backward()
        with pytest.raises(ValueError):
            (-a).log()

    assert growth(lambda: [step() for _ in range(100)], rounds=60, warm_up=20) < 2e6


@pytest.mark.memory
@pypy_collects_later
def test_graphs_of_changing_size_stay_flat_in_memory():
    rng = random.Random(5)

    def step():
        root = Value(1.0)
        for _ in range(rng.randrange(20_000)):
            root = root + 1.0
        root.backward()

    assert growth(step, rounds=60, warm_up=30) < 16e6
