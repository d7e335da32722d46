"""Values beside numpy's scalars and arrays."""

import operator

import pytest
from support import nothing_left_behind

from micrograd_c import Value

np = pytest.importorskip("numpy")

SCALARS = [np.int64(2), np.int8(2), np.uint16(2), np.float64(2), np.float32(2), np.float16(2), np.longdouble(2)]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("scalar", [*SCALARS, np.bool_(True)], ids=lambda x: type(x).__name__)
def test_numpy_scalars_are_numbers(scalar):
    v = Value(scalar)
    assert type(v.data) is float and v.data == float(scalar)
    v.data = v.grad = scalar
    assert type(v.data) is float and v.grad == float(scalar)


@pytest.mark.parametrize("array", [np.array(2.5), np.array([2.5]), np.array([[2.5]]), np.array([3])], ids=repr)
def test_arrays_of_one_element_are_numbers(array):
    v = Value(array)
    assert type(v.data) is float and v.data == array.item()
    v.grad = array
    assert v.grad == array.item()


@pytest.mark.parametrize("array", [np.array([1.0, 2.0]), np.zeros((0,)), np.eye(2), np.array(["1", "2"])], ids=repr)
def test_other_arrays_are_type_errors_that_name_the_type_and_a_remedy(array):
    with nothing_left_behind(), pytest.raises(TypeError, match=r"not ndarray: make one Value of each element"):
        Value(array)


def test_complex_and_text_scalars_are_type_errors():
    for scalar in (
        np.complex128(1),
        np.clongdouble(1),
        np.str_("1"),
        np.array([1j]),
        np.array("1"),
        np.array(["1"]),
    ):
        with pytest.raises(TypeError, match="must be a number"):
            Value(scalar)


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
def test_numpy_scalars_stand_on_either_side(op, scalar):
    v = Value(3.0)
    right, left = op(v, scalar), op(scalar, v)
    assert type(right) is Value and type(left) is Value
    assert right.data == pytest.approx(op(3.0, 2.0)) and left.data == pytest.approx(op(2.0, 3.0))
    left.backward()
    assert v.grad != 0.0


def test_the_published_demo_multiplies_an_int64_by_a_value():
    v = Value(3.0)
    out = (1 + -np.int64(1) * v).relu()
    assert type(out) is Value and out.data == 0.0
    assert (np.float64(2) ** v).data == 8.0


def test_zero_dimensional_arrays_are_operands_like_scalars():
    v, x = Value(3.0), np.array(2.0)
    for out, data in [(v * x, 6.0), (x * v, 6.0), (x - v, -1.0), (v**x, 9.0)]:
        out = out.item() if isinstance(out, np.ndarray) else out
        assert type(out) is Value and out.data == data


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 2)], ids=str)
def test_float_arrays_beside_a_value_are_taken_elementwise(op, shape):
    v = Value(2.0)
    xs = np.arange(2.0, 2.0 + np.prod(shape)).reshape(shape)
    for out, expected in [(op(v, xs), op(2.0, xs)), (op(xs, v), op(xs, 2.0))]:
        assert isinstance(out, np.ndarray) and out.dtype == object and out.shape == shape
        for node, number in zip(out.flat, expected.flat):
            assert type(node) is Value and node.data == pytest.approx(number)
    op(xs, v).sum().backward()
    assert v.grad != 0.0


def test_object_arrays_of_values_compute_as_arrays_do():
    vs = np.array([Value(1.0), Value(2.0), Value(3.0)])
    assert vs.dtype == object and all(type(v) is Value for v in vs)
    loss = (vs * vs).sum()
    loss.backward()
    assert loss.data == 14.0 and [v.grad for v in vs] == [2.0, 4.0, 6.0]
    assert (vs + 1)[0].data == 2.0 and (2 * vs)[2].data == 6.0 and (-vs)[1].data == -2.0
    assert (vs / 2)[1].data == 1.0 and (vs**2)[2].data == 9.0
    assert vs.mean().data == 2.0


def test_an_object_array_beside_a_value_is_taken_elementwise():
    v = Value(2.0)
    vs = np.array([Value(1.0), Value(2.0)])
    for out in (vs * v, v * vs):
        assert [x.data for x in out] == [2.0, 4.0]
        assert all(v in x._prev for x in out)


def test_dot_and_matmul_of_object_arrays():
    vs = np.array([Value(1.0), Value(2.0), Value(3.0)])
    xs = np.array([4.0, 5.0, 6.0])
    for out in (np.dot(vs, xs), vs @ xs, np.dot(xs, vs), vs.dot(vs)):
        assert type(out) is Value
    np.dot(vs, xs).backward()
    assert [v.grad for v in vs] == [4.0, 5.0, 6.0]
    matrix = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    assert [v.data for v in matrix @ np.array([1.0, 1.0])] == [3.0, 7.0]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sin", "cos"])
def test_ufuncs_call_the_method_of_each_element(name):
    vs = np.array([Value(0.5), Value(2.0)])
    out = getattr(np, name)(vs)
    assert [v._op for v in out] == [name, name]
    assert [v.data for v in out] == pytest.approx(list(getattr(np, name)(np.array([0.5, 2.0]))))


def test_comparisons_with_numpy_scalars_and_sorting_of_arrays():
    v = Value(2.0)
    assert v > np.float64(1.0) and np.float64(1.0) < v and not (np.int64(3) <= v)
    vs = np.array([Value(3.0), Value(1.0), Value(2.0)])
    assert [x.data for x in np.sort(vs)] == [1.0, 2.0, 3.0]
    assert np.argmax(vs) == 0 and np.max(vs).data == 3.0


def test_an_array_of_floats_is_made_of_values_by_their_data():
    with pytest.warns(UserWarning, match="turned into a float"):
        assert np.array([Value(1.5), Value(2.0)]).astype(float).tolist() == [1.5, 2.0]
