"""Graphs of all ops: programs against eager code, eager code against dual numbers and, if there is one, torch.

A graph is a list of steps over its leaves. `run` computes it with a kit: Values, dual numbers or tensors.
Branches of where() are lists of steps too, with ops outside of their domain in samples that do not take them.
"""

import contextlib
import functools
import math
import operator

import numpy as np
from compared import check, scaled

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import NAMES, OPS

try:
    import torch
except ImportError:
    torch = None

COMPARISONS = ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL")
KINKS = (*COMPARISONS, "MINIMUM", "MAXIMUM", "ABS", "RELU", "LEAKY_RELU", "SQRT", "LOG", "POW")
KINKS += ("LOG2", "LOG10", "SIGN", "FLOOR", "CEIL", "ATAN2", "HYPOT")
BOUNDED = {"EXP", "EXPM1", "SINH", "COSH", "ASIN", "ACOS", "TAN"}  # of 0.9 tanh(x)
POSITIVE = {"LOG", "LOG2", "LOG10", "LOG1P", "SQRT", "POW", "POWER"}  # of |x| + 0.1

ERRORS = (ValueError, ZeroDivisionError, OverflowError)


class Undecided(Exception):
    """Two numbers are the same, or nearly so, at a kink: rounding decides."""


def near(x, y):
    """Raise Undecided; numbers that were given may be equal, those computed are so by rounding alone."""
    a, b = x.data, 0.0 if y is None else y.data
    computed = x._children or (y is not None and y._children)
    if (a != b or computed) and abs(a - b) < 1e-7 * (1 + abs(a)):
        raise Undecided


# ---- three kits --------------------------------------------------------------------------------------------------


class Values:
    """The engine; traced Values too."""

    def op(self, name, x, y=None, k=None):
        if name in KINKS and type(x) is Value and (y is None or type(y) is Value):
            whole = name in ("FLOOR", "CEIL") and math.isfinite(x.data)
            near(x, Value(round(x.data)) if whole else None if name in ("ATAN2", "HYPOT") else y)
        if hasattr(operator, name.lower()) and k is None and name != "POW":
            return getattr(operator, name.lower())(*((x,) if y is None else (x, y)))
        method = getattr(x, name.lower())
        return method(k) if k is not None else method() if y is None else method(y)

    def sum(self, xs):
        return mg.sum(xs)

    def dot(self, ws, xs, b):
        return mg.dot(ws, xs, b)

    def where(self, name, x, y, a, b, strict):
        condition = self.op(name, x, y)
        return mg.where(condition, a(), b()) if strict else mg.where(condition, a, b)


class Shaken(Values):
    """The engine, where each result is off by a rounding or two: what that changes, rounding decides."""

    def __init__(self, rng):
        self.rng = rng

    def shake(self, v):
        return v * (1.0 + self.rng.choice((-1, 1, 2)) * 2.0**-52)

    def op(self, name, x, y=None, k=None):
        return self.shake(super().op(name, x, y, k))

    def sum(self, xs):
        return self.shake(super().sum([self.shake(x) for x in xs]))

    def dot(self, ws, xs, b):
        return self.shake(super().dot([self.shake(w) for w in ws], xs, self.shake(b)))


class Dual:
    """A number and its derivatives."""

    def __init__(self, x, d):
        self.x, self.d = x, d


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def normal(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi), 0.5 * (1 + math.erf(x / math.sqrt(2)))


