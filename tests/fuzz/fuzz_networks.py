"""Networks as programs against eager code: whatever weights, inputs and biases a neuron may have."""

import math

import numpy as np
from compared import SIZES, check, scaled

import micrograd_c as mg
from micrograd_c import Value, nn

ACTIVATIONS = ("", "", "tanh", "relu", "sigmoid", "softplus", "abs", "neg")


def numbers(rng, shape, special):
    """Return random numbers; some infinite or nan if they may be."""
    x = np.array([rng.uniform(-1.5, 1.5) for _ in range(math.prod(shape))]).reshape(shape)
    if special:
        for i in range(x.size):
            if rng.random() < 0.15:
                x.flat[i] = rng.choice((math.inf, -math.inf, math.nan, 0.0, -0.0))
    return x


def arguments(rng):
    """Return the arguments of a program: batches of numbers and of rows, and numbers."""
    n, special = rng.choice(SIZES), rng.random() < 0.25
    args = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.choice(("rows", "rows", "column", "number"))
        if kind == "rows":
            args.append(numbers(rng, (n, rng.randint(1, 6)), special))
        elif kind == "column":
            args.append(numbers(rng, (n,), special))
        else:
            args.append(rng.uniform(-1, 1))
    return args


class Weights:
    """The weights of a network, and how its neurons choose among them."""

    def __init__(self, rng):
        self.rng = rng
        self.all = [Value(rng.uniform(-1, 1)) for _ in range(rng.randint(1, 40))]
        if rng.random() < 0.1:
            self.all[0].data = 0.0
        self.next = 0

    def choose(self, n):
        rng, every = self.rng, self.all
        how = rng.choice(
            ("consecutive", "consecutive", "fresh", "scattered", "shuffled", "one", "stride", "computed")
        )
        if how == "consecutive":
            chosen = [every[(self.next + i) % len(every)] for i in range(n)]
            self.next += rng.choice((n, n, n, n + 1, 1, 0))
            return chosen
        if how == "fresh":
            new = [Value(rng.uniform(-1, 1)) for _ in range(n)]
            every += new
            return new
        if how == "shuffled":
            first = rng.randrange(len(every))
            chosen = [every[(first + i) % len(every)] for i in range(n)]
            rng.shuffle(chosen)
            return chosen
        if how == "one":
            return [rng.choice(every)] * n
        if how == "stride":
            first, step = rng.randrange(len(every)), rng.randint(1, 3)
            return [every[(first + step * i) % len(every)] for i in range(n)]
        chosen = [rng.choice(every) for _ in range(n)]
        if how == "computed":
            i, other = rng.randrange(n), rng.choice(every)
            pick = rng.choice((lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a * 2.0, lambda a, b: b.tanh()))
            return [(chosen[j], other, pick) if j == i else w for j, w in enumerate(chosen)]
        return chosen


def resolve(w):
    return w[2](w[0], w[1]) if isinstance(w, tuple) else w


def neuron(rng, weights, units):
    """Return the plan of a neuron over so many units: form, inputs, weights, bias, activation."""
    n = rng.randint(1, min(9, 2 * units + 1))
    how = rng.choice(("all", "all", "some", "repeated", "shuffled"))
    if how == "all":
        chosen = list(range(units))[:12]
    elif how == "some":
        chosen = sorted(rng.sample(range(units), min(n, units)))
    elif how == "shuffled":
        chosen = rng.sample(range(units), min(n, units))
    else:
        chosen = [rng.randrange(units) for _ in range(n)]
    bias = rng.choice(("none", "own", "shared", "constant", "input", "computed", "zero"))
    own = Value(rng.uniform(-1, 1)) if bias in ("own", "computed") else rng.choice(weights.all)
    if bias == "own":
        weights.all.append(own)
    elif bias == "computed":
        weights.all.append(own)
        own = (own, rng.choice(weights.all), lambda a, b: a * b)
    elif bias == "constant":
        own = rng.choice((1.0, -0.5, 2.0))
    elif bias == "zero":
        own = 0.0
    elif bias == "input":
        own = rng.randrange(units)
    elif bias == "none":
        own = None
    form = rng.choice(("dot", "dot", "sum", "chain", "chain reversed", "minus", "constants"))
    ws = weights.choose(len(chosen))
    if form == "constants":
        ws = [rng.choice((w, 1.0, -0.5, 0.0)) for w in ws]
    return form, chosen, ws, bias, own, rng.choice(ACTIVATIONS)


