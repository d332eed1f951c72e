"""The table of events that an estimator gets: its kinds, and which column is meant.

A table is an array or a pandas DataFrame; a polars DataFrame or a pyarrow Table becomes
one of pandas. Neither library is imported here: who passes its tables has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from skhep_dnn._arrays import native_order, refuse_mask, without_mask

__all__ = [
    "check_column",
    "check_table",
    "column_position",
    "column_positions",
    "is_category",
    "names_remedy",
    "native_events",
    "native_values",
    "plain_table",
    "select_columns",
    "table_column",
]


def check_table(model: BaseEstimator, X: ArrayLike | None, *, reset: bool) -> Any:
    """Table with the columns of the fit, as an array or a pandas DataFrame.

    Parameters
    ----------
    model : estimator
        Learns the number and names of the columns, or compares them.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events. An array, also a memory-mapped one, and a pandas DataFrame are passed
        through without a copy; of a polars DataFrame the columns of numbers without
        nulls are not copied; a pyarrow Table is. What has a foreign byte order or
        masked entries is copied, see `native_events`.
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
        If `X` is not a table, has no events or its columns are not those of the fit.
    """
    _check_kind(X)
    table = _to_pandas(native_events(X))
    if not isinstance(table, pd.DataFrame):
        table = check_array(table, dtype=None, ensure_all_finite=False, estimator=model)
    elif 0 in table.shape:  # for scikit-learn's sentence
        check_array(np.empty(table.shape), estimator=model)
    validate_data(model, table, reset=reset, skip_check_array=True)
    return table


def plain_table(X: Any) -> Any:
    """Table as an array or a pandas DataFrame, without a model that knows its columns.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events; integers and floats in an array stay what they are.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If `X` is sparse, has sparse columns or is a LazyFrame of polars.
    ValueError
        If `X` is not a table.

    Examples
    --------
    >>> plain_table([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    _check_kind(X)
    table = _to_pandas(native_events(X))
    if isinstance(table, pd.DataFrame):
        return table
    return check_array(table, dtype=None, ensure_all_finite=False)


def native_events(X: Any) -> Any:
    """Events in the byte order of the machine, with masked entries undefined.

    Parameters
    ----------
    X : object
        Events of any kind. An array and the columns and index of a pandas DataFrame
        are looked at; anything else is what it was.

    Returns
    -------
    X : object
        The same, not copied unless there is something to change.

    Examples
    --------
    >>> import numpy as np
    >>> native_events(np.ma.masked_equal([[1, 2], [3, -999]], -999))
    array([[ 1.,  2.],
           [ 3., nan]])
    """
    if isinstance(X, np.ndarray):
        return native_order(without_mask(X))
    if isinstance(X, pd.DataFrame):
        if _is_foreign(X.index.dtype):
            X = X.set_axis(pd.Index(native_order(X.index.to_numpy())), axis=0)
        foreign = [k for k, dtype in enumerate(X.dtypes) if _is_foreign(dtype)]
        if foreign:
            X = X.copy(deep=False)
            for k in foreign:
                X.isetitem(k, native_order(X.iloc[:, k].to_numpy()))
    return X


def native_values(values: Any, name: str) -> Any:
    """Values of events in the byte order of the machine, none of them masked.

    Parameters
    ----------
    values : object
        Labels or groups of any kind. An array and a pandas Series are looked at;
        anything else is what it was.
    name : str
        What messages call them.

    Returns
    -------
    values : object
        The same, not copied unless there is something to change.

    Raises
    ------
    ValueError
        If a value is masked.
    """
    refuse_mask(values, name)
    if isinstance(values, np.ndarray):
        return native_order(np.asarray(values))
    if isinstance(values, pd.Series | pd.DataFrame):
        table = native_events(pd.DataFrame(values))
        return table if isinstance(values, pd.DataFrame) else table.iloc[:, 0]
    return values


def _is_foreign(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and not dtype.isnative


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


def check_column(column: object, parameter: str) -> int | str:
    """Return a column that a parameter gives, if it is a name or a position.

    Parameters
    ----------
    column : int or str
        Name or position; an integer of numpy is one, a bool is none.
    parameter : str
        Name of the parameter.

    Returns
    -------
    column : int or str

    Raises
    ------
    TypeError
        If the column is neither.
    """
    if isinstance(column, str):
        return column
    if isinstance(column, Integral) and not isinstance(column, bool):
        return int(column)
    msg = (
        f"Columns in `{parameter}` must be names or positions, got {column!r}. Pass a "
        "str or an int."
    )
    raise TypeError(msg)


def column_position(
    column: int | str, names: Sequence[str] | None, n_columns: int, parameter: str
) -> int:
    """Position of a column that a parameter gives by name or by position.

    As in scikit-learn an integer is a position, also where columns have integers as
    names, and a string is a name.

    Parameters
    ----------
    column : int or str
        Name or position.
    names : sequence of str or None
        Names of all columns; None if they have none.
    n_columns : int
        Their number.
    parameter : str
        Name of the parameter.

    Returns
    -------
    position : int

    Raises
    ------
    TypeError
        If the column is neither a name nor a position.
    ValueError
        If there is no such column.

    Examples
    --------
    >>> column_position("mass", ["pt", "mass"], 2, parameter="stratify")
    1
    """
    checked = check_column(column, parameter)
    named = [] if names is None else list(names)
    known: Sequence[int | str] = named if isinstance(checked, str) else range(n_columns)
    if checked not in known:
        of_names = f"the names {named[:40]!r}" if named else "no names"
        remedy = "Choose from these."
        if isinstance(checked, str) and not named:
            remedy = (
                "Pass positions, or a DataFrame whose columns have strings as names "
                "(levels of a MultiIndex must be joined, numbers converted)."
            )
        msg = (
            f"`{parameter}` must be columns of `X`, by name or by position, got "
            f"{column!r}. The columns have {of_names} and the positions 0 to "
            f"{n_columns - 1} (n_features = {n_columns}). {remedy}"
        )
        raise ValueError(msg)
    return known.index(checked)


def column_positions(
    columns: Iterable[Any], names: Sequence[str] | None, n_columns: int, parameter: str
) -> list[int]:
    """Positions of columns that a parameter gives by names, by positions or as a mask.

    Parameters
    ----------
    columns : iterable of int or str, or of bool
        Names and positions, or for each column whether it is meant.
    names : sequence of str or None
        Names of all columns; None if they have none.
    n_columns : int
        Their number.
    parameter : str
        Name of the parameter.

    Returns
    -------
    positions : list of int
        In the order of the table, each once.

    Raises
    ------
    TypeError
        If the columns are a single str, or one is neither a name nor a position.
    ValueError
        If there is no such column, or a mask has another length than the table.

    Examples
    --------
    >>> column_positions(["mass", 0], ["pt", "eta", "mass"], 3, parameter="groups")
    [0, 2]
    >>> column_positions([True, False, True], None, 3, parameter="groups")
    [0, 2]
    """
    if isinstance(columns, str):
        msg = (
            f"`{parameter}` must hold columns, got the str {columns!r}. Pass a list, "
            f"[{columns!r}]."
        )
        raise TypeError(msg)
    given = list(columns)
    if given and all(isinstance(entry, bool | np.bool_) for entry in given):
        if len(given) != n_columns:
            msg = (
                f"`{parameter}` as a mask must have one entry for each of the "
                f"{n_columns} columns, got {len(given)}. Correct its length."
            )
            raise ValueError(msg)
        return np.flatnonzero(given).tolist()
    return sorted({column_position(c, names, n_columns, parameter) for c in given})


def names_remedy(X: Any) -> str:
    """Return what gives names to the columns of a table, for an error message.

    Only strings are names, as in scikit-learn.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events, in a table whose columns have no names.

    Returns
    -------
    remedy : str
        A sentence without its full stop.

    Examples
    --------
    >>> names_remedy(np.zeros((2, 3)))
    'Pass a DataFrame'
    >>> names_remedy(pd.DataFrame({0: [1.0]}))
    'Turn the names into strings: `X.columns = X.columns.astype(str)`'
    """
    if not isinstance(X, pd.DataFrame):
        return "Pass a DataFrame"
    if isinstance(X.columns, pd.MultiIndex):
        return (
            "Join the levels of the MultiIndex to names: "
            "`X.columns = ['_'.join(map(str, column)) for column in X.columns]`"
        )
    return "Turn the names into strings: `X.columns = X.columns.astype(str)`"


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
