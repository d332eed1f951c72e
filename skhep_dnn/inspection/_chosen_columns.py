"""Which columns of a table are drawn, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._tables import column_positions, select_columns
from skhep_dnn.feature_selection._columns import named_table, numeric_columns

__all__ = ["chosen_columns"]


def chosen_columns(
    X: ArrayLike,
    columns: Sequence[str] | Sequence[int] | None,
    most: int,
    missing_values: float,
) -> tuple[Any, list[int], list[str], NDArray[np.float64]]:
    """Return a table, and the columns of it that are drawn.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events.
    columns : sequence of str or int, or None
        Names or positions of columns of numbers; None takes the first ones.
    most : int
        How many of them.
    missing_values : float
        Value that marks an undefined entry besides nan.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)
    positions : list of int
    names : list of str
        Of the columns that are drawn.
    values : ndarray of shape (n_samples, n_positions)
        Their numbers, nan where undefined.

    Raises
    ------
    ValueError
        If there is no such column, none is named, or one is not of numbers.
    """
    table, names = named_table(X)
    wanted = range(min(most, len(names))) if columns is None else columns
    positions = column_positions(wanted, names, len(names), "columns")
    if not positions:
        msg = "`columns` must be one column or more, got none. Name some."
        raise ValueError(msg)
    chosen = [names[i] for i in positions]
    # Names go with the columns, for messages about them.
    part = pd.DataFrame(select_columns(table, positions)).set_axis(chosen, axis=1)
    return table, positions, chosen, numeric_columns(part, missing_values)[0]
