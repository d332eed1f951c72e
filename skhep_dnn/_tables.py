"""The table of events that an estimator gets: what kinds are taken and refused.

A table is an array or a pandas DataFrame; a polars DataFrame or a pyarrow Table becomes
one of pandas. Neither library is imported here: who passes its tables has imported it.
"""

import sys
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = [
    "check_table",
    "column_position",
    "is_category",
    "select_columns",
    "table_column",
]


def check_table(model: "BaseEstimator", X: ArrayLike | None, *, reset: bool) -> Any:
    """Table with the columns of the fit, as an array or a pandas DataFrame.

    Parameters
    ----------
    model : estimator
        Learns the number and names of the columns, or compares them.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events. An array, also a memory-mapped one, and a pandas DataFrame are passed
        through without a copy; of a polars DataFrame the columns of numbers without
        nulls are not copied; a pyarrow Table is.
    reset : bool
        Whether to learn the columns.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If `X` is sparse, has sparse columns or is a LazyFrame of polars.
    ValueError
        If `X` is not a table or its columns are not those of the fit.
    """
    _check_kind(X)
    table = _to_pandas(X)
    if not isinstance(table, pd.DataFrame):
        table = check_array(X, dtype=None, ensure_all_finite=False, estimator=model)
    validate_data(model, table, reset=reset, skip_check_array=True)
    return table


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


def column_position(
    column: int | str, names: Sequence[str] | None, n_columns: int, parameter: str
) -> int:
    """Position of a column that a parameter gives by name or by position.

    Parameters
    ----------
    column : int or str
        Name or position.
    names : sequence of str or None
        Names of all columns.
    n_columns : int
        Their number.
    parameter : str
        Name of the parameter.

    Returns
    -------
    position : int

    Raises
    ------
    ValueError
        If there is no such column.
    """
    known: list[Any] | None = list(range(n_columns))
    if not isinstance(column, Integral):
        known = None if names is None else list(names)
    if known is None or column not in known:
        msg = (
            f"`{parameter}` must be columns of `X`, by name or by position, got "
            f"{column!r}. The columns are {known or list(range(n_columns))!r}."
        )
        raise ValueError(msg)
    return known.index(column)


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
    if _is_a(X, "polars", "LazyFrame"):
        msg = (
            "`X` must be a table of values, got a polars LazyFrame. Collect it with "
            "`.collect()`."
        )
        raise TypeError(msg)


def _is_a(X: Any, library: str, kind: str) -> bool:
    module = sys.modules.get(library)
    return module is not None and isinstance(X, getattr(module, kind))


def _to_pandas(X: Any) -> Any:
    if _is_a(X, "polars", "DataFrame"):
        values = {name: _from_polars(X[name]) for name in X.columns}
        return pd.DataFrame(values, copy=False)
    return X.to_pandas() if _is_a(X, "pyarrow", "Table") else X


def _from_polars(column: Any) -> Any:
    values = column.to_numpy()
    if type(column.dtype).__name__ in {"Categorical", "Enum"}:
        return pd.Categorical(values)
    return values
