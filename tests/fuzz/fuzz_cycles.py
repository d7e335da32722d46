"""Cycles of all shapes through Values: none stays, and nothing dies that a root can still reach.

A second graph of plain numbers says which object refers to which. After a collection a Value has to be alive if and
only if that graph leads to it from a root.
"""

import gc
import weakref

from support import collect, live_nodes

from micrograd_c import MLP, Value, dot, where
from micrograd_c import sum as value_sum


class Sub(Value):
    """Keeps its attributes in a __dict__ of its own."""


class Slotted(Value):
    """Has a place for one of them."""

    __slots__ = ("note",)


class Box:
    """A container."""


NAMES = ("note", "tag", "friend", "_op")


class World:
    """Objects by number, and what each of them refers to."""

    def __init__(self, rng):
        self.rng = rng
        self.things = []
        self.edges = []  # of each: the name of a reference, or its place -> numbers
        self.values = {}  # number of a Value -> weak reference, data
        for _ in range(3):
            self.leaf()

    def add(self, thing, operands=()):
        for n, known in enumerate(self.things):
            if thing is known:  # where() of twice the same Value
                return n
        self.things.append(thing)
        self.edges.append({"operands": tuple(operands)})
        if isinstance(thing, Value):
            self.values[len(self.things) - 1] = weakref.ref(thing), thing.data
        return len(self.things) - 1

    def some_value(self):
        return self.rng.choice(list(self.values))

    def some(self, least=1, most=3):
        return [self.rng.randrange(len(self.things)) for _ in range(self.rng.randint(least, most))]

    def leaf(self):
        self.add(self.rng.choice((Value, Value, Sub, Slotted))(self.rng.uniform(-1, 1)))

    def operation(self):
        x, y = self.some_value(), self.some_value()
        a, b = self.things[x], self.things[y]
        kind = self.rng.randrange(7)
        if kind == 0:
            self.add(a.tanh(), [x])
        elif kind == 1:
            self.add(0.5 * a, [x])
        elif kind == 2:
            self.add(a.leaky_relu(0.1), [x])
        elif kind == 3:
            self.add(where(a > b, a, b), [x, y])
        else:
            self.add(a * b if kind < 6 else a - b, [x, y])

    def reduction(self):
        xs = [self.some_value() for _ in range(self.rng.randint(1, 4))]
        ws = [self.some_value() for _ in xs]
        if self.rng.random() < 0.5:
            self.add(value_sum([self.things[x] for x in xs]), xs)
        else:
            self.add(dot([self.things[w] for w in ws], [self.things[x] for x in xs]), xs + ws)

    def layers(self):
        model = MLP(2, self.rng.choice(([1], [2, 1], [2, 3, 2])))
        inputs = [self.some_value() for _ in range(2)]
        inner = [self.add(p) for layer in model.layers[:-1] for p in layer.parameters()]
        outs = model([self.things[x] for x in inputs])
        outs = outs if isinstance(outs, list) else [outs]
        for neuron, out in zip(model.layers[-1].neurons, outs):
            own = [self.add(p) for p in neuron.parameters()]
            self.add(out, inputs + inner + own)

    def by_hand(self):
        xs = [self.some_value() for _ in range(self.rng.randint(1, 3))]
        children, data = tuple(self.things[x] for x in xs), self.rng.uniform(-1, 1)
        cls = self.rng.choice((Value, Value, Sub))
        kind = self.rng.randrange(4)
        if kind == 0:
            self.add(cls(data, children, "op"), xs)
        elif kind == 1:
            self.add(cls(data, children, [0.5] * len(xs)), xs)
        elif kind == 2:
            slopes = [self.some_value() for _ in xs]
            self.add(cls(data, children, tuple(self.things[s] for s in slopes)), xs + slopes)
        else:
            made = cls(data)
            made._prev = children
            self.add(made, xs)

    def closure(self):
        at, held = self.some_value(), self.some()
        f = self.add(lambda things=tuple(self.things[n] for n in held): None, held)
        self.things[at]._backward = self.things[f]
        self.edges[at]["_backward"] = (f,)

    def container(self):
        held = self.some()
        kind = self.rng.randrange(4)
        things = [self.things[n] for n in held]
        if kind == 0:
            self.add(things, held)
        elif kind == 1:
            self.add(tuple(things), held)
        elif kind == 2:
            self.add(dict(enumerate(things)), held)
        else:
            box = Box()
            box.held = things
            self.add(box, held)

    def attribute(self):
        at, held = self.some_value(), self.some(1, 1)
        name = self.rng.choice(NAMES)
        how = self.rng.randrange(4)
        if name == "_op" or how:
            setattr(self.things[at], name, self.things[held[0]])
        else:
            self.things[at].__dict__["in " + name] = self.things[held[0]]
            name = "in " + name
        self.edges[at][name] = tuple(held)

    def replaced(self):
        at, name = self.some_value(), self.rng.choice(NAMES)
        if name in self.edges[at]:
            setattr(self.things[at], name, "text")
            del self.edges[at][name]

    def ask_for_operands(self):
        self.things[self.some_value()]._prev  # noqa: B018 inner layers make their Values now

    def collection(self):
        gc.collect(self.rng.randrange(3))

    def reached(self, roots):
        seen, todo = set(), list(roots)
        while todo:
            n = todo.pop()
            if n not in seen:
                seen.add(n)
                todo += [m for held in self.edges[n].values() for m in held]
        return seen


STEPS = {
    World.leaf: 3,
    World.operation: 12,
    World.reduction: 3,
    World.layers: 1,
    World.by_hand: 3,
    World.closure: 3,
    World.container: 4,
    World.attribute: 8,
    World.replaced: 1,
    World.ask_for_operands: 2,
    World.collection: 1,
}


def case(rng):
    before = live_nodes()
    world = World(rng)
    for step in rng.choices(list(STEPS), STEPS.values(), k=rng.choice((3, 10, 40, 100))):
        step(world)
    everything, world.things = world.things, []
    roots = rng.sample(range(len(everything)), 3)
    kept = {n: everything[n] for n in roots}
    everything.clear()
    while True:
        collect()
        alive = world.reached(kept)
        for n, (value, data) in world.values.items():
            assert (value() is not None) == (n in alive), f"Value {n} {'was freed' if n in alive else 'stays'}"
            assert n not in alive or value().data == data
        if not kept:
            break
        kept.popitem()
    assert live_nodes() == before
