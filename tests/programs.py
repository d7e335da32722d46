"""What the tests of programs share."""

import pytest

from micrograd_c import Value

np = pytest.importorskip("numpy")


def close(a, b, rtol=1e-12, atol=0.0):
    """Assert that a and b are equal up to rounding, with nan and inf where the other has them."""
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=rtol, atol=atol)


def eager(f, columns, parameters, weights=None):
    """Run f sample by sample: values, gradients of arguments, gradients of the weighted sum for the parameters."""
    values, gradients = [], []
    total = [0.0] * len(parameters)
    for i, sample in enumerate(columns):
        leaves = [Value(x) for x in sample]
        for p in parameters:
            p.grad = 0.0
        out = f(*leaves)
        out.backward()
        values.append(out.data)
        gradients.append([leaf.grad for leaf in leaves])
        weight = 1.0 if weights is None else weights[i]
        total = [t + weight * p.grad for t, p in zip(total, parameters)]
    for p in parameters:
        p.grad = 0.0
    return values, gradients, total


class Weight(Value):
    """A class of a user."""
