"""Writes programs.txt: what 340 random functions compute as programs, a hash each of values, gradients and listing.

python make_programs.py                 write all of it anew
python make_programs.py listings        write that column anew: values, gradients or listings
python make_programs.py show 17         print the program of function 17

The hashes are of exact bits, so the baseline kernels run; the first line of the file tells whose mathematical
functions gave them. Function i depends on i alone. Ops are named here: a new row of the table changes nothing.
"""

import hashlib
import math
import platform
import random
import sys
from pathlib import Path

import numpy as np

import micrograd_c as mg
from micrograd_c import MLP, Value
from micrograd_c._core import ffi, lib

FILE = Path(__file__).with_name("programs.txt")
FIRST, COUNT = 300, 340  # functions, those of the first ops, and all
COLUMNS = ("values", "gradients", "listings")

UNARY = (
    "neg abs relu tanh sigmoid exp expm1 log log1p sqrt sin cos tan asin acos atan sinh cosh erf softplus silu gelu"
)
BINARY = "add sub mul truediv power minimum maximum less less_equal greater greater_equal equal not_equal"
LATER = (f"{UNARY} log2 log10 square sign floor ceil", f"{BINARY} atan2 hypot atan2 hypot")
FORMS = ("unary", "unary", "binary", "binary", "binary", "number", "sum", "dot", "dot", "chain", "where")
OPERATORS = {"neg", "abs", "add", "sub", "mul", "truediv"}


def apply(name, x, *rest):
    """Return the node of an op."""
    return getattr(x, f"__{name}__" if name in OPERATORS else name)(*rest)


def step(rng, known, weights, unary, binary):
    """Return a function from the numbers that are known to the next one; all is chosen now."""
    form = rng.choice(FORMS)
    i, j, k = (rng.randrange(known) for _ in "ijk")
    n = rng.randint(1, 9)
    xs = [rng.randrange(known) for _ in range(n)]
    first, stride = rng.randrange(len(weights)), rng.choice((0, 1, 1, 1, 2))
    ws = [weights[(first + stride * t) % len(weights)] for t in range(n)]
    bias = rng.choice((None, 0.0, 1.0, -0.5, weights[0], weights[-1] * 2.0))
    number = rng.choice((-1.0, 0.0, 0.5, 1.0, 2.0, 3.0))
    name = rng.choice((unary if form == "unary" else binary).split())
    if form == "unary":
        return lambda v: apply(name, v[i])
    if form == "binary":
        return lambda v: apply(name, v[i], v[j])
    if form == "number":
        return rng.choice(
            (
                lambda v: v[i] ** number,
                lambda v: v[i] * number + 1,
                lambda v: number - v[i],
                lambda v: v[i].leaky_relu(0.1),
            )
        )
    if form == "sum":
        return lambda v: mg.sum([v[x] for x in xs], number)
    if form == "dot":
        return lambda v: mg.dot(ws, [v[x] for x in xs], bias)
    if form == "chain":
        return lambda v: sum((w * v[x] for w, x in zip(ws, xs)), v[k])
    return lambda v: mg.where(v[i] > v[j], v[k].sqrt(), lambda: v[k] * number)


def layer(rng, known, weights):
    """Return a function from the numbers that are known to the outputs of neurons that read some of them."""
    inputs = [rng.randrange(known) for _ in range(rng.randint(1, 12))]
    if rng.random() < 0.5:
        inputs = sorted(set(inputs))
    first, gap = rng.randrange(len(weights)), rng.choice((0, 0, 0, 1))
    rows = []
    for i in range(rng.randint(1, 9)):
        place = first + i * (len(inputs) + gap)
        row = [weights[(place + t) % len(weights)] for t in range(len(inputs))]
        rows.append((row, rng.choice((None, weights[i % len(weights)], 0.5))))
    activation = rng.choice(("tanh", "relu", "sigmoid", "abs", None))

    def outputs(v):
        zs = [mg.dot(row, [v[i] for i in inputs], bias) for row, bias in rows]
        return [apply(activation, z) for z in zs] if activation else zs

    return len(rows), outputs


