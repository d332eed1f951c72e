"""Blocks of columns: kinds and dtypes are kept, nothing passed in is changed.

Columns are declared by names and positions; an integer is a position, always.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)
from skhep_dnn.preprocessing._columns import (
    ColumnNames,
    read_block,
    read_defined,
    undefined,
    with_block,
)

PAIR = {
    "cylindrical": None,
    "cartesian": [(0, 1)],
    "reflections": "xy",
    "leading": 0,
}
POLAR = {"cylindrical": [(0, 1, 2)], "leading": 2, "missing_values": -1.0}


def size(table):
    return np.square(np.asarray(table)[:, :2]).sum(axis=1)


def components():
    """Two components and their squared sum."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:, 2] = size(X)
    return X


def momenta(n_objects=1):
    """Momenta of (pt, eta, phi); of three objects the last has no eta."""
    rng = np.random.default_rng(0)
    kinds = [rng.exponential, rng.normal, lambda size: rng.uniform(-3.0, 3.0, size)]
    columns = [make(size=50) for make in kinds * n_objects]
    if n_objects > 1:
        del columns[-2]
    return np.stack(columns, axis=1)


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


def test_defined_values_in_double_precision():
    X = np.array([[1.0, -999.0, np.nan], [2.0, 3.0, 4.0]], dtype=np.float32)
    block = read_defined(X, [2, 1], -999.0)
    assert block.dtype == np.float64
    np.testing.assert_array_equal(block, [[np.nan, np.nan], [4.0, 3.0]])
    assert X[0, 1] == -999.0


def test_names_of_the_columns_of_a_fit():
    X = components()
    model = SymmetryAugmenter(**PAIR)
    for names, labels in (("abc", ["a", "b", "c"]), ([2, 1, 0], ["0", "1", "2"])):
        model.fit(pd.DataFrame(X, columns=list(names)))
        columns = ColumnNames.of_fitted(model)
        assert [columns.label(i) for i in range(columns.n_columns)] == labels
    assert str(columns) == "3 columns without names"


@pytest.mark.parametrize(
    ("model", "X"),
    [
        (
            SymmetryAugmenter(**PAIR, odd_under={2: "xy"}),
            components(),
        ),
        (
            SymmetryAugmenter(**PAIR, invariants={2: size}),
            components(),
        ),
        (SymmetryAligner(**PAIR, odd_under={2: "xy"}), components()),
        (SymmetryAligner(**POLAR), momenta()),
        (CartesianMomenta(momenta=[(0, 1, 2)]), momenta()),
        (CartesianMomenta(momenta=[(0, None, 2)]), momenta()),
        (InvariantFeatures(cylindrical=[(0, 1, 2)]), momenta()),
        (InvariantFeatures(cartesian=[(0, 1)], cylindrical=None), components()),
        (
            InvariantFeatures(
                cylindrical=[(0, 1, 2), (3, 4, 5), (6, 7)], collinear=(1, 5)
            ),
            momenta(3),
        ),
    ],
)
def test_an_integer_is_a_position_where_columns_have_integer_names(model, X):
    # With three columns the names are 2, 1, 0.
    frame = pd.DataFrame(X, columns=list(reversed(range(X.shape[1]))))
    expected = clone(model).fit(X)
    found = clone(model).fit(frame)
    assert [m.columns for m in found.momenta_] == [m.columns for m in expected.momenta_]
    np.testing.assert_array_equal(found.transform(frame), expected.transform(X))


@pytest.mark.parametrize(
    "model",
    [
        SymmetryAugmenter(**{**PAIR, "leading": True}),
        SymmetryAligner(**{**PAIR, "leading": True}),
        SymmetryAligner(**PAIR, reference=False),
        SymmetryAugmenter(**PAIR, odd_under={True: "xy"}),
        SymmetryAugmenter(**PAIR, invariants={True: size}),
        InvariantFeatures(cartesian=[(0, True)]),
        InvariantFeatures(cartesian=[(0, 1)], cylindrical=None, collinear=(0, True)),
    ],
)
def test_a_bool_is_no_column(model):
    with pytest.raises(TypeError, match=r"names or positions, got (True|False)"):
        model.fit(components()).transform(components())
