"""Static arguments of programs: they choose what is computed, and are no numbers."""

import copy
import enum
import fractions
import math
import pickle

import pytest
from programs import close

import micrograd_c as mg
from micrograd_c import Value
from micrograd_c.program import function

np = pytest.importorskip("numpy")
W = Value(0.5)


class Way(enum.Enum):
    LAST = "last"
    ALL = "all"


def powers(x, n, way="all", *, half=False):
    """Return what Python chooses by n, way and half; x is a number or a list."""
    x = mg.sum(x) if isinstance(x, list) else x
    terms = [W * x**i for i in range(1, n + 1)]
    out = mg.sum(terms) if way in ("all", Way.ALL) else terms[-1]
    return out * 0.5 if half else out


def recorder(**options):
    """Return a jit function that keeps what its static argument was at each trace."""
    seen = []

    @mg.jit(**options)
    def f(x, way):
        seen.append(way)
        return x * 2.0

    return f, seen


# ---- traces ------------------------------------------------------------------------------------------------------

ANYWHERE = [True, False, np.True_, "", "a", None]
NAMED = [
    *(1, 1.0, 0, 0.0, -0.0, math.nan, math.inf, 1j, np.float32(1.0), np.int64(1), fractions.Fraction(1)),
    *(
        (),
        (1,),
        (1.0,),
        (True,),
        ((0.0, "a"),),
        ((-0.0, "a"),),
        (math.nan,),
        frozenset((1, "a")),
        frozenset((True, "a")),
    ),
    *(Way.LAST, Way.ALL, len, int, b"a", 2**5000),
]


@pytest.mark.parametrize("x", [2.0, [1.0, 2.0]], ids=["number", "batch"])
@pytest.mark.parametrize("names, values", [((), ANYWHERE), ("way", NAMED + ANYWHERE)], ids=["by type", "by name"])
def test_each_value_has_one_trace_and_the_function_gets_it_as_it_is(names, values, x):
    f, seen = recorder(static_argnames=names)
    for _ in range(2):
        for value in values:
            close(f(x, value), np.multiply(x, 2.0))
            close(f(x, copy.copy(value)), np.multiply(x, 2.0))
    assert len(seen) == len(values) and all(a is b for a, b in zip(seen, values))


class Tagged:
    """Part of classes of a user's: equal and printed as their own way of telling them apart has it."""

    def __new__(cls, value, tag):
        self = super().__new__(cls, value)
        self.tag = tag
        return self

    def __eq__(self, other):
        return self.tag == other.tag

    def __hash__(self):
        return 1

    def __repr__(self):
        return "always the same"


class Typed:
    """No number of numpy's, though it has a dtype."""

    dtype = "float"

    def __init__(self, tag):
        self.tag = tag

    __eq__, __hash__, __repr__ = Tagged.__eq__, Tagged.__hash__, Tagged.__repr__


class Printed(float):
    """Equal as floats are."""

    tag = property(lambda self: self.hex())
    __repr__ = Tagged.__repr__


@pytest.mark.parametrize("base", [float, complex, int, tuple, frozenset, str, bytes])
def test_what_a_class_tells_apart_has_traces_of_its_own(base):
    cls = type("Mine", (Tagged, base), {})
    value = (1, 2) if base in (tuple, frozenset) else base(b"a") if base is bytes else base(2)
    f, seen = recorder(static_argnames="way")
    for _ in range(2):
        for tag in "ab":
            f(2.0, cls(value, tag))
    assert [x.tag for x in seen] == ["a", "b"]


@pytest.mark.parametrize("values", [list(map(Typed, "aba")), list(map(Printed, (1, 2, 1, 0.0, -0.0)))])
def test_how_a_value_is_printed_makes_no_two_one(values):
    f, seen = recorder(static_argnames="way")
    for value in values:
        f(2.0, value)
    assert [x.tag for x in seen] == [*dict.fromkeys(x.tag for x in values)]


