"""Arguments of programs: what is a batch, a number, a row; what is refused."""

import math
import textwrap

import pytest
from programs import Weight, close
from support import run_python

import micrograd_c as mg
from micrograd_c import MLP, Value

np = pytest.importorskip("numpy")


def test_arguments_may_have_any_type_order_and_stride():
    f = mg.jit(lambda x: x[0] - 2 * x[1] + x[2] * x[2])
    base = np.arange(60).reshape(10, 6) % 11
    want = base[:, 0] - 2 * base[:, 2] + base[:, 4] ** 2
    for dtype in ("f8", "f4", "f2", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f8", ">i4"):
        close(f(base.astype(dtype)[:, ::2]), want)
    wide = base.astype(float)
    close(f(np.asfortranarray(wide[:, ::2])), want)
    close(f(wide[::-1, ::2])[::-1], want)
    close(f(np.repeat(wide, 2, axis=0)[::2, ::2]), want)
    close(f(wide[:, ::2].tolist()), want)
    close(f(tuple(map(tuple, wide[:, ::2]))), want)
    close(f(np.broadcast_to([1.0, 2.0, 3.0], (5, 3))), [6.0] * 5)
    readonly = wide[:, ::2].copy()
    readonly.flags.writeable = False
    close(f(readonly), want)


def test_one_value_for_a_batch_and_a_list_for_rows():
    seen = []

    def f(a, b, c):
        seen.append((type(a).__mro__[1], len(b), type(b), type(c).__mro__[1]))
        return a + b[0] + c

    got = mg.jit(f)([1, 2], [[1], [2]], 10)
    assert seen == [(Value, 1, list, Value)]
    close(got, [12, 14])


def test_keywords_and_defaults():
    f = mg.jit(lambda x, y=2.0, *, z=1.0: x * y + z)
    assert f(3.0) == 7.0
    assert f(3.0, y=4) == 13.0
    close(f(x=[1.0, 2.0], z=5.0), [7.0, 9.0])
    close(f.gradient(x=[1.0, 2.0], y=3.0)[0], [3.0, 3.0])
    assert f.gradient(x=[1.0, 2.0], y=3.0)[1] == 3.0


def test_structure_of_results_is_kept():
    f = mg.jit(lambda x: (x, [x * x, {"a": x + 1, "b": 5.0}]))
    assert f(3.0) == (3.0, [9.0, {"a": 4.0, "b": 5.0}])
    x, (square, rest) = f([1.0, 2.0])
    close(x, [1, 2])
    close(square, [1, 4])
    close(rest["a"], [2, 3])
    close(rest["b"], [5, 5])
    with pytest.raises(TypeError, match="one Value"):
        f.backward(3.0)
    with pytest.raises(TypeError, match="one Value"):
        f.gradient(3.0)


def test_value_and_gradient():
    f = mg.jit(lambda x: x[0] * x[1])
    value, gradient = f.value_and_gradient([[2.0, 3.0], [4.0, 5.0]])
    close(value, [6, 20])
    close(gradient, [[3, 2], [5, 4]])
    assert mg.jit(lambda x, y: x * y).value_and_gradient(2.0, 3.0) == (6.0, (3.0, 2.0))


@pytest.mark.parametrize(
    "args, error, words",
    [
        (([1.0, 2.0], [1.0]), ValueError, r"\(2,\).*\(1,\)"),
        (([[1.0, 2.0], [1.0]], 1.0), (ValueError, TypeError), "argument x"),
        ((np.zeros((2, 2, 2)), 1.0), ValueError, r"\(2, 2, 2\)"),
        ((b"abc", 1.0), TypeError, "bytes.*static_argnames='x'"),
        ((np.array([1j]), 1.0), TypeError, "complex"),
        ((np.array(["a"]), 1.0), TypeError, "real numbers"),
        ((Value(1.0), 1.0), TypeError, "data"),
        (([Value(1.0)], 1.0), TypeError, "data"),
        ((1.0,), TypeError, "missing"),
        ((1.0, 2.0, 3.0), TypeError, "too many positional"),
        ((np.zeros((4, 2)),), TypeError, r"missing.*'y'.*\(4, 2\)"),
    ],
)
def test_wrong_arguments_are_refused(args, error, words):
    p = Value(2.0)
    f = mg.jit(lambda x, y: p * x * y)
    for call in (f, f.backward, f.gradient):
        with pytest.raises(error, match=words):
            call(*args)
    assert p.grad == 0.0


def test_wrong_reductions_touch_no_gradient():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    x = np.ones(3)
    for weights in ([1.0, math.nan, 1.0], [1.0, math.inf, 1.0], [1.0, 2.0], [[1.0, 1.0, 1.0]], 1.0):
        with pytest.raises(ValueError, match="weights"):
            f.backward(x, weights=weights)
    with pytest.raises(ValueError, match="sum"):
        f.backward(x, weights=[1.0, -1.0, 0.0], reduce="mean")
    with pytest.raises(ValueError, match="reduce"):
        f.backward(x, reduce="max")
    with pytest.raises(ValueError, match="at least one sample"):
        f.backward(x[:0], reduce="mean")
    with pytest.raises(ValueError, match="batch"):
        f.backward(1.0, weights=[1.0])
    assert p.grad == 0.0
    assert f.backward(x[:0]) == 0.0
    assert p.grad == 0.0
    assert f(x[:0]).shape == (0,)
    assert f.gradient(x[:0]).shape == (0,)


def test_mean_with_weights_is_the_weighted_average():
    p = Value(2.0)
    f = mg.jit(lambda x: p * x)
    assert f.backward([1.0, 4.0], weights=[3.0, 1.0], reduce="mean") == pytest.approx(3.5)
    assert p.grad == pytest.approx(1.75)


def test_results_may_need_no_sample():
    p = Value(3.0)
    constant, square, same = mg.jit(lambda x: 5.0), mg.jit(lambda x: p * p), mg.jit(lambda x: x)
    close(constant([1, 2]), [5, 5])
    close(constant.gradient([1.0, 2.0]), [0, 0])
    assert constant.backward([1, 2]) == 10.0
    close(square([1, 2]), [9, 9])
    assert square.backward([1, 2, 3], weights=[1, 2, 3]) == 54.0
    assert p.grad == 36.0
    close(square.gradient([1.0, 2.0]), [0, 0])
    close(same([1, 2]), [1, 2])
    close(same.gradient([1, 2]), [1, 1])
    assert mg.jit(lambda x: mg.sum(x) + 1)(np.zeros((3, 0))).tolist() == [1, 1, 1]


def test_missing_and_unknown_keywords_are_refused():
    f = mg.jit(lambda x, *, y: x * y)
    for kwargs in ({}, {"z": 1.0}, {"y": 1.0, "z": 2.0}):
        with pytest.raises(TypeError, match="given"):
            f(1.0, **kwargs)
    assert f(2.0, y=3.0) == 6.0


NO_NUMBERS = {
    "Value": (lambda: Value(1.0), "data"),
    "masked": (lambda: np.ma.array([1.0, 2.0], mask=[0, 1]), "filled"),
    "unmasked": (lambda: np.ma.array([1.0, 2.0]), "filled"),
    "masked constant": (lambda: np.ma.masked, "filled"),
    "list with a masked constant": (lambda: [np.ma.masked, 1.0], "filled"),
    "list of masked arrays": (lambda: [np.ma.array([1.0], mask=[1])], "filled"),
    "second Value": (lambda: [1.0, Value(2.0)], "Value.*data"),
    "Value in a row": (lambda: [[1.0, 2.0], [1.0, Value(2.0)]], "Value.*data"),
    "tuple with a Weight": (lambda: (1.0, Weight(2.0)), "Weight.*data"),
    "objects with a Value": (lambda: np.array([1.0, Value(2.0)], dtype=object), "Value.*data"),
    "None in a list": (lambda: [1.0, None], "NoneType"),
    "None in a row": (lambda: [[1.0, None]], "NoneType"),
    "objects with None": (lambda: np.array([1.0, None]), "NoneType"),
    "texts": (lambda: ["1.5", "2"], "str"),
    "objects with a text": (lambda: np.array(["1.5", 2.0], dtype=object), "str"),
    "array of texts": (lambda: np.array(["1.5"]), "U"),
    "complex": (lambda: [1j], "complex"),
    "dates": (lambda: np.array(["2026-01-01"], dtype="M8[D]"), "datetime64"),
    "date": (lambda: np.datetime64(5, "ns"), "datetime64"),
    "span of time": (lambda: np.timedelta64(5, "ns"), "timedelta64"),
    "spans of time": (lambda: np.array([1], dtype="m8[s]"), "timedelta64"),
    "generator": (lambda: (x for x in [1.0]), "generator"),
    "set": (lambda: {1.0}, "set"),
    "dict": (lambda: {"a": 1.0}, "dict"),
    "records": (lambda: np.zeros(2, dtype=[("a", float)]), "'a'"),
    "object": (lambda: object(), "object"),
    "objects": (lambda: np.array([object()]), "object"),
}


@pytest.mark.parametrize("argument, words", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_arguments_that_hold_no_numbers_are_refused(argument, words):
    f = mg.jit(lambda x: x[0] * 2.0 if isinstance(x, list) else x * 2.0)
    for call in (f, f.gradient, f.backward):
        with pytest.raises(TypeError, match=f"argument x.*{words}"):
            call(argument())


def test_arrays_of_objects_that_are_numbers_are_taken():
    from decimal import Decimal
    from fractions import Fraction

    f = mg.jit(lambda x: x * 2.0)
    values = [1, 2.5, True, np.float32(0.5), Decimal("0.25"), Fraction(1, 8), np.int64(3)]
    assert f(np.array(values, dtype=object)).tolist() == [2, 5, 2, 1, 0.5, 0.25, 6]
    assert f([1, Fraction(1, 2)]).tolist() == [2.0, 1.0]


def test_one_sample_as_a_list_and_wrong_sizes_are_refused_in_a_trace():
    model = MLP(2, [4, 1])
    with pytest.raises(TypeError, match=r"2 numbers.*\[\[\.\.\.\]\], or call the model without jit"):
        mg.jit(model)([1.0, 2.0])
    for x in (np.ones((4, 3)), np.ones((4, 1))):
        with pytest.raises(ValueError, match="2 weights got"):
            mg.jit(model)(x)
        with pytest.raises(ValueError, match="2 weights got"):
            mg.jit(lambda x: model([1.0] * len(x)) * x[0])(x)
    close(mg.jit(model)([[1.0, 2.0]])[0], model([1.0, 2.0]).data)


def test_without_numpy_numbers_go_on_and_what_needs_arrays_says_what_to_install():
    code = """
        import sys
        sys.modules["numpy"] = None
        import micrograd_c as mg
        f = mg.jit(lambda x: x * 2)
        print(f(2.0), f.gradient(3.0), f.backward(1.0))
        for call in (
            lambda: f([1.0, 2.0]),
            lambda: f(b"text"),
            lambda: f.backward([1.0], weights=[1.0]),
            lambda: f.gradient(2.0, per_sample=True),
            *(lambda way=way: getattr(f, way)(2.0) for way in ("jacobian", "hessian")),
            *(lambda way=way: getattr(f, way)((2.0,), (1.0,)) for way in ("jvp", "vjp", "hvp")),
        ):
            try:
                print(call())
            except Exception as error:
                print(type(error).__name__, str(error).split(": ")[-1].split(";")[0])
    """
    done = run_python("-c", textwrap.dedent(code))
    tell = "ImportError pip install numpy, or micrograd-c[numpy]"
    wrong = "TypeError argument x must be a number or an array of real numbers, not bytes"
    assert done.stdout.splitlines() == ["4.0 2.0 2.0", tell, wrong, *6 * [tell], "0.0"]


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones(3) * 1j,
        np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]),
        [mg.Value(1.0)] * 3,
        [None] * 3,
        ["1"] * 3,
        "123",
        {1.0, 2.0, 3.0},
    ],
    ids=lambda x: type(x).__name__,
)
def test_weights_that_are_no_real_numbers_are_refused_as_arguments_are(wrong):
    p = mg.Value(2.0)
    with pytest.raises(TypeError, match="weights must be"):
        mg.jit(lambda x: p * x).backward([1.0, 2.0, 3.0], weights=wrong)
    assert p.grad == 0.0


