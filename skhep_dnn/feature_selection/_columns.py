"""The columns of a table: their names, their numbers, and groups that belong together.

All components of one object, a jet say, form a group; a column in no group stands
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skhep_dnn._column_checks import marked_columns
from skhep_dnn._tables import check_table, column_position, table_column
from skhep_dnn._told_columns import tell

__all__ = [
    "Groups",
    "check_columns_are_named",
    "named_table",
    "numeric_columns",
    "resolve_groups",
]

# Parameters that declare columns, of the estimators of this package and scikit-learn's.
_OF_COLUMNS = {
    "cartesian",
    "categorical_features",
    "cylindrical",
    "feature_groups",
    "invariants",
    "leading",
    "odd_under",
    "reference",
    "stratify",
}

Groups = Mapping[str, Sequence[str | int]]


def named_table(X: ArrayLike) -> tuple[Any, list[str]]:
    """Return a table and the names of its columns.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events.

    Returns
    -------
    table : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        The table, not copied where it is of one of these kinds.
    names : list of str
        Names of the columns; "x0", "x1", ... for an array.

    Raises
    ------
    TypeError
        If `X` is sparse or not a table of values.
    ValueError
        If `X` has not two dimensions, or two columns have the same name.
    """
    table = check_table(BaseEstimator(), X, reset=True)
    if not isinstance(table, pd.DataFrame):
        return table, [f"x{i}" for i in range(table.shape[1])]
    return table, [str(name) for name in table.columns]


def numeric_columns(
    X: ArrayLike, missing_values: float = float("nan")
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the columns as numbers, undefined ones as nan, and their names.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan.

    Returns
    -------
    columns : ndarray of shape (n_samples, n_features), dtype float64
        In Fortran order; always a copy.
    names : list of str

    Raises
    ------
    ValueError, TypeError
        If a column is not of numbers.

    Warns
    -----
    UndeclaredMissingValueWarning
        If a value that stands apart looks like a mark of undefined entries.
    """
    table, names = named_table(X)
    columns = np.empty(table.shape, order="F")
    for position, name in enumerate(names):
        try:
            columns[:, position] = table_column(table, position)
        except (TypeError, ValueError) as error:
            msg = (
                f"`X` must have columns of numbers, got {name!r}: {error}. Leave the "
                "column out, or replace its categories by numbers."
            )
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(msg) from error
    columns[columns == missing_values] = np.nan
    tell(
        marked_columns(
            (f"column {n!r}", c) for n, c in zip(names, columns.T, strict=True)
        )
    )
    return columns, names


def resolve_groups(names: Sequence[str], groups: Groups | None) -> dict[str, list[int]]:
    """Return the positions of the columns of each group and of those left alone.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    groups : mapping of str to sequence of str or int, or None
        Names or positions of the columns that belong together; an integer is a
        position, also where the names are those of integers.

    Returns
    -------
    positions : dict of str to list of int
        Groups and single columns by name, in the order of their first columns.

    Raises
    ------
    TypeError
        If the columns of a group are not a sequence, or one is neither a name nor a
        position.
    ValueError
        If a group is empty, a column is unknown or in two groups, or a group has the
        name of a column outside.
    """
    found: dict[str, list[int]] = {}
    for group, columns in ({} if groups is None else groups).items():
        found[group] = _positions(group, columns, names)
    taken = [position for positions in found.values() for position in positions]
    _check_disjoint(taken, names)
    for position in sorted(set(range(len(names))) - set(taken)):
        if names[position] in found:
            msg = (
                "`groups` must not have the name of a column outside of the group, "
                f"got {names[position]!r}. Rename the group."
            )
            raise ValueError(msg)
        found[names[position]] = [position]
    return dict(sorted(found.items(), key=lambda item: item[1][0]))


def _positions(group: str, columns: Any, names: Sequence[str]) -> list[int]:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        msg = (
            "`groups` must map names to lists of columns, got "
            f"{type(columns).__name__} for {group!r}. Write ['column', ...]."
        )
        raise TypeError(msg)
    if not columns:
        msg = (
            f"`groups` must name columns of `X` for {group!r}, got none. Choose from "
            f"{list(names[:40])!r}, or leave the group out."
        )
        raise ValueError(msg)
    n_columns, parameter = len(names), f"groups[{group!r}]"
    return sorted({column_position(c, names, n_columns, parameter) for c in columns})


def _check_disjoint(taken: list[int], names: Sequence[str]) -> None:
    twice = sorted({names[i] for i in taken if taken.count(i) > 1})
    if twice:
        msg = (
            f"`groups` must not share columns, got {twice!r} in more than one. Leave "
            "each column in one group."
        )
        raise ValueError(msg)


def check_columns_are_named(estimator: BaseEstimator) -> None:
    """Refuse positions of columns, which a table of some columns would shift.

    Parameters
    ----------
    estimator : estimator
        Its parameters that declare columns are looked at.

    Raises
    ------
    ValueError
        If one gives a column by its position.
    """
    for parameter, value in estimator.get_params().items():
        if parameter.split("__")[-1] in _OF_COLUMNS and _has_position(value):
            msg = (
                f"`{parameter}` must name its columns where some are cut, got "
                f"positions: {value!r}. Pass a DataFrame and names."
            )
            raise ValueError(msg)


def _has_position(value: Any) -> bool:
    """Tell whether a declaration of columns holds an int, or a mask, at any depth."""
    value = getattr(value, "wide", value)  # a FeatureSplit
    if isinstance(value, Integral | np.bool_):
        return True
    if isinstance(value, Mapping):
        return any(_has_position(part) for pair in value.items() for part in pair)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return any(_has_position(part) for part in value)
    return False