def test_numbers_stay_numbers_where_nobody_names_them():
    f, seen = recorder()
    for value in (1, 1.0, np.float64(2.0), np.int8(3), fractions.Fraction(1)):
        assert f(2.0, value) == 4.0
    assert len(seen) == 1 and isinstance(seen[0], Value)


def test_values_and_models_may_be_named_and_their_parameters_are_read_at_each_run():
    model, other = mg.MLP(2, [3, 1]), mg.MLP(2, [3, 1])
    f = mg.jit(lambda x, model: model(x), static_argnames="model")
    X = np.ones((4, 2))
    for m in (model, other, model):
        m.parameters()[0].data += 0.5
        close(f(X, m), [m([1.0, 1.0]).data] * 4)
        f.backward(X, model=m)
    assert model.parameters()[-1].grad == 2 * other.parameters()[-1].grad == 8.0
    v = Value(3.0)
    assert mg.jit(lambda x, w: x * w, static_argnames=["w"])(2.0, v) == 6.0


def test_a_function_keeps_the_latest_programs_alone(monkeypatch):
    monkeypatch.setattr(function, "_MOST_PROGRAMS", 5)
    f, seen = recorder(static_argnames="way")
    for i in range(20):
        assert f(2.0, i) == 4.0
        assert len(f._programs[0]) <= 5
    f(2.0, 19), f(2.0, 15)
    assert seen == list(range(20))
    f(2.0, 0)
    assert seen[20:] == [0]


# ---- derivatives -------------------------------------------------------------------------------------------------

X = np.array([0.5, -1.5, 2.0])
CALLS = [
    ((3, "all"), {}),
    ((3,), {}),
    ((2, "last"), {"half": True}),
    ((4,), {"way": Way.ALL, "half": False}),
    ((), {"half": True, "way": "last", "n": 5}),
    ((), {"n": 1}),
]


@pytest.mark.parametrize("x", [0.7, X, np.stack([X, X + 1, X * 0.5])], ids=["number", "batch", "rows"])
@pytest.mark.parametrize("axes", [{}, {"in_axes": None}], ids=["guess", "None"])
@pytest.mark.parametrize("args, kwargs", CALLS)
def test_derivatives_are_those_of_the_function_without_them(args, kwargs, x, axes):
    if axes and np.ndim(x) == 2:
        x = x[0]
    f = mg.jit(powers, static_argnames=("n", "way"), **axes)
    g = mg.jit(lambda x: powers(x, *args, **kwargs), **axes)
    one = np.ones_like(x)
    close(f(x, *args, **kwargs), g(x))
    for call in ("gradient", "value_and_gradient", "jacobian", "hessian"):
        found, wanted = getattr(f, call)(x, *args, **kwargs), getattr(g, call)(x)
        for a, b in zip(found, wanted) if call == "value_and_gradient" else [(found, wanted)]:
            close(a, b)
    close(f.gradient(x, *args, per_sample=True, **kwargs), g.gradient(x, per_sample=True))
    totals = []
    for total in (lambda: f.backward(x, *args, **kwargs), lambda: g.backward(x)):
        W.grad = 0.0
        totals.append((total(), W.grad))
    close(*totals)
    if not kwargs:
        for found, wanted in (
            (f.jvp((x, *args), (one,)), g.jvp((x,), (one,))),
            (f.vjp((x, *args), g(x)), g.vjp((x,), g(x))),
        ):
            close(found[0], wanted[0])
            close(found[1][0] if isinstance(found[1], tuple) else found[1], np.squeeze(wanted[1]))
        close(f.hvp((x, *args), (one,)), g.hvp((x,), (one,)))
        close(f.hvp((x, *args), [2.0], wrt="parameters"), g.hvp((x,), [2.0], wrt="parameters"))
        if np.ndim(x) == 0 or axes:
            leaf = Value(x) if np.ndim(x) == 0 else [*map(Value, x)]
            close(mg.grad(powers)(x, *args), f.gradient(x, *args))
            powers(leaf, *args).backward()
            close([v.grad for v in leaf] if isinstance(leaf, list) else leaf.grad, f.gradient(x, *args))


