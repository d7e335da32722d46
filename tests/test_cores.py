"""The two cores of Value: the same results, and what the native one promises of Python's collector."""

import gc
import random
import re
import sys
import threading
import weakref
from pathlib import Path

import pytest
from support import PYPY, collect, live_nodes, nothing_left_behind, run_python

import micrograd_c
from micrograd_c import Value, nn
from micrograd_c._core import core

native = pytest.mark.skipif(micrograd_c.stats().core != "native", reason="of the native core")

# One program for both cores: it is run in a process for each, and prints every number bit by bit.
PROGRAM = """
import copy, gc, random, sys
import micrograd_c as mg
from micrograd_c import Value, nn
from micrograd_c._core import LABELS, NAMES, OPS

def closure(a, b):
    out = Value(a.data * b.data, (a, b), "mine")
    def backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad
    out._backward = backward
    return out

def step(rng, pool):
    a, b = rng.choice(pool), rng.choice(pool)
    what = rng.randrange(16)
    if what < 5:
        row = rng.choice([op for op in range(len(OPS)) if OPS[op].method])
        name, k = NAMES[row].lower(), rng.choice([2, 3, -1, 0.5])
        method = getattr(a, name, None) or getattr(a, f"__{name}__")
        return method(k) if OPS[row].takes_k else method() if OPS[row].arity == 1 else method(b)
    if what < 8:
        number = rng.choice([2, -1.5, True, 0])
        return rng.choice([lambda: a * number, lambda: number - b, lambda: a / number, lambda: number ** a])()
    if what == 8:
        return closure(a, b)
    if what == 9:
        return mg.sum(rng.sample(pool, min(5, len(pool))))
    if what == 10:
        return mg.dot(rng.sample(pool, 2), [a, 0.25], b)
    if what == 11:
        a.data = rng.uniform(-1, 1)
        b.grad = 0.5
    if what == 12:
        a.tag = rng.randrange(9)
        return Value(a.tag / 9, name="tagged")
    if what == 13:
        del pool[rng.randrange(len(pool)):]
        pool.append(Value(rng.uniform(-2, 2)))
    if what == 14:
        layer = nn.Layer(2, 3, activation=rng.choice(["relu", "tanh", "linear"]))
        return mg.sum(layer([a, b]))
    try:
        return copy.deepcopy(a) if what == 15 else copy.copy(a)
    except TypeError as error:
        print(type(error).__name__)

for seed in map(int, sys.argv[1:]):
    rng = random.Random(seed)
    random.seed(seed)
    pool = [Value(rng.uniform(-2, 2)) for _ in range(4)]
    for i in range(150):
        try:
            out = step(rng, pool)
        except ArithmeticError as error:
            print(type(error).__name__, error)
        except ValueError as error:
            print("ValueError", error)
        else:
            if isinstance(out, Value):
                print(out._op, out.name, out.data.hex(), len(out._prev))
                pool.append(out)
        if i % 25 == 24:
            root = rng.choice(pool)
            try:
                root.backward()
            except TypeError as error:  # a closure that was copied is below
                print(type(error).__name__)
            print([v.grad.hex() for v in mg.topological_order(root)])
    pool = out = root = None
gc.collect()
print(mg.stats().live_nodes)
"""


def outcome(core, seeds):
    run = run_python("-c", PROGRAM, *seeds, env={"MICROGRAD_C_CORE": core})
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


PAGES = """
import random
import micrograd_c as mg
from graphs import article, random_graph, wild_graph
from micrograd_c import MLP, Value
rng = random.Random(int(sys.argv[1]))
random.seed(3)
model = MLP(2, [3, 1])
made = Value(6.0, (x := Value(2.0), y := Value(3.0)), (3.0, 2.0))
graphs = [article(), (model([x, y]) - 1) ** 2, made * x, random_graph(rng)]
graphs += [wild_graph(rng)[0] for _ in range(20)]
for root in graphs:
    explanation = mg.explain(root, limit=None)
    print(explanation.html(), explanation.json(), explanation.engine, mg.draw(root).svg())
print(mg.lesson()._repr_html_())
"""


@native
def test_both_cores_explain_and_draw_alike(rng):
    """So a browser looks at the pages of one core alone."""
    seed = rng.randrange(2**31)
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{PAGES}"
    ours, other = (
        run_python("-c", code, seed, env={"MICROGRAD_C_CORE": core, "PYTHONHASHSEED": "1"})
        for core in ("native", "cffi")
    )
    assert ours.returncode == other.returncode == 0, ours.stderr + other.stderr
    assert len(ours.stdout) > 100_000
    assert ours.stdout == other.stdout


@native
def test_both_cores_run_random_programs_to_the_same_bits(rng):
    seeds = [rng.randrange(2**31) for _ in range(40)]
    for ours, other in zip(outcome("native", seeds), outcome("cffi", seeds)):
        assert ours == other


