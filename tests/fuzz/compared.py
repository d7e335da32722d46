"""What a program must share with the eager engine: the same values and gradients, for each sample by itself."""

import math

import numpy as np

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c._core import ffi, lib

LANES = [
    name for name in ("baseline", "avx2", "avx512") if ffi.string(lib.mg_lanes(name.encode())).decode() == name
]
SIZES = (1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 66, 127, 129, 200)


def samples_of(args):
    """Return the number of samples in the arguments of a program; None where all are numbers."""
    return next((len(x) for x in args if isinstance(x, np.ndarray)), None)


def scaled(found, wanted, size, what, gradients=False):
    """Assert that two arrays agree up to rounding in numbers of that size, and in infinities and nan.

    A program computes equal expressions once. So where the gradients of two of them are a and b, it has
    (a + b) * inf for a * inf + b * inf: gradients may be infinite where those of eager code are nan.
    """
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    assert found.shape == wanted.shape, f"{what}: shape {found.shape}, wanted {wanted.shape}"
    with np.errstate(all="ignore"):
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        same |= np.abs(found - wanted) <= 1e-10 * (size + np.abs(wanted))
        same |= gradients & np.isinf(found) & np.isnan(wanted)
    if not same.all():
        i = tuple(np.argwhere(~same)[0])
        raise AssertionError(f"{what}{list(map(int, i))}: {found[i]!r}, wanted {wanted[i]!r}; size {size:.3g}")


def largest(*arrays):
    """Return the largest finite number of arrays, 1 at least."""
    flat = np.concatenate([np.ravel(np.asarray(a, float)) for a in arrays])
    return max(1.0, float(np.max(np.abs(flat[np.isfinite(flat)]), initial=0.0)))


def sample(args, i):
    """Return leaves for sample i of the arguments, in their structure, and in one list."""
    given, leaves = [], []
    for x in args:
        row = x if np.ndim(x) == 0 else x[i]
        part = [Value(float(v)) for v in row] if np.ndim(row) else Value(float(row))
        given.append(part)
        leaves.append(part if isinstance(part, list) else [part])
    return given, leaves


def eager(f, args, parameters, seeds):
    """Run f sample by sample: values, gradients of the arguments, sums of seed * gradient for the parameters.

    Gradients of arguments are those of each sample; of a number among batches the sum.
    """
    n = samples_of(args)
    values, of_arguments, sizes = [], [np.zeros(np.shape(x)) for x in args], 0.0
    totals = np.zeros(len(parameters))
    for i in range(1 if n is None else n):
        for seed in dict.fromkeys((1.0, float(seeds[i]))):
            for p in parameters:
                p.grad = 0.0
            given, leaves = sample(args, i)
            out = f(*given)
            out.backward(seed)
            if seed == 1.0:
                values.append(out.data)
                for j, part in enumerate(leaves):
                    grads = [leaf.grad for leaf in part]
                    if np.ndim(args[j]) == 0:
                        of_arguments[j] += grads[0]
                    else:
                        of_arguments[j][i] = grads if np.ndim(args[j]) == 2 else grads[0]
                    sizes = max(sizes, largest(grads))
            if seed == seeds[i]:
                grads = np.array([p.grad for p in parameters])
                with np.errstate(all="ignore"):
                    totals += grads
                sizes = max(sizes, largest(grads))
    for p in parameters:
        p.grad = 0.0
    return values, of_arguments, totals, max(1.0, sizes)


def check(rng, f, args, parameters):
    """Compare the program of f with eager code: values, gradients, sums, means, weights."""
    lib.mg_lanes(rng.choice(LANES).encode())
    mg.set_threads(rng.choice((1, 2)))
    n = samples_of(args)
    program = mg.jit(f)
    seeds = np.array([rng.choice((1.0, 0.5, -2.0, rng.uniform(-1, 1))) for _ in range(n or 1)])
    kind = rng.choice(("sum", "mean", "weights", "weighted mean")) if n else "sum"
    if kind == "sum":
        seeds[:] = 1.0
    elif kind == "mean":
        seeds[:] = 1.0 / n
    elif kind == "weighted mean":
        seeds = np.abs(seeds) + 0.1
    weights = None if kind in ("sum", "mean") else seeds.copy()
    if kind == "weighted mean":
        seeds = seeds * (1.0 / seeds.sum())
    values, of_arguments, totals, size = eager(f, args, parameters, seeds)
    single = n is None
    note = f"{kind}, N={n}"

    found, wanted = np.ravel(program(*args)), np.array(values)
    scaled(found, wanted, largest(values), f"values ({note})")
    unlike = (found == 0) & (wanted == 0) & (np.signbit(found) != np.signbit(wanted))
    assert not unlike.any(), f"zeros of other signs ({note}): {found[unlike]}, wanted {wanted[unlike]}"
    found = program.gradient(*args)
    for j, wanted in enumerate(of_arguments):
        part = found if len(args) == 1 else found[j]
        scaled(
            part,
            wanted,
            size * (1 if np.ndim(args[j]) or single else n),
            f"gradient of argument {j} ({note})",
            True,
        )
    if not single:  # where all arguments have a column, derivatives are a graph of their own
        value, found = program.value_and_gradient(*(x if np.ndim(x) else np.full(n, x) for x in args))
        scaled(value, values, largest(values), f"values beside gradients ({note})")
        for j, wanted in enumerate(of_arguments):
            part = found if len(args) == 1 else found[j]
            with np.errstate(all="ignore"):
                part = part if np.ndim(args[j]) else np.sum(part)
            note_j = f"gradient of argument {j}, all of them batches ({note})"
            scaled(part, wanted, size * (1 if np.ndim(args[j]) else n), note_j, True)
    options = {} if single else {"reduce": "mean" if "mean" in kind else "sum", "weights": weights}
    total = program.backward(*args, **options)
    with np.errstate(all="ignore"):
        wanted = math.fsum(s * v for s, v in zip(seeds, values)) if np.isfinite(values).all() else None
    if wanted is not None:
        scaled(total, wanted, largest(values) * (n or 1), f"reduced value ({note})")
    grads = [p.grad for p in parameters]
    for p in parameters:
        p.grad = 0.0
    scaled(grads, totals, size * (n or 1), f"gradients of parameters ({note})", True)
