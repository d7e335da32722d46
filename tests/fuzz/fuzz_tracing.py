"""Functions that mix traced Values, ordinary ones and numbers in every place: programs against eager code.

Now and then a call is interrupted, at an opcode or by a signal: the function and the thread work as before.
"""

import math
import operator
import pathlib

import numpy as np
from interrupting import stopped_after, stopped_at
from support import collect

import micrograd_c as mg
from micrograd_c import TracingError, Value
from micrograd_c._core import NAMES, OPS
from micrograd_c._core.docs import is_operator
from micrograd_c.program import program, trace, traced


class Tie(ValueError):
    """Two results are so close that their last bits decide which is larger; a program may have others."""


ERRORS = (ValueError, ZeroDivisionError, OverflowError)
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
NAMED = [NAMES[i].lower() for i in range(len(OPS)) if OPS[i].method and OPS[i].arity == 2 and not is_operator(i)]
UNARY = [NAMES[i].lower() for i in range(len(OPS)) if OPS[i].arity == 1 and not OPS[i].takes_k]
# Where functions jump: there the last bit, or the sign of a 0, decides.
JUMPS = {"atan2": lambda y: 0.0, "sign": lambda x: 0.0, "floor": round, "ceil": round}
KINKS = ("relu", "leaky_relu", "abs", "sqrt", "log")  # of x near 0; at 0 itself both agree
KINDS = ["operator"] * 4 + ["named"] * 4 + ["unary", "k", "sum", "start", "dot", "where", "compare", "by hand"]
NUMBERS = [float, int, np.float64, np.float32, np.int16, bool, np.array]
WAYS = [True, False, None, "", "a"]
NAMED_WAYS = [0, 1, 0.0, -0.0, 1.0, math.nan, (1,), (True,), (1.0, "a"), operator.add]
SOURCES = {*map(str, pathlib.Path(program.__file__).parent.glob("*.py")), __file__}


class Weight(Value):
    """A class of a user."""


class Scaled(Value):
    """A class whose operator is its own."""

    def __mul__(self, other):
        return super().__mul__(other) + 0.5 * self.data


class Shifted(Value):
    """A class with two operators of its own, and one that is given the Value on its left."""

    def __add__(self, other):
        return super().__add__(other) - 0.25

    def __pow__(self, k):
        return super().__pow__(k) * 1.5

    def __rmul__(self, other):
        return super().__rmul__(other) * 0.75


def make(rng, count):
    """Return the steps of a function over `count` Values: what is done, and where the operands come from."""
    steps = []
    for i in range(rng.randrange(1, 12)):

        def operand(i=i):
            if rng.random() < 0.25:
                return rng.choice(NUMBERS)(rng.choice([0.5, 1.0, -2.0, 3.0, 0.0, rng.uniform(-2, 2)]))
            return rng.randrange(count + i), "value"

        what = rng.choice(KINDS)
        steps.append((what, [operand() for _ in range(rng.randrange(3, 6))], rng.random(), rng.random() < 0.5))
    return steps


def by_hand(data, children, slopes):
    """Return a node made by hand, in a trace of Values, elsewhere of their numbers."""
    if type(data) is traced.TracedValue:
        return Value(data, children, slopes)
    return Value(data.data, children, [x.data for x in slopes])


def compared(a, b):
    """Return a, which is about to be compared with b; a Tie where eager code finds them almost equal."""
    if not (a is b or isinstance(a, traced.TracedValue) or isinstance(b, traced.TracedValue)):
        x, y = (v.data if isinstance(v, Value) else float(v) for v in (a, b))
        if abs(x - y) <= 1e-9 * max(1.0, abs(x)):
            raise Tie
    return a


def beside_a_jump(name, x):
    """Return x, an operand of a function; a Tie where eager code finds it almost where that jumps, or its slope."""
    if name in JUMPS and not isinstance(x, traced.TracedValue):
        compared(x, JUMPS[name](x.data))
    if name in KINKS and not isinstance(x, traced.TracedValue) and x.data:
        compared(x, 0.0)
    return x