SLOPES = {  # value and derivative of functions of x (and k), by hand
    "NEG": lambda x, k: (-x, -1.0),
    "ABS": lambda x, k: (abs(x), math.copysign(1.0, x) if x else 0.0),
    "RELU": lambda x, k: (max(x, 0.0), 1.0 if x > 0 else 0.0),
    "LEAKY_RELU": lambda x, k: (x, 1.0) if x > 0 else (k * x, k),
    "TANH": lambda x, k: (math.tanh(x), 1 / math.cosh(min(abs(x), 300.0)) ** 2),
    "SIGMOID": lambda x, k: (logistic(x), logistic(x) * logistic(-x)),
    "EXP": lambda x, k: (math.exp(x), math.exp(x)),
    "EXPM1": lambda x, k: (math.expm1(x), math.exp(x)),
    "LOG": lambda x, k: (math.log(x), 1 / x),
    "LOG2": lambda x, k: (math.log2(x), 1 / math.log(2) / x),
    "LOG10": lambda x, k: (math.log10(x), 1 / math.log(10) / x),
    "SQUARE": lambda x, k: (x * x, 2 * x),
    "SIGN": lambda x, k: ((x > 0) - (x < 0), 0.0),
    "FLOOR": lambda x, k: (math.floor(x), 0.0),
    "CEIL": lambda x, k: (math.ceil(x), 0.0),
    "LOG1P": lambda x, k: (math.log1p(x), 1 / (1 + x)),
    "SQRT": lambda x, k: (math.sqrt(x), 0.5 / math.sqrt(x)),
    "SIN": lambda x, k: (math.sin(x), math.cos(x)),
    "COS": lambda x, k: (math.cos(x), -math.sin(x)),
    "TAN": lambda x, k: (math.tan(x), 1 / math.cos(x) ** 2),
    "ASIN": lambda x, k: (math.asin(x), (1 - x * x) ** -0.5),
    "ACOS": lambda x, k: (math.acos(x), -((1 - x * x) ** -0.5)),
    "ATAN": lambda x, k: (math.atan(x), 1 / (1 + x * x)),
    "SINH": lambda x, k: (math.sinh(x), math.cosh(x)),
    "COSH": lambda x, k: (math.cosh(x), math.sinh(x)),
    "ERF": lambda x, k: (math.erf(x), 2 / math.sqrt(math.pi) * math.exp(-x * x)),
    "ERFC": lambda x, k: (math.erfc(x), -2 / math.sqrt(math.pi) * math.exp(-x * x)),
    "SOFTPLUS": lambda x, k: (max(x, 0.0) + math.log1p(math.exp(-abs(x))), logistic(x)),
    "SILU": lambda x, k: (x * logistic(x), logistic(x) + x * logistic(x) * logistic(-x)),
    "GELU": lambda x, k: (x * normal(x)[1], normal(x)[1] + x * normal(x)[0]),
    "POW": lambda x, k: (x**k, k * x ** (k - 1) if k else 0.0),
}
PAIRS = {
    "ADD": lambda x, y: (x + y, 1.0, 1.0),
    "SUB": lambda x, y: (x - y, 1.0, -1.0),
    "MUL": lambda x, y: (x * y, y, x),
    "TRUEDIV": lambda x, y: (x / y, 1 / y, -x / y**2),
    "POWER": lambda x, y: (x**y, y * x ** (y - 1), x**y * math.log(x)),
    "ATAN2": lambda x, y: (math.atan2(x, y), y / (x * x + y * y), -x / (x * x + y * y)),
    "HYPOT": lambda x, y: (math.hypot(x, y), x / math.hypot(x, y), y / math.hypot(x, y)),
    "MINIMUM": lambda x, y: (x, 1.0, 0.0) if x < y else (y, 0.0, 1.0) if y < x else (x, 0.5, 0.5),
    "MAXIMUM": lambda x, y: (x, 1.0, 0.0) if x > y else (y, 0.0, 1.0) if y > x else (x, 0.5, 0.5),
    "LESS": lambda x, y: (float(x < y), 0.0, 0.0),
    "LESS_EQUAL": lambda x, y: (float(x <= y), 0.0, 0.0),
    "GREATER": lambda x, y: (float(x > y), 0.0, 0.0),
    "GREATER_EQUAL": lambda x, y: (float(x >= y), 0.0, 0.0),
    "EQUAL": lambda x, y: (float(x == y), 0.0, 0.0),
    "NOT_EQUAL": lambda x, y: (float(x != y), 0.0, 0.0),
}
FORMS = [op for op, name in enumerate(NAMES) if name in SLOPES or name in PAIRS]


class Duals:
    """Forward mode, with the derivatives written above."""

    def op(self, name, x, y=None, k=None):
        if y is None:
            z, dx = SLOPES[name](x.x, k)
            return Dual(z, [dx * d for d in x.d])
        z, dx, dy = PAIRS[name](x.x, y.x)
        return Dual(z, [dx * a + dy * b for a, b in zip(x.d, y.d)])

    def sum(self, xs):
        return Dual(sum(x.x for x in xs), [sum(parts) for parts in zip(*(x.d for x in xs))])

    def dot(self, ws, xs, b):
        return self.sum([b, *(self.op("MUL", w, x) for w, x in zip(ws, xs))])

    def where(self, name, x, y, a, b, strict):
        return a() if PAIRS[name](x.x, y.x)[0] else b()


