"""Some columns of a table as one block of numbers, and back into such a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._tables import table_column

__all__ = ["read_block", "undefined", "with_block"]

Floats = NDArray[np.floating[Any]]


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
