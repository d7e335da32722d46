"""Derivatives over batches, by every method, for arguments of every kind, against Values sample by sample.

Arguments are numbers, vectors and batches whose samples lie along either axis, with static ones between them, and
results are structures. What each method returns follows from one Jacobian and one Hessian for a sample, which
mg.grad makes of Values without any array.
"""

import itertools

import numpy as np
from compared import LANES
from test_program_derivatives import random_function

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import lib

ROWS = {  # by kind: the axis of the samples, an argument as rows of inputs, and sums of such rows in its shape
    "number": (None, lambda x, n: np.full((n, 1), x), lambda g: g.sum()),
    "vector": (None, lambda x, n: np.tile(x, (n, 1)), lambda g: g.sum(0)),
    "one": (0, lambda x, n: x[:, None], lambda g: g[:, 0]),
    "rows": (0, lambda x, n: x, lambda g: g),
    "columns": (-1, lambda x, n: x.T, lambda g: g.T),
}
STRUCTURES = {  # of results, and back to a list
    "one": (lambda v: v[0], lambda r: [r]),
    "tuple": (tuple, list),
    "nested": (lambda v: {"a": [v[0], (v[1],)], "b": v[2]}, lambda r: [r["a"][0], r["a"][1][0], r["b"]]),
}


def agree(found, expected, what):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    size = np.abs(expected).max(initial=1.0)
    assert (np.abs(found - expected) <= 1e-8 * size).all(), (
        f"{what}: {found.tolist()}, expected {expected.tolist()}"
    )


def of_values(function, rows, parameters, outputs):
    """Return values (n, outputs), their derivatives (n, outputs, k), and the second ones (n, k, k) of the first."""
    k = rows.shape[1] + len(parameters)
    values, first, second = (
        np.zeros((len(rows), outputs)),
        np.zeros((len(rows), outputs, k)),
        np.zeros((len(rows), k, k)),
    )
    for i, row in enumerate(rows):
        leaves = [*map(Value, row.tolist()), *parameters]
        out = function(leaves)
        values[i] = [y.data for y in out]
        first[i] = [[g.data for g in mg.grad(y, leaves)] for y in out]
        second[i] = [[h.data for h in mg.grad(g, leaves)] for g in mg.grad(out[0], leaves, create_graph=True)]
    return values, first, second


