"""Blocks of columns: kinds and dtypes are kept, nothing passed in is changed."""

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.preprocessing._columns import read_block, undefined, with_block


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64")],
)
def test_arrays(dtype, kept):
    X = np.arange(12, dtype=dtype).reshape(4, 3)
    block = read_block(X, [2, 0])
    assert block.dtype == kept
    np.testing.assert_array_equal(block, X[:, [2, 0]])
    table = with_block(X, [2, 0], -block)
    assert table.dtype == kept
    np.testing.assert_array_equal(table, X * [-1, 1, -1])
    assert X[0, 2] == 2


def test_frames():
    X = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None]}, index=[7, 8])
    X = X.astype({"b": "category", "c": "float32"})
    before = X.copy()
    table = with_block(X, [0, 2], read_block(X, [0, 2]) + 1.0)
    pd.testing.assert_frame_equal(X, before)
    assert table["a"].tolist() == [2.0, 3.0]
    assert table.dtypes.astype(str).tolist() == ["float64", "category", "float32"]
    assert list(table.index) == [7, 8]
    assert np.isnan(table["c"].iloc[1])


def test_nullable_and_duplicate_columns():
    X = pd.DataFrame({"a": pd.array([1.0, None], dtype="Float64"), "b": [1.0, 2.0]})
    X.columns = ["a", "a"]
    np.testing.assert_array_equal(read_block(X, [0, 1]), [[1.0, 1.0], [np.nan, 2.0]])
    table = with_block(X, [1], np.array([[5.0], [6.0]]))
    assert table.iloc[:, 1].tolist() == [5.0, 6.0]


def test_undefined():
    values = np.array([1.0, np.nan, -999.0])
    assert undefined(values, -999.0).tolist() == [False, True, True]
    assert undefined(values, np.nan).tolist() == [False, True, False]
