"""Programs on columns of pandas and polars."""

import pytest

import micrograd_c as mg

np = pytest.importorskip("numpy")


@mg.jit
def f(x):
    return x * x + 1


def test_a_keyword_that_a_function_has_not_is_told_in_the_words_of_python():
    """polars calls with return_dtype, and without it where that is what is said."""
    for what in (object(), "text", None, 2.0, [1.0, 2.0], mg.Value(1.0), int):
        with pytest.raises(TypeError, match="got an unexpected keyword argument 'return_dtype'"):
            f([1.0, 2.0], return_dtype=what)


COLUMNS = {
    "numbers": lambda pd: pd.Series([1.0, 2.0, 3.0]),
    "object": lambda pd: pd.Series([1.0, 2, True], dtype=object),
    "category": lambda pd: pd.Series([3.0, 2.0, 3.0]).astype("category"),
    "Int64": lambda pd: pd.Series([1, None, 3], dtype="Int64"),
    "boolean": lambda pd: pd.Series([True, False], dtype="boolean"),
    "index": lambda pd: pd.Index([4, 5]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_pandas_are_batches(name):
    column = COLUMNS[name](pytest.importorskip("pandas"))
    numbers = np.array(column, dtype=float) if name != "Int64" else np.array([1.0, np.nan, 3.0])
    assert f(column) == pytest.approx(numbers**2 + 1, nan_ok=True)


WRONG = {
    "text": (lambda pd: pd.Series(["a", "b"]), "str"),
    "object": (lambda pd: pd.Series([1.0, "b"], dtype=object), "str"),
    "none": (lambda pd: pd.Series([1.0, None], dtype=object), "NoneType"),
    "category": (lambda pd: pd.Series(["a", "b"]).astype("category"), "str"),
    "dates": (lambda pd: pd.Series(pd.date_range("2020", periods=2)), "datetime64"),
}


@pytest.mark.parametrize("name", WRONG)
def test_columns_of_pandas_that_are_no_numbers_are_refused_by_the_name_of_the_argument(name):
    column, found = WRONG[name]
    with pytest.raises(TypeError, match=f"f: argument x must be a number or an array of real numbers, not {found}"):
        f(column(pytest.importorskip("pandas")))


def test_frames_are_batches_of_rows():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    assert mg.jit(lambda x: x[0] * x[1])(frame).tolist() == [3.0, 8.0]
    assert frame["b"].map(f).tolist() == [10.0, 17.0]


def test_polars_maps_batches():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1, 1, 2]})
    mapped = frame.select(
        f=pl.col("x").map_batches(f, return_dtype=pl.Float64),
        product=pl.map_batches(["x", "y"], lambda s: mg.jit(lambda x, y: x * y)(*s), return_dtype=pl.Float64),
        each=pl.col("x").map_elements(f, return_dtype=pl.Float64),
    )
    assert mapped["f"].to_list() == mapped["each"].to_list() == [2.0, 5.0, 10.0]
    assert mapped["product"].to_list() == [1.0, 2.0, 6.0]
    with pytest.raises(TypeError, match="argument x must be a number"):
        f(pl.Series(["a"]))