def case(rng):
    lib.mg_lanes(rng.choice(LANES).encode())
    mg.set_threads(rng.choice((1, 2)))
    numbers = np.random.default_rng(rng.randrange(2**32))
    kinds = [rng.choice([*ROWS]) for _ in range(rng.randrange(1, 4))]
    sizes = [1 if kind in ("number", "one") else rng.randrange(1, 4) for kind in kinds]
    batch = any(ROWS[kind][0] is not None for kind in kinds)
    n = rng.choice((0, 1, 2, 7, 8, 9, 17)) if batch else 1
    shapes = {"number": (), "vector": (-1,), "one": (n,), "rows": (n, -1), "columns": (-1, n)}
    shapes = [tuple(k if s == -1 else s for s in shapes[kind]) for kind, k in zip(kinds, sizes)]

    def draw():
        return [numbers.normal(size=shape) if shape else numbers.normal() for shape in shapes]

    args, tangents, scale = draw(), draw(), Value(rng.uniform(-1, 1))
    rows, along = (np.hstack([ROWS[kind][1](x, n) for kind, x in zip(kinds, a)]) for a in (args, tangents))
    ends = [*itertools.accumulate(sizes)]
    parts = [slice(end - k, end) for end, k in zip(ends, sizes)]
    structure, listed = STRUCTURES[rng.choice([*STRUCTURES])]
    inner = [random_function(rng, ends[-1] + 1, rng.randrange(1, 6)) for _ in range(3)]
    function = lambda x: [g(x) for g in inner]  # noqa: E731
    outputs = len(listed(structure([0.0] * 3)))

    places, given, axes = [*range(len(args))], [*args], [ROWS[kind][0] for kind in kinds]
    if rng.random() < 0.3:
        static = rng.randrange(len(args) + 1)
        given.insert(static, None)
        axes.insert(static, None)
        places = [i + (i >= static) for i in places]

    def traced(*a):
        lists = [x if isinstance(x, list) else [x] for x in a if x is not None]
        return structure(function([*itertools.chain(*lists), scale]))

    f = mg.jit(traced, in_axes=tuple(axes))
    values, first, second = of_values(lambda x: function(x)[:outputs], rows, [scale], outputs)
    if not np.isfinite(second).all() or np.abs(second).max(initial=0.0) > 1e6:
        return
    note = f"{kinds}, N={n}, {len(given)} given"
    of_call = lambda x: x if batch else x[..., 0]  # noqa: E731
    inputs = first[:, :, : ends[-1]]

    for i, found in enumerate(listed(f(*given))):
        agree(found, of_call(values[:, i]), f"value {i} ({note})")
    slopes = listed(f.jvp(tuple(given), tuple(tangents))[1])
    for i, found in enumerate(slopes):
        agree(found, of_call((inputs[:, i] * along).sum(1)), f"jvp {i} ({note})")
    seeds = numbers.normal(size=(outputs, n))
    cotangent = structure([*(seeds if batch else seeds[:, 0].tolist()), 0.0, 0.0][:3])
    product = np.einsum("on,nok->nk", seeds, inputs)
    for i, found in enumerate(f.vjp(tuple(given), cotangent)[1]):
        agree(found, ROWS[kinds[i]][2](product[:, parts[i]]), f"vjp {i} ({note})")

    def cut(matrix, *which):
        """Return what stands at these arguments along the last axes, which a number has none of."""
        spans = (parts[i].start if kinds[i] in ("number", "one") else parts[i] for i in which)
        matrix = matrix[(..., *spans)]
        return matrix if batch else matrix[0]

    chosen = rng.sample(range(len(args)), rng.randrange(1, len(args) + 1))
    argnums = tuple(places[i] - rng.choice((0, len(given))) for i in chosen)
    several = listed is not STRUCTURES["one"][1]
    for i, found in zip(chosen, f.jacobian(*given, argnums=argnums)):
        agree(found, cut(inputs if several else inputs[:, 0], i), f"jacobian by {i} ({note})")
    if several:
        return
    blocks = f.hessian(*given, argnums=argnums)
    for (i, row), (j, found) in itertools.product(zip(chosen, blocks), enumerate(chosen)):
        agree(row[j], cut(second[:, : ends[-1], : ends[-1]], i, found), f"hessian by {i}, {found} ({note})")
    curved = np.einsum("nij,nj->ni", second[:, : ends[-1], : ends[-1]], along)
    one = len(args) == 1
    value, gradient = f.value_and_gradient(*given)
    agree(value, of_call(values[:, 0]), f"value beside the gradient ({note})")
    ways = (
        (gradient, inputs[:, 0]),
        (f.gradient(*given), inputs[:, 0]),
        (f.hvp(tuple(given), tuple(tangents)), curved),
    )
    for (found, expected), i in itertools.product(ways, range(len(args))):
        agree(found if one else found[i], ROWS[kinds[i]][2](expected[:, parts[i]]), f"gradient or hvp {i} ({note})")
    weights = numbers.normal(size=n) if batch else np.ones(1)
    options = {"weights": weights} if batch else {}
    scale.grad = 0.0
    agree(f.backward(*given, **options), weights @ values[:, 0], f"reduced value ({note})")
    agree(scale.grad, weights @ first[:, 0, -1], f"gradient of a parameter ({note})")
    if f.program(*given).parameters:
        found = f.hvp(tuple(given), [1.0], wrt="parameters", **options)
        agree(found, [weights @ second[:, -1, -1]], f"hvp by a parameter ({note})")