@pytest.mark.skipif(PYPY, reason="which core is asked for says nothing there")
def test_the_environment_chooses_the_core():
    for name in ("cffi", micrograd_c.stats().core):
        code = "import micrograd_c; print(micrograd_c.stats().core)"
        assert run_python("-c", code, env={"MICROGRAD_C_CORE": name}).stdout.strip() == name


def test_a_core_has_all_that_the_package_asks_of_it():
    package = Path(micrograd_c.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    asked = {name for text in texts for name in re.findall(r"\bcore\.([A-Za-z]\w*)", text)}
    assert {"own", "leaves", "Node"} <= asked
    assert [name for name in asked if not hasattr(core, name)] == []


def test_typing_is_not_imported_with_the_package():
    """It takes longer than all of the package."""
    code = "import sys; sys.modules.pop('typing', None); import micrograd_c; assert 'typing' not in sys.modules"
    run = run_python("-c", code)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_module_of_the_package_is_asked_for_no_name_that_it_does_not_have():
    """What is close to the name would be looked for, with modules that nothing else needs."""
    run = run_python("-c", "import sys, micrograd_c as m; m.nn, m.optim; assert 'difflib' not in sys.modules")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_core_that_does_not_exist_is_refused_by_name():
    run = run_python("-c", "import micrograd_c", env={"MICROGRAD_C_CORE": "rust"})
    assert (
        run.returncode and "ImportError" in run.stderr and "rust" in run.stderr and "native or cffi" in run.stderr
    )


def test_a_native_core_that_is_not_there_is_an_import_error_that_says_why():
    code = "import sys; sys.modules['micrograd_c._core._native'] = None; import micrograd_c"
    run = run_python("-c", code, env={"MICROGRAD_C_CORE": "native"})
    assert run.returncode and "ImportError" in run.stderr and "the native core is not there" in run.stderr
    code += "; print(micrograd_c.stats().core)"
    assert run_python("-c", code, env={"MICROGRAD_C_CORE": ""}).stdout.strip() == "cffi"


# ---- the collector -----------------------------------------------------------------------------------------------


@native
def test_ordinary_values_are_not_tracked():
    a, b = Value(1.0), Value(2.0)
    values = [a * b, a + 1, -a, a.exp(), a**2, micrograd_c.sum([a, b]), micrograd_c.dot([a], [b])]
    values += [a, b, *nn.Layer(2, 2)([a, b]), nn.MLP(2, [2, 1])([a, b])]
    assert not any(map(gc.is_tracked, values))


@native
def test_a_value_with_an_attribute_or_a_closure_is_tracked():
    a, b, c = Value(1.0), Value(2.0), Value(3.0, name="c")
    a.color = "red"
    b._backward = lambda: None
    assert gc.is_tracked(a) and gc.is_tracked(b) and gc.is_tracked(c)
    assert not gc.is_tracked(a * 2)  # a text leads nowhere
    assert gc.is_tracked(b * 2)


@native
def test_what_reads_a_tracked_value_through_a_tuple_is_tracked_with_the_tuple():
    a = Value(1.0)
    a.log = []
    for out in (micrograd_c.sum([a, a]), micrograd_c.dot([a], [a]), nn.Neuron(1)([a])):
        assert gc.is_tracked(out)
        assert all(gc.is_tracked(part) for part in gc.get_referents(out) if type(part) is tuple)


def closure_over_itself():
    a, b = Value(2.0), Value(3.0)
    out = Value(6.0, (a, b), "mine")
    out._backward = lambda: a.grad and out
    return out * 2


def reader_younger_than_the_attribute():
    a = Value(1.0)
    a.log = []
    a.log.append((a * 2).exp())
    return a


def reader_older_than_the_attribute():
    a = Value(1.0)
    b = (a * 2).exp() + 1
    a.callback = lambda: b
    return b


def reader_through_a_sum():
    a = Value(1.0)
    b = micrograd_c.sum([micrograd_c.dot([a], [a]), Value(1.0)])
    a.log = [b]
    return b


def reader_through_hidden_layers():
    a = Value(1.0)
    b = nn.MLP(1, [3, 3, 1])([a])
    a.log = [b]
    return b


def reader_put_into_the_dict():
    a = Value(1.0)
    b = a * 2
    a.__dict__["b"] = b
    return b


def subclass_that_refers_to_itself():
    class Named(Value):
        pass

    v = Named(1.0)
    v.reader = v * 2
    return v


def subclass_with_slots():
    class Slotted(Value):
        __slots__ = ("reader",)

    v = Slotted(1.0)
    v.reader = v + 1
    return v


CYCLES = [
    closure_over_itself,
    reader_younger_than_the_attribute,
    reader_older_than_the_attribute,
    reader_through_a_sum,
    reader_through_hidden_layers,
    reader_put_into_the_dict,
    subclass_that_refers_to_itself,
    subclass_with_slots,
]


@pytest.mark.parametrize("cycle", CYCLES)
def test_cycles_are_collected(cycle):
    with nothing_left_behind():
        for _ in range(20):
            cycle()


@pytest.mark.parametrize("cycle", CYCLES)
def test_nothing_on_a_cycle_is_freed_while_one_of_it_is_held(cycle):
    held = cycle()
    order = [v.data for v in micrograd_c.topological_order(held)]
    for _ in range(3):
        gc.collect()
    assert [v.data for v in micrograd_c.topological_order(held)] == order
    held.backward()
    assert held.grad == 1.0


@native
def test_a_value_that_a_finalizer_brings_back_still_has_its_data():
    class Saved:
        def __del__(self):
            kept.append(self.value)

    kept = []
    v = Value(3.0) * 2
    v.saved = Saved()
    v.saved.value = v
    del v
    gc.collect()
    assert kept[0].data == 6.0
    kept[0].backward()
    assert [x.grad for x in micrograd_c.topological_order(kept[0])][-1] == 1.0


# ---- reference counts --------------------------------------------------------------------------------------------


def use(a, other):
    results = [a * other, a + other, a - other, a / other, a**other, other * a, other**a, -a, abs(a), +a]
    results += [a.maximum(other), a.tanh(), a.pow(2), a.leaky_relu(k=0.5), micrograd_c.sum([a, a])]
    results += [micrograd_c.dot([a], [a], a), a.data, a.grad, a < other, int(a), repr(a), a._prev, a._op]
    a.data, a.grad = a.data, 0
    a.mark = results
    del a.mark
    for wrong in (lambda: a / 0, lambda: (a * 0 - 1).log(), lambda: a * "x", lambda: a.maximum([])):
        with pytest.raises((ArithmeticError, ValueError, TypeError)):
            wrong()
    with pytest.raises(TypeError):
        a.data = "x"
    with pytest.raises(AttributeError):
        del a.data
    with pytest.raises(AttributeError):
        a.nothing  # noqa: B018


@pytest.mark.skipif(not hasattr(sys, "getrefcount") or PYPY, reason="counts references")
@pytest.mark.parametrize("other", [Value(2.0), 3, 0.5, True])
def test_reference_counts_are_exact(other):
    a, number = Value(1.5), 123456.789
    use(a, other)
    collect()
    counts = [sys.getrefcount(x) for x in (a, other, Value, None, number)]
    nodes = live_nodes()
    for _ in range(200):
        use(a, other)
        a.data = number
        a.data = 1.5
    collect()
    now = [sys.getrefcount(x) for x in (a, other, Value, None, number)]
    assert live_nodes() == nodes
    assert all(abs(x - y) < 100 for x, y in zip(counts, now)), (counts, now)  # the interpreter's own come and go
    assert (now[0], now[2]) == (counts[0], counts[2])
    if hasattr(sys, "gettotalrefcount"):
        before = sys.gettotalrefcount()
        for _ in range(200):
            use(a, other)
        assert abs(sys.gettotalrefcount() - before) < 100


# ---- lifetime ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_chain_of_five_million_nodes_is_dropped_in_one_pass():
    with nothing_left_behind():
        v = Value(0.5)
        for _ in range(5_000_000):
            v = -v
        v.backward()
        alive = weakref.ref(v)
        del v
        collect()
        assert alive() is None


def test_values_that_a_weak_callback_drops_are_dropped_too():
    with nothing_left_behind():
        inner = [Value(1.0)]
        for _ in range(1000):
            inner[0] = inner[0] * 1.0
        v = Value(2.0) * 3
        ref = weakref.ref(v, lambda _: inner.clear())
        w = v + 1
        del v, w
        collect()
        assert not inner and ref() is None


def test_a_value_without_a_node_says_so():
    v = Value.__new__(Value)
    with pytest.raises((RuntimeError, AttributeError)):
        v.data  # noqa: B018
    with pytest.raises((RuntimeError, AttributeError)):
        v + 1


@native
def test_init_for_the_second_time_leaves_one_node():
    with nothing_left_behind():
        v = Value(1.0)
        v.__init__(2.0)
        assert v.data == 2.0
        del v


def test_values_may_be_dropped_by_any_thread():
    def work(number):
        rng = random.Random(number)
        for _ in range(200):
            shelf.append(rng.choice(shelf[:]) * 1.0)  # a copy: others take from the shelf in between
            del shelf[rng.randrange(1, len(shelf) + 1) :]

    with nothing_left_behind():
        shelf = [Value(1.0)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert shelf[0].data == 1.0
        shelf.clear()
