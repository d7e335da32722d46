"""Nodes made by hand in all ways, among ordinary ones, against a plain engine that keeps every rule in sight."""

import copy
import gc
import math
import pickle
import sys

from support import live_nodes

from micrograd_c import Value, topological_order

sys.setrecursionlimit(10_000)  # copies of Plain, and of what attributes refer to, recurse


class Plain:
    """A node of the second opinion: `rule` computes the derivatives, or `slopes` holds them."""

    def __init__(self, data, children=(), rule=None, slopes=None, closure=False):
        self.data, self.children, self.rule, self.slopes = data, list(children), rule, slopes
        self.grad = 0.0
        self.tag = None  # another node that an attribute refers to
        self.closure = closure  # slopes that a Python function of ours applies

    def derivatives(self):
        if self.slopes is not None:
            return [s.data if isinstance(s, Plain) else s for s in self.slopes]
        return (
            RULES[self.rule][2](self.data, *(x.data for x in self.children))
            if self.rule
            else [0.0] * len(self.children)
        )

    def below(self, references=False):
        """Return all nodes below, operands first."""
        order, seen, todo = [], set(), [(self, False)]
        while todo:
            v, done = todo.pop()
            if done:
                order.append(v)
            elif id(v) not in seen:
                seen.add(id(v))
                todo.append((v, True))
                todo += [(x, False) for x in v.references() if references or any(x is y for y in v.children)]
        return order

    def references(self):
        return self.children + [s for s in self.slopes or () if isinstance(s, Plain)]

    def backward(self):
        self.grad = 1.0
        for v in reversed(self.below()):
            for x, slope in zip(v.children, v.derivatives()):
                x.grad += slope * v.grad


RULES = {  # ours, value, derivatives
    "add": (lambda x, y: x + y, lambda x, y: x + y, lambda z, x, y: [1.0, 1.0]),
    "mul": (lambda x, y: x * y, lambda x, y: x * y, lambda z, x, y: [y, x]),
    "tanh": (lambda x: x.tanh(), math.tanh, lambda z, x: [1 - z * z]),
    "half": (lambda x: x.leaky_relu(0.5), lambda x: x if x > 0 else 0.5 * x, lambda z, x: [1.0 if x > 0 else 0.5]),
}


class Sub(Value):
    """A class of a user's."""

    _backward = None

    def __init__(self, data, children=(), op=""):
        self._op = "early"
        self.note = [self]  # a cycle of its own
        super().__init__(data, children, op)


class Slotted(Value):
    """Another one."""

    __slots__ = ("grad", "mine")


def closure_of(out, xs, slopes):
    def backward():
        for x, slope in zip(xs, slopes):
            x.grad += slope * out.grad

    return backward


def keep_small(pair):
    """Bound what grows by products; backward reads current data, so both engines go on alike."""
    if abs(pair[1].data) > 2.0:
        pair[0].data = pair[1].data = math.copysign(0.5, pair[1].data)


def case(rng):
    """Take a hundred steps on both engines and compare."""
    before = live_nodes()
    steps(rng)
    gc.collect()
    gc.collect()
    assert live_nodes() == before, f"{live_nodes() - before} nodes are left"


def steps(rng):
    pool = [pair_of(rng) for _ in range(3)]
    for _ in range(rng.randrange(20, 120)):
        step(rng, pool)
        keep_small(pool[-1])
    compare(rng, pool)


def pair_of(rng):
    x = rng.uniform(-1, 1)
    return rng.choice([Value, Sub, Slotted])(x), Plain(x)


def some(rng, pool, most=5):
    pairs = rng.choices(pool, k=rng.randrange(1, most))
    return [ours for ours, _ in pairs], [plain for _, plain in pairs]


def by_hand(rng, xs, ps):
    """Return arguments of Value after the data, the Plain, and the slopes that a closure has to apply, or None."""
    kind = rng.randrange(4)
    numbers = [rng.uniform(-1, 1) for _ in xs]
    data = rng.uniform(-1, 1)
    if kind == 0:
        return (tuple(xs), "label"), Plain(data, ps, slopes=numbers, closure=True), numbers
    if kind == 1:
        return (list(xs), rng.choice([tuple, list])(numbers)), Plain(data, ps, slopes=numbers), None
    if kind == 2:
        i = rng.randrange(len(xs))
        mixed, plain = list(xs), list(ps)
        mixed[i], plain[i] = numbers[i], numbers[i]
        if not any(isinstance(x, Value) for x in mixed):
            mixed[i], plain[i] = xs[i], ps[i]
        return (tuple(xs), mixed), Plain(data, ps, slopes=plain), None
    return (tuple(xs),), Plain(data, ps), None