def test_numbers_of_arguments_count_the_static_ones():
    f = mg.jit(lambda flag, x, n, y: x**n * y if flag else x + y, static_argnames="n", in_axes=(0, None, 7, 0))
    y = np.array([1.0, 2.0])
    close(f(True, 3.0, 2, y), [9.0, 18.0])
    assert [np.shape(d) for d in f.gradient(True, 3.0, 2, y)] == [(), (2,)]
    close(f.jacobian(True, 3.0, 2, y, argnums=1), [6.0, 12.0])
    close(f.jacobian(True, 3.0, 2, y, argnums=-1), [9.0, 9.0])
    close(f.jacobian(True, 3.0, 2, y, argnums=-3), [6.0, 12.0])
    blocks = f.hessian(True, 3.0, 2, y, argnums=(1, 3))
    close(blocks[0][0], [2.0, 4.0])
    close(blocks[0][1], [6.0, 6.0])
    close(f.jvp((True, 3.0, 2, y), (1.0, y))[1], 6 * y + 9 * y)
    matrix = mg.jit(lambda way, x: x[0] * x[1], in_axes=(None, 1))
    assert matrix.gradient("a", np.ones((2, 5))).shape == (2, 5)
    assert matrix.vjp(("a", np.ones((2, 5))), np.ones(5))[1][0].shape == (2, 5)
    assert matrix.jvp(("a", np.ones((2, 5))), (np.ones((2, 5)),))[1].tolist() == [2.0] * 5
    assert mg.jit(lambda way: W * 2.0).gradient("a") == ()


@pytest.mark.parametrize("integer", [np.int64, np.uint8, np.array], ids=lambda x: x.__name__)
def test_argnums_may_be_integers_of_any_class(integer):
    f = mg.jit(lambda x, y: x * y * y)
    second = integer(1)
    assert f.jacobian(2.0, 3.0, argnums=second) == mg.grad(f, second)(2.0, 3.0) == 12.0
    assert f.hessian(2.0, 3.0, argnums=(second, second - second))[0] == (4.0, 6.0)
    assert mg.grad(f, [second, 0])(2.0, 3.0) == (12.0, 9.0)
    for wrong in (True, np.True_, 1.0, np.float64(1.0), "1", None, np.array([0, 1])):
        with pytest.raises(ValueError, match=r"argnums=.*expected numbers of arguments"):
            f.jacobian(2.0, 3.0, argnums=wrong)
        with pytest.raises(TypeError, match=r"argnums=.*expected an int"):
            mg.grad(f, wrong)


def test_grad_takes_them_inside_and_outside_of_jit():
    f = mg.jit(powers, static_argnames="n")
    slope = mg.grad(f)
    assert slope(2.0, 3) == W.data * (1 + 4 + 12)
    assert mg.jit(slope, static_argnames="n")([2.0], 3, half=True)[0] == 0.5 * slope(2.0, 3)
    assert mg.jit(lambda x: f(x, 3, "last"))(2.0) == f(2.0, 3, "last") == 4.0
    assert mg.value_and_grad(f)(2.0, n=2) == (3.0, 2.5)
    for call, words in (
        (
            lambda: mg.grad(f, 1)(2.0, 3),
            "grad of powers: argnums=1: argument 1 is static, 3, and has no derivative",
        ),
        (lambda: mg.grad(f, (0, -1))(2.0, 3, "all"), "argument -1 is static, 'all'"),
        (lambda: mg.grad(lambda x, flag: x, 1)(2.0, True), "argument 1 is static, True"),
        (lambda: mg.grad(lambda x: x)(None), "argument 0 is static, None"),
    ):
        with pytest.raises(TypeError, match=words):
            call()


# ---- methods, copies, mistakes -----------------------------------------------------------------------------------


class Model:
    def __init__(self, w):
        self.w = Value(w)

    @mg.jit(static_argnames=("self", "n"))
    def power(self, x, n, way="all"):
        return self.w * x**n if way == "all" else x

    @staticmethod
    @mg.jit(static_argnames="n")
    def cube(x, n):
        return x**n


