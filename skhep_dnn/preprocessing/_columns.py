"""The columns of a table: what they are called, and some as one block of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._tables import column_position, names_remedy, table_column

__all__ = [
    "Column",
    "ColumnNames",
    "read_block",
    "read_defined",
    "undefined",
    "with_block",
]

Column = str | int
Floats = NDArray[np.floating[Any]]
_SHOWN = 40  # names, at most, in an error message


class ColumnNames:
    """Names and positions of the columns of a table.

    Parameters
    ----------
    names : sequence of str or None
        Names, if the columns have any.
    n_columns : int
        Number of columns.
    remedy : str, default="Pass a DataFrame"
        How the columns get names, if they have none.
    """

    def __init__(
        self,
        names: Sequence[str] | None,
        n_columns: int,
        remedy: str = "Pass a DataFrame",
    ) -> None:
        self.names = None if names is None else [str(name) for name in names]
        self.n_columns = n_columns
        self.remedy = remedy

    @classmethod
    def of_fitted(cls, model: Any, X: Any = None) -> ColumnNames:
        """Return those of the table that an estimator has learnt in `fit`.

        Parameters
        ----------
        model : estimator
            Has learnt them.
        X : ndarray or pandas.DataFrame, default=None
            The table: says why its columns have no names.
        """
        names = getattr(model, "feature_names_in_", None)
        return cls(names, model.n_features_in_, names_remedy(X))

    def __str__(self) -> str:
        if self.names is None:
            return f"{self.n_columns} columns without names"
        more = ", ..." if self.n_columns > _SHOWN else ""
        return f"the columns {', '.join(map(repr, self.names[:_SHOWN]))}{more}"

    def position(self, column: Column, parameter: str) -> int:
        """Return the position of a declared column."""
        return column_position(column, self.names, self.n_columns, parameter)

    def label(self, position: int) -> str:
        """Return the name of a column, or its position."""
        return str(position) if self.names is None else self.names[position]


def read_block(X: Any, positions: Sequence[int]) -> Floats:
    """Return a new array with some columns, floating point as the table is.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    positions : sequence of int
        Positions of the columns.

    Returns
    -------
    block : ndarray of shape (n_samples, n_positions)
        float32 where all columns are, else float64.
    """
    columns = [table_column(X, i) for i in positions]
    narrow = all(values.dtype == np.float32 for values in columns)
    block = np.empty(
        (X.shape[0], len(columns)), dtype=np.float32 if narrow else np.float64
    )
    for i, values in enumerate(columns):
        block[:, i] = values
    return block


def read_defined(
    X: Any, positions: Sequence[int], missing_values: float
) -> NDArray[np.float64]:
    """Return a new array with some columns in double precision, nan where undefined.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    positions : sequence of int
        Positions of the columns.
    missing_values : float
        Marks an undefined entry, as nan does.

    Returns
    -------
    block : ndarray of shape (n_samples, n_positions), dtype float64
    """
    block = read_block(X, positions).astype(np.float64)
    block[undefined(block, missing_values)] = np.nan
    return block


def with_block(X: Any, positions: Sequence[int], block: Floats) -> Any:
    """Return a new table of the same kind in which some columns are replaced.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events; not changed.
    positions : sequence of int
        Positions of the columns.
    block : ndarray of shape (n_samples, n_positions)
        Their new values.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        An array keeps its dtype if it is floating, and is float64 else; a DataFrame
        keeps the columns that are not replaced as they are.
    """
    if isinstance(X, pd.DataFrame):
        table = X.copy(deep=False)
        for k, i in enumerate(positions):
            dtype = X.dtypes.iloc[i]
            keeps = isinstance(dtype, np.dtype) and dtype.kind == "f"
            table.isetitem(i, block[:, k].astype(dtype if keeps else np.float64))
        return table
    array = X.astype(X.dtype if X.dtype.kind == "f" else np.float64)
    array[:, list(positions)] = block
    return array


def undefined(values: Floats, missing_values: float) -> NDArray[np.bool_]:
    """Return where values are nan or the marker of missing values.

    Parameters
    ----------
    values : ndarray
        Numbers.
    missing_values : float
        The marker.

    Returns
    -------
    is_undefined : ndarray, dtype bool
    """
    return np.isnan(values) | (values == missing_values)
