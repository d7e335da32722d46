"""Optimisers take PyTorch's steps; golden/make_optim.py has written those down."""

import json
import math
import pickle
from pathlib import Path

import pytest

import micrograd_c as mg
from micrograd_c import Value, optim

GOLDEN = json.loads(Path(__file__).with_name("golden").joinpath("optim.json").read_text())
KINDS = [(optim.SGD, {"lr": 0.1}), (optim.SGD, {"lr": 0.1, "momentum": 0.9}), (optim.Adam, {}), (optim.AdamW, {})]


def loss(p):
    a, b, c, d = p
    return (a * b - 1) ** 2 + (c * c + d).tanh() + 0.1 * (d - a) ** 2 + (b * 0.5).exp()


def run(optimizer, steps):
    rows = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss(optimizer.params).backward()
        optimizer.step()
        rows.append([p.data for p in optimizer.params])
    return rows


def close(got, want):
    for a, b in zip(got, want):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: f"{c['name']} {c['options']}")
def test_steps_are_those_of_pytorch(case):
    parameters = [Value(x) for x in GOLDEN["start"]]
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in case["options"].items()}
    optimizer = getattr(optim, case["name"])(parameters, **options)
    half = len(case["rows"]) // 2
    rows = run(optimizer, half)
    optimizer.lr *= 0.5
    rows += run(optimizer, len(case["rows"]) - half)
    close(rows, case["rows"])


@pytest.mark.parametrize("kind, options", KINDS, ids=str)
def test_a_loaded_state_goes_on_where_the_saved_one_was(kind, options):
    first, second = ([Value(x) for x in GOLDEN["start"]] for _ in range(2))
    a = kind(first, **options)
    run(a, 3)
    state = pickle.loads(pickle.dumps(json.loads(json.dumps(a.state_dict()))))
    for p, q in zip(first, second):
        q.data = p.data
    b = kind(second, **{**options, "lr": 9.0})
    b.load_state_dict(state)
    assert b.lr == a.lr
    assert run(a, 3) == run(b, 3)


def test_a_state_of_something_else_is_refused_and_nothing_changes():
    p = [Value(1.0), Value(2.0)]
    sgd, adam = optim.SGD(p, lr=0.1), optim.Adam(p)
    before = sgd.state_dict()
    for state in (adam.state_dict(), {}, optim.SGD(p[:1], lr=0.1).state_dict(), {**before, "lr": -1.0}):
        with pytest.raises(ValueError):
            sgd.load_state_dict(state)
    assert sgd.state_dict() == before


def test_zero_grad_clears_all_gradients():
    p = [Value(1.0), Value(2.0)]
    sgd = optim.SGD(p, lr=0.1)
    (p[0] * p[1]).backward()
    assert [x.grad for x in p] == [2.0, 1.0]
    sgd.zero_grad()
    assert [x.grad for x in p] == [0.0, 0.0]


def test_parameters_may_come_from_an_iterator():
    model = mg.MLP(2, [3, 1])
    sgd = optim.SGD((p for p in model.parameters()), lr=0.1)
    assert sgd.params == model.parameters()
    assert "13 parameters" in repr(sgd)


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: optim.SGD([], lr=0.1), ValueError, "at least one"),
        (lambda: optim.SGD([1.0], lr=0.1), TypeError, "float"),
        (lambda: optim.SGD([Value(1.0) * 2], lr=0.1), ValueError, "leaves"),
        (lambda: optim.SGD([Value(1.0)] * 2, lr=0.1), ValueError, "twice"),
        (lambda: optim.SGD([Value(1.0)], lr=-1), ValueError, "lr"),
        (lambda: optim.SGD([Value(1.0)], lr=math.nan), ValueError, "lr"),
        (lambda: optim.SGD([Value(1.0)], lr="fast"), TypeError, "lr"),
        (lambda: optim.SGD([Value(1.0)], lr=0.1, nesterov=True), ValueError, "momentum"),
        (lambda: optim.Adam([Value(1.0)], betas=(1.0, 0.9)), ValueError, "beta1"),
        (lambda: optim.AdamW([Value(1.0)], eps=-1e-8), ValueError, "eps"),
        (lambda: setattr(optim.Adam([Value(1.0)]), "lr", -1), ValueError, "lr"),
    ],
)
def test_wrong_options_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_parameters_live_as_long_as_the_optimizer():
    sgd = optim.SGD([Value(1.0)], lr=0.5)
    junk = [Value(7.0) for _ in range(10)]
    sgd.params[0].grad = 1.0
    sgd.step()
    assert sgd.params[0].data == 0.5
    assert all(v.data == 7.0 for v in junk)
