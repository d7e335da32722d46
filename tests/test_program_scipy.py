"""The calls of scipy in docs/derivatives.md, as they stand there, against scipy without derivatives from us."""

import re
from pathlib import Path

import pytest
from programs import close

import micrograd_c as mg

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

PAGE = Path(__file__).parent.parent / "docs" / "derivatives.md"
PLAIN = {  # the same without us; for curve_fit and the equations the answer
    "minimize": lambda: np.ones(3),
    "root": lambda: [np.sqrt(2)] * 2,
    "solve_ivp": lambda: integrate.solve_ivp(
        lambda t, y: [y[1], 10 * (1 - y[0] ** 2) * y[1] - y[0]], (0, 2), [2.0, 0.0], method="Radau"
    ).y[:, -1],
    "curve_fit": lambda: [2.5, 1.3],
    "least_squares": lambda: [2.5, 1.3],
}


def rows_of_the_page():
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""  # the tests of an sdist
    part = text.partition("### With scipy")[2].partition("\n## ")[0]
    return re.findall(r"^\| .* \| `(.*)` \|$", part, re.MULTILINE)


@pytest.fixture
def names():
    """The names of the page, with solvers that note whether the derivatives they are given are used."""
    asked = []

    def watched(solver):
        def inner(*args, jac, **kwargs):
            def derivatives(*given):
                asked.append(1)
                return jac(*given)

            return solver(*args, jac=derivatives if callable(jac) else jac, **kwargs)

        return inner

    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    exec("".join(blocks), names := {})
    names.update({name: watched(getattr(optimize, name, getattr(integrate, name, None))) for name in PLAIN})
    return {**names, "asked": asked}


@pytest.mark.parametrize("call", rows_of_the_page())
def test_each_call_of_the_page_gives_what_scipy_gives(call, names):
    found = eval(call, names)
    found = found[0] if isinstance(found, tuple) else found.y[:, -1] if "y" in found else found.x
    close(found, PLAIN[call.partition("(")[0]](), 1e-4)
    assert names["asked"] or "jac=True" in call


def test_the_page_has_a_row_for_each_solver():
    rows = rows_of_the_page()
    assert not PAGE.exists() or {row.partition("(")[0] for row in rows} == PLAIN.keys()


def test_a_text_among_args_is_static(names):
    @mg.jit(in_axes=None)
    def penalised(x, norm):
        penalty = mg.sum(abs(v) for v in x) if norm == "l1" else mg.sum(v * v for v in x)
        return names["rosenbrock"](x) + penalty

    def plain(x, norm):
        penalty = np.abs(x).sum() if norm == "l1" else x @ x
        return optimize.rosen(x) + penalty

    start = np.array([1.3, 0.7, 0.8])
    for norm in ("l2", "l1"):
        mine = optimize.minimize(penalised.value_and_gradient, start, args=(norm,), jac=True)
        close(mine.fun, optimize.minimize(plain, start, args=(norm,)).fun, 1e-6)