def compute(plan, units):
    form, chosen, ws, kind, bias, activation = plan
    xs, ws = [units[i] for i in chosen], list(map(resolve, ws))
    b = units[bias] if kind == "input" else resolve(bias)
    if form == "dot":
        z = mg.dot(ws, xs, b)
    elif form in ("sum", "constants"):
        z = mg.sum([w * x for w, x in zip(ws, xs)], 0 if b is None else b)
    elif form == "chain reversed":
        z = xs[0] * ws[0]
        for w, x in zip(ws[1:], xs[1:]):
            z = x * w + z
        z = z if b is None else z + b
    else:
        z = xs[0] * ws[0] if b is None else b + ws[0] * xs[0]
        for w, x in zip(ws[1:], xs[1:]):
            z = z - w * x if form == "minus" else z + w * x
    return (
        -z
        if activation == "neg"
        else abs(z)
        if activation == "abs"
        else getattr(z, activation)()
        if activation
        else z
    )


def case(rng):
    weights = Weights(rng)
    args = arguments(rng)
    count = sum(x.shape[1] if np.ndim(x) == 2 else 1 for x in args)
    layers, units = [], count
    for _ in range(rng.randint(1, 3)):
        common = neuron(rng, weights, units)
        layer = []
        for _ in range(rng.randint(1, 9)):
            plan = neuron(rng, weights, units)
            if rng.random() < 0.6:  # the inputs of the others: a layer
                inputs = rng.sample(common[1], len(common[1])) if rng.random() < 0.3 else common[1]
                plan = (
                    common[0] if rng.random() < 0.7 else plan[0],
                    inputs,
                    weights.choose(len(inputs)),
                    *plan[3:],
                )
            if rng.random() < 0.5:
                plan = (*plan[:5], common[5])
            layer.append(plan)
        keep = rng.random() < 0.3  # later neurons read all that there is
        layers.append((layer, keep))
        units = len(layer) + units * keep
    model = nn.MLP(units, [rng.randint(1, 4), 2]) if rng.random() < 0.3 else None
    if model is not None:
        neurons = [n for layer in model.layers for n in layer.neurons]
        for _ in range(rng.randint(0, 4)):
            n = rng.choice(neurons)
            n.w[rng.randrange(len(n.w))] = rng.choice([*weights.all, *model.parameters()])
        weights.all += model.parameters()
    last = rng.choice(("sum", "squares", "product", "one", "neuron"))

    def outputs(*given):
        units = [v for x in given for v in (x if isinstance(x, list) else [x])]
        for layer, keep in layers:
            new = [compute(plan, units) for plan in layer]
            units = [*units, *new] if keep else new
        return list(model(units)) if model is not None else units

    def f(*given):
        outs = outputs(*given)
        if last == "sum":
            return mg.sum(outs)
        if last == "squares":
            return mg.sum(o * o for o in outs)
        if last == "product":
            return outs[0] * outs[-1] + outs[len(outs) // 2]
        if last == "one":
            return outs[-1]
        return mg.dot(weights.all[: len(outs)], outs[: len(weights.all)], weights.all[0])

    parameters = list({id(p): p for p in weights.all}.values())
    check(rng, f, args, parameters)

    if rng.random() < 0.2:  # several results
        n = next((len(x) for x in args if np.ndim(x)), None)
        found = np.array(mg.jit(outputs)(*args))
        given = [
            [[Value(v) for v in x[i]] if np.ndim(x) == 2 else Value(x[i] if np.ndim(x) else x) for x in args]
            for i in range(n or 1)
        ]
        wanted = np.array([[v.data for v in outputs(*xs)] for xs in given]).T
        size = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0)
        scaled(found if n else found[:, None], wanted, size, "results")
