"""The table of events that an estimator gets: what kinds are taken and refused.

A table is an array or a pandas DataFrame; a polars DataFrame becomes one of pandas.
polars is not imported here: who passes its frames has imported it.
"""

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["check_table", "is_category", "select_columns", "table_column"]


def check_table(model: "BaseEstimator", X: ArrayLike, *, reset: bool) -> Any:
    """Table with the columns of the fit, as an array or a pandas DataFrame.

    Parameters
    ----------
    model : estimator
        Learns the number and names of the columns, or compares them.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events. An array, also a memory-mapped one, and a pandas DataFrame are passed
        through without a copy; of a polars DataFrame the columns of numbers without
        nulls are not copied.
    reset : bool
        Whether to learn the columns.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If `X` is sparse, has sparse columns or is a polars LazyFrame.
    ValueError
        If `X` is not a table or its columns are not those of the fit.
    """
    _check_kind(X)
    is_polars = _is_polars(X, "DataFrame")
    if not is_polars and not isinstance(X, pd.DataFrame):
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=model)
    validate_data(model, X, reset=reset, skip_check_array=True)
    return _to_pandas(X) if is_polars else X


def is_category(dtype: Any) -> bool:
    """Whether a column of this dtype holds categories: pandas' own, or Arrow's.

    Parameters
    ----------
    dtype : dtype
        Of a column of a pandas DataFrame.

    Returns
    -------
    is_category : bool
    """
    # The type of an Arrow dictionary in pandas is that of a "category".
    return getattr(dtype, "type", None) is pd.CategoricalDtype.type


def select_columns(X: Any, positions: list[int]) -> Any:
    """Table of some columns.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    positions : list of int
        Positions of the columns.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_positions)
    """
    return X.iloc[:, positions] if isinstance(X, pd.DataFrame) else X[:, positions]


def table_column(X: Any, position: int) -> NDArray[Any]:
    """Values of one column: numbers with nan, or objects with None.

    So a column of any library, nullable or not, compares as one of numpy does.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    position : int
        Position of the column.

    Returns
    -------
    values : ndarray of shape (n_samples,)
    """
    if isinstance(X, pd.DataFrame):
        values = X.iloc[:, position].to_numpy()
    else:
        values = X[:, position]
    if values.dtype.kind in "OSU":
        values = values.astype(object)
        values[pd.isna(values)] = None
        if pd.api.types.infer_dtype(values) == "boolean":
            return values.astype(np.float64)
    return values.astype(np.float64) if values.dtype.kind == "b" else values


def _check_kind(X: Any) -> None:
    if issparse(X):
        msg = (
            f"`X` must be dense, got a sparse {type(X).__name__}. Convert it with "
            "`.toarray()`."
        )
        raise TypeError(msg)
    if isinstance(X, pd.DataFrame):
        dtypes = zip(X.columns, X.dtypes, strict=True)
        sparse = [name for name, d in dtypes if isinstance(d, pd.SparseDtype)]
        if sparse:
            msg = (
                f"`X` must be dense, got the sparse columns {sparse[:20]!r}. Convert "
                "each with `.sparse.to_dense()`."
            )
            raise TypeError(msg)
    if _is_polars(X, "LazyFrame"):
        msg = (
            "`X` must be a table of values, got a polars LazyFrame. Collect it with "
            "`.collect()`."
        )
        raise TypeError(msg)


def _is_polars(X: Any, kind: str) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(X, getattr(polars, kind))


def _to_pandas(X: Any) -> pd.DataFrame:
    values = {name: _from_polars(X[name]) for name in X.columns}
    return pd.DataFrame(values, copy=False)


def _from_polars(column: Any) -> Any:
    values = column.to_numpy()
    if type(column.dtype).__name__ in {"Categorical", "Enum"}:
        return pd.Categorical(values)
    return values
