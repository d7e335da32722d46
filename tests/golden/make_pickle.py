"""Writes pickled.bin: Values, a network and optimisers, pickled on 25 November 2026, and the numbers they had.

Later versions have to read it. Do not write it anew: a new file would prove nothing about old ones.
"""

import pickle
from pathlib import Path

import micrograd_c as mg
from micrograd_c import MLP, Value


def numbers(things):
    """Return what the pickled things compute; also called by test_engine_copying.py."""
    values, model, optimizers = things
    for optimizer in optimizers:
        optimizer.zero_grad()
        loss = mg.sum([p * p for p in optimizer.params]) + model([1.0, -2.0])
        loss.backward()
        optimizer.step()
    return [
        [(v.data, v.grad, v.name, v._op, [x.data for x in v._children]) for v in values],
        {name: (p.data, p.grad) for name, p in model.named_parameters()},
        [optimizer.state_dict() for optimizer in optimizers],
    ]


def make():
    a, b = Value(0.5, name="a"), Value(-1.5, label="b")
    model = MLP(2, [2, 1], activation="tanh")
    for i, p in enumerate(model.parameters()):
        p.data = 0.25 * i - 1.0
    values = [
        a, b, a * b, b**3, a.log(), a.leaky_relu(0.2), mg.sum([a, b, 2.0]),
        mg.dot([a, b], [b, 2.0], a), model([a, b]),
        Value(2.0, (a, b), "mine"), Value(2.0, (a, b), (3.0, -1.0)), Value(2.0, (a, b), (b, a)),
    ]  # fmt: skip
    mg.sum(values).backward()
    optimizers = [
        mg.optim.SGD([a, b], lr=0.1, momentum=0.9),
        mg.optim.Adam(model.parameters(), lr=0.01),
        mg.optim.AdamW([a], weight_decay=0.1),
    ]
    things = values, model, optimizers
    numbers(things)  # a step: the optimisers have a state
    return things


if __name__ == "__main__":
    things = make()
    before = pickle.dumps(things, 4)
    both = pickle.dumps((before, numbers(things)), 4)
    Path(__file__).with_name("pickled.bin").write_bytes(both)