def step(rng, pool):
    what = rng.randrange(16)
    xs, ps = some(rng, pool)
    if what == 0:
        pool.append(pair_of(rng))
    elif what < 5:
        name = rng.choice(list(RULES))
        ours, value, _ = RULES[name]
        n = 2 if name in ("add", "mul") else 1
        xs, ps = (xs * 2)[:n], (ps * 2)[:n]
        pool.append((ours(*xs), Plain(value(*(p.data for p in ps)), ps, name)))
        if rng.random() < 0.15:  # a closure instead of the op's own derivatives
            out, plain = pool[-1]
            plain.slopes, plain.closure = [rng.uniform(-1, 1) for _ in xs], True
            out._backward = closure_of(out, xs, plain.slopes)
    elif what < 9:
        arguments, plain, slopes = by_hand(rng, xs, ps)
        out = rng.choice([Value, Value, Sub, Slotted])(plain.data, *arguments)
        if slopes is not None:
            out._backward = closure_of(out, xs, slopes)
        pool.append((out, plain))
    elif what == 9:
        begin_anew(rng, pool, xs, ps)
    elif what == 10:
        assign_operands(rng, pool, xs, ps)
    elif what == 11:
        copied(rng, pool)
    elif what == 12:
        del pool[rng.randrange(len(pool)) :]
        pool.append(pair_of(rng))
        if rng.random() < 0.3:
            gc.collect()
        if rng.random() < 0.2:
            rubbish = [Value(0.0) for _ in range(9000)]
            lid = Value(0.0)
            del rubbish
            Value(0.0)
            del lid
    elif what == 13:
        out, plain = rng.choice(pool)
        other, plain.tag = rng.choice(pool)
        out.tag = rng.choice([other, [other, out]])
    elif what == 14:
        out, plain = rng.choice(pool)
        out.data = plain.data = rng.uniform(-1, 1)
    else:
        compare(rng, pool)


def is_read(plain, pool):
    seen, todo = set(), [p for _, p in pool]
    while todo:
        v = todo.pop()
        if id(v) not in seen:
            seen.add(id(v))
            if any(x is plain for x in v.references()):
                return True
            todo += [*v.references(), *([v.tag] if v.tag else [])]
    return False


def reaches(operands, plain):
    return any(v is plain for p in operands for v in p.below(references=True))


def retried(action):
    """Run it; once more after a collection, since readers in cycles of garbage are readers. Did it work?"""
    try:
        action()
    except ValueError:
        gc.collect()
        try:
            action()
        except ValueError:
            return False
    return True


def begin_anew(rng, pool, xs, ps):
    out, plain = rng.choice(pool)
    data = rng.uniform(-1, 1)
    if rng.random() < 0.5:
        out.__init__(data)
        new, slopes = Plain(data), None
    else:
        arguments, new, slopes = by_hand(rng, xs, ps)
        state = out.data, out.grad, out._children
        if not retried(lambda: out.__init__(new.data, *arguments)):
            assert is_read(plain, pool) or reaches(ps + new.references(), plain)
            assert (out.data, out.grad, out._children) == state
            return
        assert not is_read(plain, pool) and not reaches(new.references(), plain)
    plain.__dict__.update({**new.__dict__, "tag": plain.tag})
    if slopes is not None:
        out._backward = closure_of(out, xs, slopes)
    assert (out.data, out.grad, out._children[: len(xs)]) == (plain.data, 0.0, tuple(xs) if new.children else ())


def assign_operands(rng, pool, xs, ps):
    out, plain = rng.choice([pair_of(rng), rng.choice(pool)])
    if plain.rule or (plain.slopes is not None and not plain.closure):
        try:
            out._prev = xs
        except AttributeError:
            return
        raise AssertionError("an operation got other operands")

    def assign():
        out._prev = tuple(xs)

    if not retried(assign):
        assert is_read(plain, pool) or reaches(ps, plain), "refused without need"
        return
    assert not reaches(ps, plain), "a cycle"
    assert out._children == tuple(xs)
    plain.children, plain.slopes, plain.closure = ps, [rng.uniform(-1, 1) for _ in xs], True
    out._backward = closure_of(out, xs, plain.slopes)
    pool.append((out, plain))


def copied(rng, pool):
    out, plain = rng.choice(pool)
    function = rng.choice([copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
    closures = any(v.closure for v in plain.below(references=True))
    try:
        twin = function(out)
    except TypeError:
        return  # a closure is below, or in an attribute
    if closures:  # a deep copy of such a graph is for its numbers
        assert function is copy.deepcopy, "a closure was pickled"
        below = any(v.closure for v in plain.below())
        try:
            twin.backward()
        except TypeError:
            return
        assert not below, "the closure of a copy was called"
        return
    new = copy.deepcopy(plain)
    pool.append((twin, new))
    pool += zip(twin._children, new.children)


def compare(rng, pool):
    out, plain = rng.choice(pool)
    for ours, p in pool:
        assert ours.data == p.data
        for v in p.below(references=True):
            v.grad = 0.0
        for v in topological_order(ours):
            v.grad = 0.0
    out.backward()
    plain.backward()
    size = max(1.0, *(abs(v.grad) for v in plain.below()))  # gradients are sums in another order
    for ours, p in pool:
        assert math.isclose(ours.grad, p.grad, rel_tol=1e-7, abs_tol=1e-9 * size), (ours.grad, p.grad)
        assert len(ours._children) == len(p.children)
        if not p.closure:
            for slope, other in zip(ours._local_grads, p.derivatives()):
                number = slope.data if isinstance(slope, Value) else slope
                assert math.isclose(number, other, rel_tol=1e-12, abs_tol=1e-12)