TORCH = {"TRUEDIV": "div", "POWER": "pow", "LESS": "lt", "LESS_EQUAL": "le", "GREATER": "gt"}
TORCH.update({"GREATER_EQUAL": "ge", "EQUAL": "eq", "NOT_EQUAL": "ne"})


class Tensors:
    """torch, by its own names."""

    def op(self, name, x, y=None, k=None):
        functional = torch.nn.functional
        if name == "LEAKY_RELU":
            return functional.leaky_relu(x, k)
        if name in ("SILU", "GELU", "SOFTPLUS"):
            return getattr(functional, name.lower())(x)
        other = k if y is None else y
        out = getattr(torch, TORCH.get(name, name.lower()))(*((x,) if other is None else (x, other)))
        return out.double()

    def sum(self, xs):
        return torch.stack(xs).sum()

    def dot(self, ws, xs, b):
        return torch.stack(ws) @ torch.stack(xs) + b

    def where(self, name, x, y, a, b, strict):
        return a() if self.op(name, x, y).item() else b()


# ---- random graphs -----------------------------------------------------------------------------------------------


def steps_of(rng, known, length, depth):
    """Return random steps over so many numbers that are known."""
    steps = []
    for _ in range(length):
        n = known + len(steps)
        i, j = (rng.randrange(n) if rng.random() < 0.6 else max(0, n - 1 - rng.randrange(4)) for _ in "xy")
        kind = rng.random()
        if kind < 0.1:
            steps.append(("sum", [rng.randrange(n) for _ in range(rng.randint(1, 6))]))
        elif kind < 0.25:
            m = rng.randint(1, 6)
            first = rng.randrange(n)
            ws = [(first + t) % n for t in range(m)] if rng.random() < 0.5 else [rng.randrange(n) for _ in range(m)]
            steps.append(("dot", ws, [rng.randrange(n) for _ in range(m)], j))
        elif kind < 0.45 and depth < 3:
            name = rng.choice(("GREATER", "GREATER", *COMPARISONS))
            branches = [steps_of(rng, n, rng.randint(1, 5), depth + 1) for _ in "ab"]
            raw = rng.choice((None, "LOG", "SQRT", "INVERSE", "POW"))
            against = rng.choice(("zero", "zero", "other"))
            steps.append(("where", name, i, j, *branches, raw, against, rng.random() < 0.3))
        else:
            op = rng.choice(FORMS)
            k = (
                rng.choice((2.0, 3.0, -1.0, 0.5, 1.0, 0.0))
                if NAMES[op] == "POW"
                else 0.1
                if OPS[op].takes_k
                else None
            )
            steps.append(("op", NAMES[op], i, j if OPS[op].arity == 2 else None, k))
    return steps


def tame(kit, name, x, one):
    """Bring an operand into the domain of an op."""
    if name in BOUNDED:
        return kit.op("MUL", kit.op("TANH", x), one)
    if name in POSITIVE:
        return kit.op("ADD", kit.op("ABS", x), one)
    return x


def branch(kit, steps, known, one, zero, raw, i):
    """Return what a branch of where() computes; `raw`: an op at number i, whose domain nobody has checked."""
    z = run(kit, steps, known, one, zero)
    if raw is None:
        return z
    k = {"INVERSE": -1.0, "POW": 0.3}.get(raw)
    root = kit.op(raw if k is None else "POW", known[i], k=k)
    return kit.op("ADD", kit.op("TANH", z), kit.op("MUL", root, kit.op("SIN", z)))


def run(kit, steps, known, one, zero):
    """Return the last number of the steps; all of them are computed."""
    v = list(known)
    for step in steps:
        if step[0] == "sum":
            z = kit.sum([v[i] for i in step[1]])
        elif step[0] == "dot":
            z = kit.dot([v[i] for i in step[1]], [v[i] for i in step[2]], v[step[3]])
        elif step[0] == "where":
            _, name, i, j, a, b, raw, against, strict = step

            other = zero if against == "zero" else v[j]
            first = functools.partial(branch, kit, a, tuple(v), one, zero, raw, i)
            second = functools.partial(branch, kit, b, tuple(v), one, zero, None, i)
            z = kit.where(name, v[i], other, first, second, strict)
        else:
            _, name, i, j, k = step
            x, y = tame(kit, name, v[i], one), None if j is None else v[j]
            if name == "TRUEDIV":
                y = kit.op("ADD", kit.op("MUL", y, y), one)
            elif name == "POWER":
                y = kit.op("TANH", y)
            z = kit.op(name, x, y, k)
            if name == "MUL" or name == "POW":
                z = kit.op("TANH", z)
        v.append(z)
    return v[-1] if len(steps) < 2 else kit.op("ADD", v[-1], kit.op("TANH", v[-2]))