def run(steps, values):
    values = list(values)
    for what, operands, choice, flag in steps:
        v = [values[x[0]] if type(x) is tuple else x for x in operands]
        first = next((x for x in v if isinstance(x, Value)), values[-1])
        if what == "operator":
            a, b = (v[0], first) if flag else (first, v[1])
            out = OPERATORS[int(choice * len(OPERATORS))](a, b)
        elif what == "named":
            name = NAMED[int(choice * len(NAMED))]
            x = beside_a_jump(name, first)
            out = getattr(x if name == "power" else compared(x, v[1]), name)(v[1])
        elif what == "unary":
            name = UNARY[int(choice * len(UNARY))]
            x = beside_a_jump(name, first)
            out = -x if name == "neg" else abs(x) if name == "abs" else getattr(x, name)()
        elif what == "k":
            out = beside_a_jump("leaky_relu", first).leaky_relu(choice) + first**2
        elif what == "sum":
            out = mg.sum(v if flag else iter(v)) * 0.5
        elif what == "start":
            out = mg.sum(tuple(v[1:]), start=v[0])
        elif what == "dot":
            half = len(v) // 2
            out = mg.dot(v[:half], v[half : 2 * half], bias=v[-1] if flag else None)
        elif what == "where":
            out = mg.where(compared(first, v[0]).greater(v[0]) if flag else first.equal(first), v[1], v[2])
        elif what == "by hand":
            children = [x for x in v if isinstance(x, Value)] or [first]
            out = by_hand(first * 0.5 + values[0], children, [(x * choice).tanh() for x in children])
        else:
            out = compared(first, v[0]).less(v[0]) + compared(first, v[1]).greater_equal(v[1])
        values.append(out.tanh() if choice < 0.7 else out)
    return mg.sum(values[-3:]) + values[0] * values[-1]


def close(a, b, scale):
    return abs(a - b) <= 1e-9 * max(1.0, scale)


def compare(rng):
    """Compare a function with one static argument, whose values choose among steps, with eager code."""
    arguments = [rng.uniform(-2, 2) for _ in range(rng.randrange(1, 4))]
    parameters = [rng.choice([Value, Value, Weight, Scaled, Shifted])(rng.uniform(-2, 2)) for _ in range(3)]
    by_name = rng.random() < 0.5
    ways = rng.sample(NAMED_WAYS + WAYS if by_name else WAYS, rng.randrange(1, 4))
    steps = {repr(way): make(rng, len(arguments) + len(parameters)) for way in ways}
    names = [f"x{i}" for i in range(len(arguments))]
    place = rng.randrange(len(arguments) + 1)
    signature, values = ", ".join([*names[:place], "way", *names[place:]]), ", ".join(names)
    made = {"compute": lambda way, *xs: run(steps[repr(way)], [*xs, *parameters])}
    exec(f"def f({signature}): return compute(way, {values})", made)
    g = mg.jit(made["f"], static_argnames="way" if by_name else ())
    for way in ways + rng.sample(ways, len(ways)):
        compare_way(rng, g, made["f"], arguments, way, place, parameters)


def compare_way(rng, g, f, arguments, way, place, parameters):
    leaves = list(map(Value, arguments))
    try:
        with np.errstate(all="ignore"):
            out = f(*leaves[:place], way, *leaves[place:])
            out.backward()
    except ERRORS:
        return
    wanted = [out.data, *(x.grad for x in leaves), *(p.grad for p in parameters)]
    for p in parameters:
        p.grad = 0.0
    if not all(map(math.isfinite, wanted)):
        return

    def call(program, *xs):
        if rng.random() < 0.5:
            return program(*xs[:place], way, *xs[place:])
        named = {f"x{i}": x for i, x in enumerate(xs) if i >= place}
        return program(*xs[:place], way=way, **named)

    scale = max(map(abs, wanted))
    one = call(g.gradient, *arguments)
    got = [call(g, *arguments), *(one if len(arguments) > 1 else [one])]
    batch = call(g, [arguments[0], arguments[0]], *arguments[1:])
    call(g.backward, [arguments[0]], *arguments[1:])
    got += [p.grad for p in parameters]
    for p in parameters:
        p.grad = 0.0
    assert all(close(a, b, scale) for a, b in zip(got, wanted)), (way, got, wanted)
    assert all(close(x, wanted[0], scale) for x in batch), (way, batch, wanted)


def interrupt(rng):
    p = rng.choice([Value, Weight])(3.0)
    inner = mg.jit(lambda x: p.maximum(x))
    f = mg.jit(lambda x: mg.sum([x, p]) * inner(x) + mg.dot([p], [x]) * 0.0)
    call = getattr(f, rng.choice(["__call__", "backward", "gradient", "program", "value_and_gradient"]))
    argument = rng.choice([2.0, [2.0], np.array([2.0])])

    def calls():
        for _ in range(5):
            call(argument)
            f.retrace()

    if rng.random() < 0.5:
        stopped_after(calls, rng.uniform(1e-6, 1e-3))
    else:
        stopped_at(lambda: call(argument), rng.randrange(1, 3000), SOURCES.__contains__)
    assert f(2.0) == 15.0 and f([2.0, 1.0]).tolist() == [15.0, 12.0]
    assert Value(1.0).maximum(2.0).data == 2.0 and (Value(2.0) * p).data == 6.0
    p.grad = 0.0
    f.backward(2.0)
    assert p.grad == 8.0
    try:
        mg.jit(lambda x: x * (x == 0))(1.0)
    except TracingError:
        pass
    else:
        raise AssertionError("== was frozen")


def case(rng):
    if rng.random() < 0.2:
        interrupt(rng)
        collect()
        assert not trace._open
    else:
        compare(rng)
