"""Calls of all that is public but programs and pictures, to be interrupted anywhere.

Each makes its own graph and returns Values whose data and grad are the same each time. What stands outside of them
lives on from call to call.
"""

import copy
import pickle
import random

from support import collect

import micrograd_c as mg
from micrograd_c import MLP, Layer, Neuron, Value, dot
from micrograd_c import sum as value_sum

random.seed(1)
MODEL, SLOW = MLP(2, [3, 1]), MLP(2, [2, 1], fused=False)
WIDE = Layer(1, 300)  # more outputs than the native core has room for on its stack
KEPT = [Value(0.5), Value(2.0)]
ROOT = (KEPT[0] * KEPT[1] + 1.0).tanh()
SGD, ADAM = mg.optim.SGD(MODEL.parameters(), lr=0.0), mg.optim.Adam(SLOW.parameters(), lr=0.0)


class Sub(Value):
    """A class of a user's."""

    def __init__(self, data, *others):
        self.note = "early"
        super().__init__(data, *others)


class Ending(Value):
    """Another one."""

    def __del__(self):
        self.gone = True


class Setting(Value):
    """And one whose __init__ sets what micrograd's does."""

    def __init__(self, data):
        self._backward = lambda: None
        self.data = data
        self.grad = 0
        self._prev = ()


def by_hand(x, cls=Value):
    out = cls(3 * x.data, (x,), "*3")

    def backward():
        x.grad += 3 * out.grad

    out._backward = backward
    return out


def leaves():
    return [Value(1.0), Value(2), Sub(0.5), Ending(0.25), Setting(1.5), Value(1.0, label="a")]


def operators():
    a, b = Value(0.5), Value(2.0)
    return [a + b, a - 1.0, 2.0 * a, 1.0 / b, a / b, a**2, a**b, 2.0**a, -a, abs(a), a.maximum(b), +a]


def functions():
    a = Sub(0.5)
    return [a.exp(), a.log(), a.tanh(), a.relu(), a.leaky_relu(0.1), a.sqrt(), a.less(1.0), Ending(0.5).tanh()]


def numbers():
    a = Value(0.75, name="a")
    a.data, a.grad = a.data + 1, round(a, 1)
    texts = f"{a:.2f}", repr(a), str(a), a < 2.0, a >= a
    return [a, Value(float(len(texts)) + int(a))]


def refused():
    a = Value(0.0)
    faults = (
        lambda: 1.0 / a,
        lambda: a.log(),
        lambda: a * "3",
        lambda: a.tahn(),
        lambda: Value("x"),
        lambda: dot([a], []),
    )
    for fault in faults:
        try:
            fault()
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            pass
        else:
            raise AssertionError("nothing was raised")
    return [a]


def sums():
    a, b = Value(0.5), Value(2.0)
    dots = [dot([a, b], [b, 1.0]), dot([a], [2.0], b), dot([1.0], [a], 1.0)]
    return [value_sum([a, b, 1.0]), value_sum([a], b), *dots]


def choices():
    a = Value(0.5)
    return [mg.where(a.greater(0.0), a, 1.0), mg.where(a, lambda: a * 2.0, lambda: a), mg.where(True, a, 0.0)]


def backward():
    a, b = Value(0.5), Sub(2.0)
    root = (a * b + a).tanh() + dot([a, b], [b, 1.0])
    root.backward(2.0)
    return [a, b, root]


def closures():
    a, b = Value(0.5), Value(2.0)
    root = by_hand(by_hand(a) * b, Sub) + by_hand(b, Ending) * 2.0
    root.backward()
    return [a, b, root]


def cleared():
    ROOT.backward()
    ROOT.zero_grad()
    mg.zero_grad(ROOT)
    return [*KEPT, *mg.topological_order(ROOT)]


def given_derivatives():
    a, b = Value(0.5), Value(2.0)
    root = Value(1.0, (a, b), (2.0, 3.0)) * Value(4.0, [a, b, a], [a, 1.0, b]) + Sub(1.0, (a,), [b])
    root.backward()
    return [a, b, root, Value(float(len(root._children) + sum(root._local_grads)))]


def operands_assigned():
    a, out = Value(0.5), Value(2.0)
    out._prev = {a}
    out._backward = lambda: setattr(a, "grad", a.grad + out.grad)
    out._op, out.label = "mine", "out"
    (out * 2.0).backward()
    return [a, out]


def begun_anew():
    a, out = Value(0.5), Sub(1.0)
    out.__init__(2.0)
    out.__init__(3.0, (a,), (4.0,))
    out.__init__(5.0, (a, a, a), "mine")
    out.__init__(6.0, (a,), (4.0,))
    out.backward()
    return [a, out]


def fused():
    inputs = [Value(0.5), Value(2.0)]
    MODEL.zero_grad()
    out = MODEL(inputs)
    out.backward()
    hidden = [*out._children, *mg.topological_order(out)]
    return [out, *inputs, *hidden, *MODEL.parameters(), MODEL([0.5, 1.0])]


