"""Tables of numpy, pandas, Arrow and polars hold the same; others are refused."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import (
    check_estimator_sparse_array,
    check_estimator_sparse_matrix,
    check_estimator_sparse_tag,
)

from skhep_dnn._tables import check_table, is_category
from skhep_dnn.neural_network._preparation.columns import ColumnEncoder

# Samples are small here, of which the classifier rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

NAMES = ["pt", "channel", "n_jets", "is_tight", "charge"]
CATEGORIES = ["channel", "charge", "is_tight"]
DICTIONARY = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))


def numpy_columns(*, missing):
    """Columns of objects and numbers for 150 events, with None for missing ones."""
    rng = np.random.default_rng(5)
    columns = {
        "pt": rng.exponential(50.0, size=150),
        "channel": np.array(["mu", "e", "tau"] * 50, dtype=object),
        "n_jets": rng.integers(0, 2**25, size=150),
        "is_tight": rng.random(150) < 0.5,
        "charge": rng.choice([-1, 1, 2], size=150),
    }
    if missing:
        for k, name in enumerate(NAMES):
            columns[name] = np.where(np.arange(150) % 7 == k, None, columns[name])
    return columns


def array(columns):
    return np.column_stack([columns[name].astype(object) for name in NAMES])


def pandas_frame(columns):
    kinds = {"channel": object, "is_tight": object}
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=kinds.get(name, float))
            for name, values in columns.items()
        }
    )


def nullable_frame(columns):
    frame = pandas_frame(columns).convert_dtypes()
    assert [str(dtype) for dtype in frame.dtypes[2:]] == ["Int64", "boolean", "Int64"]
    return frame


def arrow_frame(columns):
    frame = pandas_frame(columns).convert_dtypes(dtype_backend="pyarrow")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)
    return frame


def arrow_dictionaries(columns):
    return arrow_frame(columns).astype({"channel": DICTIONARY})


def pandas_categories(columns):
    return nullable_frame(columns).astype(dict.fromkeys(CATEGORIES, "category"))


def polars_frame(columns):
    return pl.DataFrame({name: v.tolist() for name, v in columns.items()})


def polars_categories(columns):
    charges = pl.Enum(["2", "-1", "1"])
    return polars_frame(columns).with_columns(
        pl.col("channel").cast(pl.Categorical),
        pl.col("charge").cast(pl.String).cast(charges),
    )


def pyarrow_table(columns):
    return pa.table({name: pa.array(v.tolist()) for name, v in columns.items()})


def pyarrow_dictionaries(columns):
    table = pyarrow_table(columns)
    channels = table["channel"].dictionary_encode()
    return table.set_column(1, "channel", channels)


KINDS = [
    pandas_frame,
    nullable_frame,
    arrow_frame,
    arrow_dictionaries,
    pandas_categories,
    polars_frame,
    pyarrow_table,
    pyarrow_dictionaries,
]


class Names(BaseEstimator):
    """Stands for an estimator, which remembers the names of columns."""


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(6)
    return np.where(rng.random(150) < 0.4, "s", "b"), rng.uniform(0.5, 1.5, size=150)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_events_give_the_same_bits_in_any_table(
    make_model, labels, kind, missing
):
    columns = numpy_columns(missing=missing)
    X = kind(columns)
    positions = [NAMES.index(name) for name in CATEGORIES]
    expected = make_model(categorical_features=positions).fit(array(columns), *labels)
    for given in (CATEGORIES, positions, np.isin(NAMES, CATEGORIES)):
        model = make_model(categorical_features=given).fit(X, *labels)
        np.testing.assert_array_equal(
            model.decision_function(X), expected.decision_function(array(columns))
        )
        assert model.feature_names_in_.tolist() == NAMES


@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_predicts_from_any_table_with_the_names_of_the_fit(kind, other):
    columns = numpy_columns(missing=True)
    names = Names()
    X, same = (
        check_table(names, make(columns), reset=make is kind) for make in (kind, other)
    )
    encoder = ColumnEncoder(CATEGORIES, np.nan).fit(X, NAMES)
    np.testing.assert_array_equal(encoder.transform(same), encoder.transform(X))
    few = encoder.transform(same[:9])
    np.testing.assert_array_equal(few, encoder.transform(X)[:9])


def test_a_category_in_a_table_of_polars_predicts_as_in_the_fit(make_model, labels):
    """Strings of an Enum are no numbers: the columns are those of another kind."""
    columns = numpy_columns(missing=True)
    X = polars_categories(columns)
    model = make_model(categorical_features=CATEGORIES).fit(X, *labels)
    as_strings = X.with_columns(pl.col("channel", "charge").cast(pl.String))
    np.testing.assert_array_equal(
        model.decision_function(as_strings), model.decision_function(X)
    )
    assert model.encoder_.categories_[2].tolist() == ["-1", "1", "2"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (array, []),
        (pandas_frame, []),
        (arrow_frame, []),
        (polars_frame, []),
        (pandas_categories, ["channel", "is_tight", "charge"]),
        (arrow_dictionaries, ["channel"]),
        (pyarrow_table, []),
        (pyarrow_dictionaries, ["channel"]),
        (polars_categories, ["channel", "charge"]),
    ],
)
def test_the_dtype_of_a_column_tells_whether_it_holds_categories(kind, expected):
    table = check_table(Names(), kind(numpy_columns(missing=True)), reset=True)
    encoder = ColumnEncoder("from_dtype", np.nan).fit(table, NAMES)
    assert [NAMES[i] for i in encoder.categorical_] == expected


def test_categories_by_dtype_are_those_by_name(make_model, labels):
    X = polars_categories(numpy_columns(missing=True)).drop("is_tight")
    by_dtype = make_model(categorical_features="from_dtype").fit(X, *labels)
    by_name = make_model(categorical_features=["channel", "charge"]).fit(X, *labels)
    np.testing.assert_array_equal(
        by_dtype.decision_function(X), by_name.decision_function(X)
    )


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pd.CategoricalDtype(), True),
        (DICTIONARY, True),
        (pd.ArrowDtype(pa.string()), False),
        (pd.StringDtype(), False),
        (np.dtype(object), False),
        (np.dtype(float), False),
    ],
)
def test_dtypes_of_categories(dtype, expected):
    assert is_category(dtype) is expected


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.5, None, 3.0]),
        pd.Series([1.5, pd.NA, 3.0], dtype="Float64"),
        pd.Series([1.5, pd.NA, 3.0], dtype="Float32"),
        pd.Series([1.5, None, 3.0], dtype="float[pyarrow]"),
        pd.Series([1.5, None, 3.0], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        pd.Series([1.5, None, 3.0], dtype=object),
        pd.Series([1.5, pd.NA, 3.0], dtype=object),
        pd.Series([1.5, None, 3.0], dtype="category"),
        pd.Series(["1.5", None, "3"], dtype="string"),
        pl.Series([1.5, None, 3.0]),
        pl.Series([1.5, None, 3.0], dtype=pl.Float32),
        pl.Series([1.5, None, 3.0], dtype=pl.Decimal(5, 2)),
    ],
)
def test_a_column_of_numbers_of_any_dtype_is_one_of_float32(column):
    frame = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    X = check_table(Names(), frame({"pt": column, "eta": [0.1, 0.2, 0.3]}), reset=True)
    numbers = ColumnEncoder(None, np.nan).fit(X, ["pt", "eta"]).transform(X)
    expected = np.array([[1.5, 0.1], [np.nan, 0.2], [3.0, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(numbers, expected, strict=True)
    assert numbers.flags.c_contiguous


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_a_marker_of_missing_values_works_in_nullable_columns(backend):
    frame = pd.DataFrame(
        {"pt": [1.0, -999.0], "jets": [-999, 2], "channel": ["e", "m"]}
    )
    frame = frame.convert_dtypes(dtype_backend=backend)
    encoder = ColumnEncoder(["jets", "channel"], -999.0).fit(frame, list(frame.columns))
    np.testing.assert_array_equal(
        encoder.transform(frame), np.float32([[1.0, 1, 0], [-999.0, 0, 1]])
    )
    assert encoder.has_missing_ == [True, False]


def test_labels_and_weights_of_polars_are_taken(make_model, labels):
    y, w = labels
    X = polars_frame(numpy_columns(missing=False)).select("pt", "n_jets")
    options = {"cv": 3, "validate_on_fold": True, "n_members": 2}
    expected = make_model(**options).fit(X, y, w)
    series = make_model(**options).fit(X, pl.Series(y.tolist()), pl.Series(w))
    np.testing.assert_array_equal(
        series.decision_function(X), expected.decision_function(X)
    )


def test_events_of_weight_zero_are_absent_from_a_table_of_polars(make_model, labels):
    y, w = labels
    X = polars_frame(numpy_columns(missing=True))
    rows = np.arange(150) % 4 > 0
    model = make_model(categorical_features=CATEGORIES)
    expected = model.fit(X.filter(rows), y[rows], w[rows]).decision_function(X)
    got = model.fit(X, y, w * rows).decision_function(X)
    np.testing.assert_array_equal(got, expected)


def test_columns_of_polars_without_nulls_are_not_copied():
    X = pl.DataFrame({"pt": np.arange(3.0), "eta": np.arange(3.0)})
    table = check_table(Names(), X, reset=True)
    assert np.shares_memory(table["pt"].to_numpy(), X["pt"].to_numpy())


@pytest.mark.parametrize("kind", [pandas_frame, polars_frame])
def test_columns_of_other_names_or_in_another_order_are_an_error(kind):
    columns = numpy_columns(missing=False)
    names = Names()
    check_table(names, kind(columns), reset=True)
    with pytest.raises(ValueError, match="feature names should match"):
        check_table(names, kind(columns)[NAMES[::-1]], reset=False)
    with pytest.raises(ValueError, match="feature names should match"):
        check_table(names, kind(columns)[NAMES[1:]], reset=False)


def test_importing_the_package_does_not_import_polars():
    code = "import skhep_dnn, sys; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_lazy_frame_is_an_error(make_model, labels):
    X = polars_frame(numpy_columns(missing=False))
    message = r"`X` must be a table of values, got a polars LazyFrame.*`\.collect\(\)`"
    with pytest.raises(TypeError, match=message):
        make_model().fit(X.lazy(), *labels)
    model = make_model().fit(X.select("pt", "n_jets"), *labels)
    with pytest.raises(TypeError, match=message):
        model.predict(X.lazy())


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array, sp.coo_array])
def test_a_sparse_array_is_an_error(make_model, events, make):
    X, y, w = events
    message = rf"`X` must be dense, got a sparse {make.__name__}\. .*`\.toarray\(\)`"
    with pytest.raises(TypeError, match=message):
        make_model().fit(make(X), y, w)
    with pytest.raises(TypeError, match=message):
        make_model().fit(X, y, w).predict(make(X))


def test_sparse_columns_are_an_error(make_model, events):
    X, y, w = events
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    sparse = frame.astype({"b": pd.SparseDtype("float32", 0.0)})
    message = r"`X` must be dense, got the sparse columns \['b'\].*`\.sparse\.to_dense"
    with pytest.raises(TypeError, match=message):
        make_model().fit(sparse, y, w)
    model = make_model().fit(frame, y, w)
    with pytest.raises(TypeError, match=message):
        model.predict(sparse)
    dense = sparse.assign(b=sparse["b"].sparse.to_dense())
    np.testing.assert_array_equal(model.predict(dense), model.predict(frame))


@pytest.mark.parametrize(
    "check",
    [
        check_estimator_sparse_array,
        check_estimator_sparse_matrix,
        check_estimator_sparse_tag,
    ],
)
def test_scikit_learn_accepts_the_refusal_of_sparse_tables(make_model, check):
    check("WeightedDNNClassifier", make_model())


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (pd.Series(["mu", "e"]), ValueError, "column 'k': could not convert .* 'mu'"),
        (pl.Series(["mu", "e"]), ValueError, "column 'k': could not convert .* 'mu'"),
        (pd.Series([{}, 1.0]), TypeError, "column 'k': float"),
        (pd.Series([1j, 1.0]), TypeError, "got complex128 in column 'k'"),
        (
            pd.to_datetime(pd.Series(["2012-07-04"] * 2)),
            TypeError,
            r"got datetime64\[.s\] in column 'k'",
        ),
        (pd.Series([1.0, np.inf]), ValueError, "infinity"),
        (pd.Series([1.0, np.inf], dtype="Float64"), ValueError, "infinity"),
        (pd.Series([1.0, 1e300], dtype="Float64"), ValueError, "infinity"),
        (pd.Series([1.0, 1e300], dtype=object), ValueError, "infinity"),
        (pd.Series([1.0, 1e300]), ValueError, "infinity"),
    ],
)
def test_a_column_without_numbers_is_an_error_with_its_name(column, error, message):
    frame = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    X = check_table(Names(), frame({"pt": [0.1, 0.2], "k": column}), reset=True)
    encoder = ColumnEncoder(None, np.nan).fit(X, ["pt", "k"])
    with pytest.raises(error, match=message):
        encoder.transform(X)