def function(i):
    """Return function i, its arguments and the parameters that it may read."""
    rng = random.Random(i)
    weights = [Value(rng.uniform(-1, 1)) for _ in range(rng.randint(3, 40))]
    n = rng.choice((1, 3, 8, 21, 70))
    rows = np.array([[rng.uniform(-1.5, 1.5) for _ in range(4)] for _ in range(n)])
    args = [rows[:, 0], rows[:, 1:], rng.uniform(-1, 1)] if i % 10 else [*map(float, rows[0])]
    known = 5 if i % 10 else 4
    steps, ops = [], LATER if i >= FIRST else (UNARY, BINARY)
    if i % 7 == 3:
        random.seed(i)
        model = MLP(known, [rng.randint(1, 9), rng.randint(1, 9)])
        weights += model.parameters()
        steps.append(model)
        known += len(model.layers[-1].neurons)
    for _ in range(rng.randint(2, 16)):
        if rng.random() < 0.25:
            count, outputs = layer(rng, known, weights)
            steps.append(outputs)
            known += count
        else:
            steps.append(step(rng, known, weights, *ops))
            known += 1
    last = rng.sample(range(known), min(known, 4))

    def several(*given):
        v = [x for arg in given for x in (arg if isinstance(arg, list) else [arg])]
        for f in steps:
            new = f(v)
            v += new if isinstance(new, list) else [new]
        return [v[-1], *(v[x] for x in last)]

    return several, (lambda *given: mg.sum(several(*given))), args, weights


def digest(numbers):
    """Return a hash of the exact bits of numbers; all nan are one."""
    array = np.array(numbers, dtype="<f8")
    array[np.isnan(array)] = np.nan
    return hashlib.sha256(array.tobytes()).hexdigest()[:6]


def hashes(i):
    """Return the hashes of function i, one for each column."""
    several, one, args, parameters = function(i)
    values, gradients = mg.jit(several), mg.jit(one)
    found = np.concatenate([np.ravel(x) for x in values(*args)])
    total = gradients.backward(*args)
    grads = [total, *(np.ravel(g) for g in gradients.gradient(*args)), [p.grad for p in parameters]]
    listing = values.program(*args).listing + gradients.program(*args).listing
    return (
        digest(found),
        digest(np.concatenate([np.ravel(g) for g in grads])),
        hashlib.sha256(listing.encode()).hexdigest()[:6],
    )


def machine():
    """Return the name of this kind of machine, with a hash of what its mathematical functions answer."""
    points = [0.1 + 0.37 * i for i in range(200)]
    names = "exp expm1 log log1p log2 log10 sin cos tan atan sinh cosh tanh erf erfc"
    answers = [getattr(math, name)(x) for name in names.split() for x in points]
    answers += [f(x / 80) for f in (math.asin, math.acos) for x in points]
    answers += [x**y for x in points for y in (0.3, -1.7)]
    answers += [f(x, 1.3) for x in points for f in (math.atan2, math.hypot)]
    return f"{platform.machine()} {digest(answers)}"


def baseline(compute):
    """Return what a function returns while the baseline kernels run."""
    before = lib.mg_lanes(ffi.NULL)
    try:
        lib.mg_lanes(b"baseline")
        return compute()
    finally:
        lib.mg_lanes(before)


def read():
    """Return the kind of machine and the hashes that the file has."""
    first, *rows = FILE.read_text().splitlines()
    return first, [tuple(row.split()[1:]) for row in rows]


def main(what="all", number="0"):
    if what == "show":
        several, _, args, _ = function(int(number))
        print(mg.jit(several).program(*args))
        return
    rows = baseline(lambda: [hashes(i) for i in range(COUNT)])
    if what != "all":
        column = COLUMNS.index(what)
        rows = [(*old[:column], new[column], *old[column + 1 :]) for old, new in zip(read()[1], rows)]
    FILE.write_text("\n".join([machine(), *(f"{i:3} {' '.join(row)}" for i, row in enumerate(rows))]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