def second_opinion(opinion, out, grads, what):
    """Compare a value and its gradients with those of another kit, which may have none."""
    value, found = opinion
    if all(map(math.isfinite, (value, *found))):
        scaled(out, value, 1 + abs(value), f"eager value, {what}")
        scaled(grads, found, 1e3 * max(1.0, *map(abs, grads)), f"eager gradients, {what}")


def by_duals(steps, numbers):
    n = len(numbers)
    leaves = [Dual(x, [float(i == j) for j in range(n)]) for i, x in enumerate(numbers)]
    z = run(Duals(), steps, leaves, Dual(0.9, [0.0] * n), Dual(0.0, [0.0] * n))
    return z.x, z.d


def by_torch(steps, numbers):
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    one, zero = (torch.tensor(x, dtype=torch.float64) for x in (0.9, 0.0))
    z = run(Tensors(), steps, leaves, one, zero)
    if z.requires_grad:
        z.backward()
    return z.item(), [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]


def steady(rng, steps, numbers, out, grads):
    """Return whether rounding changes neither the value nor the gradients by more than what `check` forgives.

    Nor may it change the sign of a value of 0: that of x * 0.0 is the sign of x, which may be near 0.
    Errors may cancel by chance: what one try moves at all is tried more often.

    An example of what is not steady: sin(1.4e8), in a program and in eager code by other orders of the same sum.
    """
    exact = np.array([out, *grads])
    tries, more = (1, 7) if out else (16, 0)
    while tries:
        tries -= 1
        leaves = [Value(x) for x in numbers]
        try:
            shaken = run(Shaken(rng), steps, leaves, Value(0.9), Value(0.0))
        except (Undecided, *ERRORS):
            return False
        if out == 0 and math.copysign(1.0, out) != math.copysign(1.0, shaken.data):
            return False
        shaken.backward()
        with np.errstate(all="ignore"):
            moved = np.abs(exact - [shaken.data, *(leaf.grad for leaf in leaves)]) / np.maximum(1.0, np.abs(exact))
        if (moved > 1e-11).any():
            return False
        if (moved > 1e-14).any():
            tries, more = tries + more, 0
    return True


def case(rng):
    columns, count = rng.randint(1, 3), rng.randint(1, 4)
    steps = steps_of(rng, columns + count + 1, rng.choice((1, *range(1, 15))), 0)  # of one the value may be -0.0
    parameters = [Value(rng.choice((0.0, 1.0, rng.uniform(-2, 2), rng.uniform(-2, 2)))) for _ in range(count)]
    n = rng.choice((1, 3, 8, 9, 17, 40))
    points = np.array(
        [
            [rng.choice((0.0, -0.0, 1.0, -1.0, *(rng.uniform(-2, 2) for _ in "abcd"))) for _ in range(columns)]
            for _ in range(n)
        ]
    )
    number = rng.uniform(-1, 1)

    def f(xs, c):
        return run(Values(), steps, [*xs, c, *parameters], Value(0.9), Value(0.0))

    keep = []
    for row in points:
        numbers = [*map(float, row), number, *(p.data for p in parameters)]
        leaves = [Value(x) for x in numbers[: columns + 1]]
        try:
            out = f(leaves[:-1], leaves[-1])
        except (Undecided, *ERRORS):
            continue
        for p in parameters:
            p.grad = 0.0
        out.backward()
        grads = [leaf.grad for leaf in leaves] + [p.grad for p in parameters]
        if not math.isfinite(out.data) or abs(out.data) > 1e6 or max(map(abs, grads)) > 1e6:
            continue
        if not steady(rng, steps, numbers, out.data, grads):
            continue
        keep.append(row)
        if all(map(math.isfinite, grads)) and len(keep) <= 3:
            with contextlib.suppress(*ERRORS):  # derivatives that are infinite
                second_opinion(by_duals(steps, numbers), out.data, grads, "dual numbers")
            if torch is not None and len(keep) == 1:
                second_opinion(by_torch(steps, numbers), out.data, grads, "torch")
    # Values of parameters alone are computed while jit traces, in both branches: they may raise.
    with contextlib.suppress(Undecided, *ERRORS):
        if keep:
            check(rng, f, [np.array(keep), number], parameters)
