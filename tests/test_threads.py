"""Threads: any of them may build, sweep and drop any Value."""

import queue
import random
import sys
import threading

import pytest
from support import close, nothing_left_behind

from micrograd_c import MLP, Value, dot, stats, topological_order, zero_grad

THREADS = 8


@pytest.fixture(autouse=True)
def switch_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_in_threads(work):
    """Run work(i) in threads that start together; raise what one of them raised."""
    barrier, errors = threading.Barrier(THREADS), []

    def run(i):
        barrier.wait()
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_each_thread_gets_the_results_of_its_own_graph(seed):
    def work(i):
        rng = random.Random(seed + i)
        for _ in range(60):
            a, b = rng.uniform(-1, 1), rng.uniform(-1, 1)
            x, y = Value(a), Value(b)
            root = x
            for _ in range(20):
                root = root * 0.5 + y
            root = dot([root, x], [x, y], y)
            root.backward()
            expected = a
            for _ in range(20):
                expected = expected * 0.5 + b
            assert close(root.data, b + expected * a + a * b)
            assert close(x.grad, expected + a * 0.5**20 + b)
            assert close(y.grad, 1 + a + a * (2 - 2 * 0.5**20))

    with nothing_left_behind():
        run_in_threads(work)
    assert stats().open_sweeps == 0


def test_threads_share_leaves_and_read_them_while_others_sweep():
    shared = [Value(float(i)) for i in range(10)]

    def work(i):
        for _ in range(40):
            own = Value(float(i))
            root = dot(shared, shared) * own
            root.backward()
            assert root.data == 285.0 * i and own.grad == 285.0
            assert [v.data for v in shared] == [float(i) for i in range(10)]
            assert len(topological_order(root)) == 13

    run_in_threads(work)
    zero_grad(dot(shared, shared))
    assert [v.grad for v in shared] == [0.0] * 10


def test_gradients_of_whole_sweeps_add_up_over_threads():
    shared = Value(3.0)
    roots = [shared * float(i + 1) for i in range(THREADS)]

    def work(i):
        for _ in range(500):
            roots[i].backward()

    run_in_threads(work)
    # A sweep is one step under the lock; its root's own grad is set, not added to.
    assert shared.grad == 500.0 * sum(range(1, THREADS + 1))


def test_values_may_die_in_another_thread_than_they_were_made_in():
    boxes = [queue.Queue() for _ in range(THREADS)]

    def work(i):
        for k in range(400):
            v = Value(float(k)) * 2.0
            boxes[(i + 1) % THREADS].put(v)
            del v
            got = boxes[i].get()
            assert (got + 1.0).data == got.data + 1.0
            del got

    with nothing_left_behind():
        run_in_threads(work)


def test_closures_pause_the_sweeps_of_many_threads_at_once():
    def custom(x):
        out = Value(x.data, (x,), "id")

        def _backward():
            junk = [Value(1.0) * 2.0 for _ in range(20)]
            x.grad += out.grad
            del junk

        out._backward = _backward
        return out

    def work(i):
        for _ in range(10):
            x = Value(1.0)
            root = x
            for _ in range(15):
                root = custom(root * 1.0) + x
            root.backward()
            assert x.grad == 16.0

    with nothing_left_behind():
        run_in_threads(work)
    assert stats().open_sweeps == 0


def test_threads_train_models_of_their_own_and_call_a_shared_one(seed):
    random.seed(seed)
    shared = MLP(3, [5, 1])
    x = [0.5, -0.25, 1.0]
    expected = shared(x).data
    models = [MLP(3, [4, 1]) for _ in range(THREADS)]

    def work(i):
        model, last = models[i], None
        for _ in range(30):
            loss = (model(x) - 0.5) ** 2
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= 0.01 * p.grad
            assert shared(x).data == expected
            last = loss.data
        assert last < 1e3

    run_in_threads(work)


def test_assignments_to_one_model_are_honoured_while_others_are_called():
    def work(i):
        model = MLP(2, [3, 1])
        for k in range(50):
            neuron = model.layers[0].neurons[k % 3]
            neuron.w[k % 2] = Value(float(k))
            neuron.b = Value(1.0)
            scalar = MLP.__new__(MLP)
            scalar.layers = model.layers
            hidden = [max(0.0, n.b.data + n.w[0].data * 1.0 + n.w[1].data * 2.0) for n in model.layers[0].neurons]
            last = model.layers[1].neurons[0]
            expected = last.b.data
            for w, h in zip(last.w, hidden):
                expected += w.data * h
            assert model([1.0, 2.0]).data == expected == scalar([1.0, 2.0]).data

    run_in_threads(work)


def test_operands_are_those_of_c_after_threads_have_called_init_of_one_value():
    leaves = [Value(float(i)) for i in range(200)]

    def work(i):
        k = (3, 50, 120, 200)[i % 4]
        children, ones = tuple(leaves[:k]), (1.0,) * k
        for _ in range(10):
            v.__init__(1.0, children, ones)

    for _ in range(200):
        v = Value(1.0, tuple(leaves[:2]), (1.0, 1.0))
        run_in_threads(work)
        for leaf in leaves:
            leaf.grad = 0.0
        v.backward()
        assert sum(leaf.grad for leaf in leaves) == len(v._children)


def test_threads_make_the_first_instances_of_a_class_at_once():
    """A class is looked at then: what hides an attribute of Value is taken off it."""
    for _ in range(60):
        weight = type("Weight", (Value,), {})
        weight._prev, weight._op, weight.grad = (), "w", 5
        values = []
        run_in_threads(lambda i: values.append(weight(2.0)))  # noqa: B023
        assert {(v._op, v.grad, *v._prev) for v in values} == {("", 0.0)}
