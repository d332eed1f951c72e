"""The columns of a table: their names, their numbers, and groups that belong together.

All components of one object, a jet say, form a group; a column in no group stands
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    "kept_groups",
    "named_table",
    "numeric_columns",
    "resolve_groups",
    "with_momenta",
]

Groups = Mapping[str, Sequence[str | int | None]]


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
        position, also where the names are those of integers. None is left out, which
        stands for the pseudorapidity that a missing momentum does not have.

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
    given = [column for column in columns if column is not None]
    if not given:
        msg = (
            f"`groups` must name columns of `X` for {group!r}, got none. Choose from "
            f"{list(names[:40])!r}, or leave the group out."
        )
        raise ValueError(msg)
    n_columns, parameter = len(names), f"groups[{group!r}]"
    return sorted({column_position(c, names, n_columns, parameter) for c in given})


def _check_disjoint(taken: list[int], names: Sequence[str]) -> None:
    twice = sorted({names[i] for i in taken if taken.count(i) > 1})
    if twice:
        msg = (
            f"`groups` must not share columns, got {twice!r} in more than one. Leave "
            "each column in one group."
        )
        raise ValueError(msg)


def with_momenta(
    names: Sequence[str], groups: Groups | None, momenta: Iterable[Sequence[int]]
) -> Groups | None:
    """Return groups, and one more for each set of columns that no group touches.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    groups : mapping of str to sequence of str or int, or None
        Columns that belong together.
    momenta : iterable of sequence of int
        Positions of columns that must stay together.

    Returns
    -------
    groups : mapping of str to sequence of str or int, or None
        The added ones are called by all their columns.
    """
    given = {} if groups is None else dict(groups)
    grouped = resolve_groups(names, groups)
    taken = {i for name in given for i in grouped[name]}
    for columns in momenta:
        if not taken.intersection(columns):
            taken.update(columns)
            given["+".join(names[i] for i in columns)] = list(columns)
    return given or groups


def kept_groups(
    names: Sequence[str],
    groups: Mapping[str, Sequence[int]],
    always_keep: Iterable[str | int] | None,
) -> frozenset[str]:
    """Return the groups with a column that must stay.

    Parameters
    ----------
    names : sequence of str
        Names of the columns.
    groups : mapping of str to sequence of int
        Positions of the columns of each group.
    always_keep : iterable of str or int, or None
        Names of groups, and names or positions of columns.

    Returns
    -------
    kept : frozenset of str

    Raises
    ------
    TypeError
        If an entry is neither a name nor a position.
    ValueError
        If there is no such group or column.
    """
    kept = set()
    for entry in [] if always_keep is None else list(always_keep):
        if entry in groups:
            kept.add(str(entry))
            continue
        position = column_position(entry, names, len(names), "always_keep")
        kept |= {name for name, columns in groups.items() if position in columns}
    return frozenset(kept)