def in_all_layouts(x):
    """Yield arrays of the same numbers, as numpy and others hand them over."""
    misaligned = np.ndarray(x.shape, x.dtype, bytearray(x.nbytes + 1), 1)
    misaligned[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    yield from (misaligned, read_only, np.frombuffer(x.tobytes()), np.repeat(x, 2)[::2], x[::-1].copy()[::-1])
    yield from (x.astype(t) for t in ("f4", ">f8", "f2", "g", "u1", ">i4", object))


@pytest.mark.parametrize("numbers", [[1, 2, 3], (1.0, 2.0, 3.0), range(1, 4), *in_all_layouts(np.arange(1.0, 4))])
def test_weights_batches_and_directions_may_have_any_layout(numbers):
    f, p = mg.jit(lambda x: p * x), mg.Value(1.0)
    assert f.backward([1.0, 2.0, 3.0], weights=numbers) == p.grad == 14.0
    assert f.backward(numbers, weights=numbers, reduce="mean") == pytest.approx(14.0 / 6.0)
    assert f.jvp((numbers,), (numbers,))[1].tolist() == f.vjp((numbers,), numbers)[0].tolist() == [1.0, 2.0, 3.0]


def test_more_batches_than_a_call_takes_are_told_how_to_be_one():
    f = mg.jit(lambda *xs: mg.sum(xs))
    batches = (np.ones(3),) * 128
    close(f(*batches), [128.0] * 3)
    told = "more than 128 batches; put them side by side in one array"
    with pytest.raises(ValueError, match=told):
        f(*batches, np.ones(3))
    with pytest.raises(ValueError, match=told):
        f.jvp(batches[:65], batches[:65])


def test_batches_of_unequal_length_are_told_with_the_shapes_of_all():
    f = mg.jit(lambda x, y, z, k: x)
    with pytest.raises(ValueError, match=r"shapes are x: \(2,\), y: \(3,\), z: ragged, k: a number"):
        f([1.0, 2.0], [1.0, 2.0, 3.0], [[1.0], [2.0, 3.0]], 1.0)
