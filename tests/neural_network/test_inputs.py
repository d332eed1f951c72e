"""Columns and categories: what goes in, what is refused, and weighted statistics."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._engine.scaling import weighted_statistics
from skhep_dnn.neural_network._preparation.columns import ColumnEncoder

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

FRAME = pd.DataFrame(
    {
        "pt": [10.0, 20.0, 30.0, 40.0],
        "channel": ["mu", "e", "mu", "tau"],
        "eta": [0.1, -0.2, np.nan, 0.4],
        "n_jets": [2, 0, 3, 2],
    }
)


def encode(X, features, missing_values=np.nan, names=None):
    if names is None and hasattr(X, "columns"):
        names = list(X.columns)
    encoder = ColumnEncoder(features, missing_values).fit(X, names)
    return encoder, encoder.transform(X)


def test_numbers_come_first_and_codes_in_sorted_order_last():
    encoder, columns = encode(FRAME, ["n_jets", "channel"])
    assert columns.dtype == np.float32
    assert columns.flags.c_contiguous
    expected = np.array(
        [[10, 0.1, 1, 1], [20, -0.2, 0, 0], [30, np.nan, 1, 2], [40, 0.4, 2, 1]],
        dtype=np.float32,
    )
    np.testing.assert_array_equal(columns, expected)
    assert encoder.n_categories == [3, 3]
    assert encoder.categories_[0].tolist() == ["e", "mu", "tau"]


@pytest.mark.parametrize(
    "features",
    [["channel", "n_jets"], [1, 3], [3, 1, 3], [False, True, False, True]],
)
def test_columns_of_categories_by_name_position_or_mask_are_the_same(features):
    _, expected = encode(FRAME, ["channel", "n_jets"])
    np.testing.assert_array_equal(encode(FRAME, features)[1], expected)
    np.testing.assert_array_equal(encode(FRAME, np.array(features))[1], expected)


def test_an_array_of_objects_gives_the_columns_of_the_frame():
    expected = encode(FRAME, [1, 3])[1]
    np.testing.assert_array_equal(encode(FRAME.to_numpy(), [1, 3])[1], expected)


@pytest.mark.parametrize("features", [None, []])
def test_without_categories_all_columns_are_numbers(features):
    numbers = FRAME[["pt", "eta"]]
    encoder, columns = encode(numbers, features)
    np.testing.assert_array_equal(columns, numbers.to_numpy(dtype=np.float32))
    assert encoder.n_categories == []


def test_all_columns_may_be_categories():
    _, columns = encode(FRAME[["channel"]], [0])
    assert columns.tolist() == [[1.0], [0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([3, 1, 3, 2]),
        pd.Series([3.5, -1.0, 3.5, 2.0]),
        pd.Series([3, 1, 3, 2], dtype="Int64"),
        pd.Series(["c", "a", "c", "b"]),
        pd.Series(["c", "a", "c", "b"], dtype="string"),
        pd.Series(["c", "a", "c", "b"], dtype="category"),
        pd.Series(["c", "a", "c", "b"], dtype=object),
    ],
)
def test_categories_of_any_type_get_codes_in_sorted_order(column):
    assert encode(column.to_frame("k"), ["k"])[1].tolist() == [[2], [0], [2], [1]]


@pytest.mark.parametrize(
    ("column", "missing_values"),
    [
        (pd.Series(["b", None, "a"]), np.nan),
        (pd.Series(["b", np.nan, "a"], dtype=object), np.nan),
        (pd.Series(["b", pd.NA, "a"], dtype="string"), np.nan),
        (pd.Series(["b", None, "a"], dtype="category"), -999.0),
        (pd.Series([2.0, np.nan, 1.0]), np.nan),
        (pd.Series([2, pd.NA, 1], dtype="Int64"), -999.0),
        (pd.Series([2, -999, 1]), -999.0),
    ],
)
def test_a_missing_category_is_the_last_one(column, missing_values):
    encoder, columns = encode(column.to_frame("k"), ["k"], missing_values)
    assert columns.tolist() == [[1.0], [2.0], [0.0]]
    assert encoder.n_categories == [3]


def test_the_same_categories_of_another_type_get_the_same_codes():
    encoder, codes = encode(FRAME[["channel"]].astype("category"), ["channel"])
    np.testing.assert_array_equal(encoder.transform(FRAME[["channel"]]), codes)
    subset = FRAME[["channel"]].astype("category").iloc[:1]
    assert encoder.transform(subset).tolist() == [[1.0]]
    encoder, codes = encode(FRAME[["n_jets"]], ["n_jets"])
    as_floats = FRAME[["n_jets"]].astype(float)
    np.testing.assert_array_equal(encoder.transform(as_floats), codes)


@pytest.mark.parametrize(
    ("features", "changed", "message"),
    [
        (["channel"], {"channel": "nu"}, r"column 'channel' .*'tau'\], got \['nu'\]"),
        (["n_jets"], {"n_jets": 7}, r"column 'n_jets' .*\[0, 2, 3\], got \[7\]"),
        (["channel"], {"channel": None}, r"column 'channel' .* got \[(nan|None)\]"),
    ],
)
def test_an_unknown_category_is_an_error_with_column_and_value(
    features, changed, message
):
    frame = FRAME[["pt", *features]]
    encoder, _ = encode(frame, features)
    with pytest.raises(ValueError, match=message):
        encoder.transform(frame.assign(**changed))


def test_an_unknown_category_of_an_array_is_named_by_position():
    X = np.array([[0.5, 1.0], [0.1, 2.0]])
    encoder, _ = encode(X, [1])
    with pytest.raises(ValueError, match=r"Categories of column 1 .* got \[3.0\]"):
        encoder.transform(np.array([[0.0, 3.0]]))


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_unknown_categories_get_the_code_after_the_known_ones(dtype):
    encoder = ColumnEncoder(["n_jets", "channel"], np.nan, handle_unknown="mean")
    columns = encoder.fit(FRAME, list(FRAME.columns)).transform(FRAME)
    np.testing.assert_array_equal(columns, encode(FRAME, ["n_jets", "channel"])[1])
    other = FRAME.assign(channel=["nu", "mu", None, "e"], n_jets=[7, 3, 2, np.nan])
    codes = encoder.transform(other.astype({"channel": dtype}))[:, 2:]
    assert encoder.n_categories == [3, 3]
    assert codes.tolist() == [[3, 3], [1, 2], [3, 1], [0, 3]]


@pytest.mark.parametrize("marker", [np.nan, -999.0])
def test_a_missing_category_that_was_seen_is_known(marker):
    X = np.array([[1.0], [marker], [2.0]])
    encoder = ColumnEncoder([0], marker, handle_unknown="mean").fit(X, None)
    assert encoder.n_categories == [3]
    other = np.array([[np.nan], [marker], [3.0], [2.0]])
    assert encoder.transform(other).ravel().tolist() == [2.0, 2.0, 3.0, 1.0]


@pytest.mark.parametrize("handle_unknown", ["error", "mean"])
def test_equal_categories_are_the_same_in_arrays_of_any_dtype(handle_unknown):
    encoder = ColumnEncoder([0], np.nan, handle_unknown)
    codes = np.array([[1.0], [0.0], [1.0]])
    kinds = [bool, np.int8, np.uint64, np.float32, float, object]
    arrays = [np.array([[True], [False], [True]]).astype(kind) for kind in kinds]
    arrays.append(np.array([[True], [False], [True]], dtype=object))
    for fitted in arrays:
        encoder.fit(fitted, None)
        for X in arrays:
            np.testing.assert_array_equal(encoder.transform(X), codes)


@pytest.fixture
def memmap(tmp_path):
    """A read-only file of float32 in C order, with undefined values."""
    path = tmp_path / "events.npy"
    X = np.random.default_rng(2).normal(size=(500, 4)).astype(np.float32)
    X[::9, 1] = -999.0
    np.save(path, X)
    return np.load(path, mmap_mode="r")


class Names(BaseEstimator):
    """Stands for an estimator, which remembers the number of columns."""


@pytest.mark.parametrize("missing_values", [np.nan, -999.0])
def test_a_memory_mapped_array_is_not_copied(memmap, missing_values):
    X = check_table(Names(), memmap, reset=True)
    columns = ColumnEncoder(None, missing_values).fit(X, None).transform(X)
    assert np.shares_memory(columns, memmap)
    assert (columns.shape, columns.dtype) == (memmap.shape, np.float32)


@pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.UndeclaredMissingValueWarning"
)
@pytest.mark.parametrize("missing_values", [np.nan, -999.0])
def test_a_model_is_fitted_to_a_memory_mapped_array(make_model, memmap, missing_values):
    y = np.where(memmap[:, 0] > 0.0, "s", "b")
    model = make_model(missing_values=missing_values).fit(memmap, y)
    in_memory = make_model(missing_values=missing_values).fit(memmap.copy(), y)
    np.testing.assert_array_equal(
        model.decision_function(memmap), in_memory.decision_function(memmap.copy())
    )


def test_what_is_copied_is_what_the_docstring_says(memmap):
    encoder = ColumnEncoder(None, np.nan).fit(memmap, None)
    one_block = pd.DataFrame(memmap, copy=False)
    assert np.shares_memory(encoder.transform(one_block), memmap)
    for X in (memmap.astype(float), np.asfortranarray(memmap)):
        columns = encoder.transform(X)
        assert not np.shares_memory(columns, X)
        np.testing.assert_array_equal(columns, memmap)
    categories = ColumnEncoder([0], np.nan).fit(memmap, None)
    assert not np.shares_memory(categories.transform(memmap), memmap)


@pytest.mark.parametrize(
    ("features", "names", "message"),
    [
        ([True, False], "abcd", r"one entry for each of the 4 columns, got 2"),
        ([4], "abcd", r"got 4\. .* the positions 0 to 3"),
        ([-1], "abcd", r"got -1\. .* the positions 0 to 3"),
        (["charge"], "abcd", r"got 'charge'\. The columns have the names \['a'"),
        (["a"], None, r"got 'a'\. The columns have no names"),
    ],
)
def test_categorical_features_that_do_not_fit_are_an_error(features, names, message):
    encoder = ColumnEncoder(features, np.nan)
    with pytest.raises(ValueError, match=message):
        encoder.fit(np.zeros((3, 4)), None if names is None else list(names))


def test_categories_of_mixed_types_are_an_error():
    mixed = pd.DataFrame({"k": pd.Series(["a", 1, "b"], dtype=object)})
    with pytest.raises(TypeError, match="'k' must be of one kind that can be sorted"):
        encode(mixed, ["k"])


@pytest.mark.parametrize("marker", [np.nan, -999.9])
def test_weighted_statistics_are_those_of_the_defined_values(marker):
    rng = np.random.default_rng(3)
    X = rng.normal(5.0, 2.0, size=(200, 3)).astype(np.float32)
    undefined = rng.random((200, 3)) < 0.3
    X[undefined] = marker
    X[undefined & (rng.random((200, 3)) < 0.5)] = np.nan
    index, weights = rng.permutation(200)[:150], rng.exponential(size=150)
    mean, scale = weighted_statistics(X, index, weights, marker)
    for j in range(3):
        defined = ~undefined[index, j]
        x, w = X[index, j][defined].astype(np.float64), weights[defined]
        average = np.average(x, weights=w)
        assert mean[j] == pytest.approx(average)
        spread = np.sqrt(np.average((x - average) ** 2, weights=w))
        assert scale[j] == pytest.approx(spread)


def test_weighted_statistics_of_many_events_are_summed_in_blocks():
    rng = np.random.default_rng(4)
    X = rng.normal(1e4, 1.0, size=(70_000, 1)).astype(np.float32)
    index, weights = np.arange(70_000), rng.exponential(size=70_000)
    mean, scale = weighted_statistics(X, index, weights, np.nan)
    average = np.average(X[:, 0].astype(float), weights=weights)
    spread = np.sqrt(np.average((X[:, 0] - average) ** 2, weights=weights))
    assert (mean[0], scale[0]) == (pytest.approx(average), pytest.approx(spread))


def test_weighted_statistics_need_little_memory():
    X = np.ones((50_000, 30), dtype=np.float32)
    index, weights = np.arange(50_000), np.ones(50_000)
    tracemalloc.start()
    weighted_statistics(X, index, weights, np.nan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_constant_and_undefined_columns_are_scaled_by_one():
    X = np.array([[7.7, 0.0, np.nan, 1e-3], [7.7, 0.0, np.nan, 2e-3]], dtype=np.float32)
    mean, scale = weighted_statistics(X, np.arange(2), np.array([0.3, 0.1]), np.nan)
    np.testing.assert_allclose(mean, [7.7, 0.0, 0.0, 1.25e-3], rtol=1e-6)
    assert scale[:3].tolist() == [1.0, 1.0, 1.0]
    assert scale[3] == pytest.approx(np.sqrt(0.1875) * 1e-3)