def planned_anew():
    MODEL.layers = list(MODEL.layers)
    neuron = MODEL.layers[0].neurons[0]
    neuron.w = list(neuron.w)
    out = MODEL([0.5, 2.0])
    return [out, *MODEL.layers[0]([Sub(0.5), 1.0])]


def wide():
    return WIDE([0.5])


def not_fused():
    SLOW.zero_grad()
    out = SLOW([0.5, Value(2.0)])
    out.backward()
    return [out, *SLOW.parameters()]


def networks():
    random.seed(3)
    model = MLP(2, [2, 1])
    names = dict(model.named_parameters())
    assert len(names) == model.count_parameters() and all((str(model), repr(model), model._repr_html_()))
    twin = MLP(2, [2, 1])
    twin.load_state_dict(model.state_dict())
    return [model([0.5, 1.0]), *names.values(), *twin.parameters(), Neuron(2)([1.0, 2.0]), *Layer(2, 2)([1.0, 2.0])]


def copies():
    MODEL.zero_grad()
    a = Sub(0.5)
    a.note = [a]
    root = dot([a, 2.0], [Value(1.0), a]) + Value(1.0, (a,), (2.0,)) + MODEL([a, 1.0])
    twins = copy.copy(root), copy.deepcopy(root), pickle.loads(pickle.dumps(root))
    return [*twins, *copy.deepcopy(MODEL).parameters()]


def optimisers():
    MODEL.zero_grad()
    SLOW.zero_grad()
    for optimiser in (SGD, ADAM):
        optimiser.zero_grad()
        optimiser.step()
    p = Value(1.0)
    p.grad = 2.0
    new = mg.optim.SGD([p], lr=0.5, momentum=0.9)
    new.step()
    twin = copy.deepcopy(new)
    twin.load_state_dict(new.state_dict())
    twin.step()
    return [p, *twin.params]


def groups():
    p, q = Value(1.0), Value(2.0)
    rate = mg.optim.warm_up(mg.optim.cosine(0.5, 10), 2)
    adam = mg.optim.Adam([{"params": [p]}, {"params": [q], "lr": rate}], lr=0.1)
    for _ in range(2):
        adam.zero_grad()
        (p * q).backward()
        mg.optim.clip_grad_norm([p, q], 1.0)
        adam.step()
    twin = copy.deepcopy(adam)
    twin.load_state_dict(adam.state_dict())
    twin.step()
    return [p, q, *twin.params]


def losses():
    a, b = Value(0.5), Value(200.0)
    xs = [a, b]
    out = [*mg.softmax(xs), *mg.log_softmax(xs), mg.logsumexp(xs), mg.cross_entropy(xs, 1), mg.mse(xs, [1.0, a])]
    mg.mean(out).backward()
    return [a, b, *out]


def checked():
    mg.gradcheck(lambda a, b: by_hand(a * b) + a.tanh(), 0.5, Value(2.0))
    mg.numerical_gradient(lambda a, b: a * b, 0.5, Value(2.0))
    mg.stats()
    return []


def derived():
    x, y = Value(0.5), Value(2.0)
    made = Value(6.0, (x, y), (y * y, x))
    first = mg.grad(MODEL([made, x.tanh()]) * made, [x, y], create_graph=True)
    slopes = mg.grad(lambda a, b: mg.grad(lambda c: c**3 * b)(a), (0, 1))(x, [1.0, y][1])
    number = Value(mg.grad(lambda c: c**3)(0.5))  # not of a Value, as it would be inside of another grad
    return [*first, *mg.grad(first[0] * first[1], [made, x]), *slopes, number]


CALLS = [
    leaves,
    operators,
    functions,
    numbers,
    refused,
    sums,
    choices,
    backward,
    closures,
    cleared,
    given_derivatives,
    operands_assigned,
    begun_anew,
    fused,
    planned_anew,
    not_fused,
    wide,
    networks,
    copies,
    optimisers,
    groups,
    losses,
    checked,
    derived,
]


def figures(values):
    return [(v.data, v.grad) for v in values]


def live_nodes():
    """Return the number of live nodes, and be sure that nothing waits for another one."""
    stats = mg.stats()
    assert stats.open_sweeps == 0
    return stats.live_nodes


class Watched:
    """A call, what it returns, and how many nodes live before and during it."""

    def __init__(self, call):
        self.call = call
        call()  # so that layers are planned
        self.live = 0
        self.settle()
        values = call()
        self.expected, self.most = figures(values), live_nodes() - self.live + 20  # those in between
        del values
        self.settle()

    def settle(self):
        """Let all go that may; remember how many nodes live, return how many more there are than before."""
        if live_nodes() != self.live:  # closures stand on cycles
            collect()
        before, self.live = self.live, live_nodes()
        return self.live - before

    def check(self, lost=0):
        """Check that the call works, and that all nodes came back, but for those of `lost` calls."""
        more = self.settle()
        assert more <= lost * self.most, f"{self.call.__name__}: {more} nodes are left"
        assert figures(self.call()) == self.expected, self.call.__name__
        assert self.settle() == 0, f"{self.call.__name__}: freeing stopped"