def test_methods_and_static_methods_have_them():
    a, b = Model(2.0), Model(3.0)
    assert [m.power(2.0, n) for m in (a, b) for n in (1, 2, 1)] == [4.0, 8.0, 4.0, 6.0, 12.0, 6.0]
    assert a.power(2.0, way="last", n=2) == 2.0
    assert a.power.gradient(2.0, 3) == 24.0
    assert Model.cube(2.0, 3) == a.cube(2.0, n=3) == 8.0
    bound = mg.jit(Model(5.0).power._function, static_argnames="n")
    for f in (bound, pickle.loads(pickle.dumps(a.power)), copy.deepcopy(a.power)):
        assert f(1.0, 2) in (2.0, 5.0)


def test_they_go_with_copies_and_pickles_and_a_second_jit():
    f = mg.jit(powers, static_argnames=["n", "half"], in_axes=None)
    for g in (copy.deepcopy(f), pickle.loads(pickle.dumps(f)), mg.jit(f), mg.jit(f, in_axes=0), copy.copy(f)):
        assert g.gradient([2.0] if g._in_axes == 0 else 2.0, 2) == 2.5
    g = mg.jit(f, static_argnames="n")
    assert g([1.0, 2.0], 1) == 1.5


class Open:
    """A callable whose signature Python does not know."""

    __signature__ = "none"

    def __call__(self, x, n):
        return x**n


def test_mistakes_name_the_argument_and_the_remedy():
    f = mg.jit(powers, static_argnames="n")
    for call, error, words in (
        (
            lambda: mg.jit(powers, static_argnames="m"),
            ValueError,
            "powers has no argument 'm'; it has: x, n, way, half",
        ),
        (lambda: mg.jit(static_argnames=("n", "m"))(powers), ValueError, r"static_argnames=\('n', 'm'\): powers"),
        (lambda: mg.jit(lambda *xs: xs, static_argnames="xs"), ValueError, "no argument 'xs'; it has: none"),
        (lambda: mg.jit(powers, static_argnames=1), TypeError, "a name or a sequence of names, not 1"),
        (lambda: mg.jit(powers, static_argnames=("n", 1)), TypeError, r"not \('n', 1\)"),
        (lambda: f(1.0, [2]), TypeError, "powers: argument n is static, .*hashable, a tuple say: .*'list'"),
        (lambda: f(1.0, n=np.ones(2)), TypeError, "argument n is static.*'numpy.ndarray'"),
        (lambda: f(1.0, n=({},)), TypeError, "argument n is static.*'dict'"),
        (
            lambda: f(1.0, 2, Way.ALL),
            TypeError,
            r"argument way must be .* let jit\(f, static_argnames='way'\) know",
        ),
        (lambda: f.jacobian(1.0, 2, argnums=1), ValueError, "argnums=1: argument n is static, 2, and has no deriv"),
        (lambda: f.hessian(1.0, 2, "all", argnums=(0, -1)), ValueError, "argument way is static, 'all'"),
        (lambda: f.jacobian(1.0, 2, argnums=2), ValueError, "argnums=2, expected numbers of arguments from 0 to 1"),
        (lambda: f.jvp((1.0, 2), (1.0, 2)), TypeError, "a tuple of 1, one for each argument that is not static"),
        (lambda: f.jvp((1.0, 2), (None,)), TypeError, "tangents: argument x must be .*not NoneType"),
        (lambda: f.backward([1.0], 2, weights="a"), TypeError, "weights must be"),
        (lambda: f("a"), TypeError, "missing a required argument: 'n'; given: x: str"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert mg.jit(lambda x, **more: x ** more["n"], static_argnames="n")(2.0, n=3) == 8.0
    assert mg.jit(Open(), static_argnames="n")(2.0, n=3) == 8.0


def test_a_program_tells_its_static_arguments():
    f = mg.jit(powers, static_argnames="n")
    assert f.program([1.0], 2, half=True).title == "powers(x: batch, n: 2, half: True)"
